"""Form fields of a PDF: what was filled in is found by name and place, and read as words of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pikepdf
import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, String

from intake.box.inside.form import words_of
from intake.box.inside.read import run
from intake.vocabulary import FormField

MIDDLE = (100.0, 600.0, 400.0, 620.0)


def form(path: Path, *fields: dict[str, Any], text: str = "Antrag auf Baugenehmigung nach der Landesbauordnung") -> Path:
    """An A4 page with a line of text and these fields."""
    plain = FPDF()
    plain.set_font("Helvetica", size=11)
    plain.add_page()
    plain.cell(0, 6, text)
    plain.output(str(path))
    with Pdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].MediaBox = Array([0, 0, 595, 842])
        made = [pdf.make_indirect(Dictionary({
            "/Type": Name.Annot, "/Subtype": Name.Widget, "/FT": Name.Tx, "/Rect": Array([*MIDDLE]), "/F": 4,
            "/P": pdf.pages[0].obj} | field)) for field in fields]
        pdf.pages[0].Annots = Array(made)
        pdf.Root.AcroForm = Dictionary(Fields=Array(made), DA=String("/Helv 0 Tf"), DR=Dictionary())
        pdf.save(path)
    return path


def read(path: Path, out: Path) -> dict[str, Any]:
    page: dict[str, Any] = run({"media_type": "application/pdf"}, [path], out)["pages"][0]
    return page


def field(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"/T": String(name), "/V": String(value)} | {f"/{key}": item for key, item in more.items()}


def test_what_is_filled_in_is_read(tmp_path: Path) -> None:
    page = read(form(tmp_path / "a.pdf", field("Bauherr", "Erika Ahlborn\nMühlenstraße 3")), tmp_path)
    (one,) = page["form"]
    assert (one["name"], one["value"]) == ("Bauherr", "Erika Ahlborn\nMühlenstraße 3")
    assert one["box"] == pytest.approx((100 / 595, 1 - 620 / 842, 400 / 595, 1 - 600 / 842), abs=0.001)
    assert page["text"].endswith("Landesbauordnung\n\nErika Ahlborn\nMühlenstraße 3")
    erika = next(word for word in page["words"] if word["text"] == "Erika")
    assert 0.16 < erika["box"][0] < erika["box"][2] < 0.3
    assert 0.26 < erika["box"][1] < erika["box"][3] < 0.29


def test_choices_ticks_and_names_of_several_levels(tmp_path: Path) -> None:
    looks = Dictionary(N=Dictionary({"/Ja": Dictionary(), "/Off": Dictionary()}))
    ticked = {"/T": String("Zustimmung"), "/FT": Name.Btn, "/V": Name("/Ja"), "/AS": Name("/Ja"), "/AP": looks,
              "/Rect": Array([50, 500, 60, 510])}
    empty = ticked | {"/T": String("Widerspruch"), "/V": Name.Off, "/AS": Name.Off, "/Rect": Array([50, 400, 60, 410])}
    place = field("Ort", "Mittelau", FT=Name.Ch, Opt=Array([String("Mittelau")]))
    page = read(form(tmp_path / "a.pdf", ticked, empty, place), tmp_path)
    said = {one["name"]: one["value"] for one in page["form"]}
    assert said == {"Zustimmung": "Ja", "Widerspruch": "", "Ort": "Mittelau"}
    assert page["text"].endswith("\n\nMittelau")


def test_hidden_fields_passwords_and_buttons_are_left_out(tmp_path: Path) -> None:
    hidden = field("unsichtbar", "geheim", F=2)
    secret = field("Kennwort", "geheim", Ff=1 << 13)
    button = {"/T": String("Senden"), "/FT": Name.Btn, "/Ff": 1 << 16}
    page = read(form(tmp_path / "a.pdf", hidden, secret, button, field("leer", "")), tmp_path)
    assert [(one["name"], one["value"]) for one in page["form"]] == [("leer", "")]
    assert "geheim" not in page["text"]


def test_a_turned_page_has_its_fields_in_place(tmp_path: Path) -> None:
    path = form(tmp_path / "a.pdf", field("Bauherr", "Ahlborn"))
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].Rotate = 90
        pdf.save(path)
    x0, y0, x1, y1 = read(path, tmp_path)["form"][0]["box"]
    assert (x0, x1) == (pytest.approx(600 / 842, abs=0.001), pytest.approx(620 / 842, abs=0.001))
    assert (y0, y1) == (pytest.approx(100 / 595, abs=0.001), pytest.approx(400 / 595, abs=0.001))


def test_a_page_without_form_has_none(tmp_path: Path) -> None:
    assert read(form(tmp_path / "a.pdf"), tmp_path)["form"] == []


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30), min_size=1, max_size=5),
       st.tuples(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0.5, 1), st.floats(0.5, 1)))
def test_every_word_lies_in_its_field(lines: list[str], box: tuple[float, float, float, float]) -> None:
    words = words_of([FormField("Feld", "\n".join(lines), box)], 842, 595, ())
    assert [word.text for word in words] == " ".join(lines).split()
    for word in words:
        x0, y0, x1, y1 = word.box
        assert box[0] - 1e-4 <= x0 <= x1 <= box[2] + 1e-4 and box[1] - 1e-4 <= y0 <= y1 <= box[3] + 1e-4
