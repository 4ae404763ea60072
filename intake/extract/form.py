"""Values of the form fields of a PDF whose names or leading words say what they are (Name, Straße, Flurstück, IBAN). Pure.

What somebody typed into a field was not recognised but is data of the file, so it is surer than print; only what the field
means may be wrong. Fields whose names say nothing ("Textfeld12") give nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stdnum import iban as checked_iban

from intake.extract.dates import find_dates
from intake.extract.parcels import find_parcels
from intake.keys import fold
from intake.vocabulary import Evidence, FormField, Material, Proposal

BY = "rule:form-field@1"
NAMED, ALONE = 0.95, 0.85
"""A field whose name says the role as well ("Bauherr Name"), and one that says only what it is ("Name")."""
_APPLICANT = r"(?:antragsteller|bauherr|anmelder|anzeigend|anzeigeerstatter|betreiber|absender|antrag)"
_OTHERS = re.compile(r"entwurfsverf|planverf|nachbar|eigentuemer|vertret|bevollm|kontoinhaber|bank|kreditinst|behoerde|amt\b|"
                     r"gemeinde|empfaenger|bauleiter|sachverst")
_NOTHING = frozenset(("form", "topmostsubform", "page", "feld", "field", "txt", "text", "textfeld"))
_PLACE = re.compile(r"bau(?:ort|grundst|stelle)|grundst|lage\b|objekt")
_SEVERAL = re.compile(r"[a-z0-9]+")


def forms(material: Material) -> Iterator[Proposal]:
    """Proposals applicant, sender_name, sender_address, site_address, parcel, iban, email, phone, letter_date, project."""
    for number, page in enumerate(material.pages, start=1):
        yield from of_fields(number, page.form)


def of_fields(page: int, fields: Sequence[FormField]) -> Iterator[Proposal]:
    """The proposals of the fields of one page, by their names."""
    filled = [(said, one) for one in fields if one.value.strip() and (said := _said(one.name))]
    own = [(said, one) for said, one in filled if not _OTHERS.search(said)]
    yield from _names(page, own)
    yield from _addresses(page, own)
    for said, one in filled:
        yield from _plain(page, said, one)


def _said(name: str) -> str:
    """The words of a field's name, folded, CamelCase and numbering parted: `Bauherr.strNachname_1` is "bauherr nachname"."""
    parted = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", name)
    words = [word for word in _SEVERAL.findall(fold(parted)) if not word.isdigit()]
    return " ".join(word for word in words if word not in _NOTHING)


def _proposal(field: str, value: str, sure: float, page: int, used: Sequence[FormField],
              checks: tuple[str, ...] = ()) -> Proposal:
    places = tuple(Evidence(BY, page, one.box, one.value) for one in used)
    return Proposal(field, " ".join(value.split()), sure, places, ", ".join(one.value for one in used), checks)


def _find(filled: Sequence[tuple[str, FormField]], pattern: str) -> tuple[str, FormField] | None:
    return next(((said, one) for said, one in filled if re.search(pattern, said)), None)


def _names(page: int, filled: Sequence[tuple[str, FormField]]) -> Iterator[Proposal]:
    """Surname and first name, or one field for both; of the applicant, who is the sender as well."""
    first = _find(filled, r"\bvornamen?\b")
    last = _find(filled, r"\b(?:nachname|familienname|zuname)\b") or _find(filled, rf"\b{_APPLICANT}\w*\b.*\bname\b") or _find(
        filled, r"^(?:name|name vorname|vorname name|name firma|firma|firmenname)$") or _find(filled, rf"^{_APPLICANT}\w*$")
    if last is None or not re.search(r"[^\W\d_]{2}", last[1].value):
        return
    both = [first[1], last[1]] if first and first[1] is not last[1] else [last[1]]
    value = " ".join(one.value for one in both)
    if len(both) == 1 and (turned := re.fullmatch(r"\s*([^,\d]{2,40}),\s*([^,\d]{2,40})\s*", value)) and "name" in last[0]:
        value = f"{turned.group(2).strip()} {turned.group(1)}"
    named = any(re.search(_APPLICANT, said) for said, one in filled if one in both)
    yield _proposal("applicant", value, NAMED if named else ALONE, page, both)
    yield _proposal("sender_name", value, (NAMED if named else ALONE) - 0.05, page, both)


def _addresses(page: int, filled: Sequence[tuple[str, FormField]]) -> Iterator[Proposal]:
    """Street, number and town, of the place of building where the fields say so, else of who applies."""
    for field, place in (("site_address", True), ("sender_address", False)):
        here = [(said, one) for said, one in filled if place == bool(_PLACE.search(said))]
        street = _find(here, r"\bstrasse|\bstr\b|\banschrift\b")
        if street is None:
            continue
        more = [found[1] for pattern in (r"\bhaus ?n(?:umme)?r", r"\bplz\b|postleitzahl", r"\bort\b|\bwohnort\b|\bstadt\b")
                if (found := _find(here, pattern)) and found[1] is not street[1]]
        more = [*dict.fromkeys(more)]  # one field for postcode and town
        numbers = [one for one in more if re.fullmatch(r"\d{1,4}\s?[a-zA-Z]?", one.value.strip()) and len(one.value.strip()) < 5]
        towns = [one for one in more if one not in numbers]
        value = " ".join([street[1].value, *(one.value for one in numbers)])
        if towns and not place:
            value += ", " + " ".join(one.value for one in towns)
        if re.search(r"\d", value):
            yield _proposal(field, value, NAMED if place else ALONE, page, [street[1], *numbers, *(() if place else towns)])


def _plain(page: int, said: str, one: FormField) -> Iterator[Proposal]:
    """Fields that mean one thing."""
    value = one.value.strip()
    if re.search(r"\biban\b", said):
        bare = re.sub(r"\s", "", value).upper()
        good = checked_iban.is_valid(bare)
        yield _proposal("iban", bare, NAMED if good else 0.4, page, [one], ("iban:ok" if good else "iban:wrong-checksum",))
    elif re.search(r"\bflurstuecke?\b|\bflst", said):
        for found in find_parcels(f"Flurstück {value}"):
            yield _proposal("parcel", found.number, NAMED, page, [one])
    elif re.search(r"\be ?mail", said) and "@" in value:
        yield _proposal("email", value.lower(), NAMED, page, [one])
    elif re.search(r"\btel(?:efon)?\b|\bmobil|\bhandy", said) and len(re.sub(r"\D", "", value)) >= 6:
        yield _proposal("phone", re.sub(r"\(0\)|[^\d+]", "", value), NAMED, page, [one])
    elif re.search(r"\b(?:bau)?vorhaben\b|bezeichnung des", said) and re.search(r"[^\W\d_]{4}", value):
        yield _proposal("project", value, NAMED, page, [one])
    elif re.search(r"^(?:datum|ort datum|antragsdatum|datum (?:der )?unterschrift)$", said) and (days := find_dates(value)):
        yield _proposal("letter_date", days[0].day.isoformat(), ALONE, page, [one])
