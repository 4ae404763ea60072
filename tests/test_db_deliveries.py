"""Deliveries, parts, page reads, counters, guilt and patience: on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from making import TENANT, blob, delivery, opened, received

from intake.db.core import Database, new_id, utcnow
from intake.db.deliveries import (
    add_delivery,
    add_page_reads,
    add_parts,
    delivery_by_key,
    envelope_from,
    envelope_json,
    find_id,
    first_with_original,
    get_delivery,
    move_delivery,
    newest_page_reads,
    next_counter,
    note_death,
    note_retry,
    page_reads_of,
    parts_of,
    reset_guilt,
)
from intake.errors import Refused, Stale
from intake.vocabulary import Blob, DeliveryState, Envelope, Part

ENVELOPE = Envelope("Erika Muster <e@example.org>", "post@mittelau.example", "Bauantrag ÄÖÜ",
                    datetime(2026, 11, 20, 8, 0, tzinfo=UTC), "<1@example.org>")


def test_a_delivery_comes_back_as_it_was(database: Database) -> None:
    full = delivery(envelope=ENVELOPE, access_class="Vertraulich", lane="backfile", batch="post 2026-11-21/01", position=7,
                    original=Blob("ab" * 32, "image/tiff", "Plan (1).tif", 5 * 2**31), channel="imap", source="poststelle",
                    deaths=1, attempt=2)
    twin = delivery(state=DeliveryState.TWIN, twin_of=full.id)
    with database.transaction() as tx:
        add_delivery(tx, full)
        add_delivery(tx, twin)
    with database.read() as conn:
        assert get_delivery(conn, full.id) == full
        assert get_delivery(conn, twin.id) == twin
        assert delivery_by_key(conn, TENANT, "imap", full.key) == full
        assert delivery_by_key(conn, "nord", "imap", full.key) is None
        assert delivery_by_key(conn, TENANT, "folder", full.key) is None
        with pytest.raises(Refused, match="gibt es nicht"):
            get_delivery(conn, new_id())


@pytest.mark.parametrize("envelope", [Envelope(), ENVELOPE, Envelope(subject=""), Envelope(message_id="<x>")])
def test_envelopes(envelope: Envelope) -> None:
    assert envelope_from(envelope_json(envelope)) == envelope


def test_the_first_with_these_bytes(database: Database) -> None:
    same, start = blob(b"same"), utcnow()
    with database.transaction() as tx:
        twin = received(tx, original=same, received_at=start - timedelta(days=3), state=DeliveryState.TWIN)
        later = received(tx, original=same, received_at=start)
        first = received(tx, original=same, received_at=start - timedelta(days=1), state=DeliveryState.OPENED)
        received(tx, original=same, received_at=start - timedelta(days=9), channel="imap")
        received(tx, tenant="nord", original=same, received_at=start - timedelta(days=9))
    with database.read() as conn:
        assert first_with_original(conn, TENANT, "folder", same.sha256) == first
        assert first_with_original(conn, TENANT, "upload", same.sha256) is None
        assert first_with_original(conn, TENANT, "folder", "0" * 64) is None
        assert twin.id != first.id != later.id


def test_move_delivery(database: Database) -> None:
    with database.transaction() as tx:
        made = received(tx)
    with database.transaction() as tx:
        moved = move_delivery(tx, made, DeliveryState.OPENED, envelope=ENVELOPE, access_class="Vertraulich")
    with database.read() as conn:
        assert get_delivery(conn, made.id) == moved
    assert (moved.state, moved.revision, moved.envelope) == (DeliveryState.OPENED, 2, ENVELOPE)
    with pytest.raises(Stale), database.transaction() as tx:
        move_delivery(tx, made, DeliveryState.CLARIFY)
    with database.transaction() as tx:
        moved = move_delivery(tx, moved, DeliveryState.RECEIVED, twin_of=None)
    assert moved.revision == 3


def test_a_twin_becomes_received(database: Database) -> None:
    with database.transaction() as tx:
        first = received(tx)
        twin = received(tx, state=DeliveryState.TWIN, twin_of=first.id)
        moved = move_delivery(tx, twin, DeliveryState.RECEIVED, twin_of=None)
    with database.read() as conn:
        assert get_delivery(conn, twin.id) == moved == replace(twin, state=DeliveryState.RECEIVED, twin_of=None, revision=2)


def test_find_id(database: Database) -> None:
    ids = ["01AAAA" + "0" * 20, "01AAAB" + "0" * 20, "01AAAB" + "Z" * 20]
    with database.transaction() as tx:
        for id in ids:
            received(tx, id=id)
        received(tx, tenant="nord", id="01AAAA" + "1" * 20)
        _, (document,) = opened(tx, received(tx))
    with database.read() as conn:
        assert find_id(conn, TENANT, "01AAAA", "delivery") == ids[0]
        assert find_id(conn, TENANT, " 01aaaa ", "delivery") == ids[0]
        assert [find_id(conn, TENANT, id, "delivery") for id in ids] == ids
        assert find_id(conn, "nord", "01AA", "delivery") == "01AAAA" + "1" * 20
        assert find_id(conn, TENANT, document.id[:20], "document") == document.id
        for wrong in ("01AAAB", "01AA", "01A", "", "99999", "%%%%", "01AA'--", "0" * 27, "ÄÄÄÄ"):
            with pytest.raises(Refused):
                find_id(conn, TENANT, wrong, "delivery")
        with pytest.raises(Refused, match="Keine Nummer"):
            find_id(conn, TENANT, ids[0], "problem")


def test_counters_count_without_gaps(database: Database) -> None:
    with database.transaction() as tx:
        assert [next_counter(tx, TENANT, "batch/post") for _ in range(3)] == [1, 2, 3]
        assert next_counter(tx, TENANT, "batch/other") == next_counter(tx, "nord", "batch/post") == 1
    with pytest.raises(KeyError), database.transaction() as tx:
        assert next_counter(tx, TENANT, "batch/post") == 4
        raise KeyError
    with database.transaction() as tx:
        assert next_counter(tx, TENANT, "batch/post") == 4


def test_counters_under_many_hands(database: Database) -> None:
    seen: list[int] = []

    def run() -> None:
        for _ in range(5):
            with database.transaction() as tx:
                seen.append(next_counter(tx, TENANT, "x"))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 31))


def test_parts_are_replaced(database: Database) -> None:
    with database.transaction() as tx:
        made = received(tx)
        other = received(tx)
        body = Part(made.id, 0, None, blob(b"mail", "mail.eml", "message/rfc822"))
        good = Part(made.id, 1, 0, blob(b"pdf"), pages=3)
        bad = Part(made.id, 2, 0, blob(b"zip", "x.pdf"), problem="encrypted", detail="Kennwort nötig")
        add_parts(tx, other.id, TENANT, [replace(good, delivery=other.id)])
        add_parts(tx, made.id, TENANT, [body, good, bad])
        add_parts(tx, made.id, TENANT, [bad, body, good])
    with database.read() as conn:
        assert parts_of(conn, made.id) == (body, good, bad)
        assert len(parts_of(conn, other.id)) == 1
        assert parts_of(conn, new_id()) == ()
    with database.transaction() as tx:
        add_parts(tx, made.id, TENANT, [])
        assert parts_of(tx.connection, made.id) == ()


def test_page_reads_by_reader(database: Database) -> None:
    original = "ab" * 32
    with database.transaction() as tx:
        add_page_reads(tx, TENANT, original, "tesseract-5.3", [(1, "c" * 64, 0.5), (2, "c" * 64, 0.5)])
        add_page_reads(tx, "nord", original, "tesseract-5.3", [(9, "n" * 64, 0.1)])
        add_page_reads(tx, TENANT, original, "tesseract-5.3", [])
    with database.transaction() as tx:  # the same chunk again after a kill
        add_page_reads(tx, TENANT, original, "tesseract-5.3", [(2, "d" * 64, 0.7)])
    with database.read() as conn:
        found = page_reads_of(conn, TENANT, original, "tesseract-5.3")
        assert found == newest_page_reads(conn, TENANT, original) == {1: "c" * 64, 2: "d" * 64}
        assert page_reads_of(conn, TENANT, original, "other") == newest_page_reads(conn, TENANT, "00" * 32) == {}


def test_a_reading_under_way_does_not_hide_the_whole_one(database: Database) -> None:
    original = "ab" * 32
    with database.transaction() as tx:
        add_page_reads(tx, TENANT, original, "old", [(number, "a" * 64, 0.5) for number in (1, 2, 3)])
    with database.transaction() as tx:
        add_page_reads(tx, TENANT, original, "new", [(number, "b" * 64, 0.5) for number in (1, 2)])
    with database.read() as conn:
        assert newest_page_reads(conn, TENANT, original)[1] == "a" * 64
    with database.transaction() as tx:
        add_page_reads(tx, TENANT, original, "new", [(3, "b" * 64, 0.5)])
    with database.read() as conn:
        assert set(newest_page_reads(conn, TENANT, original).values()) == {"b" * 64}
        assert newest_page_reads(conn, TENANT, original, [3, 2]) == {2: "b" * 64, 3: "b" * 64}


def test_guilt_and_patience(database: Database) -> None:
    later = utcnow() + timedelta(minutes=5)
    with database.transaction() as tx:
        made = received(tx)
        _, (document,) = opened(tx, received(tx))
        assert [note_death(tx, "delivery", made.id) for _ in range(3)] == [1, 2, 3]
        assert note_death(tx, "document", document.id) == 1
        assert [note_retry(tx, "delivery", made.id, later), note_retry(tx, "delivery", made.id, None)] == [1, 2]
    with database.read() as conn:
        found = get_delivery(conn, made.id)
    assert (found.deaths, found.attempt, found.state, found.revision) == (3, 2, DeliveryState.RECEIVED, 1)
    with database.transaction() as tx:
        reset_guilt(tx, "delivery", made.id)
        move_delivery(tx, made, DeliveryState.CLARIFY)  # bookkeeping is no change of the row: its revision still fits
    with database.read() as conn:
        found = get_delivery(conn, made.id)
    assert (found.deaths, found.attempt) == (0, 2), "an attempt's number is never used twice"
