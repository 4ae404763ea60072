"""Transactions, compare-and-set, durability settings and what database trouble becomes."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import TENANT, delivery, received
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from intake.db import core
from intake.db.core import (
    Database,
    add,
    add_many,
    clean,
    make_engine,
    move,
    new_id,
    one,
    parse_stamp,
    plain_values,
    stamp,
    upsert,
    utcnow,
    wal_unsafe,
)
from intake.db.deliveries import add_delivery, delivery_by_key, get_delivery
from intake.db.trouble import translated
from intake.errors import ConfigError, ServiceError, Stale
from intake.schema import counters, deliveries, documents
from intake.vocabulary import DeliveryState

AWARE = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))


# --- times, ids, texts -----------------------------------------------------------------------------------------------

@given(AWARE, AWARE)
def test_stamps_sort_as_the_times_do(first: datetime, second: datetime) -> None:
    assert len(stamp(first)) == 27
    assert parse_stamp(stamp(first)) == first
    assert (stamp(first) < stamp(second)) == (first < second)


def test_stamps_are_utc() -> None:
    there = datetime(2026, 11, 21, 10, 30, tzinfo=timezone(timedelta(hours=1)))
    assert stamp(there) == "2026-11-21T09:30:00.000000Z"
    assert parse_stamp(stamp(there)).utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="time zone"):
        stamp(datetime(2026, 11, 21))
    assert utcnow().utcoffset() == timedelta(0)


def test_ids_sort_in_the_order_made() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(ids) and len(set(ids)) == 5000
    assert {len(id) for id in ids} == {26}


@given(st.text(st.characters(codec=None)))
def test_clean_texts_fit_both_databases(value: str) -> None:
    cleaned = clean(value)
    assert "\0" not in cleaned
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned


def test_clean_keeps_what_is_fine_and_tells_undecodable_names_apart() -> None:
    assert clean("Müller 🏛 „Antrag“") == "Müller 🏛 „Antrag“"
    assert clean("a\udce4") != clean("a\udcf6")


def test_plain_values() -> None:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    values = plain_values({"a": DeliveryState.OPENED, "b": moment, "c": (1, "x\0"), "d": {"e\0": [moment]}, "f": None, "g": True})
    assert values == {"a": "OPENED", "b": stamp(moment), "c": [1, "x\ufffd"], "d": {"e\ufffd": [stamp(moment)]}, "f": None,
                      "g": True}
    assert type(values["a"]) is str


# --- transactions ----------------------------------------------------------------------------------------------------

def count(database: Database) -> int:
    with database.read() as conn:
        return conn.execute(select(func.count()).select_from(deliveries)).scalar_one()


def test_commit_and_rollback(database: Database) -> None:
    with database.transaction() as tx:
        add_delivery(tx, delivery())
    with pytest.raises(KeyError), database.transaction() as tx:
        add_delivery(tx, delivery())
        raise KeyError("a bug")
    assert count(database) == 1
    with database.transaction() as tx:  # the lock of the failed one is free again
        add_delivery(tx, delivery())
    assert count(database) == 2


def test_one_time_per_transaction(database: Database) -> None:
    before = utcnow()
    with database.transaction() as tx:
        first = received(tx)
        time.sleep(0.002)
        second = received(tx)
    with database.read() as conn:
        changed = conn.execute(select(deliveries.c.changed_at).distinct()).scalars().all()
    assert changed == [stamp(tx.now)] and before <= tx.now
    assert first.id < second.id


def test_read_is_a_snapshot(database: Database, database_url: str) -> None:
    other = Database(database_url)
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(deliveries)).scalar_one() == 0
        with other.transaction() as tx:
            add_delivery(tx, delivery())
        assert conn.execute(select(func.count()).select_from(deliveries)).scalar_one() == 0
    assert count(database) == 1
    other.close()


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.transaction() as tx:
        add_delivery(tx, delivery())
        started = time.monotonic()
        assert count(database) == 0
    assert time.monotonic() - started < 5
    assert count(database) == 1


def test_many_threads_share_one_database(database: Database) -> None:
    """Writers take turns, readers come between; nothing is lost, nobody sees half a transaction."""
    errors: list[BaseException] = []
    odd: list[int] = []

    def write() -> None:
        try:
            for _ in range(10):
                with database.transaction() as tx:
                    add_delivery(tx, delivery())
                    add_delivery(tx, delivery())
        except Exception as error:  # noqa: BLE001 - a thread must hand over whatever happened
            errors.append(error)

    def read() -> None:
        for _ in range(20):
            seen = count(database)
            if seen % 2:
                odd.append(seen)

    threads = [threading.Thread(target=target) for target in [write] * 12 + [read] * 6]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and odd == []
    assert count(database) == 240


def test_writers_of_two_processes_take_turns(database_url: str, database: Database) -> None:
    code = ("import sys; sys.path.insert(0, 'tests'); from making import *; db = Database(sys.argv[1])\n"
            "for _ in range(25):\n    with db.transaction() as tx: received(tx)\n")
    workers = [subprocess.Popen([sys.executable, "-c", code, database_url], cwd=Path(__file__).parents[1]) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert count(database) == 50


def test_killed_in_the_middle(database_url: str, database: Database) -> None:
    """kill -9 between the insert and the commit: nothing of it is there, and nobody has to clean up."""
    code = ("import sys, os; sys.path.insert(0, 'tests'); from making import *; db = Database(sys.argv[1])\n"
            "with db.transaction() as tx: received(tx)\n"
            "with db.transaction() as tx:\n    received(tx); os.kill(os.getpid(), 9)\n")
    done = subprocess.run([sys.executable, "-c", code, database_url], cwd=Path(__file__).parents[1], check=False)
    assert done.returncode == -9
    with database.transaction() as tx:
        received(tx)
    assert count(database) == 2


# --- add, move, upsert -----------------------------------------------------------------------------------------------

def test_move_is_compare_and_set(database: Database) -> None:
    with database.transaction() as tx:
        made = received(tx, deaths=2)
    with database.transaction() as tx:
        assert move(tx, deliveries, made.id, at=("RECEIVED", 1), to="OPENED", batch="neu") == 2
    with database.read() as conn:
        row = one(conn, deliveries, made.id)
    assert (row["state"], row["revision"], row["batch"], row["deaths"]) == ("OPENED", 2, "neu", 2)
    assert row["changed_at"] == stamp(tx.now)


@pytest.mark.parametrize("at", [("RECEIVED", 2), ("OPENED", 1), ("CLARIFY", 7)])
def test_the_late_one_gets_stale_and_everything_rolls_back(database: Database, at: tuple[str, int]) -> None:
    with database.transaction() as tx:
        made = received(tx)
    with pytest.raises(Stale, match="inzwischen weiter"), database.transaction() as tx:
        received(tx)
        add(tx, counters, tenant=TENANT, name="x", value=1)
        move(tx, deliveries, made.id, at=at, to="OPENED")
    assert count(database) == 1
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(counters)).scalar_one() == 0
        assert get_delivery(conn, made.id) == made


def test_move_of_a_row_that_never_was(database: Database) -> None:
    with pytest.raises(Stale), database.transaction() as tx:
        move(tx, deliveries, new_id(), at=("RECEIVED", 1), to="OPENED")


def test_of_many_who_move_at_once_one_wins(database: Database, database_url: str) -> None:
    with database.transaction() as tx:
        made = received(tx)
    outcomes: list[str] = []
    both = [database, Database(database_url)]
    barrier = threading.Barrier(8)

    def run(each: Database) -> None:
        barrier.wait()
        try:
            with each.transaction() as tx:
                move(tx, deliveries, made.id, at=("RECEIVED", 1), to="OPENED")
                received(tx)
            outcomes.append("moved")
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=run, args=(both[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both[1].close()
    assert sorted(outcomes) == ["moved"] + ["stale"] * 7
    assert count(database) == 2


def test_a_move_ends_the_back_off_of_the_old_state(database: Database) -> None:
    with database.transaction() as tx:
        made = received(tx)
        tx.connection.execute(deliveries.update().values(not_before="2999"))
    with database.transaction() as tx:
        move(tx, deliveries, made.id, at=("RECEIVED", 1), to="CLARIFY")
    with database.read() as conn:
        assert one(conn, deliveries, made.id)["not_before"] == ""
    with database.transaction() as tx:
        move(tx, deliveries, made.id, at=("CLARIFY", 2), to="RECEIVED", not_before="2998")
    with database.read() as conn:
        assert one(conn, deliveries, made.id)["not_before"] == "2998"


def test_a_key_twice_is_an_integrity_error(database: Database) -> None:
    with database.transaction() as tx:
        received(tx, key="same")
    with pytest.raises(IntegrityError), database.transaction() as tx:
        received(tx, key="same")
    with database.transaction() as tx:
        received(tx, tenant="nord", key="same")
        received(tx, key="same", channel="imap")


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as tx:
        add(tx, documents, id=new_id(), tenant=TENANT, delivery=new_id(), position=0, access_class="", lane="post",
            received_at="", cut_by="", state="NEW", revision=1)


def test_hostile_texts_are_kept(database: Database) -> None:
    name = "'; DROP TABLE deliveries; -- \udcff\0\u202efdp.exe 🏛"
    with database.transaction() as tx:
        made = received(tx, key=f"post/{name}", batch=name)
    with database.read() as conn:
        assert get_delivery(conn, made.id).batch == clean(name)
        found = delivery_by_key(conn, TENANT, "folder", f"post/{name}")
    assert found is not None and found.id == made.id


def test_upsert_and_add_many(database: Database) -> None:
    rows = [{"tenant": TENANT, "name": str(number), "value": number} for number in range(3)]
    with database.transaction() as tx:
        add_many(tx, counters, rows)
        add_many(tx, counters, [])
        upsert(tx, counters, ("tenant", "name"), [{**row, "value": 10} for row in rows[1:]])
        upsert(tx, counters, ("tenant", "name"), [{"tenant": "nord", "name": "1", "value": 7}])
        upsert(tx, counters, ("tenant", "name"), [])
    with database.read() as conn:
        found = conn.execute(select(counters.c.tenant, counters.c.name, counters.c.value).order_by(counters.c.tenant,
                                                                                               counters.c.name)).all()
    assert [tuple(row) for row in found] == [(TENANT, "0", 0), (TENANT, "1", 10), (TENANT, "2", 10), ("nord", "1", 7)]


# --- durability ------------------------------------------------------------------------------------------------------

def test_sqlite_is_set_up_to_keep_what_it_commits(sqlite_database: Database) -> None:
    with sqlite_database.transaction() as tx:
        wanted = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1}
        found = {name: tx.connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}
    assert found == wanted
    assert not wal_unsafe(core.sqlite_driver().sqlite_version_info)


@pytest.mark.parametrize(("version", "unsafe"), [
    ((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 44, 9), False),
    ((3, 45, 0), True), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 0), True), ((3, 51, 2), True), ((3, 51, 3), False),
    ((3, 53, 4), False), ((4, 0, 0), False)])
def test_versions_with_the_wal_reset_bug(version: tuple[int, ...], unsafe: bool) -> None:
    assert wal_unsafe(version) is unsafe


def test_an_affected_library_gets_the_rollback_journal_and_a_warning(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where there is no wheel `pysqlite3`: Python's own library, here pretending to be Debian 12's."""
    def no_wheel(name: str) -> Any:
        if name == "pysqlite3":
            raise ModuleNotFoundError(name)
        return sqlite3

    monkeypatch.setattr(core, "importlib", SimpleNamespace(import_module=no_wheel))
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    core.sqlite_driver.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            database = Database(f"sqlite:///{tmp_path / 'old.db'}")
        assert "WAL-reset bug" in caplog.text
        with database.transaction() as tx:
            assert tx.connection.execute(text("PRAGMA journal_mode")).scalar() == "delete"
            assert tx.connection.execute(text("PRAGMA synchronous")).scalar() == 2
            tx.connection.execute(text("CREATE TABLE t (x)"))
        with pytest.raises(KeyError), database.transaction() as tx:
            tx.connection.execute(text("INSERT INTO t VALUES (1)"))
            raise KeyError
        with database.read() as conn:
            assert conn.execute(text("SELECT count(*) FROM t")).scalar() == 0
        database.close()
    finally:
        core.sqlite_driver.cache_clear()


