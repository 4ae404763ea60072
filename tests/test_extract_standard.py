"""Ways to reach and pay, matters, the fields for others, and the command for texts alone."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.extract.__main__ import main
from intake.extract.contacts import contacts
from intake.extract.dates import plausibility
from intake.extract.letter import letter
from intake.extract.matters import matters
from intake.extract.stamp import stamp
from intake.extract.standard import as_fields, extract, standard
from intake.vocabulary import Evidence, Material, Page, Proposal, Word
from samples.letters import lay_out
from tests.lettering import made_letter
from tests.paper import WordCanvas, page_of


def values(found: tuple[Proposal, ...], field: str) -> list[str]:
    return [one.value for one in found if one.field == field]


def test_contacts() -> None:
    text = ("Telefon: +49 (0) 4699 123-45, E-Mail: Post.Stelle@amt-mittelau.example\nIBAN DE89 3704 0044 0532 0130 00, BIC: "
            "NOLADE21NOS\n"
            "Kassenzeichen: 4711.0815-3, Steuer-Nr. 21/815/08150")
    found = contacts(Material((page_of(text),)))
    assert {one.field: one.value for one in found} == {
        "phone": "+49469912345", "email": "post.stelle@amt-mittelau.example", "iban": "DE89370400440532013000",
        "bic": "NOLADE21NOS",
        "cash_reference": "4711.0815-3", "tax_number": "21/815/08150"}
    wrong = contacts(Material((page_of("IBAN DE89 3704 0044 0532 0130 01"),)))[0]
    assert wrong.checks == ("iban:wrong-checksum",) and wrong.confidence < 0.5


def test_matters() -> None:
    text = ("Bezug: Ihr Schreiben vom 02.03.2026\nBauvorhaben: Neubau eines Carports\n\nIhr Antrag vom 12. März 2026 liegt vor, "
            "die\n"
            "Baugenehmigung vom 01.02.2020 ist erloschen. Bitte antworten Sie bis zum 30.04.2026.\n\nAnlagen\nLageplan\n"
            "2. Bauzeichnung M 1:100\n\nSparkasse Auenland")
    found = matters(Material((page_of(text),), received_on=date(2026, 4, 1)))
    assert values(found, "regarding") == ["Ihr Schreiben vom 02.03.2026"] and values(found, "project") == ["Neubau eines "
        "Carports"]
    assert values(found, "application_date") == ["2026-03-12"] and values(found, "deadline") == ["2026-04-30"]
    (permit,) = (one for one in found if one.field == "permit_date")
    assert permit.value == "2020-02-01" and permit.checks == ("date:long-ago",) and permit.raw == "01.02.2020"
    assert values(found, "enclosure") == ["Lageplan", "Bauzeichnung M 1:100"]


@given(st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.dates(date(2000, 1, 1), date(2029, 1, 1)))
def test_plausible_days(day: date, received: date) -> None:
    assert plausibility(day, None) == "date:ok"
    assert (plausibility(day, received) == "date:after-receipt") == (day > received)


def test_fields_for_others() -> None:
    sure = Proposal("iban", "DE1", 0.91, (Evidence("rule:iban@1", 2, (0.1, 0.2, 0.3, 0.4444444), "DE 1"),), "DE 1", ("iban:ok",))
    unsure = Proposal("iban", "DE1", 0.5, (Evidence("rule:x@1"),))
    found = extract(Material(()), (lambda _: (unsure,), lambda _: (sure, Proposal("bic", "X", 0.2, (Evidence("rule:x@1"),)))))
    assert [one.field for one in found] == ["bic", "iban"] and found[1] is sure
    assert as_fields(found)[1] == {"name": "iban", "value": "DE1", "raw": "DE 1", "page": 2, "box": [0.1, 0.2, 0.3, 0.44444],
                                   "probability": 0.91, "by": "rule:iban@1", "checks": ["iban:ok"]}


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_generated_letters_of_both_forms(seed: int) -> None:
    """Exact words: the zones, the leading words and letters of DIN 91379 (Jiří Dvořák, Ayşe Yıldız) come through unchanged."""
    made = made_letter(seed)
    canvas = WordCanvas(skew=(seed % 5 - 2) * 0.9)
    lay_out(canvas, made.letter)
    found = letter(Material(canvas.pages(), received_on=date(2026, 11, 1)))
    best = {field: max((one for one in found if one.field == field), key=lambda one: one.confidence).value
            for field in made.truth if values(found, field)}
    assert best == made.truth


def test_every_value_of_a_letter_has_a_box_over_its_words() -> None:
    canvas = WordCanvas(skew=-1.7)
    lay_out(canvas, made_letter(3).letter)
    (page,) = canvas.pages()[:1]
    for one in extract(Material((page,)), standard()):
        place = one.evidence[0]
        assert place.box is not None, one
        inside = [word.text for word in page.words if place.box[0] <= word.box[0] and word.box[2] <= place.box[2]
                  and place.box[1] <= word.box[1] and word.box[3] <= place.box[3]]
        assert inside and set("".join(place.text.split())) <= set("".join(inside)), one


@pytest.mark.parametrize("packed", [True, False])
def test_texts_alone(tmp_path: Path, packed: bool) -> None:
    lines = [{"file": "a", "text": "Bauantrag: Carport, Mühlenstraße 3, Flurstück 17/4"}, {"id": 7, "pages": [[1, "x"], [2,
        "Flst. 9/1"]]}]
    data = ("\n".join(json.dumps(line) for line in lines) + "\n").encode()
    source, target = tmp_path / "texts.jsonl.gz", tmp_path / "out.jsonl"
    source.write_bytes(gzip.compress(data) if packed else data)
    assert main(["--text", str(source), "--json", str(target)]) == 0
    first, second = (json.loads(line) for line in target.read_text(encoding="utf-8").splitlines())
    assert first["file"] == "a" and second["id"] == 7
    assert {(one["name"], one["value"]) for one in first["fields"]} >= {("parcel", "17/4"), ("site_address", "Mühlenstraße 3")}
    assert [(one["value"], one["page"]) for one in second["fields"] if one["name"] == "parcel"] == [("9/1", 2)]


@pytest.mark.parametrize("content", [b"no json\n", b'{"other": 1}\n', b"\x1f\x8bbroken"])
def test_a_file_that_is_none(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    assert main(["--text", str(tmp_path / "x.jsonl"), "--json", str(tmp_path / "out")]) == 2
    assert "x.jsonl" in capsys.readouterr().err


def test_nothing_comes_of_nothing() -> None:
    assert extract(Material(()), standard()) == () and extract(Material((Page(1, 210.0, 297.0),)), standard()) == ()


def test_a_misread_stamp_word_inside_a_stamp_region() -> None:
    lines = (("POSTEINSANG",), ("02", "SEP.", "2026"), ("Bauamt",))
    words = tuple(
        Word(text, (0.25 + 0.125 * at, 0.5 + 0.0625 * row, 0.3125 + 0.125 * at, 0.53125 + 0.0625 * row), 0.9, line=row, block=3)
        for row, texts in enumerate(lines) for at, text in enumerate(texts))
    material = Material((Page(1, 210.0, 297.0, "", words, stamps=((0.25, 0.48, 0.6, 0.7),)),), received_on=date(2026, 9, 4))
    (found,) = stamp(material)
    assert found.value == "2026-09-02" and found.confidence > 0.8 and found.raw == "02 SEP. 2026"
    assert found.evidence[0].box == (0.25, 0.5, 0.5625, 0.59375)
    assert stamp(Material((Page(1, 210.0, 297.0, "", words),), received_on=date(2026, 9, 4))) == ()
