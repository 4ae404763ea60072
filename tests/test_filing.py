"""From a decision to a filing: the right Akte, numbers without gaps or doubles, once whatever is killed, undone cleanly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_help import BUILDING, DOGS, TENANT, current, delivery, opened, plan
from sqlalchemy import select, text

from intake import filing, review
from intake.blobs import Blobs
from intake.config import Tenant
from intake.db.akten import add_case, add_file, cases_of, close_file, files_of_entry
from intake.db.core import Database, Tx
from intake.db.deliveries import get_delivery
from intake.db.documents import live_decision, move_document
from intake.db.filings import (
    count_without_receipt,
    filing_of_document,
    filings_of,
    filings_without_receipt,
    get_filing,
    receipts_of,
    unsettle_filing,
)
from intake.db.plan import import_plan
from intake.errors import ConfigError, PoststelleError, Refused, ServiceError, Stale
from intake.filing import deliver, filing_key, new_reference, place_of, record_filing, title_of
from intake.journal import check, entries
from intake.schema import counters, filings, receipts
from intake.stores.efile import EFile
from intake.vocabulary import AktenplanEntry, Blob, Case, Decision, DocumentState, Envelope, File, Filing, Receipt

SETTINGS = Tenant(name=TENANT, reference_template="{unit}/{notation}-{number:04d}/{year}")


def approved(db: Database, values: Mapping[str, str] | None = None, cuts: tuple[int, ...] = (2,)) -> str:
    """A document approved under `values` (by default the entry Hundesteuer, a new Akte)."""
    _, (first, *_) = opened(db, cuts)
    with db.transaction() as tx:
        review.approve(tx, first.id, first.revision, "kms", values or {"entry": "962.10"})
    return first.id


def file_it(db: Database, blobs: Blobs, document_id: str, settings: Tenant = SETTINGS, at: datetime | None = None) -> str:
    """What the step of the pipeline does between rendition and stores; returns the key."""
    with db.read() as conn:
        document = current(db, document_id)
        decision = live_decision(conn, document_id)
        sent = get_delivery(conn, document.delivery)
    assert decision is not None
    pdf = blobs.add_bytes(f"%PDF {document_id}".encode(), "ablage.pdf", "application/pdf")
    original = blobs.add_bytes(f"scan {document_id}".encode(), "scan.tif", "image/tiff")
    with db.transaction() as tx:
        then = Tx(tx.connection, at or tx.now)
        key = record_filing(then, settings, sent, document, decision, pdf=pdf, pdfa="2b", reason="", originals=(original,))
        move_document(then, document, DocumentState.FILED)
    return key


@pytest.fixture
def known(database: Database) -> File:
    with database.transaction() as tx:
        return plan(tx)


@pytest.fixture
def lite(sqlite_database: Database) -> Database:
    with sqlite_database.transaction() as tx:
        plan(tx)
    return sqlite_database


# ---- which Akte ------------------------------------------------------------------------------------------------------


def test_a_new_akte_under_the_entry_and_the_filing_reads_back(database: Database, known: File, blobs: Blobs) -> None:
    id = approved(database, {"entry": "962.10", "letter_date": "18.11.2025"})
    key = file_it(database, blobs, id)
    with database.read() as conn:
        found = get_filing(conn, key)
        assert filing_of_document(conn, id) == found and filings_of(conn, TENANT) == (found,)
        assert found.file in files_of_entry(conn, TENANT, DOGS.id)
        actions = [entry.action for entry in entries(conn, TENANT, id)]
    assert found.file.reference == f"KÄ/962.10-0001/{datetime.now().astimezone().year}"
    assert (found.file.title, found.title, found.entry, found.case) == ("Abmeldung Hund", "Abmeldung Hund", DOGS, None)
    assert (found.pages, found.pdfa, found.pdf.name) == (2, "2b", "ablage.pdf")
    assert found.values == {"entry": DOGS.id, "title": "Abmeldung Hund", "letter_date": "2025-11-18"}
    assert [blob.name for blob in found.originals] == ["scan.tif"] and found.received_at.tzinfo is not None
    assert actions == ["document.approved", "file.opened"]


def test_a_known_akte_and_its_vorgang(database: Database, known: File, blobs: Blobs) -> None:
    with database.transaction() as tx:
        case = add_case(tx, TENANT, Case("", known.id, "003", "Mahnung"))
    key = file_it(database, blobs, approved(database, {"file": known.reference, "case": "003"}))
    new = file_it(database, blobs, approved(database, {"file": known.id, "case_title": "Widerspruch"}))
    with database.read() as conn:
        assert (get_filing(conn, key).file, get_filing(conn, key).case) == (known, case)
        opened_case = get_filing(conn, new).case
        assert opened_case is not None and (opened_case.reference, opened_case.title) == ("001", "Widerspruch")
        assert cases_of(conn, TENANT, known.id) == (opened_case, case)


def test_numbers_of_vorgaenge_pass_over_those_that_are_there(lite: Database, blobs: Blobs) -> None:
    with lite.transaction() as tx:
        file = add_file(tx, TENANT, File("", "A/1", "Akte", DOGS.id))
        add_case(tx, TENANT, Case("", file.id, "001", "importiert"))
    key = file_it(lite, blobs, approved(lite, {"file": "A/1", "case_title": "neu"}))
    with lite.read() as conn:
        case = get_filing(conn, key).case
    assert case is not None and case.reference == "002"


def test_what_was_closed_between_approval_and_filing_is_refused_and_nothing_written(database: Database, known: File,
                                                                                    blobs: Blobs) -> None:
    id = approved(database, {"file": known.reference})
    with database.transaction() as tx:
        close_file(tx, TENANT, known.id, date(2026, 1, 31))
    with pytest.raises(Refused, match="zdA"):
        file_it(database, blobs, id)
    with database.read() as conn:
        assert conn.execute(select(filings)).all() == [] and current(database, id).state is DocumentState.APPROVED


def test_an_entry_that_was_closed_is_no_place(lite: Database) -> None:
    with lite.transaction() as tx:
        import_plan(tx, TENANT, [DOGS])  # closes Bauanträge with yesterday's date
    with lite.read() as conn:
        today = datetime.now(UTC).date()
        with pytest.raises(Refused, match=r"nicht \(mehr\)"):
            place_of(conn, TENANT, {"entry": BUILDING.id}, today)
        with pytest.raises(Refused):
            place_of(conn, "andere", {"entry": DOGS.id}, today)
        assert place_of(conn, TENANT, {"entry": "962 10"}, today).entry == DOGS


def test_an_original_with_other_peoples_letters_is_not_filed(lite: Database, blobs: Blobs) -> None:
    """The stack was cut into two documents: beside each lies only its own rendition."""
    alone, cut = file_it(lite, blobs, approved(lite)), file_it(lite, blobs, approved(lite, cuts=(2, 1)))
    with lite.read() as conn:
        assert [len(get_filing(conn, key).originals) for key in (alone, cut)] == [1, 0]


# ---- numbers ---------------------------------------------------------------------------------------------------------


def test_a_rolled_back_filing_gives_its_number_back(database: Database, known: File, blobs: Blobs) -> None:
    first, second = approved(database), approved(database)
    with suppress(ZeroDivisionError), database.transaction() as tx:
        new_reference(tx, SETTINGS, DOGS)
        raise ZeroDivisionError
    keys = [file_it(database, blobs, id) for id in (first, second)]
    with database.read() as conn:
        numbers = [get_filing(conn, key).file.reference.split("-")[1][:4] for key in keys]
    assert numbers == ["0001", "0002"]


def test_the_year_changes_by_local_time(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import time
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        moments = [datetime(2026, 12, 31, 22, 59, tzinfo=UTC), datetime(2026, 12, 31, 23, 1, tzinfo=UTC),
                   datetime(2027, 1, 1, 9, tzinfo=UTC)]
        with lite.transaction() as tx:
            made = [new_reference(Tx(tx.connection, moment), SETTINGS, DOGS) for moment in moments]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert made == ["KÄ/962.10-0001/2026", "KÄ/962.10-0001/2027", "KÄ/962.10-0002/2027"]


def test_a_number_an_imported_akte_bears_is_passed_over(lite: Database) -> None:
    with lite.transaction() as tx:
        year = tx.now.astimezone().year
        add_file(tx, TENANT, File("", f"kä / 962.10-0001/{year}", "importiert", DOGS.id, "imported"))
        assert new_reference(tx, SETTINGS, DOGS) == f"KÄ/962.10-0002/{year}"


@pytest.mark.parametrize("template, references", [
    ("{number}/{year}", ["1/Y", "2/Y"]), ("{notation}.{number:02d}", ["962.10.01", "632.60.01"]),
    ("{unit}/{notation}-{number:04d}/{year}", ["KÄ/962.10-0001/Y", "BA/632.60-0001/Y"]),
])
def test_a_series_is_all_that_differs_in_the_number_alone(lite: Database, template: str, references: list[str]) -> None:
    settings = SETTINGS.model_copy(update={"reference_template": template})
    with lite.transaction() as tx:
        year = str(tx.now.astimezone().year)
        assert [new_reference(tx, settings, entry).replace(year, "Y") for entry in (DOGS, BUILDING)] == references


def test_without_a_unit_there_is_no_empty_beginning(lite: Database) -> None:
    with lite.transaction() as tx:
        assert new_reference(tx, SETTINGS, replace(DOGS, unit="")).startswith("962.10-0001/")


@pytest.mark.parametrize("template", [
    "{notation}/{year}", "{number}/{amt}", "{number:04x5}", "{number", "{number}{}", "{number}" + "x" * 150])
def test_a_template_that_cannot_be_filled_names_itself(lite: Database, template: str) -> None:
    settings = SETTINGS.model_copy(update={"reference_template": template})
    with pytest.raises(ConfigError, match="reference_template"), lite.transaction() as tx:
        new_reference(tx, settings, DOGS)


def test_eight_filers_take_every_number_once(database: Database, known: File, blobs: Blobs) -> None:
    ids = [approved(database) for _ in range(24)]
    references = _in_threads(8, ids, lambda id: file_it(database, blobs, id))
    assert len(references) == 24
    with database.read() as conn:
        numbers = sorted(int(get_filing(conn, key).file.reference.split("-")[1][:4]) for key in references)
        assert check(conn, TENANT) == []
    assert numbers == list(range(1, 25))


def _in_threads(count: int, ids: list[str], work: Callable[[str], str]) -> list[str]:
    found: list[str] = []
    wrong: list[BaseException] = []
    turns, lock = iter(ids), threading.Lock()

    def run() -> None:
        while True:
            with lock:
                id = next(turns, None)
            if id is None:
                return
            try:
                found.append(work(id))
            except Stale:
                continue
            except BaseException as error:  # noqa: BLE001 - shown below
                wrong.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    return found


def test_two_workers_with_the_same_document_file_it_once(database: Database, known: File, blobs: Blobs) -> None:
    for _ in range(5):
        id = approved(database)
        assert len(_in_threads(2, [id, id], lambda id: file_it(database, blobs, id))) == 1
    with database.read() as conn:
        assert len(conn.execute(select(filings)).all()) == 5
        assert conn.execute(select(counters.c.value).where(counters.c.name.like("reference/%"))).scalars().all() == [5]


def test_a_filed_document_is_not_filed_again(database: Database, known: File, blobs: Blobs) -> None:
    id = approved(database)
    file_it(database, blobs, id)
    with pytest.raises(Stale):
        file_it(database, blobs, id)  # it reads the document as FILED, with its decision


def test_the_same_decision_has_the_same_key_and_another_one_not() -> None:
    one = Decision("D", {"a": "1"}, "clerk:kms", datetime.now(UTC), 3)
    assert filing_key(one) == filing_key(replace(one, values={}, by="rule:x", at=datetime(2000, 1, 1, tzinfo=UTC)))
    assert len({filing_key(one), filing_key(replace(one, revision=4)), filing_key(replace(one, document="E"))}) == 3
    assert len(filing_key(one)) == 64


# ---- Anlagen, undo ---------------------------------------------------------------------------------------------------


def test_an_anlage_waits_for_its_main_document_and_shares_its_akte(database: Database, known: File, blobs: Blobs) -> None:
    _, (main, annex) = opened(database, [2, 1])
    with database.transaction() as tx:
        review.attach(tx, annex.id, annex.revision, "kms", main.id)
        review.approve(tx, main.id, main.revision, "kms", {"entry": "962.10"})
        review.approve(tx, annex.id, annex.revision + 1, "kms")
    with pytest.raises(ServiceError, match="Hauptschriftstück"):
        file_it(database, blobs, annex.id)
    keys = [file_it(database, blobs, id) for id in (main.id, annex.id)]
    with database.read() as conn:
        assert len({get_filing(conn, key).file for key in keys}) == 1
    filed = current(database, main.id)
    with database.transaction() as tx:
        review.undo(tx, main.id, filed.revision, "kms")
    assert {current(database, one.id).state for one in (main, annex)} == {DocumentState.PROPOSED}
    with database.read() as conn:
        assert filings_of(conn, TENANT) == () and filing_of_document(conn, annex.id) is None


def test_undone_and_filed_again_takes_the_empty_akte_and_no_new_number(database: Database, known: File, blobs: Blobs) -> None:
    id = approved(database)
    first = file_it(database, blobs, id)
    _undo_and_approve(database, id, {"entry": "962.10"})
    second = file_it(database, blobs, id)
    _undo_and_approve(database, id, {"entry": "632.60"})
    third = file_it(database, blobs, id)
    with database.read() as conn:
        made = [get_filing(conn, key) for key in (first, second, third)]
    assert len({one.key for one in made}) == 3
    assert made[0].file == made[1].file and made[2].file.reference.startswith("BA/632.60-0001/")


def _undo_and_approve(db: Database, id: str, values: dict[str, str]) -> None:
    with db.transaction() as tx:
        revision = review.undo(tx, id, current(db, id).revision, "kms")
        review.approve(tx, id, revision, "kms", values)


def test_an_akte_others_use_is_not_taken_for_empty(lite: Database, blobs: Blobs) -> None:
    id = approved(lite)
    key = file_it(lite, blobs, id)
    with lite.read() as conn:
        file = get_filing(conn, key).file
    file_it(lite, blobs, approved(lite, {"file": file.reference}))
    _undo_and_approve(lite, id, {"entry": "962.10"})
    again = file_it(lite, blobs, id)
    with lite.read() as conn:
        assert get_filing(conn, again).file != file


# ---- title -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values, subject, title", [
    ({"title": " Abmeldung \n Hund "}, "x", "Abmeldung Hund"), ({"subject": "Hund"}, "x", "Hund"),
    ({"kind": "Antrag", "sender_name": "Erika Muster"}, "x", "Antrag, Erika Muster"), ({"sender_name": "Erika"}, "x", "Erika"),
    ({"title": "  "}, "Frage zur Steuer", "Frage zur Steuer"), ({}, None, "scan"),
])
def test_the_title_falls_back(values: dict[str, str], subject: str | None, title: str) -> None:
    assert title_of(values, replace(delivery(), envelope=Envelope(subject=subject))) == title


@given(st.text(max_size=600), st.text(max_size=20))
def test_a_title_is_never_empty_nor_long(title: str, name: str) -> None:
    made = title_of({"title": title}, delivery(name=name))
    assert 0 < len(made) <= 300 and made.strip() == made.strip()


# ---- the stores ------------------------------------------------------------------------------------------------------


class Counting:
    """A store that counts; `trouble` is called before or after it works."""

    def __init__(self, name: str = "efile", before: Callable[[], None] = lambda: None,
                 after: Callable[[], None] = lambda: None) -> None:
        self.name, self.before, self.after = name, before, after
        self.held: set[str] = set()
        self.calls = 0

    def file(self, filing: Filing, read: Callable[[str], BinaryIO]) -> Receipt:
        self.calls += 1
        self.before()
        with read(filing.pdf.sha256) as stream:
            assert stream.read(4) == b"%PDF"
        self.held.add(filing.key)
        self.after()
        return Receipt(self.name, f"{self.name}/{filing.key[:8]}", datetime(2026, 11, 21, tzinfo=UTC))

    def withdraw(self, filing: Filing) -> None:
        self.calls += 1
        self.held.discard(filing.key)


def waiting(db: Database) -> list[tuple[str, str]]:
    with db.read() as conn:
        found = filings_without_receipt(conn)
        assert count_without_receipt(conn) == len(found)
        return found


def test_a_receipt_is_noted_once(database: Database, known: File, blobs: Blobs) -> None:
    key = file_it(database, blobs, approved(database))
    assert waiting(database) == [(TENANT, key)]
    store = Counting()
    for _ in range(3):
        deliver(database, TENANT, key, [store], blobs)
    with database.read() as conn:
        (receipt,) = receipts_of(conn, key)
    assert store.calls == 1 and receipt.reference == f"efile/{key[:8]}" and waiting(database) == []


class Killed(BaseException):
    pass


def _raise(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error
    return run


@pytest.mark.parametrize("before", [True, False])
def test_killed_around_the_store_the_sweep_completes(database: Database, known: File, blobs: Blobs, before: bool,
                                                     tmp_path: Path) -> None:
    key = file_it(database, blobs, approved(database))
    broken = Counting(before=_raise(Killed())) if before else Counting(after=_raise(Killed()))
    with pytest.raises(Killed):
        deliver(database, TENANT, key, [broken], blobs)
    store = EFile(tmp_path / "akten")
    for tenant, waits in waiting(database):
        deliver(database, tenant, waits, [store], blobs)
    with database.read() as conn:
        assert store.faults(get_filing(conn, key)) == () and len(receipts_of(conn, key)) == 1
    assert waiting(database) == []


def test_one_store_that_does_not_answer_loses_no_receipt_of_the_other(database: Database, known: File, blobs: Blobs) -> None:
    key = file_it(database, blobs, approved(database))
    good, bad = Counting("gut"), Counting("schlecht", before=_raise(ServiceError("Das DMS antwortet nicht.")))
    for _ in range(2):
        with pytest.raises(ServiceError, match="DMS"):
            deliver(database, TENANT, key, [good, bad], blobs)
    assert (good.calls, bad.calls) == (1, 2) and waiting(database) == [(TENANT, key)]
    bad.before = lambda: None
    deliver(database, TENANT, key, [good, bad], blobs)
    assert (good.calls, bad.calls) == (1, 3) and waiting(database) == []


def test_undo_takes_the_copy_out_of_every_store(database: Database, known: File, blobs: Blobs) -> None:
    id = approved(database)
    key = file_it(database, blobs, id)
    stores = [Counting("eins"), Counting("zwei")]
    deliver(database, TENANT, key, stores, blobs)
    with database.transaction() as tx:
        review.undo(tx, id, current(database, id).revision, "kms")
    assert waiting(database) == [(TENANT, key)]
    deliver(database, TENANT, key, stores, blobs)
    deliver(database, TENANT, key, stores, blobs)
    assert [store.held for store in stores] == [set(), set()] and waiting(database) == []
    with database.read() as conn:
        assert receipts_of(conn, key) == ()
        assert len(conn.execute(select(receipts).where(receipts.c.withdrawn_at.is_not(None))).all()) == 2
        assert "filing.withdrawn" in [entry.action for entry in entries(conn, TENANT, key)]


def test_undone_while_a_slow_store_works_it_is_taken_back(database: Database, known: File, blobs: Blobs) -> None:
    """The clerk is faster than the store; also when the sweep has already told it of the undo."""
    for sweep_between in (False, True):
        id = approved(database)
        key = file_it(database, blobs, id)
        store = Counting()

        def meanwhile(id: str = id, key: str = key, store: Counting = store, sweep: bool = sweep_between) -> None:
            with database.transaction() as tx:
                review.undo(tx, id, current(database, id).revision, "kms")
            if sweep:
                deliver(database, TENANT, key, [Counting()], blobs)

        store.after = meanwhile
        deliver(database, TENANT, key, [store], blobs)
        assert store.held == {key}
        store.after = lambda: None
        assert waiting(database) == [(TENANT, key)]
        deliver(database, TENANT, key, [store], blobs)
        assert store.held == set() and waiting(database) == []


def test_a_deleted_mirror_is_rebuilt_by_unsettling(lite: Database, blobs: Blobs, tmp_path: Path) -> None:
    key = file_it(lite, blobs, approved(lite))
    store = EFile(tmp_path / "akten")
    deliver(lite, TENANT, key, [store], blobs)
    with lite.read() as conn:
        found, place = get_filing(conn, key), store.root / receipts_of(conn, key)[0].reference
    place.unlink()
    assert store.faults(found)
    filing.rebuild(lite, found, store, blobs)
    assert store.faults(found) == () and place.exists() and waiting(lite) == []
    with lite.transaction() as tx:
        unsettle_filing(tx, key)
    assert waiting(lite) == [(TENANT, key)]


def test_the_waiting_filings_are_found_by_their_index(lite: Database) -> None:
    with lite.read() as conn:
        steps = conn.execute(text("EXPLAIN QUERY PLAN SELECT tenant, key FROM filings WHERE settled_at IS NULL "
                                  "ORDER BY at, key LIMIT 50")).all()
    assert "ix_filings_unsettled" in str(steps)


def test_an_unknown_filing_is_said(lite: Database, blobs: Blobs) -> None:
    with pytest.raises(PoststelleError, match="gibt es nicht"):
        deliver(lite, TENANT, "0" * 64, [], blobs)


def test_a_document_that_moved_on_is_stale(database: Database, known: File, blobs: Blobs) -> None:
    id = approved(database)
    document = current(database, id)
    with database.read() as conn:
        decision, sent = live_decision(conn, id), get_delivery(conn, document.delivery)
    with database.transaction() as tx:
        review.put_back(tx, id, document.revision, "kms")
    assert decision is not None
    with pytest.raises(Stale), database.transaction() as tx:
        record_filing(tx, SETTINGS, sent, document, decision, pdf=Blob("a" * 64, "application/pdf", "x.pdf", 1), pdfa="none")
    with database.read() as conn:
        assert conn.execute(select(filings)).all() == [] and conn.execute(select(counters)).all() == []


# ---- the form of a number that is not given yet -----------------------------------------------------------------------


@pytest.mark.parametrize(("template", "wanted"), [
    ("{unit}/{notation}-{number:04d}/{year}", "BA/632.60-####/2026"), ("{notation}.{number}", "632.60.#"),
    ("{year}-{number:06d}", "2026-######")])
def test_a_preview_shows_the_form_without_a_number(template: str, wanted: str) -> None:
    entry = AktenplanEntry("e1", "632.60", "Bauvorhaben", unit="Bauamt")
    tenant = Tenant(name=TENANT, reference_template=template, unit_signs={"Bauamt": "BA"})
    assert filing.preview(tenant, entry, 2026) == wanted


def test_a_preview_of_a_template_that_cannot_be_filled_says_what_to_do() -> None:
    entry = AktenplanEntry("e1", "632.60", "Bauvorhaben")
    with pytest.raises(ConfigError, match="reference_template"):
        filing.preview(Tenant.model_construct(name=TENANT, reference_template="{notation}/{year}", unit_signs={}), entry, 2026)
    with pytest.raises(ConfigError, match="Erlaubt sind"):
        filing.preview(Tenant.model_construct(name=TENANT, reference_template="{number}{falsch}", unit_signs={}), entry, 2026)
