"""read: one file as words and as a searchable PDF/A, outside the pipeline; everybody's tool, and the one to measure with."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from intake import log
from intake.box import Box, FoundPart, ReadOrder, Rendition, RenditionPage, input_error
from intake.cli import common
from intake.config import LogSettings, Settings, find_home, load
from intake.errors import ConfigError, Reason
from intake.read import as_json, plan_chunks
from intake.vocabulary import Envelope, Page


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as read: its readable parts, their pages (numbered through from 1), where each page stands (part, number).

    `envelope` holds the header fields of a mail.
    """

    parts: tuple[FoundPart, ...]
    pages: tuple[Page, ...]
    places: tuple[tuple[int, int], ...]
    envelope: Envelope


def read_command(
    file: Annotated[Path, typer.Argument(help="PDF, TIFF, JPEG, PNG, Text oder E-Mail.", exists=True, dir_okay=False)],
    to_json: Annotated[Path | None, typer.Option("--json", help="Seiten und Wörter als JSON in diese Datei schreiben.")] = None,
    to_pdf: Annotated[Path | None, typer.Option("--pdf", help="Durchsuchbares PDF/A in diese Datei schreiben.")] = None,
    languages: Annotated[str, typer.Option("--languages", help="Sprachdaten von Tesseract, mit + verbunden.")] = "",
    home: common.HomeOption = None,
) -> None:
    """Eine Datei lesen, ohne sie anzunehmen: Text auf den Bildschirm, auf Wunsch JSON und PDF/A."""
    log.setup(LogSettings(level="warning"))
    settings = settings_for(home)
    order = ReadOrder(
        engine=settings.read.engine, languages=languages or settings.read.languages, dpi=settings.read.dpi,
        trust_text_layer=settings.read.trust_text_layer, preview_dpi=settings.read.preview_dpi,
        chunk_pages=settings.read.chunk_pages)
    with tempfile.TemporaryDirectory(prefix="poststelle-read-") as folder:
        box, workdir = Box(settings.box), Path(folder)
        with (bar() if sys.stderr.isatty() else nullcontext(lambda _done, _total: None)) as told:
            reading = read_file(box, file, order, workdir, settings.engine.cores_here, told)
        if to_pdf is None and to_json is None:
            typer.echo("\n\f\n".join(page.text for page in reading.pages))
            return
        made = box.rendition(
            [(part.path, part.media_type) for part in reading.parts],
            [RenditionPage(part, number, 0, page) for (part, number), page in zip(reading.places, reading.pages, strict=True)],
            title=file.stem, workdir=workdir)
        if to_pdf is not None:
            shutil.copyfile(made.pdf, to_pdf)
        if to_json is not None:
            write_json(reading.pages, made, to_json)
    common.say(f"{len(reading.pages)} Seiten gelesen, PDF/A: {made.pdfa}{' (' + made.reason + ')' if made.reason else ''}")


def read_file(box: Box, file: Path, order: ReadOrder, workdir: Path, cores: int,
              told: Callable[[int, int], None]) -> Reading:
    """All pages of all readable parts, chunks side by side on `cores` cores; `told(pages done, pages in all)` as they come.

    Raises InputError when nothing is readable, BoxDied when the box died on the file.
    """
    opened = box.open(file, file.name, order, workdir)
    parts = tuple(part for part in opened.unpacked.parts if part.problem is None and part.pages)
    if not parts:
        raise input_error(Reason(opened.unpacked.parts[0].problem or Reason.NO_PAGES), opened.unpacked.parts[0].detail)
    total = sum(part.pages for part in parts)
    if opened.read is not None:
        told(total, total)
        return _numbered(parts, [opened.read.pages], opened.unpacked.envelope)
    chunks = [(part, pages) for part in parts
              for pages in plan_chunks(part.pages, (), even(part.pages, order.chunk_pages, cores))]
    with ThreadPoolExecutor(cores) as pool:
        results = pool.map(lambda chunk: box.read(chunk[0].path, chunk[0].media_type, chunk[1], order, workdir).pages, chunks)
        found = []
        for pages, done in zip(results, accumulate(len(pages) for _, pages in chunks), strict=True):
            found.append(pages)
            told(done, total)
    return _numbered(parts, found, opened.unpacked.envelope)


def even(pages: int, most: int, cores: int) -> int:
    """Pages of a chunk, at most `most`, so that as many chunks come to each core: of ten pages five, not eight and two."""
    chunks = -(-pages // most)
    return -(-pages // (chunks + -chunks % cores))


def _numbered(parts: Sequence[FoundPart], found: Sequence[Sequence[Page]], envelope: Envelope) -> Reading:
    pages = [page for chunk in found for page in chunk]
    places = [(index, number) for index, part in enumerate(parts) for number in range(1, part.pages + 1)]
    numbered = tuple(replace(page, number=number) for number, page in enumerate(pages, start=1))
    return Reading(tuple(parts), numbered, tuple(places), envelope)


def write_json(pages: Sequence[Page], made: Rendition, target: Path) -> None:
    """Pages and rendition as one JSON object; page after page, as 500 of them would fill memory."""
    with target.open("w", encoding="utf-8") as file:
        file.write('{"pages": [')
        for place, page in enumerate(pages):
            file.write(", " if place else "")
            file.write(json.dumps(_page(as_json([page])[0]), ensure_ascii=False))
        told = json.dumps({"pdfa": made.pdfa, "reason": made.reason}, ensure_ascii=False)
        file.write(f'], "rendition": {told}}}')


def _page(said: dict[str, Any]) -> dict[str, Any]:
    """A page for others: words without our inner counting, `raw` always there."""
    words = [{"text": word["text"], "raw": word["raw"] or word["text"], "box": word["box"], "confidence": word["confidence"]}
             for word in said["words"]]
    return said | {"words": words}


def settings_for(home: Path | None) -> Settings:
    """The settings of the installation where one is named, else the defaults."""
    try:
        return load(find_home(str(home) if home else None)).settings
    except ConfigError:
        if home is not None:
            raise
        return Settings()


class Told(Progress):
    """A progress bar that is called with (done, total)."""

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if not self.tasks:
            self.add_task("Seiten", total=total)
        self.update(self.tasks[0].id, completed=done)


def bar() -> Told:
    """A progress bar over pages, on standard error."""
    return Told(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
                 console=Console(stderr=True))
