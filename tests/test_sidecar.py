"""Data beside a document: XML, JSON and CSV of strangers become named values, within limits; hostile ones are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box.inside import sidecar
from intake.errors import InputError, Reason


def test_xml_of_four_kinds() -> None:
    nested = ('<?xml version="1.0" encoding="ISO-8859-1"?><Beleg art="Post" xmlns="urn:x"><Absender><Name>Müller</Name>'
              "</Absender></Beleg>")
    assert sidecar.fields("a.xml", nested.encode("latin-1"), "a.pdf") == [("@art", "Post"), ("Absender/Name", "Müller")]
    named = '<d><Feld name="Aktenzeichen">BA/1</Feld><Field Name="Batch" Value="7"/><Index><key>x</key></Index></d>'
    assert sidecar.fields("a.xml", named.encode(), "a.pdf") == [("Aktenzeichen", "BA/1"), ("Batch", "7"), ("Index/key", "x")]


def test_json_keeps_what_is_written() -> None:
    data = {"Aktenzeichen": "BA/1", "seiten": 12, "betrag": 1.50, "eilt": True, "leer": None, "absender": {"name": ["A", "B"]}}
    text = json.dumps(data).replace("1.5", "1.50")
    assert sidecar.fields("a.json", text.encode(), "a.pdf") == [
        ("Aktenzeichen", "BA/1"), ("seiten", "12"), ("betrag", "1.50"), ("eilt", "ja"), ("absender/name", "A"),
        ("absender/name", "B")]


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("between", [";", ",", "\t", "|"])
def test_csv_in_the_codes_and_with_the_signs_of_the_field(code: str, between: str) -> None:
    text = between.join(("Datei", "Betreff")) + "\r\n" + between.join(("b.pdf", "Straße")) + "\r\n" + between.join(
        ("scans\\a.pdf", '"Größe' + between + ' zwei"')) + "\r\n"
    subject = " ".join(f"Größe{between} zwei".split())
    assert sidecar.fields("index.csv", text.encode(code), "a.pdf") == [("Datei", "scans\\a.pdf"), ("Betreff", subject)]


def test_a_csv_says_nothing_of_a_file_it_does_not_name_unless_it_has_one_row_or_names_and_values() -> None:
    several = b"Datei;Az\na.pdf;1\nb.pdf;2\n"
    assert sidecar.fields("index.csv", several, "c.pdf", own=False) == []
    assert sidecar.fields("index.csv", b"Datei;Az\na.pdf;1\n", "c.pdf", own=False) == []
    assert sidecar.fields("index.csv", several, "B.PDF", own=False) == [("Datei", "b.pdf"), ("Az", "2")]
    assert sidecar.fields("index.csv", b"Datei;Az;x\na.pdf;1;\na.pdf;2;\n", "a.pdf", own=False) == []  # twice: which one?
    assert sidecar.fields("c.csv", b"Az;Art;Datum\n7;Antrag;2026-11-21\n", "c.pdf") == [
        ("Az", "7"), ("Art", "Antrag"), ("Datum", "2026-11-21")]
    assert sidecar.fields("c.csv", b"Az;7\nArt;Antrag\nDatum;1\n", "c.pdf") == [("Az", "7"), ("Art", "Antrag"), ("Datum", "1")]


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;">]><a>&c;</a>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b></a>'


@pytest.mark.parametrize(("name", "data", "reason"), [
    ("a.xml", BOMB, Reason.DAMAGED), ("a.xml", OUTSIDE, Reason.DAMAGED),
    ("a.xml", OUTSIDE.decode().encode("utf-16"), Reason.DAMAGED),
    ("a.xml", b"<a><b></a>", Reason.DAMAGED), ("a.xml", b"", Reason.DAMAGED),
    ("a.xml", b"<a>" * 200 + b"</a>" * 200, Reason.DAMAGED), ("a.json", b"[" * 100_000, Reason.DAMAGED),
    ("a.json", b"{", Reason.DAMAGED), ("a.json", b"[[" * 40 + b"]]" * 40, Reason.DAMAGED),
    ("a.csv", b'a;b\n"x', Reason.DAMAGED), ("a.csv", b"a;b\n" + b"1;2\n" * 20_001, Reason.DAMAGED),
    ("a.xml", b"<a>" + b" " * sidecar.MAX_BYTES + b"</a>", Reason.TOO_LARGE)])
def test_hostile_and_broken_ones_are_refused(name: str, data: bytes, reason: Reason) -> None:
    with pytest.raises(InputError) as caught:
        sidecar.fields(name, data, "a.pdf")
    assert caught.value.reason is reason and "Begleitdatei" in caught.value.detail


def test_numbers_and_lengths_are_limited() -> None:
    many = b"".join(b"<f%d>%s</f%d>" % (n, b"x" * 900, n) for n in range(900))
    found = sidecar.fields("a.xml", b"<a>" + many + b"</a>", "a.pdf")
    assert len(found) == sidecar.MAX_FIELDS and all(len(value) <= sidecar.LONGEST for _, value in found)


@given(st.sampled_from(["a.xml", "a.json", "a.csv"]), st.one_of(st.binary(max_size=300), st.text(max_size=200).map(
    lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_bytes_give_fields_or_a_reason(name: str, data: bytes) -> None:
    try:
        found = sidecar.fields(name, data, "a.pdf")
    except InputError as error:
        assert error.reason in (Reason.DAMAGED, Reason.TOO_LARGE)
    else:
        assert all(value and len(value) <= sidecar.LONGEST for _, value in found)
