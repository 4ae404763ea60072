"""What an error in a step means for its row: it waits again with back-off, or a person must act, with the reason why.

Guilt is the *box's* death on an original (signal, limit, time), counted in the row; the worker's own death is nobody's.
"""

from __future__ import annotations

from datetime import timedelta

from intake.box.sentences import QUARANTINED, SENTENCES
from intake.config import EngineSettings
from intake.db import deliveries as sendungen
from intake.db import documents as schriftstuecke
from intake.db.core import Database, Tx, new_id
from intake.db.deliveries import Kind
from intake.db.problems import open_problem
from intake.db.work import bookkeeping
from intake.errors import BoxDied, InputError, PoststelleError, Reason, Refused, Stale
from intake.journal import record
from intake.vocabulary import DeliveryState, DocumentState, Problem

ACTOR = "service:pipeline"
WAYS_OUT: dict[Kind, tuple[str, ...]] = {"delivery": ("retry", "reject"), "document": ("retry", "close", "reject")}
"""How a person may resolve what a step could not do (`review.RESOLUTIONS`); "close" leads a document back to the review."""


class StepFailed(PoststelleError):
    """A bug of ours in one row: tried again a few times, then shown to a person; the log has the whole trace."""

    def __init__(self, step: str, bug: Exception) -> None:
        super().__init__("Bei der Verarbeitung ist ein Programmfehler aufgetreten; das Original ist sicher aufbewahrt. "
                         "Wählen Sie „erneut lesen“, und melden Sie es dem Betrieb, wenn es wieder geschieht.")
        self.detail = f"{step}: {type(bug).__name__}"


def settle(db: Database, limits: EngineSettings, kind: Kind, row_id: str, step: str, error: PoststelleError) -> str:
    """Write down what an error means for the row and return it as a word: "stale", "retry" or "clarify"."""
    if isinstance(error, Stale):
        return "stale"
    with db.transaction() as tx:
        died = isinstance(error, BoxDied)
        deaths = sendungen.note_death(tx, kind, row_id) if died else 0
        _, _, attempt = bookkeeping(tx.connection, kind, [row_id])[row_id]
        reason = _reason_for_a_person(error, deaths, attempt, limits.max_deaths)
        if reason is not None:
            _to_clarify(tx, kind, row_id, step, error, reason)
            return "clarify"
        wait = 1 if died else min(3600, limits.retry_seconds * 2 ** min(attempt, 12))
        sendungen.note_retry(tx, kind, row_id, tx.now + timedelta(seconds=wait))
    return "retry"


def _reason_for_a_person(error: PoststelleError, deaths: int, attempt: int, limit: int) -> Reason | None:
    """Why trying again would not help; None when it may."""
    if isinstance(error, Refused):  # the place is gone or closed meanwhile: a person decides again
        return Reason.REFUSED
    if isinstance(error, InputError):
        return error.reason
    if isinstance(error, BoxDied):
        return error.reason if deaths >= limit else None
    return Reason.CRASHED if isinstance(error, StepFailed) and attempt >= limit else None


def _to_clarify(tx: Tx, kind: Kind, row_id: str, step: str, error: PoststelleError, reason: Reason) -> None:
    if kind == "delivery":
        delivery = sendungen.get_delivery(tx.connection, row_id)
        if delivery.state is not DeliveryState.RECEIVED:
            return
        tenant, subjects = delivery.tenant, {"delivery": row_id}
        sendungen.move_delivery(tx, delivery, DeliveryState.QUARANTINED if reason in QUARANTINED else DeliveryState.CLARIFY)
    else:
        document = schriftstuecke.get_document(tx.connection, row_id)
        if document.state not in (DocumentState.NEW, DocumentState.APPROVED):
            return
        tenant, subjects = document.tenant, {"delivery": document.delivery, "document": row_id}
        schriftstuecke.move_document(tx, document, DocumentState.CLARIFY)
    problem = Problem(
        id=new_id(), tenant=tenant, subject_kind="delivery" if kind == "delivery" else "document", subject=row_id, step=step,
        reason=reason, title=SENTENCES[reason] if isinstance(error, BoxDied) else str(error),
        detail=getattr(error, "detail", ""), resolutions=WAYS_OUT[kind], opened_at=tx.now)
    open_problem(tx, problem)
    record(tx, tenant, ACTOR, f"{kind}.clarify", subjects=subjects | {"problem": problem.id},
           new={"reason": reason, "step": step})
