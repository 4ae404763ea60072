"""What lists show: deliveries and documents with their counts and best proposals, and ids by how they end."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Table, func, select

from intake.db.core import parse_stamp
from intake.db.cuts import from_json
from intake.db.forecasts import PLACE, blind
from intake.errors import Refused
from intake.schema import decisions, deliveries, documents, files, filings, pages, problems, proposals
from intake.vocabulary import Cut, DeliveryState, DocumentState

Kind = Literal["delivery", "document", "problem"]
TABLES: dict[Kind, Table] = {"delivery": deliveries, "document": documents, "problem": problems}
NAMES: dict[Kind, str] = {"delivery": "Sendung", "document": "Schriftstück", "problem": "Klärungsfall"}
ID_LENGTH, SHORTEST = 26, 4
UNCUT = Cut("")


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A delivery in a list. `pages` counts by state of the ledger ("live", "separator", "blank")."""

    id: str
    state: DeliveryState
    revision: int
    received_at: datetime
    name: str
    source: str
    batch: str
    position: int
    twin_of: str | None
    access_class: str
    pages: dict[str, int]


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A document in a list. `proposed`: the best proposal of each field with its confidence; `decided`: the values of the
    live decision; `filed`: id of its Akte, when filed."""

    id: str
    delivery: str
    state: DocumentState
    revision: int
    received_at: datetime
    parent: str | None
    access_class: str
    pages: int
    name: str  # of the original it came in
    proposed: dict[str, tuple[str, float]]
    decided: dict[str, str]
    filed: str | None
    why: str = ""  # why it waits for a person, or was filed without one
    cut: Cut = UNCUT  # why it is made of just these pages
    blind: bool = False  # drawn for the blind audit: `proposed` is without the place

    @property
    def title(self) -> str:
        """The title as decided, else as proposed, else the name of the file it came in."""
        return self.decided.get("title") or self.proposed.get("title", ("", 0.0))[0] or self.name


def list_deliveries(conn: Connection, tenant: str, *, limit: int = 200) -> tuple[DeliveryLine, ...]:
    """The newest deliveries of a tenant, oldest of them first."""
    newest = conn.execute(select(deliveries).where(deliveries.c.tenant == tenant).order_by(
        deliveries.c.received_at.desc(), deliveries.c.id.desc()).limit(limit)).mappings().all()
    counted = _counted(conn, [row["id"] for row in newest])
    return tuple(DeliveryLine(
        row["id"], DeliveryState(row["state"]), row["revision"], parse_stamp(row["received_at"]), row["name"], row["source"],
        row["batch"], row["position"], row["twin_of"], row["access_class"], counted.get(row["id"], {}))
        for row in reversed(newest))


def _counted(conn: Connection, ids: Collection[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for delivery, state, number in conn.execute(select(pages.c.delivery, pages.c.state, func.count()).where(
            pages.c.delivery.in_(ids)).group_by(pages.c.delivery, pages.c.state)):
        found.setdefault(delivery, {})[state] = number
    return found


def list_documents(conn: Connection, tenant: str, states: Collection[DocumentState], *, delivery: str | None = None,
                   limit: int = 200) -> tuple[DocumentLine, ...]:
    """The documents of a tenant in these states (of one delivery, when given), in the order they came in."""
    wanted = select(documents, deliveries.c.name).join(deliveries, deliveries.c.id == documents.c.delivery).where(
        documents.c.tenant == tenant, documents.c.state.in_([state.value for state in states]))
    if delivery is not None:
        wanted = wanted.where(documents.c.delivery == delivery)
    rows = conn.execute(wanted.order_by(
        documents.c.received_at, documents.c.delivery, documents.c.position, documents.c.id).limit(limit)).mappings().all()
    ids = [row["id"] for row in rows]
    hidden = blind(conn, ids)
    best, decided, places = _best(conn, ids, hidden), _decided(conn, ids), _places(conn, ids)
    numbers = {row[0]: row[1] for row in conn.execute(select(pages.c.document, func.count()).where(
        pages.c.document.in_(ids)).group_by(pages.c.document))}
    return tuple(DocumentLine(
        row["id"], row["delivery"], DocumentState(row["state"]), row["revision"], parse_stamp(row["received_at"]), row["parent"],
        row["access_class"], numbers.get(row["id"], 0), row["name"], best.get(row["id"], {}), decided.get(row["id"], {}),
        places.get(row["id"]), row["why"], from_json(row["cut_by"], row["cut"]),
        row["id"] in hidden) for row in rows)


def _best(conn: Connection, ids: Collection[str], hidden: Collection[str]) -> dict[str, dict[str, tuple[str, float]]]:
    found: dict[str, dict[str, tuple[str, float]]] = {}
    for row in conn.execute(select(proposals.c.document, proposals.c.field, proposals.c.value, proposals.c.confidence).where(
            proposals.c.document.in_(ids)).order_by(proposals.c.document, proposals.c.rank)):
        if row.document not in hidden or row.field not in PLACE:
            found.setdefault(row.document, {}).setdefault(row.field, (row.value, row.confidence))
    return found


def _decided(conn: Connection, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    return {row.document: row.said for row in conn.execute(select(
        decisions.c.document, decisions.c["values"].label("said")).where(decisions.c.document.in_(ids), decisions.c.live))}


def _places(conn: Connection, ids: Collection[str]) -> dict[str, str]:
    return {row.document: row.file for row in conn.execute(select(filings.c.document, filings.c.file).where(
        filings.c.document.in_(ids), filings.c.undone_at.is_(None)))}


def opening_days(conn: Connection, tenant: str) -> dict[str, str]:
    """The day each Akte was opened (ISO, "" when unknown), by its id; for export."""
    return {row.id: row.opened_on or "" for row in conn.execute(select(files.c.id, files.c.opened_on).where(
        files.c.tenant == tenant))}


def id_by_ending(conn: Connection, tenant: str, ending: str, kind: Kind) -> str:
    """The one id of the tenant that ends with `ending` (4 to 26 characters, any case): what lists show is accepted.

    Raises Refused (German) when none or more than one does.
    """
    table, name, wanted = TABLES[kind], NAMES[kind], ending.strip().lstrip("…").upper()
    if not SHORTEST <= len(wanted) <= ID_LENGTH or not wanted.isalnum() or not wanted.isascii():
        raise Refused(f"„{ending}“ ist keine Nummer. Geben Sie mindestens die letzten {SHORTEST} Zeichen einer an.")
    found = conn.execute(select(table.c.id).where(
        table.c.tenant == tenant, table.c.id.like(f"%{wanted}")).limit(2)).scalars().all()
    if len(found) > 1:
        raise Refused(f"Mit „{ending}“ enden mehrere Nummern ({name}). Geben Sie mehr Zeichen an.")
    if not found:
        raise Refused(f"Keine Nummer ({name}) endet mit „{ending}“. Prüfen Sie die Eingabe.")
    return str(found[0])
