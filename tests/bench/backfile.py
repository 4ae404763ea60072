"""A generated back-file (samples/bauakten.py) through the whole house: cuts, registers, fields, completeness, throughput.

    python tests/bench/backfile.py [--akten 24] [--scanned 0.05] [--kills 0] [--folder FOLDER] [--seed 1]

Everything it measures against was made up by this project: it says how the parts work together, not how they do on a town's
paper. `--kills`: so many kill -9 at random moments while the batch runs. `--folder`: keep delivery and installation there, use
them again. Exit code 1 when a bar is missed: register >= 90 %, Vorgang F1 >= 0.95, parcel, Bauherr and date F1 >= 0.85, every
planted fault found and no other, every page accounted for.
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


def run(home: Path, kills: int, seed: int) -> tuple[float, float]:
    """The batch run to its end, killed on the way; wall and CPU seconds."""
    rng, start = random.Random(seed), time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(kills):
        process = subprocess.Popen([COMMAND, "--home", home, "batch", "run", NAME], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(3, 25))
        process.kill()
        process.wait()
    subprocess.run([COMMAND, "--home", home, "batch", "run", NAME], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backfile", dir="/var/tmp") as name:
        folder = asked.folder or Path(name)
        if not (folder / "truth.json").exists():
            make(folder, asked.akten, asked.seed, asked.scanned)
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        home = folder / "poststelle"
        seconds = (0.0, 0.0)
        if not home.exists():
            subprocess.run([COMMAND, "init", home], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([COMMAND, "--home", home, "batch", "new", NAME, folder / "lieferung", "--index", folder / "index.csv",
                            "--master", folder / "aktenverzeichnis.csv"], check=True)
            seconds = run(home, asked.kills, asked.seed)
        return report(home, truth, seconds)


def report(home: Path, truth: dict[str, Any], seconds: tuple[float, float]) -> int:
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
            ("planted faults found", f"{len(true & found)} of {len(true)}, {len(found - true)} others", true == found)]
    for what, figure, good in rows:
        print(f"{what:24} {figure:30} {'' if good else 'MISSED'}")
    for kind, subject in sorted(true ^ found):
        print(f"  {'not found' if (kind, subject) in true else 'not planted'}: {kind} {subject}")
    for (one, other), number in sorted(result.confused.items(), key=lambda item: -item[1])[:8]:
        if number:
            print(f"  register {one} taken for {other or '-'}: {number}")
    if seconds[0]:
        print(f"{kept / seconds[0] * 3600:.0f} pages an hour, {seconds[1] / max(1, kept):.2f} CPU s a page (made-up text layers)")
    return int(not all(good for _, _, good in rows))


if __name__ == "__main__":
    sys.exit(main())
