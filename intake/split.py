"""Pages -> documents. Pure: every page comes out in exactly one place (house.md, page conservation).

Separator sheets cut and belong to no document; blank pages (backs of single-sided paper) belong to none either but stay
viewable. Codes of others (postage, forms, parcel labels) never cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from intake.vocabulary import Page

CUTTING_PATCHES = ("patch-T", "patch-2", "patch-3")  # document, document or batch (standards.md 11); 1, 4, 6 steer scanners
OUR_SHEET = "MI1|"  # how the payload of our own separator sheets begins
BY_SEPARATOR = "rule:separator@1"
BY_FILE = "rule:one-file@1"


@dataclass(frozen=True, slots=True)
class Cuts:
    """Page numbers by what becomes of them: each page in exactly one of the three. `by` names the rule that cut."""

    documents: tuple[tuple[int, ...], ...]
    separators: tuple[int, ...]
    blanks: tuple[int, ...]
    by: str


def is_separator(page: Page) -> bool:
    """True for a sheet that cuts: a patch code T, 2 or 3, or a QR code of ours."""
    return any(mark.kind in CUTTING_PATCHES or (mark.kind == "qr" and mark.payload.startswith(OUR_SHEET))
               for mark in page.separators)


def cut(pages: Sequence[Page], mode: Literal["cut", "ignore"]) -> Cuts:
    """Documents of a stack in the order of its pages. "ignore": the file is one document and sheets are pages of it.

    A stack in which nothing would remain (all blank, or only sheets) stays one document with all its pages.
    """
    documents: list[list[int]] = [[]]
    separators: list[int] = []
    blanks: list[int] = []
    for page in pages:
        if mode == "cut" and is_separator(page):
            separators.append(page.number)
            documents.append([])
        elif page.blank:
            blanks.append(page.number)
        else:
            documents[-1].append(page.number)
    kept = tuple(tuple(document) for document in documents if document)
    if not kept and pages:
        return Cuts((tuple(page.number for page in pages),), (), (), BY_FILE)
    return Cuts(kept, tuple(separators), tuple(blanks), BY_SEPARATOR if separators else BY_FILE)


# ---- decoding a stack -------------------------------------------------------------------------------------------------


def decode(probabilities: Sequence[float], length_log_prior: Sequence[float]) -> tuple[int, ...]:
    """Where documents begin: ascending indices of pages, 0 always among them (() for no pages).

    `probabilities[i]`: a document begins on page i (0..1); `length_log_prior[n]`: natural logarithm of the prior of n pages a
    document (index 0 unused; longer documents count like the last entry). Maximum of the sum of both over all cuts of the
    stack: a semi-Markov dynamic programme, O(pages^2).
    """
    count = len(probabilities)
    clipped = [min(max(probability, 1e-9), 1.0 - 1e-9) for probability in probabilities]
    within = [0.0]  # running sum of log(1 - p): what the pages inside a document contribute
    for probability in clipped:
        within.append(within[-1] + math.log1p(-probability))
    best, came = [0.0] + [-math.inf] * count, [0] * (count + 1)
    for end in range(1, count + 1):
        for start in range(end):
            length = length_log_prior[min(end - start, len(length_log_prior) - 1)] if len(length_log_prior) > 1 else 0.0
            begin = math.log(clipped[start]) if start else 0.0
            score = best[start] + begin + within[end] - within[start + 1] + length
            if score > best[end]:
                best[end], came[end] = score, start
    firsts = []
    end = count
    while end:
        end = came[end]
        firsts.append(end)
    return tuple(reversed(firsts))
