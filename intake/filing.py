"""From a decision to a filing: which Akte and Vorgang, which number, which title; then the stores and their receipts.

Order (nothing lost, nothing twice): the rendition is a durable blob -> one transaction takes the number, opens the Akte,
writes the filing row and moves the document to FILED -> the stores are given the filing -> their receipts are noted.
Killed before the transaction: the step runs again, no number was used. Killed after it: the row has no `settled_at`, and
`deliver` is called again for whatever `filings_without_receipt` lists; the key of a filing is the document and the
revision of its decision, so a store that has it already only answers again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection

from intake import keys
from intake.blobs import Blobs
from intake.config import Tenant
from intake.db.akten import add_case, add_file, cases_of, file_by_reference, get_case, get_file, hold_file
from intake.db.core import Database, Tx
from intake.db.deliveries import next_counter
from intake.db.documents import ledger
from intake.db.filings import (
    add_filing,
    add_receipt,
    empty_file_of,
    filing_of_document,
    get_filing,
    hold_document,
    is_undone,
    note_withdrawn,
    receipts_of,
    settle_filing,
    unsettle_filing,
)
from intake.db.handovers import Terms
from intake.db.handovers import plan as plan_handovers
from intake.db.plan import entry_by_notation, get_entry
from intake.errors import ConfigError, Refused, ServiceError
from intake.journal import record
from intake.protocols import Store
from intake.vocabulary import AktenplanEntry, Blob, Case, Decision, Delivery, Document, File, Filing, Receipt

ACTOR = "service:filing"
WITH = "with"  # value of a decision: the id of the document whose Akte this Anlage shares
LONGEST_REFERENCE = 140
LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where a decision puts a document; without `file` a new Akte is opened under `entry`."""

    entry: AktenplanEntry
    file: File | None = None
    case: Case | None = None


def place_of(conn: Connection, tenant: str, values: Mapping[str, str], on: date) -> Place:
    """The place that `entry` (id or Kennzeichen), `file` (id or Aktenzeichen) and `case` (id or reference) name.

    Raises Refused (German, for the clerk): nothing named, not known, closed on the day `on`, or contradicting each other.
    """
    file = _file_of(conn, tenant, values.get("file", ""))
    entry = _entry_of(conn, tenant, values.get("entry", ""), on)
    if file is None and entry is None:
        raise Refused("Es fehlt der Aktenplaneintrag oder die Akte. Wählen Sie eines von beiden.")
    if file is None and values.get("case"):
        raise Refused("Ein Vorgang ist nur in einer vorhandenen Akte zu finden. Wählen Sie zuerst die Akte.")
    if file is None:
        assert entry is not None
        return Place(entry)
    own = get_entry(conn, tenant, file.entry)
    assert own is not None  # entries are closed, never deleted
    if entry is not None and entry.id != own.id:
        raise Refused(f"Die Akte {file.reference} gehört zu {own.notation} „{own.title}“, gewählt ist aber {entry.notation} "
                      f"„{entry.title}“. Ändern Sie eines von beiden.")
    return Place(own, file, _case_of(conn, tenant, file, values.get("case", "")))


def _file_of(conn: Connection, tenant: str, value: str) -> File | None:
    if not value.strip():
        return None
    file = get_file(conn, tenant, value) or file_by_reference(conn, tenant, value)
    if file is None:
        raise Refused(no_such_file(value))
    if file.closed_on is not None:
        raise Refused(f"Die Akte {file.reference} ist seit {file.closed_on:%d.%m.%Y} zu den Akten geschrieben (zdA). "
                      "Wählen Sie eine andere.")
    return file


def no_such_file(name: str) -> str:
    """What is said of an Akte that there is not (for whoever asks)."""
    return (f"Die Akte „{name}“ gibt es nicht. Wählen Sie eine vorhandene; lassen Sie das Feld leer, "
            "dann wird unter dem Aktenplaneintrag eine neue angelegt.")


def _entry_of(conn: Connection, tenant: str, value: str, on: date) -> AktenplanEntry | None:
    if not value.strip():
        return None
    entry = get_entry(conn, tenant, value) or entry_by_notation(conn, tenant, value, on)
    if entry is None or (entry.valid_to is not None and entry.valid_to < on):
        raise Refused(f"Den Aktenplaneintrag „{value}“ gibt es nicht (mehr). Suchen Sie mit Nummer oder Stichwort.")
    return entry


def _case_of(conn: Connection, tenant: str, file: File, value: str) -> Case | None:
    if not value.strip():
        return None
    wanted = keys.reference_key(value)
    case = get_case(conn, tenant, value) or next(
        (case for case in cases_of(conn, tenant, file.id) if keys.reference_key(case.reference) == wanted), None)
    if case is None or case.file != file.id:
        raise Refused(f"Den Vorgang „{value}“ gibt es in der Akte {file.reference} nicht. Wählen Sie einen vorhandenen "
                      "oder keinen.")
    if case.closed_on is not None:
        raise Refused(f"Der Vorgang {case.reference} ist seit {case.closed_on:%d.%m.%Y} abgeschlossen. Wählen Sie einen anderen.")
    return case


