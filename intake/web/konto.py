"""One's own account: letter shortcuts, password, second factor, town, a token for one's own scripts."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import pyotp
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from intake.db.sessions import end_sessions_of
from intake.db.tokens import Token, new_token, revoke_token, tokens_of
from intake.db.users import change_user, grants_of
from intake.errors import Refused
from intake.journal import record
from intake.vocabulary import Role
from intake.web.login import HASHER, SHORTEST_PASSWORD, begin, checked, good_code, local, unfit
from intake.web.pages import go, page
from intake.web.rules import SignedIn, User, needs
from intake.web.state import Web, WebState

router = APIRouter(prefix="/konto", dependencies=[needs(*Role)])
Secret = Annotated[str, Form()]


@router.get("")
def account(request: Request, web: WebState, user: SignedIn) -> Response:
    """The account with what can be changed about it."""
    return _page(request, web, user)


def _page(request: Request, web: Web, user: User, *, secret: str = "", totp: str = "") -> Response:
    with web.db.read() as conn:
        grants, mine = grants_of(conn, user.account.id), _mine(conn, user)
    towns = [(town.name, town.title or town.name) for town in web.home.settings.tenant
             if town.name in {one.tenant for one in grants}]
    return page(request, "konto.html", user, towns=towns, tokens=mine, secret=secret, totp=totp, least=SHORTEST_PASSWORD,
                uri=pyotp.TOTP(totp).provisioning_uri(name=user.login, issuer_name="Poststelle") if totp else "")


def _mine(conn: Connection, user: User) -> list[Token]:
    return [one for one in tokens_of(conn, user.tenant.name) if one.user == user.account.id and not one.revoked_at]


@router.post("/tasten")
def letter_keys(request: Request, web: WebState, user: SignedIn, an: Annotated[str, Form()] = "") -> Response:
    """Switch the letter shortcuts of the desk on or off (WCAG 2.1.4)."""
    with web.db.transaction() as tx:
        change_user(tx, user.account.id, letter_keys=an == "1")
    back = local(urlsplit(request.headers.get("referer", "")).path) or "/konto"
    return go(request, back, "Buchstabentasten sind an." if an == "1" else "Buchstabentasten sind aus.")


@router.post("/mandant")
def switch(request: Request, web: WebState, user: SignedIn, tenant: Annotated[str, Form(max_length=41)]) -> Response:
    """On in another town where one has a role, with a new session."""
    return begin(request, web, user.account, tenant=tenant)


@router.post("/kennwort")
def password(request: Request, web: WebState, user: SignedIn, old: Secret, new: Secret, again: Secret) -> Response:
    """Another password; all sessions end but a new one."""
    checked(web, user.login, old)
    wrong = unfit(new, again)
    if wrong:
        raise Refused(wrong)
    kept = HASHER.hash(new)
    with web.db.transaction() as tx:
        change_user(tx, user.account.id, password=kept)
        end_sessions_of(tx, user.account.id)
        record(tx, user.tenant.name, user.by, "user.password", subjects={"user": user.account.id})
    return begin(request, web, user.account, "/konto", user.tenant.name)


@router.post("/zweiter-faktor")
def second_factor(request: Request, web: WebState, user: SignedIn, secret: Annotated[str, Form(pattern=r"^[A-Z2-7]{32}$")] = "",
                  code: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Show a new secret; with a code that fits it, keep it: from then on every sign-in asks for one (RFC 6238)."""
    if not secret:
        return _page(request, web, user, totp=pyotp.random_base32())
    step = good_code(secret, code, 0)
    if step is None:
        raise Refused("Der Code passt nicht. Richten Sie den zweiten Faktor noch einmal ein.")
    with web.db.transaction() as tx:
        change_user(tx, user.account.id, totp=secret, totp_step=step)
        record(tx, user.tenant.name, user.by, "user.totp", subjects={"user": user.account.id})
    return go(request, "/konto", "Der zweite Faktor ist eingerichtet.")


@router.post("/zugang")
def new_access(request: Request, web: WebState, user: SignedIn, name: Annotated[str, Form(max_length=80)]) -> Response:
    """A token for one's own scripts: what the person may, it may below /api/v1. Shown once."""
    with web.db.transaction() as tx:
        token, secret = new_token(tx, user.tenant.name, name, "", user.login, user=user.account.id)
        record(tx, user.tenant.name, user.by, "token.new", subjects={"token": token.id})
    return _page(request, web, user, secret=secret)


@router.post("/zugang/{id}/sperren")
def end_access(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """End one of one's own tokens."""
    with web.db.transaction() as tx:
        if id not in [one.id for one in _mine(tx.connection, user)]:
            raise Refused("Diesen Zugang gibt es nicht. Laden Sie die Seite neu.")
        revoke_token(tx, user.tenant.name, id)
        record(tx, user.tenant.name, user.by, "token.revoked", subjects={"token": id})
    return go(request, "/konto", "Der Zugang ist gesperrt.")
