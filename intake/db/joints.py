"""Do the rows of different tables hold together? What one table says of another is there, and of the same tenant. Read only."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, Table, exists, literal, select

from intake.db.indexed import SEARCHED
from intake.schema import documents, handovers, metadata, search_documents, search_texts

MOST = 100
"""Faults named per kind: a table that lost its other half has thousands of the same."""
HANDED = ("waiting", "again", "done", "refused")


def loose(conn: Connection) -> Iterator[tuple[str, str]]:
    """(what it is about, what is wrong) of rows that point at a row that is not there, or at another tenant's."""
    for table in metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda one: one.parent.name):
            there = key.column.table.alias("there")
            found = there.c[key.column.name] == key.parent
            if "tenant" in table.c and "tenant" in there.c:
                found &= there.c.tenant == table.c.tenant
            wanted = select(key.parent).where(key.parent.is_not(None), ~exists(select(literal(1)).where(found))).limit(MOST)
            for value in conn.execute(wanted).scalars():
                yield str(value), (f"{table.name}.{key.parent.name} nennt eine Zeile in {key.column.table.name}, die es nicht "
                                   "gibt oder die einem anderen Mandanten gehört.")


def bad_index(conn: Connection, tenant: str) -> Iterator[tuple[str, str]]:
    """The search index knows what it says it knows: `documents.indexed` is believed by the sweep, so it must be true."""
    current = (documents.c.tenant == tenant, documents.c.indexed == documents.c.revision)
    searched = documents.c.state.in_([state.value for state in SEARCHED])
    entry = exists(select(search_documents.c.no).where(search_documents.c.document == documents.c.id))
    words = exists(select(search_texts.c.no).where(search_texts.c.no == search_documents.c.no))
    yield from _some(conn, documents, documents.c.id, (*current, searched, ~entry), "Das Schriftstück fehlt in der Suche.")
    yield from _some(conn, documents, documents.c.id, (*current, ~searched, entry),
                     "Das Schriftstück steht noch in der Suche, obwohl es nicht mehr gilt.")
    yield from _some(conn, search_documents, search_documents.c.document, (search_documents.c.tenant == tenant, ~words),
                     "Von diesem Schriftstück kennt die Suche kein Wort. Abhilfe: poststelle efile index --rebuild")


def bad_handovers(conn: Connection, tenant: str) -> Iterator[tuple[str, str]]:
    """Rows of the outbox in a state that nobody would ever look at again."""
    yield from _some(conn, handovers, handovers.c.filing, (handovers.c.tenant == tenant, handovers.c.state.not_in(HANDED)),
                     "Die Übergabe an das andere System ist in keinem bekannten Stand.")


def _some(conn: Connection, table: Table, column: ColumnElement[str], where: tuple[ColumnElement[bool], ...], detail: str,
          ) -> Iterator[tuple[str, str]]:
    for id in conn.execute(select(column).select_from(table).where(*where).order_by(column).limit(MOST)).scalars():
        yield id, detail
