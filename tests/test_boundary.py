"""The boundary model as a whole: learnt from small papers, stored, loaded, asked; and the reasons it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from classifiers import boundary_fit, boundary_learn
from classifiers.boundary import Model, load, probability, save
from classifiers.boundary_fit import fit
from classifiers.boundary_learn import LEAST_DOCUMENTS, learn
from classifiers.boundary_page import sketch
from classifiers.boundary_reasons import paper
from classifiers.boundary_trees import restore
from classifiers.evaluate.boundary import SHIPPED, measure, stacked
from intake.errors import ConfigError, InputError
from intake.vocabulary import Page, Word
from tests.boundary_help import examples

A4 = Page(1, 210.0, 297.0, "Text")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """A tenth of the stacks is enough for papers of four kinds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundary_learn, "STACKS", 20)
        patch.setattr(boundary_learn, "BLOCKS", 3)
        patch.setattr(boundary_fit, "ROUNDS", 25)
        yield


@pytest.fixture(scope="module")
def model() -> Model:
    return learn([examples(60)])[0]


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load(SHIPPED)


def test_new_papers_of_the_same_town_are_cut(model: Model) -> None:
    figures = measure(model, examples(40, first=500), 20, 0.0, seed=1)
    assert figures["page"]["f1"] > 0.93
    assert figures["cpu_ms_per_page"] < 10


def test_learning_twice_gives_the_same(model: Model) -> None:
    again = learn([examples(60)])[0]
    pages, _ = stacked(examples(6, first=700))
    assert again(pages) == model(pages)


def test_stored_and_loaded_it_answers_the_same(model: Model, tmp_path: Path) -> None:
    save(tmp_path / "1", model, {"name": "boundary"})
    pages, _ = stacked(examples(6, first=700))
    before, after = model(pages), load(tmp_path / "1")(pages)
    assert after.firsts == before.firsts
    assert after.probability == pytest.approx(before.probability, abs=1e-3)
    assert [one.evidence for one in after.starts] == [one.evidence for one in before.starts]


def test_no_rare_term_is_kept() -> None:
    documents = examples(40)
    page = documents[7].pages[0]
    secret = replace(documents[7], pages=(replace(page, text=f"Geheimrat Xylander\n{page.text}"),))
    words = learn([[*documents[:7], secret, *documents[8:]]])[0].words
    texts = [[sketch(page) for page in one.pages] for one in documents]
    kept = {*words.begins.weights, *words.ends.weights, *words.rarity}
    assert not [term for term in kept if "xylander" in term or "geheimrat" in term]
    for word in list(words.rarity)[:50]:
        assert sum(any(word in page.words for page in one) for one in texts) >= LEAST_DOCUMENTS


def test_a_town_s_own_papers_come_on_top() -> None:
    """Lists without a heading, which the first papers never begin with, are cut once the town has shown them."""
    own = [replace(one, hash=f"own{one.hash}", pages=tuple(
        replace(page, text=page.text.replace("Protokoll", "Zettelkasten").replace("Sitzung", "Runde")) for page in one.pages))
        for one in examples(20, first=900)]
    taught = learn([examples(40), own])[0]
    assert any("zettelkasten" in term for term in taught.words.begins.weights)


def test_too_little_to_learn_from() -> None:
    with pytest.raises(InputError, match="mindestens 12"):
        learn([examples(5)])


@pytest.mark.parametrize("pages", [[], [A4], [replace(A4, text="")], [replace(A4, text="", blank=True)] * 3])
def test_hardly_any_pages(model: Model, pages: list[Page]) -> None:
    stack = model(pages)
    assert len(stack.starts) == len(pages)
    assert stack.firsts[:1] == ((0,) if pages else ())
    assert 0.0 <= stack.probability <= 1.0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=12))
def test_any_stack_gets_an_answer(model: Model, texts: list[str]) -> None:
    stack = model([Page(at, 210.0, 297.0, text) for at, text in enumerate(texts, 1)])
    assert stack.firsts[0] == 0 and list(stack.firsts) == sorted(set(stack.firsts)) and stack.firsts[-1] < len(texts)
    assert all(0.0 <= one.probability <= 1.0 and one.evidence and all(one.evidence) for one in stack.starts)
    assert stack.starts[0].probability == 1.0


def test_a_stack_is_only_as_sure_as_its_weakest_cut(model: Model) -> None:
    plain, _ = stacked(examples(5, first=800))
    riddle = [replace(page, text="\n".join(page.text.splitlines()[3:5])) if at % 3 == 1 else page
              for at, page in enumerate(plain)]
    assert model(riddle).probability < model(plain).probability


# ---- reasons ----------------------------------------------------------------------------------------------------------


def why(model: Model, before: str, after: str, later: str = "") -> tuple[str, ...]:
    pages = [Page(at, 210.0, 297.0, text) for at, text in enumerate((before, after, later), 1)]
    return model(pages).starts[1].evidence


LETTER = "\n".join(("Nordnetz GmbH", "Energieweg 1", "24998 Mittelau", "Telefon 04699 1", "Ihr Zeichen: 5",
                    "E-Mail info@nordnetz.example", "Sehr geehrte Damen und Herren,", "die Leitung wird verlegt."))


