"""The question of a search as people type it, taken apart. Pure.

    Baugenehmigung Lindenweg            documents with all these words, in any form
    "im Namen der Gemeinde"             these words, one after the other
    -Entwurf                            without this word
    az:652.30  flurstueck:17/4          of this Aktenzeichen (or a part of it), about this parcel
    absender:Müller  betreff:Zaun  art:Rechnung
    datum:2024  datum:2024-03..2025  datum:1.4.2024..
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from intake.errors import Refused

MOST_CHARACTERS, MOST_WORDS = 1000, 24
FIELDS = {
    "az": "reference", "aktenzeichen": "reference", "flurstueck": "parcel", "flurstück": "parcel", "flst": "parcel",
    "absender": "sender", "von": "sender", "datum": "date", "art": "kind", "betreff": "title", "titel": "title"}
"""How people name a field, and our word for it."""
EXAMPLES = {"reference": "az:652.30", "parcel": "flurstueck:17/4", "sender": "absender:Müller", "date": "datum:2024..2026",
            "kind": "art:Rechnung", "title": "betreff:Zaun"}
_PIECE = re.compile(
    r"""(?P<bare>[A-Za-zÄÖÜäöüß]{2,13}):(?=\s|$)"""
    r"""|(?P<minus>-)?(?:(?P<field>[A-Za-zÄÖÜäöüß]{2,13}):)?(?:["„“»](?P<quoted>[^"“”«]*)["“”«]?|(?P<plain>\S+))|\S""")
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: words in any form, phrases word by word, words that must not be there, values of fields (our name of
    the field, the text), and the days (both included) between which the document is dated."""

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    since: date | None = None
    until: date | None = None


def understand(text: str) -> Question:
    """The question in `text`; a name before a colon that is no field is a word. Raises Refused (German) for what is too long,
    a field without a value, or a date that is none."""
    if len(text) > MOST_CHARACTERS:
        raise Refused(f"Die Suche ist zu lang. Kürzen Sie sie auf {MOST_CHARACTERS} Zeichen.")
    words: list[str] = []
    phrases: list[str] = []
    without: list[str] = []
    fields: list[tuple[str, str]] = []
    since: date | None = None
    until: date | None = None
    for found in _PIECE.finditer(text):
        name = FIELDS.get((found["field"] or found["bare"] or "").lower())
        value = (found["quoted"] if found["quoted"] is not None else found["plain"] or "").strip()
        if name is not None and not value:
            raise Refused(f"Nach „{found['field'] or found['bare']}:“ fehlt der Wert. Schreiben Sie ihn ohne Leerzeichen "
                          f"dahinter, zum Beispiel {EXAMPLES[name]}.")
        if name is None and (found["field"] or found["bare"]):
            value = f"{found['field'] or found['bare']}:{value}"
        if name == "date":
            start, end = _days(value)
            since, until = max(filter(None, (since, start)), default=None), min(filter(None, (until, end)), default=None)
        elif name is not None:
            fields.append((name, value))
        elif value:
            (without if found["minus"] else phrases if found["quoted"] is not None else words).append(value)
    if len(words) + len(phrases) + len(without) + len(fields) > MOST_WORDS:
        raise Refused(f"Die Suche hat zu viele Wörter. Lassen Sie höchstens {MOST_WORDS} stehen.")
    return Question(tuple(words), tuple(phrases), tuple(without), tuple(fields), since, until)


def _days(value: str) -> tuple[date | None, date | None]:
    """First and last day of `2024`, `2024-03`, `17.3.2024`, or of two of them with `..` between; one side may be open."""
    first, dots, last = value.partition("..")
    if not dots:
        last = first
    if not (first or last):
        raise _no_date(value)
    since, until = _span(first, value)[0] if first else None, _span(last, value)[1] if last else None
    if since and until and since > until:
        raise Refused(f"In „datum:{value}“ liegt das Ende vor dem Anfang. Tauschen Sie die beiden.")
    return since, until


def _span(text: str, value: str) -> tuple[date, date]:
    """The first and the last day of one date; raises Refused."""
    try:
        if german := _DAY.fullmatch(text):
            day = date(int(german[3]), int(german[2]), int(german[1]))
            return day, day
        if iso := _ISO.fullmatch(text):
            year, month, day_of = int(iso[1]), iso[2], iso[3]
            first = date(year, int(month or 1), int(day_of or 1))
            if day_of:
                return first, first
            last_month = int(month or 12)
            return first, date(year, last_month, calendar.monthrange(year, last_month)[1])
    except ValueError:
        pass
    raise _no_date(value)


def _no_date(value: str) -> Refused:
    return Refused(f"„datum:{value}“ ist kein Datum. Schreiben Sie zum Beispiel datum:2024, datum:17.3.2024 oder "
                   "datum:2024-03..2026.")
