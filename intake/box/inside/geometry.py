"""How a page lies and what is on it, seen on a small grey copy: skew, sideways, ink. Pillow alone (numpy would cost 0.25 s)."""

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageFilter

SMALL_DPI = 75.0
INK = 40  # grey levels darker than the paper around it
MAX_SKEW = 6.0
NARROWED = 8


def ink_of(small: Image.Image) -> Image.Image:
    """What is darker than its surroundings, 0..255 (0 = paper): shadows, yellowing and even grey are taken out."""
    grey = small.convert("L")
    rough = grey.reduce(4).filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(3))
    ground = rough.resize(grey.size, Image.Resampling.BILINEAR)
    return ImageChops.subtract(ground, grey)


def share_of_ink(ink: Image.Image, level: int = INK) -> float:
    """Share of the pixels that are at least `level` darker than the paper."""
    return sum(ink.histogram()[level:]) / (ink.width * ink.height)


def sharpness(ink: Image.Image, slope: float) -> float:
    """How clearly rows of ink and rows of paper alternate when the page is sheared by `slope`."""
    shift = slope * ink.width / 2
    sheared = ink.transform(ink.size, Image.Transform.AFFINE, (1, 0, 0, slope, 1, -shift), Image.Resampling.NEAREST)
    rows = sheared.reduce((ink.width, 1)).tobytes()
    return math.dist(rows[1:], rows[:-1]) ** 2  # the sum of the squared steps, in C: this is called hundreds of times a page


def skew_of(ink: Image.Image) -> float:
    """Degrees clockwise by which the lines of text fall, -6..6, to about 0.1; 0 where the page shows no lines."""
    strong = _narrow(ink.point([0 if value < INK else 255 for value in range(256)]))
    rough = strong.reduce((1, 2))
    scores = {degrees / 2: sharpness(rough, _slope(degrees / 2) / 2) for degrees in range(-12, 13)}
    best = max(scores, key=lambda degrees: (scores[degrees], -abs(degrees)))
    typical = sorted(scores.values())[len(scores) // 2]
    if scores[best] < 1.15 * max(typical, 1e-9) or scores[best] < 50:
        return 0.0
    fine = {best + offset / 10: sharpness(strong, _slope(best + offset / 10)) for offset in range(-4, 5)}
    return round(max(fine.items(), key=lambda item: item[1])[0], 2)


def _narrow(ink: Image.Image) -> Image.Image:
    """The picture pressed together sideways: shearing costs an eighth, and lines of text fall by a pixel at most in a strip."""
    return ink.reduce((NARROWED, 1))


def _slope(degrees: float) -> float:
    """The slope of lines that fall by so many degrees in a picture pressed together by `_narrow`."""
    return degrees * 0.0174533 * NARROWED


def looks_sideways(ink: Image.Image) -> bool:
    """True when columns of ink alternate more clearly than rows: lines of text stand upright on the page."""
    strong = ink.point([0 if value < INK else 255 for value in range(256)])
    turned = strong.transpose(Image.Transpose.ROTATE_90)
    across, down = (max(sharpness(_narrow(way), _slope(degrees)) for degrees in (-1.0, 0.0, 1.0)) / way.height
                    for way in (strong, turned))
    return down > 1.1 * across
