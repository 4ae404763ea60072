"""A delivery with documents in a database, for the tests of review and filing. No bytes: the pages are only counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from intake.db.akten import add_file
from intake.db.core import Database, Tx, new_id
from intake.db.deliveries import add_delivery, add_parts, get_delivery, move_delivery
from intake.db.documents import add_document, get_document, move_document, put_proposals, set_page_state
from intake.db.plan import import_plan
from intake.schema import metadata
from intake.vocabulary import (
    AktenplanEntry,
    Blob,
    Cut,
    Delivery,
    DeliveryState,
    Document,
    DocumentState,
    Evidence,
    File,
    PageRef,
    PageState,
    Part,
    Proposal,
)

TENANT = "mittelau"
DOGS = AktenplanEntry("ap-0301", "962.10", "Hundesteuer", unit="KÄ", retention=10, disposal="V")
BUILDING = AktenplanEntry("ap-0401", "632.60", "Bauanträge", unit="BA")
PDF = Blob("a" * 64, "application/pdf", "scan.pdf", 1000)


def delivery(state: DeliveryState = DeliveryState.RECEIVED, name: str = "scan.pdf") -> Delivery:
    """A delivery of its own key and bytes."""
    id = new_id()
    blob = Blob((id.lower() * 3)[:64].translate(str.maketrans("ghijklmnopqrstuvwxyz", "0123456789abcdef0123")),
                "application/pdf", name, 1000)
    return Delivery(id, TENANT, f"key/{id}", "folder", "scanner", datetime(2026, 11, 20, 8, tzinfo=UTC), blob, state)


def plan(tx: Tx) -> File:
    """Two entries and one known Akte under the first."""
    import_plan(tx, TENANT, [DOGS, BUILDING])
    return add_file(tx, TENANT, File("", "KÄ/962.10-0007/2025", "Hunde in Auenbek", DOGS.id, "imported"))


def opened(db: Database, cuts: Sequence[int], *, parts: int = 1, loose: Sequence[tuple[int, PageState]] = (),
           state: DocumentState = DocumentState.PROPOSED) -> tuple[str, list[Document]]:
    """An opened delivery: per part documents of `cuts` pages each, then `loose` (number, state) pages at its end."""
    new = delivery()
    made: list[Document] = []
    with db.transaction() as tx:
        add_delivery(tx, new)
        total = sum(cuts) + len(loose)
        add_parts(tx, new.id, TENANT, [Part(new.id, position, None, new.original, total) for position in range(parts)])
        for part in range(parts):
            start = 1
            for count in cuts:
                refs = tuple(PageRef(part, number) for number in range(start, start + count))
                made.append(Document(new_id(), TENANT, new.id, refs))
                add_document(tx, made[-1], len(made) - 1, Cut("rule:test@1"))
                start += count
            for number, page_state in loose:
                set_page_state(tx, new.id, part, number, page_state)
        move_delivery(tx, new, DeliveryState.OPENED)
    if state is DocumentState.PROPOSED:
        made = [propose(db, document.id) for document in made]
    return new.id, made


def propose(db: Database, document_id: str, proposals: Sequence[Proposal] = ()) -> Document:
    """What the machine does: NEW -> PROPOSED with proposals."""
    with db.transaction() as tx:
        document = get_document(tx.connection, document_id)
        last = len(document.pages)
        put_proposals(tx, document.id, TENANT, proposals or (
            Proposal("entry", "962.10", 0.6, (Evidence("model:aktenplan@1", 1, (0.1, 0.1, 0.5, 0.2), "Hund"),)),
            Proposal("entry", "632.60", 0.2, (Evidence("model:aktenplan@1", 1),)),
            Proposal("title", "Abmeldung Hund", 0.5, (Evidence("rule:subject@1", last, (0.1, 0.3, 0.5, 0.4), "Abmeldung"),))))
        return move_document(tx, document, DocumentState.PROPOSED)


def current(db: Database, document_id: str) -> Document:
    """The document as it is now."""
    with db.read() as conn:
        return get_document(conn, document_id)


def revision_of(db: Database, delivery_id: str) -> int:
    with db.read() as conn:
        return get_delivery(conn, delivery_id).revision


def everything(conn: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, to compare before and after."""
    return {table.name: sorted((tuple(row) for row in conn.execute(select(table))), key=repr)
            for table in metadata.sorted_tables}
