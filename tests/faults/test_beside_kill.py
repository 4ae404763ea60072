"""kill -9 at every touch of a file and around every commit while files that belong together are taken: whole, once, tidied up.

A forked child takes what lies there and is killed at its n-th such moment; then ordinary looks must leave everything in order.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from intake.blobs import Blobs
from intake.config import ScanProfile, Tenant
from intake.db.core import Database
from intake.receive import receive_all
from intake.schema import deliveries, metadata
from intake.sources.folder import DONE, FolderSource
from intake.sources.groups import Beside

TENANT, PROFILE = Tenant(name="mittelau"), ScanProfile(name="portal", sidecar="auto", packages=True)
TOUCHES = frozenset({"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir"})
SCENES: dict[str, dict[str, list[str]]] = {
    "pairs": {"a.pdf": ["a.pdf", "a.xml"], "b.pdf": ["b.pdf", "b.pdf.json"]},
    "index": {"c.pdf": ["c.pdf", "index.csv"], "d.pdf": ["d.pdf", "index.csv"]},
    "package": {"paket": ["paket/brief.pdf", "paket/plan.pdf", "paket/xjustiz_nachricht.xml"]},
    "mixed": {"a.pdf": ["a.pdf", "a.csv"], "paket": ["paket/brief.pdf"]},
}
"""What is dropped: for each delivery the files it is made of."""


class Place:
    """A hand-in folder with its store and database."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder, self.url = root, root / "eingang", f"sqlite:///{root / 'p.db'}"
        self.folder.mkdir(parents=True)
        database = Database(self.url)
        metadata.create_all(database.engine)
        database.close()

    def drop(self, scene: str, round_: int) -> dict[str, dict[str, bytes]]:
        """The files of a scene with other bytes each round; returns what each delivery must hold."""
        contents = {name: f"{name} {round_}".encode() for group in SCENES[scene].values() for name in group}
        for name, data in contents.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(data)
        return {main: {name.removeprefix(f"{main}/"): contents[name] for name in names} for main, names in SCENES[scene].items()}

    def take(self, at: int = 0, count: Path | None = None) -> None:
        """One look, in this process; dies at moment `at` (from 1), or writes down how many moments there were."""
        seen = [0]

        def moment(*_: Any) -> None:
            seen[0] += 1
            if seen[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

        database = Database(self.url)
        with database.read():
            pass  # connected: what follows is the look alone
        if at or count:
            _watch(moment, self.root)
            event.listen(database.engine, "commit", moment)
        source = FolderSource("portal", self.folder, settle_seconds=0, watch="network", beside=Beside(), packages=True)
        receive_all(database, Blobs(self.root / "blobs"), TENANT, PROFILE, source)
        if count:
            count.write_text(str(seen[0]), encoding="ascii")
        database.close()

    def kept(self) -> list[dict[str, bytes]]:
        """What each delivery holds, and every state is that of a first one."""
        database = Database(self.url)
        with database.read() as conn:
            rows = conn.execute(select(deliveries.c.original, deliveries.c.state, deliveries.c.acknowledged_at)).all()
        database.close()
        assert all(state == "RECEIVED" and told is not None for _, state, told in rows)
        blobs = Blobs(self.root / "blobs")
        found = []
        for original, _, _ in rows:
            assert blobs.check(original)
            with zipfile.ZipFile(io.BytesIO(blobs.read(original))) as archive:
                found.append({name: archive.read(name) for name in archive.namelist()})
        return found

    def lying(self, below: Path) -> list[bytes]:
        return sorted(path.read_bytes() for path in below.rglob("*") if path.is_file()) if below.exists() else []


def _watch(moment: Callable[..., None], root: Path) -> None:
    """Call `moment` before every touch of a file below `root`, and before and after every fsync."""
    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        if name in TOUCHES and str(root) in str(arguments[0]):
            moment()

    def syncing(descriptor: int) -> None:
        moment()
        sync(descriptor)
        moment()

    sync, os.fsync = os.fsync, syncing  # type: ignore[assignment]
    sys.addaudithook(hook)


def _in_child(work: Callable[[], None]) -> int:
    """The exit status of a forked child that does `work`."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def _sweep(root: Path, scene: str, step: int) -> int:
    """Kill at every `step`-th moment, each in a place of its own; returns how many times somebody died."""
    trial = Place(root / "trial")
    trial.drop(scene, 0)
    assert _in_child(lambda: trial.take(count=root / "count")) == 0
    moments, killed = int((root / "count").read_text(encoding="ascii")), 0
    assert moments > 20
    for at in range(1, moments + 1, step):
        place = Place(root / str(at))
        expected = place.drop(scene, at)

        def dying(place: Place = place, at: int = at) -> None:
            place.take(at)

        killed += os.WIFSIGNALED(_in_child(dying))
        for _ in range(2):
            assert _in_child(place.take) == 0
        kept = place.kept()
        assert sorted(map(str, kept)) == sorted(map(str, expected.values())), f"{scene}: killed at moment {at} of {moments}"
        outside = [path for path in place.folder.rglob("*") if path.is_file() and DONE not in path.parts]
        assert not outside, f"{scene}: left after moment {at}"
        dropped = {data for group in expected.values() for data in group.values()}
        assert place.lying(place.folder / DONE) == sorted(dropped), f"{scene}: erledigt after moment {at}"
    return killed


@pytest.mark.parametrize("scene", list(SCENES))
def test_killed_at_some_moments(tmp_path: Path, scene: str) -> None:
    assert _sweep(tmp_path, scene, 5) >= 4


@pytest.mark.long
@pytest.mark.parametrize("scene", list(SCENES))
def test_killed_at_every_moment(tmp_path: Path, scene: str) -> None:
    killed = _sweep(tmp_path, scene, 1)
    print(f"{scene}: killed {killed} times")
    assert killed >= 20
