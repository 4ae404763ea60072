"""Batches of the back-file: their items, the Akten expected, how far they are. Rows only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, func, select, update

from intake.db.core import Tx, add_missing, add_once, new_id, parse_stamp, stamp, upsert
from intake.errors import Refused, Stale
from intake.schema import (
    batch_differences,
    batch_expected,
    batch_items,
    batches,
    deliveries,
    documents,
    pages,
    parts,
    rescans,
)
from intake.vocabulary import DeliveryState, DocumentState, PageState

STATES = {"open": "läuft", "paused": "angehalten", "closed": "abgeschlossen"}
"""The German words for the states of a batch."""
CHANNEL = "backfile"
"""The channel by which the deliveries of batches come in."""
OPEN, PAUSED, CLOSED = "open", "paused", "closed"
WAITING, TAKEN, GONE = "waiting", "taken", "gone"
NEVER = "9999-12-31T23:59:59.999999Z"
"""`not_before` of a row whose batch is paused: no back-off of ours ever reaches so far."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Los: a delivery of old files that is digitised as one."""

    id: str
    tenant: str
    name: str
    profile: str
    folder: str
    state: str = OPEN
    protection: str = "normal"
    operator: str = ""
    index_name: str = ""
    master_name: str = ""
    created_at: str = ""
    created_by: str = ""
    closed_at: str | None = None
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of a batch: `members` are its files as (path below the folder, bytes, modification time in ns).

    `reference` is the Akte as index or path say, `pages` how many the index says, `fields` (name, value, where it stands).
    """

    batch: str
    position: int
    path: str
    members: tuple[tuple[str, int, int], ...]
    reference: str = ""
    reference_key: str = ""
    pages: int | None = None
    fields: tuple[tuple[str, str, str], ...] = ()
    state: str = WAITING
    delivery: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """An Akte that must be in the batch, as the list of Akten says."""

    reference: str
    reference_key: str
    title: str = ""
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of the delivery of an item: its state, pages read, parts with a problem."""

    path: str
    reference: str
    reference_key: str
    expected: int | None
    state: str
    delivery: str | None
    delivery_state: str | None
    pages: int
    problems: tuple[str, ...]
    twin_of: str | None


def add_batch(tx: Tx, batch: Batch) -> Batch:
    """A new batch under an id of its own. Raises Refused when the tenant has one of this name."""
    made = Batch(**{**_values(batch), "id": new_id(), "created_at": stamp(tx.now)})
    if not add_once(tx, batches, **_values(made)):
        raise Refused(f"Den Stapel „{batch.name}“ gibt es schon. Wählen Sie einen anderen Namen.")
    return made


def _values(batch: Batch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in Batch.__slots__}


def batch_named(conn: Connection, tenant: str, name: str) -> Batch | None:
    """The batch of this name; None when there is none."""
    row = conn.execute(select(batches).where(batches.c.tenant == tenant, batches.c.name == name)).mappings().first()
    return Batch(**row) if row else None


def batches_of(conn: Connection, tenant: str | None = None, states: Collection[str] = ()) -> tuple[Batch, ...]:
    """All batches (of a tenant, in these states), the newest first."""
    wanted = select(batches).order_by(batches.c.created_at.desc(), batches.c.id)
    if tenant is not None:
        wanted = wanted.where(batches.c.tenant == tenant)
    if states:
        wanted = wanted.where(batches.c.state.in_(tuple(states)))
    return tuple(Batch(**row) for row in conn.execute(wanted).mappings())


def set_state(tx: Tx, batch: Batch, to: str, by: str = "") -> Batch:
    """Move a batch from the state it was seen in. Raises Stale when it is in another by now."""
    values: dict[str, Any] = {"state": to}
    if to == CLOSED:
        values |= {"closed_at": stamp(tx.now), "closed_by": by}
    done = tx.connection.execute(update(batches).where(batches.c.id == batch.id, batches.c.state == batch.state).values(**values))
    if done.rowcount != 1:
        raise Stale(f"Der Stapel „{batch.name}“ wurde inzwischen geändert. Sehen Sie nach: poststelle batch status")
    return Batch(**{**_values(batch), **values})


def hold_back(tx: Tx, batch: Batch, *, held: bool) -> int:
    """Let the waiting rows of a batch rest (or go on); how many there were. What runs already is finished."""
    mine = select(deliveries.c.id).where(deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name)
    rows = 0
    for table, where in (
            (deliveries, (deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name,
                          deliveries.c.state == DeliveryState.RECEIVED.value)),
            (documents, (documents.c.delivery.in_(mine),
                         documents.c.state.in_((DocumentState.NEW.value, DocumentState.APPROVED.value))))):
        changed = update(table).where(*where, (table.c.not_before != NEVER) if held else (table.c.not_before == NEVER))
        rows += tx.connection.execute(changed.values(not_before=NEVER if held else "")).rowcount
    return rows


# ---- items and what is expected ----------------------------------------------------------------------------------------


