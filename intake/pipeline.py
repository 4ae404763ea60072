"""The three steps. Reads top to bottom, decides nothing; every function may run twice and twice at once.

    receive -> RECEIVED -> open_delivery (plan_reading, read_chunk, assemble) -> NEW -> propose_document -> PROPOSED
            -> a clerk or a rule -> APPROVED -> file_document -> FILED
    any step raises -> settle -> the row waits again, or CLARIFY with a reason for a person

Results travel through rows and blobs, never through the engine: functions take and return ids.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, cast

from intake import acknowledging, automatic, filing, handover, materials, officemail, read, transfernote, unpack
from intake.backfile import rescans
from intake.backfile.stacking import Outline, Papers, Stack, cut_as_said, made_of, outlined, sign_of, stacks
from intake.blobs import Blobs
from intake.box import OFFICE, Box, reader_version
from intake.box.results import MailOrder, ReadOrder, ReadResult, RenditionPage
from intake.box.sentences import SENTENCES
from intake.config import Backfile, Home, Inbox, Mailbox
from intake.db import batches
from intake.db import deliveries as sendungen
from intake.db import documents as schriftstuecke
from intake.db.core import Database, Tx, new_id
from intake.db.cuts import cut_of
from intake.db.problems import open_problem
from intake.db.receiving import set_envelope, set_part_problem
from intake.db.signs import put_signs, signs_changed
from intake.db.work import bookkeeping
from intake.errors import InputError, Reason
from intake.journal import record
from intake.propose import Knowledge, first_choice, propose
from intake.protocols import Boundary, Store, Target
from intake.resolve.enclosure import enclosure, leads
from intake.split import Cuts
from intake.vocabulary import (
    Blob,
    Decision,
    Delivery,
    DeliveryState,
    Document,
    DocumentState,
    Material,
    Page,
    PageState,
    Part,
    Problem,
    Proposal,
)

log = logging.getLogger(__name__)

ACTOR = "service:pipeline"
SCRATCH = "work"
ENCLOSURES = 8
"""So many documents back the letter is looked for that a document may be enclosed with."""
Rotation = Literal[0, 90, 180, 270]


@dataclass(frozen=True, slots=True)
class Postroom:
    """Everything a step needs, built once from the configuration by `postroom.build`."""

    home: Home
    db: Database
    box: Box
    blobs: Callable[[str], Blobs]
    knowledge: Callable[[str], Knowledge]
    access_class: Callable[[str, tuple[Page, ...]], str | None]
    stores: Callable[[str], tuple[Store, ...]]
    boundary: Callable[[str], Boundary]
    send: acknowledging.Send | None = None
    outline: Outline | None = None
    papers: Papers | None = None
    targets: Callable[[str], tuple[Target, ...]] = lambda _tenant: ()
    dkim_keys: unpack.DkimKeys | None = None
    anchors: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """At most eight pages of one part, read by one box process."""

    part: int
    pages: tuple[int, ...]


# ---- open_delivery: unpack, read, split ------------------------------------------------------------------------------


def plan_reading(room: Postroom, delivery_id: str) -> tuple[Chunk, ...]:
    """Unpack the delivery (once) and return the chunks that no reader of this version has read yet."""
    delivery = _delivery(room, delivery_id)
    if delivery.state is not DeliveryState.RECEIVED:
        return ()
    return _unread(room, delivery, _parts(room, delivery))


def read_again(room: Postroom, delivery_id: str, between: Callable[[], None] = lambda: None) -> bool:
    """Read the pages of an opened delivery that no reader of this version has read: taken in from another store, or read by an
    older one; False when the reader gave one of them up. `between` is called before each chunk of at most eight pages; what is
    read stays when it raises."""
    for chunk in unread(room, delivery_id):
        between()
        try:
            read_chunk(room, delivery_id, chunk)
        except InputError as error:
            log.warning("not read again", extra={"delivery": delivery_id, "reason": error.reason.value})
            return False
    return True


def unread(room: Postroom, delivery_id: str) -> tuple[Chunk, ...]:
    """The pages of an opened delivery that no reader of this version has read."""
    delivery = _delivery(room, delivery_id)
    return _unread(room, delivery, _known_parts(room, delivery))


def _unread(room: Postroom, delivery: Delivery, parts: tuple[Part, ...]) -> tuple[Chunk, ...]:
    order = _order(room, delivery)
    reader = reader_version(order)
    chunks: list[Chunk] = []
    with room.db.read() as conn:
        for part in parts:
            if part.problem is None and part.pages:
                done = sendungen.page_reads_of(conn, delivery.tenant, part.blob.sha256, reader)
                chunks += [Chunk(part.position, pages) for pages in read.plan_chunks(part.pages, set(done), order.chunk_pages)]
    return tuple(chunks)


def read_chunk(room: Postroom, delivery_id: str, chunk: Chunk) -> None:
    """Read one chunk in the box and keep it: an immutable blob and a row a page. A part that cannot be read becomes a problem."""
    delivery = _delivery(room, delivery_id)
    part = next(part for part in _known_parts(room, delivery) if part.position == chunk.part)
    log.info("reading chunk", extra={"original": part.blob.sha256, "first": chunk.pages[0]})
    with _workdir(room) as workdir:
        try:
            result = room.box.read(room.blobs(delivery.tenant).path(part.blob.sha256), part.blob.media_type, chunk.pages,
                                   _order(room, delivery), workdir, fresh=delivery.attempt > 0)
        except InputError as error:
            if delivery.state is not DeliveryState.RECEIVED:
                raise  # it was read before, and that stays
            _note_part_problem(room, delivery, part, error)
            return
        blob = _keep(room, delivery.tenant, part, result)
    with room.db.transaction() as tx:
        _note_reads(tx, delivery.tenant, part, result, blob)


def assemble(room: Postroom, delivery_id: str) -> None:
    """All pages are read: cut them into documents, write the page ledger, RECEIVED -> OPENED. One transaction."""
    delivery = _delivery(room, delivery_id)
    if delivery.state is not DeliveryState.RECEIVED:
        return
    parts = _known_parts(room, delivery)
    readable = [part for part in parts if part.problem is None and part.pages]
    if not readable:
        raise _nothing_readable(parts)
    if rescans.is_rescan(delivery, _profile(room, delivery)):
        rescans.put_in(room.db, delivery, [(part, pages_of_part(room, delivery.tenant, part)) for part in readable],
                       [f"„{part.blob.name}“: {SENTENCES[Reason(part.problem)]}" for part in parts if part.problem])
        return
    cut_stacks = cut_anew(room, delivery, parts)
    with room.db.transaction() as tx:
        sendungen.move_delivery(tx, delivery, DeliveryState.OPENED)
        made = made_of(delivery, cut_stacks, partial(room.access_class, delivery.tenant), several=len(parts) > 1)
        for position, (document, cause) in enumerate(made):
            schriftstuecke.add_document(tx, document, position, cause)
        for stack, cuts in cut_stacks:
            for numbers, state in ((cuts.separators, PageState.SEPARATOR), (cuts.blanks, PageState.BLANK)):
                schriftstuecke.set_page_states(
                    tx, delivery.id, [(ref.part, ref.number) for ref in map(stack.ref, numbers)], state)
        for part in parts:
            if part.problem is not None:
                _open_part_problem(tx, delivery, part)
        if delivery.channel == batches.CHANNEL:
            put_signs(tx, delivery.tenant, [
                sign_of(delivery, stack.ref(page.number), page) for stack, _ in cut_stacks for page in stack.pages])
        schriftstuecke.check_conservation(tx, delivery.id)
        record(tx, delivery.tenant, ACTOR, "delivery.opened", subjects={"delivery": delivery.id},
               new={"documents": len(made), "parts": len(parts),
                    "doubtful": sum(piece.cut.doubtful for _, cuts in cut_stacks for piece in cuts.documents)})


def cut_anew(room: Postroom, delivery: Delivery, parts: tuple[Part, ...]) -> list[tuple[Stack, Cuts]]:
    """How a delivery would be cut now, stack by stack, from what was read last: a stack for each file, one for all where each
    file is the picture of a page."""
    door = _profile(room, delivery)
    readable = [(part, pages_of_part(room, delivery.tenant, part)) for part in parts if part.problem is None and part.pages]
    return [(stack, outlined(door, stack, cut_as_said(
        door, delivery, parts, stack, lambda: room.boundary(delivery.tenant), room.papers), room.outline))
        for stack in stacks(readable, together=isinstance(door, Backfile) and door.unit == "seite")]


def pages_of_part(room: Postroom, tenant: str, part: Part) -> tuple[Page, ...]:
    """Every page of a part as last read; raises ServiceError when one is missing (the chunk is read again)."""
    return materials.pages_of_part(room.db, room.blobs(tenant), tenant, part)


# ---- propose_document ------------------------------------------------------------------------------------------------


def propose_document(room: Postroom, document_id: str) -> None:
    """NEW -> PROPOSED with ranked proposals, or -> APPROVED when policy allows it without a person."""
    with room.db.read() as conn:
        document = schriftstuecke.get_document(conn, document_id)
        cause = cut_of(conn, document.id)
    if document.state is not DocumentState.NEW:
        return
    tenant = room.home.settings.for_tenant(document.tenant)
    knowledge = room.knowledge(document.tenant)
    material = material_of(room, document)
    proposals = (*propose(material, knowledge), *_parents(room, document, material))
    with room.db.transaction() as tx:
        verdict = automatic.decide(tx, tenant, document, proposals, material.pages, knowledge, cause)
        schriftstuecke.put_proposals(tx, document.id, document.tenant, proposals)
        if verdict.automatic:
            decision = Decision(document.id, first_choice(proposals), verdict.by, tx.now, document.revision + 1)
            schriftstuecke.add_decision(tx, document.tenant, decision)
        state = DocumentState.APPROVED if verdict.automatic else DocumentState.PROPOSED
        schriftstuecke.move_document(tx, document, state, why=verdict.why)
        signs_changed(tx, [document.delivery])  # an old Akte is compared with what its papers say
        record(tx, document.tenant, ACTOR if not verdict.automatic else verdict.by, f"document.{state.lower()}",
               subjects={"delivery": document.delivery, "document": document.id}, new={"why": verdict.why})


def _parents(room: Postroom, document: Document, material: Material) -> tuple[Proposal, ...]:
    """The letter before it in the delivery that this document may be an Anlage of, as a question; () for what leads itself, and
    in an old Akte, where register and Vorgang say what belongs together."""
    if document.parent or material.notes["backfile"] or leads(material):
        return ()
    with room.db.read() as conn:
        before = schriftstuecke.documents_of(conn, document.delivery)
    before = before[:[one.id for one in before].index(document.id)]
    for main in reversed(before[-ENCLOSURES:]):
        if main.parent is None and main.state is not DocumentState.REJECTED and leads(found := material_of(room, main)):
            asked = enclosure(material, found, main.id)
            return (asked,) if asked else ()
    return ()


def material_of(room: Postroom, document: Document) -> Material:
    """What the pure rooms see of a document: what proposals rest on, and what is learnt from."""
    with room.db.read() as conn:
        delivery = sendungen.get_delivery(conn, document.delivery)
    return materials.material_of(room.db, room.blobs(document.tenant), _profile(room, delivery), document)


def pages_of_document(room: Postroom, document: Document) -> tuple[Page, ...]:
    """The document's pages in its order, as last read; `Page.number` stays the number within the original."""
    return materials.pages_of_document(room.db, room.blobs(document.tenant), document)


