"""The balance of a batch: what should have come, what came, what became of each page. Each difference is a sentence for a person.

Kinds: missing and extra (against the list of Akten), index and unlisted (against the index), gone (a listed file is away),
pages (the index counts other pages), twin (the same file twice), double (the same sheet twice), alike (two Vorgänge that are
nearly the same), unreadable (a file, a part or a page nobody can read), ledger (pages in the files and in the ledger differ: a
fault of ours, never to be waved through).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf

from sqlalchemy import Connection

from intake.backfile.alike import candidates, one_sheet, unreadable
from intake.backfile.matters import Matter, same_matter
from intake.backfile.pairing import likely
from intake.blobs import Blobs
from intake.db import batches as lose
from intake.db import comparing
from intake.db import matters as rows
from intake.db.batches import Batch, Opened
from intake.db.comparing import Seen, Unmatched
from intake.db.core import Database
from intake.db.deliveries import newest_page_reads, parts_of
from intake.db.differences import differences_of, put_differences
from intake.db.matters import Kept, Paper
from intake.db.signs import Sign
from intake.read import unpack_pages
from intake.vocabulary import DeliveryState, Page

Found = dict[tuple[str, str], str]
"""(kind, subject) -> sentence."""
SHORT_SUBJECT = 200
PROMPT = 100
"""So many files are compared and noted in one transaction."""


def reconcile(db: Database, blobs: Blobs, batch: Batch, told: Callable[[int], None] = lambda _: None,
              patience: float = inf) -> Found:
    """Look at everything that may have changed and note the differences; what is settled stays settled. Returns them all.

    Files, Akten and the ledger are looked at whole, the pages of those Akten alone whose pages changed since the last look;
    `told` hears how many items of these are left. After `patience` seconds the rest of them is left to the next look
    (`comparing.outdated` counts it).
    """
    changed = _pages(db, blobs, batch, told, time.monotonic() + patience)
    with db.read() as conn:
        kept = {(one.kind, one.subject): one.sentence for one in differences_of(conn, batch.id)
                if one.kind in ("index", "unlisted") or (one.kind == "alike" and not changed)}
        found = kept | of_akten(comparing.unmatched(conn, batch.id)) | of_files(comparing.doubtful_of(conn, batch.id))
        balance = lose.page_balance(conn, batch)
        if changed:
            found |= of_matters(_pairs(conn, batch))
    lost = balance["read"] - sum(number for name, number in balance.items() if name != "read")
    if lost:
        found["ledger", batch.name] = (f"Die Dateien haben {balance['read']} Seiten, im Seitenverzeichnis stehen {lost} weniger. "
                                       "Prüfen Sie den Bestand mit „poststelle verify“, bevor Sie etwas vernichten.")
    with db.transaction() as tx:
        put_differences(tx, batch.tenant, batch.id, found)
    with db.read() as conn:
        return {(one.kind, one.subject): one.sentence for one in differences_of(conn, batch.id)}


def of_akten(unmatched: Unmatched) -> Found:
    """Missing and extra Akten, where there is a list of them."""
    missing = {("missing", reference): f"Die Akte {reference} steht im Aktenverzeichnis und wurde nicht geliefert. "
               "Fordern Sie sie an." for reference in unmatched.missing}
    extra = {("extra", reference): f"Die Akte {reference} („{path}“) steht nicht im Aktenverzeichnis. Prüfen Sie, "
             "ob sie zu diesem Stapel gehört." for reference, path in unmatched.extra}
    nameless = {("extra", path): f"Zu welcher Akte „{path}“ gehört, sagt weder der Pfad noch das Verzeichnis."
                for path in unmatched.nameless}
    return missing | extra | nameless


def of_files(opened: Iterable[Opened]) -> Found:
    """Files that are away, came twice, cannot be read, or have other pages than the index says."""
    found: Found = {}
    for one in opened:
        told = _of_file(one)
        if told is not None:
            found[told[0], one.path] = told[1]
        if one.delivery_state == DeliveryState.OPENED and one.expected is not None and one.expected != one.pages:
            found["pages", one.path] = (f"„{one.path}“ hat {one.pages} Seiten, das Verzeichnis nennt {one.expected}. "
                                        "Vergleichen Sie mit dem Papier.")
    return found


def _of_file(one: Opened) -> tuple[str, str] | None:
    """What is wrong with the file of an item as a whole; None when nothing is."""
    if one.state == lose.GONE:
        return "gone", (f"„{one.path}“ lag bei der Aufstellung im Ordner und ist nicht mehr da. Legen Sie sie wieder dorthin "
                        "und geben Sie „poststelle batch run“ ein, oder lassen Sie sie neu liefern.")
    if one.twin_of is not None and one.delivery_state == DeliveryState.TWIN:
        return "twin", f"„{one.path}“ ist Byte für Byte eine andere Datei dieses Bestands und wird nicht noch einmal verarbeitet."
    if one.delivery_state in (DeliveryState.CLARIFY, DeliveryState.QUARANTINED, DeliveryState.REJECTED):
        return "unreadable", f"„{one.path}“ lässt sich nicht lesen. Lassen Sie die Datei neu liefern."
    if one.problems:
        return "unreadable", (f"In „{one.path}“ lassen sich {len(one.problems)} Teile nicht lesen: "
                              f"{', '.join(one.problems[:3])}. Lassen Sie sie neu scannen.")
    return None


# ---- pages -------------------------------------------------------------------------------------------------------------


def _pages(db: Database, blobs: Blobs, batch: Batch, told: Callable[[int], None], until: float) -> bool:
    """Compare the Akten that changed, some at a time, so that memory does not grow with the batch; whether any did."""
    words, changed = _Words(db, blobs, batch.tenant), False
    while True:
        with db.read() as conn:
            left = comparing.outdated(conn, batch.id)
            akten = comparing.next_akten(conn, batch.id, PROMPT)
            items = [one for seen, _ in akten for one in seen]
            found = {key: said for _, signs in akten for key, said in of_pages(signs, words).items()}
            matters = matters_of(rows.papers_of(conn, batch.id, [one.position for one in items]))
        if not items:
            return changed
        changed = True
        told(left)
        with db.transaction() as tx:
            comparing.put_compared(tx, batch.tenant, batch.id, items, found)
            rows.put_matters(tx, batch.tenant, batch.id, [one.position for one in items], matters)
        if time.monotonic() > until:
            return True


def of_pages(pages: Sequence[tuple[Seen, Sign]], words: Callable[[Sign], Page]) -> dict[tuple[str, str], tuple[str, int]]:
    """Pages of one Akte that came twice or that nobody can read: (kind, subject) -> (sentence, position of the item)."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    for item, sign in pages:
        if unreadable(sign):
            found["unreadable", _place(item.path, sign)] = (
                f"Seite {sign.number} von „{item.path}“ zeigt keine lesbare Schrift: ein misslungener Scan, ein Foto oder eine "
                "Zeichnung. Sehen Sie nach; lassen Sie das Blatt sonst neu scannen.", item.position)
    at = {id(sign): (number, item) for number, (item, sign) in enumerate(pages)}
    second = set()
    for (path, one), (other_path, other) in candidates([(item.path, sign) for item, sign in pages]):
        place = _place(other_path, other)
        if place in second or unreadable(other):
            continue
        if not one.text or one_sheet(words(one), words(other), at[id(other)][0] - at[id(one)][0]):
            second.add(place)
            found["double", place] = (
                f"Seite {other.number} von „{other_path}“ ist vermutlich dasselbe Blatt wie Seite {one.number}"
                + (f" von „{path}“" if path != other_path else "") + ". Beide bleiben; sagen Sie, welche gilt.",
                at[id(other)][1].position)
    return found


