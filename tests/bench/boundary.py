"""Learned boundaries on real papers: python -m tests.bench.boundary [--seeds 5] [--noise 0.02].

papers: municipal_pages, learnt until 2017, drawn from 2018 on, once per seed, clean and with OCR errors; what an unattended stack
risks, pooled, with the exact one-sided 95 % bound (Clopper and Pearson; stacks share documents, so the true margin is wider).
model: CPU a page, size and loading time of the shipped model.

`--write-scans OUT` and `--write-letters OUT` make the two other collections the shipped model learns from: the scans of
municipal_scans read by our own box, and letters drawn by `samples.letters`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2
from scipy.stats import beta  # type: ignore[import-untyped]

from classifiers.boundary import load
from classifiers.boundary_stacks import read
from classifiers.evaluate.boundary import SHIPPED, measure, prepare
from samples.canvas import PdfCanvas
from samples.letters import lay_out, random_letter

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PAPERS = DATA / "municipal_pages" / "documents.jsonl.gz"


def bound(wrong: int, count: int) -> float:
    """The one-sided 95 % upper bound of a share."""
    return 1.0 if wrong >= count else float(beta.ppf(0.95, wrong + 1, count - wrong))


def papers(seeds: int, noise: float) -> None:
    model, tests = prepare(read(PAPERS), None, 2017, None, SHIPPED)
    print(f"learnt until 2017, {len(tests)} documents from 2018 on, threshold {model.unattended}")
    print("noise seed      F1 precision recall     PQ perfect alone wrong moves    ece  ms/page")
    for rate in (0.0, noise):
        count = alone = wrong = 0
        for seed in range(1, seeds + 1):
            one = measure(model, tests, 500, rate, seed)
            page, stacks, free = one["page"], one["stacks"], one["stacks"]["unattended"]
            perfect = stacks["perfect"] / stacks["count"]
            print(f"{rate:5.2f} {seed:4d}  {page['f1']:.4f}    {page['precision']:.4f} {page['recall']:.4f} "
                  f"{one['panoptic_quality']:.4f} {perfect:7.3f} {free['count']:5d} {free['wrong']:5d} "
                  f"{one['moves']:5d} {one['ece']:.4f} {one['cpu_ms_per_page']:8.2f}")
            count, alone, wrong = count + stacks["count"], alone + free["count"], wrong + free["wrong"]
        print(f"{rate:5.2f} all   unattended {alone / count:.3f}, wrong {wrong}/{alone} = {wrong / max(alone, 1):.4f}, "
              f"at most {bound(wrong, alone):.4f} (95 %, one-sided)")


def shipped() -> None:
    size = sum(path.stat().st_size for path in SHIPPED.iterdir())
    began = time.perf_counter()
    load(SHIPPED)
    print(f"shipped model: {size / 1e6:.2f} MB, loaded in {time.perf_counter() - began:.2f} s")


def write_rows(out: Path, rows: list[dict[str, Any]]) -> None:
    with gzip.GzipFile(out, "wb", mtime=0) as file:
        for row in rows:
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def scans(out: Path) -> None:
    """The scans as whole documents, as our box reads them; blank pages left out (the product leaves them out too)."""
    rows = []
    for path in sorted((DATA / "municipal_scans" / "pdf").glob("*.pdf")):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "read.json"
            subprocess.run([sys.executable, "-m", "intake.cli", "read", path, "--json", target], check=True, capture_output=True)
            pages = [page for page in json.loads(target.read_text(encoding="utf-8"))["pages"] if not page["blank"]]
        rows.append({"folder": "satzungen", "file": path.name, "hash": hashlib.sha256(path.read_bytes()).hexdigest(), "pages": [
            {"n": at, "text": page["text"], "width_mm": page["width_mm"], "height_mm": page["height_mm"]}
            for at, page in enumerate(pages, 1)]})
    write_rows(out, rows)


def letters(out: Path, count: int = 120) -> None:
    """Invented letters of one to four pages."""
    rows = []
    rng = random.Random(7)
    for seed in range(count):
        letter = random_letter(1000 + seed)
        others = [random_letter(5000 + 50 * seed + other) for other in range(rng.choice((0, 0, 0, 4, 8, 14)))]
        more = [text for other in others for text in other.paragraphs]
        canvas = PdfCanvas(title=letter.subject, author=letter.sender[0])
        lay_out(canvas, replace(letter, paragraphs=(*letter.paragraphs, *more)))
        with tempfile.TemporaryDirectory() as folder:
            canvas.save(Path(folder) / "letter.pdf")
            drawn = pypdfium2.PdfDocument(Path(folder) / "letter.pdf")
            texts = [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in drawn]
            drawn.close()
        key = hashlib.sha256("\f".join(texts).encode()).hexdigest()
        rows.append({"folder": "briefe", "file": f"brief-{seed}.pdf", "hash": key,
                     "pages": [{"n": at, "text": text} for at, text in enumerate(texts, 1)]})
    write_rows(out, rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--noise", type=float, default=0.02)
    parser.add_argument("--write-scans", type=Path)
    parser.add_argument("--write-letters", type=Path)
    asked = parser.parse_args()
    if asked.write_scans or asked.write_letters:
        if asked.write_scans:
            scans(asked.write_scans)
        if asked.write_letters:
            letters(asked.write_letters)
        return
    shipped()
    papers(asked.seeds, asked.noise)


if __name__ == "__main__":
    main()
