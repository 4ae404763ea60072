"""Has what the town knows changed since it was last loaded? Asked before every proposal, so it must be cheap."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from intake.schema import aktenplan_entries, files, register_entries

Stamp = tuple[tuple[object, ...], ...]


def plan_stamp(conn: Connection, tenant: str) -> Stamp:
    """Equal exactly when no entry of the plan was added, changed or closed in between (each import raises a version)."""
    table = aktenplan_entries
    rows = conn.execute(select(func.count(), func.sum(table.c.version), func.count(table.c.valid_to)).where(
        table.c.tenant == tenant))
    return tuple(tuple(row) for row in rows)


def files_stamp(conn: Connection, tenant: str) -> Stamp:
    """Equal when no Akte was added or closed and no register was imported in between."""
    found = conn.execute(select(func.count(), func.max(files.c.id), func.count(files.c.closed_on)).where(
        files.c.tenant == tenant))
    registers = conn.execute(select(func.count(), func.max(register_entries.c.imported_at)).where(
        register_entries.c.tenant == tenant))
    return (*(tuple(row) for row in found), *(tuple(row) for row in registers))
