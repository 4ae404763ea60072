"""Which paper of a batch may be destroyed: every filed document with why its paper must stay, and their numbers. Rows only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Connection, Select, case, false, func, literal, or_, select, true

from intake.db.batches import Batch
from intake.db.checks import Draw, Lot
from intake.db.core import parse_stamp, stamp
from intake.schema import deliveries, documents, files, filings, qa_checks
from intake.vocabulary import DocumentState

Seen = ColumnElement[bool]
"""Which rows of `documents` are asked for."""
EVERY: Seen = true()
Why = Literal["", "faulty", "later", "unsaved"]
"""Found faulty or still to be looked at, filed after it was looked at, in no backup; "" = nothing speaks against it here."""


def lot_of(conn: Connection, batch: Batch, draw: Draw, backed_up: datetime | None, seen: ColumnElement[bool],
           ) -> Iterator[tuple[Lot, Why]]:
    """The filed documents whose row of `documents` is `seen`, in the order of delivery; one by one, as there may be hundreds of
    thousands."""
    wanted = _lot(batch, draw, seen, *_COLUMNS, _why(draw, backed_up)).join(files, files.c.id == filings.c.file)
    rows = conn.execute(wanted.order_by(
        deliveries.c.position, deliveries.c.id, documents.c.position, documents.c.id).execution_options(yield_per=2000))
    for *lot, why in rows:
        yield _made(*lot), why


def faulty_of(conn: Connection, batch: Batch, draw: Draw, seen: ColumnElement[bool], limit: int) -> tuple[Lot, ...]:
    """The first of those that were found faulty."""
    wanted = _lot(batch, draw, seen, *_COLUMNS).join(files, files.c.id == filings.c.file).where(
        qa_checks.c.draw == draw.id, _FAULTY)
    return tuple(_made(*row) for row in conn.execute(wanted.order_by(qa_checks.c.position).limit(limit)))


_COLUMNS = (documents.c.id, filings.c.at, files.c.reference, filings.c.title, filings.c.pages, deliveries.c.name)


def _made(id: str, at: str, reference: str, title: str, number: int, name: str) -> Lot:
    return Lot(id, parse_stamp(at), reference, title, number, name)


def counted(conn: Connection, batch: Batch, draw: Draw, backed_up: datetime | None, seen: ColumnElement[bool],
            words: Sequence[str]) -> list[tuple[Why, str, int, int]]:
    """(reason, title, documents, pages); titles are told where they may hold one of the `words` (in any case) and nothing else
    speaks against the document, else they are ""."""
    why, titled = _why(draw, backed_up), or_(false(), *(func.lower(filings.c.title).like(_pattern(word)) for word in words))
    title = case(((why == "") & titled, filings.c.title), else_="")
    rows = conn.execute(_lot(batch, draw, seen, why, title, func.count(), func.sum(filings.c.pages)).group_by(why, title))
    return [(cast(Why, row[0]), row[1], row[2], row[3]) for row in rows]


def _pattern(word: str) -> str:
    """What holds the word whatever the database takes for capitals; a little more, which the caller looks at."""
    return f"%{''.join(sign.lower() if sign.isascii() and sign.isalpha() else '_' for sign in word)}%"


def _lot(batch: Batch, draw: Draw, seen: ColumnElement[bool], *columns: Any) -> Select[Any]:
    looked = (qa_checks.c.document == documents.c.id) & (qa_checks.c.draw == draw.id)
    return select(*columns).select_from(deliveries).join(documents, documents.c.delivery == deliveries.c.id).join(
        filings, (filings.c.document == documents.c.id) & filings.c.undone_at.is_(None)).outerjoin(qa_checks, looked).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name,
        documents.c.state == DocumentState.FILED.value, seen)


def _why(draw: Draw, backed_up: datetime | None) -> ColumnElement[str]:
    """The reason of a row of `_lot`; as `Check.faulty` and `Check.open` say of one document."""
    unsaved = true() if backed_up is None else filings.c.at >= stamp(backed_up)
    later = filings.c.at > func.coalesce(qa_checks.c.settled_at, stamp(draw.drawn_at))
    return case((_FAULTY, literal("faulty")), (later, literal("later")), (unsaved, literal("unsaved")), else_=literal(""))


_FAULTY = qa_checks.c.document.is_not(None) & (qa_checks.c.verdict.is_(None) | (
    qa_checks.c.settled_at.is_(None) & (qa_checks.c.rescanned_at.is_not(None) | (qa_checks.c.verdict != "ok"))))
