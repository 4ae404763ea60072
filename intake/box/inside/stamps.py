"""Rubber stamps: their words read again where they stand slanted or over print, as a block of their own at the page's end.

Where they may be says `stampplaces`. Whether a place is one is told by its slant against the page, by a word that only a receipt
stamp begins with, or by its colour. Only what is found is cut out of the large picture, turned upright and recognised again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from intake.box.inside import pressed, stampcut
from intake.box.inside.stampplaces import ALIKE, CLEAR, SLANTED, Paper, Region, common, is_head, regions, within
from intake.box.inside.words import clipped, mean_confidence
from intake.vocabulary import Box, Word

if TYPE_CHECKING:
    from intake.box.inside.stencil import Day

BLOCK, SPARSE = 6, 11  # Tesseract's page segmentation for one block of text, for words here and there
LETTERS = 10  # read clearly in slanted print
PRINTED = 8  # of them, from which it is worth while to look for a day line by line
FEW, MANY = 3, 6  # pieces of ink: a signature has one or two; a stamp over print has many, also where no word is read
SURE = 0.9  # of a day read line by line, from which its shape is not asked
SURE_WORDS = 0.85  # of those of a day
FLAT_INK = 90  # by so much darker than paper, where stamp and print have one tone
ALIKE_TANGLED = 0.62  # letters of a stamp's first word that print left
HALF_DAY = re.compile(r"(?<!\d)\d[.,] ?0\d[.,]")
GAP_MM = 5.0  # between a stamp and print beside it that recognition put into one line
Recognise = Callable[[Image.Image, int], tuple[Word, ...]]


def stamped(paper: Paper, words: Sequence[Word], recognise: Recognise,
            coloured: Callable[[], Image.Image]) -> tuple[tuple[Word, ...], tuple[Box, ...]]:
    """The page's words with those of each stamp as a block of its own at the end, and the boxes of the stamps.

    `recognise` reads with the page segmentation asked for; `coloured` gives the upright page in colour, as large as the grey one.
    """
    found: list[Box] = []
    dated = False
    for place in regions(paper, words):
        region = place
        if region.tangled and dated:
            continue
        rest, inside = _parted(words, region.box, paper.width_mm)
        again: tuple[Word, ...] = ()
        if _is_worth_it(inside, region, paper.skew):
            region, again = _read_again(paper, region, rest, recognise, coloured)
        if _worth(again) > _worth(inside):
            inside = [*again]
        if not _is_stamp(region, inside, paper.skew):
            continue
        found.append(_around(inside, region.box) if region.guessed else region.box)
        words = (*rest, *_as_block(inside, rest))
        dated = dated or pressed.has_day(inside)
    return tuple(words), tuple(found)


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
    dated = pressed.has_day(inside)
    enough = dated or (_clear(inside) >= LETTERS and not region.tangled)
    alike = ALIKE_TANGLED if region.tangled and dated else ALIKE
    return any(is_head(word.text, alike) for word in inside) or (slanted and enough) or (region.coloured and dated)


def _read_again(paper: Paper, region: Region, rest: Sequence[Word], recognise: Recognise,
                coloured: Callable[[], Image.Image]) -> tuple[Region, tuple[Word, ...]]:
    """The words of a region read upright, at each slant it may have until a day is read; and the region with that slant."""
    cut, left, top = stampcut.cut_out(coloured() if region.coloured else paper.grey, region.box)
    best, words = region, _upright(paper, region, cut, (left, top), rest, recognise)
    slants = [slant for slant in region.others if abs(slant - region.slant) >= SLANTED / 2]
    for slant in slants:
        if not pressed.has_day(words):
            turned = replace(region, slant=slant)
            other = _upright(paper, turned, cut, (left, top), rest, recognise)
            if _worth(other) > _worth(words):
                best, words = turned, other
    if not _is_sure(words) and (region.coloured or _clear(words) >= PRINTED or _has_digits(words) or any(
            is_head(word.text) for word in words) or (not region.guessed and region.pieces >= MANY)):
        slant, day = _day(paper, cut, (left, top), (best.slant, *(one for one in (region.slant, *slants) if one != best.slant)),
                          recognise, _years(rest), tangled=region.tangled)
        if day:
            best, words = replace(region, slant=slant), _with_line(words, day)
    return best, words if _clear(words) >= 4 or pressed.has_day(words) else ()


def _is_sure(words: Sequence[Word]) -> bool:
    """Whether words hold a day, and its figures were read well; "5.05.2026" has lost one: a stamp has two for day and month."""
    if HALF_DAY.search(" ".join(word.text for word in words)):
        return False
    return pressed.has_day(words) and pressed.has_day([word for word in words if word.confidence >= SURE_WORDS])


def _upright(paper: Paper, region: Region, cut: Image.Image, corner: tuple[int, int], rest: Sequence[Word],
             recognise: Recognise) -> tuple[Word, ...]:
    """The words of a region cut out, freed of what runs through it, and turned upright; boxes are of the page."""
    best: tuple[Word, ...] = ()
    freed = stampcut.only_coloured(cut) if region.coloured else stampcut.freed(cut, paper.grey.size, *corner, rest)
    for shown, mode in ((freed, BLOCK), (freed, SPARSE), (cut.convert("L"), BLOCK)):
        upright = shown.rotate(region.slant, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
        upright.info["dpi"] = paper.grey.info["dpi"]
        found = tuple(
            replace(word, box=stampcut.back(word.box, upright.size, cut.size, region.slant, *corner, paper.grey.size))
            for word in recognise(upright, mode)
            if word.confidence >= 0.3 and any(character.isalnum() for character in word.text))
        best = max(best, found, key=_worth)
        if pressed.has_day(best) or _clear(found) < 3:
            break
    return best


def _day(paper: Paper, cut: Image.Image, corner: tuple[int, int], slants: Sequence[float], recognise: Recognise,
         years: Sequence[int], *, tangled: bool = False) -> tuple[float, tuple[Word, ...]]:
    """The words of a stamp's day at one of the slants, found line by line or by their shape; boxes are of the page.

    `tangled`: nothing but ink that was not read says that there may be a stamp; a first look has to say more.
    """
    from intake.box.inside import stencil  # noqa: PLC0415 (numpy, which no other page needs)

    colours = cut if cut.mode == "RGB" else None
    cut = cut.convert("L")
    cut.info["dpi"] = paper.grey.info["dpi"]
    tones, light = stampcut.print_tones(paper.grey, cut.size, corner), pressed.paper_of(cut)
    beside = stampcut.print_below(colours) if colours is not None else stampcut.print_beside(
        paper.grey, cut.size, corner, paper.skew, light - FLAT_INK)
    flat = [stencil.speaks_flat(cut, one, light - FLAT_INK, beside) for one in slants]
    if tangled and not stencil.worth_it(flat):
        return slants[0], ()
    sure, slant, line = 0.0, slants[0], tuple[Word, ...]()
    for one in slants if colours is None else ():
        words, how = pressed.day_line(cut, one, tones, recognise)
        if how > sure:
            sure, slant, line = how, one, words
    if sure < SURE:
        shown = [stencil.speaks(cut, one, tones[len(tones) // 5], light) for one in slants] if (
            tones and colours is None and pressed.has_tones(cut)) else []
        told = [one for one in shown if one is not None]
        found = stencil.day_by_shape(told, years) if told else None
        if found is None and sure < pressed.ENOUGH:
            found = stencil.day_by_shape(flat, years, flat=True)
        if found is not None:
            slant = slants[found[1]]
            line = _words_of(found[0], cut.rotate(slant, expand=True).size, float(cut.info["dpi"][0]))
    size = cut.rotate(slant, expand=True).size
    return slant, tuple(replace(word, box=stampcut.back(
        word.box, size, cut.size, slant, *corner, paper.grey.size)) for word in line)


def _with_line(words: Sequence[Word], day: Sequence[Word]) -> tuple[Word, ...]:
    """The words of a stamp and those of its day as a line of their own, instead of what was read there."""
    last, block = (max((getattr(word, name) for word in words), default=start) for name, start in (("line", -1), ("block", 0)))
    return (*(word for word in words if not any(common(word.box, other.box) > 0.5 for other in day)),
            *(replace(word, line=last + 1, block=block) for word in day))


def _years(words: Iterable[Word]) -> list[int]:
    """The years that a page names, each with the one after it: a letter is stamped in the days after it was written."""
    named = {int(year) for word in words for year in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", word.text)}
    return sorted(named | {year + 1 for year in named})


def _has_digits(words: Iterable[Word]) -> bool:
    """Whether something was read that may be a part of a day; a signature has none."""
    return bool(re.search(r"\d\d.*\d", " ".join(word.text for word in words if word.confidence >= 0.5)))


def _words_of(day: Day, size: tuple[int, int], dpi: float) -> tuple[Word, ...]:
    """A day found by its shape as words, their boxes fractions of the upright picture."""
    across, down = (side / dpi * 25.4 for side in size)
    left, top, right, bottom = day.place
    found, at, wide = [], 0, (right - left) / len(day.text)
    for text in day.text.split(" "):
        found.append(Word(text, clipped((left + at * wide) / across, top / down, (left + (at + len(text)) * wide) / across,
                                        bottom / down), min(0.9, 2 * day.share)))
        at += len(text) + 1
    return tuple(found)


def _worth(words: Sequence[Word]) -> int:
    """How much of a stamp was read: a day is worth more than a few letters."""
    return _clear(words) + 20 * pressed.has_day(words) + 8 * any(is_head(word.text) for word in words)


def _as_block(inside: Sequence[Word], rest: Sequence[Word]) -> list[Word]:
    """Words as one block after all others; their lines stay."""
    block, line = (max((getattr(word, name) for word in rest), default=-1) + 1 for name in ("block", "line"))
    order = {key: number for number, key in enumerate(dict.fromkeys((word.block, word.line) for word in inside))}
    return [replace(word, block=block, line=line + order[word.block, word.line]) for word in inside]
