"""efile search | index: find documents, and keep the index of what is found."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from typing import Annotated, Any

import typer

from intake.blobs import Blobs
from intake.cli import common
from intake.cli.common import HomeOption, JsonOption, TenantOption
from intake.db.indexed import count_outdated
from intake.db.search import Found, search
from intake.indexing import rebuild, sweep
from intake.vocabulary import Viewer

FACET_NAMES = {"branch": "Zweig", "kind": "Art", "year": "Jahr", "sender": "Absender", "parcel": "Flurstück", "state": "Stand"}


def search_command(
    question: Annotated[list[str], typer.Argument(metavar="SUCHE", help=(
        "Wörter, \"Wortfolgen\", -ohne, az:, flurstueck:, absender:, betreff:, art:, datum:2024..2026"))],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Höchstens so viele Treffer.")] = 10,
    first: Annotated[int, typer.Option("--first", min=0, help="So viele Treffer überspringen.")] = 0,
    as_json: JsonOption = False, home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Schriftstücke finden: abgelegte und solche, die noch warten."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        found = search(conn, Viewer(name), " ".join(question), first=first, limit=limit)
        waiting = count_outdated(conn)
    if as_json:
        typer.echo(json.dumps(_plain(asdict(found)) | {"outdated": waiting}, ensure_ascii=False, indent=1))
        return
    _show(found, first)
    if waiting:
        common.say(f"{waiting} Schriftstück(e) sind noch nicht im Verzeichnis der Suche; das holt „poststelle work“ oder "
                   "„poststelle efile index“ nach.")


def _plain(value: Any) -> Any:
    """Days and times as ISO texts, enums by value, everything else as it is."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _show(found: Found, first: int) -> None:
    if found.hint:
        common.say(found.hint)
    common.table("", ("", "Nummer", "Titel", "Aktenzeichen", "vom", "Seite", "Fundstelle"), (
        (number, common.short(hit.document), hit.title, hit.reference, hit.dated, f"{hit.page}/{hit.pages}" if hit.page else "",
         "".join(f"[{text}]" if hit_here else text for text, hit_here in hit.snippet))
        for number, hit in enumerate(found.hits, start=first + 1)), empty="Nichts gefunden.")
    if found.total:
        common.say(f"{'' if found.complete else 'mehr als '}{found.total} Treffer")
    for facet in found.facets:
        values = ", ".join(f"{choice.label} ({choice.count})" for choice in facet.choices[:5])
        common.say(f"{FACET_NAMES[facet.name]}: {values}")


def index_command(
    again: Annotated[bool, typer.Option("--rebuild", help="Das ganze Verzeichnis verwerfen und neu aufbauen.")] = False,
    home: HomeOption = None,
) -> None:
    """Das Verzeichnis der Suche nachführen; jederzeit abzubrechen, der nächste Aufruf macht weiter."""
    opened = common.open_home(home)
    with common.database(opened) as db:
        if again:
            rebuild(db)
        done = sweep(db, cache(lambda tenant: Blobs(opened.blobs(tenant))))
        with db.read() as conn:
            left = count_outdated(conn)
    common.say(f"{done} Schriftstück(e) nachgeführt." + (
        f" {left} ließen sich nicht lesen; „poststelle verify“ sagt, was fehlt." if left else ""))
    if left:
        raise typer.Exit(3)
