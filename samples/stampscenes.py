"""Pieces of scanned pages with and without a receipt stamp, to learn from: what a stamp looks like is drawn by chance.

Everything differs from piece to piece: faces, the spelling of the day, words around it, frames, slant, ink, print below, rules,
handwriting, resolution, black and white or grey. The faces of `samples.canvas` draw no stamp here: with them it is tested.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from samples.canvas import FONTS, ScanCanvas
from samples.content import SENTENCES
from samples.letters import lay_out, random_letter, scribble

WIDE_MM, HIGH_MM = 112.0, 84.0
DPI = 200
GROUNDS, LETTERS = 600, 240  # kinds of print, of these pieces of letters; each is used shifted, drawing takes most of the time
SCALE = DPI / 25.4
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/share/texmf/fonts"))
KEPT_APART = ("liberation", "nimbus")  # the faces that tests draw stamps with, and their twins
STAMP_FACES = ("heros", "termes", "adventor", "bonum", "pagella", "schola", "cursor", "roboto-", "robotocondensed", "opensans", "lato-",
               "courier", "carlito", "caladea", "b612", "pt_", "ptsans", "ptserif", "inconsolata", "cantarell", "dejavusans", "freesans",
               "freeserif", "freemono", "notosans-", "notoserif-", "linbiolinum", "linlibertine")
UNLIKE = ("italic", "oblique", "thin", "hairline", "light", "math", "exp", "mono-boldob", "_rz", "_dr", "_i", "display", "capt",
          "extralight", "_ri", "_rbi", "_aw", "_rah", "_ai", "_as", "keyboard", "initials", "linbiolinum_k")
SHORT = ("Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")
OTHER = {"Mär": ("Mrz", "Mär"), "Jun": ("Juni", "Jun"), "Jul": ("Juli", "Jul"), "Sep": ("Sept", "Sep")}
LONG = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember")
HEADS = ("EINGEGANGEN", "Eingegangen", "Eingegangen am", "POSTEINGANG", "Posteingang", "EINGANG", "Eingang", "Eingang:", "Eing.", "EING.",
         "Eingangsstempel", "Eingegangen am:", "Empfangen", "ERHALTEN", "Eingang am", "Post-Eingang")
OFFICES = ("Gemeinde {}", "Stadt {}", "Amt {}", "Bauamt {}", "Stadtverwaltung {}", "Ordnungsamt", "Der Bürgermeister", "Samtgemeinde {}",
           "Landkreis {}", "Bürgerbüro", "Kämmerei", "Magistrat der Stadt {}", "Der Magistrat", "Rathaus {}", "Verbandsgemeinde {}",
           "Gemeindevorstand", "Poststelle", "{}", "Amtsverwaltung {}", "Hauptamt")
PLACES = ("Altendorf", "Neuhausen", "Birkenau", "Rotenfels", "Wiesental", "Hohenried", "Lindenberg", "Seebach", "Kirchheim", "Bruchhof",
          "Marienfeld", "Steinau", "Waldeck", "Auenheim", "Grünberg")
BELOW = ("Anl. ____  Abt. ____", "Anlagen: ____", "Abt.: ______", "Az.: ________", "FB I  II  III", "Anl.:      Nr.:", "____ Anlg.", "Uhr",
         "Tgb.-Nr. ______", "z. d. A.", "I  II  III  IV", "SB: ____", "Bgm.  BA  OA  KÄ")
OTHERS = ("ERLEDIGT", "zur Kenntnis", "KOPIE", "Registratur", "ENTWURF", "BEZAHLT", "Geprüft", "GEBUCHT", "Sachlich richtig", "z. d. A.",
          "EILT", "Original", "Per E-Mail", "Widerspruch", "Wv. ______")


@dataclass(frozen=True)
class Scene:
    """A piece of a page in grey at DPI; the day as it is printed ("" without one), the line's middle in pixels, its size, and the
    degrees clockwise by which it falls; the four corners of the whole stamp, () without one; and how far right of its middle each
    letter's middle stands."""

    image: Image.Image
    printed: str
    middle: tuple[float, float]
    size: tuple[float, float]
    slant: float
    outline: tuple[tuple[float, float], ...]
    letters: tuple[float, ...] = ()


