"""What clerks decided, as lessons for the models; and which version of a model a tenant uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from intake.db.core import Tx, add, new_id, parse_stamp
from intake.db.knowledge import Stamp
from intake.schema import decisions, documents, model_uses


@dataclass(frozen=True, slots=True)
class Lesson:
    """A live decision of a clerk on a document of its own (not an Anlage that only follows)."""

    id: str
    at: str  # as stored, sortable
    document: str
    access_class: str
    received_at: datetime
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Use:
    """Since when a version is in use ("" = none), on whose word and why."""

    version: str
    by: str
    at: datetime
    why: str


def lessons(conn: Connection, tenant: str, after: tuple[str, str] = ("", "")) -> list[Lesson]:
    """The lessons in the order they were decided; `after` (time, id): only later ones."""
    wanted = _live(tenant).where(or_(
        decisions.c.at > after[0], and_(decisions.c.at == after[0], decisions.c.id > after[1]))).order_by(
        decisions.c.at, decisions.c.id)
    rows = conn.execute(wanted).mappings()
    return [Lesson(row["id"], row["at"], row["document"], row["access_class"], parse_stamp(row["received_at"]), row["said"])
            for row in rows if row["said"].get("entry")]


def _live(tenant: str) -> Select[Any]:
    return select(
        decisions.c.id, decisions.c.at, decisions.c.document, decisions.c["values"].label("said"), documents.c.access_class,
        documents.c.received_at,
    ).join(documents, documents.c.id == decisions.c.document).where(
        decisions.c.tenant == tenant, decisions.c.live.is_(True), decisions.c.by.like("clerk:%"))


def all_live(conn: Connection, ids: Sequence[str]) -> bool:
    """Was none of these decisions taken back?"""
    live = 0
    for start in range(0, len(ids), 400):
        live += conn.execute(select(func.count()).where(
            decisions.c.id.in_(ids[start:start + 400]), decisions.c.live.is_(True))).scalar_one()
    return live == len(ids)


def lessons_stamp(conn: Connection, tenant: str) -> Stamp:
    """Equal exactly when nobody decided or took back anything in between, and the same model is in use."""
    rows = conn.execute(select(func.count(), func.max(decisions.c.at)).where(
        decisions.c.tenant == tenant, decisions.c.live.is_(True)))
    uses = conn.execute(select(func.count()).where(model_uses.c.tenant == tenant))
    return (*(tuple(row) for row in rows), *(tuple(row) for row in uses))


def use_model(tx: Tx, tenant: str, name: str, version: str, by: str, why: str) -> None:
    """From now on the tenant uses this version ("" = none)."""
    add(tx, model_uses, id=new_id(), tenant=tenant, name=name, version=version, by=by, at=tx.now, why=why)


def uses(conn: Connection, tenant: str, name: str) -> tuple[Use, ...]:
    """Which versions were in use, the present one first; () when there never was one."""
    rows = conn.execute(select(model_uses).where(model_uses.c.tenant == tenant, model_uses.c.name == name).order_by(
        model_uses.c.at.desc(), model_uses.c.id.desc()))
    return tuple(Use(row.version, row.by, parse_stamp(row.at), row.why) for row in rows)
