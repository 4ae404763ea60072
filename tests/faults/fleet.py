"""One worker of a fleet on PostgreSQL, with the fake box: `fleet.py ROOT DATABASE_URL ENGINE_URL`. Run by test_fleet."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from fakes import by_text, fake_room  # noqa: E402

from intake.db.akten import files_by_key  # noqa: E402
from intake.db.core import Database  # noqa: E402
from intake.db.plan import open_entries  # noqa: E402
from intake.feeder import work  # noqa: E402
from intake.propose import Knowledge  # noqa: E402
from intake.receive import Door  # noqa: E402
from intake.sources.folder import FolderSource  # noqa: E402
from intake.stores.efile import EFile  # noqa: E402


def main(root: Path, url: str, engine_url: str) -> int:
    """Work until idle; the exit code of `work`."""
    db = Database(url)
    with db.read() as conn:
        entries = open_entries(conn, "mittelau", date(2026, 11, 21))
        knowledge = Knowledge(entries={entry.id: entry for entry in entries}, files=files_by_key(conn, "mittelau"),
                              extractors=(by_text,))
    room = fake_room(root, db, rules={"own_reference": True}, stores=(EFile(root / "akten" / "mittelau"),),
                     knowledge=knowledge, engine={"poll_seconds": 0.2, "cores": 2}, engine_url=engine_url)
    tenant = room.home.settings.tenant[0]
    profile = tenant.profile[0]
    door = Door(tenant, profile, FolderSource("scanner", room.home.folder(profile), settle_seconds=0.2, watch="network"))
    return work(room, (door,), until_idle=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
