"""The web application: one FastAPI app over the database and the blobs of an installation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from intake.blobs import Blobs
from intake.config import Home
from intake.db.core import Database
from intake.errors import ConfigError, InputError, PoststelleError, Refused, ServiceError
from intake.web import handing_in
from intake.web.state import Web

PROBLEM = "application/problem+json"
"""RFC 9457."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create(home: Home) -> FastAPI:
    """The app of an installation; it opens the database but starts nothing."""
    app = FastAPI(title="Poststelle", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.web = Web(home, Database(home.database_url), cache(lambda tenant: Blobs(home.blobs(tenant))))
    app.include_router(handing_in.router)
    app.add_exception_handler(PoststelleError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.middleware("http")(_headers)
    return app


async def _headers(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def problem(status: int, title: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error for machines and the people behind them: `title` is a German sentence that says what to do."""
    return JSONResponse({"type": "about:blank", "status": status, "title": title}, status, headers, media_type=PROBLEM)


async def _ours(_: Request, error: Exception) -> Response:
    """Who must act decides the status: the caller (4xx), nobody yet (503, try again), the operator (500)."""
    status = getattr(error, "status", None) or (
        422 if isinstance(error, (Refused, InputError)) else 503 if isinstance(error, ServiceError) else 500)
    ours = isinstance(error, ConfigError)  # names files and settings: for the operator's eyes
    sentence = "Die Poststelle ist falsch eingerichtet. Wenden Sie sich an Ihre IT." if ours else str(error)
    return problem(int(status), sentence, {"Retry-After": "30"} if status in (503, 507) else None)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))
