"""The samples are what they say, the same on every run, and the machine finds in them what a person would."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import pdfa
from PIL import Image
from stdnum import iban

from intake.aktenplan import read_plan
from intake.box import Box, ReadOrder
from intake.cli.reading import Reading, read_file
from intake.config import BoxSettings
from intake.keys import notation_key
from intake.sheetcode import SheetCode, decode
from intake.split import Way, cut
from samples import invoice
from samples.letters import born_digital, random_letter
from samples.make import SAMPLES, make
from samples.sheets import payload, sheet

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "samples"
PLAN = ROOT / "config" / "aktenplan.csv"


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).with_suffix(".expected.json").read_text(encoding="utf-8"))
    return found


def pages_in(path: Path) -> int:
    if path.suffix == ".pdf":
        with pikepdf.open(path) as pdf:
            return len(pdf.pages)
    with Image.open(path) as image:
        return int(getattr(image, "n_frames", 1))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_sample_has_its_truth_and_every_page_its_place(name: str) -> None:
    truth = expected(name)
    assert truth["documents"]
    if name.endswith(".eml"):
        assert [one["part"] for one in truth["documents"]] == [0, 1, 2]
        return
    named = [page for one in truth["documents"] for page in one["pages"]] + truth["separators"] + truth["blank"]
    assert sorted(named) == list(range(1, pages_in(FOLDER / name) + 1))


@pytest.mark.parametrize("name", ["anfrage-hund.pdf", "rechnung-zugferd.pdf", "hinweis-foto.jpg", "buergermail.eml"])
def test_the_generator_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    assert make(name, tmp_path).read_bytes() == (FOLDER / name).read_bytes()
    assert json.loads((tmp_path / name).with_suffix(".expected.json").read_text(encoding="utf-8")) == expected(name)


def test_all_together_they_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 6_000_000


@pytest.mark.parametrize(("name", "level"), [("anfrage-hund.pdf", "2b"), ("schreiben-mit-aktenzeichen.pdf", "2b"),
                                             ("rechnung-zugferd.pdf", "3b")])
def test_born_digital_samples_are_pdf_a(name: str, level: str) -> None:
    with pikepdf.open(FOLDER / name) as pdf:
        assert pdfa.check(pdf, level).verdict == "pass"


def test_the_invoice_says_the_same_in_xml_and_on_paper() -> None:
    with pikepdf.open(FOLDER / "rechnung-zugferd.pdf") as pdf:
        xml = pdf.attachments["factur-x.xml"].get_file().read_bytes()
    assert xml == invoice.xml()
    fields = expected("rechnung-zugferd.pdf")["documents"][0]["fields"]
    printed = [fields[name] for name in ("net_total", "tax_total", "gross_total", "iban")]
    assert all(value.encode() in xml for value in printed)
    net, tax, gross = invoice.totals()
    assert net + tax == gross and f"{gross / 100:.2f}" == fields["gross_total"]
    assert iban.is_valid(fields["iban"])


# ---- plan and registers ----------------------------------------------------------------------------------------------


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_the_plan_is_believable() -> None:
    entries, report = read_plan(PLAN)
    assert not report.blocking and len(entries) >= 280
    assert len({entry.id for entry in entries}) == len({notation_key(entry.notation) for entry in entries}) == len(entries)
    by_id = {entry.id: entry for entry in entries}

    def depth(name: str | None) -> int:
        return 0 if name is None else 1 + depth(by_id[name].parent)

    assert {depth(entry.id) for entry in entries} == {1, 2, 3, 4}
    assert {"Personal", "Soziales", "Jugend"} <= {entry.access_class for entry in entries}
    leaves = [entry for entry in entries if "." in entry.notation]
    assert all(entry.unit and entry.title for entry in leaves)
    assert sum(bool(entry.keywords) for entry in leaves) > 0.95 * len(leaves)


def test_akten_and_creditors_fit_the_plan_and_the_rules_of_numbers() -> None:
    notations = {entry.notation for entry in read_plan(PLAN)[0]}
    akten = rows(ROOT / "config" / "registers" / "files.csv")
    assert len(akten) >= 50 and {row["notation"] for row in akten} <= notations
    assert all(f"/{row['notation']}-" in row["reference"] for row in akten)
    assert all(iban.is_valid(row["iban"]) for row in rows(ROOT / "config" / "registers" / "kreditoren.csv"))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_expected_places_exist(name: str) -> None:
    notations = {entry.notation for entry in read_plan(PLAN)[0]}
    akten = {row["reference"] for row in rows(ROOT / "config" / "registers" / "files.csv")}
    for one in expected(name)["documents"]:
        assert one["notation"] in notations and one.get("file", "BA/632.60-0017/2026") in akten


# ---- sheets and letters ----------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(number=st.integers(1, 999))
def test_the_code_of_a_sheet_can_be_read_and_checks(number: int) -> None:
    (code,) = zxingcpp.read_barcodes(sheet(number))
    assert code.text == payload(number)
    assert re.fullmatch(r"MI1\|T=D\|ID=[0-9a-f-]{36}\|C=[0-9A-F]{4}", code.text)
    assert isinstance(decode(code.text, "mittelau"), SheetCode), "a sheet without a tenant is good for all"


def test_letters_in_numbers_differ_and_repeat(tmp_path: Path) -> None:
    assert len({random_letter(seed).subject + random_letter(seed).sender[0] for seed in range(40)}) > 30
    born_digital(tmp_path / "a.pdf", 4)
    born_digital(tmp_path / "b.pdf", 4)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


# ---- through the real box --------------------------------------------------------------------------------------------


def reading_of(name: str, tmp_path: Path) -> Reading:
    return read_file(Box(BoxSettings()), FOLDER / name, ReadOrder(), tmp_path, 2, lambda *_: None)


def test_the_stack_is_cut_at_its_sheets(tmp_path: Path) -> None:
    truth = expected("posteingang-stapel.pdf")
    cuts = cut(reading_of("posteingang-stapel.pdf", tmp_path).pages, Way("mittelau"))
    assert [list(piece.pages) for piece in cuts.documents] == [one["pages"] for one in truth["documents"]]
    assert list(cuts.separators) == truth["separators"] and list(cuts.blanks) == truth["blank"]


def test_what_is_printed_is_read(tmp_path: Path) -> None:
    stack = " ".join(page.plain() for page in reading_of("posteingang-stapel.pdf", tmp_path).pages)
    for words in ("BA/632.60-0017/2026", "Grenzabstand des Carports", "Birte Göttsche", "Ortsnetzstation"):
        assert words in stack
    old = reading_of("bauakte-1967.tif", tmp_path).pages
    assert "Siedlungshauses" in old[0].plain() and "602-21/67" in old[1].plain()
    assert {page.script for page in old[:2]} == {"typewriter"}
    assert abs(old[2].width_mm - 420) < 2
