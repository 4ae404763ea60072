"""What signs are learnt from, and how their network is kept (classifiers/train/signs.py, tests/bench/signlines.py)."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from classifiers import artefacts
from classifiers.train import convnets, signs
from classifiers.train.__main__ import main
from classifiers.train.signs import ALPHABET, LINES, READER, STEP
from intake.box.inside import convnet
from intake.box.inside.signstrip import HIGH
from tests.bench.signlines import WIDE, made, write

SEEDS = range(40)


def test_material_is_what_the_product_sees(tmp_path: Path) -> None:
    write(tmp_path, count=6, first=5)
    strips = np.load(tmp_path / "strips.npy")
    lines = [json.loads(line) for line in (tmp_path / "strips.jsonl").open()]
    assert len(strips) == 6 >= len(lines) > 3 and strips.shape[1:] == (HIGH, WIDE)
    for one in lines:
        assert len(one["letters"]) == len(one["text"]) and set(one["text"]) <= set(ALPHABET)
    again = made(5)
    assert again is not None and (again[0] == strips[0]).all() and again[1] == lines[0]["text"]


def test_letters_of_the_material_lie_on_ink() -> None:
    on, count = 0, 0
    for found in filter(None, map(made, SEEDS)):
        strip, text, letters = found
        for char, place in zip(text, letters, strict=True):
            if char.isalnum() and STEP <= place <= WIDE - STEP:
                count += 1
                on += strip[HIGH // 2 - 10:HIGH // 2 + 10, round(place) - 3:round(place) + 4].max() > 60
    assert count > 200 and on > 0.95 * count


def test_lines_are_whole_on_their_strip() -> None:
    for found in filter(None, map(made, SEEDS)):
        assert 0 < found[2][0] < found[2][-1] < WIDE


def test_letters_have_more_steps_than_they_need() -> None:
    """Equal letters side by side need a blank between them: three I are five steps."""
    for found in filter(None, map(made, SEEDS)):
        _, text, letters = found
        needed = len(text) + sum(one == other for one, other in pairwise(text))
        assert (letters[-1] - letters[0]) / STEP + 2 >= needed


def test_the_network_runs_in_the_box_as_it_was_learnt(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    net = convnets.network(READER).eval()
    np.savez_compressed(tmp_path / f"{LINES.name}.npz", **convnets.folded(net), measures=np.array('{"right": 0.5}'))
    (tmp_path / "strips.jsonl").write_text("{}\n{}\n")
    signs.finished(tmp_path / "model", tmp_path, [tmp_path])
    card = artefacts.load(tmp_path / "model").card
    assert card["name"] == "signs" and card["strips"] == 2 and card["measures"] == {"reader_right": 0.5}
    model = convnet.loaded(tmp_path / "model")
    assert model.alphabet == ALPHABET
    picture = np.random.default_rng(1).random((HIGH, 88)).astype(np.float32)
    with torch.no_grad():
        wanted = net(torch.from_numpy(picture)[None, None])[0].numpy()
    found = convnet.run(model.networks["reader"], picture)
    assert found.shape == wanted.shape == (len(ALPHABET) + 1, 1, 88 // STEP)
    assert np.allclose(found, wanted, atol=0.02)


def test_signs_can_be_learnt_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["signs", "--help"])
    assert end.value.code == 0 and "--material" in capsys.readouterr().out


def test_a_model_is_never_written_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "strips.jsonl").write_text("{}\n")
    learnt = {"w0": np.zeros((1, 1, 1, 1)), "b0": np.zeros(1)}, {"right": 1.0}
    monkeypatch.setattr(signs, "learn_lines", lambda *_: iter([learnt]))
    told = ["--material", str(tmp_path), "--drafts", str(tmp_path / "d"), "--out", str(tmp_path / "model")]
    assert signs.main(told) == 0
    before = (tmp_path / "model" / "card.toml").read_bytes()
    assert signs.main(told) == 2 and "neuen Ordner" in capsys.readouterr().err
    assert (tmp_path / "model" / "card.toml").read_bytes() == before
