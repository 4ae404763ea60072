"""Learn where the day of a receipt stamp stands on a page, and to read it: two small convolutional networks. Needs PyTorch.

    python -m classifiers.train stampday --material FOLDER [--material FOLDER ...] --drafts FOLDER --out FOLDER [--epochs N]
        [--network places|reader] [--start FOLDER]

The material is written by `python -m tests.bench.stampday --write FOLDER`. Reading needs numpy alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import artefacts
from classifiers.train.convnets import (
    Job,
    Learnt,
    Lines,
    Plan,
    drafted,
    folded,
    hashes,
    learn_lines,
    learnt,
    lessons,
    network,
    parser_for,
    plain,
    split,
)

ALPHABET = "0123456789. abcdefgijklmnoprstuvzä"
"""What a day is written with, in small letters; 0 is the blank of CTC."""
STRIDE = 8  # pixels of a cell of the search for places
PLACES = (
    {"out": 16, "kernel": (3, 3), "stride": 2}, {"out": 32, "kernel": (3, 3), "stride": 2},
    {"out": 48, "kernel": (3, 3), "stride": 2}, {"out": 48, "kernel": (3, 3)},
    {"out": 48, "kernel": (3, 3), "dilation": 2}, {"out": 48, "kernel": (3, 3), "dilation": 4},
    {"out": 48, "kernel": (3, 3), "dilation": 2}, {"out": 5, "kernel": (1, 1), "last": True})
"""Out of the last: day here, stamp here (logits); from here to the day's middle (x, y in cells), its slant in tens of degrees."""
READER = (
    {"out": 24, "kernel": (5, 5), "stride": 2}, {"out": 32, "kernel": (3, 3), "pool": (2, 2)},
    {"out": 48, "kernel": (3, 3), "pool": (2, 1)}, {"out": 64, "kernel": (3, 3), "pool": (2, 1)},
    {"out": 96, "kernel": (3, 3), "flat": True}, {"out": 96, "kernel": (1, 5)},
    {"out": 96, "kernel": (1, 5), "dilation": 2}, {"out": len(ALPHABET) + 1, "kernel": (1, 1), "last": True})
STEP = 4  # pixels of a strip for one step of the reader
LINES = Lines("reader", READER, ALPHABET, STEP, unheeded=". ")
CROP = (192, 256)  # pixels of a piece that are shown at once
INSIDE, AROUND = (0.35, 6.0), (0.55, 11.0)  # of the day's length and pixels above: surely on it; not surely off it


