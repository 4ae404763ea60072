"""Reading, seen from the service: which pages still have to be read, and the one blob a chunk of read pages becomes.

A chunk is at most eight pages read by one job of the box. Its blob holds the words, marks and geometry of its pages and
one preview (JPEG) a page; it is written once and never changed (house.md, The flow 1).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from intake.blobs import Blobs
from intake.box import Box
from intake.db.core import Database
from intake.db.deliveries import PICTURE, add_page_reads, page_reads_of
from intake.vocabulary import Blob, FormField, Page, Separator, Word

CHUNK_MEDIA_TYPE = "application/vnd.poststelle.pages"
MAGIC = b"PSL1"
DIGITS = 5  # of a box: 0.003 mm on A4


def plan_chunks(page_count: int, done: Collection[int], chunk_pages: int) -> list[tuple[int, ...]]:
    """Pages 1..page_count that are not `done`, in order, in chunks of at most `chunk_pages` (at least 1) neighbours."""
    missing = [number for number in range(1, page_count + 1) if number not in done]
    size = max(chunk_pages, 1)
    return [tuple(missing[start:start + size]) for start in range(0, len(missing), size)]


def pack(pages: Sequence[Page], previews: Sequence[bytes] = ()) -> bytes:
    """The blob of a chunk: magic, length of the head, head (deflated JSON), the previews one after the other.

    `previews` holds one JPEG per page, or nothing. The same pages give the same bytes.
    """
    if previews and len(previews) != len(pages):
        raise ValueError(f"{len(pages)} pages, {len(previews)} previews")
    said = {"pages": [_page_out(page) for page in pages], "previews": [len(preview) for preview in previews]}
    head = zlib.compress(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(), 6)
    return b"".join((MAGIC, len(head).to_bytes(4, "big"), head, *previews))


def unpack_pages(chunk: bytes, numbers: Collection[int] | None = None) -> tuple[Page, ...]:
    """The pages of a chunk, or those of these `numbers`. Raises ValueError when the bytes are none."""
    return tuple(_page_in(page) for page in _head(chunk)[0]["pages"] if numbers is None or page["n"] in numbers)


def unpack_texts(chunk: bytes) -> dict[int, str]:
    """The joined text of each page of a chunk (`Page.plain`), by number; quicker than its words. Raises as `unpack_pages`."""
    return {page["n"]: Page(page["n"], page["w"], page["h"], page["text"]).plain() for page in _head(chunk)[0]["pages"]}


def preview_of(chunk: bytes, number: int) -> bytes:
    """The preview (JPEG) of page `number`. Raises ValueError when the bytes are no chunk, KeyError when it has no such page."""
    head, at = _head(chunk)
    for page, size in zip(head["pages"], head["previews"], strict=False):
        if page["n"] == number:
            return chunk[at:at + size]
        at += size
    raise KeyError(number)


def previews_at(chunk: BinaryIO) -> dict[int, tuple[int, int]]:
    """Where in an open chunk the preview of each page lies: number -> (offset, size). Raises ValueError as `unpack_pages`."""
    start = chunk.read(8)
    head, at = _head(start + chunk.read(int.from_bytes(start[4:8], "big")))
    found: dict[int, tuple[int, int]] = {}
    for page, size in zip(head["pages"], head["previews"], strict=False):
        found[page["n"]] = at, size
        at += size
    return found


def known_image(db: Database, blobs: Blobs, tenant: str, original: Blob, number: int, rotation: int,
                dpi: int = 200) -> Blob | None:
    """The picture of a page that `page_image` made before; None when there is none (any more)."""
    with db.read() as conn:
        known = page_reads_of(conn, tenant, original.sha256, f"{PICTURE}/{dpi}/{rotation % 360}").get(number)
    if known is None or not blobs.has(known):
        return None
    return Blob(known, "image/jpeg", _picture_name(number), blobs.path(known).stat().st_size)


def page_image(db: Database, blobs: Blobs, box: Box, tenant: str, original: Blob, number: int, rotation: int, workdir: Path,
               dpi: int = 200) -> Blob:
    """Page `number` of a part as a JPEG for the desk, turned by `rotation` (the reader's and the clerk's together).

    Made by the box when it is asked for the first time, then kept as a blob. Raises as `Box.page_image`.
    """
    if (known := known_image(db, blobs, tenant, original, number, rotation, dpi)) is not None:
        return known
    path = box.page_image(blobs.path(original.sha256), original.media_type, number, rotation, workdir, dpi)
    kept = blobs.add_file(path, _picture_name(number), "image/jpeg")
    with db.transaction() as tx:
        add_page_reads(tx, tenant, original.sha256, f"{PICTURE}/{dpi}/{rotation % 360}", [(number, kept.sha256, 0.0)])
    return kept


def _picture_name(number: int) -> str:
    return f"seite-{number}.jpg"


def _head(chunk: bytes) -> tuple[dict[str, Any], int]:
    if chunk[:4] != MAGIC:
        raise ValueError("not a chunk of pages")
    end = 8 + int.from_bytes(chunk[4:8], "big")
    try:
        return json.loads(zlib.decompress(chunk[8:end])), end
    except zlib.error as error:
        raise ValueError("a damaged chunk of pages") from error


def _page_out(page: Page) -> dict[str, Any]:
    """Short keys; the words as columns (lists of one kind deflate to a third of what objects do)."""
    words = page.words
    return {
        "n": page.number, "w": page.width_mm, "h": page.height_mm, "r": page.rotation, "s": page.skew, "b": page.blank,
        "script": page.script, "q": page.quality, "src": page.source, "warn": list(page.warnings),
        **({"stamps": [list(box) for box in page.stamps]} if page.stamps else {}),
        **({"form": [[one.name, one.value, *one.box] for one in page.form]} if page.form else {}), "p": page.picture,
        "marks": [[mark.kind, mark.payload, *mark.box] for mark in page.separators], "text": page.text,
        "words": {
            "t": [word.text for word in words], "raw": {str(place): word.raw for place, word in enumerate(words) if word.raw},
            "c": [round(word.confidence, 4) for word in words],
            "l": [word.line for word in words], "k": [word.block for word in words],
            **{key: [round(word.box[side], DIGITS) for word in words] for side, key in enumerate(("x0", "y0", "x1", "y1"))}}}


def _page_in(said: dict[str, Any]) -> Page:
    rows = said["words"]
    raw = rows["raw"]
    words = tuple(
        Word(text, (x0, y0, x1, y1), confidence, raw.get(str(place), ""), line, block)
        for place, (text, x0, y0, x1, y1, confidence, line, block) in enumerate(
            zip(rows["t"], rows["x0"], rows["y0"], rows["x1"], rows["y1"], rows["c"], rows["l"], rows["k"], strict=True)))
    marks = tuple(Separator(kind, payload, (x0, y0, x1, y1)) for kind, payload, x0, y0, x1, y1 in said["marks"])
    return Page(
        number=said["n"], width_mm=said["w"], height_mm=said["h"], text=said["text"], words=words, rotation=said["r"],
        skew=said["s"], blank=said["b"], script=said["script"], quality=said["q"], source=said["src"], separators=marks,
        warnings=tuple(said["warn"]), stamps=tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in said.get("stamps", ())),
        form=tuple(FormField(name, value, (x0, y0, x1, y1)) for name, value, x0, y0, x1, y1 in said.get("form", ())),
        picture=said.get("p", ""))


@lru_cache(maxsize=1)
def _pages() -> TypeAdapter[tuple[Page, ...]]:
    return TypeAdapter(tuple[Page, ...])


def as_json(pages: Sequence[Page]) -> list[dict[str, Any]]:
    """The pages as `poststelle read --json` writes them: plain values, nothing left out."""
    found: list[dict[str, Any]] = _pages().dump_python(tuple(pages), mode="json")
    return found
