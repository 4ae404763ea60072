"""Draws the README's picture from a finished demo: a page with its evidence marked, and the table at the end.

    .venv/bin/poststelle demo demo && .venv/bin/python -m samples.tour demo samples/tour.png
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from sqlalchemy import Connection

from intake import postroom
from intake.cli import common, outcome
from intake.config import load
from intake.db.deliveries import newest_page_reads, parts_of
from intake.db.documents import get_document, proposals_of
from intake.db.lists import list_documents
from intake.pipeline import Postroom
from intake.read import preview_of
from intake.vocabulary import Document, Proposal, Viewer

MONO = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
SANS = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#be123c", "#0f766e")
NAMES = {"file_reference": "Aktenzeichen", "sender_name": "Absender", "letter_date": "Datum", "subject": "Betreff",
         "receipt_date": "Eingangsstempel", "title": "Titel"}
WIDTH, PAGE_WIDTH = 1500, 700


def draw(home: Path, target: Path) -> None:
    """Write the picture of the demo in `home` to `target` (PNG)."""
    page = _page(home)
    table = _text(_table(home), ImageFont.truetype(MONO, 11))
    width = max(table.width + 40, page.width + 40)
    picture = Image.new("RGB", (width, page.height + table.height + 60), "white")
    picture.paste(page, ((width - page.width) // 2, 20))
    picture.paste(table, (20, page.height + 40))
    picture.thumbnail((WIDTH, 10_000))
    picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(target, optimize=True)


def _page(home: Path) -> Image.Image:
    """The upper part of the first page of the document with the most marked fields, its evidence boxed and named."""
    room = postroom.build(load(home))
    tenant = room.home.settings.tenant[0].name
    with room.db.read() as conn:
        lines = list_documents(conn, Viewer(tenant), outcome.LIVE)
        found = [(get_document(conn, line.id), _marked(proposals_of(conn, line.id))) for line in lines]
        document, marks = max(found, key=lambda one: len(one[1]))
        image = Image.open(io.BytesIO(_preview(room, conn, document))).convert("RGB")
    room.db.close()
    image = image.resize((PAGE_WIDTH, image.height * PAGE_WIDTH // image.width), Image.Resampling.LANCZOS)
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(SANS, 13)
    for colour, one in zip(COLOURS, marks, strict=False):
        box = one.evidence[0].box
        assert box is not None
        left, top, right, bottom = (round(value * size) for value, size in zip(box, image.size * 2, strict=True))
        draw.rectangle((left - 3, top - 3, right + 3, bottom + 3), outline=colour, width=2)
        label = f" {NAMES[one.field]} "
        place = (left - 3, top - 20)
        draw.rectangle((*place, place[0] + draw.textlength(label, font), top - 3), fill=colour)
        draw.text((place[0], place[1]), label, "white", font)
    return image.crop((0, 0, image.width, image.height * 11 // 20))


def _marked(proposals: tuple[Proposal, ...]) -> list[Proposal]:
    best: dict[str, Proposal] = {}
    for one in proposals:
        if one.field in NAMES and one.field != "title" and one.evidence[0].page == 1 and one.evidence[0].box:
            best.setdefault(one.field, one)
    return list(best.values())


def _preview(room: Postroom, conn: Connection, document: Document) -> bytes:
    first = document.pages[0]
    part = next(part for part in parts_of(conn, document.delivery) if part.position == first.part)
    chunk = newest_page_reads(conn, document.tenant, part.blob.sha256)[first.number]
    return preview_of(room.blobs(document.tenant).read(chunk), first.number)


def _table(home: Path) -> str:
    kept = common.console
    recorder = Console(record=True, width=150, file=io.StringIO(), highlight=False)
    common.console = lambda: recorder  # type: ignore[assignment]
    try:
        outcome.show(load(home))
    finally:
        common.console = kept
    return recorder.export_text()


def _text(text: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    lines = [line.rstrip() for line in text.rstrip().split("\n")]
    width = round(max(font.getlength(line) for line in lines)) + 4
    image = Image.new("RGB", (width, 15 * len(lines) + 4), "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((2, 2 + 15 * number), line, "#111827", font)
    return image


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
