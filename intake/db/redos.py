"""Re-processing of batches: which deliveries there are, who read them, what people did with them. Rows only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from intake.db.batches import Batch
from intake.db.core import Tx, add, new_id
from intake.db.deliveries import PICTURE
from intake.schema import batch_items, batch_redos, deliveries, documents, journal, journal_subjects, page_reads, parts, rescans
from intake.vocabulary import DeliveryState


@dataclass(frozen=True, slots=True)
class Redo:
    """One comparison: `looked` at so many files or documents, `differ` may change, `kept` differ and stay; `changed` None = only
    looked at."""

    id: str
    batch: str
    what: str
    looked: int
    differ: int
    kept: int
    changed: int | None
    by: str
    at: str = ""


def add_redo(tx: Tx, tenant: str, one: Redo) -> None:
    """Note a comparison."""
    values: dict[str, Any] = {name: getattr(one, name) for name in Redo.__slots__}
    add(tx, batch_redos, **values | {"id": new_id(), "tenant": tenant, "at": tx.now})


def redos_of(conn: Connection, batch: str) -> tuple[Redo, ...]:
    """The newest comparison of each kind, the newest first."""
    rows = conn.execute(select(batch_redos).where(batch_redos.c.batch == batch).order_by(
        batch_redos.c.at.desc(), batch_redos.c.id.desc())).mappings()
    newest: dict[str, Redo] = {}
    for row in rows:
        newest.setdefault(row["what"], Redo(**{name: row[name] for name in Redo.__slots__}))
    return tuple(newest.values())


def opened_items(conn: Connection, batch: Batch) -> list[tuple[str, str]]:
    """(path, delivery) of every file of a batch that was read, in its order."""
    rows = conn.execute(select(batch_items.c.path, batch_items.c.delivery).join(
        deliveries, deliveries.c.id == batch_items.c.delivery).where(
        batch_items.c.batch == batch.id, deliveries.c.state == DeliveryState.OPENED.value).order_by(batch_items.c.position))
    return [(row.path, row.delivery) for row in rows]


def readers_of(conn: Connection, batch: Batch) -> dict[str, tuple[int, float]]:
    """By reader: how many pages of the batch it has read, and the CPU seconds that took."""
    rows = conn.execute(select(page_reads.c.reader, func.count(), func.sum(page_reads.c.cpu_seconds)).join(
        parts, (parts.c.sha256 == page_reads.c.original) & (parts.c.tenant == page_reads.c.tenant)).join(
        batch_items, batch_items.c.delivery == parts.c.delivery).where(
        batch_items.c.batch == batch.id, page_reads.c.reader.not_like(f"{PICTURE}/%")).group_by(page_reads.c.reader))
    return {row[0]: (row[1], row[2] or 0.0) for row in rows}


def rescans_in(conn: Connection, delivery: str) -> dict[str, int]:
    """How many pages of a delivery were replaced, inserted and set aside; {} when none."""
    return {row[0]: row[1] for row in conn.execute(select(rescans.c.kind, func.count()).where(
        rescans.c.delivery == delivery).group_by(rescans.c.kind).order_by(rescans.c.kind.desc()))}


def touched(conn: Connection, tenant: str, subject: str) -> bool:
    """Whether a person did anything with a delivery or document, as the journal says (leaving out the receipt of a batch)."""
    entries: Iterator[str] = conn.execute(select(journal.c.entry).join(
        journal_subjects, (journal_subjects.c.seq == journal.c.seq) & (journal_subjects.c.tenant == journal.c.tenant)).where(
        journal.c.tenant == tenant, journal_subjects.c.subject == subject)).scalars()
    return any('"actor":"clerk:' in entry and '"action":"batch.' not in entry for entry in entries)


def outdate(tx: Tx, delivery: str) -> None:
    """The search index looks at the documents of a delivery again: their words are others."""
    tx.connection.execute(update(documents).where(documents.c.delivery == delivery).values(indexed=0))
