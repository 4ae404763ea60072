"""Systematic confusions of Tesseract on German official paper, mended by rules that ask the picture before they speak.

The model does not know "§": it reads "$", "8", "&", "6", "s" or "g". What stands before a number and is taller than its
digits, reaching below the line, is a paragraph sign; a digit never does. `raw` keeps what was recognised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from intake.vocabulary import Box, Word

if TYPE_CHECKING:
    from PIL.Image import Image

LIKE_SIGN = "$8&6sSgB9f85$G3"
ALONE = re.compile(rf"^([(\[„\"]?)([{LIKE_SIGN}§]{{1,2}})$")
GLUED = re.compile(rf"^([(\[„\"]?)([{LIKE_SIGN}§]{{1,2}}?)(\d{{1,3}}[a-z]?[).,;:]*)$")
NUMBER = re.compile(r"^\d{1,4}[a-z]?[).,;:]*$|^\d")
CERTAIN = re.compile(r"^[$§]{1,2}$")
TALLER, DEEPER = 1.12, 0.06  # of the digit beside it
DARK = 128
GAZETTE = re.compile(r"^(\(?)(GVB|BGB|GB|MB|VB|RGB|AB|GVOB|GMB|KAB)[Il1|!](\.?,?)$")
ROMAN = {"|": "I", "l": "I", "1": "I", "!": "I", "I": "I", "|I": "II", "I|": "II", "Il": "II", "ll": "II", "||": "II", "lI": "II"}
COUNTED = re.compile(r"^\(?(Abs\.|Absatz|Nr\.|Satz|Ziff\.|Ziffer|Art\.|Artikel)$")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A run of ink columns in a word: its edges in pixels of the page."""

    left: int
    right: int
    top: int
    bottom: int

    @property
    def height(self) -> int:
        return self.bottom - self.top


def glyphs(grey: Image, box: Box) -> tuple[Glyph, ...]:
    """The glyphs of a word from left to right, parted where a column of pixels is empty."""
    left, top = int(box[0] * grey.width), max(int(box[1] * grey.height) - 2, 0)
    right, bottom = min(int(box[2] * grey.width) + 1, grey.width), min(int(box[3] * grey.height) + 3, grey.height)
    if right - left < 3 or bottom - top < 5 or right - left > 2000:
        return ()
    ink = grey.crop((left, top, right, bottom)).point([255 if value < DARK else 0 for value in range(256)])
    columns = [any(ink.crop((x, 0, x + 1, ink.height)).getextrema()) for x in range(ink.width)]
    found, start = [], None
    for x, inked in enumerate([*columns, False]):
        if inked and start is None:
            start = x
        elif not inked and start is not None:
            edges = ink.crop((start, 0, x, ink.height)).getbbox()
            if edges and edges[3] - edges[1] > 0.3 * ink.height:
                found.append(Glyph(left + start, left + x, top + edges[1], top + edges[3]))
            start = None
    return tuple(found)


def is_sign(glyph: Glyph, digit: Glyph) -> bool:
    """True for a glyph that is taller than the digit beside it and reaches below the line of digits."""
    return (glyph.height >= TALLER * digit.height and glyph.bottom - digit.bottom >= DEEPER * digit.height
            and glyph.height <= 2.0 * digit.height and glyph.right - glyph.left <= 1.3 * glyph.height)


def repaired(words: Sequence[Word], grey: Image) -> tuple[Word, ...]:
    """The words with paragraph signs and gazette citations as printed; `grey` is the upright page they were read from."""
    found: list[Word] = []
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) and words[place + 1].line == word.line else None
        before = found[-1] if found and found[-1].line == word.line else None
        found += _sign(word, after, grey) or _citation(word, before)
    return tuple(found)


def round_s(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of a Fraktur page with the long s as s, so that they are found."""
    return tuple(_as(word, word.text.replace("ſ", "s")) for word in words)


def _sign(word: Word, after: Word | None, grey: Image) -> list[Word]:
    """The word as "§" or "§§", alone or parted from its number; nothing when it is none."""
    alone = ALONE.match(word.text)
    if alone and after is not None and NUMBER.match(after.text):
        seen, digits = glyphs(grey, word.box), glyphs(grey, after.box)
        signs = seen[1:] if alone[1] else seen
        tall = bool(signs and digits) and all(is_sign(sign, digits[0]) for sign in signs) and len(signs) <= 2
        if tall:
            return [_as(word, alone[1] + "§" * len(signs))]
        if CERTAIN.match(alone[2]):
            return [_as(word, alone[1] + "§" * len(alone[2]))]
        return []
    glued = GLUED.match(word.text)
    if glued:
        seen = glyphs(grey, word.box)[1 if glued[1] else 0:]
        count = len(glued[2])
        if len(seen) > count and all(is_sign(sign, seen[count]) for sign in seen[:count]):
            x0, y0, x1, y1 = word.box
            right, left = (min(max(edge / grey.width, x0), x1) for edge in (seen[count - 1].right, seen[count].left))
            sign = replace(word, text=glued[1] + "§" * count, raw=word.text, box=(x0, y0, right, y1))
            return [sign, replace(word, text=glued[3], box=(left, y0, x1, y1))]
    return []


def _as(word: Word, text: str) -> Word:
    return word if word.text == text else replace(word, text=text, raw=word.text)


def _citation(word: Word, before: Word | None) -> list[Word]:
    """ "GVBI." is the Gesetz- und Verordnungsblatt "GVBl."; its part is a roman number; "Abs. l" is a 1."""
    gazette = GAZETTE.match(word.text)
    if gazette:
        return [_as(word, f"{gazette[1]}{gazette[2]}l{gazette[3]}")]
    if before is not None and re.match(r"^\(?(GVB|BGB|RGB|GVOB)l\.?,?$", before.text):
        bare = word.text.rstrip(",.;:")
        if bare in ROMAN:
            return [_as(word, ROMAN[bare] + word.text[len(bare):])]
        glued = re.match(r"^([I|l1!]{1,2})(S\.?,?)$", word.text)
        if glued and glued[1] in ROMAN:
            return _parted(word, ROMAN[glued[1]], glued[2])
    if before is not None and COUNTED.match(before.text):
        number = re.match(r"^[l|]([).,;:]*)$", word.text)
        if number:
            return [_as(word, "1" + number[1])]
    return [word]


def _parted(word: Word, first: str, second: str) -> list[Word]:
    """One box read as two words: parted where the letters are."""
    x0, y0, x1, y1 = word.box
    middle = x0 + (x1 - x0) * (len(first) + 0.5) / (len(first) + len(second) + 1)
    return [replace(word, text=first, raw=word.text, box=(x0, y0, middle, y1)),
            replace(word, text=second, box=(middle, y0, x1, y1))]
