"""The Vorgänge of a batch as they were when their Akte was compared, and by what likely pairs of them are found. Rows only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, tuple_

from intake.db.core import Tx, add_many
from intake.schema import batch_items, batch_matters, documents, matter_keys, page_signs, pages, proposals
from intake.vocabulary import DocumentState

FIELDS = ("parcel", "parcel_id", "applicant", "project", "application_date", "permit_date")
COMMON = 40
"""A key that more Vorgänge have says nothing (a form, an empty page) and would make pairs without end."""
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
    """A Vorgang as kept: where it is, its Akte and name, what its papers say, its sheets, the keys by which it is found."""

    place: Place
    akte: str
    name: str
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sheets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def put_matters(tx: Tx, tenant: str, batch: str, items: Collection[int], matters: Sequence[Kept]) -> None:
    """Make these the Vorgänge of the items."""
    for table in (matter_keys, batch_matters):
        tx.connection.execute(delete(table).where(table.c.batch == batch, table.c.item.in_(tuple(items))))
    add_many(tx, batch_matters, [
        {"tenant": tenant, "batch": batch, "item": one.place[0], "number": one.place[1], "akte": one.akte, "name": one.name,
         "said": {name: list(values) for name, values in one.said.items()}, "sheets": list(one.sheets)} for one in matters])
    add_many(tx, matter_keys, [{"tenant": tenant, "batch": batch, "key": key, "item": one.place[0], "number": one.place[1]}
                               for one in matters for key in dict.fromkeys(one.keys)])


def pairs(conn: Connection, batch: str) -> Iterator[tuple[Kept, Kept]]:
    """Vorgänge of the batch that have a key in common, each pair once."""
    one, other = matter_keys.alias("one"), matter_keys.alias("other")
    shared = select(matter_keys.c.key).where(matter_keys.c.batch == batch).group_by(matter_keys.c.key).having(
        func.count().between(2, COMMON)).subquery()
    found = conn.execute(select(one.c.item, one.c.number, other.c.item, other.c.number).select_from(shared.join(
        one, one.c.key == shared.c.key).join(other, other.c.key == shared.c.key)).where(
        one.c.batch == batch, other.c.batch == batch, or_(one.c.item < other.c.item, and_(
            one.c.item == other.c.item, one.c.number < other.c.number))).distinct()).all()
    wanted = sorted({place for row in found for place in ((row[0], row[1]), (row[2], row[3]))})
    known: dict[Place, Kept] = {}
    for start in range(0, len(wanted), 500):
        known |= _kept(conn, batch, wanted[start:start + 500])
    for row in sorted(tuple(row) for row in found):
        yield known[row[0], row[1]], known[row[2], row[3]]


def _kept(conn: Connection, batch: str, places: Sequence[Place]) -> dict[Place, Kept]:
    one: Any = batch_matters.c
    rows = conn.execute(select(batch_matters).where(one.batch == batch, tuple_(one.item, one.number).in_(places)))
    return {(row.item, row.number): Kept((row.item, row.number), row.akte, row.name, row.said, tuple(row.sheets)) for row in rows}
