"""Mails to the offices that are to be sent: planned in the transaction of what caused them, sent later, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, select

from intake.db import outbox
from intake.db.core import Tx, add_once, new_id, parse_stamp, stamp
from intake.schema import aktenplan_entries, deliveries, documents, files, filings, grants, office_mails, users

Kind = Literal["digest", "urgent"]


@dataclass(frozen=True, slots=True)
class OfficeMail:
    """One mail to an office: `about` is the day (ISO) of a digest, the document of an urgent one; `counts` what it says.

    `at`: when it was sent or given up, or is tried next; `attempts` so many times it was begun before.
    """

    id: str
    tenant: str
    office: str
    kind: Kind
    about: str
    counts: Mapping[str, int]
    created_at: datetime
    attempts: int
    state: Literal["sent", "waiting", "given_up"]
    at: datetime


@dataclass(frozen=True, slots=True)
class Lying:
    """A filed document as its office gets it: `values` as decided, `lane` of the delivery."""

    office: str
    values: Mapping[str, str]
    received_at: datetime
    lane: str


def plan(tx: Tx, tenant: str, office: str, kind: Kind, about: str, counts: Mapping[str, int], *, silent: bool = False) -> bool:
    """Note a mail; False when this office had one of this kind about this already. `silent`: noted, but never sent."""
    # several workers may reach the hour in the same moment: one of them notes it
    return add_once(tx, office_mails, id=new_id(), tenant=tenant, office=office, kind=kind, about=about, counts=dict(counts),
                    created_at=tx.now, attempts=0, not_before=tx.now, sent_at=None, given_up_at=tx.now if silent else None)


def offices_told(conn: Connection, tenant: str, day: str) -> frozenset[str]:
    """The offices whose digest of this day is planned (sent or not)."""
    table = office_mails
    return frozenset(conn.execute(select(table.c.office).where(
        table.c.tenant == tenant, table.c.kind == "digest", table.c.about == day)).scalars())


def last_digest(conn: Connection, tenant: str, office: str) -> datetime | None:
    """When the newest digest of an office was planned; None when there was none."""
    table = office_mails
    found = conn.execute(select(table.c.created_at).where(
        table.c.tenant == tenant, table.c.office == office, table.c.kind == "digest").order_by(
            table.c.about.desc()).limit(1)).scalar()
    return parse_stamp(found) if found else None


def due(conn: Connection, now: datetime, limit: int) -> tuple[OfficeMail, ...]:
    """What may be sent now, the oldest first."""
    table = office_mails
    rows = conn.execute(select(table).where(
        table.c.sent_at.is_(None), table.c.given_up_at.is_(None), table.c.not_before <= stamp(now),
    ).order_by(table.c.id).limit(limit)).mappings()
    return tuple(_mail(row) for row in rows)


def newest(conn: Connection, tenant: str, limit: int = 50) -> tuple[OfficeMail, ...]:
    """The newest mails to the offices of a town, newest first; days with nothing to say are left out."""
    table = office_mails
    rows = conn.execute(select(table).where(table.c.tenant == tenant).order_by(table.c.id.desc()).limit(4 * limit)).mappings()
    return tuple(mail for mail in map(_mail, rows) if mail.kind == "urgent" or any(mail.counts.values()))[:limit]


def _mail(row: Mapping[Any, Any]) -> OfficeMail:
    state: Literal["sent", "waiting", "given_up"] = (
        "sent" if row["sent_at"] else "given_up" if row["given_up_at"] else "waiting")
    return OfficeMail(row["id"], row["tenant"], row["office"], row["kind"], row["about"], row["counts"],
                      parse_stamp(row["created_at"]), row["attempts"], state,
                      parse_stamp(row["sent_at"] or row["given_up_at"] or row["not_before"]))


claim = partial(outbox.claim, table=office_mails)
note_sent = partial(outbox.note_sent, table=office_mails)
note_later = partial(outbox.note_later, table=office_mails)
give_up = partial(outbox.give_up, table=office_mails)


# ---- what the mails are about ----------------------------------------------------------------------------------------


def lying(conn: Connection, document: str) -> Lying | None:
    """The live filing of a document and the office it went to: that of its Akte, else that of the plan entry; None for none."""
    unit = select(aktenplan_entries.c.unit).where(
        aktenplan_entries.c.tenant == files.c.tenant, aktenplan_entries.c.id == files.c.entry,
        aktenplan_entries.c.current).limit(1).correlate(files).scalar_subquery()
    row = conn.execute(select(
        filings.c["values"].label("said"), filings.c.received_at, files.c.office, unit.label("unit"), deliveries.c.lane,
    ).select_from(filings).join(files, files.c.id == filings.c.file).join(
        documents, documents.c.id == filings.c.document).join(deliveries, deliveries.c.id == documents.c.delivery).where(
        filings.c.document == document, filings.c.undone_at.is_(None))).first()
    return Lying(row.office or row.unit or "", row.said, parse_stamp(row.received_at), row.lane) if row else None


def readers(conn: Connection, tenant: str, office: str) -> tuple[tuple[str, frozenset[str] | None], ...]:
    """The open accounts of an office: login and access classes (None = all)."""
    rows = conn.execute(select(users.c.login, grants.c.classes, grants.c.offices).join(
        grants, grants.c.user == users.c.id).where(grants.c.tenant == tenant, users.c.locked_at.is_(None)))
    return tuple((row.login, None if row.classes is None else frozenset(row.classes)) for row in rows if office in row.offices)
