"""The revisions lead to exactly the tables of schema.py, on both databases, once, from anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from intake.db.core import Database, add, migrate, new_id, utcnow
from intake.errors import ConfigError, PoststelleError
from intake.migrations import config_for, current
from intake.schema import deliveries, metadata, ours


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    create: Callable[[], str] = request.getfixturevalue("new_postgresql")
    return create()


def test_the_revisions_make_the_tables_of_the_schema(empty_url: str) -> None:
    assert migrate(empty_url) == "0001"
    database = Database(empty_url)
    with database.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "include_name": ours})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_a_difference_would_be_seen(empty_url: str) -> None:
    migrate(empty_url)
    database = Database(empty_url)
    with database.transaction() as tx:
        tx.connection.execute(text("DROP INDEX ix_deliveries_waiting"))
    with database.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) != []
    database.close()


def test_again_changes_nothing_and_keeps_the_rows(empty_url: str) -> None:
    migrate(empty_url)
    database, id = Database(empty_url), new_id()
    with database.transaction() as tx:
        add(tx, deliveries, id=id, tenant="a", key="k", channel="folder", source="post", received_at=utcnow(),
            original="0" * 64, media_type="application/pdf", name="a.pdf", size=3 * 2**31, envelope={},
            access_class="Poststelle", lane="post", batch="", position=1, state="RECEIVED", revision=1)
    assert migrate(empty_url) == "0001"
    with database.read() as conn:
        assert conn.execute(text("SELECT id, size FROM deliveries")).all() == [(id, 3 * 2**31)]
    database.close()


def test_two_at_once(empty_url: str) -> None:
    """Two workers of one installation start together: one migrates, the other finds it done."""
    results: list[str | PoststelleError] = []

    def run() -> None:
        try:
            results.append(migrate(empty_url))
        except PoststelleError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["0001"] * 3


def test_a_newer_database_is_refused(empty_url: str) -> None:
    migrate(empty_url)
    database = Database(empty_url)
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="neueren Version"):
        migrate(empty_url)
    with database.read() as conn:
        assert current(conn) == "9999"
    database.close()


def test_a_failed_migration_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DDL is transactional on both: half a schema is never committed."""
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("intake.db.core.Database.close", lambda self: None)
    monkeypatch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", broken)
    with pytest.raises(RuntimeError, match="power cut"):
        migrate(empty_url)
    monkeypatch.undo()
    database = Database(empty_url)
    with database.read() as conn:
        assert current(conn) is None
        assert "deliveries" not in conn.dialect.get_table_names(conn)
    assert migrate(empty_url) == "0001"
    database.close()


def test_one_line_of_revisions_all_packaged() -> None:
    database = Database("sqlite://")
    with database.read() as conn:
        scripts = ScriptDirectory.from_config(config_for(conn))
        revisions = list(scripts.walk_revisions())
    assert len(scripts.get_heads()) == 1
    assert [revision.revision for revision in revisions][-1] == "0001"
    assert all(Path(revision.path).name == f"{revision.revision}.py" for revision in revisions)
    database.close()
