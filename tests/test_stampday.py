"""The day of a receipt stamp, found and read by what was learnt (intake/box/inside/stampday.py)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from PIL import Image
from stamping import page_without_day, seen_by_reading, stamped_page

from intake.box.inside import stampday
from intake.box.inside.convnet import Model, loaded
from intake.box.inside.daytext import Day
from intake.box.inside.stampday import Place
from intake.errors import ConfigError
from intake.resources import resource


@cache
def learnt() -> Model:
    try:
        return loaded(resource("models", "stampday", "1"))
    except ConfigError:
        pytest.skip("models/stampday/1 is not there")


def best(image: object) -> tuple[Place, Day] | None:
    """The surest day of a page."""
    paper = seen_by_reading(image)  # type: ignore[arg-type]
    found = [(place, day) for place in stampday.places(paper.ink, learnt(), 0.4)
             if (day := stampday.day_at(paper.grey, place, learnt())) is not None and day.probability >= 0.5]
    return max(found, key=lambda one: one[0].probability * one[1].probability, default=None)


@pytest.mark.parametrize("mode", ["colour", "grey", "bitonal"])
def test_days_of_stamps_on_letters(mode: str) -> None:
    """Stamps drawn with faces that nothing was learnt from; every second one over print."""
    right = wrong = 0
    for seed in range(20100, 20108):
        made = stamped_page(seed, mode, over_text=seed % 2 == 0)  # type: ignore[arg-type]
        found = best(made.image)
        if found is None:
            continue
        place, day = found
        said = day.day == (made.day.day, made.day.month, made.day.year % 100)
        right, wrong = right + said, wrong + (not said)
        if said:
            assert made.box[0] < place.x < made.box[2] and made.box[1] < place.y < made.box[3]
            assert place.slant == pytest.approx(-made.angle, abs=6.0)
    assert right >= 6 and wrong <= 1


@pytest.mark.parametrize("seed", [20201, 20202, 20203, 20204])
def test_letters_without_a_stamp_have_no_day(seed: int) -> None:
    assert best(page_without_day(seed, "grey")) is None


def test_a_page_too_small_for_a_stamp_has_no_place() -> None:
    assert stampday.places(Image.new("L", (20, 20), 0), learnt()) == []


def test_a_missing_model_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="meta"):
        loaded(tmp_path)
