"""poststelle extract: a letter, a mail and an e-invoice through the real box; the list for a person, the JSON for others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intake.cli import run

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def fields(tmp_path: Path, name: str, *more: str) -> dict[str, dict[str, object]]:
    """The surest value of each field."""
    target = tmp_path / "out.json"
    assert run(["extract", str(SAMPLES / name), "--json", str(target), *more]) == 0
    found: dict[str, dict[str, object]] = {}
    for one in json.loads(target.read_text(encoding="utf-8"))["fields"]:
        found.setdefault(one["name"], one)
    return found


def test_a_letter(tmp_path: Path) -> None:
    found = fields(tmp_path, "schreiben-mit-aktenzeichen.pdf")
    assert found["your_reference"]["value"] == "BA/632.60-0017/2026" and found["letter_date"]["value"] == "2026-10-13"
    assert found["sender_name"]["value"] == "Architekturbüro Thomsen" and found["recipient_name"]["value"] == "Amt Mittelau"
    assert all(set(one) == {"name", "value", "raw", "page", "box", "probability", "by", "checks"} for one in found.values())
    box = found["subject"]["box"]
    assert isinstance(box, list) and len(box) == 4 and found["subject"]["page"] == 1


def test_the_header_of_a_mail(tmp_path: Path) -> None:
    found = fields(tmp_path, "buergermail.eml")
    assert found["subject"]["value"] == "Schlagloch Mühlenstraße, Bitte um Ausbesserung"
    assert found["sender_name"]["by"] == "rule:mail-sender@1" and found["email"]["value"] == "f.juergensen@example.org"


def test_an_invoice_with_and_without_its_data(tmp_path: Path) -> None:
    stated, printed = fields(tmp_path, "rechnung-zugferd.pdf"), fields(tmp_path, "rechnung-zugferd.pdf", "--no-xml")
    assert stated["gross_total"]["value"] == printed["gross_total"]["value"]
    assert stated["invoice_number"]["by"] != printed["invoice_number"]["by"]


def test_the_list_and_a_place_where_nothing_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["extract", str(SAMPLES / "schreiben-mit-aktenzeichen.pdf")]) == 0
    assert "Nachreichung zum Bauantrag" in capsys.readouterr().out
    assert run(["extract", str(SAMPLES / "schreiben-mit-aktenzeichen.pdf"), "--json", str(tmp_path / "no" / "out.json")]) == 2
    assert "lässt sich nicht schreiben" in capsys.readouterr().err


def test_the_registers_of_an_installation(tmp_path: Path) -> None:
    home, table = tmp_path / "home", tmp_path / "personen.csv"
    assert run(["init", str(home)]) == 0
    table.write_text("schluessel;name\np1;Architekturbüro Thomsen\n", encoding="utf-8")
    assert run(["--home", str(home), "registers", "import", "personen", str(table), "--by", "kms"]) == 0
    alone, known = fields(tmp_path, "schreiben-mit-aktenzeichen.pdf"), fields(
        tmp_path, "schreiben-mit-aktenzeichen.pdf", "--home", str(home))
    assert "register:ok" in known["sender_name"]["checks"] and "register:ok" not in alone["sender_name"]["checks"]  # type: ignore[operator]
    assert known["file_reference"]["value"] == "BA/632.60-0017/2026" and "file_reference" not in alone
    assert run(["extract", str(SAMPLES / "schreiben-mit-aktenzeichen.pdf"), "--home", str(tmp_path / "none")]) != 0
