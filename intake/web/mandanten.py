"""Verwaltung: what each Mandant has that the person administers, and the settings of a new one, step by step."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from intake.db.core import utcnow
from intake.db.officemails import newest
from intake.db.users import grants_of
from intake.errors import Refused
from intake.receive_registers import NAMES
from intake.towns import Wish, having, planned
from intake.vocabulary import Role
from intake.web.menu import ADMIN
from intake.web.pages import page
from intake.web.rules import SignedIn, needs
from intake.web.state import WebState

router = APIRouter(prefix="/verwaltung/mandanten", dependencies=[needs(ADMIN)])
MAILS = 20


@router.get("")
def tenants(request: Request, web: WebState, user: SignedIn) -> Response:
    """The towns in which this person is the administration; of no other town is anything said."""
    with web.db.read() as conn:
        mine = {given.tenant for given in grants_of(conn, user.account.id) if Role.ADMINISTRATION in given.roles}
        found = [having(conn, town, NAMES, utcnow()) for town in web.home.settings.tenant if town.name in mine]
        mails = newest(conn, user.tenant.name, MAILS)
    folders = {profile.name: str(web.home.folder(profile)) for one in found for profile in one.tenant.profile}
    return page(request, "verwaltung_mandanten.html", user, towns=found, folders=folders, mails=mails)


@router.get("/neu")
def new_form(request: Request, user: SignedIn) -> Response:
    """The questions about a new one."""
    return page(request, "verwaltung_mandant_neu.html", user, wish=Wish(""), text="", fault="", root="")


@router.post("/neu")
def plan(request: Request, web: WebState, user: SignedIn, name: Annotated[str, Form(max_length=41)],
         title: Annotated[str, Form(max_length=120)] = "", doors: Annotated[str, Form(max_length=200)] = "",
         offices: Annotated[str, Form(max_length=4000)] = "",
         scan_procedure: Annotated[str, Form(max_length=200)] = "") -> Response:
    """What to put into poststelle.toml, checked; nothing is changed here: the settings belong to whoever runs the machine."""
    wish = Wish(name.strip(), title, doors, offices, scan_procedure)
    try:
        text, fault = planned(web.home.settings, wish), ""
    except Refused as error:
        text, fault = "", str(error)
    return page(request, "verwaltung_mandant_neu.html", user, status=422 if fault else 200, wish=wish, text=text, fault=fault,
                root=str(web.home.root))
