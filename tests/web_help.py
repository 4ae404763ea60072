"""An installation with people of every role and an app to call: for the tests of the screens.

`site.as_("clerk")` is a browser in which that person is signed in; `submit` sends the CSRF token as a page of ours would.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.testclient import TestClient

from intake.blobs import Blobs
from intake.cli import run
from intake.config import Home, load
from intake.db.core import Database
from intake.db.sessions import start_session
from intake.db.users import Grant, grant, new_user
from intake.vocabulary import Role
from intake.web.app import create
from intake.web.rules import CSRF_HEADER, csrf_of

TOWN = "mittelau"
PEOPLE: dict[str, Grant] = {
    # login: what he is. Classes as the post room and the offices of a small town would have them.
    "post": Grant(TOWN, "", frozenset({Role.POSTSTELLE}), frozenset({"Poststelle", "allgemein"})),
    "amt": Grant(TOWN, "", frozenset({Role.SACHBEARBEITUNG}), frozenset({"allgemein"}), offices=("Ordnungsamt",)),
    "bauamt": Grant(TOWN, "", frozenset({Role.SACHBEARBEITUNG}), frozenset({"allgemein"}), offices=("Bauamt",)),
    "leitung": Grant(TOWN, "", frozenset({Role.LEITUNG}), None),
    "admin": Grant(TOWN, "", frozenset({Role.ADMINISTRATION}), frozenset()),
    "revision": Grant(TOWN, "", frozenset({Role.REVISION}), None),
    "alles": Grant(TOWN, "", frozenset(Role), None),
}


class Browser(TestClient):
    """A browser of one person: cookies, the CSRF token, no redirects by itself."""

    csrf: str = ""

    def submit(self, url: str, data: Any = None, **values: Any) -> httpx.Response:
        """POST a form as one of our pages would."""
        headers = {CSRF_HEADER: self.csrf, "Sec-Fetch-Site": "same-origin", "Accept": "text/html", **values.pop("headers", {})}
        return self.post(url, data=data or values or {}, headers=headers)

    def look(self, url: str) -> str:
        """GET a page that must be there; its HTML."""
        answer = self.get(url, headers={"Accept": "text/html"})
        assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text[:400]}"
        return answer.text


@dataclass
class WebSite:
    """The installation `home`, its app and database."""

    home: Home
    app: FastAPI
    db: Database
    users: dict[str, str] = field(default_factory=dict)  # login -> id

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.home.blobs(TOWN))

    def browser(self) -> Browser:
        """Nobody's browser."""
        return Browser(self.app, follow_redirects=False, base_url="http://localhost")

    def as_(self, login: str, tenant: str = TOWN) -> Browser:
        """The browser of somebody who just signed in."""
        with self.db.transaction() as tx:
            secret = start_session(tx, self.users[login], tenant)
        browser = self.browser()
        browser.cookies.set("poststelle", secret)
        browser.csrf = csrf_of(secret)
        return browser


def web_site(root: Path, people: dict[str, Grant] | None = None) -> WebSite:
    """A fresh installation in `root` (as `poststelle init` makes it) with `people` (PEOPLE when None)."""
    assert run(["init", str(root)]) == 0
    home = load(root)
    site = WebSite(home, create(home), Database(home.database_url))
    with site.db.transaction() as tx:
        for login, given in (PEOPLE if people is None else people).items():
            user = new_user(tx, login, f"Frau {login.title()}")
            grant(tx, Grant(given.tenant, user.id, given.roles, given.classes, given.branches, given.offices))
            site.users[login] = user.id
    return site
