"""What comparing a batch asks of the rows and notes in them, so that a million pages cost no more than what changed. Rows only.

An Akte is compared again when the signs of its pages changed since (`signed` and `compared` of its items differ). What is found
between its pages belongs to an item (`batch_differences.item`); what is found of whole files, Akten or the batch belongs to none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from intake.db.batches import GONE, Opened, opened_of
from intake.db.core import Tx
from intake.db.differences import put_differences
from intake.db.signs import Sign
from intake.schema import batch_expected, batch_items, deliveries, page_signs, parts, rescans
from intake.vocabulary import DeliveryState

_NOT_READ = (DeliveryState.TWIN.value, DeliveryState.CLARIFY.value, DeliveryState.QUARANTINED.value, DeliveryState.REJECTED.value)


# ---- files and Akten ---------------------------------------------------------------------------------------------------


def doubtful_of(conn: Connection, batch: str) -> tuple[Opened, ...]:
    """What became of those items of which there may be something to tell: away, not read, a bad part, another page count."""
    read = select(
        parts.c.delivery, func.sum(parts.c.pages).label("pages"), func.count(parts.c.problem).label("problems")).join(
        batch_items, batch_items.c.delivery == parts.c.delivery).where(batch_items.c.batch == batch).group_by(
        parts.c.delivery).subquery()
    mended = select(rescans.c.delivery).where(rescans.c.batch == batch)
    return opened_of(conn, batch, select(batch_items.c.position).outerjoin(
        deliveries, deliveries.c.id == batch_items.c.delivery).outerjoin(read, read.c.delivery == batch_items.c.delivery).where(
        batch_items.c.batch == batch, or_(
            batch_items.c.state == GONE, deliveries.c.state.in_(_NOT_READ), read.c.problems > 0,
            batch_items.c.pages != func.coalesce(read.c.pages, 0), batch_items.c.delivery.in_(mended))))


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Akten of the list that were not delivered; items (Aktenzeichen, path) of Akten not on it; paths of no known Akte."""

    missing: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()
    nameless: tuple[str, ...] = ()


def unmatched(conn: Connection, batch: str) -> Unmatched:
    """What does not agree with the list of Akten; nothing where there is no list."""
    items, listed = batch_items.c, batch_expected.c
    if conn.execute(select(listed.reference_key).where(listed.batch == batch).limit(1)).first() is None:
        return Unmatched()
    came = select(items.position).where(items.batch == batch, items.reference_key == listed.reference_key, items.state != GONE)
    known = select(listed.batch).where(listed.batch == batch, listed.reference_key == items.reference_key)
    missing = conn.execute(select(listed.reference).where(listed.batch == batch, ~came.correlate(batch_expected).exists()))
    extra = conn.execute(select(items.reference, items.path).where(
        items.batch == batch, items.reference_key != "", items.state != GONE, ~known.correlate(batch_items).exists()).order_by(
        items.position))
    nameless = conn.execute(select(items.path).where(items.batch == batch, items.reference_key == "").order_by(items.position))
    return Unmatched(tuple(missing.scalars()), tuple((row.reference, row.path) for row in extra), tuple(nameless.scalars()))


# ---- pages -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """An item as it was when its Akte was compared."""

    position: int
    path: str
    signed: int


Akte = tuple[tuple[Seen, ...], tuple[tuple[Seen, Sign], ...]]
"""The items of an Akte with the pages of all of them, in the order of delivery."""


def outdated(conn: Connection, batch: str) -> int:
    """How many items have pages that changed since their Akte was compared."""
    return conn.execute(select(func.count()).where(_outdated(batch))).scalar_one()


def _outdated(batch: str) -> Any:
    return (batch_items.c.batch == batch) & (batch_items.c.compared != batch_items.c.signed)


def next_akten(conn: Connection, batch: str, limit: int) -> list[Akte]:
    """The Akten to be compared (a file of no known Akte alone), those of the first `limit` items that are outdated."""
    first = conn.execute(select(batch_items.c.reference_key, batch_items.c.position).where(_outdated(batch)).order_by(
        batch_items.c.position).limit(limit)).all()
    named, alone = {row.reference_key for row in first} - {""}, [row.position for row in first if not row.reference_key]
    rows = conn.execute(select(
        batch_items.c.reference_key, batch_items.c.position, batch_items.c.path, batch_items.c.signed, batch_items.c.delivery,
    ).where(batch_items.c.batch == batch, or_(
        batch_items.c.reference_key.in_(named), batch_items.c.position.in_(alone))).order_by(batch_items.c.position)).all()
    pages = _pages_of(conn, [row.delivery for row in rows if row.delivery])
    akten: dict[tuple[str, int], tuple[list[Seen], list[tuple[Seen, Sign]]]] = {}
    for row in rows:
        items, signs = akten.setdefault((row.reference_key, 0 if row.reference_key else row.position), ([], []))
        items.append(Seen(row.position, row.path, row.signed))
        signs += [(items[-1], sign) for sign in pages.get(row.delivery, ())]
    return [(tuple(items), tuple(signs)) for items, signs in akten.values()]


def _pages_of(conn: Connection, which: Sequence[str]) -> dict[str, list[Sign]]:
    """The signs of these deliveries, in their order."""
    found: dict[str, list[Sign]] = {}
    for row in conn.execute(select(*(page_signs.c[name] for name in Sign.__slots__)).where(
            page_signs.c.delivery.in_(which)).order_by(page_signs.c.delivery, page_signs.c.part, page_signs.c.number)):
        values: list[Any] = [*row[:-1], tuple(row[-1])]  # the warnings come last
        found.setdefault(row[0], []).append(Sign(*values))
    return found


# ---- differences -------------------------------------------------------------------------------------------------------


def put_compared(tx: Tx, tenant: str, batch: str, items: Sequence[Seen],
                 found: Mapping[tuple[str, str], tuple[str, int]]) -> None:
    """Make these the differences between the pages of these items, which are compared now: (kind, subject) -> (sentence,
    position of the item)."""
    put_differences(tx, tenant, batch, {key: said for key, (said, _) in found.items()},
                    {key: item for key, (_, item) in found.items()}, [one.position for one in items])
    tx.connection.execute(update(batch_items).where(
        batch_items.c.batch == batch, batch_items.c.position == bindparam("at")).values(compared=bindparam("as_of")),
        [{"at": one.position, "as_of": one.signed} for one in items])
