"""Signs on lines: material to learn to read them from, made with the product's own eyes.

    python -m tests.bench.signlines --write FOLDER [--count N] [--seed N]

writes `strips.npy` (lines as they are read) and `strips.jsonl` (what stands on them, and where each letter does). Learnt with
`python -m classifiers.train signs`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from intake.box.inside.image import at_dpi
from intake.box.inside.read import ocr_dpi
from intake.box.inside.signstrip import HIGH, SIGN_DPI, Span, sign_strip
from samples.signscenes import sign_line

WIDE = 400  # pixels of a strip: 50.8 mm
BEFORE_MM, BEHIND_MM = (0.4, 3.0), (0.4, 12.0)
MISSED_MM, TURNED = 0.35, 0.4  # by how much heights and slants are missed


def made(seed: int) -> tuple[Any, str, list[float]] | None:
    """A strip, what stands there, and the pixel across at which each letter's middle stands; None for what is too long."""
    found, chance = sign_line(seed), random.Random(seed + 7)
    dpi = float(found.image.info["dpi"][0])
    grey = at_dpi(found.image, ocr_dpi(dpi, 300))
    scale = float(grey.info["dpi"][0]) / dpi
    mm = dpi / 25.4
    before, behind = (chance.uniform(least * mm, min(most * mm, free - 0.4 * mm))
                      for (least, most), free in zip((BEFORE_MM, BEHIND_MM), found.free, strict=True))
    left, top, right, bottom = found.box
    if (right - left + before) * SIGN_DPI / dpi > WIDE - 4:
        return None
    turn = math.radians(found.slant)

    def placed(x: float, y: float) -> tuple[float, float]:
        x, y = x - found.image.width / 2, y - found.image.height / 2
        return (x * math.cos(turn) - y * math.sin(turn) + found.image.width / 2,
                x * math.sin(turn) + y * math.cos(turn) + found.image.height / 2)

    start, middle = placed(left, (top + bottom) / 2), placed((left + right) / 2, (top + bottom) / 2)
    end = placed(right, (top + bottom) / 2)
    behind = min(behind, WIDE * dpi / SIGN_DPI - (end[0] - start[0]) - before)
    missed, slant = chance.gauss(0, MISSED_MM) * mm, found.slant + chance.gauss(0, TURNED)
    span = Span(start[0] * scale, end[0] * scale, (middle[1] + missed) * scale, slant, before * scale, behind * scale)
    strip, first = sign_strip(grey, span, WIDE)
    letters = [round((placed(x, (top + bottom) / 2)[0] * scale - first) * SIGN_DPI / (dpi * scale), 1) for x in found.letters]
    return np.round(strip * 255).astype(np.uint8), found.text, letters


def write(folder: Path, count: int, first: int) -> None:
    """Make so many strips with all cores."""
    folder.mkdir(parents=True, exist_ok=True)
    strips = np.lib.format.open_memmap(folder / "strips.npy", "w+", np.uint8, (count, HIGH, WIDE))
    written = 0
    with (folder / "strips.jsonl").open("w") as texts, ProcessPoolExecutor() as pool:
        for one in track(pool.map(made, range(first, first + count), chunksize=32), total=count):
            if one is None:
                continue
            strips[written], text, letters = one
            texts.write(json.dumps({"text": text, "letters": letters}, ensure_ascii=False) + "\n")
            written += 1
    print(f"{written} strips of {WIDE / SIGN_DPI * 25.4:.0f} mm in {folder}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=2_000_000)
    asked = parser.parse_args()
    write(asked.write, asked.count, asked.seed)


if __name__ == "__main__":
    main()
