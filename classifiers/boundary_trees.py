"""Scores of a gap from plain arrays: boosted trees and a linear model side by side, their log-odds averaged.

Trees find the combinations, the line keeps them from trusting what only a few documents show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
_ARRAYS = ("feature", "threshold", "left", "right", "value", "mean", "spread", "weights")
CLIP = 6.0
"""Standard deviations beyond which a feature says no more."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Log-odds from features. Trees as padded arrays [tree, node]; a leaf points at itself and holds its value."""

    feature: NDArray[np.int32]
    threshold: Vector
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Vector
    depth: int
    base: float
    mean: Vector
    spread: Vector
    weights: Vector
    bias: float

    def __call__(self, rows: Vector) -> Vector:
        """Log-odds of each row of features."""
        if not len(rows):
            return np.zeros(0)
        return np.asarray((self.trees(rows) + self.shares(rows).sum(axis=1) + self.bias) / 2.0)

    def trees(self, rows: Vector) -> Vector:
        """Log-odds of the trees alone."""
        at = np.zeros((len(rows), len(self.feature)), dtype=np.int64)
        tree, row = np.arange(len(self.feature))[None, :], np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            below = rows[row, self.feature[tree, at]] <= self.threshold[tree, at]
            at = np.where(below, self.left[tree, at], self.right[tree, at])
        return np.asarray(self.base + self.value[tree, at].sum(axis=1))

    def shares(self, rows: Vector) -> Vector:
        """What each feature adds to the log-odds of the linear model (for the reasons given to people)."""
        return np.asarray(np.clip((rows - self.mean) / self.spread, -CLIP, CLIP) * self.weights)

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """The arrays to store, their names beginning with `prefix`."""
        return {f"{prefix}.{name}": getattr(self, name) for name in _ARRAYS} | {
            f"{prefix}.scalars": np.array([self.depth, self.base, self.bias])}


def restore(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Scorer:
    """The scorer stored by `Scorer.arrays`; raises KeyError where an array is missing."""
    depth, base, bias = arrays[f"{prefix}.scalars"].tolist()
    named = {name: arrays[f"{prefix}.{name}"] for name in _ARRAYS}
    return Scorer(**named, depth=int(depth), base=base, bias=bias)
