"""Two workers add the same row at the same moment: one of them does, the other one sees it and goes on, on both databases."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from review_help import DOGS, plan
from sqlalchemy import Table, func, select
from test_filing import approved, file_it

from intake.blobs import Blobs
from intake.db import akten, batches, differences, handovers, matters, outbox
from intake.db.batches import Batch, Item
from intake.db.core import Database, Tx, add_missing, add_once, upsert
from intake.db.deliveries import add_delivery, add_parts, parts_of
from intake.db.handovers import Terms
from intake.db.matters import Kept
from intake.db.users import new_user
from intake.errors import InputError, Refused, Stale
from intake.registers import CaseRow, FileRow
from intake.schema import acknowledgements, cases, counters, files, register_entries
from intake.schema import handovers as handover_rows
from intake.vocabulary import Case, File, Part, RegisterEntry
from tests.making import TENANT, delivery

R = TypeVar("R")
LATE = 0.15
"""Seconds the first one takes to commit: by then the second has looked and is at its insert."""


def race(database: Database, one: Callable[[Tx], R], other: Callable[[Tx], R] | None = None) -> tuple[R, R]:
    """What both say; the second one begins before the first commits."""
    def second() -> R:
        with database.transaction() as tx:
            return (other or one)(tx)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as tx:
            first = one(tx)
            late = pool.submit(second)
            time.sleep(LATE)
        return first, late.result(20)


def number(database: Database, table: Table) -> int:
    with database.read() as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_row_is_added_once(database: Database) -> None:
    values = {"tenant": TENANT, "name": "x", "value": 7}
    assert race(database, lambda tx: add_once(tx, counters, **values)) == (True, False)
    race(database, lambda tx: add_missing(tx, counters, [values | {"name": name} for name in "xyz"]),
         lambda tx: add_missing(tx, counters, [values | {"name": name} for name in "zyw"]))
    assert number(database, counters) == 4
    race(database, lambda tx: upsert(tx, counters, ("tenant", "name"), [values | {"value": 1}]),
         lambda tx: upsert(tx, counters, ("tenant", "name"), [values | {"value": 2}]))
    with database.transaction() as tx:
        add_missing(tx, counters, [])
        assert tx.connection.execute(select(counters.c.value).where(counters.c.name == "x")).scalar_one() == 2


@pytest.mark.parametrize("same", ["message", "sender"])
def test_one_acknowledgement_a_message_and_a_sender_and_day(database: Database, same: str) -> None:
    """Two workers open two messages of one person, or one message twice."""
    one, other = delivery(), delivery()
    with database.transaction() as tx:
        add_delivery(tx, one)
        add_delivery(tx, other)
    second = (one.id, "b@x.example") if same == "message" else (other.id, "a@x.example")
    assert race(database, lambda tx: outbox.plan(tx, TENANT, one.id, "a@x.example"),
                lambda tx: outbox.plan(tx, TENANT, *second)) == (True, False)
    assert number(database, acknowledgements) == 1
    with database.transaction() as tx:
        assert outbox.plan(tx, "anderswo", other.id, "a@x.example"), "another town answers for itself"


def test_a_hand_over_is_planned_once(database: Database, blobs: Blobs) -> None:
    with database.transaction() as tx:
        plan(tx)
    key = file_it(database, blobs, approved(database))
    terms = {"dms": Terms(timedelta(minutes=10), ("allgemein",))}
    race(database, lambda tx: handovers.plan(tx, key, terms))
    assert number(database, handover_rows) == 1


def test_parts_that_two_workers_found_are_there_once(database: Database) -> None:
    made = delivery()
    with database.transaction() as tx:
        add_delivery(tx, made)
    found = [Part(made.id, position, None, made.original, 3) for position in range(2)]
    race(database, lambda tx: add_parts(tx, made.id, TENANT, found))
    with database.read() as conn:
        assert parts_of(conn, made.id) == tuple(found)


def test_an_account_is_made_once(database: Database) -> None:
    with pytest.raises(Refused, match="gibt es schon"):
        race(database, lambda tx: new_user(tx, "kms").login, lambda tx: new_user(tx, "KMS").login)


def test_an_aktenzeichen_is_given_once(database: Database) -> None:
    with database.transaction() as tx:
        plan(tx)
    wanted = File("", "BA/0001/2026", "Carport", DOGS.id)
    with pytest.raises((Stale, InputError), match="vergeben"):  # SQLite lets the second in when the first is there
        race(database, lambda tx: akten.add_file(tx, TENANT, wanted))
    with pytest.raises(InputError), database.transaction() as tx:
        akten.add_file(tx, TENANT, wanted)


def test_registers_that_two_workers_import_are_there_once(database: Database) -> None:
    with database.transaction() as tx:
        plan(tx)
    before = number(database, files)
    rows = [FileRow(f"BA/{at}", "Haus", DOGS.notation) for at in range(3)]
    race(database, lambda tx: akten.import_files(tx, TENANT, rows))
    assert number(database, files) == before + 3
    steps = [CaseRow("BA/1", str(at), "Antrag") for at in range(3)]
    race(database, lambda tx: akten.import_cases(tx, TENANT, steps))
    assert number(database, cases) == 3
    entries = [RegisterEntry("strassen", str(at), {"name": "Weg"}) for at in range(3)]
    race(database, lambda tx: akten.import_register(tx, TENANT, "strassen", entries))
    assert number(database, register_entries) == 3


def test_an_import_that_meets_an_akte_just_opened_leaves_it_alone(database: Database) -> None:
    with database.transaction() as tx:
        akte = plan(tx)
    race(database, lambda tx: akten.add_file(tx, TENANT, File("", "BA/7", "Unsere", DOGS.id)).reference,
         lambda tx: str(akten.import_files(tx, TENANT, [FileRow("BA/7", "Fremde", DOGS.notation)])))
    with database.transaction() as tx:
        assert akten.file_by_reference(tx.connection, TENANT, "BA/7").title == "Unsere"  # type: ignore[union-attr]
        assert akten.add_case(tx, TENANT, Case("", akte.id, "1", "Antrag")).id


def test_a_batch_and_what_comparing_it_finds_are_there_once(database: Database) -> None:
    made = Batch("", TENANT, "los", "bauakten", "/disk")
    with pytest.raises(Refused, match="gibt es schon"):
        race(database, lambda tx: batches.add_batch(tx, made).name)
    with database.read() as conn:
        batch = batches.batches_of(conn, TENANT)[0].id
    race(database, lambda tx: batches.put_items(tx, TENANT, [Item(batch, 1, "a.pdf", ())]))
    race(database, lambda tx: differences.put_differences(tx, TENANT, batch, {("missing", "A/2"): "fehlt"}))
    race(database, lambda tx: matters.put_matters(tx, TENANT, batch, [1], [Kept((1, 0), "A/1", "")]))
    with database.read() as conn:
        assert len(batches.items_of(conn, batch)) == len(differences.differences_of(conn, batch)) == 1
        assert len(list(matters.matters_of(conn, batch))) == 1
