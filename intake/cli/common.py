"""What all commands share: which installation, which tenant, how a table and a number look."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from intake import log
from intake.config import Home, LogSettings, Tenant, find_home, load
from intake.db.core import Database
from intake.errors import ConfigError, Refused
from intake.log import escape as one_line

SHOWN = 8
"""Characters of an id in a list: its end, which is random (a ULID begins with the time)."""
NARROW = 16
"""A column whose longest value has at most this many characters is not broken into lines."""

HomeOption = Annotated[Path | None, typer.Option("--home", help="Ordner der Installation; sonst POSTSTELLE_HOME.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Mandant; nötig, wenn es mehrere gibt.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Für Maschinen ausgeben.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Kürzel dessen, der entscheidet; sonst der angemeldete Benutzer.")]
RevisionOption = Annotated[int | None, typer.Option(
    "--revision", help="Nur, wenn der Stand noch dieser ist (steht in „ls“ und „show“).")]

_remembered: dict[str, Path | str | None] = {"home": None, "tenant": None}


def remember(home: Path | None, tenant: str | None) -> None:
    """Keep the options given before the command."""
    _remembered.update(home=home, tenant=tenant)


def open_home(home: Path | None) -> Home:
    """The installation that was named, before or after the command or in the environment. Raises ConfigError."""
    given = home or _remembered["home"]
    log.setup(LogSettings(level="warning"))
    return load(find_home(str(given) if given else None))


def named_home(given: Path | None) -> Path | None:
    """The folder named with --home, after or before the command; None when none was."""
    return Path(found) if (found := given or _remembered["home"]) else None


def the_tenant(home: Home, given: str | None) -> Tenant:
    """The tenant that was named, or the only one. Raises ConfigError."""
    name = tenant_named(given)
    if name:
        return home.settings.for_tenant(name)
    if len(home.settings.tenant) == 1:
        return home.settings.tenant[0]
    names = ", ".join(tenant.name for tenant in home.settings.tenant) or "keiner"
    raise ConfigError(f"Welcher Mandant? Nennen Sie ihn mit --tenant (vorhanden: {names}).")


def tenant_named(given: str | None) -> str:
    """The tenant's name as given after or before the command or in POSTSTELLE_TENANT; "" when none was."""
    return str(given or _remembered["tenant"] or os.environ.get("POSTSTELLE_TENANT") or "")


@contextmanager
def database(home: Home) -> Iterator[Database]:
    """The installation's database, closed afterwards. Raises ConfigError when `init` was never run."""
    if home.database_url == f"sqlite:///{home.root / 'poststelle.db'}" and not (home.root / "poststelle.db").exists():
        raise ConfigError(f"In {home.root} fehlt die Datenbank. Geben Sie ein: poststelle init {home.root}")
    db = Database(home.database_url)
    try:
        yield db
    finally:
        db.close()


def clerk(given: str | None) -> str:
    """Who decides: --by, else the user who is logged in. Raises Refused when that cannot be told."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise Refused("Wer entscheidet? Nennen Sie Ihr Kürzel mit --by.") from error


# ---- output ----------------------------------------------------------------------------------------------------------


def console() -> Console:
    """Standard output as it is now; plain text and wide where no terminal is."""
    made = Console(highlight=False, soft_wrap=False)
    if not made.is_terminal:
        made = Console(highlight=False, width=160)
    return made


def say(text: str = "") -> None:
    """A line for a person."""
    console().print(escape(text), soft_wrap=True)


def complain(text: str) -> None:
    """An error for a person, on standard error."""
    Console(stderr=True, highlight=False).print(escape(text), style="red", soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "Nichts da.") -> None:
    """Print a table; values are shown as text, control characters escaped. `empty` when there is no row."""
    lines = [tuple(escape(_cell(value)) for value in row) for row in rows]
    if not lines:
        say(empty)
        return
    made = Table(title=escape(title) or None, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=max(len(line[number]) for line in lines) <= NARROW)
    for line in lines:
        made.add_row(*line)
    console().print(made)


def _cell(value: object) -> str:
    text = "" if value is None else day(value) if isinstance(value, date) else str(value)
    return "\n".join(one_line(line) for line in text.split("\n"))


def day(moment: date) -> str:
    """A day as dd.mm.yyyy, a time as dd.mm.yyyy hh:mm, local."""
    if isinstance(moment, datetime):
        return moment.astimezone().strftime("%d.%m.%Y %H:%M")
    return moment.strftime("%d.%m.%Y")


def short(identity: str) -> str:
    """The end of an id, as lists show it and commands accept it."""
    return identity[-SHOWN:]


def weight(confidence: float) -> str:
    """How sure a proposal is, for a person: 0.873 -> "0,87". Not called a probability before it is calibrated."""
    return f"{confidence:.2f}".replace(".", ",")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Writing a file that a person asked for: what goes wrong is told to that person."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{path} lässt sich nicht schreiben ({error.strerror}). Nennen Sie einen anderen Ort.") from error
