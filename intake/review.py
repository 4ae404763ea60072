"""What a clerk can do: approve, correct, cut, join, rotate, reorder, attach, put back, clarify, resolve, reject, undo.

Every verb is one step in the caller's transaction (`with db.transaction() as tx:`) and takes the revision the clerk has
seen: Stale when somebody was faster (the exception rolls everything back), Refused with a German sentence when the thing
cannot be done. The journal is written in the same transaction. `by` is a clerk's name ("kms") or a full actor ("rule:…").
The desk, the command line and the pipeline call exactly these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from intake.db.access import hidden_files, seen_proposals
from intake.db.core import Tx, new_id
from intake.db.deliveries import get_delivery, move_delivery, reset_guilt
from intake.db.documents import (
    add_decision,
    documents_of,
    end_decision,
    get_document,
    live_decision,
    move_document,
    proposals_of,
    put_proposals,
)
from intake.db.filings import undo_filing
from intake.db.forecasts import PLACE, blind, judge, unjudge
from intake.db.handovers import leave_out, tell_again
from intake.db.problems import close_problem, close_problems_of, get_problem, open_problem
from intake.db.splices import lock_delivery
from intake.errors import Refused, Stale
from intake.filing import WITH, no_such_file, place_of
from intake.journal import record
from intake.propose import first_choice
from intake.sheets import (
    OPEN,
    actor,
    cut,
    hold,
    join,
    note,
    page_as_document,
    put_back_page,
    reorder,
    rotate,
    set_aside,
    undo_splice,
)
from intake.vocabulary import Box, Decision, Delivery, DeliveryState, Document, DocumentState, Evidence, Problem, Proposal, Viewer

__all__ = [
    "RESOLUTIONS", "approve", "attach", "clarify", "correct", "cut", "join", "page_as_document", "process_anyway", "put_back",
    "put_back_page", "reject", "reject_delivery", "reorder", "resolve", "rotate", "set_aside", "undo",
]

RESOLUTIONS: Mapping[str, str] = {
    "retry": "Erneut versuchen",
    "without_part": "Ohne diese Anlage weiter",
    "process_anyway": "Trotzdem bearbeiten",
    "close": "Geklärt, zurück zur Prüfung",
    "hand_over_again": "Erneut übergeben",
    "without_target": "Im Zielsystem von Hand erledigt",
    "reject": "Zurückweisen",
}
HANDOVER = "handover/"
"""Step of a Klärungsfall about a system to which filings are handed over, its name behind it."""
DECIDABLE = (DocumentState.PROPOSED, DocumentState.CLARIFY)
LONGEST_VALUE = 2000


def approve(tx: Tx, document_id: str, revision: int, by: str, values: Mapping[str, str] | None = None, *,
            viewer: Viewer | None = None) -> int:
    """Decide: the best proposal of each field, overruled by `values` ("" removes a field); -> APPROVED, the new revision.

    Needs an `entry` (id or Kennzeichen) or a `file` (id or Aktenzeichen); an Anlage whose clerk names neither shares the
    Akte of its main document. An Akte that does not exist for `viewer` is neither taken over from the machine nor known by
    name (None: the machine itself, the operator). A field `…_date` may be German. Raises Stale, and Refused for what is
    missing, unknown or contradictory.
    """
    document = hold(tx, document_id, revision, DECIDABLE)
    said = {field: _clean(field, value) for field, value in (values or {}).items()}
    hidden = bool(blind(tx.connection, [document.id]))
    proposed = proposals_of(tx.connection, document.id)
    if viewer is not None:
        proposed = seen_proposals(tx.connection, viewer, proposed)
        if hidden_files(tx.connection, viewer, [said.get("file", "")]):
            raise Refused(no_such_file(said["file"]))
    best = first_choice(proposal for proposal in proposed
                        if proposal.field not in PLACE or not hidden or proposal.evidence[0].by.startswith("clerk:"))
    if hidden and not any(values.get(field) for values in (best, said) for field in ("entry", "file")):
        raise Refused("Stichprobe: bitte ohne Vorschlag entscheiden. Nennen Sie den Aktenplaneintrag oder die Akte selbst.")
    settled = {field: value for field, value in _settle(tx, document, best, said).items() if value}
    approved = move_document(tx, document, DocumentState.APPROVED)
    add_decision(tx, document.tenant, Decision(document.id, settled, actor(by), tx.now, approved.revision))
    if WITH not in settled:
        judge(tx, document.id, settled)
    close_problems_of(tx, document.tenant, "document", document.id, "approved")
    note(tx, by, "document.approved", approved, old=best, new=settled)
    return approved.revision


def _clean(field: str, value: str) -> str:
    """A value as typed, in one line; a day (field `…_date`) also in German, kept as ISO."""
    plain = " ".join(value.split())
    if len(plain) > LONGEST_VALUE:
        raise Refused(f"Der Wert von „{field}“ ist länger als {LONGEST_VALUE} Zeichen. Kürzen Sie ihn.")
    if not field.endswith("_date") or not plain:
        return plain
    german = re.fullmatch(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})", plain)
    try:
        day = date(*(int(german[number]) for number in (3, 2, 1))) if german else date.fromisoformat(plain)
    except ValueError:
        raise Refused(f"„{plain}“ ist kein Datum. Schreiben Sie es als 18.11.2025 oder 2025-11-18.") from None
    return day.isoformat()


def _settle(tx: Tx, document: Document, best: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """The values of the decision, its place checked and named by ids.

    Where the machine's entry and file contradict each other the Akte is believed; whatever the clerk names displaces
    what the machine proposed for the place.
    """
    named = {field for field in ("entry", "file") if said.get(field)}
    if document.parent and not named:
        _main_is_decided(tx, document.parent)
        return {field: value for field, value in {**best, **said, WITH: document.parent}.items()
                if field not in ("entry", "file", "case")}
    values = {**best, **said}
    if named:
        values |= {field: said.get(field, "") for field in ("entry", "file", "case")}
    elif values.get("file"):
        values["entry"] = said.get("entry", "")
    place = place_of(tx.connection, document.tenant, values, tx.now.astimezone().date())
    return values | {"entry": place.entry.id, "file": place.file.id if place.file else "",
                     "case": place.case.id if place.case else ""}


def _main_is_decided(tx: Tx, parent: str) -> None:
    if get_document(tx.connection, parent).state not in (DocumentState.APPROVED, DocumentState.FILED):
        raise Refused("Diese Anlage folgt ihrem Hauptschriftstück, und das ist noch nicht freigegeben. Geben Sie zuerst das "
                      "Hauptschriftstück frei, oder wählen Sie für die Anlage selbst Aktenplaneintrag oder Akte.")


def correct(tx: Tx, document_id: str, revision: int, by: str, field: str, value: str, page: int = 0,
            box: Box | None = None) -> int:
    """Say what is right: a proposal of the clerk's, before all others of the field ("" says: there is none). New revision.

    `page` counts the document's pages from 1 (0: not read from a page), `box` is the place on it. The proposals of the
    machine stay behind it. Raises Stale and Refused.
    """
    document = hold(tx, document_id, revision, DECIDABLE)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", field) or not 0 <= page <= len(document.pages):
        raise Refused(f"Das Feld „{field}“ oder die Seite {page} gibt es nicht. Prüfen Sie die Eingabe.")
    if field in ("entry", "file") and value.strip():
        place_of(tx.connection, document.tenant, {field: value}, tx.now.astimezone().date())
    plain = _clean(field, value)
    own = Proposal(field, plain, 1.0, (Evidence(actor(by), page, box if page else None, plain),))
    others = [proposal for proposal in proposals_of(tx.connection, document.id)
              if proposal.field != field or not proposal.evidence[0].by.startswith("clerk:")]
    before = next((proposal.value for proposal in others if proposal.field == field), None)
    put_proposals(tx, document.id, document.tenant, [own, *others])
    moved = move_document(tx, document, document.state)
    note(tx, by, "document.corrected", moved, old={field: before}, new={field: plain})
    return moved.revision


def attach(tx: Tx, document_id: str, revision: int, by: str, parent_id: str | None) -> int:
    """Make a document an Anlage of another of its delivery, or (None) a document of its own again; the new revision."""
    document = hold(tx, document_id, revision, OPEN)
    if parent_id is not None:
        parent = get_document(tx.connection, parent_id)
        if parent.delivery != document.delivery or parent.id == document.id or parent.state in (
                DocumentState.SUPERSEDED, DocumentState.REJECTED):
            raise Refused("Eine Anlage gehört zu einem anderen, gültigen Schriftstück derselben Sendung. Wählen Sie eines.")
        if parent.parent is not None or _attached(tx, document):
            raise Refused("Anlagen haben keine eigenen Anlagen. Hängen Sie alles an das Hauptschriftstück.")
    moved = move_document(tx, document, document.state, parent=parent_id)
    note(tx, by, "document.attached", moved, old={"parent": document.parent}, new={"parent": parent_id})
    return moved.revision


def _attached(tx: Tx, document: Document) -> list[Document]:
    return [other for other in documents_of(tx.connection, document.delivery) if other.parent == document.id]


def put_back(tx: Tx, document_id: str, revision: int, by: str) -> int:
    """APPROVED -> PROPOSED before it is filed, with the Anlagen that were approved to share its Akte; the new revision."""
    document = hold(tx, document_id, revision, (DocumentState.APPROVED,))
    return _reopen(tx, document, by, "document.put_back").revision


def _reopen(tx: Tx, document: Document, by: str, action: str) -> Document:
    """APPROVED or FILED -> PROPOSED: the decision is no longer live, a filing is marked undone, Anlagen come along."""
    end_decision(tx, document.id)
    unjudge(tx, document.id)
    key = undo_filing(tx, document.id) if document.state is DocumentState.FILED else None
    moved = move_document(tx, document, DocumentState.PROPOSED)
    note(tx, by, action, moved, old={"state": document.state.value}, also={"filing": key} if key else None)
    for other in _attached(tx, document):
        decision = live_decision(tx.connection, other.id)
        if decision is not None and decision.values.get(WITH) == document.id and other.state in (
                DocumentState.APPROVED, DocumentState.FILED):
            _reopen(tx, other, by, action)
    return moved


def clarify(tx: Tx, document_id: str, revision: int, by: str, note_text: str) -> str:
    """Somebody has to find something out first: PROPOSED -> CLARIFY with the clerk's question; the id of the problem."""
    document = hold(tx, document_id, revision, (DocumentState.PROPOSED,))
    question = note_text.strip()
    if not question:
        raise Refused("Schreiben Sie in einem Satz, was zu klären ist.")
    moved = move_document(tx, document, DocumentState.CLARIFY)
    problem = open_problem(tx, Problem(
        new_id(), document.tenant, "document", document.id, "review", "question", f"Zu klären: {question[:200]}",
        question if len(question) > 200 else "", ("close", "reject"), tx.now))
    note(tx, by, "document.clarify", moved, new={"question": question}, also={"problem": problem})
    return problem


