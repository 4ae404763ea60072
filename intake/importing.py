"""An xdomea package that another Poststelle wrote, into a tenant that has nothing yet: the same plan, Akten, documents, history.

All rows come in one transaction after all bytes are kept: a kill leaves bytes without rows, and the import is simply made again.
Packages of other systems are read and shown (`summary`), not taken in: what they leave open would have to be guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from annotated_types import MaxLen
from pydantic import TypeAdapter, ValidationError

from intake.blobs import Blobs
from intake.box.package import Line, Message, PackedCase, PackedDocument, PackedFolder
from intake.config import Tenant
from intake.db.akten import add_case, add_file
from intake.db.core import Database, Tx, new_id
from intake.db.exchange import CHANNEL, DocumentRow, is_empty, not_handed_over, put_document, put_history
from intake.db.handovers import place_of
from intake.db.plan import all_entries, import_plan
from intake.errors import InputError, Reason, Refused
from intake.journal import record
from intake.vocabulary import AktenplanEntry, Blob, Case, File, Filing
from intake.xdomea import History

ACTOR = "service:import"
FULL = "{name} hat schon Akten oder Sendungen. Spielen Sie das Paket in einen leeren Mandanten ein."
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EntryRow(AktenplanEntry):
    """A plan entry as a Poststelle exports it."""

    extension: bool = False


@dataclass(frozen=True, slots=True)
class FileRow(File):
    """An Akte as a Poststelle exports it."""

    opened_on: date | None = None


@dataclass(frozen=True, slots=True)
class Row(DocumentRow):
    """A document as a Poststelle exports it; `case` is the id of its Vorgang, "" for none."""

    case: Annotated[str, MaxLen(26)] = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """How much was taken in."""

    entries: int
    files: int
    cases: int
    documents: int
    blobs: int


def summary(message: Message) -> dict[str, Any]:
    """What is in a message, for people: its kind and how many of what."""
    raw = message.raw
    documents = list(_all_documents(raw.folders, raw.cases, raw.documents))
    return {"Nachricht": raw.name, "Fassung": raw.version, "ProzessID": raw.process, "erstellt": raw.made, "Absender": raw.sender,
            "Aktenplaneinheiten": len(raw.units), "Akten": len(raw.folders),
            "Vorgänge": len(raw.cases) + sum(len(one.cases) for one in raw.folders), "Schriftstücke": len(documents),
            "Dateien": sum(len(one.files) for one in documents), "ungenannte Dateien": len(raw.strangers)}


def take_in(db: Database, blobs: Blobs, tenant: Tenant, message: Message, by: str) -> Imported:
    """Take in a whole package; `message.files` must lie unpacked. Raises InputError for a package that is none of a Poststelle,
    is damaged or incomplete, Refused when the tenant has Akten or post already; then nothing has changed."""
    raw = message.raw
    if raw.kind != "0401" or raw.cases or raw.documents or not raw.folders or not all(one.data for one in raw.folders):
        raise InputError("Dieses Paket hat keine Poststelle geschrieben. Es lässt sich ansehen (--show), aber nicht einspielen.",
                         reason=Reason.WRONG_TYPE)
    with db.read() as conn:
        if not is_empty(conn, tenant.name):
            raise Refused(FULL.format(name=tenant.name))
    entries = [_parsed(EntryRow, unit.data) for unit in raw.units]
    rows = _rows(raw.folders)
    kept = _keep(blobs, message)
    with db.transaction() as tx:
        if not is_empty(tx.connection, tenant.name):
            raise Refused(FULL.format(name=tenant.name))
        plan = _put_plan(tx, tenant, entries)
        counted = [_put_folder(tx, tenant, folder, rows, plan, kept) for folder in raw.folders]
        record(tx, tenant.name, f"clerk:{by}", "store.imported", subjects={}, new={"process": raw.process})
    return Imported(len(entries), len(counted), sum(one[0] for one in counted), sum(one[1] for one in counted), len(kept))


def _parsed(kind: type[T], data: str) -> T:
    """A row of ours out of a package; raises InputError when it is not in the form we write."""
    try:
        found: T = TypeAdapter(kind).validate_json(data)
        return found
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise InputError("Das Paket ist beschädigt oder verändert. Lassen Sie es neu ausgeben.", reason=Reason.DAMAGED,
                         detail=f"{kind.__name__}: {where}: {first['msg']}") from None


def _rows(folders: Sequence[PackedFolder]) -> dict[str, Row]:
    """The rows of all documents by their UUIDs; an Anlage whose main document is not in the package stands alone."""
    rows = {one.id: _parsed(Row, one.data) for one in _all_documents(folders, (), ())}
    known = {row.id for row in rows.values()}
    return {name: row if row.parent in known else replace(row, parent=None) for name, row in rows.items()}


def _keep(blobs: Blobs, message: Message) -> dict[str, Blob]:
    """Every file of the package in the store, by its hash; raises InputError where one is missing or another than it says."""
    kept: dict[str, Blob] = {}
    for document in _all_documents(message.raw.folders, (), ()):
        for one in document.files:
            path = message.files.get(one.file or "")
            if path is None:
                raise InputError(f"Im Paket fehlt die Datei {one.name}. Lassen Sie es neu ausgeben.", reason=Reason.INCOMPLETE)
            blob = blobs.add_file(path, one.original, one.media_type)
            if blob.sha256 != one.sha256:
                raise InputError(f"Die Datei {one.name} im Paket wurde verändert: Ihre Prüfsumme stimmt nicht. Lassen Sie das "
                                 "Paket neu ausgeben.", reason=Reason.DAMAGED)
            kept[blob.sha256] = blob
    return kept


def _all_documents(folders: Sequence[PackedFolder], cases: Sequence[PackedCase],
                   documents: Sequence[PackedDocument]) -> Iterator[PackedDocument]:
    waiting = [*documents, *(one for folder in folders for one in folder.documents),
               *(one for case in (*cases, *(case for folder in folders for case in folder.cases)) for one in case.documents)]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.attached


def _put_plan(tx: Tx, tenant: Tenant, entries: Sequence[EntryRow]) -> dict[str, AktenplanEntry]:
    """The plan of the package, or that of the tenant where it is the same; by id. Raises Refused for another."""
    wanted = {entry.id: AktenplanEntry(**{name: getattr(entry, name) for name in AktenplanEntry.__slots__}) for entry in entries}
    known = {entry.id: entry for entry in all_entries(tx.connection, tenant.name)}
    if not known:
        own = {entry.id for entry in entries if entry.extension}
        import_plan(tx, tenant.name, [entry for name, entry in wanted.items() if name not in own])
        if own:
            import_plan(tx, tenant.name, [entry for name, entry in wanted.items() if name in own], extension=True)
        known = {entry.id: entry for entry in all_entries(tx.connection, tenant.name)}
    if known != wanted:
        raise Refused(f"{tenant.name} hat schon einen anderen Aktenplan als das Paket. Legen Sie einen Mandanten ohne Plan an "
                      "(poststelle init --empty), und spielen Sie es dort ein.")
    return known


def _put_folder(tx: Tx, tenant: Tenant, folder: PackedFolder, rows: dict[str, Row], plan: dict[str, AktenplanEntry],
                kept: dict[str, Blob]) -> tuple[int, int]:
    """One Akte with all that lies in it; (Vorgänge, documents)."""
    row = _parsed(FileRow, folder.data)
    if row.entry not in plan:
        raise InputError(f"Der Aktenplan im Paket hat keinen Eintrag für die Akte {row.reference}.", reason=Reason.DAMAGED)
    file = add_file(tx, tenant.name, File(**{name: getattr(row, name) for name in File.__slots__}), row.opened_on)
    put_history(tx, tenant.name, file.id, _lines(folder.history))
    record(tx, tenant.name, ACTOR, "file.imported", subjects={"file": file.id}, new={"reference": file.reference})
    cases: dict[str, Case] = {}
    for packed in folder.cases:
        case = add_case(tx, tenant.name, replace(_parsed(Case, packed.data), file=file.id))
        cases[case.id] = case
        put_history(tx, tenant.name, case.id, _lines(packed.history))
    documents = list(_all_documents([folder], (), ()))
    for one in documents:
        _put_document(tx, tenant, one, rows[one.id], file, cases, plan, kept)
    return len(cases), len(documents)


def _put_document(tx: Tx, tenant: Tenant, packed: PackedDocument, row: Row, file: File, cases: dict[str, Case],
                  plan: dict[str, AktenplanEntry], kept: dict[str, Blob]) -> None:
    """One document with its filing, decision and Protokoll."""
    blobs = (row.pdf, *row.originals)
    if {blob.sha256 for blob in blobs} != {one.sha256 for one in packed.files} or any(
            kept[blob.sha256].size != blob.size for blob in blobs) or (row.case and row.case not in cases):
        raise InputError(f"Das Paket passt für „{packed.title[:80]}“ nicht zusammen. Lassen Sie es neu ausgeben.",
                         reason=Reason.DAMAGED, detail="Dateien oder Vorgang")
    filing = Filing(row.key, tenant.name, row.id, replace(plan[file.entry], notation=row.notation), file, cases.get(row.case),
                    row.title, row.values, row.received_at, row.pdf, row.originals, row.pdfa, row.pages)
    delivery = new_id()
    put_document(tx, tenant.name, row, filing, delivery)
    put_history(tx, tenant.name, row.id, _lines(packed.history))
    for target in tenant.handover:
        not_handed_over(tx, row.key, tenant.name, target.name, place_of(filing))
    record(tx, tenant.name, ACTOR, "document.imported", subjects={"delivery": delivery, "document": row.id, "file": file.id},
           new={"filing": row.key, "pdf": row.pdf.sha256, "channel": CHANNEL})


def _lines(lines: Sequence[Line]) -> list[History]:
    """The Protokoll of an object; raises InputError for a time that is none."""
    try:
        return [History(datetime.fromisoformat(one.at), one.actor, one.action, one.name, one.old, one.new, one.remark)
                for one in lines]
    except ValueError as error:
        raise InputError("Im Protokoll des Pakets steht eine Zeit, die keine ist. Lassen Sie das Paket neu ausgeben.",
                         reason=Reason.DAMAGED) from error
