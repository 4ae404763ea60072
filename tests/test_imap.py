"""A mailbox is emptied exactly once, on a real Dovecot: the twenty scenarios of safety.md section 4, and more."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
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
from intake.db.problems import open_problems
from intake.errors import ConfigError, ServiceError
from intake.receive import Received
from intake.receive_mail import receive_mailbox
from intake.schema import deliveries
from intake.sources import imap
from intake.sources.imap import Account, Mailbox
from tests.mailserver import PASSWORD, SHUT, MailServer, message

SETTINGS = MailboxSettings(name="rathaus", host="localhost", user="post")


class Loose(Mailbox):
    """A mailbox whose methods a test may replace."""


@dataclass
class Post:
    """A town's mailbox and what became of it."""

    server: MailServer
    db: Database
    blobs: Blobs
    scratch: Path
    user: str = "post"
    settings: MailboxSettings = SETTINGS

    def source(self, **changes: Any) -> Loose:
        account = Account("localhost", self.server.port, self.user, lambda: PASSWORD, ca_file=str(self.server.ca_file))
        return Loose(replace(account, **changes))

    def take(self, source: Mailbox | None = None, stopping: Callable[[], bool] = lambda: False) -> Received:
        own = source or self.source()
        try:
            return receive_mailbox(self.db, self.blobs, Tenant(name="mittelau"), self.settings, own, self.scratch, stopping)
        finally:
            if source is None:
                own.close()

    def stored(self) -> list[str]:
        """The hashes of all originals, sorted; every one is whole on disk."""
        with self.db.read() as conn:
            found = sorted(conn.execute(select(deliveries.c.original)).scalars())
        assert all(self.blobs.check(sha256) for sha256 in found)
        return found

    def rows(self) -> list[Any]:
        with self.db.read() as conn:
            return list(conn.execute(select(deliveries).order_by(deliveries.c.id)).mappings())

    def problems(self) -> list[str]:
        with self.db.read() as conn:
            return [problem.title for problem in open_problems(conn)]


def hashes(*messages: bytes) -> list[str]:
    return sorted(hashlib.sha256(one).hexdigest() for one in messages)


THREE = tuple(message(f"Antrag {number}", f"Text {number}") for number in range(3))


