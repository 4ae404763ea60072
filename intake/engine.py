"""Run what waits, through DBOS Transact: the only file that names it (engine.md says what was measured and why).

The engine's database is a cache: claims, page fan-out and recovery live there, the truth lives in our rows. It may be
missing, damaged or foreign at any moment: it is then set aside and made anew, and the feeder submits again what waits.

On one machine workflows start at once in this process; with PostgreSQL they go through queues that every worker serves.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from dbos import error as dbos_errors
from sqlalchemy import Engine as SaEngine
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from intake import pipeline
from intake.cores import Cores
from intake.db.core import sqlite_driver, wal_unsafe
from intake.db.deliveries import Kind
from intake.errors import ConfigError, PoststelleError, ServiceError
from intake.log import no_console_of_its_own
from intake.pipeline import Chunk, Postroom
from intake.settle import StepFailed, settle

log = logging.getLogger(__name__)

APPLICATION_VERSION = "1"
"""Pinned (engine.md P1): raised only when the order of steps in a workflow changes; then the cache is made anew."""
RECOVERY_ATTEMPTS = 1_000_000
"""DBOS counts deaths of the worker, not guilt (engine.md P3); guilt is counted in our rows, so this never decides."""
ROWS, PAGES = "rows", "pages"
LIVE = ("PENDING", "ENQUEUED", "DELAYED")
FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
PRIORITIES = {"post": 1, "backfile": 100}  # low first; unset would be 0, before everything (engine.md P4)
SQLITE_MAGIC = b"SQLite format 3\0"


class EngineLost(Exception):
    """The engine's database is gone or unusable: make it anew."""


@dataclass(frozen=True, slots=True)
class Task:
    """One waiting row handed to the engine: what to do, with which row, in which revision and attempt."""

    action: str  # "open", "propose", "file"
    row: str
    revision: int
    attempt: int
    lane: str

    @property
    def workflow_id(self) -> str:
        """The same row in the same state and attempt is the same workflow, so that submitting twice runs once."""
        return f"{self.action}-{self.row}-{self.revision}-{self.attempt}"


