"""What may be written as a day, and the likeliest one of what the reader of stamps says, step by step.

Among all days of the calendar in every way they are printed, the likeliest is found by a beam search over the steps of a CTC
output (Graves et al., 2006); what no day goes on with is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from intake.box.inside.convnet import Grid
from intake.vocabulary import Word

FEWEST = 4.0  # steps with a letter, all together; the shortest day has six
BEAM, LEAST_STEP = 16, 2e-3  # beginnings that are kept; what a letter must have at a step to be followed
DAYS = tuple(dict.fromkeys(form for day in range(1, 32) for form in (f"{day}", f"{day:02d}")))
NAMES = (("jan", "januar"), ("feb", "februar"), ("mär", "mrz", "märz"), ("apr", "april"), ("mai",), ("jun", "juni"),
         ("jul", "juli"), ("aug", "august"),
         ("sep", "sept", "september"), ("okt", "oktober"), ("nov", "november"), ("dez", "dezember"))
MONTHS = frozenset(("mar", *(name[:3] for names in NAMES for name in names)))  # as words that were recognised begin
YEARS = range(1950, 2050)
OTHER_YEAR = 0.1  # of its probability is left to a year that the page does not name
WRITTEN = re.compile(r"(?<![\d.,/])(?P<day>\d{1,2})(?P<one>[.,;: ]{1,2})(?P<month>\d{1,2}|[A-Za-zÄÖÜäöü]{3,9})"
                     r"(?P<two>[.,;: ]{0,2})(?P<year>20\d\d|19\d\d|\d\d)(?![\d/]|\.\d)")

State = frozenset[tuple[int, str]]
"""Which part of a day a text may be in, and what of the part is there."""
START: State = frozenset({(0, "")})


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it stands there in small letters, as (day, month, year of the century), how probable it is among all that may
    stand there, and the step at which each letter began."""

    text: str
    day: tuple[int, int, int]
    probability: float
    steps: tuple[int, ...]


def decoded(steps: Grid, alphabet: str, years: Sequence[int] = ()) -> list[Day]:
    """The days that the reader's steps (steps x letters, not normalised) may spell, the likeliest first.

    `alphabet`: the letters after the blank, which is the first; `years`: those that the page names, others must be likelier.
    """
    logs = steps - steps.max(axis=1, keepdims=True)
    chances = np.exp(logs)
    chances /= chances.sum(axis=1, keepdims=True)
    if float((1 - chances[:, 0]).sum()) < FEWEST:
        return []
    beams: dict[str, _Beam] = {"": _Beam(1.0, 0.0, START, ())}
    for number, chance in enumerate(chances):
        beams = _next(beams, chance, number, alphabet)
    whole = sum(beam.on + beam.off for beam in beams.values()) + _no_day(chances, alphabet)
    days: dict[tuple[int, int, int], float] = {}
    texts: dict[tuple[int, int, int], tuple[float, str, tuple[int, ...]]] = {}
    for text, beam in beams.items():
        if _ends(beam.state) and (day := _said(text)) is not None:
            much = (beam.on + beam.off) * (1.0 if not years or day[2] in {year % 100 for year in years} else OTHER_YEAR)
            days[day] = days.get(day, 0.0) + much
            texts[day] = max(texts.get(day, (0.0, "", ())), (much, text, beam.steps))
    return sorted((Day(texts[day][1], day, much / whole, texts[day][2]) for day, much in days.items() if much > 0),
                  key=lambda day: -day.probability)




def _no_day(chances: Grid, alphabet: str) -> float:
    """How probable the likeliest text of all is, where no calendar has it; 0 where it is a day, which the beams hold."""
    path = chances.argmax(axis=1)
    text = "".join(alphabet[now - 1] for before, now in zip((0, *path), path, strict=False) if now and now != before)
    state = START
    for letter in text:
        state = _follow(state, letter)
    return 0.0 if not text or (_ends(state) and _said(text) is not None) else float(chances.max(axis=1).prod())



@dataclass(frozen=True, slots=True)
class _Beam:
    """How probable a beginning is with a blank at its end and with a letter, what may follow, and where its letters began."""

    off: float
    on: float
    state: State
    steps: tuple[int, ...]


