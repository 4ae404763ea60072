"""The journal: fixed to the byte by a vector, no tamper goes unseen, no gap under concurrent writers."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from intake import journal as journal_module
from intake.db.core import Database, Tx
from intake.errors import Stale
from intake.journal import GENESIS, check, entries, fingerprint, record
from intake.schema import journal, journal_heads, journal_subjects
from intake.vocabulary import DeliveryState

AT = datetime(2026, 11, 21, 9, 30, 0, 125, tzinfo=UTC)
VECTOR = (
    '{"action":"delivery.received","actor":"service:receive","at":"2026-11-21T09:30:00.000125Z",'
    '"new":"23896cc84540a9b7a59aee5079b1dfc35cffabefac34f12b5a5b3bb0a8baf26b","old":null,'
    '"prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":1,'
    '"subjects":{"delivery":"01KAJ0000000000000000000AA"},"tenant":"mittelau","v":1}'
)
VECTOR_HASH = "46a4951094ee08ec6abdbf03f0946e360ad2ee12a8cf972767b0e203727e7d07"
SECOND_HASH = "02401a9a62810e1a959e4489883b6918b598c410464582ee6b3f1204412a20e9"


def write(database: Database, number: int, tenant: str = "mittelau") -> None:
    for index in range(number):
        with database.transaction() as tx:
            record(tx, tenant, "clerk:kms", "document.approved", subjects={"document": f"d{index}", "delivery": "x"},
                   old={"state": "PROPOSED", "n": index}, new={"state": "APPROVED"})


def faults(database: Database, published: tuple[int, str] | None = None, tenant: str = "mittelau") -> list[str]:
    with database.read() as conn:
        return [fault.detail for fault in check(conn, tenant, published)]


def test_vector(database: Database) -> None:
    """The bytes and the hash of an entry are a promise to every auditor's own program: they never change.

    The literals were not made by our code but by `printf … | sha256sum`.
    """
    with database.transaction() as tx:
        fixed = Tx(tx.connection, AT)
        new = {"original": "ab" * 32, "batch": "post 2026-11-21/01", "größe": 1.5, "state": DeliveryState.RECEIVED}
        record(fixed, "mittelau", "service:receive", "delivery.received",
               subjects={"delivery": "01KAJ0000000000000000000AA"}, new=new)
        record(fixed, "mittelau", "clerk:kms", "delivery.clarified", subjects={}, old=new, new={})
    with database.read() as conn:
        first, second = conn.execute(select(journal.c.entry, journal.c.hash).order_by(journal.c.seq)).all()
    assert first.entry == VECTOR
    assert first.hash == VECTOR_HASH == hashlib.sha256(VECTOR.encode()).hexdigest()
    assert second.hash == SECOND_HASH
    assert faults(database) == []


def test_numbers_start_at_one_and_each_tenant_has_its_own_chain(database: Database) -> None:
    write(database, 3)
    write(database, 2, tenant="nord")
    with database.read() as conn:
        assert [entry.seq for entry in entries(conn, "mittelau")] == [1, 2, 3]
        assert [entry.seq for entry in entries(conn, "nord")] == [1, 2]
        chain = list(entries(conn, "mittelau"))
    assert chain[0].prev == GENESIS
    assert [entry.prev for entry in chain[1:]] == [entry.hash for entry in chain[:-1]]
    assert faults(database) == faults(database, tenant="nord") == faults(database, tenant="leer") == []


def test_entries_of_a_subject(database: Database) -> None:
    write(database, 3)
    with database.read() as conn:
        assert [entry.seq for entry in entries(conn, "mittelau", "d1")] == [2]
        assert [entry.seq for entry in entries(conn, "mittelau", "x")] == [1, 2, 3]
        assert list(entries(conn, "nord", "x")) == []
        entry = next(entries(conn, "mittelau", "d1"))
    assert (entry.actor, entry.action, entry.subjects["document"]) == ("clerk:kms", "document.approved", "d1")
    assert entry.at.tzinfo is not None


def test_no_text_of_a_person_is_written(database: Database) -> None:
    secret = "Erika Mustermann, DE89 3704 0044 0532 0130 00"
    with database.transaction() as tx:
        record(tx, "mittelau", "clerk:kms", "document.corrected", subjects={"document": "d"}, old={"name": secret},
               new={"name": secret, "nested": [{"iban": secret}]})
    with database.read() as conn:
        text = conn.execute(select(journal.c.entry)).scalar_one()
    assert "Erika" not in text and "DE89" not in text
    assert json.loads(text)["old"] == hashlib.sha256(rfc8785.dumps({"name": secret})).hexdigest()


def test_fingerprint() -> None:
    assert fingerprint(None) is None
    assert fingerprint({}) == hashlib.sha256(b"{}").hexdigest()
    assert fingerprint({"b": 1, "a": 2}) == fingerprint({"a": 2, "b": 1}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    assert fingerprint({"at": AT}) == fingerprint({"at": "2026-11-21T09:30:00.000125Z"})
    assert fingerprint({"pages": (1, 2)}) == fingerprint({"pages": [1, 2]})
    assert fingerprint({"name": "a\udce4\0b"}) is not None  # an undecodable file name must not stop a delivery


def test_it_rolls_back_with_the_change(database: Database) -> None:
    """No entry without its change, no change without its entry, no gap afterwards."""
    write(database, 2)
    with pytest.raises(Stale), database.transaction() as tx:
        record(tx, "mittelau", "clerk:kms", "document.approved", subjects={"document": "lost"})
        raise Stale("late")
    write(database, 1)
    with database.read() as conn:
        assert [entry.seq for entry in entries(conn, "mittelau")] == [1, 2, 3]
        assert list(entries(conn, "mittelau", "lost")) == []
    assert faults(database) == []


def test_several_entries_in_one_transaction(database: Database) -> None:
    with database.transaction() as tx:
        numbers = [record(tx, "mittelau", "rule:x", "a", subjects={"delivery": "d"}) for _ in range(5)]
    assert numbers == [1, 2, 3, 4, 5]
    assert faults(database) == []


def test_concurrent_writers_make_a_chain_without_gaps(database: Database) -> None:
    threads = [threading.Thread(target=write, args=(database, 12, tenant)) for tenant in ("mittelau", "nord") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for tenant in ("mittelau", "nord"):
        with database.read() as conn:
            assert [entry.seq for entry in entries(conn, tenant)] == list(range(1, 37))
        assert faults(database, tenant=tenant) == []


def test_concurrent_writers_of_two_processes(database: Database, database_url: str) -> None:
    """Two Database objects share no lock of ours: the database's own decides (as between two processes)."""
    other = Database(database_url)
    threads = [threading.Thread(target=write, args=(each, 15)) for each in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    with database.read() as conn:
        assert [entry.seq for entry in entries(conn, "mittelau")] == list(range(1, 31))
    assert faults(database) == []


LENGTH = 6
Rows = list[tuple[int, str, str]]


def _edit(rows: Rows, at: int, _other: int) -> Rows:
    seq, text, digest = rows[at]
    return [*rows[:at], (seq, text.replace('"actor":"clerk:kms"', '"actor":"clerk:xyz"'), digest), *rows[at + 1:]]


def _edit_and_rehash(rows: Rows, at: int, _other: int) -> Rows:
    edited = _edit(rows, at, 0)
    seq, text, _ = edited[at]
    return [*edited[:at], (seq, text, hashlib.sha256(text.encode()).hexdigest()), *edited[at + 1:]]


def _delete(rows: Rows, at: int, _other: int) -> Rows:
    return rows[:at] + rows[at + 1:]


def _delete_and_renumber(rows: Rows, at: int, _other: int) -> Rows:
    return [(number, text, digest) for number, (_, text, digest) in enumerate(_delete(rows, at, 0), start=1)]


def _exchange(rows: Rows, at: int, other: int) -> Rows:
    changed = list(rows)
    changed[at], changed[other] = (rows[at][0], *rows[other][1:]), (rows[other][0], *rows[at][1:])
    return changed


def _insert(rows: Rows, at: int, other: int) -> Rows:
    longer = [*rows[:at], rows[other], *rows[at:]]
    return [(number, text, digest) for number, (_, text, digest) in enumerate(longer, start=1)]


def _append(rows: Rows, _at: int, other: int) -> Rows:
    return [*rows, (len(rows) + 1, *rows[other][1:])]


def _cut_tail(rows: Rows, at: int, _other: int) -> Rows:
    return rows[:at]


TAMPERS = (_edit, _edit_and_rehash, _delete, _delete_and_renumber, _exchange, _insert, _append, _cut_tail)


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> Database:
    from intake.schema import metadata

    database = Database(f"sqlite:///{tmp_path_factory.mktemp('journal') / 'poststelle.db'}")
    with database.transaction() as tx:
        metadata.create_all(tx.connection)
    write(database, LENGTH)
    return database


class _Undo(Exception):
    pass


def _after(database: Database, rows: Rows, published: tuple[int, str] | None = None, head: tuple[int, str] | None = None,
           ) -> list[str]:
    """What `check` finds with these rows in place of the real ones; rolled back."""
    found: list[str] = []
    with pytest.raises(_Undo), database.transaction() as tx:
        tx.connection.execute(delete(journal))
        if rows:
            tx.connection.execute(insert(journal), [
                {"tenant": "mittelau", "seq": seq, "entry": text, "hash": digest} for seq, text, digest in rows])
        if head:
            tx.connection.execute(update(journal_heads).values(seq=head[0], hash=head[1]))
        found += [fault.detail for fault in check(tx.connection, "mittelau", published)]
        raise _Undo
    return found


def _rows(database: Database) -> Rows:
    with database.read() as conn:
        return [(row.seq, row.entry, row.hash) for row in conn.execute(
            select(journal).where(journal.c.tenant == "mittelau").order_by(journal.c.seq))]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TAMPERS), st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1))
