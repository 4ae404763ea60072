"""Bauort: streets with house numbers that a text gives as the place of a building, a parcel or a project. Pure.

`site_address` is street and number, "Str." written out, the number without blanks ("Mühlenstraße 12a", "Neue Straße 32-36").
An address that a postcode follows is somebody's postal address and no Bauort, unless it stands at a leading word for the place.
With the town's streets at hand a check says "street:ok", "register:ähnlich ..." or "street:unknown"; nothing is corrected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from intake.extract.flow import closed, flow, proposal
from intake.keys import street_key
from intake.vocabulary import Material, Proposal

_H = "[-\u00ad\u2010\u2011]"
_CAP = rf"[A-ZÄÖÜ][\w'’]*(?:{_H}\s?\n?\s?[\wäöüÄÖÜ'’]+)*"
_KIND = (r"(?:[Ss]tra(?:ß|ss)e|STRA(?:SS|ẞ|ß)E|[Ss]tr\.?|[Ww]eg|[Pp]latz|[Aa]llee|[Gg]asse|[Cc]haussee|[Rr]ing|[Dd]amm|[Uu]fer|"
         r"[Pp]fad|[Ss]teig|[Ss]tieg|[Tt]wiete|[Pp]romenade|[Mm]arkt|[Rr]edder|[Kk]oppel|[Ww]all|[Gg]raben|[Ss]taden|[Ll]eite|"
         r"[Rr]ain)")
_ONE = rf"(?:[A-ZÄÖÜ][\w'’]*(?:{_H}\s?\n?\s?[\wäöüÄÖÜ'’]+)*?(?:{_H}\s?\n?\s?)?{_KIND})"
_TWO = (rf"(?:{_CAP}(?:er|[a-z]\.)?\s+(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|Weg|Platz|Allee|Gasse|Ring|Damm|Ufer|Chaussee|Markt|"
        r"(?:Haupt|Land)str(?:aße|\.)))")
_BEFORE = (r"(?:Am|An\s+(?:der|den|dem)|Auf\s+(?:der|dem|den)|Im|In\s+(?:der|den|dem)|Zum|Zur|Hinter\s+(?:dem|der|den)|"
           r"Unter\s+(?:den|der|dem)|Über\s+der|Bei\s+(?:der|den|dem)|Beim|Vor\s+(?:dem|der)|Ob\s+den|Obere[rns]?|Untere[rns]?|"
           r"Alte[rns]?|Neue[rns]?|Hohe[rns]?|Lange[rn]?|Kurze[rn]?|Große[rn]?|Kleine[rn]?)")
_NAMED = rf"(?:{_BEFORE}\s+{_CAP})"
_NUMBER = r"\d{1,3}(?:\s?[A-Za-z](?![\wäöüß.]))?(?:\s?(?:[-–]|bis)\s*\d{1,3}(?:\s?[A-Za-z](?![\wäöüß.]))?)?"
_AFTER = (r"(?!\d|[.,:]\d|/\d{2}|\.?\s*Änderung|\s?(?:m²|m2|m\b|qm|ha\b|km|%|€|Euro|Uhr|Jahre|Prozent|[Ww]ohn|Meter|"
          r"[Tt]eil|Punkt|"
          r"[A-ZÄÖÜ]?[a-zäöü]+e?n?\s+(?:sind|werden|wurde|waren|soll)))")
_ADDRESS = re.compile(rf"(?<![\w-])(?P<street>{_NAMED}|{_TWO}|{_ONE})\s*(?:Nr\.?\s*)?(?P<number>{_NUMBER}){_AFTER}")
_MORE = re.compile(rf"\s*(?:,|und|u\.|sowie|/|\+)\s*(?P<number>\d{{1,3}}(?:\s?[a-z](?![\wäöüß]))?){_AFTER}(?!\.)")
_POSTAL = re.compile(r"[\s,;·•|–-]*(?:D\s?-\s?)?\d{4}|,\s*[A-ZÄÖÜ]\w+\s+\d{5}\b")
_AT_PLACE = re.compile(
    r"(?:Bauort|Baugrundstück|Bauvorhaben|Baustelle|Lage|Belegenheit|Objekt|Grundstück|Anwesen|Standort|Vorhaben)"
    r"(?:\s+de[rs]\s+\w+)?\s*(?:\([^)]*\)\s*)?:?\s*$", re.IGNORECASE)
_CONTEXT = re.compile(
    r"Grundst|Anwesen|Gebäude|Neubau|Umbau|Abbruch|Bauantrag|Vorhaben|Bebauungsplan|Wohnhaus|Flurst|Flst|Bauvoranfrage|"
    r"Errichtung|Nutzungsänderung|Baugenehm|Halle|Erbbau|Vorkauf|VbB|Laterne|Schaden|Hydrant", re.IGNORECASE)
_OFFICE = re.compile(
    r"(?:Rathaus|\bAmt\b|amt\b|GmbH|AG|KG|e\.\s?V\.|Anschrift|wohnhaft|Telefon|Tel\.|Büro|Gutachter|Ingenieur\w*|Architekt\w*|"
    r"Bürger\w*\s+aus\s+der|Fraktion|behörde|Sitz|Adresse)[\s,:;·|–-]*$")
_NO_STREET = re.compile(
    r"(?:(?:Bundes|Landes|Kreis|Gemeindeverbindungs)straße|\w*punkt|Anlagen?|Sonder\w+|Bereich\w*|Baufeld\w*|Gebiet\w*|"
    r"Abschnitt\w*|"
    r"Ziffer\w*|Punkt\w*|Seite\w*|Kapitel|TOP|Sitzung\w*|Abbildung\w*|Tabelle\w*|Jahr\w*|Zeitraum|Januar|Februar|März|April|Mai|"
    r"Juni|"
    r"Juli|August|September|Oktober|November|Dezember|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag|Amtsblatt|"
    r"Stadtteil\w*|Variante\w*|Stufe\w*|Phase\w*|Bebauungsplan\w*|Artikel|Absatz|Teil\w*|Gruppe\w*|Klasse\w*|Raum|Haus|Block|"
    r"Modul\w*|Los|Nummer|Alter|Gegensatz|Schnitt|Durchschnitt|Umfang|Kreis\w*|Ausschuss\w*|Gemeinderat\w*|Antrag\w*|Frage\w*|"
    r"Fassung|Satzung\w*|Richtlinie\w*|Umkreis|Mittel|Einsatz|Fall|Ende|Anfang|Beschluss\w*|Prozent|Plan\w*|Version\w*|Format|"
    r"Maßstab|Kalenderwoche|Woche|Stand|Haushalt\w*|Produkt\w*|Wald|Regional\w*|"
    r"(?:Alte|Neue|Große|Kleine|Hohe|Lange|Obere|Untere)[rns]?\s+\w+(?:en|ung|heit))$")
"""Words before a number that are no street although they stand like one."""
BEFORE, BEHIND = 110, 60
WRAPPED = 45
"""Characters: a shorter line is no line of running text, so that the number below it is another thing."""


@dataclass(frozen=True, slots=True)
class FoundAddress:
    """Street and number at characters start..end; `sure` that it is the place of a building or project."""

    start: int
    end: int
    street: str
    number: str
    sure: float

    @property
    def value(self) -> str:
        """As one text, "Str." written out."""
        return f"{self.street} {self.number}"


@dataclass(frozen=True)
class Places:
    """The extractor. `streets`: names of the town's streets (any value, such as their key)."""

    streets: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _keys(self) -> dict[str, str]:
        return {street_key(name): name for name in self.streets}

    def __call__(self, material: Material) -> tuple[Proposal, ...]:
        """A `site_address` for each address that is no postal address."""
        found: list[Proposal] = []
        for number, page in enumerate(material.pages, start=1):
            here = flow(number, page)
            for one in find_addresses(here.text):
                said = self._check(one.street)
                sure = min(0.97, one.sure + 0.1) if said == "street:ok" else one.sure
                found.append(proposal("site_address", one.value, sure, "rule:address@1", here, one.start, one.end,
                                      (said,) if said else ()))
        return tuple(found)

    def _check(self, street: str) -> str:
        if not self._keys:
            return ""
        key = street_key(street)
        if key in self._keys:
            return "street:ok"
        close = get_close_matches(key, self._keys, 1, 0.85)
        return f"register:ähnlich {self._keys[close[0]]}" if close else "street:unknown"


