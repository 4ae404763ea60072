"""What the municipality already knows, as files: Akten, Vorgänge, named registers. The database keeps the truth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from intake.aktenplan import parse_day
from intake.keys import reference_key
from intake.tables import stream_rows
from intake.vocabulary import RegisterEntry

T = TypeVar("T")
REGISTERS: Mapping[str, tuple[str, ...]] = {
    "gemarkungen": ("key", "name"),
    "strassen": ("key", "name"),
    "kreditoren": ("key", "name"),
    "personen": ("key", "name"),
}
"""The registers we know and the columns they must have; other columns are kept as they are."""
_SYNONYMS: Mapping[str, str] = {
    "aktenzeichen": "reference", "geschaeftszeichen": "reference", "az": "reference", "titel": "title",
    "betreff": "title", "kennzeichen": "notation", "aktenplan": "notation", "angelegt": "opened_on",
    "eroeffnet": "opened_on", "geschlossen": "closed_on", "zda": "closed_on", "flurstueck": "parcel",
    "anschrift": "address", "adresse": "address", "personen": "persons", "akte": "file", "schluessel": "key",
    "nummer": "key", "altes_aktenzeichen": "former", "fruehere_aktenzeichen": "former", "frueheres_aktenzeichen": "former",
    "federfuehrung": "office", "amt": "office", "bearbeiter": "handler", "sachbearbeiter": "handler",
}


@dataclass(frozen=True, slots=True)
class FileRow:
    """One Akte as a register names it; `notation` is the Kennzeichen it lies under."""

    reference: str
    title: str
    notation: str
    opened_on: date | None = None
    closed_on: date | None = None
    parcel: str = ""
    address: str = ""
    persons: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    office: str = ""
    handler: str = ""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One Vorgang as a register names it; `file` is the Aktenzeichen of its Akte."""

    file: str
    reference: str
    title: str
    closed_on: date | None = None


def read_files(path: Path) -> tuple[tuple[FileRow, ...], tuple[str, ...]]:
    """The Akten of a CSV or XLSX file (reference, title, notation, ...) and German sentences on rows left out.

    Raises ConfigError when the file is unreadable or lacks a column.
    """
    left_out: list[str] = []
    return tuple(stream_files(path, left_out)), tuple(left_out)


def stream_files(path: Path, left_out: list[str]) -> Iterator[FileRow]:
    """The Akten of a file one by one; sentences on rows left out are put into `left_out`. Raises as `read_files` does."""
    return _stream(path, ("reference", "title", "notation"), _file, lambda row: reference_key(row.reference), left_out)


def read_cases(path: Path) -> tuple[tuple[CaseRow, ...], tuple[str, ...]]:
    """The Vorgänge of a CSV or XLSX file (file, reference, title, closed_on) and sentences on rows left out."""
    left_out: list[str] = []
    def key(row: CaseRow) -> str:
        return f"{reference_key(row.file)}\n{row.reference}"

    return tuple(_stream(path, ("file", "reference", "title"), _case, key, left_out)), tuple(left_out)


def read_register(path: Path, register: str) -> tuple[tuple[RegisterEntry, ...], tuple[str, ...]]:
    """The rows of a named register (`key` and the columns of `REGISTERS`) and sentences on rows left out."""
    columns = REGISTERS.get(register, ("key",))

    def entry(row: Mapping[str, str]) -> RegisterEntry:
        _filled(row, columns)
        return RegisterEntry(register, row["key"], {name: value for name, value in row.items() if name != "key"})

    left_out: list[str] = []
    return tuple(_stream(path, columns, entry, lambda row: row.key, left_out)), tuple(left_out)


def _file(row: Mapping[str, str]) -> FileRow:
    _filled(row, ("reference", "title", "notation"))
    names = row.get("persons", "")
    return FileRow(row["reference"], row["title"], row["notation"], parse_day(row.get("opened_on", "")),
                   parse_day(row.get("closed_on", "")), row.get("parcel", ""), row.get("address", ""),
                   _list(names, "|;" if "|" in names or ";" in names else ","), _list(row.get("former", ""), "|;,"),
                   row.get("office", ""), row.get("handler", ""))


def _list(text: str, between: str) -> tuple[str, ...]:
    return tuple(part for one in re.split(f"[{between}]", text) if (part := one.strip()))


def _case(row: Mapping[str, str]) -> CaseRow:
    _filled(row, ("file", "reference", "title"))
    return CaseRow(row["file"], row["reference"], row["title"], parse_day(row.get("closed_on", "")))


def _filled(row: Mapping[str, str], columns: tuple[str, ...]) -> None:
    for column in columns:
        if not row[column]:
            raise ValueError(f"{column} ist leer")


def _stream(path: Path, columns: tuple[str, ...], make: Callable[[Mapping[str, str]], T], key: Callable[[T], str],
            left_out: list[str]) -> Iterator[T]:
    """The good rows in file order, the first of each key; a sentence for each row left out."""
    seen: set[str] = set()
    for line, row in stream_rows(path, _SYNONYMS, columns):
        try:
            made = make(row)
        except ValueError as error:
            left_out.append(f"{path.name}, Zeile {line}: {error}. Bessern Sie die Zeile aus; sie wurde übergangen.")
            continue
        if key(made) in seen:
            left_out.append(f"{path.name}, Zeile {line}: steht schon weiter oben. Löschen Sie eine der Zeilen; "
                            "die erste gilt.")
            continue
        seen.add(key(made))
        yield made
