"""registers import | ls | show | export: Akten, Vorgänge and what the municipality knows besides."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from intake.cli import common
from intake.cli.common import ByOption, HomeOption, TenantOption
from intake.db import akten
from intake.db.lists import opening_days
from intake.db.plan import all_entries
from intake.errors import Refused
from intake.receive_registers import KINDS, import_file

app = typer.Typer(no_args_is_help=True, help="Akten, Vorgänge und Register, die die Gemeinde schon hat.")
FILE_COLUMNS = ("reference", "title", "notation", "opened_on", "closed_on", "parcel", "address", "persons", "former", "office",
                "handler")
CASE_COLUMNS = ("file", "reference", "title", "closed_on")
Kind = Annotated[str, typer.Argument(metavar="REGISTER", help=", ".join(KINDS))]
Row = Sequence[object]


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise Refused(f"Das Register „{kind}“ gibt es nicht. Möglich sind: {', '.join(KINDS)}.")
    return kind


@app.command("import")
def import_(
    kind: Kind, path: Annotated[Path, typer.Argument(metavar="DATEI", help="CSV oder XLSX.")],
    home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None,
) -> None:
    """Ein Register aus einer Datei übernehmen."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db:
        report, left_out = import_file(db, name, _known(kind), path, f"clerk:{common.clerk(by)}")
    for line in (*left_out, *report.kept):
        common.say(line)
    common.say(report.line())


@app.command("ls")
def ls(home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Welche Register es gibt und wie viel darin steht."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        rows = [(kind, len(_rows(conn, name, kind)[1])) for kind in KINDS]
    common.table("", ("Register", "Zeilen"), rows)


@app.command("show")
def show(
    kind: Kind, words: Annotated[list[str] | None, typer.Argument(metavar="[WORT]...")] = None,
    home: HomeOption = None, tenant: TenantOption = None,
    limit: Annotated[int, typer.Option("--limit", help="Höchstens so viele Zeilen.")] = 50,
) -> None:
    """Die Zeilen eines Registers zeigen, auf Wunsch nur die mit diesen Wörtern."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        columns, rows = _rows(conn, name, _known(kind))
    wanted = [word.casefold() for word in words or ()]
    found = [row for row in rows if all(word in " ".join(map(str, row)).casefold() for word in wanted)]
    common.table(kind, columns, found[:limit], empty="Keine Zeile gefunden.")
    if len(found) > limit:
        common.say(f"… und {len(found) - limit} weitere (mehr mit --limit).")


@app.command("export")
def export(
    kind: Kind, path: Annotated[Path, typer.Argument(metavar="DATEI", help="CSV-Datei, die geschrieben wird.")],
    home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Ein Register als CSV schreiben; „registers import“ liest es wieder."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        columns, rows = _rows(conn, name, _known(kind))
    with common.writing(path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([value.isoformat() if isinstance(value, date) else value for value in row] for row in rows)
    common.say(f"{len(rows)} Zeilen stehen in {path}.")


def _rows(conn: Connection, tenant: str, kind: str) -> tuple[Sequence[str], list[Row]]:
    """The columns of a register (as its import reads them) and its rows."""
    if kind == "files":
        return FILE_COLUMNS, list(_files(conn, tenant))
    if kind == "cases":
        return CASE_COLUMNS, [
            (file.reference, case.reference, case.title, case.closed_on)
            for _, file in sorted(akten.files_by_key(conn, tenant).items()) for case in akten.cases_of(conn, tenant, file.id)]
    found = akten.register_rows(conn, tenant, kind)
    columns = list(dict.fromkeys(name for row in found for name in row.values))
    return ("key", *columns), [(row.key, *(row.values.get(name, "") for name in columns)) for row in found]


def _files(conn: Connection, tenant: str) -> Iterable[Row]:
    notations = {entry.id: entry.notation for entry in all_entries(conn, tenant)}
    opened = opening_days(conn, tenant)
    for _, file in sorted(akten.files_by_key(conn, tenant).items()):
        yield (file.reference, file.title, notations.get(file.entry, file.entry), opened[file.id], file.closed_on, file.parcel,
               file.address, "|".join(file.persons), "|".join(file.former), file.office, file.handler)
