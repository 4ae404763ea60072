"""Does a document of a delivery belong to the letter before it, as its Anlage? A question to a person, never done silently. Pure.

An application names its enclosures, and they look like enclosures: a plan, a form, a certificate under a heading of their
own, without salutation and closing. The points were set by hand on the samples and are no learnt probability; what counts is
the order and the threshold `ASKED`, under which nothing is proposed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from intake.resolve.forms import folded, parcels
from intake.vocabulary import Evidence, Material, Page, Proposal

ASKED = 0.5
SUREST = 0.95
_SALUTATION = re.compile(r"\b(sehr (?:ver|ge)?e?h?geehrte|guten tag|liebe[rs]? (?:frau|herr|kolleg)|hallo )")
_CLOSING = re.compile(r"\b(mit (?:freundlichen|besten|vielen) gruessen|hochachtungsvoll|mit freundlichem gruss)\b")
_SIGN = re.compile(r"\b(?:ihr|unser|mein) zeichen\b|\bbetreff\b")
_APPLICATION = re.compile(r"^\W*(?:antrag|bauantrag|bauvoranfrage|anzeige|widerspruch)\b")
_NAMES_SOME = re.compile(r"^\W*anlagen?\W*$|"
                         r"\banlagen?\b(?: ?:|n?verzeichnis|\s*\(|\s+\d)|\bals anlage\b|\bbeigefuegt|\bin der anlage\b|\banbei\b|"
                         r"\bliegen? (?:diesem |dem )?(?:\w+ )?bei\b|\bbeiliegend")
_TYPICAL = re.compile(
    r"^\W*(?:anlage\b|lageplan|liegenschaftskarte|flurkarte|auszug aus|grundriss|schnitt\b|ansicht|baubeschreibung|bauzeichnung|"
    r"betriebsbeschreibung|standsicherheit|statik|statische|waermeschutz|schallschutz|brandschutz|stellplatznachweis|"
    r"flaechenberechnung|berechnung|wohnflaeche|kubatur|entwaesserung|freiflaechen|nachweis|vollmacht|kopie|abschrift|"
    r"bescheinigung|zertifikat|zeugnis|lebenslauf|foto|lichtbild|kostenvoranschlag|angebot|rechnung|erklaerung|zustimmung|"
    r"nachbarunterschrift|statistischer erhebungsbogen|erhebungsbogen|formblatt|gutachten|protokoll)")
_ADDRESS = re.compile(r"\b\d{5} [A-ZÄÖÜ][a-zäöüß]")


def leads(material: Material) -> bool:
    """Whether this can be what others are enclosed with: a letter, a mail or an application."""
    text = _top(material)
    return bool(material.envelope.sender or _SALUTATION.search(text) or _SIGN.search(text)
                or _APPLICATION.match(_heading(material)))


def enclosure(document: Material, main: Material, parent: str) -> Proposal | None:
    """The proposal `parent` (the id `parent` of the letter `main` before it) with the reasons; None when it is unlikely."""
    points, reasons = -1.5, []
    for given, by, page, text in _reasons(document, main):
        points += given
        if given > 0:
            reasons.append(Evidence(f"rule:enclosure-{by}@1", page, None, text))
    sure = min(SUREST, 1 / (1 + math.exp(-points)))
    if sure < ASKED or not reasons:
        return None
    return Proposal("parent", parent, round(sure, 3), tuple(reasons))


def _reasons(document: Material, main: Material) -> Iterator[tuple[float, str, int, str]]:
    """Points for and against, each with a name, the page it stands on and the words."""
    heading, named = _heading(document), list(_named(main))
    if named:
        yield 2.0, "named", 0, f"Das Schreiben davor nennt Anlagen: {named[0][:80]}"
    words = [word for word in re.findall(r"[a-z]{6,}", heading) if word != "anlage"]
    hit = next((line for line in named for word in words if word in folded(line)), None)
    if hit:
        yield 2.0, "named-here", 1, f"{heading[:60]} ist dort genannt: {hit[:80]}"
    if _TYPICAL.match(heading):
        yield 1.5, "kind", 1, heading[:80]
    if any(page.script == "drawing" or page.width_mm * page.height_mm > 90_000 for page in document.pages[:1]):
        yield 1.5, "plan", 1, "Plan oder großes Blatt"
    shared = _parcels(document) & _parcels(main)
    if shared:
        yield 1.0, "parcel", 1, f"dasselbe Flurstück {min(shared)}"
    top = _top(document)
    if _SALUTATION.search(top) or _CLOSING.search(_plain(document)):
        yield -4.0, "letter", 1, "eigene Anrede oder Grußformel"
    if _SIGN.search(top) and _ADDRESS.search(" ".join(_lines(document.pages[:1])[:14])):
        yield -2.5, "letterhead", 1, "eigener Briefkopf"


def _named(main: Material) -> Iterator[str]:
    """The lines of the letter that name enclosures, and the list below the word Anlagen."""
    lines = _lines(main.pages)
    for at, line in enumerate(lines):
        if _NAMES_SOME.search(folded(line)):
            yield line
            if re.match(r"\W*anlagen?(?:verzeichnis)?\b", folded(line)):
                yield from (entry for entry in lines[at + 1:at + 12] if len(entry) < 80)


def _heading(material: Material) -> str:
    """The first line with a word in it, folded."""
    return next((folded(line) for line in _lines(material.pages[:1]) if re.search(r"[^\W\d_]{4}", line)), "")


def _top(material: Material) -> str:
    return folded(" ".join(_lines(material.pages[:1])[:45]))


def _plain(material: Material) -> str:
    return folded(" ".join(line for page in material.pages[:2] for line in _lines((page,))))


def _lines(pages: tuple[Page, ...]) -> list[str]:
    return [line.strip() for page in pages for line in page.text.splitlines() if line.strip()]


def _parcels(material: Material) -> set[str]:
    return {one.number for page in material.pages[:3] for one, _, _ in parcels(page.text.split()) if "/" in one.number}
