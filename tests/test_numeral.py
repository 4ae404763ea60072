"""Roman numerals at the beginning of a sign, counted in the picture (intake/box/inside/numeral.py)."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFilter

from intake.box.inside import numeral
from intake.vocabulary import Word
from samples.canvas import ScanCanvas

FACES = ("sans", "serif", "narrow", "dejavu", "dejavu-serif", "mono")


def printed(text: str, face: str, angle: float = 0.0, y: float = 60.0) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """A page with one sign, slightly blurred, and the box around its ink."""
    canvas = ScanCanvas(dpi=200)
    canvas.text(60, y, text, 11, face)
    page = canvas.pages[0].rotate(angle, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.5))
    ink = page.point([255 if value < 160 else 0 for value in range(256)]).getbbox()
    assert ink is not None
    page.info["dpi"] = (200.0, 200.0)
    return page, (ink[0] / page.width, ink[1] / page.height, ink[2] / page.width, ink[3] / page.height)


def counted(text: str, read: str, face: str, angle: float = 0.0, y: float = 60.0) -> Word:
    page, box = printed(text, face, angle, y)
    return numeral.counted([Word(read, box, 0.5)], page, -angle)[0]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("text", "read"), [
    ("III/2-74.17", "11/2-74.17"), ("II/6-29.80", "1V6-29.80"), ("VI/7-48.29", "V1/7-48.29"), ("I/4-73.97", "1/4-73.97")])
def test_strokes_are_counted_in_the_picture(face: str, text: str, read: str) -> None:
    word = counted(text, read, face)
    assert (word.text, word.raw) == (text, read)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("text", ["11/2-74.17", "1/4-73.97", "12/3-99.10", "10/75-513", "111/5-43.21", "17/4-22.31"])
def test_ones_stay_ones(face: str, text: str) -> None:
    assert counted(text, text, face).text == text


@pytest.mark.parametrize("angle", [-2.0, 1.7])
def test_a_skewed_sign_is_seen_upright(angle: float) -> None:
    assert counted("III/2-74.17", "IW2-74.17", "sans", angle).text == "III/2-74.17"


@pytest.mark.parametrize("read", ["11.11.2026", "1.234", "11", "1,50"])
def test_dates_and_numbers_are_not_looked_at(read: str) -> None:
    word = Word(read, (0.1, 0.1, 0.2, 0.12), 0.9)
    assert numeral.counted([word], Image.new("L", (100, 100), 255), 0.0) == (word,)


def test_only_the_upper_half_of_a_page_is_looked_at() -> None:
    assert counted("III/2-74.17", "11/2-74.17", "sans", y=200.0).text == "11/2-74.17"


def test_a_picture_that_does_not_fit_changes_nothing() -> None:
    assert counted("AB", "11/2-74.17", "sans").text == "11/2-74.17"
    tiny = Word("11/2-74.17", (0.5, 0.1, 0.501, 0.101), 0.5)
    assert numeral.counted([tiny], Image.new("L", (200, 200), 255), 0.0) == (tiny,)


@pytest.mark.parametrize("face", ["sans", "serif", "narrow", "dejavu"])
@pytest.mark.parametrize("read", ["26.07", "26107"])
def test_a_blank_between_figures_that_was_read_as_something(face: str, read: str) -> None:
    page, box = printed("26 07", face)
    assert [word.text for word in numeral.counted([Word(read, box, 0.8)], page, 0.0)] == ["26", "07"]


@pytest.mark.parametrize("text", ["26.07", "26107", "12,50"])
def test_what_stands_between_figures_stays(text: str) -> None:
    page, box = printed(text, "sans")
    assert [word.text for word in numeral.counted([Word(text, box, 0.8)], page, 0.0)] == [text]
