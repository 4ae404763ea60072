"""Verwaltung: who may sign in here, and as what (`intake.people` does it and writes it down)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from intake import people
from intake.access import OPEN, ORDINARY, Unit, classes_of
from intake.config import Tenant
from intake.db.core import utcnow
from intake.db.plan import all_entries, open_entries
from intake.db.users import Grant, get_user, grant_of, people_of
from intake.db.users import User as Account
from intake.errors import Refused
from intake.vocabulary import Role
from intake.web.menu import ADMIN
from intake.web.pages import go, page
from intake.web.rules import SignedIn, User, needs
from intake.web.state import WebState

router = APIRouter(prefix="/verwaltung", dependencies=[needs(ADMIN)])
EVERYTHING = "*"
"""The box that says: all access classes."""
RAISED = "Vertraulich"
Names = Annotated[list[str], Form()]
Roles = Annotated[list[Role], Form()]
ABOUT = {
    Role.POSTSTELLE: "nimmt Post an, prüft und legt ab", Role.SACHBEARBEITUNG: "sieht die Akten ihrer Ämter und Mein Eingang",
    Role.LEITUNG: "sieht Posteingang, Klärung, Akten und Übersicht", Role.ADMINISTRATION: "verwaltet Konten und Register",
    Role.REVISION: "liest Posteingang, Akten und Protokoll"}


@router.get("")
def list_people(request: Request, web: WebState, user: SignedIn) -> Response:
    """Everybody who is something in this town."""
    with web.db.read() as conn:
        found = people_of(conn, user.tenant.name)
    return page(request, "benutzer.html", user, people=found)


@router.get("/benutzer/neu")
def new_form(request: Request, web: WebState, user: SignedIn) -> Response:
    """The form for somebody new."""
    blank = Grant(user.tenant.name, "", frozenset(), frozenset((ORDINARY, OPEN)))
    return _form(request, web, user, None, blank)


@router.post("/benutzer/neu")
def invite(request: Request, web: WebState, user: SignedIn, login: Annotated[str, Form(max_length=120)],
           name: Annotated[str, Form(max_length=120)] = "", roles: Roles = [], classes: Names = [],  # noqa: B006
           offices: Names = [], branches: Names = []) -> Response:  # noqa: B006
    """Invite somebody; the link is shown once."""
    given = _given(user, "", roles, classes, offices, branches)
    with web.db.transaction() as tx:
        made, secret = people.invite(tx, login, name, given, user.by)
    return _link(request, web, user, made, secret)


@router.get("/benutzer/{id}")
def edit_form(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """The form for somebody who is there."""
    with web.db.read() as conn:
        account, given = _known(conn, user, id)
    return _form(request, web, user, account, given)


@router.post("/benutzer/{id}")
def change(request: Request, web: WebState, user: SignedIn, id: str, roles: Roles = [], classes: Names = [],  # noqa: B006
           offices: Names = [], branches: Names = []) -> Response:  # noqa: B006
    """Another grant; he must sign in anew."""
    with web.db.transaction() as tx:
        people.change(tx, user.tenant.name, id, _given(user, id, roles, classes, offices, branches), user.by)
    return go(request, "/verwaltung", "Gespeichert. Wer angemeldet war, muss sich neu anmelden.")


@router.post("/benutzer/{id}/sperren")
def lock(request: Request, web: WebState, user: SignedIn, id: str, gesperrt: Annotated[str, Form()] = "") -> Response:
    """Lock the account or open it again."""
    with web.db.transaction() as tx:
        people.set_lock(tx, user.tenant.name, id, gesperrt == "1", user.by)
    said = "Das Konto ist gesperrt." if gesperrt == "1" else "Das Konto ist wieder offen."
    return go(request, f"/verwaltung/benutzer/{id}", said)


@router.post("/benutzer/{id}/entziehen")
def remove(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """No role here any more."""
    with web.db.transaction() as tx:
        people.remove(tx, user.tenant.name, id, user.by)
    return go(request, "/verwaltung", "Der Zugang ist entzogen.")


@router.post("/benutzer/{id}/link")
def new_link(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """A new set-up link, shown once."""
    with web.db.transaction() as tx:
        account, _ = _known(tx.connection, user, id)
        secret = people.link(tx, user.tenant.name, id, user.by)
    return _link(request, web, user, account, secret)


def _link(request: Request, web: WebState, user: User, account: Account, secret: str) -> Response:
    return page(request, "benutzer_link.html", user, account=account, link=f"{web.home.settings.web.base}/einrichten/{secret}")


def _known(conn: Connection, user: User, id: str) -> tuple[Account, Grant]:
    given = grant_of(conn, user.tenant.name, id)
    if given is None:
        raise Refused("Dieses Konto gibt es nicht. Laden Sie die Liste neu.")
    return get_user(conn, id), given


def _given(user: User, id: str, roles: list[Role], classes: list[str], offices: list[str], branches: list[str]) -> Grant:
    return Grant(user.tenant.name, id, frozenset(roles), None if EVERYTHING in classes else frozenset(classes),
                 tuple(offices), tuple(branches))


def _form(request: Request, web: WebState, user: User, account: Account | None, given: Grant) -> Response:
    with web.db.read() as conn:
        entries = open_entries(conn, user.tenant.name, utcnow().astimezone().date())
        known = _classes(conn, user.tenant, given)
    offices = sorted({entry.unit for entry in entries if entry.unit} | set(given.offices))
    return page(request, "benutzer_form.html", user, account=account, given=given, classes=known, offices=offices,
                branches=[entry for entry in entries if entry.parent is None or entry.id in given.branches], about=ABOUT,
                everything=EVERYTHING)


def _classes(conn: Connection, tenant: Tenant, given: Grant) -> list[str]:
    """Every access class there is: of the doors, of the plan, the raised one."""
    of_plan = set(classes_of(
        Unit(one.id, one.parent, one.title, one.access_class) for one in all_entries(conn, tenant.name)).values())
    return sorted({ORDINARY, OPEN, RAISED, *of_plan, *(one.access_class for one in tenant.inboxes), *(given.classes or ())})
