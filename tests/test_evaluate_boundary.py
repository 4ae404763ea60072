"""The measurement of boundaries: every figure follows from what it lists, nothing learnt is measured; learning as a command."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from classifiers import boundary_fit, boundary_learn
from classifiers.boundary import load
from classifiers.boundary_stacks import read
from classifiers.evaluate.__main__ import main as evaluate
from classifiers.evaluate.boundary import SHIPPED, measure, prepare, summary
from classifiers.train.__main__ import main as train
from tests.boundary_help import examples, rows, write


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "long" not in request.keywords:
        monkeypatch.setattr(boundary_learn, "STACKS", 20)
        monkeypatch.setattr(boundary_learn, "BLOCKS", 3)
        monkeypatch.setattr(boundary_fit, "ROUNDS", 25)


def test_figures_by_hand() -> None:
    each = [{"true": [1, 3], "predicted": [1, 3], "unattended": True},
            {"true": [1, 2, 4], "predicted": [1, 4, 5], "unattended": True},  # one missed, one false
            {"true": [1], "predicted": [1], "unattended": False}]
    figures = summary(each, [4, 6, 2])
    assert figures["page"] == {"precision": round(2 / 3, 5), "recall": round(2 / 3, 5), "f1": round(2 / 3, 5)}
    assert figures["stacks"] == {"count": 3, "perfect": 2, "unattended": {"count": 2, "wrong": 1}}
    assert figures["moves"] == 2
    # true {1} {2,3} {4,5,6} against {1,2,3} {4} {5,6}: two thirds for both longer ones; 2 + 1 whole documents beside
    assert figures["panoptic_quality"] == round((3 + 2 / 3 + 2 / 3) / 6, 5)


def test_a_run_can_be_recomputed(tmp_path: Path) -> None:
    papers = write(tmp_path / "papers.jsonl.gz", rows(60))
    out = tmp_path / "out.json"
    code = evaluate(["boundary", "--documents", str(papers), "--train-until", "2016", "--stacks", "30", "--noise", "0.02",
                     "--seed", "3", "--json", str(out)])
    assert code == 0
    told = json.loads(out.read_text())
    assert set(told) == {"page", "panoptic_quality", "stacks", "moves", "ece", "cpu_ms_per_page", "each"}
    late = {one.name: len(one.pages) for one in read(papers) if one.year and one.year >= 2017}
    lengths = [sum(late[name] for name in one["documents"]) for one in told["each"]]  # KeyError: an early one was drawn
    again = summary(told["each"], lengths)
    assert all(again[name] == told[name] for name in again)
    assert told["stacks"]["count"] == 30 and 0 <= told["ece"] <= 1
    first = told["each"][0]
    starts = [1]
    for name in first["documents"][:-1]:
        starts.append(starts[-1] + late[name])
    assert first["true"] == starts


def test_what_was_learnt_is_not_measured(tmp_path: Path) -> None:
    lessons = write(tmp_path / "a.jsonl.gz", rows(40))
    documents = read(write(tmp_path / "b.jsonl.gz", rows(50)))
    _, tests = prepare(documents, lessons, None, None, SHIPPED)
    assert [one.name for one in tests] == [f"papier-{at}.pdf" for at in range(40, 50)]


def test_without_learning_the_shipped_model_is_measured() -> None:
    model, tests = prepare(examples(20), None, None, 2015, SHIPPED)
    assert model.card == load(SHIPPED).card and all(one.year and one.year >= 2015 for one in tests)
    assert measure(model, tests, 5, 0.0, 1)["stacks"]["count"] == 5


def test_nothing_to_measure_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    papers = write(tmp_path / "papers.jsonl.gz", rows(20))
    assert evaluate(["boundary", "--documents", str(papers), "--test-from", "2030", "--seed", "1"]) == 2
    assert "weniger als drei" in capsys.readouterr().err


def test_learning_as_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    papers, own = write(tmp_path / "papers.jsonl.gz", rows(40)), write(tmp_path / "own.jsonl.gz", rows(15, first=35))
    call = ["boundary", "--documents", str(papers), "--extra", str(own), "--out", str(tmp_path / "m"), "--licence", "erfunden"]
    assert train(call) == 0
    card = tomllib.loads((tmp_path / "m" / "card.toml").read_text())
    assert card["documents"] == 50 and set(card["data"]) == {"papers.jsonl.gz", "own.jsonl.gz"}  # five lie in both
    assert card["licence"] == "erfunden" and 0 < card["measures"]["recall"] <= 1
    assert load(tmp_path / "m").unattended <= 1.0
    assert train(call) == 2
    assert "liegt schon ein Modell" in capsys.readouterr().err


@pytest.mark.long
def test_the_bars_on_later_years(shared_data: Path) -> None:
    documents = read(shared_data / "municipal_pages" / "documents.jsonl.gz")
    model, tests = prepare(documents, None, 2017, None, SHIPPED)
    clean, spoilt = measure(model, tests, 500, 0.0, 1), measure(model, tests, 500, 0.02, 1)
    assert clean["page"]["f1"] >= 0.955 and clean["stacks"]["perfect"] >= 275
    assert spoilt["page"]["f1"] >= clean["page"]["f1"] - 0.01
    alone = clean["stacks"]["unattended"]
    assert alone["count"] >= 110 and alone["wrong"] <= 0.02 * alone["count"] + 2  # a single seed: the pooled figures are a bench
    assert clean["cpu_ms_per_page"] <= 10
