"""Messages a second from a real Dovecot on this machine, beside bare receives of the same files from a folder.

`python tests/bench/mail.py [messages] [bytes]` prints wall and CPU per message for both (two processes' CPU: ours alone),
the fsyncs of one message, and how much memory grew. Bar: at most 10 ms CPU a message, at least half the rate of the folder.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from intake.blobs import Blobs
from intake.config import Mailbox as MailboxSettings
from intake.config import ScanProfile, Tenant
from intake.db.core import Database, migrate
from intake.receive import receive_all
from intake.receive_mail import receive_mailbox
from intake.sources.folder import FolderSource
from intake.sources.imap import Account, Mailbox
from tests.mailserver import PASSWORD, dovecot, message

TENANT = Tenant(name="mittelau")


def measured(work: Callable[[], int]) -> tuple[float, float, float, int]:
    """Wall and CPU seconds, growth of the peak in MiB, and how many deliveries there were."""
    before, peak, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    count = work()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    return time.perf_counter() - before, time.process_time() - cpu, grown, count


def main(messages: int = 1000, size: int = 200_000) -> None:
    with tempfile.TemporaryDirectory(prefix="mail", dir="/var/tmp") as name:
        folder = Path(name)
        drop = folder / "eingang"
        drop.mkdir()
        url = f"sqlite:///{folder / 'poststelle.db'}"
        migrate(url)
        database, blobs = Database(url), Blobs(folder / "blobs")
        with dovecot(_made(folder / "dovecot")) as server:
            for start in range(0, messages, 50):
                fresh = [message(f"Nachricht {number}", size=size) for number in range(start, min(start + 50, messages))]
                server.put("post", *fresh)
                for number, one in enumerate(fresh, start):
                    (drop / f"{number:05}.eml").write_bytes(one.replace(b"Nachricht", b"Nachrichd"))
            source = Mailbox(Account("localhost", server.port, "post", lambda: PASSWORD, ca_file=str(server.ca_file)))
            settings = MailboxSettings(name="rathaus", host="localhost", user="post")
            profile = ScanProfile(name="scanner", settle_seconds=0)
            door = FolderSource("scanner", drop, settle_seconds=0)
            rows = {
                "folder": measured(lambda: receive_all(database, blobs, TENANT, profile, door).new),
                "mailbox": measured(lambda: receive_mailbox(database, blobs, TENANT, settings, source, folder).new)}
            source.close()
        database.close()
    for what, (wall, cpu, grown, count) in rows.items():
        print(f"{what:8} {count:5} deliveries  {count / wall:7.1f} a second  {1000 * cpu / count:6.2f} ms CPU each  "
              f"memory +{grown:.0f} MiB")
    ratio = (rows["mailbox"][3] / rows["mailbox"][0]) / (rows["folder"][3] / rows["folder"][0])
    print(f"mailbox at {ratio:.2f} of the folder's rate (bar 0.50)")


def _made(folder: Path) -> Path:
    folder.mkdir()
    folder.parent.chmod(0o755)
    return folder


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
