"""Anlage or a letter of its own: what is named, what looks like one, what speaks against it; always a question."""

from __future__ import annotations

import pytest

from intake.resolve.enclosure import ASKED, SUREST, enclosure, leads
from intake.vocabulary import Envelope, Material, Page

LETTER = ("Anke Petersen", "24998 Mittelau", "Antrag auf Baugenehmigung", "Sehr geehrte Damen und Herren,",
          "für das Flurstück 17/4 beantrage ich einen Carport.", "Mit freundlichen Grüßen", "Anlagen", "Lageplan",
          "Baubeschreibung")


def paper(*lines: str, width: float = 210.0, height: float = 297.0) -> Material:
    return Material((Page(1, width, height, text="\n".join(lines)),))


MAIN = paper(*LETTER)


def test_a_named_plan_belongs_to_its_letter() -> None:
    found = enclosure(paper("Lageplan M 1:500", "Gemarkung Mittelau, Flur 3, Flurstück 17/4"), MAIN, "d1")
    assert found is not None and (found.field, found.value) == ("parent", "d1") and ASKED <= found.confidence <= SUREST
    assert {one.by for one in found.evidence} >= {
        "rule:enclosure-named@1", "rule:enclosure-named-here@1", "rule:enclosure-kind@1", "rule:enclosure-parcel@1"}
    assert any(one.page == 1 for one in found.evidence)


def test_a_letter_of_its_own_does_not() -> None:
    own = paper("Uwe Hansen", "24998 Mittelau", "Ihr Zeichen: 4711", "Sehr geehrte Frau Harder,", "Mit freundlichen Grüßen")
    assert enclosure(own, MAIN, "d1") is None
    named = paper("Lageplan", "Sehr geehrte Damen und Herren,", "Mit freundlichen Grüßen")
    plain = enclosure(paper("Lageplan"), MAIN, "d1")
    said = enclosure(named, MAIN, "d1")
    assert plain is not None and (said is None or said.confidence < plain.confidence)


def test_nothing_named_and_nothing_typical_is_no_question() -> None:
    silent = paper("Anke Petersen", "Sehr geehrte Damen und Herren,", "es ist laut.", "Mit freundlichen Grüßen")
    assert enclosure(paper("Notizen vom Dienstag"), silent, "d1") is None
    assert enclosure(paper(), MAIN, "d1") is None or enclosure(paper(), MAIN, "d1").confidence < SUREST  # type: ignore[union-attr]


def test_more_reasons_are_surer() -> None:
    one = enclosure(paper("Flurkarte"), MAIN, "d1")
    two = enclosure(paper("Flurkarte", "Flurstück 17/4"), MAIN, "d1")
    three = enclosure(paper("Flurkarte", "Flurstück 17/4", width=420, height=297), MAIN, "d1")
    assert one and two and three and one.confidence < two.confidence <= three.confidence <= SUREST


@pytest.mark.parametrize(("material", "wanted"), [
    (MAIN, True), (paper("Bauantrag", "Flurstück 17/4"), True), (paper("Unser Zeichen: 12", "Text"), True),
    (Material((Page(1, 210, 297, text="Guten Tag"),), Envelope(sender="a@b.example")), True),
    (paper("Lageplan", "M 1:500"), False), (paper("Grundriss Erdgeschoss"), False), (paper(), False)])
def test_who_may_have_enclosures(material: Material, wanted: bool) -> None:
    assert leads(material) is wanted
