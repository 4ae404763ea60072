"""Specks are taken out of the engine's picture and of its words; pale and fine print stays."""

from __future__ import annotations

from drawn import LETTER, dusty, written

from intake.box.inside.clean import despeckled, without_specks
from intake.vocabulary import Word

BOX = (0.1, 0.1, 0.2, 0.12)


def test_a_dirty_copy_is_cleaned_and_its_print_kept() -> None:
    clean, page = written(LETTER * 2, 220), written(LETTER * 2, 220)
    dusty(page, 1, 2500)
    found = despeckled(page)
    dark = [sum(image.histogram()[:128]) for image in (clean, found, page)]
    assert dark[2] - dark[0] > 2 * (dark[1] - dark[0])
    assert dark[1] >= 0.98 * dark[0]
    assert found.info["dpi"] == page.info["dpi"]


def test_a_clean_page_is_left_alone() -> None:
    page = written(LETTER * 2, 220)
    assert despeckled(page) is page


def test_pale_print_is_no_dirt() -> None:
    page = written(("Anlage",), 220, ink=190, points=9)
    assert despeckled(page) is page


def test_marks_alone_are_dropped() -> None:
    words = [Word("Antrag", BOX, 0.9), Word(".", (0.3, 0.1, 0.31, 0.102), 0.9), Word("'", BOX, 0.3), Word("-", BOX, 0.8),
             Word("nnneeennnen", BOX, 0.1), Word("3.", BOX, 0.4)]
    assert [word.text for word in without_specks(words)] == ["Antrag", "-", "3."]


def test_nothing_stays_nothing() -> None:
    assert without_specks(()) == ()
