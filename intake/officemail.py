"""Mails to the offices: one a day that says how much lies in their Eingang, one at once for what is urgent.

They hold numbers and a link, never a name, a subject or an Aktenzeichen: mail is read on telephones and forwarded. Counted is
what everybody of the office may see. Urgent is a filed document of the current post that somebody (or a word in the head of
the letter, confirmed with it) marked "eilt", or whose Frist ends within `urgent_days`.

Each mail is a row before it is sent: at most one digest an office and day, one mail a document and office. A kill between the
server's yes and our note sends the same message again, under the same Message-ID.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from sqlalchemy import Connection

from intake.access import OPEN, ORDINARY
from intake.config import Settings, Tenant
from intake.db import officemails
from intake.db.core import Database, Tx, utcnow
from intake.db.incoming import MOST_COUNTED, figures
from intake.db.officemails import OfficeMail
from intake.errors import ConfigError, Refused, ServiceError
from intake.journal import record
from intake.vocabulary import Role, Viewer

log = logging.getLogger(__name__)

ACTOR = "service:officemail"
Send = Callable[[EmailMessage, str], None]
AHEAD = timedelta(days=14)
"""Fristen so far ahead are counted in the digest."""
FIRST_WAIT, LONGEST_WAIT, PATIENCE = timedelta(minutes=2), timedelta(hours=2), timedelta(days=1)
AT_ONCE = 10


def plan_urgent(tx: Tx, tenant: Tenant, document: str, office: str = "") -> bool:
    """Note the mail for a document just filed, or passed on to `office`, when it is urgent and the office has an address."""
    said = tenant.office_mail
    found = officemails.lying(tx.connection, document) if said.addresses else None
    if found is None or found.lane != "post":
        return False
    days = _days_left(found.values.get("deadline", ""), found.received_at, tx.now)
    near = days is not None and days <= said.urgent_days
    to = office or found.office
    if to not in said.addresses or not (near or found.values.get("urgent") == "ja"):
        return False
    counts = {"days": days} if near and days is not None else {}
    planned = officemails.plan(tx, tenant.name, to, "urgent", document, counts)
    if planned:
        record(tx, tenant.name, ACTOR, "office_mail.planned", subjects={"document": document}, new={"office": to})
    return planned


def _days_left(deadline: str, received: datetime, now: datetime) -> int | None:
    """Days from today to the Frist; None for none, and for one that was over when the letter came (it is about the past)."""
    try:
        day = date.fromisoformat(deadline)
    except ValueError:
        return None
    return (day - now.astimezone().date()).days if day >= received.astimezone().date() else None


def plan_digests(db: Database, settings: Settings, now: Callable[[], datetime] = utcnow) -> int:
    """Note the digests of today that are due (also late, after a standstill); how many. Without news one is noted silently."""
    planned, moment = 0, now().astimezone()
    day = moment.date().isoformat()
    for tenant in settings.tenant:
        offices = tenant.office_mail.addresses
        if not offices or f"{moment:%H:%M}" < tenant.office_mail.at:
            continue
        with db.read() as conn:
            open_ones = sorted(set(offices) - officemails.offices_told(conn, tenant.name, day))
            counted = [(office, _counts(conn, tenant.name, office, moment)) for office in open_ones]
        for office, counts in counted:
            with db.transaction() as tx:
                silent = not any(counts.values())
                if officemails.plan(tx, tenant.name, office, "digest", day, counts, silent=silent) and not silent:
                    record(tx, tenant.name, ACTOR, "office_mail.planned", subjects={}, new={"office": office})
                    planned += 1
    return planned


def _counts(conn: Connection, tenant: str, office: str, moment: datetime) -> dict[str, int]:
    """What everybody of the office may see, in numbers."""
    people = officemails.readers(conn, tenant, office)
    limited = [classes for _, classes in people if classes is not None]
    classes = frozenset.intersection(*limited) if limited else None if people else frozenset({ORDINARY, OPEN})
    viewer = Viewer(tenant, office, Role.SACHBEARBEITUNG, classes, offices=(office,))
    since = officemails.last_digest(conn, tenant, office) or moment - timedelta(days=1)
    return figures(conn, viewer, [login for login, _ in people], since, moment.date(), moment.date() + AHEAD)


def send_due(db: Database, settings: Settings, send: Send, now: Callable[[], datetime] = utcnow) -> int:
    """Send what is due, a few at a time; returns how many went. Trouble is tried again for a day, then given up."""
    with db.read() as conn:
        rows = officemails.due(conn, now(), AT_ONCE)
    sent = 0
    for one in rows:
        with db.transaction() as tx:
            ours = officemails.claim(tx, one.id, one.attempts)
        if ours:
            sent += _send(db, settings, send, one, now())
    return sent


def _send(db: Database, settings: Settings, send: Send, one: OfficeMail, now: datetime) -> bool:
    subjects = {"document": one.about} if one.kind == "urgent" else {}
    try:
        tenant = settings.for_tenant(one.tenant)
        address = tenant.office_mail.addresses.get(one.office)
        with db.read() as conn:
            gone = one.kind == "urgent" and officemails.lying(conn, one.about) is None
        if address is None or gone or now - one.created_at > PATIENCE:
            raise Refused("Das Amt hat keine Adresse mehr, die Ablage wurde zurückgenommen, oder die Mail ist veraltet.")
        send(message(settings, tenant, address, one), address)
    except (ServiceError, ConfigError, Refused) as error:
        log.warning("mail to office not sent", extra={"office_mail": one.id, "error": type(error).__name__})
        with db.transaction() as tx:
            if isinstance(error, Refused):
                officemails.give_up(tx, one.id)
                record(tx, one.tenant, ACTOR, "office_mail.given_up", subjects=subjects, new={"office": one.office})
            else:
                officemails.note_later(tx, one.id, now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(one.attempts, 10)))
        return False
    with db.transaction() as tx:
        officemails.note_sent(tx, one.id)
        record(tx, one.tenant, ACTOR, "office_mail.sent", subjects=subjects, new={"office": one.office})
    return True


def message(settings: Settings, tenant: Tenant, address: str, one: OfficeMail) -> EmailMessage:
    """The mail, marked as made by a machine (RFC 3834); the same row gives the same message. No personal data."""
    sender = tenant.office_mail.sender or address
    said = EmailMessage()
    said["From"], said["To"] = formataddr((f"Poststelle {tenant.title or tenant.name}", sender)), address
    said["Date"] = format_datetime(one.created_at)
    said["Message-ID"] = f"<{one.id.lower()}.amt@{sender.rpartition('@')[2]}>"
    said["Auto-Submitted"], said["X-Auto-Response-Suppress"] = "auto-generated", "All"
    if one.kind == "urgent":
        said["Importance"] = "high"
        said["Subject"] = f"Eilt: ein Schriftstück für {one.office}"
        lines = [_urgent(one), "", f"Öffnen: {settings.web.base}/eingang/{one.about}"]
    else:
        new, unread = _number(one.counts["new"]), _number(one.counts["unread"])
        said["Subject"] = f"Mein Eingang {one.office}: {new} neu, {unread} ungelesen"
        lines = [f"Im Eingang von {one.office} am {one.created_at.astimezone():%d.%m.%Y, %H:%M} Uhr:", "", *_digest(one), "",
                 f"Mein Eingang: {settings.web.base}/eingang"]
    lines += ["", "Diese Nachricht wurde automatisch erstellt. Angaben zu einzelnen Schreiben enthält sie mit Absicht nicht."]
    said.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return said


def _urgent(one: OfficeMail) -> str:
    if "days" not in one.counts:
        return f"Für {one.office} wurde ein Schriftstück abgelegt, das als eilig gekennzeichnet ist."
    days = one.counts["days"]
    when = "läuft heute ab" if days == 0 else "ist schon abgelaufen" if days < 0 else (
        "läuft morgen ab" if days == 1 else f"läuft in {days} Tagen ab")
    return f"Für {one.office} wurde ein Schriftstück abgelegt, dessen Frist {when}."


def _digest(one: OfficeMail) -> list[str]:
    counts = one.counts
    rows = [("neu seit der letzten Mail", _number(counts["new"])), ("ungelesen", _number(counts["unread"])),
            ("Fristen der nächsten 14 Tage", _number(counts["due"]))]
    if counts["unread"]:
        days = counts["oldest_days"]
        rows.append(("das älteste ungelesene", "von heute" if days <= 0 else "von gestern" if days == 1 else f"vor {days} Tagen"))
    return [f"  {name + ':':32} {value}" for name, value in rows]


def _number(count: int) -> str:
    return f"{count} oder mehr" if count >= MOST_COUNTED else str(count)
