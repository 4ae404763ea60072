"""POST /api/v1/deliveries: a scanner or portal hands in one file. Streamed to disk, answered only after the commit.

The body is the file itself. Headers: `Authorization: Bearer pst_…`, `Idempotency-Key` (the sender's own identity of this
document: the same again gives the same delivery), `Content-Disposition: attachment; filename*=UTF-8''…` for its name.
"""

from __future__ import annotations

import re
import shutil
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from intake.blobs import Blobs, Incoming
from intake.config import Inbox
from intake.db.tokens import Token, note_use, token_of, used_today
from intake.errors import Refused, ServiceError
from intake.receive_upload import KeyUsed, take
from intake.vocabulary import Blob, Delivery
from intake.web.rules import Unauthorised
from intake.web.state import Web, WebState

router = APIRouter(prefix="/api/v1")

CHANNEL = "upload"
LEAST_FREE = 2 * 2**30
"""Bytes that must stay free on the disk of the store (the same as `poststelle check` asks for)."""
MEDIA_TYPE = "application/octet-stream"
"""What a client calls its file is not believed; the box looks at the bytes."""


class Status(Refused):
    """A refusal with an HTTP status of its own."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Full(ServiceError):
    """No room on the disk: nobody loses anything, the sender tries again."""

    status = 507


def token(web: WebState, authorization: Annotated[str, Header()] = "") -> Token:
    """The token of the request; Unauthorised when there is none."""
    scheme, _, secret = authorization.partition(" ")
    with web.db.read() as conn:
        found = token_of(conn, secret.strip()) if scheme.lower() == "bearer" and secret else None
    if found is None or found.user:
        raise Unauthorised("Der Zugang ist unbekannt oder gesperrt. Lassen Sie sich einen ausstellen: poststelle token new")
    return found


Owner = Annotated[Token, Depends(token)]


@router.post("/deliveries", status_code=201, responses={
    200: {"description": "War unter diesem Schlüssel schon eingeliefert."}, 401: {"description": "Zugang unbekannt."},
    409: {"description": "Der Schlüssel gehört zu einer anderen Datei."}, 413: {"description": "Die Datei ist zu groß."},
    415: {"description": "Der Rumpf ist nicht die Datei selbst."}, 422: {"description": "Eine Angabe fehlt."},
    507: {"description": "Kein Platz; später noch einmal senden."}})
async def hand_in(request: Request, web: WebState, owner: Owner, idempotency_key: Annotated[str, Header()] = "") -> Response:
    """Take in the request's body as one delivery. 201 with its id when it is durable; 200 when it was there already."""
    inbox = _inbox(web, owner)
    delivery, new = await take_body(request, web, owner.tenant, inbox, idempotency_key, f"token:{owner.name}")
    if not used_today(owner):
        await run_in_threadpool(_note_use, web, owner)
    return said(delivery, new)


async def take_body(request: Request, web: Web, tenant: str, inbox: Inbox, key: str, by: str) -> tuple[Delivery, bool]:
    """The request's body as one delivery, durable when this returns, and whether it is new. Raises Status, Full."""
    if not key.strip():
        raise Status(422, "Der Kopf Idempotency-Key fehlt. Geben Sie jedem Dokument einen eigenen, gleichbleibenden Schlüssel.")
    limit = web.home.settings.box.max_file_mib * 2**20
    _welcome(request, limit)
    blobs = web.blobs(tenant)
    if _free(blobs) < LEAST_FREE:
        raise Full("Auf der Platte der Poststelle ist kein Platz mehr. Senden Sie das Dokument später noch einmal.")
    blob = await _store(request, blobs, _name(request.headers.get("content-disposition", "")), limit)
    return await run_in_threadpool(_take, web, tenant, inbox, blob, key.strip(), by)


def _take(web: Web, tenant: str, inbox: Inbox, blob: Blob, key: str, by: str) -> tuple[Delivery, bool]:
    try:
        return take(web.db, tenant, inbox, blob, channel=CHANNEL, key=key, by=by)
    except KeyUsed as error:
        raise Status(409, str(error)) from error


def _note_use(web: Web, owner: Token) -> None:
    with web.db.transaction() as tx:
        note_use(tx, owner)


def said(delivery: Delivery, new: bool) -> Response:
    """201 with what is kept, 200 when it was there already."""
    blob = delivery.original
    told = {"id": delivery.id, "state": delivery.state.value, "sha256": blob.sha256, "size": blob.size,
            "received_at": delivery.received_at.isoformat(), "twin_of": delivery.twin_of}
    return JSONResponse(told, 201 if new else 200, {"Location": f"/api/v1/deliveries/{delivery.id}"} if new else None)


def _inbox(web: Web, owner: Token) -> Inbox:
    tenant = web.home.settings.for_tenant(owner.tenant)
    found = next((inbox for inbox in tenant.inboxes if inbox.name == owner.inbox), None)
    if found is None:
        raise Status(403, f"Den Eingang „{owner.inbox}“ dieses Zugangs gibt es nicht mehr. "
                     "Lassen Sie sich einen neuen ausstellen.")
    return found


def _welcome(request: Request, limit: int) -> None:
    """What can be refused before the first byte is stored."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind.startswith("multipart/") or kind == "application/x-www-form-urlencoded":
        raise Status(415, "Senden Sie die Datei selbst als Rumpf der Anfrage, nicht als Formular.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Status(415, "Senden Sie die Datei ohne Content-Encoding.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Status:
    return Status(413, f"Die Datei ist größer als {limit // 2**20} MiB. Teilen Sie sie auf.")


async def _store(request: Request, blobs: Blobs, name: str, limit: int) -> Blob:
    """The body as a blob; an aborted, empty or too large one leaves nothing."""
    with blobs.incoming() as copy:
        try:
            async for block in request.stream():
                if copy.size + len(block) > limit:
                    raise _too_large(limit)
                await run_in_threadpool(copy.write, block)
        except ClientDisconnect as error:
            raise Status(400, "Die Verbindung brach ab, bevor alles da war. Senden Sie das Dokument noch einmal.") from error
        _whole(request, copy)
        return await run_in_threadpool(copy.keep, name, MEDIA_TYPE)


def _whole(request: Request, copy: Incoming) -> None:
    length = request.headers.get("content-length", "")
    if copy.size == 0:
        raise Status(422, "Die Anfrage hat keinen Rumpf. Senden Sie die Datei als Rumpf der Anfrage.")
    if length.isdigit() and int(length) != copy.size:
        raise Status(400, "Es kam weniger an, als angekündigt war. Senden Sie das Dokument noch einmal.")


def _name(disposition: str) -> str:
    """The file name of a Content-Disposition header (RFC 6266, RFC 8187), for showing only."""
    extended = re.search(r"filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", disposition, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', disposition, re.IGNORECASE)
    found = unquote(extended[1]) if extended else next((one for one in plain.groups() if one), "") if plain else ""
    return " ".join(_whole_text(found).split())[:500] or "Einlieferung"


def _whole_text(text: str) -> str:
    """A header's text without half characters, which no database keeps."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def _free(blobs: Blobs) -> int:
    blobs.root.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(blobs.root).free
