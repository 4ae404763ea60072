"""Receive: keep the original, commit, and only then tell the source. Nothing is ever dropped.

Order (safety.md A3): bytes -> fsync(file) -> link into place -> fsync(directory) -> durable commit -> `source.done`.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from intake import bundle
from intake.blobs import Blobs
from intake.config import ScanProfile, Tenant
from intake.db.core import Database, Tx, new_id, utcnow
from intake.db.deliveries import add_delivery, delivery_by_key, first_with_original, first_with_part, next_counter
from intake.db.problems import close_problem, open_problem, problem_of
from intake.db.receiving import acknowledge, in_turn, is_acknowledged, last_of_source, unacknowledged
from intake.errors import Reason
from intake.journal import record
from intake.protocols import Source
from intake.vocabulary import Blob, Delivery, DeliveryState, Item, Problem

log = logging.getLogger(__name__)

BATCH_PAUSE = timedelta(minutes=5)  # paper laid on the scanner after a longer pause is a new batch
ACTOR = "service:receive"
HASH_MARK = "|sha256:"
HASH_SHOWN = 32
NOT_UNDERSTOOD = (DeliveryState.CLARIFY, DeliveryState.QUARANTINED, DeliveryState.REJECTED)
"""Where a file's name matters, the same bytes under another one may be understood after these."""
FILES_MARK = "|files:"
"""In the key of a document with data beside it: the beginnings of the hashes of its files, the document's own first."""


class FolderLike(Source, Protocol):
    """What receiving needs beyond Source from a folder: does it still hold the very file of `Item.key`?"""

    def holds(self, key: str) -> bool: ...

    def rest(self, key: str) -> Item | None: ...


class WatchedFolder(FolderLike, Protocol):
    """What the feeder asks of a folder source besides its items: files not finished yet, waking, stopping."""

    @property
    def unsettled(self) -> int: ...

    def start(self, wake: Callable[[], None]) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Door:
    """A source with the tenant and profile it belongs to."""

    tenant: Tenant
    profile: ScanProfile
    source: WatchedFolder


@dataclass(frozen=True, slots=True)
class Received:
    """What one look at a source brought: new deliveries, twins, repeats of known keys, problems."""

    new: int = 0
    twins: int = 0
    repeats: int = 0
    problems: int = 0

    def __add__(self, other: Received) -> Received:
        return Received(self.new + other.new, self.twins + other.twins, self.repeats + other.repeats,
                        self.problems + other.problems)


def receive_all(db: Database, blobs: Blobs, tenant: Tenant, profile: ScanProfile, source: FolderLike,
                stopping: Callable[[], bool] = lambda: False) -> Received:
    """Take everything the source offers now. One unreadable file never stops the rest; ServiceError when the door is shut."""
    total = Received()
    settled: list[str] = []
    renamed = profile.name in {one.name for one in tenant.backfile}  # rescans: their names say which page they are for
    _acknowledge_moved(db, tenant.name, profile.name, source)
    for item in source.poll():
        if stopping():
            break
        if item.problem is not None:
            total += _note_problem(db, tenant.name, profile, item)
            continue
        outcome, delivery = _receive(db, blobs, tenant.name, profile, source, item, renamed=renamed)
        total += outcome
        if delivery is not None:
            source.done(item)
            settled.append(delivery)
    if settled:
        with db.transaction() as tx:
            acknowledge(tx, settled)
    return total


def _acknowledge_moved(db: Database, tenant: str, profile: str, source: FolderLike) -> None:
    """After a crash between moving a file and noting it: what no longer lies in the folder was moved."""
    with db.read() as conn:
        pending = unacknowledged(conn, tenant, profile)
    if not pending:
        return
    gone = [delivery for key, delivery in pending.items() if not source.holds(_source_key(key, profile))]
    for key, delivery in pending.items():
        _, several, hashes = key.partition(FILES_MARK)
        item = source.rest(_source_key(key, profile)) if several else None
        if item is not None and _is_rest(item, hashes.split("|", maxsplit=1)[0].split("+")):
            source.done(item)  # some of its files were moved, then we were killed
            gone.append(delivery)
    if gone:
        with db.transaction() as tx:
            acknowledge(tx, gone)


def _delivery_key(profile: str, item: Item, ending: str) -> str:
    """Path, size, modification time and hash: the identity of a file."""
    return f"{profile}/{item.key}{HASH_MARK}{ending}"


def _is_rest(item: Item, hashes: list[str]) -> bool:
    """Whether the files of an item are some of those with these hashes, but not all, the document among them."""
    here = [_sha256(one.path)[:HASH_SHOWN] for one in item.members]
    return here[0] == hashes[0] and len(here) < len(hashes) and set(here) <= set(hashes)


def _sha256(path: Path) -> str:
    """The hash of a file; "" when it has gone meanwhile."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _keep(blobs: Blobs, item: Item) -> tuple[Blob, str]:
    """The bytes of an item, durable, and what its key ends with (files that belong together: their hashes too).

    Raises bundle.Changed, OSError of opening a file, ServiceError.
    """
    if not item.members:
        original = blobs.add_file(item.path, item.name, "application/octet-stream")
        return original, original.sha256
    package = item.members[0].path != item.path
    name = item.name if package else item.path.stem
    original, hashes = bundle.keep(blobs, item.members, name, bundle.PACKAGE if package else bundle.BESIDE)
    return original, original.sha256 + ("" if package else FILES_MARK + "+".join(one[:HASH_SHOWN] for one in hashes))


def _source_key(key: str, profile: str) -> str:
    return key.split(HASH_MARK, maxsplit=1)[0].removeprefix(f"{profile}/")


def _receive(db: Database, blobs: Blobs, tenant: str, profile: ScanProfile, source: FolderLike,
             item: Item, *, renamed: bool = False) -> tuple[Received, str | None]:
    try:
        original, ending = _keep(blobs, item)
    except (FileNotFoundError, bundle.Changed):
        return Received(), None  # taken away between the listing and now: nothing to receive
    except OSError as error:  # one file that cannot be read never stops the rest
        reason = Reason.UNKNOWN_TYPE if error.errno in (errno.ELOOP, errno.EINVAL, errno.ENXIO) else Reason.UNREADABLE
        return _note_problem(db, tenant, profile, _with_problem(item, reason)), None
    if not source.holds(item.key):
        return Received(), None  # it changed under our hands: offered again when it is finished
    key = _delivery_key(profile.name, item, ending)
    with db.transaction() as tx:
        in_turn(tx, tenant)
        known = delivery_by_key(tx.connection, tenant, "folder", key)
        if known is not None and not is_acknowledged(tx.connection, known.id):
            return Received(repeats=1), known.id  # a crash between commit and move: no new row
        if known is not None and not source.holds(item.key):
            return Received(), None  # another worker took it while we copied
        first = first_with_original(tx.connection, tenant, "folder", original.sha256, NOT_UNDERSTOOD if renamed else ())
        delivery = _new_delivery(tx, tenant, profile, first, original, key if known is None else f"{key}|{new_id()}")
        add_delivery(tx, delivery)
        record(tx, tenant, ACTOR, "delivery.received" if delivery.twin_of is None else "delivery.twin",
               subjects={"delivery": delivery.id}, new={"original": original.sha256, "batch": delivery.batch})
        _close_source_problems(tx, tenant, item)
    twin = delivery.twin_of is not None
    return Received(new=0 if twin else 1, twins=1 if twin else 0), delivery.id


def _new_delivery(tx: Tx, tenant: str, profile: ScanProfile, first: Delivery | None, original: Blob, key: str) -> Delivery:
    batch, position = _batch(tx, tenant, profile.name, tx.now)
    return Delivery(
        id=new_id(), tenant=tenant, key=key, channel="folder", source=profile.name, received_at=tx.now, original=original,
        state=DeliveryState.RECEIVED if first is None else DeliveryState.TWIN, twin_of=first.id if first else None,
        access_class=profile.access_class, lane=profile.lane, batch=batch, position=position)


def _batch(tx: Tx, tenant: str, profile: str, now: datetime) -> tuple[str, int]:
    """Batch label "<profile> 2026-11-21/07" and the delivery's position in it, so that the paper is found again."""
    last = last_of_source(tx.connection, tenant, profile)
    today = now.astimezone().date().isoformat()
    if last is not None and now - last[2] < BATCH_PAUSE and last[0].startswith(f"{profile} {today}/"):
        return last[0], last[1] + 1
    number = next_counter(tx, tenant, f"batch/{profile}/{today}")
    return f"{profile} {today}/{number:02d}", 1


