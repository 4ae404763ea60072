"""/api/v1 for third systems: everything the desk can do, by the same rules, as JSON described in OpenAPI.

Who calls is known by a person's token (`Authorization: Bearer`). What changes a document names the revision it was seen in,
in the header `If-Match: "7"` or in the field `revision`; a document that moved meanwhile is 412, one that cannot be decided so
is 422, both as `application/problem+json` with a German sentence. Nothing is decided here: every route is one verb of `review`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from intake import review
from intake.db.access import may_see_delivery, see_document, seen_proposals
from intake.db.core import Tx
from intake.db.documents import live_decision, proposals_of
from intake.db.forecasts import PLACE, blind
from intake.db.lists import id_by_ending, list_deliveries, list_documents, list_problems
from intake.errors import Refused, Stale
from intake.vocabulary import Document, DocumentState, PageState, Role, Viewer
from intake.web import desk_view, pictures
from intake.web.rules import SignedIn, User, needs
from intake.web.state import Web, WebState

T = TypeVar("T")
DECIDES = needs(Role.POSTSTELLE)
LOOKS = needs(Role.POSTSTELLE, Role.SACHBEARBEITUNG, Role.LEITUNG, Role.REVISION)
router = APIRouter(prefix="/api/v1", responses={
    401: {"description": "Kein oder kein gültiger Zugang."}, 403: {"description": "Die Rolle fehlt."},
    412: {"description": "Inzwischen geändert."}, 422: {"description": "So geht es nicht; der Satz sagt, was zu tun ist."},
    428: {"description": "Die Revision fehlt."}})
IfMatch = Annotated[str, Header(description='Die gesehene Revision, etwa "7".')]
Text = Annotated[str, Field(max_length=2000)]
Id = Annotated[str, Field(min_length=1, max_length=26)]
PageNumber = Annotated[int, Field(ge=1, le=100_000)]


class Missing(Refused):
    """It does not exist (for the caller)."""

    status = 404


class Precondition(Refused):
    """No revision was named."""

    status = 428


class Late(Stale):
    """The revision is not the present one any more."""

    status = 412


class Body(BaseModel):
    """What is sent: unknown fields are refused, so that a slip of the pen is no silence."""

    model_config = ConfigDict(extra="forbid")
    revision: int | None = Field(None, ge=1, le=2**31 - 1, description="Statt If-Match.")


class Approval(Body):
    """Verfügung: values that overrule the proposals ("" removes one); `entry` or `file` names the place."""

    values: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")], Text] = {}


class Correction(Body):
    """What is right for a field, and where on the document it stands."""

    field: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    value: Text
    page: Annotated[int, Field(ge=0, le=100_000)] = 0
    box: tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)],
               Annotated[float, Field(ge=0, le=1)]] | None = None


class Cutting(Body):
    """Cut before these pages (2..n)."""

    before: Annotated[list[PageNumber], Field(min_length=1, max_length=10_000)]


class Seen(BaseModel):
    """A document in the revision in which it was seen."""

    model_config = ConfigDict(extra="forbid")
    id: Id
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Joining(BaseModel):
    """Join these, in this order."""

    model_config = ConfigDict(extra="forbid")
    documents: Annotated[list[Seen], Field(min_length=2, max_length=1000)]


class Rotation(Body):
    """Turn a page clockwise."""

    page: PageNumber
    degrees: Annotated[int, Field(ge=-270, le=270, multiple_of=90)] = 90


class Order(Body):
    """Every page once, in the new order."""

    order: Annotated[list[PageNumber], Field(min_length=1, max_length=10_000)]


class Parent(Body):
    """The main document, or none."""

    parent: Id | None = None


class Aside(Body):
    """Take a page out as blank or as a separator."""

    page: PageNumber
    as_: PageState = Field(PageState.BLANK, alias="as")


class Loose(Body):
    """A page of the delivery that lies in no document."""

    part: Annotated[int, Field(ge=0, le=100_000)]
    number: PageNumber


class Question(Body):
    """What is to be found out first."""

    question: Annotated[str, Field(min_length=1, max_length=2000)]


class Why(Body):
    """Why it is rejected."""

    why: Text = ""


class Resolving(BaseModel):
    """One of the ways a Klärungsfall offers."""

    model_config = ConfigDict(extra="forbid")
    how: Annotated[str, Field(max_length=40)]
    note: Text = ""


# ---- look ------------------------------------------------------------------------------------------------------------


@router.get("/documents", dependencies=[LOOKS])
def documents(web: WebState, user: SignedIn, state: DocumentState = DocumentState.PROPOSED,
              limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[dict[str, Any]]:
    """The documents in a state, in the order they came in, with their best proposals."""
    with web.db.read() as conn:
        lines = list_documents(conn, user.viewer, (state,), limit=limit)
    return [{"id": line.id, "delivery": line.delivery, "state": line.state, "revision": line.revision, "title": line.title,
             "received_at": line.received_at, "pages": line.pages, "parent": line.parent, "why": line.why, "blind": line.blind,
             "proposed": {name: {"value": value, "probability": sure} for name, (value, sure) in line.proposed.items()},
             "decided": line.decided, "file": line.filed} for line in lines]


@router.get("/documents/{id}", dependencies=[LOOKS])
def document(web: WebState, user: SignedIn, id: str, response: Response) -> dict[str, Any]:
    """One document with all proposals, their evidence and its pages; its revision also as ETag."""
    with web.db.read() as conn:
        found = _document(conn_viewer := (conn, user.viewer), id)
        hidden = bool(blind(conn, [found.id]))
        proposals = [one for one in seen_proposals(*conn_viewer, proposals_of(conn, found.id))
                     if not hidden or one.field not in PLACE or one.evidence[0].by.startswith("clerk:")]
        decision = live_decision(conn, found.id)
    response.headers["ETag"] = f'"{found.revision}"'
    return {
        "id": found.id, "delivery": found.delivery, "state": found.state, "revision": found.revision, "parent": found.parent,
        "access_class": found.access_class, "blind": hidden,
        "pages": [{"part": ref.part, "number": ref.number, "rotation": ref.rotation} for ref in found.pages],
        "proposals": [{"field": one.field, "value": one.value, "raw": one.raw, "probability": one.confidence,
                       "checks": one.checks, "evidence": [
                           {"by": it.by, "page": it.page, "box": it.box, "text": it.text} for it in one.evidence]}
                      for one in proposals],
        "decision": {"values": decision.values, "by": decision.by, "at": decision.at} if decision else None}


@router.get("/documents/{id}/pages/{number}/preview", dependencies=[LOOKS], response_class=Response)
def preview(web: WebState, user: SignedIn, id: str, number: int) -> Response:
    """The stored preview of a page (JPEG, about 110 dpi), upright as it was read."""
    return pictures.preview(web, user, _known(web, user, id), number)


@router.get("/documents/{id}/pages/{number}/image", dependencies=[LOOKS], response_class=Response)
def image(web: WebState, user: SignedIn, id: str, number: int) -> Response:
    """The fine picture of a page (JPEG, 200 dpi)."""
    return pictures.image(web, user, _known(web, user, id), number)


@router.get("/documents/{id}/pages/{number}/words", dependencies=[LOOKS])
def words(web: WebState, user: SignedIn, id: str, number: int) -> Response:
    """The words of a page with their boxes (fractions from the top left)."""
    return pictures.words(web, user, _known(web, user, id), number)


@router.get("/deliveries", dependencies=[LOOKS])
def deliveries(web: WebState, user: SignedIn, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[dict[str, Any]]:
    """The newest deliveries, the oldest of them first."""
    with web.db.read() as conn:
        lines = list_deliveries(conn, user.viewer, limit=limit)
    return [{"id": line.id, "state": line.state, "revision": line.revision, "received_at": line.received_at, "name": line.name,
             "source": line.source, "batch": line.batch, "position": line.position, "twin_of": line.twin_of, "pages": line.pages}
            for line in lines]


@router.get("/deliveries/{id}/original", dependencies=[LOOKS], response_class=Response)
def original(web: WebState, user: SignedIn, id: str) -> Response:
    """The untouched original as an attachment."""
    return pictures.original(web, user, id)


@router.get("/problems", dependencies=[DECIDES])
def problems(web: WebState, user: SignedIn) -> list[dict[str, Any]]:
    """The open Klärungsfälle, oldest first, with the ways each offers."""
    with web.db.read() as conn:
        found = list_problems(conn, user.viewer)
    return [{"id": one.id, "subject_kind": one.subject_kind, "subject": one.subject, "reason": one.reason, "title": one.title,
             "detail": one.detail, "resolutions": one.resolutions, "opened_at": one.opened_at} for one in found]


@router.get("/aktenplan", dependencies=[LOOKS])
def aktenplan(web: WebState, user: SignedIn, q: Annotated[str, Query(max_length=200)]) -> list[dict[str, Any]]:
    """Plan entries by number, title or keyword, best first."""
    with web.db.read() as conn:
        return [{"id": one.value, "notation": one.number, "title": one.title}
                for one in desk_view.entries_found(conn, user.viewer, q)]


@router.get("/files", dependencies=[LOOKS])
def files(web: WebState, user: SignedIn, q: Annotated[str, Query(max_length=200)]) -> list[dict[str, Any]]:
    """Open Akten by Aktenzeichen, title, parcel or address."""
    with web.db.read() as conn:
        return [{"id": one.value, "reference": one.number, "title": one.title, "entry": one.entry}
                for one in desk_view.files_found(conn, user.viewer, q)]


# ---- decide ----------------------------------------------------------------------------------------------------------


@router.put("/documents/{id}/decision", dependencies=[DECIDES])
def approve(web: WebState, user: SignedIn, id: str, body: Approval, if_match: IfMatch = "") -> dict[str, Any]:
    """Freigeben: the best proposals, overruled by `values`; it is filed soon after."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "revision": review.approve(tx, document, seen, user.by, body.values, viewer=user.viewer)})


