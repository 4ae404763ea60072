"""Klärung: what a machine cannot solve, each with its closed list of ways out (`review.resolve`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from intake import review
from intake.db.access import may_see_delivery, may_see_document
from intake.db.deliveries import get_delivery
from intake.db.documents import get_document
from intake.db.lists import PARTLY, id_by_ending, list_problems
from intake.db.problems import get_problem
from intake.vocabulary import Problem
from intake.web.menu import HEAD, POST
from intake.web.pages import go, page
from intake.web.rules import SignedIn, User, needs
from intake.web.state import WebState

router = APIRouter(prefix="/klaerung")
SUBJECTS = {"delivery": "Sendung", "document": "Schriftstück", "part": "Anlage", "source": "Eingang"}
STEPS = {"receive": "beim Eingang", "open": "beim Lesen", "propose": "beim Vorschlagen", "file": "beim Ablegen",
         "review": "Rückfrage aus der Prüfung", "policy": "Ablegen ohne Rückfrage", "unpack": "beim Auspacken"}
LONGEST_NOTE = 2000


@router.get("", dependencies=[needs(POST, HEAD)])
def problems(request: Request, web: WebState, user: SignedIn) -> Response:
    """What is open, the oldest first."""
    with web.db.read() as conn:
        found = list_problems(conn, user.viewer)
    return page(request, "klaerung.html", user, problems=found, subjects=SUBJECTS, steps=STEPS)


@router.get("/{id}", dependencies=[needs(POST, HEAD)])
def problem(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """One problem: what happened, what is known, what can be done."""
    with web.db.read() as conn:
        found = seen_problem(conn, user, id)
        facts = _facts(conn, user, found)
    return page(request, "klaerungsfall.html", user, problem=found, facts=facts,
                ways=[(how, review.RESOLUTIONS.get(how, how)) for how in found.resolutions], longest=LONGEST_NOTE)


@router.post("/{id}", dependencies=[needs(POST)])
def resolve(request: Request, web: WebState, user: SignedIn, id: str, how: Annotated[str, Form()],
            note: Annotated[str, Form(max_length=LONGEST_NOTE)] = "") -> Response:
    """Take one of its ways out."""
    with web.db.transaction() as tx:
        found = seen_problem(tx.connection, user, id)
        review.resolve(tx, found.id, user.login, how, note.strip())
    return go(request, "/klaerung", f"Gelöst: {review.RESOLUTIONS.get(how, how)}.")


def seen_problem(conn: Connection, user: User, id: str) -> Problem:
    """The problem; raises Refused as for an unknown number when it does not exist for this person."""
    return get_problem(conn, id_by_ending(conn, user.viewer, id, "problem"))


def _facts(conn: Connection, user: User, found: Problem) -> list[tuple[str, str, str]]:
    """What is known: name, value, address ("" for none)."""
    facts = [("Was", SUBJECTS.get(found.subject_kind, found.subject_kind), ""), ("Wo", STEPS.get(found.step, found.step), "")]
    if found.subject_kind == "source":
        facts.append(("Eingang", found.subject, ""))
        return facts
    document = get_document(conn, found.subject) if found.subject_kind == "document" else None
    delivery_id = document.delivery if document else found.subject[:26]
    delivery = get_delivery(conn, delivery_id)
    whole = may_see_delivery(conn, user.viewer, delivery_id, whole=True)
    facts += [("Sendung", delivery.original.name if whole else PARTLY, f"/protokoll/{delivery_id}"),
              ("Eingegangen über", delivery.source, "")]
    if whole and delivery.envelope.subject:
        facts.append(("Betreff", delivery.envelope.subject, ""))
    if document and may_see_document(conn, user.viewer, document.id) and user.may(POST):
        facts.append(("Schriftstück", f"{len(document.pages)} Seiten", f"/pruefen/{document.id}"))
    if whole:
        facts.append(("Original", "herunterladen", f"/sendungen/{delivery_id}/original"))
    return facts
