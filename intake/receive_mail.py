"""Empty a mailbox exactly once: keep each message, commit, and only then let the server move it. Nothing is ever dropped.

Order (safety.md A3): bytes -> fsync(file) -> link into place -> fsync(directory) -> durable commit -> move on the server.
A message is known by account, mailbox, UIDVALIDITY and UID. Messages are never TWIN, only marked: each is processed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from intake.blobs import Blobs
from intake.config import Mailbox, Tenant
from intake.db.core import Database, Tx, new_id, utcnow
from intake.db.deliveries import add_delivery, delivery_by_key, first_with_original, next_counter
from intake.db.problems import close_problems_of, open_problem, problem_of
from intake.db.receiving import acknowledge, in_turn, known_keys, received_before, renumber, same_message, unacknowledged
from intake.errors import ConfigError, Reason, ServiceError
from intake.journal import record
from intake.receive import ACTOR, Received
from intake.vocabulary import Blob, Delivery, Problem

log = logging.getLogger(__name__)

CHANNEL = "mail"
MEDIA_TYPE = "message/rfc822"
PATIENCE = timedelta(minutes=2)
GROUP = 20
"""So many messages are moved on the server at once; each has its own commit before."""


class MessageSource(Protocol):
    """What receiving needs of a mailbox (sources.imap.Mailbox)."""

    @property
    def quiet(self) -> bool: ...

    @property
    def trouble(self) -> str: ...

    @property
    def unsettled(self) -> int: ...

    @property
    def cannot_empty(self) -> str: ...

    @property
    def prefix(self) -> str: ...

    def listing(self) -> tuple[str, ...]: ...

    def sizes(self, keys: Sequence[str]) -> dict[str, int]: ...

    def fetch(self, key: str, size: int, target: Path) -> bool: ...

    def done(self, keys: Sequence[str]) -> frozenset[str]: ...

    def start(self, wake: Callable[[], None]) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class MailDoor:
    """A mailbox with the tenant it belongs to."""

    tenant: Tenant
    profile: Mailbox
    source: MessageSource


def receive_mailbox(db: Database, blobs: Blobs, tenant: Tenant, profile: Mailbox, source: MessageSource, scratch: Path,
                    stopping: Callable[[], bool] = lambda: False) -> Received:
    """Take every message that lies in the mailbox now. `scratch`: an existing folder for what is being fetched.

    Raises ServiceError when the server does not answer or does not let us in (then there is a Klärungsfall too).
    """
    if source.quiet:
        if source.trouble:
            raise ServiceError(source.trouble)
        return Received()
    try:
        listing = source.listing()
    except ConfigError as error:
        _note(db, tenant.name, profile, "mailbox", Reason.UNREADABLE, str(error))
        raise ServiceError(str(error)) from error
    _settle(db, tenant.name, profile, "mailbox")
    with db.read() as conn:
        known = known_keys(conn, tenant.name, CHANNEL, listing)
        pending = unacknowledged(conn, tenant.name, profile.name)
    there = set(listing)
    gone = [identity for key, identity in pending.items() if key not in there and key.startswith(source.prefix)]
    _acknowledge(db, gone)  # moved, then we were killed
    left = {key: pending[key] for key in listing if key in pending}
    _move(db, tenant.name, profile, source, _left_alone(db, left))
    fresh = [key for key in listing if key not in known]
    received = _take_all(db, blobs, tenant.name, profile, source, scratch, fresh, stopping)
    if not stopping() and any(not key.startswith(source.prefix) for key in pending):
        _forget_old_numbers(db, tenant.name, profile, source.prefix)
    return received


def _left_alone(db: Database, pending: dict[str, str]) -> dict[str, str]:
    """Rows that nobody moves: older than PATIENCE. Younger ones may be in the hands of another worker, and two workers
    moving one message leave two copies of it."""
    with db.read() as conn:
        old = received_before(conn, pending.values(), utcnow() - PATIENCE)
    return {key: identity for key, identity in pending.items() if identity in old}


def _forget_old_numbers(db: Database, tenant: str, profile: Mailbox, prefix: str) -> None:
    """UIDVALIDITY changed, all that lay there was looked at: rows still under an old number had been moved before."""
    with db.read() as conn:
        pending = unacknowledged(conn, tenant, profile.name)
    _acknowledge(db, [identity for key, identity in pending.items() if not key.startswith(prefix)])


def _take_all(db: Database, blobs: Blobs, tenant: str, profile: Mailbox, source: MessageSource, scratch: Path,
              fresh: Sequence[str], stopping: Callable[[], bool]) -> Received:
    total = Received()
    sizes = source.sizes(fresh)
    for group in _groups([key for key in fresh if key in sizes], GROUP):
        safe: dict[str, str] = {}
        for key in group:
            if stopping():
                break
            if sizes[key] > profile.max_mib * 2**20:
                total += _note(db, tenant, profile, key, Reason.TOO_LARGE, _too_large(profile, sizes[key]))
                continue
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                target = Path(folder) / "message.eml"
                if not source.fetch(key, sizes[key], target):
                    continue  # somebody took it away between the listing and now
                original = blobs.add_file(target, _name(key), MEDIA_TYPE)
            received, delivery, ours = _commit(db, tenant, profile, key, original)
            total += received
            if ours:
                safe[key] = delivery
        _move(db, tenant, profile, source, safe)
        if stopping():
            break
    return total


def _commit(db: Database, tenant: str, profile: Mailbox, key: str, original: Blob) -> tuple[Received, str, bool]:
    """One transaction a message: a new delivery, or the row that another worker or an earlier UIDVALIDITY gave it.

    Also says whether it is ours to move.
    """
    with db.transaction() as tx:
        in_turn(tx, tenant)
        known = delivery_by_key(tx.connection, tenant, CHANNEL, key)
        if known is not None:
            return Received(repeats=1), known.id, False
        renumbered = same_message(tx.connection, tenant, profile.name, original.sha256, key)
        if renumbered is not None:  # never moved and gone from its old number: UIDVALIDITY changed under it
            renumber(tx, renumbered, key)
            record(tx, tenant, ACTOR, "delivery.renumbered", subjects={"delivery": renumbered}, new={"key": key})
            return Received(repeats=1), renumbered, True
        first = first_with_original(tx.connection, tenant, CHANNEL, original.sha256)
        delivery = _new(tx, tenant, profile, key, original, first.id if first else None)
        add_delivery(tx, delivery)
        record(tx, tenant, ACTOR, "delivery.received", subjects={"delivery": delivery.id},
               new={"original": original.sha256, "same_as": delivery.twin_of})
        close_problems_of(tx, tenant, "source", _subject(profile, key), "received")
    return Received(new=1), delivery.id, True


def _new(tx: Tx, tenant: str, profile: Mailbox, key: str, original: Blob, same_as: str | None) -> Delivery:
    today = tx.now.astimezone().date().isoformat()
    position = next_counter(tx, tenant, f"mail/{profile.name}/{today}")
    return Delivery(id=new_id(), tenant=tenant, key=key, channel=CHANNEL, source=profile.name, received_at=tx.now,
                    original=original, twin_of=same_as, access_class=profile.access_class, lane=profile.lane,
                    batch=f"{profile.name} {today}", position=position)


def _move(db: Database, tenant: str, profile: Mailbox, source: MessageSource, safe: dict[str, str]) -> None:
    """Tell the server about messages that are safe, then note that it knows. What cannot be moved is said once."""
    for group in _groups(list(safe), GROUP):
        moved = source.done(group)
        _acknowledge(db, [safe[key] for key in group if key in moved])
        if moved:
            _settle(db, tenant, profile, "move")
        elif source.cannot_empty:
            _note(db, tenant, profile, "move", Reason.UNREADABLE, source.cannot_empty)


def _acknowledge(db: Database, deliveries: Sequence[str]) -> None:
    if deliveries:
        with db.transaction() as tx:
            acknowledge(tx, deliveries)


def _groups(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start:start + size]


def _name(key: str) -> str:
    return f"Nachricht {key.rsplit('|', 1)[1]}.eml"


def _too_large(profile: Mailbox, size: int) -> str:
    return (f"Im Postfach „{profile.name}“ liegt eine Nachricht mit {size / 2**20:.0f} MiB; aufgenommen werden höchstens "
            f"{profile.max_mib}. Sie bleibt dort liegen. "
            "Erhöhen Sie max_mib, oder lassen Sie sich die Unterlagen auf anderem Weg schicken.")


# ---- Klärungsfälle of the door itself --------------------------------------------------------------------------------


def _subject(profile: Mailbox, what: str) -> str:
    return f"{profile.name}/{what}"


def _note(db: Database, tenant: str, profile: Mailbox, what: str, reason: Reason, sentence: str) -> Received:
    """One open Klärungsfall for each trouble; it closes by itself when the trouble is over."""
    subject = _subject(profile, what)
    with db.read() as conn:
        if problem_of(conn, tenant, "source", subject, reason) is not None:
            return Received()
    with db.transaction() as tx:
        problem = Problem(id=new_id(), tenant=tenant, subject_kind="source", subject=subject, step="receive", reason=reason,
                          title=sentence, detail="", resolutions=("close",), opened_at=tx.now, access_class=profile.access_class)
        open_problem(tx, problem)
        record(tx, tenant, ACTOR, "problem.opened", subjects={"problem": problem.id}, new={"reason": reason})
    return Received(problems=1)


def _settle(db: Database, tenant: str, profile: Mailbox, what: str) -> None:
    subject = _subject(profile, what)
    with db.read() as conn:
        if problem_of(conn, tenant, "source", subject) is None:
            return
    with db.transaction() as tx:
        if close_problems_of(tx, tenant, "source", subject, "received"):
            record(tx, tenant, ACTOR, "problem.closed", subjects={}, new={"how": "received", "source": profile.name})
