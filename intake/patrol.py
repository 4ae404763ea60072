"""The patrol: every hour a 256th of all blobs is hashed again, so that within eleven days every byte was looked at.

Bytes go bad in silence. Who notices only when a letter is needed has by then a year of backups with the same hole.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence

from intake.blobs import Blobs
from intake.db.core import Database, new_id
from intake.db.problems import open_problem
from intake.errors import Reason
from intake.journal import record
from intake.vocabulary import Problem

log = logging.getLogger(__name__)

ACTOR, STEP = "service:patrol", "patrol"
SECONDS = 5.0
"""The longest a round may take; the order is random, so that what it does not reach comes another time."""
TITLE = ("Eine aufbewahrte Datei ist beschädigt. Holen Sie sie aus der Sicherung zurück, und lassen Sie den Datenträger prüfen; "
         "was sie betrifft, sagt poststelle verify.")


def patrol(db: Database, tenants: Sequence[str], blobs: Callable[[str], Blobs], hour: int, seconds: float = SECONDS) -> int:
    """Hash this hour's blobs again; what is damaged becomes a Klärungsfall (once). Returns how many were looked at."""
    end, looked = time.monotonic() + seconds, 0
    for tenant in tenants:
        for sha256 in random.sample(part := sorted(blobs(tenant).iter_part(hour)), len(part)):
            if time.monotonic() > end:
                return looked
            looked += 1
            if not blobs(tenant).check(sha256):
                _report(db, tenant, sha256)
    return looked


def _report(db: Database, tenant: str, sha256: str) -> None:
    log.error("a blob is damaged", extra={"sha256": sha256})
    with db.transaction() as tx:
        problem = Problem(new_id(), tenant, "source", f"store/{sha256}", STEP, Reason.DAMAGED, TITLE, sha256, ("close",), tx.now)
        if open_problem(tx, problem) == problem.id:
            record(tx, tenant, ACTOR, "problem.opened", subjects={"problem": problem.id}, new={"sha256": sha256})
