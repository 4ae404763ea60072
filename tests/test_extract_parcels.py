"""Parcels as they are written: singly, in lists, broken, in tables, as Kennzeichen; and what is none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.extract.parcels import Parcels, find_parcels, parcel_id
from intake.vocabulary import Material, Proposal
from tests.paper import WordCanvas, page_of

GEMARKUNGEN = {"Mittelau": "019901", "Norderfeld": "019902"}


def numbers(text: str) -> list[str]:
    return [one.number for one in find_parcels(text)]


def found(text: str, field: str = "parcel") -> list[Proposal]:
    return [one for one in Parcels(GEMARKUNGEN)(Material((page_of(text),))) if one.field == field]


@pytest.mark.parametrize(("text", "expected"), [
    ("Flur 3, Flurstück 157/2", ["157/2"]),
    ("Flst.Nr. 686/1 und 686/2 der Gemarkung Mainroth", ["686/1", "686/2"]),
    ("Fl.-Nr. 1490/38", ["1490/38"]),
    ("Flurstücke 17/4, 17/5 tlw. und 18", ["17/4", "17/5", "18"]),
    ("die Flur-\nstücke Nr. 174, 175\nund 178", ["174", "175", "178"]),
    ("Flst.-Nr. 401/1 (teilweise), 424, 425. 426/1 sowie 427", ["401/1", "424", "425", "426/1", "427"]),
    ("Grundstück Nr. 708 mit 3.153 m², Amalienweg 33", ["708"]),
    ("Nr. 38/1 mit 559 m² Zur Halle, Nr. 40 mit 14 m²", ["38/1", "40"]),
    ("auf den Flurstücken 27901 (Feldweg) und 28135 (Fußweg)", ["27901", "28135"]),
    ("Biesenweg 2, Flur-St. 8631", ["8631"]),
    ("Parzelle 12 / 3", ["12/3"]),
    ("Grdst.Nr. 45/1 - 2.121 m²", ["45/1"]),
    ("Teilfläche aus Flurstücks-Nr.10187 in Mittelau", ["10187"]),
])
def test_forms(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize("text", [
    "Flurstücksgröße ca. 37 ha", "auf der Flur durch 12 Hecken", "Das Flurstück derzeit 3 m breit", "rund 281 Flurstücke",
    "Gemarkung Karlsruhe 12", "Grundstück 3 Zimmer", "Flst. 12.05.2026", "Grundstücke, die 14 Eigentümer haben",
    "Flurstück, 11.969 m²"])
def test_what_is_no_parcel(text: str) -> None:
    assert numbers(text) == []


@given(st.lists(st.tuples(st.integers(1, 99999), st.one_of(st.none(), st.integers(1, 9999))), min_size=1, max_size=12,
                unique=True),
       st.sampled_from(["Flurstücke ", "Flst.-Nrn. ", "Fl.-Nrn. ", "Flurstücke Nr. "]), st.sampled_from([", ", " , ", ",\n"]))
def test_lists_are_read_whole(parcels: list[tuple[int, int | None]], lead: str, comma: str) -> None:
    written = [str(first) if second is None else f"{first}/{second}" for first, second in parcels]
    text = f"betrifft die {lead}{comma.join(written[:-1])}{' und ' if len(written) > 1 else ''}{written[-1]} in Mittelau."
    assert numbers(text) == written


@given(st.integers(1, 99999), st.integers(0, 9999), st.integers(0, 999))
def test_the_kennzeichen_has_its_twenty_places(first: int, second: int, flur: int) -> None:
    key = parcel_id("019901", str(flur) if flur else "", f"{first}/{second}" if second else str(first))
    assert re.fullmatch(r"\d{2}\d{4}(\d{3}|_{3})\d{5}(\d{4}|_{4})(\d{2}|_{2})", key)
    (again,) = [one for one in found(f"Kennzeichen {key}") if one.field == "parcel"]
    assert again.value == (f"{first}/{second}" if second else str(first)) and "parcel:ok" in again.checks


def test_known_examples_of_the_kennzeichen() -> None:
    assert parcel_id("053144", "39", "40") == "05314403900040______"
    assert parcel_id("080271", "", "2344/2") == "080271___023440002__"


def test_gemarkung_and_flur_belong_to_the_parcel() -> None:
    (one,) = found("Gemarkung Mittelau, Flur 3, Flurstück 17/4")
    assert one.checks == ("gemarkung:Mittelau", "flur:3", "parcel:ok")
    assert [key.value for key in found("Flurstück 17/4 der Gemarkung Norderfeld", "parcel_id")] == ["019902___000170004__"]
    (unknown,) = found("Gemarkung Hinterwald, Flurstück 9")
    assert unknown.checks[-1] == "parcel:unknown-gemarkung" and unknown.confidence < one.confidence


def test_a_misread_gemarkung_is_named_but_not_corrected() -> None:
    (one,) = found("Gemarkung Mitteiau, Flur 3, Flurstück 17/4")
    assert one.checks == ("gemarkung:Mitteiau", "flur:3", "register:ähnlich Mittelau")
    (key,) = found("Gemarkung Mitteiau, Flur 3, Flurstück 17/4", "parcel_id")
    assert key.value == "019901003000170004__" and key.confidence < 0.7


def test_a_table_with_columns() -> None:
    text = "Gemarkung\tFlur\tFlurstück\nMittelau\t3\t17/4, 17/5\nNorderfeld\t12\t8\n\nSumme 4 12 13"
    assert [(one.value, one.checks[:2]) for one in found(text)] == [
        ("17/4", ("gemarkung:Mittelau", "flur:3")), ("17/5", ("gemarkung:Mittelau", "flur:3")),
        ("8", ("gemarkung:Norderfeld", "flur:12"))]


def test_the_box_covers_the_number_alone() -> None:
    canvas = WordCanvas(skew=1.5)
    canvas.text(25, 100, "Flurstücke 17/4 und 18/2 tlw. in Mittelau")
    material = Material(canvas.pages())
    first, second = (one for one in Parcels()(material) if one.field == "parcel")
    words = {word.text: word.box for word in material.pages[0].words}
    assert first.evidence[0].box == words["17/4"] and second.raw == "18/2 tlw." and "parcel:part" in second.checks
