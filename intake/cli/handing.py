"""receive: hand in files by name. unpack: what is inside a message or container, without taking it in."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from intake import log
from intake.blobs import Blobs
from intake.box import Box, FoundPart, Unpacked
from intake.cli import common
from intake.cli.reading import settings_for
from intake.config import Inbox, LogSettings, Tenant
from intake.errors import Refused
from intake.receive_upload import take
from intake.vocabulary import DeliveryState

CHANNEL = "command"


def receive_command(
    files: Annotated[list[Path], typer.Argument(help="Dateien, die aufgenommen werden.", exists=True, dir_okay=False)],
    inbox: Annotated[str, typer.Option("--profile", help="Scanprofil oder Postfach, als käme die Datei dort an.")] = "",
    home: common.HomeOption = None, tenant: common.TenantOption = None,
) -> None:
    """Dateien aufnehmen, als lägen sie im Eingangsordner. Dieselbe Datei noch einmal ändert nichts."""
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    door = inbox_named(town, inbox)
    blobs = Blobs(place.blobs(town.name))
    with common.database(place) as database:
        for file in files:
            status = file.stat()
            original = blobs.add_file(file, file.name, "application/octet-stream")
            key = hashlib.sha256(f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}|{original.sha256}".encode()).hexdigest()
            delivery, new = take(database, town.name, door, original, channel=CHANNEL, key=key)
            said = ("war schon aufgenommen" if not new else "ist eine Dublette und wartet auf Sie"
                    if delivery.state is DeliveryState.TWIN else "aufgenommen")
            common.say(f"{file.name}: {said} ({common.short(delivery.id)})")


def inbox_named(tenant: Tenant, name: str) -> Inbox:
    """The tenant's scan profile or mailbox of this name, the first for ""; raises Refused when there is none."""
    if not tenant.inboxes:
        raise Refused(f"Der Mandant {tenant.name} hat weder Scanprofil noch Postfach. Ergänzen Sie eines in poststelle.toml.")
    if not name:
        return tenant.inboxes[0]
    found = next((inbox for inbox in tenant.inboxes if inbox.name == name), None)
    if found is None:
        known = ", ".join(inbox.name for inbox in tenant.inboxes)
        raise Refused(f"„{name}“ gibt es bei {tenant.name} nicht. Nennen Sie eines von: {known}.")
    return found


def unpack_command(
    file: Annotated[Path, typer.Argument(help="E-Mail, Outlook-Nachricht, ZIP oder andere Datei.", exists=True, dir_okay=False)],
    to_json: Annotated[Path | None, typer.Option("--json", help="Umschlag und Teile als JSON in diese Datei schreiben.")] = None,
    home: common.HomeOption = None,
) -> None:
    """Zeigen, was in einer Nachricht steckt, ohne sie aufzunehmen."""
    log.setup(LogSettings(level="warning"))
    with tempfile.TemporaryDirectory(prefix="poststelle-unpack-") as folder:
        box = Box(settings_for(home).box)
        try:
            found = box.unpack(file, file.name, Path(folder))
            said = described(found)
        finally:
            box.close()
    if to_json is not None:
        with common.writing(to_json):
            to_json.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    for name, value in said["envelope"].items():
        if to_json is None and isinstance(value, str):
            common.say(f"{name}: {value}")
    common.table("", ["Nr", "in", "Name", "Art", "Größe", "Seiten", "Hindernis"], [
        (part.position, "" if part.parent is None else part.parent, part.name, part.media_type, part.size, part.pages or "",
         part.detail if part.problem else "") for part in found.parts])


def described(found: Unpacked) -> dict[str, Any]:
    """Envelope and parts as one JSON object; hashes are of the bytes of each part as it is kept."""
    envelope = found.envelope
    return {
        "envelope": {"sender": envelope.sender, "recipient": envelope.recipient, "subject": envelope.subject,
                     "date": envelope.date.isoformat() if envelope.date else None, "message_id": envelope.message_id},
        "parts": [_part(part) for part in found.parts]}


def _part(part: FoundPart) -> dict[str, Any]:
    with part.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": part.name, "media_type": part.media_type, "size": part.size, "sha256": sha256, "parent": part.parent,
            "problem": part.problem, "detail": part.detail, "pages": part.pages}
