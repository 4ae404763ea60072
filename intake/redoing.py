"""Old files once more, with a better reader, boundary or model: first what would change, then only what nobody decided.

A reading is kept beside the older one and holds from the moment it is whole. Cuts are made anew where no person touched a
file and nothing of it is filed. Proposals are made anew where a document waits and no person said anything; the engine makes
them, in the lane of old files. What differs and stays (filed, or a person decided) is told. Each file or document is one
transaction, so that a kill costs nothing and a second run finds less to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from intake import pipeline
from intake.backfile.stacking import Stack, made_of, sign_of
from intake.db import batches as lose
from intake.db import redos
from intake.db.batches import Batch
from intake.db.core import Tx
from intake.db.cuts import cut_of
from intake.db.deliveries import get_delivery, parts_of
from intake.db.documents import (
    add_document,
    check_conservation,
    documents_of,
    get_document,
    ledger,
    live_decision,
    move_document,
    proposals_of,
    set_page_states,
)
from intake.db.redos import Redo
from intake.db.signs import put_signs
from intake.db.splices import lock_delivery
from intake.db.work import waiting
from intake.errors import Refused
from intake.journal import record
from intake.pipeline import Postroom
from intake.propose import first_choice, propose
from intake.split import Cuts
from intake.vocabulary import DeliveryState, Document, DocumentState, PageState

What = Literal["read", "split", "classify"]
WHATS = {"read": "neu lesen", "split": "neu trennen", "classify": "neu vorschlagen"}
ACTOR = "service:redo"
PAUSE = 1.0
PATIENCE = 60
"""Seconds between two looks whether the running post is done, and how many looks before the next pages are read all the same."""
FIELDS = {"register": "Register", "kind": "Art", "entry": "Aktenplan", "file": "Akte", "case_title": "Vorgang",
          "subject": "Betreff", "letter_date": "Datum", "permit_date": "Genehmigung", "applicant": "Bauherr",
          "parcel": "Flurstück", "site_address": "Bauort"}
"""What is compared of the proposals, and what it is called."""
WAITING = (DocumentState.NEW, DocumentState.PROPOSED)
FILED, DECIDED = "abgelegt, bleibt", "ein Mensch hat entschieden, bleibt"
RESCANS = {"replaced": "ersetzt", "inserted": "eingefügt", "double": "ausgesondert"}


@dataclass(frozen=True, slots=True)
class Change:
    """What would change of a file (`subject` its delivery) or document; `stays` says why it does not ("" = it may)."""

    subject: str
    path: str
    before: str
    after: str
    stays: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome of a comparison: how many files or documents were looked at, and those that differ."""

    what: What
    looked: int
    changes: tuple[Change, ...]

    @property
    def open(self) -> tuple[Change, ...]:
        """What may change."""
        return tuple(one for one in self.changes if not one.stays)


def compare(room: Postroom, batch: Batch, what: What, told: Callable[[int, int], None] = lambda _done, _all: None) -> Compared:
    """Look at every file of a batch that was read; nothing is changed. `told` hears (done, all) files."""
    with room.db.read() as conn:
        items = redos.opened_items(conn, batch)
    looked, changes = 0, []
    looking = {"read": _reading, "split": _cutting, "classify": _proposing}[what]
    for done, (path, delivery) in enumerate(items, start=1):
        for change in looking(room, path, delivery):
            looked += 1
            changes += [change] if change.before != change.after else []
        told(done, len(items))
    return Compared(what, looked, tuple(changes))


def note(tx: Tx, batch: Batch, compared: Compared, changed: int | None, by: str) -> None:
    """Keep the numbers of a comparison, and, when it was `changed`, the journal entry."""
    differ, kept = len(compared.open), len(compared.changes) - len(compared.open)
    redos.add_redo(tx, batch.tenant, Redo("", batch.id, compared.what, compared.looked, differ, kept, changed, by))
    if changed is not None:
        record(tx, batch.tenant, by, "batch.redone", subjects={"batch": batch.id},
               new={"what": compared.what, "changed": changed, "kept": kept})


def carry_out(room: Postroom, batch: Batch, compared: Compared,
              told: Callable[[int, int], None] = lambda _done, _all: None) -> int:
    """Do what may be done of a comparison; how many files or documents changed. Raises Refused for a closed batch.

    A row that somebody moved meanwhile is left alone.
    """
    if batch.state == lose.CLOSED:
        raise Refused(f"Der Stapel „{batch.name}“ ist abgeschlossen und wird nicht mehr verarbeitet.")
    doing = {"read": _read, "split": _cut, "classify": _propose_again}[compared.what]
    changed = 0
    for done, change in enumerate(compared.open, start=1):
        changed += doing(room, change)
        told(done, len(compared.open))
    return changed


# ---- reading -----------------------------------------------------------------------------------------------------------


