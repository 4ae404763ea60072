"""Learn where the day of a receipt stamp stands on a page, and to read it: two small convolutional networks. Needs PyTorch.

    python -m classifiers.train stampday --material FOLDER [--material FOLDER ...] --drafts FOLDER --out FOLDER [--epochs N]
        [--network places|reader] [--start FOLDER]

The material is written by `python -m tests.bench.stampday --write FOLDER`. Reading needs numpy alone. The reader learns
first where each letter stands, then also by CTC (Graves et al., 2006) which letters follow each other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import artefacts

Learnt = tuple[dict[str, np.ndarray[Any, Any]], dict[str, float]]
MEASURES = "measures"
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
ON, OFF = 0.3, 0.42  # of a letter's width from its middle: surely it; surely no letter
CROP = (192, 256)  # pixels of a piece that are shown at once
INSIDE, AROUND = (0.35, 6.0), (0.55, 11.0)  # of the day's length and pixels above: surely on it; not surely off it


def say(text: str) -> None:
    """A line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def network(layers: Sequence[dict[str, Any]], start: Path | None = None) -> Any:
    """The layers as a torch module, normalised between them; from a draft's weights (`start`) they go on as they are."""
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    parts: list[Any] = []
    inputs = 1
    for layer in layers:
        kernel, dilation = layer["kernel"], layer.get("dilation", 1)
        by = (1 if kernel[0] == 1 else dilation, dilation)
        pad = (0 if layer.get("flat") else by[0] * (kernel[0] // 2), by[1] * (kernel[1] // 2))
        last = bool(layer.get("last"))
        parts.append(nn.Conv2d(inputs, layer["out"], kernel, layer.get("stride", 1), pad, by, bias=last or start is not None))
        if not last:
            parts += [nn.BatchNorm2d(layer["out"])] * (start is None) + [nn.ReLU()]
        if layer.get("pool"):
            parts.append(nn.MaxPool2d(layer["pool"]))
        inputs = layer["out"]
    if start is not None:
        with np.load(start) as weights, torch.no_grad():
            for number, part in enumerate(part for part in parts if isinstance(part, nn.Conv2d)):
                part.weight.copy_(torch.from_numpy(weights[f"w{number}"].astype(np.float32)))
                part.bias.copy_(torch.from_numpy(weights[f"b{number}"]))
    return nn.Sequential(*parts).to(memory_format=torch.channels_last)


def folded(net: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Weights and biases of each convolution with the normalisation after it folded in: w0, b0, w1, ..."""
    from torch import nn  # noqa: PLC0415

    found: dict[str, np.ndarray[Any, Any]] = {}
    parts, number = list(net), 0
    for place, part in enumerate(parts):
        if not isinstance(part, nn.Conv2d):
            continue
        weight = part.weight.detach().numpy()
        bias = part.bias.detach().numpy() if part.bias is not None else np.zeros(len(weight), np.float32)
        after = parts[place + 1] if place + 1 < len(parts) else None
        if isinstance(after, nn.BatchNorm2d):
            scale = after.weight.detach().numpy() / np.sqrt(after.running_var.numpy() + after.eps)
            bias = (bias - after.running_mean.numpy()) * scale + after.bias.detach().numpy()
            weight = weight * scale[:, None, None, None]
        found |= {f"w{number}": weight.astype(np.float16), f"b{number}": bias.astype(np.float32)}
        number += 1
    return found


def plain(layers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How the layers are run, as the box reads it; their shapes are told by the weights."""
    return [{key: value for key, value in layer.items() if key not in ("out", "kernel")} for layer in layers]


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
    jobs = [(book, number) for book, lines in enumerate(pieces) for number in range(len(lines))]
    rng = np.random.default_rng(1)
    kept = [job for job in jobs if job[1] >= 0.95 * len(pieces[job[0]])]
    jobs = [job for job in jobs if job[1] < 0.95 * len(pieces[job[0]])]
    net = network(PLACES, start)
    step = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
    many = epochs * (len(jobs) // batch)
    plan = torch.optim.lr_scheduler.OneCycleLR(step, 3e-3 if start is None else 6e-4, total_steps=many)

    def load(chosen: Sequence[tuple[int, int]], vary: bool) -> tuple[Any, Any]:
        left, top = (STRIDE * int(rng.integers(0, room // STRIDE + 1)) if vary else room // 2 // STRIDE * STRIDE for room in
                     (inks[0].shape[2] - CROP[1], inks[0].shape[1] - CROP[0]))
        cuts = [inks[book][number, top:top + CROP[0], left:left + CROP[1]] for book, number in chosen]
        x = np.stack(cuts).astype(np.float32) / 255
        if vary:
            x *= rng.uniform(0.6, 1.3, (len(x), 1, 1)).astype(np.float32)
        y = np.stack([targets(pieces[book][number], inks[0].shape[1:])[
            :, top // STRIDE:(top + CROP[0]) // STRIDE, left // STRIDE:(left + CROP[1]) // STRIDE] for book, number in chosen])
        return torch.from_numpy(np.clip(x, 0, 1))[:, None].to(memory_format=torch.channels_last), torch.from_numpy(y)

    def lost(out: Any, y: Any) -> Any:
        known = (y[:, 0] >= 0).float()
        on = (y[:, 0] > 0).float()
        day = functional.binary_cross_entropy_with_logits(out[:, 0], on, reduction="none", pos_weight=torch.tensor(1.5))
        stamp = functional.binary_cross_entropy_with_logits(out[:, 1], y[:, 1])
        place = functional.smooth_l1_loss(out[:, 2:], y[:, 2:], reduction="none").mean(1)
        return (day * known).mean() * 4 + stamp + (place * on).sum() / (on.sum() + 1)

    done, begun = 0, time.monotonic()
    for _ in range(epochs):
        net.train()
        order = rng.permutation(len(jobs))
        total = 0.0
        for at in range(0, len(jobs) - batch + 1, batch):
            x, y = load([jobs[index] for index in order[at:at + batch]], vary=True)
            loss = lost(net(x), y)
            step.zero_grad()
            loss.backward()
            step.step()
            plan.step()
            total, done = total + float(loss.detach()), done + 1
            if done % 100 == 0:
                say(f"places {done}/{many} loss {total / (at // batch + 1):.4f} {time.monotonic() - begun:.0f} s")
        measures = places_right(net, load, kept)
        yield folded(net.eval()), measures


def places_right(net: Any, load: Any, kept: Sequence[tuple[int, int]]) -> dict[str, float]:
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


def learn_reader(folders: Sequence[Path], epochs: int, start: Path | None, batch: int = 48) -> Iterator[Learnt]:
    """The network that reads after each epoch, and the share of the last twentieth of the strips that it reads right."""
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    texts = [[json.loads(line) for line in (folder / "strips.jsonl").open()] for folder in folders]
    strips = [np.load(folder / "strips.npy", mmap_mode="r") for folder in folders]
    jobs = [(book, number) for book, lines in enumerate(texts) for number, line in enumerate(lines)
            if all(STEP <= place <= strips[book].shape[2] - STEP for place in line["letters"])]  # whole on the strip
    rng = np.random.default_rng(2)
    kept = [job for job in jobs if job[1] >= 0.95 * len(texts[job[0]])]
    jobs = [job for job in jobs if job[1] < 0.95 * len(texts[job[0]])]
    net = network(READER, start)
    step = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
    many = epochs * (len(jobs) // batch)
    plan = torch.optim.lr_scheduler.OneCycleLR(step, 3e-3 if start is None else 6e-4, total_steps=many)
    ctc = nn.CTCLoss(zero_infinity=True)

    def load(chosen: Sequence[tuple[int, int]], vary: bool) -> tuple[Any, list[str], Any]:
        x = np.stack([strips[book][number] for book, number in chosen]).astype(np.float32) / 255
        if vary:
            x *= rng.uniform(0.7, 1.3, (len(x), 1, 1)).astype(np.float32)
            x = x ** rng.uniform(0.7, 1.4, (len(x), 1, 1)).astype(np.float32)
        said = [texts[book][number] for book, number in chosen]
        frames = np.stack([framed(one["text"], one["letters"], x.shape[2] // STEP) for one in said])
        return (torch.from_numpy(np.clip(x, 0, 1))[:, None].to(memory_format=torch.channels_last), [one["text"] for one in said],
                torch.from_numpy(frames))

    done, begun = 0, time.monotonic()
    for _ in range(epochs):
        net.train()
        order = rng.permutation(len(jobs))
        total = 0.0
        for at in range(0, len(jobs) - batch + 1, batch):
            x, said, frames = load([jobs[index] for index in order[at:at + batch]], vary=True)
            out = net(x)[:, :, 0]
            steps = out.permute(2, 0, 1).log_softmax(2)
            wanted = torch.tensor([ALPHABET.index(char) + 1 for text in said for char in text], dtype=torch.long)
            loss = ctc(steps, wanted, torch.full((len(said),), len(steps), dtype=torch.long),
                       torch.tensor([len(text) for text in said], dtype=torch.long))
            placed = functional.cross_entropy(out, frames, ignore_index=-1)
            loss = placed + 0.3 * loss if start is not None or done > many // 5 else placed
            step.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            step.step()
            plan.step()
            total, done = total + float(loss.detach()), done + 1
            if done % 100 == 0:
                say(f"reader {done}/{many} loss {total / (at // batch + 1):.4f} {time.monotonic() - begun:.0f} s")
        measures = lines_right(net, load, kept)
        yield folded(net.eval()), measures


def framed(text: str, letters: Sequence[float], count: int) -> np.ndarray[Any, Any]:
    """For each step the letter that stands there (its place in the alphabet from 1), 0 for none, -1 where it may be either."""
    found = np.zeros(count, np.int64)
    if not text:
        return found
    places = np.array(letters) / STEP - 0.5
    wide = np.gradient(places) if len(places) > 1 else np.ones(1)
    for step in range(count):
        off = np.abs(places - step) / np.maximum(wide, 0.5)
        near = int(off.argmin())
        on = off[near] <= ON or step == round(float(places[near]))
        found[step] = ALPHABET.index(text[near]) + 1 if on else 0 if off[near] > OFF else -1
    return found


def lines_right(net: Any, load: Any, kept: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Share of strips read without a fault (points and blanks apart), and of those without a day where nothing is read."""
    import torch  # noqa: PLC0415

    net.eval()
    right = whole = silent = without = 0
    with torch.no_grad():
        for at in range(0, len(kept), 96):
            x, said, _ = load(kept[at:at + 96], vary=False)
            for line, text in zip(net(x)[:, :, 0].argmax(1), said, strict=True):
                read = "".join(ALPHABET[int(now) - 1] for before, now in zip([0, *line[:-1]], line, strict=True)
                               if int(now) and int(now) != int(before))
                plain = read.translate({ord("."): None, ord(" "): None})
                if text:
                    whole, right = whole + 1, right + (plain == text.translate({ord("."): None, ord(" "): None}))
                else:
                    without, silent = without + 1, silent + (not plain)
    return {"right": right / max(whole, 1), "silent": silent / max(without, 1)}


NETWORKS: dict[str, Callable[[Sequence[Path], int, Path | None], Iterator[Learnt]]] = {
    "places": learn_places, "reader": learn_reader}


def finished(out: Path, drafts: Path, material: Sequence[Path]) -> None:
    """Write the model of both drafts into the new folder `out`: weights, layers, and the card with what was measured."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    measures: dict[str, float] = {}
    for name in NETWORKS:
        with np.load(drafts / f"{name}.npz") as draft:
            arrays |= {f"{name}.{key}": draft[key] for key in draft.files if key != MEASURES}
            measures |= {f"{name}_{key}": round(value, 4) for key, value in json.loads(str(draft[MEASURES])).items()}
    data = {}
    for folder in material:
        for name in ("pieces.jsonl", "strips.jsonl"):
            with (folder / name).open("rb") as file:
                data[f"{folder.name}/{name}"] = hashlib.file_digest(file, "sha256").hexdigest()
    pieces = sum(len((folder / "pieces.jsonl").read_text().splitlines()) for folder in material)
    lines = sum(len((folder / "strips.jsonl").read_text().splitlines()) for folder in material)
    meta = {"alphabet": ALPHABET, "layers": {"places": plain(PLACES), "reader": plain(READER)}}
    artefacts.save(out, arrays, meta, {
        "name": "stampday", "purpose": "Der Tag auf Eingangsstempeln: wo er auf der Seite steht, und welcher es ist",
        "trained": datetime.now(UTC).date(), "pieces": pieces, "strips": lines,
        "licence": "Gezeichnete Stempel auf erfundenen Briefen (samples/stampscenes.py, EUPL-1.2)",
        "data": data, "measures": measures})


def main(arguments: list[str]) -> int:
    """Learn both networks, or one; once there are drafts of both the model is written. 0; 2 where there is one already."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train stampday", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, action="append", required=True)
    parser.add_argument("--drafts", type=Path, required=True, help="where the weights are kept after each epoch")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--network", choices=sorted(NETWORKS), help="only this one, e.g. each on a core of its own")
    parser.add_argument("--start", type=Path, help="drafts to go on from")
    asked = parser.parse_args(arguments)
    asked.drafts.mkdir(parents=True, exist_ok=True)
    for name, learn in NETWORKS.items():
        if asked.network not in (None, name):
            continue
        draft = asked.drafts / f"{name}.npz"
        weights, measures = dict[str, np.ndarray[Any, Any]](), dict[str, float]()
        for weights, measures in learn(asked.material, asked.epochs, asked.start and asked.start / draft.name):
            say(f"{name}: {measures}")
            kept: dict[str, Any] = {**weights, MEASURES: np.array(json.dumps(measures))}
            np.savez_compressed(draft.with_suffix(".new.npz"), **kept)
        draft.with_suffix(".new.npz").replace(draft)
    if all((asked.drafts / f"{name}.npz").exists() for name in NETWORKS):
        try:
            finished(asked.out, asked.drafts, asked.material)
        except FileExistsError:
            sys.stderr.write(f"In {asked.out} liegt schon ein Modell. Geben Sie einen neuen Ordner an.\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
