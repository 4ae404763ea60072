"""The upkeep of the search index: what changed is indexed again, durably, and nothing can be forgotten.

A document is outdated while `documents.indexed` is not its revision. The sweep reads what it is made of (pages, best proposals or
decided values, where it lies), then writes its entry and the revision in one transaction. Killed at any point it is outdated
still, and the next sweep, in the worker or by `poststelle efile index`, finds it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from sqlalchemy import Connection

from intake.blobs import Blobs
from intake.db.core import Database
from intake.db.deliveries import get_delivery, newest_page_reads, parts_of
from intake.db.documents import get_document, live_decision, proposals_of
from intake.db.filings import filing_of_document
from intake.db.forecasts import PLACE
from intake.db.indexed import SEARCHED, Entry, clear_index, outdated, write
from intake.db.plan import get_entry
from intake.errors import ServiceError
from intake.filing import title_of
from intake.read import unpack_texts
from intake.vocabulary import Delivery, Document, DocumentState, Filing, Proposal

log = logging.getLogger(__name__)

AT_ONCE = 20
"""So many documents are written in one transaction: others wait no longer than about half a second."""
DATES = ("letter_date", "invoice_date", "meeting_date")
REFERENCES = ("file_reference", "reference", "your_reference", "our_reference", "cash_reference", "invoice_number")
MOST_PARCELS = 30


def sweep(db: Database, blobs: Callable[[str], Blobs], *, limit: int | None = None,
          stopping: Callable[[], bool] = lambda: False, progress: Callable[[int], None] = lambda _: None) -> int:
    """Index outdated documents until none is left, `limit` is reached or `stopping` says so; returns how many were settled.

    A document whose pages cannot be had now is passed over and stays outdated. Raises ServiceError (the database).
    """
    done, after = 0, ""
    while not stopping() and (limit is None or done < limit):
        with db.read() as conn:
            waiting = outdated(conn, AT_ONCE, after)
            if not waiting:
                return done
            entries = list(_entries(conn, blobs, [id for id, _, state in waiting if state in SEARCHED]))
        after = waiting[-1][0]
        with db.transaction() as tx:
            done += write(tx, entries, [(id, revision) for id, revision, state in waiting if state not in SEARCHED])
        progress(done)
    return done


def rebuild(db: Database) -> None:
    """Forget the index; `sweep` makes it anew. Meanwhile only what was indexed again is found."""
    with db.transaction() as tx:
        clear_index(tx)


def _entries(conn: Connection, blobs: Callable[[str], Blobs], ids: list[str]) -> Iterator[Entry]:
    for id in ids:
        document = get_document(conn, id)
        try:
            texts = page_texts(conn, blobs(document.tenant), document)
        except (OSError, KeyError, ServiceError) as error:
            log.warning("document cannot be indexed now", extra={"document": id, "error": type(error).__name__})
            continue
        yield entry_of(conn, document, texts)


def page_texts(conn: Connection, blobs: Blobs, document: Document) -> tuple[str, ...]:
    """The text of the document's pages in its order. Raises KeyError for a page that was not read, ServiceError or OSError for
    bytes that are lost or cannot be read."""
    originals = {part.position: part.blob.sha256 for part in parts_of(conn, document.delivery)}
    reads = {part: newest_page_reads(conn, document.tenant, originals[part], [
        ref.number for ref in document.pages if ref.part == part]) for part in {ref.part for ref in document.pages}}
    wanted = {(ref.part, reads[ref.part][ref.number]) for ref in document.pages}
    texts = {(part, number): said for part, chunk in wanted for number, said in unpack_texts(blobs.read(chunk)).items()}
    return tuple(texts[ref.part, ref.number] for ref in document.pages)


def entry_of(conn: Connection, document: Document, texts: tuple[str, ...]) -> Entry:
    """What is indexed of a document: its text and, once it is filed, where it lies; while it waits, its best proposals but for
    the place (which may be an Akte that whoever sees the document may not, and is hidden in the blind audit)."""
    filing = filing_of_document(conn, document.id) if document.state is DocumentState.FILED else None
    proposals = [one for one in proposals_of(conn, document.id) if one.field not in PLACE or one.field == "file_reference"]
    decision = live_decision(conn, document.id)
    decided = {name: value for name, value in (decision.values if decision else {}).items() if name not in PLACE}
    best = {one.field: one.value for one in reversed(proposals)} | decided
    delivery = get_delivery(conn, document.delivery)
    return Entry(
        document.id, document.revision, document.tenant, texts, title=_title(filing, best, delivery),
        kind=best.get("kind", ""), sender=best.get("sender_name", ""), branch=_branch(conn, filing), dated=_dated(best, delivery),
        references=_references(filing, proposals), parcels=_parcels(filing, proposals, decided), also=_also(filing, decided))


def _title(filing: Filing | None, best: Mapping[str, str], delivery: Delivery) -> str:
    """The title it is filed under, or would be; never the name of the file, which may speak of other documents in it."""
    if filing is not None:
        return filing.title
    known = {name: best.get(name, "") for name in ("title", "subject", "kind", "sender_name")}
    return title_of(known, delivery) if any(value.strip() for value in known.values()) else ""


def _dated(best: Mapping[str, str], delivery: Delivery) -> date:
    """The document's own date, else the (local) day it came in."""
    for name in DATES:
        try:
            return date.fromisoformat(best.get(name, ""))
        except ValueError:
            continue
    return delivery.received_at.astimezone().date()


def _references(filing: Filing | None, proposals: list[Proposal]) -> tuple[str, ...]:
    own = (filing.file.reference, *filing.file.former, filing.case.reference if filing.case else "") if filing else ()
    return tuple(dict.fromkeys(filter(None, (*own, *(one.value for one in proposals if one.field in REFERENCES)))))


def _parcels(filing: Filing | None, proposals: list[Proposal], decided: Mapping[str, str]) -> tuple[str, ...]:
    """Parcels as `Gemarkung Flur-Number`, as far as Gemarkung and Flur are known."""
    found: dict[str, str] = {}
    for one in (one for one in proposals if one.field == "parcel"):
        said = dict(check.split(":", 1) for check in one.checks if ":" in check)
        number = f"{said['flur']}-{one.value}" if "flur" in said else one.value
        place = f"{said.get('gemarkung', '')} {number}".strip()
        found[one.value] = max(found.get(one.value, ""), place, key=len)
    for value in (decided.get("parcel", ""), filing.file.parcel if filing else ""):
        if value.strip():
            found.setdefault(value.strip(), value.strip())
    return tuple(found.values())[:MOST_PARCELS]


def _also(filing: Filing | None, decided: Mapping[str, str]) -> tuple[str, ...]:
    akte = (filing.file.title, filing.file.address, *filing.file.persons) if filing else ()
    case = (filing.case.title,) if filing and filing.case else ()
    return tuple(filter(None, (*akte, *case, *decided.values())))


def _branch(conn: Connection, filing: Filing | None) -> str:
    """The id of the top entry under which it lies; "" while it waits."""
    return _top(conn, filing.tenant, filing.file.entry) if filing else ""


def _top(conn: Connection, tenant: str, entry: str) -> str:
    seen: list[str] = []
    at: str | None = entry
    while at is not None and at not in seen:
        seen.append(at)
        found = get_entry(conn, tenant, at)
        at = found.parent if found else None
    return seen[-1]
