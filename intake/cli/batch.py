"""batch: old files digitised by the thousand. new, run, pause, status, differences, decide, close."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from sqlalchemy import Connection

from intake.backfile import balance, people, taking
from intake.blobs import Blobs
from intake.box import Box
from intake.cli import common
from intake.cli.running import STATES, run_work
from intake.config import Home, Tenant
from intake.db import batches as lose
from intake.db import differences as abweichungen
from intake.db.batches import Batch, Numbers
from intake.db.core import Database, utcnow
from intake.db.differences import Difference, tally
from intake.db.dump import file_of
from intake.errors import Refused

app = typer.Typer(no_args_is_help=True, help="Altakten: gelieferte Ordner und Datenträger als Stapel verarbeiten.")

NameArgument = Annotated[str, typer.Argument(help="Name des Stapels.")]


@app.command("new")
def new_command(
    name: NameArgument,
    folder: Annotated[Path, typer.Argument(help="Ordner mit den gelieferten Dateien; er wird nur gelesen.")],
    profile: Annotated[str, typer.Option("--profile", help="Profil aus [[tenant.backfile]].")] = "",
    index: Annotated[Path | None, typer.Option("--index", help="Verzeichnis des Dienstleisters (CSV, XLSX oder XML).")] = None,
    master: Annotated[Path | None, typer.Option("--master", help="Aktenverzeichnis: was geliefert sein muss.")] = None,
    home: common.HomeOption = None, tenant: common.TenantOption = None, by: common.ByOption = None,
) -> None:
    """Einen Stapel anlegen: Ordner aufnehmen, mit Verzeichnis und Aktenverzeichnis vergleichen. Gelesen wird erst mit „run“."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db, closing(Box(place.settings.box)) as box, _listing() as told:
        batch, layout = taking.new_batch(db, town, taking.profile_of(town, profile), name, folder, f"clerk:{common.clerk(by)}",
                                         index=index, master=master, box=box, told=told)
        with db.read() as conn:
            found = abweichungen.differences_of(conn, batch.id)
    files = sum(len(unit.members) for unit in layout.units)
    common.say(f"Stapel „{batch.name}“: {files} Dateien in {len(layout.units)} Einheiten, {len(found)} Abweichungen vom "
               f"Verzeichnis. Weiter mit: poststelle batch run {name}")


