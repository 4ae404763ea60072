"""What the box and the rendition cost beyond recognition: a start for each job and a little for each page.

    .venv/bin/python tests/bench/box.py [REPEATS]

Born-digital files need no recognition, so everything they cost in the box is its own: `open` (or `open` and `read`) and
`rendition`, for files of 1 and of 33 pages; the difference gives the cost of a page, the rest is the cost of a document.
Bars: 0.4 CPU s a document and 0.1 CPU s a page. CPU counts every process, bubblewrap's too.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pikepdf
from rich.console import Console
from rich.table import Table

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from measures import measured  # noqa: E402

from intake.box import Box, ReadOrder, RenditionPage  # noqa: E402
from intake.cli.reading import read_file  # noqa: E402
from intake.config import BoxSettings  # noqa: E402
from samples.letters import born_digital  # noqa: E402

DOCUMENT, PAGE = 0.4, 0.1
SHORT, LONG = 1, 33


def made(folder: Path, pages: int) -> Path:
    """A born-digital PDF of so many different pages."""
    target = folder / f"{pages}.pdf"
    with pikepdf.new() as pdf:
        for seed in range(pages):
            born_digital(folder / "one.pdf", seed)
            with pikepdf.open(folder / "one.pdf") as one:
                pdf.pages.append(one.pages[0])
        pdf.save(target)
    return target


def whole(box: Box, path: Path, workdir: Path) -> None:
    """Unpack, read, make the rendition."""
    reading = read_file(box, path, ReadOrder(), workdir, 1, lambda *_: None)
    pages = [RenditionPage(part, number, 0, page) for (part, number), page in zip(reading.places, reading.pages, strict=True)]
    box.rendition([(part.path, part.media_type) for part in reading.parts], pages, title="Bench", workdir=workdir)


def main(repeats: int) -> None:
    """Print the table."""
    box = Box(BoxSettings())
    cost: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for pages in (SHORT, LONG):
            path = made(Path(folder), pages)
            workdir = Path(folder) / f"work{pages}"
            workdir.mkdir()
            whole(box, path, workdir)  # what is started once is nobody's cost
            cost[pages] = min(measured(lambda path=path, workdir=workdir: whole(box, path, workdir), memory=False).cpu  # type: ignore[misc]
                              for _ in range(repeats))
    page = (cost[LONG] - cost[SHORT]) / (LONG - SHORT)
    table = Table(title="box and rendition, CPU seconds")
    for column in ("", "measured", "bar", "share"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("a document", f"{cost[SHORT] - page:.3f}", f"{DOCUMENT}", f"{(cost[SHORT] - page) / DOCUMENT:.0%}")
    table.add_row("a page", f"{page:.3f}", f"{PAGE}", f"{page / PAGE:.0%}")
    table.add_row(f"{SHORT} page in all", f"{cost[SHORT]:.3f}", "", "")
    table.add_row(f"{LONG} pages in all", f"{cost[LONG]:.3f}", "", "")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
