"""Rescans of the back-file: which page was replaced, inserted or set aside, and by what. Rows only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select

from intake.db.batches import Batch, Item, item_from
from intake.db.core import Tx, add, new_id, upsert
from intake.db.signs import signs_changed
from intake.schema import batch_items, batches, deliveries, documents, page_signs, pages, parts, problems, rescans
from intake.vocabulary import DeliveryState, PageState, Part

KINDS = {"replaced": "Seite ersetzt", "inserted": "Seite eingefügt", "double": "doppelte Seite ausgesondert"}
"""The German words for what was done."""
WAITS = (DeliveryState.RECEIVED.value, DeliveryState.CLARIFY.value, DeliveryState.QUARANTINED.value, DeliveryState.TWIN.value)


@dataclass(frozen=True, slots=True)
class Rescan:
    """One page replaced, inserted or set aside. `part`, `number` is the old page (of an inserted one its neighbour)."""

    id: str
    batch: str
    delivery: str
    document: str
    kind: str
    part: int
    number: int
    path: str
    page: int
    by: str
    source: str | None = None
    new_part: int | None = None
    new_number: int | None = None
    at: str = ""


def add_rescan(tx: Tx, tenant: str, one: Rescan) -> None:
    """Note what was done with a page."""
    values: dict[str, Any] = {name: getattr(one, name) for name in Rescan.__slots__}
    add(tx, rescans, **values | {"id": new_id(), "tenant": tenant, "at": tx.now})


@dataclass(frozen=True, slots=True)
class Used:
    """A page of a rescan that is in: the delivery it mended, the further part of that delivery, the bytes it is from."""

    delivery: str
    part: int
    number: int
    sha256: str


def used_of(conn: Connection, source: str) -> tuple[Used, ...]:
    """The pages of a delivery of rescans that were put in, when some of it had to wait for a person."""
    one = rescans.c
    found = conn.execute(select(one.delivery, one.new_part, one.new_number, parts.c.sha256).join(
        parts, (parts.c.delivery == one.delivery) & (parts.c.position == one.new_part)).where(one.source == source))
    return tuple(Used(*row) for row in found)


def rescans_of(conn: Connection, batch: str, limit: int = 1000, seen: ColumnElement[bool] | None = None) -> tuple[Rescan, ...]:
    """What was done with pages of a batch, the newest first; only of documents whose rows are `seen`, when given."""
    where = rescans.c.batch == batch
    if seen is not None:
        where &= rescans.c.document.in_(select(documents.c.id).where(seen))
    return _all(conn, where, limit)


def _all(conn: Connection, where: ColumnElement[bool], limit: int) -> tuple[Rescan, ...]:
    rows = conn.execute(select(rescans).where(where).order_by(rescans.c.at.desc(), rescans.c.id.desc()).limit(limit)).mappings()
    return tuple(Rescan(**{name: row[name] for name in Rescan.__slots__}) for row in rows)


def now_at(conn: Connection, delivery: str, part: int, number: int) -> tuple[int, int]:
    """Where a page of a delivery is to be found now: itself, or what replaced it, and what replaced that."""
    for one in reversed(_all(conn, (rescans.c.delivery == delivery) & (rescans.c.kind == "replaced"), 100_000)):
        if (one.part, one.number) == (part, number) and one.new_part is not None and one.new_number is not None:
            part, number = one.new_part, one.new_number
    return part, number


def delivered_pages(conn: Connection, delivery: str) -> list[tuple[int, int]]:
    """(part, number) of the pages a file was delivered with, in order; rescans are not among them."""
    later = select(rescans.c.new_part).where(rescans.c.delivery == delivery, rescans.c.new_part.is_not(None))
    rows = conn.execute(select(parts.c.position, parts.c.pages).where(
        parts.c.delivery == delivery, parts.c.position.not_in(later)).order_by(parts.c.position))
    return [(row.position, number) for row in rows for number in range(1, row.pages + 1)]


def owner_of(conn: Connection, delivery: str, part: int, number: int) -> tuple[PageState, str | None] | None:
    """(state, document) of a page in the ledger; None when the delivery has no such page."""
    row = conn.execute(select(pages.c.state, pages.c.document).where(
        pages.c.delivery == delivery, pages.c.part == part, pages.c.number == number)).first()
    return (PageState(row.state), row.document) if row else None


def add_part(tx: Tx, tenant: str, part: Part) -> int:
    """A file that came later as a further part of an opened delivery; its position. The caller enters its pages."""
    last: int = tx.connection.execute(select(func.max(parts.c.position)).where(parts.c.delivery == part.delivery)).scalar_one()
    add(tx, parts, delivery=part.delivery, position=last + 1, parent=None, tenant=tenant, sha256=part.blob.sha256,
        media_type=part.blob.media_type, name=part.blob.name, size=part.blob.size, pages=part.pages, problem=None, detail="",
        facts=[])
    return last + 1


def turn(tx: Tx, delivery: str, tenant: str, which: Iterable[tuple[int, int, PageState]]) -> None:
    """Enter pages (part, number, state) that lie in no document."""
    upsert(tx, pages, ("delivery", "part", "number"), [
        {"tenant": tenant, "delivery": delivery, "part": part, "number": number, "state": state, "document": None, "position": 0,
         "rotation": 0} for part, number, state in which])


def forget_sign(tx: Tx, delivery: str, part: int, number: int) -> None:
    """A page that is no longer in use is not compared any more."""
    tx.connection.execute(delete(page_signs).where(
        page_signs.c.delivery == delivery, page_signs.c.part == part, page_signs.c.number == number))
    signs_changed(tx, [delivery])


def batch_by_id(conn: Connection, tenant: str, id: str) -> Batch | None:
    """The batch of this tenant; None when there is none."""
    row = conn.execute(select(batches).where(batches.c.tenant == tenant, batches.c.id == id)).mappings().first()
    return Batch(**row) if row else None


def batch_of_delivery(conn: Connection, delivery: str) -> tuple[Batch, Item] | None:
    """Batch and item a delivery was taken for; None for a delivery of none."""
    row = conn.execute(select(batch_items).where(batch_items.c.delivery == delivery)).mappings().first()
    if row is None:
        return None
    found = batch_by_id(conn, row["tenant"], row["batch"])
    return (found, item_from(row)) if found else None


def files_called(conn: Connection, tenant: str, profile: str, name: str) -> list[tuple[Batch, Item]]:
    """Taken files of batches of this profile that are not closed, whose path or name is `name` (any case, with or without
    its ending, `_` for the `/` between folders)."""
    wanted = _flat(name)
    stem = wanted.rpartition(".")[0] or wanted
    last = stem.rpartition("_")[2].replace("\\", "\\\\").replace("%", "\\%")
    rows = conn.execute(select(batch_items, batches.c.id.label("of")).join(batches, batches.c.id == batch_items.c.batch).where(
        batches.c.tenant == tenant, batches.c.profile == profile, batches.c.state != "closed",
        batch_items.c.delivery.is_not(None), func.lower(batch_items.c.path).like(f"%{last}%", escape="\\"))).mappings()
    found: list[tuple[Batch, Item]] = []
    exact: list[tuple[Batch, Item]] = []
    for row in rows:
        item = item_from(row)
        path, short = _flat(item.path), _flat(item.path.rpartition("/")[2])
        batch = batch_by_id(conn, tenant, item.batch)
        if batch is not None and wanted in (path, path.rpartition(".")[0] or path):
            exact.append((batch, item))
        elif batch is not None and wanted in (short, short.rpartition(".")[0] or short):
            found.append((batch, item))
    return exact or found


def _flat(path: str) -> str:
    return path.replace("\\", "/").strip("./").replace("/", "_").replace(" ", "_").casefold()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came into the folder of rescans: `problem` (id, sentence) says why it waits for a person."""

    id: str
    name: str
    received_at: str
    state: str
    problem: tuple[str, str] | None = None


