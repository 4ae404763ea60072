"""Verwaltung besides people: the plan and the registers by upload, doors, tokens."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from intake.aktenplan import read_plan
from intake.db.core import new_id, utcnow
from intake.db.knowledge import file_count, imported_at, register_size
from intake.db.plan import all_entries, import_plan, open_entries
from intake.db.tokens import new_token, revoke_token, tokens_of
from intake.errors import ConfigError, InputError, Reason, Refused
from intake.journal import record
from intake.receive_registers import KINDS, NAMES
from intake.web.handing_in import Status
from intake.web.menu import ADMIN
from intake.web.pages import go, page
from intake.web.rules import SignedIn, needs
from intake.web.state import Web, WebState

router = APIRouter(prefix="/verwaltung", dependencies=[needs(ADMIN)])
PLAN_BYTES, REGISTER_BYTES = 20 * 2**20, 200 * 2**20
PLAN_ENDINGS, REGISTER_ENDINGS = (".csv", ".xlsx", ".xml"), (".csv", ".xlsx")


@router.get("/aktenplan")
def plan(request: Request, web: WebState, user: SignedIn) -> Response:
    """How big the plan and the registers are, and where to bring new ones."""
    name = user.tenant.name
    with web.db.read() as conn:
        entries, closed = open_entries(conn, name, utcnow().astimezone().date()), len(all_entries(conn, name))
        brought = imported_at(conn, name)
        registers = [(kind, NAMES[kind], file_count(conn, name) if kind == "files" else
                      None if kind == "cases" else register_size(conn, name, kind), brought.get(kind)) for kind in KINDS]
    return page(request, "verwaltung_plan.html", user, open=len(entries), closed=closed - len(entries), registers=registers)


@router.post("/aktenplan")
async def import_the_plan(request: Request, web: WebState, user: SignedIn,
                          name: Annotated[str, Query(max_length=200)] = "") -> Response:
    """A new version of the plan as the body; what is wrong in it is said line by line and nothing is taken."""
    ending = _ending(name, PLAN_ENDINGS)
    with tempfile.TemporaryDirectory(prefix="poststelle-plan-") as folder:
        path = Path(folder) / f"plan{ending}"
        await _keep(request, path, PLAN_BYTES)
        lines = await run_in_threadpool(_take_plan, web, user.tenant.name, path, user.by)
    return JSONResponse({"lines": lines})


def _take_plan(web: Web, tenant: str, path: Path, by: str) -> list[str]:
    try:
        entries, report = read_plan(path)
    except ConfigError as error:  # whoever brought the file is the one who must act
        raise Refused(str(error).replace(str(path), "die Datei")) from error
    if report.blocking:
        raise InputError("Der Aktenplan wurde nicht übernommen. Bessern Sie aus:\n" + "\n".join(report.lines()[:20]),
                         reason=Reason.WRONG_TYPE)
    with web.db.transaction() as tx:
        done = import_plan(tx, tenant, entries)
        record(tx, tenant, by, "plan.imported", subjects={}, new={"entries": len(entries)})
    return [*report.lines()[:50], done.line(), *done.kept[:50]]


@router.post("/register/{kind}")
async def bring_register(request: Request, web: WebState, user: SignedIn, kind: str,
                         name: Annotated[str, Query(max_length=200)] = "") -> Response:
    """A register as the body: laid into the register folder, from where the worker takes it as one that was dropped there."""
    if kind not in KINDS:
        raise Refused("Dieses Register gibt es nicht. Wählen Sie eines aus der Liste.")
    folder = web.home.registers(user.tenant)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{kind}-{new_id()}{_ending(name, REGISTER_ENDINGS)}"
    coming = folder / f".{place.name}"
    try:
        await _keep(request, coming, REGISTER_BYTES)
        coming.rename(place)
    finally:
        coming.unlink(missing_ok=True)
    return JSONResponse({"lines": [f"{NAMES[kind]} werden eingelesen. Was nicht passt, steht als Klärungsfall in der Liste."]})


def _ending(name: str, allowed: tuple[str, ...]) -> str:
    ending = Path(name).suffix.lower()
    if ending not in allowed:
        raise Refused(f"Diese Datei lässt sich nicht einlesen. Möglich sind: {', '.join(allowed)}.")
    return ending


async def _keep(request: Request, path: Path, limit: int) -> None:
    """The body as a file. Raises Status 413, Refused for an empty one."""
    size = 0
    with path.open("xb") as file:
        async for block in request.stream():
            size += len(block)
            if size > limit:
                raise Status(413, f"Die Datei ist größer als {limit // 2**20} MiB.")
            file.write(block)
    if not size:
        raise Refused("Die Datei ist leer.")


@router.get("/eingaenge")
def doors(request: Request, web: WebState, user: SignedIn) -> Response:
    """Scan profiles and mailboxes as poststelle.toml has them, and the tokens that hand in to them."""
    with web.db.read() as conn:
        known = [one for one in tokens_of(conn, user.tenant.name) if not one.user]
    return page(request, "verwaltung_eingaenge.html", user, tokens=known, secret=None,
                folders={one.name: str(web.home.folder(one)) for one in user.tenant.profile})


@router.post("/zugaenge")
def issue(request: Request, web: WebState, user: SignedIn, name: Annotated[str, Form(max_length=80)],
          eingang: Annotated[str, Form(max_length=41)]) -> Response:
    """A token for a scanner or portal; its secret is shown once."""
    if eingang not in [one.name for one in user.tenant.inboxes]:
        raise Refused("Diesen Eingang gibt es nicht. Wählen Sie einen aus der Liste.")
    with web.db.transaction() as tx:
        token, secret = new_token(tx, user.tenant.name, name, eingang, user.login)
        record(tx, user.tenant.name, user.by, "token.new", subjects={"token": token.id}, new={"inbox": eingang})
        known = [one for one in tokens_of(tx.connection, user.tenant.name) if not one.user]
    return page(request, "verwaltung_eingaenge.html", user, tokens=known, secret=secret,
                folders={one.name: str(web.home.folder(one)) for one in user.tenant.profile})


@router.post("/zugaenge/{id}/sperren")
def revoke(request: Request, web: WebState, user: SignedIn, id: str) -> Response:
    """End a token; what came by it stays."""
    with web.db.transaction() as tx:
        token = revoke_token(tx, user.tenant.name, id)
        record(tx, user.tenant.name, user.by, "token.revoked", subjects={"token": token.id})
    return go(request, "/verwaltung/eingaenge", f"Der Zugang „{token.name}“ ist gesperrt.")
