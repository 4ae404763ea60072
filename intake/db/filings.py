"""Filings and the receipts of the stores. A filing is written once; undo and hand-over are only noted on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, exists, func, select, update

from intake.db.akten import get_case, get_file
from intake.db.core import Tx, add, parse_stamp, stamp, upsert
from intake.db.plan import get_entry
from intake.errors import Refused, Stale
from intake.schema import decisions, deliveries, documents, filings, receipts
from intake.vocabulary import Blob, Document, DocumentState, File, Filing, Receipt

MIRROR = "efile"
"""Name of the store whose copy is the readable mirror (`intake.stores.efile`)."""


def hold_document(tx: Tx, document: Document) -> None:
    """Lock an approved document's row until the transaction ends; raises Stale when it is not as `document` says."""
    row = tx.connection.execute(select(documents.c.state, documents.c.revision).where(
        documents.c.id == document.id).with_for_update()).one_or_none()
    if row is None or (row.state, row.revision) != (DocumentState.APPROVED.value, document.revision):
        raise Stale(f"Das Schriftstück {document.id} ist inzwischen weiter. Laden Sie den Stand neu.")


def add_filing(tx: Tx, filing: Filing, pdfa_reason: str = "") -> None:
    """Insert a filing. Raises IntegrityError when its key or another live filing of its document is there already."""
    add(tx, filings, key=filing.key, tenant=filing.tenant, document=filing.document, entry=filing.entry.id,
        notation=filing.entry.notation, reference=filing.file.reference, file=filing.file.id,
        case=filing.case.id if filing.case else None, title=filing.title, values=filing.values,
        deadline=_deadline(filing.values.get("deadline", "")), pdf=_blob_json(filing.pdf), pdfa=filing.pdfa,
        pdfa_reason=pdfa_reason, originals=[_blob_json(blob) for blob in filing.originals],
        pages=filing.pages, received_at=filing.received_at, at=tx.now)


def _deadline(value: str) -> str | None:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return None


def get_filing(conn: Connection, key: str) -> Filing:
    """The filing as a store needs it, with notation and Aktenzeichen as when it was filed; raises Refused when there is none."""
    row = conn.execute(select(filings).where(filings.c.key == key)).mappings().one_or_none()
    if row is None:
        raise Refused(f"Die Ablage {key} gibt es nicht. Prüfen Sie die Nummer.")
    return _filing(conn, row)


def filing_of_document(conn: Connection, document: str) -> Filing | None:
    """The filing of a document that is not undone; None while there is none."""
    row = conn.execute(select(filings).where(
        filings.c.document == document, filings.c.undone_at.is_(None))).mappings().one_or_none()
    return _filing(conn, row) if row else None


def filings_of(conn: Connection, tenant: str, *, file: str | None = None, limit: int = 1000) -> tuple[Filing, ...]:
    """What is filed (in one Akte, when given), newest first."""
    wanted = select(filings).where(filings.c.tenant == tenant, filings.c.undone_at.is_(None))
    if file is not None:
        wanted = wanted.where(filings.c.file == file)
    rows = conn.execute(wanted.order_by(filings.c.at.desc(), filings.c.key).limit(limit)).mappings().all()
    return tuple(_filing(conn, row) for row in rows)


def filings_in(conn: Connection, tenant: str, file: str) -> list[tuple[str, str]]:
    """(document, delivery) of what lies in an Akte, in the order in which it was filed."""
    rows = conn.execute(select(filings.c.document, documents.c.delivery).join(
        documents, documents.c.id == filings.c.document).where(
        filings.c.tenant == tenant, filings.c.file == file, filings.c.undone_at.is_(None)).order_by(filings.c.at, filings.c.key))
    return [(row.document, row.delivery) for row in rows]


def waiting_for_file(conn: Connection, tenant: str, file: str) -> bool:
    """Is an approved document about to be filed in this Akte (its id)?"""
    rows = conn.execute(select(decisions.c["values"]).join(documents, documents.c.id == decisions.c.document).where(
        documents.c.tenant == tenant, documents.c.state == DocumentState.APPROVED.value, decisions.c.live))
    return any(values.get("file") == file for values in rows.scalars())


def pdfa_reason(conn: Connection, key: str) -> str:
    """Why the PDF of a filing is no better PDF/A; "" when it is."""
    return str(conn.execute(select(filings.c.pdfa_reason).where(filings.c.key == key)).scalar_one())


def remirror(tx: Tx, file: str) -> None:
    """Have the readable mirror of an Akte written anew (its title or zdA changed): one of its filings is given to it again."""
    last = tx.connection.execute(select(filings.c.key).where(
        filings.c.file == file, filings.c.undone_at.is_(None)).order_by(filings.c.at.desc(), filings.c.key).limit(1)).scalar()
    if last is not None:
        note_withdrawn(tx, last, MIRROR)
        unsettle_filing(tx, last)


