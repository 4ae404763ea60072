"""How many scanned documents a person must look at, and how many faults a lot may have. Pure.

Method: single sampling by attributes after ISO 2859-1: the size of the sample follows from the size of the lot by the
standard's code letters (general inspection level II for protection "normal", III for "hoch"). The acceptance number is
computed, not looked up: none where fewer than half a fault is to be expected, else the smallest c for which a lot whose share
of faulty documents is just the AQL is accepted with at least 90 %, at most 21 as in the standard. That is the standard's number
or a stricter one. "sehr hoch" is looked at whole (TR-RESISCAN A.AM.IN.SH.5), c = 0.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

LOT_SIZES = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)
"""Upper ends of the ranges of lot sizes (ISO 2859-1, table 1); larger lots are the last."""
LETTERS = {"normal": "ABCDEFGHJKLMNPQ", "hoch": "BCDEFGHJKLMNPQR"}
SIZES = {"A": 2, "B": 3, "C": 5, "D": 8, "E": 13, "F": 20, "G": 32, "H": 50, "J": 80, "K": 125, "L": 200, "M": 315, "N": 500,
         "P": 800, "Q": 1250, "R": 2000}
AQL = {"normal": 0.010, "hoch": 0.0065, "sehr hoch": 0.0}
"""Acceptable share of faulty documents; the first two are usual for documents, a town may agree on others."""
ASSURED, EXPECTED, MOST = 0.90, 0.5, 21


@dataclass(frozen=True, slots=True)
class Plan:
    """A sampling plan: of `lot` documents `size` are looked at, at most `accept` may be faulty; `letter` "" = all of them."""

    protection: str
    lot: int
    size: int
    accept: int
    letter: str = ""

    @property
    def method(self) -> str:
        """The method in a German sentence, for the report."""
        if not self.letter:
            return (f"Vollprüfung: alle {self.lot} Schriftstücke, kein Fehler zulässig (TR-RESISCAN, Schutzbedarf "
                    f"„{self.protection}“).")
        level = "II" if self.protection == "normal" else "III"
        return (f"Einfach-Stichprobe nach Art der ISO 2859-1, Prüfniveau {level}, Kennbuchstabe {self.letter}: {self.size} von "
                f"{self.lot} Schriftstücken; annehmbare Qualitätsgrenzlage (AQL) {AQL[self.protection] * 100:g} %, Annahmezahl "
                f"{self.accept}.").replace("0.65", "0,65")


def plan(lot: int, protection: str) -> Plan:
    """The plan for a lot of so many documents. Raises KeyError for a protection that is none, ValueError for an empty lot."""
    if lot < 1:
        raise ValueError("an empty lot has no sample")
    if protection == "sehr hoch" or lot <= SIZES[LETTERS[protection][0]]:
        return Plan(protection, lot, lot, 0)
    letter = LETTERS[protection][bisect_left(LOT_SIZES, lot)]
    size = SIZES[letter]
    if size >= lot:
        return Plan(protection, lot, lot, 0)
    return Plan(protection, lot, size, acceptance(size, AQL[protection]), letter)


def acceptance(size: int, aql: float) -> int:
    """The number of faults up to which a lot is accepted, for a sample of `size` and a share `aql`."""
    if size * aql < EXPECTED:
        return 0
    total, accept = 0.0, -1
    while total < ASSURED and accept < MOST:
        accept += 1
        total += comb(size, accept) * aql**accept * (1 - aql) ** (size - accept)
    return accept


def passes(size: int, accept: int, share: float) -> float:
    """The probability that a lot with this share of faulty documents is accepted (operating characteristic)."""
    return sum(comb(size, faults) * share**faults * (1 - share) ** (size - faults) for faults in range(accept + 1))


def drawn(documents: Sequence[str], size: int, seed: str) -> tuple[str, ...]:
    """`size` of the documents by chance, in their order; the same seed draws the same."""
    chosen = set(random.Random(seed).sample(range(len(documents)), min(size, len(documents))))
    return tuple(document for at, document in enumerate(documents) if at in chosen)
