"""Doubtful short lines read again by themselves (intake/box/inside/closer.py)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PIL import Image

from intake.box.inside import closer
from intake.vocabulary import Word
from samples.canvas import ScanCanvas

HEIGHT = 297.0


def page() -> Image.Image:
    canvas = ScanCanvas(dpi=200)
    canvas.text(125, 54, "Unser Zeichen: III/2-12.43", 10)
    canvas.pages[0].info["dpi"] = (200.0, 200.0)
    return canvas.pages[0]


def line(confidence: float, text: str = "Ba/63290", top: float = 0.17) -> list[Word]:
    return [Word("Unser", (0.6, top, 0.65, top + 0.012), 0.95, line=3, block=2),
            Word(text, (0.66, top, 0.72, top + 0.012), confidence, line=3, block=2)]


class Engine:
    """Says what it is told and remembers what it was shown."""

    def __init__(self, *words: Word) -> None:
        self.words, self.shown = words, list[tuple[Image.Image, int]]()

    def __call__(self, cut: Image.Image, mode: int) -> tuple[Word, ...]:
        self.shown.append((cut, mode))
        return self.words


def again(words: Sequence[Word], engine: Engine, skew: float = 0.0) -> tuple[Word, ...]:
    return closer.looked_again(words, page(), HEIGHT, skew, engine)


def test_a_surer_reading_takes_the_place_of_the_line() -> None:
    first = Word("davor", (0.1, 0.1, 0.2, 0.112), 0.9)
    engine = Engine(Word("Unser", (0.1, 0.3, 0.5, 0.7), 0.97), Word("BA/632.90", (0.5, 0.3, 0.9, 0.7), 0.92))
    found = again([first, *line(0.1)], engine)
    assert [word.text for word in found] == ["davor", "Unser", "BA/632.90"]
    assert {(word.line, word.block, word.raw) for word in found[1:]} == {(3, 2, "Unser Ba/63290")}
    assert engine.shown[0][1] == closer.LINE
    for word in found[1:]:  # boxes are of the page again
        assert 0.58 < word.box[0] < word.box[2] < 0.74 and 0.16 < word.box[1] < word.box[3] < 0.19


@pytest.mark.parametrize("answer", [(), (Word("Unser", (0, 0, 1, 1), 0.4),), (Word("x" * 60, (0, 0, 1, 1), 0.99),)])
def test_an_unsure_or_strange_answer_changes_nothing(answer: tuple[Word, ...]) -> None:
    words = line(0.1)
    assert again(words, Engine(*answer)) == tuple(words)


@pytest.mark.parametrize("words", [
    line(0.9), line(0.1, top=0.6), line(0.1, text="x" * 40), [Word("=", (0.6, 0.17, 0.62, 0.18), 0.1)],
    [Word("Linie", (0.1, 0.17, 0.6, 0.1705), 0.1)]], ids=["sure", "low", "long", "no letters", "a rule"])
def test_nothing_else_is_read_again(words: list[Word]) -> None:
    engine = Engine()
    assert again(words, engine) == tuple(words)
    assert not engine.shown


def test_few_lines_of_a_page_are_read_again() -> None:
    words = [Word("Zeichen", (0.1, 0.02 * number, 0.3, 0.02 * number + 0.012), 0.1, line=number) for number in range(1, 20)]
    engine = Engine()
    again(words, engine)
    assert len(engine.shown) == closer.MOST


def test_the_cut_has_room_around_it_and_stands_upright() -> None:
    engine = Engine()
    again(line(0.1), engine, skew=2.0)
    cut = engine.shown[0][0]
    assert cut.info["dpi"] == (200.0, 200.0) and cut.crop((0, 0, cut.width, closer.ROOM)).getextrema() == (255, 255)
