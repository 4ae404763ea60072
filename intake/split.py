"""Pages -> documents. Pure: every page comes out in exactly one place (house.md, page conservation).

Separator sheets cut and belong to no document; blank pages (backs of single-sided paper) belong to none either but stay
viewable. Codes of others (postage, forms, parcel labels) never cut.
"""

from __future__ import annotations

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
