"""The desk without a browser: what its fragments say, what a form becomes, pictures and downloads."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from intake import review
from intake.db.akten import files_of_entry
from intake.db.deliveries import get_delivery
from intake.db.desk import first_waiting, neighbours, note_opening, opened_by, waiting_after
from intake.db.documents import get_document, live_decision, proposals_of
from intake.errors import Refused
from intake.schema import documents
from intake.vocabulary import Blob, DocumentState, Evidence, Proposal, Role, Viewer
from intake.web import fields
from intake.web.pictures import download
from intake.web.verbs import draft_of, place_from
from tests.desk_help import DOGS, DOGS_FREE, letter, put_stack
from tests.web_help import TOWN, WebSite, web_site

VIEWER = Viewer(TOWN, "post", Role.POSTSTELLE, frozenset({"Poststelle", "allgemein"}))
HX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    found = web_site(tmp_path_factory.mktemp("desk") / "home")
    yield found
    found.db.close()


@pytest.fixture
def site(made: WebSite) -> Iterator[WebSite]:
    """The site with an empty queue."""
    with made.db.transaction() as tx:
        tx.connection.execute(update(documents).values(state=DocumentState.SUPERSEDED.value))
    yield made


def stack(site: WebSite, *cuts: int) -> list[str]:
    return put_stack(site.db, site.blobs, cuts or (1,))


# ---- fields (pure) ---------------------------------------------------------------------------------------------------


def proposal(field: str, value: str, sure: float, by: str = "rule:x@1", checks: tuple[str, ...] = ()) -> Proposal:
    return Proposal(field, value, sure, (Evidence(by, 1, (0.1, 0.1, 0.2, 0.2), value),), checks=checks)


@pytest.mark.parametrize(("one", "mark"), [
    (proposal("sender_name", "A", 0.9), "sure"), (proposal("sender_name", "A", 0.6), "look"),
    (proposal("entry", "A", 0.85), "look"), (proposal("entry", "A", 0.95), "sure"),
    (proposal("iban", "A", 0.99, checks=("iban:wrong-checksum",)), "broken"),
    (proposal("file", "A", 0.99, checks=("reference:similar",)), "look"),
    (proposal("sender_name", "A", 0.1, by="clerk:kms"), "human")])
def test_marks(one: Proposal, mark: str) -> None:
    assert fields.mark_of(one) == mark
    sign, word = fields.SIGNS[fields.mark_of(one)]
    assert sign and word  # never a colour alone


def test_the_form_has_every_letters_fields_and_hides_the_place() -> None:
    usual, others = fields.fields_of([proposal("entry", "x", 0.9), proposal("zzz_new", "1", 0.9), proposal("iban", "DE", 0.9),
                                      proposal("letter_date", "2026-10-11", 0.9)])
    assert [one.name for one in usual] == list(fields.FIRST)
    assert [one.name for one in others] == ["iban", "zzz_new"]  # what has a German name first
    assert next(one for one in usual if one.name == "letter_date").shown == "11.10.2026"
    assert next(one for one in usual if one.name == "title").mark == "open"


@given(st.dates(), st.booleans())
def test_a_day_is_the_same_however_it_is_written(day: object, short: bool) -> None:
    iso = f"{day:%Y-%m-%d}".rjust(10, "0")
    german = f"{day.day}.{day.month}.{day.year}" if short else f"{day:%d.%m.}{day.year:04}"  # type: ignore[attr-defined]
    if day.year >= 1000:  # type: ignore[attr-defined]
        assert fields.plain("letter_date", german) == iso and fields.same("letter_date", german, iso)


@given(st.text(max_size=40))
def test_any_text_is_the_same_as_itself(text: str) -> None:
    assert fields.same("title", text, text) and fields.same("deadline", fields.shown("deadline", text), text)


@given(st.text(max_size=60))
def test_a_place_is_a_place_or_refused(text: str) -> None:
    try:
        page, box = place_from(text)
    except Refused:
        return
    assert (page, box) == (0, None) or (page >= 1 and box is not None and all(0 <= edge <= 1 for edge in box))


def test_a_form_becomes_a_draft() -> None:
    draft = draft_of({"v.title": "T", "w.title": "", "w.sender_name": "1 0 0 1 1", "entry": "e", "revision": "3", "desk": "1"})
    assert (draft.values, draft.places, draft.entry, draft.file, draft.urgent) == (
        {"title": "T"}, {"sender_name": "1 0 0 1 1"}, "e", None, False)
    assert draft_of({}).urgent is None


# ---- the queue -------------------------------------------------------------------------------------------------------


def test_the_queue_goes_round(site: WebSite) -> None:
    first, second, third = [stack(site)[0] for _ in range(3)]
    with site.db.read() as conn:
        assert first_waiting(conn, VIEWER) == first
        assert (neighbours(conn, VIEWER, second).before, neighbours(conn, VIEWER, second).after) == (first, third)
        assert neighbours(conn, VIEWER, third).after == first  # after the last comes the first
        assert waiting_after(conn, VIEWER, first, 5) == (second, third)
    put_stack(site.db, site.blobs, [1], access_class="Jugend")
    with site.db.read() as conn:
        assert waiting_after(conn, VIEWER, first, 5) == (second, third)  # what he may not see is not next


def test_the_mark_of_who_has_it_open_passes(site: WebSite) -> None:
    (id,) = stack(site)
    with site.db.transaction() as tx:
        note_opening(tx, TOWN, id, "kms")
        note_opening(tx, TOWN, id, "kms")
        now = tx.now
    with site.db.read() as conn:
        assert set(opened_by(conn, [id], now)) == {id} and opened_by(conn, [id], now, "kms") == {}
        assert opened_by(conn, [id], now.replace(year=now.year + 1)) == {}


# ---- verbs -----------------------------------------------------------------------------------------------------------


def test_filing_keeps_only_what_was_changed(site: WebSite) -> None:
    first, second = stack(site, 1)[0], stack(site, 1)[0]
    answer = site.as_("post").submit(f"/pruefen/{first}/ablegen", {
        "revision": "2", "desk": "1", "entry": DOGS_FREE, "file": "neu", "v.title": "Neu betitelt", "v.letter_date": "11.10.2026",
        "v.sender_name": "Gartenstraße", "w.sender_name": "1 0.42 0.1 0.56 0.12", "urgent": "ja"}, headers=HX)
    assert answer.status_code == 200 and answer.headers["HX-Push-Url"] == f"/pruefen/{second}"
    with site.db.read() as conn:
        decision = live_decision(conn, first)
        own = [one for one in proposals_of(conn, first) if one.evidence[0].by == "clerk:post"]
    assert decision and decision.values["entry"] == DOGS_FREE and decision.values["urgent"] == "ja"
    assert decision.values["title"] == "Neu betitelt" and decision.values["letter_date"] == "2026-10-11"
    assert [(one.field, one.evidence[0].page) for one in own] == [("sender_name", 1)]  # only what was clicked has a place


def test_haste_that_a_rule_read_is_shown_with_its_words_and_can_be_taken_away(site: WebSite) -> None:
    hurry = [*letter(), proposal("urgent", "ja", 0.85, "rule:urgent-word@1")]
    first, second = (put_stack(site.db, site.blobs, [1], [hurry])[0] for _ in range(2))
    browser = site.as_("post")
    shown = browser.look(f"/pruefen/{first}")
    assert 'value="ja" data-key="e" checked' in shown and "Regel urgent-word" in shown
    assert browser.look("/pruefen").count('data-sign="!">eilt<') == 2
    said = {"revision": "2", "desk": "1", "entry": DOGS_FREE, "file": "neu"}
    assert browser.submit(f"/pruefen/{first}/ablegen", said, headers=HX).status_code == 200
    browser.submit(f"/pruefen/{second}/ablegen", said | {"urgent": "ja"}, headers=HX)
    with site.db.read() as conn:
        decided = [live_decision(conn, id) for id in (first, second)]
    assert [one and one.values.get("urgent") for one in decided] == [None, "ja"]


def test_a_late_save_shows_both_and_changes_nothing(site: WebSite) -> None:
    (id,) = stack(site)
    with site.db.transaction() as tx:
        review.correct(tx, id, 2, "andere", "title", "Betreff der Kollegin")
    answer = site.as_("post").submit(f"/pruefen/{id}/ablegen", {
        "revision": "2", "desk": "1", "entry": DOGS, "file": "neu", "v.title": "<script>alert(1)</script>"}, headers=HX)
    assert answer.status_code == 409 and 'hx-swap-oob="true"' in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text and "<script>alert" not in answer.text
    assert "Betreff der Kollegin" in answer.text
    assert 'data-revision="3"' in answer.text
    with site.db.read() as conn:
        assert live_decision(conn, id) is None


def test_what_review_refuses_is_said_and_kept(site: WebSite) -> None:
    (id,) = stack(site)
    for verb, said, sentence in (
            ("trennen", {"seite": "1"}, "lässt sich nicht schneiden"), ("verbinden", {}, "kein anderes Schriftstück"),
            ("drehen", {"seite": "7"}, "eine Seite 7 gibt es nicht"), ("klaerung", {"frage": " "}, "in einem Satz"),
            ("ablegen", {"v.letter_date": "31.02.2026"}, "ist kein Datum"), ("ablegen", {"entry": "", "file": ""}, "Es fehlt"),
            ("ablegen", {"v.title": "x", "w.title": "1 a b c d"}, "Die Stelle auf der Seite")):
        answer = site.as_("post").submit(f"/pruefen/{id}/{verb}", {"revision": "2", "desk": "1", "entry": DOGS, "file": "neu",
                                                                   "v.sender_name": "Mein Absender", **said}, headers=HX)
        assert answer.status_code == 422 and sentence in answer.text, (verb, answer.text[:300])
        assert "Mein Absender" in answer.text
    with site.db.read() as conn:
        assert get_document(conn, id).revision == 2


def test_putting_off_keeps_values_and_place(site: WebSite) -> None:
    first, second = stack(site)[0], stack(site)[0]
    answer = site.as_("post").submit(f"/pruefen/{first}/zurueckstellen", {
        "revision": "2", "desk": "1", "entry": DOGS_FREE, "file": "neu", "v.title": "Später"}, headers=HX)
    assert answer.headers["HX-Push-Url"] == f"/pruefen/{second}"
    with site.db.read() as conn:
        best = {one.field: one.value for one in reversed(proposals_of(conn, first))}
    assert (best["title"], best["entry"]) == ("Später", DOGS_FREE)


def test_undo_after_filing_goes_by_the_decision(site: WebSite) -> None:
    """The machine may file it in between; a colleague's new decision is not undone by mistake."""
    (id, _) = stack(site, 1, 1)
    browser = site.as_("post")
    browser.submit(f"/pruefen/{id}/ablegen", {"revision": "2", "desk": "1", "entry": DOGS, "file": "neu"}, headers=HX)
    assert browser.submit(f"/pruefen/{id}/zurueck", {"revision": "9", "verfuegung": "1"}, headers=HX).status_code == 409
    assert browser.submit(f"/pruefen/{id}/zurueck", {"revision": "3", "verfuegung": "1"}, headers=HX).status_code == 200
    with site.db.read() as conn:
        assert get_document(conn, id).state is DocumentState.PROPOSED


