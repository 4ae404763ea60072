"""The second look at the gaps of a stack: with a first guess where documents begin, what the two documents around a gap share.

An attachment without a letterhead looks like any page; that nothing in it comes back to the whole document before tells it.
`NAMES` names the columns in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np

from classifiers.boundary_gap import FAR, Pairs, Seen, Vector

NAMES = (
    "here", "previous", "next", "previous2", "next2", "left_pages", "right_pages", "left.begins", "left.first_ends", "left.ends",
    "right.ends", "begins", "known_words", "rare", "rare_share", "words", "dates", "references", "numbers", "both_dates",
    "both_references", "both_numbers", "most_alike", "most_edge", "mean_alike", "number_fits", "number_before", "left_is_first",
    "right_is_last", "right_bound", "left_bound", "left_lines", "left_address", "left_title",
)
RARE = 4.5
LOOK_BACK = 6
"""Pages of the document before that a page is compared with one by one."""
LONGEST = 40
"""Pages of a document that are looked at as a whole, on either side of the gap: as long as the examples are."""
SURE = 9.0
"""Log-odds of the edge of a stack."""


@dataclass(frozen=True, slots=True)
class _Span:
    """What is said anywhere in a run of pages."""

    weights: dict[str, float]
    dates: frozenset[str]
    references: frozenset[str]
    numbers: frozenset[str]
    norm: float


def features(pages: Sequence[Seen], logits: Vector, compare: Pairs | None = None) -> Vector:
    """One row for each page but the first. `logits`: log-odds of the first look for each of these gaps."""
    compare = compare or Pairs()
    count = len(pages)
    full = np.concatenate([[SURE], np.clip(logits, -SURE, SURE), [SURE]])
    starts = [0, *(at for at in range(1, count) if full[at] > 0), count]
    spans = {first: _span(pages[max(first, end - LONGEST):end]) for first, end in pairwise(starts)}
    rows = []
    for at in range(1, count):
        first = max(start for start in starts if start < at)
        end = min(start for start in starts if start > at)
        left = spans[first] if at in spans else _span(pages[max(first, at - LONGEST):at])
        right = spans[at] if at in spans else _span(pages[at:min(end, at + LONGEST)])
        rows.append(_logits(full, at, first, end) | _shared(pages, at, first, end, left, right, compare))
    return np.array([[row[name] for name in NAMES] for row in rows], dtype=np.float64).reshape(len(rows), len(NAMES))


def _span(pages: Sequence[Seen]) -> _Span:
    weights: dict[str, float] = {}
    for page in pages:
        weights.update(page.weights)
    return _Span(weights, frozenset().union(*(page.sketch.dates for page in pages)),
                 frozenset().union(*(page.sketch.references for page in pages)),
                 frozenset().union(*(page.sketch.numbers for page in pages)),
                 sqrt(sum(weight * weight for weight in weights.values())))


def _logits(full: Vector, at: int, first: int, end: int) -> dict[str, float]:
    """The first look at this gap, at its neighbours, and at the gaps that bound the two documents around it."""
    count = len(full) - 1
    return {"here": full[at], "previous": full[at - 1], "next": full[at + 1], "previous2": full[max(at - 2, 0)],
            "next2": full[min(at + 2, count)], "right_bound": full[end], "left_bound": full[first]}


def _shared(pages: Sequence[Seen], at: int, first: int, end: int, left: _Span, right: _Span, compare: Pairs) -> dict[str, float]:
    page, opening = pages[at], pages[first]
    sketch = page.sketch
    known = left.weights.keys() & page.weights.keys()
    rare = sum(page.weights[word] > RARE for word in known)
    both = left.weights.keys() & right.weights.keys()
    product = left.norm * right.norm
    alike = [compare(other, page) for other in pages[max(first, at - LOOK_BACK):at]]
    label = sketch.label
    return {
        "left_pages": float(at - first), "right_pages": float(end - at), "left.begins": opening.begins,
        "left.first_ends": opening.ends, "left.ends": pages[at - 1].ends, "right.ends": pages[end - 1].ends,
        "begins": page.begins,
        "known_words": sum(page.weights[word] for word in known) / (sum(page.weights.values()) or 1.0),
        "rare": float(rare), "rare_share": rare / max(sum(weight > RARE for weight in page.weights.values()), 1),
        "words": sum(left.weights[word] ** 2 for word in both) / product if product else 0.0,
        "dates": _overlap(left.dates, sketch.dates), "references": _overlap(left.references, sketch.references),
        "numbers": _overlap(left.numbers, sketch.numbers), "both_dates": _overlap(left.dates, right.dates),
        "both_references": _overlap(left.references, right.references), "both_numbers": _overlap(left.numbers, right.numbers),
        "most_alike": max(one[0] for one in alike), "most_edge": max(max(one[5], one[6]) for one in alike),
        "mean_alike": sum(one[0] for one in alike) / len(alike),
        "number_fits": float(label is not None and label.number == at - first + 1),
        "number_before": float(label.number - 1) if label and label.number < 60 else FAR,
        "left_is_first": float(first == 0), "right_is_last": float(end == len(pages)),
        "left_lines": float(len(opening.sketch.lines)), "left_address": opening.sketch.numbers_of["address"],
        "left_title": opening.sketch.numbers_of["title"],
    }


def _overlap(one: frozenset[str], two: frozenset[str]) -> float:
    if not one or not two:
        return FAR
    return len(one & two) / min(len(one), len(two))