def files_of_messages(conn: Connection, tenant: str, message_ids: Collection[str]) -> tuple[str, ...]:
    """Ids of the Akten in which messages with these Message-IDs lie, the one filed last first."""
    rows = conn.execute(select(filings.c.file, func.max(filings.c.at).label("last")).join(
        documents, documents.c.id == filings.c.document).join(deliveries, deliveries.c.id == documents.c.delivery).where(
        deliveries.c.tenant == tenant, deliveries.c.message_id.in_(tuple(message_ids)), deliveries.c.message_id != "",
        filings.c.undone_at.is_(None)).group_by(filings.c.file).order_by(func.max(filings.c.at).desc(), filings.c.file).limit(20))
    return tuple(row.file for row in rows)


def is_undone(conn: Connection, key: str) -> bool:
    """Was this filing taken back?"""
    return conn.execute(select(filings.c.undone_at).where(filings.c.key == key)).scalar_one() is not None


def undo_filing(tx: Tx, document: str) -> str | None:
    """Note that the document's filing is taken back; the stores hear it later. Its key, None when there is none."""
    return tx.connection.execute(update(filings).where(
        filings.c.document == document, filings.c.undone_at.is_(None),
    ).values(undone_at=stamp(tx.now), settled_at=None).returning(filings.c.key)).scalar_one_or_none()


def empty_file_of(conn: Connection, document: str, entry: str) -> File | None:
    """An Akte of ours under `entry` that an undone filing of this document opened and nobody uses, to take again."""
    other = filings.alias()
    rows = conn.execute(select(filings.c.tenant, filings.c.file).where(
        filings.c.document == document, filings.c.undone_at.is_not(None),
        ~exists(select(other.c.key).where(other.c.file == filings.c.file, other.c.undone_at.is_(None))),
        ~exists(select(other.c.key).where(other.c.file == filings.c.file, other.c.document != document)),
    ).order_by(filings.c.at.desc()))
    found = (get_file(conn, row.tenant, row.file) for row in rows)
    return next((file for file in found if file and file.entry == entry and file.origin == "ours"
                 and file.closed_on is None), None)


def filings_without_receipt(conn: Connection, limit: int = 50) -> list[tuple[str, str]]:
    """(tenant, key) of filings that some store has not acknowledged, or not heard to be undone; oldest first."""
    rows = conn.execute(select(filings.c.tenant, filings.c.key).where(filings.c.settled_at.is_(None)).order_by(
        filings.c.at, filings.c.key).limit(limit))
    return [(row.tenant, row.key) for row in rows]


def count_without_receipt(conn: Connection) -> int:
    """How many there are."""
    return conn.execute(select(func.count()).select_from(filings).where(filings.c.settled_at.is_(None))).scalar_one()


def add_receipt(tx: Tx, tenant: str, key: str, receipt: Receipt) -> None:
    """Keep a store's receipt; the same again is harmless."""
    upsert(tx, receipts, ("filing", "store"), [{
        "tenant": tenant, "filing": key, "store": receipt.store, "reference": receipt.reference, "at": receipt.at,
        "withdrawn_at": None}])


def note_withdrawn(tx: Tx, key: str, store: str) -> None:
    """Note that a store took the filing out again."""
    tx.connection.execute(update(receipts).where(
        receipts.c.filing == key, receipts.c.store == store).values(withdrawn_at=stamp(tx.now)))


def receipts_of(conn: Connection, key: str) -> tuple[Receipt, ...]:
    """The receipts of the stores that hold this filing now."""
    rows = conn.execute(select(receipts).where(
        receipts.c.filing == key, receipts.c.withdrawn_at.is_(None)).order_by(receipts.c.store))
    return tuple(Receipt(row.store, row.reference, parse_stamp(row.at)) for row in rows)


def settle_filing(tx: Tx, key: str, stores: Collection[str], *, undone: bool) -> bool:
    """Note that all `stores` have heard; False (and nothing noted) when it was undone meanwhile or a receipt lacks."""
    holding = {receipt.store for receipt in receipts_of(tx.connection, key)}
    if holding & set(stores) if undone else not holding.issuperset(stores):
        return False
    state = filings.c.undone_at.is_not(None) if undone else filings.c.undone_at.is_(None)
    done = update(filings).where(filings.c.key == key, state).values(settled_at=stamp(tx.now))
    return tx.connection.execute(done).rowcount == 1


def unsettle_filing(tx: Tx, key: str) -> None:
    """Let the stores hear of it once more (its mirror was deleted, or a slow worker put it back after undo)."""
    tx.connection.execute(update(filings).where(filings.c.key == key).values(settled_at=None))


def _blob_json(blob: Blob) -> dict[str, Any]:
    return {"sha256": blob.sha256, "media_type": blob.media_type, "name": blob.name, "size": blob.size}


def _filing(conn: Connection, row: Mapping[Any, Any]) -> Filing:
    entry, file = get_entry(conn, row["tenant"], row["entry"]), get_file(conn, row["tenant"], row["file"])
    assert entry is not None and file is not None  # neither is ever deleted
    return Filing(
        key=row["key"], tenant=row["tenant"], document=row["document"], entry=replace(entry, notation=row["notation"]),
        file=replace(file, reference=row["reference"]),
        case=get_case(conn, row["tenant"], row["case"]) if row["case"] else None, title=row["title"], values=row["values"],
        received_at=parse_stamp(row["received_at"]), pdf=Blob(**row["pdf"]),
        originals=tuple(Blob(**blob) for blob in row["originals"]), pdfa=row["pdfa"], pages=row["pages"])
