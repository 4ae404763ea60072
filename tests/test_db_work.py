"""What waits: order, fairness, back-off, and that the pick never looks at more than it takes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import TENANT, opened, received
from sqlalchemy import text, update

from intake.db import work
from intake.db.core import Database, Tx, stamp, utcnow
from intake.db.deliveries import move_delivery, note_retry
from intake.db.documents import move_document
from intake.db.problems import close_problem, open_problem
from intake.db.work import counts, next_retry, waiting
from intake.schema import deliveries, documents
from intake.vocabulary import DeliveryState, DocumentState, Problem

NOW = utcnow()
NO_RESCANS = {"replaced": 0, "double": 0, "aside": 0}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def picked(database: Database, kind: Any = "delivery", lane: str = "post", limit: int = 50, **values: Any) -> list[str]:
    with database.read() as conn:
        return [id for id, _, _ in waiting(conn, kind, lane=lane, limit=limit, now=NOW, **values)]


def test_by_age(database: Database) -> None:
    with database.transaction() as tx:
        ids = {age: received(tx, received_at=ago(age)).id for age in (5, 50, 20, 30)}
        received(tx, state=DeliveryState.OPENED)
        received(tx, state=DeliveryState.TWIN)
        received(tx, state=DeliveryState.CLARIFY)
    assert picked(database) == [ids[50], ids[30], ids[20], ids[5]]
    assert picked(database, limit=2) == [ids[50], ids[30]]
    assert picked(database, limit=2, exclude={ids[50], ids[20]}) == [ids[30], ids[5]]
    assert picked(database, exclude=set(ids.values())) == picked(database, limit=0) == []


def test_lanes_apart(database: Database) -> None:
    with database.transaction() as tx:
        post, backfile = received(tx).id, received(tx, lane="backfile").id
    assert (picked(database), picked(database, lane="backfile")) == ([post], [backfile])


def test_attempts_and_tenants_come_along(database: Database) -> None:
    with database.transaction() as tx:
        made = received(tx, tenant="nord")
        note_retry(tx, "delivery", made.id, ago(1))
    with database.read() as conn:
        assert waiting(conn, "delivery", lane="post", limit=5) == [(made.id, "nord", 1)]


def test_documents_new_and_approved_by_age(database: Database) -> None:
    with database.transaction() as tx:
        found = []
        for age, state in ((30, DocumentState.APPROVED), (40, DocumentState.NEW), (50, DocumentState.PROPOSED),
                           (20, DocumentState.NEW), (10, DocumentState.APPROVED), (60, DocumentState.FILED)):
            _, (document,) = opened(tx, received(tx, received_at=ago(age)))
            if state is not DocumentState.NEW:
                move_document(tx, document, state)
            found.append(document.id)
    assert picked(database, "document") == [found[1], found[0], found[3], found[4]]
    assert picked(database, "document", limit=1, exclude=[found[1]]) == [found[0]]


def test_each_tenant_in_turn(database: Database) -> None:
    """A town with a mountain of post does not stop the others."""
    with database.transaction() as tx:
        big = [received(tx, "berg", received_at=ago(1000 - number)).id for number in range(20)]
        small = [received(tx, "amt", received_at=ago(10 - number)).id for number in range(2)]
        other = [received(tx, "zell", received_at=ago(5)).id]
    assert picked(database, limit=7) == [small[0], big[0], other[0], small[1], big[1], big[2], big[3]]
    assert picked(database, limit=3, after="amt") == [big[0], other[0], small[0]]
    assert picked(database, limit=3, after="zell") == [small[0], big[0], other[0]]
    assert picked(database, limit=1, exclude=[small[0]]) == [big[0]], "who has least running is next"
    assert picked(database, limit=1, exclude=[small[0], big[0]]) == [other[0]]
    assert picked(database, limit=2, exclude=[small[0], big[0], other[0], big[1]]) == [small[1], big[2]]


def test_one_at_a_time_with_after_is_fair(database: Database) -> None:
    with database.transaction() as tx:
        for tenant, number in (("a", 9), ("b", 3), ("c", 3)):
            for _ in range(number):
                received(tx, tenant, received_at=ago(9))
    seen: list[str] = []
    done: list[str] = []
    for _ in range(9):
        with database.read() as conn:
            ((id, tenant, _),) = waiting(conn, "delivery", lane="post", limit=1, after=seen[-1] if seen else "")
        with database.transaction() as tx:
            tx.connection.execute(update(deliveries).where(deliveries.c.id == id).values(state="OPENED"))
        seen.append(tenant)
        done.append(id)
    assert seen == ["a", "b", "c"] * 3 and len(set(done)) == 9


def test_back_off(database: Database) -> None:
    with database.transaction() as tx:
        due, later, fresh = (received(tx, received_at=ago(age)) for age in (30, 40, 20))
        note_retry(tx, "delivery", due.id, ago(1))
        note_retry(tx, "delivery", later.id, ago(-60))
        assert next_retry(tx.connection) == ago(1)
    assert picked(database) == [due.id, fresh.id], "a retry that is due keeps its age"
    with database.read() as conn:
        assert [row[0] for row in waiting(conn, "delivery", lane="post", limit=9, now=ago(-60))] == [later.id, due.id, fresh.id]
    with database.transaction() as tx:
        move_delivery(tx, due, DeliveryState.CLARIFY)
    with database.read() as conn:
        assert next_retry(conn) == ago(-60)


def test_next_retry_over_kinds_lanes_and_tenants(database: Database) -> None:
    with database.read() as conn:
        assert next_retry(conn) is None
    with database.transaction() as tx:
        received(tx)
        note_retry(tx, "delivery", received(tx, "nord", lane="backfile").id, ago(-100))
        _, (document,) = opened(tx, received(tx))
        note_retry(tx, "document", document.id, ago(-50))
    with database.read() as conn:
        assert next_retry(conn) == ago(-50)
    with database.transaction() as tx:
        move_document(tx, document, DocumentState.PROPOSED, not_before=ago(-50))
        assert next_retry(tx.connection) == ago(-100), "who waits for a person waits for no time"


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["post", "backfile"]), st.integers(0, 5),
                          st.sampled_from(["", "due", "later"]), st.sampled_from(["RECEIVED", "OPENED"])), max_size=14)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(0, 6), st.integers(0, 3))
def test_the_pick_is_what_a_full_look_would_pick(sqlite_database: Database, rows: list[tuple[str, str, int, str, str]],
                                                 limit: int, running: int) -> None:
    """The index tricks against the plain definition: nothing that may run is left out, nothing else is picked."""
    wait = {"": "", "due": stamp(ago(5)), "later": stamp(ago(-5))}
    with sqlite_database.transaction() as tx:
        for table in ("journal_subjects", "journal", "journal_heads", "deliveries"):
            tx.connection.execute(text(f"DELETE FROM {table}"))
        made = [(received(tx, tenant, lane=lane, received_at=ago(age), state=DeliveryState(state)), not_before)
                for tenant, lane, age, not_before, state in rows]
        for each, not_before in made:
            tx.connection.execute(update(deliveries).where(deliveries.c.id == each.id).values(not_before=wait[not_before]))
    exclude = {each.id for each, _ in made[:running]}
    free = [each for each, not_before in made if each.state == "RECEIVED" and not_before != "later" and each.lane == "post"
            and each.id not in exclude]
    found = picked(sqlite_database, limit=limit, exclude=exclude)
    assert len(found) == min(limit, len(free)) == len(set(found))
    assert set(found) <= {each.id for each in free}
    for tenant in "abc":
        own = sorted((each.received_at, each.id) for each in free if each.tenant == tenant)
        mine = [id for id in found if id in {id for _, id in own}]
        assert mine == [id for _, id in own][:len(mine)], "the oldest of a tenant come first"
    most = [sum(each.tenant == tenant for each in free if each.id in found) for tenant in "abc"]
    left = [sum(each.tenant == tenant for each in free if each.id not in found) for tenant in "abc"]
    assert all(most[one] - most[other] <= 1 for one in range(3) for other in range(3) if left[other])


def test_the_pick_reads_only_the_index(sqlite_database: Database) -> None:
    """No scan and no sort in the plan, whatever is in the table."""
    plan: list[str] = []
    values = {"state": "NEW", "lane": "post", "tenant": "a", "limit": 4, "now": stamp(NOW), "running": ["x", "y"]}
    with sqlite_database.read() as conn:
        for query in (work._next(deliveries), work._tenants_query(deliveries), work._next_end(documents)):
            needed = {name: value for name, value in values.items() if name in query.compile().params}
            sql = str(query.params(**needed).compile(conn.engine, compile_kwargs={"literal_binds": True}))
            plan += [row.detail for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    searches = [line for line in plan if "deliveries" in line or "documents" in line]
    assert len(searches) >= 5 and all(line.startswith("SEARCH") and "_waiting" in line for line in searches), plan
    assert not [line for line in plan if "TEMP B-TREE" in line]


def in_state(tx: Tx, state: DeliveryState, **values: Any) -> str:
    return received(tx, state=state, **values).id


def test_counts_of_an_empty_installation(database: Database) -> None:
    with database.read() as conn:
        assert counts(conn) == counts(conn, TENANT) == {
            "deliveries": {}, "documents": {}, "pages": {"live": 0, "separator": 0, "blank": 0} | NO_RESCANS,
            "outcome": {"processed": 0, "rejected": 0, "quarantined": 0, "in_flight": 0}, "oldest_waiting_s": 0, "problems": 0}


def test_counts(database: Database) -> None:
    with database.transaction() as tx:
        received(tx, received_at=utcnow() - timedelta(seconds=100))
        _, (first, _) = opened(tx, received(tx), [(1, 2), (3,)], separators=[4], blanks=[5, 6])
        move_document(tx, first, DocumentState.PROPOSED)
        clarify = in_state(tx, DeliveryState.CLARIFY)
        in_state(tx, DeliveryState.REJECTED)
        in_state(tx, DeliveryState.QUARANTINED)
        in_state(tx, DeliveryState.TWIN, twin_of=clarify)
        in_state(tx, DeliveryState.TWIN, twin_of=first.delivery)
        in_state(tx, DeliveryState.OPENED, tenant="nord")
        problem = Problem("p", TENANT, "delivery", clarify, "open", "damaged", "t", "d", (), utcnow())
        open_problem(tx, problem)
        open_problem(tx, Problem("q", TENANT, "delivery", clarify, "open", "empty", "t", "d", (), utcnow()))
        close_problem(tx, "q", "retry")
    with database.read() as conn:
        found, everywhere = counts(conn, TENANT), counts(conn)
    assert 100 <= found.pop("oldest_waiting_s") < 160
    assert found == {
        "deliveries": {"CLARIFY": 1, "OPENED": 1, "QUARANTINED": 1, "RECEIVED": 1, "REJECTED": 1, "TWIN": 2},
        "documents": {"NEW": 1, "PROPOSED": 1}, "pages": {"live": 3, "separator": 1, "blank": 2} | NO_RESCANS,
        "outcome": {"processed": 2, "rejected": 3, "quarantined": 1, "in_flight": 1}, "problems": 1}
    assert sum(everywhere["outcome"].values()) == sum(everywhere["deliveries"].values()) == 8


@pytest.mark.parametrize("state", list(DeliveryState))
def test_every_delivery_has_one_outcome(database: Database, state: DeliveryState) -> None:
    """The state law: every item received is in exactly one of the four."""
    with database.transaction() as tx:
        received(tx, state=state)
    with database.read() as conn:
        assert sum(counts(conn)["outcome"].values()) == 1