def targets(piece: dict[str, Any], shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    """For each cell of a piece of `shape` pixels: day (1, 0, or -1 for neither), stamp, x, y, slant."""
    rows, columns = (-(-side // STRIDE) for side in shape)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * STRIDE
    found = np.zeros((5, rows, columns), np.float32)
    if piece["outline"]:
        inside = np.ones((rows, columns), bool)
        corners = piece["outline"]
        for one, other in zip(corners, [*corners[1:], corners[0]], strict=True):
            inside &= (other[0] - one[0]) * (y - one[1]) - (other[1] - one[1]) * (x - one[0]) > 0
        found[1] = inside
    if piece["printed"]:
        (mx, my), turn = piece["middle"], np.radians(piece["slant"])
        along, across = (x - mx) * np.cos(turn) + (y - my) * np.sin(turn), (y - my) * np.cos(turn) - (x - mx) * np.sin(turn)
        for (share, off), value in ((AROUND, -1.0), (INSIDE, 1.0)):
            found[0][(np.abs(along) <= share * piece["size"][0]) & (np.abs(across) <= off)] = value
        found[2], found[3], found[4] = (mx - x) / STRIDE, (my - y) / STRIDE, piece["slant"] / 10
    return found


def learn_places(folders: Sequence[Path], epochs: int, start: Path | None, batch: int = 24) -> Iterator[Learnt]:
    """The network of places after each epoch, and what it gets right on the last twentieth of the pieces."""
    import torch  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    inks = [np.load(folder / "ink.npy", mmap_mode="r") for folder in folders]
    pieces = [[json.loads(line) for line in (folder / "pieces.jsonl").open()] for folder in folders]
    kept, jobs = split([(book, number) for book, lines in enumerate(pieces) for number in range(len(lines))],
                       [len(lines) for lines in pieces])
    rng = np.random.default_rng(1)
    net = network(PLACES, start)

    def load(chosen: Sequence[Job], vary: bool) -> tuple[Any, Any]:
        left, top = (STRIDE * int(rng.integers(0, room // STRIDE + 1)) if vary else room // 2 // STRIDE * STRIDE for room in
                     (inks[0].shape[2] - CROP[1], inks[0].shape[1] - CROP[0]))
        cuts = [inks[book][number, top:top + CROP[0], left:left + CROP[1]] for book, number in chosen]
        x = np.stack(cuts).astype(np.float32) / 255
        if vary:
            x *= rng.uniform(0.6, 1.3, (len(x), 1, 1)).astype(np.float32)
        y = np.stack([targets(pieces[book][number], inks[0].shape[1:])[
            :, top // STRIDE:(top + CROP[0]) // STRIDE, left // STRIDE:(left + CROP[1]) // STRIDE] for book, number in chosen])
        return torch.from_numpy(np.clip(x, 0, 1))[:, None].to(memory_format=torch.channels_last), torch.from_numpy(y)

    def lost(chosen: Sequence[Job], _share: float) -> Any:
        x, y = load(chosen, vary=True)
        out = net(x)
        known = (y[:, 0] >= 0).float()
        on = (y[:, 0] > 0).float()
        day = functional.binary_cross_entropy_with_logits(out[:, 0], on, reduction="none", pos_weight=torch.tensor(1.5))
        stamp = functional.binary_cross_entropy_with_logits(out[:, 1], y[:, 1])
        place = functional.smooth_l1_loss(out[:, 2:], y[:, 2:], reduction="none").mean(1)
        return (day * known).mean() * 4 + stamp + (place * on).sum() / (on.sum() + 1)

    for _ in lessons("places", net, jobs, lost, Plan(epochs, batch, first=start is None), rng):
        measures = places_right(net, load, kept)
        yield folded(net.eval()), measures


def places_right(net: Any, load: Any, kept: Sequence[Job]) -> dict[str, float]:
    """Share of days found (the surest cell points within 2.5 mm of the middle, slant within 3 degrees), and of pieces without a
    day whose surest cell is above one half."""
    import torch  # noqa: PLC0415

    net.eval()
    found = whole = false = without = 0
    with torch.no_grad():
        for at in range(0, len(kept), 48):
            x, y = load(kept[at:at + 48], vary=False)
            out = net(x)
            for one, want in zip(out, y, strict=True):
                cell = int(one[0].argmax())
                value = one.reshape(5, -1)[:, cell]
                aim = want.reshape(5, -1)[:, cell]
                if bool((want[0] > 0).any()):
                    whole += 1
                    near = float(torch.hypot(value[2] - aim[2], value[3] - aim[3])) <= 1.0
                    found += float(value[0]) > 0 and near and abs(float(value[4] - aim[4])) <= 0.3
                else:
                    without += 1
                    false += float(value[0]) > 0
    return {"found": found / max(whole, 1), "false": false / max(without, 1)}


def learn_reader(folders: Sequence[Path], epochs: int, start: Path | None) -> Iterator[Learnt]:
    """The network that reads after each epoch, and the share of the last twentieth of the strips that it reads right."""
    return learn_lines(LINES, folders, epochs, start)


NETWORKS: dict[str, Callable[[Sequence[Path], int, Path | None], Iterator[Learnt]]] = {
    "places": learn_places, "reader": learn_reader}


def finished(out: Path, drafts: Path, material: Sequence[Path]) -> None:
    """Write the model of both drafts into the new folder `out`: weights, layers, and the card with what was measured."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    measures: dict[str, float] = {}
    for name in NETWORKS:
        weights, right = drafted(name, drafts)
        arrays, measures = arrays | weights, measures | right
    data, lines = hashes(material, ("pieces.jsonl", "strips.jsonl"))
    meta = {"alphabet": ALPHABET, "layers": {"places": plain(PLACES), "reader": plain(READER)}}
    artefacts.save(out, arrays, meta, {
        "name": "stampday", "purpose": "Der Tag auf Eingangsstempeln: wo er auf der Seite steht, und welcher es ist",
        "trained": datetime.now(UTC).date(), "pieces": lines["pieces.jsonl"], "strips": lines["strips.jsonl"],
        "licence": "Gezeichnete Stempel auf erfundenen Briefen (samples/stampscenes.py, EUPL-1.2)",
        "data": data, "measures": measures})


def main(arguments: list[str]) -> int:
    """Learn both networks, or one; once there are drafts of both the model is written. 0; 2 where there is one already."""
    parser = parser_for("stampday", __doc__ or "", 4)
    parser.add_argument("--network", choices=sorted(NETWORKS), help="only this one, e.g. each on a core of its own")
    asked = parser.parse_args(arguments)
    for name, learn in NETWORKS.items():
        if asked.network in (None, name):
            learnt(name, learn(asked.material, asked.epochs, asked.start and asked.start / f"{name}.npz"), asked.drafts)
    if all((asked.drafts / f"{name}.npz").exists() for name in NETWORKS):
        try:
            finished(asked.out, asked.drafts, asked.material)
        except FileExistsError:
            sys.stderr.write(f"In {asked.out} liegt schon ein Modell. Geben Sie einen neuen Ordner an.\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
