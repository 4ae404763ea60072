"""Which way a page stands: decided by what can be read, recognised once when that is clear."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from drawn import LETTER, written
from PIL import Image

from intake.box.inside.geometry import ink_of, looks_sideways, skew_of
from intake.box.inside.image import at_dpi, turn
from intake.box.inside.upright import clear_letters, convincing, read_upright, sample_of
from intake.vocabulary import Word

FLAT = tuple(Word("Baugesetzbuch", (0.1, 0.1 + place / 50, 0.3, 0.11 + place / 50), 0.95) for place in range(20))
POOR = tuple(Word("xq", (0.1, 0.1, 0.12, 0.11), 0.3) for _ in range(40))


def reader(page: Image.Image, calls: list[tuple[int, int]]) -> Callable[[Image.Image], tuple[Word, ...]]:
    """A recogniser that reads only when the heading is at the top: the page has one black corner."""
    def recognise(image: Image.Image) -> tuple[Word, ...]:
        calls.append(image.size)
        corner = image.crop((0, 0, image.width // 10, image.height // 10))
        return FLAT if min(corner.tobytes()) < 60 else POOR
    return recognise


def marked() -> Image.Image:
    page = written(LETTER * 3)
    page.paste(0, (0, 0, page.width // 12, page.height // 12))
    return page


@pytest.mark.parametrize("way", [0, 90, 180, 270])
def test_a_turned_page_comes_out_upright(way: int) -> None:
    page = turn(marked(), way)
    calls: list[tuple[int, int]] = []
    words, rotation = read_upright(page, ink_of(at_dpi(page, 75)), reader(page, calls))
    if way == 0:
        assert (words, rotation, len(calls)) == (FLAT, 0, 1)
    else:
        assert rotation in (0, (360 - way) % 360)


def test_an_unreadable_page_keeps_its_position() -> None:
    page = written(LETTER)
    words, rotation = read_upright(page, ink_of(at_dpi(page, 75)), lambda _: POOR)
    assert (words, rotation) == (POOR, 0)


def test_a_page_of_few_letters_is_not_read_again_as_it_lies() -> None:
    page = written(LETTER)
    calls: list[str] = []
    again: list[Image.Image] = []

    def recognise(image: Image.Image) -> tuple[Word, ...]:
        again.append(image)
        return FLAT[:1] if len(again) == 2 else POOR[:9]

    def whole(image: Image.Image) -> tuple[Word, ...]:
        calls.append("whole")
        return POOR[:3] if image is page else FLAT

    assert read_upright(page, ink_of(at_dpi(page, 75)), recognise, whole) == (FLAT, 180)
    assert (len(again), calls) == (3, ["whole", "whole"])


def test_words_that_stand_upright_on_the_page_convince_nobody() -> None:
    tall = tuple(Word("Baugesetzbuch", (0.1, 0.1, 0.12, 0.3), 0.95) for _ in range(20))
    assert clear_letters(tall, 0.7) == 0
    assert not convincing(tall, 0.7)
    assert convincing(FLAT, 0.7)
    assert not convincing(POOR, 0.7)


def test_sideways_lines_are_seen() -> None:
    page = written(LETTER * 3)
    assert not looks_sideways(ink_of(at_dpi(page, 75)))
    assert looks_sideways(ink_of(at_dpi(turn(page, 90), 75)))
    assert looks_sideways(ink_of(at_dpi(turn(page, 270), 75)))


def test_the_sample_is_where_the_ink_is() -> None:
    page = written(LETTER, at_mm=(25, 200))
    sample = sample_of(page, ink_of(at_dpi(page, 75)))
    assert sample.size == (551, 551)
    assert sum(sample.histogram()[:128]) > 2000


@pytest.mark.parametrize("degrees", [-4.0, -1.3, -0.4, 0.0, 0.6, 2.2, 5.0])
def test_skew_is_measured_clockwise(degrees: float) -> None:
    page = written(LETTER * 3).rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=255)
    page.info["dpi"] = (200.0, 200.0)
    assert skew_of(ink_of(at_dpi(page, 75))) == pytest.approx(degrees, abs=0.2)


def test_an_empty_page_has_no_skew() -> None:
    assert skew_of(Image.new("L", (620, 877), 0)) == 0.0
