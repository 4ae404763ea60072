"""Whole documents as examples: reading them, leaving out the unusable, drawing stacks, and the errors an OCR engine makes.

The recipe is fixed so that anybody can recompute a measurement (see classifiers.evaluate.boundary).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from intake.errors import InputError, Reason
from intake.vocabulary import Page

MOST_PAGES = 40
FEWEST, MOST = 3, 10
"""Documents of a stack."""
_YEAR = (re.compile(r"meetings/(\d{4})-"), re.compile(r"DS_\d+-(\d{4})"), re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)"))
_LOOKALIKES = {"e": "co", "c": "e", "o": "0", "0": "O", "l": "1I", "1": "l", "I": "l", "i": "l", "n": "u", "u": "n", "m": "n",
               "h": "b", "b": "h", "a": "o", "s": "5", "S": "5", "5": "S", "B": "8", "8": "B", "t": "f", "f": "t", "r": "n",
               "ä": "a", "ö": "o", "ü": "u", "ß": "B", "§": "$8", ".": ",", ",": ".", "-": "~", "g": "q", "v": "y", "E": "F"}


@dataclass(frozen=True, slots=True)
class Example:
    """A whole document: its name, the hash of its file, year (None where no name tells it) and pages."""

    name: str
    hash: str
    year: int | None
    pages: tuple[Page, ...]


def read(path: Path) -> tuple[Example, ...]:
    """The usable documents of a JSON-lines file (gzip or plain) with `folder`, `file`, `hash`, `pages` [{`n`, `text`}].

    Left out: later documents of a hash already seen, documents whose page numbers are not 1, 2, ..., and those of more than
    40 pages. Raises InputError for a file of another form.
    """
    examples: list[Example] = []
    seen: set[str] = set()
    for number, row in enumerate(_rows(path), 1):
        try:
            pages, key = row["pages"], str(row["hash"])
            numbers = [int(page["n"]) for page in pages]
            texts = [str(page["text"]) for page in pages]
            folder, file = str(row.get("folder", "")), str(row.get("file", ""))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"Zeile {number} von {path.name} ist kein Dokument mit hash und pages. Geben Sie eine Datei wie "
                             "aus „poststelle model export-training“ an.", reason=Reason.WRONG_TYPE) from error
        if key in seen:
            continue
        seen.add(key)
        if numbers and numbers == list(range(1, len(numbers) + 1)) and len(numbers) <= MOST_PAGES:
            made = tuple(_page(at, page, text) for at, (page, text) in enumerate(zip(pages, texts, strict=True), 1))
            examples.append(Example(file or key, key, _year(folder, file), made))
    return tuple(examples)


def _rows(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} ist nicht lesbar oder keine Datei mit JSON-Zeilen. Prüfen Sie Pfad und Format.",
                         reason=Reason.WRONG_TYPE, detail=type(error).__name__) from error


def _page(number: int, page: Any, text: str) -> Page:
    """Sizes in mm are taken where an export gives them; otherwise A4, which says nothing."""
    return Page(number, float(page.get("width_mm", 210.0)), float(page.get("height_mm", 297.0)), text)


def _year(folder: str, file: str) -> int | None:
    for pattern in _YEAR:
        if match := pattern.search(folder) or pattern.search(file):
            return int(match[1])
    return None


def draw(count: int, stacks: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Stacks of document numbers below `count`: `k = rng.integers(3, 11)`, then `rng.choice(count, k, replace=False)`."""
    drawn = []
    for _ in range(stacks):
        size = min(int(rng.integers(FEWEST, MOST + 1)), count)
        drawn.append(tuple(int(one) for one in rng.choice(count, size=size, replace=False)))
    return drawn


def noisy(text: str, rate: float, rng: np.random.Generator) -> str:
    """The text with errors: each letter, digit or sign (not blanks) with probability `rate` is misread.

    Of the errors, 60 % become a look-alike (a random small letter where there is none), 25 % are lost, 15 % are doubled.
    """
    hits = np.flatnonzero(rng.random(len(text)) < rate)
    letters = list(text)
    for at in hits:
        old = letters[at]
        kind, pick = rng.random(), int(rng.integers(0, 1 << 16))
        if old.isspace():
            continue
        if kind < 0.6:
            others = _LOOKALIKES.get(old, "abcdefghijklmnopqrstuvwxyz")
            letters[at] = others[pick % len(others)]
        else:
            letters[at] = "" if kind < 0.85 else old * 2
    return "".join(letters)


def with_noise(examples: Sequence[Example], rate: float, rng: np.random.Generator) -> tuple[Example, ...]:
    """The same documents, each page with errors drawn in the order of documents and pages."""
    return tuple(replace(one, pages=tuple(replace(page, text=noisy(page.text, rate, rng)) for page in one.pages))
                 for one in examples)
