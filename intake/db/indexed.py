"""The search index, written: entries of documents, the vocabulary they share, and which documents are outdated.

`documents.indexed` is the revision that the index knows. Whoever changes a document moves it to another revision, so nothing that
changed can be forgotten, and what is outdated is read off a small index, however many documents there are.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select, text, update

from intake import terms
from intake.db.core import Tx, clean, stamp
from intake.db.trouble import translated
from intake.schema import documents, filings, search_documents, search_pages, search_texts, search_words
from intake.vocabulary import DocumentState

SEARCHED = frozenset({DocumentState.PROPOSED, DocumentState.APPROVED, DocumentState.FILED, DocumentState.CLARIFY})
"""States in which a document is found: waiting for a person or filed. A NEW one is about to be proposed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is indexed of a document at one revision. `texts` are its pages in order, `references` every Aktenzeichen on it or
    given to it, `also` other text to find it by (title and name of its Akte)."""

    document: str
    revision: int
    tenant: str
    texts: tuple[str, ...]
    title: str = ""
    kind: str = ""
    sender: str = ""
    branch: str = ""
    dated: date | None = None
    references: tuple[str, ...] = ()
    parcels: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def outdated(conn: Connection, limit: int, after: str = "") -> list[tuple[str, int, DocumentState]]:
    """(document, revision, state) of documents whose index entry is not of their revision, by id after the id `after`."""
    rows = conn.execute(select(documents.c.id, documents.c.revision, documents.c.state).where(
        text("indexed <> revision"), documents.c.id > after).order_by(documents.c.id).limit(limit))
    return [(row.id, row.revision, DocumentState(row.state)) for row in rows]


def count_outdated(conn: Connection) -> int:
    """How many there are, NEW ones (not yet looked at by anybody) left out."""
    return int(conn.execute(select(func.count()).select_from(documents).where(
        text("indexed <> revision"), documents.c.state != DocumentState.NEW.value)).scalar_one())


def check_index(conn: Connection) -> None:
    """Ask the index for nothing. Raises ConfigError where the database has no full-text search (SQLite built without FTS5)."""
    asked = ("SELECT rowid FROM search_index WHERE search_index MATCH '\"_\"' LIMIT 1" if conn.dialect.name == "sqlite" else
             "SELECT no FROM search_texts WHERE array_to_tsvector(string_to_array(terms, ' ')) @@ CAST('_' AS tsquery) LIMIT 0")
    with translated():
        conn.execute(text(asked))


def outdate_file(tx: Tx, file: str) -> None:
    """The Akte's name, Aktenzeichen or place changed: what lies in it is indexed again."""
    tx.connection.execute(update(documents).where(documents.c.id.in_(select(filings.c.document).where(
        filings.c.file == file, filings.c.undone_at.is_(None)))).values(indexed=0))


def clear_index(tx: Tx) -> None:
    """Forget the whole index; every document is outdated then."""
    for table in (search_pages, search_texts, search_documents, search_words):
        if table is search_texts and tx.connection.dialect.name == "sqlite":
            tx.connection.execute(text("INSERT INTO search_index (search_index) VALUES ('delete-all')"))
        tx.connection.execute(delete(table))
    tx.connection.execute(update(documents).where(documents.c.indexed != 0).values(indexed=0))


def write(tx: Tx, entries: Sequence[Entry], gone: Collection[tuple[str, int]] = ()) -> int:
    """Put these entries into the index in place of earlier ones, take the documents in `gone` (id, revision) out of it.

    What has moved on since its entry was made is left alone, it stays outdated; and so is what another indexer was quicker with.
    Returns how many documents were settled.
    """
    asked = {entry.document: entry.revision for entry in entries} | dict(gone)
    still = {row.id for row in tx.connection.execute(select(documents.c.id, documents.c.revision).where(
        documents.c.id.in_(asked), text("indexed <> revision")).order_by(documents.c.id).with_for_update())
        if asked[row.id] == row.revision}
    changed: Counter[tuple[str, str]] = Counter()
    known = {row.document: row.no for row in tx.connection.execute(select(
        search_documents.c.document, search_documents.c.no).where(search_documents.c.document.in_(still)))}
    for document, no in known.items():
        _take_out(tx, no, changed, whole=document not in {entry.document for entry in entries})
    for entry in entries:
        if entry.document in still:
            _put(tx, entry, known.get(entry.document), changed)
    _count_words(tx, changed)
    for document in sorted(still):
        tx.connection.execute(update(documents).where(documents.c.id == document).values(indexed=asked[document]))
    return len(still)


