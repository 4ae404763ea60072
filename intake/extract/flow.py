"""A page as one running text that still knows its words: for values that go on over line ends. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from intake.extract.layout import GAP_MM, evidence, legibility
from intake.vocabulary import Evidence, Page, Proposal, Word

_CLOSED = re.compile(r"(?<=[a-zäöüß])[-\u00ad\u00ac\u2010]\s*\n\s*(?=[a-zäöüß])(?!(?:und|oder|bzw|sowie|bis)\b)")
_KEPT = re.compile(r"(?<=[A-Za-zäöüß])([-\u2010])\s*\n\s*(?=[A-ZÄÖÜ])")


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line of a flow: characters start..end of its text without blanks around it, `text` what stands there."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Flow:
    """`text` has one line for each printed line, a blank line between blocks and a tab at a wide gap inside a line.

    `spans` are (start, end) of the words in `text`, in order; both are empty where the reader gave no words.
    """

    page: int
    text: str
    spans: tuple[tuple[int, int], ...] = ()
    words: tuple[Word, ...] = ()

    def words_at(self, start: int, end: int) -> tuple[Word, ...]:
        """The words that characters `start` to `end` touch; () where the reader gave no words."""
        first = bisect_left(self.spans, start, key=lambda span: span[1] - 1)
        found = []
        for index in range(first, len(self.spans)):
            if self.spans[index][0] >= end:
                break
            found.append(self.words[index])
        return tuple(found)

    def evidence(self, by: str, start: int, end: int) -> Evidence:
        """The place of characters `start` to `end`."""
        return evidence(by, self.page, self.words_at(start, end), " ".join(self.text[start:end].split()))

    def lines(self) -> Iterator[Line]:
        """The lines in order, blank ones with an empty text."""
        at = 0
        for line in self.text.split("\n"):
            text = line.strip()
            start = at + (line.index(text) if text else 0)
            yield Line(start, start + len(text), text)
            at += len(line) + 1


def flow(number: int, page: Page) -> Flow:
    """The running text of a page; `page.text` as it is when there are no words."""
    if not page.words:
        return Flow(number, page.text.replace("\t", " "))  # a text without places knows no wide gaps
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    words = tuple(word for word in page.words if word.text)
    at = 0
    for before, word in pairwise((None, *words)):
        assert word is not None
        between = _between(before, word, page) if before else ""
        pieces.extend((between, word.text))
        spans.append((at + len(between), at + len(between) + len(word.text)))
        at = spans[-1][1]
    return Flow(number, "".join(pieces), tuple(spans), words)


def _between(before: Word, word: Word, page: Page) -> str:
    if before.block != word.block:
        return "\n\n"
    if before.line != word.line:
        return "\n"
    gap = (word.box[0] - before.box[2]) * page.width_mm
    return "\t" if gap > max(GAP_MM, 2.5 * (word.box[3] - word.box[1]) * page.height_mm) else " "


def closed(text: str) -> str:
    """`text` on one line: a hyphen at a line end is closed before small letters and kept before capitals."""
    return " ".join(_KEPT.sub(r"\1", _CLOSED.sub("", text)).split())


def proposal(name: str, value: str, sure: float, by: str, where: Flow, start: int, end: int,
             checks: tuple[str, ...] = ()) -> Proposal:
    """A proposal that is proven by characters `start` to `end` of a flow, scaled by how legible they were."""
    sure *= 0.6 + 0.4 * legibility(where.words_at(start, end))
    raw = closed(where.text[start:end])
    return Proposal(name, value, round(min(1.0, sure), 3), (where.evidence(by, start, end),), "" if raw == value else raw, checks)
