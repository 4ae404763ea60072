"""Which delivered files are one unit, and what the index of the scan service and the path say of it. Pure.

A unit is a file, or, where each file is the image of a page, all images whose paths agree but for the page's number. An index
is a table (CSV, XLSX) with a row a file, or XML with an entry a file; what its columns are called here says the profile
(`Backfile.columns`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from intake.inboxes import BACKFILE_FIELDS, Backfile
from intake.keys import natural_key, reference_key
from intake.tables import column_name

JUNK = frozenset({"thumbs.db", ".ds_store", "desktop.ini"})
"""Files that operating systems leave behind; hidden files are none of the delivery either."""
FIELD_OF = {"akte": "file_reference", "titel": "title"}
"""What a named group of the pattern is called as a field."""
FILE, PAGES, REFERENCE = "file", "pages", "file_reference"


@dataclass(frozen=True, slots=True)
class Found:
    """A delivered file: its path below the folder (with `/`), bytes, modification time in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the index: the file it names (path or name), what it says as (field, value), its line number."""

    file: str
    fields: tuple[tuple[str, str], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Unit:
    """What is taken as one delivery. `fields` are (name, value, where it stands); `pages` as the index says, None = not said."""

    path: str
    members: tuple[Found, ...]
    reference: str = ""
    pages: int | None = None
    fields: tuple[tuple[str, str, str], ...] = ()

    @property
    def reference_key(self) -> str:
        """The Akte in the form in which Aktenzeichen are compared."""
        return reference_key(self.reference)


@dataclass(frozen=True, slots=True)
class Layout:
    """The units of a delivery in their order, and rows of the index that name no file of it."""

    units: tuple[Unit, ...]
    without_file: tuple[Row, ...] = ()
    without_row: tuple[str, ...] = ()
    counted: str = "Zeile"
    """What an index counts: "Zeile" of a table, "Eintrag" of an XML file."""


def is_part(path: str) -> bool:
    """Whether a file belongs to the delivery: not hidden, not what an operating system left behind."""
    name = PurePosixPath(path).name.lower()
    return not name.startswith(".") and name not in JUNK


def laid_out(files: Iterable[Found], profile: Backfile, rows: Sequence[Row] = (), index: str = "") -> Layout:
    """The units of `files`, each with what its row of the index (named `index`) and its own path say.

    Every file that `is_part` lies in exactly one unit. Units are in the order people count (`2` before `10`).
    """
    groups: dict[str, list[Found]] = defaultdict(list)
    for file in sorted(files, key=lambda one: natural_key(one.path)):
        if is_part(file.path):
            groups[_together(file.path, profile)].append(file)
    by_name = _by_name(rows)
    used: set[int] = set()
    units = []
    for path, members in groups.items():
        ordered = tuple(sorted(members, key=partial(_page_key, profile)))
        said = [row for row in _rows_of(path, ordered, by_name) if row.line not in used]
        used |= {row.line for row in said}
        units.append(_unit(path, ordered, profile, said, index))
    without_row = tuple(unit.path for unit in units if not any(where.startswith("index") for _, _, where in unit.fields)
                        and unit.pages is None) if rows else ()
    return Layout(tuple(units), tuple(row for row in rows if row.line not in used), without_row, _counted(index))


def _counted(index: str) -> str:
    return "Eintrag" if index.lower().endswith(".xml") else "Zeile"


def _stem(path: str) -> str:
    """The path without its ending."""
    before, dot, ending = path.rpartition(".")
    return before if dot and "/" not in ending and before and not before.endswith("/") else path


def _together(path: str, profile: Backfile) -> str:
    """What the files of one unit have in common: the file itself, or its path without the number of the page."""
    if profile.unit != "seite":
        return path
    found = re.search(profile.pattern, _stem(path))
    if found is None:
        return path
    begin, end = found.span("seite")
    return _stem(path)[:begin].rstrip(" _-./") + _stem(path)[end:] or path


def _page_key(profile: Backfile, file: Found) -> tuple[str, str]:
    found = re.search(profile.pattern, _stem(file.path)) if profile.unit == "seite" else None
    return natural_key(found["seite"] or "") if found else "", natural_key(file.path)


def _by_name(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """Rows by every way a file may be named in them: as written, without its ending, the name alone."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not row.file:
            continue
        plain = row.file.replace("\\", "/").lstrip("./").casefold()
        for name in {plain, _stem(plain)}:
            found[name].append(row)
    return found


