"""The journal's heads shown outside the database: an append-only file in another place, and a daily mail.

Who can write the database can write a whole new chain into it; he cannot take back what stands elsewhere (safety.md 7). A line
says time, tenant, number and hash of an entry; lines that begin with "#" are for people. What was published is never taken
back by us either: after a restore `publish` refuses until the operator says so with `restored`, which is a line of its own.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from sqlalchemy import Connection

from intake.config import Home
from intake.db import chain
from intake.db.core import Database, Tx, parse_stamp, stamp, utcnow
from intake.errors import ConfigError, PoststelleError, Refused, ServiceError
from intake.journal import RESTORED, Fault, Head, check, entries

log = logging.getLogger(__name__)

FILE, MAIL = "file", "mail"
MAIL_EVERY = timedelta(hours=23)
MARK = "wiederhergestellt"
TITLE = "# Stand des Protokolls der Poststelle: Zeitpunkt (UTC), Mandant, Nummer und SHA-256 des neuesten Eintrags\n"
_LINE = re.compile(rf"(\d{{4}}-\d\d-\d\dT[\d:.]+Z) ([a-z0-9][a-z0-9_-]*) (\d+) ([0-9a-f]{{64}})( {MARK})?")


def line(head: Head) -> str:
    """A head as it is published, with its line end."""
    return f"{head.at} {head.tenant} {head.seq} {head.hash}{f' {MARK}' if head.restored else ''}\n"


def parse(text: str) -> tuple[list[Head], list[int]]:
    """The heads of a published file or mail, in order, and the numbers of lines that are none (nor empty, nor a "#" line)."""
    heads, wrong = [], []
    for number, one in enumerate(text.splitlines(), start=1):
        found = _LINE.fullmatch(one.strip())
        if found:
            heads.append(Head(found[1], found[2], int(found[3]), found[4], bool(found[5])))
        elif one.strip() and not one.lstrip().startswith("#"):
            wrong.append(number)
    return heads, wrong


def read(path: Path) -> tuple[list[Head], list[int]]:
    """`parse` of a file; nothing for a file that is not there. Raises ConfigError for one that cannot be read."""
    try:
        return parse(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise _unusable(path, error) from error


def known(conn: Connection, path: Path) -> tuple[list[Head], list[Fault]]:
    """What was published to the file, and what is wrong with the file itself: spoilt lines, a head of ours that it lacks."""
    heads, wrong = read(path)
    faults = [Fault("heads", str(path), f"Zeile {number} ist kein Stand eines Protokolls.") for number in wrong]
    there = {(head.tenant, head.seq, head.hash) for head in heads}
    faults += [Fault("heads", tenant, f"Eintrag {seq} wurde in {path} veröffentlicht und steht dort nicht mehr.")
               for tenant, (seq, digest, _) in sorted(chain.published(conn, FILE).items()) if (tenant, seq, digest) not in there]
    return heads, faults


def contradicted(conn: Connection, tenants: Sequence[str], shown: Sequence[Head]) -> list[Fault]:
    """Whether the newest published head of each tenant still stands in its chain; a quick look, `check` walks all of it."""
    newest = {head.tenant: head for head in shown}
    detail = "Eintrag {} von {} wurde veröffentlicht und steht so nicht mehr da."
    return [Fault("journal", tenant, detail.format(newest[tenant].seq, tenant))
            for tenant in tenants if tenant in newest and not _stands(conn, newest[tenant])]


def late(conn: Connection, tenants: Sequence[str], shown: Sequence[Head]) -> timedelta:
    """How long the oldest entry waits that no published head covers; 0 when there is none."""
    newest, longest = {head.tenant: head for head in shown}, timedelta()
    for tenant in tenants:
        head, last = chain.head(conn, tenant), newest.get(tenant)
        if head is not None and (last is None or head[0] > last.seq):
            first = chain.entry_at(conn, tenant, last.seq + 1 if last else 1)
            if first is not None:
                longest = max(longest, utcnow() - parse_stamp(json.loads(first)["at"]))
    return longest


def publish(db: Database, tenants: Sequence[str], path: Path, *, restored: bool = False) -> list[Head]:
    """Append the newest head of every tenant that has a newer one than the file; the lines that were written, durably.

    `restored`: the operator says that what the file knows beyond the newest "restored" entry of a chain was lost with a
    restore. Raises Refused when the chain does not hold what was published (then nothing is written for anybody),
    ConfigError when the file cannot be written.
    """
    try:
        with _appending(path) as append:
            before, _ = read(path)
            with db.read() as conn:
                fresh = [head for tenant in tenants for head in _newer(conn, tenant, before, restored)]
            append("".join(map(line, fresh)))
    except OSError as error:
        raise _unusable(path, error) from error
    if fresh:
        with db.transaction() as tx:
            _note(tx, FILE, fresh)
    return fresh


def _newer(conn: Connection, tenant: str, before: Sequence[Head], restored: bool) -> Iterator[Head]:
    """The lines to be added for a tenant, after a look whether what was published last still stands in its chain."""
    head, now = chain.head(conn, tenant), stamp(utcnow())
    last = next((one for one in reversed(before) if one.tenant == tenant), None)
    if restored:
        mark = _mark(conn, tenant, now)
        if mark is not None and mark.seq <= (last.seq if last else 0) and not _stands(conn, last):
            faults = check(conn, tenant, [*before, mark])
            if faults:
                raise Refused(f"Die Wiederherstellung erklärt nicht alles: {faults[0].detail}")
            yield mark
            last = mark
    if last is not None and not _stands(conn, last):
        raise Refused(f"Das Protokoll von {tenant} enthält Eintrag {last.seq} nicht so, wie er veröffentlicht wurde. Prüfen Sie "
                      "mit poststelle verify. Nach einer Wiederherstellung: poststelle journal publish --restored")
    if head is not None and (last is None or head[0] > last.seq):
        yield Head(now, tenant, *head)


def _mark(conn: Connection, tenant: str, now: str) -> Head | None:
    newest = next((entry for entry in reversed(list(entries(conn, tenant))) if entry.action == RESTORED), None)
    return Head(now, tenant, newest.seq, newest.hash, restored=True) if newest else None


def _stands(conn: Connection, head: Head | None) -> bool:
    return head is None or chain.hash_at(conn, head.tenant, head.seq) == head.hash


@contextmanager
def _appending(path: Path) -> Iterator[Callable[[str], None]]:
    """The file, locked, as a function that appends a text durably; made with its title when it is new."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def append(text: str) -> None:
        size = os.fstat(descriptor).st_size
        torn = size and os.pread(descriptor, 1, size - 1) != b"\n"  # a kill in the middle of a line: it stays, alone
        data = (("\n" if torn else "" if size else TITLE) + text).encode()
        if text and os.write(descriptor, data) != len(data):
            raise ServiceError(f"{path} ließ sich nicht ganz schreiben. Ist der Datenträger voll?")
        os.fsync(descriptor)

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield append
    finally:
        os.close(descriptor)


