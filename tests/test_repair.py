"""Paragraph signs where one is printed, and nowhere else."""

from __future__ import annotations

import pytest
from drawn import SANS, paper
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from intake.box.inside.repair import glyphs, repaired, round_s
from intake.vocabulary import Word


def line(printed: str, read: str, font: str = SANS) -> tuple[list[Word], Image.Image]:
    """A printed line and the words an engine read there, blank by blank at the same places."""
    page = paper(220)
    draw, face = ImageDraw.Draw(page), ImageFont.truetype(font, 11 / 72 * 220)
    words, x = [], 200.0
    for piece, text in zip(printed.split(), read.split(), strict=True):
        shown = piece.replace("_", " ")
        draw.text((x, 300), shown, font=face, fill=0)
        x0, y0, x1, y1 = draw.textbbox((x, 300), shown, font=face)
        words.append(Word(text, (x0 / page.width, y0 / page.height, x1 / page.width, y1 / page.height), 0.9))
        x = x1 + 12
    return words, page


def mended(printed: str, read: str) -> str:
    words, page = line(printed, read)
    return " ".join(word.text for word in repaired(words, page))


@pytest.mark.parametrize(("printed", "read", "wanted"), [
    ("gemäß § 61 Abs.", "gemäß $ 61 Abs.", "gemäß § 61 Abs."),
    ("gemäß § 61 Abs.", "gemäß 8 61 Abs.", "gemäß § 61 Abs."),
    ("gemäß § 6 Abs.", "gemäß & 6 Abs.", "gemäß § 6 Abs."),
    ("der §§ 5, 51", "der 88 5, 51", "der §§ 5, 51"),
    ("den §§ 15 Abs.", "den $$ 15 Abs.", "den §§ 15 Abs."),
    ("den §§ 15 Abs.", "den 8$ 15 Abs.", "den §§ 15 Abs."),
    ("gericht (§ 47, Abs.", "gericht ($ 47, Abs.", "gericht (§ 47, Abs."),
    ("erlassen: §_1", "erlassen: 81", "erlassen: § 1"),
    ("erlassen: §_39", "erlassen: $39", "erlassen: § 39"),
    ("erlassen: §_39", "erlassen: 8.39", "erlassen: § 39"),
    ("der 88 51, 4 und", "der 88 51, 4 und", "der §§ 51, 4 und"),  # two numbers in a row: the picture is not asked
    ("nach 8 34 Abs. 1", "nach 8 34 Abs. 1", "nach § 34 Abs. 1"),
    ("nach S 34 BauGB", "nach S 34 BauGB", "nach § 34 BauGB"),  # from here on the words alone demand a sign
    ("(GVBl. 714), 85 Abs. 6", "(GVBl. 714), 85 Abs. 6", "(GVBl. 714), § 5 Abs. 6"),
    ("in 8277 Abs. 1", "in 8277 Abs. 1", "in § 277 Abs. 1"),
    ("§_3", "$3", "§ 3"), ("nach § 76a", "nach $ !6a", "nach § !6a"),
    ("mit$ 1 Abs. 3", "mit$ 1 Abs. 3", "mit § 1 Abs. 3"),
    ("der SS 7 und", "der SS 7 und", "der §§ 7 und"),
    ("gegen § 28 3", "gegen S$S 28 3", "gegen § 28 3"),  # one sign in pieces: two only where more than one paragraph follows
    (", § 91 Abs.", ", 8$ 91 Abs.", ", § 91 Abs."), ("des § 1a Abs.", "des $ la Abs.", "des § la Abs."),
])
def test_the_sign_is_restored(printed: str, read: str, wanted: str) -> None:
    assert mended(printed, read) == wanted


@pytest.mark.parametrize("printed", [
    "8 61 Stück", "33,37 Euro", "8496 über", "bis 39 BauGB", "S. 12 ff.",
    "$ 47,50 und", "über $ 47 und US$ 31", "§ 85 Abs.",
    "Meier & 9 Söhne", "und 85 Abs. 2", "8 12 EUR", "Art. 85 Abs. 2", "der S 5", "WS 2019", "SS 2019",
    "§ 90b", "die 8 5 3", "Haus 81 links", "88 5 und", "6 4 2", "Seite 81", "B 3 a", "63,00 EUR 8:83", "Tel. 8 88 49",
    "Kfz-Ne 88 3, 7", "Rechnung 8901 über", "12,00 8 83", "& 5 Söhne", "9 10"])
def test_none_is_invented(printed: str) -> None:
    assert mended(printed, printed) == printed


@pytest.mark.parametrize(("read", "wanted"), [
    ("Miittelau", "Mittelau"), ("Miitteilung", "Mitteilung"), ("Miitglied", "Mitglied"), ("Miiller", "Miiller"),
    ("Miittern", "Miittern")])
def test_a_stroke_counted_twice_is_one(read: str, wanted: str) -> None:
    words, page = line(wanted, read)
    (found,) = repaired(words, page)
    assert (found.text, found.raw) == (wanted, read if read != wanted else "")


