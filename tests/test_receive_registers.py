"""Registers dropped into register/: imported once with a report, refused whole, never half believed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from intake.cli.installation import create
from intake.config import Home
from intake.db.akten import files_by_key, register_rows
from intake.db.core import Database
from intake.db.knowledge import Akten, files_after, files_stamp, import_count, imported_at, register_size
from intake.db.problems import open_problems
from intake.errors import ConfigError
from intake.journal import entries, values
from intake.postroom import _Library
from intake.receive_registers import DONE, Looked, import_file, kind_of, look, waiting

TENANT = "mittelau"
HEAD = "Aktenzeichen;Titel;Kennzeichen;Flurstück;Anschrift;Personen;Altes Aktenzeichen;Federführung"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create(tmp_path / "haus", TENANT)


@pytest.fixture
def db(home: Home):  # type: ignore[no-untyped-def]
    database = Database(home.database_url)
    yield database
    database.close()


def drop(home: Home, name: str, *lines: str, age: float = 60.0) -> Path:
    path = home.registers(home.settings.tenant[0]) / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def akten(*numbers: int, title: str = "Haus") -> tuple[str, ...]:
    return (HEAD, *(f"BA/632.60-9{number:03d}/2020;{title} {number};632.60;Flur 3, Flurstück {number}/1;Heideweg {number};"
                    f"Anke Petersen;602-{number}/67;Bauaufsicht" for number in numbers))


@pytest.mark.parametrize(("name", "kind"), [
    ("akten.csv", "files"), ("Akten 2026-11.XLSX", "files"), ("files.csv", "files"), ("Vorgänge.csv", "cases"),
    ("straßen.csv", "strassen"), ("Strassen_neu.csv", "strassen"), ("kreditoren-export.csv", "kreditoren"),
    ("personen.csv", "personen"),
    ("aktenplan.csv", None), ("liste.csv", None), ("akten.pdf", None),
])
def test_the_name_says_which_register(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


def test_a_dropped_file_is_imported_moved_and_reported(home: Home, db: Database) -> None:
    path = drop(home, "akten.csv", *akten(1, 2))
    before = len(Akten(db, TENANT))
    assert look(home, db) == Looked(imported=1)
    assert not path.exists() and not waiting(path.parent)
    moved = sorted((path.parent / DONE).iterdir())
    assert [one.name.endswith(end) for one, end in zip(moved, ("akten.csv", ".bericht.txt"), strict=True)] == [True, True]
    report = moved[1].read_text(encoding="utf-8")
    assert "2 neu" in report and "BA/632.60-9001/2020" in report and "Nicht mehr enthalten" in report
    file = Akten(db, TENANT)["BA/632.60-9001/2020"]
    assert (file.former, file.office, file.origin) == (("602-1/67",), "Bauaufsicht", "imported")
    assert len(Akten(db, TENANT)) == before + 2
    with db.read() as conn:
        said = [one for one in entries(conn, TENANT) if one.action == "register.imported"]
        assert said[-1].subjects == {"register": "files"}
        told = values(conn, TENANT, [said[-1].seq])[said[-1].seq].new
        assert told is not None and told["rows"] == f"+2 ~0 -{before} =0"
        assert said[-1].actor == "service:registers"
        assert "files" in imported_at(conn, TENANT)
    assert look(home, db) == Looked()


def test_the_same_rows_change_nothing_and_changed_rows_are_told(home: Home, db: Database) -> None:
    report, _ = import_file(db, TENANT, "files", drop(home, "a.csv", *akten(1, 2)), "clerk:kms")
    assert len(report.added) == 2
    report, _ = import_file(db, TENANT, "files", drop(home, "b.csv", *akten(1, 2)), "clerk:kms")
    assert (report.added, report.changed, report.unchanged) == ((), (), 2)
    report, _ = import_file(db, TENANT, "files", drop(home, "c.csv", *akten(2, title="Garage")), "clerk:kms")
    assert report.changed == ("BA/632.60-9002/2020",)
    assert "BA/632.60-9001/2020" in report.closed
    assert "BA/632.60-9001/2020" in Akten(db, TENANT)


def test_a_file_still_being_written_waits(home: Home, db: Database) -> None:
    drop(home, "akten.csv", *akten(1), age=0.0)
    assert look(home, db) == Looked(unsettled=1)


@pytest.mark.parametrize(("name", "lines", "said"), [
    ("akten.csv", ("Nummer;Titel", "1;2"), "Es fehlt eine Zeile mit den Spaltennamen"),
    ("akten.csv", (HEAD,), "keine brauchbare Zeile"),
    ("akten.csv", (HEAD, ";;;"), "keine brauchbare Zeile"),
    ("liste.csv", ("a;b",), "keinem Register zuzuordnen"),
    ("strassen.csv", ("key;name", "1;Am Markt"), "fehlen"),
    ("strassen.xlsx", ("kein Excel",), "keine gültige XLSX-Datei"),
])
def test_a_bad_file_is_a_klaerungsfall_and_the_old_rows_stay(home: Home, db: Database, name: str, lines: tuple[str, ...],
                                                            said: str) -> None:
    path = drop(home, name, *lines)
    with db.read() as conn:
        before = files_by_key(conn, TENANT), register_rows(conn, TENANT, "strassen")
    assert look(home, db) == Looked(refused=1)
    with db.read() as conn:
        problem, = open_problems(conn, TENANT)
        assert (files_by_key(conn, TENANT), register_rows(conn, TENANT, "strassen")) == before
    assert said in problem.title and path.exists()
    assert look(home, db) == Looked()  # the same file is not tried again
    drop(home, name, *akten(1), age=30.0) if name == "akten.csv" else path.unlink()
    looked = look(home, db)
    with db.read() as conn:
        assert looked.imported == (name == "akten.csv")
        assert bool(open_problems(conn, TENANT)) == (name != "akten.csv")


def test_what_a_person_names_may_shrink_a_register(home: Home, db: Database) -> None:
    path = drop(home, "x.csv", "key;name", "1;Am Markt")
    report, _ = import_file(db, TENANT, "strassen", path, "clerk:kms")
    assert len(report.closed) > 20
    with db.read() as conn:
        assert register_size(conn, TENANT, "strassen") == 1
    with pytest.raises(ConfigError):
        import_file(db, TENANT, "strassen", path.with_name("fehlt.csv"), "clerk:kms")


def test_each_tenant_has_a_folder_of_its_own_where_there_are_several(tmp_path: Path) -> None:
    create(tmp_path / "haus", TENANT)
    home = create(tmp_path / "haus", "nachbar")
    assert [home.registers(tenant) for tenant in home.settings.tenant] == [
        home.root / "register" / TENANT, home.root / "register" / "nachbar"]


def test_knowledge_follows_what_was_added_and_changed(home: Home, db: Database) -> None:
    library = _Library(home, db)
    first = library.knowledge(TENANT)
    assert library.knowledge(TENANT) is first
    import_file(db, TENANT, "files", drop(home, "a.csv", *akten(1)), "clerk:kms")
    second = library.knowledge(TENANT)
    index = second.resolve.index  # type: ignore[union-attr]
    assert "BA/632.60-9001/2020" in index and "BA/632.60-9001/2020" in second.files
    assert index.ids is first.resolve.index.ids  # type: ignore[union-attr]  # extended, not built anew
    with db.read() as conn:
        stamp, count = files_stamp(conn, TENANT), import_count(conn, TENANT)
    import_file(db, TENANT, "files", drop(home, "b.csv", HEAD, "BA/632.60-9001/2020;Haus 1;632.60;Flur 8, Flurstück 88/8;;;;"),
                "clerk:kms")
    with db.read() as conn:
        assert files_stamp(conn, TENANT) != stamp and import_count(conn, TENANT) == count + 1
        assert len([*files_after(conn, TENANT)]) == len(second.files)
    third = library.knowledge(TENANT).resolve.index  # type: ignore[union-attr]
    assert len(third.files(["q8:88/8"])[0]) == 1 and len(index.files(["q8:88/8"])[0]) == 0


def test_akten_are_a_mapping_without_keeping_anything(home: Home, db: Database) -> None:
    some = Akten(db, TENANT)
    with db.read() as conn:
        whole = files_by_key(conn, TENANT)
    assert dict(some) == whole and len(some) == len(whole)
    assert some.get("gibt es nicht") is None and "gibt es nicht" not in some
    ids = [file.id for file in whole.values()]
    assert {file.id for file in some.by_ids([*ids, "fremd"])} == set(ids)
