"""What a clerk can do with pages: cut, join, rotate, reorder, put back, set aside, and take a cut or join back.

Each verb is one step in the caller's transaction: it takes its turn at the delivery, compares the document's revision
(else Stale, and everything rolls back), changes documents and ledger, proves page conservation and writes the journal.
A cut supersedes and adds NEW documents, for which the machine proposes; nothing here asks a classifier.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from intake.db.core import Tx, new_id
from intake.db.cuts import cut_of
from intake.db.deliveries import get_delivery, move_delivery
from intake.db.documents import (
    add_document,
    check_conservation,
    documents_of,
    get_document,
    ledger,
    move_document,
    proposals_of,
    put_pages,
    put_proposals,
    set_page_state,
)
from intake.db.problems import close_problems_of
from intake.db.splices import (
    Splice,
    add_splice,
    delivery_of,
    end_splice,
    last_position,
    lock_delivery,
    make_room,
    position_of,
    splices_of,
)
from intake.errors import Refused, Stale
from intake.journal import record
from intake.vocabulary import Cut, Document, DocumentState, Evidence, PageRef, PageState, Proposal, Said

OPEN = (DocumentState.NEW, DocumentState.PROPOSED, DocumentState.CLARIFY)
ORDINARY = "Poststelle"  # the access class of what nobody raised
_STANDS = {
    DocumentState.NEW: "wird gerade vorbereitet. Warten Sie einen Augenblick und laden Sie neu.",
    DocumentState.PROPOSED: "wartet schon auf die Prüfung.",
    DocumentState.CLARIFY: "liegt in der Klärung. Lösen Sie zuerst den Klärungsfall.",
    DocumentState.APPROVED: "ist freigegeben und wird abgelegt. Holen Sie es zuerst zurück.",
    DocumentState.FILED: "ist abgelegt. Machen Sie zuerst die Ablage rückgängig.",
    DocumentState.SUPERSEDED: "wurde geschnitten oder verbunden. Arbeiten Sie mit seinen Nachfolgern weiter.",
    DocumentState.REJECTED: "ist zurückgewiesen. Machen Sie das zuerst rückgängig.",
}


def actor(by: str) -> str:
    """ "kms" -> "clerk:kms"; what has a kind already ("rule:own_reference@1") stays. Raises Refused for nobody."""
    if not by.strip():
        raise Refused("Wer entscheidet? Nennen Sie Ihr Kürzel.")
    return by if ":" in by else f"clerk:{by}"


def hold(tx: Tx, document_id: str, revision: int, states: Collection[DocumentState]) -> Document:
    """The document, held until the transaction ends; Stale for another revision, Refused for a state not in `states`."""
    lock_delivery(tx, delivery_of(tx.connection, document_id))
    document = get_document(tx.connection, document_id)
    if document.revision != revision:
        raise Stale("Das Schriftstück wurde inzwischen geändert. Laden Sie es neu und entscheiden Sie noch einmal.")
    if document.state not in states:
        raise Refused(f"Das Schriftstück {document.id} {_STANDS[document.state]}")
    return document


def note(tx: Tx, by: str, action: str, document: Document, *, old: Mapping[str, object] | None = None,
         new: Mapping[str, object] | None = None, also: Mapping[str, str] | None = None) -> None:
    """The journal entry of a verb; `document` as it is now, `also` further subjects (ids by kind)."""
    record(tx, document.tenant, actor(by), action, old=old, new={**(new or {}), "revision": document.revision},
           subjects={"delivery": document.delivery, "document": document.id, **(also or {})})


def cut(tx: Tx, document_id: str, revision: int, by: str, before: Sequence[int]) -> tuple[str, ...]:
    """Cut before each of these pages (counted in the document, 2..n); ids of the new documents, in order."""
    document = hold(tx, document_id, revision, OPEN)
    count = len(document.pages)
    places = sorted(set(before))
    if not places or places[0] < 2 or places[-1] > count:
        raise Refused(f"Geschnitten wird vor einer Seite von 2 bis {count}. Wählen Sie eine davon." if count > 1
                      else "Ein Schriftstück mit einer Seite lässt sich nicht schneiden.")
    bounds = [0, *(place - 1 for place in places), count]
    made = [Document(new_id(), document.tenant, document.delivery, document.pages[start:end], document.parent,
                     access_class=document.access_class)
            for start, end in pairwise(bounds)]
    position, says = position_of(tx.connection, document.id), cut_of(tx.connection, document.id).says
    make_room(tx, document.delivery, position, len(made) - 1)
    for offset, part in enumerate(made):
        add_document(tx, part, position + offset, _by_hand(by, "von Hand geschnitten", says))
    _supersede(tx, "cut", by, [document], made)
    return tuple(part.id for part in made)


def join(tx: Tx, documents: Sequence[tuple[str, int]], by: str) -> str:
    """Join documents (id, revision) of one delivery in the order given into a new one; its id."""
    if len({id for id, _ in documents}) < max(2, len(documents)):
        raise Refused("Zum Verbinden braucht es zwei oder mehr verschiedene Schriftstücke.")
    found = [hold(tx, id, revision, OPEN) for id, revision in documents]
    first = found[0]
    if len({document.delivery for document in found}) > 1:
        raise Refused("Verbunden werden nur Schriftstücke derselben Sendung. Hängen Sie das andere als Anlage an.")
    own = {document.id for document in found}
    parents = [document.parent for document in found if document.parent not in own]
    made = Document(new_id(), first.tenant, first.delivery, tuple(ref for document in found for ref in document.pages),
                    parents[0], access_class=_strictest(found))
    add_document(tx, made, position_of(tx.connection, first.id),
                 _by_hand(by, "von Hand verbunden", cut_of(tx.connection, first.id).says))
    _supersede(tx, "join", by, found, [made])
    return made.id


def _by_hand(by: str, how: str, says: tuple[Said, ...] = ()) -> Cut:
    """A clerk's cut leaves no doubt; what a sheet said of the pages still holds."""
    return Cut(actor(by), evidence=(how,), says=says)


