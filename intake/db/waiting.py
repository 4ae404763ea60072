"""How much waits for people, as a viewer may know it: for the navigation, counted on every page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from intake.db.access import visible_documents, visible_problems
from intake.schema import documents, problems
from intake.vocabulary import DocumentState, Viewer

MANY = 1000
"""Counting stops here: "1000" on a button says as much as "1734" and costs less."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Documents to be checked and problems to be cleared, each at most MANY."""

    documents: int
    problems: int


def waiting_for(conn: Connection, viewer: Viewer) -> Waiting:
    """How much waits that this viewer may see."""
    proposed = select(documents.c.id).where(
        documents.c.state == DocumentState.PROPOSED.value, visible_documents(conn, viewer)).limit(MANY).subquery()
    unsolved = select(problems.c.id).where(problems.c.closed_at.is_(None), visible_problems(conn, viewer)).limit(MANY).subquery()
    return Waiting(conn.execute(select(func.count()).select_from(proposed)).scalar_one(),
                   conn.execute(select(func.count()).select_from(unsolved)).scalar_one())
