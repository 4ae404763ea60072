"""extract: the values of one file, each with its place on the page, outside the pipeline."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from intake import log, postroom
from intake.box import Box, ReadOrder
from intake.cli import common
from intake.cli.reading import Reading, bar, read_file
from intake.config import Home, LogSettings, Settings, Tenant, find_home, load
from intake.errors import ConfigError
from intake.vocabulary import Material

LONGEST = 70
"""Characters of a value in the list for a person; the JSON has all."""


def extract_command(
    file: Annotated[Path, typer.Argument(help="PDF, Bild, E-Mail oder E-Rechnung (XML).", exists=True, dir_okay=False)],
    no_xml: Annotated[bool, typer.Option("--no-xml", help="Die Daten einer E-Rechnung nicht beachten, nur das Bild.")] = False,
    to_json: Annotated[Path | None, typer.Option("--json", help="Alle Werte als JSON in diese Datei schreiben.")] = None,
    home: common.HomeOption = None,
    tenant: common.TenantOption = None,
) -> None:
    """Werte aus einer Datei lesen, ohne sie anzunehmen: Absender, Datum, Betreff, Zeichen, Flurstücke, Beträge und mehr.

    Gehört der Ordner zu einer Installation (--home oder POSTSTELLE_HOME), werden ihre Register, Akten und Muster genutzt.
    """
    log.setup(LogSettings(level="warning"))
    town = _town(home)
    known = common.the_tenant(town, tenant) if town else None
    settings = town.settings if town else Settings()
    order = ReadOrder(
        engine=settings.read.engine, languages=settings.read.languages, dpi=settings.read.dpi,
        trust_text_layer=settings.read.trust_text_layer, preview_dpi=settings.read.preview_dpi,
        chunk_pages=settings.read.chunk_pages)
    with tempfile.TemporaryDirectory(prefix="poststelle-extract-") as folder, (
            bar() if sys.stderr.isatty() else nullcontext(lambda _done, _total: None)) as told:
        reading = read_file(Box(settings.box), file, order, Path(folder), settings.engine.cores_here, told)
    material = material_of(reading, file.name, facts=not no_xml)
    found = _fields(material, town, known)
    if to_json is None:
        _show(found)
        return
    with common.writing(to_json):
        to_json.write_text(json.dumps({"fields": found}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    common.say(f"{len(found)} Werte auf {len(reading.pages)} Seiten gefunden, geschrieben nach {to_json}")


def _fields(material: Material, town: Home | None, tenant: Tenant | None) -> list[dict[str, Any]]:
    if town is None or tenant is None:
        return postroom.fields_in(material)
    with common.database(town) as db:
        return postroom.fields_of_town(db, tenant, material)


def _town(home: Path | None) -> Home | None:
    """The installation that is named or that the current folder is; None when there is none."""
    named = common.named_home(home)
    try:
        return load(find_home(str(named) if named else None))
    except ConfigError:
        if named is not None or os.environ.get("POSTSTELLE_HOME"):
            raise
        return None


def material_of(reading: Reading, name: str, *, facts: bool) -> Material:
    """All pages of a file as one document, with what it states as data when `facts`, and the header fields of a mail."""
    stated = tuple(fact for part in reading.parts for fact in part.facts if not fact.of_message) if facts else ()
    return Material(reading.pages, reading.envelope, name=name, facts=stated)


def _show(found: Sequence[dict[str, Any]]) -> None:
    common.table("", ("Feld", "Wert", "Seite", "Sicher", "Prüfung"), [
        (one["name"], one["value"] if len(one["value"]) <= LONGEST else one["value"][:LONGEST - 1] + "…", one["page"] or "",
         common.weight(one["probability"]), ", ".join(one["checks"])) for one in found],
        empty="Keine Werte gefunden. Prüfen Sie mit „poststelle read“, ob die Datei lesbar ist.")
