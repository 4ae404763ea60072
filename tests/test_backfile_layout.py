"""Which files are one unit, and what index and path say of it: nothing is left out, nothing lies in two units."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from intake.backfile.layout import Found, Row, is_part, laid_out, names_of, rows_of
from intake.config import Backfile

AKTE = r"^(?P<akte>[^/]+)/"
SEITE = r"^(?P<akte>[^/]+)/(?:.*_)?(?P<seite>\d+)$"


def files(*paths: str) -> list[Found]:
    return [Found(path, 100 + number, number) for number, path in enumerate(paths)]


def profile(**values: object) -> Backfile:
    return Backfile.model_validate({"name": "bauakten", **values})


def test_a_file_is_a_unit_and_units_are_in_the_order_people_count() -> None:
    layout = laid_out(files("10.pdf", "2.pdf", "a/1.tif"), profile())
    assert [unit.path for unit in layout.units] == ["2.pdf", "10.pdf", "a/1.tif"]
    assert [len(unit.members) for unit in layout.units] == [1, 1, 1]


def test_images_of_pages_are_one_unit_in_the_order_of_their_numbers() -> None:
    delivered = files("A_1/scan_10.jpg", "A_1/scan_9.jpg", "A_1/scan_1.jpg", "A_2/1.jpg")
    layout = laid_out(delivered, profile(unit="seite", pattern=SEITE))
    assert [[member.path for member in unit.members] for unit in layout.units] == [
        ["A_1/scan_1.jpg", "A_1/scan_9.jpg", "A_1/scan_10.jpg"], ["A_2/1.jpg"]]
    assert [unit.reference for unit in layout.units] == ["A/1", "A/2"], "a file system has no / in names"


def test_a_file_that_is_no_page_image_is_a_unit_of_its_own() -> None:
    layout = laid_out(files("A_1/scan_1.jpg", "liesmich.txt"), profile(unit="seite", pattern=SEITE))
    assert sorted(unit.path for unit in layout.units) == ["A_1/scan", "liesmich.txt"]


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "a/desktop.ini", "x/.hidden"])
def test_what_operating_systems_leave_is_no_part(name: str) -> None:
    assert not is_part(name)
    assert laid_out(files(name, "brief.pdf"), profile()).units[0].path == "brief.pdf"


def test_the_index_names_a_file_by_path_by_name_and_without_its_ending() -> None:
    rows = [Row("a\\eins.pdf", (("file_reference", "1/2020"), ("pages", "12")), 2),
            Row("ZWEI.PDF", (("file_reference", "2/2020"),), 3), Row("drei", (("file_reference", "3/2020"),), 4),
            Row("vier.pdf", (), 5)]
    layout = laid_out(files("a/eins.pdf", "b/zwei.pdf", "drei.tif", "fünf.pdf"), profile(), rows, "index.csv")
    said = {unit.path: (unit.reference, unit.pages) for unit in layout.units}
    assert said == {"a/eins.pdf": ("1/2020", 12), "b/zwei.pdf": ("2/2020", None), "drei.tif": ("3/2020", None),
                    "fünf.pdf": ("", None)}
    assert [row.file for row in layout.without_file] == ["vier.pdf"]
    assert layout.without_row == ("fünf.pdf",)
    assert layout.units[1].fields[0][2].startswith("index:index.csv Zeile ")


def test_two_files_of_one_name_are_told_apart_by_their_folder() -> None:
    rows = [Row("a/1.pdf", (("file_reference", "A"),), 2), Row("b/1.pdf", (("file_reference", "B"),), 3)]
    layout = laid_out(files("a/1.pdf", "b/1.pdf"), profile(), rows, "i.csv")
    assert [unit.reference for unit in layout.units] == ["A", "B"] and not layout.without_file


def test_the_pages_of_several_image_rows_add_up() -> None:
    rows = [Row(f"A/{number}.jpg", (("pages", "1"),), number + 1) for number in (1, 2, 3)]
    layout = laid_out(files("A/1.jpg", "A/2.jpg", "A/3.jpg"), profile(unit="seite", pattern=SEITE), rows, "i.csv")
    assert layout.units[0].pages == 3 and not layout.without_file


def test_the_index_beats_the_path_and_both_stay() -> None:
    rows = [Row("BA_7/x.pdf", (("file_reference", "BA/8"),), 2)]
    unit = laid_out(files("BA_7/x.pdf"), profile(pattern=AKTE), rows, "i.csv").units[0]
    assert unit.reference == "BA/8"
    assert ("file_reference", "BA/7", "path") in unit.fields


def test_columns_are_known_by_common_names_and_by_the_profile() -> None:
    names = names_of(profile(columns={"Blatt-Zahl": "pages", "Dokument": "file"}))
    table = [(2, {names.get(column, column): value for column, value in {
        "dokument": "x.pdf", "blatt_zahl": "4", "bauherr": " Erika  Muster ", "farbe": "rot"}.items()})]
    row = next(rows_of(table))
    assert row == Row("x.pdf", (("pages", "4"), ("applicant", "Erika Muster")), 2)
    assert next(rows_of([(3, {"pages": "4"})])).file == ""


@pytest.mark.parametrize(("values", "why"), [
    ({"unit": "seite"}, "seite"), ({"pattern": "("}, "regulärer Ausdruck"), ({"pattern": "(?P<haus>x)"}, "haus"),
    ({"columns": {"A": "quatsch"}}, "quatsch"), ({"cut_ask": 0.99}, "cut_ask")])
def test_settings_that_make_no_sense_are_refused(values: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        profile(**values)


names = st.text(st.sampled_from("ab/_.0123456789-"), min_size=1, max_size=12).map(
    lambda name: f"x{name}".replace("//", "/").strip("/"))


@settings(max_examples=120, deadline=None)
@given(paths=st.sets(names, max_size=14), listed=st.lists(names, max_size=8), pages=st.booleans())
def test_every_file_lies_in_exactly_one_unit(paths: set[str], listed: list[str], pages: bool) -> None:
    rows = [Row(name, (("pages", "1"),), line) for line, name in enumerate(listed, 2)]
    how = profile(unit="seite", pattern=r"(?P<seite>\d+)$") if pages else profile()
    layout = laid_out(files(*sorted(paths)), how, rows, "i.csv")
    members = [member.path for unit in layout.units for member in unit.members]
    assert sorted(members) == sorted(path for path in paths if is_part(path))
    assert len({unit.path for unit in layout.units}) == len(layout.units), "a path names one unit"
    used = len(rows) - len(layout.without_file)
    assert 0 <= used <= len(rows)
