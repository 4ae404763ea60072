"""A generated back-file (samples/bauakten.py) through the whole house: cuts, registers, fields, completeness, throughput.

    python tests/bench/backfile.py [--akten 24] [--scanned 0.05] [--kills 0] [--folder FOLDER] [--seed 1] [--memory] [--letter 20]

Everything it measures against was made up by this project: it says how the parts work together, not how they do on a town's
paper. `--kills`: so many kill -9 at random moments while the batch runs. `--folder`: keep delivery and installation there, use
them again. Exit code 1 when a bar is missed: register >= 90 %, Vorgang F1 >= 0.95, parcel, Bauherr and date F1 >= 0.85, every
planted fault found and no other, every page accounted for; with `--scanned 1` at most 10 % of the CPU of reading for all else;
with `--letter` (so many seconds between two scanned letters that are dropped meanwhile) p95 until it is proposed at most 60 s;
with `--memory` at most a tenth more memory behind the first 500 pages than up to there.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from intake.backfile import balance  # noqa: E402
from intake.blobs import Blobs  # noqa: E402
from intake.config import load  # noqa: E402
from intake.db import batches as lose  # noqa: E402
from intake.db.core import Database  # noqa: E402
from intake.db.cuts import cut_of  # noqa: E402
from intake.db.documents import documents_of, proposals_of  # noqa: E402
from intake.schema import deliveries  # noqa: E402
from samples.bauakten import make  # noqa: E402
from tests.bench import beside  # noqa: E402

COMMAND = Path(sys.executable).with_name("poststelle")
NAME = "altakten"


@dataclass
class Score:
    """Right, wrong and missed of one thing."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)


@dataclass
class Result:
    """What came out beside what was planted."""

    cuts: Score = field(default_factory=Score)
    vorgang: Score = field(default_factory=Score)
    register: Score = field(default_factory=Score)
    fields: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    confused: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Ran:
    """Wall and CPU seconds of a run, of these the worker's own; the memory it took; how long letters waited."""

    wall: float = 0.0
    cpu: float = 0.0
    own: float = 0.0
    memory: list[tuple[str, float, float]] = field(default_factory=list)
    letters: list[float] = field(default_factory=list)


def run(home: Path, kills: int, seed: int, letter: float) -> Ran:
    """The batch run to its end, killed on the way."""
    rng, start, database = random.Random(seed), time.monotonic(), Database(load(home).database_url)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(kills):
        process = subprocess.Popen([COMMAND, "--home", home, "batch", "run", NAME], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(3, 25))
        process.kill()
        process.wait()
    process = subprocess.Popen([COMMAND, "--home", home, "batch", "run", NAME], stdout=subprocess.DEVNULL)
    watch = beside.Watch(process.pid, database)
    letters = beside.Letters(home / "eingang" / "scanner", letter) if letter else None
    while process.poll() is None:
        time.sleep(0.2)
        with database.read() as conn:
            batch = lose.batch_named(conn, load(home).settings.tenant[0].name, NAME)
            if letters and batch and (numbers := lose.numbers(conn, batch)).opened == numbers.items:
                letters.stop()  # what is dropped behind the batch says nothing
    assert process.returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Ran(time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, watch.own_cpu,
               watch.table(), beside.waited(database, letters.dropped) if letters else [])


def measure(db: Database, truth: dict[str, Any]) -> Result:
    """Each file of the truth beside the documents the machine made of it."""
    result = Result()
    with db.read() as conn:
        by_name = {Path(row.name).name: row.id for row in conn.execute(select(deliveries.c.id, deliveries.c.name))}
        for file in truth["files"]:
            found = []
            for document in documents_of(conn, by_name[file["file"]]):
                best: dict[str, str] = {}
                for one in proposals_of(conn, document.id):
                    best.setdefault(one.field, one.value)
                found.append(({ref.number for ref in document.pages}, cut_of(conn, document.id).case, best))
            compare(result, file, found)
    return result


def compare(result: Result, file: dict[str, Any], found: Sequence[tuple[set[int], str, dict[str, str]]]) -> None:
    """One Akte: starts of documents, starts of Vorgänge, register and fields of each true document."""
    docs = file["documents"]
    _edges(result.cuts, {one["pages"][0] for one in docs[1:]}, {min(pages) for pages, _, _ in found[1:]})
    true_cases = {one["pages"][0] for before, one in pairwise(docs) if before["vorgang"] != one["vorgang"]}
    said = {min(pages) for (_, case, _), (pages, other, _) in pairwise(found) if case != other}
    _edges(result.vorgang, true_cases, said)
    for one in docs:
        best = next((values for pages, _, values in found if one["pages"][0] in pages), {})
        register = best.get("register", "")
        result.register.right += register == one["register"]
        result.register.wrong += register != one["register"]
        result.confused[one["register"], register] += register != one["register"]
        if one["register"] not in ("01", "09"):
            continue
        _value(result.fields["parcel"], file["parcel"].split("Flurstück ")[1], best.get("parcel", ""), part=True)
        _value(result.fields["applicant"], one["builder"], best.get("applicant", ""))
        name = "application_date" if one["register"] == "01" else "permit_date"
        _value(result.fields["date"], one["date"], best.get(name) or best.get("letter_date", ""))


