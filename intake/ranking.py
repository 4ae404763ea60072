"""How well a document answers a question: a number from its terms, the same on every database. Pure.

After Okapi BM25 (Robertson and Zaragoza 2009): a word counts the more, the fewer documents have it, and more when it stands in a
document several times, less when the document is long. What is ours: a misread word or a part of a compound counts less than the
word itself, a word in the title more; and a word's weight comes from the documents *the viewer may see*, up to `COMMON` of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intake import terms

COMMON = 2000
"""A word in so many documents is as common as can be; more are not counted."""
LEAST = 0.3
"""Weight of such a word, where one in a single document has ln(COMMON) + LEAST = 7.9."""
SATURATION, LENGTH_SHARE, USUAL_WORDS = 0.4, 0.6, 400
"""k1 and b of BM25 (chosen on 220 questions of tests/bench/search.py, of eleven settings) and the length of a usual document (a
fixed number: an average would tell of documents not seen)."""
IN_TITLE, IN_SENDER = 0.6, 0.3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word of the question: the terms it means with how much each counts (0..1), and its weight."""

    word: str
    terms: Mapping[str, float]
    weight: float


def weight(seen: int) -> float:
    """The weight of a word that stands in `seen` documents (0 counts as 1)."""
    return math.log(COMMON / min(max(seen, 1), COMMON)) + LEAST


def looked_for(wanted: Sequence[Wanted]) -> frozenset[str]:
    """Every term that `score` looks at."""
    said = {term for one in wanted for term in one.terms}
    return frozenset(said | {sign + term for term in said for sign in (terms.TITLE, terms.SENDER)})


def held(names: str, counts: str, wanted: frozenset[str]) -> dict[str, int]:
    """How often each wanted term stands in a document, of its terms (a blank between two) and their counts (a digit each)."""
    found = wanted.intersection(names.split(" "))
    padded = f" {names} "
    return {term: int(counts[padded.count(" ", 0, padded.index(f" {term} "))]) for term in found}


def score(wanted: Sequence[Wanted], has: Mapping[str, int], words: int) -> tuple[float, tuple[str, ...]]:
    """The score of a document that has these terms (how often each) and so many words, and the words that it lacks."""
    total, missing = 0.0, []
    long = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * words / USUAL_WORDS)
    for one in wanted:
        found = has.keys() & one.terms.keys()
        if not found:
            missing.append(one.word)
            continue
        often = math.fsum(one.terms[term] * has[term] for term in found)  # fsum: the same in every order
        best = often * (SATURATION + 1) / (often + long)
        best += IN_TITLE * max((one.terms[term] for term in found if terms.TITLE + term in has), default=0.0)
        best += IN_SENDER * max((one.terms[term] for term in found if terms.SENDER + term in has), default=0.0)
        total += one.weight * best
    return round(total, 6), tuple(missing)


def share(wanted: Sequence[Wanted], missing: Sequence[str]) -> float:
    """How much of the question's weight a document has that lacks these words, 0..1."""
    whole = sum(one.weight for one in wanted)
    return 1.0 - sum(one.weight for one in wanted if one.word in missing) / whole if whole else 1.0
