"""Posteingang: what came in, from where, how far it is. Upload by drag and drop; live by server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from intake import review
from intake.config import Inbox
from intake.db.access import may_see_delivery
from intake.db.inbox import MOST, Filter, InboxLine, fingerprint, inbox
from intake.errors import Refused
from intake.vocabulary import DeliveryState
from intake.web import handing_in
from intake.web.menu import AUDIT, HEAD, POST
from intake.web.pages import fragment, go, page
from intake.web.rules import SignedIn, Unauthorised, User, current_user, needs
from intake.web.state import Web, WebState

router = APIRouter(prefix="/posteingang")
READERS = (POST, HEAD, AUDIT)
TABS = {Filter.ALL: "Alle", Filter.TODAY: "Heute", Filter.WORKING: "In Arbeit", Filter.CHECK: "Zu prüfen",
        Filter.UNCLEAR: "Klärung", Filter.TWINS: "Dubletten", Filter.DONE: "Fertig"}
LOOK_SECONDS = 2.0
LONGEST_STREAM = 600
"""Seconds; the browser then asks again, and the session is looked at anew."""
KINDS = {"application/pdf": "PDF", "message/rfc822": "E-Mail", "application/vnd.ms-outlook": "E-Mail", "application/zip": "ZIP",
         "image/tiff": "Scan (TIFF)", "image/jpeg": "Bild", "image/png": "Bild"}


@router.get("", dependencies=[needs(*READERS)])
def posteingang(request: Request, web: WebState, user: SignedIn, filter: Filter = Filter.ALL,
                quelle: Annotated[str, Query(max_length=80)] = "", vor: Annotated[str, Query(max_length=26)] = "") -> Response:
    """The list; a fragment of it for htmx."""
    with web.db.read() as conn:
        found = inbox(conn, user.viewer, filter, source=quelle, before=vor, limit=MOST + 1)
    lines, more = found[:MOST], len(found) > MOST
    address = _address(filter, quelle, vor)
    older = _address(filter, quelle, lines[-1].line.id) if more else ""
    values: dict[str, Any] = {
        "rows": [_row(one) for one in lines], "filter": filter, "source": quelle, "older": older, "address": address,
        "tabs": [(value, title, _address(value, quelle)) for value, title in TABS.items()], "first": not vor,
        "sources": [one.name for one in user.tenant.inboxes], "doors": _doors(user)}
    if request.headers.get("hx-target") == "liste":
        return fragment("_posteingang.html", user, **values)
    return page(request, "posteingang.html", user, **values)


def _address(filter: Filter, source: str, before: str = "") -> str:
    filled = {name: value for name, value in (("filter", filter.value), ("quelle", source), ("vor", before)) if value}
    return f"/posteingang?{urlencode(filled)}" if filled else "/posteingang"


def _doors(user: User) -> list[str]:
    """The scan profiles that this person may hand in to: those whose class he sees."""
    seen = user.viewer.classes
    return [one.name for one in user.tenant.profile if seen is None or one.access_class in seen] if user.may(POST) else []


def _row(one: InboxLine) -> dict[str, object]:
    line = one.line
    sign, tone, words = _state(one)
    return {"line": line, "pages": sum(line.pages.values()), "kind": kind(one.media_type), "done": one.done, "total": one.total,
            "sign": sign, "tone": tone, "words": words}


def kind(media_type: str) -> str:
    """What people call this type of file."""
    if media_type == handing_in.MEDIA_TYPE:  # not looked at yet
        return ""
    return KINDS.get(media_type, media_type.rpartition("/")[2][:12].upper() if media_type else "")


def _state(one: InboxLine) -> tuple[str, str, str]:
    """Sign, tone and words of how far a delivery is; never the colour alone."""
    known = {DeliveryState.RECEIVED: ("…", "", "wird gelesen"), DeliveryState.TWIN: ("=", "", "Dublette"),
             DeliveryState.CLARIFY: ("!", "warning", "in Klärung"), DeliveryState.QUARANTINED: ("!", "danger", "in Quarantäne"),
             DeliveryState.REJECTED: ("–", "", "zurückgewiesen")}
    if one.line.state in known:
        return known[one.line.state]
    if not one.total:
        return "–", "", "ohne Schriftstück"
    if one.done == one.total:
        return "✓", "success", "fertig"
    return "○", "", f"{one.done} von {one.total} geprüft"


@router.post("/{id}/trotzdem", dependencies=[needs(POST)])
def process_anyway(request: Request, web: WebState, user: SignedIn, id: str, revision: Annotated[int, Form()]) -> Response:
    """Process a TWIN."""
    with web.db.transaction() as tx:
        if not may_see_delivery(tx.connection, user.viewer, id):
            raise Refused("Diese Sendung gibt es nicht. Laden Sie die Liste neu.")
        review.process_anyway(tx, id, revision, user.login)
    return go(request, "/posteingang", "Die Dublette wird bearbeitet.")


@router.post("/hochladen", dependencies=[needs(POST)])
async def upload(request: Request, web: WebState, user: SignedIn, eingang: Annotated[str, Query(max_length=41)] = "",
                 idempotency_key: Annotated[str, Header()] = "") -> Response:
    """One file as the body, received as durably as from a scanner (`handing_in.take_body`)."""
    delivery, new = await handing_in.take_body(request, web, user.tenant.name, _inbox(user, eingang), idempotency_key, user.by)
    return handing_in.said(delivery, new)


def _inbox(user: User, name: str) -> Inbox:
    doors = _doors(user)
    if name not in doors:
        raise Refused("Diesen Eingang gibt es nicht. Wählen Sie einen aus der Liste.")
    return next(one for one in user.tenant.inboxes if one.name == name)


@router.get("/ereignisse", dependencies=[needs(*READERS)])
async def events(request: Request, web: WebState, user: SignedIn) -> Response:
    """Says "geaendert" whenever something this person may see changed. Nothing else is told: the page asks for the list."""
    return StreamingResponse(_changes(request, web), media_type="text/event-stream")


async def _changes(request: Request, web: Web) -> AsyncIterator[str]:
    """One message a change; before each it is looked at anew whether the session lives and what it may see."""
    last = None
    for _ in range(int(LONGEST_STREAM / LOOK_SECONDS)):
        try:
            now = await run_in_threadpool(_fingerprint, web, request)
        except Unauthorised:
            yield "event: ende\ndata: \n\n"
            return
        if last is None:
            yield ": da\n\n"
        elif now != last:
            yield "event: geaendert\ndata: \n\n"
        last = now
        await asyncio.sleep(LOOK_SECONDS)
        if await request.is_disconnected():
            return


def _fingerprint(web: Web, request: Request) -> str:
    user = current_user(web, request)
    if user is None or not user.may(*READERS):
        raise Unauthorised("Ihre Anmeldung ist abgelaufen.")
    with web.db.read() as conn:
        return fingerprint(conn, user.viewer)


