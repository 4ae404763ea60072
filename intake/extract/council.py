"""Council papers: reference (Vorlage Nr.), committee, meeting date and subject from the head of the first page. Pure.

Two heads are known: leading words (Gremium, Termin, Vorlage Nr., TOP) with their values beside or in a column below, and
the table of the Beratungsfolge (Gremium, Termin, TOP). Where both stand, the first names the meeting the paper is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from intake.extract.dates import FoundDate, find_dates
from intake.extract.flow import Flow, Line, closed, flow, proposal
from intake.vocabulary import Material, Proposal

_GLUED = re.compile(r"(?<!\d)\d{1,2}\.\d{1,2}\.20\d{2}")
HEAD_LINES = 90
LONGEST_ROW = 95
"""Characters: longer lines are running text, not a row of a table."""
_SIGN = re.compile(r"\b(?:Vorlagen?(?:\s?-?\s?N(?:r|ummer))?|ANTRAG|Drucksache(?:\s?-?\s?Nr)?)\b\s*[.:]*", re.IGNORECASE)
_REFERENCE = re.compile(
    r"(?<![\w/.])((?:[A-ZÄÖÜ]{1,4}/)?(?:19|20)\d{2}/\d{3,5}(?:/\d{1,2})?|[A-Z]{2,4}[-/]\d{1,5}[-/](?:20)?\d{2})(?![\w/])")
_BARE = re.compile(r"^\s*(\d{1,6}(?:/\d{1,4})?)\s*$")
_TABLE = re.compile("|".join((
    r"Beratungsfolge\s*(?:dieser|der|Sitzung|am|Termin|$)",
    r"Gremi(?:um|en)\b.*\b(?:Termin|Sitzung|am)\b",
    r"Gremium\s*Termin\s*TOP",
    r"(?:\w+rat|\w+ausschuss)\b.*\bTermin\s+TOP\b")))
"""The header of the Beratungsfolge."""
_COMMITTEE = re.compile(r"\b(?:\w*ausschu(?:ss|ß)(?:es)?|\w*rat(?:e?s)?|\w*kommission|\w*versammlung)\b", re.IGNORECASE)
_BEFORE_NAME = re.compile(
    r"^(?:Gremi(?:um|en)\s*:?\s*)?(?:\d+\.\s*)?"
    r"(?:(?:nicht\s?)?(?:öffentliche)?(?:/\s?(?:nicht\s?)?öffentliche)?\s*(?:plen\w*)?sitzung\s*(?:de[sr]\s+)?)?", re.IGNORECASE)
_STOP = re.compile("|".join((
    r"Antrag an|Beschluss|-?\s*Kurzfassung|Information|Finanzielle|Erläuterung|Sachverhalt|Sachlage|Begründung|Ergänzende",
    r"Anlass|Stellungnahme|Anfrage\s*:|Antrag\s*:|Die Stadt|(?:Der|Die|Das|In|Wir|Wie) \w|an die Firma|zum Angebot",
    r"\d{1,2}[.)]\s+[A-Z]")))
"""Here the head ends and the text begins."""
_NO_TITLE = re.compile("(?:" + "|".join((
    r"Gremi(?:um|en)\b|Termin\b|Vorlage(?:\s?-?\s?Nr|\s*:)|TOP\b|Verantwortlich|Dienststelle|Beratungsfolge\b|Ort:|Vorsitz|Status$",
    r"Dez(?:ernat)?\b|Sta?Du\b|OV\b|Stadtamt|Ortsverwaltung \w+$|.*\b(?:i\. ?B\. ?m\.|/ ?Dez\.)|Stadt \w+$|Der Ober",
    r"(?:nicht-?\s*)?öffentlich(?:\s*/\s*(?:nicht-?\s*)?öffentlich)?$|n?ö\b|x$",
    r"(?:nicht\s?)?öffentliche(?:/(?:nicht )?öffentliche)?\s*sitzung",
    r"(?:vom|Eingang:?|eingegangen(?: am)?|beraten im)\b|Gedruckt auf|(?:\d+ )?Prozent|100$|[-–—\s]*$|\W*$",
    r"(?:BESCHLUSS|INFORMATIONS)?VORLAGE$|ANTRAG$|ANFRAGE$|ÄNDERUNGSANTRAG$|NIEDERSCHRIFT|\d{1,3}(?:\.\d{1,2})*\.?\s?[a-z]?$",
    r"STELLUNGNAHME(?: zu[mr]?(?: (?:Änderungs|Ergänzungs)?(?:Antrag|Anfrage)\b.*)?)?$")) + ")", re.IGNORECASE)
_GROUP = re.compile("|".join((
    r"^[\w'‘’´ \u0301/. -]{1,40}(?:rats?|OR|[- ])-?\s?fraktion(?: \w+)?$",
    r"-Gruppe$|^Ortschaftsrät\w*$|^interfraktionell$|^(?:Stadt|Ortschafts)r(?:at|ät)\w*\b.*\(")), re.IGNORECASE)
"""Who moves a motion."""
_LOCAL = re.compile(r"(?:Stadtamt\b|Ortsverwaltung\b|Dienststelle:?\s*(?:OV|ON|Ortsverw|StaDu|Stadtamt))")
"""A paper of a local office is for the council of its place, also where others decide after it."""
_KIND = re.compile(r"^(?:Ergänzungs-?|Änderungs-?)?(?:thema|antrag|anfrage|stellungnahme zu[mr] \w+)\s*:\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A committee and the day it meets, each with its place in the flow (start, end)."""

    committee: str
    day: str
    committee_at: tuple[int, int]
    day_at: tuple[int, int]
    sure: float


