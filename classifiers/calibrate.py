"""From scores to probabilities that hold on documents the model has not seen. Pure.

The first label's probability is a logistic curve of what can be seen of a ranking (how high the first score is, how far the
second, how many decisions the label rests on), fitted on decisions that came later than what the model had learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

TEMPERATURE = 0.25
ENOUGH = 60
"""Unseen decisions from which a curve of one's own is fitted."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """`weights` of the signs of a ranking and `offset`; `unknown`: share of the wrong ones that belonged to no known label."""

    weights: tuple[float, ...] = (1.2, 0.25, 1.0, 0.1)
    offset: float = -0.6
    unknown: float = 0.2
    measured_on: int = 0

    def first(self, scores: Floats, counts: Floats) -> Floats:
        """The probability that the highest score of each row is right."""
        values = signs(scores, counts) @ np.asarray(self.weights) + self.offset
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -30, 30))))

    def all(self, scores: Floats, counts: Floats) -> tuple[Floats, Floats]:
        """Probabilities of all labels (rows sum to at most 1) and of none of them."""
        top = scores.argmax(axis=1)
        line = np.arange(len(scores))
        sure = self.first(scores, counts)
        others = softmax(scores)
        others[line, top] = 0.0
        left = 1.0 - sure
        spread = others.sum(axis=1, keepdims=True)
        unknown = np.where(spread.ravel() > 0, left * self.unknown, left)
        found = others / np.maximum(spread, 1e-12) * (left - unknown)[:, None]
        # the first stays the first: where it is less likely than the second, they share
        found = np.minimum(found, sure[:, None])
        found[line, top] = sure
        return found, np.maximum(0.0, 1.0 - found.sum(axis=1))

    def as_meta(self) -> dict[str, object]:
        """The curve as JSON."""
        return {"weights": list(self.weights), "offset": self.offset, "unknown": self.unknown, "measured_on": self.measured_on}

    @classmethod
    def from_meta(cls, meta: Mapping[str, object]) -> Curve:
        """The curve that `as_meta` gave."""
        weights = meta["weights"]
        assert isinstance(weights, Sequence)
        return cls(tuple(float(one) for one in weights), float(str(meta["offset"])), float(str(meta["unknown"])),
                   int(str(meta["measured_on"])))


def softmax(scores: Floats) -> Floats:
    """Scores as shares of 1 at `TEMPERATURE`; what is left of 1 belongs to a label nobody knows (score -1)."""
    highest = np.maximum(scores.max(axis=1, keepdims=True), -1.0)
    powers = np.exp((scores - highest) / TEMPERATURE)
    return np.asarray(powers / (powers.sum(axis=1, keepdims=True) + np.exp((-1.0 - highest) / TEMPERATURE)))


def signs(scores: Floats, counts: Floats) -> Floats:
    """What a ranking shows: log-odds of the first's share, its score, its lead, and how many decisions its label rests on."""
    top = scores.argmax(axis=1)
    line = np.arange(len(scores))
    share = np.clip(softmax(scores)[line, top], 1e-6, 1 - 1e-6)
    first = scores[line, top]
    second = np.partition(scores, -2, axis=1)[:, -2] if scores.shape[1] > 1 else np.full(len(scores), -1.0)
    return np.stack([np.log(share / (1 - share)) / 3, first, first - second, np.log1p(counts[top]) / 3], axis=1)


def fit(scores: Floats, counts: Floats, right: Sequence[int]) -> Curve:
    """The curve for these rankings; `right` is the column of the right label, -1 when the model could not know it.

    With fewer than `ENOUGH` rankings, or all right or all wrong, the default curve.
    """
    truth = np.asarray(right)
    if len(truth) < ENOUGH:
        return Curve()
    correct = scores.argmax(axis=1) == truth
    if correct.all() or not correct.any():
        return Curve()
    machine = LogisticRegression(C=1.0, max_iter=500).fit(signs(scores, counts), correct)
    wrong = int((~correct).sum())
    unknown = (float((truth < 0).sum()) + 0.5) / (wrong + 1.0)
    return Curve(tuple(float(one) for one in machine.coef_[0]), float(machine.intercept_[0]), min(0.9, unknown), len(truth))
