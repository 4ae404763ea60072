"""Problems (Klärungsfälle): what waits for a person, with a closed list of ways to resolve it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from intake.db.core import Tx, add, clean, one, parse_stamp, stamp
from intake.errors import Refused, Stale
from intake.schema import problems
from intake.vocabulary import Problem


def open_problem(tx: Tx, problem: Problem) -> str:
    """Store a problem; one that is open already for the same subject, step and reason stays the only one.

    Returns the id of the open problem.
    """
    known = tx.connection.execute(select(problems.c.id).where(
        problems.c.tenant == problem.tenant, problems.c.subject_kind == problem.subject_kind,
        problems.c.subject == clean(problem.subject), problems.c.step == problem.step,
        problems.c.reason == problem.reason, problems.c.closed_at.is_(None)).limit(1)).scalar()
    if known is not None:
        return str(known)
    add(tx, problems, id=problem.id, tenant=problem.tenant, subject_kind=problem.subject_kind, subject=problem.subject,
        step=problem.step, reason=problem.reason, title=problem.title, detail=problem.detail,
        resolutions=problem.resolutions, opened_at=problem.opened_at, access_class=problem.access_class)
    return problem.id


def close_problem(tx: Tx, id: str, how: str) -> None:
    """Close an open problem as resolved by `how`; raises Stale when somebody closed it first."""
    closed = update(problems).where(problems.c.id == id, problems.c.closed_at.is_(None))
    if tx.connection.execute(closed.values(closed_at=stamp(tx.now), resolution=how)).rowcount != 1:
        raise Stale(f"Der Klärungsfall {id} ist schon geschlossen. Laden Sie die Liste neu.")


def close_problems_of(tx: Tx, tenant: str, subject_kind: str, subject: str, how: str) -> int:
    """Close whatever is open for a subject; returns how many there were."""
    closed = update(problems).where(
        problems.c.tenant == tenant, problems.c.subject_kind == subject_kind, problems.c.subject == clean(subject),
        problems.c.closed_at.is_(None)).values(closed_at=stamp(tx.now), resolution=how)
    return tx.connection.execute(closed).rowcount


def close_step(tx: Tx, tenant: str, document: str, step: str, how: str) -> int:
    """Close what is open for a document and one step; returns how many there were."""
    closed = update(problems).where(
        problems.c.tenant == tenant, problems.c.subject_kind == "document", problems.c.subject == document,
        problems.c.step == step, problems.c.closed_at.is_(None)).values(closed_at=stamp(tx.now), resolution=how)
    return tx.connection.execute(closed).rowcount


def open_problems(conn: Connection, tenant: str | None = None) -> tuple[Problem, ...]:
    """What is open, oldest first; of all tenants for None."""
    wanted = select(problems).where(problems.c.closed_at.is_(None)).order_by(problems.c.opened_at, problems.c.id)
    if tenant is not None:
        wanted = wanted.where(problems.c.tenant == tenant)
    return tuple(problem_from(row) for row in conn.execute(wanted).mappings())


def problem_of(conn: Connection, tenant: str, subject_kind: str, subject: str,
               reason: str | None = None) -> Problem | None:
    """The oldest open problem of a subject (for this reason, when given); None when there is none."""
    wanted = select(problems).where(
        problems.c.tenant == tenant, problems.c.subject_kind == subject_kind, problems.c.subject == clean(subject),
        problems.c.closed_at.is_(None)).order_by(problems.c.opened_at, problems.c.id).limit(1)
    if reason is not None:
        wanted = wanted.where(problems.c.reason == reason)
    row = conn.execute(wanted).mappings().first()
    return problem_from(row) if row else None


def get_problem(conn: Connection, id: str) -> Problem:
    """The problem; raises Refused (German) when there is none with this id."""
    row = one(conn, problems, id)
    if row is None:
        raise Refused(f"Den Klärungsfall {id} gibt es nicht. Prüfen Sie die Nummer.")
    return problem_from(row)


def problem_from(row: Mapping[Any, Any]) -> Problem:
    """A row of `problems` as the type of the vocabulary."""
    return Problem(
        id=row["id"], tenant=row["tenant"], subject_kind=row["subject_kind"], subject=row["subject"], step=row["step"],
        reason=row["reason"], title=row["title"], detail=row["detail"], resolutions=tuple(row["resolutions"]),
        opened_at=parse_stamp(row["opened_at"]), closed_at=parse_stamp(row["closed_at"]) if row["closed_at"] else None,
        resolution=row["resolution"], access_class=row["access_class"])
