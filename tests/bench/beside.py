"""What is watched while a batch runs: memory and CPU of the worker's processes, and letters dropped meanwhile."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

from sqlalchemy import func, select

from intake.db.core import Database
from intake.db.documents import DocumentState
from intake.schema import deliveries, documents, page_reads
from samples.canvas import ScanCanvas
from samples.noise import scan
from samples.papers import scanned_pdf

TICK = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """The process and all its descendants that there are now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        found.append(one := todo.pop())
        todo += children.get(one, [])
    return found


def memory(process: int) -> float:
    """Proportional set size of a process in MiB; 0.0 when it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


@dataclass
class Watch:
    """Samples a worker every second until it ends: pages read, MiB of the worker itself and with its boxes, its own CPU."""

    process: int
    database: Database
    rows: list[tuple[int, float, float]] = field(default_factory=list)
    own_cpu: float = 0.0

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._own() and (mine := memory(self.process)):
            with self.database.read() as conn:
                read = conn.execute(select(func.count()).select_from(page_reads)).scalar_one()
            self.rows.append((read, mine, sum(map(memory, tree(self.process)))))
            time.sleep(1)

    def _own(self) -> bool:
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        self.own_cpu = (int(fields[11]) + int(fields[12])) / TICK
        return fields[0] != "Z"

    def table(self, steps: Sequence[int] = (100, 200, 500, 1000, 2000, 5000)) -> list[tuple[str, float, float]]:
        """(pages, peak MiB of the worker alone, with its boxes), between these numbers of pages."""
        found, low = [], 0
        for high in (*steps, 10**9):
            here = [row for row in self.rows if low <= row[0] < high]
            if here:
                pages, alone, whole = (max(row[at] for row in here) for at in range(3))
                found.append((f"{low} to {pages:.0f}", alone, whole))
            low = high
        return found


@dataclass
class Letters:
    """Drops a scanned letter of one page every `every` seconds until told to stop."""

    folder: Path
    every: float
    dropped: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for number in count(1):
            name, data = f"brief-{number:04d}.pdf", letter(number)
            if self._stop.wait(self.every):
                return
            (self.folder / f".{name}").write_bytes(data)
            (self.folder / f".{name}").rename(self.folder / name)
            self.dropped[name] = time.time()

    def stop(self) -> None:
        """No more letters."""
        self._stop.set()
        self._thread.join()


def letter(number: int) -> bytes:
    """A scanned letter of one page, as a PDF; another one for each number."""
    canvas = ScanCanvas()
    lines = ("Erika Muster, Mühlenweg 3, 24999 Auenbek", "An das Amt Mittelau, Ordnungsamt",
             f"Auenbek, den {number % 28 + 1}. Mai 2026",
             f"Anmeldung meines Hundes, Ihr Schreiben Nummer {4711 + number}", "Sehr geehrte Damen und Herren,",
             "hiermit melde ich meinen Hund zur Hundesteuer an. Er ist zwei Jahre alt und heißt Bello.",
             f"Die Steuermarke senden Sie bitte an die Adresse oben. Aktenzeichen {100 + number}/2026.",
             "Mit freundlichen Grüßen", "Erika Muster")
    for at, line in enumerate(lines):
        canvas.text(25, 40 + 12 * at, line, 11, "sans")
    return scanned_pdf([scan(canvas.image, number)])


def waited(database: Database, dropped: dict[str, float]) -> list[float]:
    """Seconds from the drop of each letter to its proposal; those that have none yet count as a day."""
    with database.read() as conn:
        rows = conn.execute(select(deliveries.c.name, documents.c.changed_at).join(
            documents, documents.c.delivery == deliveries.c.id).where(
            deliveries.c.name.in_(list(dropped)), documents.c.state == DocumentState.PROPOSED.value))
        ended = {row.name: datetime.fromisoformat(row.changed_at).timestamp() for row in rows}
    return sorted(ended.get(name, began + 86_400) - began for name, began in dropped.items())


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which at least this share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def said(values: Sequence[float]) -> str:
    """Median and p95 in a line."""
    return f"{len(values)} letters: median {statistics.median(values):.1f} s, p95 {percentile(values, 0.95):.1f} s"


def reading_cpu(database: Database) -> float:
    """CPU seconds of all read jobs in the box."""
    with database.read() as conn:
        return float(conn.execute(select(func.sum(page_reads.c.cpu_seconds))).scalar() or 0.0)
