"""„Mein Eingang“: what was filed to the Akten of an office, what it did with it, and which Fristen run out.

A person's office sees what lies in Akten of the office (or under plan entries the office keeps) and what was passed on to it
or to the person by name. „Neu“ is what he has not marked as read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from intake.db.access import visible_documents
from intake.db.core import Tx, add, new_id, parse_stamp, stamp
from intake.schema import aktenplan_entries, documents, files, filings, notices, proposals
from intake.vocabulary import Evidence, Viewer

Kind = Literal["read", "forward", "info", "return"]
Which = Literal["neu", "gelesen", "alle"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing done with a filed document: read, passed on to `to`, taken note of, returned; by whom and when."""

    kind: Kind
    by: str
    to: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """A filed document in the Eingang of an office. `deadline` as decided, `urgent` when the post room said so."""

    document: str
    revision: int
    title: str
    file: str
    reference: str
    akte: str
    office: str
    sender: str
    kind: str
    at: datetime
    deadline: date | None
    urgent: bool
    notices: tuple[Notice, ...]

    def read_by(self, login: str) -> bool:
        """Whether this person has read it."""
        return any(one.kind in ("read", "info") and one.by == login for one in self.notices)


def arrived(conn: Connection, viewer: Viewer, which: Which = "neu", limit: int = 200) -> tuple[Arrived, ...]:
    """The newest filings of the viewer's offices (of all, when he has none) and what was passed on to him."""
    wanted = _filed(conn, viewer)
    mine = select(notices.c.id).where(
        notices.c.document == documents.c.id, notices.c.by == viewer.name,
        notices.c.kind.in_(("read", "info"))).correlate(documents)
    if which != "alle":
        wanted = wanted.where(exists(mine) if which == "gelesen" else ~exists(mine))
    return _rows(conn, wanted.order_by(filings.c.at.desc()).limit(limit))


def count_new(conn: Connection, viewer: Viewer, most: int = 1000) -> int:
    """How many the viewer has not read, counted up to `most`."""
    mine = select(notices.c.id).where(
        notices.c.document == documents.c.id, notices.c.by == viewer.name,
        notices.c.kind.in_(("read", "info"))).correlate(documents)
    counted = _filed(conn, viewer).where(~exists(mine)).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(counted)).scalar_one())


def one_arrived(conn: Connection, viewer: Viewer, document: str) -> Arrived | None:
    """The filed document with this id, when it is in the viewer's Eingang."""
    found = _rows(conn, _filed(conn, viewer).where(documents.c.id == document))
    return found[0] if found else None


def due(conn: Connection, viewer: Viewer, first: date, last: date,
        limit: int = 200) -> tuple[tuple[Arrived, Evidence | None], ...]:
    """Filed documents whose Frist lies between these days, the nearest first, with the place where it stands."""
    found = _rows(conn, _due(_filed(conn, viewer), first, last).order_by(filings.c.deadline, filings.c.title).limit(limit))
    places = _places(conn, [one.document for one in found])
    return tuple((one, places.get((one.document, str(one.deadline)))) for one in found)


def _due(wanted: Any, first: date, last: date) -> Any:
    return wanted.where(filings.c.deadline.between(first.isoformat(), last.isoformat()))


def _filed(conn: Connection, viewer: Viewer) -> Any:
    return select(filings, documents.c.revision, files.c.reference, files.c.title.label("akte"), files.c.office).join(
        documents, documents.c.id == filings.c.document).join(files, files.c.id == filings.c.file).where(
        filings.c.tenant == viewer.tenant, filings.c.undone_at.is_(None), visible_documents(conn, viewer), _for(viewer))


def _for(viewer: Viewer) -> ColumnElement[bool]:
    """What is meant for the viewer: of his offices, or passed on to one of them or to him; everything when he has none."""
    if not viewer.offices:
        return filings.c.tenant == viewer.tenant
    kept = select(aktenplan_entries.c.id).where(
        aktenplan_entries.c.tenant == viewer.tenant, aktenplan_entries.c.current, aktenplan_entries.c.unit.in_(viewer.offices))
    passed = select(notices.c.id).where(
        notices.c.document == documents.c.id, notices.c.kind == "forward",
        notices.c.to.in_([*viewer.offices, viewer.name])).correlate(documents)
    return or_(files.c.office.in_(viewer.offices), and_(files.c.office == "", files.c.entry.in_(kept)), exists(passed))


def _rows(conn: Connection, wanted: Any) -> tuple[Arrived, ...]:
    rows = conn.execute(wanted).mappings().all()
    done = notices_of(conn, [row["document"] for row in rows])
    return tuple(Arrived(
        row["document"], row["revision"], row["title"], row["file"], row["reference"], row["akte"], row["office"],
        row["values"].get("sender_name", ""), row["values"].get("kind", ""), parse_stamp(row["at"]),
        _day(row["values"].get("deadline", "")), row["values"].get("urgent") == "ja", done.get(row["document"], ()))
        for row in rows)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def notices_of(conn: Connection, ids: Collection[str]) -> dict[str, tuple[Notice, ...]]:
    """What was done with these documents, oldest first."""
    found: dict[str, tuple[Notice, ...]] = {}
    for row in conn.execute(select(notices).where(notices.c.document.in_(ids)).order_by(notices.c.at, notices.c.id)):
        found[row.document] = (*found.get(row.document, ()), Notice(row.kind, row.by, row.to, row.note, parse_stamp(row.at)))
    return found


