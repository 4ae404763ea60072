"""The journal: fixed to the byte by a vector, no tamper goes unseen, no gap under concurrent writers."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from intake import journal as journal_module
from intake.db.core import Database, Tx
from intake.errors import Stale
from intake.journal import GENESIS, RESTORED, Head, Values, check, entries, fingerprint, forget, losses, record, values
from intake.schema import journal, journal_heads, journal_subjects, journal_values
from intake.vocabulary import DeliveryState

AT = datetime(2026, 11, 21, 9, 30, 0, 125, tzinfo=UTC)
SALT = "00112233445566778899aabbccddeeff"
VECTOR = (
    '{"action":"delivery.received","actor":"service:receive","at":"2026-11-21T09:30:00.000125Z",'
    '"new":"0bcfa5d831c108451f51269c8c3d1684ea2724177b052dc7b7e46092afd9907e","old":null,'
    '"prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":1,'
    '"subjects":{"delivery":"01KAJ0000000000000000000AA"},"tenant":"mittelau","v":1}'
)
VECTOR_HASH = "ae28570a45082d0c50ecaff38c9466ad93c77b617aaf0ab5404450dc36e8e50b"
SECOND_HASH = "52e98c98a9f193f059d17843782f53f77ce33c8497d68cb127cb8bef0d5ee3d3"


def write(database: Database, number: int, tenant: str = "mittelau") -> None:
    for index in range(number):
        with database.transaction() as tx:
            record(tx, tenant, "clerk:kms", "document.approved", subjects={"document": f"d{index}", "delivery": "x"},
                   old={"state": "PROPOSED", "n": index}, new={"state": "APPROVED"})


def faults(database: Database, heads: Sequence[Head] = (), tenant: str = "mittelau") -> list[str]:
    with database.read() as conn:
        return [fault.detail for fault in check(conn, tenant, heads)]


def test_vector(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes and the hash of an entry are a promise to every auditor's own program: they never change.

    The literals were not made by our code but by `printf … | sha256sum`.
    """
    monkeypatch.setattr("secrets.token_hex", lambda _size: SALT)
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
    with database.read() as conn:
        told = values(conn, "mittelau", [1])[1]
    assert told == Values({"name": secret}, {"name": secret, "nested": [{"iban": secret}]})


def test_the_same_values_are_not_recognised_by_their_hash(database: Database) -> None:
    """Otherwise who knows a name could look whether it was ever written."""
    write(database, 2)
    with database.read() as conn:
        first, second = entries(conn, "mittelau")
    assert first.new != second.new and fingerprint("", '{"state":"APPROVED"}') not in (first.new, second.new)


@pytest.mark.parametrize("subject", ["Erika Mustermann", "x" * 65, "a\tb"])
def test_a_subject_is_an_id(database: Database, subject: str) -> None:
    with pytest.raises(ValueError, match="is an id"), database.transaction() as tx:
        record(tx, "mittelau", "service:x", "a", subjects={"document": subject})


def test_values_as_they_were_written(database: Database) -> None:
    with database.transaction() as tx:
        record(tx, "mittelau", "rule:x", "a", subjects={}, new={"at": AT, "pages": (1, 2), "state": DeliveryState.RECEIVED})
        record(tx, "mittelau", "rule:x", "b", subjects={}, old={}, new={"name": "a\udce4\0b"})  # must not stop a delivery
        record(tx, "mittelau", "rule:x", "c", subjects={})
    with database.read() as conn:
        assert values(conn, "mittelau", range(1, 2000)) == {
            1: Values(None, {"at": "2026-11-21T09:30:00.000125Z", "pages": [1, 2], "state": "RECEIVED"}),
            2: Values({}, {"name": "a\\udce4\ufffdb"})}
        assert values(conn, "nord", [1, 2]) == {}
    assert faults(database) == []


