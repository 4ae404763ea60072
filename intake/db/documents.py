"""Documents, the page ledger (page conservation), proposals and decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, select, update

from intake.db.core import Tx, add, add_many, move, new_id, one, parse_stamp, upsert
from intake.db.cuts import as_json
from intake.errors import PoststelleError, Refused
from intake.schema import decisions, deliveries, documents, pages, parts, proposals
from intake.vocabulary import Cut, Decision, Document, DocumentState, Evidence, PageRef, PageState, Proposal

_LEDGER_KEY = ("delivery", "part", "number")


def add_document(tx: Tx, document: Document, position: int, cut: Cut) -> None:
    """Insert a document and make its pages live in it, in the order given; pages of a superseded document change hands.

    `position` orders the documents of a delivery, `cut` says who cut and why. Lane and receipt time are the delivery's.
    """
    lane, received_at = tx.connection.execute(
        select(deliveries.c.lane, deliveries.c.received_at).where(deliveries.c.id == document.delivery)).one()
    add(tx, documents, id=document.id, tenant=document.tenant, delivery=document.delivery, parent=document.parent,
        position=position, access_class=document.access_class, lane=lane, received_at=received_at, cut_by=cut.by,
        cut=as_json(cut), state=document.state, revision=document.revision)
    put_pages(tx, document, document.pages)


def put_pages(tx: Tx, document: Document, refs: Sequence[PageRef]) -> None:
    """Make these pages live in `document` in the order given (also to turn or reorder them)."""
    upsert(tx, pages, _LEDGER_KEY, [{
        "tenant": document.tenant, "delivery": document.delivery, "part": ref.part, "number": ref.number,
        "state": PageState.LIVE, "document": document.id, "position": position, "rotation": ref.rotation}
        for position, ref in enumerate(refs, start=1)])


def set_page_state(tx: Tx, delivery: str, part: int, number: int, state: PageState) -> None:
    """Enter a page that is in no document: a separator or a blank. LIVE comes only with a document (`add_document`)."""
    set_page_states(tx, delivery, [(part, number)], state)


def set_page_states(tx: Tx, delivery: str, which: Iterable[tuple[int, int]], state: PageState) -> None:
    """The same for many pages (part, number) at once."""
    if state is PageState.LIVE:
        raise PoststelleError("Eine lebende Seite braucht ein Schriftstück: put_pages.")
    tenant = tx.connection.execute(select(deliveries.c.tenant).where(deliveries.c.id == delivery)).scalar_one()
    upsert(tx, pages, _LEDGER_KEY, [{
        "tenant": tenant, "delivery": delivery, "part": part, "number": number, "state": state, "document": None,
        "position": 0, "rotation": 0} for part, number in which])


def ledger(conn: Connection, delivery: str) -> tuple[tuple[PageRef, str | None, int], ...]:
    """Every page of a delivery by part and number: (page, id of its document or None, position in it)."""
    rows = conn.execute(select(pages).where(pages.c.delivery == delivery).order_by(pages.c.part, pages.c.number))
    return tuple((_ref(row), row.document, row.position) for row in rows)


def _ref(row: Row[Any]) -> PageRef:
    return PageRef(row.part, row.number, PageState(row.state), row.rotation)


def get_document(conn: Connection, id: str) -> Document:
    """The document with its pages in order; raises Refused (German) when there is none with this id."""
    row = one(conn, documents, id)
    if row is None:
        raise Refused(f"Das Schriftstück {id} gibt es nicht. Prüfen Sie die Nummer.")
    own = conn.execute(select(pages).where(pages.c.document == id).order_by(pages.c.position))
    return document_from(row, tuple(_ref(page) for page in own))


def documents_of(conn: Connection, delivery: str, live_only: bool = True) -> tuple[Document, ...]:
    """The documents of a delivery in their order; `live_only` leaves out the superseded (cut or joined away)."""
    wanted = select(documents).where(documents.c.delivery == delivery).order_by(documents.c.position, documents.c.id)
    if live_only:
        wanted = wanted.where(documents.c.state != DocumentState.SUPERSEDED.value)
    rows = conn.execute(wanted).mappings().all()
    own: dict[str, list[PageRef]] = {row["id"]: [] for row in rows}
    for page in conn.execute(select(pages).where(pages.c.delivery == delivery).order_by(pages.c.position)):
        if page.document in own:
            own[page.document].append(_ref(page))
    return tuple(document_from(row, tuple(own[row["id"]])) for row in rows)


def document_from(row: Mapping[Any, Any], refs: tuple[PageRef, ...]) -> Document:
    """A row of `documents` and its pages as the type of the vocabulary."""
    return Document(row["id"], row["tenant"], row["delivery"], refs, row["parent"], DocumentState(row["state"]),
                    row["revision"], row["access_class"])


def move_document(tx: Tx, document: Document, to: DocumentState, **values: Any) -> Document:
    """The document in state `to` with `values` (columns of `documents`). Raises Stale."""
    revision = move(tx, documents, document.id, at=(document.state, document.revision), to=to, **values)
    changed = {name: values[name] for name in ("parent", "access_class") if name in values}
    return replace(document, state=to, revision=revision, **changed)


def put_proposals(tx: Tx, document_id: str, tenant: str, found: Sequence[Proposal]) -> None:
    """Store the proposals of a document in their order; what an earlier run stored is replaced."""
    tx.connection.execute(delete(proposals).where(proposals.c.document == document_id))
    add_many(tx, proposals, [{
        "tenant": tenant, "document": document_id, "field": proposal.field, "value": proposal.value,
        "confidence": proposal.confidence, "rank": rank,
        "evidence": [{"by": it.by, "page": it.page, "box": it.box, "text": it.text} for it in proposal.evidence],
        "raw": proposal.raw, "checks": list(proposal.checks),
    } for rank, proposal in enumerate(found)])


def proposals_of(conn: Connection, document_id: str) -> tuple[Proposal, ...]:
    """The proposals of a document in the order in which they were stored."""
    rows = conn.execute(select(proposals).where(proposals.c.document == document_id).order_by(proposals.c.rank))
    return tuple(Proposal(row.field, row.value, row.confidence, tuple(_evidence(item) for item in row.evidence), row.raw,
                          tuple(row.checks)) for row in rows)


def _evidence(item: Mapping[str, Any]) -> Evidence:
    box = item["box"]
    return Evidence(item["by"], item["page"], (box[0], box[1], box[2], box[3]) if box else None, item["text"])


def add_decision(tx: Tx, tenant: str, decision: Decision) -> str:
    """Store a decision as the live one of its document (an earlier one is kept, but no longer live); returns its id."""
    end_decision(tx, decision.document)
    id = new_id()
    add(tx, decisions, id=id, tenant=tenant, document=decision.document, values=decision.values, by=decision.by,
        at=decision.at, revision=decision.revision, live=True)
    return id


def end_decision(tx: Tx, document_id: str) -> None:
    """After undo: the document has no live decision any more; harmless when it had none."""
    tx.connection.execute(update(decisions).where(
        decisions.c.document == document_id, decisions.c.live.is_(True)).values(live=False))


def live_decision(conn: Connection, document_id: str) -> Decision | None:
    """The decision under which the document is (to be) filed; None when nobody decided."""
    row = conn.execute(select(decisions).where(
        decisions.c.document == document_id, decisions.c.live.is_(True))).mappings().one_or_none()
    return Decision(row["document"], row["values"], row["by"], parse_stamp(row["at"]), row["revision"]) if row else None


def check_conservation(tx: Tx, delivery: str) -> None:
    """Page conservation, called last in a transaction that opens, cuts or joins; raises PoststelleError."""
    broken = conservation_faults(tx.connection, delivery)
    if broken:
        raise PoststelleError(f"Sendung {delivery}: die Seiten gehen nicht auf ({'; '.join(broken[:5])}). "
                              "Das ist ein Fehler der Poststelle; nichts wurde geändert. Melden Sie ihn bitte.")


def conservation_faults(conn: Connection, delivery: str) -> list[str]:
    """What is wrong with the ledger of an opened delivery; [] when every page lies in exactly one live document or is
    a separator or a blank, and nothing else is in the ledger."""
    counts = conn.execute(select(parts.c.position, parts.c.pages).where(parts.c.delivery == delivery))
    due = {(row.position, number) for row in counts for number in range(1, row.pages + 1)}
    rows = conn.execute(select(
        pages.c.part, pages.c.number, pages.c.state, pages.c.document, pages.c.position,
        documents.c.state.label("document_state"), documents.c.delivery.label("document_delivery"),
    ).outerjoin(documents, and_(documents.c.id == pages.c.document)).where(pages.c.delivery == delivery)).all()
    faults = [f"Seite {part}/{number} fehlt" for part, number in sorted(due - {(row.part, row.number) for row in rows})]
    places: set[tuple[str, int]] = set()
    for row in rows:
        where = f"Seite {row.part}/{row.number}"
        if (row.part, row.number) not in due:
            faults.append(f"{where} gibt es in keinem Teil")
        if (row.state == PageState.LIVE.value) != (row.document is not None):
            faults.append(f"{where} ist {row.state}, Schriftstück {row.document}")
        if row.document is None:
            continue
        if row.document_state == DocumentState.SUPERSEDED.value:
            faults.append(f"{where} liegt in einem ersetzten Schriftstück")
        if row.document_delivery != delivery:
            faults.append(f"{where} liegt in einem Schriftstück einer anderen Sendung")
        if (row.document, row.position) in places:
            faults.append(f"{where} hat denselben Platz wie eine andere Seite")
        places.add((row.document, row.position))
    return faults
