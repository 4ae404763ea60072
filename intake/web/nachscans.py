"""Rescans of a batch: what waits, and what became of each page, the old picture beside the new one."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from intake.db import redos, rescans
from intake.db.access import may_see_delivery, visible_documents, whole_deliveries
from intake.db.rescans import Rescan
from intake.web.menu import HEAD, POST
from intake.web.pages import page
from intake.web.rules import SignedIn, needs
from intake.web.stapel import batch_seen
from intake.web.state import WebState

router = APIRouter(prefix="/stapel")
SHOWN = 100
WHAT = {"read": "Neu gelesen", "split": "Neu getrennt", "classify": "Neu vorgeschlagen"}
STATES = {"RECEIVED": "wird gelesen", "CLARIFY": "wartet auf Klärung", "QUARANTINED": "in Quarantäne",
          "TWIN": "schon einmal gekommen"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page that was replaced, inserted or set aside; `old` and `new` lead to its pictures ("" = none, or not to be seen)."""

    one: Rescan
    old: str
    new: str


@router.get("/{name}/nachscans", dependencies=[needs(POST, HEAD)])
def look(request: Request, web: WebState, user: SignedIn, name: str) -> Response:
    """What waits in the folder of rescans and what was done, the newest first; and what re-processing would change."""
    with web.db.read() as conn:
        batch = batch_seen(conn, user, name)
        profile = next(one for one in user.tenant.backfile if one.name == batch.profile)
        waits = rescans.arrivals(conn, profile.name, whole_deliveries(conn, user.viewer))
        done = rescans.rescans_of(conn, batch.id, SHOWN, visible_documents(conn, user.viewer))
        whole = {one.delivery for one in done if may_see_delivery(conn, user.viewer, one.delivery, whole=True)}
        redone = redos.redos_of(conn, batch.id)
    rows = [Shown(one, _picture(one.delivery, one.part, one.number) if one.kind != "inserted" and one.delivery in whole else "",
                  _picture(one.delivery, one.new_part, one.new_number) if one.delivery in whole else "") for one in done]
    return page(request, "stapel_nachscans.html", user, batch=batch, waits=waits, rows=rows, kinds=rescans.KINDS, states=STATES,
                redone=redone, what=WHAT, folder=str(web.home.rescans(profile)))


def _picture(delivery: str, part: int | None, number: int | None) -> str:
    return f"/sendungen/{delivery}/seiten/{part}/{number}/vorschau" if part is not None and number is not None else ""
