"""Every state of the desk, Mein Eingang and Akten: accessible, nothing cramped, readable on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from intake import review
from intake.db.core import utcnow
from intake.db.documents import get_document
from intake.db.filings import filing_of_document
from intake.db.forecasts import Forecast, put_forecast
from intake.schema import documents
from intake.vocabulary import DocumentState
from tests.browser.conftest import Live, Open
from tests.browser.looks import sideways, violations
from tests.desk_help import BUILDING, DOGS, letter, put_stack
from tests.test_web_akten import filed
from tests.web_help import TOWN

Shoot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def furnished(live: Live) -> Iterator[dict[str, str]]:
    """One document for each state of the desk; addresses by name."""
    site = live.site
    unsure = [replace(one, confidence=0.5, checks=("iban:wrong-checksum",)) if one.field == "sender_name" else
              replace(one, confidence=0.6) for one in letter()]
    unsure.append(replace(letter()[-1], field="urgent", value="ja", confidence=0.85))
    doubtful, blind, asked, approved = (put_stack(site.db, site.blobs, [1], [found])[0]
                                        for found in (unsure, letter(), letter(), letter()))
    stack = put_stack(site.db, site.blobs, [3, 1, 2])
    filed_one = filed(site, title="Bauantrag Heideweg 12", deadline=utcnow().date())
    with site.db.transaction() as tx:
        put_forecast(tx, TOWN, Forecast(blind, "budget", "model:filing@3", DOGS, "", 0.99, audit=True))
        review.clarify(tx, asked, 2, "kms", "Wem gehört der Hund?")
        review.approve(tx, approved, 2, "kms")
        review.attach(tx, stack[1], 2, "kms", stack[0])
    yield {"unsicher": f"/pruefen/{doubtful}", "stichprobe": f"/pruefen/{blind}", "klaerung": f"/pruefen/{asked}",
           "freigegeben": f"/pruefen/{approved}", "stapel": f"/pruefen/{stack[0]}", "anlage": f"/pruefen/{stack[1]}",
           "liste": "/pruefen", "eingang": "/eingang", "fristen": "/eingang/fristen", "blatt": f"/eingang/{filed_one}",
           "akten": "/akten", "plan": f"/akten/plan/{BUILDING}", "suche": "/akten?q=Hundesteuer", "akte": _akte(live, filed_one),
           "fundblatt": f"/akten/blatt/{filed_one}?q=Hundes"}
    with site.db.transaction() as tx:
        tx.connection.execute(update(documents).values(state=DocumentState.SUPERSEDED.value))


def _akte(live: Live, document: str) -> str:
    with live.site.db.read() as conn:
        filing = filing_of_document(conn, document)
    assert filing
    return f"/akten/{filing.file.id}"


NAMES = ("unsicher", "stichprobe", "klaerung", "freigegeben", "stapel", "anlage", "liste", "eingang", "fristen", "blatt", "akten",
         "plan", "suche", "akte", "fundblatt")


def test_every_state_is_accessible_and_fits(live: Live, furnished: dict[str, str], as_person: Open, shoot: Shoot) -> None:
    page, wrong = as_person("alles", 1366, 768), []
    for name in NAMES:
        page.set_viewport_size({"width": 1366, "height": 768})
        page.goto(live.url + furnished[name])
        page.wait_for_timeout(250)
        shoot(page, f"d-{name}")
        wrong += [f"{name}: {one}" for one in violations(page)]
        if sideways(page):
            wrong.append(f"{name}: {sideways(page)} px too wide at 320 px")
        page.set_viewport_size({"width": 320, "height": 640})
        shoot(page, f"d-{name}")
    assert wrong == []


def test_dialogs_and_a_wide_screen(live: Live, furnished: dict[str, str], as_person: Open, shoot: Shoot) -> None:
    page, wrong = as_person("alles"), []
    page.goto(live.url + furnished["stapel"])
    for opener, dialog in (("?", "hilfe"), ("q", "klaerung"), ("Irrläufer", "irrlaeufer"), ("Seiten …", "seiten")):
        if len(opener) == 1:
            page.keyboard.press(opener)
        else:
            page.get_by_role("button", name=opener).click()
        expect(page.locator(f"#{dialog}")).to_be_visible()
        shoot(page, f"d-{dialog}")
        wrong += [f"{dialog}: {one}" for one in violations(page)]
        page.keyboard.press("Escape")
        expect(page.locator(f"#{dialog}")).to_be_hidden()
    assert wrong == []


def test_a_blind_sample_does_not_give_itself_away(live: Live, furnished: dict[str, str], as_person: Open) -> None:
    """The place of a blind sample stands nowhere in what is sent, and nothing is chosen for the clerk."""
    page = as_person("alles")
    page.goto(live.url + furnished["stichprobe"])
    sent = page.content()
    assert DOGS not in sent and "922.10" not in sent and "922.20" not in sent
    assert page.locator('input[name="entry"]:checked').count() == 0
    page.keyboard.press("Control+Enter")
    expect(page.locator("#meldungen")).to_contain_text("Es fehlt der Aktenplaneintrag")
    page.wait_for_function("() => document.activeElement.id === 'suche-entry'")  # nothing to choose from: one searches at once
    page.keyboard.type("922.10")
    expect(page.locator("#gefunden-entry .option")).not_to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    page.wait_for_function("path => location.pathname !== path", arg=furnished["stichprobe"])
    with live.site.db.read() as conn:
        assert get_document(conn, furnished["stichprobe"].rsplit("/", 1)[1]).state is DocumentState.APPROVED
