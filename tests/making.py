"""Rows for tests: deliveries, documents and what belongs to them, with as little said as possible."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from intake.blobs import Blobs
from intake.db.batches import Batch
from intake.db.core import Database, Tx, new_id, utcnow
from intake.db.deliveries import add_delivery, add_parts, move_delivery
from intake.db.documents import add_document, check_conservation, set_page_state
from intake.db.signs import Sign, sign_from
from intake.journal import record
from intake.schema import batch_items, page_signs
from intake.vocabulary import Blob, Cut, Delivery, DeliveryState, Document, PageRef, PageState, Part

TENANT = "mittelau"


def blob(data: bytes = b"%PDF-1.7", name: str = "brief.pdf", media_type: str = "application/pdf") -> Blob:
    """A blob that lies nowhere."""
    return Blob(hashlib.sha256(data).hexdigest(), media_type, name, len(data))


def delivery(tenant: str = TENANT, received_at: datetime | None = None, **values: Any) -> Delivery:
    """A received scan with a key of its own."""
    id = values.pop("id", None) or new_id()
    defaults: dict[str, Any] = {
        "key": f"post/{id}", "channel": "folder", "source": "post", "original": blob(id.encode()), "batch": "post 1",
        "position": 1}
    return Delivery(id=id, tenant=tenant, received_at=received_at or utcnow(), **{**defaults, **values})


def received(tx: Tx, tenant: str = TENANT, **values: Any) -> Delivery:
    """The same, in the database and in the journal."""
    made = delivery(tenant, **values)
    add_delivery(tx, made)
    record(tx, tenant, "service:receive", "delivery.received", subjects={"delivery": made.id})
    return made


def opened(tx: Tx, made: Delivery, cuts: Sequence[Sequence[int]] = ((1,),), separators: Sequence[int] = (),
           blanks: Sequence[int] = ()) -> tuple[Delivery, tuple[Document, ...]]:
    """The delivery opened as one scan: the pages of each cut in a document of its own, the others set aside."""
    count = sum(len(cut) for cut in cuts) + len(separators) + len(blanks)
    add_parts(tx, made.id, made.tenant, [Part(made.id, 0, None, made.original, count)])
    documents = []
    for position, cut in enumerate(cuts):
        refs = tuple(PageRef(0, number) for number in cut)
        documents.append(Document(new_id(), made.tenant, made.id, refs, access_class=made.access_class))
        add_document(tx, documents[-1], position, Cut("rule:separator@1"))
    for numbers, state in ((separators, PageState.SEPARATOR), (blanks, PageState.BLANK)):
        for number in numbers:
            set_page_state(tx, made.id, 0, number, state)
    moved = move_delivery(tx, made, DeliveryState.OPENED)
    check_conservation(tx, made.id)
    return moved, tuple(documents)


def kept(database: Database, blobs: Blobs, data: bytes, tenant: str = TENANT, **values: Any) -> Delivery:
    """A delivery whose original really lies in the store."""
    original = blobs.add_bytes(data, "brief.pdf", "application/pdf")
    with database.transaction() as tx:
        return received(tx, tenant, original=original, **values)


def signs_of(tx: Tx, batch: Batch) -> list[tuple[str, Sign]]:
    """(path, sign) of every page of a batch, Akte by Akte in the order of delivery."""
    rows = tx.connection.execute(select(batch_items.c.path, page_signs).join(
        batch_items, batch_items.c.delivery == page_signs.c.delivery).where(batch_items.c.batch == batch.id).order_by(
        batch_items.c.reference_key, batch_items.c.position, page_signs.c.part, page_signs.c.number)).mappings()
    return [(row["path"], sign_from(row)) for row in rows]
