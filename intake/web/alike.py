"""„Diese 12 gleich bestätigen“: waiting documents that are proposed alike and surely, to be approved in one go."""

from __future__ import annotations

from sqlalchemy import Connection

from intake.db.access import see_document
from intake.db.desk import waiting_after
from intake.db.lists import DocumentLine, list_documents
from intake.vocabulary import DocumentState, Viewer
from intake.web.fields import SURE_PLACE

LOOKED_AT = 60
"""So many documents behind the one at the desk are compared with it."""


def alike_with(conn: Connection, viewer: Viewer, id: str) -> tuple[DocumentLine, ...]:
    """This document and those waiting behind it that go to the same entry and Akte, of the same sender and kind.

    All of them sure, none a blind sample, none with a doubtful cut, no Anlagen; () when there is no other.
    """
    see_document(conn, viewer, id)
    near = [id, *waiting_after(conn, viewer, id, LOOKED_AT)]
    lines = list_documents(conn, viewer, (DocumentState.PROPOSED,), only=near)
    own = next((line for line in lines if line.id == id), None)
    if own is None or not _sure(own):
        return ()
    found = tuple(line for line in lines if _sure(line) and _like(line) == _like(own))
    return found if len(found) > 1 else ()


def _sure(line: DocumentLine) -> bool:
    sure = line.proposed.get("entry", ("", 0.0))[1]
    return sure >= SURE_PLACE and not line.blind and not line.cut.doubtful and line.parent is None


def _like(line: DocumentLine) -> tuple[str, ...]:
    """What must be equal. Where a new Akte is surer, each would get one of its own: those are not alike."""
    file, sure = line.proposed.get("file", ("", 0.0))
    new = "new_file" in line.proposed and line.proposed["new_file"][1] > sure
    return (line.proposed.get("entry", ("", 0.0))[0], line.id if new or not file else file,
            line.proposed.get("sender_name", ("", 0.0))[0], line.proposed.get("kind", ("", 0.0))[0])
