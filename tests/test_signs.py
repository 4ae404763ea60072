"""Signs looked at again letter by letter (intake/box/inside/signs.py)."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

from intake.box.inside import ctc, signs
from intake.box.inside.convnet import Model, loaded
from intake.box.inside.ctc import Spelled
from intake.box.inside.reader import SIGNS
from intake.resources import resource
from intake.vocabulary import Word
from samples.canvas import ScanCanvas

FACES = ("sans", "serif", "narrow", "dejavu", "dejavu-serif", "mono")


def learnt() -> Model:
    return loaded(resource("models", *SIGNS.split("/")))


def words_of(*texts: str, y: float = 0.2, x: float = 0.1, block: int = 0, line: int = 0) -> tuple[Word, ...]:
    """A line of words, each letter 0.01 of the page wide, a blank as well."""
    found = []
    for text in texts:
        found.append(Word(text, (x, y, x + 0.01 * len(text), y + 0.01), 0.9, line=line, block=block))
        x += 0.01 * (len(text) + 1)
    return tuple(found)


def page(dpi: float = 200.0) -> Image.Image:
    made = Image.new("L", (round(210 / 25.4 * dpi), round(297 / 25.4 * dpi)), 255)
    made.info["dpi"] = (dpi, dpi)
    return made


def printed(text: str, face: str, angle: float = 0.0, dpi: int = 200, size: float = 11) -> tuple[Image.Image, tuple[float, ...]]:
    """A page with one sign, slightly blurred, and the box around its ink."""
    canvas = ScanCanvas(dpi=dpi)
    canvas.text(60, 60, text, size, face)
    made = canvas.pages[0].rotate(angle, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.5))
    ink = made.point([255 if value < 160 else 0 for value in range(256)]).getbbox()
    assert ink is not None
    made.info["dpi"] = (float(dpi), float(dpi))
    return made, (ink[0] / made.width, ink[1] / made.height, ink[2] / made.width, ink[3] / made.height)


def again(text: str, before: str, face: str, angle: float = 0.0, dpi: int = 200) -> list[str]:
    made, box = printed(text, face, angle, dpi)
    return [word.text for word in signs.reread([Word(before, box, 0.9)], made, -angle, learnt())]


@pytest.mark.parametrize(("texts", "sign"), [
    (("Unser", "Zeichen:", "12", "C", "277/25"), ("12", "C", "277/25")),
    (("Az.", "61", "26", "07"), ("61", "26", "07")),
    (("Ihr", "Zeichen", "kö-421/26"), ("kö-421/26",)),
    (("III/2-39.63",), ("III/2-39.63",))])
def test_what_may_be_a_sign_stands_behind_its_leading_words(texts: tuple[str, ...], sign: tuple[str, ...]) -> None:
    assert [tuple(word.text for word in one) for one in signs.signs(words_of(*texts), page())] == [sign]


@pytest.mark.parametrize("texts", [
    ("12.03.2026",), ("12.", "März", "2026"), ("2026-03-12",), ("Birkenweg", "12"), ("24998", "Mittelau"), ("Antrag", "632/24"),
    ("300,00", "€"), ("1.260,00",), ("12", "m²"), ("post12@amt34.example",), ("Az.",),
    ("3/4",), ("ohne", "Zahl"), ("12345678901234567890123456789",)])
def test_days_addresses_and_words_are_no_signs(texts: tuple[str, ...]) -> None:
    assert list(signs.signs(words_of(*texts), page())) == []


def test_behind_a_leading_word_any_text_may_be_a_sign() -> None:
    garbled = words_of("Mein", "Zeichen:", "Ze", "IC")
    assert [[word.text for word in one] for one in signs.signs(garbled, page())] == [["Ze", "IC"]]
    assert list(signs.signs(words_of("Telefon:", "Ze", "IC"), page())) == []
    faint = tuple(replace(word, confidence=0.3) for word in words_of("Ze", "ICBl"))
    assert [[word.text for word in one] for one in signs.signs(faint, page())] == [["Ze", "ICBl"]]


def test_only_the_upper_half_of_a_page_is_looked_at() -> None:
    assert list(signs.signs(words_of("III/2-39.63", y=0.6), page())) == []


def test_room_ends_where_something_else_stands() -> None:
    line = (*words_of("Az.:"), *words_of("12-345", x=0.2), *words_of("Frau", x=0.275, block=1, line=1))
    span = signs.span_of(line[1:2], line, page(), 0.0)
    assert span.left == pytest.approx(0.2 * 1654, abs=1) and span.right == pytest.approx(0.26 * 1654, abs=1)
    mm = 200 / 25.4
    assert span.before == pytest.approx(signs.BEFORE_MM * mm)
    assert span.behind == pytest.approx((0.015 * 210 - signs.APART_MM) * mm, abs=1)


def test_words_on_other_lines_take_no_room() -> None:
    lines = (*words_of("12-345", x=0.2), *words_of("Frau", x=0.265, y=0.22, block=1, line=1))
    assert signs.span_of(lines[:1], lines, page(), 0.0).behind == pytest.approx(signs.BEHIND_MM * 200 / 25.4)


@pytest.mark.parametrize("skew", [-2.0, 1.0])
def test_the_middle_of_a_skewed_sign_lies_between_its_words(skew: float) -> None:
    slope = math.tan(math.radians(skew)) * 1654 / 2339
    first, last = words_of("12", x=0.2), words_of("345", x=0.4, y=0.2 + slope * 0.205)
    span = signs.span_of((*first, *last), (*first, *last), page(), skew)
    middle = 0.205 + slope * ((0.2 + 0.43) / 2 - 0.21)
    assert span.middle == pytest.approx(middle * 2339, abs=1.5) and span.slant == skew


def seen(text: str, sure: float = 0.99) -> Spelled:
    return Spelled(text, tuple(range(0, 3 * len(text), 3)), (sure,) * len(text))


def logs_for(text: str, alphabet: str, sure: float = 8.0) -> ctc.Logs:
    steps = np.zeros((3 * len(text), len(alphabet) + 1), np.float32)
    for place, letter in enumerate(text):
        steps[3 * place, alphabet.index(letter) + 1] = sure
        steps[3 * place + 1:3 * place + 3, 0] = sure
    return ctc.logs_of(steps)


ALPHABET = "0123456789ABCIköÖ/-. "


@pytest.mark.parametrize(("before", "text", "counts"), [
    ("12 C 2771/25", "12 C 277/25", True), ("1112-3", "III/2-3", True), ("12€345/25", "12C345/25", True),
    ("12 C 277/25", "12 C 277/25", False), ("12C 277/25", "12 C 277/25", False), ("12–34", "12-34", False),
    ("kö-12/26", "kÖ-12/26", False),
    ("12345", "123", False)])
def test_another_sure_reading_counts(before: str, text: str, counts: bool) -> None:
    assert signs.counts(seen(text), logs_for(text, ALPHABET), before, ALPHABET) is counts


@pytest.mark.parametrize(("text", "before", "said"), [
    ("kÖ-233/26", "kö-233126", "kö-233/26"), ("12 c 277/25", "12 C 2771/25", "12 C 277/25"), ("III/2-3", "1112-3", "III/2-3"),
    ("so-1", "SO-1", "SO-1"), ("Ko-12", "İİİkO-12", "kO-12"), ("ab", "cd", "ab")])
def test_letters_are_as_large_as_they_were_read_before(text: str, before: str, said: str) -> None:
    assert signs.as_large_as(text, before) == said


def test_a_reading_with_a_doubtful_letter_does_not_count() -> None:
    logs = logs_for("12-34", ALPHABET)
    unsure = Spelled("12-34", (0, 3, 6, 9, 12), (0.99, 0.99, signs.LEAST - 0.1, 0.99, 0.99))
    assert signs.counts(seen("12-34"), logs, "12-84", ALPHABET) and not signs.counts(unsure, logs, "12-84", ALPHABET)


def test_a_reading_hardly_likelier_than_the_first_does_not_count() -> None:
    logs = logs_for("12-34", ALPHABET)
    logs[9, ALPHABET.index("8") + 1] = logs[9].max() - 0.5  # the 3 may well be an 8
    assert not signs.counts(seen("12-34"), logs, "12-84", ALPHABET)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("text", "before"), [
    ("III/2-74.17", "11/2-74.17"), ("II/6-29.80", "1V6-29.80"), ("VI/7-48.29", "V1/7-48.29"), ("I/4-73.97", "1/4-73.97"),
    ("12 C 277/25", "12 C 2771/25"), ("59 32 05", "5932.05"), ("BA/632.20-0123/2024", "B4A/632.20-0123/2024")])
def test_what_was_misread_is_read_again(face: str, text: str, before: str) -> None:
    assert "".join(again(text, before, face)) == "".join(text.split())


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("text", ["11/2-74.17", "1/4-73.97", "12/3-99.10", "10/75-513", "111/5-43.21", "17/4-22.31", "kö-421/26"])
def test_what_was_read_well_stays(face: str, text: str) -> None:
    assert again(text, text, face) == [text]


@pytest.mark.parametrize("angle", [-2.0, 1.7])
def test_a_skewed_sign_is_seen_level(angle: float) -> None:
    assert again("III/2-74.17", "IW2-74.17", "sans", angle) == ["III/2-74.17"]


def test_words_lie_where_their_letters_are() -> None:
    made, box = printed("59 32 05", "sans")
    words = signs.reread([Word("5932.05", box, 0.9)], made, 0.0, learnt())
    assert [word.text for word in words] == ["59", "32", "05"] and [word.raw for word in words] == ["5932.05", "", ""]
    assert all(one.box[2] < other.box[0] for one, other in pairwise(words))
    wide = box[2] - box[0]
    assert abs(words[0].box[0] - box[0]) < 0.1 * wide and abs(words[-1].box[2] - box[2]) < 0.1 * wide
    assert all(word.box[1] == pytest.approx(box[1], abs=1e-4) for word in words)


def test_what_was_cut_short_is_whole_again() -> None:
    made, box = printed("III/2-39.63", "sans")
    short = (box[0], box[1], box[0] + 0.72 * (box[2] - box[0]), box[3])
    words = signs.reread([Word("III/2-39", short, 0.9)], made, 0.0, learnt())
    assert [word.text for word in words] == ["III/2-39.63"] and words[0].box[2] > short[2]


def test_a_picture_that_shows_nothing_changes_nothing() -> None:
    words = words_of("III/2-39.63")
    assert signs.reread(words, page(), 0.0, learnt()) == words


def test_not_more_lines_than_a_head_has_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(signs, "_again", lambda sign, *_: read.append(sign) or [])
    lines = tuple(word for line in range(20) for word in words_of("12-345/26", y=0.02 * line + 0.01, line=line))
    assert signs.reread(lines, page(), 0.0, learnt()) == lines and len(read) == signs.MOST