def test_forgotten_values_leave_a_whole_chain_that_says_so(database: Database) -> None:
    write(database, 4)
    with database.transaction() as tx:
        assert forget(tx, "mittelau", "clerk:dsb", "d2") == 1
    with database.read() as conn:
        assert sorted(values(conn, "mittelau", range(1, 9))) == [1, 2, 4, 5]
        entry = list(entries(conn, "mittelau"))[-1]
        assert [one.seq for one in entries(conn, "mittelau", "d2")] == [3, 5]
    assert (entry.actor, entry.action, entry.subjects) == ("clerk:dsb", "journal.forgotten", {"forgotten": "d2"})
    assert faults(database) == []
    with database.transaction() as tx:
        assert forget(tx, "mittelau", "clerk:dsb", "x") == 3
    assert faults(database) == []


def test_values_deleted_in_silence_are_found(database: Database) -> None:
    write(database, 3)
    with database.transaction() as tx:
        forget(tx, "mittelau", "clerk:dsb", "d0")
        write_again = {"subjects": {"document": "d0"}, "new": {"state": "FILED"}}
        record(tx, "mittelau", "clerk:kms", "document.filed", **write_again)  # type: ignore[arg-type]
        tx.connection.execute(delete(journal_values).where(journal_values.c.seq.in_([2, 5])))
    assert faults(database) == [f"Die Angaben neben Eintrag {seq} fehlen; dass sie gelöscht wurden, steht nirgends."
                                for seq in (2, 5)]


@pytest.mark.parametrize("change", [{"old": None}, {"new": '{"state":"FILED"}'}, {"salt": "0" * 32}, {"old": "{}"}])
def test_changed_values_are_found(database: Database, change: dict[str, str]) -> None:
    write(database, 2)
    with database.transaction() as tx:
        tx.connection.execute(update(journal_values).where(journal_values.c.seq == 2).values(**change))
    assert faults(database) == ["Die Angaben neben Eintrag 2 wurden verändert."]


def test_smuggled_values_and_a_spoilt_index_are_found(database: Database) -> None:
    write(database, 2)
    with database.transaction() as tx:
        tx.connection.execute(insert(journal_values), {"tenant": "mittelau", "seq": 7, "salt": "", "old": None, "new": "{}"})
    assert faults(database) == ["Neben der Kette liegen Angaben, zu denen es keinen Eintrag gibt."]
    with database.transaction() as tx:
        tx.connection.execute(delete(journal_values).where(journal_values.c.seq == 7))
        tx.connection.execute(update(journal_subjects).where(journal_subjects.c.subject == "d1").values(subject="d9"))
    assert faults(database) == ["Das Verzeichnis der Einträge je Schriftstück stimmt nicht mit der Kette überein."]


def test_a_walk_shows_every_entry(database: Database) -> None:
    write(database, 3)
    seen: list[int] = []
    with database.read() as conn:
        assert check(conn, "mittelau", visit=lambda said: seen.append(said["seq"])) == []
    assert seen == [1, 2, 3]


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


def _after(database: Database, rows: Rows, heads: Sequence[Head] = (), head: tuple[int, str] | None = None) -> list[str]:
    """What `check` finds with these rows in place of the real ones; rolled back."""
    found: list[str] = []
    with pytest.raises(_Undo), database.transaction() as tx:
        tx.connection.execute(delete(journal))
        if rows:
            tx.connection.execute(insert(journal), [
                {"tenant": "mittelau", "seq": seq, "entry": text, "hash": digest} for seq, text, digest in rows])
        if head:
            tx.connection.execute(update(journal_heads).values(seq=head[0], hash=head[1]))
        found += [fault.detail for fault in check(tx.connection, "mittelau", heads)]
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
    published = [Head("2026-11-21", "mittelau", rows[-1][0], rows[-1][2])]
    forged = _rewritten(rows, at)
    head = (forged[-1][0], forged[-1][2])
    assert _after(chained, forged, head=head) == []  # this is why the head is shown outside
    assert _after(chained, forged, [Head("", "nord", LENGTH, rows[-1][2])], head) == []
    assert _after(chained, forged, published, head) != []
    assert _after(chained, rows, published) == []


