"""Is everything whole? Every row has its bytes, every byte its row, every page its document, the chain no gap.

Kinds of faults: `missing-blob`, `damaged-blob`, `orphan-blob`, `stranger` (store); `pages`, `twin`, `document`, `row`, `joint`
(database); `receipt`, `mirror` (what is filed); `search`, `handover` (what was made of it); `journal`, `heads`. Nothing is mended
here, and nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from intake.blobs import Blobs
from intake.db import audit, joints
from intake.db.core import Database, utcnow
from intake.db.documents import conservation_faults
from intake.journal import Fault, Head, check, losses

GRACE = timedelta(minutes=5)
"""So long may work under way have bytes without a row, or a filing without a receipt."""
MIRROR_STORE, MIRROR_INDEX = "efile", "akte.json"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome: faults (none = whole), how many of what was checked, and sentences everybody should know (restores)."""

    faults: tuple[Fault, ...]
    checked: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """As `poststelle verify --json` prints it."""
        return {"ok": self.ok, "faults": [asdict(fault) for fault in self.faults], "checked": dict(self.checked),
                "notes": list(self.notes)}


def verify(db: Database, tenants: Sequence[str], blobs_of: Callable[[str], Blobs], mirror_of: Callable[[str], Path],
           *, heads: Sequence[Head] = (), grace: timedelta = GRACE) -> Report:
    """Check everything of these tenants against each other, re-hashing all bytes.

    `blobs_of` and `mirror_of` give a tenant's store and its folder `akten/<tenant>`; `heads` is what was published outside.
    `grace` is what work under way may still owe; zero is right when nobody works. Raises ServiceError when database or store
    do not answer.
    """
    faults: list[Fault] = []
    checked: Counter[str] = Counter()
    for tenant in tenants:
        blobs = blobs_of(tenant)
        present = set(blobs.iter_all())  # before the rows: whatever is listed here may have its row by then
        with db.read() as conn:
            faults += _bytes(conn, tenant, blobs, present, grace, checked)
            faults += _pages(conn, tenant, checked)
            faults += _filed(conn, tenant, mirror_of(tenant), grace, checked)
            faults += (Fault("search", id, detail) for id, detail in joints.bad_index(conn, tenant))
            faults += (Fault("handover", id, detail) for id, detail in joints.bad_handovers(conn, tenant))
            faults += _journal(conn, tenant, heads, checked)
    with db.read() as conn:
        faults += (Fault("joint", id, detail) for id, detail in joints.loose(conn))
    notes = tuple(note for tenant in tenants for note in losses(heads, tenant))
    return Report(tuple(faults), dict(sorted(checked.items())), notes)


def _bytes(conn: Connection, tenant: str, blobs: Blobs, present: set[str], grace: timedelta,
           checked: Counter[str]) -> Iterator[Fault]:
    spoken = audit.referenced(conn, tenant)
    checked["blobs"] += len(present)
    for sha256 in sorted(spoken.keys() - present):
        if not blobs.has(sha256):  # it may have come since the listing
            yield Fault("missing-blob", sha256, f"Die Datei fehlt im Speicher, {spoken[sha256]} nennt sie.")
    for sha256 in sorted(present):
        if not blobs.check(sha256):
            said = spoken.get(sha256, "niemand")
            yield Fault("damaged-blob", sha256, f"Die Bytes haben nicht mehr ihre Prüfsumme; {said} nennt sie.")
    newest = audit.last_change(conn, tenant)
    for sha256 in sorted(present - spoken.keys()):
        yield from _orphan(sha256, blobs.path(sha256), newest, grace, checked)
    for path in blobs.strangers():
        yield Fault("stranger", path.name, "Im Speicher liegt etwas, das die Poststelle nicht dorthin gelegt hat.")


def _orphan(sha256: str, path: Path, newest: datetime | None, grace: timedelta, checked: Counter[str]) -> Iterator[Fault]:
    """Bytes no row speaks of. Young: their transaction is still to come. Older than the newest row: left by a killed
    run, whose row was made anew since (and whose source was not told). Newer than every row: the database lost rows."""
    try:
        since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return
    if utcnow() - since < grace:
        checked["young_blobs"] += 1
    elif newest is not None and since < newest:
        checked["leftover_blobs"] += 1
    else:
        yield Fault("orphan-blob", sha256, "Keine Zeile der Datenbank nennt diese Datei. Ist eine alte Sicherung eingespielt?")


