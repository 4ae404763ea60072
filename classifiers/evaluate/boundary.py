"""How well stacks are cut: python -m classifiers.evaluate boundary --documents FILE.jsonl.gz ... --seed N --json OUT.

**Documents.** JSON lines (`folder`, `file`, `hash`, `pages` [{`n`, `text`}]). Left out: later documents of a hash already seen,
documents whose page numbers are not exactly 1, 2, 3, ..., and documents of more than 40 pages. A document's year is, in this
order, the one in `meetings/YYYY-` or `DS_n-YYYY` of its folder or file name, or the first four-digit year 19xx or 20xx in them.

**Learning.** `--train FILE` or `--train-until YEAR` learn a model (`classifiers.boundary_learn.learn`, seed 0 always): from the
documents of `--train` (of `--documents` where there is none) up to that year. With neither, the shipped model (`--model`) is
measured. **Test documents** are those of `--documents` from `--test-from` on (default: after `--train-until`) and never one whose
hash was learnt from. Documents without a year are left out where a year is asked for.

**Drawing.** The test documents in the order of the file are numbered from 0 to n-1. `rng = numpy.random.default_rng(seed)`;
for each stack: `k = rng.integers(3, 11)` (at most n), then `rng.choice(n, size=k, replace=False)`; their pages follow each other
in that order. **Noise** (`--noise`) is drawn before from `numpy.random.default_rng([seed, 1])`, page after page in the order of
the file, and stays the same in all stacks (`classifiers.boundary_stacks.noisy`).

**JSON.** `page`: precision, recall, F1 of boundaries, pooled over all stacks; the first page of a stack is a start by itself and
not counted. `panoptic_quality`: documents as page sets, a found one matches a true one when more than half of their union is
common; sum of these shares by (matches + half of the unmatched found and true ones), pooled. `stacks`: how many, how many
without any error, how many the model would let through unattended and how many of those have an error. `moves`: cuts and joins
that a person needs to set everything right, in all stacks. `ece`: expected calibration error of the pages' start probabilities
(first pages of stacks left out), ten bins of equal width. `cpu_ms_per_page`: process CPU of the model from text to cuts. `each`:
every stack: `documents` (file names), `true` and `predicted` (first pages, from 1), `probability`, `unattended`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import boundary
from classifiers.boundary_learn import learn
from classifiers.boundary_stacks import Example, draw, read, with_noise
from intake.errors import InputError, PoststelleError, Reason
from intake.vocabulary import Page

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "boundary" / "1"


def main(arguments: list[str]) -> int:
    """Measure, write the JSON, print the figures; exit codes as of the house."""
    asked = _parser().parse_args(arguments)
    try:
        documents = read(asked.documents)
        model, tests = prepare(documents, asked.train, asked.train_until, asked.test_from, asked.model)
        result = measure(model, tests, asked.stacks, asked.noise, asked.seed)
    except PoststelleError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if asked.json:
        asked.json.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    sys.stdout.write(json.dumps({name: value for name, value in result.items() if name != "each"}, indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m classifiers.evaluate boundary", description="Measure how stacks are cut.")
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--train-until", type=int)
    parser.add_argument("--test-from", type=int)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--stacks", type=int, default=500)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--json", type=Path)
    return parser


def prepare(documents: Sequence[Example], train: Path | None, until: int | None, since: int | None, shipped: Path
            ) -> tuple[boundary.Model, tuple[Example, ...]]:
    """The model to measure and the documents to measure it on. Raises InputError when nothing is left to measure on."""
    source = read(train) if train else documents
    learns = train is not None or until is not None
    lessons = [one for one in source if until is None or (one.year is not None and one.year <= until)] if learns else []
    if since is None and until is not None and train is None:
        since = until + 1
    known = {one.hash for one in lessons}
    fresh = (one for one in documents if one.hash not in known)
    tests = tuple(one for one in fresh if since is None or (one.year is not None and one.year >= since))
    if len(tests) < 3:
        raise InputError("Es bleiben weniger als drei Dokumente zum Messen. Geben Sie andere Jahre oder eine andere Datei an.",
                         reason=Reason.NO_PAGES)
    return (learn([lessons])[0] if learns else boundary.load(shipped)), tests


def measure(model: boundary.Model, tests: Sequence[Example], stacks: int, noise: float, seed: int) -> dict[str, Any]:
    """All figures of the module's docstring for one seed."""
    if noise:
        tests = with_noise(tests, noise, np.random.default_rng([seed, 1]))
    each, bins, spent, lengths = [], np.zeros((10, 3)), 0.0, []
    for chosen in draw(len(tests), stacks, np.random.default_rng(seed)):
        documents = [tests[at] for at in chosen]
        stack, true = stacked(documents)
        began = time.process_time()
        found = model(stack)
        spent += time.process_time() - began
        lengths.append(len(stack))
        for at, start in enumerate(found.starts[1:], 2):
            bins[min(int(start.probability * 10), 9)] += (1, start.probability, at in true)
        each.append({"documents": [one.name for one in documents], "true": true,
                     "predicted": [first + 1 for first in found.firsts],
                     "probability": round(found.probability, 5), "unattended": bool(found.probability >= model.unattended)})
    spread = np.abs(bins[:, 1] - bins[:, 2]).sum() / max(bins[:, 0].sum(), 1.0)
    return {**summary(each, lengths), "ece": round(float(spread), 4),
            "cpu_ms_per_page": round(1000 * spent / max(sum(lengths), 1), 3), "each": each}


def stacked(documents: Sequence[Example]) -> tuple[list[Page], list[int]]:
    """The pages of documents one after another, numbered anew from 1, and the first pages."""
    pages: list[Page] = []
    firsts = []
    for one in documents:
        firsts.append(len(pages) + 1)
        pages += [replace(page, number=len(pages) + at) for at, page in enumerate(one.pages, 1)]
    return pages, firsts


def summary(each: Sequence[dict[str, Any]], lengths: Sequence[int]) -> dict[str, Any]:
    """The figures that follow from `each` and the number of pages of each stack."""
    hits = missed = false = perfect = alone = wrong = 0
    quality = np.zeros(3)
    for one, length in zip(each, lengths, strict=True):
        true, found = set(one["true"][1:]), set(one["predicted"][1:])
        hits, missed, false = hits + len(true & found), missed + len(true - found), false + len(found - true)
        perfect += true == found
        alone += one["unattended"]
        wrong += one["unattended"] and true != found
        quality += _panoptic(one["true"], one["predicted"], length)
    precision, recall = hits / max(hits + false, 1), hits / max(hits + missed, 1)
    return {"page": {"precision": round(precision, 5), "recall": round(recall, 5),
                     "f1": round(2 * hits / max(2 * hits + missed + false, 1), 5)},
            "panoptic_quality": round(float(quality[0] / max(quality[1] / 2 + quality[2] / 2, 1.0)), 5),
            "stacks": {"count": len(each), "perfect": perfect, "unattended": {"count": alone, "wrong": wrong}},
            "moves": missed + false}


def _panoptic(true: Sequence[int], found: Sequence[int], length: int) -> tuple[float, int, int]:
    """Sum of the common shares of matching documents, number of true ones, number of found ones."""
    total = 0.0
    ends = [*found[1:], length + 1]
    for first, end in zip(true, [*true[1:], length + 1], strict=True):
        for begin, stop in zip(found, ends, strict=True):
            common = min(end, stop) - max(first, begin)
            share = common / (max(end, stop) - min(first, begin)) if common > 0 else 0.0
            total += share if share > 0.5 else 0.0
    return total, len(true), len(found)
