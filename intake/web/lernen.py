"""Verwaltung: the error budget (chosen here, with what is missing) and the versions of the model (list, compare, use, back)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from intake import automatic
from intake.db.forecasts import last_choice
from intake.db.lessons import uses
from intake.errors import Refused
from intake.versions import FILING, card, put_in_use, roll_back, versions
from intake.web.menu import ADMIN
from intake.web.pages import go, page
from intake.web.rules import SignedIn, User, needs
from intake.web.state import Web, WebState

router = APIRouter(prefix="/verwaltung", dependencies=[needs(ADMIN)])
OFF = "aus"


@router.get("/fehlerbudget")
def error_budget(request: Request, web: WebState, user: SignedIn) -> Response:
    """What may be filed without a person now, and of each budget what is missing until it holds."""
    with web.db.read() as conn:
        tenant = automatic.as_chosen(conn, user.tenant)
        offers = []
        for share in automatic.CHOICES:
            asked = tenant.model_copy(update={"rules": tenant.rules.model_copy(update={"budget": share})})
            offers.append((f"{share:g}", share, automatic.earned_line(conn, asked)))
        choice, stopped = last_choice(conn, tenant.name), automatic.last_reason(conn, tenant.name)
    chosen = f"{tenant.rules.budget:g}" if tenant.rules.automatic else OFF
    return page(request, "verwaltung_fehlerbudget.html", user, rules=tenant.rules, offers=offers, chosen=chosen, choice=choice,
                stopped=stopped, off=OFF)


@router.post("/fehlerbudget")
def choose(request: Request, web: WebState, user: SignedIn, budget: Annotated[str, Form(max_length=10)]) -> Response:
    """Another budget, or none: from the next document on."""
    try:
        share = None if budget == OFF else float(budget)
    except ValueError:
        raise Refused("Wählen Sie eines der Fehlerbudgets oder „ausgeschaltet“.") from None
    with web.db.transaction() as tx:
        automatic.choose(tx, user.tenant, user.by, share)
    return go(request, "/verwaltung/fehlerbudget", "Gespeichert. Es gilt ab dem nächsten Schriftstück.")


@router.get("/modelle")
def models(request: Request, web: WebState, user: SignedIn, a: Annotated[str, Query(max_length=20)] = "",
           b: Annotated[str, Query(max_length=20)] = "") -> Response:
    """The versions with their cards, since when each was used; with `a` and `b` how differently they file."""
    tenant = user.tenant.name
    with web.db.read() as conn:
        history = uses(conn, tenant, FILING)
    cards = [card(web.home, tenant, version) for version in reversed(versions(web.home, tenant))]
    told = _compared(web, user, a, b) if a and b else None
    used = history[0].version if history else ""
    return page(request, "verwaltung_modelle.html", user, history=history, cards=cards, used=used, told=told, a=a, b=b,
                can_compare=web.compare is not None)


def _compared(web: Web, user: User, first: str, second: str) -> tuple[int, int, int, int]:
    if first == second:
        raise Refused("Wählen Sie zwei verschiedene Fassungen.")
    if web.compare is None:
        raise Refused(f"Hier lässt sich nicht vergleichen. Geben Sie ein: poststelle model compare {first} {second}")
    return web.compare(user.tenant.name, first, second)


@router.post("/modelle/benutzen")
def use(request: Request, web: WebState, user: SignedIn, version: Annotated[str, Form(max_length=20)] = "") -> Response:
    """Use this version ("" = none, the words of the plan alone) from now on."""
    if version:
        card(web.home, user.tenant.name, version)
    with web.db.transaction() as tx:
        put_in_use(tx, user.tenant.name, version, user.by, "von Hand gewählt")
    return go(request, "/verwaltung/modelle", f"Ab sofort wird Fassung {version} benutzt." if version else
              "Ab sofort wird keine Fassung benutzt.")


@router.post("/modelle/zurueck")
def back(request: Request, web: WebState, user: SignedIn) -> Response:
    """Back to what was used before."""
    with web.db.transaction() as tx:
        before = roll_back(tx, user.tenant.name, user.by)
    return go(request, "/verwaltung/modelle", f"Ab sofort wird wieder Fassung {before} benutzt." if before else
              "Ab sofort wird keine Fassung benutzt.")
