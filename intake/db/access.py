"""The rule of `intake.access` in SQL: the one clause that everything people see goes through.

What a viewer may not see does not exist for him. So a list without it is as long as a list in which it never was, and a
look at it is refused in the words in which an unknown number is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    true,
)

from intake.access import ORDINARY
from intake.db.akten import file_by_reference, file_from, get_file
from intake.db.documents import get_document
from intake.errors import Refused
from intake.keys import reference_key
from intake.schema import aktenplan_entries, deliveries, documents, files, filings, problems
from intake.vocabulary import Decision, DeliveryState, Document, DocumentState, File, Proposal, Viewer

ID_LENGTH = 26
# Names inside the clause, made once: they never meet the tables of the query that the clause stands in.
_PLAN, _BELOW = aktenplan_entries.alias("seen_plan"), aktenplan_entries.alias("seen_below")
_LYING, _AKTE = filings.alias("seen_filing"), files.alias("seen_file")
_INNER, _FIRST = documents.alias("seen_document"), deliveries.alias("seen_first")


def _entries(viewer: Viewer) -> Select[Any]:
    """The ids of the entries whose class the viewer has. An entry the plan does not have is not among them."""
    return select(_PLAN.c.id).where(
        _PLAN.c.tenant == viewer.tenant, _PLAN.c.current, _PLAN.c.effective_class.in_(sorted(viewer.classes or ())))


@lru_cache(maxsize=1000)
def _inside(viewer: Viewer) -> CompoundSelect[Any]:
    """Of these, those that are or lie under one of his branches. Made once: a query that has it twice must have the same."""
    walk = select(_PLAN.c.id).where(
        _PLAN.c.tenant == viewer.tenant, _PLAN.c.current, _PLAN.c.id.in_(viewer.branches)).cte("seen_branches", recursive=True)
    walk = walk.union(select(_BELOW.c.id).where(
        _BELOW.c.tenant == viewer.tenant, _BELOW.c.current, _BELOW.c.parent == walk.c.id))
    return _entries(viewer).intersect(select(walk.c.id))


def visible_entries(conn: Connection, viewer: Viewer) -> frozenset[str]:
    """Ids of the entries under which the viewer may see Akten (of his offices at least). The plan itself is no secret."""
    if viewer.classes is None:
        plan = aktenplan_entries.c
        return frozenset(conn.execute(select(plan.id).where(plan.tenant == viewer.tenant, plan.current)).scalars())
    wanted = _inside(viewer) if viewer.branches and not viewer.offices else _entries(viewer)
    return frozenset(conn.execute(wanted).scalars())


# ---- clauses ---------------------------------------------------------------------------------------------------------


def visible_documents(conn: Connection, viewer: Viewer, of: FromClause = documents) -> ColumnElement[bool]:
    """The condition on rows of `documents` (or of an alias of it) that the viewer may see them, his tenant included."""
    return seen_documents(viewer, of)


@lru_cache(maxsize=1000)
def seen_documents(viewer: Viewer, of: FromClause = documents) -> ColumnElement[bool]:
    """The same for whoever keeps a whole statement of a viewer."""
    own = of.c.tenant == viewer.tenant
    return own if viewer.classes is None else and_(own, _document(viewer, of))


def visible_files(conn: Connection, viewer: Viewer, of: FromClause = files) -> ColumnElement[bool]:
    """The same for rows of `files`; Vorgänge are seen with their Akte."""
    own = of.c.tenant == viewer.tenant
    return own if viewer.classes is None else and_(own, _file(viewer, of))


def visible_deliveries(conn: Connection, viewer: Viewer, of: FromClause = deliveries) -> ColumnElement[bool]:
    """The same for rows of `deliveries`: seen with any document of it; without documents by its own class.

    A Dublette is seen when the delivery it points to is.
    """
    own = of.c.tenant == viewer.tenant
    return own if viewer.classes is None else and_(own, _delivery(viewer, of))


def whole_deliveries(conn: Connection, viewer: Viewer, of: FromClause = deliveries) -> ColumnElement[bool]:
    """The deliveries of which nothing is hidden from the viewer: only of these he sees the name and the loose pages."""
    own = of.c.tenant == viewer.tenant
    return own if viewer.classes is None else and_(own, _whole(viewer, of))


def visible_problems(conn: Connection, viewer: Viewer) -> ColumnElement[bool]:
    """The same for rows of `problems`: with what they are about; what no delivery became yet by the class of its door."""
    own = problems.c.tenant == viewer.tenant
    if viewer.classes is None:
        return own
    kind = problems.c.subject_kind
    shown = select(documents.c.id).where(documents.c.id == problems.c.subject, _document(viewer, documents))
    whole = select(deliveries.c.id).where(
        deliveries.c.id == func.substr(problems.c.subject, 1, ID_LENGTH), _whole(viewer, deliveries))
    return and_(own, or_(
        and_(kind == "document", exists(shown.correlate(problems))),
        and_(kind.in_(("delivery", "part")), exists(whole.correlate(problems))),
        and_(kind == "source", problems.c.access_class.in_(sorted(viewer.classes)))))


# Made once for each viewer: putting such a clause together takes longer than asking the database.


@lru_cache(maxsize=1000)
def _document(viewer: Viewer, of: FromClause) -> ColumnElement[bool]:
    placed = select(_LYING.c.key).join(_AKTE, _AKTE.c.id == _LYING.c.file).where(
        _LYING.c.document == of.c.id, _LYING.c.undone_at.is_(None), _file(viewer, _AKTE)).correlate(of)
    classes = sorted(viewer.classes or ())
    return or_(
        and_(of.c.state.not_in((DocumentState.FILED.value, DocumentState.SUPERSEDED.value)), of.c.access_class.in_(classes)),
        and_(of.c.state == DocumentState.FILED.value, of.c.access_class.in_([ORDINARY, *classes]), exists(placed)))


@lru_cache(maxsize=1000)
def _file(viewer: Viewer, of: FromClause) -> ColumnElement[bool]:
    allowed = of.c.entry.in_(_entries(viewer))
    if not (viewer.branches or viewer.offices):
        return allowed
    inside = of.c.entry.in_(_inside(viewer)) if viewer.branches else false()
    return or_(inside, and_(allowed, of.c.office.in_(viewer.offices))) if viewer.offices else inside


def _live(of: FromClause) -> Select[Any]:
    """The live documents of the delivery."""
    return select(_INNER.c.id).where(
        _INNER.c.delivery == of.c.id, _INNER.c.state != DocumentState.SUPERSEDED.value).correlate(of)


@lru_cache(maxsize=1000)
def _delivery(viewer: Viewer, of: FromClause, twins: bool = True) -> ColumnElement[bool]:
    some = exists(_live(of).where(_document(viewer, _INNER)))
    alone = and_(of.c.access_class.in_(sorted(viewer.classes or ())), ~exists(_live(of)))
    if twins:
        first = select(_FIRST.c.id).where(_FIRST.c.id == of.c.twin_of, _delivery(viewer, _FIRST, twins=False))
        alone = and_(alone, or_(of.c.state != DeliveryState.TWIN.value, exists(first.correlate(of))))
    return or_(alone, some)


@lru_cache(maxsize=1000)
def _whole(viewer: Viewer, of: FromClause) -> ColumnElement[bool]:
    hidden = exists(_live(of).where(~_document(viewer, _INNER)))
    return and_(of.c.access_class.in_(sorted(viewer.classes or ())), ~hidden, _delivery(viewer, of))


# ---- one thing -------------------------------------------------------------------------------------------------------


def may_see_document(conn: Connection, viewer: Viewer, id: str) -> bool:
    """Whether the document exists for the viewer."""
    return conn.execute(_this_document(viewer), {"document": id}).first() is not None


@lru_cache(maxsize=1000)
def _this_document(viewer: Viewer) -> Select[Any]:
    return select(documents.c.id).where(documents.c.id == bindparam("document"), seen_documents(viewer))


def may_see_delivery(conn: Connection, viewer: Viewer, id: str, *, whole: bool = False) -> bool:
    """Whether the delivery exists for the viewer; with `whole`, whether nothing of it is hidden from him."""
    clause = whole_deliveries if whole else visible_deliveries
    return conn.execute(select(deliveries.c.id).where(deliveries.c.id == id, clause(conn, viewer))).first() is not None


def see_document(conn: Connection, viewer: Viewer, id: str) -> Document:
    """The document; raises Refused as for an unknown id when it does not exist for the viewer."""
    if not may_see_document(conn, viewer, id):
        raise Refused(f"Das Schriftstück {id} gibt es nicht. Prüfen Sie die Nummer.")
    return get_document(conn, id)


def see_file(conn: Connection, viewer: Viewer, name: str) -> File:
    """The Akte with this id or Aktenzeichen; raises Refused (German) when there is none for the viewer."""
    file = get_file(conn, viewer.tenant, name) or file_by_reference(conn, viewer.tenant, name)
    if file is None or hidden_files(conn, viewer, [file.id]):
        raise Refused(f"Die Akte „{name}“ gibt es nicht. Prüfen Sie das Aktenzeichen, oder suchen Sie mit: poststelle efile ls")
    return file


def seen_files(conn: Connection, viewer: Viewer, ids: Collection[str]) -> dict[str, File]:
    """Those of the Akten with these ids that exist for the viewer, by id."""
    rows = conn.execute(select(files).where(files.c.id.in_(tuple(ids)), visible_files(conn, viewer))).mappings()
    return {row["id"]: file_from(row) for row in rows}


def hidden_files(conn: Connection, viewer: Viewer, names: Iterable[str]) -> frozenset[str]:
    """Those of the names (ids or Aktenzeichen) that mean an Akte which does not exist for the viewer."""
    wanted = {name: reference_key(name) for name in names if name}
    if viewer.classes is None or not wanted:
        return frozenset()
    rows = conn.execute(select(files.c.id, files.c.reference_key).where(
        files.c.tenant == viewer.tenant, or_(files.c.id.in_(wanted), files.c.reference_key.in_(set(wanted.values()))),
        ~and_(true(), visible_files(conn, viewer)))).all()
    ids, found = {row.id for row in rows}, {row.reference_key for row in rows}
    return frozenset(name for name, key in wanted.items() if name in ids or key in found)


def seen_proposals(conn: Connection, viewer: Viewer, proposals: Collection[Proposal]) -> tuple[Proposal, ...]:
    """The proposals without those that name an Akte which does not exist for the viewer, or a Vorgang beside one."""
    hidden = hidden_files(conn, viewer, (one.value for one in proposals if one.field == "file"))
    return tuple(one for one in proposals if not hidden or (one.field not in ("case", "case_title") and not (
        one.field == "file" and one.value in hidden)))


def seen_decision(conn: Connection, viewer: Viewer, decision: Decision | None) -> Decision | None:
    """The decision without an Akte (and its Vorgang) that does not exist for the viewer."""
    if decision is None or not hidden_files(conn, viewer, [decision.values.get("file", "")]):
        return decision
    return replace(decision, values={
        name: value for name, value in decision.values.items() if name not in ("file", "case", "case_title")})
