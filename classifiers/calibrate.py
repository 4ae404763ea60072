"""From scores to probabilities that hold on documents the model has not seen. Pure.

The first label's probability is a logistic curve of what can be seen of a ranking (how far the second score is behind the
first, how many decisions the label rests on), fitted on decisions that came later than what the model had learnt from.
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

    weights: tuple[float, ...] = (2.0, 0.6, 1.6)
    offset: float = -2.2
    unknown: float = 0.2
    measured_on: int = 0

    def first(self, scores: Floats, counts: Floats) -> Floats:
        """The probability that the highest score of each row is right."""
        return self.of(signs(scores, counts))

    def of(self, shown: Floats) -> Floats:
        """The probability for rankings that showed these `signs`."""
        values = shown @ np.asarray(self.weights) + self.offset
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
        found = np.minimum(found, 0.999 * sure[:, None])  # the first stays the first
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
    """What a ranking shows: the lead of the first (over the second, or over a label nobody knows), its root, and how many
    decisions the first label rests on (logarithm)."""
    top = scores.argmax(axis=1)
    first = scores[np.arange(len(scores)), top]
    second = np.partition(scores, -2, axis=1)[:, -2] if scores.shape[1] > 1 else np.full(len(scores), -1.0)
    lead = np.maximum(0.0, first - np.maximum(second, -1.0))
    return np.stack([lead, np.log1p(counts[top]) / 3, np.sqrt(lead)], axis=1)


def fit(shown: Floats, correct: NDArray[np.bool_], known: NDArray[np.bool_]) -> Curve:
    """The curve for rankings that showed these `signs`: `correct` where the first label was right, `known` where the right label
    could be known at all.

    With fewer than `ENOUGH` rankings, or all right or all wrong, the default curve.
    """
    if len(correct) < ENOUGH or correct.all() or not correct.any():
        return Curve(measured_on=0)
    machine = LogisticRegression(C=1.0, max_iter=1000).fit(shown, correct)
    unknown = (float((~known).sum()) + 0.5) / (float((~correct).sum()) + 1.0)
    return Curve(tuple(float(one) for one in machine.coef_[0]), float(machine.intercept_[0]), min(0.9, unknown), len(correct))
