"""Posteingang, Klärung, Protokoll, Übersicht, Verwaltung: what they show to whom, and what they do."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from intake import review
from intake.db.core import new_id, utcnow
from intake.db.deliveries import get_delivery
from intake.db.documents import get_document
from intake.db.inbox import Filter, fingerprint, inbox
from intake.db.problems import get_problem, open_problem
from intake.db.sessions import end_session, hashed
from intake.schema import tokens
from intake.vocabulary import DeliveryState, Problem, Viewer
from intake.web import plots, posteingang
from intake.web.pages import FLASH
from intake.web.rules import Anyone, Needs
from intake.web.words import ACTIONS, actor_words
from tests.desk_help import put_stack
from tests.test_web_rules import routes, rule_of
from tests.web_help import TOWN, Browser, WebSite, web_site

EVERYTHING = Viewer(TOWN)
BRIEF = b"%PDF-1.7 ein Brief"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("screens") / "home")
    yield made
    made.db.close()


def delivery_of(site: WebSite, document: str) -> str:
    with site.db.read() as conn:
        return get_document(conn, document).delivery


def problem_about(site: WebSite, kind: str, subject: str, *ways: str, title: str = "Was ist hier zu tun?") -> str:
    with site.db.transaction() as tx:
        return open_problem(tx, Problem(
            new_id(), TOWN, cast(Any, kind), subject, "open", new_id()[:20], title, "", ways or ("close",), utcnow()))


# ---- Posteingang -----------------------------------------------------------------------------------------------------


def test_the_list_says_how_far_each_delivery_is(site: WebSite) -> None:
    first, second, _ = put_stack(site.db, site.blobs, [1, 1, 1])
    with site.db.transaction() as tx:
        review.approve(tx, first, 2, "kms")
    with site.db.read() as conn:
        found = {one.line.id: one for one in inbox(conn, EVERYTHING)}
    mine = found[delivery_of(site, second)]
    assert (mine.done, mine.total, mine.line.pages) == (1, 3, {"live": 3})
    assert "1 von 3 geprüft" in site.as_("post").look("/posteingang")


def test_the_tabs_divide_what_is_there(site: WebSite) -> None:
    """Every delivery is under just the tabs that its state and its documents say."""
    done, asked, fresh = (put_stack(site.db, site.blobs, [1])[0] for _ in range(3))
    with site.db.transaction() as tx:
        review.reject(tx, done, 2, "kms")
        review.clarify(tx, asked, 2, "kms", "Wem gehört das?")
    with site.db.read() as conn:
        under = {tab: {one.line.id for one in inbox(conn, EVERYTHING, tab)} for tab in Filter}
    ids = [delivery_of(site, one) for one in (done, asked, fresh)]
    assert [id in under[Filter.DONE] for id in ids] == [True, False, False]
    assert [id in under[Filter.UNCLEAR] for id in ids] == [False, True, False]
    assert [id in under[Filter.CHECK] for id in ids] == [False, False, True]
    assert set(ids) <= under[Filter.ALL] and set(ids) <= under[Filter.TODAY]
    assert not under[Filter.TWINS] & set(ids)


def test_pages_of_the_list_follow_each_other(site: WebSite) -> None:
    with site.db.read() as conn:
        whole = [one.line.id for one in inbox(conn, EVERYTHING)]
        halves = inbox(conn, EVERYTHING, limit=2), inbox(conn, EVERYTHING, before=whole[1])
    assert [one.line.id for half in halves for one in half] == whole == sorted(whole, reverse=True)


def test_a_twin_is_processed_by_one_action(site: WebSite) -> None:
    (document,) = put_stack(site.db, site.blobs, [1])
    browser = site.as_("post")
    sent = [upload(browser, BRIEF, f"key-{number}") for number in range(2)]
    assert [one.status_code for one in sent] == [201, 201] and sent[1].json()["twin_of"] == sent[0].json()["id"]
    twin = sent[1].json()["id"]
    assert "Trotzdem bearbeiten" in browser.look("/posteingang?filter=dubletten")
    late = browser.submit(f"/posteingang/{twin}/trotzdem", {"revision": "7"})
    assert late.status_code == 409
    assert browser.submit(f"/posteingang/{twin}/trotzdem", {"revision": "1"}).status_code == 303
    with site.db.read() as conn:
        assert get_delivery(conn, twin).state is DeliveryState.RECEIVED
    assert "Die Dublette wird bearbeitet" in browser.look("/posteingang") and document


def upload(browser: Browser, body: bytes, key: str, door: str = "scanner", name: str = "Brief.pdf") -> Any:
    return browser.post(f"/posteingang/hochladen?eingang={door}", content=body, headers={
        "X-CSRF-Token": browser.csrf, "Sec-Fetch-Site": "same-origin", "Idempotency-Key": key,
        "Content-Type": "application/octet-stream", "Content-Disposition": f"attachment; filename*=UTF-8''{name}"})


def test_an_upload_is_received_as_from_a_scanner(site: WebSite) -> None:
    """Same bytes under the same key: the same delivery; durable in the blobs; the person stands in the journal."""
    browser, body = site.as_("post"), BRIEF + new_id().encode()
    first, again = upload(browser, body, "a", name="M%C3%BCller.pdf"), upload(browser, body, "a")
    assert (first.status_code, again.status_code) == (201, 200) and first.json()["id"] == again.json()["id"]
    assert site.blobs.check(hashlib.sha256(body).hexdigest())
    assert upload(browser, b"anderes", "a").status_code == 409
    assert upload(browser, b"", "b").status_code == 422 and upload(browser, body, "").status_code == 422
    assert upload(browser, body, "c", door="gibt-es-nicht").status_code == 422
    shown = browser.look(f"/protokoll/{first.json()['id']}")
    assert "Müller.pdf" in shown and "<td class=\"kern-table__cell\">post</td>" in shown


def test_the_stream_tells_of_changes_and_ends_with_the_session(site: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that something changed, never what; after the session is ended, nothing."""
    monkeypatch.setattr(posteingang, "LOOK_SECONDS", 0.01)
    browser = site.as_("post")
    secret = browser.cookies["poststelle"]

    async def disconnected() -> bool:
        return False

    request = cast(Any, SimpleNamespace(
        cookies={"poststelle": secret}, headers={"accept": "text/event-stream"}, is_disconnected=disconnected,
        url=SimpleNamespace(path="/posteingang/ereignisse", hostname="localhost", scheme="http")))

    async def listen() -> list[str]:
        said, stream = [], posteingang._changes(request, site.app.state.web)
        async for message in stream:
            said.append(message)
            if len(said) == 1:
                await asyncio.to_thread(put_stack, site.db, site.blobs, [1])
            if len(said) == 2:
                with site.db.transaction() as tx:
                    end_session(tx, hashed(secret))
        return said

    said = asyncio.run(asyncio.wait_for(listen(), 20))
    assert said == [": da\n\n", "event: geaendert\ndata: \n\n", "event: ende\ndata: \n\n"]


