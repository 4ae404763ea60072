"""What waits: the feeder's pick, the next retry, the numbers of `status`. The rows are the queue (house.md, flow 2).

The pick reads only the head of the index (state, lane, tenant, not_before, received_at, id), so it costs the same
with a hundred waiting rows and with a hundred thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import CompoundSelect, Connection, Integer, Select, Table, bindparam, func, select, union_all

from intake.db.core import parse_stamp, stamp, utcnow
from intake.schema import deliveries, documents, pages, problems
from intake.vocabulary import DeliveryState, DocumentState, PageState

Kind = Literal["delivery", "document"]
Pick = tuple[str, str, int]
"""id, tenant, attempt"""
LANES = ("post", "backfile")
MACHINE_STATES: dict[str, tuple[Table, tuple[str, ...]]] = {
    "delivery": (deliveries, (DeliveryState.RECEIVED.value,)),
    "document": (documents, (DocumentState.NEW.value, DocumentState.APPROVED.value)),
}


def waiting(conn: Connection, kind: Kind, *, lane: str, limit: int, exclude: Collection[str] = (),
            now: datetime | None = None, after: str = "") -> list[Pick]:
    """The next rows a machine can move: at most `limit`, without the ids in `exclude` (what is running already).

    Each tenant in turn, beginning with the one that has the fewest running, after the tenant `after` (who had the last
    turn); within a tenant by receipt time. Rows whose back-off ends after `now` (default: the time now) are left out.
    """
    table, states = MACHINE_STATES[kind]
    running, params = list(exclude), {"now": stamp(now or utcnow()), "lane": lane, "limit": limit}
    queues: dict[str, list[Any]] = {}
    for state in states:
        for tenant in _tenants(conn, table, state, lane):
            found = conn.execute(_next(table), {**params, "state": state, "tenant": tenant, "running": running})
            queues.setdefault(tenant, []).extend(found)
    busy = _running(conn, table, running) if len(queues) > 1 else {}
    order = sorted(queues, key=lambda tenant: (busy.get(tenant, 0), tenant <= after, tenant))
    heads = [[(row.id, tenant, row.attempt) for row in sorted(queues[tenant], key=lambda row: (row.received_at, row.id))]
             for tenant in order]
    return _in_turn(heads, limit)


def _in_turn(queues: Sequence[Sequence[Pick]], limit: int) -> list[Pick]:
    depth = max((len(queue) for queue in queues), default=0)
    return [queue[round] for round in range(min(depth, limit)) for queue in queues if round < len(queue)][:limit]


@cache
def _next(table: Table) -> CompoundSelect[Any]:
    """The head of one tenant's queue: rows that never had to wait, oldest first, and rows whose back-off is over, the one
    that was due first first. Two walks along the index, each ended by its own limit."""
    here = select(table.c.id, table.c.attempt, table.c.received_at).where(
        table.c.state == bindparam("state"), table.c.lane == bindparam("lane"), table.c.tenant == bindparam("tenant"),
        table.c.id.not_in(bindparam("running", expanding=True))).limit(bindparam("limit", type_=Integer))
    fresh = here.where(table.c.not_before == "").order_by(table.c.received_at, table.c.id)
    due = (table.c.not_before > "", table.c.not_before <= bindparam("now"))
    retries = here.where(*due).order_by(table.c.not_before, table.c.received_at, table.c.id)
    return union_all(select(fresh.subquery("fresh")), select(retries.subquery("retries")))


def _running(conn: Connection, table: Table, running: Sequence[str]) -> dict[str, int]:
    """How many of the running rows each tenant has."""
    rows = conn.execute(select(table.c.tenant, func.count()).where(table.c.id.in_(running)).group_by(table.c.tenant))
    return {row[0]: row[1] for row in rows}


@cache
def _tenants_query(table: Table) -> Select[Any]:
    """The tenants with waiting rows by one index seek each (a loose index scan), however many rows they have."""
    here = (table.c.state == bindparam("state"), table.c.lane == bindparam("lane"))
    walk = select(func.min(table.c.tenant).label("tenant")).where(*here).cte("walk", recursive=True)
    following = select(func.min(table.c.tenant)).where(*here, table.c.tenant > walk.c.tenant).scalar_subquery()
    walk = walk.union_all(select(following).where(walk.c.tenant.is_not(None)))
    return select(walk.c.tenant).where(walk.c.tenant.is_not(None))


def _tenants(conn: Connection, table: Table, state: str, lane: str) -> list[str]:
    return list(conn.execute(_tenants_query(table), {"state": state, "lane": lane}).scalars())


def next_retry(conn: Connection) -> datetime | None:
    """When the first back-off of a machine-movable row ends (may lie in the past); None when none is in back-off."""
    ends = []
    for table, states in MACHINE_STATES.values():
        for state in states:
            for lane in LANES:
                for tenant in _tenants(conn, table, state, lane):
                    params = {"state": state, "lane": lane, "tenant": tenant}
                    ends.append(conn.execute(_next_end(table), params).scalar())
    return min((parse_stamp(end) for end in ends if end), default=None)


@cache
def _next_end(table: Table) -> Select[Any]:
    return select(func.min(table.c.not_before)).where(
        table.c.state == bindparam("state"), table.c.lane == bindparam("lane"), table.c.tenant == bindparam("tenant"),
        table.c.not_before > "")


def counts(conn: Connection, tenant: str | None = None) -> dict[str, Any]:
    """The numbers of `poststelle status --json`, of one tenant or of all.

    `outcome` counts every delivery once (house.md): processed, rejected, quarantined, in_flight; a TWIN has the outcome
    of the delivery it points to. `oldest_waiting_s`: age of the oldest row a machine can move, 0 when there is none.
    """
    def of(table: Table, *columns: Any) -> Select[Any]:
        query = select(*columns)
        return query if tenant is None else query.where(table.c.tenant == tenant)

    def by_state(table: Table) -> dict[str, int]:
        rows = conn.execute(of(table, table.c.state, func.count()).group_by(table.c.state))
        return {row[0]: row[1] for row in sorted(rows, key=lambda row: row[0])}

    found = by_state(pages)
    return {
        "deliveries": by_state(deliveries),
        "documents": by_state(documents),
        "pages": {state.value: found.get(state.value, 0) for state in PageState},
        "outcome": _outcome(conn, tenant),
        "oldest_waiting_s": _oldest_waiting(conn, tenant),
        "problems": conn.execute(of(problems, func.count()).where(problems.c.closed_at.is_(None))).scalar_one(),
    }


OUTCOMES = {
    DeliveryState.RECEIVED: "in_flight", DeliveryState.OPENED: "processed", DeliveryState.CLARIFY: "rejected",
    DeliveryState.REJECTED: "rejected", DeliveryState.QUARANTINED: "quarantined",
    DeliveryState.TWIN: "in_flight",  # only when its first is missing: nobody accounted for it (`verify` says so)
}


def _outcome(conn: Connection, tenant: str | None) -> dict[str, int]:
    first = deliveries.alias("first")
    settled = func.coalesce(first.c.state, deliveries.c.state)
    same = (first.c.id == deliveries.c.twin_of) & (deliveries.c.state == DeliveryState.TWIN.value)
    query = select(settled, func.count()).select_from(deliveries.outerjoin(first, same)).group_by(settled)
    if tenant is not None:
        query = query.where(deliveries.c.tenant == tenant)
    total: Counter[str] = Counter({name: 0 for name in ("processed", "rejected", "quarantined", "in_flight")})
    for state, number in conn.execute(query):
        total[OUTCOMES[DeliveryState(state)]] += number
    return dict(total)


def _oldest_waiting(conn: Connection, tenant: str | None) -> int:
    oldest = []
    for table, states in MACHINE_STATES.values():
        query = select(func.min(table.c.received_at)).where(table.c.state.in_(states))
        oldest.append(conn.execute(query if tenant is None else query.where(table.c.tenant == tenant)).scalar())
    since = min((value for value in oldest if value), default=None)
    return max(0, int((utcnow() - parse_stamp(since)).total_seconds())) if since else 0


def bookkeeping(conn: Connection, kind: Kind, ids: Collection[str]) -> dict[str, tuple[str, int, int]]:
    """State, revision and attempt by id: together they name one run of one row."""
    table, _ = MACHINE_STATES[kind]
    rows = conn.execute(select(table.c.id, table.c.state, table.c.revision, table.c.attempt).where(table.c.id.in_(tuple(ids))))
    return {row.id: (row.state, row.revision, row.attempt) for row in rows}
