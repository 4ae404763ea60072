"""Klärungsfälle: one open case per trouble, closed once, by somebody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from making import TENANT

from intake.db.core import Database, new_id, utcnow
from intake.db.problems import (
    close_problem,
    close_problems_of,
    get_problem,
    open_problem,
    open_problems,
    problem_of,
)
from intake.errors import Refused, Stale
from intake.vocabulary import Problem


def problem(**values: Any) -> Problem:
    defaults: dict[str, Any] = {
        "id": new_id(), "tenant": TENANT, "subject_kind": "delivery", "subject": "01X", "step": "open_delivery",
        "reason": "encrypted", "title": "Die Datei ist verschlüsselt. Bitten Sie den Absender um das Kennwort.",
        "detail": "PDF, AES-256", "resolutions": ("retry", "reject"), "opened_at": utcnow()}
    return Problem(**{**defaults, **values})


def test_a_problem_comes_back_as_it_was(database: Database) -> None:
    made = problem()
    with database.transaction() as tx:
        assert open_problem(tx, made) == made.id
    with database.read() as conn:
        assert get_problem(conn, made.id) == made
        assert open_problems(conn) == open_problems(conn, TENANT) == (made,)
        assert open_problems(conn, "nord") == ()
        with pytest.raises(Refused, match="gibt es nicht"):
            get_problem(conn, new_id())


def test_one_open_problem_per_trouble(database: Database) -> None:
    made = problem()
    with database.transaction() as tx:
        open_problem(tx, made)
        assert open_problem(tx, replace(made, id=new_id(), detail="noch einmal")) == made.id
        for other in ({"tenant": "nord"}, {"subject": "01Y"}, {"step": "read"}, {"reason": "damaged"}, {"subject_kind": "part"}):
            fresh = replace(made, id=new_id(), **other)  # type: ignore[arg-type]
            assert open_problem(tx, fresh) == fresh.id
    with database.read() as conn:
        assert len(open_problems(conn)) == 6 and len(open_problems(conn, TENANT)) == 5
        assert get_problem(conn, made.id).detail == "PDF, AES-256"


def test_closed_once(database: Database) -> None:
    made = problem()
    with database.transaction() as tx:
        open_problem(tx, made)
        close_problem(tx, made.id, "retry")
    with database.read() as conn:
        assert open_problems(conn) == ()
        closed = get_problem(conn, made.id)
    assert (closed.resolution, closed.closed_at) == ("retry", tx.now)
    with pytest.raises(Stale, match="schon geschlossen"), database.transaction() as tx:
        close_problem(tx, made.id, "reject")
    with database.transaction() as tx:  # the same trouble again is a new case
        again = replace(made, id=new_id())
        assert open_problem(tx, again) == again.id


def test_oldest_first(database: Database) -> None:
    start = utcnow()
    made = [problem(subject=str(number), opened_at=start - timedelta(hours=number)) for number in (1, 3, 2)]
    with database.transaction() as tx:
        for each in made:
            open_problem(tx, each)
    with database.read() as conn:
        assert [each.subject for each in open_problems(conn)] == ["3", "2", "1"]


def test_problem_of_a_subject(database: Database) -> None:
    first = problem(subject_kind="source", subject="post/a\udce4.pdf", reason="unreadable")
    second = replace(first, id=new_id(), reason="unsettled")
    with database.transaction() as tx:
        open_problem(tx, first)
        open_problem(tx, second)
        assert open_problem(tx, replace(first, id=new_id())) == first.id
    with database.read() as conn:
        found = problem_of(conn, TENANT, "source", "post/a\udce4.pdf")
        assert found is not None and found.id == first.id
        found = problem_of(conn, TENANT, "source", "post/a\udce4.pdf", "unsettled")
        assert found is not None and found.id == second.id
        assert problem_of(conn, TENANT, "source", "post/b.pdf") is None
        assert problem_of(conn, "nord", "source", "post/a\udce4.pdf") is None
    with database.transaction() as tx:
        assert close_problems_of(tx, TENANT, "source", "post/a\udce4.pdf", "received") == 2
        assert close_problems_of(tx, TENANT, "source", "post/a\udce4.pdf", "received") == 0
        assert problem_of(tx.connection, TENANT, "source", "post/a\udce4.pdf") is None
