"""user: who may sign in at the screens, and as what."""

from __future__ import annotations

from typing import Annotated

import typer

from intake import people
from intake.cli import common
from intake.config import Home
from intake.db.core import Database
from intake.db.users import Grant, people_of, user_by_login
from intake.errors import Refused
from intake.vocabulary import Role

app = typer.Typer(no_args_is_help=True, help="Konten für die Bildschirme im Browser.")
Login = Annotated[str, typer.Argument(metavar="ANMELDENAME")]
RolesOption = Annotated[list[Role] | None, typer.Option("--role", help="Rolle; mehrfach möglich.")]
ClassesOption = Annotated[list[str] | None, typer.Option("--class", help="Zugriffsklasse; mehrfach möglich, „alle“ für alle.")]
OfficesOption = Annotated[list[str] | None, typer.Option("--office", help="Amt; mehrfach möglich.")]
BranchesOption = Annotated[list[str] | None, typer.Option("--branch", help="Zweig des Aktenplans (seine Nummer im Programm).")]
EVERYDAY = ("Poststelle", "allgemein")
"""The classes of whoever is given none by name: what nothing raised, before and after it is filed."""


@app.command("new")
def new_command(
    login: Login, role: RolesOption = None, name: Annotated[str, typer.Option("--name", help="Name der Person.")] = "",
    classes: ClassesOption = None, office: OfficesOption = None, branch: BranchesOption = None,
    home: common.HomeOption = None, tenant: common.TenantOption = None, by: common.ByOption = None,
) -> None:
    """Jemanden einladen: gibt den Link aus, unter dem er sein Kennwort wählt."""
    place, town = _place(home, tenant)
    given = _grant(town, role, classes, office, branch)
    with common.database(place) as db, db.transaction() as tx:
        _, secret = people.invite(tx, login, name, given, f"clerk:{common.clerk(by)}")
    say_link(place, login, secret)


@app.command("set")
def set_command(
    login: Login, role: RolesOption = None, classes: ClassesOption = None, office: OfficesOption = None,
    branch: BranchesOption = None, home: common.HomeOption = None, tenant: common.TenantOption = None,
    by: common.ByOption = None,
) -> None:
    """Rollen, Zugriffsklassen und Ämter neu festlegen; wer angemeldet ist, muss sich neu anmelden."""
    place, town = _place(home, tenant)
    given = _grant(town, role, classes, office, branch)
    with common.database(place) as db, db.transaction() as tx:
        people.change(tx, town, _known(db, login), given, f"clerk:{common.clerk(by)}")
    common.say("Geändert.")


@app.command("link")
def link_command(login: Login, home: common.HomeOption = None, tenant: common.TenantOption = None,
                 by: common.ByOption = None) -> None:
    """Einen neuen Link ausgeben, unter dem jemand sein Kennwort wählt (drei Tage, einmal)."""
    place, town = _place(home, tenant)
    with common.database(place) as db, db.transaction() as tx:
        secret = people.link(tx, town, _known(db, login), f"clerk:{common.clerk(by)}")
    say_link(place, login, secret)


@app.command("lock")
def lock_command(login: Login, home: common.HomeOption = None, tenant: common.TenantOption = None,
                 by: common.ByOption = None) -> None:
    """Ein Konto sperren; seine Anmeldungen enden sofort."""
    _set_lock(login, True, home, tenant, by)


@app.command("unlock")
def unlock_command(login: Login, home: common.HomeOption = None, tenant: common.TenantOption = None,
                   by: common.ByOption = None) -> None:
    """Ein gesperrtes Konto wieder öffnen."""
    _set_lock(login, False, home, tenant, by)


def _set_lock(login: str, locked: bool, home: common.HomeOption, tenant: common.TenantOption, by: common.ByOption) -> None:
    place, town = _place(home, tenant)
    with common.database(place) as db, db.transaction() as tx:
        people.set_lock(tx, town, _known(db, login), locked, f"clerk:{common.clerk(by)}")
    common.say("Gesperrt." if locked else "Wieder offen.")


@app.command("ls")
def list_command(home: common.HomeOption = None, tenant: common.TenantOption = None) -> None:
    """Die Konten zeigen."""
    place, town = _place(home, tenant)
    with common.database(place) as db, db.read() as conn:
        found = people_of(conn, town)
    common.table("", ["Anmeldename", "Name", "Rollen", "Klassen", "Ämter", "Stand"], [
        (user.login, user.name, ", ".join(sorted(given.roles)),
         "alle" if given.classes is None else ", ".join(sorted(given.classes)), ", ".join(given.offices),
         "gesperrt" if user.locked else "offen" if user.password or user.subject else "eingeladen") for user, given in found],
        empty="Es gibt keine Konten. Laden Sie jemanden ein: poststelle user new")


def say_link(place: Home, login: str, secret: str) -> None:
    """Show a set-up link, which is good once and for three days."""
    common.say(f"Geben Sie {login} diesen Link; er gilt drei Tage und einmal:")
    common.say(f"{place.settings.web.base}/einrichten/{secret}")


def _grant(town: str, roles: list[Role] | None, classes: list[str] | None, offices: list[str] | None,
           branches: list[str] | None) -> Grant:
    if not roles:
        raise Refused("Welche Rolle? Nennen Sie sie mit --role: " + ", ".join(Role) + ".")
    seen = None if classes and "alle" in classes else frozenset(classes or EVERYDAY)
    return Grant(town, "", frozenset(roles), seen, tuple(branches or ()), tuple(offices or ()))


def _known(db: Database, login: str) -> str:
    with db.read() as conn:
        found = user_by_login(conn, login)
    if found is None:
        raise Refused(f"Das Konto „{login}“ gibt es nicht. Sehen Sie nach: poststelle user ls")
    return found.id


def _place(home: common.HomeOption, tenant: common.TenantOption) -> tuple[Home, str]:
    place = common.open_home(home)
    return place, common.the_tenant(place, tenant).name