def test_what_is_hidden_changes_nothing(site: WebSite) -> None:
    """Not even that something happened is told of what somebody may not see."""
    narrow = Viewer(TOWN, "post", classes=frozenset({"Poststelle"}))
    with site.db.read() as conn:
        before, lines = fingerprint(conn, narrow), len(inbox(conn, narrow))
    put_stack(site.db, site.blobs, [1], access_class="Vertraulich")
    with site.db.read() as conn:
        assert fingerprint(conn, narrow) == before and len(inbox(conn, narrow)) == lines
        assert fingerprint(conn, EVERYTHING) != before


# ---- Klärung ---------------------------------------------------------------------------------------------------------


def test_a_problem_is_solved_on_one_of_its_ways(site: WebSite) -> None:
    problem = problem_about(site, "source", "scanner", "retry", "close", title="Die Datei darf nicht gelesen werden.")
    browser = site.as_("post")
    assert "Die Datei darf nicht gelesen werden." in browser.look("/klaerung")
    shown = browser.look(f"/klaerung/{problem}")
    assert shown.index("Erneut versuchen") < shown.index("Geklärt, zurück zur Prüfung") and "Zurückweisen" not in shown
    assert browser.submit(f"/klaerung/{problem}", {"how": "reject"}).status_code == 422
    assert browser.submit(f"/klaerung/{problem}", {"how": "close", "note": "Rechte geändert"}).status_code == 303
    with site.db.read() as conn:
        assert get_problem(conn, problem).resolution == "close"
    assert browser.submit(f"/klaerung/{problem}", {"how": "close"}).status_code in (409, 422)


