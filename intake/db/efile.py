"""The built-in store as people see it: Akten, Vorgänge, documents and their versions, and what is due for disposal.

Everything takes a `Viewer`; a hidden document is in no list and no count, a hidden Akte is not there at all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from intake.db.access import see_file, visible_documents, visible_files
from intake.db.akten import cases_of, file_from
from intake.db.core import parse_stamp
from intake.db.plan import all_entries, get_entry
from intake.keys import reference_key
from intake.schema import aktenplan_entries, documents, files, filings
from intake.vocabulary import AktenplanEntry, Case, File, Viewer


@dataclass(frozen=True, slots=True)
class FileLine:
    """An Akte in a list: with the entry it lies under, the day it was opened, and how many documents in it the viewer sees."""

    file: File
    notation: str
    branch: str  # title of the entry
    opened_on: date | None
    documents: int


@dataclass(frozen=True, slots=True)
class FiledLine:
    """A document in an Akte. `version` counts its filings from 1; `case` is the id of its Vorgang."""

    document: str
    revision: int
    key: str
    title: str
    kind: str
    case: str | None
    parent: str | None
    pages: int
    received_at: datetime
    filed_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Contents:
    """An Akte opened: its line, entry, Vorgänge by reference, and its documents as they came in."""

    line: FileLine
    entry: AktenplanEntry
    cases: tuple[Case, ...]
    documents: tuple[FiledLine, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One filing of a document; `undone_at` when it was taken back or filed anew. `file` is None for an Akte he may not see."""

    number: int
    key: str
    file: File | None
    title: str
    sha256: str
    at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """An Akte whose retention is over: `kept_until` is the last day it had to be kept."""

    file: File
    entry: AktenplanEntry
    kept_until: date
    documents: int


def kept_until(closed_on: date, years: int) -> date:
    """The last day an Akte written off (zdA) on `closed_on` must be kept: the period of `years` (at least 0) begins with the
    year after the zdA and ends with a calendar year (standards.md 8)."""
    return date(closed_on.year + years, 12, 31)


def list_files(conn: Connection, viewer: Viewer, words: str = "", *, entry: str = "", closed: bool | None = None,
               limit: int = 50, after: str = "") -> tuple[FileLine, ...]:
    """Akten the viewer may see, by Aktenzeichen: with every word (in Aktenzeichen, title, parcel, address), under `entry` (id).

    `closed`: only those with zdA, or without. `after`: the Aktenzeichen with which the page before ended.
    """
    wanted = _matching(select(files).where(visible_files(conn, viewer)), words)
    if entry:
        wanted = wanted.where(files.c.entry == entry)
    if closed is not None:
        wanted = wanted.where(files.c.closed_on.is_not(None) if closed else files.c.closed_on.is_(None))
    if after:
        wanted = wanted.where(files.c.reference_key > reference_key(after))
    rows = conn.execute(wanted.order_by(files.c.reference_key, files.c.id).limit(limit)).mappings().all()
    return _lines(conn, viewer, rows)


def _matching(wanted: Select[Any], words: str) -> Select[Any]:
    for word in words.split():
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        wanted = wanted.where(or_(*(column.ilike(like, escape="\\") for column in (
            files.c.reference, files.c.title, files.c.parcel, files.c.address))))
    return wanted


def _lines(conn: Connection, viewer: Viewer, rows: Collection[Any]) -> tuple[FileLine, ...]:
    counted = _counted(conn, viewer, [row["id"] for row in rows])
    plan = aktenplan_entries.c
    names = {row.id: (row.notation, row.title) for row in conn.execute(select(plan.id, plan.notation, plan.title).where(
        plan.tenant == viewer.tenant, plan.current, plan.id.in_({row["entry"] for row in rows})))}
    return tuple(FileLine(
        file_from(row), names[row["entry"]][0], names[row["entry"]][1],
        date.fromisoformat(row["opened_on"]) if row["opened_on"] else None, counted.get(row["id"], 0)) for row in rows)


