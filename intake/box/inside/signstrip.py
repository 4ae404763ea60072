"""The strip of a page on which a sign stands: cut out with a little room around it, level, at one resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from intake.box.inside.daystrip import Strip, strip_of

SIGN_DPI = 200.0
HIGH, COLUMN = 48, 8  # pixels of a strip: 6.1 mm high; as wide as the sign, in such steps
STEP = 2  # pixels for one step of the reader


@dataclass(frozen=True, slots=True)
class Span:
    """A line of words on an upright page in pixels: where it begins and ends, its middle's height, the degrees clockwise by
    which it falls; how much room is left and right of it before something else stands there."""

    left: float
    right: float
    middle: float
    slant: float
    before: float
    behind: float


def sign_strip(grey: Image.Image, span: Span, wide: int = 0) -> tuple[Strip, float]:
    """The strip of a line (HIGH rows; `wide` columns, 0 = as many as it needs; 0 = paper, 1 = ink), nothing but paper outside
    its room; and which pixel of the page across its first column is. `grey`: the page with its dpi in the info."""
    scale = SIGN_DPI / float(grey.info["dpi"][0])
    left, right = span.left - span.before, span.right + span.behind
    needed = math.ceil((right - left) * scale / COLUMN) * COLUMN
    columns = wide or needed
    across = left + columns / scale / 2
    lower = math.tan(math.radians(span.slant)) * (across - (span.left + span.right) / 2)
    strip = strip_of(grey, (across, span.middle + lower), span.slant, (columns, HIGH), SIGN_DPI)
    strip[:, math.ceil((right - left) * scale):] = 0
    return strip, left
