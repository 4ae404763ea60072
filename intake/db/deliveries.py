"""Deliveries, their parts, the pages read of an original, and the machine's guilt and patience with a waiting row."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Table, delete, func, select, update

from intake.db.core import Tx, add, clean, insert_into, move, one, parse_stamp, stamp, upsert
from intake.errors import Refused
from intake.schema import counters, deliveries, documents, page_reads, parts, problems
from intake.vocabulary import Blob, Delivery, DeliveryState, Envelope, Fact, Part

Kind = Literal["delivery", "document"]
_TABLES: Mapping[str, Table] = {"delivery": deliveries, "document": documents, "problem": problems}
MIN_PREFIX, ID_LENGTH = 4, 26


def add_delivery(tx: Tx, delivery: Delivery) -> None:
    """Insert a delivery. Raises IntegrityError when the tenant has its channel and key already."""
    original = delivery.original
    add(tx, deliveries, id=delivery.id, tenant=delivery.tenant, key=delivery.key, channel=delivery.channel,
        source=delivery.source, received_at=delivery.received_at, original=original.sha256,
        media_type=original.media_type, name=original.name, size=original.size,
        envelope=envelope_json(delivery.envelope), message_id=message_key(delivery.envelope.message_id),
        twin_of=delivery.twin_of, access_class=delivery.access_class, lane=delivery.lane, batch=delivery.batch,
        position=delivery.position, state=delivery.state, revision=delivery.revision, deaths=delivery.deaths,
        attempt=delivery.attempt)


def get_delivery(conn: Connection, id: str) -> Delivery:
    """The delivery; raises Refused (German) when there is none with this id."""
    row = one(conn, deliveries, id)
    if row is None:
        raise Refused(f"Die Sendung {id} gibt es nicht. Prüfen Sie die Nummer.")
    return delivery_from(row)


def delivery_by_key(conn: Connection, tenant: str, channel: str, key: str) -> Delivery | None:
    """The delivery with the source's own identity `key`; None when it never arrived."""
    wanted = select(deliveries).where(
        deliveries.c.tenant == tenant, deliveries.c.channel == channel, deliveries.c.key == clean(key))
    row = conn.execute(wanted).mappings().first()
    return delivery_from(row) if row else None


def first_with_original(conn: Connection, tenant: str, channel: str, sha256: str,
                        but: Collection[DeliveryState] = ()) -> Delivery | None:
    """The oldest delivery, itself no TWIN (nor in a state of `but`), with these bytes through the same kind of door; None when
    there is none."""
    row = conn.execute(select(deliveries).where(
        deliveries.c.tenant == tenant, deliveries.c.original == sha256, deliveries.c.channel == channel,
        deliveries.c.state.not_in([DeliveryState.TWIN.value, *(state.value for state in but)]),
    ).order_by(deliveries.c.received_at, deliveries.c.id).limit(1)).mappings().first()
    return delivery_from(row) if row else None


def first_with_part(conn: Connection, tenant: str, channel: str, sha256: str) -> Delivery | None:
    """The oldest delivery through this kind of door that has a part of just these bytes; None when there is none."""
    row = conn.execute(select(deliveries).join(parts, parts.c.delivery == deliveries.c.id).where(
        parts.c.tenant == tenant, parts.c.sha256 == sha256, deliveries.c.channel == channel,
    ).order_by(deliveries.c.received_at, deliveries.c.id).limit(1)).mappings().first()
    return delivery_from(row) if row else None


