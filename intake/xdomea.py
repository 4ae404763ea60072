"""How a document, a Vorgang, an Akte and a plan are written in xdomea 3.1.0. Pure; `xdomea_messages` makes messages of them.

Only written here: what comes from others is read in the box. The standard's own fields carry what they can carry; what it has
no field for (hashes, our values) stands in an extension, so that every receiver reads the document and ours reads it back whole.
Traps of the schema: `Unbefristet` is a fixed "1", children of a code are unqualified, file names begin with a UUID of their own.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from lxml import etree

from intake import names
from intake.vocabulary import AktenplanEntry, Blob, Case, File, Filing

VERSION = "3.1.0"
NAMESPACE = f"urn:xoev-de:xdomea:schema:{VERSION}"
EXTENSION, EXTENSION_NAME = "urn:poststelle:xdomea:1", "Poststelle"
"""Kennung and Name of our extension; its field `Daten` holds a row of ours as JSON, for ourselves."""
DATA = "Daten"
RENDITION, ORIGINAL, NOTE = "Ablagefassung", "Original", "Transfervermerk"
"""Rolle of a file of a document."""
_OURS = uuid.UUID("6f9c5a2e-7f0b-5c1d-9a53-0a4e1f0c7d31")
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMATS = {
    "application/pdf": "018", "image/tiff": "024", "image/jpeg": "011", "image/png": "019", "image/bmp": "001",
    "message/rfc822": "006", "application/vnd.ms-outlook": "012", "text/plain": "045", "application/xml": "030",
    "text/xml": "030",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "035",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "036", "application/vnd.oasis.opendocument.text": "015",
    "application/vnd.oasis.opendocument.spreadsheet": "014"}
_ARCHIVAL, _OTHER = "044", "100"
Element: TypeAlias = etree._Element


@dataclass(frozen=True, slots=True)
class Paper:
    """One file of a document as it lies in a package: `name` there (begins with a UUID of its own), what it is, its bytes."""

    name: str
    blob: Blob
    role: str
    pdfa: str = "none"


@dataclass(frozen=True, slots=True)
class History:
    """One line of the Protokoll of an object; `name`, `old` and `new` are "" where they are not known."""

    at: datetime
    actor: str
    action: str
    name: str = ""
    old: str = ""
    new: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Dokument:
    """A filing as it is written: its files, its Protokoll, its row for ourselves (`data`), the Anlagen that hang on it."""

    filing: Filing
    files: tuple[Paper, ...]
    history: tuple[History, ...] = ()
    data: Mapping[str, Any] | None = None
    attached: tuple[Dokument, ...] = ()


def uuid_of(identity: str) -> str:
    """The UUID of an id: a ULID's own 128 bits (so that `ulid_of` leads back), of anything else one made from it."""
    if _ULID.fullmatch(identity):
        number = 0
        for sign in identity:
            number = number * 32 + _BASE32.index(sign)
        return str(uuid.UUID(int=number))
    return str(uuid.uuid5(_OURS, identity))


def ulid_of(text: str) -> str:
    """The inverse of `uuid_of` for ULIDs; raises ValueError for what is no UUID."""
    number, signs = uuid.UUID(text).int, ""
    for _ in range(26):
        number, place = divmod(number, 32)
        signs = _BASE32[place] + signs
    return signs


def process_of(key: str, number: int = 1) -> str:
    """The ProzessID of the `number`-th message about a filing: the same for the same, so that a repeat is known as one."""
    return str(uuid.uuid5(_OURS, f"{key}/{number}"))


def papers(filing: Filing, note_type: str = "") -> tuple[Paper, ...]:
    """The files of a filing: its PDF first, then the originals. `note_type` is the media type of a Transfervermerk."""
    def name(role: str, place: int, blob: Blob) -> str:
        own = uuid.uuid5(_OURS, f"{filing.key}/{role}/{place}/{blob.sha256}")
        return f"{own}_{names.segment(role, 40)}.{names.suffix(blob.media_type)}"

    found = [Paper(name(RENDITION, 0, filing.pdf), filing.pdf, RENDITION, filing.pdfa)]
    for place, blob in enumerate(filing.originals, start=1):
        role = NOTE if note_type and blob.media_type == note_type else ORIGINAL
        found.append(Paper(name(role, place, blob), blob, role))
    return tuple(found)


# ---- small elements --------------------------------------------------------------------------------------------------


def text(value: str) -> str:
    """`value` without the characters that XML 1.0 cannot hold."""
    return _ILLEGAL.sub("\ufffd", value)


def add(parent: Element, tag: str, value: object = None) -> Element:
    """A child element; dates and times as XML Schema writes them, True and False as 1 and 0 (libxml2 compares them as text)."""
    made = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
    if isinstance(value, bool):
        made.text = "1" if value else "0"
    elif isinstance(value, datetime):
        made.text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    elif value is not None:
        made.text = text(value.isoformat() if isinstance(value, date) else str(value))
    return made


def some(parent: Element, tag: str, value: object) -> None:
    """The child only where there is a value."""
    if value not in (None, ""):
        add(parent, tag, value)