def resolve(tx: Tx, problem_id: str, by: str, how: str, note_text: str = "") -> None:
    """Resolve a Klärungsfall in one of its own ways; what it is about moves on (`RESOLUTIONS` names the ways in German).

    retry: waits for the machine again, its guilt forgotten. close: a document back to the review. reject: REJECTED.
    process_anyway: a TWIN is processed. without_part: the delivery goes on without the part. Raises Stale when the
    problem is closed already, Refused for a way that it does not offer.
    """
    problem = get_problem(tx.connection, problem_id)
    if how not in problem.resolutions:
        ways = ", ".join(f"{way} ({RESOLUTIONS.get(way, way)})" for way in problem.resolutions)
        raise Refused(f"So lässt sich dieser Klärungsfall nicht lösen. Möglich ist: {ways}.")
    if problem.step.startswith(HANDOVER):
        _resolve_handover(tx, problem, by, how)
        return
    if problem.subject_kind == "document":
        delivery = get_document(tx.connection, problem.subject).delivery
        lock_delivery(tx, delivery)
        _resolve_document(tx, get_document(tx.connection, problem.subject), by, how)
    elif problem.subject_kind == "delivery":
        lock_delivery(tx, problem.subject)
        _resolve_delivery(tx, get_delivery(tx.connection, problem.subject), by, how)
    close_problem(tx, problem.id, how)
    if problem.subject_kind in ("document", "delivery"):
        close_problems_of(tx, problem.tenant, problem.subject_kind, problem.subject, how)
    subjects = {"problem": problem.id}
    if problem.subject_kind != "source":
        subjects[problem.subject_kind] = problem.subject
    record(tx, problem.tenant, actor(by), "problem.resolved", subjects=subjects, new={"how": how, "note": note_text})


