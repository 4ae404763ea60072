"""Connections, transactions and the two ways a row may change: `add` and `move` (compare-and-set).

One truth on two databases: SQLite on one machine (WAL, synchronous=FULL, BEGIN IMMEDIATE for writers) and PostgreSQL on
many. Whatever the database cannot do *now* (locked, full, gone) becomes a `ServiceError`; what the operator must mend
becomes a `ConfigError`; everything else is a bug and passes through unchanged.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import ModuleType
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    create_engine,
    event,
    literal_column,
    make_url,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from ulid import ULID

from intake.db.trouble import translated
from intake.errors import ConfigError, ServiceError, Stale

log = logging.getLogger(__name__)

BUSY_SECONDS = 30
POOL = {"pool_size": 8, "max_overflow": 56, "pool_timeout": BUSY_SECONDS}
ALLOW_FSYNC_OFF = "allow_fsync_off"
"""Query key of a PostgreSQL URL: this server may run without fsync (the throw-away server of the tests, no other)."""


@dataclass(frozen=True, slots=True)
class Tx:
    """One writing transaction: its connection and the one time (UTC) that everything in it carries."""

    connection: Connection
    now: datetime


def utcnow() -> datetime:
    """The time now, UTC with microseconds."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`moment` as the database keeps it: ISO 8601, UTC, always microseconds, 27 characters, sortable as text.

    Raises ValueError for a naive time: it could be anything.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone is not stored")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_stamp(text: str) -> datetime:
    """The inverse of `stamp`."""
    return datetime.fromisoformat(text)


def new_id() -> str:
    """A new ULID (26 characters); ids made by one process sort in the order they were made."""
    return str(ULID())


def clean(text: str) -> str:
    """`text` as both databases can hold it: NUL becomes U+FFFD, a lone surrogate (undecodable file name) `\\udcxx`."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Column values as stored: times as `stamp`, enums by value, texts `clean` (also inside JSON)."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class Database:
    """The database of an installation; one object serves all threads of a process.

    `url` is `sqlite:///file`, or `postgresql+psycopg://…`. Raises ConfigError for any other.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self.dialect = self.engine.dialect.name
        lite = self.dialect == "sqlite"
        # In one process writers queue here, without polling; between processes SQLite's busy_timeout decides.
        self._turn = threading.Lock() if lite else None
        self._writer = self.engine.execution_options(poststelle_begin="BEGIN IMMEDIATE") if lite else self.engine
        self._reader = self.engine if lite else self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One writing transaction: committed durably at the end, rolled back by any exception.

        Raises ServiceError when the database is locked, full or not reachable. Not to be nested in one thread.
        """
        if self._turn is not None and not self._turn.acquire(timeout=BUSY_SECONDS):
            raise ServiceError("Die Datenbank ist seit 30 Sekunden belegt. Es wird von selbst noch einmal versucht.")
        try:
            with translated(), self._writer.begin() as connection:
                yield Tx(connection, utcnow())
        finally:
            if self._turn is not None:
                self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; everything read through it is of one moment (snapshot). Raises ServiceError."""
        with translated(), self._reader.connect() as connection, connection.begin():
            yield connection

    def tidy(self) -> None:
        """Let SQLite look at the sizes of its tables where they changed, so that it chooses the right index; PostgreSQL does so
        by itself. Quick, and harmless at any time. Raises ServiceError when the database is locked."""
        if self.dialect == "sqlite":
            with self.transaction() as tx:
                tx.connection.exec_driver_sql("PRAGMA optimize=0x10002")

    def close(self) -> None:
        """Close all connections of the pool."""
        self.engine.dispose()


def make_engine(url: str) -> Engine:
    """An engine for `url`, set up for durable commits (the workflow engine's database may use it too).

    SQLite: the driver with the newest library, WAL (rollback journal where the library is affected by the WAL-reset
    bug), synchronous=FULL, busy timeout 30 s. PostgreSQL: synchronous_commit on, jit off; a server without fsync is refused.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            driver = sqlite_driver()
            engine = create_engine(parsed, module=driver, **(POOL if parsed.database else {}))
            event.listen(engine, "connect", _setup_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if parsed.get_backend_name() == "postgresql":
            allow_fsync_off = parsed.query.get(ALLOW_FSYNC_OFF) == "1"
            parsed = parsed.difference_update_query([ALLOW_FSYNC_OFF])
            engine = create_engine(parsed, pool_pre_ping=True, **POOL)
            event.listen(engine, "connect", _setup_postgresql)
            if not allow_fsync_off:
                event.listen(engine, "first_connect", _refuse_fsync_off)
            return engine
    except (ImportError, NoSuchModuleError, ArgumentError, ValueError) as error:
        raise ConfigError(f"Die Datenbankadresse ist nicht brauchbar ({error}). Prüfen Sie [database] url.") from error
    raise ConfigError("Die Datenbankadresse muss mit sqlite:/// oder postgresql+psycopg:// beginnen. "
                      "Prüfen Sie [database] url.")


@cache
def sqlite_driver() -> ModuleType:
    """The module of the wheel `pysqlite3`, which brings its own SQLite; where there is no wheel, Python's own.

    A process must open one file through one of them only: locks do not hold between two SQLites of one process.
    """
    try:
        driver = importlib.import_module("pysqlite3")
    except ModuleNotFoundError:
        driver = importlib.import_module("sqlite3")
    if wal_unsafe(driver.sqlite_version_info):
        log.warning("SQLite %s has the WAL-reset bug: using the slower rollback journal. Install the wheel pysqlite3.",
                    driver.sqlite_version)
    return driver


def wal_unsafe(version: tuple[int, ...]) -> bool:
    """True when this SQLite may lose a commit in WAL mode (safety.md 0.1).

    The WAL-reset bug: 3.7.0 to 3.51.2, mended in 3.51.3 and back-ported to 3.50.7 and 3.44.6.
    """
    patched = {(3, 50): 7, (3, 44): 6}.get((version[0], version[1]))
    return (3, 7, 0) <= version < (3, 51, 3) and (patched is None or version[2] < patched)


def _setup_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    mode = "DELETE" if wal_unsafe(sqlite_driver().sqlite_version_info) else "WAL"
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}").close()
    _switch_journal(connection, mode)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _switch_journal(connection: Any, mode: str) -> None:
    """Set the journal mode; the busy timeout does not hold for this one statement, so two first starts must wait by hand."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode={mode}").close()
            return
        except sqlite_driver().OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("poststelle_begin", "BEGIN"))


