"""What a document is made of: its pages as last read, and everything else that the pure rooms see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from intake import read
from intake.blobs import Blobs
from intake.db import batches
from intake.db import deliveries as sendungen
from intake.db.core import Database
from intake.db.cuts import cut_of
from intake.db.filings import files_of_messages
from intake.errors import ServiceError
from intake.inboxes import OF_AKTE, OF_VORGANG, Backfile, Inbox, ScanProfile
from intake.vocabulary import Document, Fact, Material, Page, Part


def pages_of_part(db: Database, blobs: Blobs, tenant: str, part: Part) -> tuple[Page, ...]:
    """Every page of a part as last read; raises ServiceError when one is missing (the chunk is read again)."""
    with db.read() as conn:
        reads = sendungen.newest_page_reads(conn, tenant, part.blob.sha256)
    found = _read(blobs, reads)
    missing = [number for number in range(1, part.pages + 1) if number not in found]
    if missing:
        raise ServiceError(f"Von Teil {part.position} fehlen gelesene Seiten ({missing[:5]}); sie werden noch einmal gelesen.")
    return tuple(found[number] for number in range(1, part.pages + 1))


def pages_of_document(db: Database, blobs: Blobs, document: Document) -> tuple[Page, ...]:
    """The document's pages in its order, as last read; `Page.number` stays the number within the original."""
    with db.read() as conn:
        parts = sendungen.parts_of(conn, document.delivery)
        reads = _reads(conn, document, parts)
    return _pages(blobs, document, reads)


def material_of(db: Database, blobs: Blobs, profile: Inbox | None, document: Document) -> Material:
    """What the pure rooms see of a document: what proposals rest on, and what is learnt from. `profile`: the door it came by."""
    with db.read() as conn:
        delivery = sendungen.get_delivery(conn, document.delivery)
        parts = sendungen.parts_of(conn, document.delivery)
        cause, reads = cut_of(conn, document.id), _reads(conn, document, parts)
        thread, index = _thread(conn, document, parts), _of_index(conn, document, profile)
    return Material(
        pages=_pages(blobs, document, reads), name=delivery.original.name,
        # the mail's subject is its own, not that of a letter hanging on it
        envelope=replace(delivery.envelope, subject=None) if document.parent else delivery.envelope,
        received_on=delivery.received_at.astimezone().date(),
        office=profile.office if profile else "", branch=profile.branch if profile else "",
        facts=(*_facts(document, parts), *index), notes={
            "sheet": cause.says, "case": cause.case, "thread": thread,
            "sidecar": profile.naming if isinstance(profile, (ScanProfile, Backfile)) else None,
            "backfile": isinstance(profile, Backfile) and profile.registers})


def _reads(conn: Connection, document: Document, parts: Sequence[Part]) -> dict[int, Mapping[int, str]]:
    """The chunk of each page of a document, by part."""
    originals = {part.position: part.blob.sha256 for part in parts}
    found: dict[int, Mapping[int, str]] = {}
    for position in {ref.part for ref in document.pages}:
        numbers = [ref.number for ref in document.pages if ref.part == position]
        reads = sendungen.newest_page_reads(conn, document.tenant, originals[position], numbers)
        found[position] = {number: reads[number] for number in numbers}
    return found


def _pages(blobs: Blobs, document: Document, reads: Mapping[int, Mapping[int, str]]) -> tuple[Page, ...]:
    found = {position: _read(blobs, chunks) for position, chunks in reads.items()}
    return tuple(found[ref.part][ref.number] for ref in document.pages)


def _read(blobs: Blobs, reads: Mapping[int, str]) -> dict[int, Page]:
    """The pages of a part by number, from the chunk that has each."""
    return {page.number: page for chunk in set(reads.values())
            for page in read.unpack_pages(blobs.read(chunk), {number for number, one in reads.items() if one == chunk})}


def _facts(document: Document, parts: Sequence[Part]) -> tuple[Fact, ...]:
    """What the document's files state as data; a file's data belong to the document that has its first page."""
    begun = {ref.part for ref in document.pages if ref.number == 1}
    return tuple(fact for part in parts if part.position in begun for fact in part.facts if not fact.of_message)


def _thread(conn: Connection, document: Document, parts: Sequence[Part]) -> tuple[str, ...]:
    """Ids of the Akten in which earlier messages of the same exchange lie (In-Reply-To, References); () for what is no answer."""
    named = {fact.value for fact in (parts[0].facts if parts else ()) if fact.name in ("mail_in_reply_to", "mail_references")}
    return files_of_messages(conn, document.tenant, named) if named else ()


def _of_index(conn: Connection, document: Document, profile: Inbox | None) -> tuple[Fact, ...]:
    """What index and path of a batch of old files say of the file this document is from; of a whole Akte only what holds for
    all of it."""
    if not isinstance(profile, Backfile):
        return ()
    item = batches.item_of_delivery(conn, document.delivery)
    holds = {"akte": OF_AKTE, "vorgang": OF_VORGANG}.get(profile.unit)
    return tuple(Fact("sidecar", value, f"sidecar:{where.removeprefix('index:').replace(' ', '-')} {name}")
                 for name, value, where in (item.fields if item else ()) if holds is None or name in holds)
