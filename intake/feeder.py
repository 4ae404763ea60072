"""The feeder: look at the doors, choose from the waiting rows, keep a small window of them in the engine, and sweep.

A row in a waiting state *is* the work; nothing is enqueued at the time of a change, so a crash can orphan nothing.
Lanes take turns (post : back-file = 4 : 1), tenants take turns inside a lane, then age decides.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from intake import acknowledging, handover, heads, indexing, officemail, pipeline, receive_registers
from intake.backfile.taking import take_some
from intake.db.core import utcnow
from intake.db.deliveries import Kind, note_retry
from intake.db.filings import filings_without_receipt
from intake.db.indexed import outdated
from intake.db.work import bookkeeping, counts, next_retry, waiting
from intake.engine import Engine, EngineLost, Task
from intake.errors import PoststelleError, ServiceError
from intake.patrol import patrol
from intake.pipeline import Postroom
from intake.receive import Door, Received, delete_done, receive_all
from intake.receive_mail import MailDoor, receive_mailbox

log = logging.getLogger(__name__)

ACTIONS = {"RECEIVED": "open", "NEW": "propose", "APPROVED": "file"}
LANES = ("post", "backfile")
SWEEP_SECONDS = 5.0  # how often the window is held against the engine's own word
RECEIPT_SECONDS = 15.0  # how often filings without a receipt are handed over again
RETENTION_SECONDS = 3600.0
INDEX_AT_ONCE, INDEX_SECONDS = 20, 15.0  # documents indexed between two looks; how often those are tried again that could not be
PUBLISH_SECONDS = 3600.0  # safety.md 7: the journal's heads go outside every hour
LONGEST_WAIT_UNTIL_IDLE = 60.0  # `work --until-idle` does not wait longer for a retry
SHORTEST_PAUSE = 0.1
IDLE_WAIT = 3.0  # a quiet house looks again this often; a noise at a door wakes it at once


@dataclass(slots=True)
class Feeder:
    """The loop's memory; everything in it can be lost at any moment."""

    room: Postroom
    engine: Engine
    doors: Sequence[Door | MailDoor]
    wake: threading.Event
    window: dict[str, Task] = field(default_factory=dict)
    turn: int = 0
    received: Received = field(default_factory=Received)
    shut: dict[str, str] = field(default_factory=dict)  # doors that cannot be looked at, with the German reason
    _swept: float = 0.0
    _delivered: float = 0.0
    _retained: float = 0.0
    _acknowledged: float = -RECEIPT_SECONDS
    _indexed: float = -INDEX_SECONDS
    _handed: float = -RECEIPT_SECONDS
    _published: float = -PUBLISH_SECONDS


def work(room: Postroom, doors: Sequence[Door | MailDoor], *, until_idle: bool = False, stopping: threading.Event | None = None,
         progress: Callable[[dict[str, object]], None] | None = None) -> int:
    """Run the mailroom until `stopping` is set, or until nothing is left that a machine can move.

    Returns the exit code: 0, or 3 when `until_idle` gave up because a retry lies more than 60 s away.
    `progress` is called about once a second with the counts of `poststelle status`.
    """
    stopping = stopping or threading.Event()
    wake = threading.Event()
    engine = Engine(room, room.home.settings.engine.cores_here, wake.set, stopping)
    engine.start()
    feeder = Feeder(room, engine, doors, wake)
    try:
        for door in doors:
            door.source.start(wake.set)
        return _loop(feeder, until_idle, stopping, progress)
    finally:
        for door in doors:
            door.source.stop()
        engine.stop()


def _loop(feeder: Feeder, until_idle: bool, stopping: threading.Event,
          progress: Callable[[dict[str, object]], None] | None) -> int:
    told = 0.0
    trouble_since: float | None = None
    while not stopping.is_set():
        feeder.wake.clear()
        try:
            code, told = _round(feeder, until_idle, stopping, progress, told)
        except ServiceError as error:  # the database is away, the disk is full: the mailroom stays and tries again
            trouble_since = trouble_since or time.monotonic()
            log.warning("cannot work now", extra={"error": type(error).__name__})
            if until_idle and time.monotonic() - trouble_since > LONGEST_WAIT_UNTIL_IDLE:
                raise
            stopping.wait(IDLE_WAIT)
            continue
        trouble_since = None
        if code is not None:
            return code
    return 0


