"""Stacks of real scans, pixels in, cuts out: are the boundaries found, and how many cuts are false?

    python tests/bench/split.py [--model FOLDER] [--stacks N] [--seed N] [--keep FOLDER]

The batches of the shared municipal scans (batches.json) are put together as one PDF each, read in the sandbox and cut as
`poststelle split` does. Bars: every boundary found, at most one false cut in 100 pages. `--stacks N`: further N stacks of 3 to
10 files each (of at most 40 pages), drawn from all the scans with numpy `default_rng(seed)`, the pages taken as read once, file
by file. `--keep FOLDER`: read pages are kept there and used again (while developing). The CPU of the model is counted without
reading.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pikepdf

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from intake import postroom  # noqa: E402
from intake.box import Box, ReadOrder  # noqa: E402
from intake.cli.reading import read_file  # noqa: E402
from intake.config import BoxSettings, Settings  # noqa: E402
from intake.protocols import Boundary  # noqa: E402
from intake.read import pack, unpack_pages  # noqa: E402
from intake.split import Way, cut  # noqa: E402
from intake.vocabulary import Page  # noqa: E402

SCANS = Path(__file__).resolve().parents[3] / "shared" / "data" / "municipal_scans"
MOST_PAGES = 40


@dataclass(frozen=True, slots=True)
class Result:
    """One stack: boundaries there are and those found (page numbers that begin a document, the first page left out)."""

    name: str
    pages: int
    true: frozenset[int]
    found: frozenset[int]
    doubtful: int
    probability: float
    seconds: float


def read(path: Path, keep: Path | None) -> tuple[Page, ...]:
    """The pages of a PDF by the box."""
    kept = keep / f"{path.name}.pack" if keep else None
    if kept and kept.exists():
        return unpack_pages(kept.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        cores = Settings().engine.cores_here
        pages = read_file(Box(BoxSettings()), path, ReadOrder(), Path(folder), cores, lambda _, __: None).pages
    if kept:
        kept.write_bytes(pack(pages))
    return pages


def judged(name: str, pages: Sequence[Page], firsts: set[int], boundary: Boundary) -> Result:
    """Cut the stack and compare; a boundary may be found on the first page with something on it."""
    start = time.process_time()
    cuts = cut(pages, Way(boundaries="auto"), boundary)
    seconds = time.process_time() - start
    blank = {page.number for page in pages if page.blank}
    true = {next(number for number in range(first, len(pages) + 1) if number not in blank) for first in firsts} - {1}
    found = {piece.pages[0] for piece in cuts.documents[1:]}
    return Result(name, len(pages), frozenset(true), frozenset(found), sum(piece.cut.doubtful for piece in cuts.documents),
                  cuts.probability, seconds)


def batches(keep: Path | None, boundary: Boundary) -> list[Result]:
    """The batches as they are given, each concatenated and read as one file."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for batch in json.loads((SCANS / "batches.json").read_text(encoding="utf-8")):
            path = Path(folder) / f"batch-{batch['batch']}.pdf"
            with pikepdf.new() as whole:
                for one in batch["documents"]:
                    with pikepdf.open(SCANS / "pdf" / one["file"]) as pdf:
                        whole.pages.extend(pdf.pages)
                whole.save(path)
            found.append(judged(path.stem, read(path, keep), {one["first_page"] for one in batch["documents"]}, boundary))
    return found


def drawn(count: int, seed: int, keep: Path | None, boundary: Boundary) -> list[Result]:
    """Stacks of whole files in random order."""
    files = sorted((SCANS / "pdf").glob("*.pdf"))
    documents = [pages for path in files if len(pages := read(path, keep)) <= MOST_PAGES]
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        chosen = rng.choice(len(documents), size=int(rng.integers(3, 11)), replace=False)
        pages: list[Page] = []
        firsts = set()
        for one in chosen:
            firsts.add(len(pages) + 1)
            pages += documents[one]
        numbered = [replace(page, number=place) for place, page in enumerate(pages, start=1)]
        found.append(judged(f"drawn {number}", numbered, firsts, boundary))
    return found


def report(title: str, results: Sequence[Result], each: bool) -> None:
    """The table of a set of stacks."""
    for one in results if each else ():
        print(f"{one.name:10} {one.pages:4} pages  {len(one.true):2} boundaries  missed {sorted(one.true - one.found)!s:12} "
              f"false {sorted(one.found - one.true)!s:16} doubtful {one.doubtful:2}  stack {one.probability:.2f}")
    pages, true = sum(one.pages for one in results), sum(len(one.true) for one in results)
    missed = sum(len(one.true - one.found) for one in results)
    false = sum(len(one.found - one.true) for one in results)
    f1 = 2 * (true - missed) / max(2 * true - missed + false, 1)
    perfect = sum(one.true == one.found for one in results)
    print(f"{title}: {true - missed} of {true} boundaries found, {false} false cuts in {pages} pages "
          f"({100 * false / pages:.2f} a hundred), F1 {f1:.4f}, {perfect} of {len(results)} stacks perfect, "
          f"{1000 * sum(one.seconds for one in results) / pages:.1f} ms CPU a page")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, help="folder of a model instead of the shipped one")
    parser.add_argument("--stacks", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    if not SCANS.is_dir():
        print(f"split: {SCANS} is not there, nothing measured")
        return
    start = time.process_time()
    boundary: Boundary = postroom.boundary_in(asked.model) if asked.model else postroom.boundary(None)
    print(f"model loaded in {time.process_time() - start:.2f} s CPU")
    report("batches", batches(asked.keep, boundary), each=True)
    if asked.stacks:
        report(f"{asked.stacks} drawn stacks", drawn(asked.stacks, asked.seed, asked.keep, boundary), each=asked.stacks <= 20)


if __name__ == "__main__":
    main()
