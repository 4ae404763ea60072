"""The web application: one FastAPI app over the database and the blobs of an installation."""

from __future__ import annotations

from functools import cache

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from intake.blobs import Blobs
from intake.box import Box
from intake.config import Home
from intake.db.core import Database
from intake.errors import ConfigError, InputError, PoststelleError, Refused, ServiceError, Stale
from intake.web import (
    akten,
    api,
    benutzer,
    desk,
    eingang,
    handing_in,
    klaerung,
    konto,
    lernen,
    login,
    mandanten,
    nachscans,
    oidc,
    pictures,
    posteingang,
    protokoll,
    stapel,
    uebersicht,
    verwaltung,
)
from intake.web.guard import Guard
from intake.web.pages import STATIC, fragment, page, wants_html
from intake.web.rules import Unauthorised, User, current_user
from intake.web.state import Compare, Web

PROBLEM = "application/problem+json"
"""RFC 9457."""
SCREENS = (api, login, konto, oidc, posteingang, pictures, desk, eingang, akten, klaerung, stapel, nachscans, protokoll,
           uebersicht, benutzer, mandanten, lernen, verwaltung)
"""The modules of the screens: each has a `router`. A new one is entered here."""


def create(home: Home, compare: Compare | None = None) -> FastAPI:
    """The app of an installation; it opens the database but starts nothing. `compare` lets two versions of a model propose;
    without it the screen names the command that does."""
    app = FastAPI(title="Poststelle", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.web = Web(home, Database(home.database_url), cache(lambda tenant: Blobs(home.blobs(tenant))),
                        Box(home.settings.box), compare)
    app.include_router(handing_in.router)
    for screen in SCREENS:
        for route in screen.router.routes:
            if isinstance(route, APIRoute):
                route.include_in_schema = route.path.startswith("/api/")
        app.include_router(screen.router)
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    app.add_exception_handler(PoststelleError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Guard)
    return app


def problem(status: int, title: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error for machines and the people behind them: `title` is a German sentence that says what to do."""
    return JSONResponse({"type": "about:blank", "status": status, "title": title}, status, headers, media_type=PROBLEM)


def _answer(request: Request, status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """The sentence for whoever asks: a program, a fragment of a page, a person."""
    if not wants_html(request):
        return problem(status, sentence, headers)
    if "hx-request" in request.headers:
        response: Response = fragment("_fehler.html", None, status=status, sentence=sentence, code=status)
    elif status == 401:
        return login.entrance(request, sentence, status=401)
    else:
        response = page(request, "fehler.html", _whoever(request, status), status=status, sentence=sentence, code=status)
    response.headers.update(headers or {})
    return response


def _whoever(request: Request, status: int) -> User | None:
    """Who sees the error, so that his navigation stays; None when the database may be what failed."""
    return current_user(request.app.state.web, request) if status < 500 else None


async def _ours(request: Request, error: Exception) -> Response:
    """Who must act decides the status: the caller (4xx), nobody yet (503, try again), the operator (500)."""
    status = getattr(error, "status", None) or (
        422 if isinstance(error, (Refused, InputError)) else 409 if isinstance(error, Stale)
        else 503 if isinstance(error, ServiceError) else 500)
    ours = isinstance(error, ConfigError)  # names files and settings: for the operator's eyes
    sentence = "Die Poststelle ist falsch eingerichtet. Wenden Sie sich an Ihre IT." if ours else str(error)
    headers = {"Retry-After": "30"} if status in (503, 507) else {}
    if isinstance(error, Unauthorised):
        headers["WWW-Authenticate"] = "Bearer" if request.url.path.startswith("/api/") else "Cookie"
    return _answer(request, int(status), sentence, headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {404: "Diese Seite gibt es nicht.", 405: "So lässt sich diese Seite nicht aufrufen."}
    sentence = sentences.get(error.status_code, str(error.detail))
    return _answer(request, error.status_code, sentence, dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    """A field is missing or has the wrong form; which one is said, what was sent is not."""
    assert isinstance(error, RequestValidationError)
    names = sorted({str(item["loc"][-1]) for item in error.errors()})
    return _answer(request, 422, f"Eine Angabe fehlt oder hat die falsche Form: {', '.join(names)}.")
