"""Übersicht: today's post, what waits longest, what went without a person and how well, the load of the offices."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from intake import automatic
from intake.budget import Tally
from intake.config import Tenant
from intake.db import figures
from intake.db.forecasts import BUDGET, OWN_REFERENCE, audited_and_filed
from intake.db.plan import get_entry
from intake.db.waiting import waiting_for
from intake.web import plots
from intake.web.menu import ADMIN, AUDIT, HEAD, POST
from intake.web.pages import page
from intake.web.rules import SignedIn, needs
from intake.web.state import WebState

router = APIRouter(prefix="/uebersicht")
STRATA = {BUDGET: "nach Fehlerbudget", OWN_REFERENCE: "nach eigenem Aktenzeichen"}


@router.get("", dependencies=[needs(POST, HEAD, ADMIN, AUDIT)])
def overview(request: Request, web: WebState, user: SignedIn) -> Response:
    """The figures of one moment."""
    with web.db.read() as conn:
        tenant = automatic.as_chosen(conn, user.tenant)
        days, hours = figures.per_day(conn, user.viewer), figures.pages_per_hour(conn, user.viewer)
        load = figures.load_per_office(conn, user.viewer)
        values: dict[str, Any] = {
            "today": figures.today(conn, user.viewer), "waits": waiting_for(conn, user.viewer),
            "oldest": figures.oldest(conn, user.viewer), "share": figures.automatic_share(conn, user.viewer),
            "strata": _strata(conn, tenant), "scopes": scopes(conn, tenant), "rules": tenant.rules,
            "stopped": automatic.last_reason(conn, user.tenant.name)}
    charts = {
        "days": plots.columns([f"{day:%d.%m.}" for day, _, _ in days], [
            ("eingegangen", [came for _, came, _ in days]), ("abgelegt", [went for _, _, went in days])],
            "Schriftstücke je Tag: eingegangen und abgelegt"),
        "hours": plots.columns([f"{hour:%H}" for hour, _ in hours], [("Seiten", [number for _, number in hours])],
                               "Eingegangene Seiten je Stunde in den letzten 24 Stunden"),
        "load": plots.rows(load, "Schriftstücke, die auf Prüfung warten, nach Amt")}
    return page(request, "uebersicht.html", user, charts=charts, days=days, hours=hours, load=load, **values)


def scopes(conn: Connection, tenant: Tenant) -> list[tuple[str, automatic.Scope, str]]:
    """What is earned, scope by scope: its name, its numbers, what is missing or from where on it files."""
    return [(_scope_name(conn, tenant.name, one.name), one, automatic.state_line(one.standing))
            for one in automatic.scopes(conn, tenant)]


def _scope_name(conn: Connection, tenant: str, name: str) -> str:
    kind, _, value = name.partition(":")
    if kind == "branch":
        entry = get_entry(conn, tenant, value)
        return f"{entry.notation} {entry.title}" if entry else value
    return f"Art {value}" if value else "alle übrigen"


def _strata(conn: Connection, tenant: Tenant) -> list[tuple[str, Tally, Tally]]:
    """Of each way without a person: its name, what was audited, what was filed; each with how many were wrong."""
    return [(title, *audited_and_filed(conn, tenant.name, stratum)) for stratum, title in STRATA.items()]
