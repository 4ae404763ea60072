"""Everything one screen of the desk shows of a document, read in one go. Reads and arranges; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from intake.aktenplan import search
from intake.db.access import may_see_delivery, see_document, seen_decision, seen_files, seen_proposals
from intake.db.akten import cases_of
from intake.db.core import utcnow
from intake.db.cuts import cut_of
from intake.db.deliveries import get_delivery, parts_of
from intake.db.desk import Neighbours, neighbours, opened_by, page_count, seen_beside, titles_of, why_of
from intake.db.documents import ledger, live_decision, proposals_of
from intake.db.efile import list_files
from intake.db.forecasts import PLACE, blind
from intake.db.incoming import Notice, notices_of
from intake.db.lists import TO_CHECK
from intake.db.plan import get_entries, open_entries
from intake.db.problems import problem_of
from intake.propose import first_choice
from intake.vocabulary import (
    AktenplanEntry,
    Case,
    Cut,
    Decision,
    Delivery,
    Document,
    DocumentState,
    File,
    PageRef,
    PageState,
    Part,
    Problem,
    Proposal,
    Viewer,
)
from intake.web import fields
from intake.web.fields import Candidate, Field

NEW = "neu"
"""Value of the choice of an Akte: open a new one."""
MOST_FOUND = 8
SIMPLE_STATES = {
    DocumentState.NEW: "wird gelesen", DocumentState.PROPOSED: "wartet auf Prüfung", DocumentState.APPROVED: "freigegeben",
    DocumentState.FILED: "abgelegt", DocumentState.CLARIFY: "in Klärung", DocumentState.SUPERSEDED: "ersetzt",
    DocumentState.REJECTED: "zurückgewiesen"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody typed that is not saved: values by field, the choice of a place, where clicked words stand."""

    values: Mapping[str, str] = field(default_factory=dict)
    entry: str | None = None
    file: str | None = None
    case: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)  # field -> "page x0 y0 x1 y1"
    urgent: bool | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page in the strip of a delivery: `number` from 1 through the whole delivery, `page` its number in its document."""

    number: int
    document: str
    page: int
    here: bool
    starts: bool  # a document begins with it
    loose: str = ""  # "Trennblatt" or "Leerseite", in no document
    part: int = 0
    at: int = 0  # its number in its part


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of the document as the viewer shows it; `turn` is what a clerk turned it by (0, 90, 180, 270)."""

    number: int
    turn: int


@dataclass(frozen=True, slots=True)
class Desk:
    """One document at the desk."""

    document: Document
    delivery: Delivery
    cut: Cut
    why: str
    position: int
    total: int
    strip: tuple[Leaf, ...]
    sheets: tuple[Sheet, ...]
    entries: tuple[Candidate, ...]
    files: tuple[Candidate, ...]
    cases: tuple[Case, ...]
    chosen: Mapping[str, str]  # entry, file, case as they stand in the form
    usual: tuple[Field, ...]
    others: tuple[Field, ...]
    warnings: tuple[str, ...]
    blind: bool
    urgent: bool
    urgent_why: str  # where a rule read that it is; "" when nobody or a person said so
    siblings: tuple[tuple[str, str], ...]  # documents of the delivery it may be an Anlage of: (id, title)
    parent: tuple[str, str] | None
    attached: bool  # whether it has Anlagen itself
    parts: tuple[Part, ...]  # files that came with the message
    around: Neighbours
    ahead: int  # pages of the next document, fetched ahead
    decision: Decision | None
    problem: Problem | None
    holder: tuple[str, datetime] | None
    returned: Notice | None  # an office sent it back, with a note
    whole: bool
    draft: Draft = Draft()

    @property
    def state(self) -> str:
        """The German word of its state."""
        return SIMPLE_STATES[self.document.state]

    @property
    def decided(self) -> tuple[tuple[str, str], ...]:
        """What was decided, in words: the place first, then the values that every letter has."""
        values = self.decision.values if self.decision else {}
        places = {one.value: f"{one.number} {one.title}".strip() for one in (*self.entries, *self.files)}
        named = [(fields.label(name), places.get(values.get(name, ""), "")) for name in ("entry", "file")]
        said = [(fields.label(name), fields.shown(name, values.get(name, ""))) for name in fields.FIRST]
        return tuple((name, value) for name, value in (*named, *said) if value)

    @property
    def decidable(self) -> bool:
        """Whether a clerk can decide it now."""
        return self.document.state in (DocumentState.PROPOSED, DocumentState.CLARIFY)

    @property
    def with_machine(self) -> bool:
        """Whether the machine still has to propose."""
        return self.document.state is DocumentState.NEW

    @property
    def place_doubtful(self) -> bool:
        """Whether the place asks to be looked at: none proposed, unsure, or a blind sample."""
        first = next((one for one in self.entries if one.value == self.chosen["entry"]), None)
        return not self.document.parent and (first is None or first.mark in ("look", "broken"))

    @property
    def file_doubtful(self) -> bool:
        """The same for the Akte: the chosen one is not sure, or none is chosen."""
        first = next((one for one in self.files if one.value == self.chosen["file"]), None)
        return not self.document.parent and (first is None or first.mark in ("look", "broken", "open"))

    @property
    def title(self) -> str:
        found = next((one.shown for one in self.usual if one.name == "title"), "")
        return found or "Schriftstück ohne Betreff"


