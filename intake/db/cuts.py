"""Why a document is made of just these pages: kept with it, shown to clerks, followed by the proposals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select

from intake.schema import documents
from intake.vocabulary import Cut, Said


def as_json(cut: Cut) -> dict[str, Any]:
    """The column `cut`; `by` has a column of its own."""
    return {"probability": cut.probability, "evidence": list(cut.evidence), "marks": list(cut.marks), "doubtful": cut.doubtful,
            "says": [[one.field, one.value, one.page] for one in cut.says]}


def from_json(by: str, said: Mapping[str, Any]) -> Cut:
    """The cut as the type of the vocabulary."""
    return Cut(by, said["probability"], tuple(said["evidence"]), tuple(said["marks"]), said["doubtful"],
               tuple(Said(field, value, page) for field, value, page in said["says"]))


def cuts_of(conn: Connection, ids: Collection[str]) -> dict[str, Cut]:
    """The cuts of these documents by their ids."""
    rows = conn.execute(select(documents.c.id, documents.c.cut_by, documents.c.cut).where(documents.c.id.in_(ids)))
    return {row.id: from_json(row.cut_by, row.cut) for row in rows}


def cut_of(conn: Connection, id: str) -> Cut:
    """The cut of one document that there is."""
    return cuts_of(conn, [id])[id]
