"""Words for comparing: folds, numbers printed together, stems, misreadings; and how a document is scored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import terms
from intake.ranking import COMMON, Wanted, held, looked_for, score, share, weight


@pytest.mark.parametrize(("text", "found"), [
    ("Die Straße", ["strasse"]),
    ("MÜLLER Café Škoda", ["mueller", "cafe", "skoda"]),
    ("Bau-Genehmigung", ["bau", "genehmigung", "baugenehmigung"]),
    ("652.30", ["652", "652_30", "30"]),
    ("03.04.2026", ["3", "3_4", "3_4_2026", "4", "4_2026", "2026"]),
    ("Nr. 0017, a 7", ["nr", "17", "7"]),
    ("ﬁnden ſo", ["finden"]),
    ("12a", ["12a"]),
    ("", []),
])
def test_terms_in(text: str, found: list[str]) -> None:
    assert list(terms.terms_in(text)) == found


@given(st.text(max_size=80))
def test_terms_hold_no_sign_that_a_database_would_read(text: str) -> None:
    for term in (*terms.terms_in(text), *terms.run_terms(terms.REFERENCE, text), *terms.field_terms(terms.TITLE, text)):
        assert term and all(char.isalnum() or char == "_" for char in term) and len(term) <= 300


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert terms.folded(terms.folded(text)) == terms.folded(text)


def test_an_aktenzeichen_is_found_by_any_run_of_its_parts() -> None:
    held_terms = terms.run_terms(terms.REFERENCE, "BA/652.30-0001/2026")
    for part in ("BA/652.30-0001/2026", "ba 652.30", "652.30", "0001/2026", "2026"):
        assert terms.whole_run(terms.REFERENCE, part) in held_terms, part
    assert terms.whole_run(terms.REFERENCE, "652.3") not in held_terms
    assert terms.whole_run(terms.REFERENCE, "BA/2026") not in held_terms
    assert terms.whole_run(terms.REFERENCE, " / ") is None


def test_inflected_words_have_one_stem() -> None:
    for words in (("haus", "haeuser", "hauses"), ("vertrag", "vertraege", "vertrags"), ("genehmigung", "genehmigungen")):
        assert len({terms.stem(word) for word in words}) == 1, words


@pytest.mark.parametrize(("read", "meant"), [
    ("gemeinbe", "gemeinde"), ("gerneinde", "gemeinde"), ("gemeide", "gemeinde"), ("gemeinnde", "gemeinde"),
    ("gemiende", "gemeinde"), ("strabe", "strasse"),
     ("clarmstadt", "darmstadt"), ("gemeind6", "gemeinde"), ("buerger", "burger")])
def test_misreadings_lead_back(read: str, meant: str) -> None:
    assert read in terms.misreadings(meant) or meant in terms.misreadings(read)


def test_short_words_have_no_misreadings() -> None:
    assert terms.misreadings("rat") == set()
    assert "gemeinde" not in terms.misreadings("gemeinde")


def test_a_bag_counts_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = terms.bag(["Zaun Zaun Hecke", "Zaun"], ["t_zaun"])
    assert (found.terms, found.counts, found.words) == (("t_zaun", "zaun", "hecke"), "131", 4)
    assert terms.bag(["Zaun " * 30]).counts == "9"
    monkeypatch.setattr(terms, "MOST", 2)
    assert terms.bag(["eins zwei drei"]).terms == ("eins", "zwei")


def test_a_phrase_stands_word_by_word() -> None:
    words = terms.phrase_words("im Namen der Gemeinde")
    assert terms.follows(words, "Bescheid im\nNamen  der Gemeinde.")
    assert not terms.follows(words, "im Namen der Gemeinden")
    assert not terms.follows(words, "im Namen unserer Gemeinde")


def test_rare_words_weigh_more() -> None:
    assert weight(1) > weight(10) > weight(COMMON) == weight(10 * COMMON) > 0


def test_score() -> None:
    zaun, hecke = Wanted("Zaun", {"zaun": 1.0, "zauns": 0.95}, 3.0), Wanted("Hecke", {"hecke": 1.0}, 1.0)
    asked = looked_for([zaun, hecke])
    both = score([zaun, hecke], held("am hecke zaun zaunkoenig", "1121", asked), 100)
    one = score([zaun, hecke], held("am zaun", "12", asked), 100)
    titled = score([zaun, hecke], held("t_zaun zaun", "12", asked), 100)
    assert held("am hecke zaun zaunkoenig", "1121", asked) == {"hecke": 1, "zaun": 2}
    assert both[0] > one[0] and both[1] == () and one[1] == ("Hecke",)
    assert titled[0] > one[0]
    assert score([zaun], held("zaun", "1", asked), 4000) < score([zaun], held("zaun", "1", asked), 40)
    assert score([zaun], held("zauns", "1", asked), 40) < score([zaun], held("zaun", "1", asked), 40)
    assert share([zaun, hecke], ["Hecke"]) == 0.75
