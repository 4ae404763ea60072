"""The right Akte among 50,000: python -m tests.bench.resolve [--files N] [--letters N] [--noise 0.02] [--learn] [--pixels N].

Prints for each kind of identifier: the right Akte first, a wrong Akte proposed as sure (probability >= 0.9), the right one
as sure, whether "none of them" stands above it, and CPU ms a document. `--learn` fits the weights of intake/resolve/score.py
on another register and other letters and prints them.
"""

from __future__ import annotations

import argparse
import random
import resource
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from intake.extract.letter import letter
from intake.extract.references import References, compiled
from intake.resolve.index import Index
from intake.resolve.pages import clues
from intake.resolve.score import FEATURES, NONE_FEATURES, compare, none_features, shortlist, weigh
from intake.vocabulary import File, Material, Page, Proposal
from tests.bench.register import PRINTED, Truth, letters, register

PATTERN = r"\b(?:BA|OA|KA|HA|SA)/\d{1,3}(?:\.\d{2})?-\d{4}/\d{4}\b"
SURE = 0.9
EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 1.01)


@dataclass(frozen=True, slots=True)
class Row:
    """What came out of one letter."""

    right: bool
    sure_wrong: bool
    sure_right: bool
    none: bool
    said: float
    took: float


def material(truth: Truth, source: str = "ocr") -> Material:
    return Material((Page(1, 210, 297, text="\n".join(truth.lines), source=source),))  # type: ignore[arg-type]


def known_part(files: Sequence[File]) -> Sequence[File]:
    return files[:int(len(files) * 0.96)]


class Town:
    """A register with its index."""

    def __init__(self, files: Sequence[File]) -> None:
        self.files = {file.id: file for file in known_part(files)}
        start = time.process_time()
        self.index = Index().extended(self.files.values())
        self.seconds = time.process_time() - start

    def extractors(self, given: Material) -> list[Proposal]:
        references = References(compiled((PATTERN,)), self.index)
        return [*references(given), *letter(given)]

    def candidates(self, given: Material, extracted: Sequence[Proposal]):  # type: ignore[no-untyped-def]
        found = clues(given, extracted, self.index)
        return found, compare(found, [self.files[one] for one in shortlist(found, self.index)], self.index)


def learn(town: Town, made: Sequence[tuple[Truth, str]], ridge: float = 3e-5) -> dict[str, float]:
    """Weights of the conditional logit by maximum likelihood."""
    names = (*FEATURES, *NONE_FEATURES)
    blocks, targets = [], []
    for truth, source in made:
        given = material(truth, source)
        found, some = town.candidates(given, town.extractors(given))
        rows = [[one.features.get(name, 0.0) for name in names] for one in some]
        none = none_features(found, some)
        rows.append([none.get(name, 0.0) for name in names])
        right = next((at for at, one in enumerate(some) if one.file.id == truth.file), len(some))
        blocks.append(np.array(rows))
        targets.append(right)
    ends = np.cumsum([len(block) for block in blocks])
    starts = ends - np.array([len(block) for block in blocks])
    whole = np.concatenate(blocks)
    chosen = starts + np.array(targets)
    owner = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        points = whole @ weights
        top = np.maximum.reduceat(points, starts)
        shares = np.exp(points - top[owner])
        sums = np.add.reduceat(shares, starts)
        probability = shares / sums[owner]
        value = float(np.mean(np.log(sums) + top - points[chosen])) + ridge * float(weights @ weights)
        return value, (whole.T @ probability - whole[chosen].sum(axis=0)) / len(blocks) + 2 * ridge * weights

    best = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    print(f"log loss {best.fun:.4f} on {len(blocks)} letters")
    return {name: round(float(weight), 2) for name, weight in zip(names, best.x, strict=True)}