def filing_key(decision: Decision) -> str:
    """64 hex digits, the same for the same decision: document and revision (no two decisions share both)."""
    return hashlib.sha256(f"filing:{decision.document}:{decision.revision}".encode()).hexdigest()


def title_of(values: Mapping[str, str], delivery: Delivery) -> str:
    """The title of a filing, at most 300 characters: as decided, else kind and sender, else the mail's subject or the file."""
    kind_and_sender = ", ".join(part for part in (values.get("kind", ""), values.get("sender_name", "")) if part.strip())
    for text in (values.get("title", ""), values.get("subject", ""), kind_and_sender, delivery.envelope.subject or "",
                 delivery.original.name.rsplit(".", 1)[0]):
        plain = " ".join(text.split())
        if plain:
            return plain[:LONGEST_TITLE]
    return "Schriftstück ohne Titel"


def record_filing(tx: Tx, tenant: Tenant, delivery: Delivery, document: Document, decision: Decision, *, pdf: Blob,
                  pdfa: Literal["2b", "3b", "none"], reason: str = "", originals: Sequence[Blob] = (),
                  note: Blob | None = None) -> str:
    """Write the filing row (opening Akte and Vorgang where needed) and return its key; the caller moves the document.

    An original is filed beside the PDF only when all its pages belong to this document: a stack with other people's
    letters stays in the blob store. `note`, its Transfervermerk, is always filed beside it. Raises Stale, Refused (the place
    is gone or closed: a person must decide again), ServiceError (an Anlage whose main document is not filed yet), ConfigError
    (template of the Aktenzeichen).
    """
    hold_document(tx, document)
    title = title_of(decision.values, delivery)
    entry, file, case = _settle_place(tx, tenant, document, decision, title)
    filing = Filing(
        key=filing_key(decision), tenant=document.tenant, document=document.id, entry=entry, file=file, case=case,
        title=title, values=decision.values, received_at=delivery.received_at, pdf=pdf,
        originals=(*(originals if _has_its_parts_alone(tx, document) else ()), *([note] if note else [])),
        pdfa=pdfa, pages=len(document.pages))
    add_filing(tx, filing, reason)
    return filing.key


def _settle_place(tx: Tx, tenant: Tenant, document: Document, decision: Decision,
                  title: str) -> tuple[AktenplanEntry, File, Case | None]:
    """Entry, Akte and Vorgang of the decision; what is new is opened in this transaction."""
    values = dict(decision.values)
    if values.get("file"):
        hold_file(tx, document.tenant, values["file"])  # it is not closed or moved while we file
        values.pop("entry", None)  # it was right when it was decided; the whole Akte may have been moved since
    if values.get(WITH):
        main = filing_of_document(tx.connection, values[WITH])
        if main is not None:
            hold_file(tx, document.tenant, main.file.id)
            main = filing_of_document(tx.connection, values[WITH])  # it may have been moved or taken back meanwhile
        if main is None:
            raise ServiceError("Die Anlage wartet, bis ihr Hauptschriftstück abgelegt ist; es geht von selbst weiter.")
        return main.entry, main.file, main.case
    place = place_of(tx.connection, document.tenant, values, tx.now.astimezone().date())
    file = place.file or empty_file_of(tx.connection, document.id, place.entry.id) or _open_file(
        tx, tenant, document, place.entry, values.get("file_title", "") or title)
    case = place.case
    if case is None and values.get("case_title"):
        case = _open_of_title(tx, document, file, values["case_title"]) or _open_case(tx, document, file, values["case_title"])
    return place.entry, file, case


def _open_file(tx: Tx, tenant: Tenant, document: Document, entry: AktenplanEntry, title: str) -> File:
    new = File("", new_reference(tx, tenant, entry), title[:LONGEST_TITLE], entry.id, office=entry.unit)
    file = add_file(tx, tenant.name, new, tx.now.astimezone().date())
    record(tx, tenant.name, ACTOR, "file.opened", subjects={"document": document.id, "file": file.id},
           new={"reference": file.reference, "entry": entry.id})
    return file


def _open_of_title(tx: Tx, document: Document, file: File, title: str) -> Case | None:
    """The open Vorgang of this title in the Akte: the second document of a new Vorgang lies with the first."""
    wanted = keys.fold(" ".join(title.split()))
    return next((case for case in cases_of(tx.connection, document.tenant, file.id)
                 if case.closed_on is None and keys.fold(case.title) == wanted), None)