def test_any_tamper_is_found(chained: Database, tamper: Callable[[Rows, int, int], Rows], at: int, other: int) -> None:
    rows = _rows(chained)
    assert _after(chained, rows) == []
    changed = tamper(rows, at, other)
    assert (changed == rows) == (_after(chained, changed) == [])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, LENGTH - 1), st.data())
def test_any_changed_byte_is_found(chained: Database, at: int, data: st.DataObject) -> None:
    rows = _rows(chained)
    seq, text, digest = rows[at]
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8", exclude_characters=text[place] + "\0"))
    assert _after(chained, [*rows[:at], (seq, text[:place] + other + text[place + 1:], digest), *rows[at + 1:]]) != []


def _rewritten(rows: Rows, at: int) -> Rows:
    """The chain as somebody with all rights would forge it: from `at` on everything fits again."""
    forged, prev = rows[:at], rows[at - 1][2] if at else GENESIS
    for seq, text, _ in rows[at:]:
        said = {**json.loads(text), "prev": prev}
        if seq == at + 1:
            said["actor"] = "clerk:somebody-else"
        again = rfc8785.dumps(said).decode()
        prev = hashlib.sha256(again.encode()).hexdigest()
        forged.append((seq, again, prev))
    return forged


@pytest.mark.parametrize("at", range(LENGTH))
def test_a_forged_chain_is_found_by_the_published_head(chained: Database, at: int) -> None:
    rows = _rows(chained)
    published = (rows[-1][0], rows[-1][2])
    forged = _rewritten(rows, at)
    head = (forged[-1][0], forged[-1][2])
    assert _after(chained, forged, head=head) == []  # this is why the head is shown outside
    assert _after(chained, forged, published, head) != []
    assert _after(chained, rows, published) == []


