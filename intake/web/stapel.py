"""Altakten: the batches, what does not agree in them, and the check of pictures beside the paper (TR-RESISCAN A.SC.8)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from intake.backfile import balance, people, quality, releasing, report
from intake.backfile.facts import facts_of
from intake.db import batches as lose
from intake.db import checks, comparing, redos, rescans
from intake.db import differences as abweichungen
from intake.db.access import see_document, visible_documents
from intake.db.batches import Batch
from intake.db.checks import Draw
from intake.errors import Refused
from intake.web.menu import HEAD, POST
from intake.web.pages import go, page
from intake.web.rules import SignedIn, User, needs
from intake.web.state import WebState

router = APIRouter(prefix="/stapel")
SHOWN = 100
"""Differences on one page."""
LIST = "abweichungen.csv"
PATIENCE = 0.5
"""Seconds that pages are compared while a person waits; the first look at a large batch takes a minute."""


@router.get("", dependencies=[needs(POST, HEAD)])
def batches(request: Request, web: WebState, user: SignedIn) -> Response:
    """All batches this person may see, with how far they are."""
    with web.db.read() as conn:
        rows = [(batch, lose.numbers(conn, batch)) for batch in lose.batches_of(conn, user.viewer.tenant) if _seen(user, batch)]
    return page(request, "stapel.html", user, rows=rows, states=lose.STATES)


@router.get("/{name}", dependencies=[needs(POST, HEAD)])
def one_batch(request: Request, web: WebState, user: SignedIn, name: str, art: str = "",
              ab: Annotated[int, Query(ge=0, le=10_000_000)] = 0) -> Response:
    """One batch: numbers, differences (of a kind, from behind the `ab`-th) with their decisions, the state of its check."""
    with web.db.read() as conn:
        batch = batch_seen(conn, user, name)
        numbers, counted = lose.numbers(conn, batch), abweichungen.tally(conn, batch)
        kinds = {kind: sum(many for (one, _), many in counted.items() if one == kind) for kind, _ in counted}
        differences = abweichungen.differences_of(conn, batch.id, kind=art, after=ab, limit=SHOWN)
        drawn = _draw(conn, batch)
        left = checks.counted(conn, drawn.id) if drawn else (0, 0, 0)
        still = people.obstacles_in(conn, batch, numbers)
        rescanned, redone = rescans.tally(conn, batch), redos.redos_of(conn, batch.id)
        rechecks = checks.rescans_to_look_at(conn, drawn.id) if drawn else 0
    return page(
        request, "stapel_los.html", user, batch=batch, numbers=numbers, differences=differences, here=kinds, art=art, ab=ab,
        shown=SHOWN, all=kinds.get(art, 0) if art else sum(kinds.values()), kinds=abweichungen.KINDS, states=lose.STATES,
        decisions=people.decisions_on, words=people.DECISIONS, draw=drawn, left=left,
        method=quality.plan_of(drawn).method if drawn else "", obstacles=still, rescanned=rescanned,
        redone=redone, rechecks=rechecks)


@router.get("/{name}/abweichungen.csv", dependencies=[needs(POST, HEAD)], response_class=Response)
def list_differences(web: WebState, user: SignedIn, name: str) -> Response:
    """All differences as a table: the file that the report names."""
    with web.db.read() as conn:
        batch = batch_seen(conn, user, name)
        every = abweichungen.differences_of(conn, batch.id)
    with tempfile.TemporaryDirectory() as folder:
        report.differences_file(every, Path(folder) / LIST)
        content = (Path(folder) / LIST).read_bytes()
    return Response(content, media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{LIST}"'})


@router.post("/{name}/vergleichen", dependencies=[needs(POST)])
def compare(request: Request, web: WebState, user: SignedIn, name: str) -> Response:
    """Look again at what does not agree."""
    with web.db.read() as conn:
        batch = batch_seen(conn, user, name)
    found = balance.reconcile(web.db, web.blobs(batch.tenant), batch, patience=PATIENCE)
    with web.db.read() as conn:
        left = comparing.outdated(conn, batch.id)
    return go(request, f"/stapel/{name}", f"Verglichen: {len(found)} Abweichungen." + (
        f" {left} Dateien sind noch zu vergleichen: Drücken Sie noch einmal, oder lassen Sie es laufen mit „poststelle batch "
        f"differences {name}“." if left else ""))


@router.post("/{name}/entscheiden", dependencies=[needs(POST)])
def decide(request: Request, web: WebState, user: SignedIn, name: str, difference: Annotated[str, Form(max_length=26)],
           decision: Annotated[str, Form(max_length=20)], note: Annotated[str, Form(max_length=500)] = "") -> Response:
    """A person's word on a difference."""
    with web.db.transaction() as tx:
        batch = batch_seen(tx.connection, user, name)
        found = abweichungen.difference_of(tx.connection, batch.id, difference)
        if found is None:
            raise Refused("Diese Abweichung gibt es nicht mehr. Laden Sie die Seite neu.")
        people.decide(tx, batch, found, decision, note, user.by)
    return go(request, f"/stapel/{name}#abweichungen", f"Entschieden: {people.DECISIONS[decision]}.")


@router.post("/{name}/anhalten", dependencies=[needs(POST)])
def pause(request: Request, web: WebState, user: SignedIn, name: str) -> Response:
    """Let the batch rest."""
    with web.db.transaction() as tx:
        people.pause(tx, batch_seen(tx.connection, user, name), user.by)
    return go(request, f"/stapel/{name}", "Der Stapel ruht.")


