"""batch redo: old files once more with a better reader, boundary or model; the difference first."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, cast

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from intake import redoing
from intake.cli import common
from intake.cli.batch import NameArgument, named
from intake.cli.batch_quality import app
from intake.errors import Refused
from intake.postroom import build
from intake.redoing import WHATS, Compared, What

__all__ = ["app"]
NICE = 10
SHOWN = 60
"""Rows of the table; the JSON has all."""


@app.command("redo")
def redo_command(
    name: NameArgument,
    what: Annotated[str, typer.Option("--what", help=", ".join(f"{word} = {title}" for word, title in WHATS.items()))],
    yes: Annotated[bool, typer.Option("--yes", help="Ausführen, was sich ändern würde; ohne wird es nur gezeigt.")] = False,
    home: common.HomeOption = None, tenant: common.TenantOption = None, by: common.ByOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Den Stapel mit besserer Texterkennung oder neuem Modell noch einmal verarbeiten. Zeigt zuerst, was sich ändern würde;
    was ein Mensch entschieden hat oder abgelegt ist, bleibt."""
    if what not in WHATS:
        words = ", ".join(f"{word} ({title})" for word, title in WHATS.items())
        raise Refused(f"„{what}“ ist nicht möglich. Wählen Sie {words}.")
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    who = f"clerk:{common.clerk(by)}"
    os.nice(NICE)  # the running post goes first
    room = build(place)
    try:
        batch = named(room.db, town, name)
        with _bar("verglichen") as told:
            compared = redoing.compare(room, batch, cast("What", what), told)
        changed = None
        if not as_json:
            _show(compared, redoing.readers(room, batch) if what == "read" else [])
        if yes:
            with _bar("verarbeitet") as told:
                changed = redoing.carry_out(room, batch, compared, told)
        with room.db.transaction() as tx:
            redoing.note(tx, batch, compared, changed, who)
    finally:
        room.box.close()
        room.db.close()
    if as_json:
        typer.echo(json.dumps({"what": what, "looked": compared.looked, "changed": changed,
                               "changes": [asdict(one) for one in compared.changes]}, ensure_ascii=False))
        return
    common.say(_summary(compared, changed, name))


def _show(compared: Compared, readers: list[tuple[str, int, float]]) -> None:
    if readers:
        common.table("Gelesen von", ("Fassung", "Seiten", "CPU-Sekunden je Seite"), [
            (reader, pages, f"{seconds:.2f}".replace(".", ",")) for reader, pages, seconds in readers])
    common.table("", ("Was", "bisher", "neu", "geschieht"), [
        (one.path, one.before, one.after, one.stays or "wird geändert") for one in compared.changes[:SHOWN]],
        empty="Nichts würde sich ändern.")
    if len(compared.changes) > SHOWN:
        common.say(f"{len(compared.changes) - SHOWN} weitere zeigt --json.")


def _summary(compared: Compared, changed: int | None, name: str) -> str:
    what = {"read": "Dateien", "split": "Dateien", "classify": "Schriftstücke"}[compared.what]
    kept = len(compared.changes) - len(compared.open)
    stays = f" {kept} weichen ab und bleiben, wie sie sind." if kept else ""
    if changed is None:
        open_ones = len(compared.open)
        how = f" Ausführen: poststelle batch redo {name} --what {compared.what} --yes" if open_ones else ""
        return f"{compared.looked} {what} verglichen, {open_ones} würden sich ändern.{stays}{how}"
    after = {"read": " Jetzt lohnt sich --what split oder --what classify.", "split": " Die Vorschläge macht „poststelle work“.",
             "classify": " Die Vorschläge macht „poststelle work“."}[compared.what] if changed else ""
    return f"{changed} {what} {WHATS[compared.what]}.{stays}{after}"


@contextmanager
def _bar(word: str) -> Iterator[Callable[[int, int], None]]:
    with Progress(TextColumn(word), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
                  console=common.console(), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
