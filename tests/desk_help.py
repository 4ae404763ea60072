"""Documents for the desk without OCR: a stack in the database with pages, words and pictures drawn here."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from PIL import Image, ImageDraw

from intake.blobs import Blobs
from intake.db.core import Database, new_id, utcnow
from intake.db.deliveries import PICTURE, add_delivery, add_page_reads, add_parts, move_delivery
from intake.db.documents import add_document, get_document, move_document, put_proposals
from intake.read import CHUNK_MEDIA_TYPE, pack
from intake.vocabulary import (
    Blob,
    Cut,
    Delivery,
    DeliveryState,
    Document,
    DocumentState,
    Evidence,
    Page,
    PageRef,
    Part,
    Proposal,
    Word,
)

TOWN = "mittelau"
DOGS, DOGS_FREE, BUILDING = "ap-0445", "ap-0446", "ap-0306"
"""Ids of entries of the plan that `init` brings: 922.10, 922.20 and 632.60."""
LINES = (("Erika", "Muster", "Gartenstraße", "8"), ("Mittelau,", "11.10.2026"), ("Abmeldung", "meines", "Hundes"),
         ("Kundennummer", "4711", "und", "Frist", "15.11.2026"))


def words() -> tuple[Word, ...]:
    """The words of every page drawn here: `LINES`, one under the other."""
    found = []
    for line, texts in enumerate(LINES):
        for place, text in enumerate(texts):
            left, top = 0.1 + 0.16 * place, 0.1 + 0.08 * line
            found.append(Word(text, (left, top, left + 0.14, top + 0.02), 0.95, line=line, block=line))
    return tuple(found)


def box_of(*texts: str) -> tuple[float, float, float, float]:
    """The box around these words."""
    boxes = [word.box for word in words() if word.text in texts]
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def picture(number: int, width: int = 620) -> bytes:
    """A page of the words as JPEG."""
    image = Image.new("RGB", (width, round(width * 297 / 210)), "white")
    draw = ImageDraw.Draw(image)
    for word in words():
        draw.text((word.box[0] * image.width, word.box[1] * image.height), word.text, fill="black", font_size=width / 45)
    draw.text((image.width * 0.45, image.height * 0.93), f"Blatt {number}", fill="gray", font_size=width / 40)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


def letter(sure: float = 0.95, sender: str = "Erika Muster", title: str = "Abmeldung meines Hundes") -> list[Proposal]:
    """Proposals as the machine makes them; everything certain for `sure` 0.95."""
    def one(field: str, value: str, confidence: float, *texts: str, by: str = "rule:letter@1") -> Proposal:
        return Proposal(field, value, confidence, (Evidence(by, 1, box_of(*texts), " ".join(texts)),))

    return [one("entry", DOGS, sure, "Hundes", by="model:filing@1"), one("entry", DOGS_FREE, 0.04, "Hundes", by="model:filing@1"),
            one("entry", BUILDING, 0.01, "Hundes", by="model:filing@1"),
            Proposal("new_file", "KA/922.10-####/2026", 0.97, (Evidence("rule:akte-none@1", 0, None, "keine"),)),
            one("sender_name", sender, 0.95, "Erika", "Muster"), one("letter_date", "2026-10-11", 0.93, "11.10.2026"),
            one("kind", "Antrag", 0.92, "Abmeldung"), one("title", title, 0.9, "Abmeldung", "meines", "Hundes"),
            one("deadline", "2026-11-15", 0.8, "15.11.2026")]


def put_stack(db: Database, blobs: Blobs, cuts: Sequence[int], proposals: Sequence[Sequence[Proposal]] = (),
              at: datetime | None = None, access_class: str = "Poststelle") -> list[str]:
    """A stack whose documents have `cuts` pages each, all waiting at the desk; their ids. Fine pictures are there already."""
    total = sum(cuts)
    original = blobs.add_bytes(new_id().encode(), "stapel.pdf", "application/pdf")
    pages = [Page(number, 210.0, 297.0, "\n".join(" ".join(line) for line in LINES), words(), script="print")
             for number in range(1, total + 1)]
    chunk = blobs.add_bytes(pack(pages, [picture(number) for number in range(1, total + 1)]), "seiten", CHUNK_MEDIA_TYPE)
    fine = blobs.add_bytes(picture(0, 1240), "seite.jpg", "image/jpeg")
    new = Delivery(new_id(), TOWN, f"key/{new_id()}", "folder", "scanner", at or utcnow(),
                   Blob(original.sha256, "application/pdf", "stapel.pdf", original.size), batch="scanner 2026-11-22/01",
                   access_class=access_class)
    made = []
    with db.transaction() as tx:
        add_delivery(tx, new)
        add_parts(tx, new.id, TOWN, [Part(new.id, 0, None, new.original, total)])
        numbers = range(1, total + 1)
        add_page_reads(tx, TOWN, original.sha256, "test@1", [(number, chunk.sha256, 0.0) for number in numbers])
        add_page_reads(tx, TOWN, original.sha256, f"{PICTURE}/200/0", [(number, fine.sha256, 0.0) for number in numbers])
        first = 1
        for place, count in enumerate(cuts):
            refs = tuple(PageRef(0, number) for number in range(first, first + count))
            made.append(Document(new_id(), TOWN, new.id, refs, access_class=access_class))
            add_document(tx, made[-1], place, Cut("rule:test@1", evidence=("Anfang der Datei",)))
            first += count
        move_delivery(tx, new, DeliveryState.OPENED)
    for place, document in enumerate(made):
        propose(db, document.id, proposals[place] if place < len(proposals) else letter())
    return [document.id for document in made]


def propose(db: Database, document: str, found: Sequence[Proposal]) -> None:
    """What the machine does with a NEW document."""
    with db.transaction() as tx:
        put_proposals(tx, document, TOWN, found)
        move_document(tx, get_document(tx.connection, document), DocumentState.PROPOSED, why="Bitte prüfen Sie den Ort.")
