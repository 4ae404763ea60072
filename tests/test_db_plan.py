"""The plan, the Akten and the registers in the database: versions, nothing lost, the same import twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from intake.aktenplan import in_order, link, read_plan
from intake.db import akten, plan
from intake.db.core import Database, Tx
from intake.errors import InputError, Stale
from intake.registers import CaseRow, FileRow
from intake.vocabulary import AktenplanEntry, Case, File, RegisterEntry

TODAY = date(2026, 11, 21)


def entries(*notations: str) -> tuple[AktenplanEntry, ...]:
    made, _ = link([AktenplanEntry(f"ap-{one}", one, f"Titel {one}", ("Wort",)) for one in notations])
    return tuple(made)


@pytest.fixture
def db(database: Database) -> Iterator[Database]:
    yield database


def test_import_and_read_back(db: Database) -> None:
    given, _ = read_plan(Path(__file__).parents[1] / "config" / "aktenplan.csv")
    with db.transaction() as tx:
        report = plan.import_plan(tx, "a", given)
        assert len(report.added) == len(given)
    with db.read() as conn:
        assert plan.open_entries(conn, "a", TODAY) == in_order(given)
        assert plan.all_entries(conn, "a") == in_order(given)
        assert plan.open_entries(conn, "b", TODAY) == ()
    with db.transaction() as tx:
        assert plan.import_plan(tx, "a", given) == plan.ImportReport(unchanged=len(given))


def test_entries_are_closed_never_deleted(db: Database) -> None:
    with db.transaction() as tx:
        plan.import_plan(tx, "a", entries("6", "6.1", "6.2"))
        report = plan.import_plan(tx, "a", entries("6", "6.1"))
        today = tx.now.date()
    assert report.closed == ("6.2",)
    with db.read() as conn:
        assert [one.notation for one in plan.open_entries(conn, "a", today)] == ["6", "6.1"]
        closed = plan.get_entry(conn, "a", "ap-6.2")
        assert closed and closed.valid_to == today - timedelta(days=1)
        assert len(plan.versions(conn, "a", "ap-6.2")) == 2
    with db.transaction() as tx:
        assert plan.import_plan(tx, "a", entries("6", "6.1")).closed == ()
        assert plan.import_plan(tx, "a", entries("6", "6.1", "6.2")).changed == ("6.2",)
        again = plan.get_entry(tx.connection, "a", "ap-6.2")
        assert again and again.valid_to is None


def test_a_new_notation_keeps_the_id(db: Database) -> None:
    with db.transaction() as tx:
        plan.import_plan(tx, "a", entries("6", "6.1"))
        moved = (entries("6")[0], replace(entries("6", "6.1")[1], notation="6.9"))
        report = plan.import_plan(tx, "a", moved)
        assert report.changed == ("6.9",) and report.closed == ()
        found = plan.entry_by_notation(tx.connection, "a", "6 9", TODAY)
        assert found and found.id == "ap-6.1"
        assert [one.notation for one in plan.versions(tx.connection, "a", "ap-6.1")] == ["6.1", "6.9"]
        assert plan.entry_by_notation(tx.connection, "a", "6.1", TODAY) is None


def test_made_ids_give_way_to_known_ones(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("Kennzeichen;Titel\n6;Bauen\n6.1;Neu", encoding="utf-8")
    with db.transaction() as tx:
        plan.import_plan(tx, "a", entries("6", "6.1"))
        report = plan.import_plan(tx, "a", read_plan(file)[0])
        assert report.added == () and report.closed == () and len(report.changed) == 2
        found = plan.open_entries(tx.connection, "a", TODAY)
        assert [(one.id, one.parent, one.title) for one in found] == [("ap-6", None, "Bauen"), ("ap-6.1", "ap-6", "Neu")]


def test_validity_is_by_day(db: Database) -> None:
    later = replace(entries("7")[0], valid_from=date(2030, 1, 1))
    with db.transaction() as tx:
        plan.import_plan(tx, "a", (*entries("6"), later))
        assert [one.notation for one in plan.open_entries(tx.connection, "a", TODAY)] == ["6"]
        assert [one.notation for one in plan.open_entries(tx.connection, "a", date(2030, 1, 1))] == ["6", "7"]


def row(reference: str, title: str = "Haus", notation: str = "6.1") -> FileRow:
    return FileRow(reference, title, notation, TODAY, None, "Flur 3", "Heideweg 12", ("Anke Petersen",))


def test_files_import_change_and_gone(db: Database) -> None:
    with db.transaction() as tx:
        plan.import_plan(tx, "a", entries("6", "6.1"))
        report = akten.import_files(tx, "a", [row("BA/1"), row("BA/2"), row("BA/3", notation="9")])
        assert report.added == ("BA/1", "BA/2")
        assert len(report.kept) == 1 and "9" in report.kept[0]
        again = akten.import_files(tx, "a", [row("BA/1", "Neuer Titel"), row("ba / 2")])
        assert again.changed == ("BA/1", "ba / 2") and again.closed == ()
        assert akten.import_files(tx, "a", [row("BA/1", "Neuer Titel")]).closed == ("ba / 2",)
        found = akten.file_by_reference(tx.connection, "a", " ba/1 ")
        assert found and (found.title, found.entry, found.persons) == ("Neuer Titel", "ap-6.1", ("Anke Petersen",))
        assert akten.get_file(tx.connection, "a", found.id) == found
        assert akten.get_file(tx.connection, "b", found.id) is None
        assert set(akten.files_by_key(tx.connection, "a")) == {"BA/1", "BA/2"}
        assert akten.files_of_entry(tx.connection, "a", "ap-6.1")[0] == found


def test_our_own_files_are_not_overwritten(db: Database) -> None:
    with db.transaction() as tx:
        plan.import_plan(tx, "a", entries("6", "6.1"))
        ours = akten.add_file(tx, "a", File("", "BA/1", "Unsere", "ap-6.1"))
        report = akten.import_files(tx, "a", [row("BA/1", "Fremd")])
        assert report.changed == () and len(report.kept) == 1
        assert akten.get_file(tx.connection, "a", ours.id) == ours
        with pytest.raises(InputError, match="schon vergeben"):
            akten.add_file(tx, "a", File("", "ba / 1", "Noch eine", "ap-6.1"))


def test_closing_a_file_once(db: Database) -> None:
    with db.transaction() as tx:
        made = akten.add_file(tx, "a", File("", "BA/1", "T", "x"))
        akten.close_file(tx, "a", made.id, TODAY)
        found = akten.get_file(tx.connection, "a", made.id)
        assert found and found.closed_on == TODAY
        with pytest.raises(Stale):
            akten.close_file(tx, "a", made.id, TODAY)


def test_cases(db: Database) -> None:
    with db.transaction() as tx:
        made = akten.add_file(tx, "a", File("", "BA/1", "T", "x"))
        rows = [CaseRow("BA/1", "01", "Nachtrag"), CaseRow("BA/9", "01", "Ohne Akte")]
        report = akten.import_cases(tx, "a", rows)
        assert report.added == ("01",) and len(report.kept) == 1
        assert akten.import_cases(tx, "a", rows).unchanged == 1
        own = akten.add_case(tx, "a", Case("", made.id, "02", "Abnahme"))
        assert [one.reference for one in akten.cases_of(tx.connection, "a", made.id)] == ["01", "02"]
        assert akten.get_case(tx.connection, "a", own.id) == own


def test_registers(db: Database) -> None:
    def rows(**names: str) -> list[RegisterEntry]:
        return [RegisterEntry("strassen", key, {"name": name}) for key, name in names.items()]

    with db.transaction() as tx:
        assert akten.import_register(tx, "a", "strassen", rows(a="Am Markt", b="Heideweg")).added == ("a", "b")
        report = akten.import_register(tx, "a", "strassen", rows(b="Heidestraße", c="Twiete", a="Am Markt"))
        assert (report.added, report.changed, report.closed, report.unchanged) == (("c",), ("b",), (), 1)
        assert akten.import_register(tx, "a", "strassen", rows(c="Twiete")).closed == ("a", "b")
        assert akten.register_rows(tx.connection, "a", "strassen") == (RegisterEntry("strassen", "c", {"name": "Twiete"}),)
        assert akten.register_rows(tx.connection, "b", "strassen") == ()


@pytest.mark.parametrize(("written", "found"), [
    ("632.60", "632.60"), ("632 60", "632.60"), ("63260", "632.60"), ("S0100", "S 0100"), ("0001b10000", "0001 B10 000"),
    ("104401", "10 44 01"), ("123", None), ("12.3", "12.3"), ("", None), ("6326", None)])
def test_a_notation_is_known_as_the_plan_writes_it(db: Database, written: str, found: str | None) -> None:
    with db.transaction() as tx:
        plan.import_plan(tx, "a", entries("632.60", "S 0100", "0001 B10 000", "10 44 01", "1.23", "12.3"))
        entry = plan.entry_by_notation(tx.connection, "a", written, TODAY)
    assert (entry.notation if entry else None) == found


def test_two_tenants_share_a_plan_and_one_extends_it(db: Database) -> None:
    shared, own = entries("6", "63", "632", "7"), entries("632.99")
    with db.transaction() as tx:
        for tenant in ("a", "b"):
            plan.import_plan(tx, tenant, shared)
        report = plan.import_plan(tx, "a", (*own, *entries("63")), extension=True)
        assert report.added == ("632.99",) and report.closed == () and len(report.kept) == 1 and "63" in report.kept[0]
        added = plan.get_entry(tx.connection, "a", "ap-632.99")
        assert added and added.parent == "ap-632"
        assert notations(tx, "a", TODAY) == {"6", "63", "632", "632.99", "7"}
    with db.transaction() as tx:  # a new version of the shared plan leaves the extension, and the other way round
        assert plan.import_plan(tx, "a", entries("6", "63", "632")).closed == ("7",)
        assert plan.import_plan(tx, "a", own, extension=True) == plan.ImportReport(unchanged=1)
        assert notations(tx, "a", tx.now.date()) == {"6", "63", "632", "632.99"}
        assert plan.import_plan(tx, "a", (), extension=True).closed == ("632.99",)
        assert notations(tx, "b", TODAY) == {"6", "63", "632", "7"}


def notations(tx: Tx, tenant: str, on: date) -> set[str]:
    return {one.notation for one in plan.open_entries(tx.connection, tenant, on)}
