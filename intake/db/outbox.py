"""Acknowledgements of receipt that are to be sent: written with what was learnt of a message, sent later, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Table, select, update

from intake.db.access import whole_deliveries
from intake.db.core import Tx, add_once, new_id, parse_stamp, stamp
from intake.schema import acknowledgements, deliveries
from intake.vocabulary import Viewer

CLAIM = timedelta(minutes=10)
"""So long nobody else tries a row that somebody began to send; after a kill it is tried again then."""


@dataclass(frozen=True, slots=True)
class Due:
    """One acknowledgement; `attempts` so many times it was begun before."""

    id: str
    tenant: str
    delivery: str
    recipient: str
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One acknowledgement in a list; `at` is when it was sent or given up, or is tried next."""

    delivery: str
    recipient: str
    state: Literal["sent", "waiting", "given_up"]
    at: datetime
    attempts: int
    created_at: datetime


def plan(tx: Tx, tenant: str, delivery: str, recipient: str) -> bool:
    """Note that `recipient` is to hear of this delivery; False when this delivery or this recipient had one today (UTC)."""
    day, table = stamp(tx.now)[:10], acknowledgements
    return add_once(tx, table, id=new_id(), tenant=tenant, delivery=delivery, recipient=recipient, day=day, created_at=tx.now,
                    attempts=0, not_before=tx.now, sent_at=None, given_up_at=None)


def due(conn: Connection, now: datetime, limit: int) -> tuple[Due, ...]:
    """What may be sent now, the oldest first."""
    table = acknowledgements
    rows = conn.execute(select(table).where(
        table.c.sent_at.is_(None), table.c.given_up_at.is_(None), table.c.not_before <= stamp(now),
    ).order_by(table.c.id).limit(limit)).mappings()
    return tuple(Due(row["id"], row["tenant"], row["delivery"], row["recipient"], row["attempts"],
                     parse_stamp(row["created_at"])) for row in rows)


def listed(conn: Connection, viewer: Viewer, limit: int) -> tuple[Line, ...]:
    """The newest acknowledgements, newest first; only for deliveries of which nothing is hidden from the viewer."""
    table = acknowledgements
    rows = conn.execute(select(table).join(deliveries, deliveries.c.id == table.c.delivery).where(
        whole_deliveries(conn, viewer)).order_by(table.c.id.desc()).limit(limit)).mappings()
    return tuple(_line(dict(row)) for row in rows)


def _line(row: Mapping[str, Any]) -> Line:
    state: Literal["sent", "waiting", "given_up"] = (
        "sent" if row["sent_at"] else "given_up" if row["given_up_at"] else "waiting")
    at = parse_stamp(row["sent_at"] or row["given_up_at"] or row["not_before"])
    return Line(row["delivery"], row["recipient"], state, at, row["attempts"], parse_stamp(row["created_at"]))


# ---- sending, the same for every table of mails (also `officemails`) ---------------------------------------------------


def claim(tx: Tx, identity: str, attempts: int, table: Table = acknowledgements) -> bool:
    """Whether it is ours to send now: compare-and-set on the number of attempts; after a kill it is tried again later."""
    changed = tx.connection.execute(update(table).where(
        table.c.id == identity, table.c.attempts == attempts, table.c.sent_at.is_(None)).values(
            attempts=attempts + 1, not_before=stamp(tx.now + CLAIM)))
    return bool(changed.rowcount == 1)


def note_sent(tx: Tx, identity: str, table: Table = acknowledgements) -> None:
    """The mail server has it."""
    tx.connection.execute(update(table).where(table.c.id == identity).values(sent_at=stamp(tx.now)))


def note_later(tx: Tx, identity: str, moment: datetime, table: Table = acknowledgements) -> None:
    """Not before `moment` again."""
    tx.connection.execute(update(table).where(table.c.id == identity).values(not_before=stamp(moment)))


def give_up(tx: Tx, identity: str, table: Table = acknowledgements) -> None:
    """It is not sent any more."""
    tx.connection.execute(update(table).where(table.c.id == identity).values(given_up_at=stamp(tx.now)))
