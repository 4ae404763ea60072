"""Learning small convolutional networks with PyTorch: their layers, their lessons, and how they are kept without it.

They are run by `intake.box.inside.convnet` with numpy alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Learnt = tuple[dict[str, np.ndarray[Any, Any]], dict[str, float]]
"""Weights and what was measured."""
Job = tuple[int, int]
"""A book (folder of material) and a line of it."""
MEASURES = "measures"
ON, OFF = 0.3, 0.42  # of a letter's width from its middle: surely it; surely no letter
PLACED_ONLY = 0.2  # of the first lessons in reading are about where letters stand, not which follow each other


@dataclass(frozen=True)
class Plan:
    """How often all is gone through, how much at once, and whether for the first time (else drafts go on, in smaller steps)."""

    epochs: int
    batch: int
    first: bool


@dataclass(frozen=True)
class Lines:
    """A network that reads lines: its name, its layers, the letters after the blank of CTC, pixels of a step; which letters
    (points, blanks) do not count when it is measured."""

    name: str
    layers: Sequence[dict[str, Any]]
    alphabet: str
    step: int
    unheeded: str = " "


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


def split(jobs: Sequence[Job], sizes: Sequence[int]) -> tuple[list[Job], list[Job]]:
    """The jobs that are kept apart, the last twentieth of each book (`sizes`: how many it has), and those to learn from."""
    kept = {job for job in jobs if job[1] >= 0.95 * sizes[job[0]]}
    return [job for job in jobs if job in kept], [job for job in jobs if job not in kept]


def lessons(name: str, net: Any, jobs: Sequence[Job], lost: Callable[[Sequence[Job], float], Any], plan: Plan,
            rng: np.random.Generator) -> Iterator[None]:
    """Lower what is lost on the jobs, batch by batch, and stop for a moment after each epoch.

    `lost`: of a batch, and of the share of the lessons that lie behind it.
    """
    import torch  # noqa: PLC0415

    step = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
    many = plan.epochs * (len(jobs) // plan.batch)
    rate = torch.optim.lr_scheduler.OneCycleLR(step, 3e-3 if plan.first else 6e-4, total_steps=many)
    done, begun = 0, time.monotonic()
    for _ in range(plan.epochs):
        net.train()
        order, total = rng.permutation(len(jobs)), 0.0
        for number, at in enumerate(range(0, len(jobs) - plan.batch + 1, plan.batch), 1):
            loss = lost([jobs[index] for index in order[at:at + plan.batch]], done / many)
            step.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            step.step()
            rate.step()
            total, done = total + float(loss.detach()), done + 1
            if done % 100 == 0:
                say(f"{name} {done}/{many} loss {total / number:.4f} {time.monotonic() - begun:.0f} s")
        yield


def learn_lines(lines: Lines, folders: Sequence[Path], epochs: int, start: Path | None, batch: int = 48) -> Iterator[Learnt]:
    """A network that reads lines after each epoch, and the share of the last twentieth of the strips that it reads right.

    The folders hold `strips.npy` and `strips.jsonl`. First is learnt where each letter stands, then also by CTC (Graves et al.,
    2006) which letters follow each other. `start`: a draft to go on from.
    """
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    texts = [[json.loads(line) for line in (folder / "strips.jsonl").open()] for folder in folders]
    strips = [np.load(folder / "strips.npy", mmap_mode="r") for folder in folders]
    whole = [(book, number) for book, told in enumerate(texts) for number, line in enumerate(told)
             if all(lines.step <= place <= strips[book].shape[2] - lines.step for place in line["letters"])]
    kept, jobs = split(whole, [len(told) for told in texts])
    rng = np.random.default_rng(2)
    net = network(lines.layers, start)
    ctc = nn.CTCLoss(zero_infinity=True)

    def load(chosen: Sequence[Job], vary: bool) -> tuple[Any, list[str], Any]:
        x = np.stack([strips[book][number] for book, number in chosen]).astype(np.float32) / 255
        if vary:
            x *= rng.uniform(0.7, 1.3, (len(x), 1, 1)).astype(np.float32)
            x = x ** rng.uniform(0.7, 1.4, (len(x), 1, 1)).astype(np.float32)
        said = [texts[book][number] for book, number in chosen]
        frames = np.stack([framed(lines, one["text"], one["letters"], x.shape[2] // lines.step) for one in said])
        return (torch.from_numpy(np.clip(x, 0, 1))[:, None].to(memory_format=torch.channels_last), [one["text"] for one in said],
                torch.from_numpy(frames))

    def lost(chosen: Sequence[Job], share: float) -> Any:
        x, said, frames = load(chosen, vary=True)
        out = net(x)[:, :, 0]
        placed = functional.cross_entropy(out, frames, ignore_index=-1)
        if start is None and share <= PLACED_ONLY:
            return placed
        steps = out.permute(2, 0, 1).log_softmax(2)
        wanted = torch.tensor([lines.alphabet.index(char) + 1 for text in said for char in text], dtype=torch.long)
        lengths = torch.tensor([len(text) for text in said], dtype=torch.long)
        return placed + 0.3 * ctc(steps, wanted, torch.full((len(said),), len(steps), dtype=torch.long), lengths)

    for _ in lessons(lines.name, net, jobs, lost, Plan(epochs, batch, first=start is None), rng):
        measures = lines_right(lines, net, load, kept)
        yield folded(net.eval()), measures


def framed(lines: Lines, text: str, letters: Sequence[float], count: int) -> np.ndarray[Any, Any]:
    """For each step the letter that stands there (its place in the alphabet from 1), 0 for none, -1 where it may be either."""
    found = np.zeros(count, np.int64)
    if not text:
        return found
    places = np.array(letters) / lines.step - 0.5
    wide = np.gradient(places) if len(places) > 1 else np.ones(1)
    for step in range(count):
        off = np.abs(places - step) / np.maximum(wide, 0.5)
        near = int(off.argmin())
        on = off[near] <= ON or step == round(float(places[near]))
        found[step] = lines.alphabet.index(text[near]) + 1 if on else 0 if off[near] > OFF else -1
    return found


def lines_right(lines: Lines, net: Any, load: Any, kept: Sequence[Job]) -> dict[str, float]:
    """Share of strips read without a fault, and of those without text (where there are some) in which nothing is read."""
    import torch  # noqa: PLC0415

    net.eval()
    right = whole = silent = without = 0
    with torch.no_grad():
        for at in range(0, len(kept), 96):
            x, said, _ = load(kept[at:at + 96], vary=False)
            for line, text in zip(net(x)[:, :, 0].argmax(1), said, strict=True):
                read = "".join(lines.alphabet[int(now) - 1] for before, now in zip([0, *line[:-1]], line, strict=True)
                               if int(now) and int(now) != int(before))
                bare, wanted = (one.translate(dict.fromkeys(map(ord, lines.unheeded))) for one in (read, text))
                if text:
                    whole, right = whole + 1, right + (bare == wanted)
                else:
                    without, silent = without + 1, silent + (not bare)
    return {"right": right / max(whole, 1)} | ({"silent": silent / without} if without else {})


def parser_for(name: str, told: str, epochs: int) -> argparse.ArgumentParser:
    """The command line of a model's learning: material, drafts, where the model goes, rounds, drafts to go on from."""
    parser = argparse.ArgumentParser(prog=f"python -m classifiers.train {name}", description=told,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, action="append", required=True)
    parser.add_argument("--drafts", type=Path, required=True, help="where the weights are kept after each epoch")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--start", type=Path, help="drafts to go on from")
    return parser


