"""efile: the built-in store from the command line. Search and export add their commands in files of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from intake import akten
from intake.cli import common
from intake.cli.aktenplan import DISPOSALS
from intake.cli.common import ByOption, HomeOption, RevisionOption, TenantOption
from intake.cli.searching import index_command, search_command
from intake.config import Tenant
from intake.db.access import see_document, see_file
from intake.db.core import Tx, utcnow
from intake.db.efile import list_due, list_files, show_file, versions_of
from intake.db.lists import id_by_ending
from intake.db.plan import entry_by_notation, get_entry
from intake.errors import Refused
from intake.vocabulary import Viewer

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Die E-Akte: Akten, Vorgänge und was darin liegt.")
app.command("search")(search_command)
app.command("index")(index_command)
FileArgument = Annotated[str, typer.Argument(metavar="AKTENZEICHEN", help="Aktenzeichen einer Akte.")]
CaseOption = Annotated[str, typer.Option("--case", help="Nummer eines Vorgangs in der Akte.")]


def _do(home: Path | None, tenant: str | None, verb: Callable[[Tx, Tenant, Viewer], T]) -> T:
    """Call a verb of `akten` in one transaction, as the operator."""
    opened = common.open_home(home)
    settings = common.the_tenant(opened, tenant)
    with common.database(opened) as db, db.transaction() as tx:
        return verb(tx, settings, Viewer(settings.name))


@app.command("ls")
def ls(words: Annotated[list[str] | None, typer.Argument(metavar="[WORT...]", help="In Aktenzeichen, Titel, Flurstück.")] = None,
       entry: Annotated[str, typer.Option("--entry", help="Nur unter diesem Kennzeichen.")] = "",
       closed: Annotated[bool | None, typer.Option("--closed/--open", help="Nur mit zdA, nur ohne.")] = None,
       limit: Annotated[int, typer.Option("--limit", help="Höchstens so viele.")] = 100,
       home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Die Akten, nach Aktenzeichen."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        today = utcnow().astimezone().date()
        unit = (entry_by_notation(conn, name, entry, today) or get_entry(conn, name, entry)) if entry else None
        if entry and unit is None:
            raise Refused(f"Das Kennzeichen {entry} gibt es nicht. Suchen Sie es mit: poststelle aktenplan ls WORT")
        found = list_files(conn, Viewer(name), " ".join(words or ()), entry=unit.id if unit else "", closed=closed, limit=limit)
    common.table("", ("Aktenzeichen", "Titel", "Kennzeichen", "Schriftst.", "angelegt", "zdA"), (
        (one.file.reference, one.file.title, one.notation, one.documents, one.opened_on, one.file.closed_on) for one in found),
        empty="Keine Akte gefunden.")


@app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="AKTENZEICHEN|NUMMER", help="Eine Akte, oder ein Schriftstück.")],
         home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Eine Akte mit ihrem Inhalt, oder ein Schriftstück mit seinen Fassungen."""
    opened = common.open_home(home)
    viewer = Viewer(common.the_tenant(opened, tenant).name)
    with common.database(opened) as db, db.read() as conn:
        try:
            akte = show_file(conn, viewer, name)
        except Refused:
            versions = versions_of(conn, viewer, id_by_ending(conn, viewer, name, "document"))
            common.table(f"Schriftstück {name}", ("Fassung", "Akte", "Titel", "abgelegt", "bis", "Prüfsumme"), (
                (one.number, one.file.reference if one.file else "", one.title, one.at, one.undone_at, one.sha256[:12])
                for one in versions), empty="Dieses Schriftstück wurde noch nie abgelegt.")
            return
    file, entry = akte.line.file, akte.entry
    common.table(f"Akte {file.reference}", ("", ""), (
        ("Titel", file.title), ("Aktenplan", f"{entry.notation} {entry.title}"), ("frühere Aktenzeichen", ", ".join(file.former)),
        ("Federführung", file.office), ("Flurstück", file.parcel), ("Anschrift", file.address), ("angelegt", akte.line.opened_on),
        ("zdA", file.closed_on), ("Aufbewahrung", "dauernd" if entry.retention is None else f"{entry.retention} Jahre"),
        ("danach", DISPOSALS[entry.disposal])))
    names = {case.id: case.reference for case in akte.cases}
    if akte.cases:
        common.table("Vorgänge", ("Nr.", "Titel", "abgeschlossen"), (
            (one.reference, one.title, one.closed_on) for one in akte.cases))
    common.table("Schriftstücke", ("Nummer", "Titel", "Vorgang", "S.", "eingegangen", "abgelegt", "Fassung"), (
        (common.short(one.document), f"  Anlage: {one.title}" if one.parent else one.title, names.get(one.case or "", ""),
         one.pages, one.received_at, one.filed_at, one.version) for one in akte.documents), empty="Die Akte ist leer.")


