"""What the day of stamps is learnt from, and how its networks are kept (classifiers/train/stampday.py)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifiers import artefacts
from classifiers.train import convnets, stampday
from classifiers.train.stampday import ALPHABET, CROP, READER, STEP, STRIDE, targets
from intake.box.inside import convnet
from intake.box.inside.daystrip import HIGH, WIDE
from tests.bench.stampday import made, write

SHAPE = (264, 353)


def piece(**other: Any) -> dict[str, Any]:
    return {"printed": "12.03.2026", "middle": [160.0, 96.0], "size": [80.0, 12.0], "slant": 0.0,
            "outline": [[100.0, 60.0], [220.0, 60.0], [220.0, 130.0], [100.0, 130.0]], **other}


def test_cells_on_the_day_say_so_and_point_to_its_middle() -> None:
    found = targets(piece(), SHAPE)
    assert found.shape == (5, 33, 45)
    assert found[0, 12, 20] == 1 and found[2, 12, 20] == 0 and found[3, 12, 20] == 0
    assert found[0, 12, 22] == 1 and found[2, 12, 22] == -2  # two cells back to the middle
    assert found[0, 20, 20] == 0 and found[0, 12, 30] == 0
    assert -1 in found[0]  # the rim is neither


def test_cells_of_the_stamp() -> None:
    found = targets(piece(), SHAPE)[1]
    assert found[12, 20] == 1 and found[9, 14] == 1 and found[20, 20] == 0 and found[12, 30] == 0


@pytest.mark.parametrize("slant", [-15.0, 10.0])
def test_a_slanted_day_is_marked_along_its_slant(slant: float) -> None:
    found = targets(piece(slant=slant, outline=[]), SHAPE)
    rows, columns = np.nonzero(found[0] == 1)
    along = np.polyfit(columns, rows, 1)[0]
    assert along == pytest.approx(math.tan(math.radians(slant)), abs=0.15)
    assert np.allclose(found[4], slant / 10) and not found[1].any()


def test_a_piece_without_a_day_has_no_cell() -> None:
    assert not targets(piece(printed="", outline=[]), SHAPE)[0].any()


def test_material_is_what_the_product_sees(tmp_path: Path) -> None:
    write(tmp_path, count=4, first=5, strips=2)
    inks, strips = np.load(tmp_path / "ink.npy"), np.load(tmp_path / "strips.npy")
    pieces = [json.loads(line) for line in (tmp_path / "pieces.jsonl").open()]
    lines = [json.loads(line) for line in (tmp_path / "strips.jsonl").open()]
    assert len(inks) == len(pieces) == 4 and len(strips) == 8 >= len(lines)
    assert inks.shape[1] >= CROP[0] and inks.shape[2] >= CROP[1] and strips.shape[1:] == (HIGH, WIDE)
    for one in lines:
        assert len(one["letters"]) == len(one["text"]) and set(one["text"]) <= set(ALPHABET)
    again = made((5, 2))
    assert (np.asarray(again.ink) == inks[0, :again.ink.shape[0], :again.ink.shape[1]]).all()


def test_letters_of_the_material_lie_on_ink() -> None:
    """Where a letter is said to stand on a strip that is not hidden by print, there is ink more often than not."""
    on, count = 0, 0
    for seed in range(30):
        for strip, text, letters in made((seed, 1)).strips:
            for char, place in zip(text, letters, strict=True):
                if char not in ". " and STEP <= place <= WIDE - STEP:
                    count += 1
                    on += strip[HIGH // 2 - 8:HIGH // 2 + 8, round(place) - 3:round(place) + 4].max() > 60
    assert count > 50 and on > 0.8 * count


def test_networks_run_in_the_box_as_they_were_learnt(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    nets = {}
    for name, layers in (("places", stampday.PLACES), ("reader", READER)):
        net = convnets.network(layers)
        for part in net:
            if isinstance(part, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(part.running_mean, -0.2, 0.2)
                torch.nn.init.uniform_(part.running_var, 0.5, 2)
        nets[name] = net.eval()
        np.savez_compressed(tmp_path / f"{name}.npz", **convnets.folded(net), measures=np.array('{"right": 0.5}'))
    (tmp_path / "pieces.jsonl").write_text("{}\n{}\n")
    (tmp_path / "strips.jsonl").write_text("{}\n")
    stampday.finished(tmp_path / "model", tmp_path, [tmp_path])
    card = artefacts.load(tmp_path / "model").card
    assert card["pieces"] == 2 and card["strips"] == 1 and card["measures"] == {"places_right": 0.5, "reader_right": 0.5}
    kept = convnet.loaded(tmp_path / "model")
    assert isinstance(kept, convnet.Model) and kept.alphabet == ALPHABET
    for name, shape in (("places", (80, 9 * STRIDE)), ("reader", (HIGH, WIDE))):
        picture = np.random.default_rng(1).random(shape).astype(np.float32)
        with torch.no_grad():
            wanted = nets[name](torch.from_numpy(picture)[None, None])[0].numpy()
        assert np.allclose(convnet.run(kept.networks[name], picture), wanted, atol=0.02)
