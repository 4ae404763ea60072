"""Search over what waits and what is filed: one question, hits with their place, counts by facet, all as the viewer may see it.

The web and the command line call `search`; `intake.places.places` gives the boxes of a hit on its pages.

What matches is found by the index of the database (FTS5, GIN); what is counted, ranked and shown is decided here, from rows that
the viewer may see and from nothing else, by the same Python on both databases. So a hidden document changes no count, no order.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select

from intake import passages, terms
from intake.db.asking import Asked, Here, ask, entries, here
from intake.db.core import parse_stamp
from intake.db.plan import entry_names
from intake.ranking import held, looked_for, score, share
from intake.schema import documents, files, filings, search_documents, search_pages, search_texts
from intake.vocabulary import DocumentState, Viewer

HITS = 10
COUNTED = 2000
"""So many hits are counted; of more it is said that there are more."""
RANKED = 200
"""So many of them are looked at closely: those with the words in their title, then the newest."""
PHRASED = 500
"""So many documents are read for a phrase, the newest."""
FEW, ADDED, MOST_OF = 10, 50, 0.5
"""With fewer hits at most so many are added that lack a word but have so much of the question's weight."""
LEFT_OUT = 3
"""Of a question of common words so many are left out in turn."""
LOOKED_AT = 300
"""So many pages of a hit are looked at for the piece of text that is shown."""
CHOICES, AT_ONCE = 10, 400
ROW = (*(search_documents.c[name] for name in ("document", "branch", "kind", "sender", "dated", "parcels", "words")),
       documents.c.state)
