"""Signs that begin with upright strokes ("III/2-12.43"): recognition takes I, 1, l, V and / for each other, so they are counted.

A sign's first strokes are followed down the picture of its word: an upright one with a flag at its top left is a 1, one without
is an I; a slanted one is a slash, or half of a V or X. The text is changed only where all of them make a Roman numeral or ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from intake.box.inside.citation import parted, put
from intake.vocabulary import Word

SIGN = re.compile(r"^(\(?)([1IlıL|!iVvXxWwUNTAK\]\[/\\]{1,7})([-./]?[\d][\dA-Za-z./-]*)$")
"""Strokes, then digits, as signs have them; no amount (comma)."""
NOT_SIGN = re.compile(r"^\(?\d{1,2}\.\d{1,2}\.(\d\d|\d{4})?$|^\d+$|^\d{1,3}(\.\d{3})+$")
"""Dates and numbers are looked at by nobody."""
WHOLE = re.compile(r"^(I{1,3}|IV|VI{0,3}|IX|XI{0,3}|1{1,3})(/1{0,2})?$")
GROUPS = re.compile(r"^(\d{2,3})[.,1'|]-?(\d{2,3})$")
BLANK = 0.25  # of the height of figures, that a blank between them has at least
LOWEST = 0.5  # of the page: signs stand in the head of a letter
SCALE = 4  # the picture is enlarged so much, so that a stroke of two pixels has a place between them
BANDS = (0.2, 0.32, 0.45, 0.58, 0.7)  # heights at which strokes are followed, clear of serifs
ENDS = (0.13, 0.87)
UPRIGHT, SLANTED = 0.06, 0.085  # of the height of a letter, by which a stroke shifts from the first band to the last
STRAIGHT = 0.055  # how far it may lie off its own line
WIDEST = 0.26  # of a stroke
FLAGS = (0.07, 0.13, 0.2, 0.27)
FLAG, NO_FLAG = 0.085, 0.03  # how far the flag of a 1 reaches left of its stem
BAR = 0.42  # what is wider at the top is a 7
Run = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke from top to bottom: its middle at the first and last band, its edges, all in heights of a letter."""

    top: float
    foot: float
    left: float
    right: float
    flag: float = 0.0

    @property
    def kind(self) -> str:
        shift = self.top - self.foot
        if abs(shift) <= UPRIGHT:
            return "|"
        return "/" if shift >= SLANTED else "\\" if shift <= -SLANTED else ""


def counted(words: Sequence[Word], grey: Image.Image, skew: float) -> tuple[Word, ...]:
    """The words of an upright grey page, signs in its upper half with their first strokes as the picture has them.

    Groups of figures ("26 07") whose blank was read as a point or a 1 are parted again.
    """
    return tuple(one for word in words for one in _parted(_counted(word, grey, skew), grey, skew))


def _parted(word: Word, grey: Image.Image, skew: float) -> list[Word]:
    """A word of two groups of figures as two words, where the picture has a blank between them and nothing else."""
    match = GROUPS.match(word.text)
    ink = _shown(grey, word, skew) if match and word.box[1] <= LOWEST else None
    if match is None or ink is None:
        return [word]
    seen = _glyphs(ink)
    first = len(match[1])
    if len(seen) != len(word.text) - 1 or len({bottom - top < 0.5 * ink.height for _, _, top, bottom in seen}) != 1:
        return [word]
    gaps = [after[0] - before[1] for before, after in pairwise(seen)]
    others = [gap for place, gap in enumerate(gaps) if place != first - 1]
    if gaps[first - 1] < BLANK * ink.height or gaps[first - 1] < 2 * max(others):
        return [word]
    return parted(word, match[1], match[2])


def _counted(word: Word, grey: Image.Image, skew: float) -> Word:
    match = SIGN.match(word.text)
    if match is None or word.box[1] > LOWEST or NOT_SIGN.match(word.text) or not re.search(r"[/V\-.]", word.text):
        return word
    opening, read, rest = match.groups()
    seen, behind = strokes(grey, word, skew)
    if seen.endswith("/") and "/" in read:
        rest = re.sub("[Il|ı]", "1", read[read.index("/") + 1:]) + rest
    unsure = not len(rest) - 2 <= behind - len(opening) <= len(rest)  # one or two may touch, none may be missing
    if unsure or not WHOLE.match(seen) or ("/" not in seen and seen.startswith("1")):
        return word
    return put(word, opening + seen + rest)


