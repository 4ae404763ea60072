"""Verwaltung: tenants, error budget and models at the screen; nothing of a town that one does not administer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from intake import automatic
from intake.cli.models import compared
from intake.config import Tenant
from intake.db.forecasts import last_choice
from intake.db.lessons import uses
from intake.db.officemails import note_sent, plan
from intake.db.users import Grant, grant
from intake.errors import Refused
from intake.journal import entries
from intake.versions import FILING
from intake.vocabulary import Role
from intake.web.app import create
from tests.test_versions import put_card
from tests.web_help import TOWN, WebSite, web_site

OTHER = "nachbarort"


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("verwaltung") / "home")
    yield made
    made.db.close()


# ---- error budget ----------------------------------------------------------------------------------------------------


def test_the_budget_is_chosen_and_holds_at_once(site: WebSite) -> None:
    browser, town = site.as_("admin"), site.home.settings.tenant[0]
    shown = browser.look("/verwaltung/fehlerbudget")
    assert 'value="aus" checked' in shown and shown.count("blind") >= 3  # what is missing stands beside each budget
    assert browser.submit("/verwaltung/fehlerbudget", budget="0.01").status_code == 303
    with site.db.read() as conn:
        rules, choice = automatic.as_chosen(conn, town).rules, last_choice(conn, TOWN)
        assert (rules.automatic, rules.budget) == (True, 0.01) and choice and choice.by == "clerk:admin"
        assert automatic.as_chosen(conn, Tenant(name=OTHER)).rules.automatic is False
    assert 'value="0.01" checked' in browser.look("/verwaltung/fehlerbudget")
    assert "Eingeschaltet, Fehlerbudget 1,0" in site.as_("leitung").look("/uebersicht")
    browser.submit("/verwaltung/fehlerbudget", budget="aus"), browser.submit("/verwaltung/fehlerbudget", budget="aus")
    with site.db.read() as conn:
        assert automatic.as_chosen(conn, town).rules.automatic is False
        assert [one.action for one in entries(conn, TOWN)].count("budget.chosen") == 2  # the same again is no choice


@pytest.mark.parametrize("budget", ["0.5", "0", "-1", "nan", "viel", ""])
def test_no_other_budget_can_be_chosen(site: WebSite, budget: str) -> None:
    assert site.as_("admin").submit("/verwaltung/fehlerbudget", {"budget": budget}).status_code == 422
    with site.db.transaction() as tx, pytest.raises(Refused):
        automatic.choose(tx, site.home.settings.tenant[0], "clerk:x", 0.03)
    with site.db.read() as conn:
        assert last_choice(conn, TOWN) is None


# ---- models ----------------------------------------------------------------------------------------------------------


def test_versions_are_listed_used_and_taken_back(site: WebSite) -> None:
    browser = site.as_("admin")
    assert "keine Fassung in Gebrauch" in browser.look("/verwaltung/modelle")
    put_card(site.home, "1"), put_card(site.home, "2", right=19)
    shown = browser.look("/verwaltung/modelle")
    assert "18 von 20" in shown and "19 von 20" in shown and "poststelle model compare" in shown
    for version in ("1", "2"):
        assert browser.submit("/verwaltung/modelle/benutzen", version=version).status_code == 303
    assert "In Gebrauch ist Fassung 2" in browser.look("/verwaltung/modelle")
    assert browser.submit("/verwaltung/modelle/zurueck").status_code == 303
    assert browser.submit("/verwaltung/modelle/benutzen", version="9").status_code == 422
    assert browser.submit("/verwaltung/modelle/benutzen", {"version": "../1"}).status_code == 422
    with site.db.read() as conn:
        assert next((one.version, one.by) for one in uses(conn, TOWN, FILING)) == ("1", "clerk:admin")
    assert browser.submit("/verwaltung/modelle/benutzen", {"version": ""}).status_code == 303
    assert "keine Fassung in Gebrauch" in browser.look("/verwaltung/modelle")


def test_two_versions_are_compared_in_numbers(site: WebSite) -> None:
    put_card(site.home, "1"), put_card(site.home, "2")
    assert site.as_("admin").get("/verwaltung/modelle?a=1&b=2", headers={"Accept": "text/html"}).status_code == 422
    asked: list[tuple[str, str, str]] = []

    def compare(*said: str) -> tuple[int, int, int, int]:
        asked.append((said[0], said[1], said[2]))
        return 40, 6, 1, 4

    able = replace_app(site, compare)
    shown = able.as_("admin").look("/verwaltung/modelle?a=1&b=2")
    assert asked == [(TOWN, "1", "2")] and "Von den letzten 40 Schriftstücken legen sie 6 verschieden ab" in shown
    assert able.as_("admin").get("/verwaltung/modelle?a=1&b=1", headers={"Accept": "text/html"}).status_code == 422
    with pytest.raises(Refused, match="gibt es nicht"):
        compared(site.home, TOWN, "9", "1")


def replace_app(site: WebSite, compare: object) -> WebSite:
    """The same site, where versions can be compared as `poststelle serve` does."""
    return replace(site, app=create(site.home, compare))  # type: ignore[arg-type]


# ---- tenants ---------------------------------------------------------------------------------------------------------


def test_a_town_is_told_with_what_it_has_and_lacks(site: WebSite) -> None:
    with site.db.transaction() as tx:
        plan(tx, TOWN, "Bauamt", "digest", "2026-11-22", {"new": 3, "unread": 4, "due": 0, "oldest_days": 2})
        plan(tx, OTHER, "Fremdamt", "digest", "2026-11-22", {"new": 1, "unread": 1, "due": 0, "oldest_days": 0})
        note_sent(tx, next(iter(_mails(tx))))
    shown = site.as_("admin").look("/verwaltung/mandanten")
    for word in ("Amt Mittelau", "offene Einträge, Fassung 1", "Bauamt", "stapel", "efile", "gesendet"):
        assert word in shown, word
    assert "Fremdamt" not in shown


def _mails(tx: object) -> list[str]:
    from sqlalchemy import select

    from intake.schema import office_mails

    return list(tx.connection.execute(select(office_mails.c.id).where(office_mails.c.tenant == TOWN)).scalars())  # type: ignore[attr-defined]


def test_nothing_is_said_of_a_town_that_one_does_not_administer(site: WebSite) -> None:
    second = Tenant(name=OTHER, title="Gemeinde Nachbarort")
    settings = site.home.settings.model_copy(update={"tenant": (*site.home.settings.tenant, second)})
    two = replace(site, app=create(replace(site.home, settings=settings)))
    with site.db.transaction() as tx:
        grant(tx, Grant(OTHER, site.users["admin"], frozenset({Role.LEITUNG}), None))
    assert "Nachbarort" not in two.as_("admin").look("/verwaltung/mandanten")
    with site.db.transaction() as tx:
        grant(tx, Grant(OTHER, site.users["admin"], frozenset({Role.ADMINISTRATION}), None))
    shown = two.as_("admin").look("/verwaltung/mandanten")
    assert "Gemeinde Nachbarort" in shown and "Es gibt keinen Aktenplan" in shown


def test_a_new_one_is_prepared_and_nothing_is_changed(site: WebSite) -> None:
    browser, before = site.as_("admin"), (site.home.root / "poststelle.toml").read_text(encoding="utf-8")
    shown = browser.submit("/verwaltung/mandanten/neu", name="neudorf", title="Gemeinde <b>Neudorf</b>", doors="rathaus",
                           offices="Bauamt BA bauamt@amt.example")
    assert shown.status_code == 200 and "name = &#34;neudorf-rathaus&#34;" in shown.text and "<b>" not in shown.text
    assert "poststelle aktenplan import DATEI --tenant neudorf" in shown.text
    wrong = browser.submit("/verwaltung/mandanten/neu", name="Neu Dorf", title="Gemeinde Neudorf")
    assert wrong.status_code == 422 and "kleinen Buchstaben" in wrong.text and "Gemeinde Neudorf" in wrong.text
    assert (site.home.root / "poststelle.toml").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("login", ["post", "amt", "leitung", "revision"])
def test_only_the_administration_gets_in(site: WebSite, login: str) -> None:
    browser = site.as_(login)
    for path in ("mandanten", "mandanten/neu", "fehlerbudget", "modelle"):
        assert browser.get(f"/verwaltung/{path}", headers={"Accept": "text/html"}).status_code == 403
    for path in ("fehlerbudget", "modelle/benutzen", "modelle/zurueck", "mandanten/neu"):
        assert browser.submit(f"/verwaltung/{path}", name="x", budget="aus").status_code == 403
