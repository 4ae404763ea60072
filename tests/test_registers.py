"""Registers as files: good rows, rows left out with a sentence, the columns people use."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from intake.errors import ConfigError
from intake.registers import REGISTERS, CaseRow, FileRow, read_cases, read_files, read_register

DEFAULT = Path(__file__).parents[1] / "config" / "registers"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_files(tmp_path: Path) -> None:
    rows, left_out = read_files(write(
        tmp_path / "f.csv", "Aktenzeichen;Titel;Kennzeichen;opened_on;zdA;parcel;address;persons",
        "BA/1;Haus;632.60;2026-06-03;31.12.2026;Flur 3;Heideweg 12;Anke Petersen, Ute Thomsen",
        "BA/2;Garage;632.60;;;;;Petersen, Anke|Thomsen, Ute"))
    assert left_out == ()
    assert rows[0] == FileRow("BA/1", "Haus", "632.60", date(2026, 6, 3), date(2026, 12, 31), "Flur 3", "Heideweg 12",
                              ("Anke Petersen", "Ute Thomsen"))
    assert rows[1].persons == ("Petersen, Anke", "Thomsen, Ute")


def test_rows_left_out_are_named(tmp_path: Path) -> None:
    rows, left_out = read_files(write(tmp_path / "f.csv", "reference;title;notation;opened_on", "BA/1;A;6;", "ba / 1;B;6;",
                                      "BA/2;;6;", "BA/3;C;6;31.02.2026"))
    assert [row.reference for row in rows] == ["BA/1"]
    assert len(left_out) == 3
    assert "Zeile 3" in left_out[0] and "Zeile 4" in left_out[1] and "Zeile 5" in left_out[2]


def test_cases(tmp_path: Path) -> None:
    rows, left_out = read_cases(write(tmp_path / "c.csv", "Akte;Aktenzeichen;Titel", "BA/1;01;Nachtrag", "BA/1;01;Doppelt"))
    assert rows == (CaseRow("BA/1", "01", "Nachtrag"),)
    assert len(left_out) == 1


def test_register_keeps_all_columns(tmp_path: Path) -> None:
    rows, _ = read_register(write(tmp_path / "s.csv", "Schlüssel;name;PLZ", "1;Am Markt;24998"), "strassen")
    assert rows[0].key == "1"
    assert rows[0].values == {"name": "Am Markt", "plz": "24998"}


def test_a_missing_column_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="reference, title, notation"):
        read_files(write(tmp_path / "f.csv", "reference;title", "1;2"))


@pytest.mark.parametrize("name", [name for name in REGISTERS if (DEFAULT / f"{name}.csv").exists()])
def test_default_registers_are_clean(name: str) -> None:
    rows, left_out = read_register(DEFAULT / f"{name}.csv", name)
    assert rows and left_out == ()


def test_default_files_are_clean() -> None:
    rows, left_out = read_files(DEFAULT / "files.csv")
    assert len(rows) > 20 and left_out == ()