def _take_out(tx: Tx, no: int, changed: Counter[tuple[str, str]], *, whole: bool) -> None:
    """Take the terms of an entry out of the index, with `whole` the entry itself."""
    conn = tx.connection
    row = conn.execute(select(search_texts).where(search_texts.c.no == no)).one()
    changed.subtract((row.tenant, term) for term in row.terms.split(" ") if terms.in_vocabulary(term))
    if conn.dialect.name == "sqlite":  # reads the terms it has to forget from search_texts
        conn.execute(text("DELETE FROM search_index WHERE rowid = :no"), {"no": no})
    conn.execute(delete(search_pages).where(search_pages.c.no == no))
    conn.execute(delete(search_texts).where(search_texts.c.no == no))
    if whole:
        conn.execute(delete(search_documents).where(search_documents.c.no == no))


def _put(tx: Tx, entry: Entry, no: int | None, changed: Counter[tuple[str, str]]) -> None:
    conn = tx.connection
    held = terms.bag((*entry.texts, entry.title, entry.kind, entry.sender, *entry.also, *entry.references), _field_terms(entry))
    values = {
        "tenant": entry.tenant, "document": entry.document, "branch": entry.branch, "kind": clean(entry.kind),
        "sender": clean(entry.sender), "dated": entry.dated.isoformat() if entry.dated else "",
        "parcels": clean("\n".join(entry.parcels)), "title": clean(entry.title), "pages": len(entry.texts), "words": held.words,
        "indexed_at": stamp(tx.now)}
    if no is None:
        no = int(conn.execute(insert(search_documents).values(**values).returning(search_documents.c.no)).scalar_one())
    else:
        conn.execute(update(search_documents).where(search_documents.c.no == no).values(**values))
    joined = clean(" ".join(held.terms))
    conn.execute(insert(search_texts), {"no": no, "tenant": entry.tenant, "terms": joined, "counts": held.counts})
    if conn.dialect.name == "sqlite":
        conn.execute(text("INSERT INTO search_index (rowid, terms) VALUES (:no, :terms)"), {"no": no, "terms": joined})
    if entry.texts:
        conn.execute(insert(search_pages), [
            {"tenant": entry.tenant, "no": no, "page": number, "text": zlib.compress(page.encode("utf-8", "replace"), 6)}
            for number, page in enumerate(entry.texts, start=1)])
    changed.update((entry.tenant, term) for term in held.terms if terms.in_vocabulary(term))


def _field_terms(entry: Entry) -> list[str]:
    found = [*terms.field_terms(terms.TITLE, entry.title), *terms.field_terms(terms.SENDER, entry.sender),
             *terms.field_terms(terms.KIND, entry.kind)]
    for sign, values in ((terms.REFERENCE, entry.references), (terms.PARCEL, entry.parcels)):
        found += [run for value in values for run in terms.run_terms(sign, value)]
    return found


ADD_WORDS = {
    "sqlite": """
        INSERT INTO search_words (tenant, word, stem, backwards, documents)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(:rows) WHERE true
        ON CONFLICT (tenant, word) DO UPDATE SET documents = search_words.documents + excluded.documents""",
    "postgresql": """
        INSERT INTO search_words (tenant, word, stem, backwards, documents)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, CAST(value ->> 4 AS integer)
        FROM json_array_elements(CAST(:rows AS json))
        ON CONFLICT (tenant, word) DO UPDATE SET documents = search_words.documents + excluded.documents"""}


def _count_words(tx: Tx, changed: Counter[tuple[str, str]]) -> None:
    """Add these differences to the vocabulary, always in the same order (two indexers never wait for each other); words that
    stand in no document any more are forgotten."""
    rows = [(tenant, word, terms.stem(word), word[::-1], number) for (tenant, word), number in sorted(changed.items()) if number]
    if not rows:
        return
    tx.connection.execute(text(ADD_WORDS[tx.connection.dialect.name]), {"rows": json.dumps(rows, ensure_ascii=False)})
    fallen = [(tenant, word) for tenant, word, _, _, number in rows if number < 0]
    for tenant in sorted({tenant for tenant, _ in fallen}):
        words = [word for name, word in fallen if name == tenant]
        for start in range(0, len(words), 500):
            tx.connection.execute(delete(search_words).where(
                search_words.c.tenant == tenant, search_words.c.documents <= 0,
                search_words.c.word.in_(words[start:start + 500])))
