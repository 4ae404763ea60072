"""The error budget: how often may the machine be wrong, and is that proven? Pure functions of numbers, for auditors to read.

All evidence is *prequential*: a proposal is written down when it is made, with its probability, and compared later with
what a clerk decided without seeing it (the blind audit). Nothing here asks a model whether it is good.

- On: the error rate of proposals at or above a threshold has an upper confidence bound of 95 % that is not above the
  budget. The bound is exact (no normal approximation) and holds at every moment, however often one looks and although the
  error rate drifts: it is for the running mean of the conditional error rates (betting on Bernoulli trials, a mixture of
  likelihood ratios; Waudby-Smith and Ramdas 2024, Howard et al. 2021). A Clopper-Pearson bound would hold for one look.
- Several thresholds are tried, from the strictest to the laxest; each gets its share of the 5 %, and what a threshold has
  proven passes its share on to the next (fallback procedure, Wiens 2003). So the chance that *any* of them is wrongly
  allowed stays below 5 % (Learn then Test, Angelopoulos et al. 2021).
- Audit: everything is looked at blindly until the bound is earned, then a share that falls with the bound, never below 3 %.
- Off: the opposite bet, on the same footing, proves with 95 % that the error rate is above the budget.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.05
"""Risk of each of the two proofs: that the bound is wrong, that the switch-off is."""
LEAST_AUDIT = 0.03
WINDOW = 1000
"""So many of the newest blindly decided documents count; older ones say little about the model of today."""
STEPS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Thresholds that are tried: 1 - step x budget, from the strictest. A calibrated model keeps the budget at step 1 with every
single document, at 2 to 10 on average."""
BETTER = (0.0, 0.125, 0.25, 0.5)
"""Bets that the error rate is below a rate: on so many times that rate. Equal shares."""
WORSE = (1.5, 2.0, 4.0, 8.0)
"""Bets that it is above."""
NOTICED = 10.0
"""About so many more errors lift the bound of a full window above the budget."""
NUMBERS_OF_ITS_OWN = 2.0
"""A branch or kind is judged alone once it has this many times the documents that a proof without any error needs."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tally:
    """Documents decided blindly and how many of their proposals were wrong."""

    reviewed: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a scope has come. `threshold`: least probability that may be filed without a person, None = not earned.

    `bound`: upper 95 % bound of the error rate at that threshold (at the most promising one while not earned), `missing`:
    blind decisions without an error that are still needed there, `audit`: share of what could be filed that is looked at.
    """

    threshold: float | None
    bound: float
    tally: Tally
    missing: int
    audit: float


def thresholds(budget: float) -> tuple[float, ...]:
    """The probabilities tried as thresholds, from the strictest to the laxest."""
    return tuple(round(1.0 - step * budget, 6) for step in STEPS)


def evidence_below(reviewed: Any, wrong: Any, rate: Any) -> Numbers:
    """Logarithm of the evidence that the mean error rate is below `rate` (arrays allowed): the gain of betting on it.

    At least log(1/a) at any time happens with a chance of at most `a` when it is not, whatever the order and drift.
    """
    wrong, rate = np.asarray(wrong, float), np.asarray(rate, float)
    right = np.asarray(reviewed, float) - wrong
    bets = [wrong * np.log(max(part, 1e-300)) + right * (np.log1p(-part * rate) - np.log1p(-rate)) for part in BETTER]
    return np.asarray(np.logaddexp.reduce(bets, axis=0) - np.log(len(BETTER)))


def evidence_above(reviewed: Any, wrong: Any, rate: float) -> Numbers:
    """Logarithm of the evidence that the mean error rate is above `rate`, in the same sense."""
    wrong = np.asarray(wrong, float)
    right = np.asarray(reviewed, float) - wrong
    bets = [wrong * np.log(part) + right * (np.log1p(-part * rate) - np.log1p(-rate)) for part in WORSE if part * rate < 1]
    return np.asarray(np.logaddexp.reduce(bets, axis=0) - np.log(len(bets)))


def upper_bound(reviewed: Any, wrong: Any, alpha: float = ALPHA) -> Numbers:
    """The rate above which the error rate lies with a chance of at most `alpha`; 1 where nothing is known (arrays allowed)."""
    low = np.zeros(np.broadcast(np.asarray(reviewed), np.asarray(wrong)).shape)
    high = np.ones_like(low)
    for _ in range(30):
        middle = (low + high) / 2
        proven = evidence_below(reviewed, wrong, np.minimum(middle, 1 - 1e-12)) >= -np.log(alpha)
        high, low = np.where(proven, middle, high), np.where(proven, low, middle)
    return high


