"""Every screen but the desk, in a real browser: accessible, not cramped, live, and nothing typed is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from intake import review
from intake.backfile import people
from intake.backfile.taking import new_batch
from intake.db.akten import add_file
from intake.db.checks import ACCEPTED, Check, Draw, add_draw, decide_draw
from intake.db.core import new_id, stamp, utcnow
from intake.db.deliveries import add_delivery, add_parts, get_delivery, move_delivery
from intake.db.differences import put_differences
from intake.db.documents import get_document, move_document
from intake.db.filings import add_filing
from intake.db.plan import all_entries
from intake.db.problems import open_problem
from intake.db.sessions import ABSOLUTE
from intake.db.users import change_user
from intake.schema import deliveries, sessions
from intake.vocabulary import Blob, Delivery, DeliveryState, DocumentState, Envelope, File, Filing, Part, Problem
from intake.web.login import HASHER
from tests.browser.conftest import Live, Open
from tests.browser.looks import sideways, violations
from tests.desk_help import TOWN, put_stack
from tests.test_versions import put_card
from tests.test_web_hostile import hostile
from tests.web_help import WebSite

Shoot = Callable[[Page, str], None]
SIZES = ((1920, 1080), (1366, 768))
PASSWORD = "ein kurzer Satz genügt"


@pytest.fixture(scope="module")
def furnished(live: Live) -> dict[str, str]:
    """Something on every screen: a stack half done, a Dublette, three Klärungsfälle, a journal. Gives addresses by name."""
    site = live.site
    documents = put_stack(site.db, site.blobs, [2, 1, 3])
    other = put_stack(site.db, site.blobs, [1])
    asked = put_stack(site.db, site.blobs, [2])
    with site.db.transaction() as tx:
        delivery = get_document(tx.connection, documents[0]).delivery
        review.approve(tx, documents[0], get_document(tx.connection, documents[0]).revision, "kms")
        twin = get_delivery(tx.connection, get_document(tx.connection, other[0]).delivery)
        move_delivery(tx, twin, DeliveryState.TWIN, twin_of=delivery)
        review.clarify(tx, asked[0], get_document(tx.connection, asked[0]).revision, "kms", "Gehört das Foto zum Bauantrag?")
        problem = open_problem(tx, Problem(
            new_id(), TOWN, "source", "scanner", "receive", "unreadable",
            "Die Datei „Scan0815.pdf“ im Ordner scanner darf nicht gelesen werden. Ändern Sie die Rechte.",
            "", ("retry", "close"), utcnow()))
    _batch(site, documents[0])
    _lot_to_release(site)
    return {"delivery": delivery, "problem": problem, "user": site.users["bauamt"]}


def _batch(site: WebSite, document: str) -> None:
    """A batch of old files with differences and a check that has begun."""
    town = site.home.settings.for_tenant(TOWN)
    disk = site.home.root / "lieferung"
    disk.mkdir()
    (disk / "akte.pdf").write_bytes(b"%PDF-1.7")
    batch, _ = new_batch(site.db, town, town.backfile[0], "altakten", disk, "clerk:post")
    with site.db.transaction() as tx:
        put_differences(tx, TOWN, batch.id, {
            ("missing", "BA/632.60-0007/1967"): "Die Akte BA/632.60-0007/1967 steht im Aktenverzeichnis und wurde nicht "
            "geliefert. Fordern Sie sie an.",
            ("double", "akte.pdf, Seite 3"): "Seite 3 von „akte.pdf“ ist vermutlich dasselbe Blatt wie Seite 2."})
        people.pause(tx, batch, "clerk:post")  # no worker of another test shall read what is no file
        draw = Draw("", batch.id, "normal", 1, 1, 0, "", "00", utcnow(), "clerk:post")
        add_draw(tx, TOWN, draw, [Check("", document, 1, True)])


def _lot_to_release(site: WebSite) -> None:
    """A batch whose lot was accepted: two filed documents, one of them found faulty."""
    town = site.home.settings.for_tenant(TOWN)
    disk = site.home.root / "lieferung-2"
    disk.mkdir()
    (disk / "akte.pdf").write_bytes(b"%PDF-1.7 2")
    batch, _ = new_batch(site.db, town, town.backfile[0], "los-fertig", disk, "clerk:post")
    made = put_stack(site.db, site.blobs, [2, 1])
    with site.db.transaction() as tx:
        people.pause(tx, batch, "clerk:post")
        entry = all_entries(tx.connection, TOWN)[0]
        akte = add_file(tx, TOWN, File("", "BA/632.60-0031/1971", "Neubau Wohnhaus, Dorfstraße 7", entry.id), date(1971, 3, 4))
        for number, id in enumerate(made):
            found = get_document(tx.connection, id)
            tx.connection.execute(update(deliveries).where(deliveries.c.id == found.delivery).values(batch="los-fertig"))
            for step in (DocumentState.APPROVED, DocumentState.FILED):
                found = move_document(tx, found, step)
            pdf = site.blobs.add_bytes(b"%PDF-1.7 " + id.encode(), "schriftstueck.pdf", "application/pdf")
            title = ("Baugenehmigung", "Prüfbericht Statik")[number]
            add_filing(tx, Filing(
                f"{number:064x}", TOWN, id, entry, akte, None, title, {}, utcnow(), pdf, (), pages=(2, 1)[number]))
        draw = Draw("", batch.id, "normal", 1, 1, 0, "", "00", utcnow(), "clerk:post")
        draw = add_draw(tx, TOWN, draw, [Check("", made[1], 1, True)])
        decide_draw(tx, draw, ACCEPTED, "clerk:post")


SCREENS = {
    "posteingang": "/posteingang", "posteingang-dubletten": "/posteingang?filter=dubletten",
    "posteingang-leer": "/posteingang?filter=fertig",
    "klaerung": "/klaerung", "klaerungsfall": "/klaerung/{problem}", "protokoll": "/protokoll",
    "protokoll-sendung": "/protokoll/{delivery}", "stapel": "/stapel",
    "stapel-los": "/stapel/altakten", "stapel-nachscans": "/stapel/altakten/nachscans",
    "stapel-pruefung": "/stapel/altakten/pruefung", "stapel-freigabe": "/stapel/los-fertig/freigabe",
    "uebersicht": "/uebersicht", "verwaltung": "/verwaltung",
    "verwaltung-neu": "/verwaltung/benutzer/neu", "verwaltung-benutzer": "/verwaltung/benutzer/{user}",
    "verwaltung-plan": "/verwaltung/aktenplan", "verwaltung-eingaenge": "/verwaltung/eingaenge",
    "verwaltung-mandanten": "/verwaltung/mandanten", "verwaltung-mandant-neu": "/verwaltung/mandanten/neu",
    "verwaltung-fehlerbudget": "/verwaltung/fehlerbudget", "verwaltung-modelle": "/verwaltung/modelle",
    "konto": "/konto", "fehler": "/gibt-es-nicht",
}


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_is_accessible_at_every_width(
        name: str, live: Live, furnished: dict[str, str], as_person: Open, shoot: Shoot) -> None:
    page = as_person("alles")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.goto(live.url + SCREENS[name].format(**furnished))
        shoot(page, name)
    assert violations(page) == []
    assert sideways(page) == 0
    page.set_viewport_size({"width": 320, "height": 640})
    shoot(page, name)


def test_signing_in_and_the_first_password_are_accessible(live: Live, chromium: object, as_person: Open, shoot: Shoot) -> None:
    page = as_person("admin")
    page.context.clear_cookies()
    page.goto(f"{live.url}/anmelden")
    shoot(page, "anmelden")
    assert violations(page) == [] and sideways(page) == 0
    page.get_by_label("Anmeldename").fill("niemand")
    page.get_by_label("Kennwort", exact=True).fill("falsch falsch falsch")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("alert")).to_contain_text("stimmt nicht")
    assert violations(page) == []


def test_a_new_town_and_two_versions_are_accessible(live: Live, as_person: Open, shoot: Shoot) -> None:
    page, wrong = as_person("alles", 1366, 768), []
    page.goto(f"{live.url}/verwaltung/mandanten/neu")
    page.get_by_label("Kurzname").fill("Neu Dorf")
    page.get_by_role("button", name="Prüfen").click()
    expect(page.get_by_role("alert")).to_contain_text("kleinen Buchstaben")
    wrong += violations(page)
    page.get_by_label("Kurzname").fill("neudorf")
    page.get_by_label("Ämter").fill("Bauamt BA bauamt@amt.example")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Prüfen").click()
    expect(page.locator(".toml")).to_contain_text("neudorf-scanner")
    wrong += violations(page)
    assert sideways(page) == 0
    page.locator(".steps").scroll_into_view_if_needed()
    shoot(page, "verwaltung-mandant-fertig")
    versions = [put_card(live.site.home, version) for version in ("1", "2")]
    page.goto(f"{live.url}/verwaltung/modelle")
    page.locator('tr:has-text("2") button:has-text("Benutzen")').first.click()
    expect(page.locator(".state--success")).to_have_text("in Gebrauch")
    wrong += violations(page)
    assert sideways(page) == 0 and wrong == []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        shoot(page, "verwaltung-modelle-zwei")
    for version in versions:
        shutil.rmtree(version)


def test_the_user_menu_by_keyboard(live: Live, as_person: Open, shoot: Shoot) -> None:
    page = as_person("post")
    page.goto(f"{live.url}/posteingang")
    menu = page.locator("details.usermenu summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Abmelden")).to_be_visible()
    shoot(page, "benutzermenue")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Abmelden")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_what_comes_in_appears_by_itself(live: Live, as_person: Open) -> None:
    page = as_person("post")
    page.goto(f"{live.url}/posteingang")
    rows = page.locator("#liste tbody tr")
    page.wait_for_timeout(2500)  # the stream has looked once
    before = rows.count()
    put_stack(live.site.db, live.site.blobs, [1])
    expect(rows).to_have_count(before + 1, timeout=8000)


def test_a_file_is_handed_in_by_choosing_it(live: Live, as_person: Open, tmp_path: Path) -> None:
    """The file name is shown as text; the same file again is a Dublette."""
    page = as_person("post")
    page.goto(f"{live.url}/posteingang")
    file = tmp_path / "<img src=x onerror=alert(1)>.pdf"
    file.write_bytes(b"%PDF-1.7 ein Brief " + new_id().encode())
    for said in ("aufgenommen", "ist eine Dublette"):
        page.locator("#dateien").set_input_files(file)
        expect(page.locator("[data-hochgeladen] li").last).to_contain_text(f"onerror=alert(1)>.pdf: {said}")
    expect(page.locator("#liste tbody tr").first).to_contain_text("<img src=x onerror=alert(1)>.pdf")
    expect(page.locator("#liste tbody tr").first.get_by_role("button")).to_contain_text("Trotzdem bearbeiten")


def test_a_problem_is_solved_by_keyboard(live: Live, furnished: dict[str, str], as_person: Open) -> None:
    with live.site.db.transaction() as tx:
        problem = open_problem(tx, Problem(new_id(), TOWN, "source", new_id(), "receive", "unsettled",
                                           "Eine Datei wird seit Stunden größer.", "", ("close",), utcnow()))
    page = as_person("post")
    page.goto(f"{live.url}/klaerung/{problem}")
    page.get_by_label("Anmerkung").fill("war ein hängender Scanner")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Gelöst")
    assert page.url.endswith("/klaerung")


def test_a_session_that_is_over_loses_nothing_that_was_typed(live: Live, as_person: Open, shoot: Shoot) -> None:
    """A plain form: the password is asked for over the page, the text stays, the second try goes through."""
    with live.site.db.transaction() as tx:
        change_user(tx, live.site.users["post"], password=HASHER.hash(PASSWORD))
        problem = open_problem(tx, Problem(new_id(), TOWN, "source", new_id(), "receive", "unsettled",
                                           "Noch eine Datei wird größer.", "", ("close",), utcnow()))
    page = as_person("post")
    page.goto(f"{live.url}/klaerung/{problem}")
    page.get_by_label("Anmerkung").fill("das darf nicht verloren gehen")
    with live.site.db.transaction() as tx:
        tx.connection.execute(update(sessions).values(started_at=stamp(utcnow() - ABSOLUTE * 2)))
    solve = page.get_by_role("button", name="Geklärt")
    solve.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("bleibt stehen")
    shoot(page, "wieder-anmelden")
    assert violations(page) == []
    dialog.get_by_label("Kennwort von post").fill("falsch")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("stimmt nicht")
    dialog.get_by_label("Kennwort von post").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Anmerkung")).to_have_value("das darf nicht verloren gehen")
    solve.click()
    expect(page.get_by_role("status")).to_contain_text("Gelöst")


def test_hostile_names_do_nothing_in_a_browser(live: Live, as_person: Open) -> None:
    """All names and texts in the lists, the nastiest one by one: no dialog, no report of the policy (the fixture looks)."""
    site, found = live.site, []
    bytes_ = site.blobs.add_bytes(b"%PDF-1.7", "x", "application/pdf")
    with site.db.transaction() as tx:
        for name in hostile():
            loose = Delivery(new_id(), TOWN, f"key/{new_id()}", "folder", "scanner", utcnow(), Blob(
                bytes_.sha256, "application/pdf", name, bytes_.size), batch=name[:100], envelope=Envelope(name, name, name))
            add_delivery(tx, loose)
            add_parts(tx, loose.id, TOWN, [Part(loose.id, 0, None, loose.original, 1, "damaged", name)])
            move_delivery(tx, loose, DeliveryState.CLARIFY)
            problem = open_problem(tx, Problem(new_id(), TOWN, "delivery", loose.id, "open", "damaged", name, name, ("reject",),
                                               utcnow()))
            if "alert" in name:
                found.append((loose.id, problem))
    page = as_person("alles")
    for address in ("/posteingang?filter=klaerung", "/klaerung", *(f"/protokoll/{id}" for id, _ in found[:6]),
                    *(f"/klaerung/{problem}" for _, problem in found[:6])):
        page.goto(live.url + address)
    expect(page.locator("h1")).to_contain_text("alert")