def _strictest(documents: Sequence[Document]) -> str:
    """The first raised access class: what one page needs, the whole needs."""
    return next((document.access_class for document in documents if document.access_class != ORDINARY), ORDINARY)


def _supersede(tx: Tx, kind: str, by: str, before: Sequence[Document], made: Sequence[Document]) -> None:
    """Old documents SUPERSEDED, their Anlagen to the first new one, the record for undo, conservation, journal."""
    for document in before:
        old = move_document(tx, document, DocumentState.SUPERSEDED)
        close_problems_of(tx, document.tenant, "document", document.id, kind)
        note(tx, by, f"document.{kind}", old, new={"made": [part.id for part in made]},
             also=_numbered(made))
    _hand_on(tx, {document.id for document in before}, made[0])
    add_splice(tx, "cut" if kind == "cut" else "join", actor(by), before, made)
    check_conservation(tx, before[0].delivery)


def _numbered(made: Sequence[Document]) -> dict[str, str]:
    return {f"made_{number}": part.id for number, part in enumerate(made, start=1)}


def _hand_on(tx: Tx, parents: set[str], to: Document) -> None:
    """Anlagen of `parents` become Anlagen of `to` (or of its own main document: Anlagen have none themselves)."""
    for document in documents_of(tx.connection, to.delivery):
        if document.parent in parents and document.id != to.id:
            move_document(tx, document, document.state, parent=to.parent or to.id)


