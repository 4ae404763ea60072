"""„Akten“: browse the plan, look into an Akte with its Vorgänge, search in what was filed with the hits on the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from intake import akten as verbs
from intake.aktenplan import tree
from intake.db.access import see_document, visible_entries
from intake.db.asking import FACETS
from intake.db.core import utcnow
from intake.db.efile import FiledLine, list_files, show_file, versions_of
from intake.db.plan import open_entries
from intake.db.search import HITS, Facet, search
from intake.errors import Refused
from intake.query import understand
from intake.vocabulary import AktenplanEntry, Role
from intake.web.desk import Form
from intake.web.desk_view import sheets_of
from intake.web.pages import go, page
from intake.web.rules import SignedIn, needs
from intake.web.state import WebState

router = APIRouter(prefix="/akten", dependencies=[needs(Role.POSTSTELLE, Role.SACHBEARBEITUNG, Role.LEITUNG, Role.REVISION)])
KEEPS = needs(Role.SACHBEARBEITUNG, Role.LEITUNG)
LISTED = 100
FACET_NAMES = {"kind": "Art", "year": "Jahr", "branch": "Aktenplan", "sender": "Absender", "parcel": "Flurstück",
               "state": "Stand"}


@router.get("")
def plan(request: Request, web: WebState, user: SignedIn, q: Annotated[str, Query(max_length=400)] = "",
         ab: Annotated[int, Query(ge=0, le=10_000)] = 0) -> Response:
    """The plan as a tree; with `q` what was found, with its facets (other names of the query) and pages of hits (`ab`)."""
    chosen = {name: value[:200] for name, value in request.query_params.items() if name in FACETS and value}
    if q.strip() or chosen:
        with web.db.read() as conn:
            found = search(conn, user.viewer, q, chosen=chosen, first=ab)
        return page(request, "akten_suche.html", user, q=q, found=found, chosen=chosen, links=_links(q, chosen, found.facets),
                    ab=ab, step=HITS, more=_address(q, chosen, ab + HITS) if ab + HITS < found.total else "", names=FACET_NAMES,
                    words=" ".join(_words(q)))
    with web.db.read() as conn:
        entries = open_entries(conn, user.viewer.tenant, utcnow().astimezone().date())
        mine = visible_entries(conn, user.viewer)
    return page(request, "akten.html", user, q="", branches=_nested(entries), mine=mine)


def _words(question: str) -> Sequence[str]:
    """The words of a question as they are looked for on a page."""
    asked = understand(question)
    values = (*asked.words, *asked.phrases, *(value for _, value in asked.fields))
    return list(dict.fromkeys(word.strip("*.,;:") for value in values for word in value.split()))


def _address(q: str, chosen: dict[str, str], ab: int = 0) -> str:
    return f"/akten?{urlencode({'q': q, **chosen, **({'ab': str(ab)} if ab else {})})}"


def _links(q: str, chosen: dict[str, str], facets: Sequence[Facet]) -> dict[tuple[str, str], str]:
    """Where each value of each facet leads: to the question with it, or without it where it is chosen."""
    links = {}
    for facet in facets:
        for one in facet.choices:
            rest = {name: value for name, value in chosen.items() if name != facet.name}
            links[facet.name, one.value] = _address(q, rest if chosen.get(facet.name) == one.value else
                                                    {**rest, facet.name: one.value})
    return links


Branch = tuple[AktenplanEntry, list["Branch"]]


def _nested(entries: Sequence[AktenplanEntry]) -> list[Branch]:
    """The plan as branches within branches, in plan order."""
    top: list[Branch] = []
    path: list[Branch] = []
    for depth, entry in tree(entries):
        made: Branch = (entry, [])
        del path[depth:]
        (path[-1][1] if path else top).append(made)
        path.append(made)
    return top


@router.get("/plan/{entry}")
def branch(request: Request, web: WebState, user: SignedIn, entry: str, q: Annotated[str, Query(max_length=200)] = "",
           nach: Annotated[str, Query(max_length=160)] = "") -> Response:
    """The Akten under an entry of the plan, by Aktenzeichen (`nach`: behind this one)."""
    with web.db.read() as conn:
        entries = {one.id: one for one in open_entries(conn, user.viewer.tenant, utcnow().astimezone().date())}
        if entry not in entries:
            raise Refused("Diesen Aktenplaneintrag gibt es nicht (mehr). Gehen Sie über den Plan.")
        lines = list_files(conn, user.viewer, q, entry=entry, limit=LISTED + 1, after=nach)
    return page(request, "akten_plan.html", user, entry=entries[entry], lines=lines[:LISTED], q=q,
                more=lines[LISTED - 1].file.reference if len(lines) > LISTED else "")


@router.get("/blatt/{document}")
def look(request: Request, web: WebState, user: SignedIn, document: str,
         q: Annotated[str, Query(max_length=400)] = "") -> Response:
    """One filed document with its pages; words that were searched for (`q`) are marked."""
    with web.db.read() as conn:
        found = see_document(conn, user.viewer, document)
        versions = versions_of(conn, user.viewer, document)
    return page(request, "akten_blatt.html", user, document=found.id, sheets=sheets_of(found), versions=versions, q=q,
                hits=_words(q) if q.strip() else (), title=versions[-1].title if versions else "Schriftstück",
                file=next((one.file for one in reversed(versions) if one.undone_at is None), None))


@router.get("/{file}")
def one(request: Request, web: WebState, user: SignedIn, file: str) -> Response:
    """An Akte with its Vorgänge and documents."""
    with web.db.read() as conn:
        found = show_file(conn, user.viewer, file)
    by_case: dict[str, list[FiledLine]] = {}
    for line in found.documents:
        by_case.setdefault(line.case or "", []).append(line)
    return page(request, "akten_akte.html", user, akte=found, by_case=by_case, kinds=Counter(one.kind for one in found.documents),
                keeps=user.may(Role.SACHBEARBEITUNG, Role.LEITUNG))


@router.post("/{file}/titel", dependencies=[KEEPS])
def rename(request: Request, web: WebState, user: SignedIn, file: str, form: Form) -> Response:
    """Another title for the Akte."""
    with web.db.transaction() as tx:
        verbs.rename_file(tx, user.viewer, user.by, file, form.get("titel", ""))
    return go(request, f"/akten/{file}", "Der Titel ist geändert.")


@router.post("/{file}/vorgang", dependencies=[KEEPS])
def open_case(request: Request, web: WebState, user: SignedIn, file: str, form: Form) -> Response:
    """A new Vorgang in the Akte."""
    with web.db.transaction() as tx:
        made = verbs.open_case(tx, user.viewer, user.by, file, form.get("titel", ""))
    return go(request, f"/akten/{file}", f"Vorgang {made.reference} ist angelegt.")


@router.post("/{file}/zda", dependencies=[KEEPS])
def close(request: Request, web: WebState, user: SignedIn, file: str) -> Response:
    """Zu den Akten schreiben."""
    with web.db.transaction() as tx:
        made = verbs.close_file(tx, user.viewer, user.by, file)
    return go(request, f"/akten/{file}", f"Die Akte {made.reference} ist zu den Akten geschrieben.")


@router.post("/{file}/oeffnen", dependencies=[KEEPS])
def reopen(request: Request, web: WebState, user: SignedIn, file: str) -> Response:
    """Open an Akte again that was written off."""
    with web.db.transaction() as tx:
        made = verbs.reopen_file(tx, user.viewer, user.by, file)
    return go(request, f"/akten/{file}", f"Die Akte {made.reference} ist wieder offen.")
