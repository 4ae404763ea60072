"""Filled-in form fields: what their names say, whose they are, and what says nothing gives nothing."""

from __future__ import annotations

import pytest

from intake.extract.form import forms
from intake.vocabulary import FormField, Material, Page, Proposal


def asked(**fields: str) -> dict[str, Proposal]:
    form = tuple(FormField(name.replace("__", "."), value, (0.1, 0.02 * at, 0.5, 0.02 * at + 0.01))
                 for at, (name, value) in enumerate(fields.items()))
    found: dict[str, Proposal] = {}
    for one in forms(Material((Page(1, 210, 297, form=form),))):
        found.setdefault(one.field, one)
    return found


def test_an_application_for_building() -> None:
    found = asked(Bauherr_Nachname="Yıldız", Bauherr_Vorname="Ayşe", Bauherr_Strasse="Heideweg", Bauherr_Hausnummer="12",
                  Bauherr_PLZ="24998", Bauherr_Ort="Mittelau", Baugrundstueck_Strasse="Dorfstraße", Baugrundstueck_Hausnr="3 a",
                  Baugrundstueck_Flurstueck="17/4, 17/5", Entwurfsverfasser_Name="Jens Thomsen",
                  Bezeichnung_des_Vorhabens="Carport")
    assert found["applicant"].value == found["sender_name"].value == "Ayşe Yıldız"
    assert found["sender_address"].value == "Heideweg 12, 24998 Mittelau" and found["site_address"].value == "Dorfstraße 3 a"
    assert found["parcel"].value == "17/4" and found["project"].value == "Carport"
    assert found["applicant"].evidence[0].box == (0.1, 0.02, 0.5, 0.03) and len(found["applicant"].evidence) == 2


@pytest.mark.parametrize(("name", "value", "wanted"), [
    ("Antragsteller", "Anke Petersen", "Anke Petersen"), ("Name", "Petersen, Anke", "Anke Petersen"),
    ("topmostSubform[0].Page1[0].txtAntragstellerName[0]", "Anke Petersen", "Anke Petersen"),
    ("Textfeld12", "Anke Petersen", None), ("Nachbar Name", "Anke Petersen", None), ("Name", "17", None)])
def test_whose_name(name: str, value: str, wanted: str | None) -> None:
    found = asked(**{name: value})
    assert (found["applicant"].value if "applicant" in found else None) == wanted


def test_numbers_are_checked() -> None:
    assert asked(IBAN="DE72 2179 9911 0004 0001 00")["iban"].checks == ("iban:ok",)
    wrong = asked(IBAN="DE73 2179 9911 0004 0001 00")["iban"]
    assert wrong.checks == ("iban:wrong-checksum",) and wrong.confidence < 0.5
    assert asked(Telefon="04631 / 12-34")["phone"].value == "046311234"
    assert asked(EMail="A.Petersen@Example.org")["email"].value == "a.petersen@example.org"
    assert asked(Datum="13.10.2026")["letter_date"].value == "2026-10-13"


def test_empty_fields_and_pages_without_a_form() -> None:
    assert asked(Name="", IBAN=" ") == {} and list(forms(Material(()))) == []