def _round(feeder: Feeder, until_idle: bool, stopping: threading.Event,
           progress: Callable[[dict[str, object]], None] | None, told: float) -> tuple[int | None, float]:
    """One look at everything, then a pause; the exit code when there is nothing more to wait for, and when progress was told."""
    registers = look_at_registers(feeder)
    room = feeder.room
    taken = look_at_doors(feeder, stopping) + registers.imported + take_some(room.home, room.db, room.blobs, stopping.is_set)
    fed = feed(feeder)
    _acknowledge(feeder)
    indexed = _index(feeder, stopping)
    _hand_over(feeder)
    _publish(feeder)
    if progress is not None and time.monotonic() - told > 1.0:
        told = time.monotonic()
        progress(_counts(feeder))
    unsettled = sum(door.source.unsettled for door in feeder.doors) + registers.unsettled
    if not feeder.window and not taken and not fed and not unsettled and not indexed:
        code = _idle(feeder, until_idle)
        if code is not None:
            if progress is not None:
                progress(_counts(feeder))
            return code, told
    poll = feeder.room.home.settings.engine.poll_seconds
    quiet = not feeder.window and not unsettled and not indexed
    hurry = until_idle and not feeder.window  # whatever runs wakes us when it ends: no need to look four times a second
    feeder.wake.wait(IDLE_WAIT if quiet and not until_idle else min(poll, 0.25) if hurry else poll)
    stopping.wait(SHORTEST_PAUSE)  # many rows end at once; one look serves them all
    return None, told


def _counts(feeder: Feeder) -> dict[str, object]:
    with feeder.room.db.read() as conn:
        return dict(counts(conn)) | {"busy": feeder.engine.busy}


def look_at_doors(feeder: Feeder, stopping: threading.Event) -> int:
    """Take what lies at the doors; a door that is shut is remembered and tried again. Returns how many rows were added."""
    taken = 0
    for door in feeder.doors:
        name = door.profile.name
        try:
            received = _take(feeder.room, door, stopping.is_set)
        except ServiceError as error:
            if feeder.shut.get(name) != str(error):
                log.warning("door is shut", extra={"profile": name, "why": str(error)})
            feeder.shut[name] = str(error)
            continue
        feeder.shut.pop(name, None)
        feeder.received += received
        taken += received.new + received.twins
    return taken


def look_at_registers(feeder: Feeder) -> receive_registers.Looked:
    """Import what was dropped into register/, before the post that may need it."""
    try:
        return receive_registers.look(feeder.room.home, feeder.room.db)
    except OSError as error:
        log.warning("register folder cannot be used", extra={"why": error.strerror or "?"})
        return receive_registers.Looked()


def _take(room: Postroom, door: Door | MailDoor, stopping: Callable[[], bool]) -> Received:
    blobs = room.blobs(door.tenant.name)
    if isinstance(door, Door):
        return receive_all(room.db, blobs, door.tenant, door.profile, door.source, stopping)
    scratch = room.home.root / pipeline.SCRATCH
    scratch.mkdir(mode=0o700, exist_ok=True)
    return receive_mailbox(room.db, blobs, door.tenant, door.profile, door.source, scratch, stopping)


def feed(feeder: Feeder) -> int:
    """Fill the window from the waiting rows and sweep it; returns how many tasks were newly submitted."""
    engine = feeder.engine
    try:
        engine.check()
        _sweep(feeder)
        tasks = choose(feeder)
        known = engine.live(task.workflow_id for task in tasks)
        fresh = [task for task in tasks if task.workflow_id not in known]
        for task in tasks:
            if known.get(task.workflow_id) is False:  # ended, yet the row still waits: the same work under a new attempt
                _again(feeder, task)
            else:
                feeder.window[task.row] = task
        engine.submit(fresh)
        _retain(feeder)
        return len(fresh)
    except EngineLost as lost:
        log.warning("engine database lost", extra={"why": str(lost)})
        feeder.window.clear()
        engine.restart()
        return 1


