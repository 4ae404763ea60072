"""Reading an operator's table (CSV or XLSX) as rows of texts. For files somebody imports on purpose, never for post."""

from __future__ import annotations

import codecs
import csv
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from pathlib import Path

from intake.errors import ConfigError
from intake.keys import fold

Row = tuple[int, dict[str, str]]
"""Line number in the file (from 1) and the values by column name; absent cells are ""."""
MAX_BYTES = 200 * 2**20


def read_rows(path: Path, synonyms: Mapping[str, str], required: Collection[str]) -> list[Row]:
    """The rows of `stream_rows`, all at once."""
    return list(stream_rows(path, synonyms, required))


def stream_rows(path: Path, synonyms: Mapping[str, str], required: Collection[str]) -> Iterator[Row]:
    """The rows of a CSV or XLSX file under their column names (lower case without umlauts, `synonyms` applied), one by one.

    The header is the first of the first 20 lines that has all `required` columns. CSV: UTF-8 (with or without mark)
    or, failing that, Windows-1252; separator `;`, `,` or tab, seen from the first line. Raises ConfigError (German)
    when the file is missing, too large, none of these, or lacks a column.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigError(f"{path} ist mit {size // 2**20} MiB zu groß für eine Tabelle. Teilen Sie die Datei auf.")
        yield from _under_names(path.name, _xlsx(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path), synonyms,
                                required)
    except OSError as error:
        raise ConfigError(f"Die Datei {path} lässt sich nicht lesen ({error.strerror}). "
                          "Prüfen Sie Pfad und Rechte.") from error


def _under_names(name: str, lines: Iterator[list[str]], synonyms: Mapping[str, str], required: Collection[str]) -> Iterator[Row]:
    number = 0
    for number, cells in enumerate(islice(lines, 20), 1):  # noqa: B007  used after the loop
        columns = tuple(_column(cell, synonyms) for cell in cells)
        if set(required) <= set(columns):
            break
    else:
        raise ConfigError(f"{name}: Es fehlt eine Zeile mit den Spaltennamen {', '.join(required)}. "
                          "Ergänzen Sie sie als erste Zeile der Tabelle.")
    double = sorted({column for column in columns if columns.count(column) > 1 and column in required})
    if double:
        raise ConfigError(f"{name} hat die Spalte {', '.join(double)} mehrfach. Benennen Sie eine um.")
    for line, cells in enumerate(lines, number + 1):
        if any(cells):
            yield line, _row(columns, cells)


def _row(columns: tuple[str, ...], cells: list[str]) -> dict[str, str]:
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    return {column: cell for column, cell in reversed([*zip(columns, padded, strict=False)]) if column}


def _column(cell: str, synonyms: Mapping[str, str]) -> str:
    name = column_name(cell)
    return synonyms.get(name, name)


def column_name(cell: str) -> str:
    """How a column is called here: lower case, no umlauts, `_` for blanks and dashes."""
    return re.sub(r"[\s-]+", "_", fold(cell).strip())


def _csv(path: Path) -> Iterator[list[str]]:
    encoding = _encoding(path)
    with path.open(encoding=encoding, errors="strict" if encoding == "utf-8-sig" else "replace", newline="") as file:
        first = next((line for line in file if line.strip()), "")
        file.seek(0)
        delimiter = max(";,\t", key=first.count)
        try:
            for line in csv.reader(file, delimiter=delimiter):
                yield [cell.strip() for cell in line]
        except csv.Error as error:
            raise ConfigError(f"Die Tabelle ist keine gültige CSV-Datei ({error}). "
                              "Speichern Sie sie neu als CSV mit Semikolon.") from error


def _encoding(path: Path) -> str:
    """UTF-8 when the whole file is that, else Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while piece := file.read(2**20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _xlsx(path: Path) -> Iterator[list[str]]:
    import openpyxl  # noqa: PLC0415  0.2 s to import, needed for spreadsheets alone
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ConfigError(f"{path.name} ist keine gültige XLSX-Datei. "
                          "Speichern Sie sie in der Tabellenkalkulation neu.") from error
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_cell(value) for value in row]
    finally:
        book.close()


def _cell(value: object) -> str:
    """A cell as the text a person sees: whole numbers without `.0`, days as ISO."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
