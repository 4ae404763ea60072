"""Which Vorgänge of a batch may be nearly the same: those with a parcel and its builder in common, or a piece of a page. Pure.

Held in memory are 20 bytes a page; that of a million pages is done in seconds.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from intake.backfile.alike import BITS
from intake.backfile.matters import Matter, plain

COMMON = 40
"""What more Vorgänge have in common says nothing (a form, an empty page) and would make pairs without end."""
PIECES = BITS // 32
"""A fingerprint in pieces of 32 bits: two scans of a sheet agree in one of four now and then, a Vorgang has many sheets."""
Pair = tuple[int, int]


def likely(matters: Iterable[Matter]) -> list[Pair]:
    """The pairs of them (numbers in their order) that have something in common, each once, sorted."""
    said: dict[str, list[int]] = {}
    sheets, owners = bytearray(), array("I")
    for at, one in enumerate(matters):
        for name in {f"{plain(parcel)}:{plain(who)}" for parcel in one.parcels for who in one.applicants}:
            said.setdefault(name, []).append(at)
        sheets += bytes.fromhex("".join(one.sheets))
        owners.extend([at] * len(one.sheets))
    found = {pair for holders in said.values() if len(holders) <= COMMON for pair in combinations(holders, 2)}
    pieces, who = np.frombuffer(sheets, ">u4").reshape(-1, PIECES), np.array(owners, np.uint64)
    for column in range(PIECES):
        found |= _sharing(pieces[:, column].astype(np.uint64), who)
    return sorted(found)


def _sharing(pieces: NDArray[np.uint64], who: NDArray[np.uint64]) -> set[Pair]:
    """The pairs of owners of one piece."""
    held = np.unique(pieces << np.uint64(32) | who)  # each owner once a piece, sorted by piece
    starts = np.flatnonzero(np.diff(held >> np.uint64(32), prepend=np.uint64(2**63)))
    lengths = np.diff(starts, append=len(held))
    shared = (lengths > 1) & (lengths <= COMMON)
    owners = (held & np.uint64(2**32 - 1)).astype(int)
    return {pair for start, length in zip(starts[shared], lengths[shared], strict=True)
            for pair in combinations(owners[start:start + length].tolist(), 2)}
