"""Two scans of one sheet are told from two sheets of one form; pages that nobody can read from plans and blank ones."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from fakes import fake_page
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.backfile.alike import BITS, NEAR_WORDS, apart, candidates, fingerprint, one_sheet, unreadable, words_of
from intake.db.signs import Sign
from intake.vocabulary import Page

LETTER = ("Bauantrag Nummer {0} Erika Muster Mühlenweg {0} Auenbek wegen Neubau einer Garage mit Abstellraum auf dem Flurstück "
          "{0}/1 der Gemarkung Norderfeld, beantragt im Jahre 19{0} bei der Gemeinde Süderholz vom Architekten Lüders")
FORM = ("{0} Bauherr Wilhelm Iversen Schulstraße Norderfeld Neubau einer Scheune Beanstandungen haben sich nicht ergeben "
        "festgestellt am {1}")


def page(text: str) -> Page:
    return fake_page(1, text)


def sign(number: int, text: str = "", **values: object) -> Sign:
    words = words_of(page(text))
    made = Sign("d", 0, number, "0" * 64, sum(map(len, words)), fingerprint(words), 0.9, 0.0, "print", 210, 297, blank=False)
    return replace(made, **values)  # type: ignore[arg-type]


def pairs(*signs: Sign) -> list[tuple[int, int]]:
    return [(one.number, other.number) for (_, one), (_, other) in candidates([("x", one) for one in signs])]


def misread(text: str, seed: int, share: float = 0.15) -> str:
    """Some words with one letter wrong, as recognition slips."""
    rng = random.Random(seed)
    words = text.split()
    for at, word in enumerate(words):
        if len(word) > 3 and word.isalpha() and rng.random() < share:
            place = rng.randrange(1, len(word))
            words[at] = word[:place] + rng.choice("cefilnrtu") + word[place + 1:]
    return " ".join(words)


@pytest.mark.parametrize("seed", range(10))
def test_a_second_scan_with_slips_is_the_same_sheet(seed: int) -> None:
    text = LETTER.format(37)
    again = misread(text, seed, 0.08)
    assert pairs(sign(1, text), sign(2, again)) == [(1, 2)]
    assert one_sheet(page(text), page(again), 1)


def test_two_notices_of_one_matter_are_two_sheets() -> None:
    """The hard case: the same form, the same house and year; title and day differ."""
    one, other = FORM.format("Rohbauabnahmeschein", "14. März 1958"), FORM.format("Gebrauchsabnahmeschein", "2. Juni 1958")
    assert not one_sheet(page(one), page(other), 1)
    assert one_sheet(page(one), page(one), 1)


def test_the_same_form_of_another_year_is_another_sheet() -> None:
    assert not one_sheet(page(LETTER.format(37)), page(LETTER.format(52)), 40)


def test_far_apart_more_must_agree() -> None:
    text = LETTER.format(37)
    again = misread(text, 3, 0.25)
    assert one_sheet(page(text), page(again), 2) or not one_sheet(page(text), page(again), 80)
    assert not one_sheet(page(text), page(again), 80)


def test_other_letters_are_no_candidates() -> None:
    other = ("Ganz anderer Brief über die Abwassergebühr für das Jahr 1987 im Ortsteil Westerau an den Eigentümer des Hauses "
             "Nummer sieben mit freundlichen Grüßen")
    assert pairs(sign(1, LETTER.format(37)), sign(2, other)) == []


def test_pages_with_next_to_no_words_go_by_their_picture() -> None:
    plan = sign(1, "Lageplan Flur 3", picture="f" * 64)
    assert pairs(plan, replace(plan, number=2, picture="f" * 63 + "e")) == [(1, 2)]
    assert pairs(plan, replace(plan, number=2, picture="0f" * 32)) == []
    assert pairs(plan, replace(plan, number=2, picture="")) == []


def test_blank_pages_and_pages_without_any_letter_are_no_pairs() -> None:
    assert pairs(sign(1, blank=True), sign(2, blank=True)) == []
    assert pairs(sign(1), sign(2)) == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(categories=["Ll"]), min_size=3, max_size=9), min_size=12, max_size=60), st.randoms())
def test_the_fingerprint_sees_neither_order_nor_number(words: list[str], rng: random.Random) -> None:
    shuffled = [*words, *words[:5]]
    rng.shuffle(shuffled)
    assert fingerprint(shuffled) == fingerprint(words)
    assert len(fingerprint(words)) == 32


def test_fingerprints_of_other_words_are_far_and_of_like_words_near() -> None:
    rng = random.Random(5)
    lexicon = [f"wort{number}" for number in range(4000)]
    other = [apart(fingerprint(rng.sample(lexicon, 60)), fingerprint(rng.sample(lexicon, 60))) for _ in range(60)]
    assert min(other) > NEAR_WORDS and BITS * 0.4 < sum(other) / len(other) < BITS * 0.6
    base = rng.sample(lexicon, 60)
    like = [apart(fingerprint(base), fingerprint([*base[6:], *rng.sample(lexicon, 6)])) for _ in range(40)]
    assert sorted(like)[35] <= NEAR_WORDS
    assert fingerprint(base[:11]) == "", "too few words say nothing"


@pytest.mark.parametrize(("values", "lost"), [
    ({"quality": 0.9}, False), ({"quality": 0.3}, True), ({"quality": 0.3, "script": "handwriting"}, False),
    ({"quality": 0.2, "script": "handwriting"}, True), ({"letters": 0, "quality": 0.5}, True),
    ({"letters": 0, "quality": 0.5, "width_mm": 420.0}, False), ({"letters": 0, "quality": 1.0, "blank": True}, False)])
def test_unreadable(values: dict[str, object], lost: bool) -> None:
    assert unreadable(sign(1, LETTER.format(1), **values)) is lost


@pytest.mark.parametrize(("one", "other"), [("24. September 1965", "19. Dezember 1965"), ("12.10.1997", "04.12.1997")])
def test_the_same_notice_of_another_day_is_another_sheet(one: str, other: str) -> None:
    """Everything else is the same, the title too; a house has two such notices when work stood still."""
    text = ("Rohbauabnahmeschein Bauvorhaben: Neubau einer Garage Bauherr: Katrin Clausen Baugrundstück: Schulstraße 51 Der "
            "Bauzustand wurde am {} festgestellt. Beanstandungen haben sich nicht ergeben. Gemeinde Auenbek")
    first, second = page(text.format(one)), page(text.format(other))
    assert not one_sheet(first, second, 1)
    assert one_sheet(first, page(text.format(one)), 1)
    assert one_sheet(first, replace(page(text.format(one.replace("9", "8", 1))), quality=0.6), 1)  # misread on a bad scan
    assert one_sheet(page(text.format("3. März 1958")), page(text.format("3. Marz 1958")), 1)


def calculation(seed: int) -> str:
    """A page of a calculation: the same few words again and again, and numbers."""
    rng = random.Random(seed)
    return "Statische Berechnung Bauherr Hans Möller " + " ".join(
        f"Pos. 1,{at} Balken {rng.randint(8, 18)}/{rng.randint(16, 28)}, l = {rng.randint(200, 600) / 100} m, M = "
        f"{rng.randint(2, 30)} kNm, erf. W = {rng.randint(100, 900)} cm3" for at in range(1, 14))


def dusty(text: str, words: str, confidence: float) -> Page:
    """A scan on which dust makes words of its own."""
    whole = page(f"{words} {text}")
    noise = set(words.split())
    return replace(whole, words=tuple(replace(one, confidence=confidence) if one.text in noise else one for one in whole.words))


def test_dust_and_misread_units_do_not_make_another_sheet() -> None:
    text = calculation(1)
    again = dusty(text.replace("kNm", "kim").replace("168", "188"), "NEE Kto Sion Ziele", 0.2)
    assert one_sheet(page(text), again, 1) and one_sheet(again, page(text), 1)
    assert not one_sheet(page(text), dusty(text, "Zweite Ausfertigung", 0.9), 1), "words that were read surely are on the paper"


@pytest.mark.parametrize("seed", range(8))
def test_two_pages_of_one_calculation_differ_in_their_numbers_alone(seed: int) -> None:
    one, other = calculation(seed), calculation(seed + 100)
    assert words_of(page(one)) != words_of(page(other))
    assert not one_sheet(page(one), page(other), 1)


def test_a_second_scan_that_lost_short_words_is_still_compared() -> None:
    text = calculation(3)
    assert pairs(sign(1, text), sign(2, text.replace("Pos.", "", 12).replace("erf.", "", 9))) == [(1, 2)]
