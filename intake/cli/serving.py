"""serve: the screens and the HTTP interface. token: who may hand in documents over it."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Annotated

import typer

from intake import log
from intake.cli import common
from intake.cli.handing import inbox_named
from intake.config import Home, WebSettings
from intake.db.tokens import new_token, revoke_token, tokens_of
from intake.errors import ConfigError
from intake.journal import record

STREAMS_END = 5
"""Seconds that streams of open lists have to end when we are told to stop."""
token_app = typer.Typer(no_args_is_help=True, help="Zugänge für Scanner und Portale, die Dokumente einliefern.")


def serve(home: common.HomeOption = None) -> None:
    """Die Bildschirme und die Schnittstelle für Scanner und Portale anbieten, bis SIGTERM kommt."""
    import uvicorn  # noqa: PLC0415  (only here; everything else starts without it)

    from intake.cli.models import compared  # noqa: PLC0415
    from intake.web.app import create  # noqa: PLC0415

    place = common.open_home(home)
    log.setup(place.settings.log)
    web = place.settings.web
    check_exposure(web)
    common.say(f"Die Bildschirme sind unter {web.base}/ zu erreichen, die Schnittstelle unter {web.base}/api/v1/. "
               "Beenden mit Strg+C.")
    uvicorn.run(create(place, partial(compared, place)), host=web.host, port=web.port,
                ssl_certfile=web.certificate or None, ssl_keyfile=web.key or None, log_config=None, access_log=False,
                server_header=False, proxy_headers=False, timeout_graceful_shutdown=STREAMS_END)


def check_exposure(web: WebSettings) -> None:
    """Raises ConfigError when tokens would cross a network unencrypted."""
    if bool(web.certificate) != bool(web.key):
        raise ConfigError("In [web] fehlt certificate oder key. Nennen Sie beide Dateien oder keine.")
    if web.certificate or web.behind_proxy or _loopback(web.host):
        return
    raise ConfigError(
        f"An {web.host} ginge alles unverschlüsselt über das Netz. Nennen Sie in [web] certificate und key, oder stellen Sie "
        "auf dieser Maschine einen Proxy davor, der TLS spricht (Caddy: „post.example.de { reverse_proxy 127.0.0.1:8632 }“), "
        "und lassen Sie host auf 127.0.0.1.")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@token_app.command("new")
def new_command(
    name: Annotated[str, typer.Argument(help="Wofür der Zugang ist, etwa „Scanner Bauamt“.")],
    inbox: Annotated[str, typer.Option("--profile", help="Scanprofil, als käme das Eingelieferte dort an.")] = "",
    home: common.HomeOption = None, tenant: common.TenantOption = None, by: common.ByOption = None,
) -> None:
    """Einen Zugang ausstellen. Das Geheimnis wird nur jetzt gezeigt."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    door, who = inbox_named(town, inbox), common.clerk(by)
    with common.database(place) as database, database.transaction() as tx:
        token, secret = new_token(tx, town.name, name, door.name, who)
        record(tx, town.name, f"clerk:{who}", "token.new", subjects={"token": token.id}, new={"inbox": door.name})
    common.say(f"Zugang „{token.name}“ ({common.short(token.id)}) für {door.name}. Tragen Sie dieses Geheimnis dort ein; "
               "es wird nirgends aufbewahrt:")
    common.say(secret)


@token_app.command("ls")
def list_command(home: common.HomeOption = None, tenant: common.TenantOption = None) -> None:
    """Die Zugänge zeigen."""
    place, town = _place(home, tenant)
    with common.database(place) as database, database.read() as conn:
        found = tokens_of(conn, town)
    common.table("", ["Nummer", "Name", "Eingang", "ausgestellt", "zuletzt benutzt", "Stand"], [
        (common.short(one.id), one.name, one.inbox, one.created_at[:10], (one.used_at or "nie")[:10],
         f"gesperrt {one.revoked_at[:10]}" if one.revoked_at else "offen") for one in found], empty="Es gibt keine Zugänge.")


@token_app.command("revoke")
def revoke_command(
    number: Annotated[str, typer.Argument(help="Nummer aus „token ls“.")],
    home: common.HomeOption = None, tenant: common.TenantOption = None, by: common.ByOption = None,
) -> None:
    """Einen Zugang sperren; was darüber kam, bleibt."""
    place, town = _place(home, tenant)
    who = common.clerk(by)
    with common.database(place) as database, database.transaction() as tx:
        token = revoke_token(tx, town, number)
        record(tx, town, f"clerk:{who}", "token.revoked", subjects={"token": token.id})
    common.say(f"Der Zugang „{token.name}“ ist gesperrt.")


def _place(home: common.HomeOption, tenant: common.TenantOption) -> tuple[Home, str]:
    place = common.open_home(home)
    return place, common.the_tenant(place, tenant).name
