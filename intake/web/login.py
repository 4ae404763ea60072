"""Signing in and out, the first password by a link, one's own account."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response

from intake.db.core import Tx, stamp, utcnow
from intake.db.sessions import ABSOLUTE, end_session, end_sessions_of, link_of, start_session, use_link
from intake.db.users import (
    Grant,
    User,
    change_user,
    get_user,
    grants_of,
    note_failure,
    note_success,
    user_by_login,
)
from intake.errors import Refused
from intake.journal import record
from intake.vocabulary import Role
from intake.web.menu import home_of
from intake.web.pages import go, page
from intake.web.rules import SignedIn, anyone, cookie_name, csrf_of, current_user, needs, same_site
from intake.web.state import Web, WebState

router = APIRouter()
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1000
WRONG = "Anmeldename, Kennwort oder Code stimmt nicht. Versuchen Sie es noch einmal."
HASHER = PasswordHasher()
"""argon2id with the library's parameters (RFC 9106, low-memory profile)."""
NOBODY = HASHER.hash("so that an unknown login takes as long as a wrong password")
SETUP_LIFE = timedelta(days=3)


@router.get("/", dependencies=[anyone("leads to the first screen or to the sign-in page")])
def root(request: Request, web: WebState) -> Response:
    """The first screen of whoever calls."""
    user = current_user(web, request)
    return go(request, home_of(user) if user else "/anmelden")


@router.get("/anmelden", dependencies=[anyone("whoever signs in is not signed in yet")])
def sign_in_page(request: Request, weiter: str = "") -> Response:
    """The sign-in page."""
    return entrance(request, next_url=weiter)


def entrance(request: Request, sentence: str = "", *, next_url: str = "", status: int = 200) -> Response:
    """The sign-in page, with what went wrong."""
    onward = next_url or (request.url.path if request.method == "GET" and request.url.path != "/anmelden" else "")
    return page(request, "anmelden.html", status=status, sentence=sentence, onward=local(onward),
                oidc=request.app.state.web.home.settings.oidc)


@router.post("/anmelden", dependencies=[anyone("whoever signs in is not signed in yet")])
def sign_in(request: Request, web: WebState, login: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "",
            code: Annotated[str, Form()] = "", weiter: Annotated[str, Form()] = "") -> Response:
    """Sign in with a password; a session that was there before ends."""
    same_site(request)
    try:
        user = checked(web, login, password, code)
    except Refused as error:
        return entrance(request, str(error), next_url=weiter, status=401)
    return begin(request, web, user, weiter)


def checked(web: Web, login: str, password: str, code: str | None = None) -> User:
    """The account of this login and password. Raises Refused (the same sentence for every reason but waiting).

    `code`: of the second factor, asked for where the account has one; None where the person is signed in already.
    """
    with web.db.read() as conn:
        user = user_by_login(conn, login)
    if user and user.blocked_until > stamp(utcnow()):
        raise Refused("Nach mehreren falschen Kennwörtern ist die Anmeldung kurz gesperrt. Warten Sie einige Minuten.")
    right = _verified(user.password if user and user.password else NOBODY, password)
    step = good_code(user.totp, code, user.totp_step) if user and user.totp and code is not None else 0
    if user is None or not right or user.locked or not user.password or step is None:
        if user is not None:
            with web.db.transaction() as tx:
                note_failure(tx, user)
        raise Refused(WRONG)
    with web.db.transaction() as tx:
        note_success(tx, user)
        if step:
            change_user(tx, user.id, totp_step=step)
        if HASHER.check_needs_rehash(user.password):
            change_user(tx, user.id, password=HASHER.hash(password))
    return user


def good_code(secret: str, code: str, last: int) -> int | None:
    """The step of 30 s whose code this is, the present one or a neighbour, later than `last`; None when it is none of them."""
    now = int(utcnow().timestamp()) // 30
    made = pyotp.TOTP(secret)
    digits = code.replace(" ", "")
    found = [step for step in (now - 1, now, now + 1) if step > last and hmac.compare_digest(made.at(step * 30), digits)]
    return found[0] if found else None


