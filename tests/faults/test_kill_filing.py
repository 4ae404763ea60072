"""kill -9 at random points while documents are filed, moved and taken back: each filed once, the mirror whole, no number lost."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from review_help import BUILDING, DOGS, TENANT, opened
from sqlalchemy import select
from test_filing import SETTINGS, file_it

from intake import akten, review
from intake.blobs import Blobs
from intake.db.core import Database
from intake.db.documents import get_document
from intake.db.filings import filings_without_receipt, get_filing
from intake.db.plan import import_plan
from intake.errors import PoststelleError
from intake.filing import deliver
from intake.journal import check
from intake.schema import documents, files, filings
from intake.stores.efile import EFile
from intake.verify import verify
from intake.vocabulary import DocumentState, Viewer

DOCUMENTS, WARM, ALL = 8, 4, Viewer(TENANT)
FORK = multiprocessing.get_context("fork")


def settle(db: Database, blobs: Blobs, store: EFile, most: int = 10_000) -> None:
    """Stores hear of what they have not heard."""
    with db.read() as conn:
        waiting = filings_without_receipt(conn, most)
    for tenant, key in waiting:
        deliver(db, tenant, key, [store], blobs)


def act(db: Database, blobs: Blobs, store: EFile, dice: random.Random) -> None:
    """One thing that a clerk or a worker does; what is refused is refused."""
    with db.read() as conn:
        document = get_document(conn, dice.choice(conn.execute(select(documents.c.id).order_by(documents.c.id)).scalars().all()))
        known = conn.execute(select(files.c.id).order_by(files.c.id)).scalars().all()
    akte, entry = dice.choice(known or [""]), dice.choice((DOGS.id, BUILDING.id))
    where = {"file": akte} if known and dice.random() < 0.6 else {"entry": entry}
    if document.state is DocumentState.APPROVED:
        file_it(db, blobs, document.id)
    elif dice.random() < 0.3:
        settle(db, blobs, store, 2)
    else:
        with db.transaction() as tx:
            if document.state is DocumentState.PROPOSED:
                review.approve(tx, document.id, document.revision, "kms", where)
            elif dice.random() < 0.25:
                review.undo(tx, document.id, document.revision, "kms")
            elif dice.random() < 0.3:
                akten.move_file(tx, SETTINGS, ALL, "kms", akte, entry, renumber=dice.random() < 0.5)
            elif dice.random() < 0.2:
                akten.rename_file(tx, ALL, "kms", akte, f"Akte {dice.random()}")
            else:
                akten.move_document(tx, SETTINGS, ALL, document.id, document.revision, "kms", where)


def work(root: Path, seed: int) -> None:
    """A process that works until it is killed."""
    db, blobs = Database(f"sqlite:///{root / 'poststelle.db'}"), Blobs(root / "blobs")
    store, dice = EFile(root / "akten"), random.Random(seed)
    for number in itertools.count():
        if number == WARM:
            (root / "started").touch()
        with suppress(PoststelleError):
            act(db, blobs, store, dice)


def kill_once(root: Path, seed: int, chance: random.Random) -> None:
    (root / "started").unlink(missing_ok=True)
    child = FORK.Process(target=work, args=(root, seed))
    child.start()
    while not (root / "started").exists():
        time.sleep(0.001)
    time.sleep(chance.uniform(0.0, 0.3))
    assert child.pid is not None and child.is_alive()
    os.kill(child.pid, signal.SIGKILL)
    child.join(10)
    assert child.exitcode == -signal.SIGKILL


def look(root: Path) -> int:
    """Everything as it must be once the stores heard of it; how many documents are filed."""
    db, blobs, store = Database(f"sqlite:///{root / 'poststelle.db'}"), Blobs(root / "blobs"), EFile(root / "akten")
    try:
        settle(db, blobs, store)
        with db.read() as conn:
            states = {row.id: row.state for row in conn.execute(select(documents.c.id, documents.c.state))}
            live = conn.execute(select(filings.c.key, filings.c.document).where(filings.c.undone_at.is_(None))).all()
            assert sorted(row.document for row in live) == sorted(id for id, state in states.items() if state == "FILED")
            assert [fault for row in live for fault in store.faults(get_filing(conn, row.key))] == []
            rows = conn.execute(select(files.c.reference, files.c.former)).all()
            assert check(conn, TENANT) == []
        _mirror_holds(store, {row.key for row in live})
        _numbers_run_on([name for row in rows for name in (row.reference, *row.former)])
        report = verify(db, [TENANT], lambda _: blobs, lambda _: store.root)
        unheard = ("missing-blob", "journal")  # the deliveries came from nowhere: they have no bytes and no receipt entry
        assert [fault for fault in report.faults if fault.kind not in unheard] == []
        return len(live)
    finally:
        db.close()


def _mirror_holds(store: EFile, keys: set[str]) -> None:
    """Each filing lies in exactly one folder, and beside the files that the folders speak of there are none."""
    said = [entry for path in store.root.rglob("akte.json")
            for entry in json.loads(path.read_text(encoding="utf-8"))["schriftstuecke"]]
    assert sorted(entry["schluessel"] for entry in said) == sorted(keys)
    found = [path for path in store.root.rglob("*")
             if path.is_file() and not path.name.startswith(".") and path.name != "akte.json"]
    assert len(found) == sum(len(entry["dateien"]) for entry in said)


def _numbers_run_on(references: list[str]) -> None:
    """No number twice, none left out, in each series."""
    series: dict[str, list[int]] = {}
    for reference in references:
        found = re.fullmatch(r"(.+)-(\d{4})/\d{4}", reference)
        assert found is not None
        series.setdefault(found[1], []).append(int(found[2]))
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in series.values())


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("points", [12, pytest.param(200, marks=pytest.mark.long)])
def test_killed_while_filing_moving_and_taking_back(tmp_path: Path, _sqlite_template: Path, points: int,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("POSTSTELLE_SEED") or random.SystemRandom().randrange(1_000_000))
    chance = random.Random(seed)
    (tmp_path / "poststelle.db").write_bytes(_sqlite_template.read_bytes())
    db = Database(f"sqlite:///{tmp_path / 'poststelle.db'}")
    with db.transaction() as tx:
        import_plan(tx, TENANT, [DOGS, BUILDING])
    for _ in range(DOCUMENTS):
        opened(db, (1,))
    db.close()
    filed = []
    for number in range(points):
        kill_once(tmp_path, seed + number, chance)
        filed.append(look(tmp_path))
    with capsys.disabled():
        print(f"\nseed {seed}: {points} kills, {min(filed)} to {max(filed)} of {DOCUMENTS} documents filed")
    assert max(filed) > 1  # it did get somewhere
