"""Where a page may hold a rubber stamp: by its colour, its slant, the word it begins with.

A region is what is left of the ink when the words that were read well are taken away, or what is coloured on a page that is
otherwise black and white, in one place and of the size of a stamp. Everything is looked for on the small copies that reading has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from intake.box.inside.blank import spots_of
from intake.box.inside.geometry import INK, sharpness
from intake.box.inside.words import clipped
from intake.vocabulary import Box, Word

CELL_MM = 2.5
ACROSS_MM, DOWN_MM = (16.0, 105.0), (7.0, 75.0)  # of a stamp with the box around it when slanted
LEAST, MOST = 0.02, 0.12  # ink in a cell of a stamp; coloured share of a page that is coloured all over
COLOURED = 45  # difference of two channels that only an ink pad makes
CLEAR = 0.75  # confidence of a word that was read well
STEEPEST = 17
NARROWED = 4  # so many columns of pixels become one before the slant of a stamp is looked for
SLANTED, PEAK = 2.0, 1.25  # degrees against the page; sharpness at the slant over the typical one
MOST_REGIONS = 4
HEADING_MM = 75.0  # what is coloured, wider and upright is a heading
HEADS = re.compile(r"^[\W_]*((post|POST|Post)?[EeC][il1IN]*[nN](gang|GANG|gegang|GEGANG|geg|GEG|g\.|G\.)|[NI]?GEGANG"
                   r"|\w{0,3}[nN]gegang|[a-zäöüß]{1,9}(Eingang|Eingegangen)\b)")
WHOLE_HEADS, PART = ("EINGEGANGEN", "POSTEINGANG"), 4  # letters of one that are enough
LIKE_HEADS, ALIKE = ("Eingang", "EINGANG", "Eingegangen", "EINGEGANGEN", "POSTEINGANG"), 0.8
WINDOW_MM, STEP_MM = 50.0, 15.0  # for a stamp in a heap of ink that is wider than one
AROUND_MM = (34.0, 9.0, 20.0)  # of a head's middle: aside, above, below
WIDE_MM = 80.0  # what is wider may be a stamp in a heap
RULE_MM = 25.0  # of a level stroke, which is a rule of the form and would join a stamp to the rest of the page


@dataclass(frozen=True, slots=True)
class Region:
    """A place that may hold a stamp: its box, its slant in degrees clockwise, and whether it was found by its colour."""

    box: Box
    slant: float
    coloured: bool
    guessed: bool = False  # only where it is, not how far it goes
    pieces: int = 99  # of ink that are as high as letters


@dataclass(frozen=True, slots=True)
class Paper:
    """The upright page: grey to recognise, its ink on a small copy, the coloured preview, its width in mm, its skew."""

    grey: Image.Image
    ink: Image.Image
    shown: Image.Image
    width_mm: float
    skew: float

    @property
    def height_mm(self) -> float:
        return self.width_mm * self.grey.height / self.grey.width


def regions(paper: Paper, words: Sequence[Word]) -> tuple[Region, ...]:
    """Where stamps may be, coloured ones first; none overlaps another."""
    found: list[Region] = []
    colours, rest = _colours(paper.shown), _left_over(paper, words)
    places = [(colours, box, True, False) for box in _clusters(colours, paper)] if colours is not None else []
    places += [(rest, box, False, False) for box in _clusters(rest, paper)]
    places += [(rest, box, False, True) for box in _heads(words, paper)]
    for mask, box, coloured, guessed in places:
        if any(common(box, other.box) > 0.2 for other in found):
            continue
        slant, clear = _slant(mask, box, paper.skew)
        turned = clear and abs(slant - paper.skew) >= SLANTED
        if turned or _has_head(words, box) or (coloured and (box[2] - box[0]) * paper.width_mm <= HEADING_MM):
            pieces = 99 if coloured or guessed else _pieces(mask, box, paper)
            found.append(Region(box, slant if turned else paper.skew, coloured, guessed, pieces))
    return tuple(found[:MOST_REGIONS])


def _pieces(mask: Image.Image, box: Box, paper: Paper) -> int:
    """How many pieces of ink in a box are as high as letters."""
    cut = mask.crop((round(box[0] * mask.width), round(box[1] * mask.height),
                     round(box[2] * mask.width), round(box[3] * mask.height)))
    to_mm = paper.width_mm / mask.width
    return sum(1.0 <= (spot.y1 - spot.y0) * to_mm <= 8.0 and 0.7 <= (spot.x1 - spot.x0) * to_mm <= 35.0 for spot in spots_of(cut))


def _heads(words: Sequence[Word], paper: Paper) -> list[Box]:
    """Where a word stands that a receipt stamp begins with, and what may belong to it; not in the middle of a sentence."""
    aside, above, below = AROUND_MM
    found = []
    for word in words:
        if is_head(word.text) and not word.text[:1].islower():
            x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
            found.append(clipped(x - aside / paper.width_mm, y - above / paper.height_mm,
                                 x + aside / paper.width_mm, y + below / paper.height_mm))
    return found


def _colours(shown: Image.Image) -> Image.Image | None:
    """What is coloured, 255; None on a page without colour or with colour everywhere."""
    if shown.mode != "RGB":
        return None
    red, green, blue = shown.reduce(2).split()
    high, low = ImageChops.lighter(ImageChops.lighter(red, green), blue), ImageChops.darker(ImageChops.darker(red, green), blue)
    mask = ImageChops.subtract(high, low).point([255 if value >= COLOURED else 0 for value in range(256)])
    share = mask.histogram()[255] / (mask.width * mask.height)
    return mask if 0.0002 < share < MOST else None


def _left_over(paper: Paper, words: Sequence[Word]) -> Image.Image:
    """The ink outside the words that were read well, without rules."""
    ink = paper.ink
    rows = ink.point([255 if value >= INK else 0 for value in range(256)]).tobytes()
    least = round(RULE_MM / paper.width_mm * ink.width)
    rule = re.compile(rb"\xff{%d,}" % least)
    strong = Image.frombytes("L", ink.size, b"".join(
        rule.sub(lambda run: bytes(len(run[0])), rows[at:at + ink.width]) for at in range(0, len(rows), ink.width)))
    draw = ImageDraw.Draw(strong)
    for word in words:
        if word.confidence >= CLEAR:
            x0, y0, x1, y1 = word.box
            draw.rectangle((x0 * ink.width - 1, y0 * ink.height - 1, x1 * ink.width + 1, y1 * ink.height + 1), fill=0)
    return strong


def _clusters(mask: Image.Image, paper: Paper) -> list[Box]:
    """Boxes of ink that lies together, of the size of a stamp, the largest first, but wide heaps last."""
    size = (max(round(paper.width_mm / CELL_MM), 2), max(round(paper.height_mm / CELL_MM), 2))
    cells = mask.resize(size, Image.Resampling.BOX).point([255 if value >= LEAST * 255 else 0 for value in range(256)])
    found: list[Box] = []
    for spot in spots_of(cells.filter(ImageFilter.MaxFilter(3))):
        edges = (spot.x0 + 1, spot.y0 + 1, spot.x1 - 1, spot.y1 - 1)  # without what the filter added
        left, right = (round(edge * mask.width / size[0]) for edge in (edges[0], edges[2]))
        top, bottom = (round(edge * mask.height / size[1]) for edge in (edges[1], edges[3]))
        inner = mask.crop((max(left, 0), max(top, 0), right, bottom)).getbbox()
        if inner is None:
            continue
        across = (inner[2] - inner[0]) / mask.width * paper.width_mm
        down = (inner[3] - inner[1]) / mask.height * paper.height_mm
        box = clipped((left + inner[0]) / mask.width, (top + inner[1]) / mask.height,
                      (left + inner[2]) / mask.width, (top + inner[3]) / mask.height)
        if ACROSS_MM[0] <= across <= ACROSS_MM[1] and DOWN_MM[0] <= down <= DOWN_MM[1]:
            found += (*_windows(mask, box, paper), box) if across > WIDE_MM else (box,)
        elif across > ACROSS_MM[1] and DOWN_MM[0] <= down <= DOWN_MM[1]:
            found += _windows(mask, box, paper)
    return sorted(found, key=lambda box: (
        (box[2] - box[0]) * paper.width_mm > WIDE_MM, (box[0] - box[2]) * (box[3] - box[1])))


def _windows(mask: Image.Image, box: Box, paper: Paper) -> Iterator[Box]:
    """The part of a wide heap of ink that is clearly slanted, if there is one: a stamp over print that was read poorly."""
    wide, step = WINDOW_MM / paper.width_mm, STEP_MM / paper.width_mm
    places = [(left, box[1], min(left + wide, box[2]), box[3])
              for left in (box[0] + number * step for number in range(int((box[2] - box[0]) / step)))]
    turned = [(place, _slant(mask, place, paper.skew)) for place in places]
    slanted = [place for place, (slant, clear) in turned if clear and abs(slant - paper.skew) >= SLANTED]
    if slanted:
        yield slanted[len(slanted) // 2]


def _slant(mask: Image.Image, box: Box, skew: float = 90.0) -> tuple[float, bool]:
    """The degrees by which lines in a box of ink fall, and whether they clearly do; lines of the page's own skew do not count."""
    cut = mask.crop((round(box[0] * mask.width) - 4, round(box[1] * mask.height) - 4,
                     round(box[2] * mask.width) + 4, round(box[3] * mask.height) + 4))
    cut = cut.reduce((NARROWED, 1))  # a part of the work; the slopes grow as much

    def score(degrees: float) -> float:
        return sharpness(cut, NARROWED * math.tan(math.radians(degrees)))

    scores = {degrees: score(degrees) for degrees in range(-STEEPEST, STEEPEST + 1)}
    enough = PEAK * sorted(scores.values())[len(scores) // 2]
    best = max((degrees for degrees in scores if abs(degrees - skew) > 1), key=lambda degrees: scores[degrees])
    fine = {best + step / 4: score(best + step / 4) for step in range(-3, 4)}
    return max(fine, key=lambda degrees: fine[degrees]), scores[best] >= enough


def is_head(text: str) -> bool:
    """Whether a word is what a receipt stamp begins with, or a part of it where print runs through the rest."""
    if HEADS.match(text):
        return True
    bare = re.sub(r"[^A-Z]", "", text)
    if len(bare) >= PART and 4 * len(bare) >= 3 * len(text) and any(bare in whole for whole in WHOLE_HEADS):
        return True
    letters = re.sub(r"[\W\d_]", "", text)  # a letter of seven misread
    return len(letters) >= 6 and letters[:1].isupper() and any(
        SequenceMatcher(None, letters, whole).ratio() > ALIKE for whole in LIKE_HEADS)


def _has_head(words: Iterable[Word], box: Box) -> bool:
    return any(is_head(word.text) and within(word, box) for word in words)


def within(word: Word, box: Box) -> bool:
    x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def common(a: Box, b: Box) -> float:
    """Share of the smaller box that both cover."""
    common = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    least = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return common / least if least else 0.0
