"""What every store keeps: once per key, a repeat is harmless and mends, undo is harmless too, errors only of ours.

A new store: derive a class from `StoreContract` and give it a `store` fixture (three lines).
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from dms_help import Dms, Waited, answer_all, in_json, listening, unasked

from intake.errors import PoststelleError, ServiceError
from intake.protocols import Store
from intake.stores.efile import EFile
from intake.stores.handover import HotFolder
from intake.stores.post import Post
from intake.stores.xdomea import Xdomea
from intake.vocabulary import AktenplanEntry, Blob, Case, File, Filing, Receipt

ENTRY = AktenplanEntry("ap-0301", "962.10", "Hundesteuer", unit="KÄ", retention=10, disposal="V")
FILE = File("01J000000000000000000FILE1", "KÄ/962.10-0007/2025", "Hunde in Auenbek", ENTRY.id)
CASE = Case("01J000000000000000000CASE1", FILE.id, "001", "Mahnung")


class Bytes:
    """The blobs of a test, in memory, with a count of how often they were read."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}
        self.reads = 0

    def add(self, data: bytes, name: str = "scan.pdf", media_type: str = "application/pdf") -> Blob:
        sha256 = hashlib.sha256(data).hexdigest()
        self.known[sha256] = data
        return Blob(sha256, media_type, name, len(data))

    def open(self, sha256: str) -> BinaryIO:
        self.reads += 1
        if sha256 not in self.known:
            raise ServiceError(f"Die Datei {sha256} fehlt im Speicher.")
        return io.BytesIO(self.known[sha256])


def a_filing(blobs: Bytes, number: int = 1, **changes: object) -> Filing:
    """A filing with a PDF and one original; `number` makes it another."""
    key = hashlib.sha256(f"{number}".encode()).hexdigest()
    return replace(Filing(
        key=key, tenant="mittelau", document=f"01J00000000000000000DOC{number:03d}", entry=ENTRY, file=FILE, case=None,
        title="Abmeldung Hund", values={"letter_date": "2025-11-18", "sender_name": "Erika Müller"},
        received_at=datetime(2025, 11, 20, 8, tzinfo=UTC), pdf=blobs.add(b"%PDF-1.7 " + b"page" * number),
        originals=(blobs.add(b"II*\0" + b"scan" * number, "Scan 1.tif", "image/tiff"),), pdfa="2b", pages=2), **changes)


class StoreContract:
    """Derive and define `store`."""

    @pytest.fixture
    def blobs(self) -> Bytes:
        return Bytes()

    def test_it_has_a_name_and_gives_a_receipt(self, store: Store, blobs: Bytes) -> None:
        before = datetime.now(UTC)
        receipt = store.file(a_filing(blobs), blobs.open)
        assert receipt.store == store.name and store.name
        assert receipt.reference and before <= receipt.at <= datetime.now(UTC)

    def test_a_repeat_returns_the_first_receipt(self, store: Store, blobs: Bytes) -> None:
        filing = a_filing(blobs)
        first = store.file(filing, blobs.open)
        assert [store.file(filing, blobs.open) for _ in range(3)] == [first] * 3

    def test_two_filings_of_the_same_bytes_are_two(self, store: Store, blobs: Bytes) -> None:
        one, other = a_filing(blobs), a_filing(blobs, 2)
        other = replace(other, pdf=one.pdf, originals=one.originals)
        receipts = [store.file(filing, blobs.open) for filing in (one, other, one, other)]
        assert receipts[0] == receipts[2] and receipts[1] == receipts[3]
        assert receipts[0].reference != receipts[1].reference

    def test_withdrawn_and_filed_again(self, store: Store, blobs: Bytes) -> None:
        filing = a_filing(blobs)
        store.withdraw(filing)  # never filed: no error
        store.file(filing, blobs.open)
        store.withdraw(filing)
        store.withdraw(filing)
        assert isinstance(store.file(filing, blobs.open), Receipt)

    def test_a_missing_blob_is_an_error_of_ours_and_leaves_nothing_in_the_way(self, store: Store, blobs: Bytes) -> None:
        filing = a_filing(blobs)
        kept = blobs.known.pop(filing.originals[0].sha256)
        with pytest.raises(PoststelleError):
            store.file(filing, blobs.open)
        blobs.known[filing.originals[0].sha256] = kept
        assert store.file(filing, blobs.open).reference

    def test_a_damaged_blob_is_not_filed(self, store: Store, blobs: Bytes) -> None:
        filing = a_filing(blobs)
        blobs.known[filing.pdf.sha256] = b"%PDF other"
        with pytest.raises(ServiceError):
            store.file(filing, blobs.open)

    @pytest.mark.parametrize("changes", [
        {"title": "../../../etc/passwd"}, {"title": ""}, {"title": "x" * 3000}, {"title": "CON"}, {"title": "a\0b\n\u202e\ud800"},
        {"file": replace(FILE, reference="../..")}, {"file": replace(FILE, reference="x" * 160)},
        {"entry": replace(ENTRY, notation="/..")}, {"case": CASE}, {"originals": ()}, {"values": {"letter_date": "kein Datum"}},
        {"file": replace(FILE, closed_on=date(2026, 1, 1), persons=("Ä", "\ud800"))},
    ])
    def test_strange_values(self, store: Store, blobs: Bytes, changes: dict[str, object]) -> None:
        filing = a_filing(blobs, **changes)
        assert store.file(filing, blobs.open) == store.file(filing, blobs.open)
        store.withdraw(filing)

    def test_eight_at_once(self, store: Store, blobs: Bytes) -> None:
        """Eight threads file the same ten filings in one Akte: every one once, every thread the same receipts."""
        filings = [a_filing(blobs, number) for number in range(1, 11)]
        seen: list[list[Receipt]] = []

        def run(turn: int) -> None:
            mine = filings[turn:] + filings[:turn]
            receipts = {filing.key: store.file(filing, blobs.open) for filing in mine}
            seen.append([receipts[filing.key] for filing in filings])

        threads = [threading.Thread(target=run, args=(turn,)) for turn in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 8 and all(receipts == seen[0] for receipts in seen)
        assert len({receipt.reference for receipt in seen[0]}) == 10


class TestEFile(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return EFile(tmp_path / "akten")


class TestHotFolderWithoutAnswers(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return HotFolder("dms", tmp_path, None, unasked)


class TestHotFolderWithAnswers(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return Waited(HotFolder("dms", tmp_path, tmp_path, in_json, form="json"), lambda: answer_all(tmp_path))


class TestXdomeaFolder(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return Xdomea("dms", tmp_path / ".poststelle", "Amt Mittelau", "DMS", unasked, folder=tmp_path)


class TestXdomeaByPost(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with listening(Dms()) as dms:
            yield Xdomea("dms", tmp_path / "dms", "Amt Mittelau", "DMS", in_json, way=Post(dms.url))
