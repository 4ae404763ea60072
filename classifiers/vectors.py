"""Documents as vectors of length one: rarity, limits and lengths of the groups of features. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from classifiers.features import SHARES, Hasher, Matrix, Text

COMMON = 0.5
"""Features in more than this share of the documents say nothing and cost most of the time."""
SAMPLE = 2_000
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Scale:
    """How much a feature counts: its rarity (0 = left out), by bucket. `documents`: how many it was counted in."""

    rarity: NDArray[np.float32]
    documents: int = 0

    def rows(self, hasher: Hasher, texts: Sequence[Text]) -> Matrix:
        """The vectors of documents, a row each; a document without a known feature is zero."""
        return stacked([self._rows(hasher.rows(chunk)) for chunk in _chunks(texts)], len(self.rarity))

    def _rows(self, groups: Sequence[Matrix]) -> Matrix:
        own = [to_length(_weighed(group, self.rarity), share) for group, share in zip(groups, SHARES, strict=True)]
        return to_length(sum(own[1:], start=own[0]), 1.0)


def stacked(parts: list[Matrix], columns: int) -> Matrix:
    """Matrices below each other. `parts` is emptied on the way, from its end: 50,000 documents fill gigabytes, once."""
    starts = np.concatenate([[0], *(np.diff(part.indptr) for part in parts)]).astype(np.int64).cumsum()
    values, places = np.empty(starts[-1], dtype=np.float32), np.empty(starts[-1], dtype=np.int32)
    height, end = len(starts) - 1, int(starts[-1])
    while parts:
        part = parts.pop()
        values[end - part.nnz:end], places[end - part.nnz:end] = part.data, part.indices
        end -= part.nnz
    return sparse.csr_matrix((values, places, starts), shape=(height, columns))


def scale(hasher: Hasher, texts: Sequence[Text], least: int = 1) -> Scale:
    """The rarity of features in these documents; those in nearly all or in fewer than `least` are left out.

    Of many documents an even sample tells which features are too common; it is enough for that and for the rarity.
    """
    chosen = texts if len(texts) <= SAMPLE * 2 else texts[::max(1, len(texts) // SAMPLE)]
    counts = np.zeros(1 << hasher.bits, dtype=np.float32)
    for chunk in _chunks(chosen):
        for group in hasher.rows(chunk):
            counts += np.bincount(group.indices, minlength=len(counts)).astype(np.float32)
    rarity = np.asarray(np.log((1 + len(chosen)) / (1 + counts)) + 1, dtype=np.float32)
    if len(chosen) >= 50:
        rarity[counts > COMMON * len(chosen)] = 0
    if least > 1:
        rarity[counts < least] = 0
    return Scale(rarity, len(texts))


def to_length(rows: Matrix, length: float) -> Matrix:
    """Every row (that is not zero) scaled to a length."""
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    norms[norms == 0] = 1.0
    rows.data *= np.repeat(length / norms, np.diff(rows.indptr)).astype(np.float32)
    return rows


def _weighed(group: Matrix, rarity: NDArray[np.float32]) -> Matrix:
    group.data = (1 + np.log(group.data)) * rarity[group.indices]
    group.eliminate_zeros()
    return group


def _chunks(texts: Sequence[Text]) -> Iterator[Sequence[Text]]:
    for at in range(0, len(texts), CHUNK):
        yield texts[at:at + CHUNK]
