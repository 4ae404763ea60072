"""What the desk shows of a document's proposals: fields with marks, candidates with reasons. Pure; decides nothing.

A mark is a sign and a word, never a colour alone: `sure` the machine is sure, `human` a person said so, `look` look here,
`broken` something contradicts, `open` nobody proposed anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from intake.vocabulary import Box, Evidence, Proposal

Mark = Literal["sure", "human", "look", "broken", "open"]
SIGNS: Mapping[Mark, tuple[str, str]] = {
    "sure": ("✓", "sicher"), "human": ("☑", "von Hand"), "look": ("!", "bitte ansehen"),
    "broken": ("✗", "Widerspruch"), "open": ("–", "leer")}
SURE_PLACE, SURE_VALUE = 0.9, 0.75
"""From this probability on a place (as `policy` asks) and a value are shown as sure."""
CANDIDATES = 3

PLACE_FIELDS = ("entry", "file", "case", "new_file", "file_title")
FIRST = ("sender_name", "letter_date", "title", "our_reference", "kind", "deadline")
"""Fields every letter has a line for, in this order; all others follow below when something was found."""
LABELS: Mapping[str, str] = {
    "entry": "Aktenplan", "file": "Akte", "case": "Vorgang", "file_title": "Titel der neuen Akte", "new_file": "Neue Akte",
    "sender_name": "Absender", "letter_date": "Datum", "title": "Betreff", "our_reference": "Ihr Zeichen",
    "your_reference": "Unser Zeichen", "kind": "Art", "deadline": "Frist", "receipt_date": "Eingangsstempel",
    "sender_address": "Anschrift", "recipient_name": "Empfänger", "subject": "Betreffzeile",
    "file_reference": "Aktenzeichen im Text", "office": "Federführung", "handler": "Bearbeitung", "enclosure": "Anlage",
    "iban": "IBAN", "bic": "BIC", "email": "E-Mail", "phone": "Telefon", "parcel": "Flurstück",
    "parcel_id": "Flurstückskennzeichen", "site_address": "Lage", "applicant": "Antragsteller", "designer": "Entwurfsverfasser",
    "owner": "Eigentümer", "project": "Vorhaben", "application_date": "Antragsdatum", "invoice_number": "Rechnungsnummer",
    "invoice_date": "Rechnungsdatum", "due_date": "Fällig am", "delivery_date": "Leistungsdatum", "gross_total": "Brutto",
    "net_total": "Netto", "tax_total": "Umsatzsteuer", "payable_total": "Zahlbetrag", "currency": "Währung",
    "seller_name": "Rechnungssteller", "seller_address": "Anschrift des Rechnungsstellers", "seller_vat": "USt-IdNr.",
    "buyer_name": "Rechnungsempfänger", "buyer_address": "Anschrift des Rechnungsempfängers", "buyer_reference": "Leitweg-ID",
    "order_reference": "Bestellnummer", "payment_reference": "Verwendungszweck", "tax_number": "Steuernummer",
    "tax_rate": "Steuersätze", "invoice_type": "Rechnungsart", "warning": "Warnung", "urgent": "Eilt", "parent": "Anlage zu",
    "customer_number": "Kundennummer", "committee": "Gremium", "meeting_date": "Sitzung am", "access_class": "Zugriffsklasse",
}
KINDS = ("Antrag", "Anfrage", "Angebot", "Bescheid", "Beschwerde", "Bewerbung", "Einladung", "Mahnung", "Mitteilung", "Protokoll",
         "Rechnung", "Satzung", "Stellungnahme", "Vertrag", "Vollmacht", "Widerspruch", "Zeugnis")
_BROKEN = re.compile(r"^(wrong|unknown|widerspruch|future|after-receipt|unchecked-no)")
_DOUBTFUL = re.compile(r"^(similar|only|ähnlich|auch|unlesbar|long-ago|derived|read-as-digits|part|words)")
_SAID = {
    "wrong": "stimmt nicht", "wrong-checksum": "Prüfziffer stimmt nicht", "wrong-form": "Form stimmt nicht",
    "unknown": "unbekannt", "unknown-gemarkung": "Gemarkung unbekannt", "unknown-form": "Form unbekannt",
    "widerspruch": "Bild und Daten der Rechnung widersprechen sich", "future": "liegt in der Zukunft",
    "after-receipt": "liegt nach dem Eingang", "similar": "nur ähnlich gelesen", "only": "nur aus dem Nachrichtenverlauf",
    "long-ago": "liegt lange zurück", "unlesbar": "Beschriftung unlesbar", "derived": "errechnet",
    "read-as-digits": "Buchstaben als Ziffern gelesen", "ok": "geprüft", "gedruckt": "steht auch gedruckt da"}
_WHO = {"xml": "Daten der Rechnung", "sidecar": "Begleitdatei", "register": "Register", "separator": "Trennblatt"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the document a value stands: page from 1 (0 = nowhere), box in fractions, the text that stands there."""

    page: int = 0
    box: Box | None = None
    text: str = ""

    @property
    def coords(self) -> str:
        """The box as the page's overlay wants it: "x0 y0 x1 y1"; "" without one."""
        return " ".join(f"{edge:.5f}" for edge in self.box) if self.box else ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form. `shown` is what stands in the input (German dates), `value` what was proposed."""

    name: str
    label: str
    value: str
    shown: str
    mark: Mark
    why: str
    place: Place = Place()
    kind: Literal["text", "date", "choice"] = "text"
    others: tuple[str, ...] = ()
    stored: str = ""  # after a late save: what a colleague saved meanwhile, when it differs

    @property
    def sign(self) -> str:
        return SIGNS[self.mark][0]

    @property
    def word(self) -> str:
        return SIGNS[self.mark][1]

    @property
    def doubtful(self) -> bool:
        return self.mark in ("look", "broken")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate for Aktenplan or Akte: `value` an id, `entry` the id of the plan entry it lies under."""

    value: str
    number: str
    title: str
    mark: Mark
    percent: int
    reason: str
    place: Place = Place()
    entry: str = ""

    @property
    def sign(self) -> str:
        return SIGNS[self.mark][0]

    @property
    def word(self) -> str:
        return SIGNS[self.mark][1]