def arrivals(conn: Connection, source: str, seen: ColumnElement[bool], limit: int = 50) -> tuple[Arrival, ...]:
    """What came into the folder of rescans of a profile and is not used up: being read, or waiting for a person; `seen`: the
    condition on rows of `deliveries`. The newest first."""
    one = deliveries.c
    about = (problems.c.subject == one.id) & (problems.c.subject_kind == "delivery") & problems.c.closed_at.is_(None)
    wanted = select(one.id, one.name, one.received_at, one.state, problems.c.id.label("problem"), problems.c.title)
    rows = conn.execute(wanted.outerjoin(problems, about).where(
        seen, one.source == source, one.channel == "folder", one.state.in_(WAITS)).order_by(one.received_at.desc()).limit(limit))
    return tuple(Arrival(row.id, row.name, row.received_at, row.state, (row.problem, row.title) if row.problem else None)
                 for row in rows)


def tally(conn: Connection, batch: Batch) -> tuple[dict[str, int], int]:
    """How many pages were replaced, inserted and set aside in a batch, and how many rescans of its profile wait for a person."""
    done = {row[0]: row[1] for row in conn.execute(select(rescans.c.kind, func.count()).where(
        rescans.c.batch == batch.id).group_by(rescans.c.kind).order_by(rescans.c.kind))}
    waits = conn.execute(select(func.count()).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.source == batch.profile, deliveries.c.channel == "folder",
        deliveries.c.state == DeliveryState.CLARIFY.value)).scalar_one()
    return done, waits
