"""The patrol looks at every byte in 256 hours and says once what is damaged."""

from __future__ import annotations

from making import TENANT

from intake import review
from intake.blobs import Blobs
from intake.db.core import Database
from intake.db.problems import open_problems
from intake.journal import check, entries
from intake.patrol import patrol


def test_every_blob_is_looked_at_within_256_hours(sqlite_database: Database, blobs: Blobs) -> None:
    assert patrol(sqlite_database, [TENANT], lambda _tenant: blobs, 0) == 0
    for number in range(300):
        blobs.add_bytes(f"{number}".encode(), "a", "b")
    (blobs.root / "ab").mkdir(exist_ok=True)
    (blobs.root / "ab" / "notiz.txt").write_text("?")
    start = 494_000
    assert sum(patrol(sqlite_database, [TENANT], lambda _tenant: blobs, start + hour) for hour in range(256)) == 300
    assert patrol(sqlite_database, [TENANT], lambda _tenant: blobs, start, seconds=-1) == 0
    with sqlite_database.read() as conn:
        assert open_problems(conn) == () and list(entries(conn, TENANT)) == []


def test_a_damaged_blob_is_a_klaerungsfall_once(database: Database, blobs: Blobs) -> None:
    kept = blobs.add_bytes(b"a letter", "a", "b")
    path = blobs.path(kept.sha256)
    path.chmod(0o600)
    path.write_bytes(b"a lettes")
    hour = int(kept.sha256[:2], 16)
    for _ in range(3):
        assert patrol(database, [TENANT], lambda _tenant: blobs, hour) == 1
    with database.read() as conn:
        (problem,) = open_problems(conn, TENANT)
        assert [one.action for one in entries(conn, TENANT)] == ["problem.opened"] and check(conn, TENANT) == []
    assert (problem.subject, problem.reason, problem.detail) == (f"store/{kept.sha256}", "damaged", kept.sha256)
    with database.transaction() as tx:
        review.resolve(tx, problem.id, "kms", "close")
    with database.read() as conn:
        assert open_problems(conn) == ()
