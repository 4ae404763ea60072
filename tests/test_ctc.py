"""The likeliest text of a line's steps, and how likely others are (intake/box/inside/ctc.py)."""

from __future__ import annotations

import math
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box.inside import ctc

ALPHABET = "12/"


def steps(*rows: str, sure: float = 6.0) -> np.ndarray:
    """Steps that say one letter each ("-" is the blank)."""
    found = np.zeros((len(rows), len(ALPHABET) + 1), np.float32)
    for number, letter in enumerate(rows):
        found[number, 0 if letter == "-" else ALPHABET.index(letter) + 1] = sure
    return found


def collapsed(path: tuple[int, ...]) -> str:
    return "".join(ALPHABET[letter - 1] for letter, _ in groupby(path) if letter)


def test_equal_letters_side_by_side_need_a_blank_between_them() -> None:
    assert ctc.likeliest(ctc.logs_of(steps(*"11--2")), ALPHABET).text == "12"
    found = ctc.likeliest(ctc.logs_of(steps(*"1-12/")), ALPHABET)
    assert found.text == "112/" and found.steps == (0, 2, 3, 4) and min(found.letters) > 0.9


def test_a_letter_stands_where_it_is_surest() -> None:
    said = steps(*"-111-")
    said[2, 1] = 9
    found = ctc.likeliest(ctc.logs_of(said), ALPHABET)
    assert found.steps == (2,) and found.letters[0] > 0.99


@pytest.mark.parametrize(("rows", "text"), [
    ("1----2----11/-----1----2", "12112"), ("1----2----1-/----1----2", "121/12"), ("-1/1/1/-", "1/1/1/"), ("-1-", "1")])
def test_two_letters_on_the_room_of_one_are_the_surer_one(rows: str, text: str) -> None:
    said = steps(*rows)
    if "11" in rows:
        said[rows.index("11") + 1, 1] = 7  # surer than the stroke beside it
    assert ctc.likeliest(ctc.logs_of(said), ALPHABET).text == text


def test_nothing_is_a_text_too() -> None:
    logs = ctc.logs_of(steps(*"---"))
    assert ctc.likeliest(logs, ALPHABET) == ctc.Spelled("", (), ())
    assert ctc.likelihood(logs, "", ALPHABET) == pytest.approx(logs[:, 0].sum())


def test_a_letter_that_is_not_known_cannot_be() -> None:
    assert ctc.likelihood(ctc.logs_of(steps(*"1-2")), "1x", ALPHABET) == -math.inf


def test_a_text_longer_than_the_steps_cannot_be() -> None:
    assert ctc.likelihood(ctc.logs_of(steps(*"12")), "121", ALPHABET) == -math.inf
    assert ctc.likelihood(ctc.logs_of(steps(*"11")), "11", ALPHABET) == -math.inf  # no step is left for the blank


@given(st.lists(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), min_size=1, max_size=5),
       st.text(alphabet=ALPHABET, max_size=4))
def test_the_likelihood_is_the_sum_over_all_paths(rows: list[list[float]], text: str) -> None:
    logs = ctc.logs_of(np.array(rows, np.float32))
    paths = [sum(logs[step, letter] for step, letter in enumerate(path)) for path in product(range(4), repeat=len(rows))
             if collapsed(path) == text]
    whole = math.log(sum(math.exp(one) for one in paths)) if paths else -math.inf
    assert ctc.likelihood(logs, text, ALPHABET) == pytest.approx(whole, abs=1e-6)


@given(st.lists(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), min_size=1, max_size=4))
def test_all_texts_together_are_certain(rows: list[list[float]]) -> None:
    logs = ctc.logs_of(np.array(rows, np.float32))
    texts = {collapsed(path) for path in product(range(4), repeat=len(rows))}
    assert sum(math.exp(ctc.likelihood(logs, text, ALPHABET)) for text in texts) == pytest.approx(1, abs=1e-6)