@router.post("/{name}/weiter", dependencies=[needs(POST)])
def resume(request: Request, web: WebState, user: SignedIn, name: str) -> Response:
    """Let it go on."""
    with web.db.transaction() as tx:
        people.resume(tx, batch_seen(tx.connection, user, name), user.by)
    return go(request, f"/stapel/{name}", "Der Stapel läuft weiter.")


@router.get("/{name}/bericht", dependencies=[needs(POST, HEAD)], response_class=Response)
def print_report(web: WebState, user: SignedIn, name: str) -> Response:
    """The report as a PDF to be signed."""
    with web.db.read() as conn:
        batch = batch_seen(conn, user, name)
        facts, every = facts_of(conn, user.tenant, batch, user.login), abweichungen.differences_of(conn, batch.id)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "bericht.pdf"
        report.report(facts, target, report.differences_file(every, Path(folder) / LIST))
        content = target.read_bytes()
    return Response(content, media_type="application/pdf", headers={
        "Content-Disposition": f'attachment; filename="bericht-{batch.id}.pdf"'})


@router.get("/{name}/freigabe", dependencies=[needs(POST, HEAD)])
def released(request: Request, web: WebState, user: SignedIn, name: str) -> Response:
    """Which paper may be destroyed, in numbers and the first documents; the lists to be signed are written by a command."""
    backed_up = releasing.backed_up(web.home.settings)
    with web.db.read() as conn:
        batch, seen = batch_seen(conn, user, name), visible_documents(conn, user.viewer)
        counted = releasing.counted(conn, batch, backed_up, seen)
        first = releasing.first(conn, batch, backed_up, seen, counted, SHOWN)
    return page(request, "stapel_freigabe.html", user, batch=batch, backed_up=backed_up, counted=counted, first=first)


# ---- checking pictures beside the paper --------------------------------------------------------------------------------


@router.post("/{name}/stichprobe", dependencies=[needs(POST, HEAD)])
def draw(request: Request, web: WebState, user: SignedIn, name: str) -> Response:
    """Draw the sample."""
    with web.db.transaction() as tx:
        drawn = quality.draw(tx, batch_seen(tx.connection, user, name), user.by)
    return go(request, f"/stapel/{name}/pruefung", f"Gezogen: {drawn.size} von {drawn.lot} Schriftstücken.")


@router.get("/{name}/pruefung", dependencies=[needs(POST, HEAD)])
def look(request: Request, web: WebState, user: SignedIn, name: str, schriftstueck: str = "") -> Response:
    """The next document to lay beside its paper (or the one asked for), with all its pages."""
    with web.db.read() as conn:
        batch = batch_seen(conn, user, name)
        drawn = _draw(conn, batch)
        number, here = checks.open_checks(conn, drawn.id, visible_documents(conn, user.viewer)) if drawn else (0, None)
        if drawn and schriftstueck:
            here = checks.check_of(conn, drawn.id, schriftstueck)
        document = see_document(conn, user.viewer, here.document) if here else None
        item = lose.item_of_delivery(conn, document.delivery) if document else None
    return page(request, "stapel_pruefung.html", user, batch=batch, draw=drawn, here=here, document=document, item=item,
                verdicts=quality.VERDICTS, defects=quality.DEFECTS, open=number)


@router.post("/{name}/pruefung", dependencies=[needs(POST, HEAD)])
def check(request: Request, web: WebState, user: SignedIn, name: str, document: Annotated[str, Form(max_length=26)],
          verdict: Annotated[str, Form(max_length=16)], defect: Annotated[str, Form(max_length=20)] = "",
          seite: Annotated[int, Form(ge=0, le=100_000)] = 0, note: Annotated[str, Form(max_length=500)] = "") -> Response:
    """Note what was seen, and on to the next."""
    with web.db.transaction() as tx:
        batch = batch_seen(tx.connection, user, name)
        see_document(tx.connection, user.viewer, document)
        drawn = _draw(tx.connection, batch)
        one = checks.check_of(tx.connection, drawn.id, document) if drawn else None
        if one is None:
            raise Refused("Dieses Schriftstück gehört nicht zur laufenden Prüfung. Laden Sie die Seite neu.")
        quality.check(tx, batch, one, verdict, user.by, defect=defect, page=seite, note=note)
    return go(request, f"/stapel/{name}/pruefung", f"Festgehalten: {quality.VERDICTS[verdict]}.")


@router.post("/{name}/urteil", dependencies=[needs(POST, HEAD)])
def verdict(request: Request, web: WebState, user: SignedIn, name: str) -> Response:
    """Accept or reject the lot, as the plan says."""
    with web.db.transaction() as tx:
        batch = batch_seen(tx.connection, user, name)
        drawn = _draw(tx.connection, batch)
        if drawn is None:
            raise Refused("Für diesen Stapel wurde noch keine Stichprobe gezogen.")
        said = quality.decide(tx, batch, drawn, user.by)
    return go(request, f"/stapel/{name}", "Das Los ist angenommen." if said == checks.ACCEPTED else "Das Los ist zurückgewiesen.")


def _draw(conn: Connection, batch: Batch) -> Draw | None:
    return next(iter(checks.draws_of(conn, batch.id)), None)


def batch_seen(conn: Connection, user: User, name: str) -> Batch:
    """The batch; raises Refused as for an unknown name when it does not exist for this person."""
    found = lose.batch_named(conn, user.viewer.tenant, name)
    if found is None or not _seen(user, found):
        raise Refused("Diesen Stapel gibt es nicht. Die Liste zeigt, welche es gibt.")
    return found


def _seen(user: User, batch: Batch) -> bool:
    """A batch is seen by who may see what comes in by its profile."""
    profile = next((one for one in user.tenant.backfile if one.name == batch.profile), None)
    classes = user.viewer.classes
    return classes is None or (profile is not None and profile.access_class in classes)