def _verified(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


def begin(request: Request, web: Web, user: User, onward: str = "", tenant: str = "") -> Response:
    """A new session with a new secret for `user`; the one this browser had ends."""
    with web.db.transaction() as tx:
        town = _town(tx, user, tenant)
        before = current_user(web, request)
        if before:
            end_session(tx, before.session)
        secret = start_session(tx, user.id, town.tenant)
        record(tx, town.tenant, f"clerk:{user.login}", "session.started", subjects={"user": user.id})
    response = go(request, local(onward) or "/")
    response.set_cookie(cookie_name(request), secret, max_age=int(ABSOLUTE.total_seconds()), path="/", httponly=True,
                        samesite="lax", secure=cookie_name(request).startswith("__Host-"))
    return response


def _town(tx: Tx, user: User, wanted: str) -> Grant:
    found = [one for one in grants_of(tx.connection, user.id) if wanted in ("", one.tenant)]
    if not found:
        raise Refused("Ihr Konto hat hier keine Rolle. Wenden Sie sich an Ihre Administration.")
    return found[0]


def local(url: str) -> str:
    """`url` when it is a path of ours, else "": nobody is sent elsewhere after signing in."""
    parts = urlsplit(url)
    fine = url.startswith("/") and not url.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return url if fine and url.isprintable() else ""


@router.post("/anmelden/wieder", dependencies=[anyone("whoever signs in again is not signed in any more")])
def sign_in_again(request: Request, web: WebState, login: Annotated[str, Form()] = "",
                  password: Annotated[str, Form()] = "", code: Annotated[str, Form()] = "") -> Response:
    """The same over a page that stays as it is: answers with the new CSRF token as JSON."""
    same_site(request)
    try:
        user = checked(web, login, password, code)
    except Refused as error:
        return JSONResponse({"title": str(error)}, 401)
    started = begin(request, web, user)
    answer = JSONResponse({"csrf": csrf_of(_secret_in(started))})
    answer.headers["set-cookie"] = started.headers["set-cookie"]
    return answer


def _secret_in(started: Response) -> str:
    return started.headers["set-cookie"].split(";")[0].partition("=")[2]


@router.get("/anmelden/stand", dependencies=[needs(*Role)], status_code=204)
def still_signed_in() -> None:
    """204 while the session lives, else 401."""


@router.post("/abmelden", dependencies=[needs(*Role)])
def sign_out(request: Request, web: WebState, user: SignedIn) -> Response:
    """End the session."""
    with web.db.transaction() as tx:
        end_session(tx, user.session)
        record(tx, user.tenant.name, user.by, "session.ended", subjects={"user": user.account.id})
    response = go(request, "/anmelden", "Sie sind abgemeldet.")
    response.delete_cookie(cookie_name(request), path="/", secure=cookie_name(request).startswith("__Host-"))
    return response


@router.get("/einrichten/{secret}", dependencies=[anyone("whoever has the link sets his first password")])
def setup_page(request: Request, web: WebState, secret: str) -> Response:
    """Where a person chooses his password."""
    with web.db.read() as conn:
        found = link_of(conn, "setup", secret, utcnow())
        user = get_user(conn, found["user"]) if found else None
    if user is None:
        raise Refused("Dieser Link gilt nicht mehr. Lassen Sie sich einen neuen geben.")
    return page(request, "einrichten.html", login=user.login, sentence="", least=SHORTEST_PASSWORD)


@router.post("/einrichten/{secret}", dependencies=[anyone("whoever has the link sets his first password")])
def set_up(request: Request, web: WebState, secret: str, password: Annotated[str, Form()] = "",
           again: Annotated[str, Form()] = "") -> Response:
    """Keep the chosen password and sign in; all older sessions end."""
    same_site(request)
    wrong = unfit(password, again)
    with web.db.read() as conn:
        found = link_of(conn, "setup", secret, utcnow())
        login = get_user(conn, found["user"]).login if found else ""
    if found and wrong:
        return page(request, "einrichten.html", status=422, login=login, sentence=wrong, least=SHORTEST_PASSWORD)
    kept = HASHER.hash(password)
    with web.db.transaction() as tx:
        user = get_user(tx.connection, use_link(tx, "setup", secret)["user"])
        change_user(tx, user.id, password=kept, failures=0, blocked_until="")
        end_sessions_of(tx, user.id)
    return begin(request, web, user)


def unfit(password: str, again: str) -> str:
    """What is wrong with a new password, as a sentence; "" when nothing is (length alone counts: NIST SP 800-63B, 3.1.1)."""
    if len(password) < SHORTEST_PASSWORD:
        return f"Das Kennwort braucht mindestens {SHORTEST_PASSWORD} Zeichen. Ein kurzer Satz ist ein gutes Kennwort."
    if len(password) > LONGEST_PASSWORD:
        return "Das Kennwort ist zu lang."
    return "" if password == again else "Die beiden Kennwörter sind nicht gleich."


@router.post("/csp", dependencies=[anyone("browsers report what the content security policy refused")], status_code=204)
def csp_report() -> None:
    """Taken and counted by the proxy's log; what stands in it is not believed and not kept."""
