"""Dates as German offices write them. Pure; only days that exist, between 1800 and 2100."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from intake.keys import fold

_MONTHS = ("jan", "feb", "maer", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez")
_NAMES = (r"jan(?:uar|ner|\.)?|j[äa]n(?:ner|\.)|febr?(?:uar|\.)?|m[äa]e?r(?:z|\.)|mrz\.?|apr(?:il|\.)?|mai|jun[io]?\.?|"
          r"jul[iy]?\.?|aug(?:ust|\.)?|sept?(?:ember|\.)?|okt(?:ober|\.)?|oct\.?|nov(?:ember|\.)?|de[zc](?:ember|\.)?")
_PATTERN = re.compile(rf"""
    (?<![\d.,/-])(?:
      (?P<y1>\d{{4}})-(?P<m1>\d{{2}})-(?P<d1>\d{{2}})
    | (?P<d2>\d{{1,2}})\.\s?(?P<m2>\d{{1,2}})\.\s?(?P<y2>\d{{4}}|\d{{2}}(?!\d))
    | (?P<d3>\d{{1,2}})[./]?\s{{0,2}}(?P<name>{_NAMES})\s{{0,2}}(?P<y3>\d{{4}}|'?\d{{2}}(?!\d))
    | (?P<d4>\d{{2}})[/-](?P<m4>\d{{2}})[/-](?P<y4>\d{{4}})
    )(?![\d/-]|[.,]\d)""", re.IGNORECASE | re.VERBOSE)


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text: characters start..end, the day, and the text as it stood there."""

    start: int
    end: int
    day: date
    raw: str


def find_dates(text: str, near: int = 2026) -> tuple[FoundDate, ...]:
    """All dates of `text` in order. Two-digit years become the year nearest below `near` + 1 (`26` and 2026: 2026)."""
    found: list[FoundDate] = []
    for match in _PATTERN.finditer(text):
        groups = match.groupdict()
        number = next(digit for digit in "1234" if groups[f"d{digit}"])
        month = _month(groups["name"]) if number == "3" else int(groups[f"m{number}"])
        day = _day(groups[f"y{number}"], month, int(groups[f"d{number}"]), near)
        if day:
            found.append(FoundDate(match.start(), match.end(), day, match.group()))
    return tuple(found)


def plausibility(day: date, received_on: date | None) -> str:
    """What the day of receipt says of the date of a letter: "date:ok", "date:after-receipt", "date:long-ago" (over two years)."""
    if received_on is None:
        return "date:ok"
    if day > received_on:
        return "date:after-receipt"
    return "date:long-ago" if (received_on - day).days > 731 else "date:ok"


def _month(name: str) -> int:
    plain = {"mrz": "maer", "mar": "maer", "oct": "okt", "dec": "dez"}.get(fold(name)[:3], fold(name))
    return next((number for number, start in enumerate(_MONTHS, 1) if plain.startswith(start)), 0)


def _day(year: str, month: int, day: int, near: int) -> date | None:
    number = int(year.strip("'"))
    if len(year.strip("'")) == 2:
        number += (near + 1) // 100 * 100
        number -= 100 if number > near + 1 else 0
    try:
        made = date(number, month, day)
    except ValueError:
        return None
    return made if 1800 <= made.year <= 2100 else None