def test_sqlite_takes_the_write_lock_at_once(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """BEGIN IMMEDIATE: a transaction that reads first and writes later never fails half way."""
    with sqlite_database.transaction():
        driver = core.sqlite_driver()  # the same library: locks do not hold between two SQLites of one process
        late = driver.connect(sqlite_database.url.removeprefix("sqlite:///"), timeout=0.05)
        with pytest.raises(driver.OperationalError, match="locked"):
            late.execute("BEGIN IMMEDIATE")
        late.close()


def test_postgresql_without_fsync_is_refused(new_postgresql: Callable[[], str]) -> None:
    url = new_postgresql()
    database = Database(url.replace("&allow_fsync_off=1", ""))
    with pytest.raises(ConfigError, match="fsync"), database.read():
        pass
    allowed = Database(url)
    with allowed.read() as conn:
        assert conn.execute(text("SHOW synchronous_commit")).scalar() == "on"
        assert conn.execute(text("SHOW jit")).scalar() == "off"
        assert conn.execute(text("SHOW transaction_isolation")).scalar() == "repeatable read"
        assert conn.execute(text("SHOW transaction_read_only")).scalar() == "on"
    with allowed.transaction() as tx:
        assert tx.connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
    database.close()
    allowed.close()


# --- trouble ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "", "postgresql+nodriver://x/y"])
def test_a_wrong_address_is_the_operators_matter(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[database\] url"):
        make_engine(url)


def test_sqlite_trouble(tmp_path: Path) -> None:
    def attempt(path: Path) -> None:
        with Database(f"sqlite:///{path}").transaction() as tx:
            received(tx)

    with pytest.raises(ConfigError, match="nicht öffnen"):
        attempt(tmp_path / "no" / "folder.db")
    with pytest.raises(ConfigError, match="poststelle init"):
        attempt(tmp_path / "empty.db")
    (tmp_path / "noise.db").write_bytes(b"noise" * 1000)
    with pytest.raises(ConfigError, match="Sicherung"):
        attempt(tmp_path / "noise.db")


def test_sqlite_busy_is_tried_again(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "BUSY_SECONDS", 0.05)
    impatient = Database(sqlite_database.url)
    with sqlite_database.transaction(), pytest.raises(ServiceError, match="belegt"), impatient.transaction():
        pass
    with impatient.transaction() as tx:  # free again
        received(tx)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with impatient.transaction():
            holding.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    with pytest.raises(ServiceError, match="belegt"), impatient.transaction():
        pass
    done.set()
    thread.join()
    impatient.close()


def test_a_full_disk(sqlite_database: Database) -> None:
    with pytest.raises(ServiceError, match="voll"), sqlite_database.transaction() as tx:
        pages = tx.connection.execute(text("PRAGMA page_count")).scalar()
        tx.connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        for _ in range(200):
            received(tx, batch="x" * 120, key="k" * 3000 + new_id())
    sqlite_database.close()  # the limit lives in the connection
    assert count(sqlite_database) == 0
    with sqlite_database.transaction() as tx:
        received(tx)


def test_postgresql_gone(new_postgresql: Callable[[], str]) -> None:
    database = Database(new_postgresql())
    with database.read() as conn:
        conn.execute(text("SELECT 1"))
    with pytest.raises(ServiceError, match="PostgreSQL"), database.transaction() as tx:
        tx.connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with database.read() as conn:  # a new connection, without anybody's doing
        assert conn.execute(text("SELECT 1")).scalar() == 1
    database.close()


def test_postgresql_never_there() -> None:
    database = Database("postgresql+psycopg://postgres@/x?host=/nonexistent")
    with pytest.raises(ServiceError, match="nicht erreichbar"), database.read():
        pass


def test_postgresql_database_missing(new_postgresql: Callable[[], str]) -> None:
    database = Database(new_postgresql().replace("/test", "/missing"))
    with pytest.raises(ConfigError, match="createdb"), database.read():
        pass


@pytest.mark.parametrize("said", [
    'FATAL:  password authentication failed for user "x"', 'FATAL:  Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen',
    'FATAL:  no pg_hba.conf entry for host "10.0.0.1"', 'FATAL:  role "x" does not exist'])
def test_a_refused_login_is_the_operators_matter(said: str) -> None:
    with pytest.raises(ConfigError, match="Anmeldung"), translated():
        raise OperationalError("connect", {}, psycopg.OperationalError(f"connection failed: {said}"))


def test_postgresql_tables_missing(new_postgresql: Callable[[], str]) -> None:
    database = Database(new_postgresql())
    with pytest.raises(ConfigError, match="poststelle init"), database.transaction() as tx:
        received(tx)
    database.close()


def test_a_deadlock_is_tried_again(new_postgresql: Callable[[], str]) -> None:
    database, barrier = Database(new_postgresql()), threading.Barrier(2)
    with database.transaction() as tx:
        tx.connection.execute(text("CREATE TABLE t AS SELECT generate_series(1, 2) AS id"))
    found: list[BaseException] = []

    def run(first: int, second: int) -> None:
        try:
            with database.transaction() as tx:
                tx.connection.execute(text("SELECT * FROM t WHERE id = :id FOR UPDATE"), {"id": first})
                barrier.wait(10)
                tx.connection.execute(text("SELECT * FROM t WHERE id = :id FOR UPDATE"), {"id": second})
        except ServiceError as error:
            found.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert len(found) == 1 and "40P01" in str(found[0])


def test_our_own_bugs_stay_what_they_are(database: Database) -> None:
    with pytest.raises((OperationalError, ProgrammingError)), database.transaction() as tx:
        tx.connection.execute(text("SELEKT 1"))
    with pytest.raises(IntegrityError), database.transaction() as tx:
        add(tx, counters, tenant=TENANT, name="x", value=None)
