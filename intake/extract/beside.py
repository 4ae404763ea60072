"""What came beside a document (a sidecar's fields, the head of an XJustiz message) as proposals: checked, never just trusted."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from datetime import date, timedelta

from intake.keys import notation_key, reference_key
from intake.vocabulary import AktenplanEntry, Evidence, Fact, Material, Naming, Proposal

XJUSTIZ_SURE = 0.9
"""The sender typed it; another Aktenzeichen than ours is a frequent slip."""
UNKNOWN, IMPOSSIBLE = 0.5, 0.2
"""What is left of the probability when no Akte has the Aktenzeichen; when a letter's date lies after its receipt."""
XJUSTIZ = {"xjustiz_own_reference": "file_reference", "xjustiz_sender_reference": "our_reference",
           "xjustiz_sender": "sender_name", "xjustiz_title": "subject", "xjustiz_created": "letter_date"}


class Beside:
    """The extractor: facts "sidecar" (named by `material.notes["sidecar"]`, a Naming) and "xjustiz_..." of the material.

    `known` are the keys of the Akten there are, `entries` the open ones of the plan.
    """

    def __init__(self, known: Container[str], entries: Iterable[AktenplanEntry]) -> None:
        self.known = known
        self.by_notation = {notation_key(entry.notation): entry.id for entry in entries}

    def __call__(self, material: Material) -> Iterator[Proposal]:
        """One proposal for each value that has a field of ours and fits it."""
        naming: Naming | None = material.notes.get("sidecar")
        for fact in material.facts:
            if fact.name == "sidecar" and naming is not None:
                yield from self._proposal(named(fact, naming), fact, naming.sure, material)
            elif fact.name in XJUSTIZ:
                yield from self._proposal(XJUSTIZ[fact.name], fact, XJUSTIZ_SURE, material)

    def _proposal(self, name: str, fact: Fact, sure: float, material: Material) -> Iterator[Proposal]:
        value, checks = fact.value, [f"{fact.term.partition(':')[0]}:as-told"]
        if name == "letter_date":
            day = day_of(value)
            if day is None:
                return
            value = day.isoformat()
            if material.received_on is not None and day > material.received_on + timedelta(days=1):
                sure, checks = sure * IMPOSSIBLE, [*checks, "date:future"]
        elif name == "entry":
            entry = self.by_notation.get(notation_key(value))
            if entry is None:
                return
            value = entry
        elif name == "file_reference":
            there = reference_key(value) in self.known
            sure, checks = sure if there else sure * UNKNOWN, [*checks, f"reference:{'ok' if there else 'unknown'}"]
        if name:
            place = Evidence(fact.term, 0, None, fact.value)
            yield Proposal(name, value, round(sure, 3), (place,), raw=fact.value, checks=tuple(checks))


def named(fact: Fact, naming: Naming) -> str:
    """Our field for a fact of a sidecar: by its whole path, else by its last name; "" for none."""
    path = fact.term.partition(":")[2].partition(" ")[2].lower()
    return naming.fields.get(path, naming.fields.get(re.split(r"[/@]", path)[-1], ""))


def day_of(text: str) -> date | None:
    """The day in "2026-11-21", "2026-11-21T10:00:00", "21.11.2026", "20261121"; None for anything else."""
    found = re.match(r"(\d{4})-?(\d{2})-?(\d{2})(?!\d)", text.strip())
    german = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text.strip())
    parts = tuple(int(one) for one in found.groups()) if found else (
        tuple(int(one) for one in reversed(german.groups())) if german else ())
    try:
        return date(*parts) if len(parts) == 3 else None
    except ValueError:
        return None
