"""Where things stand on a German business letter: the zones of DIN 5008 in mm, found with a tolerance of 8 mm. Pure.

Coordinates after DIN 5008 (cross-checked with KOMA-Script's DIN5008A.lco and DIN5008B.lco): address field 20..105 mm
from the left, 27..72 mm (form A) or 45..90 mm (form B) from the top; Informationsblock from 125 mm at 32 or 50 mm;
Bezugszeichenzeile at 80.5 or 98.5 mm; the Betreff below them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from intake.extract.layout import Segment, overlap, rows, segments, union
from intake.keys import fold
from intake.vocabulary import Material, Page, Word

TOLERANCE = 8.0
ADDRESS = (20.0, 27.0, 105.0, 90.0)
INFO_LEFT, INFO_TOP, INFO_BOTTOM = 100.0, 24.0, 108.0
SUBJECT_BOTTOM = 175.0
VALUES = 30.0  # mm from the edge of the Informationsblock to its values, at least
NARROW = 0.8  # mm; no letter that stands alone is narrower

SALUTATION = re.compile(r"^(sehr (ver)?e?h?geehrte|guten (tag|morgen|abend)|liebe[rs]? |hallo\b|moin\b|werte[rs]? )",
                        re.IGNORECASE)
SUBJECT_WORD = re.compile(r"^\s*(betreff|betr|betrifft)\s*(?:\.\s*:?|:)\s*", re.IGNORECASE)
BEZUG_WORD = re.compile(r"^\s*(bezug|bez|anlagen?|nachrichtlich|zum schreiben|(ihr|mein|unser)e? "
                        r"(schreiben|antrag|anfrage|nachricht|e-?mail)\b.{0,20}\bvom)\b", re.IGNORECASE)
_LABELS: tuple[tuple[str, str], ...] = (
    ("your_reference", r"ihre? (?:zeichen|az|aktenzeichen|geschaeftszeichen|gz)\b(?:, ihre nachricht vom)?"),
    ("our_reference", r"(?:unsere?|meine?) (?:zeichen|az|aktenzeichen|geschaeftszeichen|gz)\b"
                      r"(?:, (?:unsere|meine) nachricht vom)?"),
    ("our_reference", r"(?:aktenzeichen|geschaeftszeichen|gesch\.? ?-? ?[z2](?:eichen)?|azz?|gz)\b"),
    ("cash_reference", r"(?:kassenzeichen|buchungszeichen)\b"),
    ("letter_date", r"datum\b"),
    ("", r"(?:ihre|unsere|meine) nachricht(?: vom)?|(?:telefon|telefax|tel|fax|e-?mail|name|durchwahl|zimmer)\b|"
         r"bearbeite(?:r|rin|t von)\b|ansprechpartner(?:in)?\b|auskunft erteilt\b|sachbearbeiter(?:in)?\b"),
)
_LABEL = tuple((name, re.compile(rf"({pattern})\s*[.:;!]*\s*")) for name, pattern in _LABELS)
_WHOLE = {"ihrzeichen": "your_reference", "unserzeichen": "our_reference", "meinzeichen": "our_reference",
          "aktenzeichen": "our_reference", "geschaeftszeichen": "our_reference", "kassenzeichen": "cash_reference"}
"""Leading words that are also known with a letter or two misread, where they stand alone."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value at a leading word: `name` is the field ("" for one without interest), `text` and `words` the value."""

    name: str
    segment: Segment
    words: tuple[Word, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Zones:
    """What was found on one page of a document. `page` counts from 1; `scale` is whether the mm can be trusted (A4)."""

    page: int
    scale: bool
    all: tuple[Segment, ...]
    address: tuple[Segment, ...]
    info: tuple[Segment, ...]
    labelled: tuple[Labelled, ...]
    subject: tuple[Segment, ...]
    salutation: Segment | None

    def reference(self) -> tuple[Segment, ...]:
        """The segments of the reference zone: Informationsblock, values at leading words, Betreff and Bezug."""
        top = [segment for segment in self.all if segment.box is None or segment.top < SUBJECT_BOTTOM]
        bezug = [segment for segment in top if BEZUG_WORD.match(segment.text) and self._above_salutation(segment)]
        found = [*self.info, *(one.segment for one in self.labelled if one.name), *self.subject, *bezug]
        return tuple({id(segment): segment for segment in found}.values())

    def _above_salutation(self, segment: Segment) -> bool:
        if self.salutation is None:
            return False
        return self.all.index(segment) < self.all.index(self.salutation)


def zones(material: Material) -> tuple[Zones, ...]:
    """The zones of the first page, and of every later page that looks like the first page of a letter."""
    return _of_pages(material.pages)


@lru_cache(maxsize=8)
def _of_pages(pages: tuple[Page, ...]) -> tuple[Zones, ...]:
    """Asked by four extractors of the same document, one after the other, and more costly than what they do with it."""
    found: list[Zones] = []
    for number, page in enumerate(pages, start=1):
        here = downwards(tuple(part for segment in segments(number, page) for part in _parted(segment)))
        if number == 1 or any(SALUTATION.match(segment.text) for segment in here):
            found.append(_zones(number, page, here))
    return tuple(found)


def _parted(segment: Segment) -> tuple[Segment, ...]:
    """Two leading words that the reader took for one line ("Ihr Zeichen Unser Zeichen", columns set narrowly) as two segments.

    A return line that runs into the Informationsblock is parted before the leading word there, or before the sign.
    """
    _, end = label_of(segment.text)
    rest = segment.text[end:].strip() if end else _of_block(segment)
    if not rest or segment.box is None or (end and label_of(rest)[0] is None):
        return (segment,)
    words = segment.words_at(len(segment.text) - len(rest), len(segment.text))
    first = segment.words[:len(segment.words) - len(words)]
    if not first or not words:
        return (segment,)
    x0, y0, x1, y1 = segment.box
    scale = (x1 - x0) / max(1e-6, segment.words[-1].box[2] - segment.words[0].box[0])
    middle = [x0 + (word.box[side] - segment.words[0].box[0]) * scale for word, side in ((first[-1], 2), (words[0], 0))]
    return (Segment(segment.page, first, " ".join(word.text for word in first), (x0, y0, middle[0], y1)),
            *_parted(Segment(segment.page, words, " ".join(word.text for word in words), (middle[1], y0, x1, y1))))


def _of_block(segment: Segment) -> str:
    """The end of a long line that stands in the Informationsblock: a leading word with its colon, or a sign, else ""."""
    if segment.box is None or segment.left > INFO_LEFT - TOLERANCE or not INFO_TOP <= segment.top <= INFO_BOTTOM:
        return ""
    scale = (segment.right - segment.left) / max(1e-6, segment.words[-1].box[2] - segment.words[0].box[0])
    lefts = [segment.left + (word.box[0] - segment.words[0].box[0]) * scale for word in segment.words]
    for number in range(1, len(segment.words)):
        rest = " ".join(one.text for one in segment.words[number:])
        name, end = label_of(rest)
        if name and ":" in rest[:end + 1] and lefts[number] >= INFO_LEFT - TOLERANCE:
            return rest
    last = segment.words[-1].text
    sign = len(re.findall(r"\d", last)) >= 4 and re.search(r"\d[/-]\d", last)
    return last if sign and len(segment.words) > 1 and lefts[-1] >= INFO_LEFT + VALUES else ""


def downwards(found: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Segments row by row from the top; recognition may give the Informationsblock after the text left of it."""
    return tuple(segment for row in rows(found) for segment in row) if all(one.box for one in found) else found


def is_a4(page: Page) -> bool:
    """Whether the page is an upright A4 sheet within the tolerance of scanners, so that zones in mm hold."""
    return abs(page.width_mm - 210) <= 8 and abs(page.height_mm - 297) <= 14


def _zones(number: int, page: Page, here: tuple[Segment, ...]) -> Zones:
    scale = is_a4(page) and any(segment.box for segment in here)
    salutation = next((segment for segment in here if SALUTATION.match(segment.text)), None)
    address = _address(here, salutation) if scale else ()
    info = tuple(segment for segment in here if scale and segment.left >= INFO_LEFT - TOLERANCE
                 and INFO_TOP <= segment.top <= INFO_BOTTOM and _above(segment, salutation))
    labelled = _labelled(here, salutation)
    subject = _subject(here, salutation, [*address, *info, *(one.segment for one in labelled)])
    return Zones(number, scale, here, address, info, labelled, subject, salutation)


def _above(segment: Segment, salutation: Segment | None) -> bool:
    return salutation is None or salutation.box is None or segment.bottom <= salutation.top + 1.0


def _address(here: Sequence[Segment], salutation: Segment | None) -> tuple[Segment, ...]:
    """The lines of the address field, top to bottom, up to the line with the postcode where there is one."""
    left, top, right, bottom = ADDRESS
    inside = [one for one in here if left - TOLERANCE <= one.left <= 50 and one.right <= right + TOLERANCE
              and top - TOLERANCE <= one.top and one.bottom <= bottom + TOLERANCE and _above(one, salutation)]
    inside.sort(key=lambda segment: segment.top)
    towns = [index for index, segment in enumerate(inside) if re.match(r"(?:D\s?-\s?)?\d{5}\s+\S", segment.text)]
    return tuple(inside[:towns[-1] + 1] if towns else inside)


def _labelled(here: Sequence[Segment], salutation: Segment | None) -> tuple[Labelled, ...]:
    """Values at leading words above the salutation (or in the upper part of a page without one)."""
    found: list[Labelled] = []
    for index, first in enumerate(here):
        segment = first
        if salutation is not None and segment is salutation:
            break
        if segment.box and (segment.top > SUBJECT_BOTTOM or not _above(segment, salutation)):
            continue
        if segment.box is None and index > 25:
            break
        name, end = label_of(segment.text)
        if name is None and segment.box and len(segment.text) >= 3:
            segment = _whole_label(here, segment)
            name, end = label_of(segment.text)
        if name is not None and (value := _value(here, segment, end)):
            found.append(Labelled(name, *value))
    return tuple(found)


def _whole_label(here: Sequence[Segment], first: Segment) -> Segment:
    """A leading word that recognition broke in two ("Ihr Zei", "ichen") as one; else the segment as it is."""
    for one in here:
        if one is not first and one.box and first.box and overlap(one, first) > 0.5 and first.left < one.left < first.right + 2.0:
            whole = Segment(first.page, (*first.words, *one.words), f"{first.text} {one.text}", union((first.box, one.box)))
            if label_of(one.text)[0] is None and label_of(whole.text)[1] == len(whole.text):
                return whole
    return first


def _is_speck(one: Segment) -> bool:
    """Whether a segment is hardly a value: one letter, narrow or not read surely (the colon behind a leading word)."""
    return len(re.findall(r"[^\W_]", one.text)) <= 1 and (
        one.right - one.left < NARROW or all(word.confidence < 0.6 for word in one.words))


def label_of(text: str) -> tuple[str | None, int]:
    """The field a text's leading word stands for ("" for one without interest, None for no label) and where it ends."""
    folded = fold(text)
    for name, pattern in _LABEL:
        if match := pattern.match(folded):
            # the folded text is longer by one for each umlaut before the end of the label
            longer = sum(1 for char in text[:match.end()] if char in "äöüÄÖÜß")
            return name, match.end() - longer
    bare = re.sub(r"[^a-z]", "", folded)
    if 9 <= len(bare) <= 18 and len(folded) <= 22 and not re.search(r"\d", folded):
        close = max(_WHOLE, key=lambda word: SequenceMatcher(None, bare, word).ratio())
        if SequenceMatcher(None, bare, close).ratio() >= 0.8:
            return _WHOLE[close], len(text)
    return None, 0


def _value(here: Sequence[Segment], label: Segment, end: int) -> tuple[Segment, tuple[Word, ...], str] | None:
    """The value of a label: the rest of its segment, else what stands right of it, else what stands below it."""
    rest = label.text[end:].strip(" .:")
    if rest:
        start = label.text.find(rest, end)
        return label, label.words_at(start, start + len(rest)), rest
    if label.box is None:
        return None
    others = [segment for segment in here if segment.box and segment is not label and not _is_speck(segment)
              and not {*segment.words} & {*label.words}]
    in_row = [one for one in others if overlap(one, label) > 0.5 and one.left >= label.right]
    right = min(in_row, key=lambda one: one.left, default=None)
    next_label = min((one.left for one in in_row if label_of(one.text)[0] is not None), default=1e9)
    below = min((one for one in others if 0.0 <= one.top - label.bottom + 1.5 <= 9.0 and one.left < label.right + 8
                 and one.right > label.left - 2 and (abs(one.left - label.left) < 12 or one.left < label.left < one.right - 4)),
                key=lambda one: one.top, default=None)
    labels_in_row = any(label_of(one.text)[0] is not None for one in in_row)
    for one in ((below, right) if labels_in_row else (right, below)):
        if one is not None and label_of(one.text)[0] is None and one.left - label.right < 60:
            shared = one is below and (one.right > next_label or one.left < label.left - 12) and labels_in_row
            own = _column(one, label, next_label) if shared else one.words
            if own or not shared:
                return one, own, " ".join(word.text for word in own) if own else one.text
    return None


def _column(value: Segment, label: Segment, end: float) -> tuple[Word, ...]:
    """The words of a line of values that stand below one label, where the gap to the next column was too narrow to part them."""
    box = value.box or (0.0, 0.0, 1.0, 1.0)
    first, last = value.words[0].box[0], value.words[-1].box[2]
    scale = (box[2] - box[0]) / max(1e-6, last - first)
    places = [(box[0] + (word.box[0] - first) * scale, word) for word in value.words]
    return tuple(word for left, word in places if label.left - 4.0 <= left < end - 2.0)


def _subject(here: Sequence[Segment], salutation: Segment | None, taken: Sequence[Segment]) -> tuple[Segment, ...]:
    """The lines of the Betreff: those at the word Betreff, else the block right above the salutation."""
    used = {id(segment) for segment in taken}
    for index, segment in enumerate(here):
        if SUBJECT_WORD.match(segment.text) and (segment.box is None or segment.top < SUBJECT_BOTTOM):
            return _whole_lines((segment, *_same_block(segment, here[index + 1:], used, salutation)), here)
    if salutation is None:
        return ()
    before = list(here[:here.index(salutation)])
    if salutation.box is not None:
        before = [segment for row in rows(before) for segment in row if segment.bottom <= salutation.top + 2.0]
        lowest = max((segment.bottom for segment in taken if segment.box and segment.left < 90), default=40.0)
        before = [segment for segment in before if segment.left < 75 and segment.top > lowest - 1.0]
    else:
        before = before[-4:]
    free = [segment for segment in before if id(segment) not in used and label_of(segment.text)[0] is None
            and re.search(r"[^\W_]{3}", segment.text)]
    while free and BEZUG_WORD.match(free[-1].text):
        free.pop()
    return _whole_lines(_last_block(free), here)


def _whole_lines(block: Sequence[Segment], here: Sequence[Segment]) -> tuple[Segment, ...]:
    """Lines with what recognition cut off their ends: what goes on in the same row after no more than a blank."""
    found: list[Segment] = []
    for line in block:
        found.append(line)
        for one in here:
            last = found[-1]
            near = one.box and last.box and -0.5 <= one.left - last.right <= 0.8 * last.height
            if near and one not in block and overlap(one, last) > 0.5:
                found.append(one)
    return tuple(found)


def _same_block(
    first: Segment, after: Sequence[Segment], used: set[int], salutation: Segment | None,
) -> tuple[Segment, ...]:
    found: list[Segment] = []
    last = first
    for segment in after[:4]:
        stop = (segment is salutation or BEZUG_WORD.match(segment.text) or SALUTATION.match(segment.text)
                or label_of(segment.text)[0] is not None or id(segment) in used)
        gap = segment.top - last.bottom if segment.box and last.box else 99.0
        if stop or gap > 1.1 * max(3.0, last.height) or segment.left > first.left + 40:
            break
        found.append(segment)
        last = segment
    return tuple(found)


def _last_block(free: Sequence[Segment]) -> tuple[Segment, ...]:
    """The last segments that follow each other without a gap of more than a line, at most three."""
    if not free:
        return ()
    block = [free[-1]]
    for segment in reversed(free[:-1]):
        gap = block[0].top - segment.bottom
        if block[0].box is None or gap > 0.9 * max(3.0, segment.height) or len(block) == 3:
            break
        block.insert(0, segment)
    return tuple(block)