def _reading(room: Postroom, path: str, delivery: str) -> Iterator[Change]:
    with room.db.read() as conn:
        pages = sum(part.pages for part in parts_of(conn, delivery))
        rescanned = redos.rescans_in(conn, delivery)
    left = sum(len(chunk.pages) for chunk in pipeline.unread(room, delivery))
    kept = f"; {_rescanned(rescanned)}, das bleibt so" if rescanned else ""
    yield Change(delivery, path, f"{pages} Seiten", f"{left} von {pages} Seiten mit älterer Fassung gelesen{kept}" if left else
                 f"{pages} Seiten")


def _rescanned(found: Mapping[str, int]) -> str:
    """ "durch Nachscans 2 Seiten ersetzt, 1 eingefügt"."""
    said = [f"{number} {RESCANS[kind]}" for kind, number in found.items()]
    first, rest = said[0].split(" ", 1)
    return ", ".join([f"durch Nachscans {first} {'Seite' if first == '1' else 'Seiten'} {rest}", *said[1:]])


def _read(room: Postroom, change: Change) -> int:
    """Read what an older reader read; the words hold when all pages of a file are read. The running post goes first."""
    before = _texts(room, change.subject)
    if not pipeline.read_again(room, change.subject, lambda: _after_the_post(room)):
        return 0
    after = _texts(room, change.subject)
    with room.db.transaction() as tx:
        delivery = get_delivery(tx.connection, change.subject)
        live = {(ref.part, ref.number) for ref, document, _ in ledger(tx.connection, delivery.id) if document is not None}
        put_signs(tx, delivery.tenant, [
            sign_of(delivery, stack.ref(page.number), page) for stack in _stacks(room, change.subject) for page in stack.pages
            if (stack.ref(page.number).part, stack.ref(page.number).number) in live])
        redos.outdate(tx, delivery.id)
        record(tx, delivery.tenant, ACTOR, "delivery.read_again", subjects={"delivery": delivery.id},
               new={"pages": len(after), "changed": sum(before.get(place) != text for place, text in after.items())})
    return 1


def _stacks(room: Postroom, delivery: str) -> list[Stack]:
    with room.db.read() as conn:
        found, parts = get_delivery(conn, delivery), parts_of(conn, delivery)
    return [Stack(pages, tuple((part, page.number) for page in pages)) for part in parts if part.problem is None and part.pages
            for pages in (pipeline.pages_of_part(room, found.tenant, part),)]


def _texts(room: Postroom, delivery: str) -> dict[tuple[int, int], str]:
    return {(part.position, number): page.text for stack in _stacks(room, delivery)
            for page, (part, number) in zip(stack.pages, stack.places, strict=True)}


def _after_the_post(room: Postroom) -> None:
    """Wait until nothing of the running post waits for a machine; at most a minute, as nobody may be at work on it."""
    for _ in range(PATIENCE):
        with room.db.read() as conn:
            if not waiting(conn, "delivery", lane="post", limit=1) and not waiting(conn, "document", lane="post", limit=1):
                return
        time.sleep(PAUSE)


# ---- cutting -----------------------------------------------------------------------------------------------------------


def _cutting(room: Postroom, path: str, delivery_id: str) -> Iterator[Change]:
    with room.db.read() as conn:
        parts, documents = parts_of(conn, delivery_id), documents_of(conn, delivery_id)
        delivery = get_delivery(conn, delivery_id)
        cases = [cut_of(conn, one.id).case for one in documents]
        rescanned = redos.rescans_in(conn, delivery_id)
    before = [[(ref.part, ref.number) for ref in one.pages] for one in documents]
    said, stays = _pieces(before, cases), _why_cuts_stay(room, delivery_id, documents)
    if rescanned:  # its pages are no stack of paper any more: nobody can say how they would be cut
        yield Change(delivery_id, path, said, "nicht verglichen", stays)
        return
    cut = pipeline.cut_anew(room, delivery, parts)
    after = [[(ref.part, ref.number) for ref in map(stack.ref, piece.pages)] for stack, cuts in cut for piece in cuts.documents]
    outlined = [piece.cut.case for _, cuts in cut for piece in cuts.documents]
    same = before == after and cases == outlined
    yield Change(delivery_id, path, said, said if same else _pieces(after, outlined), stays)


def _pieces(found: Sequence[Sequence[tuple[int, int]]], cases: Sequence[str]) -> str:
    """ "3 Schriftstücke: Seiten 1-2, 3, 4-7 (2 Vorgänge)": pages are counted in the order of the documents."""
    ends = [f"{piece[0][1]}-{piece[-1][1]}" if len(piece) > 1 else str(piece[0][1]) for piece in found]
    shown = ", ".join(ends[:12]) + (f" und {len(ends) - 12} weitere" if len(ends) > 12 else "")
    named = len({case for case in cases if case})
    return f"{len(found)} {'Schriftstück' if len(found) == 1 else 'Schriftstücke'}: Seiten {shown}" + (
        f" ({named} {'Vorgang' if named == 1 else 'Vorgänge'})" if named else "")


