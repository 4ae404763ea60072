"""The features of the gaps of a stack: what the page before and the page after say about each other.

A gap lies between two neighbouring pages; the pages one further away are looked at too. `NAMES` names the columns in order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from classifiers.boundary_page import Sketch

Vector = NDArray[np.float64]
Pair = tuple[float, ...]

OF_PAGE = ("chars", "lines", "line", "widest", "short", "digits", "odd", "capitals", "word", "single", "gaps", "label",
           "label_sure", "label_last")
OF_BEFORE = ("stop_last", "hyphen_last", "open_last", "colon_last", "last_long", "closing", "in_force", "address_tail",
             "date_tail")
OF_AFTER = ("small_first", "bullet_first", "heading", "head_short", "greeting", "annex", "title", "title_top", "preamble",
            "address", "contents", "date_head", "euro")
OF_PAIR = ("words", "rare", "numbers", "dates", "references", "tops", "bottoms", "layout", "same_top", "same_bottom")
AROUND = ("before", "after", "skip_before", "skip_after")
LAYOUT = (("chars", 0.3), ("line", 0.02), ("digits", 3.0), ("short", 1.0), ("gaps", 3.0), ("odd", 3.0), ("widest", 0.005))
"""Measures that two pages of one make have alike, each with the factor that makes an ordinary difference about 0.2."""
FAR = -1.0
"""Stands for "there is no such page" in every column that asks for one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page with what the learnt page models say of it: log-odds that it begins and that it ends a document."""

    sketch: Sketch
    begins: float
    ends: float
    weights: Mapping[str, float]  # of its words: how rare they are
    norm: float


@dataclass(frozen=True, slots=True)
class Line:
    """A linear model of words: log-odds of a page by the terms at one of its ends."""

    weights: Mapping[str, float]
    bias: float

    def __call__(self, terms: frozenset[str]) -> float:
        """Log-odds; unknown terms say nothing. Added in a fixed order: the same page gives the same number."""
        return self.bias + sum(self.weights[term] for term in sorted(terms & self.weights.keys()))


@dataclass(frozen=True, slots=True)
class Words:
    """The models of pages alone: how first and last pages read, and how rare words are (inverse document frequency)."""

    begins: Line
    ends: Line
    rarity: Mapping[str, float]
    unknown: float  # rarity of a word in none of them

    def see(self, sketch: Sketch) -> Seen:
        """A page with what the models say of it, ready for comparisons."""
        weights = {word: self.rarity.get(word, self.unknown) for word in sketch.words}
        norm = math.sqrt(sum(weight * weight for weight in weights.values()))
        return Seen(sketch, self.begins(sketch.head_terms), self.ends(sketch.tail_terms), weights, norm)



def pair(one: Seen, two: Seen) -> Pair:
    """How alike two pages are, in the order of OF_PAIR; 0 is nothing in common."""
    common = one.weights.keys() & two.weights.keys()
    shared = sum(one.weights[word] ** 2 for word in common)
    rare = sum(one.weights[word] > 4.5 for word in common)
    a, b = one.sketch, two.sketch
    layout = sum(abs(a.numbers_of[name] - b.numbers_of[name]) * scale for name, scale in LAYOUT)
    return (
        shared / (one.norm * two.norm) if one.norm and two.norm else 0.0,
        rare / math.sqrt(max(min(len(one.weights), len(two.weights)), 1)),
        _overlap(a.numbers, b.numbers), _overlap(a.dates, b.dates), _overlap(a.references, b.references),
        _lines_alike(a.tops, b.tops), _lines_alike(a.bottoms, b.bottoms), layout,
        float(bool(a.tops) and a.tops[0] == b.tops[0] if b.tops else False),
        float(bool(a.bottoms) and a.bottoms[-1] == b.bottoms[-1] if b.bottoms else False),
    )


def _overlap(one: frozenset[str], two: frozenset[str]) -> float:
    """Share of the smaller set that is in the other; -1 where one of them is empty."""
    if not one or not two:
        return FAR
    return len(one & two) / min(len(one), len(two))


def _lines_alike(one: Sequence[str], two: Sequence[str]) -> float:
    """How many letters of equal masked lines two edges share (log), misread letters forgiven for long lines."""
    total = 0
    for line in one:
        if len(line) >= 6 and any(_alike(line, other) for other in two):
            total += len(line)
    return math.log1p(total)


def _alike(one: str, two: str) -> bool:
    if one == two:
        return True
    if min(len(one), len(two)) < 10 or abs(len(one) - len(two)) > 3 or (one[:2] != two[:2] and one[-2:] != two[-2:]):
        return False
    mine, yours = _neighbours(one), _neighbours(two)
    return 2 * len(mine & yours) > 0.75 * (len(mine) + len(yours))


@lru_cache(maxsize=4096)
def _neighbours(line: str) -> frozenset[str]:
    """The pairs of neighbouring letters: a misread letter costs two of them."""
    return frozenset(map("".join, pairwise(line)))


def _names() -> tuple[str, ...]:
    names = [f"{side}.{name}" for side in ("a", "b") for name in OF_PAGE]
    names += [f"a.{name}" for name in OF_BEFORE] + [f"b.{name}" for name in OF_AFTER]
    names += [f"{place}.{name}" for place in ("z", "a", "b", "c") for name in ("begins", "ends")]
    names += [f"pair.{name}" for name in OF_PAIR]
    names += [f"{where}.{name}" for where in AROUND for name in ("words", "rare", "tops", "bottoms", "layout")]
    names += ["dip.words", "dip.layout", "dip.tops"]
    names += ["number.next", "number.same", "number.one", "number.votes", "number.against", "number.weak_votes",
              "number.weak_against", "number.missing", "list.next", "list.again", "list.both", "first", "last", "far_back"]
    return tuple(names)


NAMES = _names()


@dataclass
class Pairs:
    """Comparisons already made, by the identity of the pages; for training, where the same documents come again and again."""

    known: dict[tuple[int, int], Pair] = field(default_factory=dict)

    def __call__(self, one: Seen, two: Seen) -> Pair:
        key = id(one), id(two)
        if key not in self.known:
            self.known[key] = pair(one, two)
        return self.known[key]


def features(pages: Sequence[Seen], compare: Pairs | None = None) -> Vector:
    """One row for each page but the first: the gap before it. Columns as in NAMES."""
    compare = compare or Pairs()
    rows = [_row(pages, at, compare) for at in range(1, len(pages))]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(NAMES))


def _row(pages: Sequence[Seen], at: int, compare: Pairs) -> list[float]:
    before, after = pages[at - 1], pages[at]
    a, b = before.sketch.numbers_of, after.sketch.numbers_of
    earlier = pages[at - 2] if at >= 2 else None
    later = pages[at + 1] if at + 1 < len(pages) else None
    row = [a[name] for name in OF_PAGE] + [b[name] for name in OF_PAGE]
    row += [a[name] for name in OF_BEFORE] + [b[name] for name in OF_AFTER]
    for page in (earlier, before, after, later):
        row += [page.begins, page.ends] if page else [-9.0, -9.0]
    here = compare(before, after)
    row += here
    around = (compare(earlier, before) if earlier else None, compare(after, later) if later else None,
              compare(earlier, after) if earlier else None, compare(before, later) if later else None)
    for other in around:
        row += [other[0], other[1], other[5], other[6], other[7]] if other else [FAR] * 5
    for column in (0, 7, 5):
        sides = [other[column] for other in around[:2] if other]
        row.append(here[column] - sum(sides) / len(sides) if sides else 0.0)
    row += _numbering(pages, at) + _listing(before.sketch, after.sketch)
    row += [float(at == 1), float(later is None), float(min(at, 5))]
    return row


def _numbering(pages: Sequence[Seen], at: int) -> list[float]:
    """What the printed page numbers say: of the two pages, and of up to four pages from here on about where theirs began."""
    one, two = pages[at - 1].sketch.label, pages[at].sketch.label
    following = same = missing = 0.0
    if one and two:
        following = float(two.number == one.number + 1) - float(two.number != one.number + 1)
        same = float(two.number == one.number)
    elif one:
        missing = 1.0
    elif two:
        missing = -1.0
    votes = {True: 0.0, False: 0.0}
    against = {True: 0.0, False: 0.0}
    for place in range(at, min(at + 4, len(pages))):
        label = pages[place].sketch.label
        if label is None or not 1 <= label.number <= 60:
            continue
        began = place - label.number + 1
        if began == at:
            votes[label.sure] += 1.0
        elif 0 <= began < at:
            against[label.sure] += 1.0
    begins = float(bool(two and two.number == 1))
    return [following, same, begins, votes[True], against[True], votes[False], against[False], missing]


def _listing(before: Sketch, after: Sketch) -> list[float]:
    """Whether a list runs on ("§ 3" before, "§ 4" after), begins again, or whether both pages have one of the same kind."""
    last = {sign: number for sign, number in before.enumerators}
    first: dict[str, int] = {}
    for sign, number in after.enumerators:
        first.setdefault(sign, number)
    both = last.keys() & first.keys()
    following = any(first[sign] in (last[sign] + 1, last[sign]) and first[sign] > 1 for sign in both)
    again = any(first[sign] == 1 for sign in first)
    return [float(following), float(again), float(bool(both))]
