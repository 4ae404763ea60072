"""Where a page may hold a rubber stamp: by slant, colour, head, a slanted day, or ink tangled in print."""

from __future__ import annotations

import math

import pytest
from drawn import LETTER, paper, written
from PIL import Image, ImageDraw
from stamping import Mode, covers, seen_by_reading, stamped_page

from intake.box.inside import stampplaces
from intake.box.inside.stampplaces import is_head, regions
from intake.vocabulary import Word
from samples.canvas import font


@pytest.mark.parametrize("seed", [102, 111, 123, 126, 135, 144])
def test_a_coloured_slanted_stamp_is_found(seed: int) -> None:
    made = stamped_page(seed, "colour")
    page = seen_by_reading(made.image)
    hits = [region for region in regions(page, ()) if covers(region.box, made)]
    assert len(hits) == 1
    assert hits[0].slant == pytest.approx(page.skew - made.angle, abs=2)


@pytest.mark.parametrize("mode", ["grey", "bitonal"])
def test_a_frame_that_stands_slanted_is_found_without_colour(mode: Mode) -> None:
    made = stamped_page(103, mode, over_text=False)
    page = seen_by_reading(made.image)
    assert any(covers(region.box, made) and not region.coloured for region in regions(page, ()))


def test_blank_paper_has_none() -> None:
    assert regions(seen_by_reading(paper()), ()) == ()


@pytest.mark.parametrize("text", ["eingegangen", "Eingabe", "Ingenieur", "Seitengang"])
def test_a_word_of_a_sentence_is_no_head(text: str) -> None:
    word = Word(text, (0.4, 0.5, 0.5, 0.51), 0.95)
    assert regions(seen_by_reading(written(LETTER)), (word,)) == ()


def slanted(drop: float) -> tuple[Word, ...]:
    """A day in three words, each `drop` of the page's height lower than the one before."""
    return tuple(Word(text, (0.4 + 0.05 * place, 0.3 + drop * place, 0.44 + 0.05 * place, 0.31 + drop * place), 0.95)
                 for place, text in enumerate(("05", "NOV.", "2026")))


@pytest.mark.parametrize(("drop", "count"), [(0.0, 0), (0.003, 1), (-0.003, 1), (0.03, 0)])
def test_a_day_on_a_slanted_line_of_its_own_is_a_stamp(drop: float, count: int) -> None:
    found = [region for region in regions(seen_by_reading(written(LETTER)), slanted(drop)) if region.guessed]
    assert len(found) == count
    assert all(region.slant == pytest.approx(math.degrees(math.atan2(drop * 297, 0.05 * 210)), abs=0.5) for region in found)


def test_a_leading_word_that_sits_lower_does_not_slant_a_day() -> None:
    words = (Word("Datum:", (0.5, 0.3, 0.58, 0.314), 0.95), Word("13.07.2026", (0.6, 0.3, 0.7, 0.31), 0.95))
    assert not [region for region in regions(seen_by_reading(written(LETTER)), words) if region.guessed]


@pytest.mark.parametrize("text", ["Eingand", "Eingan", "EIRGANG", "Eingegargen", "GEGANGEN", "POSTEINGANG"])
def test_a_head_with_a_letter_misread_is_one(text: str) -> None:
    assert is_head(text)


@pytest.mark.parametrize("text", ["Eingabe", "Einigung", "Ausgang", "Eigentum", "Umgang", "Ein", "2026"])
def test_a_word_that_only_resembles_one_is_none(text: str) -> None:
    assert not is_head(text)


def lines_crossing(slant: float) -> Image.Image:
    """Level print, and lines of a stamp that cross it at a slant (degrees clockwise): white on black, as a mask of ink."""
    page = Image.new("L", (240, 120), 0)
    ImageDraw.Draw(page).rectangle((40, 20, 200, 24), fill=255)
    for y in (45, 60, 75):
        ImageDraw.Draw(page).rectangle((70, y, 170, y + 4), fill=255)
    page = page.rotate(-slant)
    for y in (40, 90):
        ImageDraw.Draw(page).rectangle((5, y, 235, y + 5), fill=255)
    return page


@pytest.mark.parametrize("slant", [-11, -6, 7, 13])
def test_a_slant_under_print_is_told_beside_that_of_the_print(slant: int) -> None:
    _, _, others = stampplaces._slant(lines_crossing(slant), (0.0, 0.0, 1.0, 1.0), 0.0)
    assert len(others) == 1 and others[0] == pytest.approx(slant, abs=1.5)


@pytest.mark.parametrize(("confidence", "count"), [(0.95, 1), (0.6, 0)])
def test_ink_tangled_in_print_is_a_place_only_on_a_page_that_was_read_well(confidence: float, count: int) -> None:
    page = paper()
    scale = page.info["dpi"][0] / 25.4
    for y in (100, 106, 112):
        ImageDraw.Draw(page).text((70 * scale, y * scale), "Amt Mittelau am See", 30, font("sans", 5 * scale))
    words = tuple(Word("wort", (0.1, y, 0.9, y + 0.012), confidence) for y in (0.05, 0.1, 0.2, 0.6, 0.7, 0.8))
    found = regions(seen_by_reading(page), words)
    assert [region.tangled for region in found] == [True] * count
    assert all(region.box[1] < 106 / 297 < region.box[3] for region in found)


@pytest.mark.parametrize("wide_mm", [0, 20, 170])
def test_a_rule_across_the_page_does_not_join_a_free_stamp_to_it(wide_mm: int) -> None:
    page = paper()
    scale = page.info["dpi"][0] / 25.4
    stamp = Image.new("L", (round(60 * scale), round(40 * scale)), 255)
    for row, text in enumerate(("Bauamt Mittelau", "EINGEGANGEN", "15. April 2026")):
        ImageDraw.Draw(stamp).text((10 * scale, (10 + 7 * row) * scale), text, 20, font("sans", 4.5 * scale))
    page.paste(stamp.rotate(-13, Image.Resampling.BICUBIC, fillcolor=255), (round(130 * scale), round(10 * scale)))
    ImageDraw.Draw(page).line((20 * scale, 46 * scale, (20 + wide_mm) * scale, 46 * scale), 20, 3)
    found = [region for region in regions(seen_by_reading(page), ()) if region.box[0] < 160 / 210 < region.box[2]]
    assert len(found) == 1
    assert found[0].slant == pytest.approx(13, abs=1.5) and found[0].box[0] > 0.55
