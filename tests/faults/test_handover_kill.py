"""kill -9 at any step of a hand-over, the other system taking what it finds in between: every package whole, every document once.

A forked child tells what is due and is killed at its n-th step (a rename, an fsync, a commit, a request); then the other system
looks, and one whole turn must leave everything in order.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from dms_help import Dms, answer_all, in_json, listening, unasked
from lxml import etree
from review_help import TENANT, current, plan
from test_filing import approved, file_it

from intake import review
from intake.blobs import Blobs
from intake.config import HandOver, Settings, Tenant
from intake.db.core import Database, utcnow
from intake.db.filings import get_filing, receipts_of
from intake.filing import deliver
from intake.handover import tell_due, terms
from intake.protocols import Target
from intake.stores.handover import HotFolder
from intake.stores.post import Post
from intake.stores.xdomea import Xdomea
from intake.verify import verify

SETTINGS = Settings(tenant=(Tenant(name=TENANT, handover=(HandOver(name="dms", folder="/x", sidecar="json"),)),))
KINDS = ("folder", "xdomea", "post")


class Side:
    """One kind of target with its other system; `seen` counts what it got by (filing, what it is told)."""

    def __init__(self, kind: str, folder: Path, dms: Dms) -> None:
        self.kind, self.folder, self.dms = kind, folder, dms
        self.seen: Counter[tuple[str, str]] = Counter()
        folder.mkdir(exist_ok=True)

    def target(self) -> Target:
        if self.kind == "folder":
            return HotFolder("dms", self.folder, self.folder, in_json, form="json")
        way = {"folder": self.folder} if self.kind == "xdomea" else {"way": Post(self.dms.url)}
        return Xdomea("dms", self.folder / ".poststelle", "Amt", "DMS", unasked, **way)  # type: ignore[arg-type]

    def look(self) -> None:
        """The other system takes all that is complete."""
        if self.kind == "folder":
            for said in answer_all(self.folder):
                for file in said["Datei"]:
                    assert hashlib.sha256(said["bytes"][file["Dateiname"]]).hexdigest() == file["SHA-256"], "a package is torn"
                self.seen[said["Schluessel"], said["Art"]] += 1
            return
        packages = [path.read_bytes() for path in self.folder.glob("*.zip")] if self.kind == "xdomea" else list(
            self.dms.taken.values())
        for path in self.folder.glob("*.zip"):
            path.unlink()
        self.dms.taken.clear()
        for data in packages:
            self._take(data)

    def _take(self, data: bytes) -> None:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            assert archive.testzip() is None, "a package is torn"
            name = next(name for name in archive.namelist() if name.endswith(".xml"))
            root = etree.fromstring(archive.read(name))
            for one in root.iter("{*}Dateiname"):
                archive.getinfo(one.text)
        key = root.findtext(".//{*}FachverfahrenObjektID") or root.findtext(".//{*}IDSGO") or ""
        self.seen[key, "neu" if name.endswith("0605.xml") else "storno"] += 1


def _tell(side: Side, url: str, folder: Path, minutes: float) -> None:
    db = Database(url)
    now = utcnow() + timedelta(minutes=minutes)
    tell_due(db, SETTINGS, lambda _tenant: (side.target(),), lambda _tenant: Blobs(folder / "blobs"), lambda: now)
    db.close()


def _in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def _dying_at(number: int) -> list[int]:
    """From now on this process dies before its n-th step; returns the count so far."""
    seen = [0]

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            seen[0] += 1
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)
        return step

    os.rename, os.fsync, os.unlink = stepping(os.rename), stepping(os.fsync), stepping(os.unlink)
    os.mkdir = stepping(os.mkdir)
    httpx.Client.stream = stepping(httpx.Client.stream)  # type: ignore[method-assign]
    httpx.Response.iter_bytes = stepping(httpx.Response.iter_bytes)  # type: ignore[method-assign]
    real = Database.transaction

    @contextmanager
    def transaction(self: Database) -> Iterator[Any]:
        with real(self) as tx:
            yield tx
            stepping(lambda: None)()  # before the commit
        stepping(lambda: None)()  # after it
    Database.transaction = transaction  # type: ignore[method-assign, assignment]
    return seen


def _steps(side: Side, url: str, folder: Path) -> int:
    """How many steps a whole turn takes."""
    def work() -> None:
        seen = _dying_at(-1)
        _tell(side, url, folder, 11)
        (folder / "count").write_text(str(seen[0]))

    assert _in_child(work) == 0
    return int((folder / "count").read_text())


def _sweep(db: Database, folder: Path, kind: str, points: int, chance: random.Random) -> int:
    url = db.url
    blobs = Blobs(folder / "blobs")
    keys: dict[str, str] = {}
    undone: set[str] = set()
    kills = 0

    def fill(count: int = 2) -> None:
        for _ in range(count):
            key = file_it(db, blobs, approved(db))
            with db.read() as conn:
                keys[key] = get_filing(conn, key).document
            deliver(db, TENANT, key, (), blobs, terms(SETTINGS.model_copy(), TENANT))

    with db.transaction() as tx:
        plan(tx)
    with listening(Dms()) as dms:
        side = Side(kind, folder / kind, dms)
        fill()
        steps = _steps(side, url, folder)
        side.look()
        assert steps > 20
        for _ in range(points):
            fill()
            if chance.random() < 0.3 and len(keys) > len(undone) + 4:
                key = chance.choice([key for key in keys if key not in undone and side.seen[key, "neu"]] or [""])
                if key:
                    with db.transaction() as tx:
                        review.undo(tx, keys[key], current(db, keys[key]).revision, "kms")
                    deliver(db, TENANT, key, (), blobs, terms(SETTINGS, TENANT))
                    undone.add(key)
            number = chance.randint(1, steps * 4 // 5)

            def work(number: int = number) -> None:
                _dying_at(number)
                _tell(side, url, folder, 11)

            kills += os.WIFSIGNALED(_in_child(work))
            if chance.random() < 0.7:
                side.look()
            for minutes in (20, 40, 60):
                assert _in_child(lambda minutes=minutes: _tell(side, url, folder, minutes)) == 0  # type: ignore[misc]
                side.look()
    for minutes in (80, 100, 120):
        _tell(side, url, folder, minutes)
        side.look()
    told = {key: side.seen[key, "neu"] for key in keys}
    assert all(count == 1 for count in told.values()), {key[:8]: count for key, count in told.items() if count != 1}
    with db.read() as conn:
        for key in keys:
            assert bool(receipts_of(conn, key)) == (key not in undone)
    if kind == "folder":
        assert {key for key in keys if side.seen[key, "storno"] == 1} == undone
    else:
        assert sum(count for (_, what), count in side.seen.items() if what == "storno") == len(undone)
    report = verify(db, [TENANT], lambda _tenant: blobs, lambda _tenant: folder / "akten")
    assert {fault.kind for fault in report.faults} <= {"missing-blob", "orphan-blob"}, "the test's deliveries have no bytes"
    return kills


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_some_steps(sqlite_database: Database, tmp_path: Path, kind: str) -> None:
    assert _sweep(sqlite_database, tmp_path, kind, 3, random.Random(5)) >= 1


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.parametrize(("kind", "points"), [("folder", 80), ("xdomea", 80), ("post", 50)])
def test_killed_at_two_hundred_steps(sqlite_database: Database, tmp_path: Path, kind: str, points: int) -> None:
    assert _sweep(sqlite_database, tmp_path, kind, points, random.Random(11)) >= points * 0.7
