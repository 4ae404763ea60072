"""What a separator sheet or Leitbeleg in front of a document says of it: its Akte, its entry of the plan, its kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from intake.keys import notation_key
from intake.vocabulary import AktenplanEntry, Evidence, Material, Proposal, Said

BY = "rule:sheet@1"
SURE = 0.98
"""A person printed the sheet for just this and laid it in front; the rest is a sheet laid at the wrong place."""
FIELDS = {"file": "file_reference", "kind": "kind"}
SPOKEN = {"file": "Akte", "entry": "Aktenplan", "kind": "Art"}


class Sheets:
    """The extractor: reads `material.notes["sheet"]`, the words of the sheet (Said). `entries` are the open ones of the plan."""

    def __init__(self, entries: Iterable[AktenplanEntry]) -> None:
        self.by_notation = {notation_key(entry.notation): entry.id for entry in entries}

    def __call__(self, material: Material) -> Iterator[Proposal]:
        """A proposal for each thing said; a Kennzeichen that the plan does not know is none."""
        said: tuple[Said, ...] = material.notes.get("sheet", ())
        for one in said:
            evidence = Evidence(BY, 0, None, f"Trennblatt auf Seite {one.page}: {SPOKEN[one.field]} {one.value}")
            if one.field != "entry":
                yield Proposal(FIELDS[one.field], one.value, SURE, (evidence,))
            elif notation_key(one.value) in self.by_notation:
                yield Proposal("entry", self.by_notation[notation_key(one.value)], SURE, (evidence,))
