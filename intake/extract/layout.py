"""From words to lines with places in mm: what all extractors see of a page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from intake.vocabulary import Box, Evidence, Page, Word

Millimetre_Box = tuple[float, float, float, float]
GAP_MM = 6.0
"""A wider gap inside a printed line (or 2.5 times the height of its words) separates columns."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that stand side by side without a wide gap; `page` counts the document's pages from 1.

    `box` is x0, y0, x1, y1 in mm from the top left as if the page lay straight; None when the reader gave a text
    without places. `text` is the words joined by single blanks (`words_at` leads from characters back to words).
    """

    page: int
    words: tuple[Word, ...]
    text: str
    box: Millimetre_Box | None = None

    @property
    def left(self) -> float:
        return self.box[0] if self.box else 0.0

    @property
    def top(self) -> float:
        return self.box[1] if self.box else 0.0

    @property
    def right(self) -> float:
        return self.box[2] if self.box else 0.0

    @property
    def bottom(self) -> float:
        return self.box[3] if self.box else 0.0

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def words_at(self, start: int, end: int) -> tuple[Word, ...]:
        """The words that characters `start` to `end` of `text` touch; () where the reader gave no words."""
        found: list[Word] = []
        at = 0
        for word in self.words:
            if at < end and at + len(word.text) > start:
                found.append(word)
            at += len(word.text) + 1
        return tuple(found)


def segments(number: int, page: Page) -> tuple[Segment, ...]:
    """The segments of a page in reading order; lines of `page.text` without places when there are no words."""
    if not page.words:
        return tuple(Segment(number, (), line.strip()) for line in page.text.splitlines() if line.strip())
    slope = slope_of(page)
    found: list[Segment] = []
    row: list[Word] = []
    for word in page.words:
        if row and _breaks(row[-1], word, page):
            found.append(_segment(number, page, row, slope))
            row = []
        if word.text.strip():
            row.append(word)
    if row:
        found.append(_segment(number, page, row, slope))
    return tuple(found)


def slope_of(page: Page) -> float:
    """By how many mm the printed lines sink for each mm to the right (the median of the lines; 0 when unsure)."""
    slopes: list[float] = []
    first: Word | None = None
    last: Word | None = None
    for word in (*page.words, None):
        if word and last and (word.block, word.line) == (last.block, last.line):
            last = word
            continue
        if first and last and (run := (_middle(last)[0] - _middle(first)[0]) * page.width_mm) > 40:
            slopes.append((_middle(last)[1] - _middle(first)[1]) * page.height_mm / run)
        first = last = word
    slopes.sort()
    middle = slopes[len(slopes) // 2] if len(slopes) >= 5 else 0.0
    return middle if abs(middle) < 0.1 else 0.0


def _middle(word: Word) -> tuple[float, float]:
    return (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2


def _breaks(before: Word, word: Word, page: Page) -> bool:
    if (before.block, before.line) != (word.block, word.line):
        return True
    height = max(before.box[3] - before.box[1], word.box[3] - word.box[1]) * page.height_mm
    gap = (word.box[0] - before.box[2]) * page.width_mm
    return gap > max(GAP_MM, 2.5 * height) or gap < -20.0


def _segment(number: int, page: Page, words: Sequence[Word], slope: float) -> Segment:
    """`words` (at least one) as one segment, their places turned back by the slope of the page."""
    wide, high = page.width_mm, page.height_mm
    places = []
    for word in words:
        x, y = _middle(word)
        down, aside = slope * (x - 0.5) * wide, slope * (y - 0.5) * high
        x0, y0, x1, y1 = word.box
        places.append((x0 * wide + aside, y0 * high - down, x1 * wide + aside, y1 * high - down))
    return Segment(number, tuple(words), " ".join(word.text for word in words), union(places))


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box that covers all `boxes`; raises ValueError when there are none."""
    corners = list(zip(*boxes, strict=True))
    if not corners:
        raise ValueError("union of no boxes")
    return min(corners[0]), min(corners[1]), max(corners[2]), max(corners[3])


def evidence(by: str, page: int, words: Sequence[Word], text: str = "") -> Evidence:
    """The place of `words` on a page; without words only page and text."""
    if not words:
        return Evidence(by, page, None, text)
    return Evidence(by, page, union(word.box for word in words), text or " ".join(word.text for word in words))


def legibility(words: Sequence[Word]) -> float:
    """How surely the least sure of `words` was read, 0..1; 1 without words (a text needs no recognition)."""
    return min((word.confidence for word in words), default=1.0)


def rows(found: Sequence[Segment]) -> tuple[tuple[Segment, ...], ...]:
    """Segments with places, grouped into printed rows (vertical overlap of more than half) from top to bottom.

    What stands one above the other is never one row, however high the box of a line is that lies aslant.
    """
    grouped: list[list[Segment]] = []
    for segment in sorted((one for one in found if one.box), key=lambda one: (one.top + one.bottom, one.left)):
        last = grouped[-1] if grouped else None
        if last and overlap(last[-1], segment) > 0.5 and not any(_above_each_other(one, segment) for one in last):
            last.append(segment)
        else:
            grouped.append([segment])
    return tuple(tuple(sorted(row, key=lambda one: one.left)) for row in grouped)


def _above_each_other(one: Segment, other: Segment) -> bool:
    """Whether two segments share half of the shorter one's width and their middles lie more than 1.5 mm apart."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    apart = abs(one.top + one.bottom - other.top - other.bottom) / 2
    return apart > 1.5 and shared > 0.5 * max(0.1, min(one.right - one.left, other.right - other.left))


def overlap(one: Segment, other: Segment) -> float:
    """The share of the lower of two segments that the other covers vertically, 0..1."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, shared) / max(0.1, min(one.height, other.height))
