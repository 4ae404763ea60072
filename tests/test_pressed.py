"""The day of a stamp over print, line by line (intake/box/inside/pressed.py)."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageDraw

from intake.box.inside import pressed
from intake.vocabulary import Word
from samples.canvas import font


def words(*texts: str, confidence: float = 0.9) -> tuple[Word, ...]:
    return tuple(Word(text, (0.1 + 0.2 * place, 0.2, 0.28 + 0.2 * place, 0.8), confidence) for place, text in enumerate(texts))


@pytest.mark.parametrize("texts", [("11.01.26",), ("15.09,2026",), ("4.", "April", "2026"), ("02", "SEP.", "2026"),
                                   ("1.", "März", "26")])
def test_a_day(texts: tuple[str, ...]) -> None:
    assert pressed.has_day(words(*texts))


@pytest.mark.parametrize("texts", [("26", "11.01.2"), ("45.01.26",), ("11.13.2026",), ("12", "Uhr", "26"), ("1", "2", "26"),
                                   ("",)])
def test_no_day(texts: tuple[str, ...]) -> None:
    assert not pressed.has_day(words(*texts))


def stamp(over: bool, tone: int = 100) -> Image.Image:
    """A stamp of three lines in a pale tone, print running through its day."""
    page = Image.new("L", (420, 260), 250)
    draw = ImageDraw.Draw(page)
    for y, text in ((60, "EINGEGANGEN"), (120, "14.07.2026"), (180, "Bauamt")):
        draw.text((210, y), text, tone, font("sans-bold", 34), anchor="mm")
    if over:
        dark = Image.new("L", page.size, 255)
        ImageDraw.Draw(dark).text((10, 105), "aus früheren Gesprächen mit", 25, font("sans", 30))
        page = ImageChops.darker(page, dark)
    page.info["dpi"] = (200.0, 200.0)
    return page


TONES = (25, 30, 40, 50, 60, 70, 80, 90, 100, 110)


def test_print_is_taken_away_by_its_tone() -> None:
    first = next(iter(pressed._without_print(stamp(over=True), TONES)))
    clean = ImageChops.invert(next(iter(pressed._without_print(stamp(over=False), TONES))))
    print_only = first.crop((10, 108, 100, 135)).getextrema()
    assert print_only[0] > 100  # of what was printed beside the stamp only pale rims are left
    assert sum(clean.crop((60, 40, 360, 200)).histogram()[128:]) > 2000  # the stamp is


def test_a_page_without_tones_is_shown_as_it_is() -> None:
    cut = stamp(over=True).point([255 if value > 128 else 0 for value in range(256)])
    assert [shown.tobytes() for shown in pressed._without_print(cut, TONES)] == [cut.tobytes()]


class Engine:
    """Answers each band with the next of its answers."""

    def __init__(self, *answers: tuple[Word, ...]) -> None:
        self.answers, self.heights = list(answers), list[int]()

    def __call__(self, band: Image.Image, mode: int) -> tuple[Word, ...]:
        assert mode == pressed.LINE
        self.heights.append(band.height)
        return self.answers.pop(0) if self.answers else ()


def test_the_line_with_the_day_has_its_place_on_the_upright_picture() -> None:
    found, _ = pressed.day_line(stamp(over=False), 0.0, (), Engine((), words("14.07,2026")))
    assert [(word.text, word.raw) for word in found] == [("14.07.2026", "14.07,2026")]
    assert all(0 <= edge <= 1 for edge in found[0].box) and found[0].box[3] - found[0].box[1] < 0.3


def test_a_point_that_was_not_printed_is_put_and_said() -> None:
    found, _ = pressed.day_line(stamp(over=False), 0.0, (), Engine(words("1101.26")))
    assert [(word.text, word.raw) for word in found] == [("11.01.26", "1101.26")]


def test_the_day_that_more_lines_speak_for() -> None:
    engine = Engine(words("12.06.2026", confidence=0.2), words("02.06.2026", confidence=0.25),
                    words("02.06.2026", confidence=0.2))
    assert pressed.day_line(stamp(over=False), 0.0, (), engine)[0][0].text == "02.06.2026"


def test_an_unsure_day_is_none() -> None:
    assert pressed.day_line(stamp(over=False), 0.0, (), Engine(words("12.06.2026", confidence=0.05))) == ((), 0.0)


def test_no_more_bands_than_lines_and_the_frame_left_out() -> None:
    page = stamp(over=False)
    ImageDraw.Draw(page).rectangle((40, 20, 380, 240), outline=60, width=4)
    engine = Engine()
    pressed.day_line(page, 0.0, (), engine)
    assert len(engine.heights) <= pressed.MOST_BANDS
    left, right = pressed._within_frame(page)
    assert 40 < left < 60 and 360 < right < 384


def test_a_black_and_white_picture_made_smaller_has_no_tones() -> None:
    page = Image.new("L", (600, 200), 255)
    ImageDraw.Draw(page).text((20, 60), "EINGEGANGEN 04.05.2026", 0, font("sans-bold", 40))
    flat = page.point([0 if value < 150 else 255 for value in range(256)])
    assert not pressed.has_tones(flat)
    assert not pressed.has_tones(flat.resize((440, 147), Image.Resampling.BICUBIC))
    grey = page.point([30 + value * 200 // 255 for value in range(256)]).resize((440, 147), Image.Resampling.BICUBIC)
    assert pressed.has_tones(grey)
