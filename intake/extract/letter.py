"""Fields of a letter by where they stand (DIN 5008 zones), else by leading words and text. Pure.

Answers sender_name, recipient_name, letter_date, subject, your_reference, our_reference and access_class. Zones give
0.85 to 0.95, rules on text alone 0.4 to 0.7; these are the shares measured on letters we print ourselves, rounded down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from intake.extract import misread
from intake.extract.dates import find_dates
from intake.extract.layout import Segment, evidence, legibility, overlap
from intake.extract.sender import TOWN, return_line, senders
from intake.extract.stamp import stamp
from intake.extract.zones import ADDRESS, SUBJECT_WORD, TOLERANCE, Labelled, Zones, label_of, zones
from intake.keys import fold
from intake.vocabulary import Box, Evidence, Material, Page, Proposal

_VERMERK = re.compile(r"^(einschreiben|eigenh[äa]ndig|pers[öo]nlich|vertraulich|per |mit postzustellung|eilt|"
                      r"nicht nachsenden|wenn unzustellbar|vorab|gegen empfangs|verschlossen|infopost|entgelt)", re.I)
_FORM_OF_ADDRESS = re.compile(r"^(an(?: (?:die|das|den))?|her{1,2}[mn]?|frau|firma|familie|eheleute)$", re.IGNORECASE)
_PLACE_DATE = re.compile(r"^[A-ZÄÖÜ][\wäöüß./ -]{1,40},\s*(?:den\s+)?$")

_OWN_DAY = re.compile(r"\b(?:rechnungs|beleg|brief|ausstellungs|schreib|bescheid|druck|erstellungs)?-?(?:datum|tag)\b\W*$|"
                      r"\bdate\W*$|\bden\W*$|\bvom\W*$")
_OTHER_DAY = re.compile(
    r"\b(?:liefer|leistungs|faelligkeits|zahlungs|eingangs|geburts|bestell|auftrags|buchungs|kauf|vertrags|sitzungs|ablauf|"
    r"gueltigkeits|stichtags|abhol|versand|wertstellungs)-?(?:datum|tag|termin)\W*$|\b(?:zahlbar|faellig\w*|gueltig|geboren|"
    r"frist\w*|\w*termin|\w*zeitraum|lieferung|leistung|due)\b[^.]{0,12}$")
"""What a leading word (folded) says of the date behind or below it: the letter's own day, another day."""
WIDEST = 1.2  # of the height of a line, that one of its letters may be wide
READ = 0.5
"""Below this mean confidence a line is no writing (the rule under the return line reads as letters)."""
AMBIGUOUS = 0.5
"""Of the sureness of a sign whose first strokes may be 1 or I; both readings are proposed, the one that was read first."""
FITTED = 0.8
"""Of the sureness of a sign that was mended because the form of a court's sign leaves one reading only."""
SETTING = (2.8, 8.5)
"""Millimetres from one line of an address to the next."""


def letter(material: Material) -> tuple[Proposal, ...]:
    """Proposals from the first page (and the envelope of a mail); () when there is no page."""
    if not material.pages:
        return ()
    front = zones(material)[0]
    page = material.pages[0]
    found = [*_recipient(front), *senders(front, material), *_date(front, material), *_subject(front, page, material),
             *_references(front, page.source == "ocr"), *_by_order(front, page.source == "ocr")]
    return tuple(found)


def _proposal(name: str, value: str, sure: float, by: str, segment: Segment, start: int = 0, end: int = -1) -> Proposal:
    """A proposal whose evidence is the characters start..end of a segment; scaled by how legible they were."""
    words = segment.words_at(start, end if end >= 0 else len(segment.text))
    text = segment.text[start:end if end >= 0 else None]
    sure *= 0.6 + 0.4 * legibility(words)
    return Proposal(name, value, round(sure, 3), (evidence(f"rule:letter-{by}@1", segment.page, words, text),))


