"""Rubber stamps are found by slant, colour or head; their words are read upright and stand where they are printed."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from drawn import LETTER, paper, written
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from stamping import Mode, StampedPage, stamped_page

from intake.box.inside import stampcut, stamps
from intake.box.inside.geometry import ink_of, skew_of
from intake.box.inside.image import at_dpi, grey_of
from intake.box.inside.stampplaces import Paper, regions
from intake.box.inside.stamps import stamped
from intake.vocabulary import Box, Word


def seen(image: Image.Image) -> Paper:
    """The page as reading hands it on; resolution and skew measured as there."""
    grey = grey_of(image)
    ink = ink_of(at_dpi(grey, 75))
    return Paper(grey, ink, at_dpi(image, 110), image.width / image.info["dpi"][0] * 25.4, skew_of(ink))


def covers(box: Box, made: StampedPage) -> bool:
    x, y = (made.box[0] + made.box[2]) / 2, (made.box[1] + made.box[3]) / 2
    return box[0] < x < box[2] and box[1] < y < box[3]


def reader(*texts: str) -> Callable[[Image.Image, int], tuple[Word, ...]]:
    """A recogniser that reads these lines, one below the other, in the first picture it is shown (the second is a signature)."""
    found = [tuple(
        Word(piece, (0.2 + 0.15 * place, 0.2 + 0.2 * line, 0.33 + 0.15 * place, 0.35 + 0.2 * line), 0.9, line=line)
        for line, text in enumerate(texts) for place, piece in enumerate(text.split()))]
    return lambda *_: found.pop() if found else ()


def words_of_letter() -> tuple[Word, ...]:
    """One word at each place where nothing is read: an empty page's recognition."""
    return (Word("Mittelau", (0.1, 0.95, 0.2, 0.96), 0.95),)


@pytest.mark.parametrize("seed", [102, 111, 123, 126, 135, 144])
def test_a_coloured_slanted_stamp_is_found(seed: int) -> None:
    made = stamped_page(seed, "colour")
    page = seen(made.image)
    hits = [region for region in regions(page, ()) if covers(region.box, made)]
    assert len(hits) == 1
    assert hits[0].slant == pytest.approx(page.skew - made.angle, abs=2)


@pytest.mark.parametrize("mode", ["grey", "bitonal"])
def test_a_frame_that_stands_slanted_is_found_without_colour(mode: Mode) -> None:
    made = stamped_page(103, mode, over_text=False)
    page = seen(made.image)
    assert any(covers(region.box, made) and not region.coloured for region in regions(page, ()))


def test_its_words_are_a_block_of_their_own_at_their_place() -> None:
    made = stamped_page(111, "colour")
    page = seen(made.image)
    words, boxes = stamped(page, words_of_letter(), reader("EINGEGANGEN", "3. Mai 2026"), lambda: made.image)
    assert len(boxes) == 1 and covers(boxes[0], made)
    assert [word.text for word in words] == ["Mittelau", "EINGEGANGEN", "3.", "Mai", "2026"]
    assert [word.block for word in words] == [0, 1, 1, 1, 1]
    assert [word.line for word in words] == [0, 1, 2, 2, 2]
    for word in words[1:]:
        assert boxes[0][0] - 0.03 < word.box[0] < word.box[2] < boxes[0][2] + 0.03
        assert boxes[0][1] - 0.03 < word.box[1] < word.box[3] < boxes[0][3] + 0.03


def test_what_was_read_poorly_there_is_replaced() -> None:
    made = stamped_page(111, "colour")
    x, y = (made.box[0] + made.box[2]) / 2, (made.box[1] + made.box[3]) / 2
    poor = Word("Eirg3g", (x - 0.05, y - 0.01, x + 0.05, y + 0.01), 0.3)
    words, _ = stamped(seen(made.image), (poor,), reader("EINGEGANGEN", "3. Mai 2026"), lambda: made.image)
    assert "Eirg3g" not in {word.text for word in words}


