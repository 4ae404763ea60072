"""Fixtures of all tests: a database (SQLite and PostgreSQL), and the shared data beside the project.

The PostgreSQL server is our own: made from Debian's binaries in a temporary folder, not as root, on a Unix socket,
without fsync (the tests' servers have nothing to lose), gone with the test run.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import text

from intake.blobs import Blobs
from intake.db.core import Database, make_engine
from intake.schema import metadata
from tests.mailserver import MailServer, dovecot
from tests.mailserver import installed as dovecot_installed

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_number = count(1)
hypothesis_settings.register_profile("calm", deadline=None)  # a busy machine is slow, not wrong: no test asserts wall time
hypothesis_settings.load_profile("calm")


def _missing(what: str) -> None:
    """Skip aloud; on the build server nothing may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the shared test data beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no shared data in {SHARED_DATA}")
    return SHARED_DATA


def _postgresql_bin() -> Path | None:
    """The folder with initdb and postgres: where PATH leads, or where Debian and Ubuntu keep them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


def _unprivileged() -> dict[str, int]:
    """Arguments for subprocess: as root somebody else runs the server (it refuses root), otherwise we do."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid}


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The folder of the socket of a PostgreSQL server of our own."""
    binaries = _postgresql_bin()
    if binaries is None:
        _missing("PostgreSQL is not installed (apt-get install postgresql): its half of the tests is not run")
    who = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # short: a socket's path has at most 107 characters
    if who:
        os.chown(folder, who["user"], who["group"])
    options = ["-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off",
               "-c", "shared_buffers=32MB", "-c", "max_connections=200"]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    subprocess.run([binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
                   check=True, capture_output=True, env=environment, cwd=folder, **who)
    with (folder / "log").open("wb") as log:  # it dies with us, also when we are killed
        server = subprocess.Popen(
            ["setpriv", "--pdeathsig", "INT", binaries / "postgres", "-D", folder / "data", *options],
            stdout=log, stderr=log, env=environment, cwd=folder, **who)
    try:
        _wait_for(folder / ".s.PGSQL.5432", server, folder / "log")
        yield str(folder)
    finally:
        server.send_signal(signal.SIGINT)  # "fast": does not wait for connections a test forgot
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(socket: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if server.poll() is not None or not socket.exists():
            time.sleep(0.05)
        else:
            engine = make_engine(_url(str(socket.parent), "postgres"))
            try:
                with engine.connect():
                    return
            except Exception:  # noqa: BLE001 - still starting, whatever it says
                time.sleep(0.05)
            finally:
                engine.dispose()
        if server.poll() is not None:
            break
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")


def _url(server: str, name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={server}&allow_fsync_off=1"


@pytest.fixture(scope="session")
def new_postgresql(postgresql_server: str) -> Callable[[], str]:
    """Call it for the URL of a new, empty PostgreSQL database (without `&allow_fsync_off=1` for drivers of others)."""
    def create() -> str:
        name = f"test{next(_number)}"
        engine = make_engine(_url(postgresql_server, "postgres"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return _url(postgresql_server, name)
    return create


@pytest.fixture(scope="session")
def _postgresql_url(new_postgresql: Callable[[], str]) -> str:
    """The one PostgreSQL database with our tables that the tests share; each finds it empty."""
    url = new_postgresql()
    database = Database(url)
    with database.transaction() as tx:
        metadata.create_all(tx.connection)
    database.close()
    return url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "poststelle.db"
    database = Database(f"sqlite:///{path}")
    with database.transaction() as tx:
        metadata.create_all(tx.connection)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with our tables and no rows, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "poststelle.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        return f"sqlite:///{path}"
    url = request.getfixturevalue("_postgresql_url")
    engine = make_engine(url)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):  # ten times quicker than TRUNCATE for a handful of rows
            connection.execute(table.delete())
    engine.dispose()
    return str(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A Database with our tables and no rows, on SQLite and on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(tmp_path: Path, _sqlite_template: Path) -> Iterator[Database]:
    """The same on SQLite alone, for tests that say nothing about the database."""
    path = tmp_path / "poststelle.db"
    shutil.copy(_sqlite_template, path)
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty store of one tenant."""
    return Blobs(tmp_path / "blobs")


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    """A Dovecot of our own, empty at first; tests empty what they use."""
    if not dovecot_installed():
        _missing("Dovecot is not installed (apt-get install dovecot-imapd): mailboxes are not tested")
    folder = Path(tempfile.mkdtemp(prefix="imap", dir="/tmp"))  # short: sockets
    with dovecot(folder) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


SHARED_STANDARDS = Path(__file__).resolve().parents[2] / "shared" / "standards"


@pytest.fixture(scope="session")
def standards() -> Path:
    """The folder with the published schemas beside the project."""
    if not SHARED_STANDARDS.is_dir():
        pytest.skip(f"no published schemas in {SHARED_STANDARDS}")
    return SHARED_STANDARDS