def training(files: Sequence[File], count: int) -> list[tuple[Truth, str]]:
    """Letters born digital, well scanned and badly scanned, other ones than those measured."""
    kinds = ((0.0, "text-layer"), (0.003, "ocr"), (0.02, "ocr"), (0.02, "ocr"))
    return [(one, source) for seed, (share, source) in enumerate(kinds)
            for only, part in (("", 7), *((name, 24) for name in PRINTED))
            for one in letters(files, count // part, 1000 + seed, share, only)]


def judged(town: Town, truth: Truth, source: str) -> Row:
    """One letter: is the right Akte first, is a wrong one sure, is "none of them" above all, CPU ms."""
    given = material(truth, source)
    extracted = town.extractors(given)
    start = time.process_time()
    found, some = town.candidates(given, extracted)
    none = weigh(found, some)
    took = (time.process_time() - start) * 1000
    best = max(some, key=lambda one: one.probability, default=None)
    said = best.probability if best is not None else 0.0
    right = best is not None and best.file.id == truth.file
    return Row(right, said >= SURE and not right, said >= SURE and right, none > said, said, took)


def measure(town: Town, files: Sequence[File], count: int, seed: int, share: float, source: str) -> None:
    heads = ("first", 8), ("sure wrong", 12), ("sure right", 12), ("none above", 12), ("CPU ms", 8), ("p95", 7)
    print(f"{'printed':<24}{'letters':>8}" + "".join(f"{head:>{width}}" for head, width in heads))
    made = [(truth, judged(town, truth, source)) for truth in letters(files, count, seed, share)]
    _line("identifies one Akte", [row for truth, row in made if truth.file and truth.fitting == 1])
    for name in PRINTED:
        _line(f"  among them {name}", [row for truth, row in made if truth.file and truth.fitting == 1 and name in truth.printed])
    _line("fits several Akten", [row for truth, row in made if truth.file and truth.fitting > 1])
    _line("all of them", [row for _, row in made])
    _line("not in the register", [row for truth, row in made if not truth.file])
    for name in PRINTED:
        alone = letters(files, count // 8, seed + 1, share, only=name)
        _line(f"nothing but {name}", [judged(town, truth, source) for truth in alone if truth.fitting == 1])
    print("said / true: " + "  ".join(_bin([(row.said, row.right) for _, row in made], low) for low in EDGES[:-1]))


def _line(name: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    times = sorted(row.took for row in rows)
    shares = [sum(getattr(row, column) for row in rows) / len(rows) for column in ("right", "sure_wrong", "sure_right", "none")]
    print(f"{name:<24}{len(rows):>8}{shares[0]:>8.2%}{shares[1]:>12.2%}{shares[2]:>12.2%}{shares[3]:>12.2%}"
          f"{sum(times) / len(times):>8.1f}{times[int(len(times) * 0.95)]:>7.1f}")


def _bin(found: Sequence[tuple[float, bool]], low: float) -> str:
    high = EDGES[EDGES.index(low) + 1]
    inside = [(said, right) for said, right in found if low <= said < high]
    if not inside:
        return f"{low}: -"
    said, right = (sum(column) / len(inside) for column in zip(*inside, strict=True))
    return f"{said:.3f}/{right:.3f} ({len(inside)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--letters", type=int, default=2400)
    parser.add_argument("--noise", type=float, default=0.02)
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--rounds", type=int, default=3, help="how many of: noisy, well scanned, born digital")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    if given.learn:
        others = register(int(given.files / 0.96), seed=2)
        weights = learn(Town(others), training(others, given.letters))
        text = ", ".join(f'"{name}":_{weight}' for name, weight in weights.items())  # _ keeps name and weight on a line
        lines = textwrap.fill(text, 126, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
        print("WEIGHTS: dict[str, float] = {\n" + lines.replace(":_", ": ") + "}")
        return
    files = register(int(given.files / 0.96))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    town = Town(files)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{len(town.index)} Akten: index in {town.seconds:.1f} CPU s, {town.index.megabytes():.0f} MiB of arrays, "
          f"{(after - before) / 1024:.0f} MiB at most while building")
    for share, source in ((given.noise, "ocr"), (0.003, "ocr"), (0.0, "text-layer"))[:given.rounds]:
        print(f"\nmisread characters {share:.1%}, {source}")
        measure(town, files, given.letters, given.seed, share, source)


if __name__ == "__main__":
    random.seed(0)
    main()
