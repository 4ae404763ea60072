"""Forecasts: where documents would be filed without a person, and how that compares with what clerks decided.

Only counting; what the counts allow is decided by `intake.budget` and `intake.policy`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, and_, case, cast, func, select, update

from intake.budget import Tally
from intake.db.core import Tx, add, new_id, parse_stamp, stamp, upsert
from intake.schema import budget_choices, forecasts, problems, stops

PLACE = frozenset({"entry", "file", "case", "new_file", "file_title", "file_reference", "office", "handler"})
"""Fields that say where a document belongs: not shown of a document in the blind audit."""
BUDGET, OWN_REFERENCE = "budget", "own_reference"
"""The strata: by the error budget, by hard evidence."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The place a document would have taken without a person. Fields as the columns of `forecasts`."""

    document: str
    stratum: str
    model: str
    entry: str
    file: str
    probability: float
    branch: str = ""
    kind: str = ""
    threshold: float | None = None
    bound: float | None = None
    audit: bool = False
    would: bool = False
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A blind decision: how sure the proposal was, the scopes it may count in, whether it was wrong."""

    probability: float
    branch: str
    kind: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for filing without a person: on or off, the error budget (a share), by whom and when."""

    automatic: bool
    budget: float
    by: str
    at: datetime


def add_choice(tx: Tx, tenant: str, automatic: bool, budget: float, by: str) -> None:
    """From now on this holds."""
    add(tx, budget_choices, id=new_id(), tenant=tenant, automatic=automatic, budget=budget, by=by, at=tx.now)


def last_choice(conn: Connection, tenant: str) -> Choice | None:
    """The newest choice; None where the settings alone say it."""
    table = budget_choices
    row = conn.execute(select(table).where(table.c.tenant == tenant).order_by(
        table.c.at.desc(), table.c.id.desc()).limit(1)).first()
    return Choice(row.automatic, row.budget, row.by, parse_stamp(row.at)) if row else None


def put_forecast(tx: Tx, tenant: str, one: Forecast) -> None:
    """Store a forecast; a new proposal for the same document replaces the old one with its judgement."""
    upsert(tx, forecasts, ("document",), [{
        "document": one.document, "tenant": tenant, "stratum": one.stratum, "model": one.model, "entry": one.entry,
        "file": one.file, "branch": one.branch, "kind": one.kind[:60], "probability": one.probability,
        "threshold": one.threshold, "bound": one.bound, "audit": one.audit, "would": one.would,
        "automatic": one.automatic, "at": tx.now, "judged_at": None, "wrong": None}])


def judge(tx: Tx, document: str, values: Mapping[str, str]) -> None:
    """Compare the forecast with a clerk's decision: wrong in the entry or in the Akte is wrong. Harmless without a forecast.

    What was filed without a person and taken back stays an error, whatever is decided then.
    """
    same = and_(forecasts.c.entry == values.get("entry", ""), forecasts.c.file == values.get("file", ""))
    tx.connection.execute(update(forecasts).where(
        forecasts.c.document == document, forecasts.c.automatic.is_(False),
    ).values(judged_at=stamp(tx.now), wrong=~same))


def unjudge(tx: Tx, document: str) -> None:
    """A decision was taken back: an automatic one is an error from now on, a clerk's does not count until the next."""
    here = forecasts.c.document == document
    tx.connection.execute(update(forecasts).where(here, forecasts.c.automatic).values(judged_at=stamp(tx.now), wrong=True))
    tx.connection.execute(update(forecasts).where(here, forecasts.c.automatic.is_(False)).values(judged_at=None, wrong=None))


def blind(conn: Connection, documents: Collection[str]) -> set[str]:
    """Which of these documents are drawn for the blind audit and not decided yet: their place is not shown."""
    return set(conn.execute(select(forecasts.c.document).where(
        forecasts.c.document.in_(documents), forecasts.c.audit, forecasts.c.judged_at.is_(None))).scalars())


def newest_judged(conn: Connection, tenant: str, stratum: str, limit: int) -> list[Judged]:
    """The newest blind decisions since the last stop, newest first."""
    rows = conn.execute(select(forecasts).where(
        *_since(conn, tenant, stratum), forecasts.c.audit, forecasts.c.judged_at.is_not(None),
    ).order_by(forecasts.c.judged_at.desc(), forecasts.c.document.desc()).limit(limit))
    return [Judged(row.probability, row.branch, row.kind, bool(row.wrong)) for row in rows]


def audited_and_filed(conn: Connection, tenant: str, stratum: str) -> tuple[Tally, Tally]:
    """Since the last stop: what would have been filed but was decided blindly, and what was filed (wrong: taken back)."""
    wrong = func.coalesce(func.sum(cast(case((forecasts.c.wrong, 1), else_=0), Integer)), 0)
    audited = conn.execute(select(func.count(), wrong).where(
        *_since(conn, tenant, stratum), forecasts.c.audit, forecasts.c.would, forecasts.c.judged_at.is_not(None))).one()
    filed = conn.execute(select(func.count(), wrong).where(*_since(conn, tenant, stratum), forecasts.c.automatic)).one()
    return Tally(audited[0], audited[1]), Tally(filed[0], filed[1])


def proposed_entries(conn: Connection, documents: Collection[str]) -> dict[str, str]:
    """The entry that was proposed first for each of these documents, when it was proposed."""
    ids, found = list(documents), {}
    for start in range(0, len(ids), 400):
        rows = conn.execute(select(forecasts.c.document, forecasts.c.entry).where(
            forecasts.c.document.in_(ids[start:start + 400])))
        found.update({row.document: row.entry for row in rows})
    return found


def _since(conn: Connection, tenant: str, stratum: str) -> tuple[Any, ...]:
    return (forecasts.c.tenant == tenant, forecasts.c.stratum == stratum,
            forecasts.c.at > (last_stop(conn, tenant, stratum) or ("", ""))[0])


def add_stop(tx: Tx, tenant: str, stratum: str, why: str) -> None:
    """Filing without a person is stopped: what came before does not count any more."""
    add(tx, stops, id=new_id(), tenant=tenant, stratum=stratum, at=tx.now, why=why)


def last_stop(conn: Connection, tenant: str, stratum: str) -> tuple[str, str] | None:
    """(time, reason) of the newest stop; None when there never was one."""
    row = conn.execute(select(stops.c.at, stops.c.why).where(
        stops.c.tenant == tenant, stops.c.stratum == stratum).order_by(stops.c.at.desc()).limit(1)).first()
    return (row.at, row.why) if row else None


def rests(conn: Connection, tenant: str, rule: str) -> bool:
    """Was this rule stopped, and the Klärungsfall about it is still open?"""
    return conn.execute(select(problems.c.id).where(
        problems.c.tenant == tenant, problems.c.subject_kind == "source", problems.c.subject == rule,
        problems.c.closed_at.is_(None)).limit(1)).first() is not None
