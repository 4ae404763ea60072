"""Simulated towns: a stream of documents with stated probabilities and true error rates that drift, under the real rules of
`intake.budget`. All towns at once (numpy): nothing of the rules is written anew but the table look-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intake.budget import ALPHA, LEAST_AUDIT, NOTICED, STEPS, WINDOW, evidence_above, evidence_below, thresholds, upper_bound

MOST_WRONG = 80
"""More errors in a window prove nothing for any budget."""


@dataclass(frozen=True)
class Result:
    """For each town: filed without a person, wrong among them, their expected errors, decided blindly, all documents."""

    filed: NDArray[np.int64]
    wrong: NDArray[np.int64]
    expected: NDArray[np.float64]
    audited: NDArray[np.int64]
    stops: NDArray[np.int64]
    documents: int

    def over(self, budget: float, least: int = 50) -> float:
        """Share of towns whose filings without a person were wrong more often than the budget (`least`: fewer say nothing)."""
        return float(np.mean((self.filed >= least) & (self.wrong > budget * np.maximum(self.filed, 1))))

    @property
    def coverage(self) -> float:
        return float(np.mean(self.filed) / self.documents)


@dataclass(frozen=True)
class Tables:
    """log evidence and bound for every (reviewed, wrong) of a window."""

    evidence: NDArray[np.float64]
    bound: NDArray[np.float64]

    @classmethod
    def of(cls, budget: float) -> Tables:
        reviewed, wrong = np.meshgrid(np.arange(WINDOW + 1), np.arange(MOST_WRONG + 1), indexing="ij")
        possible = wrong <= reviewed
        evidence = np.where(possible, evidence_below(reviewed, np.minimum(wrong, reviewed), budget), -np.inf)
        bound = np.where(possible, upper_bound(reviewed, np.minimum(wrong, reviewed)), 1.0)
        evidence[:, -1], bound[:, -1] = -np.inf, 1.0
        return cls(evidence, bound)

    def standing(self, reviewed: NDArray[np.int64], wrong: NDArray[np.int64], seen: NDArray[np.int64],
                 budget: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(place of the laxest earned threshold or -1, audit share) a town, from towns x thresholds counts."""
        capped = np.minimum(wrong, MOST_WRONG)
        earned = np.full(len(reviewed), -1)
        carried = np.zeros(len(reviewed))
        for place in range(len(STEPS)):
            share = ALPHA / len(STEPS) + carried
            proven = self.evidence[reviewed[:, place], capped[:, place]] >= -np.log(share)
            earned[proven] = place
            carried = np.where(proven, share, 0.0)
        towns, at = np.arange(len(reviewed)), np.maximum(earned, 0)
        bound = np.where(earned >= 0, self.bound[reviewed[towns, at], capped[towns, at]], 1.0)
        audit = np.minimum(1.0, np.maximum(np.maximum((bound / budget) ** 3, LEAST_AUDIT), NOTICED / (NOTICED + budget * seen)))
        return earned, np.where(earned >= 0, audit, 1.0)


def simulate(towns: int, days: int, a_day: int, budget: float, drift: NDArray[np.float64], seed: int = 0) -> Result:
    """`drift`: days x towns, by what the true error rate is the stated one multiplied (1 = calibrated)."""
    rng = np.random.default_rng(seed)
    tables, limits = Tables.of(budget), np.array(thresholds(budget))
    sure = rng.beta(2.0, 5.0, towns)  # how much of the stream is easy differs from town to town
    ring = np.full((WINDOW, towns), -1, dtype=np.int8)  # place of the threshold, + 16 when wrong
    at = np.zeros(towns, dtype=np.int64)
    counts, errors = (np.zeros((towns, len(STEPS)), dtype=np.int64) for _ in range(2))
    audited, audited_wrong, run, run_wrong, filed, wrong, blind, stops = (np.zeros(towns, dtype=np.int64) for _ in range(8))
    expected = np.zeros(towns)
    everyone = np.arange(towns)
    for day in range(days):
        earned, share = tables.standing(np.cumsum(counts, axis=1), np.cumsum(errors, axis=1), audited + run, budget)
        for _ in range(a_day):
            doubt = np.where(rng.random(towns) < 0.3 + sure, rng.exponential(0.02, towns), rng.uniform(0, 1, towns))
            place = np.searchsorted(-limits, -(1 - doubt), side="left")  # strictest threshold that is reached
            rate = np.minimum(1.0, doubt * drift[day])
            bad = rng.random(towns) < rate
            region, drawn = place < len(STEPS), rng.random(towns) < share
            would = region & (place <= earned)
            looked, goes = region & drawn, would & ~drawn
            filed += goes
            wrong += goes & bad
            expected += goes * rate
            blind += looked
            run, run_wrong = run + goes, run_wrong + (goes & bad & (rng.random(towns) < 0.2))  # a fifth is noticed
            audited, audited_wrong = audited + (looked & would), audited_wrong + (looked & would & bad)
            _push(ring, at, counts, errors, everyone[looked], place[looked], bad[looked])
        over = np.logaddexp(evidence_above(audited, audited_wrong, budget),
                            evidence_above(run, run_wrong, budget)) - np.log(2) >= -np.log(ALPHA)
        stops += over
        for array in (audited, audited_wrong, run, run_wrong, at):
            array[over] = 0
        counts[over], errors[over], ring[:, over] = 0, 0, -1
    return Result(filed, wrong, expected, blind, stops, days * a_day)


def _push(ring: NDArray[np.int8], at: NDArray[np.int64], counts: NDArray[np.int64], errors: NDArray[np.int64],
          towns: NDArray[np.int64], place: NDArray[np.int64], bad: NDArray[np.bool_]) -> None:
    """The newest blind decision in, the oldest of a full window out."""
    slot = at[towns] % len(ring)
    old = ring[slot, towns]
    gone = old >= 0
    counts[towns[gone], old[gone] % 16] -= 1
    errors[towns[gone], old[gone] % 16] -= old[gone] >= 16
    ring[slot, towns] = place + 16 * bad
    counts[towns, place] += 1
    errors[towns, place] += bad
    at[towns] += 1


def drifts(kind: str, towns: int, days: int, seed: int = 1) -> NDArray[np.float64]:
    """How the true error rate leaves the stated one: none, bias (each town its own), jump, ramp, season, mixed."""
    rng = np.random.default_rng(seed)
    day = np.arange(days)[:, None]
    bias = np.exp(rng.normal(0, 0.5, towns))[None, :]
    start, factor = rng.uniform(0.2, 0.9, towns)[None, :] * days, rng.uniform(2, 10, towns)[None, :]
    made = {
        "none": np.ones((days, towns)), "bias": np.broadcast_to(bias, (days, towns)),
        "jump": np.where(day < start, 1.0, factor), "ramp": 1 + (factor - 1) * np.clip((day - start) / 200, 0, 1),
        "season": 1 + factor / 2 * np.maximum(0, np.sin(day / 60 + start)),
    }
    if kind == "mixed":
        which = rng.integers(0, len(made), towns)
        return np.asarray(np.select([which == at for at in range(len(made))], [bias * one for one in made.values()]))
    return np.array(made[kind])