def council(material: Material) -> tuple[Proposal, ...]:
    """Proposals of `reference`, `committee`, `meeting_date` and `subject`; () when the first page is no council paper."""
    if not material.pages:
        return ()
    front = flow(1, material.pages[0])
    head = [line for _, line in zip(range(HEAD_LINES), front.lines(), strict=False)]
    if not any(_TABLE.match(line.text) or re.match(r"(?:Gremi(?:um|en)|Vorlage\s?-?\s?Nr|DOPPELHAUSHALT)\b", line.text)
               for line in head):
        return ()
    found = [*_reference(front, head), *_subject(front, head)]
    meetings = (*_labelled(head), *_rows(head))
    for meeting in sorted(meetings, key=lambda one: -one.sure):
        found.append(proposal("meeting_date", meeting.day, meeting.sure, "rule:council-meeting@1", front, *meeting.day_at))
        if meeting.committee:
            found.append(proposal("committee", meeting.committee, meeting.sure, "rule:council-meeting@1", front,
                                  *meeting.committee_at))
    return tuple(found)


def _reference(front: Flow, head: Sequence[Line]) -> Iterator[Proposal]:
    """The first number with year and serial after the leading word, else a bare number right beside it."""
    end = head[-1].end
    for label in _SIGN.finditer(front.text, 0, end):
        if hit := _REFERENCE.search(front.text, label.end(), min(end, label.end() + 220)):
            yield proposal("reference", hit.group(1), 0.95, "rule:council-sign@1", front, *hit.span(1))
            return
        rest = front.text[label.end():].split("\n", 1)[0]
        if label.group().lower().startswith("vorlage") and (bare := _BARE.match(rest)):
            at = label.end() + bare.start(1)
            yield proposal("reference", bare.group(1), 0.6, "rule:council-sign@1", front, at, at + len(bare.group(1)))
            return
    if hit := re.compile(r"\bDHH/\d{4}/\d{4}\b").search(front.text, 0, end):
        yield proposal("reference", hit.group(), 0.9, "rule:council-sign@1", front, *hit.span())


def _name(text: str) -> str:
    """The name of a committee without the number of its meeting and in the nominative."""
    bare = _BEFORE_NAME.sub("", " ".join(text.split())).strip(" :,;-")
    return re.sub(r"\b(\w*(?:[Rr]at|ausschuss))e?s\b", r"\1", bare)


def _labelled(head: Sequence[Line]) -> Iterator[_Meeting]:
    """Committee and day at the words Gremium and Termin: on their line, else in the lines below."""
    start = next((at for at, line in enumerate(head) if re.match(r"Gremium\s*:?(?!.*\bTermin)", line.text)), None)
    if start is None:
        return
    committee, place = "", (0, 0)
    day: tuple[str, tuple[int, int]] | None = None
    for at, line in enumerate(head[start:start + 26], start):
        if at > start and (_TABLE.match(line.text) or len(line.text) > LONGEST_ROW):
            break
        bare = re.sub(r"^Gremium\s*:?\s*", "", line.text)
        if not committee and _COMMITTEE.search(bare) and not _GROUP.search(bare):
            last = head[at + 1] if re.search(r"\b(?:des|der|für|und|öffentliche)$", bare) and at + 1 < len(head) else line
            committee, place = _name(bare if last is line else f"{bare} {last.text}"), (line.end - len(bare), last.end)
        if day is None and len(line.text) < 40 and not re.match(r"(?:vom|eingegangen)", line.text):
            for one in find_dates(re.sub(r"\d{1,2}[:.]\d{2} Uhr", "", line.text))[:1]:
                begin = line.start + line.text.find(one.raw)
                day = one.day.isoformat(), (begin, begin + len(one.raw))
    if day:
        yield _Meeting(committee, day[0], place, day[1], 0.93)


def _glued(text: str) -> tuple[FoundDate, ...]:
    """Dates that stand without a blank before the number of the item, or as the second day of a range."""
    return tuple(replace(one, start=at.start(), end=at.end()) for at in _GLUED.finditer(text) for one in find_dates(at.group()))


