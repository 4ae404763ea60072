"""Lines with a sign ("III/2-39.63", "12 C 277/25") as scanners deliver them, to learn from: what is written is drawn by chance.

Signs have no words in them, so that nothing but the picture says what they are. Everything else differs from piece to piece:
faces, sizes, leading words, neighbours above and below, slant, resolution, blur, noise, black and white or grey. The faces of
`samples.canvas` draw nothing here: with them it is tested.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw

from samples.canvas import MM_PER_INCH, POINT_MM
from samples.stampscenes import faces, font, scanned

WIDE_MM, HIGH_MM = 76.0, 17.0
RESOLUTIONS = (200, 200, 300, 300, 240, 150)
DRAWN_WITH = "dejavu"  # of the faces of stamps those that letters in tests are printed with
THICK, PLAIN = ("bold", "black", "heavy", "medium", "_rb"), 0.75  # faces that few letters are printed in; the share of all others
ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
COURTS = ("C", "O", "S", "F", "K", "L", "M", "B", "A", "T", "U", "AR", "IN", "IK", "Js", "OWi", "Cs", "Ds", "Ca", "Ga", "VI", "XVII",
          "Gs", "HRB", "VR", "E", "D", "R", "ZR", "AS", "SO", "KR", "UF", "WF", "OH", "Ls", "KLs")
OFFICES = ("FB", "FD", "FG", "Amt", "Ref.", "Dez.", "Abt.", "SG", "Az.", "BA", "OA", "SA", "KA", "BV", "BG", "GB", "StA", "LBV", "LKA", "EG",
           "WA", "LRA", "RP", "RPr", "VG", "AG", "LG", "Kfz", "Bg", "Li", "Ba", "Hb", "GZ", "Gz.", "St", "Ew", "So", "Jug", "TB", "WVG")
LEADING = ("Unser Zeichen:", "Mein Zeichen:", "Aktenzeichen:", "Az.:", "Az.", "Gesch.-Z.:", "Geschäftszeichen", "Ihr Zeichen:",
           "Unser Zeichen", "Ihr Zeichen", "Kassenzeichen:", "Vorgang:", "Zeichen", "Unsere Nachricht vom", "Name:", "Telefon:", "E-Mail:")
BESIDE = ("Frau Lindner", "04121 33-10", "12. Juni 2026", "post@amt.example", "Zimmer 2.14", "03.02.2026", "Herr Behrens", "Durchwahl -318",
          "05561 916-22", "info@verband.example", "Bauverwaltung", "Sachgebiet 3", "77021 Steinau", "Rathausplatz 4")
PRINTED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzÄÖÜäöüß/-.,:()+_&§ "
"""What signs here are written with."""


@dataclass(frozen=True)
class SignLine:
    """A piece of a page in grey (dpi in its info); what is written; its left, top, right, bottom in pixels before it is turned by
    `slant` degrees clockwise around its middle; where the middle of each letter stands across; how far left and right of it
    nothing else is printed."""

    image: Image.Image
    text: str
    box: tuple[float, float, float, float]
    letters: tuple[float, ...]
    slant: float
    free: tuple[float, float]


def written_sign(chance: random.Random) -> str:
    """A sign as offices, courts, firms and funds write them, or letters and figures without any order."""
    kind = chance.choice((_department, _department, _groups, _groups, _court, _court, _initials, _building, _building, _office, _office,
                          _fund, _random, _random, _random, _random, _other))
    return " ".join(kind(chance).split())


def _n(chance: random.Random, most: int = 4) -> str:
    """A number of one to `most` figures, sometimes with a nought before it."""
    return "".join(chance.choice(string.digits) for _ in range(chance.randint(1, most)))


def _year(chance: random.Random) -> str:
    year = chance.randint(1985, 2029)
    return chance.choice((f"{year}", f"{year % 100:02d}", f"{year % 100:02d}"))


def _department(chance: random.Random) -> str:
    start = chance.choice((chance.choice(ROMANS), chance.choice(ROMANS), _n(chance, 2)))
    parts = [start, chance.choice("/-. "), _n(chance, 2)]
    for _ in range(chance.randint(0, 3)):
        parts += [chance.choice("-./- "), _n(chance, 3)]
    if chance.random() < 0.15:
        parts.append(f"/{_year(chance)}")
    if chance.random() < 0.15:
        parts.append(chance.choice((" ", "", "-")) + chance.choice(string.ascii_letters))
    return "".join(parts)


def _groups(chance: random.Random) -> str:
    by = chance.choice((" ", " ", ".", "-", "/", chance.choice(" .-/")))
    text = by.join(f"{chance.randint(0, 10 ** wide - 1):0{wide}d}" for wide in (chance.choice((2, 2, 2, 3, 4)),) * chance.randint(2, 5))
    return text + chance.choice(("", "", "", f"/{_year(chance)}", f"-{_n(chance, 2)}", f" {chance.choice(OFFICES)}"))


def _court(chance: random.Random) -> str:
    gap = chance.choice((" ", " ", " ", ""))
    first = chance.choice((_n(chance, 3), _n(chance, 2), chance.choice(ROMANS)))
    return f"{first}{gap}{chance.choice(COURTS)}{gap}{_n(chance, 5)}/{_year(chance)}" + chance.choice(("", "", "", f" ({_n(chance, 2)})"))


def _initials(chance: random.Random) -> str:
    def name() -> str:
        letters = "".join(chance.choice("abcdefghijklmnoprstuvwzäöü") for _ in range(chance.randint(2, 3)))
        return chance.choice((letters, letters.capitalize(), letters.upper()))

    text = chance.choice((name(), name(), f"{name()}/{name()}", f"{name()}-{name()}"))
    return text + chance.choice(("-", "-", "/", " ", ".", " - ")) + _n(chance) + chance.choice(("", f"/{_year(chance)}", f"-{_year(chance)}"))


def _building(chance: random.Random) -> str:
    start = chance.choice((*(f"{chance.choice(OFFICES)}{chance.choice('//- ')}",) * 2, "", "", "B-", "BV ", "BA "))
    first = chance.choice((f"6{_n(chance, 2)}.{_n(chance, 2)}", _n(chance, 3), f"{_n(chance, 2)}.{_n(chance, 1)}"))
    number = f"{chance.randint(0, 99999):05d}" if chance.random() < 0.5 else f"{chance.randint(0, 9999):04d}"
    return f"{start}{first}{chance.choice('-/-')}{number}{chance.choice('/-/')}{_year(chance)}" + chance.choice(("", "", "", "-BG", "-02", " V"))


def _office(chance: random.Random) -> str:
    return (f"{chance.choice(OFFICES)}{chance.choice((' ', '-', '/', ' '))}{_n(chance, 3)}"
            f"{chance.choice(('-', '.', '/', ' - ', ' / ', ' '))}{_n(chance, 4)}" + chance.choice(("", "", f".{_n(chance, 3)}",
             f"/{_year(chance)}", f" {chance.choice(string.ascii_uppercase)}", f" {chance.choice(OFFICES)}")))


def _fund(chance: random.Random) -> str:
    by = chance.choice(". /-")
    return by.join(_n(chance, 6).zfill(chance.randint(1, 5)) for _ in range(chance.randint(2, 4)))


def _other(chance: random.Random) -> str:
    """What stands in such places beside signs."""
    day = f"{chance.randint(1, 28):02d}.{chance.randint(1, 12):02d}.{_year(chance)}"
    return chance.choice((day, f"{_n(chance, 2)} vom {day}", f"0{_n(chance)} {_n(chance)}-{_n(chance, 2)}", f"§ {_n(chance, 3)} Abs. {_n(chance, 1)}",
                          f"Nr. {_n(chance)}", f"{chance.choice(OFFICES)}: {_n(chance, 5)}", f"({_n(chance, 3)}) {_n(chance)}"))


def _random(chance: random.Random) -> str:
    letters = chance.choice((string.digits, string.digits, string.digits + string.ascii_uppercase, PRINTED.replace(" ", ""), "0123456789I1l/|"
                             .replace("|", "")))
    parts = ["".join(chance.choice(letters) for _ in range(chance.randint(1, 5))) for _ in range(chance.randint(1, 5))]
    return "".join(part + chance.choice("/-. -/.,:") for part in parts).rstrip(" ,:") or "1"


@lru_cache(maxsize=1)
def _all_faces() -> tuple[str, ...]:
    return tuple(path for path in faces()[0] if DRAWN_WITH not in Path(path).name.lower())


@lru_cache(maxsize=1)
def _plain_faces() -> tuple[str, ...]:
    return tuple(path for path in _all_faces() if not any(name in Path(path).stem.lower() for name in THICK))


def sign_line(seed: int) -> SignLine:
    """One piece; the same seed gives the same on a machine with the same fonts."""
    chance = random.Random(seed)
    dpi = chance.choice(RESOLUTIONS)
    scale = dpi / MM_PER_INCH
    page = Image.new("L", (round(WIDE_MM * scale), round(HIGH_MM * scale)), 255)
    draw = ImageDraw.Draw(page)
    path = chance.choice(_plain_faces() if chance.random() < PLAIN else _all_faces())
    points = chance.uniform(7.5, 12.5)
    face = font(path, max(round(points * POINT_MM * scale), 8))
    text = written_sign(chance)
    tracked = chance.uniform(0.0, 0.6) * scale if chance.random() < 0.05 else 0.0
    tone = chance.choice((0, chance.randint(0, 60), chance.randint(0, 110)))
    left, base = chance.uniform(14, 20) * scale, HIGH_MM / 2 * scale + chance.uniform(-0.5, 0.5) * scale
    places, x = [], left
    for place, char in enumerate(text):
        start = left + face.getlength(text[:place]) + tracked * place
        draw.text((start, base), char, tone, face, anchor="ls")
        wide = face.getlength(char)
        places.append(start + wide / 2)
        x = start + wide
    free = _neighbours(draw, chance, path, (left, x, base), points, scale, tone)
    box = (left, base - 0.72 * points * POINT_MM * scale, x, base)
    slant = chance.uniform(-2.2, 2.2)
    turned = page.rotate(-slant, Image.Resampling.BICUBIC, fillcolor=255)
    found = scanned(turned, chance)
    found.info["dpi"] = (float(dpi), float(dpi))
    return SignLine(found, text, box, tuple(places), slant, free)


def _neighbours(draw: ImageDraw.ImageDraw, chance: random.Random, path: str, line: tuple[float, float, float], points: float, scale: float,
                tone: int) -> tuple[float, float]:
    """A leading word beside or above the sign, other lines, a rule: what else such a place has. How far the next words are."""
    left, right, base = line
    setting = chance.uniform(1.12, 1.5) * points * POINT_MM * scale
    face = font(path, max(round(points * POINT_MM * scale), 8))
    small = font(path, max(round(points * chance.uniform(0.6, 0.95) * POINT_MM * scale), 7))
    beside = chance.random() < 0.6
    edge = left - chance.uniform(1.5, 9.0) * scale
    if beside:
        draw.text((edge, base), chance.choice(LEADING), tone, chance.choice((face, small)), anchor="rs")
    for row in (-1, 1):
        if chance.random() < 0.8:
            if chance.random() < 0.7:
                words = chance.choice((written_sign(chance), chance.choice(BESIDE), chance.choice(LEADING)))
                draw.text((left, base + row * setting), words, tone, chance.choice((face, face, small)), anchor="ls")
            if beside:
                draw.text((edge, base + row * setting), chance.choice(LEADING), tone, face, anchor="rs")
    behind = chance.uniform(3.0, 15.0) * scale if chance.random() < 0.3 else WIDE_MM * scale
    draw.text((right + behind, base), chance.choice(BESIDE), tone, face, anchor="ls")
    if chance.random() < 0.08:
        y = base + chance.uniform(0.7, 2.0) * scale
        draw.line((0, y, left + 300 * scale, y), tone, max(round(0.15 * scale), 1))
    return (left - edge if beside else left), behind
