"""The plan as a file: CSV and XLSX, the report, the tree, search, export and back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.aktenplan import export_plan, in_order, link, made_id, path_of, read_plan, search, sort_keys, tree
from intake.errors import ConfigError
from intake.vocabulary import AktenplanEntry

DEFAULT = Path(__file__).parents[1] / "config" / "aktenplan.csv"


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def test_a_row_becomes_an_entry(tmp_path: Path) -> None:
    file = write(tmp_path / "plan.csv", "id;notation;title;keywords;unit;retention_years;disposal;access_class;valid_from;"
                 "valid_to;description", "ap-1;6;Bauen;;Bauamt;;A;allgemein;2025-01-01;;",
                 "ap-2;632;Vorhaben;Antrag, Neubau;Bauamt;10;V;Steuer;01.02.2025;2026-12-31;Alles")
    entries, report = read_plan(file)
    assert entries[1] == AktenplanEntry("ap-2", "632", "Vorhaben", ("Antrag", "Neubau"), "Bauamt", 10, "V", "Steuer",
                                        date(2025, 2, 1), date(2026, 12, 31), "Alles", entries[1].parent)
    assert entries[0].retention is None
    assert not report.blocking


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = (("Kennzeichen", "Titel", "Aussonderungsart"), ("1", "Grünflächen", "archivwürdig"))
    entries, _ = read_plan(write(tmp_path / "p.csv", *(delimiter.join(row) for row in rows), encoding=encoding))
    assert [(one.title, one.disposal) for one in entries] == [("Grünflächen", "A")]


def test_xlsx_with_numbers_dates_and_a_headline(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Aktenplan der Gemeinde"], [], ["Kennzeichen", "Titel", "Frist", "gültig ab"],
                [1, "Eins", 10.0, date(2025, 1, 1)], ["1.1", "Eins eins", "dauernd", None]):
        sheet.append(row)
    book.save(tmp_path / "plan.xlsx")
    entries, report = read_plan(tmp_path / "plan.xlsx")
    assert [(one.notation, one.retention, one.valid_from) for one in entries] == [
        ("1", 10, date(2025, 1, 1)), ("1.1", None, None)]
    assert entries[1].parent == entries[0].id
    assert report.findings == ()


def test_the_report_names_what_is_wrong(tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", "Kennzeichen;Titel;Frist;Aussonderungsart", "1;Eins;zehn;A", "1.1;Eins eins;3 Jahre;X",
                 "1.1;Noch einmal;;A", "1.2;Zwei;;", "1.5;Lücke;;", "1.6;Sechs;;", "7.1.1;Waise;;", ";ohne;;")
    entries, report = read_plan(file)
    kinds = sorted((finding.kind, finding.notation) for finding in report.findings)
    assert ("duplicate", "1.1") in kinds
    assert ("gap", "1.5") in kinds
    assert ("orphan", "7.1.1") in kinds
    assert [kind for kind, _ in kinds].count("value") == 3
    assert report.blocking
    assert [one.notation for one in entries] == ["1", "1.1", "1.2", "1.5", "1.6", "7.1.1"]
    assert entries[1].retention == 3
    assert len(report.lines()) == 1 + len(report.findings)
    assert all(line.endswith(".") for line in report.lines()[1:])


@pytest.mark.parametrize("content", ["", "a;b\n1;2", "nur text"])
def test_no_plan_is_a_german_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match="Spaltennamen notation, title"):
        read_plan(write(tmp_path / "x.csv", content))


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lässt sich nicht lesen"):
        read_plan(tmp_path / "nicht.csv")
    with pytest.raises(ConfigError, match="keine gültige XLSX"):
        read_plan(write(tmp_path / "x.xlsx", "kein Zip"))


def test_parents_group_by_group_and_digit_by_digit() -> None:
    def parents(*notations: str) -> dict[str, str | None]:
        made = [AktenplanEntry(one, one, "T") for one in notations]
        return {one.notation: one.parent for one in link(made)[0]}

    assert parents("10", "10 44", "10 44 01") == {"10": None, "10 44": "10", "10 44 01": "10 44"}
    decimal = parents("0", "02", "1", "12", "6", "63", "632", "632.60")
    assert decimal == {"0": None, "02": "0", "1": None, "12": "1", "6": None, "63": "6", "632": "63", "632.60": "632"}
    flat = parents(*(str(number) for number in range(1, 36)), "3.1")
    assert flat["35"] is None and flat["3.1"] == "3"


def test_tree_and_order() -> None:
    entries, _ = link([AktenplanEntry(one, one, "T") for one in ("10", "2", "2.10", "2.9", "2.9.1", "1")])
    assert [(depth, one.notation) for depth, one in tree(entries)] == [
        (0, "1"), (0, "2"), (1, "2.9"), (2, "2.9.1"), (1, "2.10"), (0, "10")]
    by_id = {one.id: one for one in entries}
    assert [one.notation for one in path_of(by_id["2.9.1"], by_id)] == ["2", "2.9", "2.9.1"]


@given(st.lists(st.lists(st.integers(0, 120), min_size=1, max_size=4), min_size=1, max_size=30, unique_by=tuple))
def test_sorting_keeps_branches_together(numbers: list[list[int]]) -> None:
    made = [AktenplanEntry(".".join(map(str, one)), ".".join(map(str, one)), "T") for one in numbers]
    entries, _ = link(made)
    keys = sort_keys(entries)
    by_id = {one.id: one for one in entries}
    assert all(len(key) <= 160 for key in keys.values())
    for one in entries:
        if one.parent:
            assert keys[one.id].startswith(keys[one.parent])
    ordered = [one.id for one in in_order(entries)]
    for place, name in enumerate(ordered):
        if parent := by_id[name].parent:
            between = ordered[ordered.index(parent) + 1:place]
            assert all(by_id[parent] in path_of(by_id[other], by_id) for other in between)


def test_the_default_plan_is_whole() -> None:
    entries, report = read_plan(DEFAULT)
    assert len(entries) >= 250
    assert {depth for depth, _ in tree(entries)} == {0, 1, 2, 3}
    assert not report.blocking
    assert {finding.kind for finding in report.findings} <= {"gap"}


def test_export_gives_the_same_plan_back(tmp_path: Path) -> None:
    entries, _ = read_plan(DEFAULT)
    export_plan(entries, tmp_path / "out.csv")
    again, _ = read_plan(tmp_path / "out.csv")
    assert again == in_order(entries)


@pytest.mark.parametrize(("words", "wanted"), [
    ("632.60", "632.60"), ("632 60", "632.60"), ("hundesteuer", "922"), ("STRASSENBELEUCHTUNG", "652.30"),
    ("bauvorhaben einzelne", "632.60"),
    ("grab nutzungsrecht", "740.10")])
def test_search(words: str, wanted: str) -> None:
    entries, _ = read_plan(DEFAULT)
    assert wanted in [one.notation for one in search(entries, words)[:3]]


def test_search_for_nothing_known_finds_nothing() -> None:
    entries, _ = read_plan(DEFAULT)
    assert search(entries, "xylophonkonzert") == ()
    assert search(entries, "", limit=3) == in_order(entries)[:3]


def test_made_ids_are_stable_and_fit() -> None:
    assert made_id("10 44 01") == made_id("10.44.01") == "n-10.44.01"
    assert len(made_id("x" * 100)) == 40 and made_id("x" * 100) != made_id("x" * 101)


def test_a_real_plan(shared_data: Path) -> None:
    folder = shared_data / "aktenplan_gemeinde_zh"
    entries, report = read_plan(folder / "aktenplan.csv")
    assert len(entries) == 625
    assert [(one.kind, one.notation) for one in report.findings] == [("duplicate", "4.2.2.3")]
    assert max(depth for depth, _ in tree(entries)) == 3
    assert search(entries, "hunde")[0].notation == "1.8.5.5"
    from_xlsx, _ = read_plan(folder / "ordnungssystem_municipality.xlsx")
    assert [one.notation for one in from_xlsx] == [one.notation for one in entries]
