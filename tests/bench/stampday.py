"""The day of receipt stamps: material to learn from, made with the product's own eyes.

    python -m tests.bench.stampday --write FOLDER [--count N] [--seed N] [--strips N]

writes `ink.npy` (pieces of pages as the search for places sees them), `strips.npy` (lines as they are read), `pieces.jsonl`
(where the day lies) and `strips.jsonl` (what stands on a strip). Learnt with `python -m classifiers.train stampday`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from intake.box.inside.daystrip import HIGH, STRIP_DPI, WIDE, strip_of
from intake.box.inside.geometry import ink_of
from intake.box.inside.image import at_dpi
from samples.stampscenes import DPI, HIGH_MM, WIDE_MM, scene

MOST_DPI = 80
ELSEWHERE = 0.08  # of the strips, from any place: nothing to be read there
ASIDE_MM, ABOVE_MM, TURNED = 2.5, 0.7, 1.5  # by how much places are missed


@dataclass(frozen=True)
class Made:
    """One piece and its strips."""

    ink: Any
    piece: dict[str, Any]
    strips: list[tuple[Any, str, list[float]]]


def made(job: tuple[int, int]) -> Made:
    """The piece of a seed and so many strips of its day."""
    seed, count = job
    found, chance = scene(seed), random.Random(seed + 7)
    grey = found.image
    grey.info["dpi"] = (float(DPI), float(DPI))
    small = grey.reduce(3) if chance.random() < 0.5 else at_dpi(grey, 80)  # as pages of 200 and 300 dpi are made smaller
    ink, scale = ink_of(small), small.width / grey.width
    strips = []
    for _ in range(count if found.printed else 0):
        if chance.random() < ELSEWHERE:
            place, slant, text = (chance.uniform(0, grey.width), chance.uniform(0, grey.height)), chance.uniform(-18, 18), ""
            letters = list[float]()
            if abs(place[1] - found.middle[1]) < 80 and abs(place[0] - found.middle[0]) < 400:
                continue
        else:
            aside, above = (chance.gauss(0, size) / 25.4 * DPI for size in (ASIDE_MM, ABOVE_MM))
            place, text = (found.middle[0] + aside, found.middle[1] + above), found.printed.lower()
            slant = found.slant + chance.gauss(0, TURNED)
            turn, to_strip = math.radians(found.slant), STRIP_DPI / DPI  # the missed slant moves letters by less than a pixel
            off = (found.middle[0] - place[0]) * math.cos(turn) + (found.middle[1] - place[1]) * math.sin(turn)
            letters = [round(WIDE / 2 + (off + one) * to_strip, 1) for one in found.letters]
        strips.append((np.round(strip_of(grey, place, slant) * 255).astype(np.uint8), text, letters))
    piece = {"seed": seed, "printed": found.printed, "middle": [side * scale for side in found.middle],
             "size": [side * scale for side in found.size], "slant": found.slant,
             "outline": [[side * scale for side in corner] for corner in found.outline]}
    return Made(np.asarray(ink), piece, strips)


def write(folder: Path, count: int, first: int, strips: int) -> None:
    """Make the pieces with all cores."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = (round(HIGH_MM / 25.4 * MOST_DPI), round(WIDE_MM / 25.4 * MOST_DPI))
    inks = np.lib.format.open_memmap(folder / "ink.npy", "w+", np.uint8, (count, *shape))
    lines = np.lib.format.open_memmap(folder / "strips.npy", "w+", np.uint8, (count * strips, HIGH, WIDE))
    written = 0
    with ((folder / "pieces.jsonl").open("w") as pieces, (folder / "strips.jsonl").open("w") as texts,
          ProcessPoolExecutor() as pool):
        jobs = ((seed, strips) for seed in range(first, first + count))
        for number, one in enumerate(track(pool.map(made, jobs, chunksize=16), total=count)):
            inks[number, :one.ink.shape[0], :one.ink.shape[1]] = one.ink
            pieces.write(json.dumps(one.piece, ensure_ascii=False) + "\n")
            for line, text, letters in one.strips:
                lines[written] = line
                texts.write(json.dumps({"text": text, "letters": letters}, ensure_ascii=False) + "\n")
                written += 1
    print(f"{count} pieces, {written} strips of {WIDE / STRIP_DPI * 25.4:.0f} mm in {folder}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, required=True)
    parser.add_argument("--count", type=int, default=24_000)
    parser.add_argument("--seed", type=int, default=1_000_000)
    parser.add_argument("--strips", type=int, default=3)
    asked = parser.parse_args()
    write(asked.write, asked.count, asked.seed, asked.strips)


if __name__ == "__main__":
    main()
