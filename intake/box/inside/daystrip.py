"""The strip of a page on which the day of a stamp stands: cut out, turned level, brought to one size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STRIP_DPI = 160.0
HIGH, WIDE = 48, 320  # pixels of a strip: 7.6 x 50.8 mm
DARKEST = 220.0  # by how much darker than paper ink counts as full
Strip = NDArray[np.float32]


def strip_of(grey: Image.Image, middle: tuple[float, float], slant: float, size: tuple[int, int] = (WIDE, HIGH),
             strip_dpi: float = STRIP_DPI) -> Strip:
    """The strip around a place: rows x columns of `size` (pixels across, down, at `strip_dpi`), 0 = paper, 1 = ink.

    `grey`: the upright page with its dpi in the info; `middle`: pixels of it; `slant`: degrees clockwise by which the line falls.
    """
    dpi, (wide, high) = float(grey.info["dpi"][0]), size
    reach = math.hypot(wide, high) / 2 / strip_dpi * dpi + 2
    left, top = math.floor(middle[0] - reach), math.floor(middle[1] - reach * 0.62)  # no line is steeper than some twenty degrees
    right, bottom = math.ceil(middle[0] + reach), math.ceil(middle[1] + reach * 0.62)
    inside = (max(left, 0), max(top, 0), min(right, grey.width), min(bottom, grey.height))
    paper = _paper(grey.crop(inside))
    cut = Image.new("L", (right - left, bottom - top), paper)
    cut.paste(grey.crop(inside), (inside[0] - left, inside[1] - top))
    scale = strip_dpi / dpi
    small = cut.resize((round(cut.width * scale), round(cut.height * scale)),
                       Image.Resampling.BOX if scale < 0.9 else Image.Resampling.BILINEAR)
    cos, sin = math.cos(math.radians(slant)), math.sin(math.radians(slant))
    x, y = (middle[0] - left) * small.width / cut.width, (middle[1] - top) * small.height / cut.height
    level = small.transform((wide, high), Image.Transform.AFFINE, (
        cos, -sin, x - cos * wide / 2 + sin * high / 2, sin, cos, y - sin * wide / 2 - cos * high / 2),
        Image.Resampling.BILINEAR, fillcolor=paper)
    found: Strip = np.clip((paper - np.asarray(level, dtype=np.float32)) / np.float32(DARKEST), 0, 1)
    return found


def _paper(shown: Image.Image) -> int:
    """The tone of the paper: paler than a quarter of the picture."""
    left = shown.width * shown.height * 0.75
    for tone, count in enumerate(shown.histogram()):
        left -= count
        if left <= 0:
            return tone
    return 255
