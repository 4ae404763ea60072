"""Gathers what the report on a batch says, from the rows."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from intake.backfile.report import LISTED, Facts
from intake.config import Tenant
from intake.db import batches as lose
from intake.db import checks
from intake.db.batches import Batch
from intake.db.core import utcnow
from intake.db.differences import differences_of, tally

TITLES = {
    "01": "01 Antrag", "02": "02 Baubeschreibung", "03": "03 Lageplan", "04": "04 Bauzeichnungen", "05": "05 Berechnungen",
    "06": "06 Nachweise", "07": "07 Stellungnahmen", "08": "08 Nachbarn", "09": "09 Bescheide", "10": "10 Baulasten",
    "11": "11 Anzeigen, Abnahmen", "12": "12 Schriftverkehr", "13": "13 Fotos", "14": "14 Widerspruch"}
"""The registers in few words, for plots."""


def facts_of(conn: Connection, tenant: Tenant, batch: Batch, by: str) -> Facts:
    """Everything the report says, as it is now; of many differences the first, open ones before the others."""
    drawn = checks.draws_of(conn, batch.id)
    registers: Counter[str] = Counter()
    tenths: Counter[int] = Counter()
    for (value, tenth), number in checks.first_registers(conn, batch).items():
        registers[value] += number
        tenths[tenth] += number
    return Facts(
        tenant.title or tenant.name, batch, lose.numbers(conn, batch), lose.page_balance(conn, batch),
        differences_of(conn, batch.id, limit=LISTED), drawn[0] if drawn else None,
        checks.checks_of(conn, drawn[0].id) if drawn else (), utcnow().astimezone(), by, checks.pages_per_day(conn, batch),
        {TITLES.get(value, value): registers[value] for value in sorted(registers)}, tenths, tally(conn, batch))