def find_addresses(text: str) -> tuple[FoundAddress, ...]:
    """The addresses of a text that are the place of something, in order."""
    found: list[FoundAddress] = []
    for match in _ADDRESS.finditer(text):
        street = normal_street(match.group("street"))
        if _NO_STREET.search(street) or len(street) < 5:
            continue
        spans = [match.span("number")]
        while more := _MORE.match(text, spans[-1][1]):
            spans.append(more.span("number"))
        postal = _POSTAL.match(text, spans[-1][1]) is not None
        sure = _sureness(text, match, spans[-1][1], postal)
        if sure:
            for at, (start, end) in enumerate(spans):
                number = re.sub(r"\s+(?=[A-Za-z]$|[A-Za-z]?-)|(?<=-)\s+", "", re.sub(r"\s?(?:bis|–)\s*", "-", text[start:end]))
                found.append(FoundAddress(match.start() if at == 0 else start, end, street, number, sure))
    return tuple(found)


def normal_street(text: str) -> str:
    """A street on one line with "Straße" written out: "Amthausstr." becomes "Amthausstraße"."""
    plain = re.sub(rf"({_H})\s+", r"\1", closed(text)).replace("\u00ad", "").replace("\u2010", "-").replace("\u2011", "-")
    plain = re.sub(r"(?<=[\s-])[Ss]tr\.?$", "Straße", plain)
    return re.sub(r"(?<=[a-zäöüß])str\.?$", "straße", plain)


def _sureness(text: str, match: re.Match[str], end: int, postal: bool) -> float:
    """How sure an address is the place of something, by the words around it; 0.0 when it is not."""
    before = text[max(0, match.start() - BEFORE):match.start()]
    line = before.rsplit("\n", 1)[-1]
    if _AT_PLACE.search(before) or re.search(r"(?:Bauort|Baugrundstück|Lage|Belegenheit)\b[^\n]{0,40}$", line):
        return 0.95
    if postal or _OFFICE.search(before) or re.search(r"\b\d{5}\s+[A-ZÄÖÜ][\w-]+[\s,]*$", before):
        return 0.0
    if "\n" in text[match.end("street"):match.start("number")] and len(line) + len(match.group("street")) < WRAPPED:
        return 0.0
    named = re.match(rf"{_BEFORE}\s", match.group("street")) is not None
    around = before + text[end:end + BEHIND]
    quoted = re.search(r"[„“\"]$", before) is not None
    if _CONTEXT.search(around) or quoted:
        return 0.88
    if named and not re.match(r"\s*(?:[,;)“”\"\n(–-]|$)", text[end:]):
        return 0.0
    return 0.6
