"""Filing with few examples: `python -m classifiers.evaluate fewshot --per-class 1,5,20` and the options of `filing`.

Draws so many documents a label (all where a label has fewer) from the training side, learns from them alone, and forecasts
the whole test side but for what was drawn; TF-IDF with a linear support vector machine learns from the same draw. Mean of
several draws.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
from sklearn.svm import LinearSVC  # type: ignore[import-untyped]

from classifiers.evaluate.filing import add_data, named, sides
from classifiers.evaluate.measures import accuracy, macro_f1
from classifiers.evaluate.plan import read_entries
from classifiers.linear import Example, Ranked, train
from intake.errors import ConfigError
from intake.vocabulary import AktenplanEntry


def main(arguments: Sequence[str]) -> int:
    """Measure and print the figures; 0, or 4 when the data cannot be used."""
    found = argparse.ArgumentParser(prog="python -m classifiers.evaluate fewshot", description=__doc__)
    add_data(found)
    found.add_argument("--plan", type=Path, help="plan as CSV: its words help labels with few examples")
    found.add_argument("--per-class", default="1,5,20", help="examples a label, with commas")
    found.add_argument("--draws", type=int, default=3)
    found.add_argument("--json", type=Path)
    options = found.parse_args(arguments)
    try:
        learn, test = sides(options)
        entries = read_entries(options.plan) if options.plan else ()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    result = {count: measure(learn, test, int(count), entries, options.draws, options.seed)
              for count in options.per_class.split(",")}
    if options.json:
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return 0


def measure(learn: Sequence[Example], test: Sequence[Example], count: int, entries: Sequence[AktenplanEntry] = (),
            draws: int = 3, seed: int = 0) -> dict[str, float]:
    """Accuracy and macro F1 of our model and of the support vector machine, each the mean over the draws."""
    figures = []
    for number in range(draws):
        few = draw(learn, count, seed + number)
        drawn = {(one.title, one.text) for one in few}
        asked = [one for one in test if (one.title, one.text) not in drawn]
        truth = [one.label for one in asked]
        model = train(few, entries=(*named(few), *entries), seed=seed)
        ranked = [one for at in range(0, len(asked), 200) for one in model.predict(asked[at:at + 200])]
        plain = vector_machine(few, asked)
        figures.append((accuracy(truth, ranked), macro_f1(truth, ranked), accuracy(truth, plain), macro_f1(truth, plain)))
    mean = np.mean(figures, axis=0).tolist()
    return {"accuracy": mean[0], "macro_f1": mean[1], "svm_accuracy": mean[2], "svm_macro_f1": mean[3],
            "points_above": 100 * (mean[0] - mean[2])}


def draw(learn: Sequence[Example], count: int, seed: int) -> list[Example]:
    """At most `count` examples of each label, the same for the same seed."""
    by_label: defaultdict[str, list[Example]] = defaultdict(list)
    for one in learn:
        by_label[one.label].append(one)
    generator = np.random.default_rng(seed)
    return [by_label[label][at] for label in sorted(by_label) if label
            for at in sorted(generator.permutation(len(by_label[label]))[:count].tolist())]


def vector_machine(learn: Sequence[Example], test: Sequence[Example]) -> list[Ranked]:
    """The forecasts of TF-IDF (words and pairs, logarithmic) with a linear support vector machine."""
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    rows = words.fit_transform([f"{one.title}\n{one.text}" for one in learn])
    machine = LinearSVC(random_state=0).fit(rows, [one.label for one in learn])
    found = machine.predict(words.transform([f"{one.title}\n{one.text}" for one in test]))
    return [Ranked((str(label),), (1.0,), 0.0) for label in found]
