"""Dates as offices write them: every form, no day that does not exist, no half of a number."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.extract.dates import find_dates

MONTHS = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember")
SHORT = ("Jan.", "Feb.", "Mrz.", "Apr.", "Mai", "Jun.", "Jul.", "Aug.", "Sept.", "Okt.", "Nov.", "Dez.")
DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@given(DAYS, st.sampled_from(["", "Mittelau, den ", "am ", "(", "Datum: "]), st.sampled_from(["", ".", ",", " um 9 Uhr", ")"]))
def test_every_form_of_every_day(day: date, before: str, after: str) -> None:
    forms = (f"{day:%d.%m.%Y}", f"{day.day}.{day.month}.{day.year}", f"{day:%d. %m. %Y}", day.isoformat(), f"{day:%d/%m/%Y}",
             f"{day.day}. {MONTHS[day.month - 1]} {day.year}", f"{day.day}. {SHORT[day.month - 1]} {day.year}",
             f"{day.day} {MONTHS[day.month - 1].upper()} {day.year}")
    for form in forms:
        text = before + form + after
        found = find_dates(text)
        assert [(one.day, one.raw) for one in found] == [(day, form)], text
        assert text[found[0].start:found[0].end] == form


@given(st.text(alphabet="0123456789./- JanuräMz", max_size=40))
def test_whatever_is_found_stands_there_and_exists(text: str) -> None:
    last = 0
    for one in find_dates(text):
        assert text[one.start:one.end] == one.raw
        assert one.start >= last
        assert 1800 <= one.day.year <= 2100
        last = one.end


@given(st.integers(1950, 2099), st.integers(0, 99))
def test_two_digit_years_are_the_nearest_past(near: int, year: int) -> None:
    found = find_dates(f"01.03.{year:02d}", near)[0].day.year
    assert found % 100 == year and near + 1 - 100 < found <= near + 1


@pytest.mark.parametrize("text", [
    "31.02.2026", "32.01.2026", "1.13.2026", "12.03", "1.234,56", "632.60-0017/2026", "04699 12 34 56", "10.12.20261", "0.0.0000",
    "IBAN DE12 3456", "Az. 17.03.02.2026", "12.05.2026.1", "99. Januar 2026", "Absatz 3.1.2"])
def test_no_dates(text: str) -> None:
    assert find_dates(text) == ()


def test_several_in_one_text() -> None:
    found = find_dates("vom 3.4.26 bis 14. März 2026 und 2026-05-01")
    assert [one.day.isoformat() for one in found] == ["2026-04-03", "2026-03-14", "2026-05-01"]
