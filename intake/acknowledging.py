"""Acknowledgement of receipt: planned when a message was opened, sent after that commit, to people only and once a day each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from intake.config import Mailbox, Settings, Tenant
from intake.db import outbox
from intake.db.core import Database, Tx, utcnow
from intake.db.deliveries import get_delivery
from intake.errors import ConfigError, Refused, ServiceError
from intake.journal import record
from intake.vocabulary import Delivery, Part

log = logging.getLogger(__name__)

ACTOR = "service:acknowledge"
FIRST_WAIT, LONGEST_WAIT, PATIENCE = timedelta(minutes=5), timedelta(hours=6), timedelta(days=3)
AT_ONCE = 5
Send = Callable[[EmailMessage, str], None]
FAILED = ("mail_spf", "mail_dmarc")
"""Verdicts of our own server: who forged a sender's address would have us write to the victim."""


def plan(tx: Tx, settings: Settings, mailbox: Mailbox | None, delivery: Delivery, parts: Sequence[Part]) -> None:
    """Note an acknowledgement for a message just opened, when its mailbox sends them and the message may be answered."""
    if mailbox is None or not mailbox.acknowledge or delivery.channel != "mail" or not parts:
        return
    facts = {fact.name: fact.value for fact in parts[0].facts if fact.name not in FAILED}
    recipient = facts.get("mail_answer_to", "").lower()
    forged = any(fact.name in FAILED and fact.value.split()[0] == "fail" for fact in parts[0].facts)
    if not recipient or forged or recipient in own_addresses(settings):
        return
    if outbox.plan(tx, delivery.tenant, delivery.id, recipient):
        record(tx, delivery.tenant, ACTOR, "acknowledgement.planned", subjects={"delivery": delivery.id}, new={})


def own_addresses(settings: Settings) -> frozenset[str]:
    """Addresses of ours, in lower case; mail from one of them is never acknowledged."""
    return frozenset(address.lower() for tenant in settings.tenant for mailbox in tenant.mailbox
                     for address in (mailbox.user, mailbox.acknowledge_from) if "@" in address)


def send_due(db: Database, settings: Settings, send: Send, now: Callable[[], datetime] = utcnow) -> int:
    """Send what is due, a few at a time; returns how many went. Trouble is tried again for three days, then given up.

    A kill between the server's yes and our note sends the same message again, under the same Message-ID.
    """
    with db.read() as conn:
        rows = outbox.due(conn, now(), AT_ONCE)
    sent = 0
    for one in rows:
        with db.transaction() as tx:
            ours = outbox.claim(tx, one.id, one.attempts)
        if ours:
            sent += _send(db, settings, send, one, now())
    return sent


def _send(db: Database, settings: Settings, send: Send, one: outbox.Due, now: datetime) -> bool:
    with db.read() as conn:
        delivery = get_delivery(conn, one.delivery)
    tenant = settings.for_tenant(one.tenant)
    mailbox = next((box for box in tenant.mailbox if box.name == delivery.source), None)
    try:
        if mailbox is None or not mailbox.acknowledge:
            raise Refused("Das Postfach bestätigt den Eingang nicht mehr.")
        send(message(tenant, mailbox, delivery, one), one.recipient)
    except (ServiceError, ConfigError, Refused) as error:
        log.warning("acknowledgement not sent", extra={"delivery": one.delivery, "error": type(error).__name__})
        with db.transaction() as tx:
            if isinstance(error, Refused) or now - one.created_at > PATIENCE:
                outbox.give_up(tx, one.id)
                record(tx, one.tenant, ACTOR, "acknowledgement.given_up", subjects={"delivery": one.delivery}, new={})
            else:
                outbox.note_later(tx, one.id, now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(one.attempts, 10)))
        return False
    with db.transaction() as tx:
        outbox.note_sent(tx, one.id)
        record(tx, one.tenant, ACTOR, "acknowledgement.sent", subjects={"delivery": one.delivery}, new={})
    return True


def message(tenant: Tenant, mailbox: Mailbox, delivery: Delivery, one: outbox.Due) -> EmailMessage:
    """The acknowledgement, marked as an automatic answer (RFC 3834 section 3); the same row gives the same message."""
    address = mailbox.acknowledge_from or mailbox.user
    said = EmailMessage()
    said["From"] = formataddr((tenant.title or tenant.name, address))
    said["To"] = one.recipient
    subject = delivery.envelope.subject or ""
    said["Subject"] = f"Eingangsbestätigung: {subject[:120]}" if subject else "Eingangsbestätigung"
    said["Date"] = format_datetime(one.created_at)
    said["Message-ID"] = f"<{one.id.lower()}.eingang@{address.rpartition('@')[2] or 'localhost'}>"
    said["Auto-Submitted"] = "auto-replied"
    said["Precedence"] = "bulk"  # older machines that do not know Auto-Submitted
    said["X-Auto-Response-Suppress"] = "All"
    if delivery.envelope.message_id and delivery.envelope.message_id.isascii():
        said["In-Reply-To"] = said["References"] = delivery.envelope.message_id
    received = delivery.received_at.astimezone()
    said.set_content(mailbox.acknowledge_text.format(
        title=tenant.title or tenant.name, received=f"{received:%d.%m.%Y, %H:%M} Uhr", number=delivery.id[-8:]))
    return said