def _address_lines(front: Zones) -> list[Segment]:
    """The lines of the address proper: from the town upwards, as long as they are set alike; without return line and notes."""
    back = return_line(front)
    lines = [one for one in front.address if not _VERMERK.match(one.text) and (back is None or one.top > back.top + 1.0)
             and one.height >= 1.5 and len(re.findall(r"[^\W_]", one.text)) >= 3 and _mean([one]) >= READ
             and one.right - one.left <= WIDEST * one.height * len(one.text)]
    towns = [at for at, one in enumerate(lines) if at and TOWN.match(one.text)]
    if not towns:
        return lines
    block = [lines[towns[-1]]]
    for one in reversed(lines[:towns[-1]]):
        if not SETTING[0] <= block[0].bottom - one.bottom <= SETTING[1] or abs(one.left - block[0].left) > 4.0:
            break
        block.insert(0, one)
    return block if len(block) > 1 else lines


def _recipient(front: Zones) -> Iterator[Proposal]:
    lines = _address_lines(front)
    if not lines or not any(TOWN.match(line.text) for line in lines[1:]):
        return
    town = next(index for index, line in enumerate(lines) if index and TOWN.match(line.text))
    name = next((line for line in lines[:town] if not _FORM_OF_ADDRESS.match(line.text.strip())), lines[0])
    value = re.sub(r"^[\s‚,.'`´|_-]*(?:(?:an (?:die|das|den)|herrn?|frau|firma)\s+)?", "", name.text, flags=re.IGNORECASE)
    yield _proposal("recipient_name", value, 0.93, "recipient", name, len(name.text) - len(value))


def _date(front: Zones, material: Material) -> Iterator[Proposal]:
    near = material.received_on.year if material.received_on else 2026
    for one in front.labelled:
        dates = find_dates(one.text, near)
        if one.name == "letter_date" and dates:
            start = one.segment.text.find(dates[0].raw)
            yield _proposal("letter_date", dates[0].day.isoformat(), 0.95, "date-label", one.segment, start,
                            start + len(dates[0].raw))
    values = {id(one.segment) for one in front.labelled if one.name != "letter_date"}
    above = front.all[:front.all.index(front.salutation)] if front.salutation else front.all
    stamps = [place.box for one in stamp(material) for place in one.evidence if place.page == 1 and place.box]
    for index, segment in enumerate(above):
        high = index < 15 if segment.box is None else segment.top < 130
        for found in find_dates(segment.text, near)[:1] if high and id(segment) not in values else ():
            sure = _sureness_of_date(segment, found.start, found.end, front)
            sure = 0.0 if _dated_otherwise(segment, found.start, front) else sure
            words = segment.words_at(found.start, found.end)
            if any(_inside(word.box, box) for word in words for box in stamps):
                continue
            if sure and not (material.received_on and found.day > material.received_on):
                yield _proposal("letter_date", found.day.isoformat(), sure, "date-place", segment, found.start, found.end)
    if material.envelope.date:
        yield Proposal("letter_date", material.envelope.date.date().isoformat(), 0.9, (
            Evidence("rule:mail-date@1", 0, None, material.envelope.date.isoformat()),))


