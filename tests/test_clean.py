"""Specks are taken out of the engine's picture and of its words; pale and fine print stays."""

from __future__ import annotations

from dataclasses import replace

from drawn import LETTER, dusty, written

from intake.box.inside.clean import despeckled, without_rules, without_specks
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


def test_rules_read_as_letters_are_dropped() -> None:
    """On an A4 page at 200 dpi: the rule under a return line (17 x 0.5 mm), words in wide and narrow letters."""
    rule = Word("N", (0.13, 0.14, 0.21, 0.1417), 0.13)
    words = [Word("Antrag", (0.1, 0.1, 0.2, 0.11), 0.3), Word("W", (0.1, 0.2, 0.115, 0.21), 0.2), rule]
    assert without_rules(words, (1654, 2339)) == tuple(words[:2])
    sure = replace(rule, confidence=0.9)
    assert without_rules([sure], (1654, 2339)) == (sure,)


def test_a_dot_read_as_a_letter_is_dropped() -> None:
    words = [Word("kö-233/26", (0.7, 0.1, 0.8, 0.11), 0.5), Word("Mein", (0.5, 0.1, 0.6, 0.11), 0.5),
             Word("s", (0.82, 0.1, 0.821, 0.101), 0.0), Word("s", (0.83, 0.1, 0.831, 0.101), 0.5)]
    assert without_rules(words, (1654, 2339)) == (*words[:2], words[3])


def test_nothing_stays_nothing() -> None:
    assert without_specks(()) == without_rules((), (100, 100)) == ()
