"""The watched folder: finished regular files only, nothing overwritten, nothing forgotten."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.errors import ConfigError, Reason, ServiceError
from intake.sources import folder as module
from intake.sources.folder import DONE, FolderSource, file_system_of


class Clock:
    """A monotonic and a wall clock that tests move."""

    def __init__(self) -> None:
        self.t = 1000.0
        self.offset = 0.0

    def mono(self) -> float:
        return self.t

    def wall(self) -> float:
        return time.time() + self.offset


@pytest.fixture
def clock() -> Clock:
    return Clock()


def source_at(folder: Path, clock: Clock, watch: str = "network", settle: float = 10.0) -> FolderSource:
    folder.mkdir(exist_ok=True)
    return FolderSource("scanner", folder, settle_seconds=settle, watch=watch, now=clock.mono, wall=clock.wall)


def names(source: FolderSource) -> list[str]:
    return [item.name for item in source.poll() if item.problem is None]


def test_a_file_is_offered_only_when_it_was_unchanged_long_enough(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock)
    path = tmp_path / "in" / "brief.pdf"
    path.write_bytes(b"%PDF-1.4")
    assert names(source) == [] and source.unsettled == 1
    clock.t += 9.9
    assert names(source) == []
    clock.t += 0.2
    assert names(source) == ["brief.pdf"] and source.unsettled == 0


def test_a_growing_file_starts_its_waiting_again(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock)
    path = tmp_path / "in" / "stapel.pdf"
    path.write_bytes(b"a")
    names(source)
    for _ in range(5):
        clock.t += 9
        with path.open("ab") as file:
            file.write(b"more")
        assert names(source) == []
    clock.t += 10.1
    assert names(source) == ["stapel.pdf"]


def test_a_file_touched_without_growing_is_not_finished_either(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock)
    path = tmp_path / "in" / "a.pdf"
    path.write_bytes(b"x" * 10)
    names(source)
    clock.t += 9
    os.utime(path, ns=(1, 123_456_789))
    assert names(source) == []
    clock.t += 5
    assert names(source) == []
    clock.t += 6
    assert names(source) == ["a.pdf"]


def test_on_a_local_disk_the_change_time_proves_that_a_file_rested_before_we_started(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock, watch="local")
    (tmp_path / "in" / "alt.pdf").write_bytes(b"x")
    assert names(source) == []
    clock.offset = 60  # a minute later, a new process looks for the first time
    again = source_at(tmp_path / "in", clock, watch="local")
    assert names(again) == ["alt.pdf"]


def test_a_modification_time_set_back_does_not_make_a_file_look_finished(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock, watch="local")
    path = tmp_path / "in" / "kopie.pdf"
    path.write_bytes(b"x")
    os.utime(path, (1, 1))  # as `cp -p` and Windows do
    assert names(source) == []


@pytest.mark.parametrize("name", ["x.part", "X.TMP", ".hidden", "~$brief.docx", "scan.pdf.filepart", "a.crdownload"])
def test_unfinished_names_are_left_alone(tmp_path: Path, clock: Clock, name: str) -> None:
    source = source_at(tmp_path / "in", clock, settle=0)
    (tmp_path / "in" / name).write_bytes(b"x")
    (tmp_path / "in" / "unterordner").mkdir()
    assert list(source.poll()) == []


def test_links_and_special_files_are_named_and_never_opened(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock, settle=0)
    secret = tmp_path / "geheim.pdf"
    secret.write_bytes(b"secret")
    (tmp_path / "in" / "link.pdf").symlink_to(secret)
    os.mkfifo(tmp_path / "in" / "fifo.pdf")
    found = {item.name: item.problem for item in source.poll()}
    assert found == {"link.pdf": Reason.UNKNOWN_TYPE, "fifo.pdf": Reason.UNKNOWN_TYPE}


def test_a_file_that_never_settles_raises_an_alarm_after_half_an_hour(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock)
    path = tmp_path / "in" / "endlos.pdf"
    path.write_bytes(b"")
    names(source)
    for _ in range(200):
        clock.t += 9.5
        with path.open("ab") as file:
            file.write(b"x")
        found = list(source.poll())
    assert [item.problem for item in found] == [Reason.UNSETTLED]
    assert source.unsettled == 1


def test_oldest_first(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock, settle=0)
    for name, age in (("b", 3), ("a", 1), ("c", 2), ("d", 2)):
        path = tmp_path / "in" / name
        path.write_bytes(b"x")
        os.utime(path, (100 - age, 100 - age))
    assert names(source) == ["b", "c", "d", "a"]


def test_done_moves_and_never_overwrites(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock, settle=0)
    for content in (b"eins", b"zwei", b"drei"):
        (tmp_path / "in" / "SCAN0001.PDF").write_bytes(content)
        (item,) = source.poll()
        source.done(item)
        source.done(item)  # a second time does no harm
    kept = sorted(path.read_bytes() for path in (tmp_path / "in" / DONE).iterdir())
    assert kept == [b"drei", b"eins", b"zwei"]
    assert list(source.poll()) == []


def test_done_works_where_the_file_system_has_no_hard_links(
        tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_at(tmp_path / "in", clock, settle=0)

    def refuse(*_args: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", refuse)
    for content in (b"eins", b"zwei"):
        (tmp_path / "in" / "a.pdf").write_bytes(content)
        (item,) = source.poll()
        source.done(item)
    assert sorted(path.read_bytes() for path in (tmp_path / "in" / DONE).iterdir()) == [b"eins", b"zwei"]


@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=20), min_size=1, max_size=6))
def test_whatever_is_dropped_under_one_name_is_all_kept(contents: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("in")
    source = FolderSource("scanner", folder, settle_seconds=0, watch="network")
    for content in contents:
        (folder / "x.pdf").write_bytes(content)
        (item,) = source.poll()
        source.done(item)
    assert sorted(path.read_bytes() for path in (folder / DONE).iterdir()) == sorted(contents)


def test_holds_tells_a_changed_file_from_the_offered_one(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock, settle=0)
    path = tmp_path / "in" / "a|b.pdf"  # the key's own separator in a name
    path.write_bytes(b"x")
    (item,) = source.poll()
    assert source.holds(item.key)
    path.write_bytes(b"xy")
    assert not source.holds(item.key)
    path.unlink()
    assert not source.holds(item.key)


def test_a_folder_that_is_away_is_a_service_error_in_german(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock)
    (tmp_path / "in").rmdir()
    with pytest.raises(ServiceError, match="ist nicht lesbar"):
        list(source.poll())


def test_check_names_the_missing_folder_and_the_mending_line(tmp_path: Path, clock: Clock) -> None:
    source = source_at(tmp_path / "in", clock)
    source.check()
    (tmp_path / "in").rmdir()
    with pytest.raises(ConfigError, match="mkdir -p"):
        source.check()


UNPRIVILEGED = """
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from intake.errors import ConfigError
from intake.sources.folder import FolderSource
source = FolderSource("scanner", Path({folder!r}), settle_seconds=0, watch="network")
os.setgid(65534); os.setuid(65534)
for item in source.poll():
    print(item.name, item.problem)