def undo_splice(tx: Tx, document: Document, by: str) -> None:
    """Take back the cut or join that made `document`, or by which it was superseded. The successors must be untouched.

    Raises Refused when there is none, or when somebody worked on a successor since (what he did would be lost).
    """
    role = "before" if document.state is DocumentState.SUPERSEDED else "after"
    splice = next((splice for splice in reversed(splices_of(tx.connection, document.delivery))
                   if not splice.undone and document.id in {part.id for part in getattr(splice, role)}), None)
    if splice is None:
        raise Refused("Hier gibt es nichts rückgängig zu machen.")
    made = [get_document(tx.connection, part.id) for part in splice.after]
    for now, then in zip(made, splice.after, strict=True):
        _refuse_touched(tx, now, then)
    for part in made:
        move_document(tx, part, DocumentState.SUPERSEDED)
    restored = [_restore(tx, then, splice, made[0].parent) for then in splice.before]
    main = next((part for part in restored if part.parent is None), restored[0])
    _hand_on(tx, {part.id for part in made}, main)
    end_splice(tx, splice.id)
    check_conservation(tx, document.delivery)
    for part in restored:
        note(tx, by, f"document.undo_{splice.kind}", part, also=_numbered(made))


def _refuse_touched(tx: Tx, now: Document, then: Document) -> None:
    moved = now.parent != then.parent and not (then.parent and _is_gone(tx, then.parent))
    said = any(evidence.by.startswith("clerk:") for proposal in proposals_of(tx.connection, now.id)
               for evidence in proposal.evidence)
    if now.state not in (DocumentState.NEW, DocumentState.PROPOSED) or now.pages != then.pages or moved or said:
        raise Refused(f"Am Nachfolger {now.id} wurde schon gearbeitet. Machen Sie zuerst das rückgängig.")


def _is_gone(tx: Tx, document_id: str) -> bool:
    return get_document(tx.connection, document_id).state in (DocumentState.SUPERSEDED, DocumentState.REJECTED)


def _restore(tx: Tx, then: Document, splice: Splice, inherited: str | None) -> Document:
    """A superseded document live again, with its pages and place; NEW when the machine never proposed for it."""
    parent = then.parent
    if parent is not None and parent not in {part.id for part in splice.before} and _is_gone(tx, parent):
        parent = inherited
    proposed = bool(proposals_of(tx.connection, then.id))
    state = DocumentState.NEW if then.state is DocumentState.NEW or not proposed else DocumentState.PROPOSED
    live = move_document(tx, get_document(tx.connection, then.id), state, parent=parent)
    put_pages(tx, live, then.pages)
    return replace(live, pages=then.pages)


def rotate(tx: Tx, document_id: str, revision: int, by: str, page: int, degrees: int) -> int:
    """Turn a page (counted in the document from 1) clockwise by a multiple of 90 degrees; the new revision."""
    document = hold(tx, document_id, revision, OPEN)
    _check_page(document, page)
    if degrees % 90:
        raise Refused("Gedreht wird um 90, 180 oder 270 Grad.")
    refs = [replace(ref, rotation=(ref.rotation + degrees) % 360) if number == page else ref
            for number, ref in enumerate(document.pages, start=1)]
    put_pages(tx, document, refs)
    return _same_state(tx, document, by, "document.rotated", {"page": page, "degrees": degrees})


def reorder(tx: Tx, document_id: str, revision: int, by: str, order: Sequence[int]) -> int:
    """Put the pages in another order (each old number 1..n once); the new revision. Evidence follows its page."""
    document = hold(tx, document_id, revision, OPEN)
    if sorted(order) != list(range(1, len(document.pages) + 1)):
        raise Refused(f"Nennen Sie jede Seite von 1 bis {len(document.pages)} genau einmal, in der neuen Reihenfolge.")
    put_pages(tx, document, [document.pages[number - 1] for number in order])
    renumber_evidence(tx, document, {old: new for new, old in enumerate(order, start=1)})
    return _same_state(tx, document, by, "document.reordered", {"order": list(order)})


def put_back_page(tx: Tx, document_id: str, revision: int, by: str, part: int, number: int) -> int:
    """Put a page that was taken for blank or a separator back into a document, at its place; the new revision."""
    document = hold(tx, document_id, revision, OPEN)
    ref = _loose_page(tx, document.delivery, part, number)
    at = next((index for index, own in enumerate(document.pages) if (own.part, own.number) > (part, number)),
              len(document.pages))
    put_pages(tx, document, [*document.pages[:at], ref, *document.pages[at:]])
    renumber_evidence(tx, document, {old: old + (old > at) for old in range(1, len(document.pages) + 1)})
    return _same_state(tx, document, by, "document.page_put_back", {"part": part, "number": number})


