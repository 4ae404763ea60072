"""Every page in exactly one place, whatever the stack looks like."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.split import BY_FILE, BY_SEPARATOR, cut, decode, is_separator
from intake.vocabulary import Page, Separator

PATCH = Separator("patch-T", "")
OURS = Separator("qr", "MI1|T=D|AP=031.2|ID=1|C=0000")
FOREIGN = Separator("qr", "BCD\n002\n1\nSCT")
POSTAGE = Separator("datamatrix", "DEA5")


def page(number: int, *marks: Separator, blank: bool = False) -> Page:
    return Page(number, 210.0, 297.0, blank=blank, separators=marks)


def test_a_file_without_sheets_is_one_document() -> None:
    cuts = cut([page(1), page(2), page(3)], "cut")
    assert cuts.documents == ((1, 2, 3),)
    assert (cuts.separators, cuts.blanks, cuts.by) == ((), (), BY_FILE)


@pytest.mark.parametrize("mark", [PATCH, Separator("patch-2", ""), Separator("patch-3", ""), OURS])
def test_a_sheet_cuts_and_belongs_to_nobody(mark: Separator) -> None:
    cuts = cut([page(1), page(2, mark), page(3), page(4)], "cut")
    assert cuts.documents == ((1,), (3, 4))
    assert cuts.separators == (2,)
    assert cuts.by == BY_SEPARATOR


@pytest.mark.parametrize("mark", [FOREIGN, POSTAGE, Separator("patch-1", ""), Separator("patch-4", ""), Separator("patch-6", ""),
                                  Separator("code128", "MI1|T=D")])
def test_codes_of_others_never_cut(mark: Separator) -> None:
    assert not is_separator(page(1, mark))
    assert cut([page(1), page(2, mark), page(3)], "cut").documents == ((1, 2, 3),)


def test_a_sheet_with_a_foreign_code_beside_ours_cuts() -> None:
    assert is_separator(page(1, FOREIGN, OURS))


def test_sheets_first_last_and_in_a_row_make_no_empty_documents() -> None:
    cuts = cut([page(1, PATCH), page(2), page(3, PATCH), page(4, PATCH), page(5), page(6, PATCH)], "cut")
    assert cuts.documents == ((2,), (5,))
    assert cuts.separators == (1, 3, 4, 6)


def test_blank_pages_are_set_aside_but_not_cutting() -> None:
    cuts = cut([page(1), page(2, blank=True), page(3), page(4, blank=True)], "cut")
    assert cuts.documents == ((1, 3),)
    assert cuts.blanks == (2, 4)


def test_the_blank_back_of_a_sheet_is_blank() -> None:
    cuts = cut([page(1), page(2, PATCH), page(3, blank=True), page(4)], "cut")
    assert (cuts.documents, cuts.separators, cuts.blanks) == (((1,), (4,)), (2,), (3,))


def test_ignored_sheets_are_pages() -> None:
    cuts = cut([page(1, PATCH), page(2, blank=True), page(3, OURS)], "ignore")
    assert (cuts.documents, cuts.separators, cuts.blanks, cuts.by) == (((1, 3),), (), (2,), BY_FILE)


@pytest.mark.parametrize("pages", [
    [page(1, blank=True), page(2, blank=True)], [page(1, PATCH)], [page(1, PATCH), page(2, blank=True)]])
def test_a_stack_of_nothing_stays_one_document(pages: list[Page]) -> None:
    cuts = cut(pages, "cut")
    assert cuts.documents == (tuple(one.number for one in pages),)
    assert (cuts.separators, cuts.blanks) == ((), ())


def test_no_pages_no_documents() -> None:
    assert cut([], "cut").documents == ()


@given(st.lists(st.sampled_from(["page", "blank", "sheet", "foreign"]), max_size=40), st.sampled_from(["cut", "ignore"]))
def test_page_conservation(kinds: list[str], mode: str) -> None:
    marks = {"sheet": (PATCH,), "foreign": (FOREIGN,)}
    pages = [page(place + 1, *marks.get(kind, ()), blank=kind == "blank") for place, kind in enumerate(kinds)]
    cuts = cut(pages, mode)  # type: ignore[arg-type]
    placed = [number for document in cuts.documents for number in document] + list(cuts.separators) + list(cuts.blanks)
    assert sorted(placed) == list(range(1, len(kinds) + 1))
    assert all(document for document in cuts.documents)
    assert all(list(document) == sorted(document) for document in cuts.documents)


# ---- decoding ---------------------------------------------------------------------------------------------------------


def _score(firsts: tuple[int, ...], probabilities: list[float], prior: list[float]) -> float:
    bounds = [*firsts, len(probabilities)]
    lengths = [end - start for start, end in itertools.pairwise(bounds)]
    begins = sum(math.log(p if place in firsts else 1.0 - p) for place, p in enumerate(probabilities) if place)
    return begins + sum(prior[min(length, len(prior) - 1)] for length in lengths)


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8), st.lists(st.floats(-8.0, 0.0), min_size=2, max_size=6))
def test_decoding_finds_the_best_of_all_cuts(probabilities: list[float], prior: list[float]) -> None:
    inner = range(1, len(probabilities))
    every = [(0, *chosen) for size in range(len(probabilities)) for chosen in itertools.combinations(inner, size)]
    found = decode(probabilities, prior)
    assert found[0] == 0
    assert _score(found, probabilities, prior) == pytest.approx(max(_score(one, probabilities, prior) for one in every))


def test_decoding_nothing_and_certainties() -> None:
    assert decode([], [0.0, 0.0]) == ()
    assert decode([0.0, 1.0, 0.0, 1.0], [0.0, 0.0]) == (0, 1, 3)
    assert decode([0.2, 0.6, 0.6], [0.0, -9.0, -9.0, -0.1]) == (0,), "a prior against short documents outweighs mild hints"
