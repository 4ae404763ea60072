"""Signing in: passwords, throttling, links, the second factor, sessions and their limits, the identity provider."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import select, update

from intake import people
from intake.config import Home, OidcSettings
from intake.db.core import stamp, utcnow
from intake.db.sessions import ABSOLUTE, IDLE, hashed, link_of, session_of
from intake.db.users import FREE_FAILURES, Grant, change_user, get_user, grant, new_user, user_by_login
from intake.errors import Refused
from intake.journal import entries
from intake.schema import links, sessions, users
from intake.vocabulary import Role
from intake.web.app import create
from intake.web.login import HASHER, good_code, local, unfit
from tests.web_help import PEOPLE, TOWN, Browser, WebSite, web_site

PASSWORD = "ein kurzer Satz genügt"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    site = web_site(tmp_path_factory.mktemp("login") / "home")
    kept = HASHER.hash(PASSWORD)
    with site.db.transaction() as tx:
        for id in site.users.values():
            change_user(tx, id, password=kept)
    yield site
    site.db.close()


@pytest.fixture
def site(made: WebSite) -> WebSite:
    with made.db.transaction() as tx:
        tx.connection.execute(update(users).values(failures=0, blocked_until="", totp="", totp_step=0, locked_at=None))
    return made


def sign_in(site: WebSite, login: str = "post", password: str = PASSWORD, **more: str) -> tuple[Browser, Any]:
    browser = site.browser()
    return browser, browser.post("/anmelden", data={"login": login, "password": password, **more},
                                 headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"})


def test_the_right_password_gives_a_session(site: WebSite) -> None:
    browser, answer = sign_in(site, "POST ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("poststelle=") and "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
    secret = browser.cookies["poststelle"]
    with site.db.read() as conn:
        row = conn.execute(select(sessions).where(sessions.c.hash == hashed(secret))).one()
        assert row.user == site.users["post"] and secret not in str(row)
    assert len(secret) >= 22 and "Mein Konto" in browser.look("/konto")


def test_beyond_this_machine_the_cookie_is_a_host_cookie(site: WebSite) -> None:
    browser = Browser(site.app, follow_redirects=False, base_url="https://post.example.de")
    answer = browser.post("/anmelden", data={"login": "post", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-poststelle=") and "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert answer.headers["strict-transport-security"]


@pytest.mark.parametrize(("login", "password"), [
    ("post", "falsch"), ("niemand", PASSWORD), ("post", ""), ("", ""), ("post", "x" * 5000)])
def test_a_wrong_one_does_not_and_says_no_more_than_that(site: WebSite, login: str, password: str) -> None:
    _, answer = sign_in(site, login, password)
    assert answer.status_code == 401 and "set-cookie" not in answer.headers and "stimmt nicht" in answer.text


def test_guessing_is_slowed_down_for_that_account_alone(site: WebSite) -> None:
    with site.db.transaction() as tx:
        change_user(tx, site.users["post"], failures=FREE_FAILURES + 7)
    sign_in(site, "post", "falsch")
    _, answer = sign_in(site, "post")
    assert answer.status_code == 401 and "gesperrt" in answer.text
    assert sign_in(site, "leitung")[1].status_code == 303
    with site.db.transaction() as tx:
        user = get_user(tx.connection, site.users["post"])
        assert user.failures == FREE_FAILURES + 8 and user.blocked_until > stamp(utcnow() + timedelta(minutes=2))
        change_user(tx, user.id, blocked_until=stamp(utcnow() - timedelta(seconds=1)))
    assert sign_in(site, "post")[1].status_code == 303
    with site.db.read() as conn:
        assert get_user(conn, site.users["post"]).failures == 0


def test_another_site_cannot_sign_anybody_in(site: WebSite) -> None:
    answer = site.browser().post("/anmelden", data={"login": "post", "password": PASSWORD},
                                 headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_a_new_sign_in_ends_the_session_that_was_there(site: WebSite) -> None:
    browser, _ = sign_in(site)
    before = browser.cookies["poststelle"]
    browser.post("/anmelden", data={"login": "post", "password": PASSWORD})
    assert browser.cookies["poststelle"] != before
    with site.db.read() as conn:
        assert session_of(conn, before, utcnow()) is None


@pytest.mark.parametrize(("column", "limit"), [("used_at", IDLE), ("started_at", ABSOLUTE)])
def test_a_session_ends_by_itself(site: WebSite, column: str, limit: timedelta) -> None:
    browser = site.as_("post")
    with site.db.transaction() as tx:
        tx.connection.execute(update(sessions).values({column: stamp(utcnow() - limit + timedelta(seconds=20))}))
    assert browser.get("/anmelden/stand", headers={"Poststelle-Background": "1"}).status_code == 204
    with site.db.transaction() as tx:
        tx.connection.execute(update(sessions).values({column: stamp(utcnow() - limit - timedelta(seconds=1))}))
    answer = browser.get("/konto", headers={"Accept": "text/html"})
    assert answer.status_code == 401 and 'name="weiter" value="/konto"' in answer.text


def test_only_a_person_keeps_a_session_alive(site: WebSite) -> None:
    """What the page asks for by itself does not; a click does, at most once a minute."""
    browser = site.as_("post")
    early = stamp(utcnow() - timedelta(minutes=5))
    with site.db.transaction() as tx:
        tx.connection.execute(update(sessions).values(used_at=early))
    browser.get("/anmelden/stand", headers={"Poststelle-Background": "1"})
    with site.db.read() as conn:
        assert set(conn.execute(select(sessions.c.used_at)).scalars()) == {early}
    browser.get("/konto")
    with site.db.read() as conn:
        assert max(conn.execute(select(sessions.c.used_at)).scalars()) > early


def test_signing_out_locking_and_other_roles_end_sessions_at_once(site: WebSite) -> None:
    browser = site.as_("post")
    browser.submit("/abmelden")
    assert browser.get("/konto").status_code == 401
    first, admin = site.as_("bauamt"), site.as_("admin")
    id = site.users["bauamt"]
    assert admin.submit(f"/verwaltung/benutzer/{id}/sperren", {"gesperrt": "1"}).status_code == 303
    assert first.get("/konto").status_code == 401 and sign_in(site, "bauamt")[1].status_code == 401
    admin.submit(f"/verwaltung/benutzer/{id}/sperren", {"gesperrt": ""})
    second = site.as_("bauamt")
    assert admin.submit(f"/verwaltung/benutzer/{id}", {"roles": ["revision"], "classes": ["allgemein"]}).status_code == 303
    assert second.get("/konto").status_code == 401 and site.as_("bauamt").get("/protokoll").status_code == 200
    with site.db.transaction() as tx:
        grant(tx, Grant(TOWN, id, PEOPLE["bauamt"].roles, PEOPLE["bauamt"].classes, (), PEOPLE["bauamt"].offices))


def test_signing_in_again_over_the_page_gives_the_new_token(site: WebSite) -> None:
    browser = site.browser()
    wrong = browser.post("/anmelden/wieder", data={"login": "post", "password": "falsch"})
    assert wrong.status_code == 401 and "stimmt nicht" in wrong.json()["title"]
    said = browser.post("/anmelden/wieder", data={"login": "post", "password": PASSWORD}).json()
    browser.csrf = said["csrf"]
    assert browser.submit("/konto/tasten", {"an": ""}).status_code == 303
    browser.submit("/konto/tasten", {"an": "1"})


# ---- links -----------------------------------------------------------------------------------------------------------


def test_a_link_sets_the_first_password_once(site: WebSite) -> None:
    admin = site.as_("admin")
    shown = admin.submit("/verwaltung/benutzer/neu", {"login": "Neu", "name": "Neue Kollegin", "roles": ["poststelle"],
                                                      "classes": ["Poststelle"]})
    url = re.search(r"https?://[^\s<]+(/einrichten/[\w-]+)", shown.text)
    assert shown.status_code == 200 and url
    browser = site.browser()
    assert "neu" in browser.look(url[1])
    short = browser.post(url[1], data={"password": "kurz", "again": "kurz"})
    assert short.status_code == 422 and "mindestens 12" in short.text
    done = browser.post(url[1], data={"password": PASSWORD, "again": PASSWORD})
    assert done.status_code == 303 and "Neue Kollegin" in browser.look("/konto")
    assert site.browser().get(url[1]).status_code == 422
    assert site.browser().post(url[1], data={"password": PASSWORD, "again": PASSWORD}).status_code == 422
    assert sign_in(site, "neu")[1].status_code == 303
    with site.db.transaction() as tx:
        user = user_by_login(tx.connection, "neu")
        assert user and user.password.startswith("$argon2id$")
        assert next(entries(tx.connection, TOWN, user.id)).action == "user.invited"
        people.remove(tx, TOWN, user.id, "clerk:admin")


def test_a_link_is_over_after_three_days_and_replaced_by_a_newer_one(site: WebSite) -> None:
    with site.db.transaction() as tx:
        first = people.link(tx, TOWN, site.users["amt"], "clerk:admin")
        second = people.link(tx, TOWN, site.users["amt"], "clerk:admin")
        assert link_of(tx.connection, "setup", first, utcnow()) is None
        assert link_of(tx.connection, "setup", second, utcnow() + timedelta(days=3, minutes=1)) is None
        assert link_of(tx.connection, "setup", second, utcnow()) and link_of(tx.connection, "oidc", second, utcnow()) is None
        assert second not in str(tx.connection.execute(select(links)).all())


def test_the_last_administrator_stays(site: WebSite) -> None:
    with site.db.transaction() as tx:
        people.set_lock(tx, TOWN, site.users["alles"], True, "clerk:x")
        for verb in (lambda: people.set_lock(tx, TOWN, site.users["admin"], True, "clerk:x"),
                     lambda: people.remove(tx, TOWN, site.users["admin"], "clerk:x"),
                     lambda: people.change(tx, TOWN, site.users["admin"], PEOPLE["post"], "clerk:x")):
            with pytest.raises(Refused, match="letzte Konto"):
                verb()
        people.set_lock(tx, TOWN, site.users["alles"], False, "clerk:x")


def test_an_account_of_two_towns_is_not_taken_over_from_one(site: WebSite) -> None:
    with site.db.transaction() as tx:
        user = new_user(tx, "zwei-orte")
        for town in (TOWN, "nachbarort"):
            grant(tx, Grant(town, user.id, frozenset({Role.POSTSTELLE})))
    admin = site.as_("admin")
    for verb in ("link", "sperren"):
        answer = admin.submit(f"/verwaltung/benutzer/{user.id}/{verb}", {"gesperrt": "1"})
        assert answer.status_code == 422 and "anderen Mandanten" in answer.text
    with site.db.transaction() as tx:
        only_there = new_user(tx, "nur-dort")
        grant(tx, Grant("nachbarort", only_there.id, frozenset({Role.POSTSTELLE})))
    for verb in ("", "/link", "/sperren", "/entziehen"):
        answer = admin.submit(f"/verwaltung/benutzer/{only_there.id}{verb}", {"roles": ["revision"]})
        assert answer.status_code == 422 and "gibt es nicht" in answer.text, verb


# ---- second factor ---------------------------------------------------------------------------------------------------


def test_the_second_factor_is_asked_for_and_a_code_is_good_once(site: WebSite) -> None:
    admin = site.as_("admin")
    secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', admin.submit("/konto/zweiter-faktor").text)
    assert secret
    assert admin.submit("/konto/zweiter-faktor", {"secret": secret[1], "code": "000000"}).status_code == 422
    made = pyotp.TOTP(secret[1])
    earlier = made.at(int(time.time()) - 30)
    assert admin.submit("/konto/zweiter-faktor", {"secret": secret[1], "code": earlier}).status_code == 303
    assert sign_in(site, "admin")[1].status_code == 401
    assert sign_in(site, "admin", code=earlier)[1].status_code == 401, "used already"
    assert sign_in(site, "admin", code=made.now())[1].status_code == 303
    assert sign_in(site, "admin", code=made.now())[1].status_code == 401
    assert sign_in(site, "admin", "falsch", code=made.at(int(time.time()) + 30))[1].status_code == 401
    assert good_code(secret[1], made.at(int(time.time()) - 120), 0) is None


@pytest.mark.parametrize(("url", "expected"), [
    ("/posteingang?filter=heute", "/posteingang?filter=heute"), ("//example.org", ""), ("/\\example.org", ""),
    ("https://example.org/", ""), ("javascript:alert(1)", ""), ("", ""), ("/a\nb", ""), ("konto", "")])
def test_after_signing_in_nobody_is_sent_elsewhere(url: str, expected: str) -> None:
    assert local(url) == expected


def test_what_is_no_password() -> None:
    assert unfit("kurz", "kurz") and unfit("x" * 1001, "x" * 1001) and unfit("lang genug aber", "verschieden")
    assert unfit(PASSWORD, PASSWORD) == ""


# ---- identity provider -----------------------------------------------------------------------------------------------


class Provider(HTTPServer):
    """A small OpenID provider: remembers what it was asked, answers with the claims it is told."""

    key = RSAKey.generate_key(2048, parameters={"kid": "1", "use": "sig", "alg": "RS256"})

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.claims: dict[str, Any] = {}
        self.asked: dict[str, list[str]] = {}
        self.signed_with: Any = self.key


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def _send(self, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        at = self.server.issuer
        self._send(KeySet([self.server.key]).as_dict() if self.path == "/keys" else {
            "issuer": at, "authorization_endpoint": f"{at}/auth", "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/keys"})

    def do_POST(self) -> None:
        self.server.asked = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        token = jwt.encode({"alg": "RS256", "kid": "1"}, self.server.claims, self.server.signed_with)
        self._send({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


@pytest.fixture
def oidc(site: WebSite, provider: Provider) -> WebSite:
    settings = site.home.settings.model_copy(update={"oidc": OidcSettings(issuer=provider.issuer, client_id="poststelle")})
    home = Home(site.home.root, settings)
    Path(home.oidc_secret_file).parent.mkdir(exist_ok=True)
    home.oidc_secret_file.write_text("geheim\n")
    with site.db.transaction() as tx:
        user = user_by_login(tx.connection, "ausweis") or new_user(tx, "ausweis", "Frau Ausweis")
        change_user(tx, user.id, subject="")
        grant(tx, Grant(TOWN, user.id, frozenset({Role.REVISION}), None))
    provider.signed_with = provider.key
    return WebSite(home, create(home), site.db, site.users)


def go_there(oidc: WebSite, provider: Provider, **claims: Any) -> tuple[Browser, dict[str, list[str]]]:
    browser = oidc.browser()
    assert 'href="/anmelden/oidc"' in browser.look("/anmelden")
    sent = browser.get("/anmelden/oidc?weiter=/protokoll")
    assert sent.status_code == 303 and sent.headers["location"].startswith(f"{provider.issuer}/auth?")
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    now = int(time.time())
    provider.claims = {"iss": provider.issuer, "aud": "poststelle", "sub": "4711", "exp": now + 300, "iat": now,
                       "nonce": asked["nonce"][0], "preferred_username": "ausweis", **claims}
    return browser, asked


def test_the_provider_names_somebody_who_was_invited(oidc: WebSite, provider: Provider) -> None:
    browser, asked = go_there(oidc, provider)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"] and "openid" in asked["scope"][0]
    back = f"/anmelden/oidc/zurueck?code=abc&state={asked['state'][0]}"
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/protokoll")
    assert "Frau Ausweis" in browser.look("/konto") and len(provider.asked["code_verifier"][0]) >= 43
    assert browser.get(back).status_code in (401, 422), "a state is good once"
    again, asked = go_there(oidc, provider, preferred_username="jemand-anders")
    assert again.get(f"/anmelden/oidc/zurueck?code=abc&state={asked['state'][0]}").status_code == 303, "known by its subject now"


@pytest.mark.parametrize("claims", [
    {"nonce": "alt"}, {"aud": "andere"}, {"iss": "https://example.org"}, {"exp": 1}, {"sub": None},
    {"preferred_username": "niemand"}, {"preferred_username": "post"}, {"preferred_username": None}])
def test_what_does_not_hold_signs_nobody_in(oidc: WebSite, provider: Provider, claims: dict[str, Any]) -> None:
    """Also not as somebody who has a password: the provider's name alone takes no account over."""
    browser, asked = go_there(oidc, provider, **claims)
    answer = browser.get(f"/anmelden/oidc/zurueck?code=abc&state={asked['state'][0]}")
    assert answer.status_code in (401, 422) and "poststelle" not in browser.cookies


def test_a_foreign_key_signs_nobody_in(oidc: WebSite, provider: Provider) -> None:
    provider.signed_with = RSAKey.generate_key(2048, parameters={"kid": "1"})
    browser, asked = go_there(oidc, provider)
    assert browser.get(f"/anmelden/oidc/zurueck?code=abc&state={asked['state'][0]}").status_code == 422


def test_a_state_of_another_browser_is_refused(oidc: WebSite, provider: Provider) -> None:
    _, asked = go_there(oidc, provider)
    assert oidc.browser().get(f"/anmelden/oidc/zurueck?code=abc&state={asked['state'][0]}").status_code == 401


def test_a_silent_provider_is_nobodys_fault(oidc: WebSite) -> None:
    gone = oidc.home.settings.model_copy(update={"oidc": OidcSettings(issuer="http://127.0.0.1:9", client_id="poststelle")})
    browser = WebSite(oidc.home, create(Home(oidc.home.root, gone)), oidc.db).browser()
    answer = browser.get("/anmelden/oidc", headers={"Accept": "text/html"})
    assert answer.status_code == 503 and "Versuchen Sie es in einigen Minuten" in answer.text