def strokes(grey: Image.Image, word: Word, skew: float = 0.0) -> tuple[str, int]:
    """The first letters of a word that are made of strokes, out of 1, I, V, X and / ("" when unsure); how many glyphs follow."""
    ink = _shown(grey, word, skew)
    seen = _glyphs(ink) if ink is not None else []
    if ink is None or len(seen) < 3:
        return "", 0
    tallest = max(bottom - top for _, _, top, bottom in seen)
    full = sorted((top, bottom) for _, _, top, bottom in seen if bottom - top > 0.7 * tallest)
    top, bottom = sorted(one[0] for one in full)[len(full) // 2], sorted(one[1] for one in full)[len(full) // 2]
    height = bottom - top
    found, end = _followed([_runs(ink, top + height * at, height) for at in BANDS],
                           [_runs(ink, top + height * at, height) for at in ENDS])
    marks = [left / height for left, right, high, low in seen if low - high < 0.45 * height]
    found = [one for one in found if one.right <= min([end, *marks]) + 0.02]
    flags = [_runs(ink, top + height * at, height) for at in FLAGS]
    text, last = _spelled(found, flags, _runs(ink, top + height * 0.06, height))
    behind = sum((left + right) / 2 / height > last for left, right, _, _ in seen)
    return text, behind


def _shown(grey: Image.Image, word: Word, skew: float) -> Image.Image | None:
    """The word enlarged and upright, ink 255; None when it is too small."""
    x0, y0, x1, y1 = (edge * side for edge, side in zip(word.box, grey.size * 2, strict=True))
    if y1 - y0 < 8 or x1 - x0 < 8 or x1 - x0 > 2000:
        return None
    cut = grey.crop((int(x0) - 2, int(y0) - 1, int(x1) + 3, int(y1) + 2))
    slope = math.tan(math.radians(skew))
    cut = cut.transform((cut.width * SCALE, cut.height * SCALE), Image.Transform.AFFINE, (
        1 / SCALE, 0, 0, slope / SCALE, 1 / SCALE, 0), Image.Resampling.BICUBIC, fillcolor=255)
    tones = cut.tobytes()
    middle = (min(tones) + max(tones)) / 2
    return cut.point([255 if value < middle else 0 for value in range(256)])


def _glyphs(ink: Image.Image) -> list[tuple[int, int, int, int]]:
    """Left, right, top, bottom of what empty columns part."""
    columns = ink.reduce((1, ink.height)).tobytes()
    found = []
    for match in re.finditer(rb"[^\x00]+", columns):
        box = ink.crop((match.start(), 0, match.end(), ink.height)).getbbox()
        if box and (box[3] - box[1] >= SCALE and match.end() - match.start() >= SCALE):
            found.append((match.start(), match.end(), box[1], box[3]))
    return found


def _runs(ink: Image.Image, y: float, height: float) -> list[Run]:
    """Runs of ink along a line, as edges in heights of a letter."""
    row = ink.crop((0, round(y), ink.width, round(y) + 1)).tobytes()
    return [(match.start() / height, match.end() / height) for match in re.finditer(rb"\xff+", row)]


def _followed(bands: Sequence[Sequence[Run]], ends: Sequence[Sequence[Run]]) -> tuple[list[Stroke], float]:
    """The strokes that go straight through all bands, from left to right, and where something else begins."""
    found: list[Stroke] = []
    used: set[tuple[int, Run]] = set()
    for first in bands[0]:
        chain = _chain(first, bands)
        if chain is not None and _goes_on(chain, ends):
            middles = [(left + right) / 2 for left, right in chain]
            found.append(Stroke(middles[0], middles[-1], min(one[0] for one in chain), max(one[1] for one in chain)))
            used.update(enumerate(chain))
    others = [run[0] for number, band in enumerate(bands) for run in band if (number, run) not in used]
    return found, min(others, default=1e9)


def _chain(first: Run, bands: Sequence[Sequence[Run]]) -> list[Run] | None:
    best: list[Run] | None = None
    for last in bands[-1]:
        start, end = (first[0] + first[1]) / 2, (last[0] + last[1]) / 2
        if abs(start - end) > 0.6:
            continue
        chain = [first]
        for number, band in enumerate(bands[1:-1], start=1):
            expected = start + (end - start) * number / (len(bands) - 1)
            near = [run for run in band if abs((run[0] + run[1]) / 2 - expected) <= STRAIGHT]
            if not near:
                break
            chain.append(near[0])
        else:
            chain.append(last)
            if max(right - left for left, right in chain) <= WIDEST and (
                    best is None or abs(start - end) < abs((best[0][0] + best[0][1] - best[-1][0] - best[-1][1]) / 2)):
                best = chain
    return best


def _goes_on(chain: Sequence[Run], ends: Sequence[Sequence[Run]]) -> bool:
    """Whether an upright stroke goes on straight to top and foot; the side of a 0 bends."""
    if abs((chain[0][0] + chain[0][1] - chain[-1][0] - chain[-1][1]) / 2) > UPRIGHT:
        return True
    return all(any(left <= chain[place][1] <= right + 0.09 and right - chain[place][1] <= 0.09 for left, right in end)
               for place, end in ((0, ends[0]), (-1, ends[1])))


def _spelled(found: Sequence[Stroke], flags: Sequence[Sequence[Run]], bar: Sequence[Run]) -> tuple[str, float]:
    """The text of strokes and where the last of them ends."""
    text, place, last = "", 0, -1.0
    while place < len(found):
        one = found[place]
        after = found[place + 1] if place + 1 < len(found) else None
        if one.kind == "|":
            flag = _flag(one, flags)
            if "/" in text and flag < FLAG:
                return text, last  # behind the slash stand digits
            if NO_FLAG < flag < FLAG:
                return "", 0.0
            text += "1" if flag >= FLAG else "I"
        elif one.kind == "/":
            if "/" in text:
                return text, last
            if any(left <= one.top + 0.1 <= right and right - left > BAR for left, right in bar):
                return text, last
            text += "/"
        elif one.kind == "\\" and after is not None and after.kind == "/":
            wide, narrow = after.top - one.top, after.foot - one.foot
            text += "V" if 0 <= narrow < 0.55 * wide else "X" if narrow < 0 else "?"
            place += 1
        else:
            return text, last
        last = max(one.right, found[place].right)
        place += 1
    return text, last


def _flag(one: Stroke, flags: Sequence[Sequence[Run]]) -> float:
    """How far the ink at the top of an upright stroke reaches to its left beyond what it reaches to its right."""
    reach = 0.0
    half = (one.right - one.left) / 2
    for band in flags:
        for left, right in band:
            if left <= one.top <= right and right - left < 0.6:  # wider where serifs touch
                reach = max(reach, (one.top - half - left) - max(0.0, right - one.top - half))
    return reach
