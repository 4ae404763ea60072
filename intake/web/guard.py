"""What every answer carries and what no request may be: headers, sizes and kinds, as plain ASGI (streams pass unbuffered).

OWASP ASVS 5.0, 3.4 (headers) and 4.3 (limits before anything is parsed).
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_BYTES = 2**20
"""A form with every field full; files are sent as the body itself."""
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; "
       "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /csp")
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
HANDING_IN = "/api/v1/deliveries"
FOR_MACHINES = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
FOR_EVER = "public, max-age=31536000, immutable"
HSTS = "max-age=31536000"


class Guard:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what is no request of ours, then let the app answer with our headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wanted = dict(HEADERS)
        if scope["path"].startswith("/api/"):
            wanted.update(FOR_MACHINES)
        if scope["path"].startswith("/static/") and scope["query_string"]:
            wanted["cache-control"] = FOR_EVER
        if scope["scheme"] == "https":
            wanted["strict-transport-security"] = HSTS

        async def decorated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in wanted.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = refusal(scope["path"], Headers(scope=scope))
        await (refused or self.app)(scope, receive, decorated)


def refusal(path: str, headers: Headers) -> PlainTextResponse | None:
    """The answer to a request that is not even looked at; None for all others.

    Multipart is never parsed (files are the body itself), a form or JSON must say how long it is.
    """
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if path == HANDING_IN:  # reads no form, and says so itself
        return None
    if kind.startswith("multipart/"):
        return PlainTextResponse("Senden Sie die Datei selbst als Rumpf der Anfrage, nicht als Formular.", 415)
    if kind not in ("application/x-www-form-urlencoded", "application/json"):
        return None
    length = headers.get("content-length", "")
    if not length.isdigit():
        return PlainTextResponse("Der Anfrage fehlt ihre Länge (Content-Length).", 411)
    return PlainTextResponse("Die Anfrage ist zu groß.", 413) if int(length) > FORM_BYTES else None
