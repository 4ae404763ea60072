"""The extractors every town has, and their answers as fields: the name, the value, where it stands, how sure. Pure.

How sure (`probability`) is set by rule, scaled by how legible the words were, and for the fields that were measured put right by
how often it was right (intake/extract/calibrated.py); for the others it is an order, not measured as a probability.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from intake.extract.bauakte import bauakte
from intake.extract.calibrated import calibrated
from intake.extract.contacts import contacts
from intake.extract.council import council
from intake.extract.form import forms
from intake.extract.invoice import invoice
from intake.extract.letter import letter
from intake.extract.matters import matters
from intake.extract.misread import checked
from intake.extract.parcels import Parcels
from intake.extract.places import Places
from intake.extract.printedform import printed_forms
from intake.extract.roles import parties
from intake.extract.stamp import stamp
from intake.extract.vorgang import vorgang
from intake.protocols import Extractor
from intake.vocabulary import Material, Proposal


def standard(gemarkungen: Mapping[str, str] | None = None, streets: Mapping[str, str] | None = None,
             names: Iterable[str] = ()) -> tuple[Extractor, ...]:
    """All of them. `gemarkungen`: names and six-digit numbers; `streets`: names of the town's streets (any value).

    `names`: persons and creditors that the town knows; what was read is compared with them (`misread.Checked`).
    """
    letters, invoices, roles = checked((letter, invoice, parties), names)
    return calibrated((
        letters, stamp, contacts, matters, roles, forms, printed_forms, Places(streets or {}),
        Parcels(gemarkungen or {}), council, invoices, bauakte, vorgang))


def extract(material: Material, extractors: Iterable[Extractor]) -> tuple[Proposal, ...]:
    """What the extractors find, equal values of a field as one (the surest), field by field, in each the surest first.

    Everything else is as the extractors gave it; the order of equals is theirs.
    """
    found: dict[tuple[str, str], Proposal] = {}
    for one in (proposal for extractor in extractors for proposal in extractor(material)):
        old = found.get((one.field, one.value))
        if old is None or one.confidence > old.confidence:
            found[one.field, one.value] = one
    return tuple(sorted(found.values(), key=lambda one: (one.field, -one.confidence)))


def as_fields(found: Iterable[Proposal]) -> list[dict[str, Any]]:
    """Proposals for others: name, value, raw, page (from 1; 0 = no page), box (fractions) or None, probability, by, checks."""
    return [{
        "name": one.field, "value": one.value, "raw": one.raw or one.evidence[0].text or one.value, "page": one.evidence[0].page,
        "box": [round(edge, 5) for edge in one.evidence[0].box] if one.evidence[0].box else None,
        "probability": one.confidence, "by": one.evidence[0].by, "checks": list(one.checks)} for one in found]