def learnt(name: str, rounds: Iterator[Learnt], drafts: Path) -> None:
    """Go through the rounds of learning and keep the last weights as a draft, with what was measured."""
    drafts.mkdir(parents=True, exist_ok=True)
    draft = drafts / f"{name}.npz"
    for weights, measures in rounds:
        say(f"{name}: {measures}")
        kept: dict[str, Any] = {**weights, MEASURES: np.array(json.dumps(measures))}
        np.savez_compressed(draft.with_suffix(".new.npz"), **kept)
    draft.with_suffix(".new.npz").replace(draft)


def drafted(name: str, drafts: Path) -> Learnt:
    """A draft's weights, named as the model has them (`<name>.w0`), and its measures (`<name>_right`)."""
    with np.load(drafts / f"{name}.npz") as draft:
        arrays = {f"{name}.{key}": draft[key] for key in draft.files if key != MEASURES}
        measures = {f"{name}_{key}": round(value, 4) for key, value in json.loads(str(draft[MEASURES])).items()}
    return arrays, measures


def hashes(folders: Sequence[Path], names: Sequence[str]) -> tuple[dict[str, str], dict[str, int]]:
    """SHA-256 of each file of the material, and how many lines each of the names has in all folders together."""
    found: dict[str, str] = {}
    count = dict.fromkeys(names, 0)
    for folder in folders:
        for name in names:
            with (folder / name).open("rb") as file:
                found[f"{folder.name}/{name}"] = hashlib.file_digest(file, "sha256").hexdigest()
            count[name] += len((folder / name).read_text().splitlines())
    return found, count
