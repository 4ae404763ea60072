"""SQL for giving whole Akten away and taking them in: the rows that make a filed document, and the Protokoll it brought along."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, Literal

from annotated_types import Ge, MaxLen
from sqlalchemy import Connection, func, select

from intake.db import deliveries as sendungen
from intake.db import documents as schriftstuecke
from intake.db.access import visible_documents, visible_files
from intake.db.akten import file_from
from intake.db.core import Tx, add, add_many, parse_stamp
from intake.db.cuts import from_json
from intake.db.filings import add_filing, get_filing
from intake.schema import (
    aktenplan_entries,
    decisions,
    deliveries,
    documents,
    filings,
    handovers,
    histories,
)
from intake.schema import files as akten
from intake.vocabulary import (
    Blob,
    Decision,
    Delivery,
    DeliveryState,
    Document,
    DocumentState,
    File,
    Filing,
    PageRef,
    Part,
    Viewer,
)
from intake.xdomea import History

CHANNEL = "xdomea"
Id = Annotated[str, MaxLen(26)]
Text = Annotated[str, MaxLen(10_000)]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """What beside its filing makes a filed document: where it came from, how it was cut, who decided."""

    id: Id
    parent: Id | None
    key: Annotated[str, MaxLen(64)]
    at: datetime
    reason: Text
    access_class: Annotated[str, MaxLen(80)]
    lane: Annotated[str, MaxLen(16)]
    cut_by: Annotated[str, MaxLen(80)]
    cut: Mapping[str, Any]
    why: Text
    revision: Annotated[int, Ge(1)]
    by: Annotated[str, MaxLen(120)]
    decided_at: datetime
    decided: Annotated[int, Ge(1)]
    envelope: Mapping[str, str]
    name: Text
    title: Text
    notation: Annotated[str, MaxLen(80)]
    values: Mapping[str, str]
    received_at: datetime
    pdf: Blob
    originals: tuple[Blob, ...]
    pdfa: Literal["2b", "3b", "none"]
    pages: Annotated[int, Ge(0)]


def files_for(conn: Connection, viewer: Viewer, *, file: str = "", entries: Collection[str] | None = None,
              ) -> Iterator[tuple[File, date | None]]:
    """(Akte, the day it was opened) of those the viewer sees: all, one by its id, or those under these entries."""
    wanted = select(akten).where(visible_files(conn, viewer)).order_by(akten.c.reference_key, akten.c.id)
    if file:
        wanted = wanted.where(akten.c.id == file)
    if entries is not None:
        wanted = wanted.where(akten.c.entry.in_(tuple(entries)))
    for row in conn.execute(wanted).mappings().all():
        yield file_from(row), date.fromisoformat(row["opened_on"]) if row["opened_on"] else None


def documents_for(conn: Connection, viewer: Viewer, file: str) -> list[tuple[Filing, DocumentRow]]:
    """What lies in an Akte and the viewer sees, in the order in which it was filed."""
    rows = conn.execute(select(
        filings.c.key, filings.c.at, filings.c.pdfa_reason, documents, decisions.c.by, decisions.c.at.label("decided_at"),
        decisions.c.revision.label("decided"), deliveries.c.envelope, deliveries.c.name,
    ).join(documents, documents.c.id == filings.c.document).join(deliveries, deliveries.c.id == documents.c.delivery).outerjoin(
        decisions, (decisions.c.document == documents.c.id) & decisions.c.live,
    ).where(filings.c.file == file, filings.c.undone_at.is_(None), visible_documents(conn, viewer)).order_by(
        filings.c.at, filings.c.key)).mappings().all()
    found = []
    for row in rows:
        filing = get_filing(conn, row["key"])
        found.append((filing, DocumentRow(
            row["id"], row["parent"], filing.key, parse_stamp(row["at"]), row["pdfa_reason"], row["access_class"], row["lane"],
            row["cut_by"], row["cut"], row["why"], row["revision"], row["by"] or "", parse_stamp(row["decided_at"] or row["at"]),
            row["decided"] or row["revision"], row["envelope"], row["name"], filing.title, filing.entry.notation, filing.values,
            filing.received_at, filing.pdf, filing.originals, filing.pdfa, filing.pages)))
    return found


def extensions(conn: Connection, tenant: str) -> frozenset[str]:
    """Ids of the entries that are the tenant's own addition to a shared plan."""
    rows = conn.execute(select(aktenplan_entries.c.id).where(
        aktenplan_entries.c.tenant == tenant, aktenplan_entries.c.current, aktenplan_entries.c.extension))
    return frozenset(rows.scalars())


def is_empty(conn: Connection, tenant: str) -> bool:
    """Whether the tenant has no Akte and no delivery yet."""
    return not any(conn.execute(select(func.count()).select_from(table).where(table.c.tenant == tenant)).scalar()
                   for table in (akten, deliveries))


def taken_in(conn: Connection, tenant: str) -> tuple[str, ...]:
    """Ids of the deliveries that an import made, the oldest first."""
    rows = conn.execute(select(deliveries.c.id).where(
        deliveries.c.tenant == tenant, deliveries.c.channel == CHANNEL).order_by(deliveries.c.id))
    return tuple(rows.scalars())


def put_document(tx: Tx, tenant: str, row: DocumentRow, filing: Filing, delivery: str) -> None:
    """A document as it was filed elsewhere, as a delivery of its own: its files are the originals, its pages those of the PDF."""
    original = row.originals[0] if row.originals else row.pdf
    sendungen.add_delivery(tx, Delivery(
        delivery, tenant, f"{CHANNEL}/{row.id}", CHANNEL, CHANNEL, row.received_at, replace(original, name=row.name),
        DeliveryState.OPENED, envelope=sendungen.envelope_from(row.envelope), access_class=row.access_class,
        lane="backfile" if row.lane == "backfile" else "post"))
    sendungen.add_parts(tx, delivery, tenant, [Part(delivery, 0, None, row.pdf, row.pages)])
    document = Document(row.id, tenant, delivery, tuple(PageRef(0, number) for number in range(1, row.pages + 1)), row.parent,
                        DocumentState.FILED, row.revision, row.access_class)
    schriftstuecke.add_document(tx, document, 0, from_json(row.cut_by, row.cut))
    schriftstuecke.add_decision(tx, tenant, Decision(row.id, row.values, row.by, row.decided_at, row.decided))
    add_filing(Tx(tx.connection, row.at), filing, row.reason)


def not_handed_over(tx: Tx, key: str, tenant: str, target: str, place: str) -> None:
    """What came from elsewhere is not handed over by itself; a change of it is."""
    add(tx, handovers, tenant=tenant, filing=key, target=target, state="done", place=place, told=False, attempts=0, failures=0,
        not_before="", why="")


def put_history(tx: Tx, tenant: str, subject: str, lines: Sequence[History]) -> None:
    """Keep the Protokoll that an object brought along."""
    add_many(tx, histories, [{
        "tenant": tenant, "subject": subject, "position": position, "at": line.at.isoformat(), "actor": line.actor,
        "action": line.action, "name": line.name, "old": line.old, "new": line.new, "remark": line.remark}
        for position, line in enumerate(lines)])


def history_of(conn: Connection, tenant: str, subject: str) -> tuple[History, ...]:
    """The Protokoll that an object brought along; () for one that is from here."""
    rows = conn.execute(select(histories).where(
        histories.c.tenant == tenant, histories.c.subject == subject).order_by(histories.c.position))
    return tuple(History(datetime.fromisoformat(row.at), row.actor, row.action, row.name, row.old, row.new, row.remark)
                 for row in rows)