def test_a_problem_leads_to_what_it_is_about(site: WebSite) -> None:
    (document,) = put_stack(site.db, site.blobs, [2])
    with site.db.transaction() as tx:
        problem = review.clarify(tx, document, 2, "kms", "Wem gehört das?")
    shown = site.as_("post").look(f"/klaerung/{problem}")
    delivery = delivery_of(site, document)
    assert f'href="/protokoll/{delivery}"' in shown and f'href="/pruefen/{document}"' in shown
    assert f'href="/sendungen/{delivery}/original"' in shown
    reader = site.as_("leitung").look(f"/klaerung/{problem}")
    assert "/pruefen/" not in reader and "Lösen" not in reader


# ---- Protokoll -------------------------------------------------------------------------------------------------------


def test_the_protocol_of_a_delivery_tells_everything_in_order(site: WebSite) -> None:
    first, second = put_stack(site.db, site.blobs, [1, 1])
    with site.db.transaction() as tx:
        review.approve(tx, first, 2, "kms", {"note": "eilig"})
        review.reject(tx, second, 2, "kms")
    shown = site.as_("revision").look(f"/protokoll/{delivery_of(site, first)}")
    assert 0 < shown.index("freigegeben") < shown.index("zurückgewiesen") and ">kms<" in shown
    found = site.as_("revision").get(f"/protokoll?nummer={first[-8:]}")
    assert found.headers["location"] == f"/protokoll/{delivery_of(site, first)}"
    assert site.as_("revision").get("/protokoll?nummer=ZZZZZZZZ", headers={"Accept": "text/html"}).status_code == 422


def test_the_protocol_shows_nothing_about_what_is_hidden(site: WebSite) -> None:
    (secret,) = put_stack(site.db, site.blobs, [1], access_class="Vertraulich")
    with site.db.transaction() as tx:
        review.clarify(tx, secret, 2, "kms", "vertrauliche Frage")
    delivery = delivery_of(site, secret)
    assert secret[-8:] in site.as_("revision").look("/protokoll")
    for login in ("admin",):
        shown = site.as_(login).look("/protokoll")
        assert secret[-8:] not in shown and delivery[-8:] not in shown and "vertrauliche Frage" not in shown
    assert site.as_("post").get(f"/protokoll/{delivery}").status_code == 422


def test_every_actor_and_action_has_its_words() -> None:
    assert [actor_words(one) for one in ("clerk:kms", "rule:own_reference@1", "service:pipeline", "token:Scanner")] == [
        "kms", "Regel eigenes Aktenzeichen", "Programm", "Zugang Scanner"]
    assert all(words and not words.endswith(".") for words in ACTIONS.values())
    assert len(recorded()) > 75
    assert recorded() - set(ACTIONS) == set()


