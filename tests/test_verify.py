"""verify: whole when all is whole, and each way of losing something is named, on both databases."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from making import TENANT, delivery, opened, received
from sqlalchemy import delete, insert, update

from intake.blobs import Blobs
from intake.db.core import Database, Tx, add, new_id, utcnow
from intake.db.deliveries import add_delivery, add_page_reads
from intake.db.documents import add_decision, move_document
from intake.journal import record
from intake.schema import (
    decisions,
    deliveries,
    documents,
    files,
    filings,
    handovers,
    journal,
    page_reads,
    pages,
    parts,
    receipts,
    search_documents,
    search_texts,
)
from intake.verify import GRACE, Report, verify
from intake.vocabulary import Blob, Decision, Delivery, DeliveryState, Document, DocumentState

NONE = timedelta(0)


@dataclass(frozen=True)
class House:
    """A small whole installation: two scans (one filed), a twin, a journal, a mirror."""

    database: Database
    root: Path
    delivery: Delivery
    documents: tuple[Document, ...]
    twin: Delivery
    pdf: Blob

    def blobs(self, tenant: str = TENANT) -> Blobs:
        return Blobs(self.root / "store" / tenant / "blobs")

    def mirror(self, tenant: str = TENANT) -> Path:
        return self.root / "akten" / tenant

    def verify(self, *tenants: str, grace: timedelta = NONE) -> Report:
        return verify(self.database, tenants or (TENANT,), self.blobs, self.mirror, grace=grace)

    def kinds(self, grace: timedelta = NONE) -> list[str]:
        return sorted({fault.kind for fault in self.verify(grace=grace).faults})

    def change(self, *statements: Any) -> None:
        with self.database.transaction() as tx:
            for statement in statements:
                tx.connection.execute(statement)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    blobs, mirror = Blobs(tmp_path / "store" / TENANT / "blobs"), tmp_path / "akten" / TENANT
    scan = blobs.add_bytes(b"%PDF scan", "scan.pdf", "application/pdf")
    chunk = blobs.add_bytes(b"words", "", "application/x-words")
    pdf = blobs.add_bytes(b"%PDF/A", "Bauantrag.pdf", "application/pdf")
    with database.transaction() as tx:
        raw = received(tx, original=scan)
        twin = received(tx, original=scan, state=DeliveryState.TWIN, twin_of=raw.id)
        add_page_reads(tx, TENANT, scan.sha256, "tesseract", [(number, chunk.sha256, 0.1)
                                                     for number in (1, 2, 3)])
        made, cut = opened(tx, raw, [(1,), (2,)], separators=[3])
        _file(tx, cut[0], scan, pdf)
    _write_mirror(mirror, scan, pdf)
    return House(database, tmp_path, made, cut, twin, pdf)


def _blob_json(blob: Blob) -> dict[str, Any]:
    return {"sha256": blob.sha256, "media_type": blob.media_type, "name": blob.name, "size": blob.size}


def _file(tx: Tx, document: Document, scan: Blob, pdf: Blob) -> None:
    akte = new_id()
    add(tx, files, id=akte, tenant=TENANT, reference="60.1", reference_key="60.1", title="Bauantrag", entry="ap-1",
        origin="ours", parcel="", address="", persons=[])
    add_decision(tx, TENANT, Decision(document.id, {"entry": "ap-1"}, "clerk:kms", tx.now, 1))
    add(tx, filings, key="f1", tenant=TENANT, document=document.id, entry="ap-1", notation="60", file=akte,
        reference="BA/60-0001/2026", title="Bauantrag", values={},
        pdf=_blob_json(pdf), pdfa="2b", pdfa_reason="", originals=[_blob_json(scan)], pages=1, received_at=tx.now,
        at=tx.now, settled_at=tx.now)
    add(tx, receipts, tenant=TENANT, filing="f1", store="efile", reference="60/60.1/Bauantrag.pdf", at=tx.now)
    move_document(tx, document, DocumentState.FILED)
    record(tx, TENANT, "clerk:kms", "document.filed", subjects={"document": document.id, "delivery": document.delivery})


def _write_mirror(mirror: Path, scan: Blob, pdf: Blob) -> None:
    folder = mirror / "60" / "60.1"
    folder.mkdir(parents=True)
    (folder / "Bauantrag.pdf").write_bytes(b"%PDF/A")
    (folder / "Bauantrag (Original).pdf").write_bytes(b"%PDF scan")
    index = {"schriftstuecke": [
        {"schluessel": "f1", "abgelegt": "2026-11-21T10:00:00+00:00", "dateien": [{"name": "Bauantrag.pdf", "sha256": pdf.sha256},
                                         {"name": "Bauantrag (Original).pdf", "sha256": scan.sha256}]}]}
    (folder / "akte.json").write_text(json.dumps(index))


def test_a_whole_house(house: House) -> None:
    report = house.verify()
    assert report.ok and report.faults == ()
    assert report.as_dict() == {"ok": True, "faults": [], "checked": {
        "blobs": 3, "deliveries": 2, "documents": 2, "filings": 1, "heads": 0, "journal": 3, "ledgers": 1, "mirror_files": 2,
        "receipts": 1},
        "notes": []}
    json.dumps(report.as_dict())


def test_an_empty_installation(database: Database, tmp_path: Path) -> None:
    report = verify(database, ["a", "b"], lambda tenant: Blobs(tmp_path / tenant), lambda tenant: tmp_path / "x" / tenant)
    assert report.ok and set(report.checked.values()) <= {0}
    assert list(tmp_path.glob("a")) == [], "verify writes nothing"


def test_nothing_is_written(house: House) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in house.root.rglob("*")
                      if ".db" not in path.name and path != house.root)

    before = state()
    house.verify()
    assert state() == before


# --- bytes -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [b"%PDF scan", b"words", b"%PDF/A"])
def test_missing_and_damaged_bytes(house: House, data: bytes) -> None:
    """Original, chunk, filed PDF: each is missed, each is looked at to the last bit."""
    import hashlib

    sha256 = hashlib.sha256(data).hexdigest()
    path = house.blobs().path(sha256)
    path.chmod(0o600)
    path.write_bytes(data[:-1] + b"X")
    assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("damaged-blob", sha256)]
    path.unlink()
    (fault,) = house.verify().faults
    assert (fault.kind, fault.subject) == ("missing-blob", sha256)
    assert "nennt sie" in fault.detail


def _age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_orphans(house: House) -> None:
    """Young: on its way. Older than the newest row: left by a kill. Newer than every row: the database lost something."""
    orphan = house.blobs().add_bytes(b"nobody's", "a", "b")
    report = house.verify(grace=GRACE)
    assert report.ok and report.checked["young_blobs"] == 1
    report = house.verify()
    assert [(fault.kind, fault.subject) for fault in report.faults] == [("orphan-blob", orphan.sha256)]
    _age(house.blobs().path(orphan.sha256), 3600)
    report = house.verify(grace=GRACE)
    assert report.ok and report.checked["leftover_blobs"] == 1 and "young_blobs" not in report.checked


def test_an_older_backup_of_the_database(house: House) -> None:
    """The store went on after the backup was made: what it holds beyond is a fault, hours later too."""
    long_ago = "2020-01-01T00:00:00.000000Z"
    house.change(update(deliveries).values(changed_at=long_ago), update(documents).values(changed_at=long_ago),
                 update(page_reads).values(read_at=long_ago), update(filings).values(at=long_ago))
    orphan = house.blobs().add_bytes(b"received after the backup", "a", "b")
    _age(house.blobs().path(orphan.sha256), 3600)
    assert house.kinds(GRACE) == ["orphan-blob"]


def test_an_orphan_is_nobodys_also_when_another_tenant_has_it(house: House) -> None:
    with house.database.transaction() as tx:
        mine = house.blobs("nord").add_bytes(b"shared", "a", "b")
        received(tx, "nord", original=mine)
    assert house.verify(TENANT, "nord").ok
    house.blobs().add_bytes(b"shared", "a", "b")
    assert house.kinds() == ["orphan-blob"]
    assert house.verify("nord").ok


def test_strangers_and_unfinished_copies(house: House) -> None:
    (house.blobs().root / "tmp" / "half").write_bytes(b"ha")
    assert house.verify().ok
    (house.blobs().root / "notiz.txt").write_text("?")
    assert house.kinds() == ["stranger"]


def test_bytes_of_undone_filings_are_still_spoken_of(house: House) -> None:
    house.change(update(filings).values(undone_at="2026-11-21T00:00:00.000000Z", settled_at=None),
                 update(receipts).values(withdrawn_at="x"),
                 update(documents).where(documents.c.state == "FILED").values(state="PROPOSED"),
                 update(decisions).values(live=False))
    report = house.verify()
    assert report.ok, report.faults
    assert "filings" not in report.checked


# --- rows ------------------------------------------------------------------------------------------------------------

LEDGER: dict[str, Callable[[House], Any]] = {
    "a page is gone": lambda house: delete(pages).where(pages.c.number == 2),
    "a page twice": lambda house: insert(pages).values(
        tenant=TENANT, delivery=house.delivery.id, part=1, number=1, state="blank", position=0, rotation=0),
    "a part has more pages": lambda house: update(parts).values(pages=4),
    "live without document": lambda house: update(pages).where(pages.c.number == 2).values(document=None),
    "all pages are gone": lambda house: delete(pages).where(pages.c.delivery == house.delivery.id),
}


@pytest.mark.parametrize("breach", LEDGER)
def test_pages_that_do_not_add_up(house: House, breach: str) -> None:
    house.change(LEDGER[breach](house))
    assert "pages" in house.kinds()
    assert {fault.subject for fault in house.verify().faults if fault.kind == "pages"} == {house.delivery.id}


def test_pages_of_a_delivery_that_is_not_open(house: House) -> None:
    """Whatever owns pages must add up, not only what says that it is open."""
    house.change(update(deliveries).where(deliveries.c.id == house.delivery.id).values(state="CLARIFY"))
    assert house.verify().ok
    house.change(delete(pages).where(pages.c.number == 3))
    assert house.kinds() == ["pages"]


def test_twins(house: House) -> None:
    own = insert(pages).values(tenant=TENANT, delivery=house.twin.id, part=0, number=1, state="blank", position=0, rotation=0)
    twin = update(deliveries).where(deliveries.c.id == house.twin.id)
    with house.database.transaction() as tx:
        other = received(tx, original=house.delivery.original, channel="imap")
    for statement, undo in (
        (own, delete(pages).where(pages.c.delivery == house.twin.id)),
        (twin.values(twin_of=None), twin.values(twin_of=house.delivery.id)),
        (twin.values(twin_of=new_id()), twin.values(twin_of=house.delivery.id)),
        (twin.values(twin_of=other.id), twin.values(twin_of=house.delivery.id)),
        (twin.values(twin_of=house.twin.id), twin.values(twin_of=house.delivery.id)),
    ):
        assert house.verify().ok
        house.change(statement)
        assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("twin", house.twin.id)]
        house.change(undo)


def test_documents(house: House) -> None:
    filed, waiting = house.documents
    house.change(update(pages).where(pages.c.number == 2).values(state="blank", document=None))
    assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("document", waiting.id)]
    house.change(update(pages).where(pages.c.number == 2).values(state="live", document=waiting.id))
    for statement, undo in (
        (update(decisions).values(live=False), update(decisions).values(live=True)),
        (update(filings).values(undone_at="x", settled_at=None), update(filings).values(undone_at=None)),
        (update(documents).where(documents.c.id == filed.id).values(state="PROPOSED"),
         update(documents).where(documents.c.id == filed.id).values(state="FILED")),
    ):
        assert house.verify().ok
        house.change(statement)
        assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("document", filed.id)]
        house.change(undo)


# --- what is filed ---------------------------------------------------------------------------------------------------

def test_a_filing_without_receipt(house: House) -> None:
    house.change(delete(receipts), update(filings).values(settled_at=None))
    assert house.kinds() == ["receipt"]
    assert house.kinds(GRACE) == [], "its store is still being told"
    house.change(update(filings).values(at="2020-01-01T00:00:00.000000Z"))
    assert house.kinds(GRACE) == ["receipt"]


def test_a_receipt_of_another_store_has_no_mirror_here(house: House) -> None:
    house.change(update(receipts).values(store="dms", reference="urn:x"))
    assert house.kinds() == ["mirror"], "it lies there and should not"
    shutil.rmtree(house.mirror())
    assert house.verify().ok


def _edit_index(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        index = json.loads((folder / "akte.json").read_text())
        change(index["schriftstuecke"][0])
        (folder / "akte.json").write_text(json.dumps(index))
    return edit


def _swap(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


MIRROR: dict[str, Callable[[Path], Any]] = {
    "PDF gone": lambda folder: (folder / "Bauantrag.pdf").unlink(),
    "PDF changed": lambda folder: (folder / "Bauantrag.pdf").write_bytes(b"%PDF/B"),
    "PDF is a link": lambda folder: _swap(folder / "Bauantrag.pdf"),
    "PDF is a folder": lambda folder: ((folder / "Bauantrag.pdf").unlink(), (folder / "Bauantrag.pdf").mkdir()),
    "original gone": lambda folder: (folder / "Bauantrag (Original).pdf").unlink(),
    "original changed": lambda folder: (folder / "Bauantrag (Original).pdf").write_bytes(b"?"),
    "index gone": lambda folder: (folder / "akte.json").unlink(),
    "index is noise": lambda folder: (folder / "akte.json").write_bytes(b"\xff\x00{"),
    "index is of another form": lambda folder: (folder / "akte.json").write_text("[1]"),
    "index forgot the document": _edit_index(lambda entry: entry.update(schluessel="f2")),
    "index forgot the original": _edit_index(lambda entry: entry["dateien"].pop()),
    "index says another hash": _edit_index(lambda entry: entry["dateien"][0].update(sha256="0" * 64)),
    "folder gone": lambda folder: folder.rename(folder.with_name("weg")),
}


@pytest.mark.parametrize("breach", MIRROR)
def test_a_mirror_that_differs(house: House, breach: str) -> None:
    MIRROR[breach](house.mirror() / "60" / "60.1")
    found = {(fault.kind, fault.subject) for fault in house.verify().faults}
    assert found == {("mirror", "f1")} | ({("mirror", "f2")} if breach == "index forgot the document" else set())


def test_a_document_in_the_mirror_that_is_not_filed_there(house: House) -> None:
    """Put there by hand, left from a moved Akte, or of a house that was restored: the folder shows what the database denies."""
    other = house.mirror() / "60" / "60.2"
    shutil.copytree(house.mirror() / "60" / "60.1", other)
    assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("mirror", "f1")]
    assert "60/60.2/akte.json" in house.verify().faults[0].detail
    index = json.loads((other / "akte.json").read_text())
    index["schriftstuecke"][0]["abgelegt"] = utcnow().isoformat()
    (other / "akte.json").write_text(json.dumps(index))
    assert house.verify(grace=GRACE).ok, "on its way"
    index["schriftstuecke"][0]["abgelegt"] = "2026-01-01T00:00:00+00:00"
    (other / "akte.json").write_text(json.dumps(index))
    house.change(update(filings).values(settled_at=None))
    assert house.verify().ok, "its store has still to hear of it"
    house.change(update(filings).values(settled_at="2026-11-21T00:00:00.000000Z"))
    (other / "akte.json").write_text("{")
    assert house.verify().ok, "of nobody's folder nothing is expected"


# --- joints ----------------------------------------------------------------------------------------------------------

def test_a_row_of_one_tenant_that_leans_on_another_ones(house: House) -> None:
    house.change(update(pages).where(pages.c.number == 2).values(tenant="nord"))
    assert "joint" in house.kinds()
    (fault,) = (fault for fault in house.verify().faults if fault.kind == "joint" and "pages.document" in fault.detail)
    assert fault.subject == house.documents[1].id


def test_rows_that_lean_on_nothing(house: House) -> None:
    """PostgreSQL does not let it happen; a SQLite file in other hands does."""
    if house.database.dialect != "sqlite":
        pytest.skip("the server refuses it")
    import sqlite3

    with sqlite3.connect(house.root / "poststelle.db") as other:
        other.execute("DELETE FROM filings")
    other.close()
    faults = {(fault.kind, fault.subject) for fault in house.verify().faults}
    assert {("joint", "f1"), ("mirror", "f1")} <= faults


def test_the_search_index_is_what_it_says(house: House) -> None:
    filed, waiting = house.documents
    current = update(documents).where(documents.c.id == filed.id)
    house.change(current.values(indexed=documents.c.revision))
    assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("search", filed.id)]
    row = {"tenant": TENANT, "branch": "", "kind": "", "sender": "", "dated": "", "parcels": "", "title": "", "pages": 1,
           "words": 1, "indexed_at": ""}
    house.change(insert(search_documents).values(document=filed.id, no=1, **row))
    assert "kennt die Suche kein Wort" in house.verify().faults[0].detail
    house.change(insert(search_texts).values(no=1, tenant=TENANT, terms="a", counts="1"))
    assert house.verify().ok
    house.change(insert(search_documents).values(document=waiting.id, no=2, **row),
                 insert(search_texts).values(no=2, tenant=TENANT, terms="a", counts="1"))
    assert house.verify().ok, "outdated: the sweep knows"
    house.change(update(documents).where(documents.c.id == waiting.id).values(indexed=documents.c.revision, state="NEW"))
    assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("search", waiting.id)]


def test_a_hand_over_in_no_known_state(house: House) -> None:
    row = {"tenant": TENANT, "filing": "f1", "target": "dms", "state": "done", "place": "", "told": True, "attempts": 1,
           "failures": 0, "not_before": "", "why": ""}
    house.change(insert(handovers).values(**row))
    assert house.verify().ok
    house.change(update(handovers).values(state="lost"))
    assert house.kinds() == ["handover"]


@pytest.mark.parametrize("reference", ["../../etc/passwd", "/etc/passwd", "", "60/../60/60.1/Bauantrag.pdf", "Bauantrag.pdf"])
def test_a_receipt_that_leads_elsewhere(house: House, reference: str) -> None:
    house.change(update(receipts).values(reference=reference))
    assert house.kinds() == ["mirror"]


# --- journal ---------------------------------------------------------------------------------------------------------

def test_a_tampered_chain(house: House) -> None:
    house.change(update(journal).where(journal.c.seq == 2).values(entry="{}"))
    assert house.kinds() == ["journal"]


def test_rows_deleted_behind_the_journals_back(house: House) -> None:
    """A letter made to vanish: every row of it deleted, the journal still knows."""
    house.change(delete(deliveries).where(deliveries.c.id == house.twin.id))
    assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("row", house.twin.id)]


def test_a_vanished_document(house: House) -> None:
    filed = house.documents[0]
    house.change(delete(receipts), delete(filings), delete(decisions), delete(pages).where(pages.c.document == filed.id),
                 update(parts).values(pages=3), delete(documents).where(documents.c.id == filed.id))
    faults = {(fault.kind, fault.subject) for fault in house.verify().faults}
    assert ("row", filed.id) in faults and ("pages", house.delivery.id) in faults


def test_a_row_the_journal_does_not_know(house: House) -> None:
    with house.database.transaction() as tx:
        smuggled = delivery(original=house.delivery.original, channel="imap")
        add_delivery(tx, smuggled)
    assert [(fault.kind, fault.subject) for fault in house.verify().faults] == [("journal", smuggled.id)]


def test_faults_of_several_tenants(house: House) -> None:
    with house.database.transaction() as tx:
        received(tx, "nord")
    report = house.verify(TENANT, "nord")
    assert [fault.kind for fault in report.faults] == ["missing-blob"]
    assert report.as_dict()["faults"][0] == {
        "kind": "missing-blob", "subject": report.faults[0].subject, "detail": report.faults[0].detail}
    assert house.verify(TENANT).ok


def test_the_clock_of_the_grace(house: House) -> None:
    assert timedelta(minutes=1) <= GRACE <= timedelta(minutes=10)
    assert utcnow() - GRACE < utcnow()
