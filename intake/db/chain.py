"""The SQL of the journal: one head row per tenant, locked in the transaction of the change; entries in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.sql.dml import ReturningInsert

from intake.db.core import Tx, insert_into
from intake.schema import journal, journal_heads, journal_subjects


def lock_head(tx: Tx, tenant: str, genesis: str) -> tuple[int, str]:
    """Take the next number of the tenant's chain and lock its head row until the transaction ends.

    Returns (number of the new entry, hash of the entry before; `genesis` for the first).
    """
    row = tx.connection.execute(_raise_head(tx.connection.dialect.name), {"tenant": tenant, "seq": 1, "hash": genesis}).one()
    return row.seq, row.hash


@cache
def _raise_head(dialect: str) -> ReturningInsert[Any]:
    raised = insert_into(dialect, journal_heads).on_conflict_do_update(
        index_elements=["tenant"], set_={"seq": journal_heads.c.seq + 1})
    return raised.returning(journal_heads.c.seq, journal_heads.c.hash)


_INSERT_ENTRY = journal.insert()
_INSERT_SUBJECT = journal_subjects.insert()
_SET_HEAD = update(journal_heads).where(journal_heads.c.tenant == bindparam("whose")).values(hash=bindparam("hash"))


def append(tx: Tx, tenant: str, seq: int, entry: str, digest: str, subjects: Collection[str]) -> None:
    """Store an entry under the number from `lock_head`, make it the head, and index it by its subjects."""
    tx.connection.execute(_INSERT_ENTRY, {"tenant": tenant, "seq": seq, "entry": entry, "hash": digest})
    tx.connection.execute(_SET_HEAD, {"whose": tenant, "hash": digest})
    if subjects:
        tx.connection.execute(_INSERT_SUBJECT, [
            {"tenant": tenant, "subject": subject, "seq": seq} for subject in sorted(set(subjects))])


def rows(conn: Connection, tenant: str, subject: str | None = None) -> Iterator[tuple[int, str, str]]:
    """(number, entry, hash) in order, of the whole chain or of one subject; streamed."""
    wanted = select(journal.c.seq, journal.c.entry, journal.c.hash).where(
        journal.c.tenant == tenant).order_by(journal.c.seq)
    if subject is not None:
        wanted = wanted.join(journal_subjects, (journal_subjects.c.tenant == journal.c.tenant) & (
            journal_subjects.c.seq == journal.c.seq)).where(journal_subjects.c.subject == subject)
    for row in conn.execution_options(yield_per=1000).execute(wanted):
        yield row.seq, row.entry, row.hash


def head(conn: Connection, tenant: str) -> tuple[int, str] | None:
    """Number and hash of the newest entry; None while the tenant has no journal."""
    wanted = select(journal_heads.c.seq, journal_heads.c.hash).where(journal_heads.c.tenant == tenant)
    row = conn.execute(wanted).first()
    return (row.seq, row.hash) if row else None
