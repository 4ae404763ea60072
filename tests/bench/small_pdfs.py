"""300 small born-digital PDFs end to end: dropped, read, proposed, approved, filed as PDF/A with receipt.

    .venv/bin/python tests/bench/small_pdfs.py [FILES]

CPU of everything: the worker, its sandboxed children (waited for as a subreaper, so that none is missed) and the approval.
A document management peer needs 1.2 CPU s for each of such files; ours may need 0.5.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path[:0] = [str(folder) for folder in (Path(__file__).resolve().parent, *Path(__file__).resolve().parents[1:3])]

from faults.killing import POSTSTELLE, command, new_home  # noqa: E402
from measures import Cost, measured  # noqa: E402
from sqlalchemy import func, select  # noqa: E402

from intake import review  # noqa: E402
from intake.db.core import Database  # noqa: E402
from intake.schema import documents, filings, page_reads  # noqa: E402
from samples.letters import born_digital  # noqa: E402

BAR, PEER = 0.5, 1.2


def run(home: Path) -> Cost:
    """What `work --until-idle` costs."""
    return measured(lambda: subprocess.run([*POSTSTELLE, "work", "--until-idle", "--home", str(home)], check=True,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), memory=False)


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
    with tempfile.TemporaryDirectory() as folder:
        home = new_home(Path(folder))
        empty = run(home).cpu
        for seed in range(number):
            born_digital(home / "eingang" / "scanner" / f"{seed:04d}.pdf", seed)
        read = run(home)
        approve = approve_all(home)
        file = run(home)
        db = Database(f"sqlite:///{home / 'poststelle.db'}")
        with db.read() as conn:
            assert conn.execute(select(func.count()).select_from(filings)).scalar_one() == number
            by_pdfa = dict(conn.execute(select(filings.c.pdfa, func.count()).group_by(filings.c.pdfa)).all())
            boxed = conn.execute(select(func.sum(page_reads.c.cpu_seconds))).scalar_one()
        db.close()
        assert command(home, "verify", "--json").returncode == 0
    total = (read.cpu - empty + approve + file.cpu - empty) / number
    table = Table(title=f"{number} born-digital PDFs, seconds a file (start of the worker, {empty:.1f} s, taken off)")
    for column in ("phase", "CPU s", "wall s"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    table.add_row("receive, open, read, propose", f"{(read.cpu - empty) / number:.3f}", f"{read.wall / number:.3f}")
    table.add_row("  of it the box reading", f"{boxed / number:.3f}", "")
    table.add_row("approve", f"{approve / number:.3f}", "")
    table.add_row("rendition, file, receipt", f"{(file.cpu - empty) / number:.3f}", f"{file.wall / number:.3f}")
    table.add_row("all", f"{total:.3f}", "")
    table.add_row(f"of the bar ({BAR}) / of the peer ({PEER})", f"{total / BAR:.0%} / {total / PEER:.0%}", "")
    table.add_row("PDF/A", str(by_pdfa), "")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
