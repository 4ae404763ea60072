"""A batch is made (the folder listed, index and list of Akten read) and taken in bit by bit, so that a pause means something.

Bytes -> fsync -> durable commit, as for all post; the delivered disk itself is never written to.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from intake import bundle
from intake.backfile import xmlindex
from intake.backfile.layout import FILE, REFERENCE, Found, Layout, laid_out, names_of, rows_of
from intake.blobs import Blobs
from intake.box import Box
from intake.config import Backfile, Home, Tenant
from intake.db import batches as lose
from intake.db.batches import Batch, Expected, Item
from intake.db.core import Database, Tx, new_id
from intake.db.deliveries import add_delivery, first_with_original
from intake.db.differences import put_differences
from intake.db.receiving import in_turn
from intake.errors import ConfigError, Refused
from intake.journal import record
from intake.keys import reference_key
from intake.tables import Row, stream_rows
from intake.vocabulary import Blob, Delivery, DeliveryState, Member

log = logging.getLogger(__name__)

AT_ONCE = 500
AHEAD = 48
"""So many deliveries of a batch wait to be opened at most: what is taken further ahead only fills the disk."""
MASTER = {"aktenzeichen": REFERENCE, "az": REFERENCE, "akte": REFERENCE, "titel": "title", "betreff": "title", "seiten": "pages",
          "seitenzahl": "pages", "blattzahl": "pages"}
PAGES_BUNDLE = b"poststelle-pages/1"
"""The remark of the archive that holds the images of the pages of one unit."""


def profile_of(tenant: Tenant, name: str) -> Backfile:
    """The tenant's profile of this name ("" = the only one). Raises ConfigError when there is none."""
    found = [one for one in tenant.backfile if name in ("", one.name)]
    if len(found) != 1:
        known = ", ".join(one.name for one in tenant.backfile) or "keines"
        raise ConfigError(f"Welches Profil gilt für diesen Stapel? Nennen Sie eines mit --profile ({known}); eingerichtet "
                          "wird es unter [[tenant.backfile]] in poststelle.toml.")
    return found[0]


