"""Restore drill: so many documents are filed, saved while a writer goes on, restored into an empty folder, compared, verified.

    python tests/bench/restore.py [DOCUMENTS]

Compared are every row of every table with the saved database, every row there was before the backup began, every blob by its
hash, every file of the mirror byte by byte. Issue G asks for 10,000 documents and 0 differences. Nothing is read by Tesseract:
the bytes are small and invented, everything around them is as in the house.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from making import TENANT, opened, received  # noqa: E402
from sqlalchemy import select  # noqa: E402

from intake.backup import backup  # noqa: E402
from intake.blobs import Blobs  # noqa: E402
from intake.cli.installation import create  # noqa: E402
from intake.cli.whole import verify_home  # noqa: E402
from intake.config import Home  # noqa: E402
from intake.db.core import Database, Tx, add, new_id  # noqa: E402
from intake.db.deliveries import add_page_reads  # noqa: E402
from intake.db.documents import add_decision, move_document  # noqa: E402
from intake.db.filings import add_filing, add_receipt, settle_filing  # noqa: E402
from intake.db.plan import import_plan  # noqa: E402
from intake.journal import RESTORED, record  # noqa: E402
from intake.restore import mend_mirror, restore  # noqa: E402
from intake.schema import files, journal, metadata  # noqa: E402
from intake.stores.efile import EFile  # noqa: E402
from intake.vocabulary import AktenplanEntry, Decision, DocumentState, File, Filing  # noqa: E402

T = TypeVar("T")
ENTRY = AktenplanEntry("ap-1", "60.1", "Bauanträge")
BATCH, PER_AKTE = 100, 20
TEXT = b"Sehr geehrte Damen und Herren, hiermit beantrage ich die Baugenehmigung. " * 12


def filed(home: Home, db: Database, start: int, number: int, akten: dict[int, File]) -> None:
    """File documents `start` to `start + number - 1`: bytes, rows, journal and mirror as the worker leaves them."""
    blobs, store, made = Blobs(home.blobs(TENANT)), EFile(home.akten(TENANT)), []
    bytes_of = [[blobs.add_bytes(f"{what} {one}\n".encode() + TEXT, f"{what}.pdf", "application/pdf")
                 for what in ("%PDF scan", "words", "%PDF/A")] for one in range(start, start + number)]
    with db.transaction() as tx:
        for one, (scan, chunk, pdf) in enumerate(bytes_of, start=start):
            delivery = received(tx, original=scan)
            add_page_reads(tx, TENANT, scan.sha256, "tesseract", [(1, chunk.sha256, 0.1)])
            _, (document,) = opened(tx, delivery)
            akte = akten.get(one // PER_AKTE) or _akte(tx, one // PER_AKTE)
            akten[one // PER_AKTE] = akte
            values = {"entry": ENTRY.id, "subject": f"Bauantrag {one}"}
            add_decision(tx, TENANT, Decision(document.id, values, "clerk:kms", tx.now, 1))
            filing = Filing(f"f-{document.id}", TENANT, document.id, ENTRY, akte, None, f"Antrag {one}", values, tx.now, pdf,
                            (scan,), "2b", 1)
            add_filing(tx, filing)
            move_document(tx, document, DocumentState.FILED)
            record(tx, TENANT, "clerk:kms", "document.filed", subjects={"document": document.id}, new=values)
            made.append(filing)
    told = [(filing, store.file(filing, blobs.open)) for filing in made]
    with db.transaction() as tx:
        for filing, receipt in told:
            add_receipt(tx, TENANT, filing.key, receipt)
            settle_filing(tx, filing.key, {store.name}, undone=False)


def _akte(tx: Tx, number: int) -> File:
    row = File(new_id(), f"BA {number}", "Neubau", ENTRY.id)
    add(tx, files, id=row.id, tenant=TENANT, reference=row.reference, reference_key=f"BA{number}", title=row.title,
        entry=ENTRY.id, origin="ours", parcel="", address="", persons=[])
    return row


def rows(db: Database) -> dict[str, set[bytes]]:
    """The hash of every row, by table; what the restore itself added to the journal is left out."""
    with db.read() as conn:
        own = set(conn.execute(select(journal.c.seq).where(journal.c.entry.like(f'%"action":"{RESTORED}"%'))).scalars())
        return {table.name: {hashlib.sha256(repr(tuple(row)).encode()).digest() for row in conn.execute(select(table))
                             if not (table.name.startswith("journal") and row._mapping["seq"] in own)}
                for table in metadata.sorted_tables}


def tree(folder: Path) -> Iterator[tuple[str, str]]:
    """Path and hash of every file that is not hidden."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()


