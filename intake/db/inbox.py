"""The Posteingang: deliveries with how far they are, filtered; and what changed in it since a look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, union
from ulid import ULID

from intake.db.access import visible_deliveries, visible_documents
from intake.db.core import stamp, utcnow
from intake.db.lists import DeliveryLine, delivery_lines
from intake.schema import deliveries, documents, parts
from intake.vocabulary import DeliveryState, DocumentState, Viewer

MOST = 100
"""Lines of one page; the next is asked for by the id of the last."""
DONE = (DocumentState.APPROVED, DocumentState.FILED, DocumentState.REJECTED)


class Filter(StrEnum):
    """The tabs of the list; their value stands in the address."""

    ALL = ""
    TODAY = "heute"
    WORKING = "in-arbeit"
    CHECK = "zu-pruefen"
    UNCLEAR = "klaerung"
    TWINS = "dubletten"
    DONE = "fertig"


@dataclass(frozen=True, slots=True)
class InboxLine:
    """A delivery with how many of its documents (that the viewer may see) a person or a rule is done with."""

    line: DeliveryLine
    done: int
    total: int
    media_type: str  # as the box found it, once it is read


def inbox(conn: Connection, viewer: Viewer, only: Filter = Filter.ALL, *, source: str = "", before: str = "",
          limit: int = MOST) -> tuple[InboxLine, ...]:
    """The newest deliveries that the viewer may see and that pass the filter, the newest first, older than the id `before`.

    Ids begin with the time of receipt, so their order is the order in which things came in.
    """
    wanted = _inbox(conn, viewer, only, source)
    if before:
        wanted = wanted.where(deliveries.c.id < before)
    lines = delivery_lines(conn, viewer, conn.execute(
        wanted.order_by(deliveries.c.id.desc()).limit(limit)).mappings().all())
    ids = [line.id for line in lines]
    counted, types = _progress(conn, viewer, ids), _types(conn, ids)
    return tuple(InboxLine(line, *counted.get(line.id, (0, 0)), types.get(line.id, line.media_type)) for line in lines)


def _types(conn: Connection, ids: list[str]) -> dict[str, str]:
    """What the box found each original to be, by delivery."""
    return {row.delivery: row.media_type for row in conn.execute(select(parts.c.delivery, parts.c.media_type).where(
        parts.c.delivery.in_(ids), parts.c.position == 0))}


def _inbox(conn: Connection, viewer: Viewer, only: Filter, source: str) -> Select[tuple[object, ...]]:
    wanted = select(deliveries).where(visible_deliveries(conn, viewer), *_passes(conn, viewer, only))
    return wanted.where(deliveries.c.source == source) if source else wanted


def _passes(conn: Connection, viewer: Viewer, only: Filter) -> list[ColumnElement[bool]]:
    def some(*states: DocumentState) -> Select[Any]:
        """Deliveries with a document in one of these states: few wait, so it is quicker to begin with them than with each
        delivery."""
        inner = documents.alias()
        return select(inner.c.delivery).where(
            inner.c.state.in_([one.value for one in states]), visible_documents(conn, viewer, inner))

    def itself(*states: DeliveryState) -> Select[Any]:
        inner = deliveries.alias()
        return select(inner.c.id).where(inner.c.tenant == viewer.tenant, inner.c.state.in_([one.value for one in states]))

    id = deliveries.c.id
    waiting = some(DocumentState.NEW, DocumentState.PROPOSED, DocumentState.APPROVED, DocumentState.CLARIFY)
    unopened = itself(DeliveryState.RECEIVED, DeliveryState.CLARIFY, DeliveryState.QUARANTINED, DeliveryState.TWIN)
    conditions: dict[Filter, list[ColumnElement[bool]]] = {
        Filter.ALL: [],
        Filter.TODAY: [id >= id_at(start_of_day()), deliveries.c.received_at >= stamp(start_of_day())],
        Filter.WORKING: [id.in_(union(itself(DeliveryState.RECEIVED), some(DocumentState.NEW, DocumentState.APPROVED)))],
        Filter.CHECK: [id.in_(some(DocumentState.PROPOSED))],
        Filter.UNCLEAR: [id.in_(union(itself(DeliveryState.CLARIFY, DeliveryState.QUARANTINED), some(DocumentState.CLARIFY)))],
        Filter.TWINS: [id.in_(itself(DeliveryState.TWIN))],
        Filter.DONE: [id.not_in(waiting), id.not_in(unopened)],
    }
    return conditions[only]


def start_of_day() -> datetime:
    """Midnight of today on this machine, in UTC."""
    return utcnow().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def id_at(moment: datetime) -> str:
    """An id (ULID) that is smaller than all that were made at `moment` or later, and greater than all before."""
    return f"{str(ULID.from_datetime(moment))[:10]}{'0' * 16}"


def _progress(conn: Connection, viewer: Viewer, ids: list[str]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for delivery, state, number in conn.execute(select(documents.c.delivery, documents.c.state, func.count()).where(
            documents.c.delivery.in_(ids), documents.c.state != DocumentState.SUPERSEDED.value,
            visible_documents(conn, viewer)).group_by(documents.c.delivery, documents.c.state)):
        done, total = found.get(delivery, (0, 0))
        found[delivery] = (done + number * (state in DONE), total + number)
    return found


def fingerprint(conn: Connection, viewer: Viewer) -> str:
    """Changes whenever one of the newest deliveries that the viewer may see, or a document of them, changes."""
    newest = conn.execute(select(deliveries.c.id, deliveries.c.revision).where(
        visible_deliveries(conn, viewer)).order_by(deliveries.c.id.desc()).limit(MOST)).all()
    ids = [row.id for row in newest]
    inside = conn.execute(select(func.count(), func.max(documents.c.changed_at)).where(
        documents.c.delivery.in_(ids), visible_documents(conn, viewer))).one()
    return f"{hash(tuple((row.id, row.revision) for row in newest))} {inside[0]} {inside[1]}"
