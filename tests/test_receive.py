"""Receive is sacred: durable before told, the same identity once, the same bytes again a TWIN, nothing dropped."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake import receive as module
from intake.blobs import Blobs
from intake.config import ScanProfile, Tenant
from intake.db.core import Database, parse_stamp
from intake.db.deliveries import get_delivery
from intake.db.problems import open_problems
from intake.errors import Reason
from intake.journal import check, entries
from intake.receive import Received, delete_done, receive_all
from intake.schema import deliveries
from intake.sources.folder import DONE, FolderSource
from intake.vocabulary import DeliveryState, Item

TENANT = Tenant(name="mittelau")
PROFILE = ScanProfile(name="scanner", office="Bauamt", access_class="Poststelle")


class Desk:
    """A folder, a blob store and a database, with one look at the folder as a method."""

    def __init__(self, database: Database, root: Path) -> None:
        self.db = database
        self.folder = root / "eingang"
        self.folder.mkdir()
        self.blobs = Blobs(root / "blobs")

    def look(self) -> Received:
        source = FolderSource("scanner", self.folder, settle_seconds=0, watch="network")
        return receive_all(self.db, self.blobs, TENANT, PROFILE, source)

    def drop(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def rows(self) -> list[dict[str, object]]:
        with self.db.read() as conn:
            return [dict(row) for row in conn.execute(deliveries.select().order_by(deliveries.c.id)).mappings()]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


def test_a_file_becomes_a_delivery_with_its_original_and_is_moved_away(desk: Desk) -> None:
    desk.drop("brief.pdf", b"%PDF-1.4 brief")
    assert desk.look() == Received(new=1)
    (row,) = desk.rows()
    assert row["state"] == "RECEIVED" and row["name"] == "brief.pdf" and row["size"] == 14
    assert row["original"] == hashlib.sha256(b"%PDF-1.4 brief").hexdigest()
    assert desk.blobs.read(str(row["original"])) == b"%PDF-1.4 brief"
    assert row["acknowledged_at"] is not None
    assert [path.name for path in desk.folder.iterdir()] == [DONE]
    assert (desk.folder / DONE / "brief.pdf").read_bytes() == b"%PDF-1.4 brief"


def test_the_profile_decides_access_class_lane_and_batch(desk: Desk) -> None:
    for number in range(3):
        desk.drop(f"s{number}.pdf", b"%PDF" + bytes([number]))
    desk.look()
    rows = desk.rows()
    assert {row["access_class"] for row in rows} == {"Poststelle"} and {row["lane"] for row in rows} == {"post"}
    assert {row["batch"] for row in rows} == {rows[0]["batch"]}
    assert str(rows[0]["batch"]).startswith("scanner 2") and str(rows[0]["batch"]).endswith("/01")
    assert sorted(int(str(row["position"])) for row in rows) == [1, 2, 3]


def test_after_a_pause_a_new_batch_begins(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.drop("a.pdf", b"a")
    desk.look()
    monkeypatch.setattr(module, "BATCH_PAUSE", timedelta(0))
    desk.drop("b.pdf", b"b")
    desk.look()
    batches = [str(row["batch"]) for row in desk.rows()]
    assert batches[0].endswith("/01") and batches[1].endswith("/02")


def test_the_same_file_dropped_again_is_a_twin_that_keeps_its_own_time(desk: Desk) -> None:
    path = desk.drop("brief.pdf", b"same")
    kept = shutil.copy2(path, desk.folder.parent / "kept.pdf")
    desk.look()
    shutil.copy2(kept, path)  # same name, size, time and bytes: the very identity, but the first was moved away and told
    assert desk.look() == Received(twins=1)
    shutil.copyfile(kept, desk.folder / "anders.pdf")
    assert desk.look() == Received(twins=1)
    first, second, third = desk.rows()
    assert (second["state"], second["twin_of"]) == ("TWIN", first["id"])
    assert (third["state"], third["twin_of"]) == ("TWIN", first["id"])
    assert parse_stamp(str(second["received_at"])) > parse_stamp(str(first["received_at"]))


def test_another_tenant_has_its_own_first(desk: Desk) -> None:
    desk.drop("a.pdf", b"x")
    desk.look()
    desk.drop("a.pdf", b"x")
    source = FolderSource("scanner", desk.folder, settle_seconds=0, watch="network")
    other = receive_all(desk.db, desk.blobs, Tenant(name="nachbar"), PROFILE, source)
    assert other == Received(new=1)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("where", ["blob", "commit", "done", "acknowledge"])
def test_a_death_at_any_point_loses_nothing_and_doubles_nothing(
        desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    desk.drop("brief.pdf", b"original")

    def die(*_args: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if where == "blob":
            patch.setattr(module, "delivery_by_key", die)
        elif where == "commit":
            patch.setattr(FolderSource, "done", die)
        elif where == "done":
            patch.setattr(module, "acknowledge", die)
        else:
            patch.setattr(module, "_acknowledge_moved", lambda *_: None)
        if where == "acknowledge":
            desk.look()
        else:
            with pytest.raises(Killed):
                desk.look()
    desk.look()
    (row,) = desk.rows()
    assert row["state"] == "RECEIVED" and row["acknowledged_at"] is not None
    assert desk.blobs.read(str(row["original"])) == b"original"
    assert (desk.folder / DONE / "brief.pdf").exists() and not (desk.folder / "brief.pdf").exists()


def test_a_repeat_after_a_crash_is_no_twin_but_a_new_drop_after_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.drop("a.pdf", b"x")
    kept = shutil.copy2(path, desk.folder.parent / "kept")

    def die(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FolderSource, "done", die)
        with pytest.raises(Killed):
            desk.look()
    assert desk.look() == Received(repeats=1)
    shutil.copy2(kept, path)
    assert desk.look() == Received(twins=1)


def test_a_file_that_changes_while_it_is_copied_is_offered_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.drop("a.pdf", b"half")
    real = Blobs.add_file

    def add_and_grow(self: Blobs, source: Path, name: str, media_type: str) -> object:
        blob = real(self, source, name, media_type)
        path.write_bytes(b"half and the rest")
        return blob

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "add_file", add_and_grow)
        assert desk.look() == Received()
    assert desk.rows() == []
    assert desk.look() == Received(new=1)
    assert desk.blobs.read(str(desk.rows()[0]["original"])) == b"half and the rest"


def test_a_file_taken_away_under_us_is_no_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.drop("a.pdf", b"x")
    real = Blobs.add_file

    def gone(self: Blobs, source: Path, name: str, media_type: str) -> object:
        path.unlink()
        return real(self, source, name, media_type)

    monkeypatch.setattr(Blobs, "add_file", gone)
    assert desk.look() == Received()


def test_an_unreadable_file_stays_and_its_case_closes_when_it_is_readable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.drop("a.pdf", b"good")
    desk.drop("zu.pdf", b"closed")
    real = os.access
    with monkeypatch.context() as patch:
        patch.setattr("intake.sources.folder.os.access",
                      lambda path, mode: False if Path(path).name == "zu.pdf" else real(path, mode))
        assert desk.look() == Received(new=1, problems=1)
        assert desk.look() == Received()  # said once
    with desk.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    assert problem.reason == Reason.UNREADABLE and "zu.pdf" in problem.title and "Leserechte" in problem.title
    assert (desk.folder / "zu.pdf").exists()
    assert desk.look() == Received(new=1)
    with desk.db.read() as conn:
        assert open_problems(conn, "mittelau") == ()


@pytest.mark.parametrize("trick", ["link", "pipe"])
def test_what_was_put_in_the_place_of_a_file_is_never_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch, trick: str) -> None:
    """The listing saw a file; before it is opened somebody puts a link to another file, or a pipe, in its place."""
    secret = desk.folder.parent / "geheim.txt"
    secret.write_bytes(b"secret")
    path = desk.drop("a.pdf", b"x")
    real = Blobs.add_file

    def swapped(self: Blobs, source: Path, name: str, media_type: str) -> object:
        path.unlink()
        path.symlink_to(secret) if trick == "link" else os.mkfifo(path)
        return real(self, source, name, media_type)

    monkeypatch.setattr(Blobs, "add_file", swapped)
    assert desk.look() == Received(problems=1)
    assert desk.rows() == [] and not desk.blobs.has(hashlib.sha256(b"secret").hexdigest())


def test_two_workers_on_one_share_make_one_delivery(desk: Desk) -> None:
    for number in range(20):
        desk.drop(f"{number:02d}.pdf", b"x%d" % number)
    failures: list[BaseException] = []

    def worker() -> None:
        try:
            for _ in range(3):
                desk.look()
        except BaseException as error:  # noqa: BLE001  shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    rows = desk.rows()
    assert sorted(str(row["name"]) for row in rows if row["state"] == "RECEIVED") == [f"{n:02d}.pdf" for n in range(20)]
    assert all(row["state"] == "RECEIVED" for row in rows)
    assert len(list((desk.folder / DONE).iterdir())) == 20


def test_every_receipt_is_in_the_journal_without_a_name(desk: Desk) -> None:
    desk.drop("Erika Mustermann.pdf", b"x")
    desk.look()
    with desk.db.read() as conn:
        assert check(conn, "mittelau") == []
        written = [str(entry) for entry in entries(conn, "mittelau")]
    assert len(written) == 1 and "delivery.received" in written[0] and "Erika" not in written[0]


def test_delivery_rows_read_back_as_the_vocabulary_has_them(desk: Desk) -> None:
    desk.drop("a.pdf", b"x")
    desk.look()
    with desk.db.read() as conn:
        delivery = get_delivery(conn, str(desk.rows()[0]["id"]))
    assert delivery.state is DeliveryState.RECEIVED and delivery.channel == "folder" and delivery.source == "scanner"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["a.pdf", "b.pdf"]), st.sampled_from([b"1", b"2", b"3"])), max_size=8))
def test_every_drop_is_one_row_and_every_content_has_one_first(
        desk: Desk, steps: list[tuple[str, bytes]]) -> None:
    before = len(desk.rows())
    dropped: list[bytes] = []
    for name, content in steps:
        desk.drop(name, content)
        desk.look()
        dropped.append(content)
    rows = desk.rows()
    assert len(rows) - before == len(dropped)
    firsts = [row["original"] for row in rows if row["state"] != "TWIN"]
    assert len(firsts) == len(set(firsts)) == len({row["original"] for row in rows})


def test_stopping_leaves_the_rest_for_later(desk: Desk) -> None:
    for number in range(3):
        desk.drop(f"{number}.pdf", b"%d" % number)
    source = FolderSource("scanner", desk.folder, settle_seconds=0, watch="network")
    asked = iter([False, True, True])
    assert receive_all(desk.db, desk.blobs, TENANT, PROFILE, source, lambda: next(asked)) == Received(new=1)
    assert desk.look() == Received(new=2)


def test_done_files_are_deleted_only_when_asked_late_enough_and_safe(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.pdf", "b.pdf"):
        desk.drop(name, name.encode())
    desk.look()
    done = desk.folder / DONE
    (done / "fremd.pdf").write_bytes(b"nobody received this")
    weekly = PROFILE.model_copy(update={"delete_done_days": 7})
    assert delete_done(desk.db, desk.blobs, TENANT, PROFILE, done) == 0
    assert delete_done(desk.db, desk.blobs, TENANT, weekly, done) == 0  # younger than a week
    later = module.time.time() + 8 * 86400
    monkeypatch.setattr(module.time, "time", lambda: later)
    damaged = desk.blobs.path(hashlib.sha256(b"b.pdf").hexdigest())
    damaged.chmod(0o600)
    damaged.write_bytes(b"rotten")
    assert delete_done(desk.db, desk.blobs, TENANT, weekly, done) == 1
    assert sorted(path.name for path in done.iterdir()) == ["b.pdf", "fremd.pdf"]
    with desk.db.read() as conn:
        assert [entry.action for entry in entries(conn, "mittelau")].count("source.deleted") == 1


def test_the_sentences_name_the_file_and_the_next_step() -> None:
    for reason, sentence in module.SENTENCES.items():
        text = sentence.format(name="x.pdf")
        assert "x.pdf" in text and ("von selbst aufgenommen" in text or reason is Reason.UNKNOWN_TYPE)
    item = Item("k", "n", Path("n"), "p")
    assert module._with_problem(item, Reason.UNREADABLE).problem == Reason.UNREADABLE
