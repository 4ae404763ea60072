"""model train | show | compare | use | rollback | export-training: what is learnt, and what may be filed without a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from intake import automatic, learning, policy, postroom
from intake.cli import common
from intake.cli.common import ByOption, HomeOption, JsonOption, TenantOption
from intake.cli.training import export_training
from intake.config import Home, Tenant
from intake.db.forecasts import BUDGET, OWN_REFERENCE, audited_and_filed
from intake.db.lessons import uses
from intake.db.plan import get_entry
from intake.pipeline import Postroom
from intake.versions import FILING, put_in_use, roll_back, versions

app = typer.Typer(no_args_is_help=True, help="Was gelernt ist, und was ohne Rückfrage abgelegt werden darf.")
Version = Annotated[str, typer.Argument(metavar="FASSUNG", help="Nummer wie in „model show“.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Auch benutzen, wenn sie schlechter ist.")]


@contextmanager
def _room(home: Path | None, tenant: str | None) -> Iterator[tuple[Postroom, Tenant]]:
    opened = common.open_home(home)
    named = common.the_tenant(opened, tenant)
    room = postroom.build(opened)
    try:
        yield room, named
    finally:
        room.db.close()


@app.command("train")
def train(home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, force: ForceOption = False) -> None:
    """Aus allen Entscheidungen eine neue Fassung lernen; benutzt wird sie, wenn sie nicht schlechter ist."""
    with _room(home, tenant) as (room, named):
        done = learning.train(room, postroom.learning_tools(), named.name, f"clerk:{common.clerk(by)}", force=force)
    common.say(f"Fassung {done.version} aus {done.decisions} Entscheidungen gelernt. {done.why}")
    common.say("Sie wird ab sofort benutzt." if done.used else
               f"Sie ist schlechter und wird nicht benutzt. Trotzdem benutzen: poststelle model use {done.version}")


@app.command("show")
def show(home: HomeOption = None, tenant: TenantOption = None, as_json: JsonOption = False) -> None:
    """Die Fassungen mit ihren Karten, und was zum Ablegen ohne Rückfrage noch fehlt."""
    with _room(home, tenant) as (room, town):
        with room.db.read() as conn:
            named = automatic.as_chosen(conn, town)
            history, scopes = uses(conn, named.name, FILING), automatic.scopes(conn, named)
            strata = {stratum: audited_and_filed(conn, named.name, stratum) for stratum in (BUDGET, OWN_REFERENCE)}
            stopped = automatic.last_reason(conn, named.name)
            names = {scope.name: _scope_name(conn, named.name, scope.name) for scope in scopes}
        cards = [learning.card_of(room, postroom.learning_tools(), named.name, version)
                 for version in versions(room.home, named.name)]
    used = history[0].version if history else ""
    if as_json:
        typer.echo(json.dumps({
            "used": used, "versions": [card["version"] for card in cards], "automatic": named.rules.automatic,
            "budget": named.rules.budget, "stopped": stopped,
            "scopes": [{"scope": scope.name, "threshold": scope.standing.threshold, "bound": scope.standing.bound,
                        "reviewed": scope.standing.tally.reviewed, "wrong": scope.standing.tally.wrong,
                        "missing": scope.standing.missing, "audit": scope.standing.audit} for scope in scopes],
            "filed": {name: {"filed": filed.reviewed, "taken_back": filed.wrong, "audited": audited.reviewed,
                             "audited_wrong": audited.wrong} for name, (audited, filed) in strata.items()}}, ensure_ascii=False))
        return
    common.table("Modell „filing“", ("Fassung", "gelernt am", "Entscheidungen", "letzte richtig", ""), [
        (card["version"], card["trained_at"], card["data"]["decisions"],
         f"{card['measures']['right']} von {card['measures']['recent_decisions']}",
         "in Gebrauch" if card["version"] == used else "") for card in cards],
        empty="Noch keine Fassung; vorgeschlagen wird nach den Wörtern des Aktenplans und den Entscheidungen bisher.")
    state = (f"eingeschaltet, Fehlerbudget {policy.percent(named.rules.budget)}" if named.rules.automatic else
             "ausgeschaltet (poststelle.toml: [tenant.rules] automatic = true)")
    common.say(f"Ablegen ohne Rückfrage: {state}. {stopped}")
    common.table("", ("Bereich", "blind geprüft", "falsch", "höchstens falsch (95 %)", "Stand"), [
        (names[scope.name], scope.standing.tally.reviewed, scope.standing.tally.wrong, policy.percent(scope.standing.bound),
         automatic.state_line(scope.standing)) for scope in scopes])
    for stratum, title in ((BUDGET, "Nach Fehlerbudget"), (OWN_REFERENCE, "Nach eigenem Aktenzeichen")):
        audited, filed = strata[stratum]
        common.say(f"{title} abgelegt: {filed.reviewed}, davon zurückgenommen {filed.wrong}; Stichproben {audited.reviewed}, "
                   f"davon falsch {audited.wrong}.")


def _scope_name(conn: object, tenant: str, name: str) -> str:
    kind, _, value = name.partition(":")
    if kind == "branch":
        entry = get_entry(conn, tenant, value)  # type: ignore[arg-type]
        return f"{entry.notation} {entry.title}" if entry else value
    return f"Art {value}" if value else "alle übrigen"


MOST_COMPARED = 300
"""Documents that a comparison at the screen looks at; the command takes all of the last month."""


def compared(place: Home, tenant: str, first: str, second: str) -> tuple[int, int, int, int]:
    """Of the newest decisions: how many were looked at, how many two versions would file differently, of these how many the
    first has right, and the second. Raises Refused and ConfigError."""
    room = postroom.build(place)
    try:
        count, found = learning.compare(room, postroom.learning_tools(), tenant, first, second, MOST_COMPARED)
    finally:
        room.db.close()
    right = [sum(getattr(one, which) == one.decided for one in found) for which in ("first", "second")]
    return count, len(found), right[0], right[1]


@app.command("compare")
def compare(first: Version, second: Version, home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Welche Schriftstücke des letzten Monats zwei Fassungen verschieden ablegen würden."""
    with _room(home, tenant) as (room, named):
        count, found = learning.compare(room, postroom.learning_tools(), named.name, first, second)
        with room.db.read() as conn:
            def name(entry: str) -> str:
                known = get_entry(conn, named.name, entry)
                return f"{known.notation} {known.title}" if known else entry or "nichts"

            rows = [(common.short(one.document), name(one.first), name(one.second), name(one.decided)) for one in found]
    common.table("", ("Schriftstück", f"Fassung {first}", f"Fassung {second}", "entschieden"), rows,
                 empty="Beide Fassungen legen alles gleich ab.")
    right = [sum(getattr(one, which) == one.decided for one in found) for which in ("first", "second")]
    common.say(f"{len(found)} von {count} Schriftstücken verschieden; davon richtig: Fassung {first} {right[0]}, "
               f"Fassung {second} {right[1]}.")


@app.command("use")
def use(version: Version, home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None) -> None:
    """Eine Fassung benutzen; „-“ = keine, nur die Wörter des Aktenplans und die Entscheidungen."""
    with _room(home, tenant) as (room, named):
        wanted = "" if version == "-" else version
        if wanted:
            learning.card_of(room, postroom.learning_tools(), named.name, wanted)
        with room.db.transaction() as tx:
            put_in_use(tx, named.name, wanted, f"clerk:{common.clerk(by)}", "von Hand gewählt")
    common.say(f"Ab sofort wird Fassung {wanted} benutzt." if wanted else "Ab sofort wird keine Fassung benutzt.")


@app.command("rollback")
def rollback(home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None) -> None:
    """Zurück zu der Fassung, die vor der jetzigen benutzt wurde."""
    with _room(home, tenant) as (room, named), room.db.transaction() as tx:
        before = roll_back(tx, named.name, f"clerk:{common.clerk(by)}")
    common.say(f"Ab sofort wird wieder Fassung {before} benutzt." if before else "Ab sofort wird keine Fassung benutzt.")


app.command("export-training")(export_training)
