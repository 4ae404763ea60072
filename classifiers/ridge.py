"""One linear model a label, all solved at once: least squares with a penalty, by eased conjugate gradients. Pure.

Least squares on rows of length one ranks labels as well as a support vector machine does, needs a handful of passes over the
documents whatever the number of labels, and holds no more in memory than the documents and one block of labels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from classifiers.features import Matrix

PENALTY = 0.1
PASSES = 6
STRONG = 60
"""Directions in which documents differ most; taken care of beforehand, or the steps would need three times as many passes."""
BLOCK = 64
MOST = 12_000_000
"""Weights that a model keeps (the largest); stored in two to three bytes each."""

Floats = NDArray[np.float32]
Apply = Callable[[Floats], Floats]


def solve(rows: Matrix, wanted: NDArray[np.int64], labels: int, trust: Floats) -> tuple[Matrix, Floats]:
    """Weights (buckets x labels, sparse) and bias so that a row scores near 1 for its label and near -1 for others.

    `trust` of a row (about 1) divides its penalty: what is trusted less is fitted less.
    """
    buckets = rows.shape[1]
    used = np.flatnonzero(np.bincount(rows.indices, minlength=buckets))
    place = np.zeros(buckets, dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    rows = sparse.csr_matrix((rows.data, place[rows.indices], rows.indptr), shape=(rows.shape[0], len(used)))
    penalty = (PENALTY / trust)[:, None].astype(np.float32)
    eased = _eased(rows)
    middle = np.asarray(rows.mean(axis=0), dtype=np.float32).ravel()
    blocks = []
    bias = np.zeros(labels, dtype=np.float32)
    share = max(1, MOST // max(1, labels))
    for start in range(0, labels, BLOCK):
        stop = min(labels, start + BLOCK)
        target = np.where(wanted[:, None] == np.arange(start, stop)[None, :], 1.0, -1.0).astype(np.float32)
        weights = np.asarray(rows.T @ _dual(rows, _centred(target), penalty, eased))
        bias[start:stop] = target.mean(axis=0) - middle @ weights
        blocks.append(_largest(weights, share))
    slim = sparse.hstack(blocks, format="csr")
    starts = np.zeros(buckets + 1, dtype=slim.indptr.dtype)
    starts[used + 1] = np.diff(slim.indptr)
    return sparse.csr_matrix((slim.data, slim.indices, np.cumsum(starts)), shape=(buckets, labels)), bias


def _dual(rows: Matrix, target: Floats, penalty: Floats, eased: Apply) -> Floats:
    """Weights of the documents: (rows rows' + penalty) x = target, all columns at once, by `PASSES` conjugate gradient steps."""
    found = np.zeros_like(target)
    rest = target.copy()
    lighter = eased(rest)
    way = lighter.copy()
    size = (rest * lighter).sum(axis=0)
    for _ in range(PASSES):
        image = _centred(rows @ (rows.T @ way)) + penalty * way
        step = size / np.maximum((way * image).sum(axis=0), 1e-12)
        found += step * way
        rest -= step * image
        lighter = eased(rest)
        left = (rest * lighter).sum(axis=0)
        way = lighter + left / np.maximum(size, 1e-12) * way
        size = left
    return found


def _eased(rows: Matrix) -> Apply:
    """Makes the strongest directions (by randomised subspace iteration, seed fixed) as weak as the rest."""
    many = min(STRONG, rows.shape[0] // 4)
    if many < 2:
        return lambda values: values
    start = np.random.default_rng(0).standard_normal((rows.shape[0], many + 20)).astype(np.float32)
    basis = _centred(start)
    for _ in range(2):
        basis = np.linalg.qr(_centred(rows @ (rows.T @ basis)))[0]
    small = basis.T @ _centred(rows @ (rows.T @ basis))
    strength, turn = np.linalg.eigh((small + small.T) / 2)
    strong = np.ascontiguousarray(basis @ turn[:, -many:])
    factor = ((strength[-many] + PENALTY) / (strength[-many:] + PENALTY) - 1)[:, None]
    return lambda values: values + strong @ (factor * (strong.T @ values))


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean(axis=0))


def _largest(weights: Floats, each: int) -> Matrix:
    """The weights as a sparse matrix with on average the `each` largest of a column kept."""
    most = each * weights.shape[1]
    values = np.abs(weights).ravel()
    if np.count_nonzero(values) > most:
        limit = np.partition(values, len(values) - most)[len(values) - most]
        weights[np.abs(weights) < limit] = 0
    return sparse.csr_matrix(weights)