# ---- file_document ---------------------------------------------------------------------------------------------------


def file_document(room: Postroom, document_id: str) -> None:
    """APPROVED -> FILED: rendition, number, row in one transaction; then the stores, whose receipts may come later."""
    with room.db.read() as conn:
        document = schriftstuecke.get_document(conn, document_id)
        decision = schriftstuecke.live_decision(conn, document_id)
        parts = {part.position: part for part in sendungen.parts_of(conn, document.delivery)}
        delivery = sendungen.get_delivery(conn, document.delivery)
        _, _, attempt = bookkeeping(conn, "document", [document_id])[document_id]
    if document.state is not DocumentState.APPROVED or decision is None:
        return
    blobs = room.blobs(document.tenant)
    positions = sorted({ref.part for ref in document.pages})
    pages = pages_of_document(room, document)
    tenant, door = room.home.settings.for_tenant(document.tenant), _profile(room, delivery)
    with room.db.read() as conn:
        scan = transfernote.gather(conn, delivery, document, decision, pages, parts)
    with _workdir(room) as workdir:
        rendition = room.box.rendition(
            [(blobs.path(parts[position].blob.sha256), parts[position].blob.media_type) for position in positions],
            [RenditionPage(positions.index(ref.part), ref.number, cast(Rotation, ref.rotation), page)
             for ref, page in zip(document.pages, pages, strict=True)],
            title=decision.values.get("title", ""), workdir=workdir, fresh=attempt > 0,
            attachments=transfernote.inside(tenant, door, scan, workdir))
        pdf = blobs.add_file(rendition.pdf, "ablage.pdf", "application/pdf")
    note = transfernote.keep(blobs, tenant, door, replace(scan, pdfa=rendition.pdfa, pdfa_reason=rendition.reason), pdf)
    drawn_from = [parts[parent] for position in positions if (parent := parts[position].parent) is not None
                  and parts[parent].pages == 0 and parts[parent].blob.media_type in OFFICE]
    originals = (*(parts[position].blob for position in positions), *(part.blob for part in dict.fromkeys(drawn_from)))
    if len(parts) == 1 and originals[0].sha256 != delivery.original.sha256:
        originals += (delivery.original,)  # the box had to mend it: what came stays beside what was read
    with room.db.transaction() as tx:
        key = filing.record_filing(tx, tenant, delivery, document, decision, pdf=pdf, pdfa=rendition.pdfa,
                                   reason=rendition.reason, originals=originals, note=note)
        schriftstuecke.move_document(tx, document, DocumentState.FILED)
        record(tx, document.tenant, ACTOR, "document.filed", subjects={"delivery": document.delivery, "document": document.id},
               new={"filing": key, "pdf": pdf.sha256} | ({"note": note.sha256} if note else {}))
        officemail.plan_urgent(tx, tenant, document.id)
    store_filing(room, document.tenant, key)


