"""Earlier documents like this one: 256 signs of a document instead of its text (random projections). Pure, deterministic.

Two documents whose vectors point the same way share most signs; comparing one with 50,000 costs a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classifiers.features import Matrix

HEAVIEST = 200
"""Features of a document that are looked at, the heaviest first."""
WIDTH = 4
"""Signs of a document, in words of 64."""
LEAST = 0.25
"""Cosine from which on two documents are called alike."""
Codes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Earlier:
    """Documents learnt from: their signs, labels and titles (which never leave the tenant)."""

    codes: Codes = field(default_factory=lambda: np.zeros((0, WIDTH), dtype=np.uint64))
    labels: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()

    def add(self, codes: Codes, labels: Sequence[str], titles: Sequence[str]) -> Earlier:
        """With more documents."""
        return Earlier(np.concatenate([self.codes, codes]), (*self.labels, *labels), (*self.titles, *titles))

    def like(self, code: Codes, label: str, count: int = 2) -> tuple[tuple[str, float], ...]:
        """Titles of the documents of a label most like the one with these signs, with their cosine (from `LEAST`, 0..1)."""
        own = [at for at, one in enumerate(self.labels) if one == label and self.titles[at]]
        if not own:
            return ()
        different = np.unpackbits((self.codes[own] ^ code).view(np.uint8), axis=1).sum(axis=1)
        cosines = np.cos(np.pi * different / (64 * WIDTH))
        order = np.argsort(-cosines, kind="stable")
        found: dict[str, float] = {}
        for at in order:
            if cosines[at] >= LEAST and len(found) < count:
                found.setdefault(self.titles[own[int(at)]], float(cosines[at]))
        return tuple(found.items())


def signs(rows: Matrix) -> Codes:
    """The signs of documents (rows of weights), `WIDTH` words each."""
    found = np.zeros((rows.shape[0], WIDTH), dtype=np.uint64)
    for at in range(rows.shape[0]):
        start, stop = rows.indptr[at], rows.indptr[at + 1]
        values, ids = rows.data[start:stop], rows.indices[start:stop]
        if len(ids) > HEAVIEST:
            kept = np.argpartition(-values, HEAVIEST)[:HEAVIEST]
            values, ids = values[kept], ids[kept]
        bits = np.unpackbits(_random(ids).view(np.uint8), axis=1, bitorder="little")
        sums = values @ (2.0 * bits - 1.0)
        found[at] = np.packbits(sums > 0, bitorder="little").view(np.uint64)
    return found


def _random(ids: NDArray[np.int32]) -> Codes:
    """`WIDTH` random words for each feature, always the same."""
    with np.errstate(over="ignore"):
        places = ids.astype(np.uint64)[:, None] * np.uint64(WIDTH) + np.arange(1, WIDTH + 1, dtype=np.uint64)
        mixed: Codes = np.multiply(places, np.uint64(0x9E3779B97F4A7C15), dtype=np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.ascontiguousarray(mixed ^ (mixed >> np.uint64(31)))