def test_groups_of_figures_are_a_sign_of_their_own() -> None:
    assert mended("§_7 13 05", "97 13 05") == "97 13 05"
    assert mended("§_7 13 Abs.", "97 13 Abs.") == "§ 7 13 Abs."


def test_raw_and_box_are_kept() -> None:
    words, page = line("nach §_2 liegt", "nach $2 liegt")
    found = repaired(words, page)
    assert [(word.text, word.raw) for word in found] == [("nach", ""), ("§", "$2"), ("2", ""), ("liegt", "")]
    assert found[1].box[0] == words[1].box[0]
    assert found[1].box[2] < found[2].box[0]
    assert found[2].box[2] == words[1].box[2]


@pytest.mark.parametrize(("read", "wanted"), [
    ("(GVBI. | S. 142)", "(GVBl. I S. 142)"), ("(GVBl. IS. 142)", "(GVBl. I S. 142)"), ("BGBI. l S. 3", "BGBl. I S. 3"),
    ("GVBl. Il S. 3", "GVBl. II S. 3"), ("GVBl. I S. 26", "GVBl. I S. 26"), ("Abs. l Satz", "Abs. 1 Satz"),
    ("Nr. | der", "Nr. 1 der"), ("(GVBl. 15. 278),", "(GVBl. I S. 278),"), ("GVBl. 18.2753)", "GVBl. I S. 2753)"),
    ("GVBl. 11S.579)", "GVBl. II S. 579)"), ("GVBl. 11965 S. 88", "GVBl. I 1965 S. 88"), ("(GVBl:15. 7)", "(GVBl. I S. 7)"),
    ("(SVBI. IS. 325)", "(GVBl. I S. 325)"), ("GVBl. I 1967 5. 590", "GVBl. I 1967 S. 590"),
    ("(GVBl. I Ss: 475),", "(GVBl. I S. 475),"), ("(BGBl. I $. 23)", "(BGBl. I S. 23)"),
    ("GVBl. 1965 S. 88", "GVBl. 1965 S. 88"), ("GVBl. S. 318", "GVBl. S. 318"), ("SVBl. S. 12", "SVBl. S. 12"),
    ("GVBl. Nr. 18", "GVBl. Nr. 18"),
    ("Abs. I Satz", "Abs. I Satz"), ("Wilhelm I S.", "Wilhelm I S."), ("| Spalte |", "| Spalte |"), ("IS. heißt", "IS. heißt")])
def test_citations(read: str, wanted: str) -> None:
    words = [Word(text, (0.1 * place, 0.1, 0.1 * place + 0.08, 0.12), 0.9) for place, text in enumerate(read.split())]
    assert " ".join(word.text for word in repaired(words, paper())) == wanted


def test_a_citation_does_not_reach_over_the_line() -> None:
    words = [Word("GVBl.", (0.8, 0.1, 0.9, 0.12), 0.9, line=0), Word("|", (0.1, 0.2, 0.11, 0.22), 0.9, line=1)]
    assert repaired(words, paper())[1].text == "|"


@given(st.lists(st.text("abcdefgABCxyzäöü0123456789.,()", min_size=1, max_size=8), max_size=12))
def test_white_paper_makes_no_signs(texts: list[str]) -> None:
    words = [Word(text, (0.05 * place, 0.1, 0.05 * place + 0.04, 0.12), 0.9) for place, text in enumerate(texts)]
    assert not any("§" in word.text for word in repaired(words, paper()))


def test_glyphs_of_a_word() -> None:
    words, page = line("81", "81")
    assert len(glyphs(page, words[0].box)) == 2
    assert glyphs(page, (0.0, 0.0, 0.0, 0.0)) == ()


@pytest.mark.parametrize(("read", "wanted"), [
    ("erſti>t", "erstickt"), ("durc<hweht,", "durchweht,"), ("dur<", "durch"), ("<en", "chen"), ("gedrüc>ten", "gedrückten"),
    ("jeßt", "jetzt"), ("Plaß", "Platz"), ("vaß er", "daß er"), ("vurch den", "durch den"), ("ver Mann", "der Mann"),
    ("ver", "ver"), ("a < b", "a < b"), ("> 5", "> 5"), ("läßt daß", "läßt daß"), ("vergeßt von", "vergeßt von"),
    ("viel vor", "viel vor")])
def test_fraktur_is_legible(read: str, wanted: str) -> None:
    words = [Word(text, (0.1 * place, 0.1, 0.1 * place + 0.08, 0.12), 0.9) for place, text in enumerate(read.split())]
    assert " ".join(word.text for word in round_s(words)) == wanted


def test_long_s_is_found_as_s() -> None:
    word = round_s([Word("dieſem", (0, 0, 0.1, 0.1), 0.9)])[0]
    assert (word.text, word.raw) == ("diesem", "dieſem")
