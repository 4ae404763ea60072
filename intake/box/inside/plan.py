"""Plans: the words of the title block (Plankopf) come first, as a reader of a plan looks there first.

A title block stands in the lower right corner of the sheet and is at most as wide as the folded sheet (A4, EN ISO 7200:
180 mm inside a border of 10 mm). Where frame lines bound it they decide, else the text that stands closest together there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from intake.vocabulary import Box, Word

WIDEST_MM, HIGHEST_MM = 200.0, 300.0
BORDER_MM = 35.0
LEAST_WIDE_MM, LEAST_HIGH_MM = 60.0, 15.0
MEET_MM = 2.5  # lines that meet in a corner
DARK = 200  # a hairline on a small picture is grey
FEW = 4  # words of a title block
NEAR_MM = 14.0  # between the words of a block without a frame
RUN = re.compile(rb"\xff+(?:\x00{1,2}\xff+)*")


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line: where it lies across its direction, where it begins and ends, in mm of the corner looked at."""

    at: float
    start: float
    end: float


def title_first(words: Sequence[Word], shown: Image.Image, width_mm: float, height_mm: float) -> tuple[Word, ...]:
    """The words with those of the title block first, as blocks of their own; unchanged where there is none.

    `shown` is the upright page in any resolution from about 40 dpi.
    """
    box = title_box(words, shown, width_mm, height_mm)
    if box is None:
        return tuple(words)
    inner = [word for word in words if inside(word, box)]
    return (*(replace(word, block=2 * word.block + 1) for word in inner),
            *(replace(word, block=2 * word.block) for word in words if not inside(word, box)))


def drawn_title(words: Sequence[Word], shown: Image.Image, width_mm: float, height_mm: float) -> Box | None:
    """Where a framed title block stands that has no words in the text layer: its letters are drawn as lines."""
    corner = _corner(width_mm, height_mm)
    box = _framed(None, shown, corner, width_mm, height_mm)
    if box is None or sum(inside(word, corner) for word in words) >= FEW:
        return None
    return box


def title_box(words: Sequence[Word], shown: Image.Image, width_mm: float, height_mm: float) -> Box | None:
    """Where the title block stands; None where nothing in the lower right corner looks like one."""
    corner = _corner(width_mm, height_mm)
    near = [word for word in words if inside(word, corner)]
    if len(near) < FEW:
        return None
    framed = _framed(near, shown, corner, width_mm, height_mm)
    return framed or _dense(near, width_mm, height_mm)


def inside(word: Word, box: Box) -> bool:
    x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _corner(width_mm: float, height_mm: float) -> Box:
    """Where a title block can be: with a margin for the border of the sheet."""
    return max(1 - (WIDEST_MM + BORDER_MM) / width_mm, 0.4), max(1 - (HIGHEST_MM + BORDER_MM) / height_mm, 0.3), 1.0, 1.0


def _framed(words: Sequence[Word] | None, shown: Image.Image, corner: Box, width_mm: float, height_mm: float) -> Box | None:
    """The largest rectangle of frame lines in the corner that ends at the border of the sheet and holds words (None: or none)."""
    left, top = round(corner[0] * shown.width), round(corner[1] * shown.height)
    ink = shown.crop((left, top, shown.width, shown.height)).convert("L").point([255 if v < DARK else 0 for v in range(256)])
    scale = shown.width / width_mm
    across = list(_lines(ink, scale, LEAST_WIDE_MM))
    down = list(_lines(ink.transpose(Image.Transpose.TRANSPOSE), scale, LEAST_HIGH_MM))
    if not across or not down:
        return None
    bottom, right = max(line.at for line in across), max(line.at for line in down)
    best: tuple[float, Box] | None = None
    for upper in across:
        for side in down:
            meets = abs(upper.start - side.at) <= MEET_MM or upper.start < side.at < upper.end
            closed = meets and side.start <= upper.at + MEET_MM and side.end >= bottom - MEET_MM and upper.end >= right - MEET_MM
            wide, high = right - side.at, bottom - upper.at
            if not closed or not (LEAST_WIDE_MM <= wide <= WIDEST_MM and LEAST_HIGH_MM <= high <= HIGHEST_MM):
                continue
            box = (corner[0] + side.at / width_mm, corner[1] + upper.at / height_mm,
                   corner[0] + right / width_mm, corner[1] + bottom / height_mm)
            filled = words is None or sum(inside(word, box) for word in words) >= FEW
            if filled and (best is None or wide * high > best[0]):
                best = (wide * high, box)
    return best[1] if best else None


def _lines(ink: Image.Image, scale: float, least_mm: float) -> Iterator[Line]:
    """Rows of ink without a larger gap, at least `least_mm` long; `scale` in pixels per mm."""
    data, width = ink.tobytes(), ink.width
    for row in range(ink.height):
        for match in RUN.finditer(data[row * width:(row + 1) * width]):
            if match.end() - match.start() >= least_mm * scale:
                yield Line(row / scale, match.start() / scale, match.end() / scale)


def _dense(words: Sequence[Word], width_mm: float, height_mm: float) -> Box | None:
    """The box of the words that stand close together, of those groups the one with the most words nearest to the corner."""
    groups: list[list[Word]] = []
    for word in words:
        touching = [group for group in groups if any(_close(word, other, width_mm, height_mm) for other in group)]
        groups = [group for group in groups if group not in touching] + [[word, *(one for group in touching for one in group)]]
    best = max(groups, key=lambda group: len(group) * max(word.box[2] + word.box[3] for word in group))
    if len(best) < FEW:
        return None
    return (min(word.box[0] for word in best), min(word.box[1] for word in best),
            max(word.box[2] for word in best), max(word.box[3] for word in best))


def _close(one: Word, other: Word, width_mm: float, height_mm: float) -> bool:
    aside = max(one.box[0] - other.box[2], other.box[0] - one.box[2], 0.0) * width_mm
    apart = max(one.box[1] - other.box[3], other.box[1] - one.box[3], 0.0) * height_mm
    return aside <= NEAR_MM and apart <= 0.8 * NEAR_MM
