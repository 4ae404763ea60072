"""A PostgreSQL server of our own for measurements: in a folder that stays, or in one that is gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import _postgresql_bin, _unprivileged, _url, _wait_for


@contextmanager
def server(kept: Path | None = None) -> Iterator[str]:
    """The URL of its database `postgres`. `kept`: the cluster is made there, or used again when it is there already."""
    binaries, who = _postgresql_bin(), _unprivileged()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed.")
    sockets = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    data = (kept / "postgresql") if kept else sockets / "data"
    if who:
        os.chown(sockets, who["user"], who["group"])
        if kept:
            data.mkdir(exist_ok=True)
            os.chown(data, who["user"], who["group"])
    said = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(sockets)}
    if not (data / "PG_VERSION").exists():
        subprocess.run([binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
                       check=True, capture_output=True, env=said, cwd=sockets, **who)
    options = ["-k", str(sockets), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=256MB",
               "-c", "max_wal_size=2GB"]
    with (sockets / "log").open("wb") as log:
        running = subprocess.Popen(["setpriv", "--pdeathsig", "INT", binaries / "postgres", "-D", data, *options],
                                   stdout=log, stderr=log, env=said, cwd=sockets, **who)
    try:
        _wait_for(sockets / ".s.PGSQL.5432", running, sockets / "log")
        yield _url(str(sockets), "postgres")
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)
        shutil.rmtree(sockets, ignore_errors=True)