def timed(what: str, do: Callable[[], T]) -> T:
    """Do it and print how long it took, and the CPU of this process in it."""
    started, before = time.perf_counter(), os.times()
    found = do()
    print(f"{what:<52}{time.perf_counter() - started:8.1f} s{sum(os.times()[:2]) - sum(before[:2]):8.1f} s CPU", flush=True)
    return found


def main(number: int) -> None:
    """The drill."""
    root = Path(tempfile.mkdtemp(prefix="drill-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    try:
        drill(root, number)
    finally:
        shutil.rmtree(root)


def drill(root: Path, number: int) -> None:
    """Fill, save under a writer, restore, compare."""
    home = create(root / "haus", TENANT, empty=True)
    db, akten = Database(home.database_url), {}
    with db.transaction() as tx:
        import_plan(tx, TENANT, [ENTRY])
    timed(f"{number} documents filed", lambda: [filed(home, db, start, min(BATCH, number - start), akten)
                                                for start in range(0, number, BATCH)])
    before, mirror = rows(db), dict(tree(home.akten(TENANT)))
    stop, more = threading.Event(), [number]

    def write() -> None:
        while not stop.is_set():
            filed(home, db, more[0], 1, akten)
            more[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = timed("saved, all of it, while a writer files", lambda: backup(home, db, root / "sicherung"))
    finally:
        stop.set()
        writer.join()
    print(f"  the writer filed {more[0] - number} meanwhile; {made.counts['bytes'] / 2**20:.0f} MiB, "
          f"{made.counts['blobs']} blobs, {made.counts['files']} other files, faults {len(made.faults)}")
    again = timed("saved again, what is new", lambda: backup(home, db, root / "sicherung"))
    print(f"  {again.counts['new_objects']} new objects, {again.counts['new_bytes'] / 2**20:.1f} MiB")
    done = timed("restored", lambda: restore(root / "sicherung", made, root / "neu"))
    mended = timed("mirror brought to the moment of the database", lambda: mend_mirror(
        done.home, lambda _tenant: [EFile(done.home.akten(TENANT))]))
    other = Database(done.home.database_url)
    report = timed("verified, every byte hashed again", lambda: verify_home(done.home, other))
    shutil.copyfile(root / "sicherung" / made.id / made.database, root / "saved.db")
    saved = Database(f"sqlite:///{root / 'saved.db'}")
    now, then = rows(other), rows(saved)
    differing = sum(len(now[name] ^ then[name]) for name in now if name not in ("journal_heads", "receipts"))
    moved = {"journal_heads", "counters"}
    lost = sum(len(found - now[name]) for name, found in before.items() if name not in moved)
    back = dict(tree(done.home.akten(TENANT)))
    files_lost = sum(back.get(path) != digest for path, digest in mirror.items() if not path.endswith("akte.json"))
    print(f"  {report.checked}")
    print(f"faults {len(report.faults)} {report.faults[:3]}, damaged in the backup {len(done.faults)}, mirror mended {mended}")
    print(f"rows that differ from the saved database {differing}, rows from before the backup that are missing {lost}, "
          f"files of the mirror that differ {files_lost}")
    for one in (db, other, saved):
        one.close()
    assert not (report.faults or done.faults or made.faults or differing or lost or files_lost)
    print("0 differences")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
