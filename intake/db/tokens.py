"""Tokens of scanners and portals that hand in documents over HTTP, and of people for their scripts. Only hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from intake.db.core import Tx, add, new_id, stamp, utcnow
from intake.errors import Refused
from intake.schema import tokens

PREFIX = "pst_"
"""So that a token that was lost is recognised as one (by people and by secret scanners)."""


@dataclass(frozen=True, slots=True)
class Token:
    """Who may hand in what: documents for one inbox of one tenant, nothing else. With `user` a person's: what he may, it may."""

    id: str
    tenant: str
    name: str
    inbox: str
    created_at: str
    used_at: str | None
    revoked_at: str | None
    user: str | None = None


def new_token(tx: Tx, tenant: str, name: str, inbox: str, by: str, *, user: str | None = None) -> tuple[Token, str]:
    """A new token and its secret, which is shown once and never again. For a person's (`user`) the inbox is ""."""
    if not name.strip() or len(name) > 80:
        raise Refused("Geben Sie dem Zugang einen Namen von 1 bis 80 Zeichen, etwa den des Scanners.")
    secret = PREFIX + secrets.token_urlsafe(32)
    identity = new_id()
    add(tx, tokens, id=identity, tenant=tenant, name=name.strip(), hash=_hash(secret), inbox=inbox, user=user, created_at=tx.now,
        created_by=by, used_at=None, revoked_at=None)
    return Token(identity, tenant, name.strip(), inbox, stamp(tx.now), None, None, user), secret


def token_of(conn: Connection, secret: str) -> Token | None:
    """The token with this secret; None when there is none or it was revoked."""
    row = conn.execute(select(tokens).where(tokens.c.hash == _hash(secret), tokens.c.revoked_at.is_(None))).mappings().first()
    return _token(dict(row)) if row else None


def note_use(tx: Tx, token: Token) -> None:
    """Note the day of the last use (once a day, so that it costs nothing)."""
    tx.connection.execute(update(tokens).where(tokens.c.id == token.id).values(used_at=stamp(tx.now)))


def used_today(token: Token) -> bool:
    """Whether `note_use` has nothing to note."""
    return token.used_at is not None and token.used_at[:10] == stamp(utcnow())[:10]


def tokens_of(conn: Connection, tenant: str) -> tuple[Token, ...]:
    """All tokens of a tenant, the oldest first, revoked ones too."""
    rows = conn.execute(select(tokens).where(tokens.c.tenant == tenant).order_by(tokens.c.id)).mappings()
    return tuple(_token(dict(row)) for row in rows)


def revoke_token(tx: Tx, tenant: str, end: str) -> Token:
    """End the one token whose id ends with `end`; raises Refused when none or more than one does, or it ended already."""
    fitting = [token for token in tokens_of(tx.connection, tenant) if len(end) >= 4 and token.id.endswith(end.upper())]
    if len(fitting) != 1 or fitting[0].revoked_at:
        raise Refused(f"Ein offener Zugang mit der Nummer „{end}“ ist nicht eindeutig zu finden. "
                      "Sehen Sie nach: poststelle token ls")
    tx.connection.execute(update(tokens).where(tokens.c.id == fitting[0].id).values(revoked_at=stamp(tx.now)))
    return fitting[0]


def _hash(secret: str) -> str:
    """SHA-256 is enough: the secret has 256 random bits and cannot be guessed from its hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _token(row: dict[str, str]) -> Token:
    return Token(*(row[name] for name in ("id", "tenant", "name", "inbox", "created_at", "used_at", "revoked_at", "user")))
