"""Rubber stamps are found by slant, colour or head; their words are read upright and stand where they are printed."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from drawn import LETTER, written
from PIL import Image
from stamping import covers, seen_by_reading, stamped_page

from intake.box.inside import stampday, stamps
from intake.box.inside.daytext import Day
from intake.box.inside.stampday import Place
from intake.box.inside.stamps import stamped
from intake.vocabulary import Word


def reader(*texts: str) -> Callable[[Image.Image, int], tuple[Word, ...]]:
    """A recogniser that reads these lines, one below the other, in the first picture it is shown (the second is a signature)."""
    found = [tuple(
        Word(piece, (0.2 + 0.15 * place, 0.2 + 0.2 * line, 0.33 + 0.15 * place, 0.35 + 0.2 * line), 0.9, line=line)
        for line, text in enumerate(texts) for place, piece in enumerate(text.split()))]
    return lambda *_: found.pop() if found else ()


def words_of_letter() -> tuple[Word, ...]:
    """One word at each place where nothing is read: an empty page's recognition."""
    return (Word("Mittelau", (0.1, 0.95, 0.2, 0.96), 0.95),)


def test_its_words_are_a_block_of_their_own_at_their_place() -> None:
    made = stamped_page(111, "colour")
    page = seen_by_reading(made.image)
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
    words, _ = stamped(seen_by_reading(made.image), (poor,), reader("EINGEGANGEN", "3. Mai 2026"), lambda: made.image)
    assert "Eirg3g" not in {word.text for word in words}


def test_well_read_words_of_an_upright_stamp_are_parted_from_the_line_beside_it() -> None:
    page = seen_by_reading(written(LETTER))
    texts = (("Frau", 0.12), ("Lehmann", 0.2), ("Eingegangen", 0.62))
    words = (*(Word(text, (x, 0.3, x + 0.07, 0.315), 0.95, line=0) for text, x in texts),
             Word("3.5.2026", (0.62, 0.32, 0.7, 0.335), 0.95, line=1))
    found, boxes = stamped(page, words, lambda *_: pytest.fail("read again"), lambda: pytest.fail("coloured"))  # type: ignore[arg-type]
    assert [(word.text, word.block) for word in found] == [("Frau", 0), ("Lehmann", 0), ("Eingegangen", 1), ("3.5.2026", 1)]
    assert boxes == ((0.62, 0.3, 0.7, 0.335),)


def test_a_letter_without_stamp_has_none() -> None:
    page = written(LETTER * 3)
    assert stamped(seen_by_reading(page), (), reader(""), lambda: page) == ((), ())


def test_the_years_that_a_page_names() -> None:
    words = (Word("15.03.2025,", (0.1, 0.1, 0.2, 0.11), 0.9), Word("1967", (0.3, 0.1, 0.4, 0.11), 0.9),
             Word("120260", (0.5, 0.1, 0.6, 0.11), 0.9))
    assert stamps._years(words) == [1967, 1968, 2025, 2026]


class Networks:
    """Stands for the networks; what they find is given."""


def found_by(monkeypatch: pytest.MonkeyPatch, place: Place, day: Day | None) -> None:
    monkeypatch.setattr(stampday, "places", lambda *_: [place])
    monkeypatch.setattr(stampday, "day_at", lambda *_, **__: day)


THIRD = Day("3. mai 2026", (3, 5, 26), 0.9, tuple(range(30, 30 + 3 * 11, 3)))


def test_a_day_that_was_found_is_a_stamp_also_where_nothing_else_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found_by(monkeypatch, Place(0.5, 0.3, 12.0, 0.8), THIRD)
    page = written(LETTER)
    words, boxes = stamped(seen_by_reading(page), words_of_letter(), lambda *_: (), lambda: page, Networks())  # type: ignore[arg-type]
    assert [word.text for word in words] == ["Mittelau", "3.", "Mai", "2026"]
    assert {word.block for word in words[1:]} == {1} and len({word.line for word in words[1:]}) == 1
    assert all(word.confidence == pytest.approx(0.72) for word in words[1:])
    assert len(boxes) == 1
    for word in words[1:]:
        assert boxes[0][0] <= word.box[0] < word.box[2] <= boxes[0][2] and boxes[0][1] <= word.box[1] < word.box[3] <= boxes[0][3]
    drop = (words[3].box[1] - words[1].box[1]) * 297
    run = (words[3].box[0] + words[3].box[2] - words[1].box[0] - words[1].box[2]) / 2 * 210
    assert drop / run == pytest.approx(math.tan(math.radians(12.0)), abs=0.06)


def test_the_day_stands_instead_of_what_was_read_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made = stamped_page(111, "colour")
    x, y = (made.box[0] + made.box[2]) / 2, (made.box[1] + made.box[3]) / 2
    found_by(monkeypatch, Place(x, y, -made.angle, 0.9), THIRD)
    misread = Word("8.Mal2026", (x - 0.05, y - 0.006, x + 0.05, y + 0.006), 0.5)
    words, boxes = stamped(seen_by_reading(made.image), (*words_of_letter(), misread), lambda *_: (),
                           lambda: made.image, Networks())  # type: ignore[arg-type]
    assert [word.text for word in words] == ["Mittelau", "3.", "Mai", "2026"]
    assert len(boxes) == 1 and covers(boxes[0], made)


@pytest.mark.parametrize("day", [None, Day("3. mai 2026", (3, 5, 26), 0.3, tuple(range(11)))])
def test_a_place_without_a_day_that_can_be_believed_is_none(monkeypatch: pytest.MonkeyPatch, day: Day | None) -> None:
    found_by(monkeypatch, Place(0.5, 0.3, 12.0, 0.9), day)
    page = written(LETTER)
    assert stamped(seen_by_reading(page), words_of_letter(), lambda *_: (), lambda: page,
                   Networks()) == (words_of_letter(), ())  # type: ignore[arg-type]
