"""Letters with a receipt stamp, as a scanner delivers them: coloured, grey or black and white, slanted, over text."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date
from typing import Literal

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from intake.box.inside.geometry import ink_of, skew_of
from intake.box.inside.image import at_dpi, grey_of
from intake.box.inside.stampplaces import Paper
from samples.canvas import POINT_MM, ScanCanvas, font
from samples.letters import lay_out, random_letter, scribble

Mode = Literal["colour", "grey", "bitonal"]
INKS = ((35, 55, 160), (60, 40, 140), (180, 30, 45), (20, 110, 70), (40, 40, 45))
MONTHS = ("Jan.", "Feb.", "März", "April", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez.")
HEADS = ("EINGEGANGEN", "Eingegangen", "POSTEINGANG", "Eingang", "EINGANG", "Eingegangen am")
OFFICES = ("Amt Mittelau", "Gemeinde Mittelau", "Der Amtsvorsteher", "Bauamt Mittelau", "Bürgermeisteramt")
DAYLESS = ("ERLEDIGT", "zur Kenntnis", "KOPIE", "Registratur")
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class StampedPage:
    """The picture with its dpi in the info, the day on the stamp, how it is printed, and the box around the stamp (fractions)."""

    image: Image.Image
    day: date
    printed: str
    box: Box
    angle: float
    over_text: bool


def stamped_page(seed: int, mode: Mode, *, slant: float = 15.0, dpi: int = 200, over_text: bool | None = None) -> StampedPage:
    """A letter with one receipt stamp, turned by up to `slant` degrees; the same seed gives the same page."""
    chance = random.Random(seed * 101 + 13)
    canvas = ScanCanvas(dpi=dpi)
    marks = lay_out(canvas, random_letter(seed))
    scribble(canvas.pages[0], 28, marks["signature"][1] + 8, chance, dpi=dpi)
    page = canvas.pages[0].convert("RGB")
    day = date(2026, chance.randint(1, 12), chance.randint(1, 28))
    printed = chance.choice((f"{day:%d.%m.%Y}", f"{day.day}. {MONTHS[day.month - 1]} {day.year}", f"{day:%d.%m.%y}",
                             f"{day.day:02d} {MONTHS[day.month - 1].upper()} {day.year}"))
    angle = chance.uniform(-slant, slant)
    over = chance.random() < 0.6 if over_text is None else over_text
    x, y = (chance.uniform(35, 120), chance.uniform(115, 170)) if over else chance.choice(
        ((chance.uniform(125, 140), chance.uniform(8, 14)), (chance.uniform(110, 140), chance.uniform(235, 255))))
    ink = chance.choice(INKS) if mode == "colour" else (chance.randint(30, 110),) * 3
    layer = _stamp(chance, printed, dpi).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    left, top = round(x / 25.4 * dpi), round(y / 25.4 * dpi)
    shade = Image.new("RGB", layer.size, "white")
    shade.paste(ink, (0, 0), layer)
    under = page.crop((left, top, left + layer.width, top + layer.height))
    page.paste(ImageChops.multiply(under, shade), (left, top))
    edges = layer.getbbox() or (0, 0, *layer.size)
    box = ((left + edges[0]) / page.width, (top + edges[1]) / page.height,
           (left + edges[2]) / page.width, (top + edges[3]) / page.height)
    return StampedPage(_scanned(page, chance, mode, dpi), day, printed, box, angle, over)


def page_without_day(seed: int, mode: Mode, *, dpi: int = 200, stamped: bool = False) -> Image.Image:
    """A letter without stamp, or with one pressed over its text that has no day on it."""
    chance = random.Random(seed * 103 + 7)
    canvas = ScanCanvas(dpi=dpi)
    marks = lay_out(canvas, random_letter(seed))
    scribble(canvas.pages[0], 28, marks["signature"][1] + 8, chance, dpi=dpi)
    page = canvas.pages[0].convert("RGB")
    if stamped:
        ink = chance.choice(INKS) if mode == "colour" else (chance.randint(30, 110),) * 3
        layer = _stamp(chance, chance.choice(DAYLESS), dpi).rotate(chance.uniform(-15, 15), Image.Resampling.BICUBIC, expand=True)
        left, top = round(chance.uniform(35, 120) / 25.4 * dpi), round(chance.uniform(115, 170) / 25.4 * dpi)
        shade = Image.new("RGB", layer.size, "white")
        shade.paste(ink, (0, 0), layer)
        under = page.crop((left, top, left + layer.width, top + layer.height))
        page.paste(ImageChops.multiply(under, shade), (left, top))
    return _scanned(page, chance, mode, dpi)


def _stamp(chance: random.Random, printed: str, dpi: int) -> Image.Image:
    """The stamp upright: 0 = no ink, patchy as rubber prints."""
    scale = dpi / 25.4
    size = chance.uniform(10, 13)
    lines = [(chance.choice(HEADS), size), (printed, size * chance.uniform(0.95, 1.15)), (chance.choice(OFFICES), size * 0.8)]
    if chance.random() < 0.4:
        lines.append(("Anl. ____  Abt. ____", size * 0.65))
    if chance.random() < 0.4:
        lines = [lines[2], *lines[:2], *lines[3:]]
    face = chance.choice(("sans-bold", "sans", "narrow", "serif-bold"))
    width = max(font(face, points * POINT_MM * scale).getlength(text) for text, points in lines) / scale + 8
    height = sum(points * POINT_MM * 1.45 for _, points in lines) + 4
    layer = Image.new("L", (math.ceil(width * scale), math.ceil(height * scale)), 0)
    draw = ImageDraw.Draw(layer)
    if chance.random() < 0.7:
        draw.rectangle((2, 2, layer.width - 3, layer.height - 3), outline=255, width=max(round(0.5 * scale), 1))
    at = 1.0
    for text, points in lines:
        at += points * POINT_MM * 1.38
        draw.text((layer.width / 2, at * scale), text, 255, font(face, points * POINT_MM * scale), anchor="ms")
    cells = (layer.width // 9 + 2, layer.height // 9 + 2)
    patchy = Image.frombytes("L", cells, chance.randbytes(cells[0] * cells[1])).resize(layer.size, Image.Resampling.BICUBIC)
    return ImageChops.multiply(layer, patchy.point([170 + value // 3 for value in range(256)]))


def _scanned(page: Image.Image, chance: random.Random, mode: Mode, dpi: int) -> Image.Image:
    page = page.rotate(chance.uniform(-0.8, 0.8), Image.Resampling.BICUBIC, fillcolor="white")
    page = page.filter(ImageFilter.GaussianBlur(0.5 * dpi / 200))
    if mode != "colour":
        page = page.convert("L")
    if mode == "bitonal":
        page = page.point([255 if value > 150 else 0 for value in range(256)])
    elif chance.random() < 0.5:
        darker = [22 + round(value * 218 / 255) for value in range(256)]
        page = page.point(darker * len(page.getbands()))
    page.info["dpi"] = (float(dpi), float(dpi))
    return page


def seen_by_reading(image: Image.Image) -> Paper:
    """The page as reading hands it on to the search for stamps; resolution and skew measured as there."""
    grey = grey_of(image)
    ink = ink_of(at_dpi(grey, 75))
    return Paper(grey, ink, at_dpi(image, 110), image.width / image.info["dpi"][0] * 25.4, skew_of(ink))


def covers(box: Box, made: StampedPage) -> bool:
    """True when the middle of the stamp lies in the box."""
    x, y = (made.box[0] + made.box[2]) / 2, (made.box[1] + made.box[3]) / 2
    return box[0] < x < box[2] and box[1] < y < box[3]
