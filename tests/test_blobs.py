"""The store: bytes are on disk before anybody hears of them, never changed, never half, whatever the disk does."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import blobs as blobs_module
from intake.blobs import BLOCK, Blobs
from intake.errors import ConfigError, PoststelleError, ServiceError

DATA = b"%PDF-1.7 Antrag"
HASH = hashlib.sha256(DATA).hexdigest()


def files(blobs: Blobs) -> list[str]:
    """Everything in the store, unfinished copies included."""
    return sorted(str(path.relative_to(blobs.root)) for path in blobs.root.rglob("*") if path.is_file())


def test_bytes_are_kept_under_their_hash(blobs: Blobs) -> None:
    blob = blobs.add_bytes(DATA, "Antrag.pdf", "application/pdf")
    assert (blob.sha256, blob.size, blob.name, blob.media_type) == (HASH, len(DATA), "Antrag.pdf", "application/pdf")
    assert files(blobs) == [f"{HASH[:2]}/{HASH}"]
    assert blobs.path(HASH) == blobs.root / HASH[:2] / HASH
    assert blobs.read(HASH) == DATA
    assert blobs.has(HASH) and blobs.check(HASH)
    with blobs.open(HASH) as file:
        assert file.read(4) == b"%PDF"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=4000))
def test_what_goes_in_comes_out(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        blobs, source = Blobs(Path(folder) / "blobs"), Path(folder) / "source"
        source.write_bytes(data)
        first = blobs.add_bytes(data, "a", "b")
        assert blobs.add_file(source, "a", "b") == first
        assert first.sha256 == hashlib.sha256(data).hexdigest() and first.size == len(data)
        assert blobs.read(first.sha256) == data
        assert len(files(blobs)) == 1


def test_a_file_larger_than_a_block(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "gross.tif"
    source.write_bytes(os.urandom(BLOCK) * 2 + b"rest")
    blob = blobs.add_file(source, "gross.tif", "image/tiff")
    assert blob.size == source.stat().st_size == 2 * BLOCK + 4
    assert blobs.read(blob.sha256) == source.read_bytes()


def test_short_writes_are_continued(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    assert blobs.read(blobs.add_bytes(DATA, "a", "b").sha256) == DATA


def test_the_same_again_is_harmless_and_never_overwrites(blobs: Blobs) -> None:
    blobs.add_bytes(DATA, "erster.pdf", "application/pdf")
    before = blobs.path(HASH).stat()
    again = blobs.add_bytes(DATA, "zweiter.pdf", "text/plain")
    after = blobs.path(HASH).stat()
    assert (again.sha256, again.name) == (HASH, "zweiter.pdf")
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    assert files(blobs) == [f"{HASH[:2]}/{HASH}"]


def test_the_same_again_makes_it_young(blobs: Blobs) -> None:
    """`verify` takes old bytes without a row for forgotten: here their row is about to come."""
    blobs.add_bytes(DATA, "a", "b")
    os.utime(blobs.path(HASH), (1, 1))
    blobs.add_bytes(DATA, "a", "b")
    assert time.time() - blobs.path(HASH).stat().st_mtime < 60


def test_objects_are_read_only(blobs: Blobs) -> None:
    blobs.add_bytes(DATA, "a", "b")
    assert stat.S_IMODE(blobs.path(HASH).stat().st_mode) & 0o222 == 0


def test_a_damaged_object_is_neither_overwritten_nor_trusted(blobs: Blobs) -> None:
    blobs.add_bytes(DATA, "a", "b")
    blobs.path(HASH).chmod(0o600)
    blobs.path(HASH).write_bytes(b"bit rot")
    assert blobs.has(HASH) and not blobs.check(HASH)
    with pytest.raises(ServiceError, match="beschädigt"):
        blobs.add_bytes(DATA, "a", "b")
    assert blobs.path(HASH).read_bytes() == b"bit rot"
    assert files(blobs) == [f"{HASH[:2]}/{HASH}"]


@pytest.mark.parametrize("wrong", ["", "ab", "../../etc/passwd", HASH.upper(), HASH + "\n", HASH[:-1] + "g", HASH + "0"])
def test_only_a_hash_makes_a_path(blobs: Blobs, wrong: str) -> None:
    for call in (blobs.path, blobs.open, blobs.read, blobs.has, blobs.check):
        with pytest.raises(PoststelleError, match="keine Prüfsumme"):
            call(wrong)


def test_a_missing_blob(blobs: Blobs) -> None:
    assert not blobs.has(HASH) and not blobs.check(HASH)
    with pytest.raises(ServiceError, match="fehlt"):
        blobs.read(HASH)


def test_no_symbolic_link_is_followed(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(DATA)
    blobs.path(HASH).parent.mkdir(parents=True)
    blobs.path(HASH).symlink_to(tmp_path / "secret")
    with pytest.raises(ServiceError):
        blobs.open(HASH)


def test_iter_all_and_strangers(blobs: Blobs) -> None:
    assert list(blobs.iter_all()) == list(blobs.strangers()) == []
    hashes = sorted(blobs.add_bytes(bytes([number]), "a", "b").sha256 for number in range(20))
    assert list(blobs.iter_all()) == hashes
    assert list(blobs.strangers()) == []
    strange = [blobs.root / "notiz.txt", blobs.root / hashes[0][:2] / "notiz.txt", blobs.root / hashes[1][:2] / ("f" * 64)]
    for path in strange:
        path.write_text("?")
    assert set(blobs.strangers()) >= set(strange[:2])
    (blobs.root / "ordner").mkdir()
    assert blobs.root / "ordner" in set(blobs.strangers())


def test_an_unreadable_source_is_the_callers_matter(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.add_file(tmp_path / "weg.pdf", "weg.pdf", "application/pdf")
    with pytest.raises(OSError, match="keine gewöhnliche Datei"):
        blobs.add_file(tmp_path, "ordner", "application/pdf")
    assert not blobs.root.exists()


# --- the order, and what happens when the disk fails ---------------------------------------------------------------

class Recorder:
    """Replaces the calls of `os` that matter and notes them in order, with paths instead of descriptors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail: str = "", number: int = errno.EIO, at: int = 1) -> None:
        self.calls: list[tuple[str, str]] = []
        self._left = at
        for name in ("write", "fsync", "close", "link", "fchmod"):
            monkeypatch.setattr(os, name, self._wrapped(name, getattr(os, name), fail, number))

    def _wrapped(self, name: str, real: Any, fail: str, number: int) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "link":
                path = str(args[1])
            else:
                try:
                    path = str(Path(f"/proc/self/fd/{args[0]}").readlink())
                except OSError:
                    path = "?"
            if "/blobs" not in path:
                return real(*args, **kwargs)
            self.calls.append((name, path))
            if name == fail:
                self._left -= 1
                if self._left == 0:
                    if name == "close":
                        real(*args)
                    raise OSError(number, os.strerror(number), path)
            return real(*args, **kwargs)
        return call


