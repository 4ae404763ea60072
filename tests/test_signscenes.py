"""Lines with signs to learn from (samples/signscenes.py)."""

from __future__ import annotations

import math
import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from classifiers.train.signs import ALPHABET
from samples import canvas, signscenes
from samples.signscenes import PRINTED, SignLine, sign_line, written_sign

SEEDS = range(60)


@pytest.fixture(scope="module")
def lines() -> list[SignLine]:
    return [sign_line(seed) for seed in SEEDS]


def test_the_same_seed_gives_the_same_line() -> None:
    one, other = sign_line(3), sign_line(3)
    assert one.image.tobytes() == other.image.tobytes()
    assert (one.text, one.letters, one.slant) == (other.text, other.letters, other.slant)
    assert sign_line(4).image.tobytes() != one.image.tobytes()


def test_signs_are_written_in_letters_that_are_learnt() -> None:
    assert set(PRINTED) == set(ALPHABET)
    dice = random.Random(5)
    written = [written_sign(dice) for _ in range(6000)]
    assert all(text and text == " ".join(text.split()) for text in written)
    assert set("".join(written)) <= set(ALPHABET)
    assert len(set(written)) > 5500
    for form in (r"[IVX]+/\d+-\d+", r"\d+ [A-Z] \d+/\d\d", r"[a-zäöü]{2,3}-\d+/\d\d", r"(\d\d ){2}\d\d",
                 r"\w+/6\d+\.\d+-\d{4,5}/(20)?\d\d"):
        assert any(re.fullmatch(form, text) for text in written), form


def test_every_letter_has_its_place(lines: list[SignLine]) -> None:
    for one in lines:
        left, top, right, bottom = one.box
        assert len(one.letters) == len(one.text) and all(before < after for before, after in pairwise(one.letters))
        assert left < one.letters[0] and one.letters[-1] < right and top < bottom
        assert abs(one.slant) <= 2.2 and one.image.mode == "L" and 150 <= one.image.info["dpi"][0] <= 300
        assert min(one.free) > 1.0


def test_where_a_sign_is_said_to_be_there_is_ink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unspoilt and without neighbours, all ink lies in the sign's box turned with the page."""
    monkeypatch.setattr(signscenes, "scanned", lambda page, _: page)
    monkeypatch.setattr(signscenes, "_neighbours", lambda *_: (50.0, 50.0))
    for seed in range(100, 120):
        made = sign_line(seed)
        level = made.image.rotate(made.slant, Image.Resampling.BICUBIC, fillcolor=255)
        ink = level.point([255 if value < 190 else 0 for value in range(256)]).getbbox()
        assert ink is not None
        high = made.box[3] - made.box[1]
        assert abs(ink[0] - made.box[0]) < high and abs(ink[2] - made.box[2]) < high
        assert made.box[1] - 0.6 * high < ink[1] and ink[3] < made.box[3] + 0.6 * high


def test_no_letter_is_drawn_with_a_face_of_the_tests() -> None:
    drawn = {Path(path).name for path in (*signscenes._all_faces(), *signscenes._plain_faces())}
    assert drawn and not drawn & {Path(name).name for name in canvas.FONTS.values()}
    assert not any("dejavu" in name.lower() or "liberation" in name.lower() for name in drawn)


def test_slants_differ(lines: list[SignLine]) -> None:
    slants = [one.slant for one in lines]
    assert min(slants) < -1 and max(slants) > 1 and math.fabs(sum(slants) / len(slants)) < 1
