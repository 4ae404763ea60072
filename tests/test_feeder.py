"""The feeder and the engine behind it: everything moves that can, nothing twice, whatever breaks."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeBox, FakeStore, fake_room
from sqlalchemy import select

from intake import feeder as module
from intake import pipeline
from intake.config import JournalSettings
from intake.db.core import Database, utcnow
from intake.db.deliveries import note_retry
from intake.db.documents import get_document
from intake.db.problems import open_problems
from intake.engine import Engine, Task
from intake.errors import ConfigError, ServiceError
from intake.feeder import Feeder, choose, work
from intake.heads import read as read_heads
from intake.pipeline import Postroom
from intake.receive import Door
from intake.schema import deliveries, documents, filings
from intake.sources.folder import FolderSource


def doors(room: Postroom) -> tuple[Door, ...]:
    tenant = room.home.settings.tenant[0]
    profile = tenant.profile[0]
    return (Door(tenant, profile, FolderSource("scanner", room.home.folder(profile), settle_seconds=0, watch="network")),)


def drop(room: Postroom, name: str, text: str) -> Path:
    path = room.home.folder(room.home.settings.tenant[0].profile[0]) / name
    path.write_text(text, encoding="utf-8")
    return path


def states(room: Postroom) -> dict[str, int]:
    with room.db.read() as conn:
        return dict(Counter(conn.execute(select(deliveries.c.state)).scalars()) + Counter(
            f"doc {state}" for state in conn.execute(select(documents.c.state)).scalars()))


@pytest.fixture
def room(sqlite_database: Database, tmp_path: Path) -> Postroom:
    return fake_room(tmp_path, sqlite_database)


def test_until_idle_takes_everything_as_far_as_a_machine_can(room: Postroom) -> None:
    for number in range(12):
        drop(room, f"{number:02d}.pdf", f"Brief {number}\fSeite 2")
    drop(room, "leer.pdf", "")
    drop(room, "zu.pdf", "#bad encrypted")
    assert work(room, doors(room), until_idle=True) == 0
    assert states(room) == {"OPENED": 12, "CLARIFY": 2, "doc PROPOSED": 12}
    with room.db.read() as conn:
        assert {problem.reason for problem in open_problems(conn)} == {"empty", "encrypted"}


def test_nothing_to_do_ends_at_once(room: Postroom) -> None:
    started = time.monotonic()
    assert work(room, doors(room), until_idle=True) == 0
    assert time.monotonic() - started < 10


def test_the_same_again_is_idle_and_reads_nothing(room: Postroom) -> None:
    drop(room, "a.pdf", "eins\fzwei")
    work(room, doors(room), until_idle=True)
    box = room.box
    assert isinstance(box, FakeBox)
    calls = list(box.calls)
    assert work(room, doors(room), until_idle=True) == 0
    assert box.calls == calls


def test_a_long_file_is_read_in_chunks_of_eight_each_once(room: Postroom) -> None:
    drop(room, "akte.pdf", "\f".join(f"Seite {n}" for n in range(1, 101)))
    assert work(room, doors(room), until_idle=True) == 0
    box = room.box
    assert isinstance(box, FakeBox)
    assert Counter(job for job, _ in box.calls) == {"unpack": 1, "read": 13}


def test_a_poison_file_dies_three_times_and_the_others_go_on(room: Postroom) -> None:
    drop(room, "gift.pdf", "#die")
    for number in range(4):
        drop(room, f"{number}.pdf", f"gut {number}")
    assert work(room, doors(room), until_idle=True) == 0
    assert states(room) == {"OPENED": 4, "CLARIFY": 1, "doc PROPOSED": 4}
    box = room.box
    assert isinstance(box, FakeBox)
    assert Counter(job for job, _ in box.calls)["read"] == 4 + 3


def test_a_bug_in_one_row_is_logged_and_ends_in_a_case(
        sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room = fake_room(tmp_path, sqlite_database, engine={"max_deaths": 1, "retry_seconds": 1})
    drop(room, "bug.pdf", "#bug")
    drop(room, "gut.pdf", "gut")
    assert work(room, doors(room), until_idle=True) == 0
    assert states(room) == {"OPENED": 1, "CLARIFY": 1, "doc PROPOSED": 1}
    assert any(record.exc_info for record in caplog.records if record.message == "bug in step")


def test_a_retry_far_away_ends_until_idle_with_3(room: Postroom, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(room, "a.pdf", "eins")

    def unreachable(*_args: object) -> None:
        raise ServiceError("nicht erreichbar")

    monkeypatch.setattr(pipeline, "plan_reading", unreachable)
    monkeypatch.setattr(module, "LONGEST_WAIT_UNTIL_IDLE", 2.0)
    assert work(room, doors(room), until_idle=True) == 3
    assert states(room) == {"RECEIVED": 1}


def test_a_filing_whose_store_was_away_is_handed_over_by_the_sweep(sqlite_database: Database, tmp_path: Path) -> None:
    from test_pipeline import plan_and_file

    from intake import review
    times = iter(range(100))

    def refuse() -> None:
        if next(times) < 1:
            raise ServiceError("Die Ablage antwortet nicht.")

    store = FakeStore(refuse=refuse)
    room = fake_room(tmp_path, sqlite_database, stores=(store,), engine={"retry_seconds": 1})
    plan_and_file(room)
    drop(room, "a.pdf", "eins")
    work(room, doors(room), until_idle=True)
    with room.db.read() as conn:
        document = conn.execute(select(documents.c.id)).scalar_one()
        revision = get_document(conn, document).revision
    with room.db.transaction() as tx:
        review.approve(tx, document, revision, "kms", {"entry": "ap-1"})
    assert work(room, doors(room), until_idle=True) == 0
    assert states(room)["doc FILED"] == 1 and len(store.filed) == 1
    with room.db.read() as conn:
        assert len(conn.execute(select(filings)).all()) == 1


def test_undo_and_approve_again_files_again(sqlite_database: Database, tmp_path: Path) -> None:
    from test_pipeline import plan_and_file

    from intake import review
    room = fake_room(tmp_path, sqlite_database)
    plan_and_file(room)
    drop(room, "a.pdf", "eins")
    work(room, doors(room), until_idle=True)
    for _ in range(2):
        with room.db.read() as conn:
            document = conn.execute(select(documents.c.id)).scalar_one()
        with room.db.transaction() as tx:
            review.approve(tx, document, get_document(tx.connection, document).revision, "kms", {"entry": "ap-1"})
        assert work(room, doors(room), until_idle=True) == 0
        assert states(room)["doc FILED"] == 1
        with room.db.transaction() as tx:
            review.undo(tx, document, get_document(tx.connection, document).revision, "kms")
    with room.db.read() as conn:
        assert len(conn.execute(select(filings)).all()) == 2


@pytest.mark.parametrize("harm", ["delete", "noise", "truncate", "foreign"])
def test_the_engine_database_may_break_between_runs(room: Postroom, harm: str) -> None:
    drop(room, "a.pdf", "eins")
    work(room, doors(room), until_idle=True)
    path = room.home.root / "engine.db"
    assert path.exists()
    if harm == "delete":
        path.unlink()
    elif harm == "noise":
        path.write_bytes(os.urandom(50_000))
    elif harm == "truncate":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        import sqlite3
        path.unlink()
        with sqlite3.connect(path) as other:
            other.executescript("create table dbos_migrations(version); insert into dbos_migrations values (9999);"
                                "create table workflow_status(x)")
    drop(room, "b.pdf", "zwei")
    assert work(room, doors(room), until_idle=True) == 0
    assert states(room) == {"OPENED": 2, "doc PROPOSED": 2}


@pytest.mark.parametrize("harm", ["delete", "noise"])
def test_the_engine_database_may_break_while_working(room: Postroom, harm: str) -> None:
    for number in range(6):
        drop(room, f"{number}.pdf", f"#sleep 0.4\nSeite {number}")
    broken = threading.Event()

    def break_it(_counts: object) -> None:
        path = room.home.root / "engine.db"
        if not broken.is_set() and path.exists():
            broken.set()
            path.unlink() if harm == "delete" else path.write_bytes(os.urandom(100_000))

    assert work(room, doors(room), until_idle=True, progress=break_it) == 0
    assert broken.is_set()
    assert states(room) == {"OPENED": 6, "doc PROPOSED": 6}
    assert harm == "delete" or list(room.home.root.glob("engine.db.damaged-*"))


def test_a_second_worker_on_the_same_folder_is_refused_in_german(room: Postroom) -> None:
    drop(room, "a.pdf", "#sleep 1.5\neins")
    stopping = threading.Event()
    first = threading.Thread(target=work, args=(room, doors(room)), kwargs={"stopping": stopping})
    first.start()
    try:
        deadline = time.monotonic() + 10
        while not (room.home.root / "engine.lock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        desk = room.home.root / "work" / "of-the-first"
        desk.mkdir(parents=True)
        with pytest.raises(ConfigError, match="arbeitet bereits"):
            Engine(room, 1, lambda: None).start()
        assert desk.exists()  # the one who is refused does not sweep the other's desk
    finally:
        stopping.set()
        first.join(timeout=20)
    assert not first.is_alive()


def test_stopping_lets_the_running_step_end_and_the_rest_waits(room: Postroom) -> None:
    for number in range(30):
        drop(room, f"{number}.pdf", f"#sleep 0.3\nSeite {number}")
    stopping = threading.Event()
    threading.Timer(2.0, stopping.set).start()
    assert work(room, doors(room), stopping=stopping) == 0
    done = states(room)
    assert done.get("RECEIVED", 0) > 0
    assert work(room, doors(room), until_idle=True) == 0
    assert states(room) == {"OPENED": 30, "doc PROPOSED": 30}


def test_a_database_that_is_away_for_a_while_does_not_end_the_work(room: Postroom, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(room, "a.pdf", "eins")
    times = iter(range(1000))
    real = module.waiting

    def away(*arguments: object, **more: object) -> object:
        if next(times) < 3:
            raise ServiceError("Der Datenträger ist voll.")
        return real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "waiting", away)
    monkeypatch.setattr(module, "IDLE_WAIT", 0.1)
    assert work(room, doors(room), until_idle=True) == 0
    assert states(room) == {"OPENED": 1, "doc PROPOSED": 1}


def test_until_idle_gives_up_when_the_database_stays_away(room: Postroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_more: object) -> object:
        raise ServiceError("Der Datenträger ist voll.")

    monkeypatch.setattr(module, "waiting", away)
    monkeypatch.setattr(module, "IDLE_WAIT", 0.1)
    monkeypatch.setattr(module, "LONGEST_WAIT_UNTIL_IDLE", 0.5)
    with pytest.raises(ServiceError):
        work(room, doors(room), until_idle=True)


def test_a_step_that_cannot_even_note_its_trouble_waits_before_it_runs_again(
        sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = fake_room(tmp_path, sqlite_database, engine={"retry_seconds": 1})
    drop(room, "a.pdf", "eins")
    runs: list[float] = []
    real = pipeline.plan_reading

    def fails_twice(postroom: Postroom, delivery: str) -> object:
        runs.append(time.monotonic())
        if len(runs) < 3:
            raise ServiceError("weg")
        return real(postroom, delivery)

    def unreachable(*_arguments: object) -> str:
        raise ServiceError("auch weg")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "plan_reading", fails_twice)
        patch.setattr("intake.engine.settle", unreachable)
        assert work(room, doors(room), until_idle=True) == 0
    assert len(runs) == 3 and runs[1] - runs[0] > 0.9 and runs[2] - runs[1] > 0.9
    assert states(room) == {"OPENED": 1, "doc PROPOSED": 1}


def test_a_door_that_is_shut_does_not_stop_the_others(room: Postroom) -> None:
    tenant = room.home.settings.tenant[0]
    gone = Door(tenant, tenant.profile[0].model_copy(update={"name": "weg"}),
                FolderSource("weg", room.home.root / "gibt-es-nicht", settle_seconds=0, watch="network"))
    drop(room, "a.pdf", "eins")
    assert work(room, (gone, *doors(room)), until_idle=True) == 3
    assert states(room) == {"OPENED": 1, "doc PROPOSED": 1}


def waiting_rows(room: Postroom, lane: str, number: int) -> None:
    with room.db.transaction() as tx:
        for index in range(number):
            tx.connection.execute(deliveries.insert().values(
                id=f"{lane[:1].upper()}{index:025d}", tenant="mittelau", key=f"{lane}{index}", channel="folder", source="x",
                received_at=f"2026-01-01T00:00:{index:02d}.000000Z", original="0" * 64, media_type="", name="", size=0,
                envelope={},
                access_class="", lane=lane, batch="", position=0, state="RECEIVED", revision=1, changed_at="", attempt=0,
                deaths=0, not_before=""))


def test_post_and_back_file_take_turns_four_to_one(room: Postroom) -> None:
    waiting_rows(room, "post", 30)
    waiting_rows(room, "backfile", 30)
    feeder = Feeder(room, Engine(room, 1, lambda: None), (), threading.Event())
    lanes = [task.lane for task in choose(feeder)]
    assert len(lanes) == 16 and lanes.count("backfile") == 3
    assert lanes[:5] == ["post", "post", "post", "post", "backfile"]


def test_old_files_never_fill_the_window(room: Postroom) -> None:
    waiting_rows(room, "backfile", 30)
    feeder = Feeder(room, Engine(room, 1, lambda: None), (), threading.Event())
    feeder.window = {task.row: task for task in choose(feeder)}
    assert len(feeder.window) == 12 and not choose(feeder)
    waiting_rows(room, "post", 1)
    assert [task.lane for task in choose(feeder)] == ["post"]


def test_an_empty_lane_gives_its_turns_away(room: Postroom) -> None:
    waiting_rows(room, "backfile", 5)
    feeder = Feeder(room, Engine(room, 1, lambda: None), (), threading.Event())
    assert [task.lane for task in choose(feeder)] == ["backfile"] * 5


def test_rows_in_the_window_are_not_chosen_again(room: Postroom) -> None:
    waiting_rows(room, "post", 3)
    feeder = Feeder(room, Engine(room, 1, lambda: None), (), threading.Event())
    first, second, third = choose(feeder)
    feeder.window[first.row] = first
    assert [task.row for task in choose(feeder)] == [second.row, third.row]


def test_a_new_attempt_is_a_new_workflow(room: Postroom) -> None:
    waiting_rows(room, "post", 1)
    feeder = Feeder(room, Engine(room, 1, lambda: None), (), threading.Event())
    (before,) = choose(feeder)
    with room.db.transaction() as tx:
        note_retry(tx, "delivery", before.row, utcnow())
    time.sleep(0.01)
    (after,) = choose(feeder)
    assert before.workflow_id != after.workflow_id and before.row == after.row


def test_workflow_ids_name_action_row_revision_and_attempt() -> None:
    assert Task("file", "X", 3, 1, "post").workflow_id == "file-X-3-1"
    assert Task("file", "X", 5, 1, "post").workflow_id != Task("file", "X", 3, 1, "post").workflow_id


def test_the_journal_is_published_while_working(room: Postroom, tmp_path: Path) -> None:
    outside = tmp_path / "stand.txt"
    settings = room.home.settings.model_copy(update={"journal": JournalSettings(heads=str(outside))})
    drop(room, "a.pdf", "Brief")
    room = replace(room, home=replace(room.home, settings=settings))
    assert work(room, doors(room), until_idle=True) == 0
    (head,), wrong = read_heads(outside)
    assert head.seq >= 1 and wrong == []
