"""What an administration does with people: invite, give and take roles, lock, send a new link. Sessions end at once.

The journal holds ids and roles, never names. A person's account belongs to all towns he has a role in; whoever administers
one town touches only accounts that belong to it alone, so that nobody takes over an account of another town.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection

from intake.db.core import Tx
from intake.db.sessions import end_sessions_of, new_link
from intake.db.users import (
    Grant,
    User,
    anyone,
    change_user,
    get_user,
    grant,
    grant_of,
    grants_of,
    lock_user,
    new_user,
    people_of,
    user_by_login,
    withdraw,
)
from intake.errors import Refused
from intake.journal import record
from intake.vocabulary import Role

LINK_LIFE = timedelta(days=3)


def invite(tx: Tx, login: str, name: str, given: Grant, by: str) -> tuple[User, str]:
    """A new account with this grant (its `user` is filled in); returns it and the secret of its set-up link."""
    user = new_user(tx, login, name)
    _give(tx, given, user.id)
    record(tx, given.tenant, by, "user.invited", subjects={"user": user.id}, new=_said(given))
    return user, new_link(tx, "setup", LINK_LIFE, user=user.id)


def change(tx: Tx, tenant: str, user: str, given: Grant, by: str) -> None:
    """Another grant; whoever is signed in with the old one is signed out. Raises Refused for the last administrator."""
    before = _known(tx.connection, tenant, user)
    if Role.ADMINISTRATION not in given.roles:
        _not_the_last(tx.connection, tenant, user)
    _give(tx, given, user)
    end_sessions_of(tx, user)
    record(tx, tenant, by, "user.changed", subjects={"user": user}, old=_said(before), new=_said(given))


def remove(tx: Tx, tenant: str, user: str, by: str) -> None:
    """No role in this town any more. Raises Refused for the last administrator."""
    before = _known(tx.connection, tenant, user)
    _not_the_last(tx.connection, tenant, user)
    withdraw(tx, tenant, user)
    end_sessions_of(tx, user)
    record(tx, tenant, by, "user.removed", subjects={"user": user}, old=_said(before))


def set_lock(tx: Tx, tenant: str, user: str, locked: bool, by: str) -> None:
    """Lock the account or open it again. Raises Refused for one that belongs to other towns too, and the last administrator."""
    _alone(tx.connection, tenant, user)
    if locked:
        _not_the_last(tx.connection, tenant, user)
    lock_user(tx, user, locked)
    end_sessions_of(tx, user)
    record(tx, tenant, by, "user.locked" if locked else "user.opened", subjects={"user": user})


def link(tx: Tx, tenant: str, user: str, by: str) -> str:
    """The secret of a new set-up link; the second factor is set up anew with the password. Raises Refused as `set_lock`."""
    _alone(tx.connection, tenant, user)
    change_user(tx, user, totp="", totp_step=0)
    record(tx, tenant, by, "user.link", subjects={"user": user})
    return new_link(tx, "setup", LINK_LIFE, user=user)


def first_link(tx: Tx, tenants: Collection[str], login: str) -> tuple[str, str] | None:
    """The login and set-up secret for whoever starts an installation that nobody can sign in to yet; None when somebody can.

    The first person has every role in every town and sees everything: give others less.
    """
    user = user_by_login(tx.connection, login)
    if anyone(tx.connection) and (user is None or user.password or user.subject):
        return None
    if user is None:
        user = new_user(tx, login)
        for tenant in tenants:
            grant(tx, Grant(tenant, user.id, frozenset(Role), None))
            record(tx, tenant, "service:setup", "user.invited", subjects={"user": user.id})
    return user.login, new_link(tx, "setup", LINK_LIFE, user=user.id)


def _give(tx: Tx, given: Grant, user: str) -> None:
    grant(tx, Grant(given.tenant, user, given.roles, given.classes, given.branches, given.offices))


def _said(given: Grant) -> dict[str, object]:
    return {"roles": sorted(given.roles), "classes": None if given.classes is None else sorted(given.classes),
            "branches": list(given.branches), "offices": list(given.offices)}


def _known(conn: Connection, tenant: str, user: str) -> Grant:
    found = grant_of(conn, tenant, user)
    if found is None:
        raise Refused("Dieses Konto gibt es nicht. Laden Sie die Liste neu.")
    return found


def _alone(conn: Connection, tenant: str, user: str) -> None:
    _known(conn, tenant, user)
    if len(grants_of(conn, user)) > 1:
        raise Refused("Dieses Konto gehört auch zu anderen Mandanten. Der Betrieb ändert es: poststelle user")


def _not_the_last(conn: Connection, tenant: str, user: str) -> None:
    others = [one for one, given in people_of(conn, tenant)
              if Role.ADMINISTRATION in given.roles and one.id != user and not one.locked]
    if not others and Role.ADMINISTRATION in _known(conn, tenant, user).roles and not get_user(conn, user).locked:
        raise Refused("Das ist das letzte Konto mit der Rolle Administration. Geben Sie die Rolle erst jemand anderem.")
