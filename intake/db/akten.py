"""SQL for Akten, Vorgänge and registers: written by the store and by import, asked by normalised Aktenzeichen."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from intake.db.core import Tx, add_missing, add_once, new_id, upsert
from intake.db.deliveries import next_counter
from intake.db.indexed import outdate_file
from intake.db.plan import ImportReport, open_entries
from intake.errors import InputError, Reason, Stale
from intake.keys import notation_key, reference_key
from intake.registers import CaseRow, FileRow
from intake.schema import cases, files, register_entries
from intake.vocabulary import Case, File, RegisterEntry

BATCH = 500
"""Rows looked up and written at once."""
FILES_IMPORTED = "knowledge/files"
"""Counter of imports that changed known Akten (`knowledge.files_stamp` looks at it)."""


def import_files(tx: Tx, tenant: str, rows: Iterable[FileRow], *, complete: bool = True) -> ImportReport:
    """Takes over the Akten of a register, 500 at a time; the same rows again change nothing.

    Akten of our own (origin "ours") and rows whose notation the plan does not have are left alone and named in
    `kept`. Nothing is deleted: with `complete`, imported Akten that the rows lack are only reported in `closed`.
    """
    entries = {notation_key(entry.notation): entry.id for entry in open_entries(tx.connection, tenant, tx.now.date())}
    reports: list[ImportReport] = []
    names: set[str] = set()
    stream = iter(rows)
    while some := list(islice(stream, BATCH)):
        reports.append(_import_batch(tx, tenant, some, entries))
        names.update(reference_key(row.reference) for row in some)
    if any(report.changed for report in reports):
        next_counter(tx, tenant, FILES_IMPORTED)
    gone = tuple(gone_files(tx.connection, tenant, names)) if complete else ()
    return ImportReport(
        tuple(one for report in reports for one in report.added), tuple(one for report in reports for one in report.changed),
        gone, sum(report.unchanged for report in reports), tuple(one for report in reports for one in report.kept))


def _import_batch(tx: Tx, tenant: str, rows: Sequence[FileRow], entries: Mapping[str, str]) -> ImportReport:
    known = {row["reference_key"]: row for row in tx.connection.execute(select(files).where(
        files.c.tenant == tenant, files.c.reference_key.in_([reference_key(row.reference) for row in rows]))).mappings()}
    added: list[dict[str, Any]] = []
    changed: list[str] = []
    kept: list[str] = []
    for row in rows:
        key, entry = reference_key(row.reference), entries.get(notation_key(row.notation))
        old = known.get(key)
        if entry is None:
            kept.append(f"{row.reference}: Das Kennzeichen {row.notation} steht nicht im Aktenplan. "
                        "Ergänzen Sie den Plan oder bessern Sie die Zeile aus.")
            continue
        values = _file_values(row, entry)
        if old is None:
            added.append({"id": new_id(), "tenant": tenant, "reference_key": key, "origin": "imported", **values})
        elif old["origin"] == "ours":
            kept.append(f"{row.reference}: Diese Akte wird hier geführt; die Angaben des Registers wurden nicht "
                        "übernommen.")
        elif any(old[name] != value for name, value in values.items()):
            tx.connection.execute(update(files).where(files.c.id == old["id"]).values(**values))
            outdate_file(tx, old["id"])
            changed.append(row.reference)
    add_missing(tx, files, added)
    return ImportReport(tuple(values["reference"] for values in added), tuple(changed), (),
                        len(rows) - len(added) - len(changed) - len(kept), tuple(kept))


def gone_files(conn: Connection, tenant: str, keys: Container[str]) -> list[str]:
    """The imported Akten whose normalised Aktenzeichen is not among `keys`, by Aktenzeichen."""
    rows = conn.execute(select(files.c.reference, files.c.reference_key).where(
        files.c.tenant == tenant, files.c.origin == "imported"))
    return sorted(reference for reference, key in rows if key not in keys)


def _file_values(row: FileRow, entry: str) -> dict[str, Any]:
    return {"reference": row.reference, "title": row.title, "entry": entry, "opened_on": _day(row.opened_on),
            "closed_on": _day(row.closed_on), "parcel": row.parcel, "address": row.address,
            "persons": list(row.persons), "former": list(row.former), "office": row.office, "handler": row.handler}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def import_cases(tx: Tx, tenant: str, rows: Sequence[CaseRow]) -> ImportReport:
    """Takes over the Vorgänge of a register; rows of an unknown Akte are left out and named in `kept`."""
    known_files = files_by_key(tx.connection, tenant)
    known = {(row["file"], row["reference"]): row for row in tx.connection.execute(
        select(cases).where(cases.c.tenant == tenant)).mappings()}
    added: list[dict[str, Any]] = []
    changed: list[str] = []
    kept: list[str] = []
    unchanged = 0
    for row in rows:
        file = known_files.get(reference_key(row.file))
        values = {"title": row.title, "closed_on": _day(row.closed_on)}
        if file is None:
            kept.append(f"{row.reference}: Die Akte {row.file} ist nicht bekannt. Importieren Sie zuerst die Akten.")
        elif (old := known.get((file.id, row.reference))) is None:
            added.append({"id": new_id(), "tenant": tenant, "file": file.id, "reference": row.reference,
                          "origin": "imported", **values})
        elif old["origin"] == "imported" and any(old[name] != value for name, value in values.items()):
            tx.connection.execute(update(cases).where(cases.c.id == old["id"]).values(**values))
            outdate_file(tx, file.id)
            changed.append(row.reference)
        else:
            unchanged += 1
    add_missing(tx, cases, added)
    return ImportReport(tuple(values["reference"] for values in added), tuple(changed), (), unchanged, tuple(kept))


def import_register(tx: Tx, tenant: str, register: str, rows: Sequence[RegisterEntry]) -> ImportReport:
    """Makes `rows` the whole register; rows that are gone are deleted (a register is knowledge, no record)."""
    known = {entry.key: entry.values for entry in register_rows(tx.connection, tenant, register)}
    wanted = {row.key: dict(row.values) for row in rows}
    added = [key for key in wanted if key not in known]
    changed = [key for key, values in wanted.items() if key in known and values != known[key]]
    gone = [key for key in known if key not in wanted]
    for start in range(0, len(stale := [*changed, *gone]), 500):
        tx.connection.execute(delete(register_entries).where(
            register_entries.c.tenant == tenant, register_entries.c.register == register,
            register_entries.c.key.in_(stale[start:start + 500])))
    upsert(tx, register_entries, ("tenant", "register", "key"), [
        {"tenant": tenant, "register": register, "key": key, "values": wanted[key], "imported_at": tx.now}
        for key in (*added, *changed)])
    return ImportReport(tuple(added), tuple(changed), tuple(gone), len(wanted) - len(added) - len(changed))


def add_file(tx: Tx, tenant: str, file: File, opened_on: date | None = None) -> File:
    """Adds an Akte (a new id when `file.id` is empty) and returns it; the day it was opened is today unless given.

    Raises InputError when an Akte with this Aktenzeichen exists or the Aktenzeichen is empty, Stale when somebody else opens one
    at this very moment.
    """
    key = reference_key(file.reference)
    if not key or file_by_reference(tx.connection, tenant, file.reference) is not None:
        raise InputError(f"Das Aktenzeichen „{file.reference}“ ist leer oder schon vergeben. Wählen Sie ein anderes.",
                         reason=Reason.WRONG_TYPE, detail="reference")
    made = replace(file, id=file.id or new_id())
    if not add_once(
            tx, files, id=made.id, tenant=tenant, reference=made.reference, reference_key=key, title=made.title, entry=made.entry,
            origin=made.origin, opened_on=_day(opened_on or tx.now.date()), closed_on=_day(made.closed_on), parcel=made.parcel,
            address=made.address, persons=made.persons, former=made.former, office=made.office, handler=made.handler):
        raise Stale(f"Das Aktenzeichen „{made.reference}“ wurde gerade vergeben. Laden Sie den Stand neu.")
    return made


def add_case(tx: Tx, tenant: str, case: Case) -> Case:
    """Adds a Vorgang (a new id when `case.id` is empty) and returns it."""
    made = replace(case, id=case.id or new_id())
    tx.connection.execute(insert(cases).values(
        id=made.id, tenant=tenant, file=made.file, reference=made.reference, title=made.title, origin=made.origin,
        closed_on=_day(made.closed_on)))
    return made


def hold_file(tx: Tx, tenant: str, name: str, *, alone: bool = False) -> None:
    """Hold the Akte with this id until the transaction ends: nobody changes it meanwhile, and with `alone` nobody files there.

    Harmless for an unknown id.
    """
    tx.connection.execute(select(files.c.id).where(
        files.c.tenant == tenant, files.c.id == name).with_for_update(read=not alone))


def update_file(tx: Tx, tenant: str, file: File) -> File:
    """Write what `file` says over the row with its id, and returns it; what is known of Akten is loaded anew."""
    tx.connection.execute(update(files).where(files.c.tenant == tenant, files.c.id == file.id).values(
        reference=file.reference, reference_key=reference_key(file.reference), title=file.title, entry=file.entry,
        origin=file.origin, closed_on=_day(file.closed_on), parcel=file.parcel, address=file.address,
        persons=list(file.persons), former=list(file.former), office=file.office, handler=file.handler))
    next_counter(tx, tenant, FILES_IMPORTED)
    outdate_file(tx, file.id)
    return file


def update_case(tx: Tx, tenant: str, case: Case) -> Case:
    """The same for a Vorgang."""
    tx.connection.execute(update(cases).where(cases.c.tenant == tenant, cases.c.id == case.id).values(
        reference=case.reference, title=case.title, origin=case.origin, closed_on=_day(case.closed_on)))
    outdate_file(tx, case.file)
    return case


def opening_day(conn: Connection, name: str) -> date | None:
    """The day the Akte with this id was opened; None when that is not known."""
    found = conn.execute(select(files.c.opened_on).where(files.c.id == name)).scalar()
    return date.fromisoformat(found) if found else None


def close_file(tx: Tx, tenant: str, name: str, on: date) -> None:
    """Writes the zdA day of an Akte; raises Stale when it is closed already or unknown."""
    result = tx.connection.execute(update(files).where(
        files.c.tenant == tenant, files.c.id == name, files.c.closed_on.is_(None)).values(closed_on=_day(on)))
    if result.rowcount != 1:
        raise Stale("Die Akte ist schon geschlossen. Laden Sie die Ansicht neu.")


def file_from(row: RowMapping) -> File:
    """A row of `files` as the type of the vocabulary."""
    return File(row["id"], row["reference"], row["title"], row["entry"], row["origin"],
                date.fromisoformat(row["closed_on"]) if row["closed_on"] else None, row["parcel"], row["address"],
                tuple(row["persons"]), tuple(row["former"]), row["office"], row["handler"])


def _case(row: RowMapping) -> Case:
    return Case(row["id"], row["file"], row["reference"], row["title"], row["origin"],
                date.fromisoformat(row["closed_on"]) if row["closed_on"] else None)


def get_file(conn: Connection, tenant: str, name: str) -> File | None:
    """The Akte with this id; None when there is none."""
    row = conn.execute(select(files).where(files.c.tenant == tenant, files.c.id == name)).mappings().first()
    return file_from(row) if row else None


def file_by_reference(conn: Connection, tenant: str, reference: str) -> File | None:
    """The Akte whose Aktenzeichen is equal by `reference_key`; None when there is none."""
    row = conn.execute(select(files).where(
        files.c.tenant == tenant, files.c.reference_key == reference_key(reference))).mappings().first()
    return file_from(row) if row else None


def files_by_key(conn: Connection, tenant: str) -> dict[str, File]:
    """All Akten of the tenant by normalised Aktenzeichen (the knowledge that `propose` and `policy` are given)."""
    rows = conn.execute(select(files).where(files.c.tenant == tenant)).mappings()
    return {row["reference_key"]: file_from(row) for row in rows}


def files_of_entry(conn: Connection, tenant: str, entry: str) -> tuple[File, ...]:
    """The Akten under an entry of the plan, by Aktenzeichen."""
    rows = conn.execute(select(files).where(files.c.tenant == tenant, files.c.entry == entry).order_by(
        files.c.reference_key)).mappings()
    return tuple(file_from(row) for row in rows)


def get_case(conn: Connection, tenant: str, name: str) -> Case | None:
    """The Vorgang with this id; None when there is none."""
    row = conn.execute(select(cases).where(cases.c.tenant == tenant, cases.c.id == name)).mappings().first()
    return _case(row) if row else None


def cases_of(conn: Connection, tenant: str, file: str) -> tuple[Case, ...]:
    """The Vorgänge of an Akte, by reference."""
    rows = conn.execute(select(cases).where(cases.c.tenant == tenant, cases.c.file == file).order_by(
        cases.c.reference)).mappings()
    return tuple(_case(row) for row in rows)


def register_rows(conn: Connection, tenant: str, register: str) -> tuple[RegisterEntry, ...]:
    """The rows of a register, by key."""
    rows = conn.execute(select(register_entries).where(
        register_entries.c.tenant == tenant, register_entries.c.register == register).order_by(
        register_entries.c.key)).mappings()
    return tuple(RegisterEntry(register, row["key"], row["values"]) for row in rows)


def registers(conn: Connection, tenant: str, names: Iterable[str]) -> Mapping[str, tuple[RegisterEntry, ...]]:
    """The rows of several registers by name."""
    return {name: register_rows(conn, tenant, name) for name in names}
