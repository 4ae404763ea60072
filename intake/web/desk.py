"""„Prüfen“: the queue and the desk. Every button is one verb of `review`; after it the desk shows what is next.

A late save (Stale) changes nothing: the desk comes back with what was typed and what is stored now side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from intake import review
from intake.db.access import see_document
from intake.db.core import Tx, utcnow
from intake.db.desk import first_waiting, next_waiting, note_opening, opened_by, seen_beside, titles_of
from intake.db.lists import DocumentLine, list_documents
from intake.db.plan import open_entries
from intake.db.waiting import waiting_for
from intake.errors import Refused, Stale
from intake.vocabulary import DocumentState, PageState, Role, Viewer
from intake.web import desk_view, fields, verbs
from intake.web.alike import alike_with
from intake.web.desk_view import Desk, desk_of
from intake.web.pages import fragment, go, page
from intake.web.rules import SignedIn, User, needs
from intake.web.state import Web, WebState

router = APIRouter(prefix="/pruefen", dependencies=[needs(Role.POSTSTELLE)])

LISTED = 200
Verb = Callable[[Tx, str, int], Any]


async def _form(request: Request) -> dict[str, str]:
    """The fields of the form as texts."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


Form = Annotated[dict[str, str], Depends(_form)]


# ---- look ------------------------------------------------------------------------------------------------------------


@router.get("")
def queue(request: Request, web: WebState, user: SignedIn) -> Response:
    """The documents that wait for a person, oldest first."""
    with web.db.read() as conn:
        lines = list_documents(conn, user.viewer, (DocumentState.PROPOSED,), limit=LISTED)
        held = opened_by(conn, [line.id for line in lines], utcnow(), user.viewer.name)
        entries = {entry.id: entry for entry in open_entries(conn, user.viewer.tenant, utcnow().astimezone().date())}
        first = first_waiting(conn, user.viewer)
    rows = [(line, entries.get(line.proposed.get("entry", ("", 0.0))[0]), doubts(line), held.get(line.id)) for line in lines]
    return page(request, "desk_queue.html", user, rows=rows, first=first, full=len(lines) == LISTED)


def doubts(line: DocumentLine) -> str:
    """What of a waiting document a clerk will look at first, in a word or two."""
    if line.blind:
        return "Stichprobe"
    if line.cut.doubtful:
        return "Schnitt unsicher"
    if "entry" not in line.proposed:
        return "kein Vorschlag"
    return "Ort unsicher" if line.proposed["entry"][1] < fields.SURE_PLACE else "sicher"


@router.get("/weiter")
def onwards(request: Request, web: WebState, user: SignedIn) -> Response:
    """On to the document that waits longest."""
    with web.db.read() as conn:
        first = first_waiting(conn, user.viewer)
    return RedirectResponse(f"/pruefen/{first}" if first else "/pruefen", 303)