def _resolve_handover(tx: Tx, problem: Problem, by: str, how: str) -> None:
    """Another system refused a filing or never answered; the document itself stays where it is."""
    settle = tell_again if how == "hand_over_again" else leave_out
    settle(tx, problem.subject, problem.step.removeprefix(HANDOVER))
    close_problem(tx, problem.id, how)
    record(tx, problem.tenant, actor(by), "problem.resolved", subjects={"problem": problem.id, "document": problem.subject},
           new={"how": how})


def _resolve_document(tx: Tx, document: Document, by: str, how: str) -> None:
    """Only what waits in CLARIFY moves; a problem that outlived it (somebody approved meanwhile) is just closed."""
    if document.state is not DocumentState.CLARIFY:
        return
    decision = live_decision(tx.connection, document.id)
    if how == "reject":
        _reject(tx, document, by)
    elif how == "retry":
        reset_guilt(tx, "document", document.id)
        state = DocumentState.APPROVED if decision else DocumentState.NEW
        note(tx, by, "document.retried", move_document(tx, document, state))
    else:
        end_decision(tx, document.id)
        state = DocumentState.PROPOSED if proposals_of(tx.connection, document.id) else DocumentState.NEW
        note(tx, by, "document.clarified", move_document(tx, document, state))


def _resolve_delivery(tx: Tx, delivery: Delivery, by: str, how: str) -> None:
    if how == "process_anyway" and delivery.state is DeliveryState.TWIN:
        _move_delivery(tx, delivery, DeliveryState.RECEIVED, by, "delivery.process_anyway")
    elif delivery.state not in (DeliveryState.CLARIFY, DeliveryState.QUARANTINED):
        return
    elif how == "reject":
        _move_delivery(tx, delivery, DeliveryState.REJECTED, by, "delivery.rejected")
    elif how == "retry":
        reset_guilt(tx, "delivery", delivery.id)
        _move_delivery(tx, delivery, DeliveryState.RECEIVED, by, "delivery.retried")


