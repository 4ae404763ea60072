"""Scores of a gap from plain arrays: boosted trees and a linear model side by side, their log-odds averaged.

Trees find the combinations, the line keeps them from trusting what only a few documents show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

Vector = NDArray[np.float64]
ROUNDS, LEAVES, RATE, SHRINK = 80, 8, 0.1, 10.0
"""Few, small trees: larger ones fitted the years they had seen (train until 2016, looked at 2017)."""
LINE = 0.01
"""Inverse strength of the linear model's regularisation."""
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


def fit(rows: Vector, targets: NDArray[np.int64], seed: int) -> Scorer:
    """Learn from rows of features and 0/1 targets."""
    boosted = HistGradientBoostingClassifier(
        max_iter=ROUNDS, learning_rate=RATE, max_leaf_nodes=LEAVES, l2_regularization=SHRINK, min_samples_leaf=40,
        max_features=0.3, random_state=seed, early_stopping=False).fit(rows, targets)
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    line = LogisticRegression(C=LINE, max_iter=500).fit(np.clip((rows - mean) / spread, -CLIP, CLIP), targets)
    trees = [stage[0].nodes for stage in boosted._predictors]
    size = max(len(nodes) for nodes in trees)
    shape = (len(trees), size)
    feature, left, right = (np.zeros(shape, dtype=np.int32) for _ in range(3))
    threshold, value = np.zeros(shape), np.zeros(shape)
    for at, nodes in enumerate(trees):
        count, leaf = len(nodes), nodes["is_leaf"].astype(bool)
        itself = np.arange(count)
        feature[at, :count] = np.where(leaf, 0, nodes["feature_idx"])
        threshold[at, :count] = np.where(leaf, 0.0, nodes["num_threshold"])
        left[at, :count], right[at, :count] = np.where(leaf, itself, nodes["left"]), np.where(leaf, itself, nodes["right"])
        value[at, :count] = np.where(leaf, nodes["value"], 0.0)
    depth = max(int(nodes["depth"].max()) for nodes in trees)
    return Scorer(feature, threshold, left, right, value, depth, float(np.ravel(boosted._baseline_prediction)[0]),
                  mean, spread, line.coef_[0], float(line.intercept_[0]))