@lru_cache(maxsize=1)
def faces() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Font files: those for stamps, those for print."""
    files = sorted(str(path) for folder in FONT_FOLDERS for kind in ("*.ttf", "*.otf") for path in folder.rglob(kind))
    stamps = [path for path in files if any(name in Path(path).name.lower() for name in STAMP_FACES)
              and not any(name in Path(path).name.lower() for name in (*UNLIKE, *KEPT_APART))]
    print_ = [*stamps, *(str(Path("/usr/share/fonts/truetype") / name) for name in FONTS.values())]
    return tuple(stamps), tuple(print_)


@lru_cache(maxsize=2000)
def font(path: str, pixels: int) -> ImageFont.FreeTypeFont:
    """The font of a file at a size in pixels; basic layout, so that every machine draws the same."""
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)


def scene(seed: int, *, stamped: bool | None = None) -> Scene:
    """One piece; the same seed gives the same on a machine with the same fonts. `stamped`: with a day (None: by chance)."""
    chance = random.Random(seed)
    page = ImageChops.offset(_print(chance.randrange(GROUNDS)), chance.randint(-300, 300), chance.randint(-300, 300))
    kind = chance.random() if stamped is None else 0.0 if stamped else 1.0
    if kind < 0.7:
        return _pressed(page, chance, _day(chance))
    if kind < 0.8:
        made = _pressed(page, chance, "")
        return Scene(made.image, "", (0, 0), (0, 0), 0.0, made.outline)
    return Scene(scanned(page, chance), "", (0, 0), (0, 0), 0.0, ())


def spelled(day: int, month: int, year: int, chance: random.Random) -> str:
    """A day as stamps spell it."""
    short = chance.choice(OTHER.get(SHORT[month - 1], (SHORT[month - 1],)))
    name = chance.choice((f"{short}.", f"{short}.", short, LONG[month - 1])) if short != "Mai" else "Mai"
    name = chance.choice((name, name.upper()))
    days = chance.choice((f"{day:02d}", f"{day}"))
    years = chance.choice((f"{year}", f"{year}", f"{year % 100:02d}"))
    form = chance.random()
    if form < 0.3:
        return f"{day:02d}.{month:02d}.{year}"
    if form < 0.5:
        return f"{day:02d}.{month:02d}.{year % 100:02d}"
    if form < 0.57:
        return f"{days}. {month:02d}. {years}"
    return f"{days}{chance.choice(('. ', '. ', ' '))}{name} {years}"


def _day(chance: random.Random) -> str:
    year = chance.randint(1960, 2049) if chance.random() < 0.5 else chance.randint(2000, 2035)
    return spelled(chance.randint(1, 31), chance.randint(1, 12), year, chance)


@lru_cache(maxsize=GROUNDS)
def _print(number: int) -> Image.Image:
    """Print, rules and handwriting as a page has them around and below a stamp; sometimes nothing."""
    chance = random.Random(number)
    if number < LETTERS:
        return _piece_of_a_letter(number, chance)
    page = Image.new("L", (round(WIDE_MM * SCALE), round(HIGH_MM * SCALE)), 255)
    draw = ImageDraw.Draw(page)
    kind = chance.random()
    if kind > 0.12:
        face = font(chance.choice(faces()[1]), round(chance.uniform(8.5, 12.5) * SCALE * 25.4 / 72))
        ink, step = chance.randint(0, 70), face.size * chance.uniform(1.12, 1.6)
        left = chance.choice((chance.uniform(-400, 0), chance.uniform(0, 400)))
        at, stop = chance.uniform(-20, 60), chance.choice((page.height, page.height, chance.uniform(100, page.height)))
        at = chance.uniform(0, page.height) if chance.random() < 0.15 else at
        while at < stop:
            text = f"{chance.choice(SENTENCES)} {chance.choice(SENTENCES)}"[:75]
            if chance.random() < 0.1:
                text = chance.choice(("Datum: {}", "{}", "vom {} ", "Ihr Schreiben vom {}", "Mittelau, {}", "bis zum {} ")).format(
                    spelled(chance.randint(1, 28), chance.randint(1, 12), chance.randint(1970, 2030), chance))
            elif chance.random() < 0.1:
                text = text[:chance.randint(5, 40)]
            elif chance.random() < 0.05:
                text = "  ".join(str(chance.randint(1, 99999)) for _ in range(chance.randint(1, 9)))
            if chance.random() < 0.92:
                draw.text((left - (chance.uniform(0, 80) if left < 0 else 0), at), text, ink, face, anchor="ls")
            at += step * (2 if chance.random() < 0.1 else 1)
    if chance.random() < 0.15:
        for _ in range(chance.randint(1, 6)):
            x, y = chance.uniform(0, page.width), chance.uniform(0, page.height)
            ends = (x, y, x + chance.uniform(100, 900), y) if chance.random() < 0.7 else (x, y, x, y + chance.uniform(50, 500))
            draw.line(ends, chance.randint(0, 90), chance.randint(1, 4))
    if chance.random() < 0.2:
        _scribbled(draw, chance, page.size)
    return page


def _piece_of_a_letter(number: int, chance: random.Random) -> Image.Image:
    """Any piece of a letter: its head with dates and signs, the address, the text, the signature."""
    canvas = ScanCanvas(dpi=DPI)
    marks = lay_out(canvas, random_letter(number))
    scribble(canvas.pages[0], 28, marks["signature"][1] + 8, chance, dpi=DPI)
    left = chance.randint(0, canvas.image.width - round(WIDE_MM * SCALE))
    top = chance.randint(0, canvas.image.height - round(HIGH_MM * SCALE))
    return canvas.pages[0].crop((left, top, left + round(WIDE_MM * SCALE), top + round(HIGH_MM * SCALE)))


def _scribbled(draw: ImageDraw.ImageDraw, chance: random.Random, size: tuple[int, int]) -> None:
    """A signature, or a note by hand."""
    x, y, ink, wide = chance.uniform(0, size[0]), chance.uniform(0, size[1]), chance.randint(0, 130), chance.randint(2, 5)
    points = []
    for number in range(chance.randint(20, 80)):
        points.append((x + number * chance.uniform(3, 6) + 14 * math.sin(number * 1.3), y + chance.gauss(0, 9) + 16 * math.sin(number)))
    draw.line(points, ink, wide, joint="curve")


def _stamp(chance: random.Random, printed: str) -> tuple[Image.Image, tuple[float, float, float, float], tuple[float, ...]]:
    """A stamp upright, 0 = no ink; the box of its day, and how far right of the box's middle each letter's middle stands."""
    path = chance.choice(faces()[0])
    size = chance.uniform(8.5, 14)
    place = chance.choice(PLACES)
    day_face = path if chance.random() < 0.7 else chance.choice(faces()[0])
    lines = [(chance.choice(HEADS), size * chance.uniform(0.8, 1.15), path)] if printed else []
    lines.append((printed, size * chance.uniform(0.85, 1.25), day_face) if printed else
                 (chance.choice((*OTHERS, *HEADS[:4])), size * chance.uniform(0.8, 1.6), path))
    office = (chance.choice(OFFICES).format(place), size * chance.uniform(0.6, 1.0), path)
    if chance.random() < 0.8:
        lines.insert(chance.choice((0, len(lines), len(lines))), office)
    if chance.random() < 0.4:
        lines.append((chance.choice(BELOW), size * chance.uniform(0.5, 0.8), path))
    if printed and chance.random() < 0.08:
        lines = [line for line in lines if line[0] == printed]
    if printed and chance.random() < 0.06:  # on one line with its head
        lines = [(f"{lines[0][0]} ", *lines[0][1:]) if line[0] == printed else line for line in lines if line[0]]
        lines = [*lines, (printed, size, day_face)] if not any(line[0] == printed for line in lines) else lines
    point = SCALE * 25.4 / 72
    leading = chance.uniform(1.15, 1.6)
    fonts = [font(face, max(round(points * point), 8)) for _, points, face in lines]
    wide = max(face.getlength(text) for (text, _, _), face in zip(lines, fonts, strict=True)) + SCALE * chance.uniform(2, 12)
    high = sum(face.size * leading for face in fonts) + SCALE * chance.uniform(2, 6)
    layer = Image.new("L", (math.ceil(wide), math.ceil(high)), 0)
    draw = ImageDraw.Draw(layer)
    _frame(draw, layer.size, chance)
    at, aside, box = chance.uniform(0.3, 1.5) * SCALE, chance.choice(("m", "m", "l")), (0.0, 0.0, 0.0, 0.0)
    letters: tuple[float, ...] = ()
    for (text, _, _), face in zip(lines, fonts, strict=True):
        at += face.size * leading * 0.95
        x = layer.width / 2 if aside == "m" else 1.5 * SCALE
        draw.text((x, at), text, 255, face, anchor=f"{aside}s")
        if text == printed:
            box = tuple(float(side) for side in draw.textbbox((x, at), text, face, anchor=f"{aside}s"))  # type: ignore[assignment]
            first = x - (face.getlength(text) / 2 if aside == "m" else 0) - (box[0] + box[2]) / 2
            letters = tuple(first + face.getlength(text[:place]) + face.getlength(char) / 2 for place, char in enumerate(text))
            if chance.random() < 0.12:
                for y in (box[1] - 0.8 * SCALE, box[3] + 0.8 * SCALE):
                    draw.line((3, y, layer.width - 4, y), 255, max(round(0.35 * SCALE), 1))
    return _inked(layer, chance), box, letters


def _frame(draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random) -> None:
    kind, width = chance.random(), max(round(chance.uniform(0.25, 0.8) * SCALE), 1)
    edges = (2, 2, size[0] - 3, size[1] - 3)
    if kind < 0.45:
        draw.rectangle(edges, outline=255, width=width)
    elif kind < 0.55:
        draw.rounded_rectangle(edges, radius=2 * SCALE, outline=255, width=width)
    elif kind < 0.62:
        draw.rectangle(edges, outline=255, width=width)
        draw.rectangle((edges[0] + 7, edges[1] + 7, edges[2] - 7, edges[3] - 7), outline=255, width=max(width // 2, 1))
    elif kind < 0.65:
        draw.ellipse(edges, outline=255, width=width)


def _inked(layer: Image.Image, chance: random.Random) -> Image.Image:
    """The stamp as rubber prints: thicker or thinner, patchy, with holes."""
    if chance.random() < 0.3:
        layer = layer.filter(ImageFilter.MaxFilter(3)) if chance.random() < 0.7 else layer.filter(ImageFilter.MinFilter(3))
    cell = chance.choice((4, 7, 9, 9, 14, 30))
    cells = (layer.width // cell + 2, layer.height // cell + 2)
    patchy = Image.frombytes("L", cells, chance.randbytes(cells[0] * cells[1])).resize(layer.size, Image.Resampling.BICUBIC)
    least = chance.choice((60, 120, 170, 170, 200))
    return ImageChops.multiply(layer, patchy.point([min(255, least + value * (255 - least) // 190) for value in range(256)]))


def _pressed(page: Image.Image, chance: random.Random, printed: str) -> Scene:
    """A page with a stamp on it."""
    layer, box, letters = _stamp(chance, printed)
    slant = chance.uniform(-18, 18) if chance.random() < 0.75 else chance.gauss(0, 1.5)
    turned = layer.rotate(-slant, Image.Resampling.BICUBIC, expand=True)
    free = (page.width - turned.width, page.height - turned.height)
    left, top = (round(chance.uniform(min(side, 0) - 40, max(side, 0) + 40)) for side in free)
    tone = chance.choice((chance.randint(0, 50), chance.randint(30, 110), chance.randint(40, 140)))
    shade = Image.new("L", page.size, 255)
    shade.paste(tone, (left, top), turned)
    page = ImageChops.multiply(page, shade)

    def placed(x: float, y: float) -> tuple[float, float]:
        cos, sin = math.cos(math.radians(slant)), math.sin(math.radians(slant))
        dx, dy = x - layer.width / 2, y - layer.height / 2
        return dx * cos - dy * sin + turned.width / 2 + left, dx * sin + dy * cos + turned.height / 2 + top

    corners = tuple(placed(x, y) for x, y in ((0, 0), (layer.width, 0), (layer.width, layer.height), (0, layer.height)))
    middle = placed((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    seen = all(0 < x < page.width and 0 < y < page.height
               for x, y in (placed(box[0], box[1]), placed(box[2], box[1]), placed(box[0], box[3]), placed(box[2], box[3])))
    size = (box[2] - box[0], box[3] - box[1])
    return Scene(scanned(page, chance), printed if seen else "", middle, size, slant, corners, letters)


@lru_cache(maxsize=30)
def _noise(much: int) -> Image.Image:
    """Noise for pages, larger than a piece; always the same for so much of it."""
    chance = random.Random(much)
    size = (round(WIDE_MM * SCALE) + 200, round(HIGH_MM * SCALE) + 200)
    rough = [Image.frombytes("L", size, chance.randbytes(size[0] * size[1])) for _ in range(2)]
    middle = ImageChops.add(*rough, scale=2)  # two even ones make a peak in the middle
    return middle.point([max(0, min(255, round(128 + (value - 128) * much / 52))) for value in range(256)])


def scanned(page: Image.Image, chance: random.Random) -> Image.Image:
    """As a scanner delivers it: blurred, noisy, pale or dark, black and white, or squeezed as JPEG pictures are."""
    page = page.filter(ImageFilter.BoxBlur(chance.uniform(0.2, 1.2)))
    if chance.random() < 0.5:
        noise, across, down = _noise(chance.randint(2, 22)), chance.randint(0, 200), chance.randint(0, 200)
        page = ImageChops.add(page, noise.crop((across, down, across + page.width, down + page.height)), 1, -128)
    if chance.random() < 0.4:
        limit = chance.randint(100, 200)
        page = page.point([255 if value > limit else 0 for value in range(256)])
        if chance.random() < 0.3:
            page = page.filter(ImageFilter.MinFilter(3)) if chance.random() < 0.3 else page.filter(ImageFilter.MedianFilter(3))
    else:
        dark, pale = chance.randint(0, 40), chance.randint(205, 255)
        page = page.point([dark + value * (pale - dark) // 255 for value in range(256)])
        if chance.random() < 0.3:
            small = chance.uniform(0.5, 0.8)
            page = page.resize((round(page.width * small), round(page.height * small)), Image.Resampling.BILINEAR).resize(
                page.size, Image.Resampling.BILINEAR)
    return page