def test_the_order_is_file_link_folder(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    blobs.add_bytes(DATA, "a", "b")
    target = f"/{HASH[:2]}/{HASH}"
    names = [(name, path.replace(str(blobs.root), "")) for name, path in recorder.calls]
    tmp = names[0][1]
    assert tmp.startswith("/tmp/")
    shard = f"/{HASH[:2]}"
    assert names == [("write", tmp), ("fchmod", tmp), ("fsync", tmp), ("close", tmp), ("link", target),
                     ("fsync", shard), ("close", shard), ("fsync", ""), ("close", "")]


def test_the_folder_is_synced_also_when_the_object_was_there(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever linked it may have been killed before it synced the folder: we may not build on that."""
    blobs.add_bytes(DATA, "a", "b")
    recorder = Recorder(monkeypatch)
    blobs.add_bytes(DATA, "a", "b")
    order = [(name, path) for name, path in recorder.calls if name in ("link", "fsync")]
    assert [name for name, _ in order] == ["fsync", "link", "fsync"]
    assert order[-1][1] == str(blobs.path(HASH).parent)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync", "close"])
def test_a_failing_disk_leaves_nothing_and_says_so(blobs: Blobs, monkeypatch: pytest.MonkeyPatch, call: str,
                                                   number: int) -> None:
    recorder = Recorder(monkeypatch, fail=call, number=number)
    with pytest.raises(ServiceError) as caught:
        blobs.add_bytes(DATA, "a", "b")
    assert ("voll" in str(caught.value)) == (number != errno.EIO)
    assert [name for name, _ in recorder.calls].count("fsync") <= 1, "a failed fsync is never repeated on the descriptor"
    monkeypatch.undo()
    assert files(blobs) == []
    assert blobs.read(blobs.add_bytes(DATA, "a", "b").sha256) == DATA


def test_a_full_disk_in_the_middle_of_a_file(blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "gross.tif"
    source.write_bytes(b"x" * (3 * BLOCK))
    Recorder(monkeypatch, fail="write", number=errno.ENOSPC, at=3)
    with pytest.raises(ServiceError, match="voll"):
        blobs.add_file(source, "gross.tif", "image/tiff")
    monkeypatch.undo()
    assert files(blobs) == [] and source.stat().st_size == 3 * BLOCK


def test_a_failing_folder_sync_is_an_error_and_mended_by_the_next(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object may stay (somebody else may have seen it), but we do not call it kept."""
    Recorder(monkeypatch, fail="fsync", at=2)
    with pytest.raises(ServiceError, match="Datenträger"):
        blobs.add_bytes(DATA, "a", "b")
    monkeypatch.undo()
    assert [file for file in files(blobs) if file.startswith("tmp/")] == []
    recorder = Recorder(monkeypatch)
    blobs.add_bytes(DATA, "a", "b")
    assert ("fsync", str(blobs.path(HASH).parent)) in recorder.calls


def test_a_file_system_without_links_is_the_operators_matter(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch, fail="link", number=errno.EPERM)
    with pytest.raises(ConfigError, match="harte Links"):
        blobs.add_bytes(DATA, "a", "b")
    monkeypatch.undo()
    assert files(blobs) == []


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(ServiceError):
        Blobs(tmp_path / "blobs").add_bytes(DATA, "a", "b")


def test_a_really_full_disk(tmp_path: Path) -> None:
    """RLIMIT_FSIZE in a child: the kernel itself refuses the bytes."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from intake.blobs import Blobs; "
        "from intake.errors import ServiceError; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)); store = Blobs(Path(sys.argv[1]))\n"
        "try: store.add_bytes(b'x' * 10000, 'a', 'b')\n"
        "except ServiceError: print('refused', len([p for p in store.root.rglob('*') if p.is_file()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "blobs")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused 0"


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_kernel_sees_the_same_order(tmp_path: Path) -> None:
    """The same order, read from the system calls of a real run: monkeypatching cannot see what the library does."""
    log, store = tmp_path / "log", tmp_path / "blobs"
    code = f"from pathlib import Path; from intake.blobs import Blobs; Blobs(Path({str(store)!r})).add_bytes({DATA!r}, 'a', 'b')"
    done = subprocess.run(["strace", "-f", "-y", "-o", str(log), "-e", "trace=write,fsync,fdatasync,link,linkat,unlink,unlinkat",
                           sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip("strace is not allowed here")
    assert done.returncode == 0, done.stderr
    seen = [re.sub(r"^\d+\s+", "", line) for line in log.read_text().splitlines() if str(store) in line]
    kinds = [line.split("(")[0].removesuffix("at") for line in seen]
    assert kinds == ["write", "fsync", "link", "fsync", "fsync", "unlink"]
    assert f"<{store}/tmp/" in seen[1] and f"<{store}/{HASH[:2]}>" in seen[3] and f"<{store}>" in seen[4]


KILLED = """
import os, sys
from pathlib import Path
from intake import blobs
step, real = int(sys.argv[2]), {name: getattr(os, name) for name in ("write", "fsync", "close", "link", "fchmod", "unlink")}
def dying(name):
    def call(*args, **kwargs):
        global step
        step -= 1
        if step == 0: os.kill(os.getpid(), 9)
        return real[name](*args, **kwargs)
    return call
for name in real: setattr(os, name, dying(name))
blobs.Blobs(Path(sys.argv[1])).add_bytes(b"%PDF-1.7 Antrag", "a", "b")
"""


def test_killed_at_every_step(tmp_path: Path) -> None:
    """kill -9 before each call: never a half object, and the next run finishes the work."""
    survived = 0
    for step in range(1, 30):
        store = Blobs(tmp_path / f"blobs{step}")
        done = subprocess.run([sys.executable, "-c", KILLED, str(store.root), str(step)], check=False, capture_output=True)
        assert all(store.check(sha256) for sha256 in store.iter_all())
        if done.returncode == 0:
            survived += 1
            break
        assert done.returncode == -9
        store.add_bytes(DATA, "a", "b")
        assert store.check(HASH) and list(store.strangers()) == []
    assert survived and step > 5


def test_clean_tmp_takes_only_what_is_old(blobs: Blobs) -> None:
    assert blobs.clean_tmp() == 0
    blobs.add_bytes(DATA, "a", "b")
    for name, age in (("old", 40 * 3600), ("young", 3600)):
        path = blobs.root / "tmp" / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age, time.time() - age))
    assert blobs.clean_tmp() == 1
    assert sorted(path.name for path in (blobs.root / "tmp").iterdir()) == ["young"]
    assert blobs.check(HASH)


def test_many_threads_with_the_same_and_with_other_bytes(blobs: Blobs) -> None:
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            for index in range(10):
                blobs.add_bytes(b"same" if index % 2 else f"{number}-{index}".encode(), "a", "b")
        except PoststelleError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(list(blobs.iter_all())) == 8 * 5 + 1
    assert all(blobs.check(sha256) for sha256 in blobs.iter_all())
    assert list((blobs.root / "tmp").iterdir()) == []


def test_pieces_become_one_blob(blobs: Blobs) -> None:
    with blobs.incoming() as copy:
        for piece in (b"ein ", b"", b"Brief"):
            copy.write(piece)
        blob = copy.keep("brief.txt", "text/plain")
    assert blob.size == 9 and blobs.read(blob.sha256) == b"ein Brief" and blobs.check(blob.sha256)
    assert list((blobs.root / "tmp").iterdir()) == []


def test_pieces_that_are_not_kept_leave_nothing(blobs: Blobs) -> None:
    with pytest.raises(KeyboardInterrupt), blobs.incoming() as copy:
        copy.write(b"halb")
        raise KeyboardInterrupt
    with blobs.incoming() as copy:
        copy.write(b"vergessen")
    assert list(blobs.iter_all()) == [] and list((blobs.root / "tmp").iterdir()) == []


def test_pieces_on_a_full_disk_are_a_service_error(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "voll")

    with pytest.raises(ServiceError, match="voll"), blobs.incoming() as copy:
        monkeypatch.setattr(blobs_module.os, "write", full)
        copy.write(b"x")
    monkeypatch.undo()
    assert list((blobs.root / "tmp").iterdir()) == []


def test_the_module_opens_no_path_by_a_name() -> None:
    """One choke point: nothing else in the module joins the root with what comes from outside."""
    source = Path(blobs_module.__file__).read_text(encoding="utf-8")
    assert len(re.findall(r"self\.root /", source)) == 5  # path, tmp (three times), a folder by its number
