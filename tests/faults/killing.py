"""Kill the real thing, whole group, at random times, and look at what is left. Used by the quick and by the long test."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from intake.db.core import Database
from intake.schema import deliveries, documents, filings, journal, page_reads, pages

POSTSTELLE = (sys.executable, "-m", "intake.cli")
GONE_AFTER_SECONDS = 2.0


@dataclass
class Story:
    """What one run through many deaths showed."""

    kills: int = 0
    survivors: list[str] = field(default_factory=list)  # processes of ours alive 2 s after a kill
    chunk_starts: int = 0
    chunks: int = 0


def command(home: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one `poststelle` command on the installation."""
    return subprocess.run([*POSTSTELLE, *arguments, "--home", str(home)], capture_output=True, text=True, check=check)


def new_home(root: Path, settle: float = 0.2) -> Path:
    """An installation with one tenant and one scanner folder whose files settle quickly."""
    home = root / "home"
    subprocess.run([*POSTSTELLE, "init", str(home), "--tenant", "mittelau"], check=True, capture_output=True)
    config = home / "poststelle.toml"
    text = config.read_text(encoding="utf-8")
    lines = [f"settle_seconds = {settle}" if line.strip().lstrip("# ").startswith("settle_seconds") else line
             for line in text.splitlines()]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return home


def drop(home: Path, files: Sequence[Path]) -> None:
    """Copy files into the scanner folder."""
    for path in files:
        shutil.copy(path, home / "eingang" / "scanner" / path.name)


def start(home: Path) -> subprocess.Popen[bytes]:
    """`poststelle work --until-idle` as leader of its own group."""
    return subprocess.Popen([*POSTSTELLE, "work", "--until-idle", "--home", str(home)], start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def of_ours(home: Path) -> list[str]:
    """Command lines of living processes that name this installation (the worker, its boxes)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if str(home) in line and state != "Z":
            found.append(line[:200])
    return found


def run_through(home: Path, kills: int, seed: int, longest: float,
                between: Callable[[int], None] = lambda _number: None) -> Story:
    """Start, kill -9 the group after a random time, start again, `kills` times; then let it finish."""
    chance = random.Random(seed)
    story = Story()
    while story.kills < kills:
        worker = start(home)
        try:
            worker.wait(timeout=chance.uniform(0.8, longest))
            break  # finished before its death
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            story.kills += 1
        deadline = time.monotonic() + GONE_AFTER_SECONDS
        while of_ours(home) and time.monotonic() < deadline:
            time.sleep(0.05)
        story.survivors += of_ours(home)
        between(story.kills)
    last = start(home)
    assert last.wait(timeout=1800) == 0, (home / "log" / "poststelle.log").read_text(encoding="utf-8")[-3000:]
    story.chunk_starts, story.chunks = count_chunks(home)
    return story


def count_chunks(home: Path) -> tuple[int, int]:
    """How often opening or the reading of a chunk began, and how many different ones there are, from the log."""
    starts: Counter[tuple[str, int]] = Counter()
    for path in sorted((home / "log").glob("poststelle.log*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue  # the line that a kill tore
            if event.get("event") in ("opening", "reading chunk"):
                starts[event["original"], event["first"]] += 1
    return sum(starts.values()), len(starts)


def end_state(home: Path) -> dict[str, object]:
    """What must be the same whatever happened on the way: rows by original, pages, words read, filings."""
    db = Database(f"sqlite:///{home / 'poststelle.db'}")
    try:
        with db.read() as conn:
            by_delivery = {row.id: row.original for row in conn.execute(sa.select(deliveries.c.id, deliveries.c.original))}
            return {
                "deliveries": sorted(tuple(row) for row in conn.execute(sa.select(
                    deliveries.c.name, deliveries.c.original, deliveries.c.state))),
                "documents": sorted((by_delivery[row.delivery], row.position, row.state) for row in conn.execute(sa.select(
                    documents.c.delivery, documents.c.position, documents.c.state))),
                "pages": sorted((by_delivery[row.delivery], row.part, row.number, row.state) for row in conn.execute(sa.select(
                    pages.c.delivery, pages.c.part, pages.c.number, pages.c.state))),
                "reads": sorted(tuple(row) for row in conn.execute(sa.select(
                    page_reads.c.original, page_reads.c.page, page_reads.c.reader))),
                "filings": conn.execute(sa.select(sa.func.count()).select_from(filings)).scalar_one(),
                "filed documents": conn.execute(sa.select(sa.func.count(sa.distinct(filings.c.document)))).scalar_one(),
                "opened": sum('"delivery.opened"' in row.entry for row in conn.execute(sa.select(journal.c.entry))),
                "mirror": sorted(path.suffix for path in (home / "akten").rglob("*") if path.is_file()),
            }
    finally:
        db.close()


def verified(home: Path) -> dict[str, object]:
    """What `poststelle verify --json` says."""
    answer: dict[str, object] = json.loads(command(home, "verify", "--json", check=False).stdout)
    return answer
