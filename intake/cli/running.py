"""work, status."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from intake import log, postroom
from intake.automatic import as_chosen, earned_line
from intake.cli import common
from intake.cli.common import HomeOption, JsonOption, TenantOption
from intake.config import Home
from intake.db.core import migrate
from intake.db.work import counts, next_retry

TELL_SECONDS = 10.0
"""How often progress is told where there is no terminal."""
STATES = {
    "RECEIVED": "eingegangen, wird gelesen", "OPENED": "gelesen", "TWIN": "Dublette", "CLARIFY": "in Klärung",
    "QUARANTINED": "in Quarantäne", "REJECTED": "zurückgewiesen", "NEW": "neu", "PROPOSED": "wartet auf Prüfung",
    "APPROVED": "freigegeben", "FILED": "abgelegt", "SUPERSEDED": "ersetzt", "live": "in Schriftstücken",
    "separator": "Trennblätter", "blank": "Leerseiten", "replaced": "durch Nachscan ersetzt", "double": "doppelt, ausgesondert",
    "aside": "Zettel und Rückseiten von Nachscans", "processed": "verarbeitet", "rejected": "nicht verarbeitbar",
    "quarantined": "in Quarantäne", "in_flight": "in Arbeit",
}
"""The German word of every state, page state and outcome."""


def work(
    home: HomeOption = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Enden, wenn keine Maschine mehr etwas tun kann.")] = False,
) -> None:
    """Post annehmen, lesen, vorschlagen und ablegen, bis Strg+C oder SIGTERM kommt."""
    raise typer.Exit(run_work(common.open_home(home), until_idle=until_idle))


def run_work(home: Home, *, until_idle: bool, told: Told | None = None, quiet: bool = False) -> int:
    """Run the mailroom of `home`; the exit code of `poststelle work`. `told` hears the numbers instead of the usual bar; `quiet`:
    nobody does, and nothing is counted."""
    from intake import feeder  # noqa: PLC0415  the engine costs 0.4 s to import, and only this command needs it

    migrate(home.database_url)
    shown = until_idle and told is None and not quiet and sys.stderr.isatty()
    log.setup(home.settings.log, home.root / "log", screen_level="warning" if until_idle else "")
    stopping = threading.Event()
    for tenant in home.settings.tenant:
        for profile in tenant.backfile:
            if not profile.rescan_folder:
                home.rescans(profile).mkdir(parents=True, exist_ok=True)
    room = postroom.build(home)
    try:
        lines = until_idle and told is None and not quiet
        with _signals(stopping), (_bar() if shown else _lines() if lines else _silence()) as progress:
            code = feeder.work(room, postroom.doors(home), until_idle=until_idle, stopping=stopping, progress=told or progress)
        if code == 3:
            with room.db.read() as conn:
                soonest = next_retry(conn)
            when = f" Der nächste Versuch ist am {common.day(soonest)}." if soonest else ""
            common.complain(f"Nicht alles ließ sich fertigstellen; es wird wieder versucht.{when} "
                            "Geben Sie dann wieder ein: poststelle work")
        return code
    finally:
        room.db.close()


@contextmanager
def _signals(stopping: threading.Event) -> Iterator[None]:
    """SIGTERM and Ctrl+C end the work cleanly: what runs is finished, nothing new is begun."""
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    kept = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, before in kept.items():
            signal.signal(number, before)


Told = Callable[[dict[str, Any]], None]


@contextmanager
def _silence() -> Iterator[Told | None]:
    yield None


@contextmanager
def _bar() -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"),
               TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=common.console(), transient=False) as bar:
        task = bar.add_task("Sendungen", total=0, said="")

        def tell(numbers: dict[str, Any]) -> None:
            done, total = _done(numbers)
            bar.update(task, completed=done, total=total, said=_said(numbers))

        yield tell


@contextmanager
def _lines() -> Iterator[Told]:
    last: dict[str, Any] = {"at": -TELL_SECONDS, "text": ""}

    def tell(numbers: dict[str, Any]) -> None:
        done, total = _done(numbers)
        text = f"Sendungen {done}/{total}, {_said(numbers)}"
        finished = not numbers.get("busy") and done == total
        if text != last["text"] and (finished or time.monotonic() - last["at"] >= TELL_SECONDS):
            last.update(at=time.monotonic(), text=text)
            common.say(text)

    yield tell


def _done(numbers: Mapping[str, Any]) -> tuple[int, int]:
    total = sum(numbers["deliveries"].values())
    return total - numbers["deliveries"].get("RECEIVED", 0), total


def _said(numbers: Mapping[str, Any]) -> str:
    documents = numbers["documents"]
    waits = documents.get("PROPOSED", 0) + documents.get("CLARIFY", 0)
    return f"{sum(numbers['pages'].values())} Seiten, {documents.get('FILED', 0)} abgelegt, {waits} warten auf Menschen"


def status(home: HomeOption = None, tenant: TenantOption = None, as_json: JsonOption = False) -> None:
    """Wie viel wovon da ist und worauf es wartet."""
    opened = common.open_home(home)
    named = common.the_tenant(opened, tenant).name if common.tenant_named(tenant) else None
    with common.database(opened) as db, db.read() as conn:
        numbers = counts(conn, named)
        towns = [as_chosen(conn, one) for one in opened.settings.tenant if named in (None, one.name)]
        earning = [(one.title or one.name, earned_line(conn, one)) for one in towns if one.rules.automatic]
    if as_json:
        typer.echo(json.dumps(numbers, ensure_ascii=False))
        return
    rows = [(title, STATES.get(state, state), number) for title, key in (
        ("Sendungen", "deliveries"), ("Schriftstücke", "documents"), ("Seiten", "pages"), ("Ergebnis", "outcome"))
        for state, number in numbers[key].items() if number]
    rows.append(("Klärungsfälle", "offen", numbers["problems"]))
    rows += [("Ohne Rückfrage", title, said) for title, said in earning]
    if numbers["oldest_waiting_s"]:
        rows.append(("Älteste Arbeit", "wartet seit Sekunden", numbers["oldest_waiting_s"]))
    common.table("", ("", "Stand", "Zahl"), rows)
