"""The strip on which the day of a stamp stands (intake/box/inside/daystrip.py)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from intake.box.inside.daystrip import HIGH, STRIP_DPI, WIDE, strip_of
from samples.canvas import font


def page(dpi: int, slant: float = 0.0, tone: int = 30, paper: int = 250) -> tuple[Image.Image, tuple[float, float]]:
    """A day in the middle of a small page, turned by `slant` degrees clockwise; and where its middle is."""
    found = Image.new("L", (round(4 * dpi), round(3 * dpi)), paper)
    ImageDraw.Draw(found).text((2 * dpi, 1.5 * dpi), "12.03.2026", tone, font("sans-bold", 0.16 * dpi), anchor="mm")
    found = found.rotate(-slant, Image.Resampling.BICUBIC, fillcolor=paper)
    found.info["dpi"] = (float(dpi), float(dpi))
    return found, (2.0 * dpi, 1.5 * dpi)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two strips."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("slant", [-15.0, -4.0, 3.0, 15.0])
def test_a_slanted_line_is_level_on_its_strip(slant: float) -> None:
    level, middle = page(200)
    turned, _ = page(200, slant)
    assert alike(strip_of(level, middle, 0.0), strip_of(turned, middle, slant)) > 0.97
    assert alike(strip_of(level, middle, 0.0), strip_of(turned, middle, -slant)) < 0.7


@pytest.mark.parametrize("dpi", [100, 150, 300, 600])
def test_every_resolution_gives_the_same_strip(dpi: int) -> None:
    first, second = page(200), page(dpi)
    assert alike(strip_of(*first, 0.0), strip_of(*second, 0.0)) > 0.8  # another grid of pixels, another blur


def test_its_size_and_values() -> None:
    strip = strip_of(*page(200), 0.0)
    assert strip.shape == (HIGH, WIDE) and strip.dtype == np.float32
    assert strip.min() >= 0 and 0.8 < strip.max() <= 1
    assert strip[:6].max() < 0.05  # paper above the line
    ink = np.flatnonzero(strip.max(axis=0) > 0.5)
    wide = font("sans-bold", 0.16 * 200).getlength("12.03.2026") / 200
    assert (ink[-1] - ink[0]) / STRIP_DPI == pytest.approx(wide, abs=0.04)  # inches
    assert (ink[-1] + ink[0]) / 2 == pytest.approx(WIDE / 2, abs=3)


def test_pale_ink_stays_pale_and_yellow_paper_is_paper() -> None:
    pale = strip_of(*page(200, tone=150), 0.0)
    assert 0.3 < pale.max() < 0.6
    assert strip_of(*page(200, tone=30, paper=190), 0.0)[:6].max() < 0.05


@pytest.mark.parametrize("where", [(5.0, 5.0), (795.0, 300.0), (400.0, 598.0), (-60.0, 300.0)])
def test_beyond_the_edge_there_is_paper(where: tuple[float, float]) -> None:
    shown, _ = page(200)
    strip = strip_of(shown, where, 10.0)
    assert strip.shape == (HIGH, WIDE) and math.isfinite(float(strip.sum()))
