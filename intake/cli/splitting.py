"""poststelle split: where would this file be cut, how surely and why? Outside the pipeline, nothing is kept."""

from __future__ import annotations

import json
import math
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from intake import log, postroom
from intake.backfile.stacking import way_of
from intake.box import Box, ReadOrder
from intake.cli import common
from intake.cli.reading import Reading, bar, read_file
from intake.config import Home, LogSettings, Settings, find_home, load
from intake.errors import ConfigError, Refused
from intake.protocols import Boundary
from intake.split import ONE_DOCUMENT, Cuts, Piece, Way, cut

ByDefault = Literal["off", "ask", "auto"] | None


def split_command(
    file: Annotated[Path, typer.Argument(help="PDF, TIFF, JPEG, PNG: ein gescannter Stapel.", exists=True, dir_okay=False)],
    to_json: Annotated[Path | None, typer.Option("--json", help="Die Schriftstücke als JSON in diese Datei schreiben.")] = None,
    profile: Annotated[str, typer.Option("--profile", help="Schneiden wie dieses Scanprofil der Installation.")] = "",
    boundaries: Annotated[ByDefault, typer.Option("--boundaries", help="Grenzen ohne Trennblatt erkennen; sonst auto.")] = None,
    home: common.HomeOption = None, tenant: common.TenantOption = None,
) -> None:
    """Zeigen, in welche Schriftstücke ein Stapel geschnitten würde: nach Trennblättern und erkannten Grenzen."""
    log.setup(LogSettings(level="warning"))
    installation = _installation(home)
    settings = installation.settings if installation else Settings()
    way, own = _way(installation, tenant, profile)
    way = replace(way, boundaries=boundaries) if boundaries else way
    model = postroom.boundary(own) if way.boundaries != "off" and not way.pages_per_document else None
    order = ReadOrder(engine=settings.read.engine, languages=settings.read.languages, dpi=settings.read.dpi,
                      trust_text_layer=settings.read.trust_text_layer, preview_dpi=settings.read.preview_dpi,
                      chunk_pages=settings.read.chunk_pages)
    with tempfile.TemporaryDirectory(prefix="poststelle-split-") as folder, (
            bar() if sys.stderr.isatty() else nullcontext(lambda _done, _total: None)) as told:
        reading = read_file(Box(settings.box), file, order, Path(folder), settings.engine.cores_here, told)
    found = cut_reading(reading, way, model)
    if to_json is None:
        _show(found)
        if model is not None:
            sure = common.weight(math.prod(cuts.probability for cuts in found))
            common.say(f"Alle Schnitte dieses Stapels sind richtig: {sure}")
        return
    with common.writing(to_json):
        plain = [_plain(piece) for cuts in found for piece in cuts.documents]
        to_json.write_text(json.dumps(plain, ensure_ascii=False, indent=1), encoding="utf-8")
    common.say(f"{sum(len(cuts.documents) for cuts in found)} Schriftstücke in {to_json}")


def cut_reading(reading: Reading, way: Way, boundary: Boundary | None) -> list[Cuts]:
    """A file as read, cut part by part; page numbers count through the file. Of several parts (a mail) each stays whole."""
    by_part: dict[int, list[int]] = {}
    for place, (part, _) in enumerate(reading.places):
        by_part.setdefault(part, []).append(place)
    chosen = way if len(by_part) == 1 else ONE_DOCUMENT
    return [cut([reading.pages[place] for place in places], chosen, boundary) for places in by_part.values()]


def _installation(home: Path | None) -> Home | None:
    """The installation that is named or in which we are; None when there is none."""
    named = common.named_home(home)
    try:
        return load(find_home(str(named) if named else None))
    except ConfigError:
        if named is not None:
            raise
        return None


def _way(installation: Home | None, tenant: str | None, profile: str) -> tuple[Way, Path | None]:
    """How to cut, and where the tenant's own models lie. Raises Refused for an unknown profile."""
    if installation is None or (not profile and len(installation.settings.tenant) != 1 and not common.tenant_named(tenant)):
        if profile:
            raise Refused("Ein Scanprofil gehört zu einer Installation. Nennen Sie deren Ordner mit --home.")
        return Way(boundaries="auto"), None
    town = common.the_tenant(installation, tenant)
    own = installation.models(town.name)
    if not profile:
        return replace(way_of(town.name, None), boundaries="auto"), own
    found = next((one for one in town.profile if one.name == profile), None)
    if found is None:
        known = ", ".join(one.name for one in town.profile) or "keines"
        raise Refused(f"Das Scanprofil „{profile}“ gibt es nicht (vorhanden: {known}).")
    return way_of(town.name, found), own


def _plain(piece: Piece) -> dict[str, object]:
    return {"first_page": piece.pages[0], "last_page": piece.pages[-1], "probability": piece.cut.probability,
            "evidence": list(piece.cut.evidence)}


def _show(found: list[Cuts]) -> None:
    pieces = [piece for cuts in found for piece in cuts.documents]
    common.table("", ("Nr.", "Seiten", "sicher zu", "weil", "zu prüfen"), (
        (number, pages_in_words(piece.pages), common.weight(piece.cut.probability), ", ".join(piece.cut.evidence),
         "\n".join(piece.cut.marks)) for number, piece in enumerate(pieces, start=1)), empty="Kein Schriftstück.")
    sheets, blanks = ([page for cuts in found for page in getattr(cuts, kind)] for kind in ("separators", "blanks"))
    for what, pages in (("Trennblätter", sheets), ("Leere Seiten", blanks)):
        if pages:
            common.say(f"{what}: {pages_in_words(tuple(pages))}")


def pages_in_words(pages: tuple[int, ...]) -> str:
    """ "1-3, 5": ascending numbers with their runs drawn together."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
