"""Patch codes are found on any sheet a scanner may deliver, and on nothing else."""

from __future__ import annotations

import random

import pytest
from drawn import LETTER, PATCHES, patch_sheet, scanned, written
from PIL import Image, ImageDraw

from intake.box.inside.image import at_dpi, turn
from intake.box.inside.patch import patches


def kinds(page: Image.Image) -> list[str]:
    return [mark.kind for mark in patches(at_dpi(page, 75))]


@pytest.mark.parametrize("code", PATCHES)
@pytest.mark.parametrize("across", [True, False])
def test_each_code_along_each_edge(code: str, across: bool) -> None:
    assert kinds(patch_sheet(code, across=across)) == [f"patch-{code}"]


@pytest.mark.parametrize("seed", range(24))
def test_skewed_noisy_and_black_and_white(seed: int) -> None:
    chance = random.Random(seed)
    code, dpi = chance.choice("T23146"), chance.choice((200, 300))
    length, top = chance.choice((50, 100, 170)), chance.choice((7, 15))
    sheet = patch_sheet(code, dpi, across=chance.random() < 0.6, length_mm=length, top_mm=top)
    page = scanned(sheet, seed, skew=chance.uniform(-5, 5), noise=chance.choice((0, 0.05)), bitonal=chance.random() < 0.5)
    assert kinds(page) == [f"patch-{code}"]


@pytest.mark.parametrize("code", ["T", "2", "3", "1"])
def test_a_sheet_fed_upside_down_says_the_same(code: str) -> None:
    assert kinds(turn(patch_sheet(code), 180)) == [f"patch-{code}"]


def test_the_box_is_where_the_bars_are() -> None:
    mark = patches(at_dpi(patch_sheet("T", top_mm=12, length_mm=100), 75))[0]
    x0, y0, x1, y1 = mark.box
    assert abs(x0 - 55 / 210) < 0.02
    assert abs(x1 - 155 / 210) < 0.02
    assert abs(y0 - 12 / 297) < 0.01
    assert abs(y1 - (12 + 20.3) / 297) < 0.01


def test_print_tables_and_stripes_are_no_patch() -> None:
    page = written(LETTER * 2)
    draw = ImageDraw.Draw(page)
    for row in range(12):
        draw.rectangle((100, 1500 + row * 60, 1500, 1500 + row * 60 + 20), fill=0)  # even stripes
    for row in range(20):
        draw.line((100, 200 + row * 40, 1500, 200 + row * 40), fill=0, width=3)
    assert kinds(page) == []


def test_a_code_without_quiet_zone_is_none() -> None:
    sheet = patch_sheet("T")
    ImageDraw.Draw(sheet).rectangle((0, 60, sheet.width, 92), fill=0)
    assert kinds(sheet) == []