def code(parent: Element, tag: str, lists: str, value: str, version: str = "1.0") -> None:
    """A value of a code list of xdomea."""
    made = add(parent, tag)
    made.set("listURI", f"urn:xoev-de:xdomea:codeliste:{lists}")
    made.set("listVersionID", version)
    etree.SubElement(made, "code").text = value


def extension(parent: Element, fields: Iterable[tuple[str, str]], groups: Iterable[tuple[str, str, Mapping[str, str]]] = (),
              data: Mapping[str, Any] | None = None) -> None:
    """Our extension: groups (Name, Beschreibung, fields), fields, and the row itself as JSON in the field `Daten`."""
    rows = [*fields, *([(DATA, json.dumps(data, ensure_ascii=True, sort_keys=True))] if data is not None else [])]
    made = add(parent, "AnwendungsspezifischeErweiterung")
    add(made, "Kennung", EXTENSION)
    add(made, "Name", EXTENSION_NAME)
    for name, about, own in groups:
        group = add(made, "Feldgruppe")
        add(group, "Name", name)
        add(group, "Beschreibung", about)
        for field, value in own.items():
            _field(group, field, value)
    for field, value in rows:
        _field(made, field, value)


def _field(parent: Element, name: str, value: str) -> None:
    field = add(parent, "Feld")
    add(field, "Name", name)
    add(field, "Wert", value)


def _identity(parent: Element, identity: str, number: int = 0) -> None:
    own = add(parent, "Identifikation")
    add(own, "ID", uuid_of(identity))
    if number:
        add(own, "NummerImUebergeordnetenContainer", number)


def _general(parent: Element, subject: str, sign: str, entry: AktenplanEntry | None, office: str = "") -> None:
    general = add(parent, "AllgemeineMetadaten")
    add(general, "Betreff", subject)
    some(general, "Kennzeichen", sign)
    some(general, "Federfuehrung", office)
    code(general, "Medium", "medium", "001")
    if entry is not None:
        unit = add(general, "Aktenplaneinheit")
        add(unit, "Kennzeichen", entry.notation)
        add(unit, "Inhaltsangabe", entry.title)


def _archival(parent: Element, entry: AktenplanEntry) -> None:
    """What becomes of it, by the plan."""
    made = add(parent, "ArchivspezifischeMetadaten")
    _retention(made, entry)
    _disposal(made, entry)


def _retention(parent: Element, entry: AktenplanEntry) -> None:
    made = add(parent, "Aufbewahrungsdauer")
    if entry.retention is None:
        add(made, "Unbefristet", True)
    else:
        add(made, "AnzahlJahre", entry.retention)


def _disposal(parent: Element, entry: AktenplanEntry) -> None:
    code(add(parent, "Aussonderungsart"), "Aussonderungsart", "aussonderungsart", entry.disposal)


def histories(parent: Element, lines: Iterable[History]) -> None:
    """The Protokoll of an object."""
    for line in lines:
        made = add(parent, "HistorienProtokollInformation")
        some(made, "MetadatumName", line.name)
        some(made, "MetadatumAlterWert", line.old)
        some(made, "MetadatumNeuerWert", line.new)
        add(made, "Akteur", line.actor)
        add(made, "DatumUhrzeit", line.at)
        some(made, "Bemerkung", line.remark)
        add(made, "Aktion", line.action)


# ---- objects ---------------------------------------------------------------------------------------------------------


def document(parent: Element, one: Dokument, *, tag: str = "Dokument", number: int = 0) -> None:
    """A filed document with its files and Anlagen; `tag` is "Anlage" for what hangs on another."""
    filing, values = one.filing, one.filing.values
    made = add(parent, tag)
    _identity(made, filing.document, number)
    _general(made, filing.title, "", None)
    some(made, "FremdesGeschaeftszeichen", values.get("our_reference"))
    add(made, "Posteingangsdatum", filing.received_at.astimezone().date())
    some(made, "DatumDesSchreibens", letter_day(filing))
    some(made, "Typ", values.get("kind"))
    histories(made, one.history)
    version = add(made, "Version")
    add(version, "Nummer", "1")
    for paper in one.files:
        _format(version, paper)
    for place, lower in enumerate(one.attached, start=1):
        document(made, lower, tag="Anlage", number=place)
    if values.get("sender_name"):
        add(add(add(made, "Absender"), "Institution"), "Name", values["sender_name"])
    extension(made, [("Schluessel", filing.key), *((name, value) for name, value in sorted(values.items()))], (
        ("Datei", paper.name, {"Rolle": paper.role, "SHA-256": paper.blob.sha256, "Groesse": str(paper.blob.size),
                               "Medientyp": paper.blob.media_type}) for paper in one.files), one.data)


def letter_day(filing: Filing) -> str:
    """The day of the letter (ISO), "" where the decision names none."""
    try:
        return date.fromisoformat(filing.values.get("letter_date", "")).isoformat()
    except ValueError:
        return ""