def _counted(conn: Connection, viewer: Viewer, ids: Collection[str]) -> dict[str, int]:
    """Documents in each Akte, those the viewer may see."""
    rows = conn.execute(select(filings.c.file, func.count()).join(documents, documents.c.id == filings.c.document).where(
        filings.c.file.in_(tuple(ids)), filings.c.undone_at.is_(None), visible_documents(conn, viewer)).group_by(filings.c.file))
    return {row[0]: row[1] for row in rows}


def show_file(conn: Connection, viewer: Viewer, name: str) -> Contents:
    """The Akte with this id or Aktenzeichen and what lies in it; raises Refused (German) when there is none for the viewer."""
    file = see_file(conn, viewer, name)
    row = conn.execute(select(files).where(files.c.id == file.id)).mappings().one()
    entry = get_entry(conn, viewer.tenant, file.entry)
    assert entry is not None  # entries are closed, never deleted
    return Contents(_lines(conn, viewer, [row])[0], entry, cases_of(conn, viewer.tenant, file.id), _filed(conn, viewer, file.id))


def _filed(conn: Connection, viewer: Viewer, file: str) -> tuple[FiledLine, ...]:
    rows = conn.execute(select(
        filings, documents.c.parent, documents.c.revision).join(documents, documents.c.id == filings.c.document).where(
        filings.c.file == file, filings.c.undone_at.is_(None), visible_documents(conn, viewer)).order_by(
        filings.c.received_at, documents.c.delivery, documents.c.position, filings.c.key)).mappings().all()
    ids = {row["document"] for row in rows}
    number = {row[0]: row[1] for row in conn.execute(select(filings.c.document, func.count()).where(
        filings.c.document.in_(ids)).group_by(filings.c.document))}
    return tuple(FiledLine(
        row["document"], row["revision"], row["key"], row["title"], row["values"].get("kind", ""), row["case"],
        row["parent"] if row["parent"] in ids else None, row["pages"], parse_stamp(row["received_at"]), parse_stamp(row["at"]),
        number[row["document"]]) for row in rows)


def versions_of(conn: Connection, viewer: Viewer, document: str) -> tuple[Version, ...]:
    """The filings of a document, the first one first; () when it was never filed or does not exist for the viewer."""
    if conn.execute(select(documents.c.id).where(documents.c.id == document, visible_documents(conn, viewer))).first() is None:
        return ()
    rows = conn.execute(select(filings).where(filings.c.document == document).order_by(
        filings.c.at, filings.c.key)).mappings().all()
    seen = {row["id"]: file_from(row) for row in conn.execute(select(files).where(
        files.c.id.in_({row["file"] for row in rows}), visible_files(conn, viewer))).mappings()}
    return tuple(Version(
        number, row["key"], seen.get(row["file"]), row["title"] if row["file"] in seen else "", row["pdf"]["sha256"],
        parse_stamp(row["at"]), parse_stamp(row["undone_at"]) if row["undone_at"] else None)
        for number, row in enumerate(rows, start=1))


def list_due(conn: Connection, viewer: Viewer, on: date, *, limit: int = 1000) -> tuple[Due, ...]:
    """Closed Akten that need not be kept any longer on the day `on`, those that were due first first.

    Retention years and disposal are those of the entry in its newest version; an entry without years is kept for ever.
    """
    entries = {entry.id: entry for entry in all_entries(conn, viewer.tenant)}
    by_years: dict[int, list[str]] = {}
    for entry in entries.values():
        if entry.retention is not None:
            by_years.setdefault(entry.retention, []).append(entry.id)
    over = [and_(files.c.entry.in_(ids), files.c.closed_on < f"{on.year - years:04d}-01-01")
            for years, ids in by_years.items() if on.year > years]
    if not over:
        return ()
    rows = conn.execute(select(files).where(
        files.c.tenant == viewer.tenant, files.c.closed_on.is_not(None), or_(*over),
        visible_files(conn, viewer))).mappings().all()
    found = sorted(((kept_until(date.fromisoformat(row["closed_on"]), entries[row["entry"]].retention or 0), row)
                    for row in rows), key=lambda one: (one[0], one[1]["reference_key"]))[:limit]
    counted = _counted(conn, viewer, [row["id"] for _, row in found])
    return tuple(Due(file_from(row), entries[row["entry"]], until, counted.get(row["id"], 0)) for until, row in found)
