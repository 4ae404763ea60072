"""Sites and roles in building matters: addresses that are a place and not a postal address, names with their role."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.extract.places import Places, find_addresses, normal_street
from intake.extract.roles import parties
from intake.vocabulary import Material
from tests.paper import WordCanvas, page_of


def sites(text: str) -> list[str]:
    return [one.value for one in find_addresses(text)]


def named(text: str, field: str = "applicant") -> list[str]:
    return [one.value for one in parties(Material((page_of(text),))) if one.field == field]


@pytest.mark.parametrize(("text", "expected"), [
    ("Neubau einer Garage, Mühlenstraße 12 a, Flurstück 17/4", ["Mühlenstraße 12a"]),
    ("Bebauungsplan „Südlich Haid-und-Neu-Straße 32 - 36“", ["Haid-und-Neu-Straße 32-36"]),
    ("die Grundstücke Ottostr. 22, 22a und 22c liegen", ["Ottostraße 22", "Ottostraße 22a", "Ottostraße 22c"]),
    ("Bauort: An der Roßweid 2", ["An der Roßweid 2"]),
    ("im Wohnhaus Heinrich-\nLilienfein-Weg 1 sollen", ["Heinrich-Lilienfein-Weg 1"]),
    ("Bauantrag: Carport, Karlsruher Straße 84", ["Karlsruher Straße 84"]),
    ("Baugrundstück: Am Markt 4, 24998 Mittelau", ["Am Markt 4"]),
])
def test_places(text: str, expected: list[str]) -> None:
    assert sites(text) == expected


@pytest.mark.parametrize("text", [
    "Amt Mittelau, Am Markt 4, 24998 Mittelau", "Im Sondergebiet 2 sind zulässig", "In den Anlagen 5 und 6 sind die Ergebnisse",
    "auf der Bundesstraße 10", "Am 14.02.2007 fand", "Im Januar 12 Anträge", "Straße, 3 m breit", "Messplatz\n7. Expertise",
    "Bürger aus der Hauptstr. 72a"])
def test_what_is_no_site(text: str) -> None:
    assert sites(text) == []


@given(st.sampled_from(["Mühlenstr.", "Ottostr.", "Karlsruher Str.", "Karl-Seckinger-Str."]))
def test_streets_are_written_out_once(street: str) -> None:
    whole = normal_street(street)
    assert whole.lower().endswith("straße") and normal_street(whole) == whole


def test_the_street_register_checks_and_does_not_correct() -> None:
    material = Material((page_of("Bauvorhaben Mühlenstr. 3, Bauvorhaben Mühlemstraße 4, Bauvorhaben Nordring 5"),))
    found = {one.value: (one.raw, one.checks) for one in Places({"Mühlenstraße": "1"})(material)}
    assert found == {"Mühlenstraße 3": ("Mühlenstr. 3", ("street:ok",)),
                     "Mühlemstraße 4": ("", ("register:ähnlich Mühlenstraße",)), "Nordring 5": ("", ("street:unknown",))}


@pytest.mark.parametrize(("text", "expected"), [
    ("Bauherr: Frauke Jürgensen, Am Markt 4", ["Frauke Jürgensen"]),
    ("Vorhabenträger:\n \nHansen Bau GmbH & Co. KG\nGewerbering 3", ["Hansen Bau GmbH & Co. KG"]),
    ("Vorhabenträger ist die Total Deutschland GmbH, die die Einleitung", ["Total Deutschland GmbH"]),
    ("wird durch die Stadt Süderbrück als Bauherrin errichtet", ["Stadt Süderbrück"]),
    ("im Austausch mit dem Bauherrn, der Pfinz Bau GmbH & Co. KG, Aue", ["Pfinz Bau GmbH & Co. KG"]),
    ("dem als Mieter und Bauherr fungierenden Bandprojekt Aue e. V. einen", ["Bandprojekt Aue e. V."]),
    ("Bauherrin / Bauherr\nWiebke Iversen, Bahnhofstraße 14", ["Wiebke Iversen"]),
    ("Vorhabenträger: INIT\nInnovation in systems AG\nWeg 4", ["INIT Innovation in systems AG"]),
])
def test_applicants(text: str, expected: list[str]) -> None:
    assert named(text) == expected


@pytest.mark.parametrize("text", [
    "Die Bauherrschaft plant einen Neubau.", "Der Bauherr beabsichtigt, Räume umzunutzen.", "für private Bauherren und "
                                                                                            "Investoren",
    "Die Stadt tritt nicht als Bauherrin auf", "bescheinigt die Firma dem Bauherrn durch eine Erklärung", "Bauherrenpreis der "
                                                                                                          "Stadt"])
def test_a_role_without_a_name(text: str) -> None:
    assert named(text) == []


def test_other_roles_and_letters_of_names() -> None:
    text = "Entwurfsverfasserin: Dipl.-Ing. Ute Thomsen, Am Markt 9\nNachbar: Jiří Dvořák\nEigentümer: Ştefan Łukasz Yıldız"
    assert named(text, "designer") == ["Dipl.-Ing. Ute Thomsen"] and named(text, "neighbour") == ["Jiří Dvořák"]
    assert named(text, "owner") == ["Ştefan Łukasz Yıldız"]


def test_evidence_covers_the_name() -> None:
    canvas = WordCanvas()
    canvas.text(25, 60, "Bauherr: Frauke Jürgensen")
    (page,) = canvas.pages()
    (one,) = parties(Material((page,)))
    assert one.evidence[0].text == "Frauke Jürgensen" and one.evidence[0].box is not None
    assert one.evidence[0].box[0] == page.words[1].box[0] and one.evidence[0].box[2] == page.words[2].box[2]
