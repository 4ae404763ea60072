"""Learn to read signs ("III/2-39.63") letter by letter: one small convolutional network. Needs PyTorch.

    python -m classifiers.train signs --material FOLDER [--material FOLDER ...] --drafts FOLDER --out FOLDER [--epochs N]
        [--start FOLDER]

The material is written by `python -m tests.bench.signlines --write FOLDER`. Reading needs numpy alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from classifiers import artefacts
from classifiers.train.convnets import Lines, drafted, hashes, learn_lines, learnt, parser_for, plain

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzÄÖÜäöüß/-.,:()+_&§ "
"""What a sign is written with; 0 is the blank of CTC."""
STEP = 2  # pixels of a strip for one step: three Roman I in a narrow face are ten steps wide
READER = (
    {"out": 16, "kernel": (5, 5), "stride": 2}, {"out": 24, "kernel": (3, 3), "pool": (2, 1)},
    {"out": 32, "kernel": (3, 3), "pool": (2, 1)}, {"out": 48, "kernel": (3, 3), "pool": (2, 1)},
    {"out": 80, "kernel": (3, 3), "flat": True}, {"out": 80, "kernel": (1, 5)},
    {"out": 80, "kernel": (1, 5), "dilation": 2}, {"out": len(ALPHABET) + 1, "kernel": (1, 1), "last": True})
LINES = Lines("reader", READER, ALPHABET, STEP)


def finished(out: Path, drafts: Path, material: Sequence[Path]) -> None:
    """Write the model of the draft into the new folder `out`: weights, layers, and the card with what was measured."""
    arrays, measures = drafted(LINES.name, drafts)
    data, lines = hashes(material, ("strips.jsonl",))
    artefacts.save(out, arrays, {"alphabet": ALPHABET, "layers": {LINES.name: plain(READER)}}, {
        "name": "signs", "purpose": "Geschäftszeichen Buchstabe für Buchstabe",
        "trained": datetime.now(UTC).date(), "strips": lines["strips.jsonl"],
        "licence": "Gezeichnete Zeilen mit erfundenen Zeichen (samples/signscenes.py, EUPL-1.2)",
        "data": data, "measures": measures})


def main(arguments: list[str]) -> int:
    """Learn the network and write the model. 0; 2 where there is one already."""
    asked = parser_for("signs", __doc__ or "", 5).parse_args(arguments)
    start = asked.start and asked.start / f"{LINES.name}.npz"
    learnt(LINES.name, learn_lines(LINES, asked.material, asked.epochs, start), asked.drafts)
    try:
        finished(asked.out, asked.drafts, asked.material)
    except FileExistsError:
        sys.stderr.write(f"In {asked.out} liegt schon ein Modell. Geben Sie einen neuen Ordner an.\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
