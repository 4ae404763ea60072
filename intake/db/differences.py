"""What does not agree in a batch (Abweichungen), and a person's word on each. Rows only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, or_, select, update

from intake.db.batches import Batch
from intake.db.core import Tx, add_missing, new_id, stamp
from intake.errors import Stale
from intake.schema import batch_differences

KINDS = {
    "missing": "fehlende Akte", "extra": "überzählig", "index": "Verzeichnis ohne Datei", "unlisted": "Datei ohne Verzeichnis",
    "gone": "Datei verschwunden", "pages": "Seitenzahl", "twin": "Dublette", "double": "Blatt doppelt",
    "alike": "Vorgang doppelt", "unreadable": "unlesbar",
    "ledger": "Seitenbilanz"}
"""The kinds of differences in German."""
SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not agree; `decision` is a person's word on it, None while it is open."""

    id: str
    batch: str
    kind: str
    subject: str
    sentence: str
    decision: str | None = None
    note: str = ""
    decided_by: str | None = None
    decided_at: str | None = None


def put_differences(tx: Tx, tenant: str, batch: str, found: Mapping[tuple[str, str], str],
                    of: Mapping[tuple[str, str], int] | None = None, items: Collection[int] | None = None) -> None:
    """Make the differences (kind, subject) -> sentence the ones of the batch: of its files and Akten, or, with `items`, of the
    pages of the items at these positions, which `of` names for each.

    What is found again keeps its decision, what is not found any more is no longer shown.
    """
    one, there = batch_differences.c, {(kind, subject[:SUBJECT]): sentence for (kind, subject), sentence in found.items()}
    belongs = {(kind, subject[:SUBJECT]): item for (kind, subject), item in (of or {}).items()}
    scope = one.item.is_(None) if items is None else or_(
        one.item.in_(tuple(items)), one.kind.in_({key[0] for key in there}) & one.subject.in_({key[1] for key in there}))
    rows = tx.connection.execute(select(batch_differences).where(one.batch == batch, scope))
    known = {(row.kind, row.subject): row for row in rows
             if items is None or row.item in items or (row.kind, row.subject) in there}
    add_missing(tx, batch_differences, [
        {"id": new_id(), "tenant": tenant, "batch": batch, "kind": kind, "subject": subject, "sentence": sentence,
         "item": belongs.get((kind, subject)), "found_at": tx.now, "note": ""}
        for (kind, subject), sentence in there.items() if (kind, subject) not in known])
    for key, row in known.items():
        gone = None if key in there else stamp(tx.now)
        sentence = there.get(key, row.sentence)
        if (row.gone_at is None) != (gone is None) or sentence != row.sentence:
            tx.connection.execute(update(batch_differences).where(one.id == row.id).values(gone_at=gone, sentence=sentence))


def differences_of(conn: Connection, batch: str, *, undecided: bool = False, kind: str = "", after: int = 0,
                   limit: int | None = None) -> tuple[Difference, ...]:
    """The differences there are now, by kind and subject; with `undecided` only those nobody decided on.

    With `limit` so many from behind the `after`-th, the open ones first.
    """
    one = batch_differences.c
    wanted = select(batch_differences).where(one.batch == batch, one.gone_at.is_(None))
    if undecided:
        wanted = wanted.where(one.decision.is_(None))
    if kind:
        wanted = wanted.where(one.kind == kind)
    if limit is not None:
        wanted = wanted.order_by(case((one.decision.is_(None), 0), else_=1)).offset(after).limit(limit)
    return tuple(map(_difference, conn.execute(wanted.order_by(one.kind, one.subject))))


def difference_of(conn: Connection, batch: str, id: str) -> Difference | None:
    """The difference with this id, when there is one now."""
    one = batch_differences.c
    row = conn.execute(select(batch_differences).where(one.batch == batch, one.id == id, one.gone_at.is_(None))).first()
    return _difference(row) if row else None


def _difference(row: Any) -> Difference:
    return Difference(row.id, row.batch, row.kind, row.subject, row.sentence, row.decision, row.note, row.decided_by,
                      row.decided_at)


def decide(tx: Tx, difference: Difference, decision: str, note: str, by: str) -> None:
    """Note a person's word on a difference. Raises Stale when it has one already or is gone."""
    done = tx.connection.execute(update(batch_differences).where(
        batch_differences.c.id == difference.id, batch_differences.c.decision.is_(None), batch_differences.c.gone_at.is_(None),
    ).values(decision=decision, note=note, decided_by=by, decided_at=stamp(tx.now)))
    if done.rowcount != 1:
        raise Stale("Über diese Abweichung wurde inzwischen entschieden. Laden Sie die Liste neu.")


def tally(conn: Connection, batch: Batch) -> dict[tuple[str, str], int]:
    """How many differences there are now, by kind and decision ("" = open)."""
    one = batch_differences.c
    rows = conn.execute(select(one.kind, one.decision, func.count()).where(one.batch == batch.id, one.gone_at.is_(None)).group_by(
        one.kind, one.decision).order_by(one.kind, one.decision))
    return {(row[0], row[1] or ""): row[2] for row in rows}
