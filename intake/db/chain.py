"""The SQL of the journal: one head row per tenant, locked in the transaction of the change; entries in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, select, update

from intake.db.core import Tx, add_many, insert_into
from intake.schema import journal, journal_heads, journal_subjects


def lock_head(tx: Tx, tenant: str, genesis: str) -> tuple[int, str]:
    """Take the next number of the tenant's chain and lock its head row until the transaction ends.

    Returns (number of the new entry, hash of the entry before; `genesis` for the first).
    """
    first = insert_into(tx, journal_heads).values(tenant=tenant, seq=1, hash=genesis)
    raised = first.on_conflict_do_update(index_elements=["tenant"], set_={"seq": journal_heads.c.seq + 1})
    row = tx.connection.execute(raised.returning(journal_heads.c.seq, journal_heads.c.hash)).one()
    return row.seq, row.hash


def append(tx: Tx, tenant: str, seq: int, entry: str, digest: str, subjects: Collection[str]) -> None:
    """Store an entry under the number from `lock_head`, make it the head, and index it by its subjects."""
    tx.connection.execute(journal.insert(), {"tenant": tenant, "seq": seq, "entry": entry, "hash": digest})
    tx.connection.execute(update(journal_heads).where(journal_heads.c.tenant == tenant).values(hash=digest))
    add_many(tx, journal_subjects, [
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