def recorded() -> set[str]:
    """Every action that is written out in the source."""
    kinds = {action.split(".")[0] for action in ACTIONS}
    words = {node.value for path in Path(review.__file__).parent.rglob("*.py") if path.name != "words.py"
             for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {word for word in words if re.fullmatch(r"[a-z]+\.[a-z_]*[a-z]", word) and word.split(".")[0] in kinds}


# ---- nothing of another office or class ------------------------------------------------------------------------------


def test_nobody_reaches_by_number_what_he_may_not_see(site: WebSite) -> None:
    """Generated: every route with numbers in it x whoever lacks the class: no 2xx, and the same answer as for a number
    that never was."""
    (secret,) = put_stack(site.db, site.blobs, [2], access_class="Vertraulich")
    with site.db.transaction() as tx:
        problem = review.clarify(tx, secret, 2, "kms", "Wem gehört das?")
    delivery, wrong, tried = delivery_of(site, secret), [], 0
    people = {login: site.as_(login) for login in ("post", "amt", "bauamt", "admin")}
    for route in routes(site):
        rule = rule_of(route)
        if not route.param_convertors or isinstance(rule, Anyone) or route.path.startswith(("/api/", "/verwaltung", "/konto")):
            continue
        for login, browser in people.items():
            for id in (secret, delivery, problem):
                tried += 1
                here, nowhere = (told(ask(browser, route, one), one) for one in (id, new_id()))
                if here != nowhere:
                    wrong.append((login, route.path, *difference(here[1], nowhere[1])))
    assert wrong == [] and tried > 50


def difference(one: str, other: str) -> tuple[str, str]:
    """Where two texts part, with what follows."""
    at = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[max(0, at - 40):at + 120], other[max(0, at - 40):at + 120]


def told(answer: Any, id: str) -> tuple[int, str]:
    """What an answer says, but for the number itself, what was typed and who asks."""
    return answer.status_code, re.sub(r'csrf" (content|value)="\w+"', "", answer.text.replace(id, "").replace(id[-8:], ""))


def ask(browser: Browser, route: APIRoute, id: str) -> Any:
    address = route.path
    for name in route.param_convertors:
        address = address.replace("{" + name + "}", "1" if name in ("number", "page", "position", "part") else id)
    method = min(route.methods or ())
    for cookie in [one for one in browser.cookies.jar if one.name == FLASH]:  # what an earlier call said
        browser.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
    if method == "GET":
        return browser.get(address)
    return browser.submit(address, {"revision": "2", "how": "close", "values": "{}", "page": "1", "pages": "1", "field": "title",
                                    "value": "x", "question": "x", "parent": id, "after": "1", "before": "1", "order": "1"})


# ---- Übersicht and Verwaltung ----------------------------------------------------------------------------------------


def test_the_figures_are_those_of_whoever_looks(site: WebSite) -> None:
    shown = site.as_("leitung").look("/uebersicht")
    assert "Schriftstücke je Tag" in shown and 'role="img"' in shown and "Ablegen ohne Rückfrage" in shown
    assert "<strong>0</strong> Sendungen heute" in site.as_("admin").look("/uebersicht")


def test_charts_hold_for_anything() -> None:
    for values in ([], [("x", 0.0)], [("<b>&", 3.0), ("y" * 80, 1e9)]):
        names, numbers = [name for name, _ in values], [value for _, value in values]
        drawn = str(plots.rows(values, "Titel & <x>")) + str(plots.columns(names, [("a", numbers)], "t"))
        assert "<b>" not in drawn and "style=" not in drawn and "NaN" not in drawn and "inf" not in drawn


def test_a_new_plan_is_taken_or_refused_whole(site: WebSite) -> None:
    browser = site.as_("admin")
    head = {"X-CSRF-Token": browser.csrf, "Content-Type": "application/octet-stream"}
    before = browser.look("/verwaltung/aktenplan")
    bad = browser.post("/verwaltung/aktenplan?name=plan.csv", content=b"Unsinn;Spalten\n1;2\n", headers=head)
    assert bad.status_code == 422 and browser.look("/verwaltung/aktenplan") == before
    assert browser.post("/verwaltung/aktenplan?name=plan.exe", content=b"x", headers=head).status_code == 422
    assert browser.post("/verwaltung/aktenplan?name=plan.csv", content=b"", headers=head).status_code == 422
    good = "notation;title;unit;retention;disposal\n922;Hundesteuer;Kämmerei;10;V\n".encode()
    done = browser.post("/verwaltung/aktenplan?name=plan.csv", content=good, headers=head)
    assert done.status_code == 200 and done.json()["lines"], done.text


def test_a_register_is_laid_where_the_worker_looks(site: WebSite) -> None:
    browser = site.as_("admin")
    head = {"X-CSRF-Token": browser.csrf, "Content-Type": "application/octet-stream"}
    folder = site.home.registers(site.home.settings.for_tenant(TOWN))
    sent = browser.post("/verwaltung/register/strassen?name=../../x.csv", content=b"key;name\n1;Weg\n", headers=head)
    assert sent.status_code == 200 and [path.read_bytes() for path in folder.glob("strassen-*.csv")] == [b"key;name\n1;Weg\n"]
    for wrong in ("/verwaltung/register/..?name=x.csv", "/verwaltung/register/unbekannt?name=x.csv"):
        assert browser.post(wrong, content=b"x", headers=head).status_code in (404, 405, 422)
    assert not list(folder.glob(".*")), "nothing half written"


def test_a_token_is_shown_once_and_ends(site: WebSite) -> None:
    browser = site.as_("admin")
    shown = browser.submit("/verwaltung/zugaenge", {"name": "Scanner Rathaus", "eingang": "scanner"})
    secret = shown.text.split('class="secret">')[1].split("<")[0]
    assert secret.startswith("pst_") and secret not in browser.look("/verwaltung/eingaenge")
    with site.db.read() as conn:
        id = conn.execute(select(tokens.c.id).where(tokens.c.name == "Scanner Rathaus")).scalar_one()
    assert browser.submit(f"/verwaltung/zugaenge/{id}/sperren").status_code == 303
    sent = site.browser().post("/api/v1/deliveries", content=BRIEF, headers={
        "Authorization": f"Bearer {secret}", "Idempotency-Key": "x"})
    assert sent.status_code == 401


def test_personal_tokens_are_ones_own(site: WebSite) -> None:
    mine, other = site.as_("post"), site.as_("leitung")
    assert 'class="secret">pst_' in mine.submit("/konto/zugang", {"name": "Mein Skript"}).text
    with site.db.read() as conn:
        id = conn.execute(select(tokens.c.id).where(tokens.c.name == "Mein Skript")).scalar_one()
    assert other.submit(f"/konto/zugang/{id}/sperren").status_code == 422
    assert "Mein Skript" not in other.look("/konto") and "Mein Skript" not in site.as_("admin").look("/verwaltung/eingaenge")
    assert mine.submit(f"/konto/zugang/{id}/sperren").status_code == 303 and "Mein Skript" not in mine.look("/konto")


def test_errors_are_for_whoever_asks(site: WebSite) -> None:
    """A page for a person, a fragment into #meldungen for htmx, JSON for a program; never a trace."""
    browser = site.as_("post")
    whole = browser.get("/gibt-es-nicht", headers={"Accept": "text/html"})
    part = browser.get("/klaerung/NICHTS00", headers={"HX-Request": "true"})
    api = browser.get("/api/v1/gibt-es-nicht")
    assert whole.status_code == 404 and "Diese Seite gibt es nicht" in whole.text and "<nav" not in part.text
    assert part.status_code == 422 and 'id="meldungen"' in part.text and 'hx-swap-oob="true"' in part.text
    assert api.headers["content-type"] == "application/problem+json"
    missing = browser.submit("/posteingang/x/trotzdem", {})
    assert missing.status_code == 422 and "revision" in missing.text


@pytest.mark.parametrize(("kind", "status"), [
    ("multipart/form-data; boundary=x", 415), ("application/x-www-form-urlencoded", 413)])
def test_what_is_too_large_or_no_form_is_not_parsed(site: WebSite, kind: str, status: int) -> None:
    browser = site.as_("post")
    head = {"Content-Type": kind, "X-CSRF-Token": browser.csrf}
    answer = browser.post("/konto/tasten", content=b"a" * (2**20 + 1), headers=head)
    assert answer.status_code == status


def test_every_answer_carries_the_headers(site: WebSite) -> None:
    browser = site.as_("alles")
    for address in ("/posteingang", "/anmelden", "/gibt-es-nicht", "/static/app.css"):
        headers = browser.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["cross-origin-opener-policy"] == "same-origin"
    assert browser.get("/posteingang").headers["cache-control"] == "no-store"
    assert "immutable" in browser.get("/static/app.css?abc").headers["cache-control"]
    assert browser.get("/static/../app.py").status_code == 404 and browser.get("/static/%2e%2e/app.py").status_code == 404


def test_rules_of_these_screens_are_as_written(site: WebSite) -> None:
    """Changes in the Verwaltung are for the Administration alone, decisions for the Poststelle."""
    for route in routes(site):
        rule = rule_of(route)
        if isinstance(rule, Needs) and route.path.startswith("/verwaltung"):
            assert {one.value for one in rule.roles} == {"administration"}, route.path
        if isinstance(rule, Needs) and "POST" in (route.methods or ()) and route.path.startswith(("/klaerung", "/posteingang")):
            assert {one.value for one in rule.roles} == {"poststelle"}, route.path
