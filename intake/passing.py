"""What an office does with a document that was filed to it: read it, take note, pass it on, send an Irrläufer back.

Sending back undoes the filing: the document waits at the desk again, with the note of who sent it back and why.
"""

from __future__ import annotations

from intake import officemail, review
from intake.config import Tenant
from intake.db.access import see_document
from intake.db.core import Tx
from intake.db.incoming import Kind, add_notice, one_arrived
from intake.errors import Refused
from intake.journal import record
from intake.vocabulary import Viewer

LONGEST = 1000


def mark(tx: Tx, viewer: Viewer, document: str, kind: Kind) -> None:
    """Mark as read ("read") or as taken note of ("info") by the viewer; twice is once. Raises Refused when it is not his."""
    found = one_arrived(tx.connection, viewer, document)
    if found is None:
        raise _gone(document)
    if not any(one.kind == kind and one.by == viewer.name for one in found.notices):
        add_notice(tx, viewer.tenant, document, kind, viewer.name)
        if kind == "info":
            _record(tx, viewer, "document.noted", document)


def forward(tx: Tx, tenant: Tenant, viewer: Viewer, document: str, to: str, note: str = "") -> None:
    """Pass it on to an office or a person (`to`) with a word to it; it is read for the viewer. Raises Refused.

    An office hears at once of what is urgent.
    """
    name = " ".join(to.split())
    if not name or len(name) > 120:
        raise Refused("An wen soll es gehen? Nennen Sie ein Amt oder das Kürzel einer Person.")
    if one_arrived(tx.connection, viewer, document) is None:
        raise _gone(document)
    add_notice(tx, viewer.tenant, document, "forward", viewer.name, name, _short(note))
    mark(tx, viewer, document, "read")
    officemail.plan_urgent(tx, tenant, document, name)
    _record(tx, viewer, "document.forwarded", document, to=name)


def send_back(tx: Tx, viewer: Viewer, by: str, document: str, revision: int, note: str) -> int:
    """Irrläufer: the filing is undone and the document waits at the desk again, with the note. Returns its revision.

    Raises Stale, and Refused without a note or when it is not in the viewer's Eingang.
    """
    if not note.strip():
        raise Refused("Schreiben Sie in einem Satz, warum es nicht zu Ihnen gehört; das hilft der Poststelle.")
    if one_arrived(tx.connection, viewer, document) is None:
        raise _gone(document)
    made = review.undo(tx, document, revision, by)
    add_notice(tx, viewer.tenant, document, "return", viewer.name, "", _short(note))
    _record(tx, viewer, "document.sent_back", document)
    return made


def _short(note: str) -> str:
    return " ".join(note.split())[:LONGEST]


def _gone(document: str) -> Refused:
    return Refused(f"Das Schriftstück {document} liegt nicht in Ihrem Eingang. Laden Sie die Liste neu.")


def _record(tx: Tx, viewer: Viewer, action: str, document: str, to: str = "") -> None:
    delivery = see_document(tx.connection, viewer, document).delivery if action != "document.sent_back" else ""
    subjects = {"document": document} | ({"delivery": delivery} if delivery else {})
    record(tx, viewer.tenant, f"clerk:{viewer.name}", action, subjects=subjects, new={"to": to} if to else None)
