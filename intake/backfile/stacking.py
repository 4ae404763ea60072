"""Pages that are cut together, how their door wants them cut, and what is particular in cutting old building files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from intake.backfile.alike import fingerprint, words_of
from intake.db.batches import CHANNEL
from intake.db.core import new_id
from intake.db.signs import Sign
from intake.inboxes import Backfile, Cutting, Inbox, ScanProfile
from intake.protocols import Boundary
from intake.split import ONE_DOCUMENT, Cuts, Way, cut
from intake.vocabulary import Cut, Delivery, Document, Page, PageRef, Part
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


def cut_as_said(door: Inbox | None, delivery: Delivery, parts: Sequence[Part], stack: Stack, boundary: Callable[[], Boundary],
                papers: Papers | None) -> Cuts:
    """Cut a stack as its door says. What hangs on a mail stays whole unless its door says split; text has no learned cuts."""
    part = stack.places[0][0]
    mailed = delivery.channel != "folder" or part.parent is not None or any(one.parent == part.position for one in parts)
    if isinstance(door, Backfile):
        if door.unit == "schriftstueck":
            return cut(stack.pages, ONE_DOCUMENT)
    elif part.facts or (mailed and (door is None or door.attachments == "whole")):  # an e-invoice or a message is one document
        return cut(stack.pages, ONE_DOCUMENT)
    way = way_of(delivery.tenant, door if isinstance(door, Cutting) else None)
    if part.blob.media_type.startswith("text/"):
        way = replace(way, boundaries="off")
    learned = boundary() if way.boundaries != "off" and not way.pages_per_document else None
    if learned is not None and papers is not None and isinstance(door, Backfile) and door.registers:
        learned = with_papers(learned, papers)
    return cut(stack.pages, way, learned)


def way_of(tenant: str, profile: Cutting | None) -> Way:
    """How paper of this scan profile (None: the defaults of one) is cut for this tenant."""
    said = profile or ScanProfile(name="standard")
    return Way(tenant, said.separators, said.pages_per_document, said.boundaries, said.cut_auto, said.cut_ask)


def made_of(delivery: Delivery, cut_stacks: Sequence[tuple[Stack, Cuts]], access_class: Callable[[tuple[Page, ...]], str | None],
            *, several: bool) -> list[tuple[Document, Cut]]:
    """The documents of these cuts in their order. Where a mail has `several` parts, the others hang under its body as Anlagen."""
    made: list[tuple[Document, Cut]] = []
    first: str | None = None
    for stack, cuts in cut_stacks:
        for piece in cuts.documents:
            own = tuple(page for page in stack.pages if page.number in set(piece.pages))
            document = Document(
                id=new_id(), tenant=delivery.tenant, delivery=delivery.id, parent=None if delivery.channel == CHANNEL else first,
                pages=tuple(stack.ref(number) for number in piece.pages), access_class=access_class(own) or delivery.access_class)
            made.append((document, piece.cut))
            first = first or (document.id if stack.ref(1).part == 0 and several else None)
    return made


def outlined(door: Inbox | None, stack: Stack, cuts: Cuts, outline: Outline | None) -> Cuts:
    """The cuts of an old Akte with the Vorgang of each document; all others as they are."""
    if outline is None or not isinstance(door, Backfile) or not door.registers or door.unit not in ("akte", "seite"):
        return cuts
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
