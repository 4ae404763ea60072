"""Plain text as A4 pages: typewriter lines, drawn with the font that the system has, words on a known grid."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from intake.box.inside.words import clipped
from intake.vocabulary import Word

if TYPE_CHECKING:
    from PIL.Image import Image

DPI = 200
WIDTH, HEIGHT = 1654, 2339  # A4 in pixels at 200 dpi
LEFT, TOP, PITCH, LEADING = 165, 160, 16, 32  # 25 mm margins, 12.5 characters to the inch
COLUMNS, ROWS = (WIDTH - 2 * LEFT) // PITCH, (HEIGHT - 2 * TOP) // LEADING
FONTS = ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf")


def decoded(data: bytes) -> str:
    """The text of bytes in UTF-8, UTF-16 with its mark, or Windows-1252 (which never fails on the rest)."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def laid_out(data: bytes) -> list[list[str]]:
    """Pages of lines, wrapped to the width of the page; a form feed begins a new page; at least one page."""
    pages: list[list[str]] = []
    for sheet in decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\f"):
        lines: list[str] = []
        for line in sheet.expandtabs(8).split("\n"):
            shown = "".join(character if character.isprintable() else " " for character in line)
            lines += textwrap.wrap(shown, COLUMNS, drop_whitespace=True, replace_whitespace=False) or [""]
        pages += [lines[start:start + ROWS] for start in range(0, len(lines), ROWS)]
    return pages or [[""]]


@lru_cache(maxsize=1)
def _font() -> Any:
    from PIL import ImageFont  # noqa: PLC0415

    for name in FONTS:
        try:
            return ImageFont.truetype(name, 26)
        except OSError:
            continue
    return ImageFont.load_default(26)


def picture(lines: list[str]) -> Image:
    """The page drawn in black on white, grey values, 200 dpi."""
    from PIL import Image as pil, ImageDraw  # noqa: PLC0415, I001

    image = pil.new("L", (WIDTH, HEIGHT), 255)
    draw, font = ImageDraw.Draw(image), _font()
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            if not character.isspace():
                draw.text((LEFT + column * PITCH, TOP + row * LEADING), character, font=font, fill=0)
    image.info["dpi"] = (float(DPI), float(DPI))
    return image


def words(lines: list[str]) -> tuple[Word, ...]:
    """The words of the page on the grid they are drawn on; an empty line begins a new block."""
    found: list[Word] = []
    block, gap = 0, False
    for row, line in enumerate(lines):
        if not line.strip():
            gap = bool(found)
            continue
        block, gap = block + gap, False
        column = 0
        for piece in line.split(" "):
            if piece.strip():
                top = TOP + row * LEADING
                box = clipped((LEFT + column * PITCH) / WIDTH, top / HEIGHT, (LEFT + (column + len(piece)) * PITCH) / WIDTH,
                              (top + LEADING - 4) / HEIGHT)
                found.append(Word(piece, box, 1.0, line=row, block=block))
            column += len(piece) + 1
    return tuple(found)
