"""Learn filing from reviewed documents: `python -m classifiers.train filing --train A.jsonl.gz --text F --label F --out FOLDER`.

Writes a model with its card (what it learnt from, how it fared on later documents). Without `--private` nothing of a single
document goes into it: features seen in fewer than five documents are left out, no document is remembered.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from classifiers.artefacts import Value, save
from classifiers.evaluate.measures import Fields, oracle, read_rows
from classifiers.linear import Example, Model, Unseen, train_measured
from intake.errors import ConfigError

LEAST = 5
"""Documents in which a feature must occur before it leaves the house."""


def main(arguments: Sequence[str]) -> int:
    """Train and write the model; 0, or 4 when the data cannot be used or the folder holds a model already."""
    found = argparse.ArgumentParser(prog="python -m classifiers.train filing", description=__doc__)
    found.add_argument("--train", type=Path, required=True)
    found.add_argument("--text", required=True, help="field with the text; of several (a,b) the first is the title")
    found.add_argument("--label", required=True)
    found.add_argument("--date", default="")
    found.add_argument("--out", type=Path, required=True, help="new folder, models/<name>/<version>")
    found.add_argument("--private", action="store_true", help="keep the long tail; for use in the same town only")
    found.add_argument("--seed", type=int, default=0)
    options = found.parse_args(arguments)
    try:
        fields = Fields(tuple(options.text.split(",")), options.label, options.date)
        examples = [fields.example(row) for row in read_rows(options.train)]
        model, unseen = train_measured(examples, seed=options.seed, least=1 if options.private else LEAST)
        stored = model.to_artefact()
        save(options.out, stored.arrays, stored.meta, card(examples, model, unseen, options))
    except (ConfigError, FileExistsError) as error:
        sys.stderr.write(f"{error}\n")
        return 4
    return 0


def card(examples: Sequence[Example], model: Model, unseen: Unseen, options: argparse.Namespace) -> Mapping[str, Value]:
    """What the model is, learnt from what, and how it fared on documents it had not seen."""
    days = [one.date for one in examples if one.date]
    count = len(unseen.right)
    return {
        "name": options.out.parent.name, "version": options.out.name, "trained_on": date.today(),
        "data": {"file": options.train.name, "sha256": hashlib.sha256(options.train.read_bytes()).hexdigest(),
                 "documents": len(examples), "labels": len(model.labels),
                 "from": min(days, default=date.min), "to": max(days, default=date.min),
                 "least_documents_of_a_feature": 1 if options.private else LEAST, "seed": options.seed},
        "measures": {"unseen_documents": count, "unseen_accuracy": round(sum(unseen.right) / count, 4) if count else 0.0,
                     "share_fileable_at_5_percent": round(oracle(unseen.sure, unseen.right, 0.05), 4)},
    }
