"""The title block of a plan comes first, framed or not; ordinary pages keep their order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from intake.box.inside import read
from intake.box.inside.image import at_dpi
from intake.box.inside.plan import drawn_title, title_box, title_first
from intake.vocabulary import Word
from samples.canvas import PdfCanvas, ScanCanvas

A1 = (841.0, 594.0)
TITLE = ("Neubau eines Einfamilienhauses", "Bauherr: Erika Ahlborn", "Flurstück 31/2, Flur 4, Gemarkung Mittelau",
         "Maßstab 1 : 100", "Plan-Nr. 03 Grundriss Erdgeschoss")


def plan(canvas: ScanCanvas | PdfCanvas, *, framed: bool = True, seed: int = 1) -> None:
    """A sheet with border, dimensions by chance and a title block."""
    chance, (wide, high) = random.Random(seed), (canvas.width, canvas.height)
    canvas.box(10, 10, wide - 20, high - 20, 0.7)
    for _ in range(60):
        x, y = chance.uniform(20, wide - 260), chance.uniform(20, high - 40)
        canvas.text(x, y, f"{chance.randint(100, 999)},{chance.randint(10, 99)}", 12)
        canvas.line(x, y + 2, x + 30, y + 2)
    left, top = wide - 195, high - 90
    if framed:
        canvas.box(left, top, 185, 80, 0.5)
        canvas.line(left, top + 20, left + 185, top + 20, 0.35)
    for number, line in enumerate(TITLE):
        canvas.text(left + 5, top + 14 + 14 * number, line, 16)


def words(framed: bool) -> tuple[tuple[Word, ...], Image.Image]:
    """Words as drawn, in the order of the file (the title block last), and the picture."""
    canvas = ScanCanvas(A1, 100)
    plan(canvas, framed=framed)
    chance, found = random.Random(1), []
    for number in range(60):
        x, y = chance.uniform(20, A1[0] - 260), chance.uniform(20, A1[1] - 40)
        text = f"{chance.randint(100, 999)},{chance.randint(10, 99)}"
        found.append(Word(text, (x / A1[0], (y - 4) / A1[1], (x + 14) / A1[0], y / A1[1]), 0.9, line=number, block=number))
    for number, line in enumerate(TITLE):
        x, y = A1[0] - 190, A1[1] - 76 + 14 * number
        for piece in line.split():
            right = x + canvas.measure(piece, 16)
            found.append(Word(piece, (x / A1[0], (y - 4) / A1[1], right / A1[0], y / A1[1]), 0.9, line=60 + number, block=60))
            x = right + 2
    image = canvas.pages[0]
    image.info["dpi"] = (100.0, 100.0)
    return tuple(found), at_dpi(image, 55)


@pytest.mark.parametrize("framed", [True, False])
def test_the_title_block_comes_first(framed: bool) -> None:
    found, shown = words(framed)
    ordered = title_first(found, shown, *A1)
    assert " ".join(word.text for word in ordered).startswith(" ".join(TITLE))
    assert {(word.text, word.box) for word in ordered} == {(word.text, word.box) for word in found}


def test_the_frame_decides_where_it_ends() -> None:
    found, shown = words(True)
    box = title_box(found, shown, *A1)
    assert box == pytest.approx((646 / 841, 504 / 594, 831 / 841, 584 / 594), abs=0.004)


def test_a_title_block_without_words_is_found_by_its_frame() -> None:
    found, shown = words(True)
    drawn = [word for word in found if word.block != 60]
    box = drawn_title(drawn, shown, *A1)
    assert box == pytest.approx((646 / 841, 504 / 594, 831 / 841, 584 / 594), abs=0.004)
    assert drawn_title(found, shown, *A1) is None


def test_a_sheet_without_title_block_keeps_its_order() -> None:
    canvas = ScanCanvas(A1, 60)
    found = tuple(Word(str(number), (0.1, number / 40, 0.12, number / 40 + 0.01), 0.9, line=number) for number in range(30))
    assert title_first(found, canvas.pages[0], *A1) == found


@given(st.lists(st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)), max_size=40), st.booleans())
def test_no_word_is_lost_or_doubled(places: list[tuple[float, float]], lines: bool) -> None:
    shown = Image.new("L", (400, 300), 255)
    if lines:
        ImageDraw.Draw(shown).rectangle((250, 200, 390, 290), outline=0)
    found = tuple(Word(str(number), (x, y, x + 0.05, y + 0.02), 0.9, line=number) for number, (x, y) in enumerate(places))
    ordered = title_first(found, shown, *A1)
    assert sorted(word.text for word in ordered) == sorted(word.text for word in found)


def test_a_plan_s_text_layer_begins_with_the_title(tmp_path: Path) -> None:
    canvas = PdfCanvas(A1)
    plan(canvas)
    canvas.save(tmp_path / "plan.pdf")
    page = read.run({"media_type": "application/pdf"}, [tmp_path / "plan.pdf"], tmp_path)["pages"][0]
    assert (page["script"], page["source"]) == ("drawing", "text-layer")
    assert page["text"].startswith("Neubau eines Einfamilienhauses")