def find_id(conn: Connection, tenant: str, prefix: str, kind: Literal["delivery", "document", "problem"]) -> str:
    """The one id of the tenant that begins with `prefix` (at least 4 characters, any case).

    Raises Refused (German) when none or more than one does.
    """
    table, wanted = _TABLES[kind], prefix.strip().upper()
    if not MIN_PREFIX <= len(wanted) <= ID_LENGTH or not wanted.isalnum() or not wanted.isascii():
        raise Refused(f"„{prefix}“ ist keine Nummer. Geben Sie mindestens die ersten {MIN_PREFIX} Zeichen einer an.")
    between = table.c.id.between(wanted, wanted.ljust(ID_LENGTH, "Z"))
    found = conn.execute(select(table.c.id).where(table.c.tenant == tenant, between).limit(2)).scalars().all()
    if len(found) > 1:
        raise Refused(f"Mit „{prefix}“ beginnen mehrere Nummern. Geben Sie mehr Zeichen an.")
    if not found:
        raise Refused(f"Keine Nummer beginnt mit „{prefix}“. Prüfen Sie die Eingabe.")
    return str(found[0])


def move_delivery(tx: Tx, delivery: Delivery, to: DeliveryState, **values: Any) -> Delivery:
    """The delivery in state `to` with `values` (columns; `envelope` may be an Envelope). Raises Stale."""
    if isinstance(values.get("envelope"), Envelope):
        values["message_id"] = message_key(values["envelope"].message_id)
        values["envelope"] = envelope_json(values["envelope"])
    revision = move(tx, deliveries, delivery.id, at=(delivery.state, delivery.revision), to=to, **values)
    kept = ("twin_of", "access_class", "lane", "batch", "position")
    changed: dict[str, Any] = {name: values[name] for name in kept if name in values}
    if "envelope" in values:
        changed["envelope"] = envelope_from(values["envelope"])
    return replace(delivery, state=to, revision=revision, **changed)


def message_key(message_id: str | None) -> str:
    """A Message-ID as it is looked for: the part in angle brackets alone; "" for none."""
    found = re.search(r"<[!-;=?-~]{1,400}>", message_id or "")
    return found[0] if found else ""


def envelope_json(envelope: Envelope) -> dict[str, str]:
    """The envelope as stored: only what is known."""
    values = {"sender": envelope.sender, "recipient": envelope.recipient, "subject": envelope.subject,
              "date": envelope.date.isoformat() if envelope.date else None, "message_id": envelope.message_id}
    return {name: value for name, value in values.items() if value is not None}


def envelope_from(values: Mapping[str, str]) -> Envelope:
    """The inverse of `envelope_json`."""
    known = dict(values)
    date = known.pop("date", None)
    return Envelope(**known, date=datetime.fromisoformat(date) if date else None)


def delivery_from(row: Mapping[Any, Any]) -> Delivery:
    """A row of `deliveries` as the type of the vocabulary."""
    return Delivery(
        id=row["id"], tenant=row["tenant"], key=row["key"], channel=row["channel"], source=row["source"],
        received_at=parse_stamp(row["received_at"]),
        original=Blob(row["original"], row["media_type"], row["name"], row["size"]), state=DeliveryState(row["state"]),
        revision=row["revision"], envelope=envelope_from(row["envelope"]), twin_of=row["twin_of"],
        access_class=row["access_class"], lane=row["lane"], batch=row["batch"], position=row["position"],
        deaths=row["deaths"], attempt=row["attempt"])


def next_counter(tx: Tx, tenant: str, name: str) -> int:
    """The next number (from 1) of a counter of the tenant; without gaps, because it rolls back with the transaction."""
    first = insert_into(tx.connection.dialect.name, counters).values(tenant=tenant, name=name, value=1)
    raised = first.on_conflict_do_update(
        index_elements=["tenant", "name"], set_={"value": counters.c.value + 1}).returning(counters.c.value)
    value: int = tx.connection.execute(raised).scalar_one()
    return value


def add_parts(tx: Tx, delivery_id: str, tenant: str, found: Sequence[Part]) -> None:
    """Store the parts of a delivery; what an earlier run stored is replaced."""
    tx.connection.execute(delete(parts).where(parts.c.delivery == delivery_id))
    upsert(tx, parts, ("delivery", "position"), [{  # another worker may be storing the same ones
        "tenant": tenant, "delivery": delivery_id, "position": part.position, "parent": part.parent,
        "sha256": part.blob.sha256, "media_type": part.blob.media_type, "name": part.blob.name, "size": part.blob.size,
        "pages": part.pages, "problem": part.problem, "detail": part.detail,
        "facts": [[fact.name, fact.value, fact.term] for fact in part.facts]} for part in found])


