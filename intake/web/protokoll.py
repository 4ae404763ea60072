"""Protokoll: who did what, as the journal has it; of one delivery, printable."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from intake import journal, transfernote, transferpdf
from intake.db.access import may_see_delivery, see_document
from intake.db.core import utcnow
from intake.db.deliveries import get_delivery
from intake.db.documents import get_document
from intake.db.filings import filing_of_document
from intake.db.history import documents_ever, entry_texts, hidden_subjects, newest_entries, numbers_about
from intake.db.lists import PARTLY, id_by_ending
from intake.db.plan import all_entries
from intake.errors import Refused
from intake.journal import Entry
from intake.vocabulary import NOTE_TYPE, Blob, Delivery, Filing
from intake.web.menu import ADMIN, AUDIT, HEAD, POST
from intake.web.pages import go, page
from intake.web.rules import SignedIn, User, needs
from intake.web.state import WebState
from intake.web.words import ACTIONS, SUBJECTS, actor_words, told

router = APIRouter(prefix="/protokoll")
NEWEST = 200


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is shown: who, what, about what (kind and end of the id), and what it says in words."""

    entry: Entry
    who: str
    what: str
    about: tuple[tuple[str, str], ...]
    said: str


@router.get("", dependencies=[needs(HEAD, ADMIN, AUDIT)])
def newest(request: Request, web: WebState, user: SignedIn, nummer: Annotated[str, Query(max_length=40)] = "") -> Response:
    """The newest entries; with a number on to what it names."""
    with web.db.read() as conn:
        if nummer.strip():
            return go(request, f"/protokoll/{_delivery_named(conn, user, nummer.strip())}")
        found = _entries(conn, user.tenant.name, newest_entries(conn, user.tenant.name, NEWEST))
        lines = _lines(conn, user, found[::-1])
    return page(request, "protokoll.html", user, lines=lines, newest=NEWEST, SUBJECTS=SUBJECTS)


def _delivery_named(conn: Connection, user: User, ending: str) -> str:
    try:
        return id_by_ending(conn, user.viewer, ending, "delivery")
    except Refused:
        return get_document(conn, id_by_ending(conn, user.viewer, ending, "document")).delivery


@router.get("/{id}", dependencies=[needs(POST, HEAD, ADMIN, AUDIT)])
def of_delivery(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """Everything that happened to one delivery and its documents, in order."""
    with web.db.read() as conn:
        delivery = seen_delivery(conn, user, id)
        whole = may_see_delivery(conn, user.viewer, id, whole=True)
        subjects = [id, *documents_ever(conn, user.viewer, id)]
        lines = _lines(conn, user, _entries(conn, user.tenant.name, numbers_about(conn, user.tenant.name, subjects)))
        notes = [one for one in subjects[1:] if user.may(POST, HEAD, AUDIT) and _note(conn, one)]
    return page(request, "protokoll_sendung.html", user, delivery=delivery, name=delivery.original.name if whole else PARTLY,
                whole=whole, lines=lines, SUBJECTS=SUBJECTS, now=utcnow(), notes=notes)


@router.get("/schriftstueck/{id}/transfervermerk", dependencies=[needs(POST, HEAD, AUDIT)])
def transfer_note(web: WebState, user: SignedIn, id: str) -> Response:
    """The Transfervermerk of a filed document as a PDF to print."""
    with web.db.read() as conn:
        document = see_document(conn, user.viewer, id)
        found = _note(conn, document.id)
    if found is None:
        raise Refused("Dieses Schriftstück hat keinen Transfervermerk: Es ist nicht abgelegt, oder es wurde nicht gescannt.")
    filing, blob = found
    made = json.loads(web.blobs(user.tenant.name).read(blob.sha256))
    others = [one.sha256 for one in filing.originals if one.media_type != NOTE_TYPE]
    with tempfile.TemporaryDirectory(prefix="poststelle-note-") as folder:
        target = Path(folder) / "transfervermerk.pdf"
        transferpdf.draw(made, target, transfernote.faults(made, filing.pdf.sha256, others))
        data = target.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="transfervermerk-{document.id[-8:]}.pdf"',
               "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'"}
    return Response(data, media_type="application/pdf", headers=headers)


def _note(conn: Connection, document: str) -> tuple[Filing, Blob] | None:
    """What a document is filed as, and its Transfervermerk; None when it has none."""
    filing = filing_of_document(conn, document)
    blob = next((one for one in filing.originals if one.media_type == NOTE_TYPE), None) if filing else None
    return (filing, blob) if filing and blob else None


def seen_delivery(conn: Connection, user: User, id: str) -> Delivery:
    """The delivery; raises Refused as for an unknown number when it does not exist for this person."""
    if not may_see_delivery(conn, user.viewer, id):
        raise Refused("Diese Sendung gibt es nicht. Prüfen Sie die Nummer.")
    return get_delivery(conn, id)


def _entries(conn: Connection, tenant: str, seqs: list[int]) -> list[Entry]:
    return [journal.entry_from(json.loads(text), digest) for text, digest in entry_texts(conn, tenant, seqs)]


def _lines(conn: Connection, user: User, found: list[Entry]) -> list[Line]:
    """The entries about nothing that is hidden from this person, with what they say."""
    hidden = hidden_subjects(conn, user.viewer, [pair for one in found for pair in one.subjects.items()])
    seen = [one for one in found if not hidden & set(one.subjects.values())]
    values = journal.values(conn, user.tenant.name, [one.seq for one in seen]) if seen else {}
    names = {one.id: f"{one.notation} {one.title}" for one in all_entries(conn, user.tenant.name)} if values else {}
    return [Line(one, actor_words(one.actor), ACTIONS.get(one.action, one.action), tuple(one.subjects.items()),
                 told(values[one.seq], names) if one.seq in values else "") for one in seen]
