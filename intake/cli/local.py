"""local: everything on one machine with one command. service install: the same as systemd services of their own user."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from intake import people
from intake.cli import common
from intake.cli.people import say_link
from intake.cli.serving import check_exposure
from intake.config import Home
from intake.db.core import migrate
from intake.errors import ConfigError, Refused
from intake.resources import resource

service_app = typer.Typer(no_args_is_help=True, help="Als Dienst des Betriebssystems einrichten.")
PARTS = ("work", "serve")
STOP_SECONDS = 60
UNITS = ("poststelle-work.service", "poststelle-serve.service")
BACKUP_UNITS = ("poststelle-backup.service", "poststelle-backup.timer")  # where [backup] folder is named


def local(home: common.HomeOption = None) -> None:
    """Alles auf dieser Maschine starten: Eingänge, Verarbeitung und Bildschirme, bis Strg+C oder SIGTERM kommt."""
    place = common.open_home(home)
    check_exposure(place.settings.web)
    migrate(place.database_url)
    with common.database(place) as db, db.transaction() as tx:
        first = people.first_link(tx, [town.name for town in place.settings.tenant], _login())
    if first:
        say_link(place, *first)
    common.say(f"Die Poststelle ist unter {place.settings.web.base} zu erreichen. Beenden mit Strg+C.")
    raise typer.Exit(run_together(place))


def _login() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        return "admin"
    return name if name != "root" else "admin"


def run_together(place: Home) -> int:
    """Run the parts in one process group until one of them ends or we are told to stop; returns the exit code.

    A part that ends by itself takes the other with it: half a post room is worse than one that a service manager restarts.
    """
    stopping = False
    children: list[subprocess.Popen[bytes]] = []

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)

    kept = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for part in PARTS:
            children.append(subprocess.Popen(  # told to stop when we die, however we die
                ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "intake.cli", "--home", str(place.root), part]))
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # whichever is first; signals are handled meanwhile
        first = next((child for child in children if ended and child.pid == ended.si_pid), children[0])
        code = first.wait()
        if not stopping:
            stop(0, None)
        for child in children:
            _ended(child)
        return 0 if code in (0, -signal.SIGTERM, -signal.SIGINT) else max(code, 1)
    finally:
        for number, before in kept.items():
            signal.signal(number, before)


def _ended(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()  # the rows wait where they were
        child.wait()


# ---- systemd ---------------------------------------------------------------------------------------------------------


@service_app.command("install")
def install(
    home: common.HomeOption = None,
    user: Annotated[str, typer.Option("--user", help="Benutzer, unter dem die Dienste laufen; wird angelegt.")] = "poststelle",
    into: Annotated[Path, typer.Option("--into", help="Ordner für die Dienstdateien.")] = Path("/etc/systemd/system"),
    memory: Annotated[str, typer.Option("--memory", help="Höchster Arbeitsspeicher der Verarbeitung.")] = "8G",
) -> None:
    """Dienste für systemd schreiben: eigener Benutzer, Neustart, Grenzen, abgeschirmt. Als root ausführen."""
    place = common.open_home(home)
    check_exposure(place.settings.web)
    if not into.is_dir() or not os.access(into, os.W_OK):
        raise ConfigError(f"In {into} kann nicht geschrieben werden. Führen Sie den Befehl als root aus, oder nennen Sie --into.")
    backups = BACKUP_UNITS if place.settings.backup.folder else ()
    for name in (*UNITS, *backups):
        (into / name).write_text(unit(name, place, user, memory), encoding="utf-8")
        common.say(f"Geschrieben: {into / name}")
    _verify([into / name for name in (*UNITS, *backups)])
    common.say(f"Legen Sie den Benutzer an und starten Sie die Dienste:\n"
               f"  useradd --system --home-dir {place.root} --shell /usr/sbin/nologin {user}\n"
               f"  chown -R {user}: {place.root}\n"
               f"  systemctl daemon-reload && systemctl enable --now {' '.join((*UNITS, *backups[1:]))}\n"
               f"  poststelle --home {place.root} user new ANMELDENAME --role administration")


def unit(name: str, place: Home, user: str, memory: str) -> str:
    """The text of the systemd unit `name` (config/systemd/) for this installation."""
    if any(char in str(place.root) for char in " \t\n%\\\"'"):
        raise Refused(f"Der Pfad {place.root} enthält Zeichen, die systemd anders versteht. Wählen Sie einen ohne Leerzeichen.")
    text = resource("config", "systemd", name).read_text(encoding="utf-8")
    writable = [place.root, *{place.folder(profile) for town in place.settings.tenant for profile in town.profile}]
    if place.heads is not None:
        writable.append(place.heads.parent)
    if name in BACKUP_UNITS:
        writable.append(Path(place.settings.backup.folder))
    values = {"@HOME@": str(place.root), "@USER@": user, "@MEMORY@": memory, "@PYTHON@": sys.executable,
              "@WRITABLE@": " ".join(dict.fromkeys(f"{'' if path == place.root else '-'}{path}" for path in writable))}
    for key, value in values.items():
        text = text.replace(key, value)
    return text


def _verify(units: list[Path]) -> None:
    """Let systemd itself look at the units, where it is there."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return
    done = subprocess.run([tool, "verify", *units], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        common.complain(f"systemd-analyze verify meldet:\n{done.stderr.strip()}")
