"""Gathers what the report on a batch says, from the rows."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, func, select

from intake.backfile.report import Facts
from intake.config import Tenant
from intake.db import batches as lose
from intake.db import checks
from intake.db.batches import Batch
from intake.db.core import utcnow
from intake.schema import deliveries, documents, parts, proposals
from intake.vocabulary import DeliveryState, DocumentState

TITLES = {
    "01": "01 Antrag", "02": "02 Baubeschreibung", "03": "03 Lageplan", "04": "04 Bauzeichnungen", "05": "05 Berechnungen",
    "06": "06 Nachweise", "07": "07 Stellungnahmen", "08": "08 Nachbarn", "09": "09 Bescheide", "10": "10 Baulasten",
    "11": "11 Anzeigen, Abnahmen", "12": "12 Schriftverkehr", "13": "13 Fotos", "14": "14 Widerspruch"}
"""The registers in few words, for plots."""


def facts_of(conn: Connection, tenant: Tenant, batch: Batch, by: str) -> Facts:
    """Everything the report says, as it is now."""
    drawn = checks.draws_of(conn, batch.id)
    registers, confidences = _registers(conn, batch)
    return Facts(
        tenant.title or tenant.name, batch, lose.numbers(conn, batch), lose.page_balance(conn, batch),
        lose.differences_of(conn, batch.id), drawn[0] if drawn else None,
        checks.checks_of(conn, drawn[0].id) if drawn else (), utcnow().astimezone(), by, _per_day(conn, batch),
        registers, confidences)


def _per_day(conn: Connection, batch: Batch) -> dict[str, int]:
    day = func.substr(deliveries.c.changed_at, 1, 10)
    rows = conn.execute(select(day.label("day"), func.sum(parts.c.pages)).join(parts, parts.c.delivery == deliveries.c.id).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name,
        deliveries.c.state == DeliveryState.OPENED.value).group_by(day).order_by(day))
    return {f"{row[0][8:]}.{row[0][5:7]}.{row[0][:4]}": int(row[1] or 0) for row in rows}


def _registers(conn: Connection, batch: Batch) -> tuple[dict[str, int], list[float]]:
    """Documents by their first register, and how sure the machine was of it."""
    rows = conn.execute(select(proposals.c.document, proposals.c.value, proposals.c.confidence).join(
        documents, documents.c.id == proposals.c.document).join(deliveries, deliveries.c.id == documents.c.delivery).where(
        deliveries.c.tenant == batch.tenant, deliveries.c.batch == batch.name, proposals.c.field == "register",
        documents.c.state != DocumentState.SUPERSEDED.value).order_by(proposals.c.document, proposals.c.rank))
    first: dict[str, tuple[str, float]] = {}
    for row in rows:
        first.setdefault(row.document, (row.value, row.confidence))
    counted = Counter(value for value, _ in first.values())
    return {TITLES.get(value, value): counted[value] for value in sorted(counted)}, [sure for _, sure in first.values()]
