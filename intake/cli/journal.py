"""journal: look at it, prove it, publish it, export it, forget what stands beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from intake import heads, journal, postroom
from intake.cli import common
from intake.cli.common import ByOption, HomeOption, TenantOption
from intake.config import Home
from intake.db.history import entry_texts, newest_entries
from intake.db.lists import id_by_ending
from intake.errors import ConfigError, Refused
from intake.journal import Entry, Fault, Head, check, entries, losses
from intake.vocabulary import Viewer

app = typer.Typer(no_args_is_help=True, help="Das Protokoll: wer wann was tat, verkettet.")
Ident = Annotated[str, typer.Argument(metavar="NUMMER", help="Schriftstück oder Sendung; die letzten Zeichen genügen.")]
VERIFIER = Path(journal.__file__).with_name("pruefe_protokoll.py")


@app.command("ls")
def ls(
    subject: Annotated[str, typer.Argument(metavar="[NUMMER]", help="Nur zu diesem Schriftstück oder dieser Sendung.")] = "",
    home: HomeOption = None, tenant: TenantOption = None,
    limit: Annotated[int, typer.Option("--limit", help="Die letzten so vielen.")] = 50,
) -> None:
    """Die letzten Einträge des Protokolls."""
    opened, name = _place(home, tenant)
    with common.database(opened) as db, db.read() as conn:
        if subject:
            found = list(entries(conn, name, _subject(conn, name, subject)))[-limit:]
        else:
            found = _numbered(conn, name, newest_entries(conn, name, limit))
    common.table("", ("Nr.", "wann", "wer", "was", "woran"), (
        (one.seq, one.at, one.actor, one.action, "\n".join(f"{kind} {common.short(id)}" for kind, id in one.subjects.items()))
        for one in found), empty="Kein Eintrag.")


@app.command("show")
def show(number: Annotated[int, typer.Argument(metavar="NR")], home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Einen Eintrag ganz zeigen, mit seinen Angaben und seiner Verkettung."""
    opened, name = _place(home, tenant)
    with common.database(opened) as db, db.read() as conn:
        found = next(iter(_numbered(conn, name, [number])), None)
        told = journal.values(conn, name, [number]).get(number)
    if found is None:
        raise Refused(f"Den Eintrag {number} gibt es nicht. Sehen Sie nach: poststelle journal ls")
    before, after = (told.old, told.new) if told else (None, None)
    common.table(f"Eintrag {number}", ("", ""), (
        ("wann", found.at), ("wer", found.actor), ("was", found.action),
        ("woran", "\n".join(f"{kind} {id}" for kind, id in found.subjects.items())),
        ("alter Stand", _told(before, found.old)), ("neuer Stand", _told(after, found.new)),
        ("voriger Eintrag", found.prev), ("Prüfsumme", found.hash)))


def _told(values: object, digest: str | None) -> str:
    if digest is None:
        return "–"
    return "(Angaben gelöscht)" if values is None else json.dumps(values, ensure_ascii=False, indent=1)


@app.command("verify")
def verify(
    home: HomeOption = None,
    shown: Annotated[list[Path] | None, typer.Option(
        "--heads", metavar="DATEI", help="Was veröffentlicht ist (Datei, E-Mail), auch mehrmals; sonst [journal] heads.")] = None,
) -> None:
    """Die Ketten aller Mandanten prüfen, auch gegen das, was außerhalb veröffentlicht ist."""
    opened = common.open_home(home)
    published: list[Head] = []
    faults: list[Fault] = []
    with common.database(opened) as db, db.read() as conn:
        if shown:
            for path in shown:
                found, wrong = heads.read(path)
                published += found
                faults += [Fault("heads", str(path), f"Zeile {line} ist kein Stand eines Protokolls.") for line in wrong]
        elif opened.heads:
            published, faults = heads.known(conn, opened.heads)
        notes = [note for one in opened.settings.tenant for note in losses(published, one.name)]
        for one in opened.settings.tenant:
            faults += check(conn, one.name, published)
    common.table("", ("Was", "Befund"), ((fault.subject, fault.detail) for fault in faults),
                 empty=f"Das Protokoll ist ganz; verglichen mit {len(published)} veröffentlichten Ständen.")
    for note in notes:
        common.say(note)
    if not published:
        common.say("Nichts ist veröffentlicht: Ein neu geschriebenes Protokoll fiele nicht auf. Nennen Sie [journal] heads.")
    raise typer.Exit(2 if faults else 0)


