"""Search over what waits and what is filed: one question, hits with their place, counts by facet, all as the viewer may see it.

The web and the command line call `search`; `intake.places.places` gives the boxes of a hit on its pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from intake.vocabulary import DocumentState, Viewer

FACETS = ("branch", "kind", "year", "sender", "parcel", "state")
"""What a result may be narrowed by; the names in `Facet.name` and in `chosen`."""
HITS = 10


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
    snippet: tuple[tuple[str, bool], ...]
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


def search(conn: Connection, viewer: Viewer, question: str, *, chosen: Mapping[str, str] | None = None, first: int = 0,
           limit: int = HITS) -> Found:
    """What `viewer` may see of the documents that answer `question`, best first, from the hit `first` (0 = the best) on.

    `chosen` narrows by facets ({"kind": "Rechnung", "year": "2025"}). An empty question finds everything, newest first.
    Raises Refused (German) for a question that cannot be understood.
    """
    return Found((), 0, True, ())
