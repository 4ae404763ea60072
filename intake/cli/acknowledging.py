"""acknowledge ls: which acknowledgements of receipt went out, wait, or were given up."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from intake.cli import common
from intake.db.outbox import listed
from intake.vocabulary import Viewer

app = typer.Typer(no_args_is_help=True, help="Eingangsbestätigungen per E-Mail.")


@app.callback()
def _group() -> None:
    """A group even with one command."""


@app.command("ls")
def ls_command(
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, help="So viele, die neuesten zuerst.")] = 50,
    home: common.HomeOption = None, tenant: common.TenantOption = None, as_json: common.JsonOption = False,
) -> None:
    """Zeigen, wem der Eingang bestätigt wurde, was noch wartet und was aufgegeben wurde."""
    place = common.open_home(home)
    with common.database(place) as db, db.read() as conn:
        found = listed(conn, Viewer(common.the_tenant(place, tenant).name), count)
    if as_json:
        typer.echo(json.dumps([{
            "delivery": one.delivery, "recipient": one.recipient, "state": one.state, "attempts": one.attempts,
            "created_at": one.created_at.isoformat(), "at": one.at.isoformat()} for one in found], ensure_ascii=False))
        return
    common.table("", ("Sendung", "An", "Stand", "am", "Versuche"), (
        (common.short(one.delivery), one.recipient, STATES[one.state], common.day(one.at), one.attempts) for one in found),
        empty="Es wurde noch kein Eingang bestätigt.")


STATES = {"sent": "gesendet", "waiting": "wartet, nächster Versuch", "given_up": "aufgegeben"}
