"""Whether two Vorgänge of a batch are nearly the same: the office's copy and the archive's, an Akte scanned twice. Pure.

Told to a person with the reason, never merged. A Nachtrag or a Tektur of a Vorhaben is another Vorgang: it has the parcel, the
builder and many a sheet in common with the first, but a day of its own and its own name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from intake.backfile.alike import apart

LATER = re.compile(r"\b(?:Nachtrag|Nachträge|Tektur|Änderung|Verlängerung|Ergänzung|Abweichung|Befreiung)", re.IGNORECASE)
"""What follows a Vorhaben and is a Vorgang of its own."""
SAME_PROJECT = 0.75
"""Share of common words of two names of one Vorhaben."""
NEAR_SHEET = 20
"""Bits of the fingerprint that differ at most between two scans of one sheet (`alike`: a share of 0.8 makes about 19)."""
SLIP = 0.85
"""Names this alike (difflib's ratio) are one name misread."""
MOST_OF_ONE, HALF_OF_OTHER, FEW_SHEETS = 0.8, 0.5, 3
"""Sheets found again: of the Vorgang with fewer, of the other; so many sheets at least, as forms are alike too."""


@dataclass(frozen=True, slots=True)
class Matter:
    """A Vorgang of a batch: the Akte, its name, and what its papers say (best proposal each; days as ISO dates)."""

    akte: str
    name: str
    parcels: frozenset[str] = frozenset()
    applicants: frozenset[str] = frozenset()
    project: str = ""
    asked: frozenset[str] = frozenset()
    granted: frozenset[str] = frozenset()
    sheets: tuple[str, ...] = ()

    @property
    def later(self) -> bool:
        """Whether it calls itself an addition to another one."""
        return bool(LATER.search(self.name) or LATER.search(self.project))


def same_matter(one: Matter, other: Matter) -> str:
    """Why two Vorgänge are probably one, as part of a German sentence; "" when they are not."""
    if one.later != other.later:
        return ""
    return " und ".join(filter(None, (_said_alike(one, other), _sheets_alike(one, other))))


def _said_alike(one: Matter, other: Matter) -> str:
    """Parcel, builder, Vorhaben and a day: all of them must be known and agree."""
    parcels, names = _common(one.parcels, other.parcels), _name(one.applicants, other.applicants)
    if not parcels or not names or not _same_words(one.project, other.project):
        return ""
    if one.asked and other.asked:  # the day of the application tells apart; the day of a permit is quoted by what follows it
        day, what = one.asked & other.asked, "Antrag vom"
    else:
        day, what = one.granted & other.granted, "Genehmigung vom"
    if not day:
        return ""
    year, month, number = min(day).split("-")
    return f"gleiches Flurstück {parcels}, gleicher Bauherr {names}, gleiches Vorhaben, {what} {number}.{month}.{year}"


def _common(these: frozenset[str], those: frozenset[str]) -> str:
    known = {plain(one) for one in those}
    return next((one for one in sorted(these) if plain(one) in known), "")


def _name(these: frozenset[str], those: frozenset[str]) -> str:
    """A name that both have, but for slips of recognition."""
    known = [_words(one) for one in those]
    return next((one for one in sorted(these) if get_close_matches(_words(one), known, 1, SLIP)), "")


def _words(text: str) -> str:
    return " ".join(sorted(re.findall(r"\w+", text.casefold())))


def _contradict(one: Matter, other: Matter) -> bool:
    """Whether both say something that cannot be of one Vorgang: forms are alike, whoever builds whatever where."""
    return any(mine and his and not same(mine, his) for mine, his, same in (
        (one.parcels, other.parcels, _common), (one.applicants, other.applicants, _name), (one.asked, other.asked, _common)))


def plain(text: str) -> str:
    """A name or parcel for comparing: its words in any order and case."""
    return "".join(sorted(re.findall(r"[\w/]+", text.casefold())))


def _same_words(one: str, other: str) -> bool:
    words, others = (set(re.findall(r"\w{3,}", text.casefold())) for text in (one, other))
    return bool(words) and bool(others) and len(words & others) >= SAME_PROJECT * len(words | others)


def _sheets_alike(one: Matter, other: Matter) -> str:
    few, many = sorted((one.sheets, other.sheets), key=len)
    if len(few) < FEW_SHEETS or _contradict(one, other):
        return ""
    left, found = list(many), 0
    for sheet in few:
        near = min(left, key=lambda there: apart(sheet, there), default=None)
        if near is not None and apart(sheet, near) <= NEAR_SHEET:
            left.remove(near)
            found += 1
    if found < MOST_OF_ONE * len(few) or found < HALF_OF_OTHER * len(many):
        return ""
    return f"{found} von {len(few)} Seiten gleichen sich"
