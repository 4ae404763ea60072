"""From templates to answers: whole pages, fragments for htmx, redirects with a sentence, and how times and ages are said."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from intake.vocabulary import Role
from intake.web.menu import menu
from intake.web.rules import User, cookie_name

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
FLASH = "poststelle-meldung"
Kind = Literal["success", "info", "warning", "danger"]


@cache
def environment() -> Environment:
    """Jinja with everything escaped and every unknown name an error."""
    made = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)
    made.filters.update(zeit=moment, tag=day, alter=age, kurz=short, zahl=number, prozent=percent)
    made.globals.update(static=static, Role=Role)
    return made


@cache
def static(name: str) -> str:
    """The address of a static file, with a mark of its content, so that browsers may keep it for ever."""
    path = STATIC / name
    mark = sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "fehlt"
    return f"/static/{name}?{mark}"


def page(request: Request, template: str, user: User | None = None, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page: `template`, which extends `base.html`, with navigation and what the last action said."""
    said = _said(request)
    shown = environment().get_template(template).render(
        user=user, menu=menu(request.app.state.web, user, request.url.path) if user else (), said=said,
        path=request.url.path, **values)
    response = HTMLResponse(shown, status)
    if said:
        response.delete_cookie(FLASH, path="/")
    return response


def fragment(template: str, user: User | None, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A part of a page for htmx: `template` alone (by custom its file name begins with "_")."""
    return HTMLResponse(environment().get_template(template).render(user=user, **values), status)


def go(request: Request, url: str, said: str = "", kind: Kind = "success") -> Response:
    """On to another page after something was done, which shows `said` at its top. For htmx calls, too."""
    if "hx-request" in request.headers:
        response = Response(status_code=204, headers={"HX-Redirect": url})
    else:
        response = RedirectResponse(url, 303)
    if said:
        value = base64.urlsafe_b64encode(json.dumps([kind, said]).encode()).decode()
        response.set_cookie(FLASH, value, max_age=60, path="/", httponly=True, samesite="lax",
                            secure=cookie_name(request).startswith("__Host-"))
    return response


def _said(request: Request) -> tuple[str, str] | None:
    try:
        kind, said = json.loads(base64.urlsafe_b64decode(request.cookies.get(FLASH, "")))
    except ValueError:
        return None
    return (kind, str(said)[:1000]) if kind in ("success", "info", "warning", "danger") else None


def wants_html(request: Request) -> bool:
    """Whether a person's browser asks, rather than a program."""
    return not request.url.path.startswith("/api/") and (
        "hx-request" in request.headers or "text/html" in request.headers.get("accept", ""))


# ---- how things are said ---------------------------------------------------------------------------------------------


def moment(at: datetime | str | None) -> str:
    """"21.11.2026, 14:05" in the time of this machine; "" for None."""
    if at is None or at == "":
        return ""
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    return when.astimezone().strftime("%d.%m.%Y, %H:%M")


def day(at: date | datetime | str | None) -> str:
    """"21.11.2026"; "" for None; a text that is no date as it is."""
    if at is None or at == "":
        return ""
    if isinstance(at, str):
        try:
            return day(datetime.fromisoformat(at))
        except ValueError:
            return at
    return (at.astimezone() if isinstance(at, datetime) and at.tzinfo else at).strftime("%d.%m.%Y")


def age(at: datetime | None) -> str:
    """How long ago: "gerade eben", "12 Min.", "3 Std.", "2 Tage"."""
    if at is None:
        return ""
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    if minutes < 1:
        return "gerade eben"
    if minutes < 60:
        return f"{minutes} Min."
    if minutes < 48 * 60:
        return f"{minutes // 60} Std."
    return f"{minutes // (24 * 60)} Tage"


def short(id: str) -> str:
    """The end of an id, as all lists show it."""
    return id[-8:]


def number(value: float, digits: int = 0) -> str:
    """"1.234,5": German signs."""
    return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def percent(share: float | None, digits: int = 1) -> str:
    """"3,2 %"; "–" for None."""
    return "–" if share is None else f"{number(share * 100, digits)} %"


def query(values: Mapping[str, str]) -> str:
    """The filled ones of `values` as a query string with its "?"; "" for none."""
    filled = {name: value for name, value in values.items() if value}
    return f"?{urlencode(filled)}" if filled else ""