@pytest.mark.parametrize("left", range(LENGTH))
def test_a_cut_tail_with_its_head_is_found_by_the_published_head(chained: Database, left: int) -> None:
    rows = _rows(chained)
    head = (left, rows[left - 1][2] if left else GENESIS)
    assert _after(chained, rows[:left], [Head("", "mittelau", LENGTH, rows[-1][2])], head) != []


def _restored(database: Database) -> tuple[list[Head], Head]:
    """Six entries were published, the database went back to four, and its fifth says so."""
    write(database, 4)
    with database.read() as conn:
        before = [Head("2026-11-20", "mittelau", one.seq, one.hash) for one in entries(conn, "mittelau")]
    lost = [Head("2026-11-21", "mittelau", seq, f"{seq}" * 64) for seq in (5, 6)]
    with database.transaction() as tx:
        record(tx, "mittelau", "service:restore", RESTORED, subjects={}, new={"backup": "b"})
    with database.read() as conn:
        entry = list(entries(conn, "mittelau"))[-1]
    return before + lost, Head("2026-11-22", "mittelau", entry.seq, entry.hash, restored=True)


def test_an_older_database_is_no_whole_one_until_the_operator_says_outside_that_it_was_restored(database: Database) -> None:
    before, mark = _restored(database)
    assert faults(database, before) == [
        "Eintrag 5 ist ein anderer als der veröffentlichte.",
        "Eintrag 6 wurde veröffentlicht und fehlt. "
        "Wenn die Poststelle wiederhergestellt wurde: poststelle journal publish --restored"]
    assert faults(database, [*before, mark]) == []
    assert losses([*before, mark], "mittelau") == ["Am 2026-11-22 wurde aus einer Sicherung wiederhergestellt (Eintrag 5). "
                                                   "Die Einträge 5 bis 6 gingen dabei verloren."]
    assert losses(before, "mittelau") == losses([*before, mark], "nord") == []
    assert losses([*before[:4], mark], "mittelau")[0].endswith("Kein Eintrag ging dabei verloren.")


def test_a_mark_of_a_restore_hides_nothing_else(database: Database) -> None:
    before, mark = _restored(database)
    forged = Head(mark.at, mark.tenant, 4, before[3].hash, restored=True)
    assert "Eintrag 4 soll eine Wiederherstellung sein und ist keine." in faults(database, [*before, forged])
    assert faults(database, [*before, Head(mark.at, mark.tenant, 5, "f" * 64, restored=True)]) == [
        "Eintrag 5 ist ein anderer als der veröffentlichte."]
    assert faults(database, [Head("", "mittelau", 2, "e" * 64), *before, mark]) == [
        "Eintrag 2 ist ein anderer als der veröffentlichte."]
    assert faults(database, [*before, mark, before[5]]) != [], "published after the restore: not taken back by it"


def test_a_thousand_random_tampers_given_the_last_published_head(chained: Database) -> None:
    """Issue G, in the database: whoever tampers may also set the head row to what his chain ends with."""
    rows, dice, found = _rows(chained), random.Random(8), 0
    heads = [Head("2026-11-22", "mittelau", rows[-1][0], rows[-1][2])]
    for number in range(1000):
        at, other = dice.sample(range(LENGTH), 2)
        tamper = (*TAMPERS, lambda rows, at, _other: _rewritten(rows, at))[number % (len(TAMPERS) + 1)]
        changed = tamper(rows, at, other)
        assert changed != rows
        head = (changed[-1][0], changed[-1][2]) if changed else (0, GENESIS)
        found += bool(_after(chained, changed, heads, head if dice.random() < 0.7 else None))
    assert found == 1000


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
