"""What the index of the database finds: numbers of entries by terms, on SQLite (FTS5) and PostgreSQL (GIN over a tsvector)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, FromClause, Integer, bindparam, column, select, text

from intake.schema import search_texts

AND, OR = {"sqlite": " AND ", "postgresql": " & "}, {"sqlite": " OR ", "postgresql": " | "}
QUOTE = {"sqlite": '"', "postgresql": "'"}


def matching(conn: Connection, every: Sequence[Collection[str]], name: str = "matched") -> FromClause:
    """A table with the column `no`: the entries that have, of each of the collections, at least one term.

    `every` must not be empty, nor any of its collections; terms are letters, digits and `_` (as intake.terms makes them).
    """
    dialect = conn.dialect.name
    asked = AND[dialect].join(
        "(" + OR[dialect].join(_quoted(dialect, term) for term in sorted(set(some))) + ")" for some in every)
    if dialect == "sqlite":
        found = text(f"SELECT rowid AS no FROM search_index WHERE search_index MATCH :{name}").bindparams(bindparam(name, asked))
        return found.columns(column("no", Integer)).subquery(name)
    indexed = text(f"array_to_tsvector(string_to_array(search_texts.terms, ' ')) @@ CAST(:{name} AS tsquery)")
    # OFFSET 0: found for itself, by the index, and not while walking through all entries in the order of the result
    return select(search_texts.c.no).where(indexed.bindparams(bindparam(name, asked))).offset(0).subquery(name)


def _quoted(dialect: str, term: str) -> str:
    quote = QUOTE[dialect]
    return quote + term.replace("\\", "").replace(quote, "") + quote
