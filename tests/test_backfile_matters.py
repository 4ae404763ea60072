"""One Vorgang delivered twice is told; a Nachtrag, a neighbour's house and the next house of the same builder are not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.backfile.alike import fingerprint
from intake.backfile.matters import FEW_SHEETS, Matter, keys_of, same_matter

LEXICON = [f"wort{number}" for number in range(3000)]


def sheets(seed: int, count: int = 8, slips: float = 0.0) -> tuple[str, ...]:
    """Fingerprints of `count` sheets of 80 words, a share of them misread."""
    rng, errors = random.Random(seed), random.Random(99)
    made = []
    for _ in range(count):
        words = rng.sample(LEXICON, 80)
        made.append(fingerprint([f"{word}x" if errors.random() < slips else word for word in words]))
    return tuple(made)


GARAGE = Matter("BA/0012/1967", "1967 Neubau einer Garage", frozenset({"12/3"}), frozenset({"Heinrich Asmussen"}),
                "Neubau einer Garage mit Abstellraum", frozenset({"1967-03-11"}), frozenset({"1967-05-02"}), sheets(1))
COPY = replace(GARAGE, akte="BA/0812/1967", applicants=frozenset({"Asmussen, Heinrich"}), sheets=sheets(1, slips=0.04))


def test_the_copy_of_another_office_is_told_with_both_reasons() -> None:
    why = same_matter(GARAGE, COPY)
    assert "gleiches Flurstück 12/3, gleicher Bauherr Heinrich Asmussen" in why and "Antrag vom 11.03.1967" in why
    assert "8 von 8 Seiten gleichen sich" in why
    assert set(keys_of(GARAGE)) & set(keys_of(COPY))


def test_what_it_says_is_enough_where_the_papers_are_others_and_the_papers_where_it_says_little() -> None:
    assert same_matter(GARAGE, replace(COPY, sheets=sheets(7)))
    bare = Matter("X", "Vorgang 1", sheets=sheets(1, slips=0.04))
    assert same_matter(GARAGE, bare) == "8 von 8 Seiten gleichen sich"
    assert set(keys_of(GARAGE)) & set(keys_of(bare)), "found by its sheets alone"


@pytest.mark.parametrize(("name", "other"), [
    ("Nachtrag", replace(COPY, name="1968 Nachtrag zum Neubau einer Garage", asked=frozenset({"1968-01-09"}))),
    ("Nachtrag with every plan of the first", replace(COPY, project="1. Nachtrag: Neubau einer Garage mit Abstellraum")),
    ("Tektur that quotes the permit", replace(COPY, name="Tektur zur Baugenehmigung vom 2.5.1967", asked=frozenset())),
    ("an addition without its name, months later",
     replace(COPY, asked=frozenset({"1968-01-09"}), sheets=sheets(1, 3) + sheets(8, 6))),
    ("another house of the builder", replace(COPY, parcels=frozenset({"12/4"}), sheets=sheets(3))),
    ("another Vorhaben on the parcel", replace(COPY, project="Neubau eines Wohnhauses", sheets=sheets(3))),
    ("another builder", replace(COPY, applicants=frozenset({"Karl Petersen"}), sheets=sheets(3))),
    ("nothing known but the parcel", Matter("X", "Vorgang 1", frozenset({"12/3"}))),
    ("two forms alike",
     replace(COPY, asked=frozenset({"1971-01-01"}), granted=frozenset(), sheets=(*sheets(1, 2), *sheets(5, 9)))),
    ("too few sheets", Matter("X", "Vorgang 1", sheets=sheets(1, FEW_SHEETS - 1))),
])
def test_what_is_another_vorgang(name: str, other: Matter) -> None:
    assert same_matter(GARAGE, other) == "" == same_matter(other, GARAGE), name


def test_two_copies_of_a_nachtrag_are_told() -> None:
    one = replace(GARAGE, name="Nachtrag zur Garage", asked=frozenset({"1968-01-09"}))
    assert same_matter(one, replace(one, akte="BA/0812/1967"))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_it_does_not_matter_which_comes_first(seed: int, other: int) -> None:
    one, two = replace(GARAGE, sheets=sheets(seed, 3)), replace(COPY, sheets=sheets(other, 4), asked=frozenset())
    assert bool(same_matter(one, two)) == bool(same_matter(two, one))
