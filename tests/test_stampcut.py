"""What is done to the picture of a rubber stamp (intake/box/inside/stampcut.py)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from intake.box.inside import stampcut
from intake.vocabulary import Word


@given(st.floats(-15, 15), st.integers(100, 500), st.integers(60, 300))
def test_turning_back_keeps_the_middle_and_the_corners_inside(slant: float, wide: int, high: int) -> None:
    upright = Image.new("L", (wide, high)).rotate(slant, expand=True).size
    x0, y0, x1, y1 = stampcut.back((0.4, 0.4, 0.6, 0.6), upright, (wide, high), slant, 300, 200, (2000, 3000))
    assert (x0 + x1) * 1000 == pytest.approx(300 + wide / 2, abs=1)
    assert (y0 + y1) * 1500 == pytest.approx(200 + high / 2, abs=1)
    across = 0.2 * upright[0] * math.cos(math.radians(slant)) + 0.2 * upright[1] * abs(math.sin(math.radians(slant)))
    assert (x1 - x0) * 2000 == pytest.approx(across, abs=1)


def lined(skew: float = 0.0) -> Image.Image:
    """A page of 200 dpi with three bars of print, the middle one broken by a gap where a region lies."""
    page = Image.new("L", (1000, 600), 255)
    for y in (200, 300, 400):
        ImageDraw.Draw(page).rectangle((50, y, 950, y + 20), fill=20)
    ImageDraw.Draw(page).rectangle((400, 150, 600, 450), fill=255)
    page = page.rotate(-skew, Image.Resampling.BICUBIC, fillcolor=255)
    page.info["dpi"] = (200.0, 200.0)
    return page


@pytest.mark.parametrize("skew", [0.0, 2.0, -2.0])
def test_print_beside_a_region_tells_where_it_would_go_on(skew: float) -> None:
    covered = stampcut.print_beside(lined(skew), (160, 240), (420, 180), skew, 128)
    assert covered.size == (160, 240)
    middle = [covered.getpixel((80, y)) for y in (30, 80, 130, 180, 230)]
    assert [value > 200 for value in middle] == [True, False, True, False, True]  # type: ignore[operator]
    left, right = (next(y for y in range(100, 160) if covered.getpixel((x, y)) > 200) for x in (5, 155))  # type: ignore[operator]
    assert right - left == pytest.approx(150 * math.tan(math.radians(skew)), abs=3)


def test_beside_a_region_at_the_corner_there_is_no_print() -> None:
    assert stampcut.print_beside(lined(), (900, 100), (50, 0), 0.0, 128).getextrema() == (0, 0)


def test_black_print_hides_coloured_ink_and_paper_hides_none() -> None:
    cut = Image.new("RGB", (60, 20), "white")
    ImageDraw.Draw(cut).rectangle((0, 0, 19, 19), fill=(30, 60, 180))
    ImageDraw.Draw(cut).rectangle((20, 0, 39, 19), fill=(20, 20, 20))
    below = stampcut.print_below(cut)
    assert [below.getpixel((x, 10)) for x in (8, 32, 55)] == [0, 255, 0]


def test_words_read_well_are_taken_out_of_a_region() -> None:
    cut = Image.new("L", (100, 50), 0)
    words = (Word("wort", (0.2, 0.2, 0.3, 0.3), 0.95), Word("wrt", (0.4, 0.2, 0.5, 0.3), 0.4))
    found = stampcut.freed(cut, (400, 200), 60, 30, words)
    assert found.getpixel((30, 20)) == 255 and found.getpixel((110 - 60 + 45, 20)) == 0
    assert cut.getpixel((30, 20)) == 0


def test_the_tones_of_print_leave_the_region_out() -> None:
    page = Image.new("L", (200, 100), 250)
    ImageDraw.Draw(page).rectangle((0, 0, 49, 49), fill=30)
    ImageDraw.Draw(page).rectangle((100, 0, 149, 49), fill=110)
    assert set(stampcut.print_tones(page, (60, 60), (95, 0))) == {30}