def _edges(score: Score, true: set[int], found: set[int]) -> None:
    score.right += len(true & found)
    score.wrong += len(found - true)
    score.missed += len(true - found)


def _value(score: Score, true: str, found: str, *, part: bool = False) -> None:
    right = bool(found) and (true in found if part else true == found)
    score.right += right
    score.wrong += bool(found) and not right
    score.missed += not right


def faults(db: Database, home: Path, truth: dict[str, Any]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """(kind, what) that was planted, and that was found."""
    place = load(home)
    with db.read() as conn:
        batch = lose.batch_named(conn, place.settings.tenant[0].name, NAME)
    assert batch is not None
    found = balance.reconcile(db, Blobs(place.blobs(batch.tenant)), batch)
    planted, said = truth["faults"], {one["reference"]: one["file"] for one in truth["files"]}
    true = {("missing", one) for one in planted["missing"]} | {("extra", one) for one in planted["extra"]}
    true |= {("pages", said[one]) for one in planted["miscounted"]}
    true |= {("double", f"{said[one]}, Seite {page}") for one, page in planted["twice"]}
    true |= {("unreadable", f"{said[one]}, Seite {page}") for one, page in planted["unreadable"]}
    return true, set(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--akten", type=int, default=24)
    parser.add_argument("--scanned", type=float, default=0.05)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--letter", type=float, default=0.0)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backfile", dir="/var/tmp") as name:
        folder = asked.folder or Path(name)
        if not (folder / "truth.json").exists():
            make(folder, asked.akten, asked.seed, asked.scanned)
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        home = folder / "poststelle"
        ran = Ran()
        if not home.exists():
            subprocess.run([COMMAND, "init", home], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([COMMAND, "--home", home, "batch", "new", NAME, folder / "lieferung", "--index", folder / "index.csv",
                            "--master", folder / "aktenverzeichnis.csv"], check=True)
            ran = run(home, asked.kills, asked.seed, asked.letter)
        return report(home, truth, ran, asked.scanned, asked.memory)


def costs(db: Database, ran: Ran, scanned: float, memory: bool) -> list[tuple[str, str, bool]]:
    """What the run cost beside reading, in memory, and for the letters that came meanwhile, as rows of the table."""
    rows: list[tuple[str, str, bool]] = []
    reading = beside.reading_cpu(db)
    if ran.cpu:
        share = ran.own / reading  # warm boxes are ended, not waited for: their CPU stands in their answers alone
        rows.append(("CPU of worker to reading", f"{share:.3f} ({ran.own:.0f} s, reading {reading:.0f} s)",
                     scanned < 1 or share <= 0.10))
    if ran.letters:
        rows.append(("letter beside the batch", beside.said(ran.letters), beside.percentile(ran.letters, 0.95) <= 60))
    if memory:
        early = [row[2] for row in ran.memory if int(row[0].split()[0]) < 500]
        rows += [(f"MiB, pages {pages}", f"worker {alone:.0f}, with its boxes {whole:.0f}",
                  not early or whole <= 1.1 * max(early)) for pages, alone, whole in ran.memory]
    return rows


def report(home: Path, truth: dict[str, Any], ran: Ran, scanned: float, memory: bool) -> int:
    """Print everything and say whether a bar was missed."""
    db = Database(load(home).database_url)
    result = measure(db, truth)
    true, found = faults(db, home, truth)
    with db.read() as conn:
        batch = lose.batch_named(conn, load(home).settings.tenant[0].name, NAME)
        assert batch is not None
        pages = lose.page_balance(conn, batch)
    wanted = sum(len(one["pages"]) for file in truth["files"] for one in file["documents"])
    kept = sum(number for what, number in pages.items() if what != "read")
    right = result.register.right / max(1, result.register.right + result.register.wrong)
    rows = [("pages accounted for", f"{kept} of {wanted}", kept == wanted),
            ("documents: starts F1", f"{result.cuts.f1:.3f}", True), ("register right", f"{right:.3f}", right >= 0.90),
            ("Vorgang boundaries F1", f"{result.vorgang.f1:.3f}", result.vorgang.f1 >= 0.95),
            *((f"{what} F1", f"{score.f1:.3f}", score.f1 >= 0.85) for what, score in sorted(result.fields.items())),
            ("planted faults found", f"{len(true & found)} of {len(true)}, {len(found - true)} others", true == found),
            *costs(db, ran, scanned, memory)]
    for what, figure, good in rows:
        print(f"{what:24} {figure:30} {'' if good else 'MISSED'}")
    for kind, subject in sorted(true ^ found):
        print(f"  {'not found' if (kind, subject) in true else 'not planted'}: {kind} {subject}")
    for (one, other), number in sorted(result.confused.items(), key=lambda item: -item[1])[:8]:
        if number:
            print(f"  register {one} taken for {other or '-'}: {number}")
    if ran.wall:
        spent = ran.own + beside.reading_cpu(db)
        print(f"{kept / ran.wall * 3600:.0f} pages an hour, {spent / max(1, kept):.2f} CPU s a page")
    return int(not all(good for _, _, good in rows))


if __name__ == "__main__":
    sys.exit(main())