def test_an_anlage_follows_its_main_document(site: WebSite) -> None:
    main, other = stack(site, 1, 1)
    browser = site.as_("post")
    assert browser.submit(f"/pruefen/{other}/anlage", {"revision": "2", "zu": main}, headers=HX).status_code == 200
    answer = browser.submit(f"/pruefen/{other}/ablegen", {"revision": "3", "desk": "1", "entry": ""}, headers=HX)
    assert answer.status_code == 422 and "folgt ihrem Hauptschriftstück" in answer.text
    browser.submit(f"/pruefen/{main}/ablegen", {"revision": "2", "desk": "1", "entry": DOGS, "file": "neu"}, headers=HX)
    assert browser.submit(f"/pruefen/{other}/ablegen", {"revision": "3", "desk": "1", "entry": ""}, headers=HX).status_code < 300
    with site.db.read() as conn:
        decision = live_decision(conn, other)
    assert decision and decision.values["with"] == main


# ---- pictures and downloads ------------------------------------------------------------------------------------------


def test_pictures_only_of_what_one_sees(site: WebSite) -> None:
    (id,) = stack(site)
    (hidden,) = put_stack(site.db, site.blobs, [1], access_class="Jugend")
    browser = site.as_("post")
    for kind in ("vorschau", "bild"):
        answer = browser.get(f"/seiten/{id}/1/{kind}")
        assert answer.headers["content-type"] == "image/jpeg" and answer.headers["cache-control"] == "no-store"
        assert browser.get(f"/seiten/{hidden}/1/{kind}").status_code == 422
    assert browser.get(f"/seiten/{id}/1/woerter").json()["words"][0]["box"] == [0.1, 0.1, 0.24, 0.12]
    with site.db.read() as conn:
        delivery = get_document(conn, id).delivery
        other = get_document(conn, hidden).delivery
    assert browser.get(f"/sendungen/{delivery}/original").status_code == 200
    assert browser.get(f"/sendungen/{other}/original").status_code == 422


