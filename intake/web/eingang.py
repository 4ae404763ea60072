"""„Mein Eingang“: what came to one's office, new and unread first; Fristen; pass on, take note, send back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from intake import passing
from intake.db.access import see_document
from intake.db.core import utcnow
from intake.db.incoming import Arrived, Which, arrived, count_new, due, offices_of, one_arrived
from intake.errors import Refused
from intake.vocabulary import Role
from intake.web.desk import Form
from intake.web.desk_view import sheets_of
from intake.web.pages import go, page
from intake.web.rules import SignedIn, needs
from intake.web.state import WebState

router = APIRouter(prefix="/eingang", dependencies=[needs(Role.SACHBEARBEITUNG, Role.LEITUNG)])
FRISTEN = timedelta(days=14)


@router.get("")
def mine(request: Request, web: WebState, user: SignedIn, zeige: Annotated[Which, Query()] = "neu") -> Response:
    """The filings of one's offices: unread ones unless the address says otherwise."""
    with web.db.read() as conn:
        rows = arrived(conn, user.viewer, zeige)
        new = count_new(conn, user.viewer)
    return page(request, "eingang.html", user, rows=rows, which=zeige, new=new, login=user.viewer.name)


@router.get("/fristen")
def fristen(request: Request, web: WebState, user: SignedIn) -> Response:
    """The Fristen of the next 14 days (and those just missed), each with the words it was read from."""
    today = utcnow().astimezone().date()
    with web.db.read() as conn:
        rows = due(conn, user.viewer, today - FRISTEN, today + FRISTEN)
        new = count_new(conn, user.viewer)
    return page(request, "eingang_fristen.html", user, rows=rows, today=today, new=new)


@router.get("/{id}")
def look(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """One document with its pages and what can be done with it."""
    with web.db.read() as conn:
        found = _mine(one_arrived(conn, user.viewer, id), id)
        offices = offices_of(conn, user.viewer.tenant)
        sheets = sheets_of(see_document(conn, user.viewer, id))
    return page(request, "eingang_blatt.html", user, one=found, offices=offices, login=user.viewer.name, sheets=sheets)


@router.post("/{id}/gelesen")
def read(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """Mark as read."""
    with web.db.transaction() as tx:
        passing.mark(tx, user.viewer, id, "read")
    return go(request, "/eingang", "Als gelesen vermerkt.")


@router.post("/{id}/kenntnis")
def noted(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """Zur Kenntnis genommen: stays in the journal."""
    with web.db.transaction() as tx:
        passing.mark(tx, user.viewer, id, "info")
    return go(request, "/eingang", "Kenntnisnahme vermerkt.")


@router.post("/{id}/weiterleiten")
def forward(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Pass it on to an office or a person."""
    with web.db.transaction() as tx:
        passing.forward(tx, user.tenant, user.viewer, id, form.get("an", ""), form.get("vermerk", ""))
    return go(request, "/eingang", f"Weitergeleitet an {form.get('an', '').strip()}.")


@router.post("/{id}/zurueck")
def send_back(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Irrläufer: back to the desk of the post room."""
    revision = form.get("revision", "")
    if not revision.isdecimal():
        raise Refused("Die Seite ist veraltet. Laden Sie sie neu und versuchen Sie es noch einmal.")
    with web.db.transaction() as tx:
        passing.send_back(tx, user.viewer, user.by, id, int(revision), form.get("vermerk", ""))
    return go(request, "/eingang", "Zurück an die Poststelle gegeben.")


def _mine(found: Arrived | None, id: str) -> Arrived:
    if found is None:
        raise Refused(f"Das Schriftstück {id} liegt nicht in Ihrem Eingang. Laden Sie die Liste neu.")
    return found
