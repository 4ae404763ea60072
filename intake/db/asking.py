"""A question looked up for a viewer: which terms each word means, how much each word weighs, which rows are asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, text

from intake import terms
from intake.db.access import visible_documents
from intake.db.matching import matching
from intake.db.meanings import INFLECTED, OF_ITS_OWN, SAME, Meaning, meanings
from intake.errors import Refused
from intake.query import EXAMPLES, Question, understand
from intake.ranking import COMMON, Wanted, weight
from intake.schema import documents, search_documents
from intake.vocabulary import Viewer

FACETS = ("branch", "kind", "year", "sender", "parcel", "state")
"""What a result may be narrowed by."""
SIGNS = {"sender": terms.SENDER, "kind": terms.KIND, "title": terms.TITLE, "reference": terms.REFERENCE, "parcel": terms.PARCEL}
NOWHERE = frozenset({"_"})
"""A term that no document has."""


@dataclass(frozen=True, slots=True)
class Here:
    """Who asks, through which connection, and the condition on `documents` that he may see them."""

    conn: Connection
    viewer: Viewer
    visible: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question looked up in the vocabulary. `words` may be missing in a hit; of what is in `every` (one term of each), none
    may. `where` holds the other conditions on `search_documents` and `documents`."""

    words: tuple[Wanted, ...]
    phrases: tuple[tuple[str, ...], ...]
    every: tuple[frozenset[str], ...]
    where: tuple[ColumnElement[bool], ...]
    seen: Mapping[str, frozenset[int] | None]  # the entries of each word (by `Wanted.word`); None for `COMMON` or more
    ignored: tuple[str, ...] = ()  # words of the question that are not asked for

    @property
    def wanted(self) -> dict[str, tuple[int, float]]:
        """Every term looked for: which of `words` it means and its weight there."""
        found: dict[str, tuple[int, float]] = {}
        for number, one in enumerate(self.words):
            for term, quality in one.terms.items():
                if term not in found or found[term][1] < one.weight * quality:
                    found[term] = number, one.weight * quality
        return found


def here(conn: Connection, viewer: Viewer) -> Here:
    """The viewer with his condition, made once for all that is asked."""
    if conn.dialect.name == "postgresql":  # it thinks that making a tsvector costs nothing, and would read every row
        conn.execute(text("SET LOCAL enable_seqscan = off"))
        conn.execute(text("SET LOCAL jit = off"))
    return Here(conn, viewer, visible_documents(conn, viewer))


def ask(at: Here, said: str, chosen: Mapping[str, str]) -> Asked:
    """The question `said`, narrowed by the facets `chosen`. Raises Refused (German)."""
    question = understand(said)
    words, ignored = [], []
    for word in dict.fromkeys(question.words):
        found = meanings(at.conn, at.viewer.tenant, word)
        words += [_without_others(at, one) for one in found]
        ignored += [word] if not found else []
    phrases = tuple(filter(None, map(terms.phrase_words, question.phrases)))
    in_phrases = [Meaning(term, {term: SAME}) for term in dict.fromkeys(
        term for phrase in phrases for word in phrase for term in terms.terms_in(word))]
    every = [frozenset(one.terms) for one in in_phrases]
    for name, value in question.fields:
        every += _field(at, name, value)
    if "parcel" in chosen:
        every.append(frozenset({terms.whole_run(terms.PARCEL, chosen["parcel"]) or ""} - {""}) or NOWHERE)
    asked = {one.word: one for one in (*words, *in_phrases)}
    seen = {word: _entries_of(at, one.terms) for word, one in asked.items()}
    sizes = {word: COMMON if nos is None else len(nos) for word, nos in seen.items()}
    return Asked(tuple(Wanted(word, one.terms, weight(sizes[word])) for word, one in asked.items()), phrases, tuple(every),
                 (*_narrow(question, chosen), *_without(at, question)), seen, tuple(ignored))


def entries(at: Here, every: Sequence[Collection[str]], *columns: ColumnElement[Any]) -> Select[Any]:
    """The index entries that the viewer may see and that have a term of each collection, newest first: `no`, these columns."""
    held = search_documents.c
    if not every:
        return select(held.no, *columns).select_from(search_documents.join(
            documents, documents.c.id == held.document)).where(at.visible).order_by(held.no.desc())
    found = matching(at.conn, every)
    return select(held.no, *columns).select_from(found.join(search_documents, held.no == found.c.no).join(
        documents, documents.c.id == held.document)).where(at.visible).order_by(found.c.no.desc())  # as FTS5 finds them


def _entries_of(at: Here, some: Collection[str]) -> frozenset[int] | None:
    """The entries of documents that the viewer may see and that have one of the terms; None when there are `COMMON` or more."""
    found = frozenset(at.conn.execute(entries(at, [some]).order_by(None).limit(COMMON)).scalars().all())
    return None if len(found) == COMMON else found


def _seen(at: Here, some: Collection[str], limit: int) -> int:
    """How many documents that the viewer may see have one of the terms, at most `limit`."""
    found = entries(at, [some]).order_by(None).limit(limit).subquery()
    return int(at.conn.execute(select(func.count()).select_from(found)).scalar_one())


def _without_others(at: Here, one: Meaning) -> Meaning:
    """The meaning without near words that are words of their own: those in many of the documents the viewer may see, when the
    word itself is in any of them."""
    own = [term for term, quality in one.terms.items() if quality >= INFLECTED]
    if not one.suspects or not _seen(at, own, 1):
        return one
    others = {term for term in one.suspects if _seen(at, [term], OF_ITS_OWN) == OF_ITS_OWN}
    return Meaning(one.word, {term: quality for term, quality in one.terms.items() if term not in others})


def _field(at: Here, name: str, value: str) -> list[frozenset[str]]:
    """What a document must have whose field has this value."""
    sign = SIGNS[name]
    if name in ("reference", "parcel"):
        run = terms.whole_run(sign, value)
        if run is None:
            raise Refused(f"„{value}“ hat weder Buchstaben noch Ziffern. Schreiben Sie zum Beispiel {EXAMPLES[name]}.")
        return [frozenset({run})]
    return [frozenset(sign + term for term in _without_others(at, one).terms)
            for word in value.split() for one in meanings(at.conn, at.viewer.tenant, word)]


def _without(at: Here, question: Question) -> list[ColumnElement[bool]]:
    """No word of those that must not be there, in any inflection."""
    none = {term for word in question.without for one in meanings(at.conn, at.viewer.tenant, word)
            for term, quality in one.terms.items() if quality >= INFLECTED}
    if not none:
        return []
    found = matching(at.conn, [none], "without")
    return [search_documents.c.no.not_in(select(found.c.no))]


def _narrow(question: Question, chosen: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The conditions on the columns: days, and the facets that were chosen."""
    held = search_documents.c
    unknown = sorted(set(chosen) - set(FACETS))
    if unknown:
        raise Refused(f"Nach „{unknown[0]}“ lässt sich nicht eingrenzen. Möglich sind: {', '.join(FACETS)}.")
    conditions = [held[name] == chosen[name] for name in ("branch", "kind", "sender") if name in chosen]
    if "year" in chosen:
        conditions.append(func.substr(held.dated, 1, 4) == chosen["year"])
    if "state" in chosen:
        conditions.append(documents.c.state == chosen["state"])
    if question.since:
        conditions.append(held.dated >= question.since.isoformat())
    if question.until:
        conditions.append(held.dated.between("0", question.until.isoformat()))
    return conditions
