"""Generated: every page that can be got, by people of every role and class: no word, no name, no id of what is hidden from them.

The routes are the app's own. Where a path has a number in it, numbers of hidden things are asked for, and the answer must be
the one for a number that never was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute

from intake.db.core import new_id
from intake.db.tokens import new_token
from intake.db.users import Grant
from intake.vocabulary import Role
from tests.access_help import TOWN, Thing, Town, build
from tests.test_web_rules import routes
from tests.web_help import Browser, WebSite, web_site

CLASSES = {"post": {"Poststelle", "allgemein"}, "amt": {"allgemein"}, "nichts": set(), "personal": {"allgemein", "Personal"}}
OFFICES = {"amt": ("Bauamt",)}
PEOPLE = {f"{name}-{role.value}": Grant(TOWN, "", frozenset({role}), frozenset(said), offices=OFFICES.get(name, ()))
          for name, said in CLASSES.items() for role in Role} | {
    f"{name}-alles": Grant(TOWN, "", frozenset(Role), frozenset(said)) for name, said in CLASSES.items()}
QUICK = ("post-alles", "amt-sachbearbeitung")
ENDLESS = ("/ereignisse",)
"""Streams that do not end by themselves; what they send is a page that is got as well."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("routes") / "home", PEOPLE)
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def town(site: WebSite) -> Town:
    made = Town(site.db, site.blobs)
    build(made)
    return made


def urls(route: APIRoute, hidden: list[Thing]) -> Iterator[tuple[str, str]]:
    """(what is asked for, its address): with the numbers of hidden things, some of each kind, and with one that never was."""
    names = re.findall(r"\{(\w+)(?::\w+)?\}", route.path)
    if not names:
        yield "", route.path
        for word in [one.word for one in hidden[::12]][:2]:
            yield word, f"{route.path}?q={word}&suche={word}&worte={word}&words={word}&frage={word}"
        return
    some = [one for kind in ("document", "delivery", "file", "case", "problem")
            for one in [one for one in hidden if one.kind == kind][:2]]
    for one in (*(thing.id for thing in some), new_id()):
        yield one, re.sub(r"\{(\w+)(?::\w+)?\}", lambda found, one=one: "1" if found[1] in (
            "number", "part", "position", "page", "seite", "n") else one, route.path)


def plain(text: str, asked: str, browser: Browser) -> str:
    """The answer without what was asked for and what is new in each."""
    for one in (asked, asked.lower(), browser.csrf):
        text = text.replace(one, "") if one else text
    return re.sub(r"\d{2}:\d{2}(:\d{2})?|nonce-\S+", "", text)


@pytest.mark.parametrize("login", [
    pytest.param(login, marks=[] if login in QUICK else [pytest.mark.long]) for login in PEOPLE])
def test_no_page_speaks_of_what_is_hidden(site: WebSite, town: Town, login: str) -> None:
    viewer = PEOPLE[login].viewer(login)
    hidden = town.hidden(viewer)
    with site.db.transaction() as tx:
        _, secret = new_token(tx, TOWN, "Skript", "", "admin", user=site.users[login])
    browser, wrong = site.as_(login), []
    for route in routes(site):
        if "GET" not in (route.methods or ()) or route.path.endswith(ENDLESS):
            continue
        never: dict[str, tuple[int, str]] = {}
        asked = list(urls(route, hidden))
        for name, url in reversed(asked):  # the one that never was is asked first
            client = site.browser() if route.path.startswith("/api/") else browser
            headers = {"Accept": "text/html"} if client is browser else {"Authorization": f"Bearer {secret}"}
            answer = client.get(url, headers=headers)
            said = plain(answer.content.decode("utf-8", "replace"), name, browser)
            leaks = [one.word for one in hidden if one.word in said or (one.kind != "problem" and one.id in said)]
            if leaks or answer.status_code >= 500:
                wrong.append((route.path, url, answer.status_code, leaks[:3]))
            if "{" in route.path:
                known = never.setdefault(route.path, (answer.status_code, said))
                if known != (answer.status_code, said):
                    wrong.append((route.path, url, answer.status_code, ["another answer than for a number that never was"]))
    assert wrong == []


def test_the_pages_do_say_something(site: WebSite, town: Town) -> None:
    """Who may see things is told of them: the test above would not notice a page that is always empty."""
    browser = site.as_("post-alles")
    seen = {one.word for one in town.things.values()} - {one.word for one in town.hidden(PEOPLE["post-alles"].viewer("post"))}
    for url in ("/posteingang", "/pruefen"):
        text = browser.get(url, headers={"Accept": "text/html"}, follow_redirects=True).text
        assert any(word in text for word in seen), url