@app.command("open")
def open_command(
    title: Annotated[str, typer.Argument(metavar="TITEL", help="Worum es geht.")],
    entry: Annotated[str, typer.Option("--entry", help="Kennzeichen, unter dem eine Akte angelegt wird.")] = "",
    file: Annotated[str, typer.Option("--file", help="Akte, in der ein Vorgang angelegt wird.")] = "",
    reference: Annotated[str, typer.Option("--reference", help="Aktenzeichen; sonst das nächste.")] = "",
    office: Annotated[str, typer.Option("--office", help="Federführendes Amt.")] = "",
    home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None,
) -> None:
    """Eine Akte anlegen (--entry), oder einen Vorgang in einer Akte (--file)."""
    if bool(entry) == bool(file):
        raise Refused("Nennen Sie entweder --entry (neue Akte) oder --file (neuer Vorgang in dieser Akte).")
    who = common.clerk(by)
    if file:
        case = _do(home, tenant, lambda tx, _, viewer: akten.open_case(tx, viewer, who, file, title))
        common.say(f"Vorgang {case.reference} „{case.title}“ ist angelegt.")
        return
    made = _do(home, tenant, lambda tx, settings, viewer: akten.open_file(
        tx, settings, viewer, who, entry, title, reference=reference, office=office))
    common.say(f"Akte {made.reference} „{made.title}“ ist angelegt.")


@app.command("rename")
def rename(name: FileArgument, title: Annotated[str, typer.Argument(metavar="TITEL")], case: CaseOption = "",
           home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None) -> None:
    """Einer Akte, oder mit --case einem Vorgang, einen anderen Titel geben."""
    who = common.clerk(by)
    if case:
        _do(home, tenant, lambda tx, _, viewer: akten.rename_case(tx, viewer, who, name, case, title))
    else:
        _do(home, tenant, lambda tx, _, viewer: akten.rename_file(tx, viewer, who, name, title))
    common.say(f"Der Titel heißt jetzt „{title}“.")


@app.command("close")
def close(name: FileArgument, case: CaseOption = "",
          on: Annotated[str, typer.Option("--on", help="Tag, etwa 31.12.2025; sonst heute.")] = "",
          again: Annotated[bool, typer.Option("--reopen", help="Zurücknehmen.")] = False,
          home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None) -> None:
    """Eine Akte zu den Akten schreiben (zdA), mit --case nur einen Vorgang abschließen; --reopen nimmt es zurück."""
    who, day = common.clerk(by), _day(on)
    if again and case:
        _do(home, tenant, lambda tx, _, viewer: akten.reopen_case(tx, viewer, who, name, case))
    elif again:
        _do(home, tenant, lambda tx, _, viewer: akten.reopen_file(tx, viewer, who, name))
    elif case:
        _do(home, tenant, lambda tx, _, viewer: akten.close_case(tx, viewer, who, name, case, day))
    else:
        _do(home, tenant, lambda tx, _, viewer: akten.close_file(tx, viewer, who, name, day))
    common.say(f"{'Der Vorgang' if case else 'Die Akte'} ist {'wieder offen' if again else 'abgeschlossen' if case else 'zdA'}.")


def _day(text: str) -> date | None:
    if not text:
        return None
    for form in ("%d.%m.%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise Refused(f"„{text}“ ist kein Datum. Schreiben Sie es als 31.12.2025 oder 2025-12-31.")


@app.command("move")
def move(name: Annotated[str, typer.Argument(metavar="NUMMER|AKTENZEICHEN", help="Ein abgelegtes Schriftstück, oder eine Akte.")],
         to: Annotated[str, typer.Option("--to", help="Akte, in die das Schriftstück kommt.")] = "",
         case: Annotated[str, typer.Option("--case", help="Vorgang in der neuen Akte.")] = "",
         entry: Annotated[str, typer.Option("--entry", help="Kennzeichen, unter das die Akte kommt.")] = "",
         renumber: Annotated[bool, typer.Option("--renumber", help="Der Akte dort ein neues Aktenzeichen geben.")] = False,
         home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Ein Schriftstück in eine andere Akte legen (--to), oder eine ganze Akte unter einen anderen Eintrag (--entry)."""
    if bool(to) == bool(entry):
        raise Refused("Nennen Sie entweder --to (andere Akte für ein Schriftstück) oder --entry (anderer Eintrag).")
    who = common.clerk(by)

    def verb(tx: Tx, settings: Tenant, viewer: Viewer) -> str:
        if entry and _is_file(tx, viewer, name):
            return akten.move_file(tx, settings, viewer, who, name, entry, renumber=renumber).reference
        document = see_document(tx.connection, viewer, id_by_ending(tx.connection, viewer, name, "document"))
        where = {"file": to, "case": case} if to else {"entry": entry}
        akten.move_document(tx, settings, viewer, document.id, document.revision if revision is None else revision, who, where)
        return to or entry

    common.say(f"Verschoben nach {_do(home, tenant, verb)}. Die Ordner folgen beim nächsten: poststelle work")


def _is_file(tx: Tx, viewer: Viewer, name: str) -> bool:
    try:
        see_file(tx.connection, viewer, name)
    except Refused:
        return False
    return True


@app.command("due")
def due(on: Annotated[str, typer.Option("--on", help="An diesem Tag; sonst heute.")] = "",
        home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Akten, deren Aufbewahrungsfrist vorbei ist. Ausgesondert wird hier noch nichts."""
    opened = common.open_home(home)
    name = common.the_tenant(opened, tenant).name
    with common.database(opened) as db, db.read() as conn:
        found = list_due(conn, Viewer(name), _day(on) or utcnow().astimezone().date())
    common.table("", ("Aktenzeichen", "Titel", "zdA", "aufzubewahren bis", "danach", "Schriftst."), (
        (one.file.reference, one.file.title, one.file.closed_on, one.kept_until, DISPOSALS[one.entry.disposal], one.documents)
        for one in found), empty="Es ist keine Aufbewahrungsfrist abgelaufen.")