@router.delete("/documents/{id}/decision", dependencies=[DECIDES])
def undo(web: WebState, user: SignedIn, id: str, if_match: IfMatch = "") -> dict[str, Any]:
    """Rückgängig: the decision, a filing, a rejection, or the last cut or join."""
    return _do(web, user, id, Body(revision=None), if_match, lambda tx, document, seen: {
        "revision": review.undo(tx, document, seen, user.by)})


@router.post("/documents/{id}/proposals", dependencies=[DECIDES])
def correct(web: WebState, user: SignedIn, id: str, body: Correction, if_match: IfMatch = "") -> dict[str, Any]:
    """Berichtigen: a proposal before those of the machine ("" says: there is none)."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "revision": review.correct(tx, document, seen, user.by, body.field, body.value, body.page, body.box)})


@router.post("/documents/{id}/cuts", dependencies=[DECIDES])
def cut(web: WebState, user: SignedIn, id: str, body: Cutting, if_match: IfMatch = "") -> dict[str, Any]:
    """Trennen; the ids of the new documents, for which the machine proposes anew."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "documents": review.cut(tx, document, seen, user.by, body.before)})


@router.post("/documents/joins", dependencies=[DECIDES])
def join(web: WebState, user: SignedIn, body: Joining) -> dict[str, Any]:
    """Verbinden; the id of the new document."""
    with web.db.transaction() as tx:
        for one in body.documents:
            _document((tx.connection, user.viewer), one.id)
        return {"document": _late(lambda: review.join(tx, [(one.id, one.revision) for one in body.documents], user.by))}