def new_batch(db: Database, tenant: Tenant, profile: Backfile, name: str, folder: Path, by: str, *, index: Path | None = None,
              master: Path | None = None, box: Box | None = None, told: Callable[[int], None] = lambda _: None
              ) -> tuple[Batch, Layout]:
    """A batch over `folder`: listed, its index (XML: read in `box`) and list of Akten read; nothing is taken in yet. `told`
    hears files listed.

    Raises ConfigError (folder or a table cannot be used) and Refused (the name is taken; nothing lies in the folder).
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise Refused("Der Name eines Stapels besteht aus Buchstaben (ohne Umlaute), Ziffern, Punkt und Strichen, etwa "
                      "„bauakten-2026-1“. Wählen Sie einen solchen.")
    root = folder.expanduser().resolve()
    if not root.is_dir():
        raise ConfigError(f"Den Ordner {root} gibt es nicht. Nennen Sie den Ordner mit den gelieferten Dateien.")
    own = {path.resolve() for path in (index, master) if path is not None}
    rows = tuple(rows_of(_table(index, names_of(profile), box))) if index is not None else ()
    expected = _expected(master) if master is not None else ()
    layout = laid_out(listed(root, own, told), profile, rows, index.name if index else "")
    if not layout.units:
        raise Refused(f"In {root} liegt keine Datei. Prüfen Sie, ob das der gelieferte Ordner ist.")
    with db.transaction() as tx:
        batch = lose.add_batch(tx, Batch("", tenant.name, name, profile.name, str(root), protection=profile.protection,
                                         operator=profile.operator, index_name=index.name if index else "",
                                         master_name=master.name if master else "", created_by=by))
        _put(tx, batch, layout, 0)
        lose.put_expected(tx, tenant.name, batch.id, expected)
        put_differences(tx, tenant.name, batch.id, of_index(layout, bool(rows)))
        record(tx, tenant.name, by, "batch.new", subjects={"batch": batch.id},
               new={"name": name, "units": len(layout.units), "expected": len(expected)})
    return batch, layout


def _table(index: Path, names: dict[str, str], box: Box | None) -> Iterable[Row]:
    if index.suffix.lower() != xmlindex.ENDING:
        return stream_rows(index, names, (FILE,))
    if box is None:
        raise ConfigError(f"{index.name}: Ein XML-Verzeichnis wird nur im Lesekasten gelesen. Nennen Sie eine CSV-Datei.")
    return xmlindex.xml_rows(box, index, names)


def of_index(layout: Layout, indexed: bool) -> dict[tuple[str, str], str]:
    """What index and folder do not agree on, as differences (kind, subject) -> sentence."""
    found = {("index", row.file or f"{layout.counted} {row.line}"): (
        f"{layout.counted} {row.line} des Verzeichnisses nennt „{row.file}“, diese Datei fehlt in der Lieferung. Fordern Sie sie "
        "an."
        if row.file else f"{layout.counted} {row.line} des Verzeichnisses nennt keine Datei. Prüfen Sie das Verzeichnis.")
        for row in layout.without_file}
    if indexed:
        found |= {("unlisted", path): f"Die Datei „{path}“ steht nicht im Verzeichnis. Prüfen Sie, ob sie zu dieser Lieferung "
                  "gehört." for path in layout.without_row}
    return found


def _expected(master: Path) -> tuple[Expected, ...]:
    found = {}
    for _, cells in stream_rows(master, MASTER, (REFERENCE,)):
        reference = " ".join(cells.get(REFERENCE, "").split())
        if reference:
            pages = cells.get("pages", "")
            found[reference_key(reference)] = Expected(reference[:160], reference_key(reference)[:160], cells.get("title", ""),
                                                       int(pages) if pages.isdecimal() else None)
    return tuple(found.values())


def _put(tx: Tx, batch: Batch, layout: Layout, start: int) -> None:
    items = (Item(batch.id, position, unit.path, tuple((one.path, one.size, one.mtime_ns) for one in unit.members),
                  unit.reference, unit.reference_key, unit.pages, unit.fields)
             for position, unit in enumerate(layout.units, start + 1))
    while some := tuple(islice(items, AT_ONCE)):
        lose.put_items(tx, batch.tenant, some)


def listed(root: Path, without: Iterable[Path] = (), told: Callable[[int], None] = lambda _: None) -> Iterator[Found]:
    """Every regular file below `root` but `without`; links are not followed. Raises ConfigError for a folder one may not read."""
    left_out, number = set(without), 0

    def cannot(error: OSError) -> None:
        raise ConfigError(f"Der Ordner {error.filename} lässt sich nicht lesen ({error.strerror}). Geben Sie der Poststelle "
                          "Leserechte.") from error

    for folder, folders, files in os.walk(root, onerror=cannot):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and path not in left_out:
                number += 1
                told(number)
                yield Found(path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns)


def take_some(home: Home, db: Database, blobs: Callable[[str], Blobs], stopping: Callable[[], bool] = lambda: False) -> int:
    """Take in the next items of every open batch, as many as may wait to be opened; returns how many were taken."""
    taken = 0
    with db.read() as conn:
        every = lose.batches_of(conn, states=(lose.OPEN,))
    for batch in every:
        tenant = next((one for one in home.settings.tenant if one.name == batch.tenant), None)
        profile = next((one for one in tenant.backfile if one.name == batch.profile), None) if tenant else None
        if profile is None:
            continue  # `poststelle check` says that its profile is gone
        if not Path(batch.folder).is_dir():
            log.warning("the folder of a batch is away", extra={"batch": batch.id})  # nothing is gone yet: it may come back
            continue
        with db.read() as conn:
            free = AHEAD - lose.backlog(conn, batch)
            items = lose.items_of(conn, batch.id, state=lose.WAITING, limit=free) if free > 0 else ()
        for item in items:
            if stopping():
                break
            taken += _take(db, blobs(batch.tenant), batch, profile, item)
    return taken


def _take(db: Database, blobs: Blobs, batch: Batch, profile: Backfile, item: Item) -> int:
    try:
        original = _keep(blobs, Path(batch.folder), item)
    except (OSError, bundle.Changed) as error:  # the disk was pulled, or somebody tidied up: told by the balance
        log.warning("item of a batch is gone", extra={"batch": batch.id, "error": type(error).__name__})
        with db.transaction() as tx:
            lose.move_item(tx, item, lose.GONE)
        return 0
    with db.transaction() as tx:
        in_turn(tx, batch.tenant)
        if not lose.is_waiting(tx.connection, item):
            return 0  # another worker was faster
        first = first_with_original(tx.connection, batch.tenant, lose.CHANNEL, original.sha256)
        delivery = Delivery(
            id=new_id(), tenant=batch.tenant, key=f"{batch.id}/{item.path}", channel=lose.CHANNEL, source=profile.name,
            received_at=tx.now, original=original, state=DeliveryState.RECEIVED if first is None else DeliveryState.TWIN,
            twin_of=first.id if first else None, access_class=profile.access_class, lane=profile.lane, batch=batch.name,
            position=item.position)
        add_delivery(tx, delivery)
        lose.move_item(tx, item, lose.TAKEN, delivery.id)
        record(tx, batch.tenant, "service:batch", "delivery.received" if first is None else "delivery.twin",
               subjects={"delivery": delivery.id, "batch": batch.id}, new={"original": original.sha256})
    return 1


def _keep(blobs: Blobs, root: Path, item: Item) -> Blob:
    """The bytes of an item, durable: the file as it is, or the images of its pages as one bundle."""
    members: Sequence[Member] = [Member(path, root / path, size, mtime) for path, size, mtime in item.members]
    if len(members) == 1:
        return blobs.add_file(members[0].path, item.path, "application/octet-stream")
    original, _ = bundle.keep(blobs, members, Path(item.path).name, PAGES_BUNDLE)
    return original
