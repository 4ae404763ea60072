"""The figures of the Übersicht, as a viewer may know them: what came in, what waits for whom, what went by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, and_, func, select

from intake.db.access import visible_deliveries, visible_documents
from intake.db.core import parse_stamp, stamp, utcnow
from intake.db.forecasts import blind
from intake.db.inbox import id_at, start_of_day
from intake.schema import aktenplan_entries, decisions, deliveries, documents, filings, pages, proposals
from intake.vocabulary import DocumentState, Viewer

DAYS = 14
MOST_WAITING = 5000
"""Documents looked at for the load of the offices; more wait nowhere for long."""
NOBODY = "ohne Vorschlag"


@dataclass(frozen=True, slots=True)
class Oldest:
    """The document that waits longest for a person."""

    document: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Today:
    """Since midnight, of this machine's time: deliveries and their pages, documents decided and filed."""

    deliveries: int
    pages: int
    decided: int
    filed: int


@dataclass(frozen=True, slots=True)
class Automatic:
    """Documents filed since a day, and how many of them without a person."""

    filed: int
    by_rule: int

    @property
    def share(self) -> float | None:
        return self.by_rule / self.filed if self.filed else None


def today(conn: Connection, viewer: Viewer) -> Today:
    """What happened since midnight."""
    since, first = stamp(start_of_day()), id_at(start_of_day())
    arrived = and_(deliveries.c.id >= first, deliveries.c.received_at >= since, visible_deliveries(conn, viewer))
    seen = visible_documents(conn, viewer)
    number = conn.execute(select(func.count()).select_from(deliveries).where(arrived)).scalar_one()
    sheets = conn.execute(select(func.count()).select_from(pages.join(documents, documents.c.id == pages.c.document)).where(
        documents.c.id >= first, documents.c.received_at >= since, seen)).scalar_one()
    decided = conn.execute(select(func.count()).select_from(decisions.join(
        documents, documents.c.id == decisions.c.document)).where(
            decisions.c.id >= first, decisions.c.live, decisions.c.at >= since, seen)).scalar_one()
    filed = conn.execute(select(func.count()).select_from(filings.join(
        documents, documents.c.id == filings.c.document)).where(
            filings.c.tenant == viewer.tenant, filings.c.at >= since, filings.c.undone_at.is_(None), seen)).scalar_one()
    return Today(number, sheets, decided, filed)


def oldest(conn: Connection, viewer: Viewer) -> Oldest | None:
    """What waits longest for a person; None when nothing does."""
    row = conn.execute(select(documents.c.id, documents.c.received_at).where(
        documents.c.state == DocumentState.PROPOSED.value, visible_documents(conn, viewer)).order_by(
            documents.c.received_at, documents.c.id).limit(1)).first()
    return Oldest(row.id, parse_stamp(row.received_at)) if row else None


def automatic_share(conn: Connection, viewer: Viewer, days: int = 30) -> Automatic:
    """Of what was filed in the last `days`, how much without a person."""
    since = utcnow() - timedelta(days=days)
    rows = conn.execute(select(decisions.c.by.like("rule:%").label("rule"), func.count()).select_from(decisions.join(
        documents, documents.c.id == decisions.c.document)).where(
            decisions.c.id >= id_at(since), decisions.c.live, decisions.c.at >= stamp(since),
            documents.c.state == DocumentState.FILED.value,
            visible_documents(conn, viewer)).group_by("rule")).all()
    counted = {bool(row[0]): row[1] for row in rows}
    return Automatic(sum(counted.values()), counted.get(True, 0))


def per_day(conn: Connection, viewer: Viewer) -> list[tuple[date, int, int]]:
    """The last DAYS days: documents that came in, and documents filed."""
    first = start_of_day() - timedelta(days=DAYS - 1)
    came = _by_day(conn.execute(select(documents.c.received_at).where(
        documents.c.id >= id_at(first), documents.c.received_at >= stamp(first),
        documents.c.state != DocumentState.SUPERSEDED.value,
        visible_documents(conn, viewer))).scalars())
    went = _by_day(conn.execute(select(filings.c.at).select_from(filings.join(
        documents, documents.c.id == filings.c.document)).where(
            filings.c.tenant == viewer.tenant, filings.c.at >= stamp(first), filings.c.undone_at.is_(None),
            visible_documents(conn, viewer))).scalars())
    days = [(first.astimezone() + timedelta(days=number)).date() for number in range(DAYS)]
    return [(day, came[day], went[day]) for day in days]


def _by_day(stamps: object) -> Counter[date]:
    return Counter(parse_stamp(text).astimezone().date() for text in stamps)  # type: ignore[attr-defined]


def pages_per_hour(conn: Connection, viewer: Viewer, hours: int = 24) -> list[tuple[datetime, int]]:
    """Pages that came in, hour by hour of the last `hours`, the oldest first."""
    now = utcnow().astimezone().replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(hours=hours - 1)
    counted: Counter[datetime] = Counter()
    for received, number in conn.execute(select(documents.c.received_at, func.count()).select_from(pages.join(
            documents, documents.c.id == pages.c.document)).where(
                documents.c.id >= id_at(first), documents.c.received_at >= stamp(first),
                visible_documents(conn, viewer)).group_by(documents.c.received_at)):
        counted[parse_stamp(received).astimezone().replace(minute=0, second=0, microsecond=0)] += number
    return [(first + timedelta(hours=number), counted[first + timedelta(hours=number)]) for number in range(hours)]


def load_per_office(conn: Connection, viewer: Viewer) -> list[tuple[str, int]]:
    """Documents that wait to be checked, by the office whose plan entry is proposed first; the most first.

    What is to be decided blindly counts as without a proposal.
    """
    waiting = conn.execute(select(documents.c.id).where(
        documents.c.state == DocumentState.PROPOSED.value, visible_documents(conn, viewer)).limit(MOST_WAITING)).scalars().all()
    hidden = blind(conn, waiting)
    units = {row.id: row.unit for row in conn.execute(select(aktenplan_entries.c.id, aktenplan_entries.c.unit).where(
        aktenplan_entries.c.tenant == viewer.tenant, aktenplan_entries.c.current))}
    best: dict[str, str] = {}
    for row in conn.execute(select(proposals.c.document, proposals.c.value).where(
            proposals.c.document.in_(waiting), proposals.c.field == "entry").order_by(proposals.c.document, proposals.c.rank)):
        best.setdefault(row.document, units.get(row.value, ""))
    counted = Counter(best.get(id) or NOBODY if id not in hidden else NOBODY for id in waiting)
    return counted.most_common(12)
