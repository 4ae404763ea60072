"""The Vorgänge of a batch as they were when their Akte was compared. Rows only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, delete, select, tuple_

from intake.db.core import Tx, upsert
from intake.schema import batch_items, batch_matters, documents, page_signs, pages, proposals
from intake.vocabulary import DocumentState

FIELDS = ("parcel", "parcel_id", "applicant", "project", "application_date", "permit_date")
Place = tuple[int, int]
"""The position of the item and the number of a Vorgang in it."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of an item: its Vorgang by the outline of its Akte, the best proposal of each field, its sheets."""

    item: int
    akte: str
    case: str
    said: Mapping[str, str]
    sheets: tuple[str, ...]


def papers_of(conn: Connection, batch: str, items: Collection[int]) -> tuple[Paper, ...]:
    """The live documents of these items, in their order."""
    here = (batch_items.c.batch == batch, batch_items.c.position.in_(tuple(items)))
    rows = conn.execute(select(
        documents.c.id, documents.c.cut, batch_items.c.position, batch_items.c.reference, batch_items.c.path).join(
        batch_items, batch_items.c.delivery == documents.c.delivery).where(
        *here, documents.c.state.not_in((DocumentState.SUPERSEDED.value, DocumentState.REJECTED.value))).order_by(
        batch_items.c.position, documents.c.position, documents.c.id)).all()
    ids = [row.id for row in rows]
    said: dict[str, dict[str, str]] = {}
    for document, name, value in conn.execute(select(proposals.c.document, proposals.c.field, proposals.c.value).where(
            proposals.c.document.in_(ids), proposals.c.field.in_(FIELDS)).order_by(proposals.c.document, proposals.c.rank)):
        said.setdefault(document, {}).setdefault(name, value)
    sheets: dict[str, list[str]] = {}
    for document, text in conn.execute(select(pages.c.document, page_signs.c.text).join(page_signs, and_(
            page_signs.c.delivery == pages.c.delivery, page_signs.c.part == pages.c.part,
            page_signs.c.number == pages.c.number)).where(pages.c.document.in_(ids), page_signs.c.text != "").order_by(
            pages.c.document, pages.c.position)):
        sheets.setdefault(document, []).append(text)
    return tuple(Paper(row.position, row.reference or row.path, row.cut.get("case", ""), said.get(row.id, {}),
                       tuple(sheets.get(row.id, ()))) for row in rows)


@dataclass(frozen=True, slots=True)
class Kept:
    """A Vorgang as kept: where it is, its Akte and name, what its papers say, its sheets."""

    place: Place
    akte: str
    name: str
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sheets: tuple[str, ...] = ()


def put_matters(tx: Tx, tenant: str, batch: str, items: Collection[int], matters: Sequence[Kept]) -> None:
    """Make these the Vorgänge of the items."""
    tx.connection.execute(delete(batch_matters).where(batch_matters.c.batch == batch, batch_matters.c.item.in_(tuple(items))))
    upsert(tx, batch_matters, ("batch", "item", "number"), [  # somebody else may be comparing the same Akte
        {"tenant": tenant, "batch": batch, "item": one.place[0], "number": one.place[1], "akte": one.akte, "name": one.name,
         "said": {name: list(values) for name, values in one.said.items()}, "sheets": list(one.sheets)} for one in matters])


def matters_of(conn: Connection, batch: str) -> Iterator[Kept]:
    """All Vorgänge of a batch in their order; one by one, as there may be tens of thousands."""
    one: Any = batch_matters.c
    yield from map(_kept, conn.execute(select(batch_matters).where(one.batch == batch).order_by(
        one.item, one.number).execution_options(yield_per=1000)))


def matters_at(conn: Connection, batch: str, places: Collection[Place]) -> dict[Place, Kept]:
    """The Vorgänge at these places."""
    one: Any = batch_matters.c
    wanted, found = sorted(places), {}
    for start in range(0, len(wanted), 500):
        for row in conn.execute(select(batch_matters).where(
                one.batch == batch, tuple_(one.item, one.number).in_(wanted[start:start + 500]))):
            found[row.item, row.number] = _kept(row)
    return found


def _kept(row: Any) -> Kept:
    return Kept((row.item, row.number), row.akte, row.name, row.said, tuple(row.sheets))