def missing(tally: Tally, budget: float, alpha: float = ALPHA) -> int:
    """How many more blind decisions, all without an error, prove the budget; 0 when it is proven."""
    low, high = 0, 1
    while not _proven(Tally(tally.reviewed + high, tally.wrong), budget, alpha):
        low, high = high, high * 2
    if _proven(tally, budget, alpha):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        if _proven(Tally(tally.reviewed + middle, tally.wrong), budget, alpha):
            high = middle
        else:
            low = middle
    return high


def _proven(tally: Tally, budget: float, alpha: float) -> bool:
    return bool(evidence_below(tally.reviewed, tally.wrong, budget) >= -np.log(alpha))


def standing(tallies: Sequence[Tally], budget: float, seen: int = 0, alpha: float = ALPHA) -> Standing:
    """What is earned. `tallies`: for each of `thresholds(budget)` the documents at or above it; `seen` as in `audit_share`."""
    earned, shares = _fallback(tallies, budget, alpha)
    limits = thresholds(budget)
    if earned is not None:
        bound = float(upper_bound(tallies[earned].reviewed, tallies[earned].wrong, alpha))
        return Standing(limits[earned], bound, tallies[earned], 0, audit_share(bound, budget, seen))
    needed = [missing(tally, budget, share) for tally, share in zip(tallies, shares, strict=True)]
    best = min(range(len(needed)), key=lambda at: (needed[at], at))
    bound = float(upper_bound(tallies[best].reviewed, tallies[best].wrong, alpha))
    return Standing(None, bound, tallies[best], needed[best], 1.0)


def _fallback(tallies: Sequence[Tally], budget: float, alpha: float) -> tuple[int | None, list[float]]:
    """The laxest threshold that is proven (its place, or None), and the risk each was tested with."""
    earned, shares, carried = None, [], 0.0
    for place, tally in enumerate(tallies):
        share = alpha / len(tallies) + carried
        shares.append(share)
        carried = share if _proven(tally, budget, share) else 0.0
        if carried:
            earned = place
    return earned, shares


def audit_share(bound: float, budget: float, seen: int = 0) -> float:
    """Share of what may be filed without a person that a clerk decides blindly all the same; 1 at first, never under 3 %.

    Two reasons hold it up. A bound that only just keeps the budget (it falls with the third power of the bound). And what
    could go wrong unseen if the model broke tomorrow: until so many as `NOTICED` errors are seen in the audit, a share of
    1 - share over share times as many are filed, and that must fit into what the budget allows for the `seen` documents that
    were, or but for the audit would have been, filed so far.
    """
    return float(min(1.0, max(LEAST_AUDIT, (bound / budget) ** 3, NOTICED / (NOTICED + budget * seen))))


def is_audited(document: str, share: float) -> bool:
    """Is this document drawn for the blind audit? By a hash of its id: a repeat draws the same, nobody can foresee it."""
    drawn = int.from_bytes(hashlib.sha256(f"audit:{document}".encode()).digest()[:8], "big") / 2.0**64
    return drawn < share


def must_stop(audited: Tally, filed: Tally, budget: float, alpha: float = ALPHA) -> bool:
    """Off: is it proven that more than the budget is filed wrongly?

    `audited`: what would have been filed without a person and was decided blindly instead. `filed`: everything that was
    filed, and as wrong what somebody corrected or took back since (a lower limit of its errors). Half the stake each.
    """
    both = np.logaddexp(evidence_above(audited.reviewed, audited.wrong, budget),
                        evidence_above(filed.reviewed, filed.wrong, budget)) - np.log(2)
    return bool(both >= -np.log(alpha))


def scope_of(keys: Sequence[str], counts: Mapping[str, int], budget: float) -> str:
    """Which numbers a document is judged by: the first of its keys (branch, kind) with numbers of its own, else "" (all the
    others together). Only how many there are matters, never how right they were, so that nobody picks the lucky ones."""
    enough = NUMBERS_OF_ITS_OWN * missing(Tally(), budget, ALPHA / len(STEPS))
    return next((key for key in keys if counts.get(key, 0) >= enough), "")
