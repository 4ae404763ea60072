"""Pages that are cut together, and what is particular in cutting old building files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from intake.backfile.alike import fingerprint, words_of
from intake.db.batches import Sign
from intake.protocols import Boundary
from intake.split import Cuts
from intake.vocabulary import Delivery, Page, PageRef, Part
from intake.vocabulary import Stack as Starts

Outline = Callable[[Sequence[tuple[Page, ...]]], tuple[str, ...]]
"""The title of the Vorgang of each document of an old Akte, in order ("" = none)."""
Papers = Callable[[Sequence[Page], Starts], Starts]
"""What the learned boundary saw, corrected by what the papers of a building file say of themselves."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Pages that are cut together, numbered from 1 in their order; `places` says where each lies in the delivery."""

    pages: tuple[Page, ...]
    places: tuple[tuple[Part, int], ...]

    def ref(self, number: int) -> PageRef:
        """The place of a page of this stack in the ledger."""
        part, page = self.places[number - 1]
        return PageRef(part.position, page)


def stacks(read: Sequence[tuple[Part, tuple[Page, ...]]], *, together: bool) -> list[Stack]:
    """A stack for each file; one for all where each file is the picture of a page (`together`)."""
    if together:
        every = [(part, page) for part, pages in read for page in pages]
        return [Stack(tuple(replace(page, number=number) for number, (_, page) in enumerate(every, 1)),
                      tuple((part, page.number) for part, page in every))]
    return [Stack(pages, tuple((part, page.number) for page in pages)) for part, pages in read]


def outlined(stack: Stack, cuts: Cuts, outline: Outline) -> Cuts:
    """The cuts of an old Akte with the Vorgang of each document."""
    titles = outline([tuple(stack.pages[number - 1] for number in piece.pages) for piece in cuts.documents])
    return replace(cuts, documents=tuple(
        replace(piece, cut=replace(piece.cut, case=title)) for piece, title in zip(cuts.documents, titles, strict=True)))


def with_papers(boundary: Boundary, papers: Papers) -> Boundary:
    """The learned boundary, corrected."""
    return lambda pages: papers(pages, boundary(pages))


def sign_of(delivery: Delivery, ref: PageRef, page: Page) -> Sign:
    """What is kept of a page of the back-file, to find doubles and faults without its bytes."""
    words = words_of(page)
    return Sign(delivery.id, ref.part, ref.number, page.picture, sum(map(len, words)), fingerprint(words), page.quality,
                page.skew, page.script, page.width_mm, page.height_mm, page.blank, page.warnings)
