"""SQL for the filing plan in its versions: import with a report, look-ups. An entry is closed, never deleted.

Row (tenant, id, version); `current` marks the newest version of an id, whether it is open or closed. An entry is open
on a day that is not after its `valid_to`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, insert, or_, select, update

from intake.access import Unit, classes_of
from intake.aktenplan import in_order, link, sort_keys
from intake.db.core import Tx
from intake.keys import compact_key, notation_key
from intake.schema import aktenplan_entries as table
from intake.vocabulary import AktenplanEntry


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, each thing by its notation, Aktenzeichen or key.

    `closed` of a plan are entries that the file no longer has (valid_to set), of a register rows that are gone;
    `kept` are rows left as they were, with a German sentence each.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    unchanged: int = 0
    kept: tuple[str, ...] = ()

    def line(self) -> str:
        """The report as one German line."""
        return (f"{len(self.added)} neu, {len(self.changed)} geändert, {len(self.closed)} geschlossen oder entfallen, "
                f"{self.unchanged} unverändert" + (f", {len(self.kept)} nicht übernommen" if self.kept else ""))


def import_plan(tx: Tx, tenant: str, entries: Sequence[AktenplanEntry], *, extension: bool = False) -> ImportReport:
    """Makes `entries` (as `read_plan` gave them) the plan of the tenant; the same file again changes nothing.

    A plan that several tenants share is imported for each; what one of them adds of its own is its `extension`: kept apart, so
    that neither import closes or changes entries of the other. An entry whose Kennzeichen the other has open is not taken over.

    The id of the file wins; an entry whose id was made from its notation keeps the id that the notation already has.
    Entries that the file lacks are closed with yesterday's date, whether in use or not: filings point to them for ever.
    """
    known = {entry.id: (entry, version) for entry, version in _newest(tx.connection, tenant, extension)}
    others = [entry for entry, _ in _newest(tx.connection, tenant, not extension)]
    entries, kept = _without_theirs(entries, others)
    linked, _ = link([*(others if extension else ()), *_keep_ids(entries, known)], _parent_names(entries))
    keys = sort_keys(linked)
    theirs = {entry.id for entry in others}
    wanted = [entry for entry in linked if entry.id not in theirs]
    today = tx.now.date()
    added, changed, rows, old = [], [], [], []
    for entry in wanted:
        if entry.id not in known:
            added.append(entry.notation)
            rows.append(_row(tenant, entry, 1, keys[entry.id], extension))
        elif entry != known[entry.id][0]:
            changed.append(entry.notation)
            old.append(entry.id)
            rows.append(_row(tenant, entry, known[entry.id][1] + 1, keys[entry.id], extension))
    names = {entry.id for entry in wanted}
    gone = [(entry, version) for entry, version in known.values() if entry.id not in names and entry.valid_to is None]
    for entry, version in gone:
        old.append(entry.id)
        closed = replace(entry, valid_to=date.fromordinal(today.toordinal() - 1))
        rows.append(_row(tenant, closed, version + 1, _sort_key(tx.connection, tenant, entry.id), extension))
    if old:
        tx.connection.execute(
            update(table).where(table.c.tenant == tenant, table.c.id == bindparam("old")).values(current=False),
            [{"old": name} for name in old])
    if rows:
        tx.connection.execute(insert(table), rows)
    if rows or old:
        _settle_classes(tx, tenant)
    return ImportReport(tuple(added), tuple(changed), tuple(entry.notation for entry, _ in gone),
                        len(wanted) - len(added) - len(changed), kept)


def _settle_classes(tx: Tx, tenant: str) -> None:
    """Write down which access class holds for each entry now (`intake.access`), for the one clause that asks for it."""
    rows = tx.connection.execute(select(
        table.c.id, table.c.parent, table.c.title, table.c.access_class, table.c.effective_class).where(
        table.c.tenant == tenant, table.c.current)).all()
    classes = classes_of(Unit(*row[:4]) for row in rows)
    changed = [{"name": row.id, "said": classes[row.id]} for row in rows if row.effective_class != classes[row.id]]
    if changed:
        tx.connection.execute(update(table).where(
            table.c.tenant == tenant, table.c.id == bindparam("name"), table.c.current).values(
            effective_class=bindparam("said")), changed)


def _without_theirs(
    entries: Sequence[AktenplanEntry], others: Sequence[AktenplanEntry],
) -> tuple[list[AktenplanEntry], tuple[str, ...]]:
    """`entries` without those that the other part of the plan has, and a German sentence for each left out."""
    ids = {entry.id for entry in others}
    notations = {notation_key(entry.notation) for entry in others if entry.valid_to is None}
    double = [entry for entry in entries
              if entry.id in ids or (entry.valid_to is None and notation_key(entry.notation) in notations)]
    names = {entry.id for entry in double}
    return [entry for entry in entries if entry.id not in names], tuple(
        f"{entry.notation} „{entry.title}“ steht schon im anderen Teil des Plans. Nehmen Sie den Eintrag dort heraus, oder "
        "vergeben Sie ein anderes Kennzeichen." for entry in double)


def _keep_ids(
    entries: Sequence[AktenplanEntry], known: Mapping[str, tuple[AktenplanEntry, int]],
) -> list[AktenplanEntry]:
    """`entries` with made ids (`n-...`) exchanged for the id that the open entry of that notation has."""
    by_notation = {notation_key(entry.notation): name for name, (entry, _) in known.items() if entry.valid_to is None}
    kept = [replace(entry, id=by_notation.get(notation_key(entry.notation), entry.id))
            if entry.id.startswith("n-") and entry.id not in known else entry for entry in entries]
    return kept


def _parent_names(entries: Sequence[AktenplanEntry]) -> dict[str, str]:
    """id -> notation of the parent that the reader found, so that linking again after `_keep_ids` finds the same."""
    notation = {entry.id: entry.notation for entry in entries}
    return {entry.id: notation[entry.parent] for entry in entries if entry.parent in notation and entry.parent}


def _row(tenant: str, entry: AktenplanEntry, version: int, sort_key: str, extension: bool) -> dict[str, Any]:
    return {
        "tenant": tenant, "id": entry.id, "version": version, "notation": entry.notation, "sort_key": sort_key,
        "parent": entry.parent, "title": entry.title, "keywords": list(entry.keywords),
        "description": entry.description, "unit": entry.unit, "retention": entry.retention,
        "disposal": entry.disposal, "access_class": entry.access_class,
        "valid_from": entry.valid_from.isoformat() if entry.valid_from else None,
        "valid_to": entry.valid_to.isoformat() if entry.valid_to else None, "current": True, "extension": extension}


def _entry(row: RowMapping) -> AktenplanEntry:
    return AktenplanEntry(
        row["id"], row["notation"], row["title"], tuple(row["keywords"]), row["unit"], row["retention"],
        row["disposal"], row["access_class"], date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
        date.fromisoformat(row["valid_to"]) if row["valid_to"] else None, row["description"], row["parent"])


def _newest(conn: Connection, tenant: str, extension: bool | None = None) -> list[tuple[AktenplanEntry, int]]:
    wanted = select(table).where(table.c.tenant == tenant, table.c.current)
    if extension is not None:
        wanted = wanted.where(table.c.extension.is_(extension))
    rows = conn.execute(wanted).mappings()
    return [(_entry(row), row["version"]) for row in rows]


def _sort_key(conn: Connection, tenant: str, name: str) -> str:
    return str(conn.execute(select(table.c.sort_key).where(
        table.c.tenant == tenant, table.c.id == name, table.c.current)).scalar_one())


def open_entries(conn: Connection, tenant: str, on: date) -> tuple[AktenplanEntry, ...]:
    """The entries open on the day `on`, in plan order."""
    day = on.isoformat()
    rows = conn.execute(select(table).where(
        table.c.tenant == tenant, table.c.current,
        or_(table.c.valid_to.is_(None), table.c.valid_to >= day),
        or_(table.c.valid_from.is_(None), table.c.valid_from <= day)).order_by(table.c.sort_key, table.c.id)).mappings()
    return tuple(_entry(row) for row in rows)


def with_classes(conn: Connection, tenant: str, entries: Sequence[AktenplanEntry]) -> tuple[AktenplanEntry, ...]:
    """The entries each with the access class that holds for it, be it that of an entry above (`intake.access`)."""
    rows = conn.execute(select(table.c.id, table.c.effective_class).where(
        table.c.tenant == tenant, table.c.current, table.c.effective_class != ""))
    classes = {row.id: row.effective_class for row in rows}
    return tuple(replace(entry, access_class=classes.get(entry.id, entry.access_class)) for entry in entries)


def all_entries(conn: Connection, tenant: str) -> tuple[AktenplanEntry, ...]:
    """The newest version of every entry, open or closed, in plan order (for export)."""
    return in_order([entry for entry, _ in _newest(conn, tenant)])


def get_entry(conn: Connection, tenant: str, name: str) -> AktenplanEntry | None:
    """The newest version of the entry with this id, open or closed; None when there never was one."""
    row = conn.execute(select(table).where(and_(
        table.c.tenant == tenant, table.c.id == name, table.c.current))).mappings().first()
    return _entry(row) if row else None


def get_entries(conn: Connection, tenant: str, names: Sequence[str]) -> dict[str, AktenplanEntry]:
    """The newest versions of the entries with these ids, by id; unknown ones are left out."""
    rows = conn.execute(select(table).where(
        table.c.tenant == tenant, table.c.id.in_(names), table.c.current)).mappings() if names else ()
    return {row["id"]: _entry(row) for row in rows}


def entry_names(conn: Connection, tenant: str, names: Sequence[str]) -> dict[str, str]:
    """Kennzeichen and title ("6 Bauen") of the entries with these ids, by id; unknown ones are left out."""
    rows = conn.execute(select(table.c.id, table.c.notation, table.c.title).where(
        table.c.tenant == tenant, table.c.current, table.c.id.in_(names)))
    return {row.id: f"{row.notation} {row.title}" for row in rows}


def entry_by_notation(conn: Connection, tenant: str, notation: str, on: date) -> AktenplanEntry | None:
    """The entry open on `on` whose notation has the same key (`632.60`, `632 60`), or, written without dots and blanks
    (`63260`), the only one that this can mean; None when there is none."""
    wanted, found = notation_key(notation), open_entries(conn, tenant, on)
    exact = next((entry for entry in found if notation_key(entry.notation) == wanted), None)
    loose = [entry for entry in found if compact_key(entry.notation) == compact_key(notation)]
    return exact or (loose[0] if wanted and len(loose) == 1 else None)


def versions(conn: Connection, tenant: str, name: str) -> tuple[AktenplanEntry, ...]:
    """All versions of an entry, the oldest first."""
    rows = conn.execute(select(table).where(table.c.tenant == tenant, table.c.id == name).order_by(
        table.c.version)).mappings()
    return tuple(_entry(row) for row in rows)


def newest_version(conn: Connection, tenant: str) -> int:
    """The highest version of any entry of the tenant's plan; 0 without a plan."""
    return int(conn.execute(select(func.max(table.c.version)).where(table.c.tenant == tenant, table.c.current)).scalar() or 0)