def _places(conn: Connection, ids: Sequence[str]) -> dict[tuple[str, str], Evidence]:
    """Where each proposed Frist stands, by document and day; one that a clerk typed stands nowhere."""
    found: dict[tuple[str, str], Evidence] = {}
    for row in conn.execute(select(proposals.c.document, proposals.c.value, proposals.c.evidence).where(
            proposals.c.document.in_(ids), proposals.c.field == "deadline").order_by(proposals.c.rank)):
        first = row.evidence[0]
        found.setdefault((row.document, row.value), Evidence(first["by"], first["page"], None, first["text"]))
    return found


def add_notice(tx: Tx, tenant: str, document: str, kind: Kind, by: str, to: str = "", note: str = "") -> None:
    """Note what was done with a filed document."""
    add(tx, notices, id=new_id(), tenant=tenant, document=document, kind=kind, by=by, to=to, note=note, at=tx.now)


def offices_of(conn: Connection, tenant: str) -> tuple[str, ...]:
    """The offices that the plan and the Akten name, by name: whom something can be passed on to."""
    named = select(aktenplan_entries.c.unit).where(
        aktenplan_entries.c.tenant == tenant, aktenplan_entries.c.current, aktenplan_entries.c.unit != "").union(
        select(files.c.office).where(files.c.tenant == tenant, files.c.office != ""))
    return tuple(sorted(conn.execute(named).scalars()))


MOST_COUNTED = 1000
"""A count in a mail ends here."""


def figures(conn: Connection, viewer: Viewer, readers: Collection[str], since: datetime, first: date,
            last: date) -> dict[str, int]:
    """What lies in the Eingang of the viewer's offices, in numbers up to `MOST_COUNTED`.

    new: filed after `since`; unread: that none of the `readers` has marked; oldest_days: how long the oldest of those lies
    there (0 for none); due: Fristen from day `first` to `last`. Old files are not counted: nobody waits for them.
    """
    post = _filed(conn, viewer).where(documents.c.lane == "post")
    mine = select(notices.c.id).where(
        notices.c.document == documents.c.id, notices.c.by.in_(tuple(readers)),
        notices.c.kind.in_(("read", "info"))).correlate(documents)
    unread = list(conn.execute(select(filings.c.at).join(documents, documents.c.id == filings.c.document).where(
        filings.c.tenant == viewer.tenant, filings.c.undone_at.is_(None), visible_documents(conn, viewer),
        documents.c.lane == "post", _lying(viewer), ~exists(mine)).limit(MOST_COUNTED)).scalars())
    if len(unread) < MOST_COUNTED:
        oldest = min(unread, default=None)
    else:  # there are many: one is found soon in the order of filing, which a join would give up
        here = select(documents.c.id, files.c.id).where(
            documents.c.id == filings.c.document, files.c.id == filings.c.file, documents.c.lane == "post",
            visible_documents(conn, viewer), _for(viewer), ~exists(mine)).correlate(filings)
        oldest = conn.execute(select(filings.c.at).where(filings.c.tenant == viewer.tenant, filings.c.undone_at.is_(None),
                                                         exists(here)).order_by(filings.c.at).limit(1)).scalar()
    return {"new": _counted(conn, post.where(filings.c.at > stamp(since))), "unread": len(unread),
            "oldest_days": (first - parse_stamp(oldest).astimezone().date()).days if oldest else 0,
            "due": _counted(conn, _due(post, first, last))}


def _lying(viewer: Viewer) -> ColumnElement[bool]:
    """The same as `_for`, said so that the database begins with the Akten of the offices, not with all that was ever filed."""
    if not viewer.offices:
        return filings.c.tenant == viewer.tenant
    kept = select(aktenplan_entries.c.id).where(
        aktenplan_entries.c.tenant == viewer.tenant, aktenplan_entries.c.current, aktenplan_entries.c.unit.in_(viewer.offices))
    own = select(files.c.id).where(files.c.tenant == viewer.tenant, or_(
        files.c.office.in_(viewer.offices), and_(files.c.office == "", files.c.entry.in_(kept))))
    passed = select(notices.c.document).where(
        notices.c.tenant == viewer.tenant, notices.c.kind == "forward", notices.c.to.in_([*viewer.offices, viewer.name]))
    return or_(filings.c.file.in_(own), filings.c.document.in_(passed))


def _counted(conn: Connection, wanted: Any) -> int:
    return int(conn.execute(select(func.count()).select_from(
        wanted.with_only_columns(filings.c.key).limit(MOST_COUNTED).subquery())).scalar_one())
