"""The cold start: the right entry from the plan's words alone, with the words that carried it; kinds by rules."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.kinds import kinds
from classifiers.plan import PlanRanker, probability
from classifiers.words import grams, pieces, stem, tokens
from intake.aktenplan import link, read_plan
from intake.vocabulary import AktenplanEntry, Envelope, Evidence, Material, Proposal
from samples.letters import lay_out, random_letter
from tests.bench.plan import baseline, letters, ours, product_plan
from tests.paper import WordCanvas, page_of


@lru_cache
def default() -> PlanRanker:
    return PlanRanker(read_plan(Path(__file__).parents[1] / "config" / "aktenplan.csv")[0], places=("Mittelau",))


def first(text: str, subject: str | None = None) -> str:
    ranked = default()(Material((page_of(text),), Envelope(subject=subject)))
    by_id = {one.id: one.notation for one in default().entries}
    return by_id[ranked[0].value] if ranked else ""


@pytest.mark.parametrize(("text", "notation"), [
    ("Hiermit melde ich meinen Hund zur Hundesteuer an.", "922.10"),
    ("Die Straßenbeleuchtung vor unserem Haus ist defekt, die Laterne leuchtet nicht.", "652.30"),
    ("Antrag auf Baugenehmigung für den Neubau eines Einfamilienhauses mit Carport", "632.60"),
    ("Verlängerung des Nutzungsrechts an der Grabstätte meiner Eltern", "740.10"),
    ("Wilde Müllablagerung am Waldrand, Altreifen und Bauschutt", "720.20")])
def test_day_one(text: str, notation: str) -> None:
    assert first(text) == notation
    assert first(text.upper()) == notation


def test_nothing_known_proposes_nothing() -> None:
    assert default()(Material((page_of("xyz qwertz 12345"),))) == ()
    assert default()(Material(())) == ()
    assert PlanRanker([])(Material((page_of("Hund"),))) == ()


def test_proposals_are_ranked_with_their_words_on_the_page() -> None:
    canvas = WordCanvas()
    lay_out(canvas, random_letter(1))
    material = Material(canvas.pages())
    found = default()(material)
    assert 1 < len(found) <= 5
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)
    for one in found:
        assert one.evidence[-1].by == "plan:words@1"
        for place in one.evidence[:-1]:
            assert place.page == 1 and place.box is not None
            assert any(word.box == place.box and place.text in word.text for word in material.pages[0].words)
    assert {"Hundesteuer", "Hund"} & {place.text for place in found[0].evidence}


def test_the_subject_counts_more_than_the_text() -> None:
    text = "Wir bitten um Prüfung. Das Schreiben liegt neben dem Friedhof."
    assert first(text, "Abmeldung Hundesteuer").startswith("922")


def test_streets_names_and_own_places_say_nothing() -> None:
    for text in ("Friedhofstraße 12", "Am Markt 4", "Herr Fischer", "Mittelau", "Sehr geehrte Damen und Herren"):
        assert default()(Material((page_of(text),))) == (), text


def test_the_office_of_the_profile_helps() -> None:
    plan, _ = link([AktenplanEntry("a", "1", "Beschwerden", unit="Bauamt"),
                    AktenplanEntry("b", "2", "Beschwerden", unit="Sozialamt")])
    ranker = PlanRanker(plan)
    found = ranker(Material((page_of("Beschwerden über dies"),), office="Sozialamt"))
    assert [one.value for one in found] == ["b", "a"]


def test_the_branch_of_the_profile_helps() -> None:
    plan, _ = link([AktenplanEntry(one, one, "Beschwerden" if "." in one else "") for one in ("1", "1.1", "2", "2.1")])
    found = PlanRanker(plan)(Material((page_of("Beschwerden über dies"),), branch="2"))
    assert [one.value for one in found][:2] == ["2.1", "1.1"]


def test_titles_of_akten_help() -> None:
    plan, _ = link([AktenplanEntry("a", "1", "Bauleitplanung"), AktenplanEntry("b", "2", "Vorhaben")])
    text = page_of("Einwand gegen den Gewerbepark Ziegelei")
    assert PlanRanker(plan)(Material((text,))) == ()
    found = PlanRanker(plan, {"a": ("Bebauungsplan Nr. 28 Gewerbepark Ziegelei",)})(Material((text,)))
    assert found[0].value == "a"


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_ranked_alike_twice_and_within_bounds(text: str) -> None:
    material = Material((page_of(text),))
    found = default()(material)
    assert found == default()(material)
    assert len({one.value for one in found}) == len(found) <= 5
    assert all(0 <= one.confidence <= 0.9 and one.evidence for one in found)


@given(st.floats(0.01, 3), st.floats(0, 1), st.integers(0, 4))
def test_probabilities_fall_with_the_rank(score: float, share: float, rank: int) -> None:
    second = score * share
    sure = [probability(score if number == 0 else second, score, second, number) for number in range(rank + 1)]
    assert sure == sorted(sure, reverse=True)
    assert all(0 <= one <= 0.9 for one in sure)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=30))
def test_stems_and_grams(word: str) -> None:
    assert word.startswith(stem(word)) and (len(stem(word)) >= 4 or stem(word) == word)
    assert all(f"<{word}>".find(gram) >= 0 for gram in grams(word))
    assert pieces(word) == (word,)


def test_words_stand_where_they_say() -> None:
    text = "Die Grünflächen-Pflege über alle Bäume"
    assert [(word, text[start:end]) for word, start, end in tokens(text)] == [
        ("gruenflaechen-pflege", "Grünflächen-Pflege"), ("baeume", "Bäume")]


def test_better_than_titles_alone_on_a_real_product_plan(shared_data: Path) -> None:
    assert shared_data.is_dir()
    entries, cases = product_plan()
    right = {label for _, _, label in cases}
    scores = []
    for rank in (baseline([one for one in entries if one.notation in right]), ours(entries)):
        hits = sum([one for one in rank(subject, text) if one in right][:1] == [label] for subject, text, label in cases)
        scores.append(hits / len(cases))
    assert scores[1] >= scores[0] + 0.15
    assert scores[1] >= 0.40


def test_our_letters_find_their_entry_quickly() -> None:
    entries, cases = letters(60)
    rank = ours(entries)
    begun = time.process_time()
    found = [list(rank(subject, text)[:5]) for subject, text, _ in cases]
    assert (time.process_time() - begun) / len(cases) < 0.05
    assert sum(one[:1] == [right] for one, (_, _, right) in zip(found, cases, strict=True)) >= 0.85 * len(cases)
    assert sum(right in one for one, (_, _, right) in zip(found, cases, strict=True)) >= 0.95 * len(cases)


# ---- kinds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("subject", "text", "kind"), [
    ("Antrag auf Wohngeld", "Sehr geehrte Damen und Herren", "Antrag"),
    ("Zaun", "hiermit beantrage ich die Genehmigung", "Antrag"),
    ("", "RECHNUNG\nRechnungsnummer 4711\nzahlbar bis 1.1.", "Rechnung"),
    ("Widerspruch gegen den Bescheid", "", "Widerspruch"),
    ("", "Niederschrift\nüber die Sitzung des Bauausschusses", "Protokoll"),
    ("Zahlungserinnerung zur Rechnung 12", "", "Mahnung"),
    ("", "Satzung\nder Gemeinde über die Straßenreinigung", "Satzung"),
    ("Müll am Waldrand", "Sehr geehrte Damen, dort liegt", "Schreiben"),
    ("Stellungnahme zum Bebauungsplan", "es bestehen keine Bedenken", "Stellungnahme")])
def test_kinds(subject: str, text: str, kind: str) -> None:
    found = kinds(Material((page_of(text),)), (Proposal("subject", subject, 0.9, (Evidence("rule:x@1"),)),) if subject else ())
    assert found[0].value == kind
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)


def test_no_kind_without_a_word_for_it() -> None:
    assert kinds(Material((page_of("12 34 56"),))) == ()
    assert kinds(Material(())) == ()


def test_a_kind_shows_its_word() -> None:
    canvas = WordCanvas()
    letter = random_letter(2)
    lay_out(canvas, letter)
    found = kinds(Material(canvas.pages()), (Proposal("subject", letter.subject, 0.9, (Evidence("rule:x@1"),)),))
    assert found[0].value == "Antrag" and found[0].evidence[0].page == 1 and found[0].evidence[0].box is not None