@dataclass(slots=True)
class Engine:
    """The running engine of this process; DBOS allows one at a time."""

    room: Postroom
    cores: int
    wake: Callable[[], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    running: set[str] = field(default_factory=set)  # workflow ids at work in this process
    busy: int = 0  # steps at work right now, for progress
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cores: Cores = field(init=False)
    _file_lock: IO[str] | None = None
    _inode: int = 0

    def __post_init__(self) -> None:
        self._cores = Cores(self.cores, self.room.home.settings.engine.post_share)

    @property
    def embedded(self) -> bool:
        """True on one machine (SQLite): workflows start at once here; else they go through queues."""
        return self.room.home.engine_url.startswith("sqlite")

    # ---- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Launch DBOS and recover what this machine left unfinished. Raises ConfigError when another worker runs here."""
        global _engine  # noqa: PLW0603  DBOS itself is one per process
        if self.embedded:
            self._take_lock()
            shutil.rmtree(self.room.home.root / pipeline.SCRATCH, ignore_errors=True)  # of a predecessor that was killed
        for tenant in self.room.home.settings.tenant:
            self.room.blobs(tenant.name).clean_tmp()
        try:
            self._launch()
        except (SQLAlchemyError, dbos_errors.DBOSException) as error:
            if not self.embedded:
                raise ConfigError(
                    f"Die Datenbank der Ablaufsteuerung ist nicht erreichbar ({type(error).__name__}). Prüfen Sie "
                    "database.engine_url in poststelle.toml und ob der Server läuft.") from error
            self._set_aside(type(error).__name__)
            self._launch()
        _engine = self

    def _launch(self) -> None:
        url = self.room.home.engine_url
        if self.embedded and not self._intact():
            self._set_aside("damaged")
        config: DBOSConfig = {
            "name": "poststelle", "system_database_url": url, "executor_id": self._executor(),
            "application_version": APPLICATION_VERSION, "sys_db_pool_size": 10, "log_level": "CRITICAL",
            "use_listen_notify": False, "notification_listener_polling_interval_sec": 1.0}
        if self.embedded:
            config["system_database_engine"] = cache_engine(url)
        DBOS.destroy()
        no_console_of_its_own("dbos")
        DBOS(config=config)
        DBOS.launch()
        if not self.embedded:
            interval = self.room.home.settings.engine.poll_seconds
            DBOS.register_queue(ROWS, worker_concurrency=self.room.home.settings.engine.window, polling_interval_sec=interval)
            DBOS.register_queue(PAGES, worker_concurrency=2 * self.cores, polling_interval_sec=interval)
        self._inode = self._path().stat().st_ino if self.embedded else 0

    def _executor(self) -> str:
        # embedded: a constant, so that a restart recovers at once; else unique per start (engine.md P2)
        return "local" if self.embedded else f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Let running steps end (at most `grace_seconds`), start no more, and close the engine."""
        global _engine  # noqa: PLW0603
        self.stopping.set()
        deadline = time.monotonic() + grace_seconds
        while self.running and time.monotonic() < deadline:
            time.sleep(0.05)
        DBOS.destroy()
        _engine = None
        if self._file_lock is not None:
            self._file_lock.close()
            self._file_lock = None

    def _path(self) -> Path:
        return Path(make_url(self.room.home.engine_url).database or "")

    def _take_lock(self) -> None:
        self._file_lock = open(self._path().with_suffix(".lock"), "w", encoding="ascii")  # noqa: SIM115, PTH123  held while we run
        try:
            fcntl.flock(self._file_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"In {self.room.home.root} arbeitet bereits eine Poststelle. Beenden Sie sie zuerst "
                              "oder sehen Sie mit „poststelle status“ nach.") from None

    # ---- the cache may break at any moment ---------------------------------------------------------------------------

    def _intact(self) -> bool:
        path = self._path()
        if not path.exists():
            return True
        engine = cache_engine(self.room.home.engine_url)
        try:
            with engine.connect() as connection:
                return bool(connection.execute(text("PRAGMA quick_check(1)")).scalar() == "ok")
        except SQLAlchemyError:
            return False
        finally:
            engine.dispose()

    def _set_aside(self, why: str) -> None:
        """Keep what is there for a look, under another name, and start from nothing: the rows tell what waits."""
        log.warning("engine database set aside", extra={"why": why})
        path = self._path()
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        if path.exists():
            path.rename(aside)
        for ending in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + ending).unlink(missing_ok=True)

    def check(self) -> None:
        """Raises EngineLost when the cache's file was deleted, replaced or overwritten under us."""
        if not self.embedded:
            return
        try:
            if self._path().stat().st_ino != self._inode:
                raise EngineLost("replaced")
            with self._path().open("rb") as file:
                if file.read(len(SQLITE_MAGIC)) != SQLITE_MAGIC:
                    raise EngineLost("overwritten")
        except FileNotFoundError:
            raise EngineLost("deleted") from None

    def restart(self) -> None:
        """Make the cache anew while running steps go on; their effects are compare-and-set and count once."""
        with self._lock:
            self.running.clear()
        DBOS.destroy()
        if self.embedded:
            self._set_aside("lost")
        self._launch()

    # ---- what the feeder asks ----------------------------------------------------------------------------------------

    def submit(self, tasks: Sequence[Task]) -> None:
        """Hand tasks to the engine. Submitting one that is already known runs nothing twice. Raises EngineLost."""
        for task in tasks:
            workflow = WORKFLOWS[task.action]
            try:
                with SetWorkflowID(task.workflow_id):
                    if self.embedded:
                        with self._lock:
                            self.running.add(task.workflow_id)
                        DBOS.start_workflow(workflow, task.row, task.lane)
                    else:
                        with SetEnqueueOptions(priority=PRIORITIES[task.lane]):
                            DBOS.enqueue_workflow(ROWS, workflow, task.row, task.lane)
            except (SQLAlchemyError, dbos_errors.DBOSException) as error:
                raise EngineLost(type(error).__name__) from error

    def live(self, workflow_ids: Iterable[str]) -> dict[str, bool]:
        """For each id the engine knows: is it still at work or waiting (True), or ended in whatever way (False)?"""
        ids = list(workflow_ids)
        if not ids:
            return {}
        try:
            known = DBOS.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
        except (SQLAlchemyError, dbos_errors.DBOSException) as error:
            raise EngineLost(type(error).__name__) from error
        return {workflow.workflow_id: workflow.status in LIVE for workflow in known}

    def forget_finished(self, older_than_hours: int, limit: int = 500) -> int:
        """Delete ended workflows (retention: engine.md); returns how many."""
        before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - older_than_hours * 3600))
        try:
            ended = DBOS.list_workflows(
                status=FINISHED, completed_before=before, limit=limit, load_input=False, load_output=False)
            if ended:
                DBOS.delete_workflows([workflow.workflow_id for workflow in ended], delete_children=True)
        except (SQLAlchemyError, dbos_errors.DBOSException) as error:
            raise EngineLost(type(error).__name__) from error
        return len(ended)

    # ---- inside a step -----------------------------------------------------------------------------------------------

    def guarded(self, kind: Kind, row: str, step: str, function: Callable[[], Any], lane: str = "post") -> Any:
        """Run one step on one of this machine's cores; an error becomes what it means for the row, and is never hidden.

        Returns the function's result, or a word ("retry", "clarify", "stale", "stopped") that ends the workflow.
        """
        with self._cores.taken(lane):
            if self.stopping.is_set():
                return "stopped"
            with self._lock:
                self.busy += 1
            try:
                return function()
            except PoststelleError as error:
                log.info("step did not finish", extra={"step": step, "row": row, "error": type(error).__name__})
                return self._settle(kind, row, step, error)
            except Exception as bug:  # a bug of ours in one row must not stop the others; it is logged whole
                log.exception("bug in step", extra={"step": step, "row": row})
                return self._settle(kind, row, step, StepFailed(step, bug))
            finally:
                with self._lock:
                    self.busy -= 1

    def _settle(self, kind: Kind, row: str, step: str, error: PoststelleError) -> str:
        try:
            return settle(self.room.db, self.room.home.settings.engine, kind, row, step, error)
        except ServiceError:  # the database is away as well: the sweep finds the row still waiting
            log.warning("trouble could not be noted", extra={"step": step, "row": row})
            return "unsettled"

    def finished(self, workflow_id: str | None) -> None:
        """A workflow of this process ended; the feeder may look again."""
        with self._lock:
            self.running.discard(workflow_id or "")
        self.wake()


