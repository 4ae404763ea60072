"""Paper forms filled in by machine: captions beside and above their values, whose they are, pages that are no forms."""

from __future__ import annotations

import pytest

from intake.extract.printedform import printed_forms
from intake.vocabulary import FormField, Material, Page, Proposal
from tests.paper import WordCanvas

LINES = (
    (25, 30, "Antrag auf Baugenehmigung"),
    (25, 45, "1. Bauherrin / Bauherr"),
    (25, 55, "Name, Vorname:"), (70, 55, "Yıldız, Ayşe"),
    (25, 65, "Straße, Hausnummer"), (25, 70, "Heideweg 12"), (110, 65, "PLZ, Ort"), (110, 70, "24998 Mittelau"),
    (25, 80, "Telefon:"), (70, 80, "04699 123-45"), (110, 80, "E-Mail:"), (130, 80, "ayse@beispiel.example"),
    (25, 95, "2. Entwurfsverfasser"),
    (25, 105, "Name, Vorname:"), (70, 105, "Thomsen, Jens"),
    (25, 120, "3. Baugrundstück"),
    (25, 130, "Straße, Hausnummer"), (25, 135, "Dorfstraße 3 a"), (110, 130, "Flurstück"), (110, 135, "17/4"),
    (25, 150, "Bezeichnung des Vorhabens"), (25, 155, "Errichtung eines Carports"))


def found_in(lines: tuple[tuple[float, float, str], ...], skew: float = 0.0, **page: object) -> dict[str, Proposal]:
    canvas = WordCanvas(skew=skew)
    for x, y, text in lines:
        canvas.text(x, y, text, 9)
    read = canvas.pages()[0]
    if page:
        read = Page(1, 210.0, 297.0, read.text, read.words, **page)  # type: ignore[arg-type]
    found: dict[str, Proposal] = {}
    for one in printed_forms(Material((read,))):
        found.setdefault(one.field, one)
    return found


@pytest.mark.parametrize("skew", [0.0, 1.5])
def test_an_application_on_paper(skew: float) -> None:
    found = found_in(LINES, skew)
    assert found["applicant"].value == "Ayşe Yıldız"
    assert found["sender_address"].value == "Heideweg 12, 24998 Mittelau"
    assert found["site_address"].value == "Dorfstraße 3 a"
    assert (found["parcel"].value, found["project"].value) == ("17/4", "Errichtung eines Carports")
    assert (found["phone"].value, found["email"].value) == ("0469912345", "ayse@beispiel.example")


def test_every_value_has_the_box_of_its_words() -> None:
    for one in found_in(LINES).values():
        for place in one.evidence:
            assert place.by == "rule:printed-form@1" and place.page == 1 and place.box and place.box[2] > place.box[0] > 0
    assert found_in(LINES)["applicant"].evidence[0].text == "Yıldız, Ayşe"


def test_another_role_is_no_applicant() -> None:
    others = tuple((x, y, text.replace("1. Bauherrin / Bauherr", "1. Nachbar")) for x, y, text in LINES)
    found = found_in(others)
    assert "applicant" not in found or found["applicant"].value != "Ayşe Yıldız"


def test_a_letter_is_no_form() -> None:
    assert not found_in(((25, 60, "Telefon:"), (70, 60, "04699 123-45"), (25, 70, "Datum"), (70, 70, "03.02.2026")))


def test_a_page_with_form_fields_of_the_file_is_left_to_them() -> None:
    assert not found_in(LINES, form=(FormField("Name", "Petersen", (0.1, 0.1, 0.2, 0.2)),))
