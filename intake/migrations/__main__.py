"""Write the next revision: `python -m intake.migrations "what changed"`. For developers; an installation never runs it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from intake.db.core import Database
from intake.migrations import config_for


def main(message: str) -> None:
    """Compare the revisions there are with `schema.py` and write the difference as the next one."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'empty.db'}")
        with database.transaction() as tx:
            config = config_for(tx.connection)
            command.upgrade(config, "head")
            head = ScriptDirectory.from_config(config).get_current_head()
            command.revision(config, message, autogenerate=True, rev_id=f"{int(head or 0) + 1:04d}")
        database.close()


if __name__ == "__main__":
    main(sys.argv[1])