def choose(feeder: Feeder) -> list[Task]:
    """The next rows for the free places of the window: documents before deliveries, so that what was begun is finished."""
    settings = feeder.room.home.settings.engine
    free = settings.window - len(feeder.window)
    if free <= 0:
        return []
    with feeder.room.db.read() as conn:
        queues = {lane: _pick(conn, lane, free, feeder.window.keys(), utcnow()) for lane in LANES}
    tasks: list[Task] = []
    held = sum(task.lane == "backfile" for task in feeder.window.values())
    # a part of the window is never given to old files: a letter that comes finds a place at once
    queues["backfile"] = queues["backfile"][:max(0, settings.window - max(1, settings.window // 4) - held)]
    while len(tasks) < free and any(queues.values()):
        lane = "backfile" if feeder.turn % (settings.post_share + 1) == settings.post_share else "post"
        feeder.turn += 1
        tasks.append((queues[lane] or queues["backfile" if lane == "post" else "post"]).pop(0))
    return tasks


def _pick(conn: Connection, lane: str, limit: int, exclude: Collection[str], now: datetime) -> list[Task]:
    tasks: list[Task] = []
    kinds: tuple[Kind, ...] = ("document", "delivery")
    for kind in kinds:
        picks = waiting(conn, kind, lane=lane, limit=limit - len(tasks), exclude=exclude, now=now) if len(tasks) < limit else []
        books = bookkeeping(conn, kind, [row for row, _, _ in picks]) if picks else {}
        for row, _, _ in picks:
            state, revision, attempt = books[row]
            tasks.append(Task(ACTIONS[state], row, revision, attempt, lane))
    return tasks


def _sweep(feeder: Feeder) -> None:
    """Drop from the window what this process finished, and now and then what the engine says has ended elsewhere."""
    running = feeder.engine.running
    if feeder.engine.embedded:
        ended = [row for row, task in feeder.window.items() if task.workflow_id not in running]
        ids = {row: feeder.window[row].workflow_id for row in ended}
        live = feeder.engine.live(ids.values()) if ids and time.monotonic() - feeder._swept > SWEEP_SECONDS else {}
        for row, workflow_id in ids.items():
            if not live.get(workflow_id, False):
                del feeder.window[row]
    elif feeder.window and time.monotonic() - feeder._swept > feeder.room.home.settings.engine.poll_seconds:
        live = feeder.engine.live(task.workflow_id for task in feeder.window.values())
        for row, task in list(feeder.window.items()):
            if not live.get(task.workflow_id, False):
                del feeder.window[row]
        feeder._swept = time.monotonic()


def _again(feeder: Feeder, task: Task) -> None:
    """The run ended and moved nothing (it was stopped, or could not even note its trouble): later, under a new attempt."""
    wait = timedelta(seconds=feeder.room.home.settings.engine.retry_seconds)
    with feeder.room.db.transaction() as tx:
        note_retry(tx, "delivery" if task.action == "open" else "document", task.row, tx.now + wait)


def _retain(feeder: Feeder) -> None:
    """Once an hour: ended workflows are forgotten, taken files deleted where a profile asks for it, statistics renewed."""
    if time.monotonic() - feeder._retained > RETENTION_SECONDS:
        feeder._retained = time.monotonic()
        feeder.engine.forget_finished(feeder.room.home.settings.engine.keep_finished_hours)
        feeder.room.db.tidy()
        for door in feeder.doors:
            if not isinstance(door, Door):
                continue
            folder = feeder.room.home.folder(door.profile) / "erledigt"
            delete_done(feeder.room.db, feeder.room.blobs(door.tenant.name), door.tenant, door.profile, folder)


def deliver_again(feeder: Feeder) -> int:
    """Hand filings without a receipt to their stores once more; returns how many still have none."""
    left = 0
    with feeder.room.db.read() as conn:
        rows = filings_without_receipt(conn, limit=50)
    for tenant, key in rows:
        try:
            pipeline.store_filing(feeder.room, tenant, key)
        except PoststelleError as error:
            left += 1
            log.warning("filing not handed over", extra={"filing": key, "why": str(error)})
    return left


def _index(feeder: Feeder, stopping: threading.Event) -> int:
    """Bring the search index up to date, a little at a time; returns how many documents were settled."""
    if time.monotonic() - feeder._indexed < INDEX_SECONDS:
        return 0
    done = indexing.sweep(feeder.room.db, feeder.room.blobs, limit=INDEX_AT_ONCE, stopping=stopping.is_set)
    if not done:
        with feeder.room.db.read() as conn:
            if outdated(conn, 1):  # their pages cannot be had now
                feeder._indexed = time.monotonic()
    return done


def _acknowledge(feeder: Feeder) -> None:
    """Send acknowledgements of receipt and mails to the offices that are due, now and then; what does not go is tried again."""
    room = feeder.room
    if room.send is not None and time.monotonic() - feeder._acknowledged > RECEIPT_SECONDS:
        feeder._acknowledged = time.monotonic()
        acknowledging.send_due(room.db, room.home.settings, room.send)
        officemail.plan_digests(room.db, room.home.settings)
        officemail.send_due(room.db, room.home.settings, room.send)


def _publish(feeder: Feeder) -> None:
    if time.monotonic() - feeder._published > PUBLISH_SECONDS:
        feeder._published = time.monotonic()
        heads.publish_all(feeder.room.home, feeder.room.db, feeder.room.send)
        names = [tenant.name for tenant in feeder.room.home.settings.tenant]
        patrol(feeder.room.db, names, feeder.room.blobs, int(time.time() / PUBLISH_SECONDS))


def _hand_over(feeder: Feeder, *, at_once: bool = False) -> None:
    """Tell other systems what is due, now and then; what does not go is tried again by its row."""
    room = feeder.room
    if at_once or time.monotonic() - feeder._handed > RECEIPT_SECONDS:
        feeder._handed = time.monotonic()
        handover.tell_due(room.db, room.home.settings, room.targets, room.blobs)


def _idle(feeder: Feeder, until_idle: bool) -> int | None:
    """Nothing to feed: finish what lacks a receipt, and say whether `work --until-idle` may end (its exit code) or not (None)."""
    if until_idle or time.monotonic() - feeder._delivered > RECEIPT_SECONDS:
        feeder._delivered = time.monotonic()
        left = deliver_again(feeder)
        _hand_over(feeder, at_once=until_idle)
    else:
        left = 0
    if not until_idle:
        return None
    with feeder.room.db.read() as conn:
        soonest = next_retry(conn)
    if soonest is None:
        return 3 if left or feeder.shut else 0
    return 3 if (soonest - utcnow()).total_seconds() > LONGEST_WAIT_UNTIL_IDLE else None