STATES = {"PROPOSED": "wartet auf Prüfung", "APPROVED": "freigegeben", "FILED": "abgelegt", "CLARIFY": "in Klärung"}
ALL_LACK = "Kein Schriftstück enthält alle Wörter. Diese enthalten die meisten davon."
SOME_LACK = "Nur wenige Schriftstücke enthalten alle Wörter. Dabei sind auch solche mit den meisten davon."


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found. `page` counts its pages from 1, 0 = found by its data alone; `snippet` is a piece of that
    page's text in runs, each with whether it is what was looked for; `missing` are words of the question it has not."""

    document: str
    title: str
    state: DocumentState
    reference: str  # Aktenzeichen of its Akte, "" while it waits
    file: str | None  # id of its Akte
    kind: str
    sender: str
    dated: date | None
    received_at: datetime
    pages: int
    page: int
    snippet: passages.Runs
    missing: tuple[str, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet: what `chosen` takes, how a person reads it, how many of the hits have it."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A way to narrow a result: one of `FACETS`, with its most frequent values first."""

    name: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: `total` hits (at least, when `complete` is False), those asked for, the facets of all of them.

    `hint` is a German sentence to show above the hits ("" = none).
    """

    hits: tuple[Hit, ...]
    total: int
    complete: bool
    facets: tuple[Facet, ...]
    hint: str = ""


@dataclass(slots=True)
class _Rows:
    """Rows that match, and of those looked at closely the score and the words they lack, by number."""

    rows: list[Row[Any]]
    complete: bool
    scores: dict[int, tuple[float, tuple[str, ...]]] = field(default_factory=dict)


def search(conn: Connection, viewer: Viewer, question: str, *, chosen: Mapping[str, str] | None = None, first: int = 0,
           limit: int = HITS) -> Found:
    """What `viewer` may see of the documents that answer `question`, best first, from the hit `first` (0 = the best) on.

    `chosen` narrows by facets ({"kind": "Rechnung", "year": "2025"}). An empty question finds everything, newest first.
    Raises Refused (German) for a question that cannot be understood.
    """
    at = here(conn, viewer)
    asked = ask(at, question, chosen or {})
    found = _with_all(at, asked)
    hint = _ignored(asked)
    if len(found.rows) < FEW and len(asked.words) > 1:
        whole = len(found.rows)
        _add_those_with_most(at, asked, found)
        if len(found.rows) > whole:
            hint = SOME_LACK if whole else ALL_LACK
    found.rows.sort(key=lambda row: (-found.scores.get(row.no, (0.0, ()))[0], -row.no))
    shown = found.rows[max(first, 0):max(first, 0) + max(limit, 0)]
    return Found(_hits(at, asked, shown, found), len(found.rows), found.complete, _facets(at, found.rows), hint)


def _with_all(at: Here, asked: Asked) -> _Rows:
    """The documents with all words, the newest `COUNTED` of them; at most `RANKED` of these are scored."""
    rare = [nos for nos in asked.seen.values() if nos is not None]
    if rare and len(nos := frozenset.intersection(*rare)) <= AT_ONCE:
        return _with_rare(at, asked, nos)
    every = [*(frozenset(one.terms) for one in asked.words), *asked.every]
    rows = _rows(at, asked, every, COUNTED + 1)
    found = _Rows(rows[:COUNTED], len(rows) <= COUNTED)
    if asked.phrases:
        _keep_phrases(at, asked, found)
    close = found.rows[:RANKED]
    if len(found.rows) > RANKED and asked.words:
        titled = frozenset(terms.TITLE + term for one in asked.words for term in one.terms)
        known = {row.no: row for row in found.rows}
        first = [known.get(row.no) for row in _rows(at, asked, [*every, titled], RANKED // 2)]
        close = list({row.no: row for row in (*filter(None, first), *found.rows)}.values())[:RANKED]
    _score(at, asked, close, found)
    return found


def _with_rare(at: Here, asked: Asked, nos: Collection[int]) -> _Rows:
    """The documents with all words, of these entries, which have all words that are not common: few, so each is looked at."""
    found = _Rows(_rows_of(at, asked, nos), True)
    if asked.phrases:
        _keep_phrases(at, asked, found)
    _score(at, asked, found.rows, found)
    found.rows = [row for row in found.rows if not found.scores[row.no][1]]
    return found


def _rows_of(at: Here, asked: Asked, nos: Collection[int]) -> list[Row[Any]]:
    """Of these entries those that fulfil all but the words, the newest first."""
    ordered = sorted(nos, reverse=True)
    wanted = entries(at, asked.every, *ROW).where(*asked.where)
    return [row for start in range(0, len(ordered), AT_ONCE) for row in at.conn.execute(
        wanted.where(search_documents.c.no.in_(ordered[start:start + AT_ONCE]))).all()]


def _rows(at: Here, asked: Asked, every: Sequence[Collection[str]], limit: int) -> list[Row[Any]]:
    """The newest entries that have a term of each collection, with what the facets need."""
    return list(at.conn.execute(entries(at, every, *ROW).where(*asked.where).limit(limit)).all())


def _keep_phrases(at: Here, asked: Asked, found: _Rows) -> None:
    """Keep the rows in which the phrases stand, of at most `PHRASED` that are read."""
    close = found.rows[:PHRASED]
    found.complete = found.complete and len(close) == len(found.rows)
    texts: dict[int, list[str]] = {row.no: [row.title] for row in _in_parts(at, select(
        search_documents.c.no, search_documents.c.title), search_documents.c.no, close)}
    for page in _in_parts(at, select(search_pages), search_pages.c.no, close, search_pages.c.page):
        texts[page.no].append(zlib.decompress(page.text).decode())
    found.rows = [row for row in close if all(
        terms.follows(phrase, "\n".join(texts[row.no])) for phrase in asked.phrases)]


def _in_parts(at: Here, wanted: Select[Any], column: ColumnElement[int], rows: Sequence[Row[Any]],
              *order: ColumnElement[Any]) -> Iterator[Row[Any]]:
    """The rows of `wanted` whose `column` is the number of one of these entries."""
    for start in range(0, len(rows), AT_ONCE):
        nos = [row.no for row in rows[start:start + AT_ONCE]]
        yield from at.conn.execute(wanted.where(column.in_(nos)).order_by(*order)).all()


def _score(at: Here, asked: Asked, rows: Sequence[Row[Any]], found: _Rows) -> None:
    """Score these rows by the terms they hold."""
    if not asked.words:
        return
    words, terms_asked = {row.no: row.words for row in rows}, looked_for(asked.words)
    for text in _in_parts(at, select(search_texts), search_texts.c.no, rows):
        found.scores[text.no] = score(asked.words, held(text.terms, text.counts, terms_asked), words[text.no])


def _add_those_with_most(at: Here, asked: Asked, found: _Rows) -> None:
    """Add documents that lack a word but have words of at least `MOST_OF` of the question's weight, at most `ADDED`."""
    near: dict[int, float] = {}
    for one in asked.words:
        for no in asked.seen[one.word] or ():
            near[no] = near.get(no, 0.0) + one.weight
    if all(nos is None for nos in asked.seen.values()):  # all common: those that lack one of them, the newest
        for left_out in asked.words[:LEFT_OUT]:
            every = [frozenset(one.terms) for one in asked.words if one is not left_out]
            near |= {row.no: 1.0 for row in _rows(at, asked, [*every, *asked.every], ADDED)}
    known = {row.no for row in found.rows}
    best = sorted((no for no in near if no not in known), key=lambda no: (-round(near[no], 6), -no))[:AT_ONCE]
    rows = {row.no: row for row in _rows_of(at, asked, best)}
    more = _Rows([rows[no] for no in best if no in rows][:ADDED], True)
    if asked.phrases:
        _keep_phrases(at, asked, more)
    _score(at, asked, more.rows, more)
    enough = [row for row in more.rows if share(asked.words, more.scores[row.no][1]) >= MOST_OF]
    found.rows += enough
    found.scores |= {row.no: more.scores[row.no] for row in enough}


def _ignored(asked: Asked) -> str:
    """What is said of words that were not asked for."""
    if not asked.ignored:
        return ""
    return f"Danach wird nicht gesucht, es steht fast überall: {', '.join(f'„{word}“' for word in asked.ignored)}."


# ---- what is shown ---------------------------------------------------------------------------------------------------


def _facets(at: Here, rows: Sequence[Row[Any]]) -> tuple[Facet, ...]:
    """The counts of these rows by each facet, the most frequent values first."""
    counted: dict[str, Counter[str]] = {
        "branch": Counter(row.branch for row in rows), "kind": Counter(row.kind for row in rows),
        "year": Counter(row.dated[:4] for row in rows), "sender": Counter(row.sender for row in rows),
        "parcel": Counter(parcel for row in rows if row.parcels for parcel in row.parcels.split("\n")),
        "state": Counter(row.state for row in rows)}
    shown = {name: sorted(((value, number) for value, number in counts.items() if value),
                          key=lambda said: (-said[1], said[0]))[:CHOICES] for name, counts in counted.items()}
    labels = {"state": STATES, "branch": entry_names(at.conn, at.viewer.tenant, [value for value, _ in shown["branch"]])}
    return tuple(Facet(name, tuple(Choice(value, labels.get(name, {}).get(value, value), number) for value, number in values))
                 for name, values in shown.items() if values)


def _hits(at: Here, asked: Asked, rows: Sequence[Row[Any]], found: _Rows) -> tuple[Hit, ...]:
    """These rows with what people want to read about them."""
    own = search_documents.c
    lying = and_(filings.c.document == own.document, filings.c.undone_at.is_(None))
    said = {row.no: row for row in _in_parts(at, select(
        own.no, own.title, own.pages, documents.c.received_at, files.c.id, files.c.reference).select_from(
            search_documents.join(documents, documents.c.id == own.document).outerjoin(filings, lying).outerjoin(
                files, files.c.id == filings.c.file)).where(at.visible), own.no, rows)}
    texts: dict[int, list[str]] = {row.no: [] for row in rows}
    for page in _in_parts(at, select(search_pages).where(search_pages.c.page <= LOOKED_AT), search_pages.c.no, rows,
                          search_pages.c.page):
        texts[page.no].append(zlib.decompress(page.text).decode())
    wanted = asked.wanted
    return tuple(_hit(row, said[row.no], texts[row.no], wanted, *found.scores.get(row.no, (0.0, ()))) for row in rows)


def _hit(row: Row[Any], said: Row[Any], texts: Sequence[str], wanted: passages.Wanted, scored: float,
         missing: tuple[str, ...]) -> Hit:
    page = passages.best_page(texts, wanted)
    received = parse_stamp(said.received_at)
    return Hit(
        row.document, said.title or f"Schriftstück vom {received.astimezone():%d.%m.%Y}", DocumentState(row.state),
        said.reference or "", said.id, row.kind, row.sender, date.fromisoformat(row.dated) if row.dated else None, received,
        said.pages, page, passages.snippet(texts[max(page, 1) - 1], wanted) if texts else (), missing, scored)
