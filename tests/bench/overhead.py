"""CPU a document costs in engine, database, journal and blobs alone: everything but the box and what is thought about it.

    .venv/bin/python tests/bench/overhead.py [DOCUMENTS]

The box is the tests' fake (text files, no sandbox); its own CPU is measured apart and taken off.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from fakes import FakeBox, FakeStore, fake_room  # noqa: E402
from sqlalchemy import func, select  # noqa: E402

from intake import review  # noqa: E402
from intake.db.core import Database, migrate  # noqa: E402
from intake.feeder import work  # noqa: E402
from intake.receive import Door  # noqa: E402
from intake.schema import aktenplan_entries, documents, filings  # noqa: E402
from intake.sources.folder import FolderSource  # noqa: E402

BAR_MS = 60.0


class TimedBox(FakeBox):
    """Adds up the CPU of this thread inside the fake."""

    spent = 0.0

    def _timed(self, name: str, *args: object, **more: object) -> object:
        begun = time.thread_time()
        try:
            return getattr(FakeBox, name)(self, *args, **more)
        finally:
            TimedBox.spent += time.thread_time() - begun

    def unpack(self, *args, **more):  # type: ignore[no-untyped-def]
        return self._timed("unpack", *args, **more)

    def read(self, *args, **more):  # type: ignore[no-untyped-def]
        return self._timed("read", *args, **more)

    def rendition(self, *args, **more):  # type: ignore[no-untyped-def]
        return self._timed("rendition", *args, **more)


def main(number: int) -> None:
    """Receive, open, propose, approve and file `number` one-page documents; print the CPU of each phase a document."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        url = f"sqlite:///{root / 'poststelle.db'}"
        migrate(url)
        db = Database(url)
        room = fake_room(root, db, box=TimedBox(), stores=(FakeStore(),))
        with db.transaction() as tx:
            tx.connection.execute(aktenplan_entries.insert().values(
                tenant="mittelau", id="ap-1", version=1, notation="632.60", sort_key="632.60", title="Bauvorhaben",
                keywords=[], description="", unit="Bauamt", disposal="A", access_class="allgemein", current=True))
        tenant = room.home.settings.tenant[0]
        door = Door(tenant, tenant.profile[0], FolderSource("scanner", room.home.folder(tenant.profile[0]), 0, watch="network"))
        work(room, (door,), until_idle=True)  # imports and first connections are no document's cost
        for index in range(number):
            (room.home.folder(tenant.profile[0]) / f"{index:05d}.pdf").write_text(f"Brief {index} " + "Wort " * 200)
        rows: list[tuple[str, float]] = []

        def phase(name: str, begun: float, spent: float) -> None:
            rows.append((name, (time.process_time() - begun - (TimedBox.spent - spent)) / number * 1000))

        begun, spent = time.process_time(), TimedBox.spent
        work(room, (door,), until_idle=True)
        phase("receive, open, propose", begun, spent)
        begun, spent = time.process_time(), TimedBox.spent
        with db.read() as conn:
            waiting = conn.execute(select(documents.c.id, documents.c.revision)).all()
        for row in waiting:
            with db.transaction() as tx:
                review.approve(tx, row.id, row.revision, "bench", {"entry": "ap-1"})
        phase("approve", begun, spent)
        begun, spent = time.process_time(), TimedBox.spent
        work(room, (door,), until_idle=True)
        phase("file", begun, spent)
        with db.read() as conn:
            assert conn.execute(select(func.count()).select_from(filings)).scalar_one() == number
        total = sum(value for _, value in rows)
        table = Table(title=f"{number} documents, CPU ms a document (without the box)")
        for column in ("phase", "ms", "of the bar"):
            table.add_column(column, justify="left" if column == "phase" else "right")
        for name, value in [*rows, ("all", total)]:
            table.add_row(name, f"{value:.1f}", f"{value / BAR_MS:.0%}")
        Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
