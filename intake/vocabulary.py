"""The words of the house: all data types, frozen, without logic beyond properties. Imports nothing of ours.

Names follow xdomea where it has one (German term in each docstring). Geometry is of the page *as shown upright*: boxes
are fractions 0..1 from the top left corner of that page, lengths are mm, angles degrees clockwise, probabilities 0..1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen

Fraction = Annotated[float, Ge(0.0), Le(1.0)]
Millimetres = Annotated[float, Gt(0.0), Le(20_000.0)]
Box = tuple[Fraction, Fraction, Fraction, Fraction]
"""x0, y0, x1, y1 as fractions of the upright page, from the top left."""
Sha256 = str
Script = Literal["print", "fraktur", "typewriter", "handwriting", "drawing", "none"]
NOTE_TYPE = "application/vnd.poststelle.transfervermerk+json"
"""Media type of a Transfervermerk: it lies among the originals of a filing, but is made by us."""
WHOLE_PAGE: Box = (0.0, 0.0, 1.0, 1.0)


class DeliveryState(StrEnum):
    """State of a Sendung; RECEIVED is the only one a machine moves."""

    RECEIVED = "RECEIVED"
    OPENED = "OPENED"
    TWIN = "TWIN"
    CLARIFY = "CLARIFY"
    QUARANTINED = "QUARANTINED"
    REJECTED = "REJECTED"


class DocumentState(StrEnum):
    """State of a Schriftstück; NEW and APPROVED are moved by the machine, PROPOSED and CLARIFY wait for a person."""

    NEW = "NEW"
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    FILED = "FILED"
    CLARIFY = "CLARIFY"
    SUPERSEDED = "SUPERSEDED"
    REJECTED = "REJECTED"


class PageState(StrEnum):
    """What became of a page of a delivery (page conservation: exactly one of these, always)."""

    LIVE = "live"
    SEPARATOR = "separator"
    BLANK = "blank"
    REPLACED = "replaced"  # by a rescan; stays viewable
    DOUBLE = "double"  # the same sheet once more, set aside by a person; stays viewable
    ASIDE = "aside"  # of a rescan: its slip, a blank back, a page that lies in another delivery


@dataclass(frozen=True, slots=True)
class Blob:
    """Datei: content-addressed bytes. `name` is the sender's, for display only, never a path."""

    sha256: Sha256
    media_type: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """Umschlag, Kopfzeilen: what the carrier says about a delivery. All optional, nothing trusted."""

    sender: str | None = None
    recipient: str | None = None
    subject: str | None = None
    date: datetime | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One file of several that are one delivery: its name inside it, its size and modification time when it was offered.

    `shared`: it belongs to other deliveries of the folder too (an index of all files).
    """

    name: str
    path: Path
    size: int
    mtime_ns: int
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What a source offers: one file or message that may be taken. `key` is the source's own identity of it.

    `members`: the files that are taken together as this one delivery, the one described by the others first; () for a file
    that is taken alone.
    """

    key: str
    name: str
    path: Path
    profile: str
    problem: str | None = None  # a Reason: cannot be taken now, a person must know
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sendung, Posteingang: one thing that arrived by one door, with its untouched original."""

    id: str
    tenant: str
    key: str
    channel: str
    source: str
    received_at: datetime
    original: Blob
    state: DeliveryState = DeliveryState.RECEIVED
    revision: int = 1
    envelope: Envelope = Envelope()
    twin_of: str | None = None
    access_class: str = "Poststelle"
    lane: Literal["post", "backfile"] = "post"
    batch: str = ""
    position: int = 0
    deaths: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Fact:
    """Angabe in the data of a file itself (an e-invoice, a message's header): our name of it, its plain value, where it stands.

    `value` is plain as in a Proposal (ISO date, decimal with a point), `term` the business term of EN 16931 in the syntax it
    was written in ("cii:BT-112", "ubl:BT-1"; "zf1:" for ZUGFeRD 1.0), or "header:Reply-To", "smime:signature".
    """

    name: str
    value: str
    term: str

    @property
    def of_message(self) -> bool:
        """Whether it belongs to the record of a message (who, by which way, in which thread, signed how)."""
        return self.name.startswith("mail_")

    @property
    def of_carrier(self) -> bool:
        """Whether it is not of the document itself but of what came beside it: a sidecar, an XJustiz message."""
        return self.name == "sidecar" or self.name.startswith("xjustiz_")


@dataclass(frozen=True, slots=True)
class Part:
    """Teil: one file inside a delivery (the scan itself; a mail's body, attachments). An unreadable part is data."""

    delivery: str
    position: int
    parent: int | None
    blob: Blob
    pages: int = 0
    problem: str | None = None  # a Reason
    detail: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """Wort: `text` as shown (repaired), `raw` as recognised ("" = the same), box of the upright page, confidence 0..1.

    `line` and `block` count the printed lines and blocks of the page from 0, in reading order.
    """

    text: str
    box: Box
    confidence: Fraction
    raw: str = ""
    line: int = 0
    block: int = 0


@dataclass(frozen=True, slots=True)
class Separator:
    """Trennmarke on a page: kind `patch-T`, `patch-2`, `patch-3`, `qr`, `code128`, `datamatrix`; payload "" for patches."""

    kind: str
    payload: str
    box: Box = WHOLE_PAGE


@dataclass(frozen=True, slots=True)
class FormField:
    """Formularfeld of a PDF: its full name, what is filled in (lines kept; "" = empty; a box's state such as "Ja"), its place."""

    name: str
    value: str
    box: Box


@dataclass(frozen=True, slots=True)
class Page:
    """Seite, upright. `text` keeps printed lines and hyphens: newline between lines, blank line between blocks.

    `stamps`: boxes around rubber stamps, whose words are blocks of their own; `form`: the form fields a PDF shows here.
    `picture`: what the page looks like from afar, 256 bits in hexadecimal; two scans of one sheet differ in few of them."""

    number: Annotated[int, Ge(1)]
    width_mm: Millimetres
    height_mm: Millimetres
    text: str = ""
    words: tuple[Word, ...] = ()
    rotation: Literal[0, 90, 180, 270] = 0
    skew: float = 0.0
    blank: bool = False
    script: Script = "none"
    quality: Fraction = 1.0
    source: Literal["text-layer", "ocr"] = "ocr"
    separators: tuple[Separator, ...] = ()
    warnings: tuple[str, ...] = ()
    stamps: tuple[Box, ...] = ()
    form: tuple[FormField, ...] = ()
    picture: Annotated[str, MaxLen(64)] = ""

    def plain(self) -> str:
        """The joined form for search and classification: hyphenated line ends closed, lines joined by blanks."""
        closed = re.sub(r"(?<=[a-zäöüß])[-\u00ad\u00ac]\n(?=[a-zäöüß])", "", self.text)
        return re.sub(r"\s+", " ", closed).strip()


@dataclass(frozen=True, slots=True)
class PageRef:
    """A page in the ledger of its delivery: which part, which number in it, and what became of it."""

    part: int
    number: int
    state: PageState = PageState.LIVE
    rotation: int = 0  # added by a clerk, clockwise, on top of what the reader found


@dataclass(frozen=True, slots=True)
class Document:
    """Schriftstück (or Anlage, when `parent` names another): an ordered list of pages of one delivery."""

    id: str
    tenant: str
    delivery: str
    pages: tuple[PageRef, ...]
    parent: str | None = None
    state: DocumentState = DocumentState.NEW
    revision: int = 1
    access_class: str = "Poststelle"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Fundstelle: who says so and where it stands. `page` counts the document's pages from 1, 0 = no page (file name, plan)."""

    by: str  # "rule:stempel@1", "model:aktenplan@3", "clerk:kms"
    page: int = 0
    box: Box | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Vorschlag: a value never travels without its origin; `evidence` is never empty.

    `value` is normalised (ISO dates, plain decimals, IBAN without blanks), `raw` the text as it stood there ("" = the same).
    `checks` say what was compared with what, as "subject:result" ("iban:ok", "parcel:unknown-gemarkung").
    """

    field: str
    value: str
    confidence: Fraction
    evidence: tuple[Evidence, ...]
    raw: str = ""
    checks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"proposal for {self.field} without evidence")


@dataclass(frozen=True, slots=True)
class AktenplanEntry:
    """Aktenplaneinheit. `id` is stable, the notation may change between versions; retention in years, None = for ever."""

    id: str
    notation: str
    title: str
    keywords: tuple[str, ...] = ()
    unit: str = ""
    retention: int | None = None
    disposal: Literal["A", "B", "V"] = "B"
    access_class: str = "allgemein"
    valid_from: date | None = None
    valid_to: date | None = None
    description: str = ""
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """Akte. `reference` is the Aktenzeichen, `former` the ones it had before; `office` and `handler` keep it (Federführung)."""

    id: str
    reference: str
    title: str
    entry: str
    origin: Literal["ours", "imported"] = "ours"
    closed_on: date | None = None
    parcel: str = ""
    address: str = ""
    persons: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    office: str = ""
    handler: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Vorgang inside an Akte."""

    id: str
    file: str
    reference: str
    title: str
    origin: Literal["ours", "imported"] = "ours"
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """What the municipality already knows: a row of a named register (gemarkungen, strassen, kreditoren)."""

    register: str
    key: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """Verfügung: the values under which a document is filed, who decided and when. `by` is "clerk:…" or "rule:…"."""

    document: str
    values: Mapping[str, str]
    by: str
    at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class Filing:
    """Ablage: everything a store needs; `key` makes filing twice harmless."""

    key: str
    tenant: str
    document: str
    entry: AktenplanEntry
    file: File
    case: Case | None
    title: str
    values: Mapping[str, str]
    received_at: datetime
    pdf: Blob
    originals: tuple[Blob, ...]
    pdfa: Literal["2b", "3b", "none"] = "none"
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """Ablagebestätigung of a store."""

    store: str
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """Rückmeldung: what another system said of a document handed to it; `reference` is what it calls the document."""

    accepted: bool
    reference: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One of the closed list of ways to resolve a Klärungsfall."""

    how: str
    title: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Klärungsfall: `title` is a German sentence that says what happened and what to do."""

    id: str
    tenant: str
    subject_kind: Literal["delivery", "document", "part", "source"]
    subject: str
    step: str
    reason: str
    title: str
    detail: str
    resolutions: tuple[str, ...]
    opened_at: datetime
    closed_at: datetime | None = None
    resolution: str | None = None
    access_class: str = "Poststelle"  # of what no delivery became yet: the class of its door


class Role(StrEnum):
    """Rolle at the web desk; what each may do stands with the routes, what it may see in `Viewer`."""

    POSTSTELLE = "poststelle"
    SACHBEARBEITUNG = "sachbearbeitung"
    LEITUNG = "leitung"
    ADMINISTRATION = "administration"
    REVISION = "revision"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Betrachter: who looks at the rows of one tenant. What he may not see does not exist for him, not even as a count.

    `classes`: the access classes he may see; None = all (the machine itself and the operator at the command line).
    `branches`: ids of plan entries; when given, of what is filed he sees only what lies under one of them, or in an Akte of
    one of his `offices`.
    """

    tenant: str
    name: str = "betrieb"
    role: Role = Role.ADMINISTRATION
    classes: frozenset[str] | None = None
    branches: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """What the pure rooms see of one document: its pages as read, the envelope, the profile it came by."""

    pages: tuple[Page, ...]
    envelope: Envelope = Envelope()
    received_on: date | None = None
    name: str = ""
    office: str = ""
    branch: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Whether a document begins on a page: the probability, and why in German words ("neuer Briefkopf", "Seite 1 von 3")."""

    probability: Fraction
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of pages cut into documents: one Start per page as given, and where documents begin after decoding.

    `firsts` are ascending indices into the pages, 0 is always one of them (empty for no pages); `probability` that every cut
    of the stack is right and none is missing, calibrated.
    """

    starts: tuple[Start, ...]
    firsts: tuple[int, ...]
    probability: Fraction
    by: str = "model:boundary@1"


@dataclass(frozen=True, slots=True)
class Said:
    """What a separator sheet says of the documents behind it: `field` is entry (Kennzeichen), file (Aktenzeichen) or kind.

    `page` is the number of the sheet within its part.
    """

    field: Literal["entry", "file", "kind"]
    value: str
    page: int


@dataclass(frozen=True, slots=True)
class Naming:
    """What the sidecars of a door call our fields (names in lower case), and how often their values are right (0..1)."""

    fields: Mapping[str, str] = field(default_factory=dict)
    sure: Fraction = 0.9


@dataclass(frozen=True, slots=True)
class Cut:
    """Schnitt: why a document is made of just these pages. `by` is the rule, model or clerk that cut.

    `probability` that it begins and ends right and nothing is missing in between; `evidence` why it begins where it does, in
    German words; `marks` what to look at (sentences); `doubtful` when a person must; `says` what a sheet in front of it says;
    `case` the Vorgang of an old Akte that it belongs to by the Akte's outline ("" = none).
    """

    by: str
    probability: Fraction = 1.0
    evidence: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    doubtful: bool = False
    says: tuple[Said, ...] = ()
    case: str = ""
