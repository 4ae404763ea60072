"""What lists show: deliveries and documents with their counts and best proposals, and ids by how they end.

Each takes the `Viewer` it is shown to: what he may not see is in no list, no count and no name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Table, func, select

from intake.db.access import (
    hidden_files,
    visible_deliveries,
    visible_documents,
    visible_problems,
    whole_deliveries,
)
from intake.db.core import parse_stamp
from intake.db.cuts import from_json
from intake.db.forecasts import PLACE, blind
from intake.db.problems import problem_from
from intake.errors import Refused
from intake.schema import decisions, deliveries, documents, files, filings, pages, problems, proposals
from intake.vocabulary import Cut, DeliveryState, DocumentState, PageState, Problem, Viewer

Kind = Literal["delivery", "document", "problem"]
TABLES: dict[Kind, Table] = {"delivery": deliveries, "document": documents, "problem": problems}
NAMES: dict[Kind, str] = {"delivery": "Sendung", "document": "Schriftstück", "problem": "Klärungsfall"}
ID_LENGTH, SHORTEST = 26, 4
UNCUT = Cut("")
PARTLY = "(Teil einer Sendung)"
"""Name of a delivery of which something is hidden: its name may speak of just that."""
TO_CHECK = "Bitte prüfen Sie den Ort."
"""Why a document waits, where the reason would name an Akte that does not exist for the viewer."""


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
    media_type: str = ""
    channel: str = ""


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


def list_deliveries(conn: Connection, viewer: Viewer, *, limit: int = 200) -> tuple[DeliveryLine, ...]:
    """The newest deliveries that the viewer may see, oldest of them first.

    Where a document of a delivery is hidden from him, he sees neither its name nor its separators and blank pages.
    """
    newest = conn.execute(select(deliveries).where(visible_deliveries(conn, viewer)).order_by(
        deliveries.c.received_at.desc(), deliveries.c.id.desc()).limit(limit)).mappings().all()
    return delivery_lines(conn, viewer, newest[::-1])


def delivery_lines(conn: Connection, viewer: Viewer, rows: Sequence[Mapping[Any, Any]]) -> tuple[DeliveryLine, ...]:
    """Rows of `deliveries` that the viewer may see, as lines in this order."""
    ids = [row["id"] for row in rows]
    counted, whole = _counted(conn, viewer, ids), _whole(conn, viewer, ids)
    first = set(conn.execute(select(deliveries.c.id).where(
        deliveries.c.id.in_({row["twin_of"] for row in rows}), visible_deliveries(conn, viewer))).scalars())
    return tuple(DeliveryLine(
        row["id"], DeliveryState(row["state"]), row["revision"], parse_stamp(row["received_at"]),
        row["name"] if row["id"] in whole else PARTLY, row["source"], row["batch"], row["position"],
        row["twin_of"] if row["twin_of"] in first else None, row["access_class"],
        {state: number for state, number in counted.get(row["id"], {}).items()
         if row["id"] in whole or state == PageState.LIVE.value}, row["media_type"], row["channel"]) for row in rows)


def _counted(conn: Connection, viewer: Viewer, ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Pages by delivery and state; live ones only in documents that the viewer may see."""
    found: dict[str, dict[str, int]] = {}
    seen = pages.c.document.is_(None) | pages.c.document.in_(
        select(documents.c.id).where(documents.c.delivery.in_(ids), visible_documents(conn, viewer)))
    for delivery, state, number in conn.execute(select(pages.c.delivery, pages.c.state, func.count()).where(
            pages.c.delivery.in_(ids), seen).group_by(pages.c.delivery, pages.c.state)):
        found.setdefault(delivery, {})[state] = number
    return found


def _whole(conn: Connection, viewer: Viewer, ids: Collection[str]) -> set[str]:
    return set(conn.execute(select(deliveries.c.id).where(
        deliveries.c.id.in_(ids), whole_deliveries(conn, viewer))).scalars())


