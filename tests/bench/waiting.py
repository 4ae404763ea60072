"""The feeder's pick with a hundred and with a hundred thousand waiting rows:
`python tests/bench/waiting.py [URL URL]`.

Without a URL on SQLite in a temporary folder; with two URLs on these (empty!) databases. Prints CPU and wall time
of one pick (both lanes, both kinds, a window of 16 running) and their ratio; the bar is 0.8 to 1.2 on the wall clock.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from intake.db.core import Database, add_many, new_id, stamp, utcnow
from intake.db.work import LANES, waiting
from intake.schema import deliveries, documents, metadata

SIZES = (100, 100_000)
TENANTS = ("amt", "berg", "see", "zell")
ROUNDS, PICKS = 15, 20


def fill(database: Database, number: int) -> None:
    """`number` waiting deliveries and as many waiting documents of four tenants; a tenth had to wait before."""
    start = utcnow() - timedelta(days=30)
    with database.transaction() as tx:
        for begin in range(0, number, 10_000):
            block = range(begin, min(begin + 10_000, number))
            ids = {index: new_id() for index in block}
            add_many(tx, deliveries, [{**_row(index, start), "id": ids[index], "key": f"k{index}", "channel": "folder",
                                       "source": "post", "original": "0" * 64, "media_type": "application/pdf", "name": "a.pdf",
                                       "size": 1, "envelope": {}, "batch": "", "state": "RECEIVED"} for index in block])
            add_many(tx, documents, [{**_row(index, start), "id": new_id(), "delivery": ids[index], "cut_by": "rule:x",
                                      "state": "APPROVED" if index % 3 else "NEW"} for index in block])
    with database.transaction() as tx:
        tx.connection.execute(text("ANALYZE"))


def _row(index: int, start: object) -> dict[str, object]:
    moment = stamp(start + timedelta(seconds=index))  # type: ignore[operator]
    return {"tenant": TENANTS[index % 4], "received_at": moment, "access_class": "Poststelle", "position": 1,
            "lane": LANES[index // 4 % 5 == 0], "revision": 1, "changed_at": moment, "deaths": 0, "attempt": 0,
            "not_before": "" if index % 10 else moment}


def pick(database: Database, running: list[str]) -> list[str]:
    with database.read() as conn:
        return [row[0] for kind in ("delivery", "document") for lane in LANES
                for row in waiting(conn, kind, lane=lane, limit=4, exclude=running)]  # type: ignore[arg-type]


def measure(databases: dict[int, Database]) -> dict[int, tuple[float, float]]:
    """Median CPU and wall milliseconds of a pick per size; the sizes in turn, so that the machine's mood hits both."""
    running = {size: pick(database, []) for size, database in databases.items()}
    times: dict[int, list[tuple[float, float]]] = {size: [] for size in databases}
    for _ in range(ROUNDS):
        for size, database in databases.items():
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(PICKS):
                assert len(pick(database, running[size])) == 16
            times[size].append(((time.process_time() - cpu) / PICKS * 1000, (time.perf_counter() - wall) / PICKS * 1000))
    return {size: (median(cpu for cpu, _ in each), median(wall for _, wall in each)) for size, each in times.items()}


def compare(urls: dict[int, str]) -> float:
    """Fill, measure, print; returns the ratio of the wall times (large / small)."""
    databases = {size: Database(url) for size, url in urls.items()}
    for size, database in databases.items():
        with database.transaction() as tx:
            metadata.create_all(tx.connection)
        fill(database, size)
    found = measure(databases)
    for size, (cpu, wall) in found.items():
        print(f"{databases[size].dialect:11}{size:>8} waiting rows of each kind: {cpu:6.2f} ms CPU, {wall:6.2f} ms a pick")
    ratio = found[max(found)][1] / found[min(found)][1]
    print(f"{'ratio':>19}: {ratio:.2f} (bar: 0.80 to 1.20)")
    for database in databases.values():
        database.close()
    return ratio


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        given = sys.argv[1:] or [f"sqlite:///{folder}/{size}.db" for size in SIZES]
        if len(given) != len(SIZES):
            sys.exit("give two URLs of empty databases: the small one and the large one")
        sys.exit(0 if 0.8 <= compare(dict(zip(SIZES, given, strict=True))) <= 1.2 else 1)
