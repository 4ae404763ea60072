"""Quality assurance of batches: draws and their checks, what may be destroyed. Rows only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, case, cast, func, literal_column, or_, select, update

from intake.db.batches import Batch
from intake.db.core import Tx, add, add_many, new_id, parse_stamp, stamp
from intake.db.signs import Sign, sign_from
from intake.errors import Stale
from intake.schema import deliveries, documents, files, filings, page_signs, pages, parts, proposals, qa_checks, qa_draws
from intake.vocabulary import DeliveryState, DocumentState

ACCEPTED, REJECTED = "accepted", "rejected"
_REGISTER: ColumnElement[str] = literal_column("'register'")
"""Written out, so that SQLite sees that the index of registers is meant."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw over the lot of a batch: the plan it followed, the seed of chance, what became of the lot."""

    id: str
    batch: str
    protection: str
    lot: int
    size: int
    accept: int
    letter: str
    seed: str
    drawn_at: datetime
    drawn_by: str
    verdict: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One document a person looks at beside its paper; `sampled` by chance, else because of a machine's `finding`."""

    draw: str
    document: str
    position: int
    sampled: bool
    finding: str = ""
    verdict: str | None = None
    defect: str = ""
    page: int = 0
    note: str = ""
    checked_by: str | None = None
    checked_at: str | None = None
    rescanned_at: str | None = None
    settled_at: str | None = None

    @property
    def open(self) -> bool:
        """Whether a person must look: nobody did, or the rescan asked for has come."""
        return self.verdict is None or (self.rescanned_at is not None and self.settled_at is None)

    @property
    def faulty(self) -> bool:
        """Whether the document is not right as it lies there: found faulty, and no rescan has mended it."""
        return self.verdict is not None and self.verdict != "ok" and self.settled_at is None


@dataclass(frozen=True, slots=True)
class Lot:
    """A filed document of a batch: where it lies, when it was filed, how many pages."""

    document: str
    filed_at: datetime
    file: str
    title: str
    pages: int
    source: str


def lot_of(conn: Connection, batch: Batch) -> Iterator[Lot]:
    """The filed documents of a batch, in the order of delivery; one by one, as there may be hundreds of thousands."""
    rows = conn.execute(select(
        documents.c.id, filings.c.at, files.c.reference, filings.c.title, filings.c.pages, deliveries.c.name).join(
        deliveries, deliveries.c.id == documents.c.delivery).join(
        filings, (filings.c.document == documents.c.id) & filings.c.undone_at.is_(None)).join(
        files, files.c.id == filings.c.file).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name, documents.c.state == DocumentState.FILED.value,
    ).order_by(deliveries.c.position, deliveries.c.id, documents.c.position, documents.c.id).execution_options(yield_per=2000))
    for id, at, reference, title, number, name in rows:
        yield Lot(id, parse_stamp(at), reference, title, number, name)


def noticed(conn: Connection, batch: Batch, few: int, faint: float, skew: float) -> Iterator[tuple[str, int, Sign]]:
    """(document, page in it, sign) of the pages in filed documents about which there may be something to tell: less than
    `few` letters, read with less confidence than `faint`, slanted by more than `skew` degrees, or with warnings."""
    sign = page_signs.c
    rows = conn.execute(select(pages.c.document, pages.c.position, page_signs).join(
        pages, (pages.c.delivery == sign.delivery) & (pages.c.part == sign.part) & (pages.c.number == sign.number)).join(
        documents, documents.c.id == pages.c.document).join(deliveries, deliveries.c.id == sign.delivery).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name, documents.c.state == DocumentState.FILED.value,
        sign.blank.is_(False), or_(sign.letters < few, sign.quality < faint, sign.skew > skew, sign.skew < -skew,
                                   cast(sign.warnings, Text) != "[]")).order_by(
        pages.c.document, pages.c.position).execution_options(yield_per=2000)).mappings()
    for row in rows:
        yield row["document"], row["position"], sign_from(row)


