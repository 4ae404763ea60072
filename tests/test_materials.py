"""What a document is made of: its own pages, each as last read, and what came with it; a page that is missing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_backfile import LETTER, deliver, new, room, take_all  # noqa: F401  (the fixture)

from intake import materials, read
from intake.db import batches as lose
from intake.db.deliveries import add_page_reads, get_delivery, parts_of
from intake.db.documents import documents_of
from intake.errors import ServiceError
from intake.pipeline import Postroom
from intake.vocabulary import Document, Page, PageRef, Part

FOUR = "\f".join(LETTER.format(number) for number in (111, 222, 333, 444))


@pytest.fixture
def document(room: Postroom, tmp_path: Path) -> Document:  # noqa: F811
    batch = new(room, deliver(tmp_path / "disk", A_1__akte=FOUR))
    take_all(room)
    with room.db.read() as conn:
        return documents_of(conn, lose.items_of(conn, batch.id)[0].delivery or "")[0]


def part_of(room: Postroom, document: Document) -> Part:  # noqa: F811
    with room.db.read() as conn:
        return parts_of(conn, document.delivery)[0]


def read_anew(room: Postroom, document: Document, page: Page, reader: str = "besser@9") -> None:  # noqa: F811
    blob = room.blobs("mittelau").add_bytes(read.pack([page]), "x", read.CHUNK_MEDIA_TYPE)
    with room.db.transaction() as tx:
        add_page_reads(tx, "mittelau", part_of(room, document).blob.sha256, reader, [(page.number, blob.sha256, 0.1)])


def test_the_pages_of_a_document_come_in_its_order_and_only_they_are_made(
        room: Postroom, document: Document, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    made: list[int] = []
    real = read._page_in

    def counted(said: dict[str, object]) -> Page:
        made.append(int(str(said["n"])))
        return real(said)

    monkeypatch.setattr(read, "_page_in", counted)
    some = replace(document, pages=(PageRef(0, 3), PageRef(0, 1)))
    pages = materials.pages_of_document(room.db, room.blobs("mittelau"), some)
    assert [page.text for page in pages] == [LETTER.format(333), LETTER.format(111)] and sorted(made) == [1, 3]


def test_a_newer_reading_holds_when_it_is_whole(room: Postroom, document: Document) -> None:  # noqa: F811
    def texts() -> list[str]:
        return [page.text for page in materials.pages_of_document(room.db, room.blobs("mittelau"), document)]

    for number in range(1, 5):
        assert texts()[1] == LETTER.format(222)
        read_anew(room, document, Page(number, 210.0, 297.0, f"besser gelesen {number}"))
    assert texts() == [f"besser gelesen {number}" for number in range(1, 5)]
    part = part_of(room, document)
    assert [page.text for page in materials.pages_of_part(room.db, room.blobs("mittelau"), "mittelau", part)] == texts()


def test_a_page_that_nobody_read_is_said(room: Postroom, document: Document) -> None:  # noqa: F811
    part = replace(part_of(room, document), pages=6)
    with pytest.raises(ServiceError, match=r"fehlen gelesene Seiten \(\[5, 6\]\)"):
        materials.pages_of_part(room.db, room.blobs("mittelau"), "mittelau", part)


def test_what_came_with_the_file_goes_along(room: Postroom, document: Document) -> None:  # noqa: F811
    town = room.home.settings.tenant[0]
    seen = materials.material_of(room.db, room.blobs("mittelau"), town.backfile[0], document)
    assert [(fact.value, fact.term) for fact in seen.facts] == [("A/1", "sidecar:path file_reference")]
    assert seen.name == "A_1/akte.txt" and seen.notes["backfile"] and len(seen.pages) == 4
    with room.db.read() as conn:
        assert seen.received_on == get_delivery(conn, document.delivery).received_at.astimezone().date()
    alone = materials.material_of(room.db, room.blobs("mittelau"), None, document)
    assert alone.facts == () and not alone.notes["backfile"] and alone.notes["sidecar"] is None