try:
    source.check(); print("writable")
except ConfigError as error:
    print("check:", error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become an unprivileged user: run as root to see it")
def test_what_an_unprivileged_user_may_not_read_or_write_is_said(tmp_path: Path) -> None:
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        folder.chmod(0o755)
        (folder / "zu.pdf").write_bytes(b"x")
        (folder / "zu.pdf").chmod(0o600)
        (folder / "auf.pdf").write_bytes(b"x")
        script = tmp_path / "script.py"
        script.write_text(UNPRIVILEGED.format(root=str(Path(__file__).parents[1]), folder=str(folder)))
        # the interpreter imports everything as root, then gives its rights away
        out = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert "zu.pdf unreadable" in out
    assert "auf.pdf None" in out
    assert "check: In den Ordner" in out and "chown" in out


def test_a_local_folder_wakes_at_once_and_is_quiet_in_between(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    source = FolderSource("scanner", folder, settle_seconds=0, watch="local")
    woken = threading.Event()
    source.start(woken.set)
    try:
        assert list(source.poll()) == []
        assert source.quiet
        (folder / "neu.pdf").write_bytes(b"x")
        assert woken.wait(5)
        deadline = time.monotonic() + 5
        while not (found := list(source.poll())) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [item.name for item in found] == ["neu.pdf"]
    finally:
        source.stop()
    assert not source.quiet


def test_the_kind_of_file_system_decides_about_watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_system_of(Path("/proc")) == "proc"
    source = FolderSource("scanner", tmp_path, watch="auto")
    assert source.local
    monkeypatch.setattr(module, "file_system_of", lambda _path: "cifs")
    assert not source.local
    assert FolderSource("scanner", tmp_path, watch="local").local


def test_done_says_in_german_when_it_may_not_move(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_at(tmp_path / "in", clock, settle=0)
    (tmp_path / "in" / "a.pdf").write_bytes(b"x")
    (item,) = source.poll()

    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(module.os, "link", refuse)
    with pytest.raises(ServiceError, match="bereits sicher aufgenommen"):
        source.done(item)
    assert stat.S_ISREG((tmp_path / "in" / "a.pdf").stat().st_mode)
