"""A page as running text: every character leads back to its word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from intake.extract.flow import closed, flow, proposal
from intake.vocabulary import Page, Word
from tests.paper import page_of

TEXTS = st.lists(st.text("abcÄöß7/-.", min_size=1, max_size=8), min_size=1, max_size=30)


def page(texts: list[str]) -> Page:
    """Words in rows of four, two rows a block, with a wide gap after the second word of a row."""
    words = []
    for number, text in enumerate(texts):
        row, column = divmod(number, 4)
        left = column * 0.1 + (0.2 if column > 1 else 0.0)
        words.append(Word(text, (left, row * 0.05, left + 0.09, row * 0.05 + 0.02), 0.9, line=row, block=row // 2))
    return Page(1, 210.0, 297.0, "", tuple(words))


@given(TEXTS)
def test_every_word_is_found_again(texts: list[str]) -> None:
    here = flow(1, page(texts))
    assert [here.text[start:end] for start, end in here.spans] == texts
    for word, (start, end) in zip(here.words, here.spans, strict=True):
        assert here.words_at(start, end) == (word,)
    assert here.words_at(0, len(here.text)) == here.words
    assert here.text.split() == " ".join(texts).split()
    assert [line.text for line in here.lines() if line.text] == [
        here.text[line.start:line.end] for line in here.lines() if line.text]


def test_gaps_lines_and_blocks() -> None:
    assert flow(1, page(list("abcdefghi"))).text == "a b\tc d\ne f\tg h\n\ni"
    assert flow(2, page_of("a\tb\n\nc")).text == "a b\n\nc" and flow(2, page_of("a")).words_at(0, 1) == ()


def test_evidence_covers_a_value_over_two_lines() -> None:
    here = flow(1, page(["Flur-", "x", "y", "z", "stück", "17/4"]))
    found = proposal("parcel", "17/4", 0.9, "rule:parcel@1", here, here.text.index("z"), len(here.text))
    (place,) = found.evidence
    assert place.box == (0.0, 0.0, 0.59, 0.07) and place.page == 1
    assert found.raw == "z stück 17/4" and found.confidence == round(0.9 * (0.6 + 0.4 * 0.9), 3)


def test_line_ends_are_closed_as_they_were_written() -> None:
    assert closed("Erweite-\nrung der Kinder-\nund Jugendhilfe in Rhein-\nHafen  Nord") == (
        "Erweiterung der Kinder- und Jugendhilfe in Rhein-Hafen Nord")
