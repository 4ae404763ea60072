"""Pages as pictures and words, and the originals as downloads. Only what the box made is shown; nothing is parsed here.

The stored preview comes straight out of the chunk of read pages; the fine picture (200 dpi) is made by the box when it is
asked for the first time. Both are upright as the reader found it: what a clerk turned, the screen turns, so that the boxes
of the words always fit. Originals leave only as attachments that no browser runs.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import Connection

from intake import names
from intake.blobs import Blobs
from intake.db.access import may_see_delivery
from intake.db.deliveries import get_delivery, parts_of
from intake.db.desk import Sheet, sheet_in, sheet_of
from intake.errors import Refused
from intake.read import known_image, page_image, previews_at, unpack_pages
from intake.vocabulary import Blob, Delivery, Page, Role, Viewer
from intake.web.rules import SignedIn, needs
from intake.web.state import Web, WebState

router = APIRouter(dependencies=[needs(Role.POSTSTELLE, Role.SACHBEARBEITUNG, Role.LEITUNG, Role.REVISION)])

FINE_DPI = 200
BLOCK = 2**18
_turn = threading.BoundedSemaphore(2)
"""So many fine pictures are drawn at once: clerks wait for them, but reading goes on beside."""


def page_of(web: Web, viewer: Viewer, document: str, number: int) -> Sheet:
    """Page `number` (from 1) of a document. Raises Refused when there is none for the viewer."""
    with web.db.read() as conn:
        found = sheet_of(conn, viewer, document, number)
    if found is None:
        raise Refused(f"Eine Seite {number} des Schriftstücks {document} gibt es nicht. Laden Sie es neu.")
    return found


def whole_delivery(conn: Connection, viewer: Viewer, delivery: str) -> Delivery:
    """The delivery, when nothing of it is hidden from the viewer. Raises Refused."""
    if not may_see_delivery(conn, viewer, delivery, whole=True):
        raise Refused(f"Die Sendung {delivery} gibt es nicht. Prüfen Sie die Nummer.")
    return get_delivery(conn, delivery)


# ---- documents -------------------------------------------------------------------------------------------------------


@router.get("/seiten/{document}/{number}/vorschau", response_class=Response)
def preview(web: WebState, user: SignedIn, document: str, number: int) -> Response:
    """The stored preview (JPEG, about 110 dpi)."""
    sheet = page_of(web, user.viewer, document, number)
    return _jpeg(_preview(web.blobs(user.viewer.tenant), sheet))


@router.get("/seiten/{document}/{number}/bild", response_class=Response)
def image(web: WebState, user: SignedIn, document: str, number: int) -> Response:
    """The fine picture (JPEG, 200 dpi), drawn when it is asked for the first time."""
    sheet = page_of(web, user.viewer, document, number)
    return _jpeg(_fine(web, user.viewer.tenant, sheet))


@router.get("/seiten/{document}/{number}/woerter")
def words(web: WebState, user: SignedIn, document: str, number: int) -> JSONResponse:
    """The words of a page with their boxes (fractions from the top left) and lines, in reading order."""
    sheet = page_of(web, user.viewer, document, number)
    return JSONResponse(_words(_page(web.blobs(user.viewer.tenant), sheet)))


# ---- deliveries: pages in no document, originals ---------------------------------------------------------------------


@router.get("/sendungen/{delivery}/seiten/{part}/{number}/vorschau", response_class=Response)
def loose_preview(web: WebState, user: SignedIn, delivery: str, part: int, number: int) -> Response:
    """The stored preview of any page of a delivery, also of one that was taken for blank or a separator."""
    with web.db.read() as conn:
        sheet = sheet_in(conn, whole_delivery(conn, user.viewer, delivery).id, part, number)
    if sheet is None:
        raise Refused(f"Die Seite {number} (Teil {part}) wurde nicht gelesen. Laden Sie die Sendung neu.")
    return _jpeg(_preview(web.blobs(user.viewer.tenant), sheet))


@router.get("/sendungen/{delivery}/original", response_class=Response)
def original(web: WebState, user: SignedIn, delivery: str) -> Response:
    """The untouched original as an attachment."""
    with web.db.read() as conn:
        found = whole_delivery(conn, user.viewer, delivery)
    return download(web.blobs(user.viewer.tenant), found.original, f"original-{found.id[-8:]}")


@router.get("/sendungen/{delivery}/teile/{position}", response_class=Response)
def part(web: WebState, user: SignedIn, delivery: str, position: int) -> Response:
    """One file of a delivery (what was attached to a mail) as an attachment."""
    with web.db.read() as conn:
        whole_delivery(conn, user.viewer, delivery)
        found = next((one.blob for one in parts_of(conn, delivery) if one.position == position), None)
    if found is None:
        raise Refused(f"Einen Teil {position} hat diese Sendung nicht. Laden Sie sie neu.")
    return download(web.blobs(user.viewer.tenant), found, f"teil-{delivery[-8:]}-{position}")


def download(blobs: Blobs, blob: Blob, plain: str) -> Response:
    """A blob as an attachment under a name made safe (RFC 6266, RFC 8187); `plain` is the name for old browsers, ASCII.

    No browser shows or runs it: neither its type nor its name is the sender's, and the answer is sandboxed.
    """
    ending = names.suffix(blob.media_type)
    stem = names.segment(blob.name.rsplit(".", 1)[0] or plain)
    shown = quote(f"{stem}.{ending}", safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{shown}",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "Content-Length": str(blob.size)}
    file = blobs.open(blob.sha256)  # before the answer begins, so that a missing file is an error of its own
    return StreamingResponse(_blocks(file), media_type="application/octet-stream", headers=headers)


def _blocks(opened: BinaryIO) -> Iterator[bytes]:
    with opened as file:
        while block := file.read(BLOCK):
            yield block


# ---- pictures and words out of the store -----------------------------------------------------------------------------


def _jpeg(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg")


@lru_cache(maxsize=4096)
def _places(root: Path, chunk: str) -> dict[int, tuple[int, int]]:
    """Where in a chunk the preview of each page lies: (offset, size). A chunk never changes."""
    with Blobs(root).open(chunk) as file:
        return previews_at(file)


def _preview(blobs: Blobs, sheet: Sheet) -> bytes:
    place = _places(blobs.root, sheet.chunk).get(sheet.number)
    if place is None:
        raise Refused("Von dieser Seite gibt es keine Vorschau. Öffnen Sie das Feinbild.")
    with blobs.open(sheet.chunk) as file:
        file.seek(place[0])
        return file.read(place[1])


def _page(blobs: Blobs, sheet: Sheet) -> Page:
    return next(page for page in unpack_pages(blobs.read(sheet.chunk)) if page.number == sheet.number)


@lru_cache(maxsize=4096)
def _rotations(root: Path, chunk: str) -> dict[int, int]:
    """How the reader turned each page of a chunk."""
    return {page.number: page.rotation for page in unpack_pages(Blobs(root).read(chunk))}


def _fine(web: Web, tenant: str, sheet: Sheet) -> bytes:
    blobs = web.blobs(tenant)
    rotation = _rotations(blobs.root, sheet.chunk)[sheet.number]
    if (known := known_image(web.db, blobs, tenant, sheet.part, sheet.number, rotation, FINE_DPI)) is not None:
        return blobs.read(known.sha256)
    with tempfile.TemporaryDirectory(prefix="poststelle-picture-") as folder, _turn:
        kept = page_image(web.db, blobs, web.box, tenant, sheet.part, sheet.number, rotation, Path(folder), FINE_DPI)
    return blobs.read(kept.sha256)


def _words(page: Page) -> dict[str, Any]:
    return {"number": page.number, "width_mm": page.width_mm, "height_mm": page.height_mm, "script": page.script,
            "words": [{"text": word.text, "box": [round(edge, 5) for edge in word.box], "line": word.line, "block": word.block}
                      for word in page.words]}
