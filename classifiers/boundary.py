"""Where documents begin in a stack of pages: the learnt boundary model. Pure, deterministic; no clock, no network.

Three looks, each with what the one before found: every page alone (does it read like a first, like a last page?), every gap
between neighbours (`boundary_gap`), every gap between the documents that would lie around it (`boundary_segment`). The log-odds
are then decoded over the whole stack (`intake.split.decode`), and the stack gets its own probability of being right throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers import artefacts, boundary_gap, boundary_segment
from classifiers.boundary_gap import Line, Pairs, Seen, Vector, Words
from classifiers.boundary_page import sketch
from classifiers.boundary_reasons import paper, reasons
from classifiers.boundary_trees import Scorer, restore
from intake.errors import ConfigError
from intake.split import decode
from intake.vocabulary import Page, Stack, Start

FORMAT = 1
STACK_NAMES = ("least", "second_least", "doubtful", "entropy", "expected", "swayed", "oddest_start", "gaps", "mean_certain")


@dataclass(frozen=True, slots=True)
class Model:
    """The boundary model, ready to use; a `Boundary`. `unattended`: probability of a stack from which nobody need look at it."""

    words: Words
    first: Scorer
    second: Scorer
    lengths: tuple[float, ...]
    stack: Vector  # rows: mean, spread, weights; the last column of the weights' row is the bias
    unattended: float
    card: Mapping[str, Any]

    def __call__(self, pages: Sequence[Page]) -> Stack:
        """A Start for each page, where documents begin, and how probable it is that all of it is right. () for no pages."""
        if not pages:
            return Stack((), (), 1.0)
        seen = [self.words.see(sketch(page)) for page in pages]
        one, two, gaps = self.logits(seen)
        shifts = [paper(before, after) for before, after in pairwise(pages)]
        two = two + np.array([shift for shift, _ in shifts]).reshape(len(two))
        firsts = self.decoded(two)
        shares = self.first.shares(gaps) if len(gaps) else gaps
        starts = [Start(1.0, ("erste Seite des Stapels",))]
        for at in range(1, len(pages)):
            why = reasons(seen, at, float(two[at - 1]), shares[at - 1], shifts[at - 1][1])
            starts.append(Start(probability(float(two[at - 1])), why))
        return Stack(tuple(starts), firsts, self.sure(seen, one, two, firsts))

    def logits(self, seen: Sequence[Seen]) -> tuple[Vector, Vector, Vector]:
        """Log-odds of the first and of the second look for each gap, and the features of the gaps."""
        compare = Pairs()
        gaps = boundary_gap.features(seen, compare)
        one = self.first(gaps)
        return one, self.second(boundary_segment.features(seen, one, compare)), gaps

    def decoded(self, logits: Vector) -> tuple[int, ...]:
        """Where documents begin, for the log-odds of the gaps."""
        return decode([1.0, *(probability(float(one)) for one in logits)], self.lengths)

    def sure(self, seen: Sequence[Seen], one: Vector, two: Vector, firsts: tuple[int, ...]) -> float:
        """Probability that every cut of the stack is right and none is missing."""
        mean, spread, weights = self.stack[:, :-1]
        row = stack_features(seen, one, two, firsts)
        return probability(float(((row - mean) / spread).clip(-5.0, 5.0) @ weights + self.stack[2, -1]))


def probability(logit: float) -> float:
    """The logistic function, 0..1."""
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))


def stack_features(seen: Sequence[Seen], one: Vector, two: Vector, firsts: tuple[int, ...]) -> Vector:
    """What tells whether a decoded stack is right throughout, in the order of STACK_NAMES: mostly its weakest gaps."""
    if not len(two):
        return np.array([9.0, 9.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 9.0])
    cut = np.zeros(len(two), dtype=bool)
    cut[[first - 1 for first in firsts if first]] = True
    certain = np.clip(np.where(cut, two, -two), -9.0, 9.0)  # negative where the length prior overruled the gap
    order = np.sort(certain)
    chance = 1.0 / (1.0 + np.exp(-certain))
    entropy = -(chance * np.log(chance) + (1 - chance) * np.log1p(-chance))
    swayed = np.abs(np.tanh(one / 4) - np.tanh(two / 4)).max()
    return np.array([
        order[0], order[min(1, len(order) - 1)], float((certain < 2.5).sum()), entropy.sum(), np.log(chance).sum(), swayed,
        min(seen[first].begins for first in firsts), np.log1p(len(two)), order.mean()])


def load(folder: Path) -> Model:
    """The model stored in `folder`; raises ConfigError when it is damaged, not a boundary model, or of another format."""
    stored = artefacts.load(folder)
    meta, arrays = stored.meta, stored.arrays
    if meta.get("kind") != "boundary" or meta.get("format") != FORMAT:
        raise ConfigError(f"Das Modell in {folder} ist kein Trennmodell dieser Fassung. "
                          "Nehmen Sie ein anderes: poststelle model use")
    try:
        return Model(
            Words(_line(meta["begins"], arrays["begins"]), _line(meta["ends"], arrays["ends"]),
                  dict(zip(meta["rarity"], arrays["rarity"].tolist(), strict=True)), float(meta["unknown"])),
            restore(arrays, "first"), restore(arrays, "second"), tuple(arrays["lengths"].tolist()), arrays["stack"],
            float(meta["unattended"]), stored.card)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"Dem Modell in {folder} fehlen Teile ({error}). Holen Sie es neu, oder nehmen Sie ein anderes: "
                          "poststelle model use") from error


def save(folder: Path, model: Model, card: Mapping[str, artefacts.Value]) -> None:
    """Write the model into a new folder with its card. Raises FileExistsError where one lies already."""
    words = model.words
    arrays: dict[str, NDArray[Any]] = {
        "begins": _array(words.begins), "ends": _array(words.ends),
        "rarity": np.array(list(words.rarity.values()), dtype=np.float32),
        "lengths": np.array(model.lengths), "stack": model.stack, **model.first.arrays("first"), **model.second.arrays("second")}
    meta = {"kind": "boundary", "format": FORMAT, "begins": list(words.begins.weights), "ends": list(words.ends.weights),
            "rarity": list(words.rarity), "unknown": words.unknown, "unattended": model.unattended}
    artefacts.save(folder, arrays, meta, card)


def _array(line: Line) -> NDArray[np.float32]:
    return np.array([*line.weights.values(), line.bias], dtype=np.float32)


def _line(terms: Sequence[str], numbers: NDArray[Any]) -> Line:
    values = numbers.tolist()
    return Line(dict(zip(terms, values[:-1], strict=True)), values[-1])