def list_documents(conn: Connection, viewer: Viewer, states: Collection[DocumentState], *, delivery: str | None = None,
                   only: Collection[str] | None = None, limit: int = 200) -> tuple[DocumentLine, ...]:
    """The documents in these states that the viewer may see, in the order they came in.

    Where given: of one `delivery`, and `only` those with these ids.

    What is proposed or decided is without an Akte that does not exist for him.
    """
    wanted = select(documents, deliveries.c.name).join(deliveries, deliveries.c.id == documents.c.delivery).where(
        visible_documents(conn, viewer), documents.c.state.in_([state.value for state in states]))
    if delivery is not None:
        wanted = wanted.where(documents.c.delivery == delivery)
    if only is not None:
        wanted = wanted.where(documents.c.id.in_(only))
    rows = conn.execute(wanted.order_by(
        documents.c.received_at, documents.c.delivery, documents.c.position, documents.c.id).limit(limit)).mappings().all()
    ids = [row["id"] for row in rows]
    audited = blind(conn, ids)
    best, decided, places = _best(conn, ids, audited), _decided(conn, ids), _places(conn, ids)
    numbers = {row[0]: row[1] for row in conn.execute(select(pages.c.document, func.count()).where(
        pages.c.document.in_(ids)).group_by(pages.c.document))}
    lines = [DocumentLine(
        row["id"], row["delivery"], DocumentState(row["state"]), row["revision"], parse_stamp(row["received_at"]), row["parent"],
        row["access_class"], numbers.get(row["id"], 0), row["name"], best.get(row["id"], {}), decided.get(row["id"], {}),
        places.get(row["id"]), row["why"], from_json(row["cut_by"], row["cut"]),
        row["id"] in audited) for row in rows]
    return tuple(lines) if viewer.classes is None else _discreet(conn, viewer, lines)


def _discreet(conn: Connection, viewer: Viewer, lines: Sequence[DocumentLine]) -> tuple[DocumentLine, ...]:
    """The lines without the Akten, main documents and names of deliveries that do not exist for the viewer."""
    whole = _whole(conn, viewer, {line.delivery for line in lines})
    mains = set(conn.execute(select(documents.c.id).where(
        documents.c.id.in_({line.parent for line in lines}), visible_documents(conn, viewer))).scalars())
    hidden = hidden_files(conn, viewer, {name for line in lines for name in _named(line)})
    return tuple(_without(replace(
        line, name=line.name if line.delivery in whole else PARTLY, parent=line.parent if line.parent in mains else None), hidden)
        for line in lines)


def _named(line: DocumentLine) -> tuple[str, ...]:
    """What a line says of an Akte: id or Aktenzeichen."""
    return (line.proposed.get("file", ("", 0.0))[0], line.decided.get("file", ""),
            *(one.value for one in line.cut.says if one.field == "file"))


def _without(line: DocumentLine, hidden: frozenset[str]) -> DocumentLine:
    if not hidden or not hidden.intersection(_named(line)):
        return line
    about = ("file", "case", "case_title")
    return replace(
        line, proposed={name: value for name, value in line.proposed.items() if name not in about},
        why=TO_CHECK if line.proposed.get("file", ("", 0.0))[0] in hidden else line.why,
        decided={name: value for name, value in line.decided.items() if name not in about},
        cut=replace(line.cut, says=tuple(one for one in line.cut.says if one.value not in hidden)))


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


def list_problems(conn: Connection, viewer: Viewer, *, limit: int = 1000) -> tuple[Problem, ...]:
    """The open Klärungsfälle that the viewer may see, oldest first."""
    rows = conn.execute(select(problems).where(visible_problems(conn, viewer), problems.c.closed_at.is_(None)).order_by(
        problems.c.opened_at, problems.c.id).limit(limit)).mappings()
    return tuple(problem_from(row) for row in rows)


def id_by_ending(conn: Connection, viewer: Viewer, ending: str, kind: Kind) -> str:
    """The one id that ends with `ending` (4 to 26 characters, any case) and exists for the viewer: as lists show it.

    Raises Refused (German) when none or more than one does.
    """
    table, name, wanted = TABLES[kind], NAMES[kind], ending.strip().lstrip("…").upper()
    if not SHORTEST <= len(wanted) <= ID_LENGTH or not wanted.isalnum() or not wanted.isascii():
        raise Refused(f"„{ending}“ ist keine Nummer. Geben Sie mindestens die letzten {SHORTEST} Zeichen einer an.")
    found = conn.execute(select(table.c.id).where(
        _seen(conn, viewer, kind), table.c.id.like(f"%{wanted}")).limit(2)).scalars().all()
    if len(found) > 1:
        raise Refused(f"Mit „{ending}“ enden mehrere Nummern ({name}). Geben Sie mehr Zeichen an.")
    if not found:
        raise Refused(f"Keine Nummer ({name}) endet mit „{ending}“. Prüfen Sie die Eingabe.")
    return str(found[0])


def _seen(conn: Connection, viewer: Viewer, kind: Kind) -> ColumnElement[bool]:
    clause = {"delivery": visible_deliveries, "document": visible_documents, "problem": visible_problems}[kind]
    return clause(conn, viewer)
