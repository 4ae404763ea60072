"""The history of the tables. `schema.py` says what they are now, the revisions how a database of any age gets there.

After a change of `schema.py` write the next revision with `python -m intake.migrations "what changed"` and read it.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from intake.errors import ConfigError

LOCK = 0x506F7374  # "Post": one migration at a time on PostgreSQL; on SQLite the writing transaction is the lock


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for the transaction `connection` is in; the caller commits."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s")
    return config


def upgrade(connection: Connection) -> str:
    """Bring the database to the newest revision inside the open transaction; returns the revision.

    Raises ConfigError when the database was made by a newer version of the program.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    config = config_for(connection)
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None
    if current(connection) != head:
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigError("Die Datenbank stammt von einer neueren Version der Poststelle. "
                              "Installieren Sie diese neuere Version.") from error
    return head


def current(connection: Connection) -> str | None:
    """The revision the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision
