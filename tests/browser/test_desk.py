"""The desk in a browser: by keyboard alone, with the mouse where a mouse helps, and nothing typed is ever lost."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from intake import review
from intake.db.akten import files_of_entry
from intake.db.core import stamp, utcnow
from intake.db.documents import documents_of, get_document, live_decision, proposals_of
from intake.db.sessions import start_session
from intake.schema import documents, sessions
from intake.vocabulary import DocumentState
from tests.browser.conftest import Live, Open
from tests.desk_help import BUILDING, DOGS, DOGS_FREE, letter, propose, put_stack
from tests.web_help import TOWN

Shoot = Callable[[Page, str], None]
SENDER, TITLE = "#v-sender_name", "#v-title"


@pytest.fixture(autouse=True)
def _empty_queue(live: Live) -> Iterator[None]:
    yield
    with live.site.db.transaction() as tx:
        tx.connection.execute(update(documents).values(state=DocumentState.SUPERSEDED.value))


def waiting(live: Live, count: int = 2, **said: object) -> list[str]:
    return [put_stack(live.site.db, live.site.blobs, [1], [letter(**said)])[0] for _ in range(count)]  # type: ignore[arg-type]


def at_desk(page: Page, live: Live, document: str) -> Page:
    page.goto(f"{live.url}/pruefen/{document}", wait_until="domcontentloaded")
    expect(page.locator("#desk")).to_have_attribute("data-document", document)
    page.wait_for_function("() => document.activeElement && document.activeElement !== document.body")
    return page


def shown(page: Page, document: str) -> None:
    expect(page.locator("#desk")).to_have_attribute("data-document", document)


def decided(live: Live, document: str) -> dict[str, str]:
    with live.site.db.read() as conn:
        decision = live_decision(conn, document)
    return dict(decision.values) if decision else {}


def test_one_stroke_files_a_correct_document_and_opens_the_next(live: Live, as_person: Open, shoot: Shoot) -> None:
    first, second = waiting(live)
    page = at_desk(as_person(), live, first)
    shoot(page, "desk-sure")
    page.keyboard.press("Control+Enter")
    shown(page, second)
    assert page.url.endswith(second)
    assert decided(live, first)["entry"] == DOGS
    assert decided(live, first)["sender_name"] == "Erika Muster"
    expect(page.locator("#meldungen")).to_contain_text("Freigegeben: Abmeldung meines Hundes")
    expect(page.locator('[data-count="/pruefen"]')).to_have_text("(1)")
    shoot(page, "desk-filed")
    page.keyboard.press("u")
    shown(page, first)
    assert decided(live, first) == {}


def test_the_last_one_ends_at_the_queue(live: Live, as_person: Open, shoot: Shoot) -> None:
    (only,) = waiting(live, 1)
    page = at_desk(as_person(), live, only)
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("Prüfen")
    expect(page.locator("#meldungen")).to_contain_text("Es wartet nichts mehr")
    shoot(page, "queue-empty")


def test_enter_goes_from_doubt_to_doubt(live: Live, as_person: Open, shoot: Shoot) -> None:
    found = [one for one in letter(0.6) if one.field != "kind"]
    (document,) = put_stack(live.site.db, live.site.blobs, [1], [[*found, *(
        type(one)(one.field, one.value, 0.4, one.evidence) for one in letter() if one.field == "kind")]])
    page = at_desk(as_person(), live, document)
    assert page.evaluate("document.activeElement.name") == "entry"
    shoot(page, "desk-doubt")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "v-kind"
    expect(page.locator(".frame--here")).to_have_count(1)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "ablegen"
    assert page.locator("[data-doubt]").count() == 0


def test_a_wrong_entry_takes_two_strokes(live: Live, as_person: Open) -> None:
    """Scripted clerk: right ones one stroke, wrong ones the candidate's number first, or a search; also out of a field."""
    plan = [DOGS, DOGS, DOGS_FREE, DOGS, BUILDING, DOGS]
    ids = waiting(live, len(plan), sure=0.95)
    page, strokes = at_desk(as_person(), live, ids[0]), []
    for document, right in zip(ids, plan, strict=True):
        shown(page, document)
        keys = {DOGS: [], DOGS_FREE: ["2"], BUILDING: ["3"]}[right] + ["Control+Enter"]
        for key in keys:
            page.keyboard.press(key)
        strokes.append((right == DOGS, len(keys)))
        page.wait_for_function("id => document.querySelector('#desk')?.dataset.document !== id", arg=document)
    assert [decided(live, document)["entry"] for document in ids] == plan
    assert statistics.median(count for right, count in strokes if right) == 1
    assert statistics.median(count for right, count in strokes if not right) <= 3


