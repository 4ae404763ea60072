"""The day of receipt where a stamp lies beside the letter's own lines (intake/extract/stamp.py)."""

from __future__ import annotations

from datetime import date

import pytest

from intake.extract.stamp import stamp
from intake.propose import best
from intake.vocabulary import Material, Page, Word

REGION = (0.6, 0.06, 0.83, 0.15)


def page(*lines: str) -> Page:
    """One region of a stamp with these lines, 5 mm one below the other."""
    words = tuple(Word(text, (0.62 + 0.06 * place, 0.065 + 0.017 * row, 0.67 + 0.06 * place, 0.077 + 0.017 * row), 0.96, line=row)
                  for row, line in enumerate(lines) for place, text in enumerate(line.split()))
    return Page(1, 210.0, 297.0, " ".join(lines), words, stamps=(REGION,))


def day(*lines: str) -> str:
    found = best(stamp(Material((page(*lines),), received_on=date(2026, 12, 31))), "receipt_date")
    return found.value if found is not None else ""


@pytest.mark.parametrize("label", ["Datum:", "Unser Datum:"])
def test_a_date_with_a_leading_word_is_the_letters_own(label: str) -> None:
    assert day("Bürgermeisteramt", "Eingegangen am", "24. Okt. 2026", f"{label} 25.01.2026") == "2026-10-24"
    assert day(f"{label} 25.01.2026", "Eingegangen am", "24. Okt. 2026") == "2026-10-24"


@pytest.mark.parametrize("text", ["Eingang: 24.10.2026", "Eingegangen: 24.10.2026", "24.10.2026"])
def test_a_stamp_word_before_the_day_is_no_such_word(text: str) -> None:
    assert day("Eingegangen", text) == "2026-10-24"


@pytest.mark.parametrize("text", ["i8. Sep. 2026", "I8. Sep. 2026", "l8. Sep. 2026", "|8. Sep. 2026"])
def test_a_one_read_as_a_letter(text: str) -> None:
    assert day("POSTEINGANG", text) == "2026-09-18"


@pytest.mark.parametrize("text", ["5, Okt. 2026", "5. Okt, 2026", "5: Okt. 2026", "5. OKT 2026"])
def test_a_point_that_rubber_printed_as_something_else(text: str) -> None:
    assert day("EINGANG", text, "Bauamt Mittelau") == "2026-10-05"


def test_a_dotless_i_is_an_i() -> None:
    assert day("Eingegangen am", "12 MAı 2026") == "2026-05-12"


@pytest.mark.parametrize("text", ["Gebäude 5, Okt", "5, Bauamt 2026", "Raum 12, Mai"])
def test_a_comma_alone_makes_no_day(text: str) -> None:
    assert day("Eingegangen", text) == ""


def test_a_day_that_lost_a_figure_is_doubted() -> None:
    def sure(text: str) -> float:
        return stamp(Material((page("Eingegangen", text),), received_on=date(2026, 12, 31)))[0].confidence

    assert sure("5.05.2026") < 0.6 * sure("25.05.2026")
    assert sure("5.5.2026") == sure("25.05.2026")
