"""Who may call a route. Every route has a rule among its dependencies (of several all must hold); a test finds those without.

- `needs(Role.POSTSTELLE, ...)`: somebody signed in who has one of these roles in the town of his session.
- `anyone("why")`: nobody need be signed in.
- `handing_in.token`: a scanner's or portal's token.

Below /api/v1 people are known by a token of their own (`Authorization: Bearer`), never by the cookie; everywhere else by the
cookie, never by a token. What changes something by cookie needs the session's CSRF token and must come from our own pages.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from starlette.concurrency import run_in_threadpool

from intake.config import Tenant
from intake.db.core import utcnow
from intake.db.sessions import Session, session_of, touch
from intake.db.tokens import note_use, token_of, used_today
from intake.db.users import Grant, account_in
from intake.db.users import User as Account
from intake.errors import Refused
from intake.vocabulary import Role, Viewer
from intake.web.state import Web, the_web

API = "/api/v1/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"


class Unauthorised(Refused):
    """Nobody is signed in, or no longer."""

    status = 401


class Forbidden(Refused):
    """Somebody is signed in who may not do this."""

    status = 403


@dataclass(frozen=True, slots=True)
class User:
    """Who calls: his account, his grant in the town of the session, and what the page needs of both.

    `csrf` is "" for a caller by token. `by` is how the journal names him.
    """

    account: Account
    grant: Grant
    tenant: Tenant
    csrf: str = ""
    session: str = ""  # its hash

    @property
    def viewer(self) -> Viewer:
        """As whom he sees the rows of the town."""
        return self.grant.viewer(self.account.login)

    @property
    def roles(self) -> frozenset[Role]:
        return self.grant.roles

    @property
    def by(self) -> str:
        return f"clerk:{self.account.login}"

    @property
    def login(self) -> str:
        return self.account.login

    def may(self, *roles: Role) -> bool:
        """Whether he has one of these roles."""
        return bool(self.roles & set(roles))


def cookie_name(request: Request) -> str:
    """`__Host-` wherever the browser speaks TLS to us or to the proxy before us; on this machine alone there is none."""
    return "poststelle" if on_loopback(request) else "__Host-poststelle"


def on_loopback(request: Request) -> bool:
    """Whether the browser runs on this machine and speaks to us without TLS."""
    host = request.url.hostname or ""
    if request.url.scheme == "https" or not host:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "testserver"  # the name Starlette's TestClient goes by; a browser cannot resolve it


def csrf_of(secret: str) -> str:
    """The CSRF token of a session: from the secret of its cookie, so that it is bound to it and need not be kept."""
    return hashlib.sha256(f"csrf {secret}".encode()).hexdigest()[:40]


def current_user(web: Web, request: Request) -> User | None:
    """Who calls, as the database has it now; None when nobody is signed in (any more)."""
    if request.url.path.startswith(API):
        return _by_token(web, request)
    secret = request.cookies.get(cookie_name(request), "")
    if not secret:
        return None
    with web.db.read() as conn:
        session = session_of(conn, secret, utcnow())
        if session is None:
            return None
        user = _user(web, account_in(conn, session.tenant, session.user), csrf_of(secret), session)
    if user and session.untouched(utcnow()) and not _in_the_background(request):
        with web.db.transaction() as tx:
            touch(tx, session)
    return user


def _by_token(web: Web, request: Request) -> User | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        return None
    with web.db.read() as conn:
        token = token_of(conn, secret.strip())
        if token is None or not token.user:
            return None
        user = _user(web, account_in(conn, token.tenant, token.user))
    if user and not used_today(token):
        with web.db.transaction() as tx:
            note_use(tx, token)
    return user


def _user(web: Web, found: tuple[Account, Grant] | None, csrf: str = "", session: Session | None = None) -> User | None:
    if found is None:
        return None
    account, grant = found
    town = next((town for town in web.home.settings.tenant if town.name == grant.tenant), None)
    if account.locked or town is None:
        return None
    return User(account, grant, town, csrf, session.hash if session else "")


def _in_the_background(request: Request) -> bool:
    """What the page asks for by itself does not keep a session alive that nobody uses."""
    return "poststelle-background" in request.headers or request.headers.get("accept", "").startswith("text/event-stream")


async def signed_in(request: Request) -> User:
    """Who calls. Raises Unauthorised when nobody is signed in, Forbidden when the call did not come from our own pages."""
    user = await run_in_threadpool(current_user, the_web(request), request)
    if user is None:
        raise Unauthorised("Ihre Anmeldung ist abgelaufen. Melden Sie sich wieder an; was Sie eingegeben haben, bleibt stehen.")
    if request.method not in SAFE and user.csrf:
        same_site(request)
        if not await _token_fits(request, user.csrf):
            raise Forbidden("Die Seite ist veraltet. Laden Sie sie neu und versuchen Sie es noch einmal.")
    return user


def same_site(request: Request) -> None:
    """Raises Forbidden when another site sent this request (Sec-Fetch-Site; Origin where a browser sends only that)."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = site not in (None, "same-origin", "none") or (
        origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host", ""))
    if foreign or origin == "null":
        raise Forbidden("Diese Anfrage kam von einer anderen Seite und wurde nicht ausgeführt.")


async def _token_fits(request: Request, csrf: str) -> bool:
    sent = request.headers.get(CSRF_HEADER, "")
    kind = request.headers.get("content-type", "")
    if not sent and kind.startswith("application/x-www-form-urlencoded"):
        sent = str((await request.form()).get(CSRF_FIELD, ""))
    return sent == csrf


SignedIn = Annotated[User, Depends(signed_in)]


@dataclass(frozen=True)
class Needs:
    """The rule: one of these roles."""

    roles: frozenset[Role]

    def __call__(self, user: SignedIn) -> None:
        """Raises Forbidden when he has none of them."""
        if not user.roles & self.roles:
            raise Forbidden("Dafür fehlt Ihnen die Berechtigung. Wenden Sie sich an Ihre Administration.")


@dataclass(frozen=True)
class Anyone:
    """The rule: nobody need be signed in, and why that is right."""

    why: str

    def __call__(self) -> None:
        """Nothing to check."""


def needs(*roles: Role) -> Dependency:
    """The rule of a route for people: `dependencies=[needs(Role.POSTSTELLE, Role.LEITUNG)]`."""
    return cast(Dependency, Depends(Needs(frozenset(roles))))


def anyone(why: str) -> Dependency:
    """The rule of a route for everybody; say why."""
    return cast(Dependency, Depends(Anyone(why)))
