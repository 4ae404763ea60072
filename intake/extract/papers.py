"""Where papers of an old building file begin: what they say of themselves at their head, beside what was learned.

The learned boundary knows letters and bylaws; a building file is made of forms, descriptions, drawings and notices that name
themselves ("Baubeschreibung", "Bauschein Nr. 12/67"), and of drawings on larger sheets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from intake.extract.bauakte import CUES, LARGE_MM
from intake.extract.dates import find_dates
from intake.vocabulary import Page, Stack, Start

BY = "rule:papers@1"
TITLE = 3.4
"""Head weight of a cue that is a title, not only a word of the field."""
HEAD_LINES, HEAD_WORDS = 9, 8
BEGINS, GOES_ON = 0.93, 0.04
LETTER_HEAD = 0.8
"""By rule, not by measurement: `tests/bench/backfile.py` says how far they carry."""
_NEXT = re.compile(r"^(?:[-–—(]\s*|(?:Seite|Blatt|S\.)\s+)(?P<number>[2-9]|[1-9]\d)\W*(?:von\s+\d+)?$", re.IGNORECASE)
_DATED = re.compile(r"\b(?:den|im)\s+(?:\d{1,2}\.|Jan|Feb|März|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)", re.IGNORECASE)
_GREETING = re.compile(r"^\s*(?:An\s+(?:das|die|den)|Herrn?|Frau|Firma|Betr(?:\.|eff|ifft)|An\s+\w+)\b", re.MULTILINE)


def with_papers(pages: Sequence[Page], seen: Stack) -> Stack:
    """`seen` by the learned boundary, raised where a page names itself as a paper, lowered where it says it goes on."""
    starts = list(seen.starts)
    for at, (before, page) in enumerate(pairwise(pages), start=1):
        sure, why = _start(before, page)
        if why and sure > starts[at].probability:
            starts[at] = Start(sure, (why, *starts[at].evidence))
        elif why and sure <= GOES_ON:
            starts[at] = Start(sure, (why,))
    firsts = tuple(at for at, one in enumerate(starts) if at == 0 or one.probability >= 0.5)
    right = 1.0
    for one in starts[1:]:
        right *= max(one.probability, 1 - one.probability)
    return replace(seen, starts=tuple(starts), firsts=firsts if pages else (), probability=round(right, 6), by=f"{seen.by}+{BY}")


def _start(before: Page, page: Page) -> tuple[float, str]:
    """How likely a page begins a paper, and why; "" where it does not say."""
    lines = [line.strip() for line in page.text.splitlines() if line.strip()][:HEAD_LINES]
    if lines and (number := _NEXT.match(lines[0])):
        return GOES_ON, f"Seite {number['number']}"
    if title := _title(lines):
        if _is_drawing(page) and _is_drawing(before) and title == _title([line.strip() for line in before.text.splitlines()]):
            return GOES_ON, "weitere Zeichnung"
        return BEGINS, f"Überschrift „{title}“"
    if _is_drawing(page) != _is_drawing(before):
        return BEGINS, "anderes Blattformat"
    head = "\n".join(lines)
    if not _is_drawing(page) and (find_dates(head) or _DATED.search(head)) and _GREETING.search(head):
        return LETTER_HEAD, "Briefkopf mit Datum und Anschrift"
    return 0.5, ""


def _title(lines: Sequence[str]) -> str:
    """The first short line at the head that is the title of a paper; "" for none."""
    for line in lines:
        if 0 < len(line.split()) <= HEAD_WORDS and not line.lower().startswith(("betr", "bezug", "anlage")):
            match = next((found for cue in CUES if cue.head >= TITLE and (found := cue.words.match(line))), None)
            if match:
                return line[:60]
    return ""


def _is_drawing(page: Page) -> bool:
    return page.script == "drawing" or max(page.width_mm, page.height_mm) > LARGE_MM
