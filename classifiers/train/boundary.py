"""Learn the boundary model: python -m classifiers.train boundary --documents FILE [--extra EXPORT] --out FOLDER [--seed N].

`--documents`: whole documents (format: classifiers.boundary_stacks.read). `--extra`: a town's own cuts, as written by `poststelle
model export-training`; they count three times and get stacks of their own, because they are what its paper really
looks like. The card names every file by name and hash, and holds the measures; the artefact holds weights of terms of at least
five documents, no text.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from classifiers import artefacts
from classifiers.boundary import save
from classifiers.boundary_learn import LEAST_DOCUMENTS, learn
from classifiers.boundary_stacks import Example, read
from intake.errors import PoststelleError


def main(arguments: list[str]) -> int:
    """Learn, write the model and its card, print the measures; exit codes as of the house."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train boundary", description="Learn where documents begin.")
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--extra", type=Path, action="append", default=[], help="may be given several times")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--licence", default="unbekannt", help="what the documents may be used for, for the card")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    try:
        sources = apart(read(asked.documents), [read(path) for path in asked.extra])
        model, measures = learn(sources, asked.seed)
        facts: dict[str, artefacts.Value] = {
            "documents": sum(map(len, sources)), "pages": sum(len(one.pages) for source in sources for one in source),
            "licence": asked.licence, "seed": asked.seed}
        save(asked.out, model, card([asked.documents, *asked.extra], facts, measures))
    except PoststelleError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except FileExistsError:
        sys.stderr.write(f"In {asked.out} liegt schon ein Modell. Geben Sie einen neuen Ordner an.\n")
        return 2
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in measures.items()))
    return 0


def apart(documents: Sequence[Example], extras: Sequence[Sequence[Example]]) -> list[list[Example]]:
    """The sources for learning; a document that lies in several counts in the last of them."""
    sources, taken = [], set()
    for source in reversed([documents, *extras]):
        sources.append([one for one in source if one.hash not in taken])
        taken |= {one.hash for one in source}
    return sources[::-1]


def card(files: list[Path], facts: dict[str, artefacts.Value], measures: dict[str, float]) -> dict[str, artefacts.Value]:
    """The model card: what it is for, trained when and on what, and its measures."""
    return {
        "name": "boundary", "purpose": "Trennen eines Stapels von Seiten in Dokumente", "trained": datetime.now(UTC).date(),
        **facts, "least_documents_of_a_term": LEAST_DOCUMENTS,
        "data": {path.name: _sha256(path) for path in files}, "measures": measures,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