def _rows_of(path: str, members: Sequence[Found], by_name: Mapping[str, list[Row]]) -> Iterator[Row]:
    """The rows that speak of a unit: by its whole path, else by its name where only one row has that."""
    told: set[int] = set()
    for name in dict.fromkeys([path, *(one.path for one in members)]):
        whole = name.casefold()
        short = PurePosixPath(whole).name
        rows = by_name.get(whole) or by_name.get(_stem(whole)) or by_name.get(short) or by_name.get(_stem(short)) or []
        for row in rows[:1]:
            if row.line not in told:
                told.add(row.line)
                yield row


def _unit(path: str, members: tuple[Found, ...], profile: Backfile, rows: Sequence[Row], index: str) -> Unit:
    from_path = [(name, value, "path") for name, value in _of_path(members[0].path, profile)]
    from_index = [(name, value, f"index:{index} {_counted(index)} {row.line}") for row in rows for name, value in row.fields
                  if name != PAGES]
    counts = [int(value) for row in rows for name, value in row.fields if name == PAGES and value.isdecimal()]
    fields = tuple(dict.fromkeys([*from_index, *from_path]))
    reference = next((value for name, value, _ in fields if name == REFERENCE), "")
    return Unit(path, members, reference, sum(counts) if counts else None, fields)


def _of_path(path: str, profile: Backfile) -> Iterator[tuple[str, str]]:
    """What the path says by the names in the profile's pattern. A file system has no `/` in names, so `_` may stand for it."""
    found = re.search(profile.pattern, _stem(path)) if profile.pattern else None
    for group, value in (found.groupdict().items() if found else ()):
        if group in FIELD_OF and value and value.strip():
            yield FIELD_OF[group], " ".join(value.replace("_", "/" if group == "akte" else " ").split())


COMMON = {
    "datei": FILE, "dateiname": FILE, "pfad": FILE, "seiten": PAGES, "seitenzahl": PAGES, "blattzahl": PAGES, "blaetter": PAGES,
    "aktenzeichen": REFERENCE, "az": REFERENCE, "akte": REFERENCE, "bauherr": "applicant", "antragsteller": "applicant",
    "flurstueck": "parcel", "flurstuecke": "parcel", "adresse": "site_address", "bauort": "site_address",
    "strasse": "site_address", "entwurfsverfasser": "designer", "vorhaben": "project", "bauvorhaben": "project",
    "genehmigungsdatum": "permit_date", "antragsdatum": "application_date", "datum": "letter_date", "titel": "title",
    "betreff": "subject", "art": "kind", "register": "register"}
"""Column names that scan services use (standards: captured metadata of building files), as `tables` spells them."""


def names_of(profile: Backfile) -> dict[str, str]:
    """Our field for each column name as `tables` spells it: the common ones, overruled by the profile."""
    return COMMON | {column_name(name): ours for name, ours in profile.columns.items()}


def rows_of(table: Iterable[tuple[int, Mapping[str, str]]]) -> Iterator[Row]:
    """The rows of an index read under `names_of`; a row that names no file has `file` "" (a person must know of it)."""
    for line, cells in table:
        fields = tuple((name, " ".join(value.split())) for name, value in cells.items()
                       if name in BACKFILE_FIELDS | {PAGES} and value.strip())
        yield Row(" ".join(cells.get(FILE, "").split()), fields, line)