def _move_delivery(tx: Tx, delivery: Delivery, to: DeliveryState, by: str, action: str) -> int:
    moved = move_delivery(tx, delivery, to)
    record(tx, delivery.tenant, actor(by), action, subjects={"delivery": delivery.id}, old={"state": delivery.state.value},
           new={"state": to.value, "revision": moved.revision})
    return moved.revision


def _hold_delivery(tx: Tx, delivery_id: str, revision: int, states: tuple[DeliveryState, ...]) -> Delivery:
    lock_delivery(tx, delivery_id)
    delivery = get_delivery(tx.connection, delivery_id)
    if delivery.revision != revision:
        raise Stale("Die Sendung wurde inzwischen geändert. Laden Sie sie neu und entscheiden Sie noch einmal.")
    if delivery.state not in states:
        raise Refused(f"Mit dieser Sendung geht das nicht (Stand {delivery.state.value}). Laden Sie die Liste neu.")
    return delivery


def process_anyway(tx: Tx, delivery_id: str, revision: int, by: str) -> int:
    """„Trotzdem bearbeiten“: TWIN -> RECEIVED; it keeps its own receipt time and the mark of its twin. New revision."""
    delivery = _hold_delivery(tx, delivery_id, revision, (DeliveryState.TWIN,))
    close_problems_of(tx, delivery.tenant, "delivery", delivery.id, "process_anyway")
    return _move_delivery(tx, delivery, DeliveryState.RECEIVED, by, "delivery.process_anyway")


def reject_delivery(tx: Tx, delivery_id: str, revision: int, by: str) -> int:
    """CLARIFY, QUARANTINED or TWIN -> REJECTED: the original stays, nothing is read. The new revision."""
    delivery = _hold_delivery(tx, delivery_id, revision, (DeliveryState.CLARIFY, DeliveryState.QUARANTINED, DeliveryState.TWIN))
    close_problems_of(tx, delivery.tenant, "delivery", delivery.id, "reject")
    return _move_delivery(tx, delivery, DeliveryState.REJECTED, by, "delivery.rejected")


def reject(tx: Tx, document_id: str, revision: int, by: str, why: str = "") -> int:
    """Irrläufer, Werbung: -> REJECTED; its pages stay its own and viewable, its Anlagen stand alone. New revision.

    `why` (where it goes back to, what it is) stays in the journal.
    """
    document = hold(tx, document_id, revision, OPEN)
    close_problems_of(tx, document.tenant, "document", document.id, "reject")
    return _reject(tx, document, by, why).revision


def _reject(tx: Tx, document: Document, by: str, why: str = "") -> Document:
    end_decision(tx, document.id)
    moved = move_document(tx, document, DocumentState.REJECTED)
    for other in _attached(tx, document):
        move_document(tx, other, other.state, parent=None)
    note(tx, by, "document.rejected", moved, old={"state": document.state.value},
         new={"why": " ".join(why.split())[:LONGEST_VALUE]} if why.strip() else None)
    return moved


def undo(tx: Tx, document_id: str, revision: int, by: str) -> int:
    """Take the last decision back: FILED, APPROVED, REJECTED -> PROPOSED; a cut or join whose successors are untouched.

    Of a cut or join either side may be named. The filing is marked undone, its Akte and number stay, and the stores take
    the copy out soon after. Returns the revision of this document. Raises Stale; Refused when there is nothing to undo.
    """
    document = hold(tx, document_id, revision, tuple(DocumentState))
    if document.state in (DocumentState.FILED, DocumentState.APPROVED):
        return _reopen(tx, document, by, "document.undone").revision
    if document.state is DocumentState.REJECTED:
        state = DocumentState.PROPOSED if proposals_of(tx.connection, document.id) else DocumentState.NEW
        parent = get_document(tx.connection, document.parent) if document.parent else None
        if parent and (parent.parent or parent.state in (DocumentState.SUPERSEDED, DocumentState.REJECTED)):
            parent = None  # no longer a main document
        moved = move_document(tx, document, state, parent=parent.id if parent else None)
        note(tx, by, "document.undone", moved, old={"state": document.state.value})
        return moved.revision
    undo_splice(tx, document, by)
    return get_document(tx.connection, document.id).revision
