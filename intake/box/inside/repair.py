"""Systematic confusions of Tesseract on German official paper, mended by rules that ask the picture before they speak.

The model does not know "§": it reads "$", "8", "&", "6", "s" or "g". What stands before a number and is taller than its
digits, reaching below the line, is a paragraph sign; a digit never does. `raw` keeps what was recognised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import ImageFilter
from PIL.Image import Image

from intake.vocabulary import Box, Word

LIKE_SIGN = "$8&6sSgB9f85$G3"
ALONE = re.compile(rf"^([(\[„\"]?)([{LIKE_SIGN}§]{{1,2}})[.:,;']?$")
GLUED = re.compile(rf"^([(\[„\"]?)([{LIKE_SIGN}§]{{1,2}}?)[.:,;'-]?(\d{{1,3}}[a-z]?[).,;:}}]*)$")
NUMBER = re.compile(r"^\d{1,4}[a-z]?[).,;:]*$|^\d")
CERTAIN = re.compile(r"^[$§]{1,2}$")
TALLER, DEEPER = 1.14, 0.07  # of the digit beside it
DARK = 128
LEADING = re.compile(r"^(der|den|die|nach|gemäß|gem\.|mit|in|aus|von|und|sowie|zu)$")
SUBDIVIDED = re.compile(r"^(Abs\.?|Absatz|Satz|Nr\.?|Ziff\.?|Ziffer|ff?\.?)[,.;)]?$")
GAZETTE = re.compile(r"^(\(?)(GVB|BGB|GB|MB|VB|RGB|AB|GVOB|GMB|KAB)[Il1|!L]([.:]?,?)$")
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
    quiet = grey.crop((left, top, right, bottom)).filter(ImageFilter.MedianFilter(3))
    ink = quiet.point([255 if value < DARK else 0 for value in range(256)])
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


def is_sign(glyph: Glyph, digit: Glyph, factor: float = 1.0) -> bool:
    """True for a glyph that is taller than the digit beside it and reaches below the line of digits."""
    return (glyph.height >= TALLER * factor * digit.height and glyph.bottom - digit.bottom >= DEEPER * digit.height
            and glyph.height <= 2.0 * digit.height and glyph.right - glyph.left <= 1.3 * glyph.height)


def repaired(words: Sequence[Word], grey: Image) -> tuple[Word, ...]:
    """The words with paragraph signs and gazette citations as printed; `grey` is the upright page they were read from."""
    found: list[Word] = []
    for place, word in enumerate(words):
        after = [other for other in words[place + 1:place + 3] if other.line == word.line]
        before = found[-1] if found and found[-1].line == word.line else None
        found += _sign(word, before, after, grey) or _citation(word, before)
    return tuple(found)


def round_s(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of a Fraktur page with the long s as s, so that they are found."""
    return tuple(_as(word, word.text.replace("ſ", "s")) for word in words)


def _sign(word: Word, before: Word | None, after: Sequence[Word], grey: Image) -> list[Word]:
    """The word as "§" or "§§", alone or parted from its number; nothing when it is none."""
    alone = ALONE.match(word.text)
    if alone and after and NUMBER.match(after[0].text):
        seen, digits = glyphs(grey, word.box), glyphs(grey, after[0].box)
        signs = seen[1:] if alone[1] and len(seen) > 1 else seen
        if signs and digits and all(is_sign(sign, digits[0]) for sign in signs) and _count(signs) <= 2:
            return [_as(word, alone[1] + "§" * _count(signs))]
        if CERTAIN.match(alone[2]) or _is_cited(alone[2], before, after):
            return [_as(word, alone[1] + "§" * len(alone[2]))]
        return []
    glued = GLUED.match(word.text)
    if glued:
        seen = glyphs(grey, word.box)[1 if glued[1] else 0:]
        runs = 1 if seen and _count(seen[:1]) == len(glued[2]) == 2 else len(glued[2])
        factor = 1.0 if all(letter in "$8&§" for letter in glued[2]) else 1.06  # 93 is more often a number than § 3
        if len(seen) > runs and all(is_sign(sign, seen[runs], factor) for sign in seen[:runs]):
            x0, y0, x1, y1 = word.box
            right, left = (min(max(edge / grey.width, x0), x1) for edge in (seen[runs - 1].right, seen[runs].left))
            sign = replace(word, text=glued[1] + "§" * len(glued[2]), raw=word.text, box=(x0, y0, right, y1))
            return [sign, replace(word, text=glued[3], box=(left, y0, x1, y1))]
        if CERTAIN.match(glued[2]):
            return _parted(word, glued[1] + "§" * len(glued[2]), glued[3])
    return []


def _count(signs: Sequence[Glyph]) -> int:
    """How many signs the runs of ink are: two that touch make one wide run."""
    return sum(2 if sign.right - sign.left > 0.8 * sign.height else 1 for sign in signs)


def _is_cited(text: str, before: Word | None, after: Sequence[Word]) -> bool:
    """True for "der 88 5," and "nach 8 34 Abs.": two numbers in a row that only a citation has. None where one is missing."""
    if len(text) == 2:
        return before is not None and bool(LEADING.match(before.text)) and all(letter in "$8&§" for letter in text)
    return text in "$8&" and len(after) == 2 and bool(SUBDIVIDED.match(after[1].text))


def _as(word: Word, text: str) -> Word:
    return word if word.text == text else replace(word, text=text, raw=word.text)


def _citation(word: Word, before: Word | None) -> list[Word]:
    """ "GVBI." is the Gesetz- und Verordnungsblatt "GVBl."; its part is a roman number; "Abs. l" is a 1."""
    gazette = GAZETTE.match(word.text)
    if gazette:
        return [_as(word, f"{gazette[1]}{gazette[2]}l{gazette[3].replace(':', '.')}")]
    if before is not None and re.match(r"^\(?(GVB|BGB|RGB|GVOB)l\.?,?$", before.text):
        bare = word.text.rstrip(",.;:")
        if bare in ROMAN:
            return [_as(word, ROMAN[bare] + word.text[len(bare):])]
        glued = re.match(r"^([I|l1!TL]{1,2})(S\.?,?)$", word.text)
        if glued:
            return _parted(word, "I" * len(glued[1]), glued[2])
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