def _rows(head: Sequence[Line]) -> Iterator[_Meeting]:
    """The rows of the Beratungsfolge; the row that decides is the surest: the last one, or the last with that word."""
    start = next((at for at, line in enumerate(head) if _TABLE.match(line.text)), None)
    if start is None:
        return
    rows: list[tuple[_Meeting, bool]] = []
    pending: list[Line] = []
    of_header = re.match(r"(\w+(?:rat|ausschuss)\b.*?)\s+Termin", head[start].text)
    for line in head[start + 1:start + 60]:
        if _STOP.match(line.text) or len(line.text) > LONGEST_ROW:
            break
        dates = find_dates(line.text) or _glued(line.text)
        if not dates:
            if _COMMITTEE.search(line.text) and not _TABLE.match(line.text):
                pending = [line]
            elif pending and re.match(r"[A-ZÄÖÜ(]|und\b", line.text) and not _NO_TITLE.match(line.text):
                pending.append(line)
            continue
        before = line.text[:dates[0].start].strip()
        text = " ".join((*(one.text for one in pending), before)).strip()
        first = pending[0].start if pending else line.start
        last = line.start + len(before) if before else pending[-1].end if pending else line.start
        if not text and of_header:
            text, first, last = of_header.group(1), head[start].start, head[start].start + of_header.end(1)
        begin = line.start + dates[0].start
        rows.append((_Meeting(_name(closed(text)), dates[0].day.isoformat(), (first, last), (begin, begin + len(dates[0].raw)),
                              0.7), "Entscheidung" in line.text))
        pending = []
    deciding = max((at for at, (_, decides) in enumerate(rows) if decides), default=len(rows) - 1)
    if any(_LOCAL.match(line.text) for line in head[:start]):
        deciding = next((at for at, (row, _) in enumerate(rows) if row.committee.startswith("Ortschaftsrat")), deciding)
    for at, (row, _) in enumerate(rows):
        sure = 0.9 if at == deciding else 0.55
        yield _Meeting(row.committee if _COMMITTEE.search(row.committee) else "", row.day, row.committee_at, row.day_at, sure)


def _subject(front: Flow, head: Sequence[Line]) -> Iterator[Proposal]:
    """The lines above the Beratungsfolge, else those that follow the values of the leading words."""
    table = next((at for at, line in enumerate(head) if _TABLE.match(line.text)), None)
    block = _above(head[:table]) if table is not None else []
    block = block or _after(head)
    if not block:
        return
    skip = _KIND.match(block[0].text)
    start = block[0].start + (skip.end() if skip else 0)
    value = closed(front.text[start:block[-1].end]).strip(" ,;:-–")
    if len(value) >= 4:
        yield proposal("subject", value, 0.9 if table is not None else 0.8, "rule:council-subject@1", front, start, block[-1].end)


def _no_title(line: Line) -> bool:
    return bool(_NO_TITLE.match(line.text) or _REFERENCE.fullmatch(line.text) or _GROUP.search(line.text)
                or (find_dates(line.text) and len(line.text) < 14))


def _above(head: Sequence[Line]) -> list[Line]:
    block: list[Line] = []
    for line in reversed(head):
        if block and (not line.text or (_no_title(line) and not _KIND.match(line.text))):
            break
        if line.text and (not _no_title(line) or _KIND.match(line.text)):
            block.insert(0, line)
    return block


def _after(head: Sequence[Line]) -> list[Line]:
    """The first block of lines after the last leading word and its values; the office that answers for it is none."""
    labels = [at for at, line in enumerate(head[:40])
              if re.match(r"(?:Gremium|Termin|Vorlage\s?-?\s?Nr|TOP|Verantwortlich|DOPPELHAUSHALT|Dienststelle)\b", line.text)]
    rest = head[labels[-1] + 1 if labels else 0:]
    first, after = _block(rest)
    named = any(re.match(r"Verantwortlich", line.text) for line in head[:40]) and not any(
        re.match(r"Dez", line.text) and not re.search(r"(?:,|und|m\.)$", line.text) for line in rest[:after])
    second = _block(rest[after:])[0] if named and len(first) == 1 and len(first[0].text.split()) <= 4 else []
    return second or first


def _block(rest: Sequence[Line]) -> tuple[list[Line], int]:
    """The first lines that can be a title, and how many lines were looked at."""
    block: list[Line] = []
    for at, line in enumerate(rest):
        other = not line.text or _no_title(line) or (not block and _COMMITTEE.search(line.text) and len(line.text) < 60)
        if block and (other or _STOP.match(line.text) or re.match(r"(?:\d{1,2}|[A-Z])[.)]\s", line.text) or len(block) == 6):
            return block, at
        if not other:
            block.append(line)
    return block, len(rest)
