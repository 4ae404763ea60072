"""A small town in which every kind of thing is there once for every class, and the same town without what somebody may not see.

Each thing's texts hold a word of its own ("zqx17"), each id is known: what must not be seen can be looked for anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from intake.access import Lying, Unit, classes_of, sees_document, sees_file, under
from intake.blobs import Blobs
from intake.db.akten import add_case, add_file
from intake.db.core import Database, Tx, new_id
from intake.db.deliveries import add_delivery, add_parts, move_delivery
from intake.db.documents import add_decision, add_document, get_document, move_document, put_proposals
from intake.db.filings import add_filing
from intake.db.indexed import SEARCHED, clear_index, write
from intake.db.lists import TO_CHECK
from intake.db.plan import import_plan
from intake.db.problems import open_problem
from intake.indexing import entry_of
from intake.journal import record
from intake.schema import (
    cases,
    decisions,
    deliveries,
    documents,
    files,
    filings,
    journal,
    journal_subjects,
    pages,
    parts,
    problems,
    proposals,
)
from intake.vocabulary import (
    AktenplanEntry,
    Case,
    Cut,
    Decision,
    Delivery,
    DeliveryState,
    Document,
    DocumentState,
    Envelope,
    Evidence,
    File,
    Filing,
    PageRef,
    Part,
    Problem,
    Proposal,
    Role,
    Viewer,
)

TOWN = "mittelau"
PLAN = (AktenplanEntry("e0", "0", "Verfassung", retention=5), AktenplanEntry("e1", "1", "Personal", access_class="Personal"),
        AktenplanEntry("e11", "11", "Personalakten", retention=5), AktenplanEntry("e6", "6", "Bauen"),
        AktenplanEntry("e61", "61", "Bauvorhaben", access_class="Bau", retention=5))
UNITS = [Unit(one.id, {"e11": "e1", "e61": "e6"}.get(one.id), one.title, one.access_class) for one in PLAN]
CLASSES = classes_of(UNITS)
OWN = ("Poststelle", "Vertraulich")
BEGIN = datetime(2026, 11, 2, 9, tzinfo=UTC)


@dataclass
class Thing:
    """One thing: what it is about, its id, its word, and the document or Akte whose being seen decides."""

    kind: str
    id: str
    word: str
    own: str = "Poststelle"
    lying: Lying | None = None


@dataclass
class Town:
    """All things by id; `count` makes the words."""

    db: Database
    blobs: Blobs
    things: dict[str, Thing] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def word(self) -> str:
        self.count += 1
        return f"zqx{hashlib.sha256(str(self.count).encode()).hexdigest()[:6]}"

    def add(self, kind: str, id: str, word: str, own: str = "Poststelle", lying: Lying | None = None) -> None:
        self.things[id] = Thing(kind, id, word, own, lying)

    def hidden(self, viewer: Viewer) -> list[Thing]:
        """What does not exist for the viewer, by the rule in plain Python."""
        inside = under(UNITS, viewer.branches)
        return [one for one in self.things.values() if not (
            sees_file(viewer, one.lying, CLASSES, inside) if one.kind in ("file", "case") and one.lying
            else sees_document(viewer, one.own, one.lying, CLASSES, inside))]


def viewers() -> Iterator[Viewer]:
    """Every role, with every kind of classes, branches and offices somewhere among them."""
    classes = ((), ("Poststelle",), ("allgemein",), ("Poststelle", "allgemein"), ("Poststelle", "allgemein", "Bau"),
               ("Poststelle", "allgemein", "Personal"), ("Poststelle", "Vertraulich", "allgemein", "Bau", "Personal", "Jugend"))
    limits: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
        ((), ()), (("e6",), ()), ((), ("Bauamt",)), (("e1",), ("Bauamt",)))
    roles = list(Role)
    for at, some in enumerate(classes):
        for nth, (branches, offices) in enumerate(limits):
            yield Viewer(TOWN, "kms", roles[(at + nth) % len(roles)], frozenset(some), branches, offices)


def build(town: Town) -> None:
    """Fill the town."""
    with town.db.transaction() as tx:
        import_plan(tx, TOWN, PLAN)
        akten = [_akte(tx, town, entry, office) for entry, office in (
            ("e0", ""), ("e0", "Ordnungsamt"), ("e11", ""), ("e61", "Bauamt"), ("e61", ""), ("e11", "Bauamt"))]
        for number, (akte, case) in enumerate(akten):
            for own in OWN:
                _document(tx, town, DocumentState.FILED, own, number, akte, case)
        for number, own in enumerate((*OWN, "Jugend", "Poststelle", "Poststelle", "Vertraulich")):
            _document(tx, town, DocumentState.PROPOSED, own, number + 10, names=akten[number][0])
        for number, (state, own) in enumerate((state, own) for own in OWN for state in (
                DocumentState.NEW, DocumentState.APPROVED, DocumentState.REJECTED, DocumentState.CLARIFY)):
            _document(tx, town, state, own, number + 20, akten[number % len(akten)][0])
        for number, own in enumerate((*OWN, "Jugend")):
            _alone(tx, town, own, number + 30)
        index(tx, town.texts)


def _akte(tx: Tx, town: Town, entry: str, office: str) -> tuple[File, Case]:
    word, lying = town.word(), Lying(entry, office)
    akte = add_file(tx, TOWN, File("", f"{entry}/{word}", f"Akte {word}", entry, office=office, parcel=f"Flur {word}",
                                   address=word, closed_on=BEGIN.date().replace(year=2011)), BEGIN.date())
    case = add_case(tx, TOWN, Case("", akte.id, "001", f"Vorgang {word}"))
    record(tx, TOWN, "clerk:kms", "file.opened", subjects={"file": akte.id}, new={"title": word})
    town.add("file", akte.id, word, lying=lying)
    town.add("case", case.id, word, lying=lying)
    return akte, case


def _sent(tx: Tx, town: Town, own: str, number: int, word: str, **more: Any) -> Delivery:
    original = town.blobs.add_bytes(word.encode(), f"{word}.pdf", "application/pdf")
    made = Delivery(new_id(), TOWN, word, "folder", f"tor-{own}", BEGIN + timedelta(hours=number), original, access_class=own,
                    envelope=Envelope(f"{word}@example.org", None, f"Betreff {word}"), batch=f"stapel {own}", **more)
    add_delivery(tx, made)
    add_parts(tx, made.id, TOWN, [Part(made.id, 0, None, made.original, 1)])
    record(tx, TOWN, "service:receive", "delivery.received", subjects={"delivery": made.id}, new={"name": word})
    return made


def _document(tx: Tx, town: Town, state: DocumentState, own: str, number: int, akte: File | None = None,
              case: Case | None = None, names: File | None = None) -> None:
    """A delivery of one document, on its way as far as `state`; `names`: its machine proposes this Akte."""
    word = town.word()
    sent = _sent(tx, town, own, number, word)
    made = Document(new_id(), TOWN, sent.id, (PageRef(0, 1),), access_class=own)
    add_document(tx, made, 0, Cut("rule:test@1"))
    move_delivery(tx, sent, DeliveryState.OPENED)
    filed = state is DocumentState.FILED
    lying = Lying(akte.entry, akte.office) if filed and akte else None
    here = (Evidence("rule:test@1", 1, (0.1, 0.1, 0.2, 0.2), word),)
    found = [Proposal("title", f"Brief {word}", 0.9, here), Proposal("sender_name", f"Frau {word}", 0.9, here),
             Proposal("kind", f"Art {word}", 0.9, here), Proposal("entry", "e0", 0.6, here)]
    why = "Bitte prüfen."
    if names is not None:
        own_word = town.things[names.id].word
        found += [Proposal("file", names.id, 0.5, (Evidence("rule:akte@1", 0, None, own_word),)),
                  Proposal("case_title", f"wie in {own_word}", 0.5, here)]
        why = f"Die Akte {names.reference} gehört zu einer Zugriffsklasse."
    put_proposals(tx, made.id, TOWN, found)
    for step in {DocumentState.NEW: (), DocumentState.PROPOSED: (DocumentState.PROPOSED,),
                 DocumentState.REJECTED: (DocumentState.PROPOSED, DocumentState.REJECTED),
                 DocumentState.CLARIFY: (DocumentState.PROPOSED, DocumentState.CLARIFY),
                 DocumentState.APPROVED: (DocumentState.PROPOSED, DocumentState.APPROVED)}.get(
                     state, (DocumentState.PROPOSED, DocumentState.APPROVED, DocumentState.FILED)):
        made = move_document(tx, made, step, why=why)
    if akte is not None and state in (DocumentState.APPROVED, DocumentState.FILED):
        values = {"entry": akte.entry, "file": akte.id, "title": f"Brief {word}", "kind": f"Art {word}"}
        add_decision(tx, TOWN, Decision(made.id, values, "clerk:kms", tx.now, made.revision))
        if filed:
            entry = next(one for one in PLAN if one.id == akte.entry)
            pdf = town.blobs.add_bytes(f"%PDF-1.7 {word}".encode(), f"{word}.pdf", "application/pdf")
            add_filing(tx, Filing(hashlib.sha256(word.encode()).hexdigest(), TOWN, made.id, entry, akte, case, f"Brief {word}",
                                  values, sent.received_at, pdf, ()))
    if state is DocumentState.CLARIFY:
        _problem(tx, town, "document", made.id, word, own, lying)
    record(tx, TOWN, "clerk:kms", "document.proposed", subjects={"delivery": sent.id, "document": made.id}, new={"title": word})
    town.add("document", made.id, word, own, lying)
    town.add("delivery", sent.id, word, own, lying)
    if state in SEARCHED:
        town.texts[made.id] = f"Sehr geehrte Frau {word}, der Wasserschaden " + "Wasserschaden " * (number % 4)


def _alone(tx: Tx, town: Town, own: str, number: int) -> None:
    """Deliveries without documents: new, in quarantine with its Klärungsfall, a Dublette; what did not come in at all."""
    word = town.word()
    first = _sent(tx, town, own, number, word)
    town.add("delivery", first.id, word, own)
    twin = _sent(tx, town, own, number, town.word(), twin_of=first.id, state=DeliveryState.TWIN)
    town.add("delivery", twin.id, twin.key, own)
    bad = _sent(tx, town, own, number, town.word(), state=DeliveryState.QUARANTINED)
    town.add("delivery", bad.id, bad.key, own)
    _problem(tx, town, "delivery", bad.id, bad.key, own, None)
    _problem(tx, town, "part", f"{bad.id}/0", bad.key, own, None)
    outside = town.word()
    _problem(tx, town, "source", f"tor/{outside}.pdf", outside, own, None)


def _problem(tx: Tx, town: Town, kind: Any, subject: str, word: str, own: str, lying: Lying | None) -> None:
    made = Problem(new_id(), TOWN, kind, subject, "review", "question", f"Zu klären: {word}", f"Genaueres {word}", ("close",),
                   BEGIN, access_class=own)
    open_problem(tx, made)
    record(tx, TOWN, "clerk:kms", "problem.opened", subjects={"problem": made.id}, new={"title": word})
    town.add("problem", made.id, word, own, lying)


def without(town: Town, db: Database, gone: list[Thing]) -> None:
    """Take these things out of `db`, a copy of the town, as if they had never been; the index is made anew."""
    ids = {one.id for one in gone}
    with db.transaction() as tx:
        conn = tx.connection
        clear_index(tx)
        naming = _forget_names(tx, ids)
        conn.execute(update(documents).where(documents.c.id.in_(naming)).values(why=TO_CHECK))
        for column in (proposals.c.document, decisions.c.document, filings.c.document, pages.c.document, pages.c.delivery,
                       problems.c.id, documents.c.id, cases.c.id, files.c.id, parts.c.delivery, deliveries.c.id):
            conn.execute(delete(column.table).where(column.in_(ids)))
        about = conn.execute(select(journal_subjects.c.seq).where(journal_subjects.c.subject.in_(ids))).scalars().all()
        conn.execute(delete(journal).where(journal.c.seq.in_(about)))
        index(tx, {id: text for id, text in town.texts.items() if id not in ids})


def _forget_names(tx: Tx, ids: set[str]) -> set[str]:
    """Proposals and decisions no longer name a gone Akte; the documents that did."""
    naming = set(tx.connection.execute(select(proposals.c.document).where(proposals.c.value.in_(ids))).scalars())
    tx.connection.execute(delete(proposals).where(
        proposals.c.document.in_(naming), proposals.c.field.in_(("file", "case_title"))))
    for row in tx.connection.execute(select(decisions.c.id, decisions.c.document, decisions.c["values"].label("said"))).all():
        if row.said.get("file") in ids:
            tx.connection.execute(update(decisions).where(decisions.c.id == row.id).values(
                values={name: value for name, value in row.said.items() if name != "file"}))
    return naming


def index(tx: Tx, texts: dict[str, str]) -> None:
    """Put documents into the index of the search, each with the text of its page."""
    write(tx, [entry_of(tx.connection, get_document(tx.connection, id), (text,)) for id, text in texts.items()])
