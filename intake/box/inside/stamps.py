"""Rubber stamps: their day read by what was learnt of stamps, their words read again where they stand slanted or over print.

Where they may be says `stampplaces`, where a day may be `stampday`. Whether a place is one is told by its day, by its slant
against the page, or by a word that only a receipt stamp begins with. What is found becomes a block of its own at the page's end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from PIL import Image

from intake.box.inside import stampcut, stampday
from intake.box.inside.convnet import Model
from intake.box.inside.daytext import Day, has_day
from intake.box.inside.stampplaces import AROUND_MM, CLEAR, SLANTED, Paper, Region, common, is_head, regions, within
from intake.box.inside.words import clipped, mean_confidence
from intake.vocabulary import Box, Word

BLOCK, SPARSE = 6, 11  # Tesseract's page segmentation for one block of text, for words here and there
LETTERS = 10  # read clearly in slanted print
FEW = 3  # pieces of ink: a signature has one or two
GAP_MM = 5.0  # between a stamp and print beside it that recognition put into one line
HIGH_MM = 3.8  # of a line with a day
PLACE, LEVEL, DAY = 0.65, 0.75, 0.6  # probabilities from which a place is looked at, a level one too, and a day believed
BESIDE = 0.7  # of the likeliest place's: what is less beside it is a date of the letter
Recognise = Callable[[Image.Image, int], tuple[Word, ...]]


@dataclass(frozen=True, slots=True)
class Pressed:
    """The day of a stamp: where it stands, and its words."""

    place: stampday.Place
    words: tuple[Word, ...]


def stamped(paper: Paper, words: Sequence[Word], recognise: Recognise, coloured: Callable[[], Image.Image],
            nets: Model | None = None) -> tuple[tuple[Word, ...], tuple[Box, ...]]:
    """The page's words with those of each stamp as a block of its own at the end, and the boxes of the stamps.

    `recognise` reads with the page segmentation asked for; `coloured` gives the upright page in colour, as large as the grey one;
    without `nets` days of stamps are read as other words are.
    """
    found: list[Box] = []
    days = _days(paper, words, nets) if nets is not None else []
    for region, day in _regions(paper, words, days):
        rest, inside = _parted(words, region.box, paper.width_mm)
        if _is_worth_it(inside, region, paper.skew):
            again = _upright(paper, region, rest, recognise, coloured)
            inside = [*again] if _worth(again) > _worth(inside) else inside
        if day is None and not _is_stamp(region, inside, paper.skew):
            continue
        inside = [*_with_line(inside, day.words)] if day is not None else inside
        found.append(_around(inside, region.box) if region.guessed else region.box)
        words = (*rest, *_as_block(inside, rest))
    return tuple(words), tuple(found)


def _days(paper: Paper, words: Sequence[Word], nets: Model) -> list[Pressed]:
    """The days of stamps on a page, the likeliest first."""
    years = _years(words)
    found = list[Pressed]()
    places = stampday.places(paper.ink, nets, PLACE)
    for place in places:
        level = abs(place.slant - paper.skew) < SLANTED
        if place.probability < max(LEVEL if level else 0.0, BESIDE * places[0].probability):
            continue
        day = stampday.day_at(paper.grey, place, nets, years, level=level)
        if day is not None and day.probability >= DAY:
            found.append(Pressed(place, _words_of(day, place, paper)))
    return found


def _regions(paper: Paper, words: Sequence[Word], days: Sequence[Pressed]) -> list[tuple[Region, Pressed | None]]:
    """Where stamps may be, each with its day; a day that lies in none has one of its own."""
    found: list[tuple[Region, Pressed | None]] = []
    left = [*days]
    for region in regions(paper, words):
        day = next((one for one in left if region.box[0] <= one.place.x <= region.box[2]
                    and region.box[1] <= one.place.y <= region.box[3]), None)
        if day is not None:
            left.remove(day)
        found.append((replace(region, slant=day.place.slant) if day is not None else region, day))
    aside, above, below = AROUND_MM[0], AROUND_MM[2] * 0.6, AROUND_MM[2] * 0.6
    found += [(Region(clipped(
        day.place.x - aside / paper.width_mm, day.place.y - above / paper.height_mm, day.place.x + aside / paper.width_mm,
        day.place.y + below / paper.height_mm), day.place.slant, coloured=False, guessed=True), day) for day in left]
    return found


def _words_of(day: Day, place: stampday.Place, paper: Paper) -> tuple[Word, ...]:
    """A day as words of one line, their boxes fractions of the page."""
    cos, sin = math.cos(math.radians(place.slant)), math.sin(math.radians(place.slant))
    at_mm = [stampday.along_mm(step) for step in day.steps]
    gaps = sorted(after - before for before, after in pairwise(at_mm))
    half = gaps[len(gaps) // 2] / 2
    found, at = [], 0
    for text in day.text.split(" "):
        left, right = at_mm[at] - half, at_mm[at + max(len(text), 1) - 1] + half
        at += len(text) + 1
        if not text:
            continue
        corners = [(x * cos - y * sin, x * sin + y * cos) for x in (left, right) for y in (-HIGH_MM / 2, HIGH_MM / 2)]
        xs, ys = [x / paper.width_mm for x, _ in corners], [y / paper.height_mm for _, y in corners]
        box = clipped(place.x + min(xs), place.y + min(ys), place.x + max(xs), place.y + max(ys))
        named = re.sub(r"[a-zä]+", lambda name: name[0].capitalize(), text)
        found.append(Word(named, box, round(place.probability * day.probability, 3)))
    return tuple(found)


def _around(words: Sequence[Word], box: Box) -> Box:
    """The box around words, cut to the place they were found in."""
    return (max(min(word.box[0] for word in words), box[0]), max(min(word.box[1] for word in words), box[1]),
            min(max(word.box[2] for word in words), box[2]), min(max(word.box[3] for word in words), box[3])) if words else box


def _parted(words: Sequence[Word], box: Box, width_mm: float) -> tuple[list[Word], list[Word]]:
    """The words of the page, and those of the stamp: what lies in its box and is no part of a line that runs through it."""
    lines: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        lines.setdefault((word.block, word.line), []).append(word)
    mine: set[int] = set()
    for line in lines.values():
        inner = [word for word in line if within(word, box)]
        outer = [word for word in line if not within(word, box) and word.confidence >= CLEAR]
        if inner and all(_far(inner, word, width_mm) for word in outer):
            mine.update(id(word) for word in inner)
        else:
            mine.update(id(word) for word in inner if word.confidence < 0.5)
    return [word for word in words if id(word) not in mine], [word for word in words if id(word) in mine]


def _far(inner: Sequence[Word], word: Word, width_mm: float) -> bool:
    """True when a word stands well beside the words of a stamp."""
    left, right = min(one.box[0] for one in inner), max(one.box[2] for one in inner)
    return max(left - word.box[2], word.box[0] - right) * width_mm >= GAP_MM


def _clear(words: Iterable[Word]) -> int:
    return sum(len(re.sub(r"\W", "", word.text)) for word in words if word.confidence >= CLEAR)


def _is_worth_it(inside: Sequence[Word], region: Region, skew: float) -> bool:
    """False where the words were read well the first time, and for a signature, which is one stroke and no letters."""
    if abs(region.slant - skew) < 1.5 * SLANTED and _clear(inside) >= 12 and mean_confidence(inside) >= 0.85:
        return False
    return region.pieces >= FEW or _clear(inside) >= FEW * 2


def _is_stamp(region: Region, inside: Sequence[Word], skew: float) -> bool:
    """True for what begins as a receipt stamp does, and for slanted print; a signature gives no clear words."""
    slanted = abs(region.slant - skew) >= SLANTED
    return any(is_head(word.text) for word in inside) or (slanted and _clear(inside) >= LETTERS) or (
        region.coloured and has_day(inside))


def _upright(paper: Paper, region: Region, rest: Sequence[Word], recognise: Recognise,
             coloured: Callable[[], Image.Image]) -> tuple[Word, ...]:
    """The words of a region cut out, freed of what runs through it, and turned upright; boxes are of the page."""
    cut, left, top = stampcut.cut_out(coloured() if region.coloured else paper.grey, region.box)
    best: tuple[Word, ...] = ()
    freed = stampcut.only_coloured(cut) if region.coloured else stampcut.freed(cut, paper.grey.size, left, top, rest)
    for shown, mode in ((freed, BLOCK), (freed, SPARSE), (cut.convert("L"), BLOCK)):
        upright = shown.rotate(region.slant, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
        upright.info["dpi"] = paper.grey.info["dpi"]
        found = tuple(
            replace(word, box=stampcut.back(word.box, upright.size, cut.size, region.slant, left, top, paper.grey.size))
            for word in recognise(upright, mode)
            if word.confidence >= 0.3 and any(character.isalnum() for character in word.text))
        best = max(best, found, key=_worth)
        if has_day(best) or _clear(found) < 3:
            break
    return best if _clear(best) >= 4 or has_day(best) else ()


def _with_line(words: Sequence[Word], day: Sequence[Word]) -> tuple[Word, ...]:
    """The words of a stamp and those of its day as a line of their own, instead of what was read there."""
    last, block = (max((getattr(word, name) for word in words), default=start) for name, start in (("line", -1), ("block", 0)))
    return (*(word for word in words if not any(common(word.box, other.box) > 0.5 for other in day)),
            *(replace(word, line=last + 1, block=block) for word in day))


def _years(words: Iterable[Word]) -> list[int]:
    """The years that a page names, each with the one after it: a letter is stamped in the days after it was written."""
    named = {int(year) for word in words for year in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", word.text)}
    return sorted(named | {year + 1 for year in named})


def _worth(words: Sequence[Word]) -> int:
    """How much of a stamp was read: a day is worth more than a few letters."""
    return _clear(words) + 20 * has_day(words) + 8 * any(is_head(word.text) for word in words)


def _as_block(inside: Sequence[Word], rest: Sequence[Word]) -> list[Word]:
    """Words as one block after all others; their lines stay."""
    block, line = (max((getattr(word, name) for word in rest), default=-1) + 1 for name in ("block", "line"))
    order = {key: number for number, key in enumerate(dict.fromkeys((word.block, word.line) for word in inside))}
    return [replace(word, block=block, line=line + order[word.block, word.line]) for word in inside]