def desk_of(conn: Connection, viewer: Viewer, id: str, draft: Draft | None = None) -> Desk:
    """The document as the desk shows it to the viewer. Raises Refused when it does not exist for him."""
    document = see_document(conn, viewer, id)
    typed = draft or Draft()
    hidden = bool(blind(conn, [id]))
    proposed = proposals_of(conn, id)
    seen = seen_proposals(conn, viewer, proposed)
    shown = [one for one in seen
             if not hidden or one.field not in PLACE or one.evidence[0].by.startswith("clerk:")]
    best = first_choice(shown)
    files, chosen = _files(conn, viewer, document, shown, typed)
    usual, others = fields.fields_of(shown)
    beside = seen_beside(conn, viewer, document.delivery)
    titles = titles_of(conn, [one.id for one in beside])
    whole = may_see_delivery(conn, viewer, document.delivery, whole=True)
    around = neighbours(conn, viewer, id)
    return Desk(
        document=document, delivery=get_delivery(conn, document.delivery), cut=cut_of(conn, id),
        why="Stichprobe: bitte ohne Vorschlag entscheiden." if hidden else (
            why_of(conn, id) if len(seen) == len(proposed) else TO_CHECK),
        position=next((number for number, one in enumerate(beside, start=1) if one.id == id), 0), total=len(beside),
        strip=_strip(conn, beside, document, whole),
        sheets=sheets_of(document),
        entries=_entries(conn, viewer, shown, chosen["entry"]), files=files, cases=_cases(conn, viewer, chosen["file"]),
        chosen=chosen, usual=fields.typed_over(usual, typed.values), others=fields.typed_over(others, typed.values),
        warnings=tuple(one.value for one in shown if one.field == "warning"), blind=hidden,
        urgent=best.get("urgent") == "ja" if typed.urgent is None else typed.urgent,
        urgent_why=next((fields.reason(one) for one in shown if one.field == "urgent" and one.value == "ja"
                         and not one.evidence[0].by.startswith("clerk:")), ""),
        siblings=tuple((one.id, titles.get(one.id, f"Seiten {len(one.pages)}")) for one in beside
                       if one.id != id and one.parent is None),
        parent=(document.parent, titles.get(document.parent, "Hauptschriftstück")) if document.parent else None,
        attached=any(one.parent == id for one in beside),
        parts=tuple(part for part in parts_of(conn, document.delivery) if part.parent is not None) if whole else (),
        around=around, ahead=page_count(conn, around.after) if around.after else 0,
        decision=seen_decision(conn, viewer, live_decision(conn, id)),
        problem=problem_of(conn, viewer.tenant, "document", id),
        returned=next((one for one in reversed(notices_of(conn, [id]).get(id, ())) if one.kind == "return"), None),
        holder=opened_by(conn, [id], utcnow(), viewer.name).get(id), whole=whole, draft=typed)


def sheets_of(document: Document) -> tuple[Sheet, ...]:
    """The pages of a document as a viewer shows them."""
    return tuple(Sheet(number, ref.rotation) for number, ref in enumerate(document.pages, start=1))


def _strip(conn: Connection, beside: Sequence[Document], here: Document, whole: bool) -> tuple[Leaf, ...]:
    """All pages of the delivery, document by document; separators and blank pages where they lay, for who may see all."""
    leaves: list[Leaf] = []
    loose = [ref for ref, owner, _ in ledger(conn, here.delivery) if owner is None] if whole else []
    for document in beside:
        for number, ref in enumerate(document.pages, start=1):
            while loose and number == 1 and (loose[0].part, loose[0].number) < (ref.part, ref.number):
                leaves.append(_loose(loose.pop(0)))
            leaves.append(Leaf(0, document.id, number, document.id == here.id, number == 1, "", ref.part, ref.number))
    leaves += [_loose(ref) for ref in loose]
    return tuple(replace(leaf, number=number) for number, leaf in enumerate(leaves, start=1))


def _loose(ref: PageRef) -> Leaf:
    return Leaf(0, "", 0, False, False, LOOSE[ref.state], ref.part, ref.number)


LOOSE = {PageState.SEPARATOR: "Trennblatt", PageState.BLANK: "Leerseite", PageState.REPLACED: "durch Nachscan ersetzt",
         PageState.DOUBLE: "doppelt", PageState.ASIDE: "Zettel oder Rückseite eines Nachscans"}