@router.get("/{id}")
def desk(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """One document at the desk; for htmx the desk alone."""
    with web.db.read() as conn:
        found = desk_of(conn, user.viewer, id)
    if "hx-request" in request.headers:
        return _fragment(user, found)
    return page(request, "desk.html", user, desk=found, **_words())


@router.post("/{id}/offen")
def opened(web: WebState, user: SignedIn, id: str) -> Response:
    """Note that the clerk has it open; who else has is said."""
    with web.db.transaction() as tx:
        see_document(tx.connection, user.viewer, id)
        note_opening(tx, user.viewer.tenant, id, user.viewer.name)
        holder = opened_by(tx.connection, [id], tx.now, user.viewer.name).get(id)
    return fragment("_desk_holder.html", user, holder=holder)


@router.get("/{id}/suche")
def find(web: WebState, user: SignedIn, id: str, was: str = "entry", q: str = "") -> Response:
    """Candidates for the plan entry (`was=entry`) or the Akte (`was=file`) by words."""
    with web.db.read() as conn:
        search = desk_view.files_found if was == "file" else desk_view.entries_found
        found = search(conn, user.viewer, q)
    return fragment("_desk_found.html", user, found=found, was="file" if was == "file" else "entry", q=q.strip())


@router.get("/{id}/vorgaenge")
def cases(web: WebState, user: SignedIn, id: str, file: str = "") -> Response:
    """The Vorgänge of the Akte that was chosen."""
    with web.db.read() as conn:
        found = desk_view.cases_for(conn, user.viewer, file)
    return fragment("_desk_cases.html", user, cases=found, chosen="")


@router.get("/{id}/gleiche")
def alike(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """Waiting documents like this one; for htmx only the offer to look at them."""
    with web.db.read() as conn:
        found = alike_with(conn, user.viewer, id)
        shown = desk_of(conn, user.viewer, id)
    if "hx-request" in request.headers:
        return fragment("_desk_alike.html", user, id=id, count=len(found))
    return page(request, "desk_alike.html", user, desk=shown, lines=found)


@router.post("/{id}/gleiche")
def confirm_alike(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Approve the chosen ones as proposed, each in a transaction of its own: what changed meanwhile stays where it is."""
    chosen = [(name.removeprefix("ja."), value) for name, value in form.items() if name.startswith("ja.") and value.isdigit()]
    done = 0
    for document, revision in chosen:
        try:
            with web.db.transaction() as tx:
                see_document(tx.connection, user.viewer, document)
                review.approve(tx, document, int(revision), user.by, viewer=user.viewer)
            done += 1
        except (Stale, Refused):
            continue  # counted below: it waits on as it is
    left = len(chosen) - done
    said = f"{done} Schriftstücke freigegeben." + (f" {left} haben sich inzwischen geändert und warten weiter." if left else "")
    return go(request, "/pruefen/weiter", said, "warning" if left else "success")


# ---- decide ----------------------------------------------------------------------------------------------------------


@router.post("/{id}/ablegen")
def file(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """File under what the form says and open the next."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        return verbs.decide(tx, user.viewer, user.by, document, revision, verbs.draft_of(form))
    return _onwards(request, web, user, id, form, verb, "Freigegeben")


@router.post("/{id}/zurueckstellen")
def put_off(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Save what was typed, leave it waiting and open the next."""
    def verb(tx: Tx, document: str, revision: int) -> None:
        draft = verbs.draft_of(form)
        now = verbs.keep(tx, user.viewer, user.by, document, _at(tx, user.viewer, document, revision), draft)
        verbs.keep_place(tx, user.viewer, user.by, document, now, draft)
    return _onwards(request, web, user, id, form, verb, "Zurückgestellt")


@router.post("/{id}/klaerung")
def clarify(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Ask a question first: to the Klärung, and open the next."""
    def verb(tx: Tx, document: str, revision: int) -> None:
        draft = verbs.draft_of(form)
        now = verbs.keep(tx, user.viewer, user.by, document, _at(tx, user.viewer, document, revision), draft)
        review.clarify(tx, document, now, user.by, form.get("frage", ""))
    return _onwards(request, web, user, id, form, verb, "In die Klärung gegeben")


@router.post("/{id}/zurueckweisen")
def reject(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Irrläufer, advertising: it is not ours; the reason stays in the journal."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        return review.reject(tx, document, _at(tx, user.viewer, document, revision), user.by, form.get("grund", ""))
    return _onwards(request, web, user, id, form, verb, "Zurückgewiesen")


@router.post("/{id}/zurueck")
def take_back(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Undo what was decided last, and show the document again."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        if form.get("verfuegung"):
            return verbs.take_back(tx, user.viewer, user.by, document, revision)
        return review.undo(tx, document, _at(tx, user.viewer, document, revision), user.by)
    return _here(request, web, user, id, form, verb, lambda _: "", keep=False)


# ---- pages and documents ---------------------------------------------------------------------------------------------


@router.post("/{id}/trennen")
def cut(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Cut before the page `seite` (from 2); the first of the new documents is shown."""
    def verb(tx: Tx, document: str, revision: int) -> tuple[str, ...]:
        return review.cut(tx, document, _at(tx, user.viewer, document, revision), user.by, [_number(form, "seite")])
    return _here(request, web, user, id, form, verb, lambda made: made[0])


@router.post("/{id}/verbinden")
def join(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Join with the document before it in its delivery (the first one: with the one behind it), or with `mit`."""
    def verb(tx: Tx, document: str, revision: int) -> str:
        held = _at(tx, user.viewer, document, revision)
        beside = seen_beside(tx.connection, user.viewer, see_document(tx.connection, user.viewer, document).delivery)
        ids = [one.id for one in beside]
        here = ids.index(document)
        other = form.get("mit") or (ids[here - 1] if here else ids[1] if len(ids) > 1 else "")
        found = next((one for one in beside if one.id == other), None)
        if found is None:
            raise Refused("Es gibt kein anderes Schriftstück in dieser Sendung, mit dem sich dieses verbinden ließe.")
        pair = [(found.id, found.revision), (document, held)]
        return review.join(tx, pair if ids.index(found.id) < here else pair[::-1], user.by)
    return _here(request, web, user, id, form, verb, str)


@router.post("/{id}/drehen")
def rotate(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Turn the page `seite` clockwise by `grad` (90 unless given)."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        return review.rotate(tx, document, _at(tx, user.viewer, document, revision), user.by, _number(form, "seite"),
                             int(form.get("grad") or 90))
    return _here(request, web, user, id, form, verb)


@router.post("/{id}/reihen")
def reorder(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Move the page `seite` to the place `nach` (both from 1)."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        held = _at(tx, user.viewer, document, revision)
        order = list(range(1, len(see_document(tx.connection, user.viewer, document).pages) + 1))
        at, to = _number(form, "seite"), _number(form, "nach")
        if at in order:
            order.remove(at)
            order.insert(to - 1, at)
        return review.reorder(tx, document, held, user.by, order)
    return _here(request, web, user, id, form, verb)


@router.post("/{id}/anlage")
def attach(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Make it an Anlage of the document `zu`, or (none) a document of its own again."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        return review.attach(tx, document, _at(tx, user.viewer, document, revision), user.by, form.get("zu") or None)
    return _here(request, web, user, id, form, verb)


@router.post("/{id}/herausnehmen")
def set_aside(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Take the page `seite` out as blank, or as a separator (`als=trennblatt`)."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        state = PageState.SEPARATOR if form.get("als") == "trennblatt" else PageState.BLANK
        return review.set_aside(tx, document, _at(tx, user.viewer, document, revision), user.by, _number(form, "seite"), state)
    return _here(request, web, user, id, form, verb)


@router.post("/{id}/einfuegen")
def put_back_page(request: Request, web: WebState, user: SignedIn, id: str, form: Form) -> Response:
    """Put a blank page or separator of the delivery (`teil`, `blatt`) back into this document."""
    def verb(tx: Tx, document: str, revision: int) -> int:
        return review.put_back_page(tx, document, _at(tx, user.viewer, document, revision), user.by, _number(form, "teil"),
                                    _number(form, "blatt"))
    return _here(request, web, user, id, form, verb)


# ---- how a verb is run and answered ----------------------------------------------------------------------------------


def _at(tx: Tx, viewer: Viewer, id: str, revision: int) -> int:
    """`revision`, when the viewer may see the document at all. Raises Refused."""
    see_document(tx.connection, viewer, id)
    return revision


def _number(form: Mapping[str, str], name: str) -> int:
    value = form.get(name, "")
    if not value.isdecimal() or len(value) > 6:
        raise Refused("Welche Seite ist gemeint? Wählen Sie sie im Streifen oben aus.")
    return int(value)


def _onwards(request: Request, web: Web, user: User, id: str, form: Mapping[str, str], verb: Verb, said: str) -> Response:
    """Run a verb that ends the work on a document; then the next one, with the offer to take it back."""
    try:
        with web.db.transaction() as tx:
            made = verb(tx, id, _number(form, "revision"))
            after = next_waiting(tx.connection, user.viewer, id)
            title = titles_of(tx.connection, [id]).get(id, "Schriftstück")
    except (Stale, Refused) as error:
        return _again(web, user, id, form, error)
    if after is None:
        return go(request, "/pruefen", f"{said}: {title}. Es wartet nichts mehr auf Prüfung.")
    with web.db.read() as conn:
        found = desk_of(conn, user.viewer, after)
        left = waiting_for(conn, user.viewer).documents
    done = {"id": id, "said": said, "title": title, "decision": made if isinstance(made, int) else None}
    return _fragment(user, found, done=done, left=left)


def _here(request: Request, web: Web, user: User, id: str, form: Mapping[str, str], verb: Verb,
          which: Callable[[Any], str] | None = None, *, keep: bool = True) -> Response:
    """Run a verb and show the document again (or the one that came of it), with what was typed."""
    try:
        with web.db.transaction() as tx:
            made = verb(tx, id, _number(form, "revision"))
        shown = which(made) if which is not None else ""
    except (Stale, Refused) as error:
        return _again(web, user, id, form, error)
    draft = verbs.draft_of(form) if keep else None
    with web.db.read() as conn:
        found = desk_of(conn, user.viewer, shown or id, draft)
    return _fragment(user, found, moved_from=id if shown else "", at="1" if shown else form.get("seite", "1"))


def _again(web: Web, user: User, id: str, form: Mapping[str, str], error: Stale | Refused) -> Response:
    """The desk as it is now, with what was typed: nothing was saved, nothing is lost. For htmx beside the sentence."""
    draft = verbs.draft_of(form)
    with web.db.read() as conn:
        found = desk_of(conn, user.viewer, id, draft)
    stale = isinstance(error, Stale)
    return _fragment(user, found, status=409 if stale else 422, sentence=str(error), stale=stale, at=form.get("seite", "1"))


def _fragment(user: User, found: Desk, *, status: int = 200, **said: Any) -> Response:
    response = fragment("_desk_answer.html", user, status=status, desk=found, **_words(**said))
    response.headers["HX-Push-Url"] = f"/pruefen/{found.document.id}"
    return response


def _words(**said: Any) -> dict[str, Any]:
    """What the template of the desk is told beside the document."""
    return {"done": None, "left": None, "moved_from": "", "sentence": "", "stale": False, "at": "1", "kinds": fields.KINDS,
            **said}

