"""Every page in exactly one place, whatever the stack looks like; sheets, fixed numbers, learned cuts, what is said of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.sheetcode import SheetCode, encode
from intake.split import BY_COUNT, BY_FILE, BY_SEPARATOR, Cuts, Way, cut, decode, is_separator
from intake.vocabulary import Page, Said, Separator, Stack, Start, Word

PATCH, BATCH = Separator("patch-T", ""), Separator("patch-3", "")
FOREIGN = Separator("qr", "BCD\n002\n1\nSCT")
POSTAGE = Separator("datamatrix", "DEA5")
CUT, IGNORE = Way("mittelau"), Way("mittelau", "ignore")
AUTO = Way("mittelau", boundaries="auto", cut_auto=0.95, cut_ask=0.75)


def ours(begins: str = "document", *, mark: str = "qr", **said: str) -> Separator:
    return Separator(mark, encode(SheetCode("1", begins, **({"tenant": "mittelau"} | said))))  # type: ignore[arg-type]


def page(number: int, *marks: Separator, blank: bool = False) -> Page:
    return Page(number, 210.0, 297.0, blank=blank, separators=marks)


def numbers(cuts: Cuts) -> tuple[tuple[int, ...], ...]:
    return tuple(piece.pages for piece in cuts.documents)


# ---- sheets -----------------------------------------------------------------------------------------------------------


def test_a_file_without_sheets_is_one_document() -> None:
    cuts = cut([page(1), page(2), page(3)], CUT)
    assert numbers(cuts) == ((1, 2, 3),)
    assert (cuts.separators, cuts.blanks, cuts.probability) == ((), (), 1.0)
    assert (cuts.documents[0].cut.by, cuts.documents[0].cut.evidence) == (BY_FILE, ("Anfang der Datei",))


@pytest.mark.parametrize("mark", [PATCH, Separator("patch-2", ""), BATCH, ours(), ours(mark="code128"), ours(mark="datamatrix"),
                                  ours("batch"), ours("file", file="BA/1"), ours(tenant="")])
def test_a_sheet_cuts_and_belongs_to_nobody(mark: Separator) -> None:
    cuts = cut([page(1), page(2, mark), page(3), page(4)], CUT)
    assert numbers(cuts) == ((1,), (3, 4))
    assert cuts.separators == (2,)
    first, second = (piece.cut for piece in cuts.documents)
    assert (first.by, second.by) == (BY_FILE, BY_SEPARATOR)
    assert "Seite 2" in second.evidence[0]
    assert not first.doubtful and not second.doubtful


@pytest.mark.parametrize("mark", [FOREIGN, POSTAGE, Separator("patch-1", ""), Separator("patch-4", ""), Separator("patch-6", ""),
                                  ours(mark="code39"), Separator("code128", "JJD000390007")])
def test_codes_of_others_never_cut(mark: Separator) -> None:
    assert not is_separator(page(1, mark), "mittelau")
    cuts = cut([page(1), page(2, mark), page(3)], CUT)
    assert numbers(cuts) == ((1, 2, 3),)
    assert not cuts.documents[0].cut.doubtful


WRONG = Separator("qr", ours().payload[:-4] + "0000")


@pytest.mark.parametrize(("mark", "word"), [(ours(tenant="auenbek"), "anderen Mandanten"), (WRONG, "Prüfziffern")])
def test_a_sheet_of_another_tenant_or_with_wrong_check_digits_is_a_doubt(mark: Separator, word: str) -> None:
    cuts = cut([page(1), page(2, mark), page(3), page(4, PATCH), page(5)], CUT)
    assert numbers(cuts) == ((1, 2, 3), (5,))
    first, second = (piece.cut for piece in cuts.documents)
    assert first.doubtful and word in first.marks[0] and "Seite 2" in first.marks[0] and not second.doubtful
    beside = cut([page(1), page(2, mark, PATCH), page(3)], CUT)
    assert numbers(beside) == ((1,), (3,)), "a patch code cuts whatever stands beside it"
    assert beside.documents[1].cut.doubtful and not beside.documents[0].cut.doubtful
    assert beside.documents[1].cut.says == ()
    last = cut([page(1), page(2, mark, PATCH)], CUT)
    assert last.documents[0].cut.doubtful, "nothing behind the sheet: the document before it is told"


@pytest.mark.parametrize(("words", "box", "cuts"), [
    (0, (0.2, 0.4, 0.8, 0.5), True), (39, (0.2, 0.45, 0.8, 0.55), True), (60, (0.2, 0.45, 0.8, 0.55), False),
    (120, (0.2, 0.03, 0.8, 0.1), True), (120, (0.03, 0.2, 0.1, 0.8), True), (250, (0.2, 0.03, 0.8, 0.1), False)])
def test_bars_on_a_written_page_do_not_take_it_out(words: int, box: tuple[float, float, float, float], cuts: bool) -> None:
    written = replace(page(2, Separator("patch-T", "", box)), words=(Word("Wort", (0.1, 0.1, 0.2, 0.2), 0.9),) * words)
    found = cut([page(1), written, page(3)], CUT)
    assert (found.separators == (2,)) == cuts
    assert any(piece.cut.doubtful for piece in found.documents) != cuts, "never silently"
    coded = replace(written, separators=(*written.separators, ours()))
    assert cut([page(1), coded, page(3)], CUT).separators == (2,), "a whole code of ours leaves no doubt"


def test_two_different_codes_on_one_sheet_cut_but_say_nothing() -> None:
    cuts = cut([page(1), page(2, ours(file="A/1"), ours(file="A/2")), page(3)], CUT)
    assert numbers(cuts) == ((1,), (3,))
    assert cuts.documents[1].cut.doubtful and cuts.documents[1].cut.says == ()
    assert not cut([page(1, ours(), ours()), page(2)], CUT).documents[0].cut.doubtful, "the same code twice is one code"


def test_a_sheet_with_a_foreign_code_beside_ours_cuts() -> None:
    assert is_separator(page(1, FOREIGN, ours()), "mittelau")


def test_sheets_first_last_and_in_a_row_make_no_empty_documents() -> None:
    cuts = cut([page(1, PATCH), page(2), page(3, PATCH), page(4, PATCH), page(5), page(6, PATCH)], CUT)
    assert numbers(cuts) == ((2,), (5,))
    assert cuts.separators == (1, 3, 4, 6)


def test_blank_pages_are_set_aside_but_not_cutting() -> None:
    cuts = cut([page(1), page(2, blank=True), page(3), page(4, blank=True)], CUT)
    assert numbers(cuts) == ((1, 3),)
    assert cuts.blanks == (2, 4)


def test_the_blank_back_of_a_sheet_is_blank() -> None:
    cuts = cut([page(1), page(2, PATCH), page(3, blank=True), page(4)], CUT)
    assert (numbers(cuts), cuts.separators, cuts.blanks) == (((1,), (4,)), (2,), (3,))


def test_ignored_sheets_are_pages() -> None:
    cuts = cut([page(1, PATCH), page(2, blank=True), page(3, WRONG)], IGNORE)
    assert (numbers(cuts), cuts.separators, cuts.blanks, cuts.documents[0].cut.by) == (((1, 3),), (), (2,), BY_FILE)
    assert not cuts.documents[0].cut.doubtful


@pytest.mark.parametrize("pages", [
    [page(1, blank=True), page(2, blank=True)], [page(1, PATCH)], [page(1, PATCH), page(2, blank=True)]])
@pytest.mark.parametrize("way", [CUT, AUTO, Way(pages_per_document=1)])
def test_a_stack_of_nothing_stays_one_document(pages: list[Page], way: Way) -> None:
    cuts = cut(pages, way, fixed([]))
    assert numbers(cuts) == (tuple(one.number for one in pages),)
    assert (cuts.separators, cuts.blanks) == ((), ())


def test_no_pages_no_documents() -> None:
    assert cut([], CUT).documents == ()


# ---- what sheets say --------------------------------------------------------------------------------------------------


def says(cuts: Cuts) -> list[dict[str, str]]:
    return [{one.field: one.value for one in piece.cut.says} for piece in cuts.documents]


def test_what_a_sheet_says_holds_until_the_next_sheet() -> None:
    cuts = cut([page(1), page(2, ours(file="BA/1", kind="Antrag")), page(3), page(4, PATCH), page(5)], CUT)
    assert [piece.cut.says for piece in cuts.documents] == [
        (), (Said("file", "BA/1", 2), Said("kind", "Antrag", 2)), ()]


def test_a_leitbeleg_holds_across_document_sheets_until_the_next_one() -> None:
    cuts = cut([page(1, ours("file", file="BA/1")), page(2), page(3, PATCH), page(4), page(5, ours(entry="652.30")), page(6),
                page(7, PATCH), page(8), page(9, ours("file", file="BA/2")), page(10)], CUT)
    assert says(cuts) == [{"file": "BA/1"}, {"file": "BA/1"}, {"entry": "652.30"}, {"file": "BA/1"}, {"file": "BA/2"}]


def test_a_batch_ends_everything_and_its_word_holds_within_it() -> None:
    cuts = cut([page(1, ours("batch", entry="100")), page(2), page(3, ours("file", file="BA/1")), page(4), page(5, PATCH),
                page(6), page(7, BATCH), page(8)], CUT)
    assert says(cuts) == [{"entry": "100"}, {"file": "BA/1"}, {"file": "BA/1"}, {}]
    assert "Stapel" in cuts.documents[3].cut.evidence[0]


# ---- a fixed number of pages ------------------------------------------------------------------------------------------


def test_a_fixed_number_counts_scanned_pages_and_starts_again_after_a_sheet() -> None:
    pages = [page(1), page(2, blank=True), page(3), page(4), page(5), page(6, PATCH), page(7), page(8), page(9)]
    cuts = cut(pages, Way(pages_per_document=2, boundaries="auto"))
    assert numbers(cuts) == ((1,), (3, 4), (5,), (7, 8), (9,))
    assert [piece.cut.by for piece in cuts.documents] == [BY_FILE, BY_COUNT, BY_COUNT, BY_SEPARATOR, BY_COUNT]
    assert cuts.blanks == (2,)


# ---- learned boundaries -----------------------------------------------------------------------------------------------


def fixed(probabilities: Sequence[float], firsts: Sequence[int] | None = None):  # type: ignore[no-untyped-def]
    """A boundary that answers these probabilities, whatever the pages."""
    def boundary(pages: Sequence[Page]) -> Stack:
        assert len(pages) == len(probabilities)
        starts = tuple(Start(one, (f"Grund {place}",)) for place, one in enumerate(probabilities))
        begin = firsts if firsts is not None else [place for place, one in enumerate(probabilities) if one > 0.5 or not place]
        return Stack(starts, tuple(begin), 0.5, "model:boundary@7")

    return boundary


def test_sure_cuts_are_taken_without_a_mark() -> None:
    cuts = cut([page(n) for n in range(1, 5)], AUTO, fixed([1.0, 0.01, 0.99, 0.02]))
    assert numbers(cuts) == ((1, 2), (3, 4))
    first, second = (piece.cut for piece in cuts.documents)
    assert (first.by, second.by, second.evidence) == (BY_FILE, "model:boundary@7", ("Grund 2",))
    assert not any(one.doubtful or one.marks for one in (first, second))
    assert [first.probability, second.probability] == pytest.approx([0.99 * 0.99, 0.99 * 0.98], abs=1e-4)
    assert cuts.probability == 0.5


def test_less_sure_cuts_are_taken_and_marked_on_both_sides() -> None:
    cuts = cut([page(n) for n in range(1, 4)], AUTO, fixed([1.0, 0.01, 0.87]))
    assert [piece.cut.doubtful for piece in cuts.documents] == [False, False]
    assert [piece.cut.marks for piece in cuts.documents] == [
        ("Ende nicht ganz sicher (vor Seite 3), 0,87: Grund 2",), ("Schnitt nicht ganz sicher (vor Seite 3), 0,87: Grund 2",)]


def test_doubtful_cuts_are_the_better_guess_and_both_sides_wait_for_a_person() -> None:
    cuts = cut([page(n) for n in range(1, 5)], AUTO, fixed([1.0, 0.62, 0.99, 0.001]))
    assert numbers(cuts) == ((1,), (2,), (3, 4))
    assert [piece.cut.doubtful for piece in cuts.documents] == [True, True, False]
    assert cuts.documents[1].cut.marks == ("Schnitt unsicher (vor Seite 2), 0,62: Grund 1",)


def test_a_place_where_a_cut_may_be_missing_is_doubtful_too() -> None:
    cuts = cut([page(n) for n in range(1, 6)], AUTO, fixed([1.0, 0.001, 0.999, 0.41, 0.001]))
    assert numbers(cuts) == ((1, 2), (3, 4, 5))
    assert [piece.cut.doubtful for piece in cuts.documents] == [False, True]
    assert cuts.documents[1].cut.marks == (
        "Vielleicht beginnt auf Seite 4 (hier Seite 2) ein neues Schriftstück, 0,41; dagegen: Grund 3",)


def test_what_the_decoder_decided_counts_not_the_half() -> None:
    cuts = cut([page(n) for n in range(1, 4)], AUTO, fixed([1.0, 0.45, 0.6], [0, 1]))
    assert numbers(cuts) == ((1,), (2, 3))
    assert "Länge" in cuts.documents[1].cut.evidence[0] and "dagegen: die übliche Länge" in cuts.documents[1].cut.marks[1]
    assert all(piece.cut.doubtful for piece in cuts.documents)


def test_asking_makes_every_learned_cut_doubtful_but_no_sheet() -> None:
    way = Way("mittelau", boundaries="ask")
    cuts = cut([page(1), page(2), page(3, PATCH), page(4)], way, lambda pages: fixed([1.0, 0.999][:len(pages)])(pages))
    assert numbers(cuts) == ((1,), (2,), (4,))
    assert [piece.cut.doubtful for piece in cuts.documents] == [True, True, False]
    assert cuts.probability == 0.25, "two runs were asked for"


def test_the_model_sees_no_sheets_and_no_blank_pages() -> None:
    seen: list[list[int]] = []

    def boundary(pages: Sequence[Page]) -> Stack:
        seen.append([one.number for one in pages])
        return fixed([0.9] * len(pages))(pages)

    cut([page(1), page(2, blank=True), page(3), page(4, PATCH), page(5, blank=True), page(6, PATCH), page(7)], AUTO, boundary)
    assert seen == [[1, 3], [7]]


def test_a_wanted_but_missing_model_is_an_error() -> None:
    with pytest.raises(ValueError):
        cut([page(1)], AUTO)


# ---- conservation -----------------------------------------------------------------------------------------------------

MARKS = {"sheet": (PATCH,), "foreign": (FOREIGN,), "wrong": (WRONG,), "leitbeleg": (ours("file", file="BA/1"),)}
WAYS = st.builds(Way, st.just("mittelau"), st.sampled_from(["cut", "ignore"]), st.integers(0, 3),
                 st.sampled_from(["off", "ask", "auto"]))


@given(st.lists(st.sampled_from(["page", "blank", *MARKS]), max_size=40), WAYS, st.randoms(use_true_random=False))
def test_page_conservation(kinds: list[str], way: Way, chance) -> None:  # type: ignore[no-untyped-def]
    pages = [page(place + 1, *MARKS.get(kind, ()), blank=kind == "blank") for place, kind in enumerate(kinds)]
    cuts = cut(pages, way, lambda given: fixed([chance.random() for _ in given])(given))
    placed = [number for piece in cuts.documents for number in piece.pages] + list(cuts.separators) + list(cuts.blanks)
    assert sorted(placed) == list(range(1, len(kinds) + 1))
    assert all(piece.pages and list(piece.pages) == sorted(piece.pages) for piece in cuts.documents)
    assert all(piece.cut.evidence and 0 <= piece.cut.probability <= 1 for piece in cuts.documents)
    assert all(piece.cut.marks for piece in cuts.documents if piece.cut.doubtful), "who must look is told where"


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
