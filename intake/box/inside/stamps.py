"""Rubber stamps: where a page looks like one, and its words read again where they stand slanted or over print.

A region is what is left of the ink when the words that were read well are taken away, or what is coloured on a page that is
otherwise black and white, in one place and of the size of a stamp. Whether it is one is told by its slant against the page,
by a word that only a receipt stamp begins with, or by its colour. Everything is looked for on the small copies that reading
has anyway; only what is found is cut out of the large picture, turned upright and recognised a second time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from intake.box.inside.blank import spots_of
from intake.box.inside.geometry import INK, sharpness
from intake.box.inside.words import clipped, mean_confidence
from intake.vocabulary import Box, Word

CELL_MM = 2.5
ACROSS_MM, DOWN_MM = (16.0, 105.0), (7.0, 75.0)  # of a stamp with the box around it when slanted
LEAST, MOST = 0.02, 0.12  # ink in a cell of a stamp; coloured share of a page that is coloured all over
COLOURED = 45  # difference of two channels that only an ink pad makes
CLEAR = 0.75  # confidence of a word that was read well
STEEPEST = 17
SLANTED, PEAK = 2.0, 1.25  # degrees against the page; sharpness at the slant over the typical one
BLOCK = 6  # Tesseract's page segmentation for one block of text
MARGIN_MM = 2.5
MOST_REGIONS = 4
HEADS = re.compile(r"^[\W_]*(post)?[ec][il1]n?(gang|gegangen|geg|g\.)(sstempel)?[:.]?[\W_]*$", re.IGNORECASE)
GAP_MM = 5.0  # between a stamp and print beside it that recognition put into one line


@dataclass(frozen=True, slots=True)
class Region:
    """A place that may hold a stamp: its box, its slant in degrees clockwise, and whether it was found by its colour."""

    box: Box
    slant: float
    coloured: bool


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


def stamped(paper: Paper, words: Sequence[Word], recognise: Callable[[Image.Image], tuple[Word, ...]],
            coloured: Callable[[], Image.Image]) -> tuple[tuple[Word, ...], tuple[Box, ...]]:
    """The page's words with those of each stamp as a block of its own at the end, and the boxes of the stamps.

    `recognise` reads one block of text; `coloured` gives the upright page in colour, as large as the grey one.
    """
    found: list[Box] = []
    for region in regions(paper, words):
        rest, inside = _parted(words, region.box, paper.width_mm)
        again = () if _is_read(inside, region, paper.skew) else _read_again(paper, region, rest, recognise, coloured)
        if _clear(again) > _clear(inside) or (again and not inside):
            inside = [*again]
        elif not _is_stamp(region, inside, paper.skew):
            continue
        found.append(region.box)
        words = (*rest, *_as_block(inside, rest))
    return tuple(words), tuple(found)


def regions(paper: Paper, words: Sequence[Word]) -> tuple[Region, ...]:
    """Where stamps may be, coloured ones first; none overlaps another."""
    found: list[Region] = []
    colours = _colours(paper.shown)
    for mask, coloured in ((colours, True), (_left_over(paper.ink, words), False)):
        if mask is None:
            continue
        for box in _clusters(mask, paper):
            slant, clear = _slant(mask, box)
            turned = clear and abs(slant - paper.skew) >= SLANTED
            if any(_common(box, other.box) > 0.2 for other in found) or not (coloured or turned or _has_head(words, box)):
                continue
            found.append(Region(box, slant if turned else paper.skew, coloured))
    return tuple(found[:MOST_REGIONS])


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
    """Boxes of ink that lies together, of the size of a stamp, the largest first."""
    size = (max(round(paper.width_mm / CELL_MM), 2), max(round(paper.height_mm / CELL_MM), 2))
    cells = mask.resize(size, Image.Resampling.BOX).point([255 if value >= LEAST * 255 else 0 for value in range(256)])
    found = []
    for spot in spots_of(cells.filter(ImageFilter.MaxFilter(3))):
        edges = (spot.x0 + 1, spot.y0 + 1, spot.x1 - 1, spot.y1 - 1)  # without what the filter added
        left, right = (round(edge * mask.width / size[0]) for edge in (edges[0], edges[2]))
        top, bottom = (round(edge * mask.height / size[1]) for edge in (edges[1], edges[3]))
        inner = mask.crop((max(left, 0), max(top, 0), right, bottom)).getbbox()
        if inner is None:
            continue
        across = (inner[2] - inner[0]) / mask.width * paper.width_mm
        down = (inner[3] - inner[1]) / mask.height * paper.height_mm
        if ACROSS_MM[0] <= across <= ACROSS_MM[1] and DOWN_MM[0] <= down <= DOWN_MM[1]:
            found.append(clipped((left + inner[0]) / mask.width, (top + inner[1]) / mask.height,
                                 (left + inner[2]) / mask.width, (top + inner[3]) / mask.height))
    return sorted(found, key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))


def _slant(mask: Image.Image, box: Box) -> tuple[float, bool]:
    """The degrees by which lines in a box of ink fall, and whether they clearly do."""
    cut = mask.crop((round(box[0] * mask.width) - 4, round(box[1] * mask.height) - 4,
                     round(box[2] * mask.width) + 4, round(box[3] * mask.height) + 4))
    scores = {degrees: sharpness(cut, math.tan(math.radians(degrees))) for degrees in range(-STEEPEST, STEEPEST + 1)}
    best = max(scores, key=lambda degrees: scores[degrees])
    clear = scores[best] >= PEAK * sorted(scores.values())[len(scores) // 2]
    fine = {best + step / 4: sharpness(cut, math.tan(math.radians(best + step / 4))) for step in range(-3, 4)}
    return max(fine, key=lambda degrees: fine[degrees]), clear


def _has_head(words: Iterable[Word], box: Box) -> bool:
    return any(HEADS.match(word.text) and _within(word, box) for word in words)


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


def _is_read(inside: Sequence[Word], region: Region, skew: float) -> bool:
    """True when the words of a place were read well the first time."""
    return abs(region.slant - skew) < 1.5 * SLANTED and _clear(inside) >= 12 and mean_confidence(inside) >= 0.85


def _is_stamp(region: Region, inside: Sequence[Word], skew: float) -> bool:
    return _has_head(inside, region.box) or abs(region.slant - skew) >= SLANTED


def _read_again(paper: Paper, region: Region, rest: Sequence[Word], recognise: Callable[[Image.Image], tuple[Word, ...]],
                coloured: Callable[[], Image.Image]) -> tuple[Word, ...]:
    """The words of a region cut out, freed of what runs through it, and turned upright; boxes are of the page."""
    cut, left, top = _cut(coloured() if region.coloured else paper.grey, region.box)
    if region.coloured:
        cut = _only_coloured(cut)
    else:
        draw = ImageDraw.Draw(cut)
        for word in rest:
            if word.confidence >= CLEAR:
                x0, y0, x1, y1 = word.box
                draw.rectangle((x0 * paper.grey.width - left, y0 * paper.grey.height - top,
                                x1 * paper.grey.width - left, y1 * paper.grey.height - top), fill=255)
    upright = cut.rotate(region.slant, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    upright.info["dpi"] = paper.grey.info["dpi"]
    found = []
    for word in recognise(upright):
        if word.confidence >= 0.4 and any(character.isalnum() for character in word.text):
            found.append(replace(word, box=_back(word.box, upright.size, cut.size, region.slant, left, top, paper.grey.size)))
    return tuple(found) if _clear(found) >= 4 else ()


def _cut(image: Image.Image, box: Box) -> tuple[Image.Image, int, int]:
    """A region with a margin, and where its corner lies in pixels."""
    margin = MARGIN_MM / 25.4 * image.info["dpi"][0]
    left, top = max(round(box[0] * image.width - margin), 0), max(round(box[1] * image.height - margin), 0)
    right, bottom = min(round(box[2] * image.width + margin), image.width), min(round(box[3] * image.height + margin), image.height)
    return image.crop((left, top, right, bottom)), left, top


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