_engine: Engine | None = None


def _running_engine() -> Engine:
    while _engine is None:  # recovery starts inside launch, a moment before `start` is through
        time.sleep(0.01)
    return _engine


Chunks = list[tuple[int, tuple[int, ...]]]


@DBOS.step()
def _plan(delivery: str, lane: str = "post") -> Chunks | str | None:
    """The chunks to read, or, for a delivery of one chunk, everything at once (then None). Recorded, because the chunks
    become children in a fixed order and a replay must find the same ones."""
    engine = _running_engine()

    def plan() -> Chunks | None:
        chunks = pipeline.plan_reading(engine.room, delivery)
        if len(chunks) > 1:
            return [(chunk.part, chunk.pages) for chunk in chunks]
        for chunk in chunks:
            pipeline.read_chunk(engine.room, delivery, chunk)
        pipeline.assemble(engine.room, delivery)
        return None

    result: Chunks | str | None = engine.guarded("delivery", delivery, "open", plan, lane)
    return result


# The other pieces are no DBOS steps: our rows make repeating them harmless, so their results need no recording.


@DBOS.workflow(max_recovery_attempts=RECOVERY_ATTEMPTS)
def read_workflow(delivery: str, part: int, pages: tuple[int, ...], lane: str = "post") -> str | None:
    """Read one chunk; on many machines any worker may do it."""
    engine = _running_engine()
    word: str | None = engine.guarded(
        "delivery", delivery, "read", lambda: pipeline.read_chunk(engine.room, delivery, Chunk(part, tuple(pages))), lane)
    return word


@DBOS.workflow(max_recovery_attempts=RECOVERY_ATTEMPTS)
def open_workflow(delivery: str, lane: str) -> str | None:
    """Unpack, read all chunks side by side, cut into documents."""
    engine = _running_engine()
    try:
        chunks = _plan(delivery, lane)
        if chunks is None or isinstance(chunks, str):
            return chunks
        word = _read_all(engine, delivery, lane, chunks)
        if word is None:
            word = engine.guarded("delivery", delivery, "split", lambda: pipeline.assemble(engine.room, delivery), lane)
        return word
    finally:
        engine.finished(DBOS.workflow_id)


def _read_all(engine: Engine, delivery: str, lane: str, chunks: Chunks) -> str | None:
    """A sliding window of chunks (bounded threads for a file of 10,000 pages); the order of calls is fixed, as replay needs."""
    ahead = 2 * engine.cores if engine.embedded else 64
    handles: list[Any] = []
    for number in range(len(chunks) + ahead):
        if number < len(chunks):
            part, pages = chunks[number]
            if engine.embedded:
                handles.append(DBOS.start_workflow(read_workflow, delivery, part, pages, lane))
            else:
                with SetEnqueueOptions(priority=PRIORITIES[lane]):
                    handles.append(DBOS.enqueue_workflow(PAGES, read_workflow, delivery, part, pages, lane))
        if number >= ahead and number - ahead < len(handles):
            word: str | None = handles[number - ahead].get_result()
            if word:
                return word
    return None


@DBOS.workflow(max_recovery_attempts=RECOVERY_ATTEMPTS)
def propose_workflow(document: str, lane: str) -> str | None:
    """Propose, and let policy decide."""
    engine = _running_engine()
    try:
        word: str | None = engine.guarded(
            "document", document, "propose", lambda: pipeline.propose_document(engine.room, document), lane)
        return word
    finally:
        engine.finished(DBOS.workflow_id)


@DBOS.workflow(max_recovery_attempts=RECOVERY_ATTEMPTS)
def file_workflow(document: str, lane: str) -> str | None:
    """Make the rendition, file, hand to the stores."""
    engine = _running_engine()
    try:
        word: str | None = engine.guarded(
            "document", document, "file", lambda: pipeline.file_document(engine.room, document), lane)
        return word
    finally:
        engine.finished(DBOS.workflow_id)


WORKFLOWS: dict[str, Callable[[str, str], str | None]] = {
    "open": open_workflow, "propose": propose_workflow, "file": file_workflow}


def cache_engine(url: str) -> SaEngine:
    """A SQLAlchemy engine for DBOS on SQLite: our driver, durable commits, writers in turn (engine.md, last section).

    DBOS opens its transactions itself, so `db.make_engine`, which begins them, does not serve here.
    """
    driver = sqlite_driver()
    engine = create_engine(url, module=driver, pool_size=10, max_overflow=54)
    journal = "DELETE" if wal_unsafe(driver.sqlite_version_info) else "WAL"

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (f"journal_mode={journal}", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