def _setup_postgresql(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("SET jit = off")  # our longest queries take a second; compiling them took four more
    connection.commit()


def _refuse_fsync_off(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        (value,) = cursor.fetchone()
    connection.commit()
    if value != "on":
        raise ConfigError("PostgreSQL läuft mit fsync=off und kann Eingänge verlieren. "
                          "Setzen Sie fsync = on in postgresql.conf.")


def add(tx: Tx, table: Table, **values: Any) -> None:
    """Insert one row; `changed_at` is set where the table has it."""
    if "changed_at" in table.c:
        values.setdefault("changed_at", tx.now)
    tx.connection.execute(table.insert(), plain_values(values))


def add_once(tx: Tx, table: Table, **values: Any) -> bool:
    """Insert one row; False, and nothing inserted, when a unique key of it is there already.

    Unlike a look before the insert this also holds when two workers come together: the later one waits for the other's commit.
    """
    row = insert_into(tx.connection.dialect.name, table).values(plain_values(values))
    return tx.connection.execute(row.on_conflict_do_nothing().returning(literal_column("1"))).first() is not None


def add_many(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert many rows in one statement; nothing for none."""
    if rows:
        tx.connection.execute(table.insert(), [plain_values(row) for row in rows])


def add_missing(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    """The same, leaving out rows of which a unique key is there already (also one that another worker is just adding)."""
    if rows:
        missing = insert_into(tx.connection.dialect.name, table).on_conflict_do_nothing()
        tx.connection.execute(missing, [plain_values(row) for row in rows])


def insert_into(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the words of this database."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def upsert(tx: Tx, table: Table, keys: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Insert rows; where the unique `keys` are there already, the other columns take the new values."""
    if not rows:
        return
    statement = _upsert(tx.connection.dialect.name, table, keys, tuple(rows[0]))
    tx.connection.execute(statement, [plain_values(row) for row in rows])


@cache
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> Insert:
    insert = insert_into(dialect, table)
    changed = {name: insert.excluded[name] for name in names if name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=changed)


def move(tx: Tx, table: Table, id: str, *, at: tuple[str, int], to: str, **values: Any) -> int:
    """Compare-and-set: the row `id`, when it is still in state and revision `at`, goes to state `to` with `values`.

    Returns the new revision (old + 1). Raises Stale when somebody else moved it first (or it never was); the exception
    rolls the transaction back. A back-off of the old state (`not_before`) ends; deaths stay until `reset_guilt`.
    """
    changes = {**values, "state": to, "revision": at[1] + 1, "changed_at": tx.now}
    if "not_before" in table.c:
        changes.setdefault("not_before", "")
    asked = {"at_id": id, "at_state": at[0], "at_revision": at[1]}
    statement = _compare_and_set(table, tuple(changes))
    if tx.connection.execute(statement, plain_values({**changes, **asked})).rowcount != 1:
        raise Stale(f"{table.name}/{id} ist inzwischen weiter. Laden Sie den Stand neu und entscheiden Sie neu.")
    return at[1] + 1


@cache
def _compare_and_set(table: Table, names: tuple[str, ...]) -> Update:
    here = (table.c.id == bindparam("at_id"), table.c.state == bindparam("at_state"),
            table.c.revision == bindparam("at_revision"))
    return update(table).where(*here).values({name: bindparam(name) for name in names})


def one(connection: Connection, table: Table, id: str) -> Any:
    """The row `id` as a mapping, or None."""
    return connection.execute(_by_id(table), {"id": id}).mappings().one_or_none()


@cache
def _by_id(table: Table) -> Select[Any]:
    return select(table).where(table.c.id == bindparam("id"))


def migrate(url: str) -> str:
    """Bring the database at `url` to the newest revision (nothing when it is there already); returns the revision.

    Raises ConfigError when the database was made by a newer version of the program.
    """
    migrations = importlib.import_module("intake.migrations")
    database = Database(url)
    try:
        with database.transaction() as tx:
            revision: str = migrations.upgrade(tx.connection)
            return revision
    finally:
        database.close()
