"""Hand-over to other systems: what the outbox says is due is told, its answer noted, and a refusal becomes a Klärungsfall.

Nothing is lost or told twice: the row is claimed before the target is asked, the target knows by its own memory what it was
told (`stores.spool`), and the row is finished only when the filing is still as it was told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from intake.blobs import Blobs
from intake.config import Settings
from intake.db import handovers
from intake.db.core import Database, new_id, utcnow
from intake.db.filings import get_filing, is_undone
from intake.db.handovers import Due, Terms
from intake.db.problems import close_step, open_problem
from intake.errors import Awaiting, ConfigError, InputError, Reason, Refused, ServiceError
from intake.journal import record
from intake.protocols import Target
from intake.vocabulary import Filing, Problem, Receipt

log = logging.getLogger(__name__)

STEP = "handover/"
"""Step of a Klärungsfall of this room: with the name of the target behind it."""
AGAIN, WITHOUT = "hand_over_again", "without_target"
SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
ANSWER_WAIT, LATER_ANSWER_WAIT, PATIENT = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
AT_ONCE, SECONDS = 200, 5.0
Targets = Callable[[str], tuple[Target, ...]]


def terms(settings: Settings, tenant: str) -> dict[str, Terms]:
    """When each system of the tenant is told of what, by its name."""
    return {one.name: Terms(timedelta(minutes=one.delay_minutes), one.classes) for one in settings.for_tenant(tenant).handover}


def tell_due(db: Database, settings: Settings, targets: Targets, blobs: Callable[[str], Blobs],
             now: Callable[[], datetime] = utcnow) -> int:
    """Tell what is due, for about five seconds at most; returns how many are finished.

    A system that does not answer is not asked again in this turn.
    """
    known = {(tenant.name, target.name): target for tenant in settings.tenant if tenant.handover
             for target in targets(tenant.name)}
    with db.read() as conn:
        rows = handovers.due(conn, now(), AT_ONCE, known.keys())
    away: set[tuple[str, str]] = set()
    finished, end = 0, time.monotonic() + SECONDS
    for one in rows:
        whose = (one.tenant, one.target)
        if whose in away or time.monotonic() > end:
            continue
        with db.transaction() as tx:
            ours = handovers.claim(tx, one, now())
        if ours:
            try:
                finished += _tell(db, known[whose], blobs(one.tenant), one)
            except Awaiting as error:
                _await(db, settings, one, error, now())
            except (ServiceError, ConfigError) as error:
                away.add(whose)
                _later(db, one, now(), str(error))
            except (Refused, InputError) as error:
                _refused(db, one, str(error))
    return finished


def _tell(db: Database, target: Target, blobs: Blobs, one: Due) -> bool:
    """Tell the target how the filing stands now; False when it changed meanwhile."""
    with db.read() as conn:
        filing, undone = get_filing(conn, one.filing), is_undone(conn, one.filing)
        had = handovers.known_to(conn, one.filing, one.target)
    if one.again:
        target.retry(filing)
        with db.transaction() as tx:
            handovers.note_retry_done(tx, one)
    receipt = None
    if undone:
        target.withdraw(filing)
    else:
        receipt = target.file(filing, blobs.open)
    with db.transaction() as tx:
        same = handovers.note_told(tx, one, filing, "" if undone else handovers.place_of(filing), receipt)
        action = "filing.recalled" if undone else "filing.corrected" if had else "filing.handed_over"
        close_step(tx, one.tenant, filing.document, STEP + one.target, "settled")
        record(tx, one.tenant, f"store:{one.target}", action, subjects=_subjects(filing, one), new=_new(receipt))
    return same


def _subjects(filing: Filing, one: Due) -> Mapping[str, str]:
    return {"document": filing.document, "filing": one.filing}


def _new(receipt: Receipt | None) -> Mapping[str, str]:
    return {"reference": receipt.reference} if receipt else {}


def _later(db: Database, one: Due, now: datetime, why: str) -> None:
    log.warning("not handed over", extra={"filing": one.filing, "target": one.target})
    with db.transaction() as tx:
        handovers.note_later(tx, one, now + min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(one.failures, 12)), why, failed=True)


def _await(db: Database, settings: Settings, one: Due, error: Awaiting, now: datetime) -> None:
    """Look again soon, later less often; after the hours that were set a person should ask there."""
    waited = now - error.since
    wait = ANSWER_WAIT if waited < PATIENT else LATER_ANSWER_WAIT
    said = next((item for item in settings.for_tenant(one.tenant).handover if item.name == one.target), None)
    with db.transaction() as tx:
        handovers.note_later(tx, one, now + wait, str(error), failed=False)
        if said is not None and waited > timedelta(hours=said.answer_hours):
            document = get_filing(tx.connection, one.filing).document
            open_problem(tx, Problem(
                new_id(), one.tenant, "document", document, STEP + one.target, Reason.INCOMPLETE,
                f"{one.target} hat seit {said.answer_hours:g} Stunden nicht bestätigt, dass das Schriftstück angekommen ist. "
                "Fragen Sie dort nach; kommt die Rückmeldung, schließt sich dieser Fall von selbst.", "", (WITHOUT,), tx.now))


def _refused(db: Database, one: Due, sentence: str) -> None:
    """The other system says no: shown to a person with its sentence."""
    with db.transaction() as tx:
        filing, undone = get_filing(tx.connection, one.filing), is_undone(tx.connection, one.filing)
        handovers.note_refused(tx, one, "" if undone else handovers.place_of(filing), sentence)
        problem = open_problem(tx, Problem(
            new_id(), one.tenant, "document", filing.document, STEP + one.target, Reason.REFUSED, sentence, "",
            (AGAIN, WITHOUT), tx.now))
        record(tx, one.tenant, f"store:{one.target}", "handover.refused", subjects={**_subjects(filing, one), "problem": problem},
               new={"why": sentence})
