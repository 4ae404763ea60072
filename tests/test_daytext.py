"""What may be written as a day, and the likeliest one of a reader's steps (intake/box/inside/daytext.py)."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box.inside.daytext import decoded, has_day
from intake.vocabulary import Word

LETTERS = "0123456789. abcdefgijklmnoprstuvzä"
NAMES = ("jan.", "feb.", "märz", "april", "mai", "juni", "juli", "aug.", "sept.", "okt.", "nov.", "dezember")


def steps(text: str, *, sure: float = 0.98, apart: int = 3) -> np.ndarray:
    """What a reader says that sees this text: each letter at one step, blanks between."""
    found = np.full((apart * (len(text) + 2), len(LETTERS) + 1), math.log((1 - sure) / len(LETTERS)), np.float32)
    found[:, 0] = math.log(sure)
    for place, char in enumerate(text):
        at = apart * (place + 1)
        found[at], found[at, LETTERS.index(char) + 1] = found[at, 1], math.log(sure)
    return found


@given(st.dates(date(1950, 1, 1), date(2049, 12, 31)),
       st.sampled_from([
           "{d:02d}.{m:02d}.{y}", "{d:02d}.{m:02d}.{s:02d}", "{d}. {n} {y}", "{d:02d} {n} {s:02d}", "{d:02d}. {m:02d}. {y}"]))
def test_a_day_that_is_seen_is_read(day: date, form: str) -> None:
    text = form.format(d=day.day, m=day.month, y=day.year, s=day.year % 100, n=NAMES[day.month - 1])
    found = decoded(steps(text), LETTERS)[0]
    assert found.day == (day.day, day.month, day.year % 100)
    assert found.text == text and found.probability > 0.5 and len(found.steps) == len(text)
    assert list(found.steps) == sorted(found.steps)


@pytest.mark.parametrize("text", ["", "eingang", "45.01.2026", "31.02.2026", "12.13.2026", "12.03.1849", "30. feb. 2026"])
def test_what_is_no_day_is_not_read_as_one(text: str) -> None:
    known = "".join(char for char in text if char in LETTERS)
    assert all(day.probability < 0.2 for day in decoded(steps(known, sure=0.9999), LETTERS))


def test_an_unclear_figure_leaves_both_days_their_share() -> None:
    seen = steps("12.03.2026")
    at = 3 * 2
    seen[at, LETTERS.index("2") + 1], seen[at, LETTERS.index("7") + 1] = math.log(0.55), math.log(0.43)
    first, second = decoded(seen, LETTERS)[:2]
    assert (first.day, second.day) == ((12, 3, 26), (17, 3, 26))
    assert 0.4 < first.probability < 0.65 and 0.25 < second.probability < first.probability


def test_a_month_that_no_calendar_has_is_mended_by_the_calendar() -> None:
    seen = steps("12.03.2026")
    at = 3 * 4  # the first figure of the month: rather a 8, which begins no month
    seen[at, LETTERS.index("8") + 1], seen[at, LETTERS.index("0") + 1] = math.log(0.7), math.log(0.28)
    assert decoded(seen, LETTERS)[0].day == (12, 3, 26)


def test_a_year_that_the_page_names_is_likelier() -> None:
    seen = steps("12.03.2026")
    at = 3 * 10
    seen[at, LETTERS.index("6") + 1], seen[at, LETTERS.index("8") + 1] = math.log(0.45), math.log(0.53)
    assert decoded(seen, LETTERS)[0].day[2] == 28
    assert decoded(seen, LETTERS, (2026, 2027))[0].day[2] == 26


def test_two_equal_figures_beside_each_other_need_a_blank_between() -> None:
    seen = steps("11.11.2022")
    assert decoded(seen, LETTERS)[0].text == "11.11.2022"


@pytest.mark.parametrize("texts", [
    ("11.01.26",), ("15.09,2026",), ("4.", "April", "2026"), ("02", "SEP.", "2026"), ("1.", "März", "26")])
def test_words_that_spell_a_day(texts: tuple[str, ...]) -> None:
    assert has_day([Word(text, (0.1, 0.1, 0.2, 0.2), 0.9) for text in texts])


@pytest.mark.parametrize("texts", [
    ("26", "11.01.2"), ("45.01.26",), ("11.13.2026",), ("12", "Uhr", "26"), ("1", "2", "26"), ("",)])
def test_words_that_spell_none(texts: tuple[str, ...]) -> None:
    assert not has_day([Word(text, (0.1, 0.1, 0.2, 0.2), 0.9) for text in texts])
