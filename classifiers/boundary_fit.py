"""How the scores of a gap are learnt (boundary_trees.py); a file of its own, as who only asks them needs none of this.

Importing scikit-learn costs a worker two seconds of CPU and 80 MB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from classifiers.boundary_trees import CLIP, Scorer, Vector

ROUNDS, LEAVES, RATE, SHRINK = 80, 8, 0.1, 10.0
"""Few, small trees: larger ones fitted the years they had seen (train until 2016, looked at 2017)."""
LINE = 0.01
"""Inverse strength of the linear model's regularisation."""


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
