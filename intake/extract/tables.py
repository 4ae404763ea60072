"""Printed rows of a whole document, and what stands beside or below a label. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from intake.extract.layout import Segment, rows, segments, union
from intake.keys import fold
from intake.vocabulary import Page

BELOW_MM = 9.0
"""A value stands at most this far below the label of its column."""
_TORN = re.compile(r"(?<![\d,])[\d.]{1,7}\|[\d.]{0,7}\d?,\d{2}\b")
_SEPARATOR = re.compile(r"^[\s:.#=|·•*-]+")


@dataclass(frozen=True, slots=True)
class Spot:
    """Characters start..end of a segment; `where` says how a value stands to its label: after, right, below."""

    segment: Segment
    start: int
    end: int
    where: str = "after"

    @property
    def text(self) -> str:
        return self.segment.text[self.start:self.end]


@dataclass(frozen=True, slots=True)
class Row:
    """What is printed side by side on one height of a page; `place` 0..1 is how far down in the document it is."""

    page: int
    segments: tuple[Segment, ...]
    place: float

    @property
    def text(self) -> str:
        return "  ".join(segment.text for segment in self.segments)


def squeezed(text: str) -> str:
    """`text` folded, without anything but letters and digits: labels are equal whatever blanks recognition put in."""
    return re.sub(r"[^a-z0-9]", "", fold(text))


def grid(pages: Sequence[Page]) -> tuple[Row, ...]:
    """All printed rows in order; where the reader gave no places, every line is a row."""
    found: list[tuple[int, tuple[Segment, ...]]] = []
    for number, page in enumerate(pages, start=1):
        pieces = segments(number, page)
        found += [(number, _mended(row)) for row in rows(pieces)] if any(one.box for one in pieces) else [
            (number, (one,)) for one in pieces]
    return tuple(Row(page, row, index / max(1, len(found) - 1)) for index, (page, row) in enumerate(found))


def _mended(row: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The row with numbers in one piece that recognition tore apart ("47" and "3,00" closer than any blank)."""
    whole: list[Segment] = []
    for segment in row:
        last = whole[-1] if whole else None
        if last and last.words and segment.words and segment.left - last.right < 0.2 * segment.height and (
                _TORN.search(f"{last.text}|{segment.text}")):
            left, right = last.words[-1], segment.words[0]
            joined = replace(left, text=left.text + right.text, box=union((left.box, right.box)),
                             confidence=min(left.confidence, right.confidence))
            words = (*last.words[:-1], joined, *segment.words[1:])
            box = union((last.box, segment.box)) if last.box and segment.box else None
            whole[-1] = Segment(segment.page, words, " ".join(word.text for word in words), box)
        else:
            whole.append(segment)
    return tuple(whole)


def values_of(lines: Sequence[Row], index: int, column: int, end: int) -> Iterator[Spot]:
    """Where the value of a label may stand that ends at character `end` of segment `column` in row `index`.

    In this order: after it in the same segment, to its right, below it (in the first row that has anything there).
    """
    segment = lines[index].segments[column]
    rest = segment.text[end:]
    skipped = _SEPARATOR.match(rest)
    start = end + (skipped.end() if skipped else 0)
    if segment.text[start:].strip():
        yield Spot(segment, start, len(segment.text))
    for other in lines[index].segments[column + 1:column + 3]:
        skipped = _SEPARATOR.match(other.text)
        yield Spot(other, skipped.end() if skipped else 0, len(other.text), "right")
    yield from _below(lines, index, segment)


def _below(lines: Sequence[Row], index: int, label: Segment) -> Iterator[Spot]:
    for row in lines[index + 1:index + 5]:
        if row.page != label.page:
            return
        if label.box is None:
            yield Spot(row.segments[0], 0, len(row.segments[0].text), "below")
            return
        if row.segments[0].top - label.bottom > BELOW_MM:
            return
        for other in row.segments:
            shared = min(other.right, label.right) - max(other.left, label.left)
            if shared > 0.3 * min(other.right - other.left, label.right - label.left):
                yield Spot(other, 0, len(other.text), "below")
