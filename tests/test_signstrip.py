"""Strips with a sign, cut out of a page (intake/box/inside/signstrip.py)."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from intake.box.inside.signstrip import COLUMN, HIGH, SIGN_DPI, Span, sign_strip


def page(dpi: float = 200.0, angle: float = 0.0) -> Image.Image:
    """White, with black bars: the sign from 300 to 500 at a height of 200, others right of it and below (pixels of 200 dpi)."""
    scale = dpi / 200
    made = Image.new("L", (round(1000 * scale), round(400 * scale)), 255)
    draw = ImageDraw.Draw(made)
    for box in ((300, 192, 500, 208), (560, 192, 700, 208), (300, 232, 500, 248)):
        draw.rectangle([side * scale for side in box], 0)
    made = made.rotate(-angle, Image.Resampling.BICUBIC, center=(400 * scale, 200 * scale), fillcolor=255)
    made.info["dpi"] = (dpi, dpi)
    return made


def test_a_strip_is_as_wide_as_the_sign_and_its_room() -> None:
    strip, first = sign_strip(page(), Span(300, 500, 200, 0.0, 10, 40))
    assert strip.shape == (HIGH, 256) and strip.shape[1] % COLUMN == 0 and first == 290
    assert strip[HIGH // 2, 20:200].min() > 0.9 and strip[HIGH // 2, :8].max() < 0.1 and strip[HIGH // 2, 215:].max() < 0.1


def test_nothing_is_shown_outside_the_room() -> None:
    strip, _ = sign_strip(page(), Span(300, 500, 200, 0.0, 10, 40), wide=400)
    assert strip.shape == (HIGH, 400)
    assert strip[:, 255:].max() == 0.0  # the neighbour begins at 270


def test_the_room_shows_what_stands_there() -> None:
    strip, _ = sign_strip(page(), Span(300, 500, 200, 0.0, 10, 100))
    assert strip[HIGH // 2, 275:305].min() > 0.9


@pytest.mark.parametrize("dpi", [100.0, 150.0, 300.0])
def test_strips_are_of_one_resolution(dpi: float) -> None:
    scale = dpi / SIGN_DPI
    strip, first = sign_strip(page(dpi), Span(300 * scale, 500 * scale, 200 * scale, 0.0, 10 * scale, 40 * scale))
    assert strip.shape == (HIGH, 256) and first == pytest.approx(290 * scale)
    rows = np.flatnonzero(strip[:, 100] > 0.5)
    assert abs(len(rows) - 17) <= 2 and abs(rows.mean() - HIGH / 2) <= 1.5


@pytest.mark.parametrize("angle", [-2.0, 1.5])
def test_a_slanted_line_lies_level_on_its_strip(angle: float) -> None:
    strip, _ = sign_strip(page(angle=angle), Span(300, 500, 200, angle, 10, 40))
    for column in (20, 100, 195):
        assert abs(np.flatnonzero(strip[:, column] > 0.5)[:17].mean() - HIGH / 2) <= 1.5


def test_at_the_edge_of_the_page_is_paper() -> None:
    small = page().crop((280, 180, 510, 215))
    small.info["dpi"] = (200.0, 200.0)
    strip, _ = sign_strip(small, Span(20, 220, 20, 0.0, 60, 60))
    assert strip[HIGH // 2, 70:250].min() > 0.9 and strip[:, :50].max() < 0.1
