"""The whole database as one file and back: SQLite by its online backup, PostgreSQL by its own tools. Nobody has to stop.

A dump is of one moment: what was committed before it began is in it whole, what came later not at all.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, inspect, make_url

from intake.db.core import Database, make_engine, sqlite_driver
from intake.db.trouble import translated
from intake.errors import ConfigError, ServiceError

SQLITE, POSTGRESQL = "database.sqlite", "database.pgdump"
HOURS = 12
_LIBPQ = {"host": "PGHOST", "port": "PGPORT", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
          "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE", "service": "PGSERVICE"}


def dump(db: Database, folder: Path) -> Path:
    """Write the database into a new file in `folder`, durably; its path. Raises ServiceError, ConfigError without pg_dump."""
    if db.dialect == "sqlite":
        target = folder / SQLITE
        with translated():
            _copy(db.engine, target)
    else:
        target = folder / POSTGRESQL
        _run(db.url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return target


def _copy(engine: Engine, target: Path) -> None:
    """In one step, so that a busy writer cannot make it begin anew for ever; in WAL mode nobody waits for it."""
    source = engine.raw_connection()
    try:
        with closing(sqlite_driver().connect(target)) as copy:
            source.driver_connection.backup(copy)  # type: ignore[union-attr]
            copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, nothing beside it
    finally:
        source.close()


def load_dump(url: str, source: Path) -> None:
    """Fill the empty PostgreSQL database at `url` from its dump. Raises ConfigError when it is not empty."""
    engine = make_engine(url)
    try:
        with translated(), engine.connect() as conn:
            if inspect(conn).get_table_names():
                raise ConfigError("Die Datenbank, in die wiederhergestellt werden soll, ist nicht leer. Legen Sie eine neue an "
                                  "(createdb) und nennen Sie sie mit --database-url.")
    finally:
        engine.dispose()
    name = make_url(url).database or ""
    _run(url, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", f"--dbname={name}",
         str(source))


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; None for another one."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def is_whole(db: Database) -> bool:
    """SQLite's own look at its file, page by page; PostgreSQL has no such thing (data_checksums watch there)."""
    if db.dialect != "sqlite":
        return True
    with db.read() as conn:
        return bool(conn.exec_driver_sql("PRAGMA integrity_check(1)").scalar() == "ok")


def _run(url: str, program: str, *arguments: str) -> None:
    """Run a tool of PostgreSQL against `url`; the password goes by the environment, where nobody sees it in a list."""
    parsed = make_url(url)
    said = {"host": parsed.host or "", "port": str(parsed.port or ""), **{key: str(value) for key, value in parsed.query.items()}}
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/"),
                   "PGUSER": parsed.username or "", "PGPASSWORD": parsed.password or "", "PGDATABASE": parsed.database or "",
                   **{_LIBPQ[key]: value for key, value in said.items() if key in _LIBPQ}}
    try:
        subprocess.run([program, "--no-password", *arguments], check=True, capture_output=True, text=True, timeout=HOURS * 3600,
                       env={key: value for key, value in environment.items() if value})
    except FileNotFoundError as error:
        raise ConfigError(f"{program} fehlt. Geben Sie ein: sudo apt-get install postgresql-client") from error
    except subprocess.CalledProcessError as error:
        line = (error.stderr or "").strip().splitlines()[-1:] or ["ohne Meldung"]
        raise ServiceError(f"{program} ist gescheitert: {line[0][:300]}") from error
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"{program} war nach {HOURS} Stunden nicht fertig.") from error
