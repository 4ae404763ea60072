"""A day found by its shape where print runs through it (intake/box/inside/stencil.py)."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageDraw

from intake.box.inside import stencil
from samples.canvas import font

pytestmark = pytest.mark.skipif(not stencil.FOLDER.is_dir(), reason="the faces of Ghostscript are not installed")


def stamp(day: str, face: str = "sans-bold", *, crossed: bool = True, slant: float = 0.0) -> Image.Image:
    """A pale stamp of three lines at 200 dpi, dark print running through its day."""
    page = Image.new("L", (400, 240), 250)
    draw = ImageDraw.Draw(page)
    for y, text in ((60, "Bauamt"), (120, day), (180, "Mittelau")):
        draw.text((200, y), text, 110, font(face, 34), anchor="mm")
    page = page.rotate(-slant, Image.Resampling.BICUBIC, fillcolor=250)
    if crossed:
        dark = Image.new("L", page.size, 255)
        ImageDraw.Draw(dark).text((10, 108), "aus früheren Gesprächen mit Ihnen", 25, font("sans", 26))
        page = ImageChops.darker(page, dark)
    page.info["dpi"] = (200.0, 200.0)
    return page


def found(page: Image.Image, slant: float = 0.0, years: tuple[int, ...] = (2026, 2027)) -> str:
    shown = stencil.speaks(page, slant, 30, 250)
    day = stencil.day_by_shape([shown], years) if shown is not None else None
    return day[0].text if day is not None else ""


def test_a_day_that_print_runs_through() -> None:
    assert found(stamp("28.09.2026", slant=8.0), slant=8.0) == "28.09.2026"


@pytest.mark.parametrize("missed", [-0.3, 0.0])
def test_a_month_by_its_name_on_a_slant_that_is_not_quite_known(missed: float) -> None:
    assert found(stamp("23 AUG. 2026", crossed=False, slant=6.0), slant=6.0 + missed) == "23 AUG. 2026"


def test_its_place_is_around_the_day() -> None:
    page = stamp("14.07.2026", crossed=False)
    shown = stencil.speaks(page, 0.0, 30, 250)
    assert shown is not None
    day = stencil.day_by_shape([shown], (2026,))
    assert day is not None
    left, top, right, bottom = (edge / 25.4 * 200 for edge in day[0].place)
    assert left == pytest.approx(118, abs=12) and right == pytest.approx(282, abs=12)
    assert 95 < top < 115 and 125 < bottom < 145


def test_print_alone_is_no_day() -> None:
    assert found(stamp("", crossed=True)) == ""


def test_blank_paper_and_a_small_cut_are_no_day() -> None:
    for size in ((400, 240), (30, 12)):
        page = Image.new("L", size, 250)
        page.info["dpi"] = (200.0, 200.0)
        assert found(page) == ""


def test_a_year_that_the_page_does_not_name_is_not_believed() -> None:
    assert found(stamp("14.07.2026", crossed=False), years=(1967, 1968)) == ""


def test_without_the_faces_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stencil, "FOLDER", stencil.FOLDER / "absent")
    assert found(stamp("14.07.2026")) == ""


def found_flat(page: Image.Image, slant: float = 0.0, years: tuple[int, ...] = (2026, 2027), *others: float) -> str:
    """The day where stamp and print are black alike."""
    black = page.point([0 if value < 180 else 255 for value in range(256)])
    black.info["dpi"] = page.info["dpi"]
    covered = Image.new("L", page.size, 0)
    ImageDraw.Draw(covered).rectangle((0, 106, page.width, 134), fill=120)
    day = stencil.day_by_shape([stencil.speaks_flat(black, one, 128, covered) for one in (slant, *others)], years, flat=True)
    return day[0].text if day is not None else ""


def test_a_day_that_print_of_the_same_tone_runs_through() -> None:
    assert found_flat(stamp("28.09.2026", slant=8.0), 8.0) == "28.09.2026"


def test_of_more_than_one_slant_the_one_that_shows_a_day() -> None:
    assert found_flat(stamp("23.08.2026", slant=-7.0), 0.0, (2026,), -7.0) == "23.08.2026"


def test_a_day_of_ones_is_not_believed() -> None:
    assert found_flat(stamp("11.11.2026")) == ""


def test_no_day_where_black_print_is_all_there_is() -> None:
    assert found_flat(stamp("")) == ""


@pytest.mark.parametrize(("text", "there"), [
    ("31.11.2026", False), ("30.11.2026", True), ("29 FEB. 2024", True), ("30. Februar 2024", False), ("31. März 26", True),
    ("31 JUNI 2026", False)])
def test_days_of_the_calendar(text: str, there: bool) -> None:
    assert stencil._in_calendar(text) is there


def flat(page: Image.Image) -> stencil.Shown:
    return stencil.speaks_flat(page, 0.0, 160, Image.new("L", page.size, 0))


@pytest.mark.parametrize("day", ["28.09.2026", "23 AUG. 2026", "04.05.26"])
def test_a_first_look_sees_that_there_may_be_a_day(day: str) -> None:
    signature = Image.new("L", (400, 240), 250)
    signature.info["dpi"] = (200.0, 200.0)
    for left in (40, 130, 220):
        ImageDraw.Draw(signature).arc((left, 60, left + 120, 180), 200, 20, 60, width=5)
    assert stencil.worth_it([flat(stamp(day))]) and stencil.worth_it([flat(signature), flat(stamp(day, crossed=False))])
    assert not stencil.worth_it([flat(signature)]) and not stencil.worth_it([])


def test_a_first_look_without_the_faces_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    page = stamp("28.09.2026", crossed=False)
    monkeypatch.setattr(stencil, "FOLDER", stencil.FOLDER / "absent")
    assert not stencil.worth_it([flat(page)])
