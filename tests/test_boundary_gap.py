"""Features of gaps: one column a name, and what page numbers, lists and shared words say."""

from __future__ import annotations

import numpy as np

from classifiers import boundary_gap, boundary_segment
from classifiers.boundary_gap import Line, Pairs, Seen, Words, pair
from classifiers.boundary_page import sketch
from intake.vocabulary import Page

WORDS = Words(Line({"protokoll": 3.0}, -1.0), Line({"ende": 2.0}, -1.0), {"gemeinde": 0.1, "rat": 0.2}, 6.0)


def look(*texts: str) -> list[Seen]:
    return [WORDS.see(sketch(Page(at, 210.0, 297.0, text))) for at, text in enumerate(texts, 1)]


def column(pages: list[Seen], name: str) -> list[float]:
    return boundary_gap.features(pages)[:, boundary_gap.NAMES.index(name)].tolist()


def segment(pages: list[Seen], logits: list[float], name: str) -> list[float]:
    return boundary_segment.features(pages, np.array(logits))[:, boundary_segment.NAMES.index(name)].tolist()


def test_shapes() -> None:
    assert len(set(boundary_gap.NAMES)) == len(boundary_gap.NAMES)
    assert len(set(boundary_segment.NAMES)) == len(boundary_segment.NAMES)
    for count in (1, 2, 3, 7):
        pages = look(*["Text der Seite"] * count)
        assert boundary_gap.features(pages).shape == (count - 1, len(boundary_gap.NAMES))
        assert boundary_segment.features(pages, np.zeros(count - 1)).shape == (count - 1, len(boundary_segment.NAMES))


def test_words_of_the_page_models() -> None:
    one, two = look("Protokoll der Sitzung", "weiter\nEnde")
    assert (one.begins, one.ends) == (2.0, -1.0)
    assert (two.begins, two.ends) == (-1.0, 1.0)


def test_the_following_page_number_votes_for_the_page_before_it() -> None:
    pages = look("Antrag", "- 2 -\nText", "Protokoll", "- 2 -\nText", "- 3 -\nText")
    assert column(pages, "number.votes") == [0, 2, 0, 0]  # page 3 begins: the pages numbered 2 and 3 count back to it
    assert column(pages, "number.against")[0] > 0 and column(pages, "number.against")[2:] == [2, 1]
    assert column(pages, "number.next") == [0, 0, 0, 1]


def test_lists_that_run_on() -> None:
    pages = look("§ 1 Name\n§ 2 Zweck", "§ 3 Beiträge", "§ 1 Geltung")
    assert column(pages, "list.next") == [1, 0]
    assert column(pages, "list.again") == [0, 1]


def test_rare_words_bind_more_than_common_ones() -> None:
    same, other, common = look("Dreische Akazienstraße Schwimmbad", "Akazienstraße Haltestelle", "Gemeinde Rat Gemeinde")
    council, = look("Gemeinde Rat Schlussbericht")
    assert pair(same, other)[0] > pair(common, council)[0] > 0
    assert pair(same, common)[0] == 0.0
    assert pair(same, other) == pair(other, same)


def test_running_headers_are_found_with_errors() -> None:
    head = "Haushaltsplan der Gemeinde Nordstadt Seite"
    one, two, three = look(f"{head} 12\nA", f"{head.replace('m', 'rn', 1)} 13\nB", "Ganz andere Zeile oben\nC")
    assert pair(one, two)[5] > 3 and pair(one, three)[5] == 0


def test_the_second_look_compares_with_the_whole_document_before() -> None:
    pages = look("Ratssitzung vom 28.11.2017 Haltestelle", "- 2 -\nOhne Bezug", "Anlage zur Sitzung vom 28.11.2017", "Plan")
    assert segment(pages, [-3, -1, -3], "dates") == [-1, 1, -1]
    assert segment(pages, [-3, -1, -3], "left_pages") == [1, 2, 3]
    assert segment(pages, [-3, 4, -3], "left_pages") == [1, 2, 1]
    assert segment(pages, [-3, 4, -3], "number_fits") == [1, 0, 0]


def test_pairs_are_compared_once() -> None:
    compare = Pairs()
    pages = look("A", "B", "C")
    boundary_gap.features(pages, compare)
    assert len(compare.known) == 3
