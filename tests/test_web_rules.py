"""Generated: every route of the app has exactly one rule, and every person gets just what the rule says.

The list of routes is the app's own, so a new route is tested the moment it exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from intake.db.core import new_id
from intake.db.tokens import new_token
from intake.db.users import Grant, grant
from intake.vocabulary import Role
from intake.web import handing_in
from intake.web.menu import SCREENS
from intake.web.rules import CSRF_HEADER, Anyone, Needs
from tests.web_help import PEOPLE, TOWN, WebSite, web_site

OTHER_TOWN = "nachbarort"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("rules") / "home")
    yield made
    made.db.close()


def routes(site: WebSite) -> list[APIRoute]:
    """All routes with a handler of ours, those of included routers too."""
    return list(_routes(site.app.router.routes))


def _routes(found: Any) -> Iterator[APIRoute]:
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(route, Mount):
            assert route.path == "/static"
        elif hasattr(route, "original_router"):  # newer FastAPI keeps included routers as they are
            yield from _routes(route.original_router.routes)
        else:
            assert isinstance(route, Route) and route.path == "/api/v1/openapi.json", route


def rule_of(route: APIRoute) -> Any:
    """What decides who may call it; of several (one for all of a screen, one for this route) all must hold."""
    found = rules(route)
    needed = [one.roles for one in found if isinstance(one, Needs)]
    return Needs(frozenset.intersection(*needed)) if needed else found[0]


def rules(route: APIRoute) -> list[Any]:
    """The rules among its dependencies."""
    calls: list[Any] = []
    waiting = list(route.dependant.dependencies)
    while waiting:
        one = waiting.pop()
        calls.append(one.call)
        waiting.extend(one.dependencies)
    return [call for call in calls if isinstance(call, Needs | Anyone) or call is handing_in.token]


def url(route: APIRoute) -> str:
    """Its path with parameters that look like ours and mean nothing here."""
    numbers = ("page", "number", "n", "seite")
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: "1" if found[1] in numbers else new_id(), route.path)


def names(route: APIRoute) -> str:
    return f"{min(route.methods or ())} {route.path}"


def test_every_route_has_a_rule_and_one_kind_of_it(site: WebSite) -> None:
    found = routes(site)
    assert len(found) > 60
    kinds = {names(route): {type(one) for one in rules(route)} for route in found}
    assert [name for name, kind in kinds.items() if len(kind) != 1] == []
    assert [names(route) for route in found if isinstance(rule_of(route), Needs) and not rule_of(route).roles] == []


def test_nothing_changes_by_get(site: WebSite) -> None:
    """A route is read (GET) or changed (POST, PUT, PATCH, DELETE), never both."""
    assert [names(route) for route in routes(site) if len((route.methods or set()) - {"HEAD"}) != 1] == []


def test_whoever_may_open_it_is_no_surprise(site: WebSite) -> None:
    """The open routes, by name: a new one must be entered here by somebody who thought about it."""
    assert {route.path for route in routes(site) if isinstance(rule_of(route), Anyone)} <= {
        "/", "/anmelden", "/anmelden/wieder", "/anmelden/oidc", "/anmelden/oidc/zurueck", "/einrichten/{secret}", "/csp"}


def test_nobody_gets_in_without_signing_in(site: WebSite) -> None:
    """Anonymous: no 2xx but where the rule says anyone; no redirect but to the sign-in page."""
    browser, wrong = site.browser(), []
    for route in routes(site):
        if isinstance(rule_of(route), Anyone):
            continue
        for method in route.methods or ():
            answer = browser.request(method, url(route), headers={"Sec-Fetch-Site": "same-origin"})
            if answer.status_code != 401:
                wrong.append((method, route.path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("login", [name for name in PEOPLE if name != "alles"])
def test_each_role_gets_what_the_rule_says(site: WebSite, login: str) -> None:
    """Whoever lacks the role gets 403 everywhere; the rules themselves are looked at by people, in one table of the code."""
    browser, wrong = site.as_(login), []
    mine = PEOPLE[login].roles
    for route in routes(site):
        rule = rule_of(route)
        if not isinstance(rule, Needs) or rule.roles & mine or route.path.startswith("/api/"):
            continue
        for method in route.methods or ():
            headers = {CSRF_HEADER: browser.csrf, "Sec-Fetch-Site": "same-origin"}
            answer = browser.request(method, url(route), headers=headers)
            if answer.status_code != 403:
                wrong.append((method, route.path, answer.status_code))
    assert wrong == []


def test_the_api_knows_people_by_token_only(site: WebSite) -> None:
    """A cookie counts for nothing below /api/v1, a token for nothing elsewhere; a person's token may not hand in as a scanner."""
    with site.db.transaction() as tx:
        _, personal = new_token(tx, TOWN, "Skript", "", "admin", user=site.users["post"])
        _, scanner = new_token(tx, TOWN, "Scanner", "scanner", "admin")
    signed_in, wrong = site.as_("alles"), []
    for route in routes(site):
        method = min(route.methods or ())
        rule = rule_of(route)
        api = route.path.startswith("/api/v1/")
        if isinstance(rule, Anyone):
            continue
        browser = signed_in if api else site.browser()
        bearer = {} if api else {"Authorization": f"Bearer {personal}"}
        if browser.request(method, url(route), headers={CSRF_HEADER: signed_in.csrf, **bearer}).status_code != 401:
            wrong.append((method, route.path))
        other = personal if rule is handing_in.token else scanner
        if site.browser().request(method, url(route), headers={"Authorization": f"Bearer {other}"}).status_code != 401:
            wrong.append((method, route.path))
    assert wrong == []


