"""Who may sign in, and what a person is in each town: roles, access classes, branches of the plan, offices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from intake.db.core import Tx, add_once, new_id, one, stamp, upsert
from intake.errors import Refused
from intake.schema import grants, users
from intake.vocabulary import Role, Viewer

LONGEST_NAME = 120
FREE_FAILURES = 5
"""Wrong passwords in a row that cost nothing; from then on each doubles the wait."""
LONGEST_BLOCK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class User:
    """A person's account. `password` and `totp` are what is kept, "" when there is none."""

    id: str
    login: str
    name: str
    password: str
    totp: str
    totp_step: int
    subject: str
    failures: int
    blocked_until: str
    letter_keys: bool
    locked: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person is in one town. `classes`: the access classes he sees, None = all."""

    tenant: str
    user: str
    roles: frozenset[Role]
    classes: frozenset[str] | None = frozenset()
    branches: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()

    def viewer(self, login: str) -> Viewer:
        """As whom he looks at the rows; of several roles the first of the vocabulary's order."""
        role = next(role for role in Role if role in self.roles)
        return Viewer(self.tenant, login, role, self.classes, self.branches, self.offices)


def new_user(tx: Tx, login: str, name: str = "", subject: str = "") -> User:
    """A new account that cannot sign in yet; raises Refused for a login that is taken or not one."""
    key = login.strip().lower()
    if not 1 <= len(key) <= LONGEST_NAME or not key.isprintable() or " " in key:
        raise Refused(f"Ein Anmeldename hat 1 bis {LONGEST_NAME} Zeichen ohne Leerzeichen. Wählen Sie einen anderen.")
    identity = new_id()
    if not add_once(tx, users, id=identity, login=key, name=(name.strip() or login.strip())[:LONGEST_NAME], password="", totp="",
                    totp_step=0, subject=subject, failures=0, blocked_until="", letter_keys=True, created_at=tx.now,
                    locked_at=None):
        raise Refused(f"Den Anmeldenamen „{key}“ gibt es schon. Wählen Sie einen anderen.")
    return get_user(tx.connection, identity)


def get_user(conn: Connection, id: str) -> User:
    """The account; raises Refused when there is none."""
    row = one(conn, users, id)
    if row is None:
        raise Refused("Dieses Konto gibt es nicht. Laden Sie die Liste neu.")
    return _user(row)


def user_by_login(conn: Connection, login: str) -> User | None:
    """The account with this login, in any case; None when there is none."""
    row = conn.execute(select(users).where(users.c.login == login.strip().lower())).mappings().first()
    return _user(row) if row else None


def user_by_subject(conn: Connection, subject: str) -> User | None:
    """The account the identity provider knows as `subject` ("issuer sub"); None when there is none."""
    row = conn.execute(select(users).where(users.c.subject == subject, users.c.subject != "")).mappings().first()
    return _user(row) if row else None


def change_user(tx: Tx, id: str, **values: Any) -> None:
    """Set columns of an account (password, totp, letter_keys, ...)."""
    tx.connection.execute(update(users).where(users.c.id == id).values(**values))


def lock_user(tx: Tx, id: str, locked: bool) -> None:
    """Lock an account or open it again; its sessions are the caller's business."""
    change_user(tx, id, locked_at=stamp(tx.now) if locked else None, failures=0, blocked_until="")


def note_failure(tx: Tx, user: User) -> None:
    """Count a wrong password; beyond FREE_FAILURES the account waits 1 s, 2 s, 4 s, ... up to LONGEST_BLOCK."""
    failures = get_user(tx.connection, user.id).failures + 1
    over = failures - FREE_FAILURES
    wait = min(LONGEST_BLOCK, timedelta(seconds=2 ** min(over, 12))) if over >= 0 else timedelta()
    change_user(tx, user.id, failures=failures, blocked_until=stamp(tx.now + wait) if wait else "")


def note_success(tx: Tx, user: User) -> None:
    """The right password ends the counting."""
    if user.failures:
        change_user(tx, user.id, failures=0, blocked_until="")


# ---- grants ----------------------------------------------------------------------------------------------------------


def grant(tx: Tx, given: Grant) -> None:
    """What a person is in a town from now on; raises Refused without a role."""
    if not given.roles:
        raise Refused("Wählen Sie mindestens eine Rolle, oder entziehen Sie den Zugang ganz.")
    upsert(tx, grants, ("tenant", "user"), [{
        "tenant": given.tenant, "user": given.user, "roles": sorted(role.value for role in given.roles),
        "classes": None if given.classes is None else sorted(given.classes),
        "branches": list(given.branches), "offices": list(given.offices)}])


def withdraw(tx: Tx, tenant: str, user: str) -> None:
    """A person is nothing in this town any more."""
    tx.connection.execute(delete(grants).where(grants.c.tenant == tenant, grants.c.user == user))


def grant_of(conn: Connection, tenant: str, user: str) -> Grant | None:
    """What a person is in a town; None when he is nothing there."""
    row = conn.execute(select(grants).where(grants.c.tenant == tenant, grants.c.user == user)).mappings().first()
    return _grant(row) if row else None


def grants_of(conn: Connection, user: str) -> tuple[Grant, ...]:
    """All towns of a person, by name."""
    rows = conn.execute(select(grants).where(grants.c.user == user).order_by(grants.c.tenant)).mappings()
    return tuple(_grant(row) for row in rows)


_SIGNED_IN = select(users, *(column for column in grants.c)).join(
    grants, and_(grants.c.user == users.c.id, grants.c.tenant == bindparam("tenant"))).where(users.c.id == bindparam("account"))


def account_in(conn: Connection, tenant: str, user: str) -> tuple[User, Grant] | None:
    """A person with what he is in a town, in one question: it is asked with every request. None when he is nothing there."""
    row = conn.execute(_SIGNED_IN, {"tenant": tenant, "account": user}).mappings().first()
    return (_user(row), _grant(row)) if row else None


def people_of(conn: Connection, tenant: str) -> tuple[tuple[User, Grant], ...]:
    """Everybody who is something in this town, by login."""
    rows = conn.execute(select(users, grants).join(grants, grants.c.user == users.c.id).where(
        grants.c.tenant == tenant).order_by(users.c.login)).mappings()
    return tuple((_user(row), _grant(row)) for row in rows)


def anyone(conn: Connection) -> bool:
    """Whether there is any account at all."""
    return conn.execute(select(users.c.id).limit(1)).first() is not None


def _user(row: Mapping[Any, Any]) -> User:
    return User(row["id"], row["login"], row["name"], row["password"], row["totp"], row["totp_step"], row["subject"],
                row["failures"], row["blocked_until"], row["letter_keys"], row["locked_at"] is not None)


def _grant(row: Mapping[Any, Any]) -> Grant:
    return Grant(row["tenant"], row["user"], frozenset(Role(name) for name in row["roles"]),
                 None if row["classes"] is None else frozenset(row["classes"]), tuple(row["branches"]), tuple(row["offices"]))
