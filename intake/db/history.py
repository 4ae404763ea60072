"""Which entries of the journal a viewer may see: those about nothing that is hidden from him."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from intake.db.access import visible_deliveries, visible_documents, visible_files, visible_problems
from intake.schema import deliveries, documents, files, journal, journal_subjects, problems
from intake.vocabulary import DocumentState, Viewer

KINDS = ("delivery", "document", "file", "problem")


def hidden_subjects(conn: Connection, viewer: Viewer, subjects: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Those of the (kind, id) that do not exist for the viewer. What was replaced by a cut is seen with its delivery."""
    if viewer.classes is None:
        return frozenset()
    wanted: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind, id in subjects:
        if kind in wanted:
            wanted[kind].add(id)
    seen: set[str] = set()
    for table, clause, kind in ((deliveries, visible_deliveries, "delivery"), (documents, visible_documents, "document"),
                                (files, visible_files, "file")):
        seen |= set(conn.execute(select(table.c.id).where(table.c.id.in_(wanted[kind]), clause(conn, viewer))).scalars())
    seen |= set(conn.execute(select(problems.c.id).where(
        problems.c.id.in_(wanted["problem"]), visible_problems(conn, viewer))).scalars())
    seen |= set(conn.execute(select(documents.c.id).join(deliveries, deliveries.c.id == documents.c.delivery).where(
        documents.c.id.in_(wanted["document"]), documents.c.state == DocumentState.SUPERSEDED.value,
        visible_deliveries(conn, viewer))).scalars())
    return frozenset(set().union(*wanted.values()) - seen)


def newest_entries(conn: Connection, tenant: str, limit: int) -> list[int]:
    """The numbers of the newest entries, the newest first."""
    return list(conn.execute(select(journal.c.seq).where(journal.c.tenant == tenant).order_by(
        journal.c.seq.desc()).limit(limit)).scalars())


def entry_texts(conn: Connection, tenant: str, seqs: Collection[int]) -> list[tuple[str, str]]:
    """Text and hash of the entries of these numbers, in their order."""
    return [(row.entry, row.hash) for row in conn.execute(select(journal.c.entry, journal.c.hash).where(
        journal.c.tenant == tenant, journal.c.seq.in_(seqs)).order_by(journal.c.seq))]


def numbers_about(conn: Connection, tenant: str, subjects: Collection[str]) -> list[int]:
    """The numbers of the entries about any of these ids, in their order."""
    return sorted(set(conn.execute(select(journal_subjects.c.seq).where(
        journal_subjects.c.tenant == tenant, journal_subjects.c.subject.in_(subjects))).scalars()))


def documents_ever(conn: Connection, viewer: Viewer, delivery: str) -> list[str]:
    """The documents a delivery ever had that the viewer may see, replaced ones too when nothing of it is hidden from him."""
    found = conn.execute(select(documents.c.id, documents.c.state).where(documents.c.delivery == delivery)).all()
    hidden = hidden_subjects(conn, viewer, [("document", row.id) for row in found])
    return [row.id for row in found if row.id not in hidden]