def test_changes_need_the_token_of_the_session_and_come_from_our_pages(site: WebSite) -> None:
    mine, other, wrong = site.as_("alles"), site.as_("alles"), []
    for route in routes(site):
        method = min(route.methods or ())
        if method in ("GET", "HEAD") or not isinstance(rule_of(route), Needs) or route.path.startswith("/api/"):
            continue
        for headers in ({}, {CSRF_HEADER: other.csrf}, {CSRF_HEADER: mine.csrf, "Sec-Fetch-Site": "cross-site"},
                        {CSRF_HEADER: mine.csrf, "Sec-Fetch-Site": "same-site"},
                        {CSRF_HEADER: mine.csrf, "Origin": "https://example.org"}, {CSRF_HEADER: mine.csrf, "Origin": "null"}):
            answer = mine.request(method, url(route), headers=headers)
            if answer.status_code != 403:
                wrong.append((method, route.path, tuple(headers), answer.status_code))
    assert wrong == []


def test_nothing_of_another_town_exists(site: WebSite) -> None:
    """Somebody whose town was taken from the settings, or who has no grant in it, is nobody."""
    site.users.setdefault("fremd", site.users["post"])
    with site.db.transaction() as tx:
        grant(tx, Grant(OTHER_TOWN, site.users["post"], frozenset(Role), None))
    browser = site.as_("post", OTHER_TOWN)
    statuses = {browser.request("GET", url(route)).status_code for route in routes(site)
                if "GET" in (route.methods or ()) and not isinstance(rule_of(route), Anyone)}
    assert statuses == {401}


def test_the_menu_offers_what_the_rules_allow(site: WebSite) -> None:
    by_path = {route.path: rule_of(route) for route in routes(site) if "GET" in (route.methods or ())}
    for title, path, roles in SCREENS:
        if path in by_path:
            assert by_path[path].roles >= roles, title
    for login, given in PEOPLE.items():
        shown = site.as_(login).look("/konto")
        assert {title for title, path, _ in SCREENS if f'href="{path}"' in shown} == {
            title for title, _, roles in SCREENS if roles & given.roles}


def test_a_new_grant_counts_at_once(site: WebSite) -> None:
    browser = site.as_("revision")
    assert browser.get("/konto").status_code == 200
    with site.db.transaction() as tx:
        grant(tx, replace(PEOPLE["post"], user=site.users["revision"]))
    assert "Prüfen" in browser.look("/konto")
    with site.db.transaction() as tx:
        grant(tx, replace(PEOPLE["revision"], user=site.users["revision"]))
    assert "Prüfen" not in browser.look("/konto")
