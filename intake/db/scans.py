"""What is known of how a document was scanned and read, for its Transfervermerk."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, select

from intake.db.core import parse_stamp
from intake.db.documents import ledger
from intake.schema import page_reads, rescans
from intake.vocabulary import Document, PageRef, PageState

PICTURE = "picture"


def readers_of(conn: Connection, tenant: str, originals: Collection[str]) -> tuple[tuple[str, ...], datetime | None]:
    """The readers (engine, version, languages) that read pages of these originals, by name, and when the last page was read."""
    rows = conn.execute(select(page_reads.c.reader, func.max(page_reads.c.read_at)).where(
        page_reads.c.tenant == tenant, page_reads.c.original.in_(tuple(originals)),
        page_reads.c.reader.not_like(f"{PICTURE}%")).group_by(page_reads.c.reader)).all()
    return tuple(sorted(row[0] for row in rows)), max((parse_stamp(row[1]) for row in rows), default=None)


def rescanned(conn: Connection, document: str) -> tuple[tuple[str, int, int, datetime], ...]:
    """What rescans did to a document, in order: (kind, part and number of the new page (0, 0: none), when)."""
    rows = conn.execute(select(rescans).where(rescans.c.document == document).order_by(rescans.c.at, rescans.c.id))
    return tuple((row.kind, row.new_part or 0, row.new_number or 0, parse_stamp(row.at)) for row in rows)


def left_out(conn: Connection, document: Document) -> tuple[tuple[PageRef, ...], tuple[PageRef, ...]]:
    """(blank pages, sheets) between and behind the pages of a document: what was scanned with it and is not in it.

    A loose page belongs to the document whose page is the last one before it in the same part; in front of all, to the first.
    """
    blanks: list[PageRef] = []
    sheets: list[PageRef] = []
    owner: str | None = None
    waiting: list[PageRef] = []
    part = -1
    for ref, whose, _ in ledger(conn, document.delivery):
        if ref.part != part:
            part, owner, waiting = ref.part, None, []
        if whose is not None:
            owner = whose
            loose, waiting = waiting, []
        else:
            loose = [ref] if owner is not None else []
            waiting = waiting if owner is not None else [*waiting, ref]
        if owner == document.id:
            blanks += [one for one in loose if one.state is PageState.BLANK]
            sheets += [one for one in loose if one.state is PageState.SEPARATOR]
    return tuple(blanks), tuple(sheets)
