"""What is done to the picture of a rubber stamp: cut out, freed of what runs through it, and places turned back onto the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from intake.box.inside.stampplaces import CLEAR, COLOURED
from intake.box.inside.words import clipped
from intake.vocabulary import Box, Word

MARGIN_MM = 2.5
BESIDE_MM, NEAR_MM, LEAST_MM = 30.0, 0.5, 5.0  # how far print is looked at beside a stamp, from where, what is too little
DARK = 120  # print, at most
FULL = 0.3  # share of a row of print that is ink, where it is densest


def freed(cut: Image.Image, page: tuple[int, int], left: int, top: int, rest: Sequence[Word]) -> Image.Image:
    """The region without the words of the page that were read well."""
    found = cut.copy()
    draw = ImageDraw.Draw(found)
    for word in rest:
        if word.confidence >= CLEAR:
            x0, y0, x1, y1 = word.box
            draw.rectangle((x0 * page[0] - left, y0 * page[1] - top, x1 * page[0] - left, y1 * page[1] - top), fill=255)
    return found


def cut_out(image: Image.Image, box: Box) -> tuple[Image.Image, int, int]:
    """A region with a margin, and where its corner lies in pixels."""
    margin = MARGIN_MM / 25.4 * image.info["dpi"][0]
    left, top = max(round(box[0] * image.width - margin), 0), max(round(box[1] * image.height - margin), 0)
    right, bottom = round(box[2] * image.width + margin), round(box[3] * image.height + margin)
    return image.crop((left, top, min(right, image.width), min(bottom, image.height))), left, top


def only_coloured(cut: Image.Image) -> Image.Image:
    """The coloured ink alone, grey on white: black print below it is gone."""
    red, green, blue = cut.convert("RGB").split()
    high, low = ImageChops.lighter(ImageChops.lighter(red, green), blue), ImageChops.darker(ImageChops.darker(red, green), blue)
    mask = ImageChops.subtract(high, low).point([255 if value >= COLOURED else 0 for value in range(256)])
    found = Image.new("L", cut.size, 255)
    found.paste(low, (0, 0), mask.filter(ImageFilter.MaxFilter(3)))
    return found


def print_below(cut: Image.Image) -> Image.Image:
    """Where black print hides what a coloured stamp would show, 255."""
    coloured = only_coloured(cut).point([0 if value == 255 else 255 for value in range(256)])
    dark = cut.convert("L").point([255 if value < DARK else 0 for value in range(256)])
    return ImageChops.subtract(dark, coloured)


def back(box: Box, upright: tuple[int, int], cut: tuple[int, int], slant: float, left: int, top: int,
          page: tuple[int, int]) -> Box:
    """The box on the page of a word of the upright cut: around its four corners turned back."""
    cos, sin = math.cos(math.radians(slant)), math.sin(math.radians(slant))
    xs, ys = [], []
    for x, y in ((box[0], box[1]), (box[2], box[1]), (box[0], box[3]), (box[2], box[3])):
        dx, dy = x * upright[0] - upright[0] / 2, y * upright[1] - upright[1] / 2
        xs.append((dx * cos - dy * sin + cut[0] / 2 + left) / page[0])
        ys.append((dx * sin + dy * cos + cut[1] / 2 + top) / page[1])
    return clipped(min(xs), min(ys), max(xs), max(ys))


def print_tones(grey: Image.Image, size: tuple[int, int], corner: tuple[int, int]) -> tuple[int, ...]:
    """The tones of the ink outside a region, from dark to pale, in 64 steps of equal share; () without any."""
    inside = grey.crop((corner[0], corner[1], corner[0] + size[0], corner[1] + size[1])).histogram()
    counts = [max(whole - part, 0) for whole, part in zip(grey.histogram(), inside, strict=True)]
    paper = max(range(128, 256), key=lambda tone: counts[tone])
    ink = counts[:max(paper - 60, 0)]
    total, tones, passed = sum(ink), list[int](), 0
    for tone, count in enumerate(ink):
        passed += count
        tones += [tone] * (passed * 64 // max(total, 1) - len(tones))
    return tuple(tones)


def print_beside(grey: Image.Image, size: tuple[int, int], corner: tuple[int, int], skew: float, limit: int) -> Image.Image:
    """How densely the page's print covers each pixel of a region, 255 where it is densest: told from its lines aside.

    `size` and `corner`: the region in pixels of the upright page; `skew`: degrees by which its lines fall. What is darker than
    `limit` is ink.
    """
    scale = grey.info["dpi"][0] / 25.4
    slope, middle = math.tan(math.radians(skew)), corner[0] + size[0] / 2
    reach = math.ceil(abs(slope) * (size[0] / 2 + BESIDE_MM * scale)) + 1
    strip = (0, corner[1] - reach, grey.width, corner[1] + size[1] + reach)
    ink = ImageChops.invert(grey).crop(strip).point([255 if value > 255 - limit else 0 for value in range(256)])
    level = ink.transform(ink.size, Image.Transform.AFFINE, (1, 0, 0, slope, 1, -slope * middle), Image.Resampling.NEAREST)
    dense = Image.new("L", (1, level.height), 0)
    for start, end in ((corner[0] - BESIDE_MM * scale, corner[0] - NEAR_MM * scale),
                        (corner[0] + size[0] + NEAR_MM * scale, corner[0] + size[0] + BESIDE_MM * scale)):
        left, right = max(round(start), 0), min(round(end), grey.width)
        if right - left >= LEAST_MM * scale:
            rows = level.crop((left, 0, right, level.height)).resize(dense.size, Image.Resampling.BOX)
            dense = ImageChops.lighter(dense, rows.point([min(255, round(value / FULL)) for value in range(256)]))
    wide = dense.resize((size[0], level.height))
    back = wide.transform(wide.size, Image.Transform.AFFINE, (1, 0, 0, -slope, 1, slope * size[0] / 2), Image.Resampling.NEAREST)
    return back.crop((0, reach, size[0], reach + size[1]))
