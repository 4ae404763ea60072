"""The balance of a batch: what should have come, what came, what became of each page. Each difference is a sentence for a person.

Kinds: missing and extra (against the list of Akten), index and unlisted (against the index), gone (a listed file is away),
pages (the index counts other pages), twin (the same file twice), double (the same sheet twice), unreadable (a file, a part or
a page nobody can read), ledger (pages in the files and in the ledger differ: a fault of ours, never to be waved through).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from intake.blobs import Blobs
from intake.db import batches as lose
from intake.db.batches import Batch, Opened, Sign
from intake.db.core import Database
from intake.db.deliveries import newest_page_reads, parts_of
from intake.read import unpack_pages
from intake.vocabulary import DeliveryState, Page

Found = dict[tuple[str, str], str]
"""(kind, subject) -> sentence."""
NEAR_BITS = 72
"""So many of 256 bits may differ between two pictures that are looked at closer; two sheets differ in about 128."""
EMPTY_BITS = 24
"""The same for pages with next to no words, where the picture alone decides."""
SAME_WORDS = 0.8
"""Share of the words that two scans of one sheet have in common, recognition errors included."""
FEW_LETTERS = 40
POOR = 0.45
"""Quality (mean confidence) below which a page with words counts as unreadable."""
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
        return "gone", (f"„{one.path}“ lag bei der Aufstellung im Ordner und ist nicht mehr da. Schließen Sie den Datenträger "
                        "wieder an, oder lassen Sie die Datei neu liefern.")
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
            found |= {("unreadable", _place(path, sign)): f"Seite {sign.number} von „{path}“ ist nicht zu lesen (Güte "
                      f"{sign.quality:.0%}). Lassen Sie das Blatt neu scannen." for path, sign in signs if unreadable(sign)}
            pairs = list(near(signs))
            words = _Words(db, blobs, batch.tenant)
            for (path, one), (other_path, other) in pairs:
                if one.letters <= FEW_LETTERS or same_words(words(one), words(other)):
                    found["double", _place(other_path, other)] = (
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


def unreadable(sign: Sign) -> bool:
    """Whether a page has ink that neither recognition nor a person at the screen can be expected to read."""
    if sign.blank or sign.script in ("drawing", "handwriting"):
        return False
    return sign.quality < POOR


def near(signs: Sequence[tuple[str, Sign]]) -> Iterator[tuple[tuple[str, Sign], tuple[str, Sign]]]:
    """Pairs of pages that may be one sheet: pictures that differ in few bits, or the same words; blank ones never.

    Each page is the second of one pair at most. Source of the limit: measured on sheets scanned twice, see tests.
    """
    seen = [(path, sign, int(sign.picture, 16)) for path, sign in signs if not sign.blank and sign.picture]
    told: set[int] = set()
    for (at, (path, one, bits)), (later, (other_path, other, other_bits)) in combinations(enumerate(seen), 2):
        if later in told or at in told:
            continue
        apart = (bits ^ other_bits).bit_count()
        few = min(one.letters, other.letters) <= FEW_LETTERS
        alike = apart <= EMPTY_BITS if few else apart <= NEAR_BITS or (one.text != "" and one.text == other.text)
        if alike and abs(one.letters - other.letters) <= 0.2 * max(one.letters, other.letters) + 10:
            told.add(later)
            yield (path, one), (other_path, other)


def same_words(one: Page, other: Page) -> bool:
    """Whether two pages say the same but for errors of recognition (share of common words, Jaccard)."""
    words, others = (set(page.plain().lower().split()) for page in (one, other))
    return len(words & others) >= SAME_WORDS * len(words | others) if words | others else False


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