def test_search_finds_what_is_no_candidate(live: Live, as_person: Open, shoot: Shoot) -> None:
    first, second = waiting(live)
    page = at_desk(as_person(), live, first)
    page.keyboard.press("s")
    page.keyboard.type("straßenbeleuchtung")
    expect(page.locator("#gefunden-entry .option")).not_to_have_count(0)
    shoot(page, "desk-search")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    shown(page, second)
    assert decided(live, first)["entry"] not in ("", DOGS)


def test_a_click_on_a_word_fills_the_field_and_keeps_its_place(live: Live, as_person: Open) -> None:
    first, second = waiting(live)
    page = at_desk(as_person(), live, first)
    page.locator(SENDER).focus()
    page.locator(".words span", has_text="Kundennummer").click()
    expect(page.locator(SENDER)).to_have_value("Kundennummer")
    page.locator(".words span", has_text="4711").click(modifiers=["Shift"])
    expect(page.locator(SENDER)).to_have_value("Kundennummer 4711")
    page.keyboard.press("Control+Enter")
    shown(page, second)
    with live.site.db.read() as conn:
        own = next(one for one in proposals_of(conn, first) if one.field == "sender_name")
    assert own.evidence[0].by == "clerk:alles" and own.evidence[0].page == 1
    assert own.evidence[0].box == pytest.approx((0.1, 0.34, 0.4, 0.36), abs=1e-4)
    assert decided(live, first)["sender_name"] == "Kundennummer 4711"


def test_cut_join_turn(live: Live, as_person: Open, shoot: Shoot) -> None:
    stack = put_stack(live.site.db, live.site.blobs, [3, 2])
    page = at_desk(as_person(), live, stack[0])
    page.locator('[data-show="2"]').click()
    page.keyboard.press("d")
    expect(page.locator(".sheet.turn90")).to_have_attribute("data-page", "2")
    shoot(page, "desk-turned")
    page.locator(TITLE).fill("Von Hand betitelt")  # shows its evidence, on page 1
    page.locator('[data-show="3"]').click()
    page.keyboard.press("t")
    expect(page.locator("#desk")).to_have_attribute("data-state", "NEW")
    shoot(page, "desk-cut-waits")
    with live.site.db.read() as conn:
        delivery = get_document(conn, stack[0]).delivery
        made = [one for one in documents_of(conn, delivery) if one.state is DocumentState.NEW]
    assert [len(one.pages) for one in made] == [2, 1] and made[0].pages[1].rotation == 90
    for one in reversed(made):  # the first one last: the desk asks again and again whether it is ready
        propose(live.site.db, one.id, letter())
    expect(page.locator("#desk")).to_have_attribute("data-state", "PROPOSED")
    expect(page.locator(TITLE)).to_have_value("Von Hand betitelt")  # the typed title went along
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    shown(page, made[1].id)
    page.keyboard.press("v")
    expect(page.locator("#desk")).to_have_attribute("data-state", "NEW")
    with live.site.db.read() as conn:
        assert sorted(len(one.pages) for one in documents_of(conn, delivery)) == [2, 3]


def test_a_late_save_says_so_and_loses_nothing(live: Live, as_person: Open, shoot: Shoot) -> None:
    first, second = waiting(live)
    page = at_desk(as_person(), live, first)
    page.locator(TITLE).fill("Mein Betreff")
    with live.site.db.transaction() as tx:
        review.correct(tx, first, get_document(tx.connection, first).revision, "kollegin", "title", "Betreff der Kollegin")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#meldungen")).to_contain_text("inzwischen geändert")
    expect(page.locator(TITLE)).to_have_value("Mein Betreff")
    expect(page.locator('[data-field="title"] .field__stored')).to_contain_text("Betreff der Kollegin")
    shoot(page, "desk-stale")
    page.keyboard.press("Control+Enter")
    shown(page, second)
    assert decided(live, first)["title"] == "Mein Betreff"


def test_a_session_that_ends_loses_nothing(live: Live, as_person: Open, shoot: Shoot) -> None:
    first, _ = waiting(live)
    page = at_desk(as_person(), live, first)
    page.locator(TITLE).fill("Nicht verlieren")
    with live.site.db.transaction() as tx:
        tx.connection.execute(update(sessions).values(ended_at=stamp(utcnow())))
    page.keyboard.press("Control+Enter")
    expect(page.locator("#anmeldung")).to_be_visible()
    expect(page.locator(TITLE)).to_have_value("Nicht verlieren")
    shoot(page, "desk-session-over")
    with live.site.db.transaction() as tx:
        secret = start_session(tx, live.site.users["alles"], TOWN)
    page.context.add_cookies([{"name": "poststelle", "value": secret, "url": live.url}])
    page.reload()  # even with the page gone
    expect(page.locator(TITLE)).to_have_value("Nicht verlieren")
    page.keyboard.press("Control+Enter")
    page.wait_for_function("id => document.querySelector('#desk')?.dataset.document !== id", arg=first)
    assert decided(live, first)["title"] == "Nicht verlieren"


