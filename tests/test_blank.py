"""A blank page is found behind all that scanners add, and no page with a line or stamp is called blank."""

from __future__ import annotations

import random

import pytest
from drawn import LETTER, bleeding, dusty, paper, punched, scanned, shadowed, stamped, write, written
from PIL import Image, ImageDraw

from intake.box.inside.blank import is_bare, spots_of
from intake.box.inside.geometry import ink_of
from intake.box.inside.image import at_dpi


def bare(page: Image.Image) -> bool:
    grey = at_dpi(page, 220)
    return is_bare(at_dpi(grey, 150), ink_of(at_dpi(grey, 75)))


@pytest.mark.parametrize("seed", range(16))
def test_blank_behind_dirt(seed: int) -> None:
    chance = random.Random(seed)
    dpi = chance.choice((200, 300))
    page = paper(dpi, chance.choice((255, 242, 225)))
    if seed % 2:
        page = bleeding(page, written(LETTER * 3, dpi), chance.choice((10, 20, 28)))
    if seed % 3:
        punched(page, ink=chance.choice((10, 140)))
    if seed % 4:
        page = shadowed(page, depth=chance.choice((40, 120, 200)), width_mm=chance.choice((3, 8)))
    dusty(page, seed, 40)
    assert bare(scanned(page, seed, skew=chance.uniform(-2, 2), grey=chance.choice((0, 13))))


@pytest.mark.parametrize("line", ["Anlage 3 zum Bescheid", "Anlage", "- 2 -", "Seite 12"])
@pytest.mark.parametrize("ink", [20, 150])
def test_one_line_is_content(line: str, ink: int) -> None:
    page = paper()
    write(page, [line], ink=ink, at_mm=(90, 250))
    punched(page)
    assert not bare(page)


@pytest.mark.parametrize("seed", range(6))
def test_a_stamp_is_content(seed: int) -> None:
    page = paper(200, 245)
    stamped(page, seed, ink=120)
    assert not bare(page)


def test_a_full_page_is_not_blank() -> None:
    assert not bare(written(LETTER * 2))


def test_pale_small_print_is_content() -> None:
    assert not bare(written(("Diese Seite wurde absichtlich frei gelassen.",), points=7, ink=150))


@pytest.mark.parametrize("left", [True, False])
def test_the_broken_rings_of_punch_holes_are_no_writing(left: bool) -> None:
    page = paper(200)
    draw = ImageDraw.Draw(page)
    x = 12 if left else 198
    for centre in (108.5, 188.5):
        edges = [value / 25.4 * 200 for value in (x - 3, centre - 3, x + 3, centre + 3)]
        draw.arc(edges, 20, 150, fill=0, width=3)
        draw.arc(edges, 190, 330, fill=0, width=3)
    assert bare(page)
    write(page, ["17"], at_mm=(x - 4, 140))
    assert not bare(page)


def test_two_numbers_in_the_margin_are_content() -> None:
    page = paper(200)
    write(page, ["12"], at_mm=(10, 100))
    write(page, ["13"], at_mm=(10, 185))
    assert not bare(page)


def test_spots_are_connected_pixels() -> None:
    image = Image.new("L", (20, 10), 0)
    for x, y in ((1, 1), (2, 1), (2, 2), (3, 3), (10, 5), (11, 5)):
        image.putpixel((x, y), 255)
    found = sorted((spot.x0, spot.y0, spot.x1, spot.y1, spot.pixels) for spot in spots_of(image))
    assert found == [(1, 1, 4, 4, 4), (10, 5, 12, 6, 2)]


def test_a_spot_that_joins_two_from_above_is_one() -> None:
    image = Image.new("L", (9, 4), 0)
    for x, y in ((1, 0), (7, 0), (1, 1), (7, 1), *((x, 2) for x in range(1, 8))):
        image.putpixel((x, y), 255)
    assert [spot.pixels for spot in spots_of(image)] == [11]
