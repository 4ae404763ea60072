"""Do the servers for mail answer and let us in? Nothing is moved and nothing sent. Part of `poststelle check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from cryptography import x509

from intake import postroom
from intake.config import Home
from intake.errors import ConfigError, ServiceError
from intake.receive_mail import MailDoor
from intake.unpack import trust_anchors

Told = tuple[Literal["ok", "hint", "wrong"], str]
"""How bad, and a German sentence."""


def findings(home: Home) -> Iterator[Told]:
    """Each mailbox, the server for outgoing mail, the trusted authorities."""
    for door in postroom.doors(home):
        if isinstance(door, MailDoor):
            yield _mailbox(door)
            door.source.stop()
    yield from _outgoing(home)
    if home.settings.mail.trust_folder:
        yield _authorities(Path(home.settings.mail.trust_folder))


def _mailbox(door: MailDoor) -> Told:
    try:
        waiting = len(door.source.listing())
    except (ConfigError, ServiceError) as error:
        return "wrong", f"Postfach {door.profile.name}: {error}"
    return "ok", f"Postfach {door.profile.name}: angemeldet, {waiting} Nachricht(en) in {door.profile.folder}"


def _outgoing(home: Home) -> Iterator[Told]:
    answering = [mailbox.name for tenant in home.settings.tenant for mailbox in tenant.mailbox if mailbox.acknowledge]
    server = postroom.smtp(home)
    told = [tenant.name for tenant in home.settings.tenant if tenant.office_mail.addresses]
    if server is None:
        if told:
            yield "wrong", (f"Die Ämter von {', '.join(told)} sollen Mails bekommen, aber dafür gibt es keinen Mailserver. "
                            f"Nennen Sie ihn in {home.root / 'poststelle.toml'} unter [smtp] host.")
        if answering:
            yield "wrong", (f"Die Postfächer {', '.join(answering)} sollen den Eingang bestätigen, aber dafür gibt es keinen "
                            f"Mailserver. Nennen Sie ihn in {home.root / 'poststelle.toml'} unter [smtp] host.")
        return
    try:
        server.check()
    except (ConfigError, ServiceError) as error:
        yield "wrong", str(error)
    else:
        yield "ok", f"{server.host} nimmt Post von uns an"


def _authorities(folder: Path) -> Told:
    """The certificates of the folder, which are the operator's own."""
    try:
        found = x509.load_pem_x509_certificates(trust_anchors(folder).encode())
    except ConfigError as error:
        return "wrong", str(error)
    except ValueError:
        return "wrong", (f"In {folder} liegt kein Zertifikat oder eines, das sich nicht lesen lässt. Legen Sie die der "
                         "vertrauten Zertifizierungsstellen als .pem oder .cer hinein.")
    return "ok", f"{len(found)} vertraute Zertifizierungsstelle(n) für S/MIME in {folder}"