def delete_done(db: Database, blobs: Blobs, tenant: Tenant, profile: ScanProfile, folder: Path) -> int:
    """Delete files in `folder` (erledigt/) that were moved there `profile.delete_done_days` ago; returns how many.

    Only a file whose very bytes are the whole, just re-hashed original or part of a delivery goes; each deletion is in the
    journal first. 0 days (the default) deletes nothing.
    """
    if not profile.delete_done_days or not folder.is_dir():
        return 0
    oldest = time.time() - profile.delete_done_days * 86400
    deleted = 0
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_ctime > oldest:
            continue
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with db.read() as conn:
            delivery = (first_with_original(conn, tenant.name, "folder", sha256)
                        or first_with_part(conn, tenant.name, "folder", sha256))
        if delivery is None or not blobs.check(sha256):
            log.warning("file kept: its original is not safe", extra={"profile": profile.name, "original": sha256})
            continue
        with db.transaction() as tx:
            record(tx, tenant.name, ACTOR, "source.deleted", subjects={"delivery": delivery.id}, new={"original": sha256})
        path.unlink()
        deleted += 1
    return deleted


SENTENCES = {
    Reason.UNREADABLE: "„{name}“ darf nicht gelesen werden. Geben Sie der Poststelle Leserechte auf die Datei; "
                       "sie wird dann von selbst aufgenommen.",
    Reason.UNSETTLED: "„{name}“ wird seit langem geschrieben und nicht fertig. Prüfen Sie den Scanner oder kopieren Sie die "
                      "Datei neu; sie wird von selbst aufgenommen, sobald sie fertig ist.",
    Reason.INCOMPLETE: "„{name}“ liegt seit langem allein: Es fehlt die Datei, die dazugehört (die PDF-Datei, die Begleitdatei "
                       "oder die Fertigmarke). Liefern Sie sie nach, dann wird beides von selbst aufgenommen; oder setzen Sie "
                       "für diesen Ordner sidecar = \"none\".",
    Reason.UNKNOWN_TYPE: "„{name}“ ist keine gewöhnliche Datei (etwa eine Verknüpfung) und wird nicht geöffnet. "
                         "Legen Sie die Datei selbst in den Ordner.",
}


def _with_problem(item: Item, reason: Reason) -> Item:
    return Item(item.key, item.name, item.path, item.profile, reason)


def _subject(item: Item) -> str:
    return f"{item.profile}/{item.name}"


def _note_problem(db: Database, tenant: str, profile: ScanProfile, item: Item) -> Received:
    """One open Klärungsfall per file and reason; the file stays where it is."""
    reason = Reason(item.problem or Reason.UNREADABLE)
    with db.read() as conn:
        if problem_of(conn, tenant, "source", _subject(item), reason) is not None:
            return Received()
    with db.transaction() as tx:
        problem = Problem(
            id=new_id(), tenant=tenant, subject_kind="source", subject=_subject(item), step="receive", reason=reason,
            title=SENTENCES[reason].format(name=item.name), detail=str(item.path), resolutions=("close",), opened_at=utcnow(),
            access_class=profile.access_class)
        open_problem(tx, problem)
        record(tx, tenant, ACTOR, "problem.opened", subjects={"problem": problem.id}, new={"reason": reason})
    return Received(problems=1)


def _close_source_problems(tx: Tx, tenant: str, item: Item) -> None:
    subjects = {_subject(item), *(f"{item.profile}/{one.name}" for one in item.members[:3])}
    for reason, subject in ((reason, subject) for reason in SENTENCES for subject in sorted(subjects)):
        problem = problem_of(tx.connection, tenant, "source", subject, reason)
        if problem is not None:
            close_problem(tx, problem.id, "received")
            record(tx, tenant, ACTOR, "problem.closed", subjects={"problem": problem.id}, new={"how": "received"})