def store_filing(room: Postroom, tenant: str, key: str) -> None:
    """Hand a recorded filing to every store that has not given its receipt yet; a repeat is harmless."""
    filing.deliver(room.db, tenant, key, room.stores(tenant), room.blobs(tenant), handover.terms(room.home.settings, tenant))


# ---- small help ------------------------------------------------------------------------------------------------------


@contextmanager
def _workdir(room: Postroom) -> Iterator[Path]:
    """A scratch folder on the installation's disk, gone afterwards; what a kill leaves is wiped at the next start."""
    scratch = room.home.root / SCRATCH
    scratch.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        yield Path(name)


def _delivery(room: Postroom, delivery_id: str) -> Delivery:
    with room.db.read() as conn:
        return sendungen.get_delivery(conn, delivery_id)


def _known_parts(room: Postroom, delivery: Delivery) -> tuple[Part, ...]:
    with room.db.read() as conn:
        return sendungen.parts_of(conn, delivery.id)


def _parts(room: Postroom, delivery: Delivery) -> tuple[Part, ...]:
    parts = _known_parts(room, delivery)
    if any(part.problem is None for part in parts):  # nothing but problems: a person asked to try again
        return parts
    with _workdir(room) as workdir:
        log.info("opening", extra={"original": delivery.original.sha256, "first": 0})
        found = unpack.unpack(room.box, room.blobs(delivery.tenant), delivery, _order(room, delivery), workdir,
                              _mail_order(room, delivery), room.dkim_keys if delivery.channel == "mail" else None)
        chunk = _keep(room, delivery.tenant, found.parts[0], found.read) if found.read is not None else None
    with room.db.transaction() as tx:
        sendungen.add_parts(tx, delivery.id, delivery.tenant, found.parts)
        set_envelope(tx, delivery.id, found.envelope)
        door = _profile(room, delivery)
        acknowledging.plan(tx, room.home.settings, door if isinstance(door, Mailbox) else None, delivery, found.parts)
        if found.read is not None and chunk is not None:
            _note_reads(tx, delivery.tenant, found.parts[0], found.read, chunk)
    return found.parts


