"""The error budget: the bounds are bounds at any time, thresholds are corrected, and simulated towns keep the budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import Tables, drifts, simulate

from intake.budget import (
    ALPHA,
    LEAST_AUDIT,
    STEPS,
    Tally,
    audit_share,
    evidence_below,
    is_audited,
    missing,
    must_stop,
    scope_of,
    standing,
    thresholds,
    upper_bound,
)

BUDGETS = (0.01, 0.02, 0.05)
budgets = st.sampled_from(BUDGETS)


@pytest.mark.parametrize(("budget", "needed"), [(0.05, 70), (0.02, 178), (0.01, 357)])
def test_what_a_proof_without_errors_costs(budget: float, needed: int) -> None:
    """A little more than the fixed-sample bound ln(20)/budget (59, 149, 299): the price of looking at any time."""
    assert missing(Tally(), budget) == needed
    assert float(upper_bound(needed, 0)) <= budget < float(upper_bound(needed - 1, 0))


@given(st.integers(0, 2000), st.integers(0, 40), budgets)
def test_the_bound_and_the_evidence_say_the_same(reviewed: int, wrong: int, budget: float) -> None:
    wrong = min(wrong, reviewed)
    bound = float(upper_bound(reviewed, wrong))
    assert 0 < bound <= 1 and bound >= wrong / max(reviewed, 1)
    proven = bool(evidence_below(reviewed, wrong, budget) >= -np.log(ALPHA))
    assert proven == (missing(Tally(reviewed, wrong), budget) == 0)
    if abs(bound - budget) > 1e-6:
        assert proven == (bound < budget)


@given(st.integers(1, 800), st.integers(0, 20))
def test_one_more_error_never_helps_one_more_right_always(reviewed: int, wrong: int) -> None:
    wrong = min(wrong, reviewed - 1)
    here = float(upper_bound(reviewed, wrong))
    assert float(upper_bound(reviewed, wrong + 1)) >= here >= float(upper_bound(reviewed + 1, wrong))


@pytest.mark.parametrize("rates", ["just above", "drifting", "alternating"])
@pytest.mark.parametrize("budget", [0.02, 0.05])
def test_who_is_above_the_budget_is_let_in_at_most_one_time_in_twenty_however_often_one_looks(budget: float, rates: str) -> None:
    """2,000 towns are asked after every document. The mean of the conditional rates never falls below the budget."""
    rng, towns, length = np.random.default_rng(7), 2000, 1200
    steps = np.arange(length)[:, None]
    rate = {"just above": np.full((length, 1), budget), "drifting": budget * (1.5 - steps / length),
            "alternating": np.where(steps % 2 == 0, 2 * budget, 0.0)}[rates]
    wrong = np.cumsum(rng.random((length, towns)) < rate, axis=0)
    ever = (evidence_below(steps + 1, wrong, budget) >= -np.log(ALPHA)).any(axis=0).mean()
    assert ever <= ALPHA + 2 * np.sqrt(ALPHA * 0.95 / towns)


@pytest.mark.parametrize("budget", [0.02, 0.05])
def test_who_keeps_the_budget_is_stopped_at_most_one_time_in_twenty(budget: float) -> None:
    rng, towns, length = np.random.default_rng(8), 300, 600
    audited = np.cumsum(rng.random((length, towns)) < budget, axis=0)
    filed = np.cumsum(rng.random((length, towns)) < budget, axis=0)
    stopped = [any(must_stop(Tally(at + 1, int(audited[at, town])), Tally(at + 1, int(filed[at, town])), budget)
                   for at in range(0, length, 20)) for town in range(towns)]
    assert np.mean(stopped) <= ALPHA + 2 * np.sqrt(ALPHA * 0.95 / towns)


def test_four_times_the_budget_is_stopped_soon() -> None:
    assert not must_stop(Tally(50, 1), Tally(0, 0), 0.02)
    assert must_stop(Tally(150, 12), Tally(0, 0), 0.02)
    assert must_stop(Tally(0, 0), Tally(150, 12), 0.02)  # also by what was taken back alone
    assert not must_stop(Tally(), Tally(), 0.02)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 8)), min_size=5, max_size=5), budgets, st.integers(0, 5000))
def test_what_is_earned_is_proven_and_the_towns_use_the_same_rule(rows: list[tuple[int, int]], budget: float, seen: int) -> None:
    reviewed = np.cumsum([row[0] for row in rows])
    wrong = np.minimum(np.cumsum([row[1] for row in rows]), reviewed)
    reviewed = np.minimum(reviewed, 1000)
    wrong = np.minimum(wrong, reviewed)
    found = standing([Tally(int(n), int(k)) for n, k in zip(reviewed, wrong, strict=True)], budget, seen)
    earned, share = TABLES[budget].standing(reviewed[None, :], wrong[None, :], np.array([seen]), budget)
    if found.threshold is None:
        assert earned[0] == -1 and found.missing > 0 and found.audit == share[0] == 1.0
    else:
        assert thresholds(budget)[earned[0]] == found.threshold and found.bound <= budget
        assert found.missing == 0 and found.audit == pytest.approx(share[0])


TABLES = {budget: Tables.of(budget) for budget in BUDGETS}


def test_many_thresholds_are_paid_for() -> None:
    """One threshold alone would be earned with 178; five share the risk, and a strict one passes its share on."""
    none = [Tally()] * len(STEPS)
    assert standing(none, 0.02).missing == 267
    assert standing([Tally(178, 0)] * len(STEPS), 0.02).threshold is None
    assert standing([Tally(267, 0)] * len(STEPS), 0.02).threshold == thresholds(0.02)[-1]
    dirty = [Tally(400, 0), *[Tally(500, 60)] * 4]
    assert standing(dirty, 0.02).threshold == thresholds(0.02)[0]
    assert thresholds(0.02) == (0.99, 0.98, 0.96, 0.9, 0.8)


def test_the_audit_begins_with_everything_and_never_ends() -> None:
    assert audit_share(1.0, 0.02) == audit_share(0.02, 0.02, 10**9) == audit_share(0.001, 0.02, 0) == 1.0
    assert audit_share(0.001, 0.02, 10**9) == LEAST_AUDIT == 0.03
    shares = [audit_share(bound, 0.02, 10**9) for bound in (0.02, 0.015, 0.01, 0.005)]
    assert shares == sorted(shares, reverse=True)


def test_who_is_audited_is_drawn_evenly_and_once() -> None:
    drawn = [is_audited(f"doc{number}", 0.1) for number in range(5000)]
    assert 0.085 < np.mean(drawn) < 0.115 and drawn == [is_audited(f"doc{number}", 0.1) for number in range(5000)]
    assert all(is_audited(f"doc{number}", 1.0) for number in range(100))
    assert all(is_audited(f"doc{number}", 0.5) for number in range(5000) if drawn[number])  # a larger share keeps the drawn


def test_a_scope_needs_numbers_of_its_own() -> None:
    assert scope_of(("branch:6", "kind:Rechnung"), {"branch:6": 100, "kind:Rechnung": 600}, 0.02) == "kind:Rechnung"
    assert scope_of(("branch:6", "kind:Rechnung"), {"branch:6": 600, "kind:Rechnung": 600}, 0.02) == "branch:6"
    assert scope_of(("branch:6",), {"branch:6": 500}, 0.02) == "" == scope_of((), {}, 0.02)


def _check(towns: int, days: int, a_day: int, kinds: tuple[str, ...]) -> None:
    for budget in (0.02, 0.05):
        for kind in kinds:
            result = simulate(towns, days, a_day, budget, drifts(kind, towns, days))
            margin = 2 * np.sqrt(ALPHA * 0.95 / towns)
            truly = np.mean((result.filed >= 50) & (result.expected > budget * result.filed))
            assert truly <= ALPHA + margin, (budget, kind)
            assert result.wrong.sum() <= budget * result.filed.sum(), (budget, kind)
            assert result.filed.sum() > 0


def test_a_hundred_towns_keep_the_budget_while_the_world_changes() -> None:
    _check(100, 80, 40, ("mixed",))


@pytest.mark.timeout(3600)
@pytest.mark.long
def test_a_thousand_towns_keep_the_budget_while_the_world_changes() -> None:
    """Also realised (with the luck of few filings), where each town drifts in its own way."""
    _check(1000, 300, 30, ("none", "bias", "ramp", "season", "jump", "mixed"))
    for budget in (0.02, 0.05):
        assert simulate(1000, 300, 30, budget, drifts("mixed", 1000, 300)).over(budget) <= ALPHA
