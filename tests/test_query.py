"""The question taken apart: what is typed every day, what is mistyped, and anything at all."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intake.errors import Refused
from intake.query import MOST_CHARACTERS, MOST_WORDS, Question, understand


@pytest.mark.parametrize(("text", "question"), [
    ("", Question()),
    ("   ", Question()),
    ("Baugenehmigung  Lindenweg", Question(words=("Baugenehmigung", "Lindenweg"))),
    ('"im Namen der Gemeinde" Zaun', Question(words=("Zaun",), phrases=("im Namen der Gemeinde",))),
    ("„Am Anger“", Question(phrases=("Am Anger",))),
    ('"nie geschlossen', Question(phrases=("nie geschlossen",))),
    ("Zaun -Entwurf", Question(words=("Zaun",), without=("Entwurf",))),
    ("az:652.30", Question(fields=(("reference", "652.30"),))),
    ("Aktenzeichen:BA/7-1 Zaun", Question(words=("Zaun",), fields=(("reference", "BA/7-1"),))),
    ("flurstueck:17/4 Flurstück:3 flst:9", Question(fields=(("parcel", "17/4"), ("parcel", "3"), ("parcel", "9")))),
    ('absender:"Müller & Söhne"', Question(fields=(("sender", "Müller & Söhne"),))),
    ("art:Rechnung betreff:Zaun", Question(fields=(("kind", "Rechnung"), ("title", "Zaun")))),
    ("Re: Angebot", Question(words=("Re:", "Angebot"))),
    ("um 10:30 Uhr", Question(words=("um", "10:30", "Uhr"))),
    ("http://example.org", Question(words=("http://example.org",))),
    ("- Zaun", Question(words=("-", "Zaun"))),
    ('""', Question()),
])
def test_everyday(text: str, question: Question) -> None:
    assert understand(text) == question


@pytest.mark.parametrize(("text", "since", "until"), [
    ("datum:2024", date(2024, 1, 1), date(2024, 12, 31)),
    ("datum:2024-02", date(2024, 2, 1), date(2024, 2, 29)),
    ("datum:2024-02-17", date(2024, 2, 17), date(2024, 2, 17)),
    ("datum:17.2.2024", date(2024, 2, 17), date(2024, 2, 17)),
    ("datum:2024..2026", date(2024, 1, 1), date(2026, 12, 31)),
    ("datum:2024..", date(2024, 1, 1), None),
    ("datum:..1.3.2024", None, date(2024, 3, 1)),
    ("datum:2020.. datum:..2021", date(2020, 1, 1), date(2021, 12, 31)),
    ("datum:2020..2024 datum:2021..2030", date(2021, 1, 1), date(2024, 12, 31)),
])
def test_dates(text: str, since: date | None, until: date | None) -> None:
    found = understand(text)
    assert (found.since, found.until) == (since, until)


@pytest.mark.parametrize(("text", "says"), [
    ("datum:gestern", "kein Datum"), ("datum:31.2.2024", "kein Datum"), ("datum:2024-13", "kein Datum"),
    ("datum:..", "kein Datum"), ("datum:0000", "kein Datum"), ("datum:2026..2024", "vor dem Anfang"),
    ("az:", "fehlt der Wert"), ("Zaun art: Rechnung", "fehlt der Wert"), ('absender:""', "fehlt der Wert"),
    ("x" * (MOST_CHARACTERS + 1), "zu lang"), ("a " * (MOST_WORDS + 1), "zu viele"),
])
def test_what_cannot_be_understood_is_said(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        understand(text)


@given(st.text(max_size=200) | st.lists(st.sampled_from(
    ["az:", "datum:", "2024", "..", '"', "„", "“", "-", "Zaun", " ", "art:", "\0", "\n", "\ud800", "NOT", "*", "'", "\\", "("]),
    max_size=30).map("".join))
@example("datum:٢٠٢٤")
@example("datum:2024-²")
def test_anything_is_a_question_or_a_german_sentence(text: str) -> None:
    try:
        found = understand(text)
    except Refused as refused:
        assert str(refused).endswith(".") and ("„" in str(refused) or "Suche" in str(refused))
    else:
        assert all(word.strip() for word in (*found.words, *found.phrases, *found.without))