def _keep(room: Postroom, tenant: str, part: Part, result: ReadResult) -> Blob:
    """The chunk of these pages (words and previews) as one immutable blob."""
    chunk = read.pack(result.pages, [path.read_bytes() for path in result.previews])
    return room.blobs(tenant).add_bytes(chunk, f"{part.blob.sha256[:12]}-{result.pages[0].number}", read.CHUNK_MEDIA_TYPE)


def _note_reads(tx: Tx, tenant: str, part: Part, result: ReadResult, chunk: Blob) -> None:
    share = result.cpu_seconds / len(result.pages)
    sendungen.add_page_reads(tx, tenant, part.blob.sha256, result.reader,
                             [(page.number, chunk.sha256, share) for page in result.pages])


def _profile(room: Postroom, delivery: Delivery) -> Inbox | None:
    tenant = room.home.settings.for_tenant(delivery.tenant)
    return next((profile for profile in tenant.inboxes if profile.name == delivery.source), None)


def _mail_order(room: Postroom, delivery: Delivery) -> MailOrder:
    """What a message of this delivery is judged by."""
    door = _profile(room, delivery)
    return MailOrder(authserv_id=door.authserv_id if isinstance(door, Mailbox) else "", anchors=room.anchors,
                     received_at=delivery.received_at.isoformat())


