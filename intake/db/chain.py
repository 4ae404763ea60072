"""The SQL of the journal: one head row per tenant, locked in the transaction of the change; entries in order; the values
beside them, which may be deleted; what was published outside."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.sql.dml import ReturningInsert

from intake.db.core import Tx, insert_into, stamp, upsert
from intake.schema import journal, journal_heads, journal_subjects, journal_values, published_heads


class Told(NamedTuple):
    """The values beside one entry: the text of the old and the new ones, each hashed behind the salt."""

    salt: str
    old: str | None
    new: str | None


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
_INSERT_VALUES = journal_values.insert()
_SET_HEAD = update(journal_heads).where(journal_heads.c.tenant == bindparam("whose")).values(hash=bindparam("hash"))


def append(tx: Tx, tenant: str, seq: int, entry: str, digest: str, subjects: Collection[str], told: Told | None) -> None:
    """Store an entry under the number from `lock_head`, make it the head, index it by its subjects, keep its values."""
    tx.connection.execute(_INSERT_ENTRY, {"tenant": tenant, "seq": seq, "entry": entry, "hash": digest})
    tx.connection.execute(_SET_HEAD, {"whose": tenant, "hash": digest})
    if subjects:
        tx.connection.execute(_INSERT_SUBJECT, [
            {"tenant": tenant, "subject": subject, "seq": seq} for subject in sorted(set(subjects))])
    if told is not None:
        tx.connection.execute(_INSERT_VALUES, {"tenant": tenant, "seq": seq, **told._asdict()})


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


def rows_with_values(conn: Connection, tenant: str) -> Iterator[tuple[int, str, str, Told | None]]:
    """(number, entry, hash, values) of the whole chain in order; streamed. None = no values, or deleted ones."""
    beside = (journal_values.c.tenant == journal.c.tenant) & (journal_values.c.seq == journal.c.seq)
    wanted = select(journal.c.seq, journal.c.entry, journal.c.hash, journal_values.c.salt, journal_values.c.old,
                    journal_values.c.new).join(journal_values, beside, isouter=True).where(
        journal.c.tenant == tenant).order_by(journal.c.seq)
    for seq, entry, digest, salt, old, new in conn.execution_options(yield_per=5000).execute(wanted):
        yield seq, entry, digest, None if salt is None else Told(salt, old, new)


def values_of(conn: Connection, tenant: str, seqs: Collection[int]) -> dict[int, Told]:
    """The values of these entries, as far as they are there."""
    wanted, found = sorted(set(seqs)), {}
    for start in range(0, len(wanted), 500):
        some = journal_values.c.seq.in_(wanted[start:start + 500])
        for row in conn.execute(select(journal_values).where(journal_values.c.tenant == tenant, some)):
            found[row.seq] = Told(row.salt, row.old, row.new)
    return found


def count_values(conn: Connection, tenant: str) -> int:
    """How many entries of the tenant have values beside them."""
    return conn.execute(select(func.count()).select_from(journal_values).where(journal_values.c.tenant == tenant)).scalar_one()


def delete_values(tx: Tx, tenant: str, subject: str) -> int:
    """Delete the values of all entries about this id; how many there were. The chain stays as it is."""
    about = select(journal_subjects.c.seq).where(journal_subjects.c.tenant == tenant, journal_subjects.c.subject == subject)
    return tx.connection.execute(delete(journal_values).where(
        journal_values.c.tenant == tenant, journal_values.c.seq.in_(about))).rowcount


def subjects(conn: Connection, tenant: str) -> Iterator[tuple[str, int]]:
    """The whole index (subject, number), in no order; streamed."""
    wanted = select(journal_subjects.c.subject, journal_subjects.c.seq).where(journal_subjects.c.tenant == tenant)
    for row in conn.execution_options(yield_per=5000).execute(wanted):
        yield row.subject, row.seq


def published(conn: Connection, place: str) -> dict[str, tuple[int, str, str]]:
    """The newest head that went to a place ("file", "mail"), by tenant: number, hash, time as `stamp`."""
    rows = conn.execute(select(published_heads).where(published_heads.c.place == place))
    return {row.tenant: (row.seq, row.hash, row.at) for row in rows}


def note_published(tx: Tx, tenant: str, place: str, seq: int, digest: str) -> None:
    """Note that this head went to the place now."""
    upsert(tx, published_heads, ("tenant", "place"), [
        {"tenant": tenant, "place": place, "seq": seq, "hash": digest, "at": stamp(tx.now)}])


def hash_at(conn: Connection, tenant: str, seq: int) -> str | None:
    """The hash of the entry with this number; None when there is none."""
    return conn.execute(select(journal.c.hash).where(journal.c.tenant == tenant, journal.c.seq == seq)).scalar_one_or_none()


def entry_at(conn: Connection, tenant: str, seq: int) -> str | None:
    """The text of the entry with this number; None when there is none."""
    return conn.execute(select(journal.c.entry).where(journal.c.tenant == tenant, journal.c.seq == seq)).scalar_one_or_none()
