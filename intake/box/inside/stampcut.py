"""What is done to the picture of a rubber stamp: cut out, freed of what runs through it, and places turned back onto the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from intake.box.inside.stampplaces import CLEAR, COLOURED
from intake.box.inside.words import clipped
from intake.vocabulary import Box, Word

MARGIN_MM = 2.5


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