def _open_case(tx: Tx, document: Document, file: File, title: str) -> Case:
    reference = new_case_reference(tx, document.tenant, file.id)
    case = add_case(tx, document.tenant, Case("", file.id, reference, title[:LONGEST_TITLE]))
    record(tx, document.tenant, ACTOR, "case.opened", subjects={"document": document.id, "file": file.id, "case": case.id},
           new={"reference": case.reference})
    return case


def new_case_reference(tx: Tx, tenant: str, file: str) -> str:
    """The next number of a Vorgang in the Akte ("001"); a number that is there already is passed over."""
    taken = {keys.reference_key(case.reference) for case in cases_of(tx.connection, tenant, file)}
    while (reference := f"{next_counter(tx, tenant, f'case/{file}'):03d}") in taken:
        pass
    return reference


def new_reference(tx: Tx, tenant: Tenant, entry: AktenplanEntry) -> str:
    """The next Aktenzeichen by the tenant's template, of this (local) year; the counter rolls back with the transaction.

    Numbers run without gaps in each series, that is: in all references that differ in nothing but the number. A number
    that an imported Akte bears already is passed over. Raises ConfigError for a template that cannot be filled.
    """
    year = tx.now.astimezone().year
    series = _fill(tenant, entry, 0, year)
    while True:
        reference = _fill(tenant, entry, next_counter(tx, tenant.name, f"reference/{series}"), year)
        if file_by_reference(tx.connection, tenant.name, reference) is None:
            return reference


def preview(tenant: Tenant, entry: AktenplanEntry, year: int) -> str:
    """The form of a new Aktenzeichen under `entry` with `#` for the number, which only filing gives. Raises ConfigError."""
    return _fill(tenant, entry, _Open(), year)


class _Open(int):
    """A number not given yet: shown as many signs as it will have digits."""

    def __format__(self, spec: str) -> str:
        return "#" * len(format(0, spec))


def _fill(tenant: Tenant, entry: AktenplanEntry, number: int, year: int) -> str:
    template = tenant.reference_template
    if "{number" not in template:
        raise ConfigError(f"In reference_template von {tenant.name} fehlt {{number}}: {template}. Ergänzen Sie es in "
                          "poststelle.toml.")
    try:
        unit = tenant.unit_signs.get(entry.unit, entry.unit)
        text = template.format(unit=unit, notation=entry.notation, number=number, year=year)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ConfigError(f"reference_template von {tenant.name} ist nicht zu füllen ({error}): {template}. Erlaubt sind unit, "
                          "notation, number und year; bessern Sie die Zeile in poststelle.toml aus.") from error
    reference = " ".join(text.split()).strip(" /-.")
    if len(reference) > LONGEST_REFERENCE:
        raise ConfigError(f"Das Aktenzeichen {reference[:40]}… wird länger als {LONGEST_REFERENCE} Zeichen. Kürzen Sie "
                          f"reference_template von {tenant.name} in poststelle.toml.")
    return reference


def _has_its_parts_alone(tx: Tx, document: Document) -> bool:
    """True when no other document has a page of the parts this document's pages come from."""
    own = {ref.part for ref in document.pages}
    return all(owner in (document.id, None) for ref, owner, _ in ledger(tx.connection, document.delivery) if ref.part in own)


def deliver(db: Database, tenant: str, key: str, stores: Sequence[Store], blobs: Blobs,
            targets: Mapping[str, Terms] = MappingProxyType({})) -> None:
    """Give the filing to every store without a receipt, or, when it was undone, take it back from all; note what they say.

    Then the systems in `targets` are to be told of it on their terms (`db.handovers.plan`).

    May run twice and twice at once. Raises what a store raises (ServiceError: later); what went well before stays noted.
    """
    with db.read() as conn:
        filing, undone = get_filing(conn, key), is_undone(conn, key)
        holding = {receipt.store for receipt in receipts_of(conn, key)}
    names = {store.name for store in stores}
    for store in stores:
        if undone:
            store.withdraw(filing)
        elif store.name in holding:
            continue
        else:
            receipt = store.file(filing, blobs.open)
        with db.transaction() as tx:
            if undone:
                note_withdrawn(tx, key, store.name)
            else:
                add_receipt(tx, tenant, key, receipt)
            record(tx, tenant, f"store:{store.name}", "filing.withdrawn" if undone else "filing.stored",
                   subjects={"document": filing.document, "filing": key})
    with db.transaction() as tx:
        if not settle_filing(tx, key, names, undone=undone):
            unsettle_filing(tx, key)  # undone while we stored it: the next turn takes it back
        plan_handovers(tx, key, targets)


def rebuild(db: Database, filing: Filing, store: Store, blobs: Blobs) -> Receipt:
    """Give a filing to a store once more (its mirror was deleted or spoilt); its receipt, noted anew when it changed."""
    receipt = store.file(filing, blobs.open)
    with db.read() as conn:
        known = receipt in receipts_of(conn, filing.key)
    if not known:
        with db.transaction() as tx:
            add_receipt(tx, filing.tenant, filing.key, receipt)
    return receipt
