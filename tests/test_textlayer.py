"""Which text layers may be believed, and how characters become words, lines and blocks."""

from __future__ import annotations

from pathlib import Path

import pdfplumber
import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st

from intake.box.inside.pdf import Char, Pdf
from intake.box.inside.textlayer import _grouped, _whole, sane, words_of
from intake.box.inside.words import renumbered, text_of, turned
from intake.vocabulary import Word

GERMAN = ["Aufgrund", "der", "Paragraphen", "der", "Hessischen", "Gemeindeordnung", "in", "der", "Fassung", "der",
          "Bekanntmachung", "hat", "die", "Gemeindevertretung", "folgende", "Satzung", "über", "die", "Benutzung", "der",
          "gemeindlichen",
          "Einrichtungen", "beschlossen"]


def words(texts: list[str]) -> list[Word]:
    return [Word(text, (0.1, 0.1, 0.2, 0.12), 0.99) for text in texts]


def test_german_is_sane() -> None:
    assert sane(words(GERMAN), 0.0)


@pytest.mark.parametrize("leader", ["." * 90, "_" * 70, "\u2026" * 30])
def test_a_table_of_contents_is_sane(leader: str) -> None:
    """Its dots are more than its letters, and still every word is right; dots alone say nothing."""
    assert sane(words([word + leader for word in GERMAN]), 0.0)
    assert not sane(words([leader] * 20), 0.0)


def test_pdfplumber_sees_the_same_words_in_the_same_places(tmp_path: Path) -> None:
    """An independent witness for words and boxes of PDFium's text layer (points from the top left)."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=11)
    pdf.add_page()
    for number in range(30):
        pdf.cell(0, 8, " ".join(GERMAN[number % 15:number % 15 + 6]) + f" {number}.", new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(tmp_path / "a.pdf"))
    page = Pdf(tmp_path / "a.pdf").page(1)
    ours = words_of(page)[0]
    with pdfplumber.open(tmp_path / "a.pdf") as other:
        theirs = other.pages[0].extract_words()
    assert [word.text for word in ours] == [word["text"] for word in theirs]
    for word, seen in zip(ours, theirs, strict=True):
        assert word.box[0] * page.width_pt == pytest.approx(seen["x0"], abs=2)
        assert word.box[2] * page.width_pt == pytest.approx(seen["x1"], abs=2)
        assert seen["top"] - 1 <= (word.box[1] + word.box[3]) / 2 * page.height_pt <= seen["bottom"] + 1


@pytest.mark.parametrize("texts", [
    ["$XIJUXQG", "GHU", "3DUDJUDSKHQ", "Qrtzkl", "Gmndrdnng", "Bkntmchng"] + ["Vrtrtng", "Stzng", "Bntzng", "gmndlchn"] * 4,
    ["\ufffd\ufffd\ufffd", "\ue001\ue002"] * 10, ["#*+~", "%&/()=?", "°^<>|,;.:-_"] * 6, []])
def test_garbage_is_not(texts: list[str]) -> None:
    assert not sane(words(texts), 0.0)


def test_unmapped_characters_are_garbage() -> None:
    assert not sane(words(GERMAN), 0.2)


def test_a_page_of_numbers_and_abbreviations_is_sane() -> None:
    assert sane(words(["BGB", "Nr.", "12,50", "EUR", "GmbH", "31.12.2026", "MwSt", "lfd.", "qm", "km", "Str.", "MKK"] * 3), 0.0)


def chars(text: str, *, top: float = 0.1) -> list[Char]:
    found, x, y = [], 0.1, top
    for character in text:
        if character == "\n":
            found += [Char(13, (0, 0, 0, 0), False, False), Char(10, (0, 0, 0, 0), False, False)]
            x, y = 0.1, y + 0.02
        elif character == "¶":
            y += 0.06
        else:
            found.append(Char(ord(character), (x, y, x + 0.01, y + 0.012), False, False))
            x += 0.012
    return found


def test_words_lines_and_blocks() -> None:
    assert text_of(_grouped(chars("Guten Tag\nHerr Maier\n¶Ihr Antrag"), 0.7)) == "Guten Tag\nHerr Maier\n\nIhr Antrag"


def test_the_hyphen_of_pdfium_is_a_hyphen() -> None:
    assert text_of(_grouped(chars("Ver\x02\nordnung"), 0.7)) == "Ver-\nordnung"


def test_the_box_of_a_word_holds_its_letters() -> None:
    word = _grouped(chars("Tag"), 0.7)[0]
    assert word.box == (0.1, 0.1, pytest.approx(0.134), pytest.approx(0.112))


boxes = st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0.5, 1), st.floats(0.5, 1))


@given(boxes)
def test_four_quarter_turns_are_none(box: tuple[float, float, float, float]) -> None:
    for way in (90, 180, 270):
        assert turned(turned(box, way), 360 - way) == pytest.approx(box)
    assert turned(turned(box, 90), 90) == pytest.approx(turned(box, 180))


def test_a_quarter_turn_clockwise_moves_the_top_to_the_right() -> None:
    assert turned((0.0, 0.0, 0.2, 0.1), 90) == pytest.approx((0.9, 0.0, 1.0, 0.2))


def test_lines_and_blocks_are_counted_without_gaps() -> None:
    found = renumbered([Word("a", (0, 0, 1, 1), 1, line=7, block=3), Word("b", (0, 0, 1, 1), 1, line=9, block=3),
                        Word("c", (0, 0, 1, 1), 1, line=9, block=8)])
    assert [(word.line, word.block) for word in found] == [(0, 0), (1, 0), (2, 1)]


def test_half_a_pictograph_cannot_break_the_answer() -> None:
    """PDFium gives only the first UTF-16 half of some emoji; a lone surrogate is no text that JSON could carry."""
    assert _whole("\ud83d") == "\ufffd"
    assert _whole("Tel. \ud83d\udcde Ä") == "Tel. \U0001f4de Ä"
    _whole("\udcde\ud83d").encode()