def parts_of(conn: Connection, delivery_id: str) -> tuple[Part, ...]:
    """The parts of a delivery in their order; () while it is unopened."""
    rows = conn.execute(select(parts).where(parts.c.delivery == delivery_id).order_by(parts.c.position))
    return tuple(Part(row.delivery, row.position, row.parent, Blob(row.sha256, row.media_type, row.name, row.size),
                      row.pages, row.problem, row.detail, tuple(Fact(*fact) for fact in row.facts)) for row in rows)


PICTURE = "picture"
"""What the name of a reader begins with that made a picture of a page, no words: `picture/<dpi>/<rotation>`."""


def add_page_reads(tx: Tx, tenant: str, original: str, reader: str,
                   rows: Sequence[tuple[int, str, float]]) -> None:
    """Note pages as read: (page, hash of its chunk, CPU seconds). A repeat takes the newer hashes."""
    upsert(tx, page_reads, ("tenant", "original", "page", "reader"), [{
        "tenant": tenant, "original": original, "page": page, "reader": reader, "chunk": chunk,
        "cpu_seconds": cpu_seconds, "read_at": stamp(tx.now)} for page, chunk, cpu_seconds in rows])


def page_reads_of(conn: Connection, tenant: str, original: str, reader: str,
                  pages: Sequence[int] = ()) -> dict[int, str]:
    """What this version of the reader has read of an original, of these pages or (none named) of all: page -> chunk."""
    wanted = select(page_reads.c.page, page_reads.c.chunk).where(
        page_reads.c.tenant == tenant, page_reads.c.original == original, page_reads.c.reader == reader)
    if pages:  # an Akte has hundreds of pages and documents
        wanted = wanted.where(page_reads.c.page.between(min(pages), max(pages)))
    rows = conn.execute(wanted.order_by(page_reads.c.page))
    return {row.page: row.chunk for row in rows}


def newest_page_reads(conn: Connection, tenant: str, original: str, pages: Sequence[int] = ()) -> dict[int, str]:
    """The same of the newest reader that has read the most pages: a re-reading under way never hides a whole one."""
    most, newest = func.count().desc(), func.max(page_reads.c.read_at).desc()
    reader = conn.execute(select(page_reads.c.reader).where(
        page_reads.c.tenant == tenant, page_reads.c.original == original, page_reads.c.reader.not_like(f"{PICTURE}/%"),
    ).group_by(page_reads.c.reader).order_by(most, newest).limit(1)).scalar()
    return page_reads_of(conn, tenant, original, reader, pages) if reader is not None else {}


def note_death(tx: Tx, kind: Kind, id: str) -> int:
    """Count one death of the box on this row; returns the deaths so far."""
    table = _TABLES[kind]
    raised = update(table).where(table.c.id == id).values(deaths=table.c.deaths + 1).returning(table.c.deaths)
    deaths: int = tx.connection.execute(raised).scalar_one()
    return deaths


def note_retry(tx: Tx, kind: Kind, id: str, not_before: datetime | None) -> int:
    """Let the row wait until `not_before` (None: now) under a new attempt; returns the attempt.

    An attempt is never used twice, also not after a move, so that it can name a run.
    """
    table = _TABLES[kind]
    wait = stamp(not_before) if not_before else ""
    raised = update(table).where(table.c.id == id).values(
        attempt=table.c.attempt + 1, not_before=wait).returning(table.c.attempt)
    attempt: int = tx.connection.execute(raised).scalar_one()
    return attempt


def reset_guilt(tx: Tx, kind: Kind, id: str) -> None:
    """A person decided to try again: no deaths, no waiting."""
    table = _TABLES[kind]
    tx.connection.execute(update(table).where(table.c.id == id).values(deaths=0, not_before=""))