def fields_of(proposals: Sequence[Proposal], *, hidden: Iterable[str] = ()) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """The fields of the form: those every letter has, then what else was found. `hidden` fields are left out (blind)."""
    away = {*hidden, *PLACE_FIELDS, "warning", "parent", "urgent"}
    first: dict[str, list[Proposal]] = {}
    for one in proposals:
        if one.field not in away:
            first.setdefault(one.field, []).append(one)
    usual = tuple(_field(name, first.get(name, [])) for name in FIRST if name not in away)
    rest = sorted((name for name in first if name not in FIRST), key=lambda name: (name not in LABELS, label(name)))
    return usual, tuple(_field(name, first[name]) for name in rest)


def _field(name: str, found: Sequence[Proposal]) -> Field:
    kind: Literal["text", "date", "choice"] = "date" if is_day(name) else "choice" if name == "kind" else "text"
    if not found:
        return Field(name, label(name), "", "", "open", "Dazu wurde nichts gefunden.", kind=kind)
    best = found[0]
    return Field(name, label(name), best.value, shown(name, best.value), mark_of(best), reason(best), place_of(best), kind,
                 tuple(dict.fromkeys(shown(name, one.value) for one in found[1:4] if one.value)))


def typed_over(fields: Iterable[Field], typed: Mapping[str, str]) -> tuple[Field, ...]:
    """The fields with what somebody typed kept in the inputs, and beside it what is stored now where that differs."""
    return tuple(_with_typed(field, typed[field.name]) if field.name in typed else field for field in fields)


def _with_typed(field: Field, text: str) -> Field:
    if same(field.name, text, field.value):
        return field
    return replace(field, shown=text, mark="human", stored=field.shown or "leer", why="Ihre Eingabe, noch nicht gespeichert.")


def mark_of(one: Proposal, sure: float | None = None) -> Mark:
    """How a proposal is marked; `sure` the probability that is asked for (by default that of its field)."""
    if one.evidence[0].by.startswith("clerk:"):
        return "human"
    results = [check.partition(":")[2] for check in one.checks]
    if any(_BROKEN.match(result) for result in results):
        return "broken"
    asked = sure if sure is not None else SURE_PLACE if one.field in PLACE_FIELDS else SURE_VALUE
    if one.confidence < asked or any(_DOUBTFUL.match(result) for result in results):
        return "look"
    return "sure"


def place_of(one: Proposal) -> Place:
    """The first place of a proposal that can be drawn; else the page alone."""
    drawn = next((found for found in one.evidence if found.box and found.page), None)
    found = drawn or one.evidence[0]
    return Place(found.page, found.box if found.page else None, found.text)


def reason(one: Proposal) -> str:
    """Why, in German: what stands there and who found it ("„11.10.2026“, Seite 1, Regel letter-date")."""
    texts = list(dict.fromkeys(found.text for found in one.evidence if found.text))[:3]
    quoted = ", ".join(f"„{text[:60]}“" for text in texts)
    first = one.evidence[0]
    page = f"Seite {first.page}" if first.page else ""
    checks = ", ".join(dict.fromkeys(said for check in one.checks if (said := _check(check))))
    return ", ".join(part for part in (quoted, page, who(first), checks) if part)


def who(evidence: Evidence) -> str:
    """Who says so, for people: "Modell filing, Version 3", "Regel stamp", "Erfasst von kms"."""
    kind, _, rest = evidence.by.partition(":")
    name, _, version = rest.partition("@")
    if kind == "clerk":
        return f"erfasst von {rest}"
    if kind == "model":
        return f"Modell {name}, Version {version or '1'}"
    if kind == "rule":
        return f"Regel {name}"
    return _WHO.get(kind, kind)


def _check(check: str) -> str:
    subject, _, result = check.partition(":")
    if result.startswith(("auch ", "ähnlich ")):
        return f"gelesen {result}" if subject == "ocr" else f"im Register {result}"
    return _SAID.get(result, "") if result not in ("ok",) else f"{label(subject)} geprüft"


def label(name: str) -> str:
    """The German name of a field; the field's own name where it has none."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def is_day(name: str) -> bool:
    """Whether values of this field are days."""
    return name.endswith("_date") or name == "deadline"


def shown(name: str, value: str) -> str:
    """A value as people write it: days German, everything else as it is."""
    if is_day(name):
        try:
            return f"{date.fromisoformat(value):%d.%m.%Y}"
        except ValueError:
            return value
    return value


def plain(name: str, text: str) -> str:
    """What somebody typed as it is stored: a German day of any field of days becomes ISO, blanks are single."""
    found = " ".join(text.split())
    match = re.fullmatch(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})", found) if is_day(name) else None
    if match:
        try:
            return date(int(match[3]), int(match[2]), int(match[1])).isoformat()
        except ValueError:
            return found
    return found


def same(name: str, typed: str, value: str) -> bool:
    """Whether what stands in the input is the proposed value."""
    return plain(name, typed) == plain(name, shown(name, value))
