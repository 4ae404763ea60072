"""One linear model a label, all solved at once: least squares with a penalty (ridge), by conjugate gradients. Pure.

Least squares on rows of length one ranks labels as well as a support vector machine does, needs a handful of passes over the
documents whatever the number of labels, and holds no more in memory than the documents and one block of labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from classifiers.features import Matrix

PENALTY = 0.1
PASSES = 8
BLOCK = 64
MOST = 12_000_000
"""Weights that a model keeps (the largest); stored in two to three bytes each."""

Floats = NDArray[np.float32]


def solve(rows: Matrix, wanted: NDArray[np.int64], labels: int, trust: Floats) -> tuple[Matrix, Floats]:
    """Weights (buckets x labels, sparse) and bias so that a row scores near 1 for its label and near -1 for others.

    `trust` of a row (about 1) divides its penalty: what is trusted less is fitted less.
    """
    blocks = []
    bias = np.zeros(labels, dtype=np.float32)
    share = max(1, MOST // max(1, labels))
    for start in range(0, labels, BLOCK):
        stop = min(labels, start + BLOCK)
        target = np.where(wanted[:, None] == np.arange(start, stop)[None, :], 1.0, -1.0).astype(np.float32)
        bias[start:stop] = (target * trust[:, None]).sum(axis=0) / trust.sum()
        blocks.append(_largest(rows.T @ _dual(rows, target - bias[start:stop], PENALTY / trust[:, None]), share))
    return sparse.hstack(blocks, format="csr"), bias


def _dual(rows: Matrix, target: Floats, penalty: Floats) -> Floats:
    """Weights of the documents: (rows rows' + penalty) x = target, column by column at once, `PASSES` steps."""
    back = rows.T
    found = np.zeros_like(target)
    rest = target.copy()
    way = rest.copy()
    size = (rest * rest).sum(axis=0)
    for _ in range(PASSES):
        image = rows @ (back @ way) + penalty * way
        step = size / np.maximum((way * image).sum(axis=0), 1e-12)
        found += step * way
        rest -= step * image
        left = (rest * rest).sum(axis=0)
        way = rest + left / np.maximum(size, 1e-12) * way
        size = left
    return found


def _largest(weights: Floats, each: int) -> Matrix:
    """The weights as a sparse matrix with on average the `each` largest of a column kept."""
    most = each * weights.shape[1]
    values = np.abs(weights).ravel()
    if np.count_nonzero(values) > most:
        limit = np.partition(values, len(values) - most)[len(values) - most]
        weights[np.abs(weights) < limit] = 0
    return sparse.csr_matrix(weights)
