"""A mailbox (IMAP4rev1, RFC 3501; MOVE RFC 6851, UIDPLUS RFC 4315, IDLE RFC 2177). The work list is everything that lies in it.

Rules of safety.md section 4 (IMAP): the identity of a message is account + mailbox + UIDVALIDITY + UID; bodies are fetched
with BODY.PEEK only; nothing on the server changes before the message is durable and committed; then it is moved to the
folder of what was read in (COPY and UID EXPUNGE where the server has no MOVE; never a bare EXPUNGE, never a deletion).
No flag decides what is new: a message that somebody opened in Outlook is as new as any other.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientError, LoginError  # type: ignore[import-untyped]

from intake.errors import ConfigError, ServiceError

log = logging.getLogger(__name__)

PIECE = 4 * 2**20
"""Bytes fetched at once: a larger message comes in pieces, so that memory stays flat."""
SIZES_AT_ONCE = 500
TIMEOUT = 60.0
IDLE_ROUND = 540.0  # seconds of one IDLE; servers may end it after 30 minutes (RFC 2177), firewalls after 10
IDLE_LOOK = 2.0
MOST_DOUBLINGS = 4
LOST = (OSError, IMAPClientError, EOFError)
"""What a connection dies of (imapclient's abort and protocol errors are IMAPClientErrors, broken TLS an OSError)."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a mailbox is and how to get in. `secret` gives the password or the OAuth2 access token when it is needed."""

    host: str
    port: int
    user: str
    secret: Callable[[], str]
    login: Literal["password", "xoauth2"] = "password"
    tls: Literal["tls", "starttls"] = "tls"
    ca_file: str = ""

    @property
    def name(self) -> str:
        """The account as it stands in keys: user@host."""
        return f"{self.user}@{self.host}"


@dataclass(slots=True)
class Mailbox:
    """One folder of an account as a source of messages. Not for use by two threads at once (`start` watches on its own)."""

    account: Account
    folder: str = "INBOX"
    done_folder: str = "Eingelesen"
    poll_seconds: float = 60.0
    now: Callable[[], float] = time.monotonic
    cannot_empty: str = ""
    """Why messages that were taken stay in the mailbox (German), "" when they do not."""
    trouble: str = ""
    """Why the last look failed (German), "" when it did not."""
    _client: IMAPClient | None = None
    _validity: int = 0
    _read_only: bool = False
    _looked: float = -1e9
    _failures: int = 0
    _changed: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _watcher: threading.Thread | None = None

    @property
    def unsettled(self) -> int:
        """Messages come whole: there is never one that is not finished."""
        return 0

    @property
    def quiet(self) -> bool:
        """True while nothing was announced since the last look and the polling interval has not passed.

        After failures the interval doubles, sixteenfold at most: too many wrong passwords lock an account.
        """
        if self._failures:
            return self.now() - self._looked < self.poll_seconds * (1 << min(self._failures - 1, MOST_DOUBLINGS))
        return not self._changed.is_set() and self.now() - self._looked < self.poll_seconds

    # ---- what is there -----------------------------------------------------------------------------------------------

    def listing(self) -> tuple[str, ...]:
        """The keys of all messages of the mailbox, oldest UID first. Raises ServiceError, ConfigError (nobody let us in)."""
        self._changed.clear()
        self._looked = self.now()
        with self._talking() as client:
            self._select(client)  # anew at every look: it tells UIDVALIDITY and what came
            uids = sorted(client.search("ALL"))
        self._failures, self.trouble = 0, ""
        return tuple(f"{self.prefix}{uid}" for uid in uids)

    def sizes(self, keys: Sequence[str]) -> dict[str, int]:
        """The sizes in bytes of messages that are still there."""
        found: dict[str, int] = {}
        with self._talking() as client:
            for start in range(0, len(keys), SIZES_AT_ONCE):
                said = client.fetch([self._uid(key) for key in keys[start:start + SIZES_AT_ONCE]], ["RFC822.SIZE"])
                found |= {f"{self.prefix}{uid}": int(item[b"RFC822.SIZE"]) for uid, item in said.items()
                          if b"RFC822.SIZE" in item}
        return found

    def fetch(self, key: str, size: int, target: Path) -> bool:
        """Write the raw message to the new file `target`; False when it is no longer in the mailbox (nothing is written).

        `size` is what the server announced. Fewer bytes than that are believed only when a new connection gives the
        same again (Exchange announces wrong sizes); otherwise ServiceError.
        """
        with self._talking() as client:
            there = _write(client, self._uid(key), size, target)
        if not there or target.stat().st_size >= size:
            return there
        first = _sha256(target)
        self.close()
        self.listing()
        with self._talking() as client:
            there = _write(client, self._uid(key), size, target)
        if there and _sha256(target) != first:
            raise ServiceError(f"Der Mailserver {self.account.host} liefert eine Nachricht unvollständig; "
                               "sie wird später noch einmal geholt.")
        return there

    # ---- what was taken ----------------------------------------------------------------------------------------------

    def done(self, keys: Sequence[str]) -> frozenset[str]:
        """Move messages that are safe to the folder of what was read in; the keys of those that left the mailbox.

        What cannot be moved (a read-only mailbox, a full folder) stays, and `cannot_empty` says why.
        """
        mine = [key for key in keys if key.startswith(self.prefix)]
        if not mine:
            return frozenset()
        if self._read_only:
            self.cannot_empty = (f"Das Postfach {self.account.name} ({self.folder}) darf nur gelesen werden. Geben Sie der "
                                 "Poststelle Schreibrechte; die Nachrichten sind aufgenommen und bleiben vorerst liegen.")
            return frozenset()
        try:
            with self._talking() as client:
                uids = [self._uid(key) for key in mine]
                self._move(client, uids)
                left = set(client.search(["UID", ",".join(map(str, uids)), "UNDELETED"]))  # a busy server may skip some
        except _Refused as refused:
            self.cannot_empty = (f"Aufgenommene Nachrichten lassen sich nicht nach „{self.done_folder}“ verschieben "
                                 f"({self.account.name}: {refused}). Prüfen Sie den Speicherplatz und die Rechte des Postfachs.")
            return frozenset()
        self.cannot_empty = ""
        return frozenset(key for key in mine if self._uid(key) not in left)

    def _move(self, client: IMAPClient, uids: list[int]) -> None:
        try:
            if not client.folder_exists(self.done_folder):
                client.create_folder(self.done_folder)
                client.subscribe_folder(self.done_folder)
            if client.has_capability("MOVE"):
                client.move(uids, self.done_folder)
                return
            client.copy(uids, self.done_folder)
            client.delete_messages(uids, silent=True)  # marks them only
            if client.has_capability("UIDPLUS"):
                client.uid_expunge(uids)
        except IMAPClient.ReadOnlyError as error:
            raise _Refused("nur lesbar") from error
        except IMAPClient.AbortError:
            raise
        except IMAPClientError as error:  # NO: over quota, no such right
            raise _Refused(str(error)[:200]) from error

    # ---- the connection ----------------------------------------------------------------------------------------------

    @property
    def prefix(self) -> str:
        """How the keys of this mailbox begin, for the UIDVALIDITY of the last look."""
        return f"{self.account.name}|{self.folder}|{self._validity}|"

    def _uid(self, key: str) -> int:
        return int(key.removeprefix(self.prefix))

    def _select(self, client: IMAPClient) -> None:
        self._read_only = False
        try:
            try:
                said = client.select_folder(self.folder)
            except IMAPClient.ReadOnlyError:
                said = client.select_folder(self.folder, readonly=True)
                self._read_only = True
        except IMAPClient.AbortError:
            raise
        except IMAPClientError as error:
            raise ConfigError(f"Den Ordner „{self.folder}“ gibt es im Postfach {self.account.name} nicht, oder er ist gesperrt. "
                              "Prüfen Sie, ob er umbenannt wurde.") from error
        self._validity = int(said[b"UIDVALIDITY"])

    @contextmanager
    def _talking(self) -> Iterator[IMAPClient]:
        """The connection, opened when there is none; whatever goes wrong on it ends it and is a ServiceError."""
        try:
            if self._client is None:
                self._client = connect(self.account)
                self._select(self._client)
            yield self._client
        except (ConfigError, ServiceError) as error:
            self._failed(str(error))
            raise
        except LOST as error:
            sentence = (f"Das Postfach {self.account.name} ({self.folder}) antwortet nicht ({type(error).__name__}). "
                        "Es wird weiter versucht.")
            self._failed(sentence)
            raise ServiceError(sentence) from error

    def _failed(self, sentence: str) -> None:
        self._failures += 1
        self.trouble = sentence
        self.close()

    def close(self) -> None:
        """Hang up; the next look connects again."""
        client, self._client = self._client, None
        if client is not None:
            _hang_up(client)

    # ---- waiting -----------------------------------------------------------------------------------------------------

    def start(self, wake: Callable[[], None]) -> None:
        """Wait for new mail on a connection of its own (IDLE); `wake` is called from that thread."""
        if self._watcher is None:
            self._stopping.clear()
            self._watcher = threading.Thread(target=self._watch, args=(wake,), name=f"idle {self.account.host}", daemon=True)
            self._watcher.start()

    def stop(self) -> None:
        """Stop waiting and hang up."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join(timeout=IDLE_LOOK + 5)
            self._watcher = None
        self.close()

    def _watch(self, wake: Callable[[], None]) -> None:
        """IDLE as long as the server can; without it, or when it breaks, the polling interval alone decides."""
        while not self._stopping.is_set():
            try:
                client = connect(self.account)
            except (ServiceError, ConfigError, *LOST):
                self._stopping.wait(self.poll_seconds)
                continue
            try:
                if not client.has_capability("IDLE"):
                    return
                client.select_folder(self.folder, readonly=True)
                while not self._stopping.is_set():
                    self._idle(client, wake)
            except LOST as error:
                log.info("idle broke", extra={"error": type(error).__name__})
                self._stopping.wait(min(self.poll_seconds, 10.0))
            finally:
                _hang_up(client)

    def _idle(self, client: IMAPClient, wake: Callable[[], None]) -> None:
        client.idle()
        ends = self.now() + IDLE_ROUND
        while not self._stopping.is_set() and self.now() < ends:
            looked = self.now()
            said = client.idle_check(timeout=IDLE_LOOK)
            if any(_announces(one) for one in said):
                self._changed.set()
                wake()
            elif not said and self.now() - looked < IDLE_LOOK / 2:
                raise EOFError  # the library hides a closed connection behind an empty answer that comes at once
        client.idle_done()


class _Refused(Exception):
    """The server said NO to a move; the connection is well."""


def connect(account: Account) -> IMAPClient:
    """A connection that is logged in; TLS with a verified certificate, always.

    Raises ConfigError when the server refuses the login or its certificate, ServiceError when it does not answer.
    """
    context = ssl.create_default_context(cafile=account.ca_file or None)
    client: IMAPClient | None = None
    try:
        client = IMAPClient(account.host, account.port, ssl=account.tls == "tls", ssl_context=context, timeout=TIMEOUT)
        client._imap.debug = 0  # else the library writes every message out, twice, for a log that must not hold it
        if account.tls == "starttls":
            client.starttls(context)
        secret = account.secret()
        if account.login == "xoauth2":
            client.oauth2_login(account.user, secret)
        elif client.has_capability("AUTH=PLAIN"):
            client.plain_login(account.user, secret)  # SASL speaks UTF-8, the LOGIN command only ASCII
        else:
            client.login(account.user, secret)
        return client
    except UnicodeEncodeError as error:
        raise ConfigError(f"Der Mailserver {account.host} versteht in Name und Kennwort von {account.user} nur Zeichen ohne "
                          "Umlaute. Vergeben Sie ein anderes Kennwort.") from error
    except ssl.SSLCertVerificationError as error:
        raise ConfigError(f"Das Zertifikat des Mailservers {account.host} ist nicht gültig ({error.verify_message}). Tragen Sie "
                          "den richtigen Namen ein oder nennen Sie mit ca_file die Stelle, die es ausgestellt hat.") from error
    except LoginError as error:
        if client is not None:
            _hang_up(client)
        raise ConfigError(f"Der Mailserver {account.host} lässt {account.user} nicht ein. Prüfen Sie Kennwort oder Token und die "
                          "Rechte des Postfachs; die Nachrichten bleiben unberührt.") from error
    except LOST as error:
        if client is not None:
            _hang_up(client)
        raise ServiceError(f"Der Mailserver {account.host}:{account.port} ist nicht zu erreichen ({type(error).__name__}). "
                           "Es wird weiter versucht.") from error


def _hang_up(client: IMAPClient) -> None:
    try:
        client.logout()
    except LOST:
        with suppress(*LOST):
            client.shutdown()


def _write(client: IMAPClient, uid: int, size: int, target: Path) -> bool:
    """Fetch a message into `target`, in pieces when it is large; False when the server has it no more."""
    with target.open("wb") as file:
        if size <= PIECE:
            body = _body(client.fetch([uid], ["BODY.PEEK[]"]).get(uid))
            if body is not None:
                file.write(body)
        else:
            body = _body(client.fetch([uid], [f"BODY.PEEK[]<0.{PIECE}>"]).get(uid))
            while body:
                file.write(body)
                if len(body) < PIECE and file.tell() >= size:
                    break
                body = _body(client.fetch([uid], [f"BODY.PEEK[]<{file.tell()}.{PIECE}>"]).get(uid)) or b""
        there = body is not None
    if not there:
        target.unlink()
    return there


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _body(item: Any) -> bytes | None:
    """The literal of a FETCH answer; None when the message is gone (or answered without a body)."""
    if item is None:
        return None
    return next((bytes(value) for name, value in item.items() if name.startswith(b"BODY[]") and value is not None), None)


def _announces(said: Any) -> bool:
    return isinstance(said, tuple) and len(said) > 1 and said[1] in (b"EXISTS", b"RECENT")
