"""verify: is everything whole?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import typer

from intake import heads
from intake.blobs import Blobs
from intake.cli import common
from intake.cli.common import HomeOption, JsonOption
from intake.config import Home
from intake.db.core import Database
from intake.journal import Fault, Head
from intake.verify import GRACE, Report, verify


def verify_command(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Prüfen, ob alles ganz ist: Dateien, Zeilen, Seiten, Ablagen, Protokoll und was davon veröffentlicht ist."""
    opened = common.open_home(home)
    with common.database(opened) as db:
        report = verify_home(opened, db)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        show_report(report)
    raise typer.Exit(0 if report.ok else 2)


def verify_home(home: Home, db: Database, *, grace: timedelta = GRACE) -> Report:
    """`verify` of a whole installation, also against what it published outside."""
    published: list[Head] = []
    faults: list[Fault] = []
    if home.heads:
        with db.read() as conn:
            published, faults = heads.known(conn, home.heads)
    report = verify(db, [tenant.name for tenant in home.settings.tenant], lambda name: Blobs(home.blobs(name)), home.akten,
                    heads=published, grace=grace)
    return replace(report, faults=(*faults, *report.faults))


def show_report(report: Report) -> None:
    """A report for a person."""
    common.table("", ("Art", "Was", "Befund"), ((fault.kind, fault.subject, fault.detail) for fault in report.faults),
                 empty="Alles ist ganz.")
    for note in report.notes:
        common.say(note)
    common.say("Geprüft: " + ", ".join(f"{name} {number}" for name, number in report.checked.items()))