def _inside(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _dated_otherwise(segment: Segment, start: int, front: Zones) -> bool:
    """Whether the leading word before, left of or above a date says that it is another day than the letter's (Lieferdatum)."""
    said = [segment.text[:start].strip()]
    if segment.box and not said[0]:
        others = [one for one in front.all if one.box and one is not segment]
        left = [one for one in others if overlap(one, segment) > 0.5 and one.right <= segment.left + 1.0]
        above = [one for one in others if -1.5 <= segment.top - one.bottom <= 4.0 and abs(one.left - segment.left) < 4.0]
        said = [max(left, key=lambda one: one.right).text if left else ""]
        said += [one.text for one in above if not one.text.endswith(":")]
    return any(_OTHER_DAY.search(fold(text)) or (text.endswith(":") and not _OWN_DAY.search(fold(text))) for text in said)


def _sureness_of_date(segment: Segment, start: int, end: int, front: Zones) -> float:
    """How sure a date above the salutation is the letter's: alone or after a place on the right, less elsewhere."""
    before, after = segment.text[:start].strip(), segment.text[end:].strip(" .")
    if re.search(r"\b(vom|am|bis|seit|eingang\w*|eingegangen|geb|sitzung)\.?:?\s*$", before, re.IGNORECASE):
        return 0.0
    alone = not after and (not before or _PLACE_DATE.match(before + " ") or fold(before) in ("den", "datum", "datum:"))
    if alone:
        return 0.9 if segment.box is None or segment.left > 80 or segment in front.info else 0.75
    return 0.35


def _subject(front: Zones, page: Page, material: Material) -> Iterator[Proposal]:
    if material.envelope.subject:
        value = re.sub(r"^((re|aw|wg|fwd?|antwort)\s*:\s*)+", "", material.envelope.subject, flags=re.IGNORECASE)
        if value.strip():
            yield Proposal("subject", value.strip(), 0.92, (
                Evidence("rule:mail-subject@1", 0, None, material.envelope.subject),))
    if front.subject:
        first = SUBJECT_WORD.match(front.subject[0].text)
        texts = [front.subject[0].text[first.end() if first else 0:], *(one.text for one in front.subject[1:])]
        words = tuple(word for one in front.subject for word in one.words)
        value = _joined(texts)
        if len(value) >= 3:
            sure = 0.95 if first else 0.9 if front.scale else 0.6
            said = misread.line(value) if page.source == "ocr" else value
            yield Proposal("subject", said, round(sure * (0.7 + 0.3 * _mean(front.subject)), 3), (
                evidence("rule:letter-subject@1", front.page, words, value),), value if said != value else "")
    elif heading := _heading(front, page):
        yield _proposal("subject", heading.text.strip(), 0.5, "heading", heading)


def _mean(found: Sequence[Segment]) -> float:
    sure = [word.confidence for one in found for word in one.words]
    return sum(sure) / len(sure) if sure else 1.0


def _joined(texts: Sequence[str]) -> str:
    """Lines as one text; a hyphen at a line end closes when the next line goes on in small letters."""
    whole = texts[0].strip()
    for text in texts[1:]:
        closes = whole.endswith("-") and text.strip()[:1].islower() and not re.match(r"(und|oder)\b", text.strip())
        whole = whole[:-1] + text.strip() if closes else f"{whole} {text.strip()}"
    return re.sub(r"[\s.,;:|_-]+$", "", whole)


def _heading(front: Zones, page: Page) -> Segment | None:
    """The largest line in the upper half of a page that is no letter (form, invoice, minutes)."""
    lines = [one for one in front.all if one.box and 15 < one.top < page.height_mm / 2 and one not in front.address
             and one not in front.info and len(re.findall(r"[A-Za-zÄÖÜäöüß]", one.text)) >= 6
             and label_of(one.text)[0] is None]
    if not lines:
        texts = [one for one in front.all[:10] if one.box is None and len(re.findall(r"[^\W\d]", one.text)) >= 6]
        return texts[0] if texts else None
    usual = sorted(one.height for one in lines)[len(lines) // 2]
    largest = max(lines, key=lambda one: (round(one.height * 2), -one.top))
    return largest if largest.height > 1.15 * usual else None


def _references(front: Zones, read: bool) -> Iterator[Proposal]:
    for one in front.labelled:
        if one.name not in ("your_reference", "our_reference", "cash_reference"):
            continue
        value = re.split(r"\s*(?:,|;|\bvom\b|\()\s*", one.text)[0].strip(" .:")
        if re.search(r"\d", value) or re.fullmatch(r"[A-ZÄÖÜ][\w./-]{1,12}", value):
            start = max(0, one.segment.text.find(value))
            made = _proposal(one.name, value, 0.9, "label", one.segment, start, start + len(value))
            yield from _readings(made) if read else (made,)


def _readings(made: Proposal) -> Iterator[Proposal]:
    """A sign that was recognised, with how else it may read: first what its form asks for, else what was read."""
    value, sure = made.value, made.confidence
    fitted = misread.fitted(value)
    sign, other = (fitted, value) if fitted != value else misread.sign(value)
    share = FITTED if fitted != value else AMBIGUOUS if misread.is_either(value) else 1.0
    if not other:
        yield made
        return
    yield replace(made, value=sign, raw=value, checks=(f"ocr:auch {other}",), confidence=round(share * sure, 3))
    if share < 1.0:
        yield replace(made, value=other, raw=value, checks=(f"ocr:auch {sign}",), confidence=round(0.9 * AMBIGUOUS * sure, 3))


def _by_order(front: Zones, read: bool) -> Iterator[Proposal]:
    """A sign in the Informationsblock whose leading word cannot be read: the own one stands below "Ihr Zeichen" (DIN 5008)."""
    names = {one.name for one in front.labelled}
    if not names & {"your_reference", "our_reference"}:
        yield from _both_by_order(front, read)
        return
    for name, known, lower in (("our_reference", "your_reference", True), ("your_reference", "our_reference", False)):
        beside = next((one for one in front.labelled if one.name == known and one.segment.box and one.words), None)
        if name in names or beside is None:
            continue
        for one in front.info:
            drop = (one.top - beside.segment.top) * (1 if lower else -1)
            if abs(one.left - _left(beside)) <= 3.0 and 0.0 < drop <= 8.0:
                yield from _unlabelled(front, one, name, read)
                break


def _both_by_order(front: Zones, read: bool) -> Iterator[Proposal]:
    """Two signs one below the other, the first behind "... Zeichen" of which no more can be read, the second behind nothing."""
    for label in front.info:
        if not re.fullmatch(r"(\W+|\w{1,2}\W?)\s*zeichen\W*", label.text.strip(), re.IGNORECASE):
            continue
        upper = next((one for one in front.info if overlap(one, label) > 0.5 and one.left >= label.right), None)
        lower = [one for one in front.info if upper and abs(one.left - upper.left) <= 3.0 and 0.0 < one.top - upper.top <= 8.0]
        second = [*_unlabelled(front, lower[0], "our_reference", read)] if lower else []
        if upper and second and re.search(r"\d", upper.text):
            first = _proposal("your_reference", upper.text.strip(" .:"), 0.6, "block-order", upper)
            yield replace(first, checks=("label:unlesbar",))
            yield from second


def _unlabelled(front: Zones, one: Segment, name: str, read: bool) -> Iterator[Proposal]:
    row = [other for other in front.all if other is not one and other.box and overlap(other, one) > 0.5]
    known = any(label_of(other.text)[0] is not None for other in row if other.right <= one.left + 1.0)
    if not known and re.search(r"\d", one.text) and len(one.text) <= 25 and not find_dates(one.text):
        made = _proposal(name, one.text.strip(" .:"), 0.6, "block-order", one)
        for reading in _readings(made) if read else (made,):
            yield replace(reading, checks=(*reading.checks, "label:unlesbar"))


def _left(one: Labelled) -> float:
    """Millimetres from the left to the value alone, also where it is one segment with its leading word."""
    first = one.segment.words[0].box[0]
    return one.segment.left + (one.words[0].box[0] - first) * (one.segment.right - one.segment.left) / max(
        1e-6, one.segment.words[-1].box[2] - first)


@dataclass(frozen=True, slots=True)
class AccessWords:
    """Words in the address field that raise the access class (safety by design: house rule 8)."""

    words: tuple[str, ...]
    raised: str = "Vertraulich"

    def __call__(self, material: Material) -> tuple[Proposal, ...]:
        """A proposal `access_class` when one of the words stands in the address field (with 8 mm around it)."""
        said = material.pages[0].text.casefold() if material.pages else ""
        if not any(word.split()[0].casefold() in said for word in self.words if word.strip()):
            return ()  # most papers: looking for their address field would cost more than all else that is asked of them here
        front = zones(material)[0]
        limit = ADDRESS[2] + TOLERANCE
        near = [one for one in front.all if one.box is None or (one.left < limit and 20 <= one.top <= ADDRESS[3] + TOLERANCE)]
        near = near if front.scale else list(front.all[:12])
        for segment in near:
            for word in self.words:
                if match := re.search(rf"\b{re.escape(word)}", segment.text, re.IGNORECASE):
                    return (_proposal("access_class", self.raised, 0.95, "access-word", segment, *match.span()),)
        return ()