def put_items(tx: Tx, tenant: str, items: Iterable[Item]) -> None:
    """Add items; one whose path is known already is left as it is (a listing may be repeated after a kill)."""
    rows = [{"tenant": tenant, "batch": one.batch, "position": one.position, "path": one.path,
             "members": [list(member) for member in one.members], "reference": one.reference[:160],
             "reference_key": one.reference_key[:160], "pages": one.pages, "fields": [list(field) for field in one.fields],
             "state": one.state, "delivery": one.delivery} for one in items]
    add_missing(tx, batch_items, rows)


def items_of(conn: Connection, batch: str, *, state: str = "", after: int = 0, limit: int = 1000) -> tuple[Item, ...]:
    """Items in the order they were delivered, from behind position `after`."""
    wanted = select(batch_items).where(batch_items.c.batch == batch, batch_items.c.position > after)
    if state:
        wanted = wanted.where(batch_items.c.state == state)
    rows = conn.execute(wanted.order_by(batch_items.c.position).limit(limit)).mappings()
    return tuple(item_from(row) for row in rows)


def item_of_delivery(conn: Connection, delivery: str) -> Item | None:
    """The item a delivery was taken for; None for a delivery of no batch."""
    row = conn.execute(select(batch_items).where(batch_items.c.delivery == delivery)).mappings().first()
    return item_from(row) if row else None


def items_ending(conn: Connection, batch: str, path: str) -> tuple[Item, ...]:
    """Taken items whose path is `path` or ends with it."""
    rows = conn.execute(select(batch_items).where(
        batch_items.c.batch == batch, batch_items.c.delivery.is_not(None),
        batch_items.c.path.endswith(path, autoescape=True))).mappings()
    found = tuple(item_from(row) for row in rows)
    return tuple(one for one in found if one.path == path) or found


def item_from(row: Mapping[Any, Any]) -> Item:
    """A row of `batch_items` as an item."""
    members = tuple((path, size, mtime) for path, size, mtime in row["members"])
    fields = tuple((name, value, where) for name, value, where in row["fields"])
    return Item(row["batch"], row["position"], row["path"], members, row["reference"], row["reference_key"], row["pages"], fields,
                row["state"], row["delivery"])


def is_waiting(conn: Connection, item: Item) -> bool:
    """Whether nobody has taken an item yet."""
    state: str = conn.execute(select(batch_items.c.state).where(
        batch_items.c.batch == item.batch, batch_items.c.position == item.position)).scalar_one()
    return state == WAITING


def move_item(tx: Tx, item: Item, to: str, delivery: str | None = None) -> bool:
    """An item leaves the state it was seen in; False when somebody else moved it first."""
    done = tx.connection.execute(update(batch_items).where(
        batch_items.c.batch == item.batch, batch_items.c.position == item.position, batch_items.c.state == item.state,
    ).values(state=to, delivery=delivery))
    return done.rowcount == 1


def put_expected(tx: Tx, tenant: str, batch: str, rows: Iterable[Expected]) -> None:
    """The Akten that must be there; a repeat takes the newer words."""
    upsert(tx, batch_expected, ("batch", "reference_key"), [
        {"tenant": tenant, "batch": batch, "reference_key": one.reference_key, "reference": one.reference, "title": one.title,
         "pages": one.pages} for one in rows])


def expected_of(conn: Connection, batch: str) -> tuple[Expected, ...]:
    """The Akten that must be there, by Aktenzeichen."""
    return tuple(Expected(row.reference, row.reference_key, row.title, row.pages) for row in conn.execute(
        select(batch_expected).where(batch_expected.c.batch == batch).order_by(batch_expected.c.reference_key)))


def opened_of(conn: Connection, batch: str, only: Select[Any] | None = None) -> tuple[Opened, ...]:
    """What became of each item (of those whose position `only` selects), in order. One row an item, not one a page."""
    found: dict[str, tuple[int, list[str]]] = {}
    mine = batch_items.c.batch == batch if only is None else (batch_items.c.batch == batch) & batch_items.c.position.in_(
        conn.execute(only).scalars().all())
    rows = conn.execute(select(parts.c.delivery, parts.c.pages, parts.c.name, parts.c.problem).join(
        batch_items, batch_items.c.delivery == parts.c.delivery).where(mine).order_by(parts.c.position))
    found |= {delivery: (-more, []) for delivery, more in _because_of_rescans(conn, batch).items()}
    for row in rows:
        number, problems = found.get(row.delivery, (0, []))
        found[row.delivery] = (number + row.pages, [*problems, row.name] if row.problem else problems)
    items = conn.execute(select(
        batch_items.c.path, batch_items.c.reference, batch_items.c.reference_key, batch_items.c.pages, batch_items.c.state,
        batch_items.c.delivery, deliveries.c.state.label("now"), deliveries.c.twin_of,
    ).outerjoin(deliveries, deliveries.c.id == batch_items.c.delivery).where(mine).order_by(
        batch_items.c.position))
    return tuple(Opened(row.path, row.reference, row.reference_key, row.pages, row.state, row.delivery, row.now,
                        *_counted(found.get(row.delivery or "", (0, []))), row.twin_of) for row in items)


