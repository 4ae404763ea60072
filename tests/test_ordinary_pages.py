"""Ordinary post never cuts: pages with stamps, franking and giro codes, parcel labels, archive numbers, sheets of others."""

from __future__ import annotations

import random

import pytest
import zxingcpp
from drawn import LETTER, MONO, SANS, SERIF, dusty, punched, scanned, shadowed, stamped, written
from PIL import Image, ImageDraw

from intake.box.inside.barcodes import found_on
from intake.box.inside.image import at_dpi, turn
from intake.box.inside.patch import patches
from intake.split import Way, cut
from intake.vocabulary import Page, Word

FOREIGN = (
    ("DataMatrix", "DEA50002{:08d}0000", 13), ("DataMatrix", "A0{:012d}1A6C", 18),
    ("QRCode", "BCD\n002\n1\nSCT\n\nStadtwerke {}", 28),
    ("QRCode", "https://www.example.org/brief/{}", 22), ("QRCode", "SPC\n0200\n1\n{}", 40), ("Code128", "JJD00039{:010d}", 80),
    ("Code128", "ASN{:06d}", 45), ("Code39", "ARCHIV-{:06d}", 70), ("QRCode", "ASN{:05d}", 15), ("Code128", "{:012d}", 60),
    ("QRCode", "DVS1|M=anderes|T=D|ID={}|C=12AB", 35), ("QRCode", "mi1|T=D|ID={}|C=12AB", 35), ("DataMatrix", "T=D|{}", 25))
"""Franking, giro codes, links, Swiss bills, parcels, archive numbers of others, separator sheets of other systems."""


def ordinary(seed: int) -> Image.Image:
    """A scanned page of everyday post."""
    chance = random.Random(seed)
    lines = [*LETTER, *chance.sample(LETTER, len(LETTER))][:chance.randint(3, 30)]
    page = written(lines, 200, points=chance.choice((9, 11, 13)), font=chance.choice((SANS, SERIF, MONO)))
    draw = ImageDraw.Draw(page)
    for _ in range(chance.choice((0, 1, 1, 2))):
        _code(page, chance)
    if chance.random() < 0.5:
        stamped(page, seed)
    if chance.random() < 0.25:
        _bars(draw, page, chance)
    if chance.random() < 0.2:
        for row in range(chance.randint(5, 25)):
            draw.line((150, 900 + row * 45, page.width - 150, 900 + row * 45), fill=0, width=chance.choice((2, 4)))
    if chance.random() < 0.3:
        punched(page)
    if chance.random() < 0.3:
        dusty(page, seed)
    if chance.random() < 0.2:
        page = shadowed(page)
    page = scanned(page, seed, skew=chance.uniform(-4, 4), noise=chance.choice((0, 0, 0.02)), bitonal=chance.random() < 0.5)
    page = turn(page, chance.choice((0, 0, 0, 180)))
    page.info["words"] = " ".join(lines)
    return page


def _code(page: Image.Image, chance: random.Random) -> None:
    kind, text, millimetres = chance.choice(FOREIGN)
    number = chance.randrange(10**5)
    code = zxingcpp.create_barcode(text.format(number), getattr(zxingcpp.BarcodeFormat, kind))
    drawn = Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=4)).convert("L")
    width = round(millimetres * chance.uniform(0.8, 1.3) / 25.4 * 200)
    height = round(drawn.height * width / drawn.width)
    drawn = drawn.resize((width, max(height, 40) if kind.startswith("Code") else height), Image.Resampling.NEAREST)
    page.paste(drawn, (chance.randint(0, page.width - width), chance.randint(0, page.height - drawn.height)))


def _bars(draw: ImageDraw.ImageDraw, page: Image.Image, chance: random.Random) -> None:
    """Bars of a letterhead or a form: one to four across the page, of any thickness."""
    at = chance.uniform(5, 260) / 25.4 * 200
    for _ in range(chance.randint(1, 4)):
        thick = chance.uniform(1, 8) / 25.4 * 200
        draw.rectangle((150, at, page.width - chance.randint(150, 900), at + thick), fill=chance.choice((0, 40, 90)))
        at += thick + chance.uniform(1, 6) / 25.4 * 200


def read(image: Image.Image, number: int) -> Page:
    """The marks of the page as the reader finds them, on its thorough way; the words are those that were drawn."""
    words = tuple(Word(word, (0.1, 0.1, 0.2, 0.2), 0.9) for word in image.info["words"].split())
    return Page(number, 210.0, 297.0, words=words,
                separators=found_on(image, at_dpi(image, 150), ()) + patches(at_dpi(image, 75)))


def cuts_of(seeds: range) -> tuple[list[int], int]:
    """Numbers of the pages that were taken for sheets, and how many barcodes of others were read on the way."""
    pages = [read(ordinary(seed), place) for place, seed in enumerate(seeds, start=1)]
    found = cut(pages, Way("mittelau"))
    assert len(found.documents) == 1 or found.separators
    return list(found.separators), sum(len(page.separators) for page in pages)


def test_ordinary_pages_never_cut() -> None:
    sheets, codes = cuts_of(range(24))
    assert sheets == []
    assert codes >= 12, "the codes of others must have been legible, or this shows nothing"


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_a_thousand_ordinary_pages_never_cut(start: int) -> None:
    sheets, codes = cuts_of(range(start, start + 100))
    assert sheets == [] and codes >= 50
