"""handover ls: what waits to be handed over to other systems, and how it went."""

from __future__ import annotations

from typing import Annotated

import typer

from intake.cli import common
from intake.cli.common import HomeOption, TenantOption
from intake.db.handovers import handed
from intake.vocabulary import Viewer

app = typer.Typer(no_args_is_help=True, help="Übergabe an andere Systeme ([[tenant.handover]]).")
STATES = {"waiting": "wartet", "again": "wird erneut übergeben", "refused": "abgelehnt", "done": "erledigt"}


@app.command("ls")
def ls(everything: Annotated[bool, typer.Option("--all", help="Auch, was erledigt ist.")] = False,
       limit: Annotated[int, typer.Option("--limit", help="Höchstens so viele.")] = 100,
       home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Was übergeben wird: das Neueste zuerst."""
    opened = common.open_home(home)
    viewer = Viewer(common.the_tenant(opened, tenant).name)
    with common.database(opened) as db, db.read() as conn:
        found = handed(conn, viewer, open_only=not everything, limit=limit)
    common.table("", ("Nummer", "Titel", "Ziel", "Stand", "nicht vor", "Zeichen dort", "warum"), (
        (common.short(one.document), one.title, one.target, STATES[one.state], one.not_before if one.state in ("waiting", "again")
         else None, one.reference, one.why) for one in found), empty="Nichts wartet auf Übergabe.")
