"""Pages drawn for the tests of reading: text, patch and barcode sheets, nearly blank pages, and what a scanner does to them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

SERIF = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"
SANS = "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf"
MONO = "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf"
PATCHES = {"1": (5, 5, 2, 2), "2": (5, 2, 2, 5), "3": (5, 2, 5, 2), "4": (2, 5, 5, 2), "T": (2, 5, 2, 5), "6": (2, 2, 5, 5)}
LETTER = (
    "Gemeinde Mittelau", "Der Bürgermeister", "", "Sehr geehrte Frau Lehmann,", "",
    "auf Ihren Antrag vom 12. Oktober 2026 teilen wir Ihnen mit, dass das Vorhaben",
    "nach § 34 Abs. 1 des Baugesetzbuchs zulässig ist. Die Gebühr beträgt 125,00 Euro.",
    "Bitte überweisen Sie den Betrag innerhalb von vier Wochen auf eines der unten",
    "genannten Konten und geben Sie dabei das Aktenzeichen an.", "",
    "Gegen diesen Bescheid kann innerhalb eines Monats Widerspruch erhoben werden.", "",
    "Mit freundlichen Grüßen", "Im Auftrag", "Schröder")


def paper(dpi: int = 200, grey: int = 255) -> Image.Image:
    """An empty A4 page."""
    page = Image.new("L", (round(210 / 25.4 * dpi), round(297 / 25.4 * dpi)), grey)
    page.info["dpi"] = (float(dpi), float(dpi))
    return page


def written(lines: Sequence[str] = LETTER, dpi: int = 200, *, points: float = 11, font: str = SANS, ink: int = 20,
            at_mm: tuple[float, float] = (25, 45)) -> Image.Image:
    """A page with lines of text."""
    page = paper(dpi)
    write(page, lines, points=points, font=font, ink=ink, at_mm=at_mm)
    return page


def write(page: Image.Image, lines: Sequence[str], *, points: float = 11, font: str = SANS, ink: int = 20,
          at_mm: tuple[float, float] = (25, 45)) -> None:
    """Lines of text onto a page."""
    dpi = page.info["dpi"][0]
    face = ImageFont.truetype(font, points / 72 * dpi)
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((at_mm[0] / 25.4 * dpi, at_mm[1] / 25.4 * dpi + number * points * 1.35 / 72 * dpi), line, font=face, fill=ink)


def patch_sheet(code: str, dpi: int = 200, *, across: bool = True, top_mm: float = 12, length_mm: float = 100) -> Image.Image:
    """A separator sheet with the patch along its leading edge (bars across) or along its left edge."""
    page = written(("Trennblatt", f"Patch {code}"), dpi, points=20, at_mm=(60, 140))
    draw, unit = ImageDraw.Draw(page), 0.04 * dpi
    at = top_mm / 25.4 * dpi
    long = length_mm / 25.4 * dpi
    for bar in PATCHES[code]:
        thick = bar * unit
        start = (page.width if across else page.height) / 2 - long / 2
        if across:
            draw.rectangle((start, at, start + long, at + thick - 1), fill=0)
        else:
            draw.rectangle((at, start, at + thick - 1, start + long), fill=0)
        at += thick + 2 * unit
    return page


def code_sheet(payload: str, dpi: int = 200, kind: str = "QRCode", size_mm: float = 40) -> Image.Image:
    """A sheet with one barcode in its upper half."""
    page = written(("Trennblatt",), dpi, points=20, at_mm=(60, 140))
    code = zxingcpp.create_barcode(payload, getattr(zxingcpp.BarcodeFormat, kind))
    drawn = Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=4))
    width = round(size_mm / 25.4 * dpi)
    drawn = drawn.convert("L").resize((width, max(round(drawn.height * width / drawn.width), 1)), Image.Resampling.NEAREST)
    page.paste(drawn, (page.width // 3, page.height // 8))
    return page


def scanned(page: Image.Image, seed: int = 0, *, skew: float = 0.0, noise: float = 0.0, blur: float = 0.0, grey: int = 0,
            bitonal: bool = False) -> Image.Image:
    """What a scanner makes of it: turned (degrees clockwise), blurred, darker paper, salt and pepper, black and white."""
    dpi = page.info["dpi"]
    found = page.rotate(-skew, Image.Resampling.BICUBIC, fillcolor=255) if skew else page.copy()
    if blur:
        found = found.filter(ImageFilter.GaussianBlur(blur))
    if grey:
        found = found.point([max(value - grey, 0) for value in range(256)])
    if noise:
        found = salted(found, noise, seed)
    if bitonal:
        found = found.point([255 if value > 127 else 0 for value in range(256)])
    found.info["dpi"] = dpi
    return found


def salted(page: Image.Image, share: float, seed: int) -> Image.Image:
    """Salt and pepper: `share` of the pixels black or white by chance."""
    chance = random.Random(seed)
    dice = Image.frombytes("L", page.size, chance.randbytes(page.width * page.height))
    low, high = round(share / 2 * 256), 256 - round(share / 2 * 256)
    page = ImageChops.multiply(page, dice.point([0 if value < low else 255 for value in range(256)]))
    return ImageChops.lighter(page, dice.point([255 if value >= high else 0 for value in range(256)]))


def bleeding(page: Image.Image, other: Image.Image, strength: int) -> Image.Image:
    """The other side showing through: mirrored, blurred, `strength` grey levels dark."""
    ghost = other.transpose(Image.Transpose.FLIP_LEFT_RIGHT).filter(ImageFilter.GaussianBlur(1.5))
    ghost = ghost.point([255 - strength + round(value * strength / 255) for value in range(256)])
    found = ImageChops.multiply(page, ghost)
    found.info["dpi"] = page.info["dpi"]
    return found


def punched(page: Image.Image, *, ink: int = 30) -> None:
    """Two punch holes at the left edge, dark as over a black scanner lid."""
    dpi, draw = page.info["dpi"][0], ImageDraw.Draw(page)
    for centre in (108.5, 188.5):
        x, y, radius = 12 / 25.4 * dpi, centre / 25.4 * dpi, 3 / 25.4 * dpi
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def shadowed(page: Image.Image, *, depth: int = 90, width_mm: float = 6) -> Image.Image:
    """A shadow along the right and upper edge, fading inwards."""
    dpi = page.info["dpi"][0]
    wide = round(width_mm / 25.4 * dpi)
    ramp = Image.linear_gradient("L").rotate(90).resize((wide, page.height))
    shade = Image.new("L", page.size, 255)
    shade.paste(ramp.point([255 - round(value * depth / 255) for value in range(256)]), (page.width - wide, 0))
    found = ImageChops.multiply(page, shade)
    found.info["dpi"] = page.info["dpi"]
    return found


def dusty(page: Image.Image, seed: int, count: int = 40) -> None:
    """Specks of up to half a millimetre, anywhere."""
    chance, dpi, draw = random.Random(seed), page.info["dpi"][0], ImageDraw.Draw(page)
    for _ in range(count):
        x, y, radius = chance.random() * page.width, chance.random() * page.height, chance.uniform(0.03, 0.2) / 25.4 * dpi
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=chance.randint(40, 160))


def stamped(page: Image.Image, seed: int, *, ink: int = 110) -> None:
    """A receipt stamp, slightly turned, somewhere on the page."""
    chance, dpi = random.Random(seed), page.info["dpi"][0]
    stamp = Image.new("L", (round(60 / 25.4 * dpi), round(28 / 25.4 * dpi)), 255)
    draw, face = ImageDraw.Draw(stamp), ImageFont.truetype(SANS, 12 / 72 * dpi)
    draw.rectangle((3, 3, stamp.width - 4, stamp.height - 4), outline=ink, width=3)
    draw.text((stamp.width * 0.1, stamp.height * 0.15), "Gemeinde Mittelau", font=face, fill=ink)
    draw.text((stamp.width * 0.1, stamp.height * 0.55), "Eing. 12. Okt. 2026", font=face, fill=ink)
    stamp = stamp.rotate(chance.uniform(-8, 8), Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    page.paste(stamp, (round(page.width * chance.uniform(0.1, 0.55)), round(page.height * chance.uniform(0.1, 0.8))))