def test_klaerung_irrlaeufer_and_putting_off(live: Live, as_person: Open, shoot: Shoot) -> None:
    first, second, third = waiting(live, 3)
    page = at_desk(as_person(), live, first)
    page.keyboard.press("q")
    page.keyboard.type("Wem gehört der Hund?")
    shoot(page, "desk-clarify")
    page.keyboard.press("Control+Enter")
    shown(page, second)
    page.locator(TITLE).fill("Später")
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    shown(page, third)
    page.get_by_role("button", name="Irrläufer").click()
    page.keyboard.type("Werbung")
    page.get_by_role("button", name="Zurückweisen").click()
    shown(page, second)  # the put off one comes again at the end
    expect(page.locator(TITLE)).to_have_value("Später")
    with live.site.db.read() as conn:
        assert get_document(conn, first).state is DocumentState.CLARIFY
        assert get_document(conn, third).state is DocumentState.REJECTED


def test_the_pages_of_the_next_document_are_prepared(live: Live, as_person: Open) -> None:
    first, second = put_stack(live.site.db, live.site.blobs, [1, 5])
    page, asked = as_person(), []
    page.on("requestfinished", lambda one: asked.append(one.url.removeprefix(live.url)))
    at_desk(page, live, first)
    wanted = [f"/seiten/{second}/{number}/{kind}" for kind in ("vorschau", "bild") for number in (1, 2, 3)]
    for _ in range(100):
        if set(wanted) <= set(asked):
            break
        page.wait_for_timeout(50)
    assert set(wanted) <= set(asked)
    assert f"/seiten/{second}/4/bild" not in asked  # a long one is not drawn as a whole
    drawn = [one for one in asked if one.endswith("/bild") and second in one]
    assert drawn == sorted(drawn)  # one after the other


def test_e_marks_what_is_urgent_and_takes_the_mark_away(live: Live, as_person: Open, shoot: Shoot) -> None:
    first, _ = waiting(live)
    page = at_desk(as_person(), live, first)
    box = page.get_by_label("eilt")
    page.keyboard.press("e")
    expect(box).to_be_checked()
    shoot(page, "desk-eilt")
    page.keyboard.press("e")
    expect(box).not_to_be_checked()
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    page.wait_for_function("id => document.querySelector('#desk')?.dataset.document !== id", arg=first)
    with live.site.db.read() as conn:
        decision = live_decision(conn, first)
    assert decision and decision.values["urgent"] == "ja"


def test_letters_can_be_switched_off(live: Live, as_person: Open) -> None:
    first, _ = waiting(live)
    page = at_desk(as_person(), live, first)
    page.evaluate("document.body.dataset.tasten = 'aus'")
    for key in ("j", "d", "2", "q", "z", "?"):
        page.keyboard.press(key)
    shown(page, first)
    assert page.locator("dialog[open]").count() == 0 and page.locator(".turn90").count() == 0
    page.locator(TITLE).focus()
    page.keyboard.press("End")
    page.keyboard.type("jkz")  # and in a field letters are letters
    expect(page.locator(TITLE)).to_have_value("Abmeldung meines Hundesjkz")


def test_who_else_has_it_open_is_said(live: Live, as_person: Open) -> None:
    (only,) = waiting(live, 1)
    at_desk(as_person("post"), live, only).wait_for_timeout(700)
    page = at_desk(as_person(), live, only)
    expect(page.locator("#holder")).to_contain_text("auch offen bei post")


def test_alike_ones_are_confirmed_together(live: Live, as_person: Open, shoot: Shoot) -> None:
    with live.site.db.read() as conn:
        file = files_of_entry(conn, TOWN, DOGS)[0]
    same = [one for one in letter() if one.field != "new_file"]
    same.append(type(same[0])("file", file.id, 0.95, same[0].evidence))
    ids = [put_stack(live.site.db, live.site.blobs, [1], [same])[0] for _ in range(4)]
    page = at_desk(as_person(), live, ids[0])
    page.get_by_role("link", name="Diese 4 gleich bestätigen").click()
    expect(page.locator(".alike li")).to_have_count(4)
    shoot(page, "desk-alike")
    page.locator(".alike input").last.uncheck()
    page.get_by_role("button", name="Die angekreuzten so ablegen").click()
    shown(page, ids[3])
    assert [bool(decided(live, id)) for id in ids] == [True, True, True, False]
    assert decided(live, ids[0])["file"] == file.id