@app.command("publish")
def publish(
    home: HomeOption = None,
    restored: Annotated[bool, typer.Option(
        "--restored", help="Sagen, dass nach einer Wiederherstellung fehlt, was danach schon veröffentlicht war.")] = False,
    by_mail: Annotated[bool, typer.Option("--mail", help="Auch per E-Mail an [journal] mail_to (einmal am Tag).")] = False,
) -> None:
    """Den Stand aller Protokolle veröffentlichen; der Dienst tut es stündlich von selbst."""
    opened = common.open_home(home)
    names = [one.name for one in opened.settings.tenant]
    if opened.heads is None and not by_mail:
        raise ConfigError("Wohin? Nennen Sie in poststelle.toml unter [journal] heads eine Datei außerhalb, auf einem anderen "
                          "Rechner oder Datenträger.")
    with common.database(opened) as db:
        if opened.heads is not None:
            fresh = heads.publish(db, names, opened.heads, restored=restored)
            for head in fresh:
                common.say(heads.line(head).strip())
            common.say(f"{len(fresh)} neue Zeilen in {opened.heads}.")
        if by_mail:
            said, send = opened.settings.journal, postroom.sending(opened)
            if send is None or not said.mail_to:
                raise ConfigError("Nennen Sie in poststelle.toml [journal] mail_to und unter [smtp] einen Mailserver.")
            went = heads.mail(db, names, send, said.mail_to, said.mail_from)
            common.say(f"Gesendet an {said.mail_to}." if went else "Nichts Neues, oder heute schon gesendet.")


@app.command("export")
def export(
    path: Annotated[Path, typer.Argument(metavar="DATEI")], home: HomeOption = None, tenant: TenantOption = None,
    with_values: Annotated[bool, typer.Option(
        "--values", help="Mit den alten und neuen Ständen. Sie enthalten personenbezogene Angaben.")] = False,
) -> None:
    """Das Protokoll für Prüfer schreiben, je Zeile ein Eintrag (JSON), mit dem Programm, das es ohne uns prüft."""
    opened = common.open_home(home)
    names = [one.name for one in opened.settings.tenant]
    if common.tenant_named(tenant):
        names = [common.the_tenant(opened, tenant).name]
    written = 0
    with ExitStack() as stack:
        stack.enter_context(common.writing(path))
        conn = stack.enter_context(stack.enter_context(common.database(opened)).read())
        file = stack.enter_context(path.open("w", encoding="utf-8"))
        for name in names:
            for line in journal.export(conn, name, with_values=with_values):
                file.write(line + "\n")
                written += 1
    common.say(f"{written} Einträge in {path}. Prüfen ohne die Poststelle (mit den veröffentlichten Ständen dahinter):")
    common.say(f"  python3 {VERIFIER} {path} {opened.heads or 'STAND.txt'}")


@app.command("forget")
def forget(ident: Ident, home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None,
           sure: Annotated[bool, typer.Option("--yes", help="Ohne diese Angabe wird nur gezählt.")] = False) -> None:
    """Löschen, was das Protokoll zu einem Schriftstück oder einer Sendung an Angaben aufbewahrt. Die Kette bleibt ganz."""
    opened, name = _place(home, tenant)
    with common.database(opened) as db:
        with db.read() as conn:
            subject = _subject(conn, name, ident)
            kept = journal.values(conn, name, [entry.seq for entry in entries(conn, name, subject)])
        if not sure:
            common.say(f"Zu {len(kept)} Einträgen gibt es Angaben. Endgültig löschen: poststelle journal forget {ident} --yes")
            return
        with db.transaction() as tx:
            deleted = journal.forget(tx, name, f"clerk:{common.clerk(by)}", subject)
    common.say(f"Die Angaben zu {deleted} Einträgen sind gelöscht; das Protokoll sagt, dass es geschah.")


def _numbered(conn: Connection, tenant: str, seqs: Sequence[int]) -> list[Entry]:
    return [journal.entry_from(json.loads(text), digest) for text, digest in entry_texts(conn, tenant, seqs)]


def _place(home: Path | None, tenant: str | None) -> tuple[Home, str]:
    opened = common.open_home(home)
    return opened, common.the_tenant(opened, tenant).name


def _subject(conn: Connection, tenant: str, ending: str) -> str:
    viewer = Viewer(tenant)
    try:
        return id_by_ending(conn, viewer, ending, "document")
    except Refused:
        return id_by_ending(conn, viewer, ending, "delivery")
