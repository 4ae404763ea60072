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


def test_words_read_well_are_taken_out_of_a_region() -> None:
    cut = Image.new("L", (100, 50), 0)
    words = (Word("wort", (0.2, 0.2, 0.3, 0.3), 0.95), Word("wrt", (0.4, 0.2, 0.5, 0.3), 0.4))
    found = stampcut.freed(cut, (400, 200), 60, 30, words)
    assert found.getpixel((30, 20)) == 255 and found.getpixel((110 - 60 + 45, 20)) == 0
    assert cut.getpixel((30, 20)) == 0



def test_coloured_ink_alone_is_left() -> None:
    cut = Image.new("RGB", (60, 20), "white")
    ImageDraw.Draw(cut).rectangle((0, 0, 19, 19), fill=(30, 60, 180))
    ImageDraw.Draw(cut).rectangle((30, 0, 49, 19), fill=(20, 20, 20))
    found = stampcut.only_coloured(cut)
    assert [found.getpixel((x, 10)) for x in (8, 40, 55)] == [30, 255, 255]


def test_a_region_is_cut_out_with_a_margin_that_ends_at_the_page() -> None:
    page = Image.new("L", (1000, 500), 255)
    page.info["dpi"] = (254.0, 254.0)
    cut, left, top = stampcut.cut_out(page, (0.2, 0.0, 0.4, 1.0))
    assert (left, top) == (200 - 25, 0) and cut.size == (250, 500)
