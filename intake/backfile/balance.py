"""The balance of a batch: what should have come, what came, what became of each page. Each difference is a sentence for a person.

Kinds: missing and extra (against the list of Akten), index and unlisted (against the index), gone (a listed file is away),
pages (the index counts other pages), twin (the same file twice), double (the same sheet twice), unreadable (a file, a part or
a page nobody can read), ledger (pages in the files and in the ledger differ: a fault of ours, never to be waved through).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from intake.backfile.alike import candidates, one_sheet, unreadable
from intake.blobs import Blobs
from intake.db import batches as lose
from intake.db.batches import Batch, Opened, Sign
from intake.db.core import Database
from intake.db.deliveries import newest_page_reads, parts_of
from intake.read import unpack_pages
from intake.vocabulary import DeliveryState, Page

Found = dict[tuple[str, str], str]
"""(kind, subject) -> sentence."""
SHORT_SUBJECT = 200


def reconcile(db: Database, blobs: Blobs, batch: Batch) -> Found:
    """Look at everything and note the differences; what is settled stays settled. Returns them all."""
    with db.read() as conn:
        opened = lose.opened_of(conn, batch.id)
        expected = lose.expected_of(conn, batch.id)
        kept = {(one.kind, one.subject): one.sentence for one in lose.differences_of(conn, batch.id)
                if one.kind in ("index", "unlisted")}
        balance = lose.page_balance(conn, batch)
    found = kept | of_akten(opened, {one.reference_key: one.reference for one in expected}) | of_files(opened)
    found |= _of_pages(db, blobs, batch)
    lost = balance["read"] - sum(number for name, number in balance.items() if name != "read")
    if lost:
        found["ledger", batch.name] = (f"Die Dateien haben {balance['read']} Seiten, im Seitenverzeichnis stehen {lost} weniger. "
                                       "Prüfen Sie den Bestand mit „poststelle verify“, bevor Sie etwas vernichten.")
    with db.transaction() as tx:
        lose.put_differences(tx, batch.tenant, batch.id, found)
    return found


def of_akten(opened: Sequence[Opened], expected: dict[str, str]) -> Found:
    """Missing and extra Akten, where there is a list of them."""
    if not expected:
        return {}
    there = {one.reference_key: one for one in opened if one.reference_key and one.state != lose.GONE}
    missing = {("missing", expected[key]): f"Die Akte {expected[key]} steht im Aktenverzeichnis und wurde nicht geliefert. "
               "Fordern Sie sie an." for key in expected.keys() - there.keys()}
    extra = {("extra", one.reference): f"Die Akte {one.reference} („{one.path}“) steht nicht im Aktenverzeichnis. Prüfen Sie, "
             "ob sie zu diesem Stapel gehört." for key, one in there.items() if key not in expected}
    nameless = {("extra", one.path): f"Zu welcher Akte „{one.path}“ gehört, sagt weder der Pfad noch das Verzeichnis."
                for one in opened if not one.reference_key}
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


def _of_pages(db: Database, blobs: Blobs, batch: Batch) -> Found:
    """Pages that came twice and pages nobody can read, Akte by Akte, so that memory does not grow with the batch."""
    found: Found = {}
    with db.read() as conn:
        akten = _by_akte(lose.signs_of(conn, batch))
        for signs in akten:
            found |= {("unreadable", _place(path, sign)): f"Seite {sign.number} von „{path}“ zeigt keine lesbare Schrift: ein "
                      "misslungener Scan, ein Foto oder eine Zeichnung. Sehen Sie nach; lassen Sie das Blatt sonst neu scannen."
                      for path, sign in signs if unreadable(sign)}
            words, second = _Words(db, blobs, batch.tenant), set()
            at = {id(sign): number for number, (_, sign) in enumerate(signs)}
            for (path, one), (other_path, other) in candidates(signs):
                place = _place(other_path, other)
                if place in second or unreadable(other):
                    continue
                if not one.text or one_sheet(words(one), words(other), at[id(other)] - at[id(one)]):
                    second.add(place)
                    found["double", place] = (
                        f"Seite {other.number} von „{other_path}“ ist vermutlich dasselbe Blatt wie Seite {one.number}"
                        + (f" von „{path}“" if path != other_path else "") + ". Beide bleiben; sagen Sie, welche gilt.")
    return found


def _by_akte(rows: Iterable[tuple[str, str, Sign]]) -> Iterator[list[tuple[str, Sign]]]:
    """The pages of each Akte together; pages of no known Akte file by file."""
    last: tuple[str, str] | None = None
    group: list[tuple[str, Sign]] = []
    for key, path, sign in rows:
        here = (key, "" if key else path)
        if here != last and group:
            yield group
            group = []
        last = here
        group.append((path, sign))
    if group:
        yield group


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
