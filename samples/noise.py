"""What a scanner and an office do to paper: skew, blur, grey ground, dust, punch holes, stamps. The same seed, the same scan."""

from __future__ import annotations

import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from samples.canvas import MM_PER_INCH, POINT_MM, font

DPI = 200
PAPER = 238
"""Grey of the scanned paper (255 = white); 241 - 3 to 241 + 4 in a stack of different papers."""
DARKEST = 22
HOLE_MM = 6.0


def px(mm: float, dpi: int = DPI) -> int:
    """Millimetres to whole pixels."""
    return round(mm * dpi / MM_PER_INCH)


def scan(page: Image.Image, seed: int, *, skew: float | None = None, paper: int = PAPER, holes: str = "left",
         blur: float = 0.55, dust: int = 40) -> Image.Image:
    """A clean grey page as the scanner saw it. `skew` in degrees (None: by chance within 1.2), `holes` "left", "right" or ""."""
    rng = random.Random(seed)
    turn = rng.uniform(-1.2, 1.2) if skew is None else skew
    image = page.copy()
    if holes:
        punch(image, right=holes == "right")
    image = image.rotate(turn, Image.Resampling.BICUBIC, fillcolor=255)
    image = image.filter(ImageFilter.GaussianBlur(blur))
    image = image.point([DARKEST + round(value * (paper - DARKEST) / 255) for value in range(256)])
    image = ImageChops.add(image, _cloud(image.size, rng, 97, 5), 1, -5)
    image = ImageChops.add(image, _cloud(image.size, rng, 2, 3), 1, -3)
    _dust(image, rng, dust)
    _edge(image, rng)
    return image


def _cloud(size: tuple[int, int], rng: random.Random, grain: int, depth: int) -> Image.Image:
    """Grey values 0..2*depth by chance, in soft spots of `grain` pixels."""
    small = (size[0] // grain + 2, size[1] // grain + 2)
    dice = Image.frombytes("L", small, rng.randbytes(small[0] * small[1]))
    dice = dice.point([value * 2 * depth // 255 for value in range(256)])
    return dice.resize((small[0] * grain, small[1] * grain), Image.Resampling.BICUBIC).crop((0, 0, *size))


def _dust(image: Image.Image, rng: random.Random, count: int) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = rng.randrange(image.width), rng.randrange(image.height)
        radius = rng.choice((0, 0, 0, 1, 1))
        draw.ellipse((x, y, x + radius, y + radius), fill=rng.choice((90, 130, 160, 180)))


def _edge(image: Image.Image, rng: random.Random) -> None:
    """A narrow shadow along one long side, where the lid does not close."""
    width = px(rng.uniform(1.0, 2.5))
    shade = Image.linear_gradient("L").rotate(90).resize((width, image.height))
    shade = shade.point([150 + value * 105 // 255 for value in range(256)])
    left = rng.random() < 0.5
    if not left:
        shade = shade.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    x = 0 if left else image.width - width
    image.paste(ImageChops.multiply(image.crop((x, 0, x + width, image.height)), shade), (x, 0))


def punch(image: Image.Image, *, right: bool = False) -> None:
    """Two punch holes of 6 mm, 80 mm apart, 12 mm from the edge."""
    draw = ImageDraw.Draw(image)
    x = image.width - px(12) if right else px(12)
    for offset in (-40, 40):
        y, radius = image.height // 2 + px(offset), px(HOLE_MM / 2)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=95)
        draw.ellipse((x - radius + 3, y - radius + 4, x + radius, y + radius), fill=120)


def stamp(image: Image.Image, x: float, y: float, lines: Sequence[tuple[str, float]], seed: int, *, width: float = 54,
          angle: float = 2.0, ink: int = 95, frame: bool = True, face: str = "sans-bold") -> None:
    """Press a rubber stamp onto the page, its upper left corner at x, y in mm: lines of (text, points), patchy ink."""
    rng = random.Random(seed)
    height = sum(size * POINT_MM * 1.45 for _, size in lines) + 5
    layer = Image.new("L", (px(width), px(height)), 0)
    draw = ImageDraw.Draw(layer)
    if frame:
        draw.rounded_rectangle((2, 2, layer.width - 3, layer.height - 3), radius=px(1.5), outline=255, width=px(0.5))
    at = 2.0
    for text, size in lines:
        at += size * POINT_MM * 1.35
        draw.text((layer.width / 2, px(at)), text, 255, font(face, size * POINT_MM * DPI / MM_PER_INCH), anchor="ms")
    patchy = _cloud(layer.size, rng, 9, 40).point([175 + value for value in range(256)])
    layer = ImageChops.multiply(layer, patchy).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    image.paste(ink, (px(x), px(y)), layer)


def receipt_stamp(image: Image.Image, x: float, y: float, seed: int, day: str = "14. Okt. 2026", angle: float = 2.0) -> None:
    """The Eingangsstempel of the Amt Mittelau."""
    stamp(image, x, y, (("EINGEGANGEN", 13), (day, 12.5), ("Amt Mittelau", 10)), seed, angle=angle)


def note(image: Image.Image, x: float, y: float, text: str, size: float = 13, ink: int = 70, angle: float = 3.0) -> None:
    """A short note by pen, from x, y (upper left corner, mm)."""
    face = font("serif-italic", size * POINT_MM * DPI / MM_PER_INCH)
    layer = Image.new("L", (round(face.getlength(text)) + 12, px(size * POINT_MM * 1.6)), 0)
    ImageDraw.Draw(layer).text((6, layer.height * 0.72), text, 255, face, anchor="ls")
    layer = layer.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    image.paste(ink, (px(x), px(y)), layer)
