"""Akten by hand: opening, renaming, zdA, moving one document or a whole Akte; the mirror follows, the journal tells it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_help import BUILDING, DOGS, TENANT, current, opened, propose
from sqlalchemy import select, update
from test_filing import SETTINGS, approved, file_it

from intake import akten, review
from intake.blobs import Blobs
from intake.db.access import see_file
from intake.db.akten import add_file, cases_of, get_file, import_files
from intake.db.core import Database
from intake.db.documents import live_decision
from intake.db.efile import kept_until, list_due, list_files, show_file, versions_of
from intake.db.filings import filing_of_document, filings_without_receipt, get_filing, receipts_of
from intake.db.plan import import_plan
from intake.errors import Refused, Stale
from intake.filing import deliver
from intake.journal import check, entries
from intake.registers import FileRow
from intake.schema import documents, filings
from intake.stores.efile import EFile
from intake.vocabulary import AktenplanEntry, DocumentState, Evidence, File, Proposal, Viewer

STAFF = AktenplanEntry("ap-0111", "111", "Personalakten", access_class="Personal", retention=5, disposal="V")
ALL = Viewer(TENANT)
CLERK = Viewer(TENANT, name="kms", classes=frozenset({"Poststelle", "allgemein"}))


@pytest.fixture(autouse=True)
def _plan(request: pytest.FixtureRequest) -> None:
    name = "database" if "database" in request.fixturenames else "lite"
    db: Database = request.getfixturevalue(name)
    with db.transaction() as tx:
        import_plan(tx, TENANT, [DOGS, BUILDING, STAFF])


@pytest.fixture
def lite(sqlite_database: Database) -> Database:
    return sqlite_database


def filed(db: Database, blobs: Blobs, values: Mapping[str, str] | None = None) -> tuple[str, str]:
    """A filed document and the key of its filing."""
    id = approved(db, values)
    return id, file_it(db, blobs, id)


def settle(db: Database, blobs: Blobs, store: EFile) -> None:
    """What the worker does afterwards: every store hears of everything."""
    while True:
        with db.read() as conn:
            waiting = filings_without_receipt(conn)
        if not waiting:
            return
        for tenant, key in waiting:
            deliver(db, tenant, key, [store], blobs)


def mirror(store: EFile) -> list[str]:
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*.pdf"))


def actions(db: Database, subject: str) -> list[str]:
    with db.read() as conn:
        return [entry.action for entry in entries(conn, TENANT, subject)]


# ---- open, rename ----------------------------------------------------------------------------------------------------


def test_an_akte_by_hand_takes_the_next_number_or_the_one_given(database: Database) -> None:
    year = datetime.now().astimezone().year
    with database.transaction() as tx:
        one = akten.open_file(tx, SETTINGS, ALL, "kms", "962.10", " Hund  Bello ", office="Steueramt")
        two = akten.open_file(tx, SETTINGS, ALL, "kms", DOGS.id, "Katze", reference="Sonder 7")
        three = akten.open_file(tx, SETTINGS, ALL, "kms", DOGS.id, "Maus")
        with pytest.raises(Refused, match="vergeben"):
            akten.open_file(tx, SETTINGS, ALL, "kms", DOGS.id, "Maus", reference="sonder 7")
    assert [one.reference, two.reference, three.reference] == [f"KÄ/962.10-0001/{year}", "Sonder 7", f"KÄ/962.10-0002/{year}"]
    assert (one.title, one.office, one.origin, actions(database, one.id)) == ("Hund Bello", "Steueramt", "ours", ["file.opened"])


@pytest.mark.parametrize(("entry", "title", "match"), [("999", "x", "nicht"), ("962.10", " ", "Titel"), ("111", "x", "nicht")])
def test_what_cannot_be_opened(lite: Database, entry: str, title: str, match: str) -> None:
    with pytest.raises(Refused, match=match), lite.transaction() as tx:
        akten.open_file(tx, SETTINGS, CLERK, "kms", entry, title)


def test_vorgaenge_by_hand(database: Database) -> None:
    with database.transaction() as tx:
        akte = akten.open_file(tx, SETTINGS, ALL, "kms", DOGS.id, "Hunde")
        one = akten.open_case(tx, ALL, "kms", akte.reference, "Mahnung")
        two = akten.open_case(tx, ALL, "kms", akte.id, "Widerspruch")
        renamed = akten.rename_case(tx, ALL, "kms", akte.id, "002", "Widerspruch und Klage")
        closed = akten.close_case(tx, ALL, "kms", akte.id, "001")
        with pytest.raises(Stale):
            akten.close_case(tx, ALL, "kms", akte.id, one.id)
        with pytest.raises(Refused, match="Vorgang"):
            akten.close_case(tx, ALL, "kms", akte.id, "009")
    assert (one.reference, two.reference, renamed.title) == ("001", "002", "Widerspruch und Klage")
    with database.transaction() as tx:
        assert cases_of(tx.connection, TENANT, akte.id) == (closed, renamed) and closed.closed_on is not None
        assert akten.reopen_case(tx, ALL, "kms", akte.id, "001").closed_on is None
        with pytest.raises(Stale):
            akten.reopen_case(tx, ALL, "kms", akte.id, "001")
    assert actions(database, one.id) == ["case.opened", "case.closed", "case.reopened"]


def test_a_new_title_stands_in_the_mirror_and_an_imported_akte_becomes_ours(database: Database, blobs: Blobs,
                                                                           tmp_path: Path) -> None:
    store, row = EFile(tmp_path / "akten"), FileRow("A/1", "Hund", "962.10")
    with database.transaction() as tx:
        import_files(tx, TENANT, [row])
    _, key = filed(database, blobs, {"file": "A/1"})
    settle(database, blobs, store)
    with database.transaction() as tx:
        akten.rename_file(tx, ALL, "kms", "A/1", "Hund und Katze")
        assert import_files(tx, TENANT, [row]).kept  # the register does not overwrite it any more
    settle(database, blobs, store)
    with database.read() as conn:
        assert see_file(conn, ALL, "A/1").title == "Hund und Katze"
        assert [one.store for one in receipts_of(conn, key)] == ["efile"]
    assert '"titel": "Hund und Katze"' in next(store.root.rglob("akte.json")).read_text(encoding="utf-8")


# ---- zdA -------------------------------------------------------------------------------------------------------------


def test_zda_and_back(database: Database, blobs: Blobs, tmp_path: Path) -> None:
    store = EFile(tmp_path / "akten")
    id, _ = filed(database, blobs, {"entry": "962.10", "file_title": "Hunde"})
    settle(database, blobs, store)
    with database.transaction() as tx:
        akte = list_files(tx.connection, ALL)[0].file
        akten.open_case(tx, ALL, "kms", akte.id, "Mahnung")
        today = tx.now.astimezone().date()
        for day, match in ((today + timedelta(1), "kommt erst"), (today - timedelta(3), "erst am")):
            with pytest.raises(Refused, match=match):
                akten.close_file(tx, ALL, "kms", akte.id, day)
        assert akten.close_file(tx, ALL, "kms", akte.id).closed_on == today
        assert [one.closed_on for one in cases_of(tx.connection, TENANT, akte.id)] == [today]
    settle(database, blobs, store)
    assert f'"zda": "{today.isoformat()}"' in next(store.root.rglob("akte.json")).read_text(encoding="utf-8")
    with pytest.raises(Stale), database.transaction() as tx:
        akten.close_file(tx, ALL, "kms", akte.id)
    with pytest.raises(Refused, match="zdA"), database.transaction() as tx:
        akten.open_case(tx, ALL, "kms", akte.id, "zu spät")
    with pytest.raises(Refused, match="zdA"):
        file_it(database, blobs, approved(database, {"file": akte.id}))
    with database.transaction() as tx:
        assert akten.reopen_file(tx, ALL, "kms", akte.id).closed_on is None
        with pytest.raises(Stale):
            akten.reopen_file(tx, ALL, "kms", akte.id)
    assert actions(database, akte.id)[-2:] == ["file.closed", "file.reopened"]
    assert current(database, id).state is DocumentState.FILED


def test_nothing_is_written_off_while_a_document_is_on_its_way(database: Database, blobs: Blobs) -> None:
    with database.transaction() as tx:
        akte = akten.open_file(tx, SETTINGS, ALL, "kms", DOGS.id, "Hunde")
    id = approved(database, {"file": akte.reference})
    with pytest.raises(Refused, match="gerade"), database.transaction() as tx:
        akten.close_file(tx, ALL, "kms", akte.id)
    file_it(database, blobs, id)
    with database.transaction() as tx:
        akten.close_file(tx, ALL, "kms", akte.id)


@given(st.dates(date(1950, 1, 1), date(2100, 1, 1)), st.integers(0, 100))
def test_the_period_begins_with_the_year_after(closed_on: date, years: int) -> None:
    last = kept_until(closed_on, years)
    assert (last.month, last.day) == (12, 31) and last >= closed_on
    assert last.year - closed_on.year == years  # full calendar years after that of the zdA


def test_what_is_due(database: Database) -> None:
    with database.transaction() as tx:
        for entry, closed_on in ((DOGS, date(2015, 1, 2)), (DOGS, date(2015, 12, 31)), (DOGS, date(2016, 1, 1)), (DOGS, None),
                                 (BUILDING, date(1990, 1, 1)), (STAFF, date(2000, 5, 5))):
            add_file(tx, TENANT, File("", f"{entry.notation}/{closed_on}", "Akte", entry.id, closed_on=closed_on))
    with database.read() as conn:
        def due(viewer: Viewer, on: date) -> list[str]:
            return [one.file.reference for one in list_due(conn, viewer, on)]

        assert due(ALL, date(2025, 12, 31)) == ["111/2000-05-05"]
        assert due(ALL, date(2026, 1, 1)) == ["111/2000-05-05", "962.10/2015-01-02", "962.10/2015-12-31"]
        assert due(CLERK, date(2026, 1, 1)) == ["962.10/2015-01-02", "962.10/2015-12-31"]
        assert [one.kept_until for one in list_due(conn, CLERK, date(2027, 1, 1))] == [
            date(2025, 12, 31), date(2025, 12, 31), date(2026, 12, 31)]


# ---- move a document -------------------------------------------------------------------------------------------------


def test_a_document_moves_in_one_action_and_the_mirror_follows(database: Database, blobs: Blobs, tmp_path: Path) -> None:
    store = EFile(tmp_path / "akten")
    id, old_key = filed(database, blobs)
    settle(database, blobs, store)
    before = current(database, id)
    with database.transaction() as tx:
        to = akten.open_file(tx, SETTINGS, ALL, "kms", BUILDING.id, "Anbau")
        case = akten.open_case(tx, ALL, "kms", to.id, "Nachtrag")
        revision = akten.move_document(tx, SETTINGS, ALL, id, before.revision, "kms", {"file": to.reference, "case": "001"})
    with database.read() as conn:
        new, old, decision = filing_of_document(conn, id), get_filing(conn, old_key), live_decision(conn, id)
        assert new is not None and decision is not None
        assert (new.file, new.case, new.entry.id) == (to, case, BUILDING.id)
        assert (new.pdf, new.originals, new.title, new.received_at) == (old.pdf, old.originals, old.title, old.received_at)
        assert decision.by == "clerk:kms" and decision.revision == revision == before.revision + 1
        assert {name: decision.values[name] for name in ("entry", "file", "case")} == {
            "entry": BUILDING.id, "file": to.id, "case": case.id}
        assert len(filings_without_receipt(conn)) == 2  # the old one to withdraw, the new one to file
    settle(database, blobs, store)
    assert len(mirror(store)) == 1 and mirror(store)[0].startswith("632.60/")
    assert not list((store.root / "962.10").iterdir())
    (moved,) = [entry for entry in _entries(database, id) if entry.action == "document.moved"]
    assert moved.subjects["file"] == to.id and moved.subjects["former_file"] == old.file.id
    with database.read() as conn:
        assert [(one.number, one.file and one.file.id, one.undone_at is None) for one in versions_of(conn, ALL, id)] == [
            (1, old.file.id, False), (2, to.id, True)]
        assert check(conn, TENANT) == []


def _entries(db: Database, subject: str) -> list[object]:
    with db.read() as conn:
        return list(entries(conn, TENANT, subject))


def test_to_a_new_akte_and_back_again(lite: Database, blobs: Blobs, tmp_path: Path) -> None:
    store = EFile(tmp_path / "akten")
    id, _ = filed(lite, blobs)
    with lite.transaction() as tx:
        first = filing_of_document(tx.connection, id)
        assert first is not None
        akten.move_document(tx, SETTINGS, ALL, id, current(lite, id).revision, "kms", {"entry": "632.60", "file_title": "Neu"})
    with lite.transaction() as tx:
        there = filing_of_document(tx.connection, id)
        assert there is not None and there.file.title == "Neu"
        akten.move_document(tx, SETTINGS, ALL, id, current(lite, id).revision, "kms", {"file": first.file.id})
        with pytest.raises(Refused, match="schon in der Akte"):
            akten.move_document(tx, SETTINGS, ALL, id, current(lite, id).revision + 1, "kms", {"file": first.file.id})
    settle(lite, blobs, store)
    assert len(mirror(lite_store := store)) == 1 and mirror(lite_store)[0].startswith("962.10/")


def test_a_moved_document_can_be_undone_and_filed_again(lite: Database, blobs: Blobs, tmp_path: Path) -> None:
    store = EFile(tmp_path / "akten")
    id, _ = filed(lite, blobs)
    with lite.transaction() as tx:
        akten.move_document(tx, SETTINGS, ALL, id, current(lite, id).revision, "kms", {"entry": "632.60"})
    with lite.transaction() as tx:
        review.undo(tx, id, current(lite, id).revision, "kms")
    settle(lite, blobs, store)
    assert mirror(store) == [] and current(lite, id).state is DocumentState.PROPOSED
    with lite.transaction() as tx:
        review.approve(tx, id, current(lite, id).revision, "kms", {"entry": "962.10"})
    file_it(lite, blobs, id)
    settle(lite, blobs, store)
    assert len(mirror(store)) == 1


def test_anlagen_go_along(lite: Database, blobs: Blobs) -> None:
    _, (main, annex) = opened(lite, (1, 1))
    with lite.transaction() as tx:
        review.attach(tx, annex.id, annex.revision, "kms", main.id)
        review.approve(tx, main.id, main.revision, "kms", {"entry": "962.10"})
        review.approve(tx, annex.id, annex.revision + 1, "kms")
    for one in (main, annex):
        file_it(lite, blobs, one.id)
    with lite.transaction() as tx:
        akten.move_document(tx, SETTINGS, ALL, main.id, current(lite, main.id).revision, "kms", {"entry": "632.60"})
    with lite.read() as conn:
        places = {filing.file.id for one in (main, annex) if (filing := filing_of_document(conn, one.id))}
        assert len(places) == 1
    with lite.transaction() as tx:  # alone, an Anlage leaves its main document
        akten.move_document(tx, SETTINGS, ALL, annex.id, current(lite, annex.id).revision, "kms", {"entry": "962.10"})
    with lite.transaction() as tx:
        akten.move_document(tx, SETTINGS, ALL, main.id, current(lite, main.id).revision, "kms", {"entry": "111"})
    with lite.read() as conn:
        place = [filing.entry.id for one in (main, annex) if (filing := filing_of_document(conn, one.id))]
    assert place == [STAFF.id, DOGS.id]


def test_what_cannot_be_moved(lite: Database, blobs: Blobs) -> None:
    id, _ = filed(lite, blobs)
    waiting = approved(lite)
    with lite.transaction() as tx:
        secret = akten.open_file(tx, SETTINGS, ALL, "kms", "111", "Musterfrau")
        closed = akten.open_file(tx, SETTINGS, ALL, "kms", "632.60", "zu")
        akten.close_file(tx, ALL, "kms", closed.id)
    at = current(lite, id).revision
    for document, revision, where, match in (
            (id, at, {"file": secret.reference}, "gibt es nicht"), (id, at, {"file": closed.id}, "zdA"),
            (id, at, {}, "fehlt"), (id, at, {"file": "X/1"}, "gibt es nicht"), (secret.id, 1, {"entry": "111"}, "gibt es nicht"),
            (waiting, current(lite, waiting).revision, {"entry": "111"}, "freigegeben")):
        with pytest.raises(Refused, match=match), lite.transaction() as tx:
            akten.move_document(tx, SETTINGS, CLERK, document, revision, "kms", where)
    with pytest.raises(Stale), lite.transaction() as tx:
        akten.move_document(tx, SETTINGS, CLERK, id, at - 1, "kms", {"entry": "632.60"})
    with lite.read() as conn:
        assert len(conn.execute(select(filings)).all()) == 1


# ---- move an Akte ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("renumber", [False, True])
def test_a_whole_akte_moves(database: Database, blobs: Blobs, tmp_path: Path, renumber: bool) -> None:
    store = EFile(tmp_path / "akten")
    first, _ = filed(database, blobs)
    with database.read() as conn:
        akte = list_files(conn, ALL)[0].file
    second, _ = filed(database, blobs, {"file": akte.id})
    on_its_way = approved(database, {"file": akte.id})  # decided before, filed after
    settle(database, blobs, store)
    with database.transaction() as tx:
        moved = akten.move_file(tx, SETTINGS, ALL, "kms", akte.reference, "632.60", renumber=renumber)
        with pytest.raises(Refused, match="schon unter"):
            akten.move_file(tx, SETTINGS, ALL, "kms", moved.reference, "632.60")
    file_it(database, blobs, on_its_way)
    settle(database, blobs, store)
    assert moved.entry == BUILDING.id and moved.former == ((akte.reference,) if renumber else ())
    assert moved.reference.startswith("BA/632.60-0001/") if renumber else moved.reference == akte.reference
    assert len(mirror(store)) == 3 and {place.split("/")[0] for place in mirror(store)} == {"632.60"}
    with database.read() as conn:
        contents = show_file(conn, ALL, moved.reference)
        assert {one.document for one in contents.documents} == {first, second, on_its_way}
        assert {one.document: one.version for one in contents.documents} == {first: 2, second: 2, on_its_way: 1}
        decided = live_decision(conn, first)
        assert decided is not None and decided.values["entry"] == BUILDING.id
        assert check(conn, TENANT) == []
    assert "file.moved" in actions(database, akte.id)


def test_an_akte_somebody_files_into_meanwhile_is_not_half_moved(lite: Database, blobs: Blobs,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    filed(lite, blobs)
    with lite.read() as conn:
        akte = list_files(conn, ALL)[0].file
    seen = iter([[], None])
    real = akten.filings_in
    monkeypatch.setattr(akten, "filings_in", lambda *args: [] if next(seen) == [] else real(*args))
    with pytest.raises(Stale, match="inzwischen"), lite.transaction() as tx:
        akten.move_file(tx, SETTINGS, ALL, "kms", akte.id, "632.60")


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_lists_by_word_entry_zda_and_page(database: Database) -> None:
    with database.transaction() as tx:
        for number in range(5):
            closed_on = date(2020, 1, 1) if number > 2 else None
            add_file(tx, TENANT, File("", f"A/{number}", f"Hund {number}", DOGS.id, closed_on=closed_on))
        add_file(tx, TENANT, File("", "B/1", "Anbau 100%", BUILDING.id, parcel="Flur 3"))
        add_file(tx, TENANT, File("", "P/1", "Hund Musterfrau", STAFF.id))
        add_file(tx, "nachbar", File("", "N/1", "Hund", DOGS.id))
    with database.read() as conn:
        def names(viewer: Viewer, *args: str, **more: object) -> list[str]:
            return [one.file.reference for one in list_files(conn, viewer, *args, **more)]  # type: ignore[arg-type]

        assert names(ALL, "hund") == [*(f"A/{number}" for number in range(5)), "P/1"]
        assert names(CLERK, "hund") == [f"A/{number}" for number in range(5)]
        assert names(ALL, "flur anbau") == ["B/1"] and names(ALL, "%") == ["B/1"] and names(ALL, "_") == []
        assert names(ALL, entry=BUILDING.id) == ["B/1"] and names(ALL, closed=True) == ["A/3", "A/4"]
        assert names(ALL, closed=False, limit=2) == ["A/0", "A/1"] and names(ALL, limit=2, after="A/1") == ["A/2", "A/3"]
        assert names(CLERK, after="P/1") == names(CLERK, after="P/2") == []  # whether there is one behind which he asks
        assert names(CLERK, after="A/3x") == ["A/4", "B/1"]
        line = list_files(conn, ALL, "flur")[0]
        assert (line.notation, line.branch, line.documents) == ("632.60", "Bauanträge", 0) and line.opened_on is not None


def test_an_akte_shows_what_the_viewer_may_see(lite: Database, blobs: Blobs) -> None:
    filed(lite, blobs)
    with lite.read() as conn:
        akte = list_files(conn, ALL)[0].file
    raised, _ = filed(lite, blobs, {"file": akte.id})
    with lite.transaction() as tx:
        tx.connection.execute(update(documents).where(documents.c.id == raised).values(access_class="Vertraulich"))
    with lite.read() as conn:
        assert len(show_file(conn, ALL, akte.id).documents) == show_file(conn, ALL, akte.id).line.documents == 2
        assert len(show_file(conn, CLERK, akte.id).documents) == list_files(conn, CLERK)[0].documents == 1
        assert versions_of(conn, CLERK, raised) == () and len(versions_of(conn, ALL, raised)) == 1
        assert get_file(conn, TENANT, akte.id) == akte


def test_nobody_files_by_name_or_proposal_into_an_akte_he_may_not_see(lite: Database) -> None:
    with lite.transaction() as tx:
        secret = akten.open_file(tx, SETTINGS, ALL, "kms", "111", "Musterfrau")
    _, (one, two) = opened(lite, (1, 1))
    refusals = []
    for name in (secret.reference, secret.reference[:-1] + "0"):
        with pytest.raises(Refused) as refused, lite.transaction() as tx:
            review.approve(tx, one.id, one.revision, "kms", {"file": name}, viewer=CLERK)
        refusals.append(str(refused.value).replace(name, ""))
    assert refusals[0] == refusals[1]
    propose(lite, _again(lite, two.id), [Proposal("file", secret.id, 0.99, (Evidence("rule:akte@1"),))])
    with pytest.raises(Refused, match="fehlt"), lite.transaction() as tx:
        review.approve(tx, two.id, current(lite, two.id).revision, "kms", viewer=CLERK)
    with lite.transaction() as tx:
        review.approve(tx, two.id, current(lite, two.id).revision, "kms")


def _again(db: Database, id: str) -> str:
    """The document before it was proposed."""
    with db.transaction() as tx:
        tx.connection.execute(update(documents).where(documents.c.id == id).values(state="NEW"))
    return id
