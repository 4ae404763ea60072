"""What `verify` asks the database: which bytes are spoken of, and which rows do not fit together. Read only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select, union

from intake.db.core import parse_stamp
from intake.schema import (
    decisions,
    deliveries,
    documents,
    filings,
    journal_subjects,
    page_reads,
    pages,
    parts,
    receipts,
)
from intake.vocabulary import DeliveryState, DocumentState

Row = tuple[str, str]
"""id of the row, what is wrong with it (German)"""


@dataclass(frozen=True, slots=True)
class Filed:
    """A filing that is not undone: its hashes, (store, reference) of the receipts it has, and when the stores were last told to
    hear of it: when it was filed, or its Akte was renamed or closed since."""

    key: str
    pdf: str
    originals: tuple[str, ...]
    at: datetime
    receipts: tuple[tuple[str, str], ...]


def referenced(conn: Connection, tenant: str) -> dict[str, str]:
    """Every hash a row of the tenant speaks of, with one row that does ("deliveries/…"). Undone filings keep theirs."""
    found: dict[str, str] = {}
    for label, key, columns in (
        ("deliveries", deliveries.c.id, (deliveries.c.original,)),
        ("parts", parts.c.delivery, (parts.c.sha256,)),
        ("page_reads", page_reads.c.original, (page_reads.c.chunk,)),
    ):
        for column in columns:
            rows = conn.execute(select(column, func.min(key)).where(key.table.c.tenant == tenant).group_by(column))
            found.update({sha256: f"{label}/{id}" for sha256, id in rows if sha256})
    for row in conn.execute(select(filings.c.key, filings.c.pdf, filings.c.originals).where(filings.c.tenant == tenant)):
        found.update({blob["sha256"]: f"filings/{row.key}" for blob in (row.pdf, *row.originals)})
    return found


def last_change(conn: Connection, tenant: str) -> datetime | None:
    """When the tenant's rows last changed; None when there are none."""
    newest = [conn.execute(select(func.max(column)).where(column.table.c.tenant == tenant)).scalar()
              for column in (deliveries.c.changed_at, documents.c.changed_at, page_reads.c.read_at, filings.c.at)]
    return max((parse_stamp(value) for value in newest if value), default=None)


def ids(conn: Connection, tenant: str) -> tuple[set[str], set[str]]:
    """The ids of the tenant's deliveries and documents."""
    first, second = (set(conn.execute(select(table.c.id).where(table.c.tenant == tenant)).scalars())
                     for table in (deliveries, documents))
    return first, second


def with_pages(conn: Connection, tenant: str) -> list[str]:
    """Deliveries whose ledger must add up: opened ones, and whatever else owns a page (a TWIN apart)."""
    opened = select(deliveries.c.id).where(deliveries.c.tenant == tenant, deliveries.c.state == DeliveryState.OPENED.value)
    owning = select(pages.c.delivery).where(pages.c.tenant == tenant)
    twins = select(deliveries.c.id).where(deliveries.c.tenant == tenant, deliveries.c.state == DeliveryState.TWIN.value)
    wanted = conn.execute(union(opened, owning)).scalars().all()
    return sorted(set(wanted) - set(conn.execute(twins).scalars()))


def bad_twins(conn: Connection, tenant: str) -> Iterator[Row]:
    """A TWIN points to a delivery with the same bytes through the same door that is no TWIN, and owns nothing."""
    first = deliveries.alias("first")
    twins = select(deliveries.c.id).where(deliveries.c.tenant == tenant, deliveries.c.state == DeliveryState.TWIN.value)
    same = (first.c.id == deliveries.c.twin_of) & (first.c.tenant == tenant) & (
        first.c.original == deliveries.c.original) & (first.c.channel == deliveries.c.channel) & (
        first.c.state != DeliveryState.TWIN.value)
    yield from _rows(conn, twins.where(~exists(select(first.c.id).where(same))), "Der Zwilling hat keine erste Sendung.")
    for table, what in ((pages, "Seiten"), (parts, "Teile"), (documents, "Schriftstücke")):
        owning = twins.where(exists(select(table.c.delivery).where(table.c.delivery == deliveries.c.id)))
        yield from _rows(conn, owning, f"Der Zwilling besitzt {what}.")


def bad_documents(conn: Connection, tenant: str) -> Iterator[Row]:
    """A live document has pages; FILED means one live filing and a live decision, and a live filing means FILED."""
    ours = select(documents.c.id).where(documents.c.tenant == tenant)
    live = ours.where(documents.c.state != DocumentState.SUPERSEDED.value)
    filed = ours.where(documents.c.state == DocumentState.FILED.value)
    has_pages = exists(select(pages.c.document).where(pages.c.document == documents.c.id))
    has_filing = exists(select(filings.c.key).where(filings.c.document == documents.c.id, filings.c.undone_at.is_(None)))
    decided = exists(select(decisions.c.id).where(decisions.c.document == documents.c.id, decisions.c.live.is_(True)))
    yield from _rows(conn, live.where(~has_pages), "Das Schriftstück hat keine Seite.")
    yield from _rows(conn, filed.where(~has_filing), "Das Schriftstück ist abgelegt, die Ablage fehlt.")
    yield from _rows(conn, filed.where(~decided), "Das Schriftstück ist abgelegt, die Verfügung fehlt.")
    unfiled = ours.where(documents.c.state != DocumentState.FILED.value)
    yield from _rows(conn, unfiled.where(has_filing), "Das Schriftstück hat eine Ablage und ist nicht abgelegt.")


def unjournaled(conn: Connection, tenant: str) -> Iterator[Row]:
    """Deliveries the journal says nothing about."""
    told = exists(select(journal_subjects.c.seq).where(
        journal_subjects.c.tenant == tenant, journal_subjects.c.subject == deliveries.c.id))
    yield from _rows(conn, select(deliveries.c.id).where(deliveries.c.tenant == tenant, ~told),
                     "Das Protokoll weiß nichts von dieser Sendung.")


def filed(conn: Connection, tenant: str) -> Iterator[Filed]:
    """The tenant's filings that are not undone, with their receipts."""
    given: dict[str, list[tuple[str, str]]] = {}
    for receipt in conn.execute(select(receipts.c.filing, receipts.c.store, receipts.c.reference).where(
            receipts.c.tenant == tenant, receipts.c.withdrawn_at.is_(None))):
        given.setdefault(receipt.filing, []).append((receipt.store, receipt.reference))
    again = {row.filing: row.at for row in conn.execute(select(receipts.c.filing, func.max(receipts.c.withdrawn_at).label(
        "at")).where(receipts.c.tenant == tenant, receipts.c.withdrawn_at.is_not(None)).group_by(receipts.c.filing))}
    for row in conn.execute(select(filings.c.key, filings.c.pdf, filings.c.originals, filings.c.at).where(
            filings.c.tenant == tenant, filings.c.undone_at.is_(None)).order_by(filings.c.key)):
        yield Filed(row.key, row.pdf["sha256"], tuple(blob["sha256"] for blob in row.originals),
                    parse_stamp(max(row.at, again.get(row.key, ""))), tuple(given.get(row.key, ())))


def unsettled(conn: Connection, tenant: str) -> set[str]:
    """Keys of filings that some store has still to hear of (filed, taken back, moved)."""
    return set(conn.execute(select(filings.c.key).where(filings.c.tenant == tenant, filings.c.settled_at.is_(None))).scalars())


def _rows(conn: Connection, query: Select[Any], detail: str) -> Iterator[Row]:
    for id in conn.execute(query).scalars():
        yield id, detail