@router.post("/documents/{id}/rotations", dependencies=[DECIDES])
def rotate(web: WebState, user: SignedIn, id: str, body: Rotation, if_match: IfMatch = "") -> dict[str, Any]:
    """Drehen."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "revision": review.rotate(tx, document, seen, user.by, body.page, body.degrees)})


@router.put("/documents/{id}/order", dependencies=[DECIDES])
def reorder(web: WebState, user: SignedIn, id: str, body: Order, if_match: IfMatch = "") -> dict[str, Any]:
    """Neu reihen."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "revision": review.reorder(tx, document, seen, user.by, body.order)})


@router.put("/documents/{id}/parent", dependencies=[DECIDES])
def attach(web: WebState, user: SignedIn, id: str, body: Parent, if_match: IfMatch = "") -> dict[str, Any]:
    """Zur Anlage machen, oder (null) wieder eigenständig."""
    def verb(tx: Tx, document: str, seen: int) -> dict[str, Any]:
        if body.parent is not None:
            _document((tx.connection, user.viewer), body.parent)
        return {"revision": review.attach(tx, document, seen, user.by, body.parent)}
    return _do(web, user, id, body, if_match, verb)


@router.post("/documents/{id}/pages/aside", dependencies=[DECIDES])
def set_aside(web: WebState, user: SignedIn, id: str, body: Aside, if_match: IfMatch = "") -> dict[str, Any]:
    """Eine Seite als leer oder als Trennblatt herausnehmen."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "revision": review.set_aside(tx, document, seen, user.by, body.page, body.as_)})


@router.post("/documents/{id}/pages/back", dependencies=[DECIDES])
def put_back_page(web: WebState, user: SignedIn, id: str, body: Loose, if_match: IfMatch = "") -> dict[str, Any]:
    """Eine Leer- oder Trennseite wieder einfügen."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "revision": review.put_back_page(tx, document, seen, user.by, body.part, body.number)})


