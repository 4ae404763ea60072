"""How well filing is learnt: `python -m classifiers.evaluate filing --train A.jsonl.gz --test B.jsonl.gz ... --json OUT`.

Learns from the training side only (probabilities and the budget's threshold too) and forecasts every document of the test
side. One file holds both sides where `--train-before` and `--test-year` choose by date.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.evaluate.measures import (
    Fields,
    Row,
    accuracy,
    ece,
    ece_by_chance,
    macro_f1,
    oracle,
    peak_mib,
    read_rows,
    threshold,
)
from classifiers.evaluate.plan import read_entries
from classifiers.linear import Example, Ranked, train_measured
from intake.errors import ConfigError
from intake.vocabulary import AktenplanEntry

CONFIDENCE = 0.8
"""At which the bound of the error on unseen decisions must keep the budget before anything is filed."""


def main(arguments: Sequence[str]) -> int:
    """Measure and write the figures; 0, or 4 when the data cannot be used."""
    options = parser().parse_args(arguments)
    try:
        learn, test = sides(options)
        entries = read_entries(options.plan) if options.plan else ()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    if options.folds:
        result = crossed(learn, entries, options.folds, options.seed)
    else:
        result = measure(learn, test, entries, options.max_error, options.seed)
    if options.json:
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shown = {name: value for name, value in result.items() if name != "predictions"}
    sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of this measurement."""
    found = argparse.ArgumentParser(prog="python -m classifiers.evaluate filing", description=__doc__)
    add_data(found)
    found.add_argument("--plan", type=Path, help="plan as CSV: its words help labels with few examples")
    found.add_argument("--folds", type=int, default=0, help="instead of a test side: each part forecast from the others")
    found.add_argument("--max-error", type=float, default=0.05, help="largest share of wrongly filed documents (budget)")
    found.add_argument("--json", type=Path, help="file for the figures and all predictions")
    return found


def add_data(found: argparse.ArgumentParser) -> None:
    """The options that say what is learnt from and what is measured on."""
    found.add_argument("--train", type=Path, required=True, help="JSON lines, packed or not")
    found.add_argument("--test", type=Path, help="JSON lines; without it the same file as --train")
    found.add_argument("--text", required=True, help="field with the text; of several (a,b) the first is the title")
    found.add_argument("--label", required=True)
    found.add_argument("--date", default="")
    found.add_argument("--where", default="", help="FIELD=VALUE: test only on these")
    found.add_argument("--train-before", type=int, default=0, metavar="YEAR", help="learn only from earlier years")
    found.add_argument("--test-year", type=int, default=0, metavar="YEAR", help="test only on this year")
    found.add_argument("--seed", type=int, default=0)


def sides(options: argparse.Namespace) -> tuple[list[Example], list[Example]]:
    """The documents to learn from and those to test on; raises ConfigError when one side is empty or a field is missing."""
    fields = Fields(tuple(options.text.split(",")), options.label, options.date)
    learn = read_rows(options.train)
    test = read_rows(options.test) if options.test else learn
    if options.where:
        name, _, value = options.where.partition("=")
        test = [row for row in test if str(row.get(name, "")) == value]
    if options.train_before:
        learn = [row for row in learn if 0 < _year(fields, row) < options.train_before]
    if options.test_year:
        test = [row for row in test if _year(fields, row) == options.test_year]
    found = ([fields.example(row) for row in learn], [fields.example(row) for row in test])
    if not all(found):
        raise ConfigError("Für diese Auswahl gibt es keine Schriftstücke. Prüfen Sie --where, --date und die Jahre.")
    return found


def measure(learn: Sequence[Example], test: Sequence[Example], entries: Sequence[AktenplanEntry] = (),
            most: float = 0.05, seed: int = 0) -> dict[str, Any]:
    """The figures of the issue: learns from one side, forecasts the other. CPU in seconds, memory in MiB."""
    begun = time.process_time()
    model, unseen = train_measured(learn, entries=(*named(learn), *entries), seed=seed)
    trained = time.process_time()
    ranked = [one for at in range(0, len(test), 200) for one in model.predict(test[at:at + 200])]
    done = time.process_time()
    truth = [one.label for one in test]
    right = [one.first == label for label, one in zip(truth, ranked, strict=True)]
    limit = threshold(unseen.sure, unseen.right, most, CONFIDENCE)
    filed = [one.probability >= limit for one in ranked]
    wrong = sum(auto and not good for auto, good in zip(filed, right, strict=True))
    return {
        "accuracy": accuracy(truth, ranked), "macro_f1": macro_f1(truth, ranked), "top3": accuracy(truth, ranked, 3),
        "ece": ece(truth, ranked), "ece_by_chance": ece_by_chance(ranked),
        "budget": {"max_error": most, "coverage": sum(filed) / len(filed), "error": wrong / max(1, sum(filed)),
                   "threshold": limit, "oracle": oracle([one.probability for one in ranked], right, most)},
        "cpu_s": {"train": trained - begun, "predict": done - trained}, "peak_mib": peak_mib(),
        "documents": {"train": len(learn), "test": len(test), "unseen": len(unseen.sure)},
        "predictions": [_line(label, one, auto) for label, one, auto in zip(truth, ranked, filed, strict=True)]}


def crossed(examples: Sequence[Example], entries: Sequence[AktenplanEntry] = (), folds: int = 5, seed: int = 0) -> dict[str, Any]:
    """The figures (without a budget) when every part in turn is forecast from the others; parts are random by the seed."""
    part = np.random.default_rng(seed).permutation(len(examples)) % folds
    truth: list[str] = []
    ranked: list[Ranked] = []
    begun = time.process_time()
    for number in range(folds):
        learn = [one for one, at in zip(examples, part, strict=True) if at != number]
        test = [one for one, at in zip(examples, part, strict=True) if at == number]
        ranked += train_measured(learn, entries=(*named(learn), *entries), seed=seed)[0].predict(test)
        truth += [one.label for one in test]
    return {"accuracy": accuracy(truth, ranked), "macro_f1": macro_f1(truth, ranked), "top3": accuracy(truth, ranked, 3),
            "ece": ece(truth, ranked), "folds": folds, "cpu_s": {"all": time.process_time() - begun}, "peak_mib": peak_mib(),
            "predictions": [_line(label, one, False) for label, one in zip(truth, ranked, strict=True)]}


def named(examples: Sequence[Example]) -> tuple[AktenplanEntry, ...]:
    """Labels as entries of a plan: what they are called is known before the first example (codes as `632.60` say nothing)."""
    return tuple(AktenplanEntry(label, label, label.replace("_", " ")) for label in sorted({one.label for one in examples})
                 if label and not any(char.isdigit() for char in label))


def _line(label: str, one: Ranked, auto: bool) -> dict[str, Any]:
    return {"label": label, "predicted": one.first, "probability": round(one.probability, 6), "auto": auto}


def _year(fields: Fields, row: Row) -> int:
    day = fields.day(row)
    return day.year if day else 0


