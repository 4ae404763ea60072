"""One linear model a label, all solved at once: least squares with a penalty (ridge). Pure.

Least squares on rows of length one ranks labels as well as a support vector machine does. A few thousand documents are solved
exactly from their products with each other; more by conjugate gradients, in a handful of passes over the documents whatever
the number of labels, and with no more in memory than the documents and one block of labels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]
from scipy.linalg import cho_factor, cho_solve  # type: ignore[import-untyped]

from classifiers.features import Matrix

PENALTY = 0.1
PASSES = 6
STRONG = 60
"""Directions in which documents differ most; taken care of beforehand, or the steps would need three times as many passes."""
BLOCK = 64
MOST = 16_000_000
"""Weights that a model keeps (the largest); stored in two to three bytes each."""

EXACT = 6_000
"""Up to so many documents are solved exactly (their products take 144 MB)."""
OFTEN = 0.05
"""Share of the documents from which a feature is multiplied as a full column."""
COLUMNS = 2_000
PIECE = 4_000_000

Floats = NDArray[np.float32]
Apply = Callable[[Floats], Floats]


def solve(
    rows: Matrix, wanted: NDArray[np.int64], labels: int, trust: Floats, known: Floats | None = None,
) -> tuple[Matrix, Floats]:
    """Weights (buckets x labels, sparse) and bias so that a row scores near 1 for its label and near -1 for others.

    `trust` of a row (about 1) divides its penalty: what is trusted less is fitted less. `known`: the products of the rows.
    """
    buckets = rows.shape[1]
    used = _used(rows)
    if len(used) > buckets // 2:  # many documents: hardly a bucket is empty, and a second copy would be gigabytes
        used = np.arange(buckets)
    else:
        place = np.zeros(buckets, dtype=np.int32)
        place[used] = np.arange(len(used), dtype=np.int32)
        rows = sparse.csr_matrix((rows.data, place[rows.indices], rows.indptr), shape=(rows.shape[0], len(used)))
    if known is not None:
        dual, bias = exact(known, wanted, labels, trust)
    else:
        dual, bias = _approached(rows, wanted, labels, trust)
    share = max(1, MOST // max(1, labels))
    slim = sparse.hstack([_largest(np.asarray(rows.T @ np.ascontiguousarray(dual[:, start:start + BLOCK])), share)
                          for start in range(0, labels, BLOCK)], format="csr")
    starts = np.zeros(buckets + 1, dtype=slim.indptr.dtype)
    starts[used + 1] = np.diff(slim.indptr)
    return sparse.csr_matrix((slim.data, slim.indices, np.cumsum(starts)), shape=(buckets, labels)), bias


def _used(rows: Matrix) -> NDArray[np.int64]:
    """The columns in which anything stands; piece by piece, for numpy makes every index eight bytes long to count it."""
    found = np.zeros(rows.shape[1], dtype=bool)
    for start in range(0, rows.nnz, PIECE):
        found[rows.indices[start:start + PIECE]] = True
    return np.flatnonzero(found)


def products(rows: Matrix) -> Floats:
    """The products of all rows with each other; frequent features as full columns, the others as they are."""
    count = np.bincount(rows.indices, minlength=rows.shape[1])
    columns = rows.tocsc()
    often = np.flatnonzero(count > max(20, OFTEN * rows.shape[0]))
    found = np.zeros((rows.shape[0], rows.shape[0]), dtype=np.float32)
    for start in range(0, len(often), COLUMNS):
        full = columns[:, often[start:start + COLUMNS]].toarray()
        found += full @ full.T
    rare = columns[:, np.flatnonzero((count > 0) & (count <= max(20, OFTEN * rows.shape[0])))].tocsr()
    for start in range(0, rows.shape[0], 500):
        found[start:start + 500] += (rare[start:start + 500] @ rare.T).toarray()
    return found


def exact(known: Floats, wanted: NDArray[np.int64], labels: int, trust: Floats) -> tuple[Floats, Floats]:
    """Weights of the documents and bias from the products of the documents with each other (not changed)."""
    whole = known.astype(np.float64)
    whole[np.diag_indices_from(whole)] += PENALTY / trust
    target = np.where(wanted[:, None] == np.arange(labels)[None, :], 1.0, -1.0)
    found = cho_solve(cho_factor(whole, lower=True, overwrite_a=True), np.hstack([target, np.ones((len(wanted), 1))]))
    ones = found[:, -1:]
    bias = found[:, :-1].sum(axis=0) / ones.sum()
    return (found[:, :-1] - ones * bias).astype(np.float32), bias.astype(np.float32)


def _approached(rows: Matrix, wanted: NDArray[np.int64], labels: int, trust: Floats) -> tuple[Floats, Floats]:
    """As `exact`, by `PASSES` steps of conjugate gradients."""
    penalty = (PENALTY / trust)[:, None].astype(np.float32)
    eased = _eased(rows)
    dual = np.zeros((rows.shape[0], labels), dtype=np.float32)
    bias = np.zeros(labels, dtype=np.float32)
    for start in range(0, labels, BLOCK):
        stop = min(labels, start + BLOCK)
        target = np.where(wanted[:, None] == np.arange(start, stop)[None, :], 1.0, -1.0).astype(np.float32)
        dual[:, start:stop] = _dual(rows, _centred(target), penalty, eased)
        bias[start:stop] = (target - rows @ (rows.T @ np.ascontiguousarray(dual[:, start:stop]))).mean(axis=0)
    return dual, bias


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
