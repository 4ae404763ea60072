"""kill -9 between any two commands to the mail server, before and after each: nothing lost, nothing doubled, nothing flagged.

A forked child takes the mail and is killed at its n-th command; then one whole look must leave everything in order.
"""

from __future__ import annotations

import hashlib
import imaplib
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from intake import receive_mail
from intake.blobs import Blobs
from intake.config import Mailbox as MailboxSettings
from intake.config import Tenant
from intake.db.core import Database
from intake.schema import deliveries
from intake.sources.imap import Account, Mailbox
from tests.mailserver import PASSWORD, MailServer, message

SETTINGS = MailboxSettings(name="rathaus", host="localhost", user="post")
MESSAGES = 22  # more than are moved at once


def _take(server: MailServer, url: str, folder: Path) -> None:
    database = Database(url)
    source = Mailbox(Account("localhost", server.port, "post", lambda: PASSWORD, ca_file=str(server.ca_file)))
    receive_mail.receive_mailbox(database, Blobs(folder / "blobs"), Tenant(name="mittelau"), SETTINGS, source, folder)
    source.close()
    database.close()


def _in_child(work: Callable[[], None]) -> int:
    """The exit status of a forked child that does `work`."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def _killed_at(number: int, after: bool) -> None:
    """From now on this process dies at its n-th IMAP command: before it is sent, or when its answer is there."""
    send, complete, seen = imaplib.IMAP4._command, imaplib.IMAP4._command_complete, [0]

    def dying_send(self: Any, *arguments: Any) -> Any:
        seen[0] += 1
        if seen[0] == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        return send(self, *arguments)

    def dying_complete(self: Any, *arguments: Any) -> Any:
        answer = complete(self, *arguments)
        if seen[0] >= number and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    imaplib.IMAP4._command, imaplib.IMAP4._command_complete = dying_send, dying_complete  # type: ignore[method-assign]


def _commands(server: MailServer, url: str, folder: Path) -> int:
    """How many commands one look at a full mailbox takes (counted in a child, told through a file)."""
    def work() -> None:
        send, seen = imaplib.IMAP4._command, [0]

        def counting(self: Any, *arguments: Any) -> Any:
            seen[0] += 1
            return send(self, *arguments)

        imaplib.IMAP4._command = counting  # type: ignore[method-assign]
        _take(server, url, folder)
        (folder / "count").write_text(str(seen[0]))

    assert _in_child(work) == 0
    return int((folder / "count").read_text())


def _sweep(server: MailServer, database: Database, url: str, folder: Path, step: int,
           monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(receive_mail, "PATIENCE", timedelta(0))
    server.empty("post")
    expected: list[str] = []

    def fill(round_: int) -> None:
        fresh = [message(f"{round_}/{number}", f"Text {number}", size=2000) for number in range(MESSAGES)]
        expected.extend(hashlib.sha256(one).hexdigest() for one in fresh)
        server.put("post", *fresh)

    fill(0)
    commands = _commands(server, url, folder)
    assert commands > MESSAGES
    points = 0
    for number in range(1, commands + 1, step):
        for after in (False, True):
            fill(number * 2 + after)

            def work(number: int = number, after: bool = after) -> None:
                _killed_at(number, after)
                _take(server, url, folder)

            points += os.WIFSIGNALED(_in_child(work))
            for uid, flags in server.lying("post").items():
                assert b"\\Seen" not in flags and b"\\Deleted" not in flags, uid
            assert _in_child(lambda: _take(server, url, folder)) == 0
            with database.read() as conn:
                kept = sorted(conn.execute(select(deliveries.c.original)).scalars())
            assert kept == sorted(expected), f"killed at command {number}, {'after' if after else 'before'}"
            assert not server.lying("post")
            assert len(server.lying("post", "Eingelesen")) == len(expected), "each lies there once"
    blobs = Blobs(folder / "blobs")
    assert all(blobs.check(sha256) for sha256 in expected)
    return points


def test_killed_at_some_commands(mail_server: MailServer, sqlite_database: Database, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'poststelle.db'}"
    assert _sweep(mail_server, sqlite_database, url, tmp_path, 6, monkeypatch) >= 10


@pytest.mark.long
def test_killed_at_every_command(mail_server: MailServer, sqlite_database: Database, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'poststelle.db'}"
    assert _sweep(mail_server, sqlite_database, url, tmp_path, 1, monkeypatch) >= 60
