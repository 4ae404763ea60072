"""The outbox of other systems: which filing is to be told to which, from when on, and how it went."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select, update

from intake.access import ORDINARY
from intake.db.access import visible_documents
from intake.db.core import Tx, add_once, parse_stamp, stamp
from intake.db.filings import add_receipt, get_filing, is_undone, note_withdrawn, receipts_of
from intake.db.plan import with_classes
from intake.schema import documents, filings, handovers, receipts
from intake.vocabulary import Filing, Receipt, Viewer

CLAIM = timedelta(minutes=5)
"""So long nobody else tries a row that somebody began; after a kill it is tried again then."""
DUE = ("waiting", "again")


@dataclass(frozen=True, slots=True)
class Terms:
    """When a system is told of a filing (so long after it), and of which access classes of the plan."""

    delay: timedelta
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """One row to be told; `attempts` so many times it was begun before, `failures` in a row; `again`: after a refusal."""

    tenant: str
    filing: str
    target: str
    attempts: int
    failures: int
    again: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """One row as people see it; `reference` is what the other system calls the document, "" while it did not say."""

    document: str
    title: str
    target: str
    state: str
    why: str
    not_before: datetime
    reference: str


def place_of(filing: Filing) -> str:
    """What decides whether another system has to be told again: where the document lies and what it is called."""
    case = filing.case.reference if filing.case else ""
    return "\n".join((filing.entry.notation, filing.file.id, filing.file.reference, case, filing.title))


def plan(tx: Tx, key: str, targets: Mapping[str, Terms]) -> None:
    """After the stores have heard of a filing: tell the other systems (by name), where needed.

    What lies under an access class that a system is not given, or has a raised class of its own, never goes there. A filing taken
    back before its time never goes out; what changed after it was told goes out at once. May be called again.
    """
    filing, undone = get_filing(tx.connection, key), is_undone(tx.connection, key)
    rows = {row.target: row for row in tx.connection.execute(select(handovers).where(handovers.c.filing == key))}
    needed = _classes_of(tx.connection, filing)
    for target, terms in targets.items():
        if target not in rows and not undone and needed <= {*terms.classes}:
            add_once(tx, handovers, tenant=filing.tenant, filing=key, target=target, state="waiting", place="", told=False,
                     attempts=0, failures=0, not_before=tx.now + terms.delay, why="")
    wanted = "" if undone else place_of(filing)
    for row in rows.values():
        if undone and not row.told:
            _set(tx, key, row.target, state="done", why="")
        elif (row.state in DUE and not undone) or (row.state not in DUE and row.place == wanted):
            continue  # it will say what is so then; or it was said
        else:
            _set(tx, key, row.target, state="waiting", failures=0, not_before=stamp(tx.now), why="")


def _classes_of(conn: Connection, filing: Filing) -> frozenset[str]:
    """The access classes that hold for a filing: its entry's (be it from an entry above) and the document's own, if raised."""
    own = conn.execute(select(documents.c.access_class).where(documents.c.id == filing.document)).scalar_one()
    (entry,) = with_classes(conn, filing.tenant, (filing.entry,))
    return frozenset({entry.access_class} | ({own} - {ORDINARY}))


def due(conn: Connection, now: datetime, limit: int, targets: Collection[tuple[str, str]]) -> tuple[Due, ...]:
    """What may be told now to one of the `targets` (tenant, name), the longest waiting first."""
    if not targets:
        return ()
    ours = or_(*(and_(handovers.c.tenant == tenant, handovers.c.target == name) for tenant, name in targets))
    rows = conn.execute(select(handovers).where(
        handovers.c.state.in_(DUE), handovers.c.not_before <= stamp(now), ours,
    ).order_by(handovers.c.not_before, handovers.c.filing, handovers.c.target).limit(limit))
    return tuple(Due(row.tenant, row.filing, row.target, row.attempts, row.failures, row.state == "again") for row in rows)


def claim(tx: Tx, one: Due, now: datetime) -> bool:
    """Whether it is ours to tell now: compare-and-set on the number of attempts. From now on it may have been told."""
    here = (handovers.c.filing == one.filing, handovers.c.target == one.target, handovers.c.attempts == one.attempts,
            handovers.c.state.in_(DUE))
    changed = tx.connection.execute(update(handovers).where(*here).values(
        attempts=one.attempts + 1, told=True, not_before=stamp(now + CLAIM)))
    return changed.rowcount == 1


def note_retry_done(tx: Tx, one: Due) -> None:
    """The target forgot its refusal: from now on this is a row like others."""
    _set_mine(tx, one, state="waiting")


def note_later(tx: Tx, one: Due, moment: datetime, why: str, *, failed: bool) -> None:
    """Not before `moment` again; `failed` counts for the back-off, `why` is shown."""
    _set_mine(tx, one, not_before=stamp(moment), why=why, failures=one.failures + 1 if failed else 0)


def note_refused(tx: Tx, one: Due, place: str, why: str) -> None:
    """The other system does not want it: a person must act, or the filing must change."""
    _set_mine(tx, one, state="refused", place=place, why=why)


def note_told(tx: Tx, one: Due, filing: Filing, place: str, receipt: Receipt | None) -> bool:
    """The other system has it (`receipt`), or has taken it out (None). False: the filing changed meanwhile and is due again."""
    if receipt is None:
        note_withdrawn(tx, one.filing, one.target)
    else:
        add_receipt(tx, filing.tenant, one.filing, receipt)
    now = "" if is_undone(tx.connection, one.filing) else place_of(get_filing(tx.connection, one.filing))
    same = now == place
    _set_mine(tx, one, state="done" if same else "waiting", place=place, failures=0, why="",
              **({} if same else {"not_before": stamp(tx.now)}))
    return same


def tell_again(tx: Tx, document: str, target: str) -> None:
    """A person settled why it was refused: it goes out anew."""
    _of_document(tx, document, target, state="again", failures=0, not_before=stamp(tx.now), why="")


def leave_out(tx: Tx, document: str, target: str) -> None:
    """A person takes care of it in the other system: nothing is told or waited for any more."""
    _of_document(tx, document, target, state="done", why="")


def _of_document(tx: Tx, document: str, target: str, **values: object) -> None:
    own = select(filings.c.key).where(filings.c.document == document).scalar_subquery()
    here = (handovers.c.filing.in_(own), handovers.c.target == target, handovers.c.state.in_((*DUE, "refused")))
    tx.connection.execute(update(handovers).where(*here).values(**values))


def _set(tx: Tx, key: str, target: str, **values: object) -> None:
    tx.connection.execute(update(handovers).where(handovers.c.filing == key, handovers.c.target == target).values(**values))


def _set_mine(tx: Tx, one: Due, **values: object) -> None:
    """Only while nobody else began it since."""
    tx.connection.execute(update(handovers).where(
        handovers.c.filing == one.filing, handovers.c.target == one.target, handovers.c.attempts == one.attempts + 1,
    ).values(**values))


def handed(conn: Connection, viewer: Viewer, *, open_only: bool = True, limit: int = 200) -> tuple[Handed, ...]:
    """What is handed over, the newest first; `open_only`: without what is finished."""
    wanted = select(
        filings.c.document, filings.c.title, handovers.c.target, handovers.c.state, handovers.c.why, handovers.c.not_before,
        func.coalesce(receipts.c.reference, "").label("reference"),
    ).join(filings, filings.c.key == handovers.c.filing).join(documents, documents.c.id == filings.c.document).outerjoin(
        receipts, and_(receipts.c.filing == handovers.c.filing, receipts.c.store == handovers.c.target,
                       receipts.c.withdrawn_at.is_(None))).where(visible_documents(conn, viewer))
    if open_only:
        wanted = wanted.where(handovers.c.state != "done")
    rows = conn.execute(wanted.order_by(filings.c.at.desc(), filings.c.key, handovers.c.target).limit(limit))
    return tuple(Handed(row.document, row.title, row.target, row.state, row.why, parse_stamp(row.not_before), row.reference)
                 for row in rows)


def known_to(conn: Connection, key: str, target: str) -> Receipt | None:
    """The receipt of a target that holds the filing; None while it does not."""
    return next((receipt for receipt in receipts_of(conn, key) if receipt.store == target), None)
