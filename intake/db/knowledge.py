"""Has what the town knows changed since it was last loaded? Asked before every proposal, so it must be cheap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from intake.db.akten import FILES_IMPORTED, file_by_reference, file_from
from intake.db.core import Database, Tx, parse_stamp, stamp, upsert
from intake.schema import aktenplan_entries, cases, counters, files, register_entries, register_imports
from intake.vocabulary import File

Stamp = tuple[tuple[object, ...], ...]
AT_ONCE = 400
"""So many ids go into one question (SQLite allows 999 values, older ones)."""


def plan_stamp(conn: Connection, tenant: str) -> Stamp:
    """Equal exactly when no entry of the plan was added, changed or closed in between (each import raises a version)."""
    table = aktenplan_entries
    rows = conn.execute(select(func.count(), func.sum(table.c.version), func.count(table.c.valid_to)).where(
        table.c.tenant == tenant))
    return tuple(tuple(row) for row in rows)


def files_stamp(conn: Connection, tenant: str) -> Stamp:
    """Equal when no Akte was added, changed or closed and no register was imported in between."""
    found = conn.execute(select(func.count(), func.max(files.c.id), func.count(files.c.closed_on)).where(
        files.c.tenant == tenant))
    registers = conn.execute(select(func.count(), func.max(register_entries.c.imported_at)).where(
        register_entries.c.tenant == tenant))
    imports = conn.execute(select(counters.c.value).where(
        counters.c.tenant == tenant, counters.c.name == FILES_IMPORTED))
    return (*(tuple(row) for row in found), *(tuple(row) for row in registers), *(tuple(row) for row in imports))


def files_after(conn: Connection, tenant: str, last: str = "") -> Iterator[File]:
    """The Akten with an id after `last` by id, that is: about in the order in which they were added; streamed."""
    rows = conn.execution_options(yield_per=2000).execute(
        select(files).where(files.c.tenant == tenant, files.c.id > last).order_by(files.c.id)).mappings()
    for row in rows:
        yield file_from(row)


def import_count(conn: Connection, tenant: str) -> int:
    """How often an import changed Akten that were there; when it grew, what was known of them is old."""
    return int(conn.execute(select(counters.c.value).where(
        counters.c.tenant == tenant, counters.c.name == FILES_IMPORTED)).scalar() or 0)


def file_count(conn: Connection, tenant: str) -> int:
    """How many Akten the tenant has."""
    return int(conn.execute(select(func.count()).select_from(files).where(files.c.tenant == tenant)).scalar_one())


def note_import(tx: Tx, tenant: str, register: str, name: str) -> None:
    """Remember that a register was imported now from the file `name`."""
    upsert(tx, register_imports, ("tenant", "register"),
           [{"tenant": tenant, "register": register, "name": name, "at": stamp(tx.now)}])


def imported_at(conn: Connection, tenant: str) -> dict[str, datetime]:
    """When each register was last imported."""
    rows = conn.execute(select(register_imports.c.register, register_imports.c.at).where(register_imports.c.tenant == tenant))
    return {register: parse_stamp(at) for register, at in rows}


def register_size(conn: Connection, tenant: str, register: str) -> int:
    """How many rows of a register are known: of "files" those that were imported, of "cases" all."""
    wanted = select(func.count())
    if register == "files":
        wanted = wanted.select_from(files).where(files.c.tenant == tenant, files.c.origin == "imported")
    elif register == "cases":
        wanted = wanted.select_from(cases).where(cases.c.tenant == tenant)
    else:
        wanted = wanted.select_from(register_entries).where(
            register_entries.c.tenant == tenant, register_entries.c.register == register)
    return int(conn.execute(wanted).scalar_one())


@dataclass(frozen=True, slots=True)
class Akten(Mapping[str, File]):
    """The Akten of a tenant by normalised Aktenzeichen, asked from the database one by one: 200,000 need no memory."""

    db: Database
    tenant: str

    def __getitem__(self, key: str) -> File:
        with self.db.read() as conn:
            file = file_by_reference(conn, self.tenant, key)
        if file is None:
            raise KeyError(key)
        return file

    def __iter__(self) -> Iterator[str]:
        with self.db.read() as conn:
            yield from conn.execute(select(files.c.reference_key).where(files.c.tenant == self.tenant)).scalars()

    def __len__(self) -> int:
        with self.db.read() as conn:
            return file_count(conn, self.tenant)

    def by_ids(self, ids: Sequence[str]) -> list[File]:
        """The Akten with these ids, in any order; unknown ids are left out."""
        found: list[File] = []
        with self.db.read() as conn:
            for start in range(0, len(ids), AT_ONCE):
                rows = conn.execute(select(files).where(
                    files.c.tenant == self.tenant, files.c.id.in_(ids[start:start + AT_ONCE]))).mappings()
                found += [file_from(row) for row in rows]
        return found


def titles_by_entry(conn: Connection, tenant: str) -> dict[str, list[str]]:
    """The titles of the Akten under each entry: the plan's words in the town's own language."""
    titles: dict[str, list[str]] = {}
    for entry, title in conn.execute(select(files.c.entry, files.c.title).where(files.c.tenant == tenant)):
        titles.setdefault(entry, []).append(title)
    return titles
