"""Rubber stamps: where a page looks like one, and its words read again where they stand slanted or over print.

A region is what is left of the ink when the words that were read well are taken away, or what is coloured on a page that is
otherwise black and white, in one place and of the size of a stamp. Whether it is one is told by its slant against the page,
by a word that only a receipt stamp begins with, or by its colour. Everything is looked for on the small copies that reading
has anyway; only what is found is cut out of the large picture, turned upright and recognised a second time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from intake.box.inside import pressed
from intake.box.inside.blank import spots_of
from intake.box.inside.geometry import INK, sharpness
from intake.box.inside.words import clipped, mean_confidence
from intake.vocabulary import Box, Word

if TYPE_CHECKING:
    from intake.box.inside.stencil import Day

CELL_MM = 2.5
ACROSS_MM, DOWN_MM = (16.0, 105.0), (7.0, 75.0)  # of a stamp with the box around it when slanted
LEAST, MOST = 0.02, 0.12  # ink in a cell of a stamp; coloured share of a page that is coloured all over
COLOURED = 45  # difference of two channels that only an ink pad makes
CLEAR = 0.75  # confidence of a word that was read well
STEEPEST = 17
NARROWED = 4  # so many columns of pixels become one before the slant of a stamp is looked for
SLANTED, PEAK = 2.0, 1.25  # degrees against the page; sharpness at the slant over the typical one
BLOCK, SPARSE = 6, 11  # Tesseract's page segmentation for one block of text, for words here and there
MARGIN_MM = 2.5
MOST_REGIONS = 4
LETTERS = 10  # read clearly in slanted print
PRINTED = 8  # of them, from which it is worth while to look for a day line by line
FEW, MANY = 3, 6  # pieces of ink: a signature has one or two; a stamp over print has many, also where no word is read
HEADING_MM = 75.0  # what is coloured, wider and upright is a heading
HEADS = re.compile(r"^[\W_]*((post|POST|Post)?[EeC][il1IN]*[nN](gang|GANG|gegang|GEGANG|geg|GEG|g\.|G\.)|[NI]?GEGANG"
                   r"|\w{0,3}[nN]gegang|[a-zäöüß]{1,9}(Eingang|Eingegangen)\b)")
WHOLE_HEADS, PART = ("EINGEGANGEN", "POSTEINGANG"), 4  # letters of one that are enough
WINDOW_MM, STEP_MM = 50.0, 15.0  # for a stamp in a heap of ink that is wider than one
LEAST_MM = 12.0  # of a day whose slant is measured by its words
AROUND_MM = (34.0, 9.0, 20.0)  # of a head's middle: aside, above, below
WIDE_MM = 80.0  # what is wider may be a stamp in a heap
GAP_MM = 5.0  # between a stamp and print beside it that recognition put into one line
Recognise = Callable[[Image.Image, int], tuple[Word, ...]]


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


def stamped(paper: Paper, words: Sequence[Word], recognise: Recognise,
            coloured: Callable[[], Image.Image]) -> tuple[tuple[Word, ...], tuple[Box, ...]]:
    """The page's words with those of each stamp as a block of its own at the end, and the boxes of the stamps.

    `recognise` reads with the page segmentation asked for; `coloured` gives the upright page in colour, as large as the grey one.
    """
    found: list[Box] = []
    for region in regions(paper, words):
        rest, inside = _parted(words, region.box, paper.width_mm)
        again = _read_again(paper, region, rest, recognise, coloured) if _is_worth_it(inside, region, paper.skew) else ()
        if _worth(again) > _worth(inside):
            inside = [*again]
        if not _is_stamp(region, inside, paper.skew):
            continue
        found.append(_around(inside, region.box) if region.guessed else region.box)
        words = (*rest, *_as_block(inside, rest))
    return tuple(words), tuple(found)


def regions(paper: Paper, words: Sequence[Word]) -> tuple[Region, ...]:
    """Where stamps may be, coloured ones first; none overlaps another."""
    found: list[Region] = []
    colours, rest = _colours(paper.shown), _left_over(paper.ink, words)
    places = [(colours, box, True, False) for box in _clusters(colours, paper)] if colours is not None else []
    places += [(rest, box, False, False) for box in _clusters(rest, paper)]
    places += [(rest, box, False, True) for box in _heads(words, paper)]
    days = _slanted_days(words, paper)
    for mask, box, coloured, guessed in places:
        if any(_common(box, other.box) > 0.2 for other in found):
            continue
        slant, clear = _slant(mask, box, paper.skew)
        turned = clear and abs(slant - paper.skew) >= SLANTED
        if turned or _has_head(words, box) or (coloured and (box[2] - box[0]) * paper.width_mm <= HEADING_MM):
            pieces = 99 if coloured or guessed else _pieces(mask, box, paper)
            found.append(Region(box, slant if turned else paper.skew, coloured, guessed, pieces))
    found += [one for one in days if not any(_common(one.box, other.box) > 0.2 for other in found)]
    return tuple(found[:MOST_REGIONS])


def _slanted_days(words: Sequence[Word], paper: Paper) -> list[Region]:
    """Where a day was read on a line of its own that stands slanted: a stamp whose head is lost in print, or without frame."""
    lines: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        lines.setdefault((word.block, word.line), []).append(word)
    aside, _, below = AROUND_MM
    found = []
    for line in lines.values():
        day = next((line[start:start + count] for count in range(1, 5) for start in range(len(line) - count + 1)
                    if pressed.has_day(line[start:start + count])), [])  # without "Datum:" before it
        wide = (day[-1].box[2] - day[0].box[0]) * paper.width_mm if day else 0.0
        if len(day) < 2 or wide < LEAST_MM:
            continue
        run = (day[-1].box[2] + day[-1].box[0] - day[0].box[2] - day[0].box[0]) / 2 * paper.width_mm
        slant = math.degrees(math.atan2((day[-1].box[3] - day[0].box[3]) * paper.height_mm, run))
        if SLANTED <= abs(slant - paper.skew) <= STEEPEST:
            x, y = (day[0].box[0] + day[-1].box[2]) / 2, (day[0].box[1] + day[-1].box[3]) / 2
            found.append(Region(clipped(x - aside / paper.width_mm, y - below / paper.height_mm, x + aside / paper.width_mm,
                                        y + below / paper.height_mm), slant, coloured=False, guessed=True))
    return found


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


def _around(words: Sequence[Word], box: Box) -> Box:
    """The box around words, cut to the place they were found in."""
    return (max(min(word.box[0] for word in words), box[0]), max(min(word.box[1] for word in words), box[1]),
            min(max(word.box[2] for word in words), box[2]), min(max(word.box[3] for word in words), box[3])) if words else box


def _colours(shown: Image.Image) -> Image.Image | None:
    """What is coloured, 255; None on a page without colour or with colour everywhere."""
    if shown.mode != "RGB":
        return None
    red, green, blue = shown.reduce(2).split()
    high, low = ImageChops.lighter(ImageChops.lighter(red, green), blue), ImageChops.darker(ImageChops.darker(red, green), blue)
    mask = ImageChops.subtract(high, low).point([255 if value >= COLOURED else 0 for value in range(256)])
    share = mask.histogram()[255] / (mask.width * mask.height)
    return mask if 0.0002 < share < MOST else None


def _left_over(ink: Image.Image, words: Sequence[Word]) -> Image.Image:
    """The ink outside the words that were read well."""
    strong = ink.point([255 if value >= INK else 0 for value in range(256)])
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
    """The degrees by which lines in a box of ink fall, and whether they clearly do. Lines of the page's own skew do not count."""
    cut = mask.crop((round(box[0] * mask.width) - 4, round(box[1] * mask.height) - 4,
                     round(box[2] * mask.width) + 4, round(box[3] * mask.height) + 4))
    cut = cut.reduce((NARROWED, 1))  # a part of the work; the slopes grow as much
    scores = {degrees: sharpness(cut, NARROWED * math.tan(math.radians(degrees))) for degrees in range(-STEEPEST, STEEPEST + 1)}
    best = max((degrees for degrees in scores if abs(degrees - skew) > 1), key=lambda degrees: scores[degrees])
    clear = scores[best] >= PEAK * sorted(scores.values())[len(scores) // 2]
    fine = {best + step / 4: sharpness(cut, NARROWED * math.tan(math.radians(best + step / 4))) for step in range(-3, 4)}
    return max(fine, key=lambda degrees: fine[degrees]), clear


def is_head(text: str) -> bool:
    """Whether a word is what a receipt stamp begins with, or a part of it where print runs through the rest."""
    if HEADS.match(text):
        return True
    bare = re.sub(r"[^A-Z]", "", text)
    return len(bare) >= PART and 4 * len(bare) >= 3 * len(text) and any(bare in whole for whole in WHOLE_HEADS)


def _has_head(words: Iterable[Word], box: Box) -> bool:
    return any(is_head(word.text) and _within(word, box) for word in words)


def _within(word: Word, box: Box) -> bool:
    x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _parted(words: Sequence[Word], box: Box, width_mm: float) -> tuple[list[Word], list[Word]]:
    """The words of the page, and those of the stamp: what lies in its box and is no part of a line that runs through it."""
    lines: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        lines.setdefault((word.block, word.line), []).append(word)
    mine: set[int] = set()
    for line in lines.values():
        inner = [word for word in line if _within(word, box)]
        outer = [word for word in line if not _within(word, box) and word.confidence >= CLEAR]
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
    return any(is_head(word.text) for word in inside) or (slanted and (_clear(inside) >= LETTERS or dated)) or (
        region.coloured and dated)


def _read_again(paper: Paper, region: Region, rest: Sequence[Word], recognise: Recognise,
                coloured: Callable[[], Image.Image]) -> tuple[Word, ...]:
    """The words of a region cut out, freed of what runs through it, and turned upright; boxes are of the page."""
    cut, left, top = _cut(coloured() if region.coloured else paper.grey, region.box)
    best: tuple[Word, ...] = ()
    freed = _only_coloured(cut) if region.coloured else _freed(cut, paper.grey.size, left, top, rest)
    for shown, mode in ((freed, BLOCK), (freed, SPARSE), (cut.convert("L"), BLOCK)):
        upright = shown.rotate(region.slant, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
        upright.info["dpi"] = paper.grey.info["dpi"]
        found = tuple(
            replace(word, box=_back(word.box, upright.size, cut.size, region.slant, left, top, paper.grey.size))
            for word in recognise(upright, mode)
            if word.confidence >= 0.3 and any(character.isalnum() for character in word.text))
        best = max(best, found, key=_worth)
        if pressed.has_day(best) or _clear(found) < 3:
            break
    if not pressed.has_day(best) and not region.coloured and (_clear(best) >= PRINTED or _has_digits(best) or any(
            is_head(word.text) for word in best) or (not region.guessed and region.pieces >= MANY)):
        best = _with_day(paper, region, cut, (left, top), best, recognise, _years(rest))
    return best if _clear(best) >= 4 or pressed.has_day(best) else ()


def _years(words: Iterable[Word]) -> list[int]:
    """The years that a page names, each with the one after it: a letter is stamped in the days after it was written."""
    named = {int(year) for word in words for year in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", word.text)}
    return sorted(named | {year + 1 for year in named})


def _has_digits(words: Iterable[Word]) -> bool:
    """Whether something was read that may be a part of a day; a signature has none."""
    return bool(re.search(r"\d\d.*\d", " ".join(word.text for word in words if word.confidence >= 0.5)))


def _with_day(paper: Paper, region: Region, cut: Image.Image, corner: tuple[int, int], best: tuple[Word, ...],
              recognise: Recognise, years: Sequence[int]) -> tuple[Word, ...]:
    """The words of a stamp and those of its day, found line by line or else by their shape, as a line of their own."""
    from intake.box.inside import stencil  # noqa: PLC0415 (numpy, which no other page needs)

    cut.info["dpi"] = paper.grey.info["dpi"]
    tones = _print_tones(paper.grey, region.box)
    line, sure = pressed.day_line(cut, region.slant, tones, recognise)
    size = cut.rotate(region.slant, expand=True).size
    if sure < pressed.ENOUGH and tones and pressed.has_tones(cut):
        shown = stencil.speaks(cut, region.slant, tones[len(tones) // 5], pressed.paper_of(cut))
        if shown is not None and (day := stencil.day_by_shape(shown, years)) is not None:
            line = _words_of(day, size, float(cut.info["dpi"][0]))
    last = max((word.line for word in best), default=-1) + 1
    block = max((word.block for word in best), default=0)
    found = tuple(replace(word, line=last, block=block, box=_back(
        word.box, size, cut.size, region.slant, *corner, paper.grey.size)) for word in line)
    return (*(word for word in best if not any(_common(word.box, other.box) > 0.5 for other in found)), *found)


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


def _print_tones(grey: Image.Image, box: Box) -> tuple[int, ...]:
    """The tones of the ink outside a box, from dark to pale, in 64 steps of equal share; () without any."""
    inside = grey.crop((round(box[0] * grey.width), round(box[1] * grey.height),
                        round(box[2] * grey.width), round(box[3] * grey.height))).histogram()
    counts = [max(whole - part, 0) for whole, part in zip(grey.histogram(), inside, strict=True)]
    paper = max(range(128, 256), key=lambda tone: counts[tone])
    ink = counts[:max(paper - 60, 0)]
    total, tones, passed = sum(ink), list[int](), 0
    for tone, count in enumerate(ink):
        passed += count
        tones += [tone] * (passed * 64 // max(total, 1) - len(tones))
    return tuple(tones)


def _freed(cut: Image.Image, page: tuple[int, int], left: int, top: int, rest: Sequence[Word]) -> Image.Image:
    """The region without the words of the page that were read well."""
    found = cut.copy()
    draw = ImageDraw.Draw(found)
    for word in rest:
        if word.confidence >= CLEAR:
            x0, y0, x1, y1 = word.box
            draw.rectangle((x0 * page[0] - left, y0 * page[1] - top, x1 * page[0] - left, y1 * page[1] - top), fill=255)
    return found


def _worth(words: Sequence[Word]) -> int:
    """How much of a stamp was read: a day is worth more than a few letters."""
    return _clear(words) + 20 * pressed.has_day(words) + 8 * any(is_head(word.text) for word in words)


def _cut(image: Image.Image, box: Box) -> tuple[Image.Image, int, int]:
    """A region with a margin, and where its corner lies in pixels."""
    margin = MARGIN_MM / 25.4 * image.info["dpi"][0]
    left, top = max(round(box[0] * image.width - margin), 0), max(round(box[1] * image.height - margin), 0)
    right, bottom = round(box[2] * image.width + margin), round(box[3] * image.height + margin)
    return image.crop((left, top, min(right, image.width), min(bottom, image.height))), left, top


def _only_coloured(cut: Image.Image) -> Image.Image:
    """The coloured ink alone, grey on white: black print below it is gone."""
    red, green, blue = cut.convert("RGB").split()
    high, low = ImageChops.lighter(ImageChops.lighter(red, green), blue), ImageChops.darker(ImageChops.darker(red, green), blue)
    mask = ImageChops.subtract(high, low).point([255 if value >= COLOURED else 0 for value in range(256)])
    found = Image.new("L", cut.size, 255)
    found.paste(low, (0, 0), mask.filter(ImageFilter.MaxFilter(3)))
    return found


def _back(box: Box, upright: tuple[int, int], cut: tuple[int, int], slant: float, left: int, top: int,
          page: tuple[int, int]) -> Box:
    """The box on the page of a word of the upright cut: around its four corners turned back."""
    cos, sin = math.cos(math.radians(slant)), math.sin(math.radians(slant))
    xs, ys = [], []
    for x, y in ((box[0], box[1]), (box[2], box[1]), (box[0], box[3]), (box[2], box[3])):
        dx, dy = x * upright[0] - upright[0] / 2, y * upright[1] - upright[1] / 2
        xs.append((dx * cos - dy * sin + cut[0] / 2 + left) / page[0])
        ys.append((dx * sin + dy * cos + cut[1] / 2 + top) / page[1])
    return clipped(min(xs), min(ys), max(xs), max(ys))


def _as_block(inside: Sequence[Word], rest: Sequence[Word]) -> list[Word]:
    """Words as one block after all others; their lines stay."""
    block, line = (max((getattr(word, name) for word in rest), default=-1) + 1 for name in ("block", "line"))
    order = {key: number for number, key in enumerate(dict.fromkeys((word.block, word.line) for word in inside))}
    return [replace(word, block=block, line=line + order[word.block, word.line]) for word in inside]


def _common(a: Box, b: Box) -> float:
    """Share of the smaller box that both cover."""
    common = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    least = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return common / least if least else 0.0