def page_as_document(tx: Tx, delivery_id: str, revision: int, by: str, part: int, number: int) -> str:
    """Make a page that was taken for blank or a separator a document of its own; its id. `revision` is the delivery's."""
    lock_delivery(tx, delivery_id)
    delivery = get_delivery(tx.connection, delivery_id)
    if delivery.revision != revision:
        raise Stale("Die Sendung wurde inzwischen geändert. Laden Sie sie neu und entscheiden Sie noch einmal.")
    ref = _loose_page(tx, delivery_id, part, number)
    made = Document(new_id(), delivery.tenant, delivery.id, (ref,), access_class=delivery.access_class)
    add_document(tx, made, last_position(tx.connection, delivery.id) + 1, _by_hand(by, "von Hand aus dem Stapel genommen"))
    move_delivery(tx, delivery, delivery.state)
    check_conservation(tx, delivery.id)
    note(tx, by, "document.page_put_back", made, new={"part": part, "number": number})
    return made.id


def set_aside(tx: Tx, document_id: str, revision: int, by: str, page: int, state: PageState) -> int:
    """Take a page out of a document as blank or as a separator (it stays viewable); the new revision."""
    document = hold(tx, document_id, revision, OPEN)
    _check_page(document, page)
    if len(document.pages) == 1 or state not in (PageState.BLANK, PageState.SEPARATOR):
        raise Refused("Die letzte Seite bleibt im Schriftstück. Weisen Sie das Schriftstück zurück.")
    gone = document.pages[page - 1]
    set_page_state(tx, document.delivery, gone.part, gone.number, state)
    put_pages(tx, document, [*document.pages[:page - 1], *document.pages[page:]])
    renumber_evidence(tx, document, {old: 0 if old == page else old - (old > page)
                                      for old in range(1, len(document.pages) + 1)})
    return _same_state(tx, document, by, "document.page_set_aside", {"page": page, "state": state.value})


def _check_page(document: Document, page: int) -> None:
    if not 1 <= page <= len(document.pages):
        raise Refused(f"Das Schriftstück hat die Seiten 1 bis {len(document.pages)}; eine Seite {page} gibt es nicht.")


def _loose_page(tx: Tx, delivery: str, part: int, number: int) -> PageRef:
    found = next((ref for ref, _, _ in ledger(tx.connection, delivery) if (ref.part, ref.number) == (part, number)), None)
    if found is None or found.state is PageState.LIVE:
        raise Refused(f"Seite {number} (Teil {part}) ist keine Leer- oder Trennseite dieser Sendung. Laden Sie sie neu.")
    return replace(found, state=PageState.LIVE)


def _same_state(tx: Tx, document: Document, by: str, action: str, new: Mapping[str, object]) -> int:
    """One more revision in the same state, conservation, journal."""
    moved = move_document(tx, document, document.state)
    check_conservation(tx, document.delivery)
    note(tx, by, action, moved, old={"pages": [[ref.part, ref.number, ref.rotation] for ref in document.pages]}, new=new)
    return moved.revision


def renumber_evidence(tx: Tx, document: Document, pages: Mapping[int, int]) -> None:
    """Evidence keeps pointing at its page; of a page that is gone (0) the place is dropped, the text stays."""
    def follow(evidence: Evidence) -> Evidence:
        page = pages.get(evidence.page, 0)
        return replace(evidence, page=page, box=evidence.box if page else None)

    found: list[Proposal] = [replace(proposal, evidence=tuple(follow(evidence) for evidence in proposal.evidence))
                             for proposal in proposals_of(tx.connection, document.id)]
    put_proposals(tx, document.id, document.tenant, found)