def test_well_read_words_of_an_upright_stamp_are_parted_from_the_line_beside_it() -> None:
    page = seen(written(LETTER))
    texts = (("Frau", 0.12), ("Lehmann", 0.2), ("Eingegangen", 0.62))
    words = (*(Word(text, (x, 0.3, x + 0.07, 0.315), 0.95, line=0) for text, x in texts),
             Word("3.5.2026", (0.62, 0.32, 0.7, 0.335), 0.95, line=1))
    found, boxes = stamped(page, words, lambda *_: pytest.fail("read again"), lambda: pytest.fail("coloured"))  # type: ignore[arg-type]
    assert [(word.text, word.block) for word in found] == [("Frau", 0), ("Lehmann", 0), ("Eingegangen", 1), ("3.5.2026", 1)]
    assert boxes == ((0.62, 0.3, 0.7, 0.335),)


def test_a_letter_without_stamp_has_none() -> None:
    page = written(LETTER * 3)
    assert stamped(seen(page), (), reader(""), lambda: page) == ((), ())


def test_blank_paper_has_none() -> None:
    assert regions(seen(paper()), ()) == ()


@pytest.mark.parametrize("text", ["eingegangen", "Eingabe", "Ingenieur", "Seitengang"])
def test_a_word_of_a_sentence_is_no_head(text: str) -> None:
    word = Word(text, (0.4, 0.5, 0.5, 0.51), 0.95)
    assert regions(seen(written(LETTER)), (word,)) == ()


def slanted(drop: float) -> tuple[Word, ...]:
    """A day in three words, each `drop` of the page's height lower than the one before."""
    return tuple(Word(text, (0.4 + 0.05 * place, 0.3 + drop * place, 0.44 + 0.05 * place, 0.31 + drop * place), 0.95)
                 for place, text in enumerate(("05", "NOV.", "2026")))


@pytest.mark.parametrize(("drop", "count"), [(0.0, 0), (0.003, 1), (-0.003, 1), (0.03, 0)])
def test_a_day_on_a_slanted_line_of_its_own_is_a_stamp(drop: float, count: int) -> None:
    found = [region for region in regions(seen(written(LETTER)), slanted(drop)) if region.guessed]
    assert len(found) == count
    assert all(region.slant == pytest.approx(math.degrees(math.atan2(drop * 297, 0.05 * 210)), abs=0.5) for region in found)


def test_a_leading_word_that_sits_lower_does_not_slant_a_day() -> None:
    words = (Word("Datum:", (0.5, 0.3, 0.58, 0.314), 0.95), Word("13.07.2026", (0.6, 0.3, 0.7, 0.31), 0.95))
    assert not [region for region in regions(seen(written(LETTER)), words) if region.guessed]


def test_the_years_that_a_page_names() -> None:
    words = (Word("15.03.2025,", (0.1, 0.1, 0.2, 0.11), 0.9), Word("1967", (0.3, 0.1, 0.4, 0.11), 0.9),
             Word("120260", (0.5, 0.1, 0.6, 0.11), 0.9))
    assert stamps._years(words) == [1967, 1968, 2025, 2026]


@given(st.floats(-15, 15), st.integers(100, 500), st.integers(60, 300))
def test_turning_back_keeps_the_middle_and_the_corners_inside(slant: float, wide: int, high: int) -> None:
    upright = Image.new("L", (wide, high)).rotate(slant, expand=True).size
    x0, y0, x1, y1 = stampcut.back((0.4, 0.4, 0.6, 0.6), upright, (wide, high), slant, 300, 200, (2000, 3000))
    assert ((x0 + x1) * 1000, (y0 + y1) * 1500) == (pytest.approx(300 + wide / 2, abs=1), pytest.approx(200 + high / 2, abs=1))
    across = 0.2 * upright[0] * math.cos(math.radians(slant)) + 0.2 * upright[1] * abs(math.sin(math.radians(slant)))
    assert (x1 - x0) * 2000 == pytest.approx(across, abs=1)
