"""Which paper of a batch may be destroyed (TR-RESISCAN A.SC.8): of an accepted lot what is saved, without fault and of no value.

The screen asks for numbers and the first documents, which is quick whatever the batch; the lists to be signed name every
document and are written by a command.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from intake.backup import generations
from intake.config import Settings
from intake.db import checks, releases
from intake.db.batches import Batch
from intake.db.checks import Draw, Lot
from intake.db.core import parse_stamp
from intake.db.releases import EVERY, Seen
from intake.errors import Refused

NO_DESTRUCTION = ("Urkunde", "notariell", "Notar", "Siegel", "Wertpapier", "Bürgschaft", "Vollstreckungstitel", "eidesstattlich")
"""Words in a title that keep the paper: originals with a value of their own are never destroyed (TR-RESISCAN, eligibility)."""
REASONS: Mapping[releases.Why, str] = {
    "faulty": "in der Prüfung beanstandet", "later": "nach der Prüfung abgelegt", "unsaved": "noch in keiner Sicherung"}
"""Why paper stays, in German; the words of `NO_DESTRUCTION` come after these."""

_OF_VALUE = re.compile("|".join(NO_DESTRUCTION), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Release:
    """Paper that may be destroyed, and paper that must stay, with the reason."""

    free: tuple[Lot, ...]
    kept: tuple[tuple[Lot, str], ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """The same in numbers: documents and pages that may go, documents that stay by reason."""

    documents: int
    pages: int
    stays: Mapping[str, int]


def release(conn: Connection, batch: Batch, backed_up: datetime | None) -> Release:
    """What `released` says, together."""
    every = list(released(conn, batch, backed_up))
    return Release(tuple(one for one, why in every if not why), tuple((one, why) for one, why in every if why))


def released(conn: Connection, batch: Batch, backed_up: datetime | None) -> Iterator[tuple[Lot, str]]:
    """Every document of the lot with the reason why its paper must stay; "": it may be destroyed: the lot accepted, the document
    without fault, saved by a backup begun after it was filed, and no original of its own value.

    Raises Refused before the quality assurance of the batch is closed (A.SC.8, MUSS).
    """
    draw = _accepted(conn, batch)
    return ((one, _keeps(why, one.title)) for one, why in releases.lot_of(conn, batch, draw, backed_up, EVERY))


def counted(conn: Connection, batch: Batch, backed_up: datetime | None, seen: Seen = EVERY) -> Counted:
    """The numbers of `released`, of the documents that are `seen`. Raises Refused as that does."""
    number, pages, stays = 0, 0, Counter[str]()
    for why, title, documents, leaves in releases.counted(conn, batch, _accepted(conn, batch), backed_up, seen, NO_DESTRUCTION):
        if said := _keeps(why, title):
            stays[said] += documents
        else:
            number, pages = number + documents, pages + leaves
    return Counted(number, pages, dict(sorted(stays.items())))


def first(conn: Connection, batch: Batch, backed_up: datetime | None, seen: Seen, counted: Counted,
          limit: int) -> Release:
    """The first documents that may go (when any is counted), and the first that were found faulty. Raises Refused."""
    draw = _accepted(conn, batch)
    every = releases.lot_of(conn, batch, draw, backed_up, seen) if counted.documents else iter(())
    free = islice((one for one, why in every if not _keeps(why, one.title)), limit)
    return Release(tuple(free), tuple((one, REASONS["faulty"]) for one in releases.faulty_of(conn, batch, draw, seen, limit)))


def _accepted(conn: Connection, batch: Batch) -> Draw:
    every = checks.draws_of(conn, batch.id)
    if not every or every[0].verdict != checks.ACCEPTED:
        raise Refused("Die Qualitätsprüfung dieses Stapels ist nicht abgeschlossen oder das Los wurde zurückgewiesen. Vorher "
                      "wird nichts vernichtet (TR-RESISCAN A.SC.8).")
    return every[0]


def _keeps(why: releases.Why, title: str) -> str:
    if why:
        return REASONS[why]
    if not _OF_VALUE.search(title):
        return ""
    word = next(word for word in NO_DESTRUCTION if word.casefold() in title.casefold())
    return f"Original mit eigenem Wert („{word}“)"


def backed_up(settings: Settings) -> datetime | None:
    """When the newest finished backup began; None without one."""
    folder = settings.backup.folder
    found = generations(Path(folder)) if folder and Path(folder).is_dir() else []
    return max((parse_stamp(one.began_at) for one in found if not one.faults), default=None)