def test_reasons_for_a_cut(model: Model) -> None:
    minutes = "Protokoll\nEnde der Sitzung: 20:15 Uhr\n(Bürgermeister) (Protokollführer)"
    found = why(model, minutes, LETTER, "- 2 -\nWeiter im Text.")
    assert found[0] == "die nächste Seite trägt die Seitenzahl 2"
    assert "neuer Briefkopf" in found
    assert "Seite 1 von 3" in why(model, "Letzte Zeile.\nSeite 2 von 2", f"{LETTER}\nSeite 1 von 3")


def test_reasons_against_a_cut(model: Model) -> None:
    found = why(model, "- 2 -\nDie Baugebiete der Ge-", "- 3 -\nmeinde sind nun verkauft.")
    assert found[:2] == ("Seitenzahl läuft weiter (3 nach 2)", "ein Satz läuft von der Seite davor weiter")


def words(line: int, text: str, top: float, height: float) -> list[Word]:
    return [Word(one, (0.1 + 0.1 * at, top, 0.18 + 0.1 * at, top + height), 0.9, line=line)
            for at, one in enumerate(text.split())]


def test_the_paper_speaks_where_it_is_known() -> None:
    assert paper(A4, A4) == (0.0, ())
    assert paper(A4, replace(A4, width_mm=297.0, height_mm=210.0)) == (0.0, ())  # turned, not another size
    shift, said = paper(A4, replace(A4, width_mm=297.0, height_mm=420.0))
    assert shift > 1 and said == ("anderes Papierformat als die Seite davor",)
    assert paper(A4, replace(A4, width_mm=216.0, height_mm=279.0))[0] == 0.0  # trimmed by the scanner
    assert paper(replace(A4, script="print"), replace(A4, script="typewriter"))[1] == ("andere Schriftart als die Seite davor",)
    assert paper(replace(A4, script="print"), replace(A4, script="none"))[0] == 0.0


def test_a_large_title_is_seen_by_its_height() -> None:
    body = [word for line in range(1, 9) for word in words(line, "die Zeile des Textes", 0.3 + 0.03 * line, 0.012)]
    titled = replace(A4, words=tuple(words(0, "Satzung über Gebühren", 0.1, 0.025) + body))
    assert paper(A4, titled)[1] == ("große Überschrift „Satzung über Gebühren“",)
    assert paper(A4, replace(A4, words=tuple(words(0, "Satzung über Gebühren", 0.1, 0.013) + body)))[1] == ()
    assert paper(A4, replace(A4, words=tuple(words(0, "Satzung über Gebühren", 0.8, 0.025) + body)))[1] == ()


# ---- trees and files ----------------------------------------------------------------------------------------------------


def test_stored_trees_say_what_the_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[HistGradientBoostingClassifier] = []

    class Kept(HistGradientBoostingClassifier):  # type: ignore[misc]
        def fit(self, *arguments: object, **named: object) -> Kept:
            kept.append(self)
            return super().fit(*arguments, **named)  # type: ignore[no-any-return]

    monkeypatch.setattr(boundary_fit, "HistGradientBoostingClassifier", Kept)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 7))
    targets = (rows[:, 0] * rows[:, 1] + rows[:, 2] > 0).astype(np.int64)
    scorer = fit(rows, targets, seed=0)
    assert scorer.trees(rows) == pytest.approx(kept[0].decision_function(rows), abs=1e-9)
    assert ((scorer(rows) > 0) == targets).mean() > 0.8
    assert restore(scorer.arrays("x"), "x")(rows) == pytest.approx(scorer(rows))
    assert scorer(rows[:0]).shape == (0,)


def test_probabilities_do_not_overflow() -> None:
    assert probability(-1e9) >= 0.0 and probability(1e9) <= 1.0 and probability(0.0) == 0.5


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    from classifiers import artefacts

    artefacts.save(tmp_path / "a", {"x": np.zeros(1)}, {"kind": "filing"}, {"name": "filing"})
    with pytest.raises(ConfigError, match="kein Trennmodell"):
        load(tmp_path / "a")
    artefacts.save(tmp_path / "b", {"x": np.zeros(1)}, {"kind": "boundary", "format": 1}, {"name": "boundary"})
    with pytest.raises(ConfigError, match="fehlen Teile"):
        load(tmp_path / "b")


def test_the_shipped_model_cuts_a_morning_s_post(shipped: Model) -> None:
    minutes = ("P r o t o k o l l\nder Sitzung des Ortsrates am Montag\nBeginn der Sitzung: 19:00 Uhr\nEs sind anwesend:\nHerr A",
               "- 2 -\nZu Punkt 1: Eröffnung\nDer Vorsitzende eröffnet die Sitzung.\nEnde der Sitzung: 20:00 Uhr")
    texts = [LETTER, *minutes, LETTER.replace("Nordnetz", "Südbau").replace("Leitung", "Rechnung")]
    stack = shipped([Page(at, 210.0, 297.0, text) for at, text in enumerate(texts, 1)])
    assert stack.firsts == (0, 1, 3)


def test_the_shipped_model_is_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 20_000_000