# ---- Vorgänge ----------------------------------------------------------------------------------------------------------


def matters_of(papers: Sequence[Paper]) -> list[Kept]:
    """The Vorgänge that these documents make, each with what all of it says; a single document is none."""
    groups: dict[tuple[int, str], list[Paper]] = {}
    for one in papers:
        groups.setdefault((one.item, one.case), []).append(one)
    kept = []
    for number, ((item, name), group) in enumerate(groups.items()):
        said = {field: tuple(sorted({one.said[field] for one in group if field in one.said})) for field in rows.FIELDS}
        found = Kept((item, number), group[0].akte, name, said, tuple(sheet for paper in group for sheet in paper.sheets))
        if len(group) > 1:
            kept.append(found)
    return kept


def _matter(one: Kept) -> Matter:
    def values(*fields: str) -> frozenset[str]:
        return frozenset(value for field in fields for value in one.said.get(field, ()))

    projects = sorted(values("project"), key=len)
    return Matter(one.akte, one.name, values("parcel"), values("applicant"), projects[-1] if projects else "",
                  values("application_date"), values("permit_date"), one.sheets)


def _pairs(conn: Connection, batch: Batch) -> Iterator[tuple[Matter, Matter]]:
    """The Vorgänge of a batch that may be nearly the same, two and two."""
    places: list[rows.Place] = []

    def every() -> Iterator[Matter]:
        for one in rows.matters_of(conn, batch.id):
            places.append(one.place)
            yield _matter(one)

    pairs = likely(every())
    known = rows.matters_at(conn, batch.id, {places[at] for pair in pairs for at in pair})
    for one, other in pairs:
        yield _matter(known[places[one]]), _matter(known[places[other]])


def of_matters(pairs: Iterable[tuple[Matter, Matter]]) -> Found:
    """Vorgänge that are nearly the same; nothing is merged."""
    found: Found = {}
    for one, other in pairs:
        if why := same_matter(one, other):
            names = [f"„{matter.name or 'Vorgang'}“ (Akte {matter.akte})" for matter in (one, other)]
            found["alike", f"{names[0][-96:]} / {names[1][-96:]}"] = (
                f"Die Vorgänge {names[0]} und {names[1]} sind vermutlich derselbe: {why}. Beide bleiben; sagen Sie, ob einer "
                "davon doppelt ist.")
    return found


def _place(path: str, sign: Sign) -> str:
    part = f", Teil {sign.part}" if sign.part else ""
    return f"{path[-SHORT_SUBJECT + 40:]}{part}, Seite {sign.number}"


class _Words:
    """Pages as read, asked for one by one; the chunk read last is kept."""

    def __init__(self, db: Database, blobs: Blobs, tenant: str) -> None:
        self._db, self._blobs, self._tenant = db, blobs, tenant
        self._chunk: tuple[str, dict[int, Page]] = ("", {})

    def __call__(self, sign: Sign) -> Page:
        with self._db.read() as conn:
            part = next(one for one in parts_of(conn, sign.delivery) if one.position == sign.part)
            chunk = newest_page_reads(conn, self._tenant, part.blob.sha256)[sign.number]
        if chunk != self._chunk[0]:
            self._chunk = chunk, {page.number: page for page in unpack_pages(self._blobs.read(chunk))}
        return self._chunk[1][sign.number]
