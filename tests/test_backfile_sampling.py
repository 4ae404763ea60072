"""Sampling plans: sizes of the standard, numbers never laxer than it, everything for the highest protection."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.backfile.sampling import AQL, LETTERS, LOT_SIZES, SIZES, acceptance, drawn, passes, plan

STANDARD = {"normal": {50: 1, 80: 2, 125: 3, 200: 5, 315: 7, 500: 10, 800: 14, 1250: 21, 2000: 21},
            "hoch": {80: 1, 125: 2, 200: 3, 315: 5, 500: 7, 800: 10, 1250: 14, 2000: 21}}
"""Acceptance numbers of ISO 2859-1, table 2-A, for AQL 1.0 and 0.65; ours may be stricter."""


@pytest.mark.parametrize(("lot", "size"), [(2, 2), (8, 2), (9, 3), (90, 13), (91, 20), (1200, 80), (1201, 125), (10_000, 200),
                                            (500_001, 1250)])
def test_sizes_of_normal_protection_are_those_of_level_two(lot: int, size: int) -> None:
    assert plan(lot, "normal").size == size


@pytest.mark.parametrize(("lot", "size"), [(2, 2), (8, 3), (90, 20), (1200, 125), (3200, 200), (500_001, 2000)])
def test_high_protection_looks_at_clearly_more(lot: int, size: int) -> None:
    assert plan(lot, "hoch").size == size


def test_the_highest_protection_looks_at_all_and_forgives_nothing() -> None:
    assert (plan(4711, "sehr hoch").size, plan(4711, "sehr hoch").accept) == (4711, 0)
    assert "Vollprüfung" in plan(4711, "sehr hoch").method


@pytest.mark.parametrize("protection", ["normal", "hoch"])
def test_acceptance_numbers_are_never_laxer_than_the_standard(protection: str) -> None:
    for size in SIZES.values():
        assert acceptance(size, AQL[protection]) <= STANDARD[protection].get(size, 0), size


def test_tables_fit_each_other() -> None:
    assert all(len(letters) == len(LOT_SIZES) + 1 for letters in LETTERS.values())
    assert set(LETTERS["normal"] + LETTERS["hoch"]) == set(SIZES)


def test_no_lot_and_no_protection_are_errors() -> None:
    with pytest.raises(ValueError, match="empty"):
        plan(0, "normal")
    with pytest.raises(KeyError):
        plan(100, "egal")


@settings(deadline=None)
@given(lot=st.integers(1, 2_000_000), protection=st.sampled_from(sorted(AQL)))
def test_a_plan_is_never_larger_than_its_lot_and_says_its_method(lot: int, protection: str) -> None:
    found = plan(lot, protection)
    assert 1 <= found.size <= lot and 0 <= found.accept < found.size
    assert str(found.size) in found.method or "alle" in found.method
    bigger = plan(lot + 1, protection)
    assert bigger.size >= found.size


def test_what_the_plan_promises_holds_in_a_simulation() -> None:
    """Lots at the AQL pass nearly always, lots with five times as many faults rarely: by drawing, not by the formula."""
    rng, found = random.Random(7), plan(2000, "normal")
    def accepted(share: float) -> float:
        faulty = set(range(round(2000 * share)))
        lots = [sum(one in faulty for one in rng.sample(range(2000), found.size)) <= found.accept for _ in range(400)]
        return sum(lots) / len(lots)
    assert accepted(0.01) >= 0.88
    assert accepted(0.07) <= 0.10
    assert passes(found.size, found.accept, 0.01) >= 0.9 > passes(found.size, found.accept, 0.05)


@given(count=st.integers(0, 60), size=st.integers(0, 80), seed=st.text(max_size=8))
def test_a_draw_is_by_chance_in_order_and_the_same_again(count: int, size: int, seed: str) -> None:
    documents = [f"d{number:03}" for number in range(count)]
    chosen = drawn(documents, size, seed)
    assert chosen == drawn(documents, size, seed)
    assert list(chosen) == sorted(set(chosen)) and len(chosen) == min(size, count)


def test_every_document_has_the_same_chance() -> None:
    hits = [0] * 10
    for seed in range(3000):
        for one in drawn([str(number) for number in range(10)], 3, str(seed)):
            hits[int(one)] += 1
    assert min(hits) > 780 and max(hits) < 1020
