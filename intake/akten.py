"""What people do with Akten and what lies in them: open, rename, write off (zdA), reopen, move.

Every verb is one step in the caller's transaction, as in `review`, with its journal entry; what the viewer may not see is
refused as what does not exist. Whatever is moved is taken back and filed anew under a new key in one transaction: stores and
hand-over targets hear of both, nothing else has to know what moving is. The first change to an Akte that came by an import
makes it one of ours: no later import of the register overwrites it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from intake.config import Tenant
from intake.db import documents as schriftstuecke
from intake.db.access import see_document, see_file, visible_entries
from intake.db.akten import (
    add_case,
    add_file,
    cases_of,
    file_by_reference,
    get_case,
    hold_file,
    opening_day,
    update_case,
    update_file,
)
from intake.db.core import Tx
from intake.db.documents import add_decision, documents_of, get_document
from intake.db.filings import (
    add_filing,
    filing_of_document,
    filings_in,
    pdfa_reason,
    remirror,
    undo_filing,
    waiting_for_file,
)
from intake.db.forecasts import judge, unjudge
from intake.db.plan import entry_by_notation, get_entry
from intake.db.splices import lock_delivery
from intake.errors import Refused, Stale
from intake.filing import LONGEST_REFERENCE, LONGEST_TITLE, WITH, filing_key, new_case_reference, new_reference, place_of
from intake.journal import record
from intake.keys import reference_key
from intake.sheets import actor, hold, note
from intake.vocabulary import AktenplanEntry, Case, Decision, Document, DocumentState, File, Filing, Viewer

PLACE = ("entry", "file", "case", "file_title", "case_title", "new_file", WITH)
"""Fields of a decision that say where a document lies."""


# ---- open and rename -------------------------------------------------------------------------------------------------


def open_file(tx: Tx, tenant: Tenant, viewer: Viewer, by: str, entry: str, title: str, *, reference: str = "",
              office: str = "", parcel: str = "", address: str = "") -> File:
    """Open an Akte under `entry` (id or Kennzeichen); without `reference` it takes the next Aktenzeichen.

    Raises Refused: no such entry for the viewer, no title, the Aktenzeichen is taken.
    """
    unit = _entry(tx, viewer, entry)
    if unit.id not in visible_entries(tx.connection, viewer):
        raise Refused(_no_entry(entry))
    named = " ".join(reference.split())
    if named and (len(named) > LONGEST_REFERENCE or not reference_key(named)
                  or file_by_reference(tx.connection, viewer.tenant, named) is not None):
        raise Refused(f"Das Aktenzeichen „{named[:80]}“ ist vergeben oder keines. Wählen Sie ein anderes, oder lassen Sie das "
                      "Feld leer: dann bekommt die Akte die nächste Nummer.")
    made = add_file(tx, viewer.tenant, File(
        "", named or new_reference(tx, tenant, unit), _title(title), unit.id, office=office.strip() or unit.unit,
        parcel=parcel.strip(), address=address.strip()), _today(tx))
    record(tx, viewer.tenant, actor(by), "file.opened", subjects={"file": made.id},
           new={"reference": made.reference, "entry": unit.id, "title": made.title})
    return made


def open_case(tx: Tx, viewer: Viewer, by: str, file: str, title: str) -> Case:
    """Open a Vorgang with the next number in an Akte that is not written off."""
    akte = _open(_hold(tx, viewer, file))
    made = add_case(tx, viewer.tenant, Case("", akte.id, new_case_reference(tx, viewer.tenant, akte.id), _title(title)))
    record(tx, viewer.tenant, actor(by), "case.opened", subjects={"file": akte.id, "case": made.id},
           new={"reference": made.reference, "title": made.title})
    return made


def rename_file(tx: Tx, viewer: Viewer, by: str, file: str, title: str) -> File:
    """Give an Akte another title; Aktenzeichen and folder stay."""
    akte = _hold(tx, viewer, file)
    renamed = update_file(tx, viewer.tenant, replace(akte, title=_title(title), origin="ours"))
    remirror(tx, akte.id)
    record(tx, viewer.tenant, actor(by), "file.renamed", subjects={"file": akte.id}, old={"title": akte.title},
           new={"title": renamed.title})
    return renamed


def rename_case(tx: Tx, viewer: Viewer, by: str, file: str, case: str, title: str) -> Case:
    """Give a Vorgang another title."""
    akte = _hold(tx, viewer, file)
    found = _case(tx, akte, viewer.tenant, case)
    renamed = update_case(tx, viewer.tenant, replace(found, title=_title(title), origin="ours"))
    record(tx, viewer.tenant, actor(by), "case.renamed", subjects={"file": akte.id, "case": found.id},
           old={"title": found.title}, new={"title": renamed.title})
    return renamed


# ---- zu den Akten ----------------------------------------------------------------------------------------------------


def close_file(tx: Tx, viewer: Viewer, by: str, file: str, on: date | None = None) -> File:
    """Write an Akte off (zdA) on the day `on`, by default today, and with it its open Vorgänge; nothing can be filed there then.

    The retention period begins with the year after. Raises Stale when it is closed already; Refused for a day before it was
    opened or to come, or while a document is being filed there.
    """
    akte, day = _hold(tx, viewer, file), on or _today(tx)
    if akte.closed_on is not None:
        raise Stale(f"Die Akte {akte.reference} ist schon seit {akte.closed_on:%d.%m.%Y} zdA. Laden Sie die Ansicht neu.")
    _check_day(day, _today(tx), opening_day(tx.connection, akte.id))
    if waiting_for_file(tx.connection, viewer.tenant, akte.id):
        raise Refused(f"In die Akte {akte.reference} wird gerade noch ein Schriftstück abgelegt. Warten Sie einen Augenblick, "
                      "oder holen Sie dessen Freigabe zurück.")
    closed = update_file(tx, viewer.tenant, replace(akte, closed_on=day, origin="ours"))
    for case in cases_of(tx.connection, viewer.tenant, akte.id):
        if case.closed_on is None:
            _close_case(tx, viewer.tenant, by, case, day)
    remirror(tx, akte.id)
    record(tx, viewer.tenant, actor(by), "file.closed", subjects={"file": akte.id}, old={"closed_on": None},
           new={"closed_on": day.isoformat()})
    return closed


def reopen_file(tx: Tx, viewer: Viewer, by: str, file: str) -> File:
    """Take the zdA of an Akte back; its Vorgänge stay closed. Raises Stale when it is open."""
    akte = _hold(tx, viewer, file)
    if akte.closed_on is None:
        raise Stale(f"Die Akte {akte.reference} ist offen. Laden Sie die Ansicht neu.")
    reopened = update_file(tx, viewer.tenant, replace(akte, closed_on=None, origin="ours"))
    remirror(tx, akte.id)
    record(tx, viewer.tenant, actor(by), "file.reopened", subjects={"file": akte.id},
           old={"closed_on": akte.closed_on.isoformat()}, new={"closed_on": None})
    return reopened


def close_case(tx: Tx, viewer: Viewer, by: str, file: str, case: str, on: date | None = None) -> Case:
    """Close a Vorgang; the Akte stays open. Raises Stale when it is closed already."""
    akte, day = _open(_hold(tx, viewer, file)), on or _today(tx)
    found = _case(tx, akte, viewer.tenant, case)
    if found.closed_on is not None:
        raise Stale(f"Der Vorgang {found.reference} ist schon abgeschlossen. Laden Sie die Ansicht neu.")
    _check_day(day, _today(tx), None)
    return _close_case(tx, viewer.tenant, by, found, day)


def reopen_case(tx: Tx, viewer: Viewer, by: str, file: str, case: str) -> Case:
    """Open a closed Vorgang of an open Akte again. Raises Stale when it is open."""
    akte = _open(_hold(tx, viewer, file))
    found = _case(tx, akte, viewer.tenant, case)
    if found.closed_on is None:
        raise Stale(f"Der Vorgang {found.reference} ist offen. Laden Sie die Ansicht neu.")
    reopened = update_case(tx, viewer.tenant, replace(found, closed_on=None, origin="ours"))
    record(tx, viewer.tenant, actor(by), "case.reopened", subjects={"file": akte.id, "case": found.id},
           old={"closed_on": found.closed_on.isoformat()}, new={"closed_on": None})
    return reopened


def _close_case(tx: Tx, tenant: str, by: str, case: Case, day: date) -> Case:
    closed = update_case(tx, tenant, replace(case, closed_on=day, origin="ours"))
    record(tx, tenant, actor(by), "case.closed", subjects={"file": case.file, "case": case.id}, old={"closed_on": None},
           new={"closed_on": day.isoformat()})
    return closed


# ---- move ------------------------------------------------------------------------------------------------------------


def move_document(tx: Tx, tenant: Tenant, viewer: Viewer, document_id: str, revision: int, by: str,
                  where: Mapping[str, str]) -> int:
    """Move a filed document, with the Anlagen that share its Akte, to another place; its new revision.

    `where` has `file` (id or Aktenzeichen) with or without `case`, or `entry` (id or Kennzeichen) for a new Akte, named
    `file_title`. What decided before is over; what the machine foretold is judged by the new place. Raises Stale and Refused.
    """
    see_document(tx.connection, viewer, document_id)
    document = hold(tx, document_id, revision, (DocumentState.FILED,))
    old = _filing(tx, document)
    if where.get("file"):
        see_file(tx.connection, viewer, where["file"])
    new = _destination(tx, tenant, viewer, by, old, where)
    if (new.file.id, new.case) == (old.file.id, old.case):
        raise Refused(f"Das Schriftstück liegt schon in der Akte {old.file.reference}. Wählen Sie eine andere.")
    values = {name: value for name, value in old.values.items() if name not in PLACE} | {
        "entry": new.entry.id, "file": new.file.id, **({"case": new.case.id} if new.case else {})}
    moved = _refile(tx, by, document, old, replace(new, values=values))
    unjudge(tx, document.id)
    judge(tx, document.id, values)
    for annex in documents_of(tx.connection, document.delivery):
        if annex.parent == document.id and annex.state is DocumentState.FILED:
            lying = _filing(tx, annex)
            if lying.values.get(WITH) == document.id:
                _refile(tx, by, annex, lying, replace(new, values=lying.values))
    return moved.revision


def _destination(tx: Tx, tenant: Tenant, viewer: Viewer, by: str, old: Filing, where: Mapping[str, str]) -> Filing:
    """The filing as it would be in its new place; an Akte that is not there yet is opened."""
    if where.get("file"):
        hold_file(tx, viewer.tenant, see_file(tx.connection, viewer, where["file"]).id)
    asked = {name: value for name, value in where.items() if name in ("entry", "file", "case") and value.strip()}
    place = place_of(tx.connection, viewer.tenant, asked, _today(tx))
    file = place.file
    if file is None:
        file = add_file(tx, viewer.tenant, File("", new_reference(tx, tenant, place.entry), _title(
            where.get("file_title", "") or old.title), place.entry.id), _today(tx))
        record(tx, viewer.tenant, actor(by), "file.opened", subjects={"file": file.id, "document": old.document},
               new={"reference": file.reference, "entry": place.entry.id, "title": file.title})
    return replace(old, entry=place.entry, file=file, case=place.case)


def move_file(tx: Tx, tenant: Tenant, viewer: Viewer, by: str, file: str, entry: str, *, renumber: bool = False) -> File:
    """Move a whole Akte, with all that lies in it, to another entry (id or Kennzeichen); the Akte as it is then.

    It keeps its Aktenzeichen, or takes the next one there (`renumber`); the old one is kept in `former`. Raises Stale when
    something was filed there or taken out meanwhile, Refused for an unknown entry or the one it lies under.
    """
    akte, unit = see_file(tx.connection, viewer, file), _entry(tx, viewer, entry)
    lying = filings_in(tx.connection, viewer.tenant, akte.id)
    for delivery in sorted({delivery for _, delivery in lying}):
        lock_delivery(tx, delivery)
    akte = _hold(tx, viewer, file)
    if filings_in(tx.connection, viewer.tenant, akte.id) != lying:
        raise Stale(f"In der Akte {akte.reference} wurde inzwischen abgelegt oder zurückgenommen. Versuchen Sie es noch einmal.")
    if akte.entry == unit.id:
        raise Refused(f"Die Akte {akte.reference} liegt schon unter {unit.notation} „{unit.title}“. Wählen Sie einen anderen "
                      "Aktenplaneintrag.")
    moved = replace(akte, entry=unit.id, origin="ours")
    if renumber:
        moved = replace(moved, reference=new_reference(tx, tenant, unit), former=(*akte.former, akte.reference))
    update_file(tx, viewer.tenant, moved)
    record(tx, viewer.tenant, actor(by), "file.moved", subjects={"file": akte.id},
           old={"entry": akte.entry, "reference": akte.reference}, new={"entry": unit.id, "reference": moved.reference})
    for name, _ in lying:
        document = get_document(tx.connection, name)
        old = _filing(tx, document)
        values = old.values if WITH in old.values else {**old.values, "entry": unit.id, "file": akte.id}
        _refile(tx, by, document, old, replace(old, entry=unit, file=moved, values=values))
    return moved


def _refile(tx: Tx, by: str, document: Document, old: Filing, new: Filing) -> Document:
    """Take the filing back and file the same bytes as `new` says, decided by `by`; the document at its new revision."""
    moved = schriftstuecke.move_document(tx, document, DocumentState.FILED)
    decision = Decision(document.id, new.values, actor(by), tx.now, moved.revision)
    add_decision(tx, document.tenant, decision)
    reason = pdfa_reason(tx.connection, old.key)
    undo_filing(tx, document.id)
    key = filing_key(decision)
    add_filing(tx, replace(new, key=key, document=document.id, title=old.title, pdf=old.pdf, originals=old.originals,
                           pdfa=old.pdfa, pages=old.pages, received_at=old.received_at), reason)
    places = [{"entry": one.entry.id, "file": one.file.id, "reference": one.file.reference,
               "case": one.case.id if one.case else None, "filing": name} for one, name in ((old, old.key), (new, key))]
    note(tx, by, "document.moved", moved, old=places[0], new=places[1],
         also={"file": new.file.id, "former_file": old.file.id, "filing": key, "former_filing": old.key})
    return moved


# ---- help ------------------------------------------------------------------------------------------------------------


def _filing(tx: Tx, document: Document) -> Filing:
    found = filing_of_document(tx.connection, document.id)
    assert found is not None  # that is what FILED means
    return found


def _hold(tx: Tx, viewer: Viewer, name: str) -> File:
    """The Akte as it is now, held until the transaction ends; Refused when there is none for the viewer."""
    hold_file(tx, viewer.tenant, see_file(tx.connection, viewer, name).id, alone=True)
    return see_file(tx.connection, viewer, name)


def _open(akte: File) -> File:
    if akte.closed_on is not None:
        raise Refused(f"Die Akte {akte.reference} ist seit {akte.closed_on:%d.%m.%Y} zdA. Nehmen Sie zuerst die zdA zurück.")
    return akte


def _case(tx: Tx, akte: File, tenant: str, name: str) -> Case:
    wanted = reference_key(name)
    found = get_case(tx.connection, tenant, name) or next(
        (one for one in cases_of(tx.connection, tenant, akte.id) if reference_key(one.reference) == wanted), None)
    if found is None or found.file != akte.id:
        raise Refused(f"Den Vorgang „{name}“ gibt es in der Akte {akte.reference} nicht. Wählen Sie einen vorhandenen.")
    return found


def _entry(tx: Tx, viewer: Viewer, name: str) -> AktenplanEntry:
    on = _today(tx)
    found = get_entry(tx.connection, viewer.tenant, name) or entry_by_notation(tx.connection, viewer.tenant, name, on)
    if found is None or (found.valid_to is not None and found.valid_to < on):
        raise Refused(_no_entry(name))
    return found


def _no_entry(name: str) -> str:
    return f"Den Aktenplaneintrag „{name}“ gibt es nicht (mehr). Suchen Sie mit Nummer oder Stichwort."


def _title(text: str) -> str:
    plain = " ".join(text.split())
    if not plain:
        raise Refused("Es fehlt der Titel. Schreiben Sie in wenigen Worten, worum es geht.")
    return plain[:LONGEST_TITLE]


def _check_day(day: date, today: date, opened: date | None) -> None:
    if day > today:
        raise Refused(f"Der {day:%d.%m.%Y} kommt erst noch. Geben Sie einen vergangenen Tag oder heute an.")
    if opened is not None and day < opened:
        raise Refused(f"Die Akte wurde erst am {opened:%d.%m.%Y} angelegt. Geben Sie einen späteren Tag an.")


def _today(tx: Tx) -> date:
    return tx.now.astimezone().date()
