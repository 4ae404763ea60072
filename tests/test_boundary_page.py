"""What one page tells: printed page numbers, lists, beginnings and ends, whatever an OCR engine made of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.boundary_page import Label, Sketch, masked, sketch
from intake.vocabulary import Page

BODY = "\n".join(f"Der Rat berät über den Punkt und beschließt Zeile {'x' * (at % 7)} wie vorgeschlagen." for at in range(12))


def look(text: str) -> Sketch:
    return sketch(Page(1, 210.0, 297.0, text))


@pytest.mark.parametrize(("text", "label"), [
    (f"- 2 -\n{BODY}", Label(2, 0, True)),
    (f"– 14 –\n{BODY}", Label(14, 0, True)),
    (f"Ingo Lüthje - 2 -\n{BODY}", Label(2, 0, True)),
    (f"{BODY}\nSeite 3 von 4", Label(3, 4, True)),
    (f"{BODY}\nC:\\daten\\vorlage.doc Seite 1 von 4", Label(1, 4, True)),
    (f"Investitionsprogramm Seite : 129\n{BODY}", Label(129, 0, True)),
    (f"NVEG GmbH\nBlatt 2\n{BODY}", Label(2, 0, True)),
    (f"{BODY}\n2/5", Label(2, 5, True)),
    (f"{BODY}\n7", Label(7, 0, False)),
    (f"{BODY}\n5/2", None),  # more than there are: a Flurstück, not a page
    (BODY, None),
    (f"{BODY}\nZeile\nSeite 3\nZeile\nZeile\nZeile\n{BODY}", None),  # in the middle of the text
    ("", None),
])
def test_printed_page_numbers(text: str, label: Label | None) -> None:
    assert look(text).label == label


def test_the_line_of_the_page_number_is_no_content() -> None:
    page = look(f"- 2 -\nmeinde nun nahezu ausverkauft.\n{BODY}")
    assert page.numbers_of["small_first"] == 1.0
    assert "^0meinde" in page.head_terms


def test_lists_with_their_signs() -> None:
    page = look("§ 3 Gebühren\nText\nZu Punkt 5: Anfragen\n2. Genehmigung\n12 Enten\nAnlage 1 zur DS 3")
    assert page.enumerators == (("§", 3), ("punkt", 5), (".", 2), ("anlage", 1))


def test_how_a_letter_begins_and_ends() -> None:
    page = look("Hans Beispiel\nHauptstraße 1\n31171 Nordstadt\nTelefon 05069 1\n12. Oktober 2026\nAntrag auf Befreiung\n"
                "Sehr geehrte Damen und Herren,\nich beantrage dies.\nMit freundlichen Grüßen\nHans Beispiel")
    assert page.numbers_of["greeting"] and page.numbers_of["closing"] and page.numbers_of["date_head"]
    assert page.numbers_of["address"] == 2.0
    assert page.dates == frozenset({"12.oktober2026"})


def test_a_broken_sentence() -> None:
    page = look(f"{BODY}\nDie bisher erschlossenen Baugebiete der Ge-")
    assert page.numbers_of["hyphen_last"] and not page.numbers_of["stop_last"]
    assert look(f"{BODY}\nnicht abgeschlossen und").numbers_of["open_last"]
    assert look(BODY).numbers_of["stop_last"]


def test_running_lines_are_equal_but_for_their_digits() -> None:
    assert masked("Haushalt 2019  Seite : 129") == masked("Haushalt 2020 Seite: 3")
    assert masked("Haushalt 2019") != masked("Stellenplan 2019")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_gives_finite_measures(text: str) -> None:
    page = look(text)
    assert page.numbers_of.keys() == look("").numbers_of.keys()
    assert all(-1.0 <= value < 1e6 for value in page.numbers_of.values())


def test_a_page_of_endless_text_is_cut_off() -> None:
    assert len(look("Wort\n" * 100_000).lines) == 400
