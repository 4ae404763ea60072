"""What a letter is about besides its Betreff: Vorhaben, dates with a meaning, what it refers to, the enclosures it names. Pure.

Fields: `project` (Vorhaben), `deadline` (Frist), `application_date` (Antrag vom), `permit_date` (Genehmigung, Bescheid vom),
`regarding` (the line of the Bezug), `enclosure` (one for each Anlage named below the word).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from intake.extract.dates import find_dates, plausibility
from intake.extract.flow import Flow, Line, closed, flow, proposal
from intake.vocabulary import Material, Proposal

_PROJECT = re.compile(
    r"^(?:\d{1,2}\.?\s+|[a-z]\)\s*)?(?:Bauvorhaben|Vorhaben|Bezeichnung des (?:Bauv|V)orhabens|Art (?:der Maßnahme|des "
    r"Vorhabens)|"
    r"Gegenstand des Antrags|Maßnahme|Bauantrag|Bauvoranfrage|Bauanfrage|Antrag auf (?:Baugenehmigung|Bauvorbescheid)(?=\s*:))"
    r"\s*(?::\s*(?P<rest>.*))?$")
_BEFORE_DATE: tuple[tuple[str, re.Pattern[str], float], ...] = (
    ("deadline", re.compile(r"(?:\bbis\s+(?:spätestens\s+)?(?:zum\s+)?|\bspätestens\s+(?:am|bis(?: zum)?)\s+|"
                            r"\bFrist\b[^.\n]{0,40}?|"
                            r"\bfällig\s+(?:am|bis)\s+|\bAblauf des\s+)$", re.IGNORECASE), 0.8),
    ("application_date", re.compile(r"(?:[Aa]ntrag|[Aa]nfrage|Bauvoranfrage|beantragt)\w*\s+(?:\w+\s+){0,3}?(?:vom|am)\s+$"),
     0.8),
    ("permit_date", re.compile(r"(?:[Gg]enehmigung|[Bb]escheid|Erlaubnis|genehmigt|erteilt)\w*\s+(?:\w+\s+){0,3}?(?:vom|"
                               r"am)\s+$"), 0.8),
)
_REGARDING = re.compile(r"^\s*(?:Bezug|Bez\.)\s*:\s*(?P<rest>\S.*)$")
_ENCLOSURES = re.compile(r"^Anlagen?\s*(?:\(\d+\))?\s*:?\s*(?P<rest>.*)$")
_NO_ENCLOSURE = re.compile(r"(?:Sparkasse|IBAN|Telefon|www\.|Seite \d|^\W*$|^-\s*\d+\s*-$|Mit freundlichen|Sehr geehrte|"
                           r"Unterschrift|EINGEGANGEN|Eingegangen|.*, den \d)")
MOST_ENCLOSURES = 25


def matters(material: Material) -> tuple[Proposal, ...]:
    """Proposals from all pages."""
    found: list[Proposal] = []
    for number, page in enumerate(material.pages, start=1):
        here = flow(number, page)
        lines = [line for line in here.lines() if line.text]
        found.extend((*_lines(here, lines), *_dates(here, material.received_on), *_enclosures(here, lines)))
    return tuple(found)


def _lines(here: Flow, lines: list[Line]) -> Iterator[Proposal]:
    """Vorhaben and Bezug: the rest of their line, else the next line."""
    for at, line in enumerate(lines):
        if match := _PROJECT.match(line.text):
            rest, last = (match.group("rest") or "").strip(), line
            if not rest and at + 1 < len(lines):
                last, rest = lines[at + 1], lines[at + 1].text
            if 6 <= len(rest) <= 240 and re.search(r"[^\W\d_]{4}", rest):
                yield proposal("project", closed(rest), 0.85, "rule:project-label@1", here, last.end - len(rest), last.end)
        elif match := _REGARDING.match(line.text):
            rest = match.group("rest").strip()
            yield proposal("regarding", closed(rest), 0.9, "rule:regarding@1", here, line.end - len(rest), line.end)


def _dates(here: Flow, received_on: date | None) -> Iterator[Proposal]:
    for one in find_dates(here.text, received_on.year if received_on else 2026):
        before = " ".join(here.text[max(0, one.start - 90):one.start].split()) + " "
        for name, words, sure in _BEFORE_DATE:
            if words.search(before):
                said = plausibility(one.day, received_on) if name != "deadline" else "date:ok"
                yield proposal(name, one.day.isoformat(), sure, f"rule:date-{name.replace('_', '-')}@1", here, one.start,
                               one.end, (said,))
                break


def _enclosures(here: Flow, lines: list[Line]) -> Iterator[Proposal]:
    """What stands behind the word Anlage(n) and in the lines below it, down to the end of the block."""
    for at, line in enumerate(lines):
        match = _ENCLOSURES.match(line.text)
        if match is None or re.match(r"\d|zu|zum|zur|liegt|ist|sind", match.group("rest")):
            continue
        if rest := match.group("rest").strip(" :"):
            for piece in re.finditer(r"[^,;]+", rest):
                text = piece.group().strip()
                start = line.start + line.text.find(rest) + piece.start() + piece.group().find(text)
                yield proposal("enclosure", text, 0.8, "rule:enclosure@1", here, start, start + len(text))
            continue
        end = line.end
        for below in lines[at + 1:at + 1 + MOST_ENCLOSURES]:
            gap = here.text[end:below.start].count("\n") > (2 if end == line.end else 1)
            if gap or _NO_ENCLOSURE.search(below.text) or len(below.text) > 90:
                break
            item = re.sub(r"^(?:[-–•·*]|\d{1,2}[.)]|\d\s?x)\s*", "", below.text)
            if re.search(r"[^\W\d_]{3}", item):
                yield proposal("enclosure", item, 0.8, "rule:enclosure@1", here, below.end - len(item), below.end)
            end = below.end
