"""What receiving and opening note about a delivery without moving it: who was told, the batch, envelope, unreadable parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from intake.db.core import Tx, parse_stamp, stamp
from intake.db.deliveries import envelope_json, message_key
from intake.schema import deliveries, parts
from intake.vocabulary import Envelope


def in_turn(tx: Tx, tenant: str) -> None:
    """Let receivers of one tenant pass one after the other until the transaction ends, so that none misses another's row.

    SQLite's writers are in turn anyway; PostgreSQL takes an advisory lock of this transaction.
    """
    if tx.connection.dialect.name == "postgresql":
        tx.connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"poststelle/receive/{tenant}"))))


def unacknowledged(conn: Connection, tenant: str, source: str) -> dict[str, str]:
    """Delivery id by key, for deliveries whose source may not know yet that they are safe."""
    rows = conn.execute(select(deliveries.c.key, deliveries.c.id).where(
        deliveries.c.tenant == tenant, deliveries.c.source == source, deliveries.c.acknowledged_at.is_(None)))
    return {row.key: row.id for row in rows}


def acknowledge(tx: Tx, ids: Iterable[str]) -> None:
    """Note that the source was told (the file was moved away); no state changes, so no revision either."""
    tx.connection.execute(update(deliveries).where(deliveries.c.id.in_(tuple(ids))).values(acknowledged_at=stamp(tx.now)))


def is_acknowledged(conn: Connection, delivery: str) -> bool:
    """Was the source told about this delivery?"""
    return conn.execute(select(deliveries.c.acknowledged_at).where(deliveries.c.id == delivery)).scalar_one() is not None


def last_of_source(conn: Connection, tenant: str, source: str) -> tuple[str, int, datetime] | None:
    """Batch label, position and receipt time of the profile's newest delivery."""
    row = conn.execute(select(deliveries.c.batch, deliveries.c.position, deliveries.c.received_at).where(
        deliveries.c.tenant == tenant, deliveries.c.source == source).order_by(deliveries.c.received_at.desc(),
                                                                               deliveries.c.id.desc()).limit(1)).first()
    return (row.batch, row.position, parse_stamp(row.received_at)) if row else None


def set_envelope(tx: Tx, delivery: str, envelope: Envelope) -> None:
    """What unpacking learnt of the carrier's words; no state changes, so no revision either."""
    tx.connection.execute(update(deliveries).where(deliveries.c.id == delivery).values(
        envelope=envelope_json(envelope), message_id=message_key(envelope.message_id)))


def set_part_problem(tx: Tx, delivery: str, position: int, reason: str, detail: str) -> None:
    """Note that a part could not be read; the rest of the delivery goes on without its pages."""
    tx.connection.execute(update(parts).where(parts.c.delivery == delivery, parts.c.position == position).values(
        problem=reason, detail=detail, pages=0))


def known_keys(conn: Connection, tenant: str, channel: str, keys: Sequence[str]) -> frozenset[str]:
    """Which of the keys have a delivery already."""
    found: set[str] = set()
    for start in range(0, len(keys), 500):
        found.update(conn.execute(select(deliveries.c.key).where(
            deliveries.c.tenant == tenant, deliveries.c.channel == channel,
            deliveries.c.key.in_(keys[start:start + 500]))).scalars())
    return frozenset(found)


def received_before(conn: Connection, ids: Iterable[str], moment: datetime) -> frozenset[str]:
    """Which of the deliveries were received before a moment."""
    return frozenset(conn.execute(select(deliveries.c.id).where(
        deliveries.c.id.in_(tuple(ids)), deliveries.c.received_at < stamp(moment))).scalars())


def same_message(conn: Connection, tenant: str, source: str, original: str, key: str) -> str | None:
    """The delivery of these bytes that the same mailbox had under another UIDVALIDITY and that was never moved; else None.

    `key` is account|folder|UIDVALIDITY|UID.
    """
    mailbox, validity, _ = key.rsplit("|", 2)
    found = conn.execute(select(deliveries.c.id, deliveries.c.key).where(
        deliveries.c.tenant == tenant, deliveries.c.source == source, deliveries.c.original == original,
        deliveries.c.acknowledged_at.is_(None)).order_by(deliveries.c.id)).all()
    for row in found:
        before = row.key.rsplit("|", 2)
        if before[0] == mailbox and before[1] != validity:
            return str(row.id)
    return None


def renumber(tx: Tx, delivery: str, key: str) -> None:
    """The source calls the very same message by another key now (IMAP: a new UIDVALIDITY)."""
    tx.connection.execute(update(deliveries).where(deliveries.c.id == delivery).values(key=key))
