"""Forms on paper, filled in by machine: captions and what stands beside or below them, read as form fields are. Pure.

A page is a form when it has several captions ("Name, Vorname", "Straße, Hausnummer"). A heading ("2. Entwurfsverfasser") says
whose they are until the next one. What they mean is decided by the rules for form fields (intake/extract/form.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from intake.extract.form import of_fields
from intake.extract.layout import Segment, legibility, overlap, segments, union
from intake.extract.zones import INFO_BOTTOM, INFO_LEFT, SALUTATION
from intake.keys import fold
from intake.vocabulary import Evidence, FormField, Material, Proposal

BY = "rule:printed-form@1"
SURE = 0.9
"""Of what a form field of a file would be: a caption may belong to another line."""
LEAST = 4
"""Captions that make a page a form."""
BESIDE_MM, BELOW_MM, ASIDE_MM = 70.0, 9.0, 4.0
_CAPTION = re.compile(
    r"^(?:\d{1,2}(?:\.\d)?\.?\s)?(name|vorname|nachname|familienname|name, ?vorname|vorname, ?name|name/ ?firma|firma|"
    r"strasse|strasse, ?(?:haus-?nr\.?|hausnummer|nr\.?)|haus-?nr\.?|hausnummer|plz|plz, ?(?:wohn)?ort|(?:wohn)?ort|"
    r"telefon(?:nummer)?|mobil(?:telefon)?|e-?mail(?:-?adresse)?|flurstuecke?|iban|ort, ?datum|datum|"
    r"(?:bezeichnung des )?(?:bau)?vorhabens?|antragsteller(?:/?in)?|bauherr(?:/?in)?)\s?:?$")
_HEADING = re.compile(r"^(?:\d{1,2}\.?\s+|[a-h][.)]\s+)?(?:angaben (?:zu[mr]?|ueber) (?:den |die |das |der |dem )?)?"
                      r"(bauherr|antragsteller|entwurfsverfasser|planverfasser|baugrundstueck|grundstueck|nachbar|eigentuemer|betreiber|"
                      r"anmelder|vertreter|bauleiter|bankverbindung)(?:schaft)?(?:in|/in|(?:in)?(?:nen)?)?\b.{0,25}$")


def printed_forms(material: Material) -> Iterator[Proposal]:
    """Proposals as `forms` gives them, from the captions of pages that are forms; less sure, scaled by how legible they are."""
    for number, page in enumerate(material.pages, start=1):
        if not page.words or page.form:
            continue
        here = segments(number, page)
        found = _fields(here)
        if len(found) < LEAST or _is_letter(here, [value for _, value in found]):
            continue
        scaled = [(replace(one, box=union(word.box for word in value.words)), value) for one, value in found]
        for one in of_fields(number, [field for field, _ in scaled]):
            yield _said_here(one, number, {field.box: value for field, value in scaled})


def _is_letter(here: Sequence[Segment], values: Sequence[Segment]) -> bool:
    """Whether the captions are those of a letter's Informationsblock: "Name" there is the clerk who wrote it."""
    in_block = [one for one in values if one.left >= INFO_LEFT and one.top <= INFO_BOTTOM]
    return len(values) - len(in_block) < LEAST and any(SALUTATION.match(one.text) for one in here)


def _said_here(one: Proposal, number: int, values: dict[tuple[float, float, float, float], Segment]) -> Proposal:
    used = [values[place.box] for place in one.evidence if place.box in values]
    sure = one.confidence * SURE * (0.6 + 0.4 * min((legibility(value.words) for value in used), default=1.0))
    return replace(one, confidence=round(sure, 3), evidence=tuple(
        Evidence(BY, number, place.box, place.text) for place in one.evidence))


def _fields(here: Sequence[Segment]) -> list[tuple[FormField, Segment]]:
    """Captions with their values; the name of each has the heading above it in front."""
    ordered = sorted((one for one in here if one.box), key=lambda one: (round(one.top), one.left))
    captions = {id(one): match[1] for one in ordered if (match := _CAPTION.match(_plain(one.text)))}
    role, found = "", list[tuple[FormField, Segment]]()
    for one in ordered:
        caption = captions.get(id(one))
        heading = _HEADING.match(_plain(one.text))
        if heading and (caption is None or caption in heading[1]) and not _value(one, ordered, captions):
            role = heading[1]
        elif caption and (value := _value(one, ordered, captions)):
            found.append((FormField(f"{role} {caption}".strip(), value.text.strip(" .:_"), (0.0, 0.0, 0.0, 0.0)), value))
    return found


def _plain(text: str) -> str:
    return fold(re.sub(r"[_.…]{2,}", "", text)).strip(" :*")


def _value(caption: Segment, here: Sequence[Segment], captions: dict[int, str]) -> Segment | None:
    """What stands right of a caption, else what stands below it; never another caption or a heading."""
    free = [one for one in here if one is not caption and id(one) not in captions and re.search(r"\w", one.text)
            and not _HEADING.match(_plain(one.text))]
    nearest = min((one.left for one in here if id(one) in captions and one is not caption and overlap(one, caption) > 0.5
                   and one.left > caption.left), default=1e9)
    right = [one for one in free if overlap(one, caption) > 0.5 and 0 <= one.left - caption.right <= BESIDE_MM
             and one.left < nearest]
    below = [one for one in free if 0 <= one.top - caption.bottom + 1.0 <= BELOW_MM and abs(one.left - caption.left) <= ASIDE_MM]
    if right:
        return min(right, key=lambda one: one.left)
    return min(below, key=lambda one: one.top, default=None)
