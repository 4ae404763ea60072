"""The piece of text under a hit, and the words that are marked on the page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from intake.passages import best_page, boxes, snippet
from intake.vocabulary import Word

WANTED = {"zaun": (0, 3.0), "zaeune": (0, 2.5), "hecke": (1, 1.0), "17_4": (2, 2.0)}
LONG = "Vorn steht nichts davon. " * 30 + "Der Zaun am Flurstück 17/4 ist morsch. " + "Hinten auch nichts. " * 30


def test_the_page_with_the_most_words() -> None:
    assert best_page(["Hecke Hecke Hecke", "Zaun", "Zaun und Hecke"], WANTED) == 3
    assert best_page(["Zaun Zäune", "Zaun Zäune"], WANTED) == 1
    assert best_page(["nichts"], WANTED) == best_page([], WANTED) == best_page(["Zaun"], {}) == 0


def test_a_piece_around_the_words() -> None:
    runs = snippet(LONG, WANTED)
    assert [text for text, hit in runs if hit] == ["Zaun", "17/4"]
    assert runs[0] == ("… ", False) and runs[-1] == (" …", False)
    assert len("".join(text for text, _ in runs)) < 240


def test_without_a_word_the_beginning() -> None:
    assert snippet("Kurzer Text", {}) == (("Kurzer Text", False),)
    assert snippet("", WANTED) == ()


@given(st.text(alphabet="Zaun Hecke17/4\n-xy", max_size=600), st.integers(20, 300))
def test_a_piece_is_of_the_text(text: str, length: int) -> None:
    runs = snippet(text, WANTED, length)
    shown = "".join(run for run, _ in runs).removeprefix("… ").removesuffix(" …")
    assert shown in " ".join(text.split())
    assert all(run for run, _ in runs)


def word(text: str, number: int, line: int = 0) -> Word:
    return Word(text, (0.1 * number, 0.0, 0.1 * number + 0.05, 0.1), 1.0, line=line)


def test_boxes_of_words_broken_words_and_phrases() -> None:
    words = [word("Der", 0), word("Zaun,", 1), word("He-", 2), word("cke", 3, 1), word("am", 4, 1), word("Weg", 5, 1)]
    assert boxes(words, WANTED) == tuple(words[place].box for place in (1, 2, 3))
    assert boxes(words, {}, [("am", "weg")]) == tuple(words[place].box for place in (4, 5))
    assert boxes(words, {}, [("weg", "am")]) == ()
