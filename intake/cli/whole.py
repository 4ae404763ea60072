"""verify, backup, restore: is everything whole, and will it be tomorrow?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from intake import backup, heads, postroom, restore
from intake.blobs import Blobs
from intake.cli import common
from intake.cli.common import HomeOption, JsonOption
from intake.cli.installation import program
from intake.config import Home
from intake.db.core import Database
from intake.errors import ConfigError
from intake.journal import Fault, Head
from intake.protocols import Store
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


def backup_command(
    folder: Annotated[Path | None, typer.Argument(
        metavar="[ORDNER]", help="Ordner der Sicherungen auf anderem Datenträger; sonst [backup] folder.")] = None,
    home: HomeOption = None,
    listing: Annotated[bool, typer.Option("--list", help="Nur die vorhandenen Sicherungen zeigen.")] = False,
    verifying: Annotated[bool, typer.Option(
        "--verify", help="Die neueste zur Probe wiederherstellen und prüfen, statt zu sichern.")] = False,
    keep: Annotated[int | None, typer.Option(
        "--keep", min=0, help="Danach nur die neuesten so vielen behalten, 0 = alle; sonst gilt [backup] keep.")] = None,
    secrets: Annotated[bool, typer.Option("--with-secrets", help="Auch den Ordner secrets/ (Kennwörter im Klartext).")] = False,
    generation: Annotated[str, typer.Option("--generation", help="Für --verify: diese statt der neuesten.")] = "",
    database_url: Annotated[str, typer.Option("--database-url", help="Für --verify mit PostgreSQL: eine leere Datenbank.")] = "",
) -> None:
    """Alles sichern, während der Dienst weiterläuft: Datenbank, Dateien, Akten, Einstellungen. Nichts wird verschlüsselt."""
    place = folder or _folder(home)
    if listing:
        _list(place)
    elif verifying:
        report = restore.trial(place, restore.choose(place, generation), _stores, database_url)
        show_report(report)
        raise typer.Exit(0 if report.ok else 2)
    else:
        opened = common.open_home(home)
        with common.database(opened) as db:
            made = backup.backup(opened, db, place, secrets=secrets)
        common.say(f"Gesichert: {_size(made.counts['bytes'])}, davon neu {_size(made.counts['new_bytes'])} "
                   f"({made.counts['new_objects']} Dateien), in {place / made.id}.")
        few = keep if keep is not None or folder else opened.settings.backup.keep
        if few and (gone := backup.prune(place, few)):
            common.say(f"{gone} ältere gelöscht.")
        for fault in made.faults:
            common.complain(fault)
        if not secrets and (opened.root / "secrets").is_dir() and any((opened.root / "secrets").iterdir()):
            common.say("Ohne secrets/: Bewahren Sie die Kennwörter gesondert auf.")
        raise typer.Exit(2 if made.faults else 0)


def restore_command(
    folder: Annotated[Path, typer.Argument(metavar="SICHERUNG", help="Ordner der Sicherungen.")],
    root: Annotated[Path, typer.Argument(metavar="ORDNER", help="Neuer, leerer Ordner der Installation.")],
    generation: Annotated[str, typer.Option("--generation", help="Welche (backup --list zeigt sie); sonst die neueste.")] = "",
    database_url: Annotated[str, typer.Option(
        "--database-url", help="Leere Datenbank, in die wiederhergestellt wird; nötig bei PostgreSQL.")] = "",
) -> None:
    """Aus einer Sicherung eine Installation machen, in einem neuen Ordner. Danach: poststelle verify."""
    done = restore.restore(folder, restore.choose(folder, generation), root, database_url=database_url)
    mended = restore.mend_mirror(done.home, _stores(done.home))
    common.say(f"Wiederhergestellt ist der Stand vom {common.day(datetime.fromisoformat(done.made.began_at))}: "
               f"{done.blobs} Dateien der Post, {done.files} andere; {mended} Schriftstücke neu in die Akten gestellt.")
    if done.loose:
        common.say(f"{done.loose} Dateien gehören zu keiner Zeile: Sie kamen während der Sicherung oder nach einem Abbruch.")
    if not done.made.secrets:
        common.say(f"Die Kennwörter waren nicht gesichert: Legen Sie sie wieder in {done.home.root / 'secrets'}.")
    common.say(f"Prüfen Sie: {program()} --home {done.home.root} verify")
    if done.home.heads:
        common.say("Wenn diese Installation die alte ersetzt und danach schon etwas veröffentlicht war: "
                   f"{program()} --home {done.home.root} journal publish --restored")
    for fault in (*done.made.faults, *done.faults):
        common.complain(fault)
    raise typer.Exit(2 if done.made.faults or done.faults else 0)


def _folder(home: Path | None) -> Path:
    said = common.open_home(home).settings.backup.folder
    if not said:
        raise ConfigError("Wohin? Nennen Sie den Ordner der Sicherungen, oder tragen Sie ihn unter [backup] folder ein.")
    return Path(said)


def _list(place: Path) -> None:
    found = backup.generations(place)
    common.table("", ("Sicherung", "vom", "Umfang", "neu", "Schwächen"), (
        (made.id, datetime.fromisoformat(made.began_at), _size(made.counts["bytes"]), _size(made.counts["new_bytes"]),
         len(made.faults) or "") for made in found), empty=f"In {place} ist keine fertige Sicherung.")


def _stores(home: Home) -> Callable[[str], Sequence[Store]]:
    room = postroom.build(home)
    room.db.close()  # only the stores are wanted, and they do not ask it
    return room.stores


def _size(number: int) -> str:
    return f"{number / 2**20:.1f} MiB".replace(".", ",")