def _pages(conn: Connection, tenant: str, checked: Counter[str]) -> Iterator[Fault]:
    deliveries, documents = audit.ids(conn, tenant)
    checked["deliveries"] += len(deliveries)
    checked["documents"] += len(documents)
    for delivery in audit.with_pages(conn, tenant):
        checked["ledgers"] += 1
        yield from (Fault("pages", delivery, detail) for detail in conservation_faults(conn, delivery))
    yield from (Fault("twin", id, detail) for id, detail in audit.bad_twins(conn, tenant))
    yield from (Fault("document", id, detail) for id, detail in audit.bad_documents(conn, tenant))


def _filed(conn: Connection, tenant: str, mirror: Path, grace: timedelta, checked: Counter[str]) -> Iterator[Fault]:
    known: set[tuple[str, str]] = set()
    for filing in audit.filed(conn, tenant):
        checked["filings"] += 1
        if not filing.receipts and utcnow() - filing.at >= grace:
            yield Fault("receipt", filing.key, "Die Ablage hat von keiner E-Akte eine Bestätigung.")
        for store, reference in filing.receipts:
            checked["receipts"] += 1
            if store == MIRROR_STORE:
                known.add((filing.key, reference.rpartition("/")[0]))
                yield from (Fault("mirror", filing.key, detail) for detail in mirror_faults(mirror, reference, filing, checked))
    yield from _beyond(mirror, known, audit.unsettled(conn, tenant), grace)


def _beyond(mirror: Path, known: Collection[tuple[str, str]], unsettled: Collection[str], grace: timedelta) -> Iterator[Fault]:
    """Documents in the mirror that the database does not know as filed there; those on their way in or out are left out."""
    for path in sorted(mirror.glob(f"*/*/{MIRROR_INDEX}")):
        place = path.parent.relative_to(mirror).as_posix()
        try:
            lying = {str(entry["schluessel"]): datetime.fromisoformat(entry["abgelegt"])
                     for entry in json.loads(path.read_text(encoding="utf-8"))["schriftstuecke"]}
        except (OSError, ValueError, KeyError, TypeError):
            continue  # whoever has a receipt for it says so above
        yield from (Fault("mirror", key, f"{place}/{MIRROR_INDEX} nennt ein Schriftstück, das dort nicht abgelegt ist.")
                    for key, at in lying.items() if (key, place) not in known and key not in unsettled and utcnow() - at >= grace)


def mirror_faults(mirror: Path, reference: str, filing: audit.Filed, checked: Counter[str]) -> Iterator[str]:
    """Compare the folder of the Akte with the filing: the PDF by the receipt, the originals by `akte.json`."""
    place, _, name = reference.rpartition("/")
    if not place or ".." in Path(reference).parts or Path(reference).is_absolute():
        yield f"Die Bestätigung nennt keinen Ort in der E-Akte: {reference}"
        return
    try:
        index = json.loads((mirror / place / MIRROR_INDEX).read_text(encoding="utf-8"))
        said = {file["name"]: file["sha256"] for entry in index["schriftstuecke"] if entry["schluessel"] == filing.key
                for file in entry["dateien"]}
    except (OSError, ValueError, KeyError, TypeError):
        yield f"{place}/{MIRROR_INDEX} fehlt oder ist beschädigt."
        said = {name: filing.pdf}
    else:
        if said.get(name) != filing.pdf or set(said.values()) != {filing.pdf, *filing.originals}:
            yield f"{place}/{MIRROR_INDEX} nennt andere Dateien als die Ablage."
    for file, sha256 in sorted(said.items()):
        checked["mirror_files"] += 1
        if "/" in file or not _is(mirror / place / file, sha256):
            yield f"{place}/{file} fehlt oder wurde verändert."


def _is(path: Path, sha256: str) -> bool:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _journal(conn: Connection, tenant: str, heads: Sequence[Head], checked: Counter[str]) -> Iterator[Fault]:
    """The chain itself, and that every delivery and document it speaks of still has its row (and the other way round)."""
    rows = dict(zip(("delivery", "document"), audit.ids(conn, tenant), strict=True))
    gone: set[tuple[str, str]] = set()

    def visit(said: Mapping[str, Any]) -> None:
        checked["journal"] += 1
        gone.update((kind, id) for kind, id in said["subjects"].items() if kind in rows and id not in rows[kind])

    faults = check(conn, tenant, heads, visit)
    checked["heads"] += sum(head.tenant == tenant for head in heads)
    yield from faults
    if faults:
        return  # its entries cannot be trusted to say what should be there
    for kind, id in sorted(gone):
        what = "Diese Sendung" if kind == "delivery" else "Dieses Schriftstück"
        yield Fault("row", id, f"{what} steht im Protokoll und fehlt in der Datenbank.")
    yield from (Fault("journal", id, detail) for id, detail in audit.unjournaled(conn, tenant))
