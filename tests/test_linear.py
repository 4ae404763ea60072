"""Learning to file: from the first example, at once, with reasons, stored without a pickle, probabilities that hold."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse  # type: ignore[import-untyped]

from classifiers import ridge
from classifiers.artefacts import load, save
from classifiers.evaluate.measures import ece
from classifiers.features import HEAD, Hasher, Text, hashed, tokenise
from classifiers.filer import Filer, example_of
from classifiers.linear import HALF_LIFE, LEAST_TRUST, Example, Model, held_out, train, train_measured, trusts
from classifiers.near import signs
from classifiers.plan import PlanRanker
from classifiers.vectors import scale, stacked
from intake.vocabulary import AktenplanEntry, Envelope, Material
from tests.paper import page_of

MATTERS = {
    "hund": "Hundesteuer Hund Steuermarke Halter Anmeldung Rasse Tierheim Leine",
    "baum": "Baumfällung Fällgenehmigung Eiche Stammumfang Wurzel Krone Ersatzpflanzung Gehölz",
    "licht": "Straßenlaterne Beleuchtung Lampe defekt Leuchte dunkel Mast Stromkabel",
    "grab": "Grabstätte Nutzungsrecht Friedhof Urne Beisetzung Ruhezeit Grabstein Angehörige",
}
COMMON = ["wir", "bitten", "um", "Bearbeitung", "des", "Schreibens", "und", "danken", "im", "Voraus", "mit", "freundlichen",
          "Grüßen", "aus", "Mittelau"]


def letters(count: int, seed: int = 0, noise: float = 0.0) -> list[Example]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        label = str(rng.choice(list(MATTERS)))
        shown = str(rng.choice(list(MATTERS))) if rng.random() < noise else label
        words = [*rng.choice(MATTERS[shown].split(), 3), *rng.choice(COMMON, 12)]
        rng.shuffle(words)
        made.append(Example(" ".join(words), label, date(2024, 1, 1) + timedelta(days=number), f"Schreiben {number}"))
    return made


@lru_cache
def learnt() -> Model:
    return train(letters(200))


def right(model: Model, examples: list[Example]) -> float:
    return float(np.mean([found.first == one.label for found, one in zip(model.predict(examples), examples, strict=True)]))


def test_learns_and_says_how_sure() -> None:
    assert right(learnt(), letters(80, 1)) > 0.95
    for found in learnt().predict(letters(20, 2)):
        assert found.probabilities == tuple(sorted(found.probabilities, reverse=True))
        assert sum(found.probabilities) + found.unknown == pytest.approx(1.0, abs=1e-6)
        assert len(found.labels) == len(set(found.labels)) == 4


def test_knows_nothing_at_first_and_a_new_label_from_its_first_example() -> None:
    model = train([])
    assert model.predict([Example("Hund")])[0].labels == ()
    assert model.predict([Example("Hund")])[0].unknown == 1.0
    model = model.learn(Example(MATTERS["hund"], "hund")).learn(Example(MATTERS["grab"], "grab"))
    assert model.predict([Example("Mein Hund braucht eine Steuermarke")])[0].first == "hund"
    assert model.predict([Example("Verlängerung der Grabstätte")])[0].first == "grab"
    grown = learnt().learn(Example("Standgeld Jahrmarkt Schausteller Karussell Festplatz", "markt"))
    assert grown.predict([Example("Platz für mein Karussell auf dem Jahrmarkt, Schausteller Meier")])[0].first == "markt"
    assert right(grown, letters(80, 1)) > 0.95
    assert "markt" not in learnt().labels


def test_a_correction_counts_at_once_and_changes_nothing_else() -> None:
    odd = Example("Laterne am Friedhof ist dunkel, Lampe über der Grabstätte Urne", "grab", title="Licht")
    model = learnt().learn(odd)
    assert model.predict([odd])[0].first == "grab"
    assert right(model, letters(80, 1)) > 0.95
    assert learnt().learn(Example("ohne Entscheidung")) is learnt()


def test_why_names_the_words_of_the_document() -> None:
    document = Example("Wir bitten um Auskunft zur Hundesteuer für unseren Hund", title="Steuermarke")
    words = learnt().why(document, "hund")
    assert {"hundesteuer", "hund", "steuermarke"} & set(words[:3])
    assert set(words) <= set(tokenise(f"{document.title} {document.text}"))
    assert learnt().why(document, "nie gesehen") == ()
    fresh = train([]).learn(Example("Karussell auf dem Jahrmarkt", "markt"))
    assert "karussell" in fresh.why(Example("Ein Karussell"), "markt")


def test_earlier_documents_like_it() -> None:
    model = learnt().learn(Example(MATTERS["hund"], "hund", title="Anmeldung Dackel Waldi"))
    titles = [title for title, _ in model.near(Example(MATTERS["hund"], title="Anmeldung Dackel"), "hund")]
    assert titles[0] == "Anmeldung Dackel Waldi"
    assert model.near(Example(MATTERS["hund"]), "unbekannt") == ()
    assert train(letters(30), least=2).earlier.titles == ()


def test_stored_without_loss(tmp_path: Path) -> None:
    model = learnt().learn(Example("Karussell Jahrmarkt Festplatz", "markt", title="Kirmes"))
    stored = model.to_artefact()
    save(tmp_path / "filing" / "1", stored.arrays, stored.meta, {"name": "filing"})
    again = Model.from_artefact(load(tmp_path / "filing" / "1"))
    asked = letters(40, 3)
    for before, after in zip(model.predict(asked), again.predict(asked), strict=True):
        assert before.first == after.first
        assert before.probability == pytest.approx(after.probability, abs=0.03)
    assert again.near(asked[0], asked[0].label) == model.near(asked[0], asked[0].label)
    assert again.learn(Example("Hund", "hund")).labels == again.labels
    assert not any(array.dtype.hasobject for array in stored.arrays.values())


def test_same_data_same_model() -> None:
    first, second = train(letters(120), seed=4), train(letters(120), seed=4)
    assert first.curve == second.curve
    assert np.array_equal(first.scores(letters(10, 5)), second.scores(letters(10, 5)))


def test_probabilities_hold_on_later_documents() -> None:
    model = train(letters(500, 7, noise=0.3))
    assert model.curve.measured_on == 200
    asked = letters(900, 8, noise=0.3)
    assert ece([one.label for one in asked], model.predict(asked)) < 0.1


def test_what_is_forecast_was_never_learnt_from() -> None:
    known = letters(100)
    for early, late in held_out(known):
        assert max(known[at].date or date.min for at in early) < min(known[at].date or date.max for at in late)
    undated = [replace(one, date=None, group=f"g{at // 4}") for at, one in enumerate(known)]
    for early, late in held_out(undated, 3):
        assert not {undated[at].group for at in early} & {undated[at].group for at in late}
    assert len(train_measured(letters(160))[1].sure) == 64


def test_old_decisions_count_less() -> None:
    weights = trusts([Example("a", "x", date(year, 1, 1)) for year in (2010, 2022, 2024)])
    assert weights[2] == 1.0
    assert weights[1] == pytest.approx(0.5 ** (730 / HALF_LIFE), abs=0.01)
    assert weights[0] == pytest.approx(LEAST_TRUST)
    moved = [*letters(60, 1), *(replace(one, label="neu" if one.label == "hund" else one.label, date=date(2030, 1, 1))
                                for one in letters(60, 2))]
    assert train(moved).predict([Example(MATTERS["hund"])])[0].first == "neu"


def test_the_words_of_an_entry_help() -> None:
    entries = [AktenplanEntry("a", "1", "Wochenmarkt, Marktstände"), AktenplanEntry("b", "2", "Feuerwehr, Brandschutz")]
    few = [Example("Antrag vom Mai wegen Gebühren", "a"), Example("Antrag vom Juni wegen Kosten", "b")]
    asked = [Example("Marktstand für Gemüse"), Example("Übung der freiwilligen Feuerwehr")]
    assert [one.first for one in train(few, entries=entries).predict(asked)] == ["a", "b"]


def test_what_else_is_known_counts() -> None:
    made = [Example("Schreiben", label, features={"mailbox": f"{label}@mittelau.example"}) for label in ("a", "b")] * 5
    model = train(made)
    assert model.predict([Example("Schreiben", features={"mailbox": "B@mittelau.example"})])[0].first == "b"


def test_filer_joins_plan_and_learnt() -> None:
    plan = PlanRanker([AktenplanEntry("9", "9", "Finanzen"), AktenplanEntry("hund", "9.1", "Hundesteuer", parent="9"),
                       AktenplanEntry("licht", "6.1", "Straßenbeleuchtung"), AktenplanEntry("markt", "1.1", "Wochenmarkt")])
    material = Material((page_of("Mein Hund Waldi, bitte um eine Steuermarke"),), Envelope(subject="Hundesteuer"))
    assert Filer(plan)(material) == plan(material)
    found = Filer(plan, learnt(), "model:filing@7")(material)
    assert found[0].value == "hund"
    assert any(place.by == "model:filing@7" and place.page == 1 for place in found[0].evidence)
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)
    assert {one.value for one in Filer(plan, learnt(), allowed={"licht"})(material)} <= {"licht", "hund", "markt", "9"}
    market = Material((page_of("Marktstand auf dem Wochenmarkt"),))
    assert "markt" in {one.value for one in Filer(plan, learnt())(market)}
    assert example_of(material).title == "Hundesteuer"


def test_unsure_of_the_leaf_sure_of_the_branch() -> None:
    leaves = [AktenplanEntry(f"6.{number}", f"6.{number}", f"Bauen {number}", parent="6") for number in range(3)]
    entries = [AktenplanEntry("6", "6", "Bauen"), *leaves]
    rng = np.random.default_rng(0)
    model = train([Example("Bauantrag Carport Grenzbebauung Statik", f"6.{rng.integers(3)}") for _ in range(150)])
    first = Filer(PlanRanker(entries), model)(Material((page_of("Bauantrag für einen Carport"),)))[0]
    assert first.value == "6"
    assert first.confidence > 0.7


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_has_a_vector_of_length_one_or_none(text: str, title: str) -> None:
    hasher = Hasher(bits=12)
    rows = scale(hasher, [Text("Hund")]).rows(hasher, [Text(text, title)])
    length = float(np.sqrt(rows.multiply(rows).sum()))
    assert length == pytest.approx(1.0, abs=1e-4) or (length == 0.0 and not tokenise(text) and not tokenise(title))
    assert signs(rows).shape == (1, 4)


def test_words_as_features() -> None:
    assert tokenise("Per-\nsonen [AMT] Nr. 2023 a") == ["personen", "nr", "0000"]
    assert hashed("hund") == hashed("hund") != hashed("hunde")
    hasher = Hasher()
    rows = hasher.rows([Text("Hund " * 300 + "Katze", "Titel")])
    assert rows[0].nnz == 2
    assert rows[5].nnz == 1, "the front is looked at by itself"
    assert HEAD < 5 * 300


def test_fast_enough() -> None:
    text = " ".join(word for one in letters(40) for word in one.text.split())[:5000]
    model = learnt()
    model.predict([Example(text)])
    begun = time.process_time()
    for _ in range(10):
        model.predict([Example(text, title="Antrag")])
    assert (time.process_time() - begun) / 10 < 0.05
    begun = time.process_time()
    model.learn(Example(text, "hund"))
    assert time.process_time() - begun < 0.3


def test_many_documents_are_solved_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(ridge, "PASSES", 20)
    few = train(letters(150))
    monkeypatch.setattr(ridge, "EXACT", 0)
    many = train(letters(150))
    asked = letters(30, 9)
    assert np.abs(few.scores(asked) - many.scores(asked)).max() < 0.05
    assert few.curve.weights == pytest.approx(many.curve.weights, abs=0.2)


def test_the_heading_says_the_kind() -> None:
    motion, change = "Antrag", "Änderungsantrag"
    made = [Example(f"Stadt Mittelau\n{kind}\n \nder Fraktion vom Mai zum {other}", kind)
            for kind in (motion, change) for other in (change, motion)] * 6
    asked = [Example(f"Stadt Mittelau\n{motion}\nzum {change} vom Juni"), Example(f"{change}\n\nzum {motion} vom Juni")]
    assert [one.first for one in train(made).predict(asked)] == [motion, change]


@given(st.lists(st.integers(0, 4), max_size=6), st.integers(1, 5))
def test_matrices_below_each_other(heights: list[int], columns: int) -> None:
    parts = [sparse.random(height, columns, 0.5, format="csr", dtype=np.float32, random_state=at)
             for at, height in enumerate(heights)]
    whole = np.vstack([np.zeros((0, columns), np.float32), *(part.toarray() for part in parts)])
    found = stacked(list(parts), columns)
    assert found.shape == whole.shape
    assert (found.toarray() == whole).all()
    assert found.indices.dtype == found.indptr.dtype == np.int32


def test_weights_are_the_same_with_few_and_with_all_features_in_use() -> None:
    rows = sparse.random(30, 40, 0.9, format="csr", dtype=np.float32, random_state=1)
    wide = sparse.hstack([rows, sparse.csr_matrix((30, 60), dtype=np.float32)], format="csr")  # most of it unused
    wanted, trust = np.arange(30) % 3, np.ones(30, dtype=np.float32)
    few, bias = ridge.solve(rows, wanted, 3, trust)
    many, other = ridge.solve(wide, wanted, 3, trust)
    assert np.allclose(many.toarray()[:40], few.toarray(), atol=1e-4)
    assert many.shape == (100, 3) and not many[40:].nnz
    assert np.allclose(bias, other, atol=1e-4)
