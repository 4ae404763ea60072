"""Tables beside what is signed: for spreadsheets, of any length, bound to the paper by their hash."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")
AT_ONCE = 1000
"""Rows of a table that are kept before they are written."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A table in a file of its own that belongs to what is signed, bound to it by its hash."""

    name: str
    rows: int
    sha256: str

    @property
    def said(self) -> str:
        """The sentence by which a paper names it."""
        return (f"Die vollständige Liste ist die Datei „{self.name}“ mit {self.rows} Zeilen (SHA-256 {self.sha256}); sie gehört "
                "zu diesem Schriftstück.")


def _plain(row: Sequence[Any]) -> list[Any]:
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in row]


class TableFile:
    """A table with semicolons (UTF-8 with a mark of it, as spreadsheets want it), written row by row whatever its length; a cell
    that one would take for a formula gets an apostrophe before it."""

    def __init__(self, target: Path, head: Sequence[str]) -> None:
        """Raises OSError, as all below."""
        self._target, self._file, self._digest, self.rows = target, target.open("wb"), sha256(), -1
        self._lines = io.StringIO("\ufeff")
        self._lines.seek(1)
        self._table = csv.writer(self._lines, delimiter=";", lineterminator="\r\n")
        self.add(head)

    def add(self, row: Sequence[Any]) -> None:
        """One more row."""
        self._table.writerow(_plain(row))
        self.rows += 1
        if not self.rows % AT_ONCE:
            self._put()

    def _put(self) -> None:
        data = self._lines.getvalue().encode()
        self._digest.update(data)
        self._file.write(data)
        self._lines.seek(0)
        self._lines.truncate()

    def close(self) -> Listing:
        """The file is whole: its name, rows (without the head) and hash."""
        self._put()
        self._file.close()
        return Listing(self._target.name, self.rows, self._digest.hexdigest())
