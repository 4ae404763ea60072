"""What cuts and joins need beyond the documents: the order in a delivery, its lock, and the record that undo reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from intake.db.core import Tx, add, new_id, stamp
from intake.errors import Refused
from intake.schema import deliveries, documents, splices
from intake.vocabulary import Document, DocumentState, PageRef, PageState


@dataclass(frozen=True, slots=True)
class Splice:
    """One cut or join: the documents as they were before (with their pages) and as they were made."""

    id: str
    kind: Literal["cut", "join"]
    before: tuple[Document, ...]
    after: tuple[Document, ...]
    undone: bool


def lock_delivery(tx: Tx, delivery: str) -> None:
    """Whoever changes the ledger of a delivery takes turns with the others; raises Refused for an unknown one."""
    if tx.connection.execute(select(deliveries.c.id).where(
            deliveries.c.id == delivery).with_for_update()).one_or_none() is None:
        raise Refused(f"Die Sendung {delivery} gibt es nicht. Prüfen Sie die Nummer.")


def delivery_of(conn: Connection, document: str) -> str:
    """The id of the delivery a document lies in; raises Refused when there is no such document."""
    found = conn.execute(select(documents.c.delivery).where(documents.c.id == document)).scalar_one_or_none()
    if found is None:
        raise Refused(f"Das Schriftstück {document} gibt es nicht. Prüfen Sie die Nummer.")
    return str(found)


def position_of(conn: Connection, document: str) -> int:
    """The document's place in the order of its delivery."""
    return int(conn.execute(select(documents.c.position).where(documents.c.id == document)).scalar_one())


def make_room(tx: Tx, delivery: str, after: int, count: int) -> None:
    """Move the documents behind place `after` on by `count` places (only their order, so no revision changes)."""
    tx.connection.execute(update(documents).where(
        documents.c.delivery == delivery, documents.c.position > after).values(position=documents.c.position + count))


def last_position(conn: Connection, delivery: str) -> int:
    """The highest place taken in a delivery; -1 when it has no document."""
    found = conn.execute(select(documents.c.position).where(documents.c.delivery == delivery).order_by(
        documents.c.position.desc()).limit(1)).scalar_one_or_none()
    return -1 if found is None else int(found)


def add_splice(tx: Tx, kind: Literal["cut", "join"], by: str, before: Sequence[Document],
               after: Sequence[Document]) -> str:
    """Keep what undo of this cut or join needs; returns its id."""
    id, first = new_id(), before[0]
    add(tx, splices, id=id, tenant=first.tenant, delivery=first.delivery, kind=kind, by=by, at=tx.now,
        before=[_json(document) for document in before], after=[_json(document) for document in after])
    return id


def splices_of(conn: Connection, delivery: str) -> tuple[Splice, ...]:
    """All cuts and joins of a delivery, oldest first."""
    rows = conn.execute(select(splices).where(splices.c.delivery == delivery).order_by(splices.c.at, splices.c.id))
    return tuple(Splice(row["id"], row["kind"], tuple(_document(row, item) for item in row["before"]),
                        tuple(_document(row, item) for item in row["after"]), row["undone_at"] is not None)
                 for row in rows.mappings())


def end_splice(tx: Tx, id: str) -> None:
    """Note that a cut or join was undone."""
    tx.connection.execute(update(splices).where(splices.c.id == id).values(undone_at=stamp(tx.now)))


def _json(document: Document) -> dict[str, Any]:
    return {"id": document.id, "parent": document.parent, "state": document.state.value, "revision": document.revision,
            "access_class": document.access_class,
            "pages": [[ref.part, ref.number, ref.rotation] for ref in document.pages]}


def _document(row: Mapping[Any, Any], item: Mapping[str, Any]) -> Document:
    pages = tuple(PageRef(part, number, PageState.LIVE, rotation) for part, number, rotation in item["pages"])
    return Document(item["id"], row["tenant"], row["delivery"], pages, item["parent"], DocumentState(item["state"]),
                    item["revision"], item["access_class"])