@pytest.fixture
def post(mail_server: MailServer, sqlite_database: Database, blobs: Blobs, tmp_path: Path,
         monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(receive_mail, "PATIENCE", timedelta(0))  # what a crash left is moved at the next look
    mail_server.empty("post")
    return Post(mail_server, sqlite_database, blobs, tmp_path)


def test_messages_are_kept_byte_for_byte_and_moved(post: Post) -> None:
    post.server.put("post", *THREE)
    assert post.take() == Received(new=3)
    assert post.stored() == hashes(*THREE)
    assert not post.server.lying("post")
    assert len(post.server.lying("post", "Eingelesen")) == 3
    told = [(row["channel"], row["media_type"], row["state"]) for row in post.rows()]
    assert told == [("mail", "message/rfc822", "RECEIVED")] * 3
    assert all(row["acknowledged_at"] for row in post.rows())
    assert list(post.scratch.glob("tmp*")) == [], "what was fetched is not left behind"


def test_nothing_is_marked_as_read(post: Post) -> None:
    post.server.put("post", *THREE)
    post.take()
    assert all(b"\\Seen" not in flags for flags in post.server.lying("post", "Eingelesen").values())


def test_no_log_holds_what_a_message_says(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at the most talkative level: the libraries would write every message out."""
    caplog.set_level(0)
    post.server.put("post", message("Krankmeldung Erika Muster", size=5000))
    assert post.take().new == 1
    assert caplog.records
    assert "Krankmeldung" not in caplog.text


def test_a_second_look_brings_nothing(post: Post) -> None:
    post.server.put("post", *THREE)
    post.take()
    assert post.take() == Received()
    assert len(post.rows()) == 3


def test_seen_by_another_client_is_as_new_as_any(post: Post) -> None:
    post.server.put("post", *THREE)
    with post.server.client("post") as outlook:
        outlook.select_folder("INBOX")
        outlook.add_flags(outlook.search("ALL"), [b"\\Seen", b"\\Flagged"])
    assert post.take() == Received(new=3)


def test_crash_after_store_before_move_makes_no_second_row(post: Post) -> None:
    post.server.put("post", *THREE)
    source = post.source()
    source.done = lambda keys: (_ for _ in ()).throw(KeyboardInterrupt())  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        post.take(source)
    assert len(post.rows()) == 3 and len(post.server.lying("post")) == 3
    assert all(row["acknowledged_at"] is None for row in post.rows())
    assert post.take() == Received()
    assert post.stored() == hashes(*THREE)
    assert not post.server.lying("post") and all(row["acknowledged_at"] for row in post.rows())


def test_crash_after_move_is_noted_at_the_next_look(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.server.put("post", *THREE)
    with monkeypatch.context() as patched:
        patched.setattr("intake.receive_mail._acknowledge", lambda db, ids: None)
        post.take()
    assert all(row["acknowledged_at"] is None for row in post.rows())
    assert post.take() == Received()
    assert all(row["acknowledged_at"] for row in post.rows()) and len(post.rows()) == 3


def test_uidvalidity_changes_under_messages_that_were_never_moved(post: Post) -> None:
    post.server.put("post", *THREE, THREE[0])  # two are equal to the byte
    source = post.source()
    source.done = lambda keys: frozenset()  # type: ignore[method-assign]
    assert post.take(source) == Received(new=4)
    source.close()
    before = {row["key"] for row in post.rows()}
    _renumber(post)
    assert post.take() == Received(repeats=4)
    after = {row["key"] for row in post.rows()}
    assert len(after) == 4 and not before & after, "the rows go under the new numbers"
    assert post.stored() == hashes(*THREE, THREE[0]) and not post.server.lying("post")


def test_uidvalidity_changes_and_new_messages_get_the_old_uids(post: Post) -> None:
    post.server.put("post", *THREE)
    post.take()
    _renumber(post)
    others = [message(f"Neu {number}") for number in range(3)]
    post.server.put("post", *others)
    assert min(post.server.lying("post")) == 1, "the UIDs begin at 1 again"
    assert post.take() == Received(new=3)
    assert post.stored() == hashes(*THREE, *others)


def _renumber(post: Post) -> None:
    """Dovecot makes a new UIDVALIDITY when the list of UIDs is gone."""
    folder = post.server.folder / "mail" / "post" / "Maildir"
    time.sleep(1.1)  # UIDVALIDITY is made of the second
    for name in ("dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache", "dovecot-uidvalidity"):
        (folder / name).unlink(missing_ok=True)
    for path in folder.glob("dovecot-uidvalidity*"):
        path.unlink()


def test_moved_away_between_listing_and_fetching(post: Post) -> None:
    post.server.put("post", *THREE)
    source = post.source()
    fetch = source.fetch

    def late(key: str, size: int, target: Path) -> bool:
        if post.server.lying("post"):
            post.server.empty("post")
        return fetch(key, size, target)

    source.fetch = late  # type: ignore[method-assign]
    assert post.take(source) == Received()
    assert not post.rows() and not post.problems()


def test_expunged_by_another_client_between_two_messages(post: Post) -> None:
    post.server.put("post", *THREE)
    source = post.source()
    fetch, fetched = source.fetch, list[str]()

    def counted(key: str, size: int, target: Path) -> bool:
        fetched.append(key)
        if len(fetched) == 2:
            with post.server.client("post") as outlook:
                outlook.select_folder("INBOX")
                outlook.delete_messages(outlook.search("ALL")[1:2])
                outlook.expunge()
        return fetch(key, size, target)

    source.fetch = counted  # type: ignore[method-assign]
    assert post.take(source).new == 2
    assert post.stored() == hashes(THREE[0], THREE[2])


def test_moved_back_is_processed_again_and_marked(post: Post) -> None:
    post.server.put("post", THREE[0])
    post.take()
    with post.server.client("post") as outlook:
        outlook.select_folder("Eingelesen")
        outlook.move(outlook.search("ALL"), "INBOX")
    assert post.take() == Received(new=1)
    first, second = post.rows()
    assert second["twin_of"] == first["id"] and second["state"] == "RECEIVED", "messages are marked, never held back"


def test_the_same_message_id_with_other_bytes_is_a_new_item(post: Post) -> None:
    one = message("Gleich", "Erste Fassung")
    other = one.replace(b"Erste", b"Zweite")
    post.server.put("post", one, other)
    assert post.take() == Received(new=2)
    assert post.stored() == hashes(one, other)
    assert [row["twin_of"] for row in post.rows()] == [None, None]


def test_a_message_that_is_too_large_stays_with_an_alarm_and_goes_when_allowed(post: Post) -> None:
    large = message("Groß", size=2 * 2**20)
    post.server.put("post", THREE[0], large)
    post.settings = SETTINGS.model_copy(update={"max_mib": 1})
    assert post.take() == Received(new=1, problems=1)
    assert post.take() == Received(), "one alarm, not one at each look"
    assert len(post.server.lying("post")) == 1 and "bleibt dort liegen" in post.problems()[0]
    post.settings = SETTINGS
    assert post.take() == Received(new=1)
    assert post.stored() == hashes(THREE[0], large) and not post.problems()


def test_a_large_message_comes_in_pieces(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "PIECE", 1000)
    exact = message("x" * 10)
    exact += b"." * (2000 - len(exact))  # ends with a piece
    made = [message("Stückweise", size=12_345), exact]
    post.server.put("post", *made)
    assert post.take() == Received(new=2)
    assert post.stored() == hashes(*made)


@pytest.mark.parametrize("body", [b"", b"\r\n", b"Subject: leer\r\n\r\n", b"\xff\xfe\x00\x01 no headers at all"])
def test_an_empty_or_strange_message_is_kept(post: Post, body: bytes) -> None:
    if not body:
        pytest.skip("IMAP has no APPEND of nothing")  # RFC 3501: a literal of no bytes aborts the append
    post.server.put("post", body.replace(b"\x00", b""))
    assert post.take() == Received(new=1)


def test_a_mailbox_that_may_only_be_read(mail_server: MailServer, post: Post) -> None:
    post.user = "lesen"
    with mail_server.client("lesen") as outlook:  # a copy of the delivery agent's right
        path = mail_server.folder / "mail" / "lesen" / "Maildir" / "new"
        outlook.select_folder("INBOX", readonly=True)
    (path / f"{time.time_ns()}.M1.test").write_bytes(THREE[0])
    assert post.take() == Received(new=1)
    assert "darf nur gelesen werden" in post.problems()[0] or "nicht nach „Eingelesen“" in post.problems()[0]
    assert post.take() == Received(), "it is not taken again"
    assert len(post.rows()) == 1 and len(post.problems()) == 1


def test_the_folder_for_what_was_read_takes_nothing(post: Post) -> None:
    post.server.put("post", *(message(f"Anlage {number}", size=15_000) for number in range(4)))
    source = post.source()
    source.done_folder = SHUT
    assert post.take(source).new == 4
    assert len(post.server.lying("post")) == 4 and f"nicht nach „{SHUT}“ verschieben" in post.problems()[0]
    source._looked = -1e9
    assert post.take(source) == Received() and len(post.rows()) == 4, "nothing comes twice"
    source._looked, source.done_folder = -1e9, "Eingelesen"
    assert post.take(source) == Received() and not post.problems(), "there is room again: the alarm ends by itself"
    assert len(post.server.lying("post", "Eingelesen")) == 4
    source.close()


def test_the_folder_is_renamed(post: Post) -> None:
    with post.server.client("post") as outlook:
        outlook.create_folder("Bauamt")
    source = post.source()
    source.folder = "Bauamt"
    assert post.take(source) == Received()
    with post.server.client("post") as outlook:
        outlook.rename_folder("Bauamt", "Bauamt alt")
    source.close()
    source._looked = -1e9
    with pytest.raises(ServiceError, match="gibt es im Postfach"):
        post.take(source)
    assert "umbenannt" in post.problems()[0]
    with post.server.client("post") as outlook:
        outlook.rename_folder("Bauamt alt", "Bauamt")
    source._looked = -1e9
    assert post.take(source) == Received() and not post.problems(), "the alarm ends by itself"
    source.close()


def test_the_password_was_changed(post: Post) -> None:
    post.server.put("post", *THREE)
    source = post.source(secret=lambda: "ein anderes")
    with pytest.raises(ServiceError, match="lässt post nicht ein"):
        post.take(source)
    assert "Kennwort" in post.problems()[0] and len(post.server.lying("post")) == 3
    with pytest.raises(ServiceError, match="lässt post nicht ein"):
        post.take(source)  # quiet: it does not try again at once
    assert source._failures == 1
    assert post.take() == Received(new=3) and not post.problems()


def test_a_server_with_another_certificate_is_refused(post: Post, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Zertifikat"):
        imap.connect(replace(post.source().account, ca_file=""))


def test_a_server_that_is_not_there(post: Post) -> None:
    with pytest.raises(ServiceError, match="nicht zu erreichen"):
        post.take(Mailbox(replace(post.source().account, port=1)))


def test_starttls(post: Post) -> None:
    post.server.put("post", THREE[0])
    source = Mailbox(replace(post.source().account, port=post.server.plain_port, tls="starttls"))
    assert post.take(source) == Received(new=1)
    source.close()


def test_two_instances_do_no_harm(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive_mail, "PATIENCE", timedelta(minutes=2))
    many = [message(f"Brief {number}", size=3000) for number in range(60)]
    post.server.put("post", *many)
    outcomes: list[Received] = []
    threads = [threading.Thread(target=lambda: outcomes.append(post.take())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3 and sum(one.new for one in outcomes) == 60
    assert post.stored() == hashes(*many)
    monkeypatch.setattr(receive_mail, "PATIENCE", timedelta(0))  # what a busy server left behind goes at a later look
    assert post.take() == Received()
    assert not post.server.lying("post") and len(post.server.lying("post", "Eingelesen")) == 60


def test_stopping_ends_after_the_message_in_hand(post: Post) -> None:
    post.server.put("post", *THREE)
    asked = iter([False, True, True, True, True])
    assert post.take(stopping=lambda: next(asked)).new == 1
    assert len(post.rows()) == 1
    assert post.take().new == 2 and post.stored() == hashes(*THREE)


def test_new_mail_wakes_by_idle(post: Post) -> None:
    source = post.source()
    post.take(source)
    woken = threading.Event()
    source.start(woken.set)
    try:
        time.sleep(0.7)
        assert source.quiet and post.take(source) == Received()
        post.server.put("post", THREE[0])
        assert woken.wait(10)
        assert not source.quiet and post.take(source) == Received(new=1)
    finally:
        source.stop()


# ---- servers that can less, and connections that break ---------------------------------------------------------------


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 UIDPLUS AUTH=PLAIN", "IMAP4rev1 AUTH=PLAIN"])
def test_a_server_without_move(post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capabilities: str) -> None:
    said = frozenset(name.encode().upper() for name in capabilities.split())
    monkeypatch.setattr("imapclient.IMAPClient.capabilities", lambda self: said)
    post.server.put("post", *THREE)
    expunged: list[Any] = []
    monkeypatch.setattr("imapclient.IMAPClient.expunge", lambda *_: expunged.append(_))
    assert post.take() == Received(new=3)
    assert not expunged, "a bare EXPUNGE would delete what others marked"
    monkeypatch.undo()
    assert len(post.server.lying("post", "Eingelesen")) == 3
    left = post.server.lying("post")
    assert not left if "UIDPLUS" in capabilities else all(b"\\Deleted" in flags for flags in left.values())
    assert post.take() == Received() and len(post.server.lying("post", "Eingelesen")) == 3, "nothing is copied twice"
    assert post.stored() == hashes(*THREE)


@contextmanager
def cutting(port: int, after: int) -> Iterator[int]:
    """A port whose connections break when the server has said `after` bytes in all."""
    listener = socket.create_server(("127.0.0.1", 0))
    left = [after]

    def pump(source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(512):
                if counted:
                    data, left[0] = data[:max(left[0], 0)], left[0] - len(data)
                target.sendall(data)
                if counted and left[0] <= 0:
                    break
        except OSError:
            pass
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            for source, target, counted in ((near, far, False), (far, near, True)):
                threading.Thread(target=pump, args=(source, target, counted), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_the_connection_breaks_anywhere(post: Post) -> None:
    """Cut after every so many bytes of a session of about 14 kB: whatever was begun ends well at the next look."""
    seen: list[bytes] = []
    for number, after in enumerate(range(900, 15_000, 1111)):
        fresh = [message(f"Schnitt {number}/{at}", size=3000) for at in range(3)]
        seen += fresh
        post.server.put("post", *fresh)
        with cutting(post.server.port, after) as port:
            source = Mailbox(replace(post.source().account, port=port))
            with suppress(ServiceError):
                post.take(source)
            source.close()
        assert not set(post.stored()) - set(hashes(*seen)), "nothing that was cut short is kept"
        post.take()
        assert post.stored() == hashes(*seen), after
        assert not post.server.lying("post")


def test_the_disk_is_full(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.server.put("post", *THREE)

    def full(*_: object) -> None:
        raise ServiceError("Auf der Platte ist kein Platz mehr.")

    with monkeypatch.context() as patched:
        patched.setattr(Blobs, "add_file", full)
        with pytest.raises(ServiceError, match="Platz"):
            post.take()
    assert len(post.server.lying("post")) == 3 and not post.rows()
    assert post.take() == Received(new=3)


class ShortServer(threading.Thread):
    """Speaks just enough IMAP to announce more bytes than it sends. `honest_at`: from this connection on it sends all."""

    def __init__(self, server: MailServer, body: bytes, honest_at: int, announced: int) -> None:
        super().__init__(daemon=True)
        self.body, self.honest_at, self.announced, self.connections = body, honest_at, announced, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(server.ca_file, server.folder / "key.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))

    def run(self) -> None:
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(raw, self.connections), daemon=True).start()

    def _talk(self, raw: socket.socket, number: int) -> None:
        with self.context.wrap_socket(raw, server_side=True) as talk, talk.makefile("rwb") as lines:
            lines.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN MOVE] da\r\n")
            lines.flush()
            for line in lines:
                tag, command, *rest = line.split(b" ", 2)
                what = (command + b" " + b"".join(rest)).upper()
                if b"AUTHENTICATE" in what:
                    lines.write(b"+ \r\n")
                    lines.flush()
                    lines.readline()
                elif what.startswith(b"CAPABILITY"):
                    lines.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN MOVE\r\n")
                elif what.startswith(b"SELECT"):
                    lines.write(b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n")
                elif b"SEARCH" in what:
                    lines.write(b"* SEARCH 1\r\n")
                elif b"RFC822.SIZE" in what:
                    lines.write(b"* 1 FETCH (UID 1 RFC822.SIZE %d)\r\n" % self.announced)
                elif b"BODY.PEEK[]" in what:
                    body = self.body if number >= self.honest_at else self.body[:-10 * number]
                    lines.write(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)\r\n" % (len(body), body))
                elif what.startswith(b"LIST"):
                    lines.write(b'* LIST () "/" "Eingelesen"\r\n')
                elif what.startswith(b"LOGOUT"):
                    lines.write(b"* BYE\r\n")
                lines.write(tag + b" OK fertig\r\n")
                lines.flush()


@pytest.mark.parametrize("honest_at, taken", [(1, True), (2, True), (99, False)])
def test_a_server_that_sends_less_than_it_announced(post: Post, honest_at: int, taken: bool) -> None:
    """Less than announced is believed only when it comes the same twice (some servers announce wrong sizes)."""
    body = message("Kurz")
    server = ShortServer(post.server, body, honest_at, len(body) if honest_at > 1 else len(body) + 5)
    server.start()
    source = Mailbox(replace(post.source().account, port=server.listener.getsockname()[1]))
    try:
        if honest_at == 1:
            assert post.take(source) == Received(new=1) and server.connections == 2
            assert post.stored() == hashes(body)
        else:
            with pytest.raises(ServiceError, match="unvollständig"):
                post.take(source)
            assert not post.rows(), "two answers that differ prove nothing"
    finally:
        source.close()
        server.listener.close()
    assert taken or not post.rows()