def _order(room: Postroom, delivery: Delivery) -> ReadOrder:
    settings = room.home.settings.read
    profile = _profile(room, delivery)
    return ReadOrder(
        engine=settings.engine, languages=(profile.languages if profile else "") or settings.languages, dpi=settings.dpi,
        trust_text_layer=settings.trust_text_layer, preview_dpi=settings.preview_dpi, chunk_pages=settings.chunk_pages)


def _nothing_readable(parts: tuple[Part, ...]) -> InputError:
    problem = next((part for part in parts if part.problem), None)
    reason = Reason(problem.problem) if problem is not None and problem.problem else Reason.NO_PAGES
    return InputError(SENTENCES[reason], reason=reason, detail=problem.detail if problem is not None else "")


def _note_part_problem(room: Postroom, delivery: Delivery, part: Part, error: InputError) -> None:
    with room.db.transaction() as tx:
        set_part_problem(tx, delivery.id, part.position, error.reason, error.detail)


def _open_part_problem(tx: Tx, delivery: Delivery, part: Part) -> None:
    reason = Reason(part.problem or Reason.DAMAGED)
    open_problem(tx, Problem(
        id=new_id(), tenant=delivery.tenant, subject_kind="part", subject=f"{delivery.id}/{part.position}", step="unpack",
        reason=reason, title=f"Anlage „{part.blob.name}“: {SENTENCES[reason]}", detail=part.detail,
        resolutions=("without_part",), opened_at=tx.now))
