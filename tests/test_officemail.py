"""Mails to the offices: once an office and day, at once for what is urgent, numbers only, over real SMTP, restarts and kills."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from intake import officemail, passing, review
from intake.check import check_offices
from intake.config import Home, Settings, Tenant
from intake.db import incoming, officemails
from intake.db.akten import add_file, files_of_entry
from intake.db.core import Database, utcnow
from intake.db.documents import get_document, live_decision, move_document
from intake.db.filings import add_filing
from intake.db.incoming import add_notice
from intake.filing import filing_key, place_of
from intake.journal import entries
from intake.mailcheck import findings
from intake.outlets import OfficeMail
from intake.schema import filings, office_mails
from intake.sources.smtp import Smtp
from intake.vocabulary import Blob, Decision, Document, DocumentState, File, Filing, Viewer
from tests.desk_help import BUILDING, letter, put_stack
from tests.test_acknowledging import Server, certificate, server  # noqa: F401  the real mail server with TLS
from tests.web_help import TOWN, WebSite, web_site

OFFICE, ADDRESS = "Ordnungsamt", "ordnungsamt@amt.example"
MAIL = OfficeMail(addresses={OFFICE: ADDRESS, "Bauamt": "bauamt@amt.example"}, sender="poststelle@amt.example")
SETTINGS = Settings(tenant=(Tenant(name=TOWN, title="Amt Mittelau", office_mail=MAIL),))
SECRET = "Beschwerde der Familie Petersen"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WebSite]:
    made = web_site(tmp_path / "home")
    yield made
    made.db.close()


def filed(site: WebSite, *, office: str = OFFICE, deadline: date | None = None, urgent: bool = False, lane: str = "post") -> str:
    """A document filed to an Akte of the office, as the pipeline does it; its id."""
    proposals = [one for one in letter(title=SECRET) if one.field not in ("new_file", "deadline")]
    (id,) = put_stack(site.db, site.blobs, [1], [proposals])
    with site.db.transaction() as tx:
        known = [one for one in files_of_entry(tx.connection, TOWN, BUILDING) if one.office == office]
        file = known[0] if known else add_file(tx, TOWN, File("", f"X/{office}", "Akte", BUILDING, office=office))
        said = {"file": file.id} | ({"urgent": "ja"} if urgent else {}) | ({"deadline": deadline.isoformat()} if deadline else {})
        review.approve(tx, id, 2, "post", said)
        decision = live_decision(tx.connection, id)
        assert isinstance(decision, Decision)
        place = place_of(tx.connection, TOWN, decision.values, tx.now.date())
        assert place.file
        document = move_document(tx, get_document(tx.connection, id), DocumentState.FILED)
        if lane != "post":
            _lane(tx.connection, document, lane)
        add_filing(tx, Filing(filing_key(decision), TOWN, id, place.entry, place.file, None, SECRET, decision.values, tx.now,
                              Blob("a" * 64, "application/pdf", "a.pdf", 9), (), "2b", 1))
        officemail.plan_urgent(tx, SETTINGS.tenant[0], id)
    return id


def _lane(connection: Any, document: Document, lane: str) -> None:
    from intake.schema import deliveries, documents

    connection.execute(deliveries.update().where(deliveries.c.id == document.delivery).values(lane=lane))
    connection.execute(documents.update().where(documents.c.id == document.id).values(lane=lane))


def rows(db: Database) -> list[dict[str, Any]]:
    with db.read() as conn:
        return [dict(row) for row in conn.execute(select(office_mails).order_by(office_mails.c.id)).mappings()]


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    """A moment of today, as the clock on the wall shows it."""
    return (datetime.now().astimezone() + timedelta(days=days)).replace(hour=hour, minute=minute).astimezone(UTC)


def late() -> datetime:
    return at(23, 59)


# ---- the digest ------------------------------------------------------------------------------------------------------


def test_one_digest_an_office_and_day_with_numbers_only(site: WebSite, server: tuple[Server, Smtp]) -> None:  # noqa: F811
    handler, smtp = server
    today = datetime.now().astimezone().date()
    filed(site), filed(site, deadline=today + timedelta(days=10)), filed(site, office="Kämmerei")
    assert officemail.plan_digests(site.db, SETTINGS, lambda: at(7, 29)) == 0
    assert officemail.plan_digests(site.db, SETTINGS, late) == 1  # nothing lies at the Bauamt
    assert officemail.plan_digests(site.db, SETTINGS, late) == 0
    assert officemail.send_due(site.db, SETTINGS, smtp.send) == 1 and officemail.send_due(site.db, SETTINGS, smtp.send) == 0
    ((_, recipients, said),) = handler.taken
    text = said.get_content()
    assert recipients == [ADDRESS] and said["Auto-Submitted"] == "auto-generated" and "Amt Mittelau" in said["From"]
    assert said["Subject"] == "Mein Eingang Ordnungsamt: 2 neu, 2 ungelesen"
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("  ")] == ["2", "2", "1", "heute"]
    assert f"{SETTINGS.web.base}/eingang\r\n" in text
    for word in ("Petersen", "Beschwerde", "Erika", "Muster", "X/Ordnungsamt", "632.60"):
        assert word not in str(said)
    assert officemail.plan_digests(site.db, SETTINGS, lambda: at(8, 0, days=1)) == 1  # unread still: tomorrow again


def test_what_is_read_by_the_office_is_not_counted_and_a_day_without_news_is_silent(site: WebSite) -> None:
    id = filed(site)
    with site.db.transaction() as tx:
        add_notice(tx, TOWN, id, "read", "leitung")  # somebody else read it
    assert officemail.plan_digests(site.db, SETTINGS, late) == 1 and rows(site.db)[-1]["counts"]["unread"] == 1
    with site.db.transaction() as tx:
        add_notice(tx, TOWN, id, "read", "amt")
    assert officemail.plan_digests(site.db, SETTINGS, lambda: at(23, 59, days=1)) == 0
    assert all(row["given_up_at"] for row in rows(site.db)[-2:]) and not rows(site.db)[-1]["sent_at"]
    with site.db.read() as conn:
        assert len(officemails.newest(conn, TOWN)) == 1


@pytest.mark.parametrize("most", [1000, 2, 1])
def test_the_oldest_unread_is_named_however_many_there_are(site: WebSite, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(incoming, "MOST_COUNTED", most)
    every = [filed(site), filed(site, office="Kämmerei"), filed(site), filed(site, office="Kämmerei")]
    every.append(filed(site, lane="backfile"))
    today = date(2026, 11, 22)
    with site.db.transaction() as tx:
        for days, id in zip((3, 99, 6, 5, 50), every, strict=True):
            moment = f"{today - timedelta(days=days)}T09:00:00.000000Z"
            tx.connection.execute(update(filings).where(filings.c.document == id).values(at=moment))
        add_notice(tx, TOWN, every[3], "forward", "post", OFFICE)
    for classes, unread in ((None, 3), (frozenset({"Poststelle", "allgemein"}), 2)):  # what was passed on may be hidden
        viewer = Viewer(TOWN, OFFICE, classes=classes, offices=(OFFICE,))
        with site.db.read() as conn:
            found = incoming.figures(conn, viewer, ["amt"], datetime(2026, 11, 18, tzinfo=UTC), today, today)
        assert found == {"new": min(most, 1), "unread": min(most, unread), "oldest_days": 6, "due": 0}
    with site.db.transaction() as tx:
        add_notice(tx, TOWN, every[2], "read", "amt")
    with site.db.read() as conn:
        assert incoming.figures(conn, viewer, ["amt"], datetime.now(UTC), today, today)["oldest_days"] == 3
        assert incoming.figures(conn, Viewer(TOWN, "alle"), [], datetime.now(UTC), today, today)["oldest_days"] == 99
        assert incoming.figures(conn, Viewer(TOWN, "x", offices=("Nirgends",)), [], datetime.now(UTC), today, today) == {
            "new": 0, "unread": 0, "oldest_days": 0, "due": 0}


def test_old_files_and_what_the_office_may_not_see_are_not_counted(site: WebSite) -> None:
    filed(site, lane="backfile", urgent=True)
    assert officemail.plan_digests(site.db, SETTINGS, late) == 0 and {row["kind"] for row in rows(site.db)} == {"digest"}


def test_who_has_no_address_gets_nothing(site: WebSite) -> None:
    filed(site, urgent=True)
    silent = Settings(tenant=(Tenant(name=TOWN),))
    with site.db.transaction() as tx:
        assert not officemail.plan_urgent(tx, silent.tenant[0], filed_id(site))
    assert officemail.plan_digests(site.db, silent, late) == 0


def filed_id(site: WebSite) -> str:
    return str(rows(site.db)[0]["about"])


# ---- urgent ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "marked", "said"), [
    (2, False, "läuft in 2 Tagen ab"), (0, False, "läuft heute ab"), (30, True, "als eilig gekennzeichnet"), (30, False, ""),
    (-5, False, "")])
def test_what_is_urgent_is_told_at_once_and_once(site: WebSite, server: tuple[Server, Smtp],  # noqa: F811
                                                 days: int, marked: bool, said: str) -> None:
    handler, smtp = server
    id = filed(site, deadline=datetime.now().astimezone().date() + timedelta(days=days), urgent=marked)
    assert officemail.send_due(site.db, SETTINGS, smtp.send) == bool(said)
    if said:
        ((_, recipients, mail),) = handler.taken
        assert recipients == [ADDRESS] and said in mail.get_content() and f"/eingang/{id}" in mail.get_content()
        assert mail["Subject"] == "Eilt: ein Schriftstück für Ordnungsamt" and "Petersen" not in str(mail)
    with site.db.transaction() as tx:
        assert not officemail.plan_urgent(tx, SETTINGS.tenant[0], id)
        assert officemail.send_due.__name__ and [one.action for one in entries(tx.connection, TOWN)
                                                 if one.action.startswith("office_mail")] == (
            ["office_mail.planned", "office_mail.sent"] if said else [])


def test_taken_back_before_it_was_sent_it_is_not(site: WebSite) -> None:
    id, sent = filed(site, urgent=True), list[str]()
    with site.db.transaction() as tx:
        review.undo(tx, id, get_document(tx.connection, id).revision, "post")
    assert officemail.send_due(site.db, SETTINGS, lambda message, _: sent.append(message["To"])) == 0 and sent == []
    assert rows(site.db)[0]["given_up_at"]


def test_an_office_hears_of_what_is_passed_on_to_it(site: WebSite) -> None:
    id, sent = filed(site, urgent=True), list[str]()
    with site.db.transaction() as tx:
        passing.forward(tx, SETTINGS.tenant[0], Viewer(TOWN, "leitung"), id, "Bauamt")
        passing.forward(tx, SETTINGS.tenant[0], Viewer(TOWN, "leitung"), id, "amt")  # a person: sees it in his Eingang
    officemail.send_due(site.db, SETTINGS, lambda message, _: sent.append(message["To"]))
    assert sent == [ADDRESS, "bauamt@amt.example"]


# ---- trouble ---------------------------------------------------------------------------------------------------------


def test_trouble_is_tried_again_and_given_up_after_a_day(site: WebSite, server: tuple[Server, Smtp]) -> None:  # noqa: F811
    handler, smtp = server
    filed(site, urgent=True)
    handler.answer = "451 später"
    assert officemail.send_due(site.db, SETTINGS, smtp.send) == 0 == officemail.send_due(site.db, SETTINGS, smtp.send)
    assert rows(site.db)[0]["attempts"] == 1
    handler.answer = "250 OK"
    assert officemail.send_due(site.db, SETTINGS, smtp.send, lambda: utcnow() + timedelta(days=2)) == 0
    assert rows(site.db)[0]["given_up_at"] and handler.taken == []


def _worker(url: str, folder: str, stop_after: str) -> None:
    """What a worker does again and again; it writes down what it sends, and waits there when told so, to be killed."""
    def send(message: EmailMessage, _: str) -> None:
        with (Path(folder) / "sent").open("a", encoding="utf-8") as file:
            file.write(f"{message['Message-ID']}\n")
        if stop_after == "send":
            time.sleep(60)

    db = Database(url)
    officemail.plan_digests(db, SETTINGS, late)
    if stop_after == "plan":
        (Path(folder) / "planned").touch()
        time.sleep(60)
    officemail.send_due(db, SETTINGS, send)
    db.close()


def _same(moment: datetime) -> datetime:
    return moment


@pytest.mark.parametrize("stop_after", ["plan", "send"])
def test_a_kill_loses_no_digest_and_makes_no_second_one(site: WebSite, tmp_path: Path, stop_after: str) -> None:
    filed(site)
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_worker, args=(site.db.url, str(tmp_path), stop_after))
    process.start()
    sign = tmp_path / ("planned" if stop_after == "plan" else "sent")
    for _ in range(600):
        if sign.exists() and (stop_after == "plan" or sign.read_text()):
            break
        time.sleep(0.05)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    sent = (tmp_path / "sent").read_text().split() if (tmp_path / "sent").exists() else []
    later = utcnow() + timedelta(minutes=11)
    for moment in (utcnow(), later, later, later + timedelta(minutes=30)):
        officemail.plan_digests(site.db, SETTINGS, late)
        officemail.send_due(site.db, SETTINGS, lambda message, _: sent.append(message["Message-ID"]), partial(_same, moment))
    assert len(set(sent)) == 1 and len(sent) == (1 if stop_after == "plan" else 2)  # the same message again, known by its id
    assert [bool(row["sent_at"]) for row in rows(site.db) if row["office"] == OFFICE] == [True]


# ---- settings and poststelle check -----------------------------------------------------------------------------------


def test_the_check_names_what_is_missing(site: WebSite) -> None:
    home = Home(site.home.root, SETTINGS)
    (level, said), = findings(home)
    assert level == "wrong" and "Mailserver" in said and "[smtp] host" in said
    hint, ok = check_offices(home)
    assert hint.level == "hint" and "Steueramt" in hint.sentence and "Ordnungsamt" not in hint.sentence and ok.level == "ok"
    mistyped = Tenant(name=TOWN, office_mail=OfficeMail(addresses={"Bauhoff": "b@a.example"}))
    wrong = Home(site.home.root, Settings(tenant=(mistyped,)))
    assert any("Bauhoff" in one.sentence and "Schreibweise" in one.sentence for one in check_offices(wrong))
    assert list(check_offices(Home(site.home.root, Settings(tenant=(Tenant(name=TOWN),))))) == []


@pytest.mark.parametrize("wrong", [
    {"addresses": {"Bauamt": "bauamt"}}, {"addresses": {"": "a@b.example"}}, {"at": "7:30"}, {"at": "25:00"}, {"sender": "x"},
    {"urgent_days": -1}, {"adressen": {}}])
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        OfficeMail(**wrong)


def test_workers_that_reach_the_hour_together_note_one_mail(database: Database) -> None:
    together = threading.Barrier(4)

    def one(_: int) -> bool:
        together.wait()
        with database.transaction() as tx:
            return officemails.plan(tx, "mittelau", "Bauamt", "digest", "2026-11-23", {"new": 1})

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [False, False, False, True]
    with database.read() as conn:
        assert officemails.offices_told(conn, "mittelau", "2026-11-23") == {"Bauamt"}
