"""What the desk asks the database: which document is next, its neighbours in the delivery, who has it open.

The queue is the documents that wait for a person, in the order in which they came in and lie in their delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, func, select, tuple_

from intake.db.access import seen_documents, visible_documents
from intake.db.core import Tx, parse_stamp, stamp, upsert
from intake.db.deliveries import PICTURE
from intake.db.documents import documents_of
from intake.schema import decisions, documents, openings, page_reads, pages, parts, proposals
from intake.vocabulary import Blob, Document, DocumentState, Viewer

OPEN_FOR = timedelta(minutes=15)
"""So long a document is shown as open with somebody; it is a hint, the revision is what protects (screens.md, Locks)."""
_PLACE = (documents.c.received_at, documents.c.delivery, documents.c.position, documents.c.id)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The waiting documents around one; None where there is none."""

    before: str | None
    after: str | None


def _queue(conn: Connection, viewer: Viewer) -> Select[Any]:
    return select(documents.c.id).where(
        documents.c.tenant == viewer.tenant, documents.c.state == DocumentState.PROPOSED.value, visible_documents(conn, viewer))


def neighbours(conn: Connection, viewer: Viewer, id: str) -> Neighbours:
    """The waiting documents before and after `id` (which need not wait any more); after the last comes the first."""
    here = conn.execute(select(*_PLACE).where(documents.c.id == id)).first()
    return Neighbours(_nearest(conn, viewer, here, forward=False),
                      _nearest(conn, viewer, here) or _first(conn, viewer, but=id))


def next_waiting(conn: Connection, viewer: Viewer, id: str) -> str | None:
    """The waiting document after `id`; after the last comes the first. None when nothing else waits."""
    here = conn.execute(select(*_PLACE).where(documents.c.id == id)).first()
    return _nearest(conn, viewer, here) or _first(conn, viewer, but=id)


def _nearest(conn: Connection, viewer: Viewer, here: Any, *, forward: bool = True) -> str | None:
    if here is None:
        return None
    place = tuple_(*_PLACE)
    wanted = _queue(conn, viewer).where(place > tuple(here) if forward else place < tuple(here))
    order = _PLACE if forward else tuple(column.desc() for column in _PLACE)
    return conn.execute(wanted.order_by(*order).limit(1)).scalar()


def _first(conn: Connection, viewer: Viewer, but: str = "") -> str | None:
    return conn.execute(_queue(conn, viewer).where(documents.c.id != but).order_by(*_PLACE).limit(1)).scalar()


def first_waiting(conn: Connection, viewer: Viewer) -> str | None:
    """The document that waits longest; None when nothing waits."""
    return _first(conn, viewer)


def waiting_after(conn: Connection, viewer: Viewer, id: str, limit: int) -> tuple[str, ...]:
    """The next `limit` waiting documents behind `id` (itself not among them), without beginning again at the front."""
    here = conn.execute(select(*_PLACE).where(documents.c.id == id)).first()
    wanted = _queue(conn, viewer).where(documents.c.id != id)
    if here is not None:
        wanted = wanted.where(tuple_(*_PLACE) > tuple(here))
    return tuple(conn.execute(wanted.order_by(*_PLACE).limit(limit)).scalars())


def seen_beside(conn: Connection, viewer: Viewer, delivery: str) -> tuple[Document, ...]:
    """The documents of a delivery that the viewer may see, in their order; not those cut, joined or rejected."""
    seen = set(conn.execute(select(documents.c.id).where(
        documents.c.delivery == delivery, visible_documents(conn, viewer))).scalars())
    return tuple(one for one in documents_of(conn, delivery) if one.id in seen and one.state is not DocumentState.REJECTED)


def titles_of(conn: Connection, ids: Sequence[str]) -> dict[str, str]:
    """The first proposed title of each of these documents that has one."""
    found: dict[str, str] = {}
    for row in conn.execute(select(proposals.c.document, proposals.c.value).where(
            proposals.c.document.in_(ids), proposals.c.field == "title").order_by(proposals.c.rank)):
        found.setdefault(row.document, row.value)
    return found


def why_of(conn: Connection, id: str) -> str:
    """The sentence why a document waits for a person, or was filed without one."""
    return str(conn.execute(select(documents.c.why).where(documents.c.id == id)).scalar_one())


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as stored: the part it is a page of, its number there, the chunk with its words and preview."""

    part: Blob
    number: int
    chunk: str


def sheet_of(conn: Connection, viewer: Viewer, document: str, number: int) -> Sheet | None:
    """Page `number` (from 1) of a document; None when the viewer may not see it or there is none. One statement: it is asked
    for every picture."""
    return _sheet(conn.execute(_sheet_for(viewer), {"document": document, "number": number}).first())


@lru_cache(maxsize=1000)
def _sheet_for(viewer: Viewer) -> Select[Any]:
    return _sheets().join(documents, pages.c.document == documents.c.id).where(
        documents.c.id == bindparam("document"), pages.c.position == bindparam("number"), seen_documents(viewer))


def page_count(conn: Connection, document: str) -> int:
    """How many pages a document has."""
    return int(conn.execute(select(func.count()).select_from(pages).where(pages.c.document == document)).scalar_one())


def sheet_in(conn: Connection, delivery: str, part: int, number: int) -> Sheet | None:
    """The same of any page of a delivery, in a document or not; the caller has seen to it that it may be seen."""
    return _sheet(conn.execute(_sheets().where(
        pages.c.delivery == delivery, pages.c.part == part, pages.c.number == number)).first())


def _sheets() -> Select[Any]:
    """Pages with their parts and what was read of them, the newest reading first."""
    return select(parts, pages.c.number, page_reads.c.chunk).join_from(
        pages, parts, and_(parts.c.delivery == pages.c.delivery, parts.c.position == pages.c.part)).join(
        page_reads, and_(page_reads.c.tenant == parts.c.tenant, page_reads.c.original == parts.c.sha256,
                         page_reads.c.page == pages.c.number, page_reads.c.reader.not_like(f"{PICTURE}/%"))).order_by(
        page_reads.c.read_at.desc()).limit(1)


def _sheet(row: Any) -> Sheet | None:
    return Sheet(Blob(row.sha256, row.media_type, row.name, row.size), row.number, row.chunk) if row else None


def decided_at(conn: Connection, document: str) -> tuple[int, str] | None:
    """(revision, by) of the live decision of a document; None when there is none."""
    row = conn.execute(select(decisions.c.revision, decisions.c.by).where(
        decisions.c.document == document, decisions.c.live.is_(True))).first()
    return (row.revision, row.by) if row else None


def note_opening(tx: Tx, tenant: str, document: str, by: str) -> None:
    """Somebody has the document open from now on (for `OPEN_FOR`); what is older than that is forgotten."""
    upsert(tx, openings, ("document", "by"), [{"document": document, "tenant": tenant, "by": by, "at": tx.now}])
    tx.connection.execute(delete(openings).where(openings.c.tenant == tenant, openings.c.at < stamp(tx.now - OPEN_FOR)))


def opened_by(conn: Connection, ids: Sequence[str], now: datetime, but: str = "") -> dict[str, tuple[str, datetime]]:
    """Who (other than `but`) has these documents open, and since when: the newest of each document."""
    rows = conn.execute(select(openings).where(
        openings.c.document.in_(ids), openings.c.by != but, openings.c.at > stamp(now - OPEN_FOR)).order_by(openings.c.at))
    return {row.document: (row.by, parse_stamp(row.at)) for row in rows}
