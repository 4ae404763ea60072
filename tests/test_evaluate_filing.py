"""Measuring filing: figures that are right, thresholds that keep their word, commands as documented."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import calibrate
from classifiers.artefacts import load
from classifiers.calibrate import Curve
from classifiers.evaluate.__main__ import main as evaluate
from classifiers.evaluate.fewshot import draw
from classifiers.evaluate.measures import Fields, accuracy, ece, ece_by_chance, macro_f1, margin, oracle, threshold
from classifiers.evaluate.plan import read_entries
from classifiers.linear import Model, Ranked
from classifiers.train.__main__ import main as learn
from intake.errors import ConfigError
from tests.test_linear import letters


def written(path: Path, count: int, seed: int) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for one in letters(count, seed, noise=0.1):
            assert one.date
            day = one.date.replace(year=2022 + seed, day=min(28, one.date.day))
            file.write(json.dumps({"head": one.title, "body": one.text, "office": one.label, "day": day.isoformat(),
                                   "way": "post" if len(one.text) % 2 else "mail"}) + "\n")
    return path


def test_filing_as_documented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test, out = written(tmp_path / "a.jsonl.gz", 180, 0), written(tmp_path / "b.jsonl.gz", 60, 1), tmp_path / "out.json"
    options = ["--text", "head,body", "--label", "office", "--date", "day", "--json", str(out)]
    assert evaluate(["filing", "--train", str(train), "--test", str(test), "--max-error", "0.2", *options]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert {"accuracy", "macro_f1", "top3", "ece", "budget", "cpu_s", "peak_mib", "predictions"} <= set(found)
    assert {"max_error", "coverage", "error"} <= set(found["budget"])
    assert {"train", "predict"} <= set(found["cpu_s"])
    assert len(found["predictions"]) == 60
    assert set(found["predictions"][0]) == {"label", "predicted", "probability", "auto"}
    hits = [one["label"] == one["predicted"] for one in found["predictions"]]
    assert found["accuracy"] == pytest.approx(np.mean(hits))
    auto = [hit for hit, one in zip(hits, found["predictions"], strict=True) if one["auto"]]
    assert found["budget"]["coverage"] == pytest.approx(len(auto) / 60)
    assert found["budget"]["error"] == pytest.approx(1 - np.mean(auto) if auto else 0.0)
    assert evaluate(["filing", "--train", str(train), "--test", str(test), "--where", "way=post", *options]) == 0
    assert 0 < len(json.loads(out.read_text(encoding="utf-8"))["predictions"]) < 60
    assert evaluate(["filing", "--train", str(train), "--test", str(test), "--where", "way=fax", *options]) == 4
    assert "--where" in capsys.readouterr().err
    assert evaluate(["filing", "--train", str(train), "--text", "nothing", "--label", "office"]) == 4
    assert evaluate(["filing", "--train", str(tmp_path / "absent"), "--text", "body", "--label", "office"]) == 4


def test_one_file_by_years(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = tmp_path / "both.jsonl.gz"
    both.write_bytes(written(tmp_path / "a.jsonl.gz", 90, 0).read_bytes() + written(tmp_path / "b.jsonl.gz", 40, 1).read_bytes())
    options = ["--train", str(both), "--train-before", "2023", "--test-year", "2023", "--text", "head,body", "--label", "office",
               "--date", "day"]
    assert evaluate(["filing", *options]) == 0
    assert json.loads(capsys.readouterr().out)["documents"]["test"] == 40
    assert evaluate(["fewshot", "--per-class", "2", "--draws", "1", *options]) == 0
    assert 0.3 < json.loads(capsys.readouterr().out)["2"]["accuracy"] <= 1


def test_plan_as_documented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text("nummer,titel,beschreibung\n1,Ordnung,\n1.1,Hundesteuer,Anmeldung von Hunden\n1.2,Friedhof,Grabstätten\n",
                    encoding="utf-8")
    test = tmp_path / "test.jsonl"
    test.write_text("".join(json.dumps({"t": text, "l": label}) + "\n" for text, label in (
        ("Mein Hund", "1.1"), ("Grabstätte der Eltern", "1.2"), ("Sonstiges", "9"))), encoding="utf-8")
    assert evaluate(["plan", "--plan", str(plan), "--test", str(test), "--text", "t", "--label", "l"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["top1"] == 1.0
    assert (found["documents"], found["without_entry"], found["entries"]) == (2, 1, 2)
    assert [one.parent for one in read_entries(plan)] == [None, "1", "1"]
    plan.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="Kennzeichen"):
        read_entries(plan)


def test_a_model_from_a_file_keeps_nothing_of_a_single_document(tmp_path: Path) -> None:
    train = written(tmp_path / "a.jsonl.gz", 120, 0)
    folder = tmp_path / "models" / "filing" / "1"
    options = ["filing", "--train", str(train), "--text", "head,body", "--label", "office", "--date", "day", "--out", str(folder)]
    assert learn(options) == 0
    stored = load(folder)
    assert (stored.card["name"], stored.card["data"]["documents"], stored.card["data"]["labels"]) == ("filing", 120, 4)
    assert stored.card["measures"]["unseen_documents"] == 0 or stored.card["measures"]["unseen_accuracy"] > 0.5
    model = Model.from_artefact(stored)
    assert model.earlier.titles == ()
    assert not set(np.unique(stored.arrays["buckets"])) & set(np.flatnonzero(model.scale.rarity == 0))
    assert learn(options) == 4, "a model is never written over"


def ranked(label: str, sure: float) -> Ranked:
    return Ranked((label, "other"), (sure, 1 - sure), 0.0)


def test_figures() -> None:
    found = [ranked("a", 0.9), ranked("a", 0.7), ranked("b", 0.6), ranked("a", 0.5)]
    truth = ["a", "b", "b", "other"]
    assert accuracy(truth, found) == 0.5
    assert accuracy(truth, found, 2) == 0.75
    assert macro_f1(truth, found) == pytest.approx((0.5 + 2 / 3 + 0) / 3)
    assert ece(["a"] * 10, [ranked("a", 0.8)] * 10) == pytest.approx(0.2)


def test_the_error_of_true_probabilities_shrinks_with_the_documents() -> None:
    few, many = ([ranked("a", 0.1 + 0.8 * at / count) for at in range(count)] for count in (150, 15_000))
    assert ece_by_chance(few) > 5 * ece_by_chance(many) > 0
    assert ece_by_chance([ranked("a", 1.0)] * 100) == 0.0
    assert oracle([0.9, 0.8, 0.7, 0.6], [True, True, False, True], 0.25) == 1.0
    assert oracle([0.9, 0.8], [False, True], 0.05) == 0.0
    assert 0.05 + margin(0.05, 100) == pytest.approx(0.09)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=200), st.sampled_from([0.01, 0.05, 0.2]))
def test_a_threshold_keeps_the_budget_on_what_it_was_taken_from(seen: list[tuple[float, bool]], most: float) -> None:
    limit = threshold([one[0] for one in seen], [one[1] for one in seen], most)
    above = [right for sure, right in seen if sure >= limit]
    assert sum(not right for right in above) <= most * len(above)
    assert limit == 2.0 or len(above) >= 2.2 / most, "too few to promise anything"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 20), st.integers(0, 1000))
def test_probabilities_are_probabilities(labels: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(-0.5, 0.7, (rows, labels))
    sure, unknown = Curve().all(scores, rng.integers(1, 50, labels).astype(float))
    assert np.allclose(sure.sum(axis=1) + unknown, 1.0)
    assert (sure >= 0).all()
    assert (unknown >= -1e-12).all()
    assert (sure.argmax(axis=1) == scores.argmax(axis=1)).all()


def test_the_curve_is_fitted_only_with_enough() -> None:
    rng = np.random.default_rng(1)
    shown = calibrate.signs(rng.normal(0, 1, (500, 5)), np.full(5, 20.0))
    right = rng.random(500) < 0.3 + 0.3 * np.clip(shown[:, 0], 0, 2)
    curve = calibrate.fit(shown, right, np.ones(500, dtype=bool))
    assert curve.measured_on == 500
    assert abs(float(curve.of(shown).mean() - right.mean())) < 0.02
    assert Curve.from_meta(json.loads(json.dumps(curve.as_meta()))) == curve
    assert calibrate.fit(shown[:50], right[:50], np.ones(50, dtype=bool)) == Curve()


def test_draws() -> None:
    few = draw(letters(100), 3, 1)
    assert len(few) == 12
    assert few == draw(letters(100), 3, 1) != draw(letters(100), 3, 2)
    row = {"a": "Titel", "b": "Text", "l": "x", "d": "2024-02-30"}
    one = Fields(("a", "b"), "l", "d").example(row)
    assert (one.title, one.text, one.label, one.date) == ("Titel", "Text", "x", None)
    assert Fields(("b",), "l").example(row).title == ""
