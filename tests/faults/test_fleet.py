"""Two workers on one PostgreSQL: the same code, each document filed exactly once, both of them busy."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import fake_room
from sqlalchemy import create_engine, select, text
from test_pipeline import plan_and_file

from intake.blobs import Blobs
from intake.db.core import Database
from intake.journal import check
from intake.schema import deliveries, documents, filings, metadata
from intake.verify import verify

FLEET = Path(__file__).with_name("fleet.py")
DOCUMENTS = 20


@pytest.mark.timeout(240)
def test_two_workers_file_twenty_documents_once_each(tmp_path: Path, new_postgresql: Callable[[], str]) -> None:
    url, engine_url = new_postgresql(), new_postgresql().replace("&allow_fsync_off=1", "")
    db = Database(url)
    metadata.create_all(db.engine)
    room = fake_room(tmp_path, db)
    plan_and_file(room)
    folder = room.home.folder(room.home.settings.tenant[0].profile[0])
    for number in range(DOCUMENTS):
        pages = "\f".join(f"#sleep 0.1\nSeite {page} von {number}" for page in range(1, 10 if number % 5 == 0 else 2))
        (folder / f"{number:02d}.pdf").write_text(f"file_reference=BA/632.60-0017/2026 Brief {number}\n{pages}", encoding="utf-8")
    workers = [subprocess.Popen([sys.executable, str(FLEET), str(tmp_path), url, engine_url],
                                stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [worker.communicate(timeout=200)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    with db.read() as conn:
        assert Counter(conn.execute(select(deliveries.c.state)).scalars()) == {"OPENED": DOCUMENTS}
        assert Counter(conn.execute(select(documents.c.state)).scalars()) == {"FILED": DOCUMENTS}
        filed = conn.execute(select(filings.c.document)).scalars().all()
        assert len(filed) == len(set(filed)) == DOCUMENTS
        assert check(conn, "mittelau") == []
    report = verify(db, ["mittelau"], lambda name: Blobs(tmp_path / "store" / name / "blobs"),
                    lambda name: tmp_path / "akten" / name)
    assert report.ok, report.faults
    with create_engine(engine_url).connect() as conn:
        executors = Counter(conn.execute(text("select executor_id from dbos.workflow_status where status = 'SUCCESS'")).scalars())
    assert len(executors) == 2 and min(executors.values()) >= 5, executors
    db.close()
