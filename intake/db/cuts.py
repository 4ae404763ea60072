"""Why a document is made of just these pages: kept with it, shown to clerks, followed by the proposals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from intake.schema import decisions, documents, parts
from intake.vocabulary import Cut, DocumentState, Said

OPEN_CLASSES = ("Poststelle", "allgemein")


def as_json(cut: Cut) -> dict[str, Any]:
    """The column `cut`; `by` has a column of its own."""
    return {"probability": cut.probability, "evidence": list(cut.evidence), "marks": list(cut.marks), "doubtful": cut.doubtful,
            "says": [[one.field, one.value, one.page] for one in cut.says], **({"case": cut.case} if cut.case else {})}


def from_json(by: str, said: Mapping[str, Any]) -> Cut:
    """The cut as the type of the vocabulary."""
    return Cut(by, said["probability"], tuple(said["evidence"]), tuple(said["marks"]), said["doubtful"],
               tuple(Said(field, value, page) for field, value, page in said["says"]), said.get("case", ""))


def cuts_of(conn: Connection, ids: Collection[str]) -> dict[str, Cut]:
    """The cuts of these documents by their ids."""
    rows = conn.execute(select(documents.c.id, documents.c.cut_by, documents.c.cut).where(documents.c.id.in_(ids)))
    return {row.id: from_json(row.cut_by, row.cut) for row in rows}


def cut_of(conn: Connection, id: str) -> Cut:
    """The cut of one document that there is."""
    return cuts_of(conn, [id])[id]


def reviewed_documents(conn: Connection, tenant: str) -> tuple[str, ...]:
    """Documents that a clerk approved as they are cut, in the order they came in: whole, out of a stack of one part, and open
    to all (what is of a raised access class is nobody's example)."""
    single = select(parts.c.delivery).group_by(parts.c.delivery).having(func.count() == 1)
    rows = conn.execute(select(documents.c.id).join(decisions, decisions.c.document == documents.c.id).where(
        documents.c.tenant == tenant, decisions.c.live.is_(True), decisions.c.by.like("clerk:%"),
        documents.c.state.in_([DocumentState.APPROVED.value, DocumentState.FILED.value]),
        documents.c.access_class.in_(OPEN_CLASSES), documents.c.delivery.in_(single)).order_by(
            documents.c.received_at, documents.c.delivery, documents.c.position))
    return tuple(rows.scalars())
