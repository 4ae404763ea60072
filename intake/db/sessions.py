"""Sessions and links: secrets of browsers and letters, of which only the hash is kept.

Limits of a session: OWASP ASVS 5.0, 7.3.1 and 7.3.2 (idle and absolute), 7.4.1 and 7.4.2 (ended on the server's side).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, select, update

from intake.db.core import Tx, add, parse_stamp, stamp
from intake.errors import Refused
from intake.schema import links, sessions

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH = timedelta(minutes=1)
"""The last use is written down at most this often: a commit a click would cost more than the click."""
KEPT = timedelta(days=30)
"""Ended sessions and links are forgotten after this."""
LinkKind = Literal["setup", "oidc"]


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one browser, alive when it was read."""

    hash: str
    tenant: str
    user: str
    started_at: datetime
    used_at: datetime

    def untouched(self, now: datetime) -> bool:
        """Whether `touch` has something to write."""
        return now - self.used_at > TOUCH


def start_session(tx: Tx, user: str, tenant: str) -> str:
    """A new session; returns its secret (256 random bits), which the browser alone keeps."""
    secret = secrets.token_urlsafe(32)
    add(tx, sessions, hash=hashed(secret), tenant=tenant, user=user, started_at=tx.now, used_at=tx.now, ended_at=None)
    tx.connection.execute(delete(sessions).where(sessions.c.started_at < stamp(tx.now - KEPT)))
    return secret


_LIVING = select(sessions).where(sessions.c.hash == bindparam("secret"), sessions.c.ended_at.is_(None))


def session_of(conn: Connection, secret: str, now: datetime) -> Session | None:
    """The living session with this secret; None when there is none, it was ended, or one of the limits is over."""
    row = conn.execute(_LIVING, {"secret": hashed(secret)}).mappings().first()
    if row is None:
        return None
    found = Session(row["hash"], row["tenant"], row["user"], parse_stamp(row["started_at"]), parse_stamp(row["used_at"]))
    return found if now - found.used_at <= IDLE and now - found.started_at <= ABSOLUTE else None


def touch(tx: Tx, session: Session) -> None:
    """The session was used now."""
    tx.connection.execute(update(sessions).where(sessions.c.hash == session.hash).values(used_at=stamp(tx.now)))


def end_session(tx: Tx, hash: str) -> None:
    """Signed out."""
    tx.connection.execute(update(sessions).where(sessions.c.hash == hash, sessions.c.ended_at.is_(None)).values(
        ended_at=stamp(tx.now)))


def end_sessions_of(tx: Tx, user: str) -> int:
    """All sessions of a person end (locked, another role, another password); returns how many did."""
    return tx.connection.execute(update(sessions).where(sessions.c.user == user, sessions.c.ended_at.is_(None)).values(
        ended_at=stamp(tx.now))).rowcount


# ---- links -----------------------------------------------------------------------------------------------------------


def new_link(tx: Tx, kind: LinkKind, life: timedelta, *, user: str | None = None, data: Mapping[str, Any] | None = None) -> str:
    """A secret that is good once within `life`. A new set-up link of a person ends his earlier ones."""
    secret = secrets.token_urlsafe(32)
    tx.connection.execute(delete(links).where(links.c.expires_at < stamp(tx.now - KEPT)))
    if user is not None:
        tx.connection.execute(delete(links).where(links.c.user == user, links.c.kind == kind))
    add(tx, links, hash=hashed(secret), kind=kind, user=user, data=dict(data or {}), expires_at=tx.now + life, used_at=None)
    return secret


def link_of(conn: Connection, kind: LinkKind, secret: str, now: datetime) -> Mapping[str, Any] | None:
    """What a link is for (`user`, `data`); None when it is unknown, used or over."""
    row = conn.execute(select(links).where(
        links.c.hash == hashed(secret), links.c.kind == kind, links.c.used_at.is_(None),
        links.c.expires_at >= stamp(now))).mappings().first()
    return {"user": row["user"], "data": row["data"]} if row else None


def use_link(tx: Tx, kind: LinkKind, secret: str) -> Mapping[str, Any]:
    """The same, and it is good no more. Raises Refused when it was not."""
    found = link_of(tx.connection, kind, secret, tx.now)
    used = tx.connection.execute(update(links).where(links.c.hash == hashed(secret), links.c.used_at.is_(None)).values(
        used_at=stamp(tx.now))).rowcount
    if found is None or used != 1:
        raise Refused("Dieser Link gilt nicht mehr. Lassen Sie sich einen neuen geben.")
    return found


def hashed(secret: str) -> str:
    """SHA-256 is enough: the secret is random and cannot be guessed from its hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
