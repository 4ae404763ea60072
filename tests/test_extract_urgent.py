"""Haste in the head of a letter is proposed with its place; in running text, and as part of another word, it is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.extract.urgent import SURE, UrgentWords
from intake.extract.zones import zones
from intake.outlets import OfficeMail
from intake.vocabulary import Envelope, Material, Page
from samples.letters import lay_out, random_letter
from tests.paper import WordCanvas

WORDS = UrgentWords(OfficeMail().urgent_words)


def printed(note: str, x: float = 25.0, y: float = 95.0) -> Material:
    """A letter with a note of somebody who is in a hurry."""
    canvas = WordCanvas()
    lay_out(canvas, random_letter(3))
    canvas.text(x, y, note, 12)
    return Material(canvas.pages())


@pytest.mark.parametrize("note", ["EILT!", "Eilt sehr", "SOFORT VORLEGEN", "- Fristsache -", "Eilsache"])
def test_a_note_in_the_head_is_proposed_where_it_stands(note: str) -> None:
    (found,) = WORDS(printed(note))
    place = found.evidence[0]
    assert (found.field, found.value, place.page, place.by) == ("urgent", "ja", 1, "rule:urgent-word@1")
    assert place.box and 0.28 < place.box[1] < 0.36 and place.text.strip() == note.strip()
    assert 0.6 * SURE <= found.confidence <= SURE


@pytest.mark.parametrize("note", ["Sofortige Beschwerde", "Die Eilzustellung", "Ich bitte, das sofort zu tun",
                                  "Sofort nach Eingang der Unterlagen wird Bescheid gegeben"])
def test_other_words_and_sentences_are_not(note: str) -> None:
    assert WORDS(printed(note)) == ()


def test_not_in_the_body_nor_below_it() -> None:
    assert WORDS(printed("Eilt", y=230.0)) == ()
    text = "Amt Mittelau\n\nSehr geehrte Damen und Herren,\n\nEilt: bitte antworten Sie."
    assert WORDS(Material((Page(1, 210.0, 297.0, text),))) == ()
    assert WORDS(Material((Page(1, 210.0, 297.0, text.replace("Amt", "EILT")),)))[0].value == "ja"


@pytest.mark.parametrize(("subject", "found"), [
    ("EILT: Bauantrag", True), ("AW: WG: Eilt! Bauantrag", True), ("Bauantrag", False), ("Bitte nicht sofort löschen", False)])
def test_the_subject_of_a_message(subject: str, found: bool) -> None:
    said = WORDS(Material((), Envelope(subject=subject)))
    assert bool(said) is found and all(one.evidence[0].text == subject for one in said)


def test_no_words_no_haste() -> None:
    assert replace(WORDS, words=())(printed("EILT!")) == () and WORDS(Material(())) == ()


@given(st.text(max_size=40))
def test_any_subject_gives_evidence_or_nothing(subject: str) -> None:
    for one in WORDS(Material((), Envelope(subject=subject))):
        assert one.evidence[0].text == subject


def test_the_zones_of_a_letter_are_looked_for_once_whoever_asks() -> None:
    material = printed("EILT")
    again = replace(material, pages=tuple(replace(page) for page in material.pages), name="anders")
    assert zones(material) is zones(again)
    assert zones(replace(material, pages=material.pages[:1] * 2)) is not zones(material)
