"""Words and their boxes: joining them to text, turning them with the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from intake.vocabulary import Box, Word


def text_of(words: Sequence[Word]) -> str:
    """The printed text: words joined by blanks within a line, newline between lines, a blank line between blocks."""
    pieces: list[str] = []
    before: Word | None = None
    for word in words:
        if before is not None:
            pieces.append("\n\n" if word.block != before.block else "\n" if word.line != before.line else " ")
        pieces.append(word.text)
        before = word
    return "".join(pieces)


def turned(box: Box, rotation: int) -> Box:
    """A box after the page is turned clockwise by `rotation` (0, 90, 180, 270) degrees."""
    x0, y0, x1, y1 = box
    if rotation == 90:
        return 1 - y1, x0, 1 - y0, x1
    if rotation == 180:
        return 1 - x1, 1 - y1, 1 - x0, 1 - y0
    if rotation == 270:
        return y0, 1 - x1, y1, 1 - x0
    return box


def clipped(x0: float, y0: float, x1: float, y1: float) -> Box:
    """A box cut to the page, rounded to a hundred-thousandth (0.003 mm on A4)."""
    return tuple(round(min(max(value, 0.0), 1.0), 5) for value in (x0, y0, x1, y1))  # type: ignore[return-value]


def renumbered(words: Iterable[Word]) -> tuple[Word, ...]:
    """The same words with lines and blocks counted from 0 without gaps."""
    found: list[Word] = []
    lines: dict[tuple[int, int], int] = {}
    blocks: dict[int, int] = {}
    for word in words:
        block = blocks.setdefault(word.block, len(blocks))
        line = lines.setdefault((word.block, word.line), len(lines))
        found.append(word if (word.line, word.block) == (line, block) else replace(word, line=line, block=block))
    return tuple(found)


def mean_confidence(words: Sequence[Word]) -> float:
    """Mean confidence 0..1 weighted by length; 0 without words."""
    letters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / letters if letters else 0.0