def _format(parent: Element, paper: Paper) -> None:
    made = add(parent, "Format")
    archival = paper.pdfa != "none" and paper.role == RENDITION
    kind = _ARCHIVAL if archival else _FORMATS.get(paper.blob.media_type.partition(";")[0].strip().lower(), _OTHER)
    code(made, "Name", "dateiformat", kind)
    if kind == _OTHER:
        add(made, "SonstigerName", paper.blob.media_type or "unbekannt")
    add(made, "Version", f"PDF/A-{paper.pdfa}" if archival else "unbekannt")
    primary = add(made, "Primaerdokument")
    add(primary, "Dateiname", paper.name)
    some(primary, "DateinameOriginal", paper.blob.name)
    add(primary, "Ersteller", EXTENSION_NAME)


def case(parent: Element, one: Case, file: File, entry: AktenplanEntry, *, number: int = 0, history: Iterable[History] = (),
         data: Mapping[str, Any] | None = None) -> Element:
    """A Vorgang without its documents; `finish_case` adds what the schema wants behind them."""
    made = add(parent, "Vorgang")
    _identity(made, one.id, number)
    _general(made, one.title, one.reference, entry)
    _archival(made, entry)
    add(made, "Aktenbetreff", file.title)
    add(made, "ZdA", one.closed_on is not None)
    some(made, "ZdADatum", one.closed_on)
    histories(made, history)
    return made


def finish_case(made: Element, data: Mapping[str, Any] | None) -> None:
    """What stands behind the documents of a Vorgang."""
    if data is not None:
        extension(made, (), (), data)


def akte(parent: Element, file: File, entry: AktenplanEntry, *, kind: str = "", opened_on: date | None = None,
         history: Iterable[History] = ()) -> tuple[Element, Element]:
    """An Akte without its content: (the Akte, its Akteninhalt to be filled); `finish_akte` closes it."""
    made = add(parent, "Akte")
    _identity(made, file.id)
    _general(made, file.title, file.reference, entry, file.office)
    _archival(made, entry)
    some(made, "Typ", kind)
    if opened_on is not None or file.closed_on is not None:
        span = add(made, "Laufzeit")
        some(span, "Beginn", opened_on)
        some(span, "Ende", file.closed_on)
    histories(made, history)
    return made, add(made, "Akteninhalt")


def finish_akte(made: Element, file: File, data: Mapping[str, Any] | None = None) -> None:
    """What stands behind the content: persons, zdA, and what xdomea has no field for."""
    for person in file.persons:
        add(add(add(made, "Kontakt"), "Institution"), "Name", person)
    add(made, "ZdA", file.closed_on is not None)
    some(made, "ZdADatum", file.closed_on)
    fields = [("Flurstueck", file.parcel), ("Anschrift", file.address), ("Bearbeiter", file.handler),
              *(("FrueheresAktenzeichen", former) for former in file.former)]
    extension(made, [(name, value) for name, value in fields if value], (), data)


def plan(parent: Element, entries: Sequence[AktenplanEntry], title: str, on: date,
         data: Mapping[str, Mapping[str, Any]] | None = None) -> Element:
    """A plan with its units below each other; `on` decides which are Stillgelegt. `data`: the row of each entry, by its id."""
    made = add(parent, "Aktenplan")
    add(made, "Bezeichnung", title)
    add(made, "Version", on.isoformat())
    below: dict[str | None, list[AktenplanEntry]] = {}
    known = {entry.id for entry in entries}
    for entry in entries:
        below.setdefault(entry.parent if entry.parent in known else None, []).append(entry)
    waiting = [(made, entry) for entry in reversed(below.get(None, []))]
    while waiting:
        above, entry = waiting.pop()
        unit = _unit(above, entry, on)
        waiting += [(unit, lower) for lower in reversed(below.get(entry.id, []))]
    _finish_units(made, {entry.id: entry for entry in entries}, data)
    return made


def _unit(parent: Element, entry: AktenplanEntry, on: date) -> Element:
    unit = add(parent, "Einheit")
    unit.set("id", entry.id)  # taken off again when all units stand
    add(unit, "Kennzeichen", entry.notation)
    add(unit, "Inhaltsangabe", entry.description or entry.title)
    add(unit, "BetreffKurz", entry.title)
    _disposal(unit, entry)
    if entry.valid_from or entry.valid_to:
        span = add(unit, "Gueltigkeit")
        some(span, "Beginn", entry.valid_from)
        some(span, "Ende", entry.valid_to)
    add(unit, "Stillgelegt", entry.valid_to is not None and entry.valid_to < on)
    _retention(unit, entry)
    return unit


def _finish_units(made: Element, entries: Mapping[str, AktenplanEntry], data: Mapping[str, Mapping[str, Any]] | None) -> None:
    """The extension stands behind the units below, so it comes when all of them are there."""
    for unit in made.iter(f"{{{NAMESPACE}}}Einheit"):
        name = unit.attrib.pop("id")
        if data is not None:
            entry = entries[name]
            extension(unit, [("Kennung", entry.id), ("Stichworte", ", ".join(entry.keywords)), ("Amt", entry.unit),
                             ("Zugriffsklasse", entry.access_class)], (), data.get(name))