def mail(db: Database, tenants: Sequence[str], send: Callable[[EmailMessage, str], None], recipient: str, sender: str = "",
         ) -> bool:
    """Send the newest heads to `recipient` when the last mail is a day old and there is something new; whether it went.

    Raises what `send` raises; it is then due at once again.
    """
    now = utcnow()
    with db.read() as conn:
        last = chain.published(conn, MAIL)
        found = [Head(stamp(now), tenant, *head) for tenant in tenants if (head := chain.head(conn, tenant))]
    fresh = [head for head in found if last.get(head.tenant, (0,))[0] != head.seq]
    if not fresh or any(now - parse_stamp(at) < MAIL_EVERY for _, _, at in last.values()):
        return False
    said = EmailMessage()
    said["From"], said["To"] = sender or recipient, recipient
    said["Subject"] = f"Stand des Protokolls der Poststelle am {now.astimezone():%d.%m.%Y}"
    said["Date"], said["Message-ID"] = format_datetime(now), make_msgid(domain=(sender or recipient).rpartition("@")[2])
    said["Auto-Submitted"] = "auto-generated"
    said.set_content(TITLE + "# Bitte aufbewahren: Damit lässt sich belegen, dass am Protokoll nichts geändert wurde.\n"
                     "# Prüfen: diese Zeilen als Datei speichern, dann poststelle journal verify --heads DATEI\n"
                     + "".join(map(line, found)), cte="quoted-printable")
    send(said, recipient)
    with db.transaction() as tx:
        _note(tx, MAIL, found)
    return True


def publish_all(home: Home, db: Database, send: Callable[[EmailMessage, str], None] | None) -> None:
    """What the worker does every hour: publish to where the settings say. Trouble is logged; `verify` and `check` name it."""
    names, said = [tenant.name for tenant in home.settings.tenant], home.settings.journal
    try:
        if home.heads is not None:
            publish(db, names, home.heads)
        if said.mail_to and send is not None:
            mail(db, names, send, said.mail_to, said.mail_from)
    except PoststelleError as error:
        log.warning("journal heads not published", extra={"error": type(error).__name__, "why": str(error)})


def _note(tx: Tx, place: str, heads: Sequence[Head]) -> None:
    for head in heads:
        chain.note_published(tx, head.tenant, place, head.seq, head.hash)


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"Der Stand des Protokolls lässt sich nicht nach {path} schreiben oder dort lesen ({error.strerror}). "
                       "Prüfen Sie [journal] heads.")
