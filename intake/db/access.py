"""The rule of `intake.access` in SQL: the one clause that everything people see goes through.

What a viewer may not see does not exist for him. So a list without it is as long as a list in which it never was, and a
look at it is refused in the words in which an unknown number is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, FromClause, and_, exists, false, func, or_, select, true

from intake.access import ORDINARY, Unit, classes_of, under
from intake.db.akten import file_by_reference, file_from, get_file
from intake.db.documents import get_document
from intake.errors import Refused
from intake.keys import reference_key
from intake.schema import aktenplan_entries, deliveries, documents, files, filings, problems
from intake.vocabulary import DeliveryState, Document, DocumentState, File, Proposal, Viewer

ID_LENGTH = 26


@dataclass(frozen=True, slots=True)
class _Scope:
    """A viewer's part of the plan: ids of the entries whose class he has, and of those under his branches."""

    entries: tuple[str, ...]
    branches: tuple[str, ...]


def _scope(conn: Connection, viewer: Viewer) -> _Scope:
    units = plan_units(conn, viewer.tenant)
    allowed = {name for name, said in classes_of(units).items() if said in (viewer.classes or ())}
    return _Scope(tuple(sorted(allowed)), tuple(sorted(under(units, viewer.branches) & allowed)))


def plan_units(conn: Connection, tenant: str) -> list[Unit]:
    """The tenant's plan, open and closed entries in their newest version, as the rule looks at it."""
    plan = aktenplan_entries.c
    rows = conn.execute(select(plan.id, plan.parent, plan.title, plan.access_class).where(plan.tenant == tenant, plan.current))
    return [Unit(*row) for row in rows]


def visible_entries(conn: Connection, viewer: Viewer) -> frozenset[str]:
    """Ids of the entries under which the viewer may see Akten (of his offices at least). The plan itself is no secret."""
    if viewer.classes is None:
        return frozenset(unit.id for unit in plan_units(conn, viewer.tenant))
    scope = _scope(conn, viewer)
    return frozenset(scope.branches if viewer.branches and not viewer.offices else scope.entries)


# ---- clauses ---------------------------------------------------------------------------------------------------------


def visible_documents(conn: Connection, viewer: Viewer, of: FromClause = documents) -> ColumnElement[bool]:
    """The condition on rows of `documents` (or of an alias of it) that the viewer may see them, his tenant included."""
    own = of.c.tenant == viewer.tenant
    if viewer.classes is None:
        return own
    return and_(own, _document(viewer, _scope(conn, viewer), of))


def visible_files(conn: Connection, viewer: Viewer, of: FromClause = files) -> ColumnElement[bool]:
    """The same for rows of `files`; Vorgänge are seen with their Akte."""
    own = of.c.tenant == viewer.tenant
    return own if viewer.classes is None else and_(own, _file(viewer, _scope(conn, viewer), of))


def visible_deliveries(conn: Connection, viewer: Viewer, of: FromClause = deliveries) -> ColumnElement[bool]:
    """The same for rows of `deliveries`: seen with any document of it; without documents by its own class.

    A Dublette is seen when the delivery it points to is.
    """
    own = of.c.tenant == viewer.tenant
    return own if viewer.classes is None else and_(own, _delivery(viewer, _scope(conn, viewer), of))


def whole_deliveries(conn: Connection, viewer: Viewer, of: FromClause = deliveries) -> ColumnElement[bool]:
    """The deliveries of which nothing is hidden from the viewer: only of these he sees the name and the loose pages."""
    own = of.c.tenant == viewer.tenant
    return own if viewer.classes is None else and_(own, _whole(viewer, _scope(conn, viewer), of))


def visible_problems(conn: Connection, viewer: Viewer) -> ColumnElement[bool]:
    """The same for rows of `problems`: with what they are about; what no delivery became yet by the class of its door."""
    own = problems.c.tenant == viewer.tenant
    if viewer.classes is None:
        return own
    scope = _scope(conn, viewer)
    kind = problems.c.subject_kind
    shown = select(documents.c.id).where(documents.c.id == problems.c.subject, _document(viewer, scope, documents))
    whole = select(deliveries.c.id).where(
        deliveries.c.id == func.substr(problems.c.subject, 1, ID_LENGTH), _whole(viewer, scope, deliveries))
    return and_(own, or_(
        and_(kind == "document", exists(shown.correlate(problems))),
        and_(kind.in_(("delivery", "part")), exists(whole.correlate(problems))),
        and_(kind == "source", problems.c.access_class.in_(sorted(viewer.classes)))))


def _document(viewer: Viewer, scope: _Scope, of: FromClause) -> ColumnElement[bool]:
    lying, akte = filings.alias(), files.alias()
    placed = select(lying.c.key).join(akte, akte.c.id == lying.c.file).where(
        lying.c.document == of.c.id, lying.c.undone_at.is_(None), _file(viewer, scope, akte)).correlate(of)
    classes = sorted(viewer.classes or ())
    return or_(
        and_(of.c.state.not_in((DocumentState.FILED.value, DocumentState.SUPERSEDED.value)), of.c.access_class.in_(classes)),
        and_(of.c.state == DocumentState.FILED.value, of.c.access_class.in_([ORDINARY, *classes]), exists(placed)))


def _file(viewer: Viewer, scope: _Scope, of: FromClause) -> ColumnElement[bool]:
    allowed = of.c.entry.in_(scope.entries)
    if not (viewer.branches or viewer.offices):
        return allowed
    return or_(of.c.entry.in_(scope.branches), and_(allowed, of.c.office.in_(viewer.offices)) if viewer.offices else false())


def _live(of: FromClause, inner: FromClause) -> ColumnElement[bool]:
    return and_(inner.c.delivery == of.c.id, inner.c.state != DocumentState.SUPERSEDED.value)


def _without_documents(viewer: Viewer, of: FromClause) -> ColumnElement[bool]:
    inner = documents.alias()
    return and_(of.c.access_class.in_(sorted(viewer.classes or ())),
                ~exists(select(inner.c.id).where(_live(of, inner)).correlate(of)))


def _delivery(viewer: Viewer, scope: _Scope, of: FromClause, twins: bool = True) -> ColumnElement[bool]:
    inner, first = documents.alias(), deliveries.alias()
    some = exists(select(inner.c.id).where(_live(of, inner), _document(viewer, scope, inner)).correlate(of))
    alone: ColumnElement[bool] = _without_documents(viewer, of)
    if twins:
        seen = exists(select(first.c.id).where(first.c.id == of.c.twin_of, _delivery(viewer, scope, first, False)).correlate(of))
        alone = and_(alone, or_(of.c.state != DeliveryState.TWIN.value, seen))
    return or_(alone, some)


def _whole(viewer: Viewer, scope: _Scope, of: FromClause) -> ColumnElement[bool]:
    inner = documents.alias()
    hidden = exists(select(inner.c.id).where(_live(of, inner), ~_document(viewer, scope, inner)).correlate(of))
    return and_(of.c.access_class.in_(sorted(viewer.classes or ())), ~hidden, _delivery(viewer, scope, of))


# ---- one thing -------------------------------------------------------------------------------------------------------


def may_see_document(conn: Connection, viewer: Viewer, id: str) -> bool:
    """Whether the document exists for the viewer."""
    return conn.execute(select(documents.c.id).where(documents.c.id == id, visible_documents(conn, viewer))).first() is not None


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