def _because_of_rescans(conn: Connection, batch: str) -> dict[str, int]:
    """By delivery: how many pages more its files have than the paper, because of rescans and doubles set aside."""
    mine = rescans.c.batch == batch
    more: dict[str, int] = {}
    for delivery, kind, number in conn.execute(select(rescans.c.delivery, rescans.c.kind, func.count()).where(mine).group_by(
            rescans.c.delivery, rescans.c.kind)):
        more[delivery] = more.get(delivery, 0) + {"inserted": -number, "double": number}.get(kind, 0)
    new = select(rescans.c.delivery, rescans.c.new_part).where(mine, rescans.c.new_part.is_not(None)).distinct().subquery()
    for delivery, number in conn.execute(select(new.c.delivery, func.sum(parts.c.pages)).join(
            parts, (parts.c.delivery == new.c.delivery) & (parts.c.position == new.c.new_part)).group_by(new.c.delivery)):
        more[delivery] = more.get(delivery, 0) + number
    return more


def _counted(found: tuple[int, list[str]]) -> tuple[int, tuple[str, ...]]:
    return found[0], tuple(found[1])


def wait_again(tx: Tx, batch: Batch) -> int:
    """Items that were gone when they should be taken wait once more (the disk is back); how many."""
    return tx.connection.execute(update(batch_items).where(
        batch_items.c.batch == batch.id, batch_items.c.state == GONE).values(state=WAITING)).rowcount


# ---- numbers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbers:
    """How far a batch is: items and pages by what became of them; documents by state; differences in all and undecided."""

    items: int
    waiting: int
    opened: int
    pages: int
    pages_expected: int
    documents: Mapping[str, int]
    differences: int
    undecided: int


def numbers(conn: Connection, batch: Batch) -> Numbers:
    """The numbers of `poststelle batch status`; reads one row an item and a document, never one a page."""
    mine = (deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name)
    items = conn.execute(select(
        func.count(), func.sum(case((batch_items.c.state == WAITING, 1), else_=0)), func.sum(batch_items.c.pages)).where(
        batch_items.c.batch == batch.id)).one()
    opened = conn.execute(select(func.sum(case((deliveries.c.state != DeliveryState.RECEIVED.value, 1), else_=0))).where(
        *mine)).scalar()
    read = conn.execute(select(func.sum(parts.c.pages)).join(deliveries, deliveries.c.id == parts.c.delivery).where(
        *mine, deliveries.c.state == DeliveryState.OPENED.value)).scalar() or 0
    read -= sum(_because_of_rescans(conn, batch.id).values())
    by_state = conn.execute(select(documents.c.state, func.count()).join(
        deliveries, deliveries.c.id == documents.c.delivery).where(*mine).group_by(documents.c.state))
    told = conn.execute(select(func.count(), func.sum(case((batch_differences.c.decision.is_(None), 1), else_=0))).where(
        batch_differences.c.batch == batch.id, batch_differences.c.gone_at.is_(None))).one()
    return Numbers(items[0], items[1] or 0, opened or 0, read, items[2] or 0, {row[0]: row[1] for row in by_state},
                   told[0], told[1] or 0)


def backlog(conn: Connection, batch: Batch) -> int:
    """How many deliveries of the batch wait to be opened."""
    return conn.execute(select(func.count()).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name,
        deliveries.c.state == DeliveryState.RECEIVED.value)).scalar_one()


def unfinished(conn: Connection, batch: Batch) -> int:
    """How many documents of the batch are neither filed nor put aside for good."""
    return conn.execute(select(func.count()).select_from(documents).join(
        deliveries, deliveries.c.id == documents.c.delivery).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name,
        documents.c.state.not_in((DocumentState.FILED.value, DocumentState.SUPERSEDED.value, DocumentState.REJECTED.value)))
    ).scalar_one()


def page_balance(conn: Connection, batch: Batch) -> dict[str, int]:
    """Pages in the ledger by what became of them, and `read`, the pages the files have. Reads every row of the ledger."""
    mine = (deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name)
    sums = [func.sum(case((pages.c.state == state.value, 1), else_=0)) for state in PageState]  # no sorting, unlike GROUP BY
    found = conn.execute(select(*sums).join(deliveries, deliveries.c.id == pages.c.delivery).where(*mine)).one()
    read = conn.execute(select(func.sum(parts.c.pages)).join(deliveries, deliveries.c.id == parts.c.delivery).where(
        *mine, deliveries.c.state == DeliveryState.OPENED.value, parts.c.problem.is_(None))).scalar() or 0
    return {state.value: number or 0 for state, number in zip(PageState, found, strict=True)} | {"read": read}


def started(conn: Connection, batch: Batch) -> float:
    """Seconds between the first receipt and the last change of the batch's deliveries; 0.0 before anything was taken."""
    first, last = conn.execute(select(func.min(deliveries.c.received_at), func.max(deliveries.c.changed_at)).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name)).one()
    return (parse_stamp(last) - parse_stamp(first)).total_seconds() if first and last else 0.0
