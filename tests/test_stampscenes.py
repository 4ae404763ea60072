"""Pieces of pages with stamps to learn from (samples/stampscenes.py)."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from PIL import Image, ImageChops

from samples import stampscenes
from samples.stampscenes import Scene, scene, spelled

SEEDS = range(40)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(seed) for seed in SEEDS]


def test_the_same_seed_gives_the_same_piece() -> None:
    one, other = scene(3), scene(3)
    assert one.image.tobytes() == other.image.tobytes() and one.printed == other.printed and one.letters == other.letters
    assert scene(4).image.tobytes() != one.image.tobytes()


def test_most_have_a_day_some_none_and_some_no_stamp(scenes: list[Scene]) -> None:
    with_day = sum(bool(one.printed) for one in scenes)
    assert len(scenes) * 0.4 < with_day < len(scenes) * 0.9
    assert any(one.outline and not one.printed for one in scenes) and any(not one.outline for one in scenes)
    assert {one.image.mode for one in scenes} == {"L"} and len({one.image.size for one in scenes}) == 1


def test_asked_for_a_stamp_there_is_one() -> None:
    assert all(scene(seed, stamped=True).outline for seed in range(100, 106))


def test_letters_follow_each_other_around_the_middle(scenes: list[Scene]) -> None:
    for one in scenes:
        if one.printed:
            assert len(one.letters) == len(one.printed)
            assert all(before < after for before, after in pairwise(one.letters))
            assert -one.size[0] / 2 < one.letters[0] < 0 < one.letters[-1] < one.size[0] / 2 + 2
            assert abs(one.slant) <= 18 and one.size[1] < one.size[0]


def test_where_a_day_is_said_to_be_there_is_ink(monkeypatch: pytest.MonkeyPatch) -> None:
    """On white paper and unspoilt, the ink of the day lies within its turned box."""
    monkeypatch.setattr(stampscenes, "_print", lambda _: Image.new("L", (882, 661), 255))
    monkeypatch.setattr(stampscenes, "scanned", lambda page, _: page)
    for seed in range(200, 230):
        made = scene(seed, stamped=True)
        if not made.printed:
            continue
        level = made.image.rotate(made.slant, center=made.middle, fillcolor=255)
        half, high = made.size[0] / 2, made.size[1] / 2
        day = level.crop((round(made.middle[0] - half), round(made.middle[1] - high),
                          round(made.middle[0] + half), round(made.middle[1] + high)))
        across = ImageChops.invert(day).getbbox()
        assert across is not None
        assert across[2] - across[0] > 0.85 * day.width


@pytest.mark.parametrize("seed", range(30))
def test_spellings_say_the_day(seed: int) -> None:
    chance = random.Random(seed)
    text = spelled(7, 3, 2024, chance)
    plain = text.lower().replace(".", " ").split()
    assert int(plain[0]) == 7 and plain[1] in ("03", "märz", "mär", "mrz") and plain[2] in ("24", "2024")


def test_the_faces_of_the_tests_are_kept_apart() -> None:
    stamps, print_ = stampscenes.faces()
    assert not any("liberation" in path.lower() or "nimbus" in path.lower() for path in stamps)
    assert any("liberation" in path.lower() for path in print_)


def test_noise_lies_around_its_middle() -> None:
    tones = stampscenes._noise(10).histogram()
    mean = sum(tone * count for tone, count in enumerate(tones)) / sum(tones)
    spread = math.sqrt(sum((tone - mean) ** 2 * count for tone, count in enumerate(tones)) / sum(tones))
    assert mean == pytest.approx(128, abs=2) and spread == pytest.approx(10, abs=3)
