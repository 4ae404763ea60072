"""aktenplan import | ls | show | export."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer

from intake.aktenplan import export_plan, path_of, read_plan, search, tree
from intake.cli import common
from intake.cli.common import ByOption, HomeOption, TenantOption
from intake.db.akten import files_of_entry
from intake.db.core import utcnow
from intake.db.plan import all_entries, entry_by_notation, get_entry, import_plan, open_entries, versions
from intake.errors import InputError, Reason, Refused
from intake.journal import record
from intake.xdomea_messages import Head, plan_message

app = typer.Typer(no_args_is_help=True, help="Der Aktenplan des Mandanten.")
DISPOSALS = {"A": "archivwürdig", "B": "bewerten", "V": "vernichten"}


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="DATEI", help="CSV, XLSX oder xdomea 0301 (XML) mit Kennzeichen und Titel.")],
    home: HomeOption = None, by: ByOption = None,
    tenant: Annotated[list[str] | None, typer.Option(
        "--tenant", help="Mandant; mehrmals für einen gemeinsamen Plan.")] = None,
    extension: Annotated[bool, typer.Option(
        "--extension", help="Nur eigene Ergänzungen zum gemeinsamen Plan; der Plan selbst bleibt, wie er ist.")] = False,
) -> None:
    """Eine neue Fassung des Aktenplans übernehmen; was fehlt, wird geschlossen, nichts gelöscht."""
    opened = common.open_home(home)
    names = [common.the_tenant(opened, one).name for one in tenant or [""]]
    entries, report = read_plan(path)
    for line in report.lines():
        common.say(line)
    if report.blocking:
        raise InputError("Der Aktenplan wurde nicht übernommen. Bessern Sie die genannten Zeilen aus.", reason=Reason.WRONG_TYPE)
    with common.database(opened) as db, db.transaction() as tx:
        for name in names:
            done = import_plan(tx, name, entries, extension=extension)
            record(tx, name, f"clerk:{common.clerk(by)}", "plan.imported", subjects={}, new={"entries": len(entries)})
            common.say(f"{name}: {done.line()}" if len(names) > 1 else done.line())
            for sentence in done.kept:
                common.say(sentence)


@app.command("ls")
def ls(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORT]...", help="Nur Einträge mit diesen Wörtern.")] = None,
    home: HomeOption = None, tenant: TenantOption = None,
    limit: Annotated[int, typer.Option("--limit", help="Höchstens so viele Treffer.")] = 30,
) -> None:
    """Den Aktenplan zeigen oder darin suchen."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        entries = open_entries(conn, name, utcnow().astimezone().date())
    shown = [(0, entry) for entry in search(entries, " ".join(words), limit)] if words else list(tree(entries))
    common.table("", ("Kennzeichen", "Titel", "Amt", "Jahre", "danach"), (
        (entry.notation, "  " * depth + entry.title, entry.unit, "dauernd" if entry.retention is None else entry.retention,
         DISPOSALS[entry.disposal]) for depth, entry in shown), empty="Kein Eintrag gefunden.")


@app.command("show")
def show(
    notation: Annotated[str, typer.Argument(metavar="KENNZEICHEN", help="Kennzeichen oder id des Eintrags.")],
    home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Einen Eintrag mit seinen Akten und Fassungen zeigen."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        entry = entry_by_notation(conn, name, notation, utcnow().astimezone().date()) or get_entry(conn, name, notation)
        if entry is None:
            raise Refused(f"Das Kennzeichen {notation} gibt es nicht. Suchen Sie es mit: poststelle aktenplan ls WORT")
        above = path_of(entry, {one.id: one for one in all_entries(conn, name)})
        files, fassungen = files_of_entry(conn, name, entry.id), versions(conn, name, entry.id)
    common.table(f"{entry.notation} {entry.title}", ("", ""), (
        ("id", entry.id), ("Pfad", " / ".join(f"{one.notation} {one.title}" for one in above)),
        ("Stichworte", ", ".join(entry.keywords)), ("Beschreibung", entry.description), ("Amt", entry.unit),
        ("Aufbewahrung", "dauernd" if entry.retention is None else f"{entry.retention} Jahre"),
        ("danach", DISPOSALS[entry.disposal]), ("Zugriffsklasse", entry.access_class), ("gültig ab", entry.valid_from),
        ("gültig bis", entry.valid_to), ("Fassungen", len(fassungen))))
    common.table("Akten", ("Aktenzeichen", "Titel", "zdA"), ((file.reference, file.title, file.closed_on) for file in files),
                 empty="Noch keine Akte.")


@app.command("export")
def export(
    path: Annotated[Path, typer.Argument(metavar="DATEI", help="Datei, die geschrieben wird: .csv, oder .xml für xdomea 0301.")],
    home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Den Aktenplan als CSV oder xdomea 0301 schreiben; „aktenplan import“ liest ihn wieder."""
    opened = common.open_home(home)
    settings = common.the_tenant(opened, tenant)
    name, title = settings.name, settings.title or settings.name
    with common.database(opened) as db, db.read() as conn:
        entries = all_entries(conn, name)
    with common.writing(path):
        if path.suffix.lower() == ".xml":
            head = Head(str(uuid.uuid4()), utcnow(), title, title)
            path.write_bytes(plan_message(head, entries, f"Aktenplan {title}"))
        else:
            export_plan(entries, path)
    common.say(f"{len(entries)} Einträge stehen in {path}.")
