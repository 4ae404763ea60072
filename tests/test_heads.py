"""Heads outside the database: appended and never taken back, and what they prove."""

from __future__ import annotations

import threading
from email.message import EmailMessage
from pathlib import Path

import pytest
from making import TENANT
from sqlalchemy import delete, update

from intake import heads
from intake.config import Home, JournalSettings, Settings, Tenant
from intake.db import chain
from intake.db.core import Database
from intake.errors import ConfigError, Refused, ServiceError
from intake.heads import MARK, TITLE, known, line, mail, parse, publish, publish_all, read
from intake.journal import RESTORED, Head, check, losses, record
from intake.schema import journal, journal_heads, journal_subjects, published_heads


def write(database: Database, number: int = 1, tenant: str = TENANT, action: str = "a") -> None:
    for _ in range(number):
        with database.transaction() as tx:
            record(tx, tenant, "rule:x", action, subjects={})


def go_back(database: Database, seq: int) -> None:
    """The database as an old backup has it, or as somebody wants it."""
    with database.transaction() as tx:
        last = chain.hash_at(tx.connection, TENANT, seq)
        for table in (journal, journal_subjects):
            tx.connection.execute(delete(table).where(table.c.tenant == TENANT, table.c.seq > seq))
        tx.connection.execute(update(journal_heads).where(journal_heads.c.tenant == TENANT).values(seq=seq, hash=last))
        tx.connection.execute(delete(published_heads))


def faults(database: Database, path: Path) -> list[str]:
    with database.read() as conn:
        found, wrong = known(conn, path)
        return [fault.detail for fault in [*wrong, *check(conn, TENANT, found)]]