def _why_cuts_stay(room: Postroom, delivery: str, documents: Sequence[Document]) -> str:
    with room.db.read() as conn:
        if rescanned := redos.rescans_in(conn, delivery):
            return f"{_rescanned(rescanned)}: bleibt, auch die alten Seiten bleiben aufbewahrt"
        if any(one.state not in WAITING for one in documents):
            return FILED if any(one.state is DocumentState.FILED for one in documents) else DECIDED
        return DECIDED if documents and redos.touched(conn, documents[0].tenant, delivery) else ""


def _cut(room: Postroom, change: Change) -> int:
    """The old documents are superseded, the new ones wait for proposals; 0 when somebody touched the file meanwhile."""
    with room.db.read() as conn:
        delivery, parts = get_delivery(conn, change.subject), parts_of(conn, change.subject)
    cut = pipeline.cut_anew(room, delivery, parts)
    with room.db.transaction() as tx:
        lock_delivery(tx, delivery.id)
        old = documents_of(tx.connection, delivery.id)
        if delivery.state is not DeliveryState.OPENED or _why_cuts_stay(room, delivery.id, old):
            return 0
        for document in old:
            move_document(tx, document, DocumentState.SUPERSEDED)
        made = made_of(delivery, cut, partial(room.access_class, delivery.tenant), several=len(parts) > 1)
        for position, (document, cause) in enumerate(made):
            add_document(tx, document, position, cause)
        for stack, cuts in cut:
            _loose(tx, delivery.id, stack, cuts)
        check_conservation(tx, delivery.id)
        record(tx, delivery.tenant, ACTOR, "delivery.cut_again", subjects={"delivery": delivery.id},
               old={"documents": [one.id for one in old]}, new={"documents": [one.id for one, _ in made]})
    return 1


def _loose(tx: Tx, delivery: str, stack: Stack, cuts: Cuts) -> None:
    for numbers, state in ((cuts.separators, PageState.SEPARATOR), (cuts.blanks, PageState.BLANK)):
        set_page_states(tx, delivery, [(ref.part, ref.number) for ref in map(stack.ref, numbers)], state)


# ---- proposing ---------------------------------------------------------------------------------------------------------


def _proposing(room: Postroom, path: str, delivery: str) -> Iterator[Change]:
    with room.db.read() as conn:
        documents = documents_of(conn, delivery)
    for document in documents:
        if document.state in (DocumentState.NEW, DocumentState.REJECTED):
            continue  # proposals are being made anyway, or nobody wants any
        with room.db.read() as conn:
            stored, decision = proposals_of(conn, document.id), live_decision(conn, document.id)
            clerk = redos.touched(conn, document.tenant, document.id)
        stays = FILED if document.state is DocumentState.FILED else DECIDED if clerk or decision is not None else ""
        found = propose(pipeline.material_of(room, document), room.knowledge(document.tenant))
        before = decision.values if decision is not None else first_choice(stored)
        after = first_choice(found)
        # a decision names the Akte by a number only we know: of what is decided, only what was decided is compared
        asked = [name for name in FIELDS if decision is None or before.get(name)]
        names = [name for name in asked if before.get(name, "") != after.get(name, "")]
        at = f"{path}, {document.id[-8:]}"
        yield Change(document.id, at, "; ".join(f"{FIELDS[name]}: {_short(before.get(name))}" for name in names),
                     "; ".join(f"{FIELDS[name]}: {_short(after.get(name))}" for name in names), stays)


def _short(value: str | None) -> str:
    plain = " ".join((value or "").split()) or "nichts"
    return plain if len(plain) <= 60 else f"{plain[:59]}…"


def _propose_again(room: Postroom, change: Change) -> int:
    """PROPOSED -> NEW: the engine proposes anew; 0 when a person touched the document meanwhile."""
    with room.db.transaction() as tx:
        document = get_document(tx.connection, change.subject)
        lock_delivery(tx, document.delivery)
        document = get_document(tx.connection, change.subject)
        if document.state is not DocumentState.PROPOSED or redos.touched(tx.connection, document.tenant, document.id):
            return 0
        moved = move_document(tx, document, DocumentState.NEW)
        record(tx, document.tenant, ACTOR, "document.propose_again",
               subjects={"delivery": document.delivery, "document": document.id}, new={"revision": moved.revision})
    return 1


def readers(room: Postroom, batch: Batch) -> list[tuple[str, int, float]]:
    """(reader, pages, CPU seconds a page) of a batch, most pages first."""
    with room.db.read() as conn:
        found = redos.readers_of(conn, batch)
    return sorted(((name, pages, seconds / pages) for name, (pages, seconds) in found.items()), key=lambda one: -one[1])