@router.post("/documents/{id}/questions", dependencies=[DECIDES])
def clarify(web: WebState, user: SignedIn, id: str, body: Question, if_match: IfMatch = "") -> dict[str, Any]:
    """In die Klärung geben; the id of the Klärungsfall."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "problem": review.clarify(tx, document, seen, user.by, body.question)})


@router.post("/documents/{id}/rejection", dependencies=[DECIDES])
def reject(web: WebState, user: SignedIn, id: str, body: Why, if_match: IfMatch = "") -> dict[str, Any]:
    """Zurückweisen (Irrläufer, Werbung)."""
    return _do(web, user, id, body, if_match, lambda tx, document, seen: {
        "revision": review.reject(tx, document, seen, user.by, body.why)})


@router.post("/problems/{id}/resolution", dependencies=[DECIDES])
def resolve(web: WebState, user: SignedIn, id: str, body: Resolving) -> dict[str, Any]:
    """Einen Klärungsfall lösen, auf einem der Wege, die er nennt."""
    with web.db.transaction() as tx:
        problem = _missing(lambda: id_by_ending(tx.connection, user.viewer, id, "problem"))
        _late(lambda: review.resolve(tx, problem, user.by, body.how, body.note))
    return {"id": problem}


@router.post("/deliveries/{id}/processing", dependencies=[DECIDES])
def process_anyway(web: WebState, user: SignedIn, id: str, body: Body, if_match: IfMatch = "") -> dict[str, Any]:
    """Eine Dublette trotzdem bearbeiten."""
    return _delivery(web, user, id, body, if_match, lambda tx, delivery, seen: {
        "revision": review.process_anyway(tx, delivery, seen, user.by)})


@router.post("/deliveries/{id}/rejection", dependencies=[DECIDES])
def reject_delivery(web: WebState, user: SignedIn, id: str, body: Body, if_match: IfMatch = "") -> dict[str, Any]:
    """Eine Sendung zurückweisen; ihr Original bleibt."""
    return _delivery(web, user, id, body, if_match, lambda tx, delivery, seen: {
        "revision": review.reject_delivery(tx, delivery, seen, user.by)})


@router.post("/deliveries/{id}/pages/document", dependencies=[DECIDES])
def page_as_document(web: WebState, user: SignedIn, id: str, body: Loose, if_match: IfMatch = "") -> dict[str, Any]:
    """Eine Leer- oder Trennseite zu einem eigenen Schriftstück machen; its id."""
    return _delivery(web, user, id, body, if_match, lambda tx, delivery, seen: {
        "document": review.page_as_document(tx, delivery, seen, user.by, body.part, body.number)})


# ---- how a verb is run -----------------------------------------------------------------------------------------------


Verb = Callable[[Tx, str, int], dict[str, Any]]


def _do(web: Web, user: User, id: str, body: Body, if_match: str, verb: Verb) -> dict[str, Any]:
    """Run a verb on a document that the caller may see, at the revision that he named."""
    seen = _revision(body, if_match)
    with web.db.transaction() as tx:
        found = _document((tx.connection, user.viewer), id)
        return _late(lambda: verb(tx, found.id, seen))


def _delivery(web: Web, user: User, id: str, body: Body, if_match: str, verb: Verb) -> dict[str, Any]:
    seen = _revision(body, if_match)
    with web.db.transaction() as tx:
        if not may_see_delivery(tx.connection, user.viewer, id, whole=True):
            raise Missing(f"Die Sendung {id} gibt es nicht. Prüfen Sie die Nummer.")
        return _late(lambda: verb(tx, id, seen))


def _revision(body: Body, if_match: str) -> int:
    named = re.fullmatch(r'(?:W/)?"?(\d{1,9})"?', if_match.strip())
    if if_match.strip() and named is None:
        raise Precondition('Der Kopf If-Match nennt keine Revision. Schreiben Sie sie als If-Match: "7".')
    revision = int(named[1]) if named else body.revision
    if revision is None:
        raise Precondition('Welche Revision haben Sie gesehen? Nennen Sie sie im Kopf If-Match: "7" oder im Feld revision.')
    return revision


def _late(verb: Callable[[], T]) -> T:
    """What the verb gives; a lost race as 412."""
    try:
        return verb()
    except Stale as error:
        raise Late(str(error)) from error


def _missing(look: Callable[[], T]) -> T:
    try:
        return look()
    except Refused as error:
        raise Missing(str(error)) from error


def _document(who: tuple[Connection, Viewer], id: str) -> Document:
    """The document with this id or this ending of an id; Missing when the caller may not see one."""
    conn, viewer = who
    return _missing(lambda: see_document(conn, viewer, id_by_ending(conn, viewer, id, "document")))


def _known(web: Web, user: User, id: str) -> str:
    with web.db.read() as conn:
        return _document((conn, user.viewer), id).id