def _next(beams: dict[str, _Beam], chance: Grid, number: int, alphabet: str) -> dict[str, _Beam]:
    """The beginnings after one more step, the likeliest BEAM of them."""
    off, on = dict[str, float](), dict[str, float]()
    kept = dict[str, tuple[State, tuple[int, ...]]]()
    blank = float(chance[0])
    letters = [(alphabet[index - 1], float(chance[index])) for index in np.flatnonzero(chance > LEAST_STEP) if index]
    for text, beam in beams.items():
        both = beam.off + beam.on
        off[text] = off.get(text, 0.0) + both * blank
        kept.setdefault(text, (beam.state, beam.steps))
        for letter, much in letters:
            same = text[-1:] == letter
            if same:
                on[text] = on.get(text, 0.0) + beam.on * much
            after = _follow(beam.state, letter)
            grown = (beam.off if same else both) * much
            if after and grown > 0:
                longer = text + letter
                on[longer] = on.get(longer, 0.0) + grown
                if longer not in kept:
                    kept[longer] = (after, (*beam.steps, number))
    likeliest = sorted(kept, key=lambda text: -(off.get(text, 0.0) + on.get(text, 0.0)))[:BEAM]
    return {text: _Beam(off.get(text, 0.0), on.get(text, 0.0), *kept[text]) for text in likeliest}


@lru_cache(maxsize=1)
def _parts() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """How a day, what stands between it and the year, and a year are written."""
    figures = [f"{one}{month:02d}{two}" for month in range(1, 13) for one in (".", ". ") for two in (".", ". ")]
    gaps = (". ", ".", " ", "")
    names = [f"{one}{name}{two}" for forms in NAMES for name in forms for one in gaps for two in gaps]
    years = [f"{year}" for year in YEARS] + [f"{year % 100:02d}" for year in YEARS]
    return frozenset(DAYS), frozenset((*figures, *names)), frozenset(years)


@lru_cache(maxsize=1)
def _beginnings() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(text[:length] for text in part for length in range(1, len(text) + 1)) for part in _parts())


@lru_cache(maxsize=20_000)
def _follow(state: State, letter: str) -> State:
    """What a text may be in after one more letter; empty where no day goes on so."""
    return frozenset(_after(state, letter))


def _after(state: State, letter: str) -> Iterator[tuple[int, str]]:
    for part, text in state:
        if text + letter in _beginnings()[part]:
            yield part, text + letter
        if part < 2 and text in _parts()[part] and letter in _beginnings()[part + 1]:
            yield part + 1, letter


def _ends(state: State) -> bool:
    return any(part == 2 and text in _parts()[2] for part, text in state)


def _said(text: str) -> tuple[int, int, int] | None:
    """Day, month, year of the century of a whole text; None for what no calendar has."""
    plain = text.replace(".", " ").split()
    if len(plain) != 3:  # without points or blanks between
        plain = _split(text.replace(".", "").replace(" ", ""))
    day, month, year = int(plain[0]), plain[1], int(plain[2]) % 100
    number = int(month) if month.isdigit() else next(place for place, names in enumerate(NAMES, 1) if month in names)
    longest = 29 if number == 2 else 30 if number in (4, 6, 9, 11) else 31
    return (day, number, year) if day <= longest else None


def _split(text: str) -> list[str]:
    """Day, month's name and year of a text without anything between."""
    first = next(place for place, char in enumerate(text) if char.isalpha())
    last = max(place for place, char in enumerate(text) if char.isalpha()) + 1
    return [text[:first], text[first:last], text[last:]]


def has_day(words: Iterable[Word]) -> bool:
    """Whether words that were recognised spell a day, in figures with points (or misread ones) or with the month's name."""
    return any(_is_day(match) for match in WRITTEN.finditer(" ".join(word.text for word in words)))


def _is_day(match: re.Match[str]) -> bool:
    month = match["month"].lower()
    if month.isdigit():
        return 1 <= int(match["day"]) <= 31 and 1 <= int(month) <= 12 and bool(match["one"].strip() and match["two"].strip())
    return 1 <= int(match["day"]) <= 31 and month[:3] in MONTHS