"""What a page is called that lies in no document."""


def _entries(conn: Connection, viewer: Viewer, shown: Sequence[Proposal], chosen: str) -> tuple[Candidate, ...]:
    """The three surest plan entries, and the chosen one where it is none of them."""
    found = [one for one in shown if one.field == "entry"][:fields.CANDIDATES]
    known = get_entries(conn, viewer.tenant, [*(one.value for one in found), chosen])
    made = [_entry(known[one.value], one) for one in found if one.value in known]
    if chosen not in {one.value for one in made} and (entry := known.get(chosen)):
        made.append(Candidate(entry.id, entry.notation, entry.title, "human", 100, "Ihre Wahl, noch nicht gespeichert."))
    return tuple(made)


def _entry(entry: AktenplanEntry, one: Proposal) -> Candidate:
    return Candidate(entry.id, entry.notation, entry.title, fields.mark_of(one), round(100 * one.confidence),
                     fields.reason(one), fields.place_of(one))


def _files(conn: Connection, viewer: Viewer, document: Document, shown: Sequence[Proposal],
           typed: Draft) -> tuple[tuple[Candidate, ...], dict[str, str]]:
    """Candidates for the Akte (last: a new one), and what is chosen: as typed, else as `approve` would take it."""
    best = first_choice(shown)
    found = [one for one in shown if one.field == "file"][:fields.CANDIDATES]
    wanted = [one.value for one in found] + ([typed.file] if typed.file and typed.file != NEW else [])
    known = seen_files(conn, viewer, wanted)
    made = [_file(known[one.value], one) for one in found if one.value in known and known[one.value].closed_on is None]
    file = best.get("file", "") if any(one.value == best.get("file") for one in made) else NEW
    entry = next((one.entry for one in made if one.value == file), best.get("entry", ""))
    if document.parent and not any(one.evidence[0].by.startswith("clerk:") for one in shown if one.field in ("entry", "file")):
        file = entry = ""  # it follows its main document
    chosen = {"entry": typed.entry if typed.entry is not None else entry, "file": typed.file if typed.file is not None else file,
              "case": typed.case if typed.case is not None else best.get("case", "")}
    if chosen["file"] in known and chosen["file"] not in {one.value for one in made}:
        own = known[chosen["file"]]
        made.append(Candidate(own.id, own.reference, own.title, "human", 100, "Ihre Wahl, noch nicht gespeichert.",
                              entry=own.entry))
    new = next((one for one in shown if one.field == "new_file"), None)
    made.append(Candidate(NEW, new.value if new else "", "Neue Akte anlegen", fields.mark_of(new) if new else "open",
                          round(100 * new.confidence) if new else 0,
                          fields.reason(new) if new else "Die Nummer gibt die Ablage."))
    return tuple(made), chosen


def place_chosen(conn: Connection, viewer: Viewer, document: Document, shown: Sequence[Proposal], typed: Draft) -> dict[str, str]:
    """entry, file (or `NEW`) and case as the form shows them: what was typed, else the first choice that can be taken."""
    return _files(conn, viewer, document, shown, typed)[1]


def _file(file: File, one: Proposal) -> Candidate:
    return Candidate(file.id, file.reference, file.title, fields.mark_of(one), round(100 * one.confidence), fields.reason(one),
                     fields.place_of(one), file.entry)


def _cases(conn: Connection, viewer: Viewer, file: str) -> tuple[Case, ...]:
    """The open Vorgänge of the chosen Akte."""
    return tuple(case for case in cases_of(conn, viewer.tenant, file) if case.closed_on is None) if file not in ("", NEW) else ()


def cases_for(conn: Connection, viewer: Viewer, file: str) -> tuple[Case, ...]:
    """The open Vorgänge of an Akte that the viewer may see; () for a new or unknown one."""
    return _cases(conn, viewer, file) if file in seen_files(conn, viewer, [file]) else ()


def entries_found(conn: Connection, viewer: Viewer, words: str) -> tuple[Candidate, ...]:
    """Plan entries by number, title or keyword, best first."""
    found = search(open_entries(conn, viewer.tenant, utcnow().astimezone().date()), words, MOST_FOUND) if words.strip() else ()
    return tuple(Candidate(one.id, one.notation, one.title, "human", 100, ", ".join(one.keywords[:6])) for one in found)


def files_found(conn: Connection, viewer: Viewer, words: str) -> tuple[Candidate, ...]:
    """Open Akten that the viewer may see, by Aktenzeichen, title, parcel or address."""
    if not words.strip():
        return ()
    found = [line.file for line in list_files(conn, viewer, words, closed=False, limit=MOST_FOUND)]
    return tuple(Candidate(one.id, one.reference, one.title, "human", 100, one.address or one.parcel, entry=one.entry)
                 for one in found)
