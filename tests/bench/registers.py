"""What a large register costs: python -m tests.bench.registers [--files 200000].

A CSV of so many Akten is imported into a fresh installation, imported again unchanged, and its index is built: CPU, and the
highest memory of a process of its own for each step.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.register import register

HEAD = ("reference", "title", "notation", "parcel", "address", "persons", "former")


def write(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEAD)
        for one in register(count):
            writer.writerow((one.reference, one.title, "632.60", one.parcel, one.address, "|".join(one.persons),
                             "|".join(one.former)))


def highest() -> int:
    """The most memory this process has had, in KiB (`ru_maxrss` would be the parent's too)."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1])


def step(name: str, home: Path, table: Path) -> str:
    """One step; what it cost as a line. Runs in a process of its own."""
    from intake.config import load
    from intake.db.core import Database
    from intake.postroom import _Library
    from intake.receive_registers import import_file

    loaded = load(home)
    db = Database(loaded.database_url)
    before = highest()
    start, said = time.process_time(), ""
    if name == "index":
        index = _Library(loaded, db).knowledge(loaded.settings.tenant[0].name).resolve.index
        said = f"{len(index)} Akten, arrays {index.megabytes():.0f} MiB"
    else:
        said = import_file(db, loaded.settings.tenant[0].name, "files", table, "clerk:bench")[0].line()
    after = highest()
    return f"{name:<14}{time.process_time() - start:>8.1f} CPU s{(after - before) / 1024:>8.0f} MiB more   {said}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--step", nargs=3)
    given = parser.parse_args()
    if given.step:
        name, home, table = given.step
        print(step(name, Path(home), Path(table)))
        return
    from intake.cli.installation import create

    with tempfile.TemporaryDirectory() as folder:
        home, table = Path(folder) / "haus", Path(folder) / "akten.csv"
        create(home, "mittelau")
        write(table, given.files)
        print(f"{given.files} Akten, {table.stat().st_size / 2**20:.0f} MiB of CSV")
        for name in ("import", "import again", "index"):
            subprocess.run([sys.executable, "-m", "tests.bench.registers", "--step", name, str(home), str(table)], check=True)


if __name__ == "__main__":
    main()
