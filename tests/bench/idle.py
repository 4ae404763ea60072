"""CPU of an idle `poststelle work`: nothing waits, one local folder is watched. Bar: 2 % of a core.

    .venv/bin/python tests/bench/idle.py [SECONDS]
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from faults.killing import POSTSTELLE, new_home  # noqa: E402

BAR = 0.02
START_SECONDS = 6.0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(seconds: float) -> None:
    """Start, let it settle, measure, stop with SIGTERM."""
    with tempfile.TemporaryDirectory() as folder:
        home = new_home(Path(folder))
        worker = subprocess.Popen([*POSTSTELLE, "work", "--home", str(home)], stderr=subprocess.DEVNULL)
        time.sleep(START_SECONDS)
        begun = cpu_seconds(worker.pid)
        time.sleep(seconds)
        share = (cpu_seconds(worker.pid) - begun) / seconds
        worker.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        code = worker.wait(timeout=30)
    table = Table(title=f"idle for {seconds:.0f} s")
    for column in ("", "measured", "of the bar"):
        table.add_column(column)
    table.add_row("share of a core", f"{share:.2%}", f"{share / BAR:.0%}")
    table.add_row("SIGTERM to exit", f"{time.monotonic() - stopped:.1f} s, exit code {code}", "")
    Console().print(table)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