def add_draw(tx: Tx, tenant: str, draw: Draw, checks: Sequence[Check]) -> Draw:
    """A new draw with the documents to look at."""
    made = new_id()
    add(tx, qa_draws, id=made, tenant=tenant, batch=draw.batch, protection=draw.protection, lot=draw.lot, size=draw.size,
        accept=draw.accept, letter=draw.letter, seed=draw.seed, drawn_at=draw.drawn_at, drawn_by=draw.drawn_by)
    add_many(tx, qa_checks, [
        {"tenant": tenant, "draw": made, "document": one.document, "position": one.position, "sampled": one.sampled,
         "finding": one.finding, "defect": "", "page": 0, "note": ""} for one in checks])
    return Draw(made, draw.batch, draw.protection, draw.lot, draw.size, draw.accept, draw.letter, draw.seed, draw.drawn_at,
                draw.drawn_by)


def draws_of(conn: Connection, batch: str) -> tuple[Draw, ...]:
    """The draws of a batch, the newest first."""
    rows = conn.execute(select(qa_draws).where(qa_draws.c.batch == batch).order_by(
        qa_draws.c.drawn_at.desc(), qa_draws.c.id.desc()))
    return tuple(Draw(row.id, row.batch, row.protection, row.lot, row.size, row.accept, row.letter, row.seed,
                      parse_stamp(row.drawn_at), row.drawn_by, row.verdict,
                      parse_stamp(row.decided_at) if row.decided_at else None, row.decided_by) for row in rows)


def checks_of(conn: Connection, draw: str, *, open_only: bool = False, limit: int | None = None) -> tuple[Check, ...]:
    """The documents of a draw in order; with `open_only` those somebody must look at; at most `limit`."""
    wanted = select(qa_checks).where(qa_checks.c.draw == draw)
    if open_only:
        wanted = wanted.where(_open())
    return tuple(map(_check, conn.execute(wanted.order_by(qa_checks.c.position).limit(limit))))


def check_of(conn: Connection, draw: str, document: str) -> Check | None:
    """The check of a document in a draw; None where it has none."""
    row = conn.execute(select(qa_checks).where(qa_checks.c.draw == draw, qa_checks.c.document == document)).first()
    return _check(row) if row else None


def open_checks(conn: Connection, draw: str, seen: ColumnElement[bool]) -> tuple[int, Check | None]:
    """How many documents of a draw somebody must look at, and the first; of those whose row of `documents` is `seen`."""
    wanted = select(qa_checks).join(documents, documents.c.id == qa_checks.c.document).where(
        qa_checks.c.draw == draw, _open(), seen)
    number = conn.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
    row = conn.execute(wanted.order_by(qa_checks.c.position).limit(1)).first()
    return number, _check(row) if row else None


def rescans_to_look_at(conn: Connection, draw: str) -> int:
    """How many documents of a draw have a rescan that nobody has laid beside the paper."""
    return conn.execute(select(func.count()).where(
        qa_checks.c.draw == draw, qa_checks.c.rescanned_at.is_not(None), qa_checks.c.settled_at.is_(None))).scalar_one()


def _open() -> ColumnElement[bool]:
    return qa_checks.c.verdict.is_(None) | (qa_checks.c.rescanned_at.is_not(None) & qa_checks.c.settled_at.is_(None))


def _check(row: Any) -> Check:
    return Check(row.draw, row.document, row.position, row.sampled, row.finding, row.verdict, row.defect, row.page, row.note,
                 row.checked_by, row.checked_at, row.rescanned_at, row.settled_at)


def set_check(tx: Tx, check: Check, verdict: str, defect: str, page: int, note: str, by: str) -> None:
    """Note what a person saw. Raises Stale when the draw is decided or somebody looked already."""
    undecided = select(qa_draws.c.id).where(qa_draws.c.id == check.draw, qa_draws.c.verdict.is_(None))
    done = tx.connection.execute(update(qa_checks).where(
        qa_checks.c.draw == check.draw, qa_checks.c.document == check.document, qa_checks.c.verdict.is_(None),
        qa_checks.c.draw.in_(undecided),
    ).values(verdict=verdict, defect=defect, page=page, note=note, checked_by=by, checked_at=stamp(tx.now)))
    if done.rowcount != 1:
        raise Stale("Dieses Schriftstück wurde inzwischen geprüft, oder das Los ist entschieden. Laden Sie die Liste neu.")


