"""Which words of the vocabulary a word of a question means: the same word inflected, misread, or as a part of a compound.

Looked up when it is asked, from the words that stand in the tenant's documents now, so the answer is the same on both databases
and does not depend on the order in which documents came.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select, text, union

from intake import terms
from intake.schema import search_words

SAME, INFLECTED, MISREAD, PART = 1.0, 0.95, 0.9, 0.4
"""How much a word counts by how it was found."""
MOST = 80
"""Inflected, misread and compound words that one word of a question may mean, of each kind; of more the most frequent."""
FORMS = 5
"""So many inflected forms, the most frequent, are looked for at the end of compounds."""
OF_ITS_OWN = 5
"""A misreading is rare: a near word in so many documents is suspected to be another word."""
SHORTEST_PART, SURE_PART = 3, 6
"""Letters of a part of a compound: shorter ones are not looked for; under the second the rest must be a known word too."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word of a question means: terms of the index and how much each counts (0..1). `suspects` are those of them that
    may be words of their own, not misreadings."""

    word: str
    terms: dict[str, float]
    suspects: tuple[str, ...] = ()


def meanings(conn: Connection, tenant: str, word: str) -> tuple[Meaning, ...]:
    """One Meaning for each term of `word` as typed (a word with hyphens has several); () for a word that is not asked for."""
    asked = list(dict.fromkeys(terms.terms_in(word)))
    pieces = terms.phrase_words(word)
    if len(pieces) > 1:  # the longest run of numbers says it all, of a word with hyphens its parts do
        numbers = [term for term in asked if "_" in term]
        asked = [max(numbers, key=len)] if numbers else [term for term in asked if term in pieces or term.isdigit()]
    return tuple(_meaning(conn, tenant, term) for term in asked)


def _meaning(conn: Connection, tenant: str, term: str) -> Meaning:
    if not terms.in_vocabulary(term):
        return Meaning(term, {term: SAME})
    found = {term: SAME}
    forms = _words(conn, tenant, search_words.c.stem == terms.stem(term))
    for word in _frequent(forms):
        found.setdefault(word, INFLECTED)
    near = _among(conn, tenant, terms.misreadings(term))
    for word in _frequent(near):
        found.setdefault(word, MISREAD)
    for word in _frequent(_compounds(conn, tenant, term, {term, *_frequent(forms)[:FORMS]})):
        found.setdefault(word, PART)
    suspects = tuple(sorted(word for word, number in near.items() if number >= OF_ITS_OWN and found.get(word) == MISREAD))
    return Meaning(term, found, suspects)


def _frequent(words: Mapping[str, int]) -> list[str]:
    """The `MOST` most frequent of these words."""
    return sorted(words, key=lambda word: (-words[word], word))[:MOST]


def _words(conn: Connection, tenant: str, *where: ColumnElement[bool]) -> dict[str, int]:
    return {row.word: row.documents for row in conn.execute(_wanted(tenant, *where))}


def _wanted(tenant: str, *where: ColumnElement[bool]) -> Select[tuple[str, int]]:
    return select(search_words.c.word, search_words.c.documents).where(search_words.c.tenant == tenant, *where)


AMONG = {"sqlite": "SELECT value FROM json_each(:words)",
         "postgresql": "SELECT json_array_elements_text(CAST(:words AS json)) COLLATE \"C\""}


def _among(conn: Connection, tenant: str, words: Collection[str]) -> dict[str, int]:
    """Those of `words` that are in the vocabulary, and in how many documents each stands."""
    if not words:
        return {}
    wanted: Select[tuple[str, int]] = select(search_words.c.word, search_words.c.documents).where(
        search_words.c.tenant == tenant,
        search_words.c.word.in_(text(AMONG[conn.dialect.name]).bindparams(bindparam("words", json.dumps(sorted(words))))))
    return {row.word: row.documents for row in conn.execute(wanted)}


def _compounds(conn: Connection, tenant: str, term: str, forms: Iterable[str]) -> dict[str, int]:
    """Words of the vocabulary that begin with `term` (in its shortest form) or end with one of its forms."""
    stem = terms.stem(term)
    start = stem if term.startswith(stem) else term
    found: dict[str, int] = {}
    rests: dict[str, set[str]] = {}
    if len(start) > SHORTEST_PART:
        for word, number in _words(conn, tenant, *_begins(search_words.c.word, start)).items():
            if len(word) >= len(term) + SHORTEST_PART:
                found[word] = number
                rests[word] = terms.rests(word[len(term):] if word.startswith(term) else word[len(start):], front=False)
    ends = [form for form in sorted(forms) if len(form) >= SHORTEST_PART]
    if ends:
        wanted = union(*(_wanted(tenant, *_begins(search_words.c.backwards, form[::-1])) for form in ends))  # each by the index
        for row in conn.execute(wanted):
            word, number = row.word, row.documents
            front = min(word[:-len(form)] for form in ends if word.endswith(form))
            if len(front) >= SHORTEST_PART:
                found[word] = number
                rests[word] = terms.rests(front, front=True)
    if len(start) >= SURE_PART:
        return found
    known = _among(conn, tenant, {rest for each in rests.values() for rest in each})
    return {word: number for word, number in found.items() if rests[word] & known.keys()}


def _begins(column: ColumnElement[str], start: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= start, column < start + "\U0010ffff"
