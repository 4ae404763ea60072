"""Where a page may hold a rubber stamp: by slant, colour or head."""

from __future__ import annotations

import pytest
from drawn import LETTER, paper, written
from PIL import Image, ImageDraw
from stamping import Mode, covers, seen_by_reading, stamped_page

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


@pytest.mark.parametrize("text", ["Eingand", "Eingan", "EIRGANG", "Eingegargen", "GEGANGEN", "POSTEINGANG"])
def test_a_head_with_a_letter_misread_is_one(text: str) -> None:
    assert is_head(text)


@pytest.mark.parametrize("text", ["Eingabe", "Einigung", "Ausgang", "Eigentum", "Umgang", "Ein", "2026"])
def test_a_word_that_only_resembles_one_is_none(text: str) -> None:
    assert not is_head(text)


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