def rescanned(tx: Tx, document: str) -> int:
    """The rescan that a check of this document asked for is there: it is to be looked at again; how many checks ask so."""
    return tx.connection.execute(update(qa_checks).where(
        qa_checks.c.document == document, qa_checks.c.verdict == "rescan", qa_checks.c.settled_at.is_(None),
    ).values(rescanned_at=stamp(tx.now))).rowcount


def settle_check(tx: Tx, check: Check, by: str) -> None:
    """A person found the rescan right. What was found before stays: the plan counts it. Raises Stale."""
    _settle(tx, check, {"settled_at": stamp(tx.now), "settled_by": by})


def ask_again(tx: Tx, check: Check, defect: str, page: int, note: str) -> None:
    """The rescan is no better: another one is needed. Raises Stale."""
    _settle(tx, check, {"rescanned_at": None, "defect": defect, "page": page, "note": note})


def _settle(tx: Tx, check: Check, values: dict[str, str | int | None]) -> None:
    done = tx.connection.execute(update(qa_checks).where(
        qa_checks.c.draw == check.draw, qa_checks.c.document == check.document,
        qa_checks.c.rescanned_at == check.rescanned_at, qa_checks.c.settled_at.is_(None)).values(**values))
    if done.rowcount != 1:
        raise Stale("Dieser Nachscan wurde inzwischen angesehen. Laden Sie die Liste neu.")


def decide_draw(tx: Tx, draw: Draw, verdict: str, by: str) -> None:
    """Note what became of the lot. Raises Stale when that is decided."""
    done = tx.connection.execute(update(qa_draws).where(qa_draws.c.id == draw.id, qa_draws.c.verdict.is_(None)).values(
        verdict=verdict, decided_at=stamp(tx.now), decided_by=by))
    if done.rowcount != 1:
        raise Stale("Über dieses Los wurde inzwischen entschieden.")


def counted(conn: Connection, draw: str) -> tuple[int, int, int]:
    """Of a draw: not looked at yet, faulty ones of the sample, faulty ones that a machine had found."""
    faulty = qa_checks.c.verdict.in_(("defect", "rescan"))
    row = conn.execute(select(
        func.sum(case((qa_checks.c.verdict.is_(None), 1), else_=0)),
        func.sum(case((faulty & qa_checks.c.sampled.is_(True), 1), else_=0)),
        func.sum(case((faulty & qa_checks.c.sampled.is_(False), 1), else_=0))).where(qa_checks.c.draw == draw)).one()
    return row[0] or 0, row[1] or 0, row[2] or 0


def pages_per_day(conn: Connection, batch: Batch) -> dict[str, int]:
    """Pages read, by the day (German) on which their file was opened."""
    day = func.substr(deliveries.c.changed_at, 1, 10)
    rows = conn.execute(select(day.label("day"), func.sum(parts.c.pages)).join(parts, parts.c.delivery == deliveries.c.id).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name,
        deliveries.c.state == DeliveryState.OPENED.value).group_by(day).order_by(day))
    return {f"{row[0][8:]}.{row[0][5:7]}.{row[0][:4]}": int(row[1] or 0) for row in rows}


def first_registers(conn: Connection, batch: Batch) -> dict[tuple[str, int], int]:
    """How many documents of the batch the machine first proposed for a register, by register and tenths of how sure it was
    (0 to 9)."""
    first = proposals.alias("first")
    before = select(first.c.id).where(first.c.document == proposals.c.document, first.c.field == _REGISTER,
                                      first.c.rank < proposals.c.rank)
    tenth = case(*((proposals.c.confidence < (at + 1) / 10, at) for at in range(9)), else_=9)
    rows = conn.execute(select(proposals.c.value, tenth.label("tenth"), func.count()).join(
        documents, documents.c.id == proposals.c.document).join(deliveries, deliveries.c.id == documents.c.delivery).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name, proposals.c.field == _REGISTER,
        documents.c.state != DocumentState.SUPERSEDED.value, ~before.correlate(proposals).exists()).group_by(
        proposals.c.value, tenth))
    return {(row[0], row[1]): row[2] for row in rows}