@contextmanager
def _listing() -> Iterator[Any]:
    with Progress(TextColumn("Dateien"), TextColumn("{task.completed:.0f}"), TimeElapsedColumn(), console=common.console(),
                  transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda number: bar.update(task, completed=number) if number % 100 == 0 else None


@app.command("run")
def run_command(name: NameArgument, home: common.HomeOption = None, tenant: common.TenantOption = None,
                by: common.ByOption = None) -> None:
    """Den Stapel aufnehmen, lesen und schneiden, bis nichts mehr zu tun ist. Strg+C hält an; „run“ macht dort weiter."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db:
        batch = named(db, town, name)
        with db.transaction() as tx:
            batch = people.resume(tx, batch, f"clerk:{common.clerk(by)}")
        with _bar(db, batch) as told:
            code = _watch(db, batch, told) if at_work(place) else run_work(place, until_idle=True, told=told, quiet=told is None)
        found = reconciled(db, place, batch)
        with db.read() as conn:
            numbers = lose.numbers(conn, batch)
    common.say(f"Stapel „{name}“: {numbers.pages} Seiten, {sum(numbers.documents.values())} Schriftstücke, "
               f"{found} Abweichungen, davon {numbers.undecided} offen. Ansehen: poststelle batch differences {name}")
    raise typer.Exit(code)


def at_work(home: Home) -> bool:
    """Whether a `poststelle work` of this machine holds the installation (it takes the batch in by itself)."""
    path = file_of(home.engine_url)
    if path is None or not path.with_suffix(".lock").exists():
        return False
    with path.with_suffix(".lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _watch(db: Database, batch: Batch, told: Callable[[dict[str, Any]], None] | None) -> int:
    """Show how the worker that runs already gets on, until every file is read."""
    while True:
        with db.read() as conn:
            numbers = lose.numbers(conn, batch)
            state = next((one.state for one in lose.batches_of(conn, batch.tenant) if one.id == batch.id), lose.CLOSED)
        if told is not None:
            told({})
        if (not numbers.waiting and numbers.opened == numbers.items) or state != lose.OPEN:
            return 0
        time.sleep(2)


@contextmanager
def _bar(db: Database, batch: Batch) -> Iterator[Callable[[dict[str, Any]], None] | None]:
    """Progress of this batch in a terminal: files read of all, pages, pages a minute, time left; None where nobody sees it, as
    counting once a second costs more than taking in."""
    if not common.console().is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"),
               TimeElapsedColumn(), TimeRemainingColumn())
    begun = utcnow()
    with db.read() as conn:
        before = lose.numbers(conn, batch)
    with Progress(*columns, console=common.console(), transient=False) as bar:
        task = bar.add_task(f"Stapel {batch.name}", total=before.items, completed=before.opened, said="")

        def tell(_: dict[str, Any]) -> None:
            with db.read() as conn:
                numbers = lose.numbers(conn, batch)
            minutes = max((utcnow() - begun).total_seconds(), 1) / 60
            rate = (numbers.pages - before.pages) / minutes
            bar.update(task, completed=numbers.opened, said=f"{numbers.pages} Seiten, {rate:.0f} je Minute")

        yield tell


@app.command("pause")
def pause_command(name: NameArgument, home: common.HomeOption = None, tenant: common.TenantOption = None,
                  by: common.ByOption = None) -> None:
    """Den Stapel anhalten. Was gerade gelesen wird, wird fertig; „run“ macht weiter."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db:
        batch = named(db, town, name)
        with db.transaction() as tx:
            people.pause(tx, batch, f"clerk:{common.clerk(by)}")
    common.say(f"Der Stapel „{name}“ ruht. Weiter mit: poststelle batch run {name}")


@app.command("ls")
def list_command(home: common.HomeOption = None, tenant: common.TenantOption = None) -> None:
    """Alle Stapel mit Stand."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db, db.read() as conn:
        every = [(batch, lose.numbers(conn, batch)) for batch in lose.batches_of(conn, town.name)]
    common.table("", ("Stapel", "Profil", "Stand", "Dateien", "gelesen", "Seiten", "Abweichungen", "offen"), [
        (batch.name, batch.profile, lose.STATES[batch.state], numbers.items, numbers.opened, numbers.pages, numbers.differences,
         numbers.undecided) for batch, numbers in every], empty="Es gibt keinen Stapel.")


@app.command("status")
def status_command(name: NameArgument, home: common.HomeOption = None, tenant: common.TenantOption = None,
                   as_json: common.JsonOption = False) -> None:
    """Wie weit ein Stapel ist und was ihn noch vom Abschluss trennt."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db:
        batch = named(db, town, name)
        with db.read() as conn:
            numbers, seconds = lose.numbers(conn, batch), lose.started(conn, batch)
            still = people.obstacles_in(conn, batch, numbers)
    if as_json:
        typer.echo(json.dumps({"name": batch.name, "state": batch.state, **asdict(numbers), "seconds": seconds,
                               "obstacles": still}, ensure_ascii=False))
        return
    common.table("", ("Stapel", name), list(_rows(batch, numbers, seconds)))
    for sentence in still:
        common.say(sentence)


def _rows(batch: Batch, numbers: Numbers, seconds: float) -> Iterator[tuple[str, object]]:
    yield "Stand", lose.STATES[batch.state]
    yield "Ordner", batch.folder
    yield "Dateien (Einheiten)", f"{numbers.opened} von {numbers.items} gelesen"
    yield "Seiten", f"{numbers.pages}" + (f" von {numbers.pages_expected} nach Verzeichnis" if numbers.pages_expected else "")
    yield "Seiten je Stunde", round(numbers.pages / seconds * 3600) if seconds else "-"
    for state, number in sorted(numbers.documents.items()):
        yield f"Schriftstücke: {STATES.get(state, state)}", number
    yield "Abweichungen", f"{numbers.differences}, davon {numbers.undecided} offen"


@app.command("differences")
def differences_command(
    name: NameArgument, kind: Annotated[str, typer.Option("--kind", help="Nur diese Art, etwa double.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="So viele höchstens, offene zuerst.")] = 200,
    home: common.HomeOption = None, tenant: common.TenantOption = None, as_json: common.JsonOption = False,
) -> None:
    """Neu vergleichen und zeigen, was nicht stimmt: fehlende, überzählige, doppelte, unlesbare, falsch gezählte."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db:
        batch = named(db, town, name)
        reconciled(db, place, batch)
        with db.read() as conn:
            found = abweichungen.differences_of(conn, batch.id, kind=kind, limit=None if as_json else limit)
            number = sum(many for (one, _), many in tally(conn, batch).items() if kind in ("", one))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    common.table("", ("Nummer", "Art", "Was", "Entscheidung"), [
        (common.short(one.id), abweichungen.KINDS.get(one.kind, one.kind), one.sentence,
         f"{people.DECISIONS[one.decision]} ({one.decided_by})" if one.decision else "offen") for one in found],
        empty="Es gibt keine Abweichungen.")
    if number > len(found):
        common.say(f"{len(found)} von {number}. Mehr zeigen --limit und --kind; alle stehen in der Tabelle zum Bericht: "
                   f"poststelle batch report {name}")


def reconciled(db: Database, home: Home, batch: Batch) -> int:
    """Compare again, with progress where many Akten changed; how many differences there are."""
    with Progress(TextColumn("Vergleichen, noch Dateien:"), TextColumn("{task.completed:.0f}"), TimeElapsedColumn(),
                  console=common.console(), transient=True) as bar:
        task = bar.add_task("", total=None)
        return len(balance.reconcile(db, Blobs(home.blobs(batch.tenant)), batch, lambda left: bar.update(task, completed=left)))


@app.command("decide")
def decide_command(
    name: NameArgument,
    number: Annotated[str, typer.Argument(help="Nummer der Abweichung, oder „alle“ mit --kind.")],
    decision: Annotated[str, typer.Argument(help=", ".join(f"{word} = {title}" for word, title in people.DECISIONS.items()))],
    kind: Annotated[str, typer.Option("--kind", help="Mit „alle“: nur diese Art, etwa double.")] = "",
    note: Annotated[str, typer.Option("--note", help="Begründung; sie steht im Protokoll.")] = "",
    home: common.HomeOption = None, tenant: common.TenantOption = None, by: common.ByOption = None,
) -> None:
    """Über eine Abweichung entscheiden."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db:
        batch = named(db, town, name)
        with db.read() as conn:
            chosen = list(_chosen(conn, batch, number, kind))
        with db.transaction() as tx:
            for one in chosen:
                people.decide(tx, batch, one, decision, note, f"clerk:{common.clerk(by)}")
    common.say(f"{len(chosen)} Abweichungen entschieden: {people.DECISIONS[decision]}.")


def _chosen(conn: Connection, batch: Batch, number: str, kind: str) -> Iterator[Difference]:
    every = abweichungen.differences_of(conn, batch.id, undecided=True)
    if number == "alle":
        if not kind:
            raise Refused("Mit „alle“ nennen Sie auch die Art: --kind double")
        yield from (one for one in every if one.kind == kind)
        return
    ending = number.strip().lstrip("…").upper()
    found = [one for one in every if len(ending) >= 4 and one.id.endswith(ending)]
    if len(found) != 1:
        raise Refused(f"„{number}“ ist keine offene Abweichung dieses Stapels. Die Liste zeigt: poststelle batch differences "
                      f"{batch.name}")
    yield found[0]


@app.command("close")
def close_command(name: NameArgument, home: common.HomeOption = None, tenant: common.TenantOption = None,
                  by: common.ByOption = None) -> None:
    """Den Stapel abschließen; das geht nur, wenn die Bilanz null ist oder jede Abweichung eine Entscheidung hat."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db:
        batch = named(db, town, name)
        reconciled(db, place, batch)
        people.close(db, batch, f"clerk:{common.clerk(by)}")
    common.say(f"Der Stapel „{name}“ ist abgeschlossen.")


def named(db: Database, tenant: Tenant, name: str) -> Batch:
    """The batch of this name. Raises Refused when there is none."""
    with db.read() as conn:
        batch = lose.batch_named(conn, tenant.name, name)
    if batch is None:
        raise Refused(f"Den Stapel „{name}“ gibt es nicht. Alle zeigt: poststelle batch ls")
    return batch

