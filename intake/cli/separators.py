"""poststelle separators: sheets to print that cut a stack, and Leitbelege that name the Akte of the pages behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Connection

from intake.cli import common
from intake.cli.common import HomeOption, TenantOption
from intake.db.akten import files_by_key
from intake.db.core import new_id, utcnow
from intake.db.plan import open_entries
from intake.errors import Refused
from intake.keys import notation_key, reference_key
from intake.sheetcode import LONGEST, Begins, SheetCode, encode
from intake.tables import read_rows
from intake.vocabulary import AktenplanEntry, File

if TYPE_CHECKING:
    from intake.sheetpdf import Printed

app = typer.Typer(no_args_is_help=True, help="Trennblätter und Leitbelege drucken.")
COLUMNS = {
    "aktenzeichen": "reference", "geschaeftszeichen": "reference", "az": "reference", "titel": "title", "betreff": "title",
    "bezeichnung": "title", "kennzeichen": "notation", "aktenplan": "notation", "art": "kind", "dokumentart": "kind"}
"""Columns of a list of Akten; the names of `registers import akten` are understood."""
MOST = 2000
LONGEST_VALUE = 120


@app.callback()
def _group() -> None:
    """Trennblätter und Leitbelege drucken."""  # keeps `print` a sub-command while it is the only one


@app.command("print")
def print_command(
    pdf: Annotated[Path, typer.Option("--pdf", help="Diese PDF-Datei schreiben.")],
    count: Annotated[int, typer.Option("--count", min=1, max=MOST, help="So viele Trennblätter.")] = 1,
    files: Annotated[Path | None, typer.Option(
        "--files", help="Leitbelege für diese Akten: CSV oder XLSX mit Aktenzeichen, Titel, auf Wunsch Kennzeichen und Art.",
        exists=True, dir_okay=False)] = None,
    batch: Annotated[bool, typer.Option(
        "--batch", help="Stapel-Trennblätter: Was frühere Blätter sagten, gilt nicht weiter.")] = False,
    file: Annotated[str, typer.Option("--file", help="Aktenzeichen: Was folgt, gehört in diese Akte.")] = "",
    entry: Annotated[str, typer.Option("--entry", help="Kennzeichen des Aktenplans für das, was folgt.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="Art der Schriftstücke, die folgen.")] = "",
    home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Trennblätter (oder mit --files Leitbelege) als PDF zum Ausdrucken schreiben, ein Blatt je Seite."""
    from intake import sheetpdf  # noqa: PLC0415  a second to import, needed for this command alone

    installation = common.open_home(home)
    town = common.the_tenant(installation, tenant)
    if files is not None and (batch or file or entry or kind):
        raise Refused("Mit --files stehen alle Angaben in der Liste. Lassen Sie --batch, --file, --entry und --kind weg.")
    with common.database(installation) as db, db.read() as conn:
        known = _Known(conn, town.name)
        if files is not None:
            sheets = _from_list(files, town.name, known)
        else:
            begins: Begins = "batch" if batch else "document"
            sheets = [known.sheet(SheetCode(new_id(), begins, town.name, entry.strip(), file.strip(), kind.strip()))
                      for _ in range(count)]
    with common.writing(pdf):
        sheetpdf.draw(sheets, town.title or town.name, pdf)
    common.say(f"{len(sheets)} {'Leitbelege' if files else 'Trennblätter'} in {pdf}. Drucken Sie sie in Originalgröße (100 %).")
    if known.missing:
        some = ", ".join(known.missing[:5]) + (" …" if len(known.missing) > 5 else "")
        common.say(f"{len(known.missing)} Angaben kennt diese Installation noch nicht ({some}); das Blatt schneidet trotzdem, "
                   "und das Aktenzeichen wird vorgeschlagen. Einlesen: poststelle registers import, poststelle aktenplan import")


class _Known:
    """The plan and the Akten of the tenant, to put titles on the sheets; `missing`: what neither of them knows."""

    def __init__(self, conn: Connection, tenant: str) -> None:
        self.files: dict[str, File] = files_by_key(conn, tenant)
        entries = open_entries(conn, tenant, utcnow().astimezone().date())
        self.by_notation: dict[str, AktenplanEntry] = {notation_key(one.notation): one for one in entries}
        self.by_id = {one.id: one for one in entries}
        self.missing: list[str] = []

    def sheet(self, code: SheetCode, title: str = "") -> Printed:
        """The sheet with its titles. Raises Refused for what does not fit into a code."""
        from intake.sheetpdf import Printed  # noqa: PLC0415

        if max(len(code.file), len(code.entry), len(code.kind)) > LONGEST_VALUE or len(encode(code)) > LONGEST:
            said = code.file or code.entry or code.kind
            raise Refused(f"„{said[:60]}…“ ist zu lang für ein Trennblatt. Kürzen Sie die Angabe.")
        file = self.files.get(reference_key(code.file)) if code.file else None
        entry = self.by_notation.get(notation_key(code.entry)) if code.entry else self.by_id.get(file.entry) if file else None
        for said, found in ((code.file, file), (code.entry, entry)):
            if said and found is None and said not in self.missing:
                self.missing.append(said)
        shown = f"{entry.notation} {entry.title}" if entry else code.entry
        return Printed(code, title or (file.title if file else ""), shown)


def _from_list(path: Path, tenant: str, known: _Known) -> list[Printed]:
    """A Leitbeleg for each row; raises Refused for an empty list or one that is too long, ConfigError as `read_rows` does."""
    rows = [row for _, row in read_rows(path, COLUMNS, ("reference",)) if row["reference"]]
    if not 1 <= len(rows) <= MOST:
        raise Refused(f"{path} nennt {len(rows)} Akten; gedruckt werden 1 bis {MOST} Leitbelege auf einmal. "
                      "Teilen Sie die Liste auf.")
    return [known.sheet(SheetCode(new_id(), "file", tenant, row.get("notation", ""), row["reference"], row.get("kind", "")),
                        row.get("title", "")) for row in rows]