@pytest.mark.parametrize("left", range(LENGTH))
def test_a_cut_tail_with_its_head_is_found_by_the_published_head(chained: Database, left: int) -> None:
    rows = _rows(chained)
    head = (left, rows[left - 1][2] if left else GENESIS)
    assert _after(chained, rows[:left], (LENGTH, rows[-1][2]), head) != []


def test_a_lost_head_row_is_found(sqlite_database: Database) -> None:
    write(sqlite_database, 2)
    with sqlite_database.transaction() as tx:
        tx.connection.execute(delete(journal_heads))
    assert faults(sqlite_database) == ["Die Kette endet bei Eintrag 2, ihr Kopf steht bei 0."]


def test_an_entry_of_another_tenant_is_found(sqlite_database: Database) -> None:
    write(sqlite_database, 1)
    write(sqlite_database, 1, tenant="nord")
    with sqlite_database.transaction() as tx:
        foreign = tx.connection.execute(select(journal).where(journal.c.tenant == "nord")).one()
        tx.connection.execute(update(journal).where(journal.c.tenant == "mittelau").values(
            entry=foreign.entry, hash=foreign.hash))
        tx.connection.execute(update(journal_heads).where(journal_heads.c.tenant == "mittelau").values(hash=foreign.hash))
    assert faults(sqlite_database) == ["Eintrag 1 gehört nicht an diese Stelle."]


def test_rubbish_is_a_fault_not_a_crash(sqlite_database: Database) -> None:
    for rubbish in ("", "[]", "nicht JSON", "null", "{}"):
        with sqlite_database.transaction() as tx:
            tx.connection.execute(delete(journal))
            tx.connection.execute(insert(journal), {
                "tenant": "mittelau", "seq": 1, "entry": rubbish, "hash": hashlib.sha256(rubbish.encode()).hexdigest()})
        assert faults(sqlite_database)[0] == "Eintrag 1 gehört nicht an diese Stelle."


def test_the_index_by_subject_holds_each_once(database: Database) -> None:
    with database.transaction() as tx:
        record(tx, "mittelau", "rule:x", "joined", subjects={"first": "d", "second": "d", "third": "e"})
    with database.read() as conn:
        rows = conn.execute(select(journal_subjects.c.subject).order_by(journal_subjects.c.subject)).scalars().all()
    assert rows == ["d", "e"]


def test_the_version_is_part_of_the_entry(database: Database) -> None:
    write(database, 1)
    with database.read() as conn:
        said = json.loads(conn.execute(select(journal.c.entry)).scalar_one())
    assert said["v"] == journal_module.VERSION == 1
    assert set(said) == {"v", "tenant", "seq", "at", "actor", "action", "subjects", "old", "new", "prev"}
