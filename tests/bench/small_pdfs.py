"""300 small born-digital PDFs end to end: dropped, read, proposed, approved, filed as PDF/A with receipt.

    .venv/bin/python tests/bench/small_pdfs.py [FILES]

CPU of everything: the worker, its sandboxed children (waited for as a subreaper, so that none is missed) and the approval.
A document management peer needs 1.2 CPU s for each of such files; ours may need 0.5.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from faults.killing import POSTSTELLE, command, new_home  # noqa: E402
from sqlalchemy import func, select  # noqa: E402

from intake import review  # noqa: E402
from intake.db.core import Database  # noqa: E402
from intake.schema import documents, filings, page_reads  # noqa: E402
from samples.letters import born_digital  # noqa: E402

BAR, PEER = 0.5, 1.2
PR_SET_CHILD_SUBREAPER = 36


def children_cpu() -> float:
    """CPU seconds of all ended children, also of those whose parent ended before them."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(home: Path) -> tuple[float, float]:
    """`work --until-idle`: CPU and wall seconds."""
    begun, wall = children_cpu(), time.perf_counter()
    subprocess.run([*POSTSTELLE, "work", "--until-idle", "--home", str(home)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    return children_cpu() - begun, time.perf_counter() - wall


def approve_all(home: Path) -> float:
    """Approve what waits under the machine's first proposal (or the first entry); CPU seconds."""
    begun = time.process_time()
    db = Database(f"sqlite:///{home / 'poststelle.db'}")
    with db.read() as conn:
        waiting = conn.execute(select(documents.c.id, documents.c.revision).where(documents.c.state == "PROPOSED")).all()
    for row in waiting:
        with db.transaction() as tx:
            review.approve(tx, row.id, row.revision, "bench", {"file": "", "entry": "100.10"})
    db.close()
    return time.process_time() - begun


def main(number: int) -> None:
    """Run and print the table."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        home = new_home(Path(folder))
        empty, _ = run(home)
        for seed in range(number):
            born_digital(home / "eingang" / "scanner" / f"{seed:04d}.pdf", seed)
        read, wall_read = run(home)
        approve = approve_all(home)
        file, wall_file = run(home)
        db = Database(f"sqlite:///{home / 'poststelle.db'}")
        with db.read() as conn:
            assert conn.execute(select(func.count()).select_from(filings)).scalar_one() == number
            by_pdfa = dict(conn.execute(select(filings.c.pdfa, func.count()).group_by(filings.c.pdfa)).all())
            boxed = conn.execute(select(func.sum(page_reads.c.cpu_seconds))).scalar_one()
        db.close()
        assert command(home, "verify", "--json").returncode == 0
    total = (read - empty + approve + file - empty) / number
    table = Table(title=f"{number} born-digital PDFs, seconds a file (start of the worker, {empty:.1f} s, taken off)")
    for column in ("phase", "CPU s", "wall s"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    table.add_row("receive, open, read, propose", f"{(read - empty) / number:.3f}", f"{wall_read / number:.3f}")
    table.add_row("  of it the box reading", f"{boxed / number:.3f}", "")
    table.add_row("approve", f"{approve / number:.3f}", "")
    table.add_row("rendition, file, receipt", f"{(file - empty) / number:.3f}", f"{wall_file / number:.3f}")
    table.add_row("all", f"{total:.3f}", "")
    table.add_row(f"of the bar ({BAR}) / of the peer ({PEER})", f"{total / BAR:.0%} / {total / PEER:.0%}", "")
    table.add_row("PDF/A", str(by_pdfa), "")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