def test_a_head_is_appended_when_there_is_a_newer_one(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "stand.txt"
    assert publish(database, [TENANT, "nord"], path) == []
    write(database, 2)
    (first,) = publish(database, [TENANT, "nord"], path)
    assert (first.tenant, first.seq, first.restored) == (TENANT, 2, False)
    assert publish(database, [TENANT, "nord"], path) == []
    write(database)
    write(database, tenant="nord")
    assert [(head.tenant, head.seq) for head in publish(database, [TENANT, "nord"], path)] == [(TENANT, 3), ("nord", 1)]
    text = path.read_text(encoding="utf-8")
    assert text.startswith(TITLE + line(first)) and text.count("\n") == 4
    assert [head.seq for head in read(path)[0]] == [2, 3, 1] and read(path)[1] == []
    assert path.stat().st_mode & 0o007 == 0
    assert faults(database, path) == []


def test_a_line_is_read_as_it_was_written() -> None:
    head = Head("2026-11-22T05:00:00.000000Z", "amt-1", 12, "ab" * 32, restored=True)
    assert line(head).endswith(f"{MARK}\n")
    assert parse("# Text\n\n" + line(head) + "  " + line(head)) == ([head, head], [])
    assert parse("# x\nabc\n" + line(head)[:-20] + "\n" + line(head).replace("ab", "AB")) == ([], [2, 3, 4])


def test_every_tamper_of_the_rows_is_found_by_the_file(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "stand.txt"
    write(sqlite_database, 5)
    publish(sqlite_database, [TENANT], path)
    go_back(sqlite_database, 3)
    assert faults(sqlite_database, path) == ["Eintrag 5 wurde veröffentlicht und fehlt."]
    write(sqlite_database, 4)
    assert faults(sqlite_database, path) == ["Eintrag 5 ist ein anderer als der veröffentlichte."]
    with pytest.raises(Refused, match="publish --restored"):
        publish(sqlite_database, [TENANT], path)
    with pytest.raises(Refused, match="nicht so, wie er veröffentlicht wurde"):
        publish(sqlite_database, [TENANT], path, restored=True)  # the chain knows of no restore
    assert len(read(path)[0]) == 1


def test_after_a_restore_the_operator_says_so_outside(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "stand.txt"
    write(sqlite_database, 5)
    publish(sqlite_database, [TENANT], path)
    go_back(sqlite_database, 3)
    write(sqlite_database, action=RESTORED)
    write(sqlite_database, 2)
    with pytest.raises(Refused):
        publish(sqlite_database, [TENANT], path)
    assert [(head.seq, head.restored) for head in publish(sqlite_database, [TENANT], path, restored=True)] == [
        (4, True), (6, False)]
    assert faults(sqlite_database, path) == []
    found, _ = read(path)
    assert losses(found, TENANT) == [f"Am {found[1].at[:10]} wurde aus einer Sicherung wiederhergestellt (Eintrag 4). "
                                     "Die Einträge 4 bis 5 gingen dabei verloren."]
    write(sqlite_database)
    assert [head.seq for head in publish(sqlite_database, [TENANT], path)] == [7]
    assert publish(sqlite_database, [TENANT], path, restored=True) == [], "said once is enough"


def test_a_restore_explains_only_what_came_after_the_backup(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "stand.txt"
    write(sqlite_database, 3)
    publish(sqlite_database, [TENANT], path)
    write(sqlite_database, 2)
    publish(sqlite_database, [TENANT], path)
    go_back(sqlite_database, 1)
    write(sqlite_database, 2)  # rewritten, then "restored"
    write(sqlite_database, action=RESTORED)
    with pytest.raises(Refused, match="erklärt nicht alles: Eintrag 3"):
        publish(sqlite_database, [TENANT], path, restored=True)
    assert [head.seq for head in read(path)[0]] == [3, 5]


def test_a_restore_that_lost_nothing_needs_no_word(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "stand.txt"
    write(sqlite_database, 3)
    publish(sqlite_database, [TENANT], path)
    write(sqlite_database, action=RESTORED)
    assert [(head.seq, head.restored) for head in publish(sqlite_database, [TENANT], path, restored=True)] == [(4, False)]
    assert faults(sqlite_database, path) == []


def test_a_file_that_was_cut_or_spoilt(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "stand.txt"
    write(sqlite_database, 2)
    publish(sqlite_database, [TENANT], path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert faults(sqlite_database, path) == [
        "Zeile 2 ist kein Stand eines Protokolls.", f"Eintrag 2 wurde in {path} veröffentlicht und steht dort nicht mehr."]
    assert [head.seq for head in publish(sqlite_database, [TENANT], path)] == [2]
    assert faults(sqlite_database, path) == ["Zeile 2 ist kein Stand eines Protokolls."], "what a kill left stays to be seen"
    path.unlink()
    assert faults(sqlite_database, path) == [f"Eintrag 2 wurde in {path} veröffentlicht und steht dort nicht mehr."]


def test_a_place_that_cannot_be_used(sqlite_database: Database, tmp_path: Path) -> None:
    write(sqlite_database)
    with pytest.raises(ConfigError, match="Prüfen Sie"):
        publish(sqlite_database, [TENANT], tmp_path / "fehlt" / "stand.txt")
    with pytest.raises(ConfigError, match="Prüfen Sie"):
        read(tmp_path)


def test_two_publishers_at_once(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "stand.txt"
    write(sqlite_database, 3)
    threads = [threading.Thread(target=publish, args=(sqlite_database, [TENANT], path)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [head.seq for head in read(path)[0]] == [3]


def test_the_daily_mail(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[EmailMessage, str]] = []

    def send(message: EmailMessage, recipient: str) -> None:
        sent.append((message, recipient))

    assert not mail(sqlite_database, [TENANT], send, "dsb@mittelau.example")
    write(sqlite_database, 2)
    assert mail(sqlite_database, [TENANT], send, "dsb@mittelau.example", "poststelle@mittelau.example")
    write(sqlite_database, 1)
    assert not mail(sqlite_database, [TENANT], send, "dsb@mittelau.example"), "once a day"
    monkeypatch.setattr(heads, "MAIL_EVERY", heads.MAIL_EVERY * 0)
    assert mail(sqlite_database, [TENANT], send, "dsb@mittelau.example")
    assert not mail(sqlite_database, [TENANT], send, "dsb@mittelau.example"), "nothing new"
    (first, recipient), (second, _) = sent
    assert recipient == "dsb@mittelau.example" and first["From"] == "poststelle@mittelau.example"
    assert first["Auto-Submitted"] == "auto-generated" and second["From"] == "dsb@mittelau.example"
    found, wrong = parse(first.get_content())
    assert [(head.tenant, head.seq) for head in found] == [(TENANT, 2)] and wrong == []
    with sqlite_database.read() as conn:
        assert check(conn, TENANT, [*found, *parse(second.get_content())[0]]) == []


def test_a_mail_that_did_not_go_is_due_again(sqlite_database: Database) -> None:
    def fail(_message: EmailMessage, _recipient: str) -> None:
        raise ServiceError("später")

    write(sqlite_database)
    with pytest.raises(ServiceError):
        mail(sqlite_database, [TENANT], fail, "dsb@mittelau.example")
    assert mail(sqlite_database, [TENANT], lambda _message, _recipient: None, "dsb@mittelau.example")


def test_the_hourly_duty_does_what_the_settings_say_and_never_stops_the_work(
        sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[str] = []

    def home(**said: str) -> Home:
        return Home(tmp_path, Settings(tenant=(Tenant(name=TENANT),), journal=JournalSettings(**said)))

    def send(_message: EmailMessage, recipient: str) -> None:
        sent.append(recipient)

    write(sqlite_database)
    publish_all(home(), sqlite_database, send)
    publish_all(home(mail_to="a@b.example"), sqlite_database, None)
    assert sent == [] and not list(tmp_path.glob("*.txt"))
    publish_all(home(heads=str(tmp_path / "s.txt"), mail_to="a@b.example"), sqlite_database, send)
    assert sent == ["a@b.example"] and len(read(tmp_path / "s.txt")[0]) == 1 and not caplog.records
    publish_all(home(heads=str(tmp_path / "fehlt" / "s.txt")), sqlite_database, send)
    assert caplog.records[0].message == "journal heads not published"
