"""Altakten on the screen: how far a batch is, a word on each difference, pictures beside the paper; only for who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from intake.backfile import taking
from intake.db import checks, comparing, redos, rescans
from intake.db import differences as abweichungen
from intake.db.batches import Batch, Item, put_items
from intake.db.checks import Check, Draw
from intake.db.core import new_id, utcnow
from intake.db.deliveries import add_delivery, move_delivery
from intake.db.documents import get_document, move_document
from intake.db.problems import open_problem
from intake.journal import record
from intake.schema import batch_items
from intake.vocabulary import Blob, Delivery, DeliveryState, Problem
from tests.review_help import opened
from tests.web_help import TOWN, WebSite, web_site

DIFFERENCE = "Die Akte A/2 <b>fehlt</b>."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("stapel") / "home")
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def batch(site: WebSite, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    disk: Path = tmp_path_factory.mktemp("disk")
    (disk / "akte.pdf").write_bytes(b"%PDF-1.7")
    town = site.home.settings.for_tenant(TOWN)
    made, _ = taking.new_batch(site.db, town, town.backfile[0], "los-1", disk, "clerk:post")
    with site.db.transaction() as tx:
        abweichungen.put_differences(tx, TOWN, made.id, {
            ("missing", "A/2"): DIFFERENCE, ("extra", "A/9"): "Die Akte A/9 ist zu viel."})
    return made


@pytest.fixture(scope="module")
def draw(site: WebSite, batch: Batch) -> Draw:
    _, documents = opened(site.db, [1, 2])
    with site.db.transaction() as tx:
        rows = [Check("", document.id, at, True, "schief" if at == 2 else "") for at, document in enumerate(documents, start=1)]
        return checks.add_draw(tx, TOWN, Draw("", batch.id, "normal", 2, 2, 0, "", "00", utcnow(), "clerk:post"), rows)


def test_the_list_and_one_batch_say_how_far_it_is(site: WebSite, batch: Batch) -> None:
    shown = site.as_("post").look("/stapel")
    assert "los-1" in shown and "0 von 1" in shown and "läuft" in shown
    one = site.as_("post").look("/stapel/los-1")
    assert "Noch nicht aufgenommen: 1 Datei." in one
    assert "&lt;b&gt;fehlt&lt;/b&gt;" in one and "<b>fehlt</b>" not in one


def test_who_may_not_see_its_class_finds_no_batch(site: WebSite, batch: Batch) -> None:
    assert site.as_("amt").get("/stapel").status_code == 403
    town = site.home.settings.for_tenant(TOWN)
    assert town.backfile[0].access_class == "Poststelle"
    unknown = site.as_("post").get("/stapel/gibt-es-nicht", headers={"Accept": "text/html"})
    assert unknown.status_code == 422 and "Diesen Stapel gibt es nicht" in unknown.text


def test_a_word_on_a_difference_is_kept_once(site: WebSite, batch: Batch) -> None:
    with site.db.read() as conn:
        missing = next(one for one in abweichungen.differences_of(conn, batch.id) if one.kind == "missing")
    clerk = site.as_("post")
    assert clerk.submit("/stapel/los-1/entscheiden", difference=missing.id, decision="egal").status_code == 422
    assert clerk.submit("/stapel/los-1/entscheiden", difference=missing.id, decision="lost").status_code == 303
    assert clerk.submit("/stapel/los-1/entscheiden", difference=missing.id, decision="accepted").status_code == 409
    assert "endgültig nicht vorhanden" in clerk.look("/stapel/los-1")
    assert site.as_("leitung").submit("/stapel/los-1/entscheiden", difference=missing.id, decision="lost").status_code == 403


def test_differences_are_paged_by_kind_and_whole_as_a_table(site: WebSite, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.web.stapel.SHOWN", 1)
    clerk = site.as_("post")
    first = clerk.look("/stapel/los-1")
    assert "1 bis 1 von 2" in first and "A/9" in first, "open ones come first"
    assert "fehlende Akte (1)" in first and "ab=1" in first
    assert "endgültig nicht vorhanden" in clerk.look("/stapel/los-1?ab=1")
    assert "1 bis 1 von" not in clerk.look("/stapel/los-1?art=missing")
    table = clerk.get("/stapel/los-1/abweichungen.csv")
    assert table.status_code == 200 and table.text.count("\r\n") == 3 and table.text.startswith("\ufeffArt;")
    assert site.as_("amt").get("/stapel/los-1/abweichungen.csv").status_code == 403


def test_pause_and_go_on(site: WebSite, batch: Batch) -> None:
    clerk = site.as_("post")
    assert clerk.submit("/stapel/los-1/anhalten").status_code == 303
    assert "angehalten" in clerk.look("/stapel/los-1")
    assert clerk.submit("/stapel/los-1/anhalten").status_code == 422
    assert clerk.submit("/stapel/los-1/weiter").status_code == 303
    assert "läuft" in clerk.look("/stapel/los-1")


def test_pictures_are_laid_beside_the_paper_one_after_the_other(site: WebSite, batch: Batch, draw: Draw) -> None:
    clerk = site.as_("post")
    shown = clerk.look("/stapel/los-1/pruefung")
    assert shown.count("/vorschau") == 1 and "noch 2 anzusehen" in shown
    with site.db.read() as conn:
        first, second = checks.checks_of(conn, draw.id)
    assert clerk.submit("/stapel/los-1/urteil").status_code == 422, "not looked at yet"
    assert clerk.submit("/stapel/los-1/pruefung", document=first.document, verdict="rescan").status_code == 422, "which fault?"
    assert clerk.submit("/stapel/los-1/pruefung", document=first.document, verdict="ok").status_code == 303
    assert clerk.submit("/stapel/los-1/pruefung", document=first.document, verdict="ok").status_code == 409
    shown = clerk.look("/stapel/los-1/pruefung")
    assert shown.count("/vorschau") == 2 and "schief" in shown
    faulty = clerk.submit("/stapel/los-1/pruefung", document=second.document, verdict="rescan", defect="skew", seite="2")
    assert faulty.status_code == 303
    assert "Es ist nichts mehr anzusehen" in clerk.look("/stapel/los-1/pruefung")
    assert clerk.submit("/stapel/los-1/urteil").status_code == 303
    assert "Das Los ist zurückgewiesen" in clerk.look("/stapel/los-1")


def test_the_report_comes_as_a_file(site: WebSite, batch: Batch) -> None:
    answer = site.as_("leitung").get("/stapel/los-1/bericht")
    assert answer.status_code == 200 and answer.content[:5] == b"%PDF-"
    assert answer.headers["content-disposition"].startswith("attachment")


# ---- rescans and re-processing -----------------------------------------------------------------------------------------


def test_rescans_are_shown_with_the_old_picture_and_what_waits_with_its_reason(
        site: WebSite, batch: Batch, draw: Draw) -> None:
    with site.db.transaction() as tx:
        one = checks.checks_of(tx.connection, draw.id)[0]
        document = get_document(tx.connection, one.document)
        rescans.add_rescan(tx, TOWN, rescans.Rescan(
            "", batch.id, document.delivery, document.id, "replaced", 0, 1, "a/<i>akte</i>.pdf", 1, "service:rescans", None, 1,
            2))
        blob = Blob("e" * 64, "image/tiff", "lost.tif", 9)
        lost = Delivery(new_id(), TOWN, "nachscan/x", "folder", batch.profile, tx.now, blob)
        add_delivery(tx, lost)
        record(tx, TOWN, "service:receive", "delivery.received", subjects={"delivery": lost.id})
        move_delivery(tx, lost, DeliveryState.CLARIFY)
        open_problem(tx, Problem(new_id(), TOWN, "delivery", lost.id, "open", "unmatched", "Welche Seite ist gemeint?", "",
                                 ("retry", "reject"), tx.now))
        redos.add_redo(tx, TOWN, redos.Redo("", batch.id, "split", 7, 3, 1, None, "clerk:post"))
    clerk = site.as_("post")
    shown = clerk.look("/stapel/los-1/nachscans")
    assert f"/sendungen/{document.delivery}/seiten/0/1/vorschau" in shown and "/seiten/1/2/vorschau" in shown
    assert "Seite ersetzt" in shown and "a/&lt;i&gt;akte&lt;/i&gt;.pdf" in shown and "Welche Seite ist gemeint?" in shown
    assert "Neu getrennt" in shown and "noch nicht" in shown and str(site.home.rescans(site.home.settings.for_tenant(
        TOWN).backfile[0])) in shown
    one_batch = clerk.look("/stapel/los-1")
    assert "1 Seite ersetzt." in one_batch and "1 Nachscan wartet auf Klärung." in one_batch
    assert "Anders zu trennen: 3 von 7." in one_batch
    assert site.as_("amt").get("/stapel/los-1/nachscans").status_code == 403


def test_what_is_hidden_is_not_among_the_rescans(site: WebSite, batch: Batch, draw: Draw) -> None:
    with site.db.transaction() as tx:
        document = get_document(tx.connection, checks.checks_of(tx.connection, draw.id)[0].document)
        move_document(tx, document, document.state, access_class="Personal")
    shown = site.as_("post").look("/stapel/los-1/nachscans")
    assert "a/&lt;i&gt;akte" not in shown and "Es gibt noch keinen Nachscan" in shown
    assert "a/&lt;i&gt;akte" in site.as_("leitung").look("/stapel/los-1/nachscans")


def test_a_rescan_waits_to_be_laid_beside_the_paper(site: WebSite, batch: Batch, draw: Draw) -> None:
    with site.db.transaction() as tx:
        second = checks.checks_of(tx.connection, draw.id)[1]
        assert second.verdict == "rescan" and checks.rescanned(tx, second.document) == 1
    clerk = site.as_("post")
    assert "1 Nachscan ist noch mit dem Papier zu vergleichen" in clerk.look("/stapel/los-1")
    assert "Der Nachscan ist da" in clerk.look("/stapel/los-1/pruefung")
    assert clerk.submit("/stapel/los-1/pruefung", document=second.document, verdict="ok").status_code == 303
    assert "Nachscan ist noch" not in clerk.look("/stapel/los-1")
    assert "stimmt mit dem Papier überein" in clerk.look(f"/stapel/los-1/pruefung?schriftstueck={second.document}")


def test_the_release_is_shown_in_numbers_once_the_lot_is_accepted(site: WebSite, batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "akte.pdf").write_bytes(b"%PDF-1.7")
    town = site.home.settings.for_tenant(TOWN)
    other, _ = taking.new_batch(site.db, town, town.backfile[0], "los-2", tmp_path, "clerk:post")
    clerk = site.as_("post")
    before = clerk.get("/stapel/los-2/freigabe", headers={"Accept": "text/html"})
    assert before.status_code == 422 and "wird nichts vernichtet" in before.text
    with site.db.transaction() as tx:
        drawn = checks.add_draw(tx, TOWN, Draw("", other.id, "normal", 1, 1, 0, "", "00", utcnow(), "clerk:post"), [])
        checks.decide_draw(tx, drawn, checks.ACCEPTED, "clerk:post")
    shown = clerk.look("/stapel/los-2/freigabe")
    assert "0 Schriftstücke mit 0 Seiten" in shown and "poststelle batch release los-2" in shown and "keine" in shown
    assert "/stapel/los-2/freigabe" in clerk.look("/stapel/los-2")
    assert site.as_("amt").get("/stapel/los-2/freigabe").status_code == 403


def test_comparing_ends_while_a_person_waits(site: WebSite, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.backfile.balance.PROMPT", 1)
    monkeypatch.setattr("intake.web.stapel.PATIENCE", -1.0)
    with site.db.transaction() as tx:
        at = tx.connection.execute(select(func.max(batch_items.c.position)).where(batch_items.c.batch == batch.id)).scalar_one()
        put_items(tx, TOWN, [Item(batch.id, at + 1, "b.pdf", ()), Item(batch.id, at + 2, "c.pdf", ())])
        tx.connection.execute(update(batch_items).where(batch_items.c.batch == batch.id).values(signed=1))
    clerk = site.as_("post")
    left = []
    for _ in range(3):
        assert clerk.submit("/stapel/los-1/vergleichen").status_code == 303
        with site.db.read() as conn:
            left.append(comparing.outdated(conn, batch.id))
    assert left == [2, 1, 0]
