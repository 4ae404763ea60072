"""What all networks are learnt with (classifiers/train/convnets.py)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from classifiers.train import convnets
from classifiers.train.convnets import Learnt, Lines, Plan
from classifiers.train.stampday import ALPHABET, LINES, STEP
from intake.box.inside import convnet

SMALL = Lines("small", ({"out": 6, "kernel": (3, 3), "stride": 2}, {"out": 8, "kernel": (8, 3), "flat": True},
                        {"out": 4, "kernel": (1, 1), "last": True}), "123", 2)


def test_letters_stand_at_their_steps_with_blanks_between_equal_ones() -> None:
    letters = [40.0 + 14 * place for place in range(8)]
    found = convnets.framed(LINES, "11.11.22", letters, 80)
    for char, place in zip("11.11.22", letters, strict=True):
        assert found[round(place / STEP - 0.5)] == ALPHABET.index(char) + 1
    first, second = (round(place / STEP - 0.5) for place in letters[:2])
    assert any(value <= 0 for value in found[first + 1:second])
    assert not found[:7].any() and not found[60:].any()


def test_a_strip_without_a_day_is_blank() -> None:
    assert not convnets.framed(LINES, "", [], 80).any()


def test_narrow_letters_have_a_step_each() -> None:
    found = convnets.framed(LINES, "1.1", [100.0, 104.0, 108.0], 80)
    assert next(value for value in found.tolist() if value > 0) == ALPHABET.index("1") + 1
    assert ALPHABET.index(".") + 1 in found


def test_what_is_kept_apart_is_the_end_of_each_book() -> None:
    jobs = [(0, line) for line in range(100)] + [(1, line) for line in range(40) if line % 2]
    kept, learnt = convnets.split(jobs, [100, 40])
    assert kept == [(0, 95), (0, 96), (0, 97), (0, 98), (0, 99), (1, 39)]
    assert sorted(kept + learnt) == jobs


def test_a_draft_holds_the_last_round_and_what_was_measured(tmp_path: Path) -> None:
    def rounds() -> Iterator[Learnt]:
        for number in (1, 2):
            yield {"w0": np.full((1, 1), number), "b0": np.zeros(1)}, {"right": number / 3}

    convnets.learnt("reader", rounds(), tmp_path / "drafts")
    arrays, measures = convnets.drafted("reader", tmp_path / "drafts")
    assert set(arrays) == {"reader.w0", "reader.b0"} and arrays["reader.w0"][0, 0] == 2
    assert measures == {"reader_right": 0.6667}
    assert [path.name for path in (tmp_path / "drafts").iterdir()] == ["reader.npz"]


def test_the_material_is_named_by_its_hashes(tmp_path: Path) -> None:
    for name, lines in (("one", "a\nb\n"), ("two", "c\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "strips.jsonl").write_text(lines)
    data, count = convnets.hashes([tmp_path / "one", tmp_path / "two"], ("strips.jsonl",))
    assert data == {"one/strips.jsonl": hashlib.sha256(b"a\nb\n").hexdigest(),
                    "two/strips.jsonl": hashlib.sha256(b"c\n").hexdigest()}
    assert count == {"strips.jsonl": 3}


def strips(folder: Path, count: int) -> Path:
    """Lines of three letters; each is a bar at a height of its own, so that a small network learns them soon."""
    rng = np.random.default_rng(3)
    folder.mkdir()
    pictures, told = np.zeros((count, 16, 64), np.uint8), []
    for number in range(count):
        text = "".join(rng.choice(list("123"), 3))
        places = [12.0, 30.0, 48.0]
        for letter, place in zip(text, places, strict=True):
            pictures[number, 4 * int(letter) - 2:4 * int(letter) + 1, int(place) - 3:int(place) + 4] = 255
        told.append(json.dumps({"text": text, "letters": places}))
    np.save(folder / "strips.npy", pictures)
    (folder / "strips.jsonl").write_text("\n".join(told))
    return folder


def test_lines_are_learnt_and_read_by_numpy_as_by_the_learner(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    material = strips(tmp_path / "m", 400)
    rounds = list(convnets.learn_lines(SMALL, [material], 12, None, batch=16))
    assert rounds[-1][1]["right"] > 0.9 > rounds[0][1]["right"]
    weights = rounds[-1][0]
    layers = tuple(convnet.Layer(weights[f"w{number}"].astype(np.float32), weights[f"b{number}"], **form)
                   for number, form in enumerate(convnets.plain(SMALL.layers)))
    picture = np.load(material / "strips.npy")[0].astype(np.float32) / 255
    path = convnet.run(layers, picture)[:, 0].argmax(0)
    text = "".join("123"[now - 1] for before, now in zip([0, *path], path, strict=False) if now and now != before)
    assert text == json.loads((material / "strips.jsonl").read_text().splitlines()[0])["text"]


def test_a_draft_goes_on_where_it_was(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    net = convnets.network(SMALL.layers)
    np.savez_compressed(tmp_path / "small.npz", **convnets.folded(net.eval()), measures=np.array("{}"))
    again = convnets.network(SMALL.layers, tmp_path / "small.npz").eval()
    picture = torch.rand(2, 1, 16, 64)
    with torch.no_grad():
        assert torch.allclose(net(picture), again(picture), atol=0.01)


def test_lessons_stop_after_each_epoch_and_lower_what_is_lost() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    net = torch.nn.Linear(1, 1)
    asked: list[float] = []

    def lost(chosen: object, share: float) -> object:
        asked.append(share)
        x = torch.tensor([[float(number)] for _, number in chosen])  # type: ignore[attr-defined]
        return ((net(x) - 2 * x) ** 2).mean()

    jobs = [(0, number) for number in range(40)]
    lessons = convnets.lessons("x", net, jobs, lost, Plan(60, 8, first=True), np.random.default_rng(1))
    epochs = [abs(float(net.weight.detach()) - 2) for _ in lessons]
    assert len(epochs) == 60 and len(asked) == 60 * 5 and asked[0] == 0 and asked[-1] < 1 and asked == sorted(asked)
    assert epochs[-1] < epochs[0] - 0.2  # 300 steps of 0.003 at most