@pytest.mark.parametrize("name", [
    "brief.pdf", "../../etc/passwd", "a\r\nSet-Cookie: x=1.pdf", 'x"; filename="y.exe', "\u202egpj.exe", "<img src=x>.html", "",
    "Müller & Söhne – Angebot.pdf", "con", "a" * 400, "х\x00у.pdf"])
def test_originals_leave_only_as_attachments_under_safe_names(site: WebSite, name: str) -> None:
    with site.db.read() as conn:
        original = get_delivery(conn, get_document(conn, stack(site)[0]).delivery).original
    answer = download(site.blobs, Blob(original.sha256, "text/html", name, original.size), "original-1")
    said = answer.headers["content-disposition"]
    assert said.startswith('attachment; filename="original-1.bin"; filename*=UTF-8\'\'') and said.isascii()
    shown = unquote(said.rsplit("'", 1)[1])
    assert shown.endswith(".bin") and not set(shown) & set('/\\"\r\n\0\u202e<>')
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert answer.media_type == "application/octet-stream"


def test_like_documents_are_offered_only_when_sure(site: WebSite) -> None:
    with site.db.read() as conn:
        file = files_of_entry(conn, TOWN, DOGS)[0]
    same = [one for one in letter() if one.field != "new_file"] + [proposal("file", file.id, 0.95)]
    ids = [put_stack(site.db, site.blobs, [1], [same])[0] for _ in range(3)]
    put_stack(site.db, site.blobs, [1], [letter(sender="Jemand anders")])
    browser = site.as_("alles")
    assert "Diese 3 gleich bestätigen" in browser.get(f"/pruefen/{ids[0]}/gleiche", headers=HX).text
    answer = browser.submit(f"/pruefen/{ids[0]}/gleiche", {f"ja.{ids[0]}": "2", f"ja.{ids[1]}": "1"})
    assert answer.status_code == 303
    with site.db.read() as conn:
        assert [bool(live_decision(conn, id)) for id in ids] == [True, False, False]  # the changed one waits on
