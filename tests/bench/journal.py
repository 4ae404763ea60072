"""Journal: seconds to verify a chain of 1,000,000 entries in the database, to export it, and with the auditor's own program.

    python tests/bench/journal.py [ENTRIES]

Issue G asks for at most 60 s. Entries have two ids and old and new values beside the chain, as a correction has.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert

from intake.db.core import Database
from intake.heads import publish, read
from intake.journal import GENESIS, check, export, fingerprint
from intake.schema import journal, journal_heads, journal_subjects, journal_values, metadata

T = TypeVar("T")
TENANT, BATCH = "mittelau", 10_000
VERIFIER = Path(__file__).resolve().parents[2] / "intake" / "pruefe_protokoll.py"


def fill(database: Database, number: int) -> None:
    """A chain as `record` writes it, in bulk (for ASCII texts sorted JSON is RFC 8785)."""
    prev, seq = GENESIS, 0
    with database.transaction() as tx:
        metadata.create_all(tx.connection)
        for start in range(0, number, BATCH):
            rows, beside, index = [], [], []
            for seq in range(start + 1, min(start + BATCH, number) + 1):
                salt, old, new = f"{seq:032x}", f'{{"subject":"Antrag {seq}"}}', f'{{"revision":2,"subject":"Bauantrag {seq}"}}'
                subjects = {"delivery": f"01KAJ{seq // 3:021d}", "document": f"01KAK{seq:021d}"}
                text = json.dumps({
                    "v": 1, "tenant": TENANT, "seq": seq, "at": f"2026-11-22T09:{seq % 60:02d}:00.000000Z", "actor": "clerk:kms",
                    "action": "document.corrected", "subjects": subjects, "old": fingerprint(salt, old),
                    "new": fingerprint(salt, new), "prev": prev}, sort_keys=True, separators=(",", ":"))
                prev = hashlib.sha256(text.encode()).hexdigest()
                rows.append({"tenant": TENANT, "seq": seq, "entry": text, "hash": prev})
                beside.append({"tenant": TENANT, "seq": seq, "salt": salt, "old": old, "new": new})
                index += [{"tenant": TENANT, "subject": id, "seq": seq} for id in subjects.values()]
            for table, values in ((journal, rows), (journal_values, beside), (journal_subjects, index)):
                tx.connection.execute(insert(table), values)
        tx.connection.execute(insert(journal_heads), {"tenant": TENANT, "seq": seq, "hash": prev})


def timed(what: str, do: Callable[[], T]) -> T:
    """Do it and print how long it took, and how much of that was work (of ours and of programs we called)."""
    started, before = time.perf_counter(), os.times()
    found = do()
    worked = sum(os.times()[:4]) - sum(before[:4])
    print(f"{what:<44}{time.perf_counter() - started:8.1f} s{worked:8.1f} s CPU")
    return found


def main(number: int) -> None:
    """Fill, verify, export, verify without us."""
    with tempfile.TemporaryDirectory(prefix="journal-") as name:
        folder = Path(name)
        database = Database(f"sqlite:///{folder / 'poststelle.db'}")
        timed(f"{number} entries written (in bulk)", lambda: fill(database, number))
        publish(database, [TENANT], folder / "stand.txt")
        heads, _ = read(folder / "stand.txt")
        with database.read() as conn:
            assert timed("verified in the database", lambda: check(conn, TENANT, heads)) == []
            with (folder / "p.jsonl").open("w", encoding="utf-8") as file:
                lines = export(conn, TENANT, with_values=True)
                timed("exported with values", lambda: file.writelines(line + "\n" for line in lines))
        command = [sys.executable, "-I", VERIFIER, folder / "p.jsonl", folder / "stand.txt"]
        done = timed("verified by pruefe_protokoll.py",
                     lambda: subprocess.run(command, check=False, capture_output=True, text=True))
        assert done.returncode == 0, done.stdout[-1000:]
        size, exported = ((folder / one).stat().st_size / 2**20 for one in ("poststelle.db", "p.jsonl"))
        print(f"database {size:.0f} MiB, export {exported:.0f} MiB")
        database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
