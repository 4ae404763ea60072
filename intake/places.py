"""Where on its pages a document has what was looked for: boxes of words, for the picture of the page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from intake import passages
from intake.blobs import Blobs
from intake.db.access import may_see_document
from intake.db.asking import ask, here
from intake.db.deliveries import newest_page_reads, parts_of
from intake.db.documents import get_document
from intake.read import unpack_pages
from intake.vocabulary import Box, Page, Viewer


@dataclass(frozen=True, slots=True)
class Place:
    """The boxes of matching words on one page of a document; `page` counts its pages from 1. Boxes are of the page as it was read
    (upright, without what a clerk turned)."""

    page: int
    boxes: tuple[Box, ...]


def places(conn: Connection, blobs: Blobs, viewer: Viewer, document: str, question: str) -> tuple[Place, ...]:
    """The pages of `document` on which words of `question` stand, in order, each with the boxes of those words.

    () for a document the viewer may not see. Raises Refused (German) for a question that cannot be understood.
    """
    asked = ask(here(conn, viewer), question, {})
    if not may_see_document(conn, viewer, document):
        return ()
    single = {term: said for term, said in asked.wanted.items() if not asked.phrases or term not in {
        word for phrase in asked.phrases for word in phrase}}
    found = (Place(number, passages.boxes(page.words, single, asked.phrases))
             for number, page in enumerate(_pages(conn, blobs, viewer.tenant, document), start=1))
    return tuple(place for place in found if place.boxes)


def _pages(conn: Connection, blobs: Blobs, tenant: str, name: str) -> list[Page]:
    """The pages of the document in its order, those left out that were not read."""
    document = get_document(conn, name)
    originals = {part.position: part.blob.sha256 for part in parts_of(conn, document.delivery)}
    reads = {part: newest_page_reads(conn, tenant, originals[part]) for part in {ref.part for ref in document.pages}}
    chunks = {(ref.part, chunk) for ref in document.pages if (chunk := reads[ref.part].get(ref.number))}
    found = {(part, page.number): page for part, chunk in sorted(chunks) for page in unpack_pages(blobs.read(chunk))}
    return [found.get((ref.part, ref.number)) or Page(max(ref.number, 1), 210, 297) for ref in document.pages]
