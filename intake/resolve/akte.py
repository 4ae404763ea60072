"""The Akten a document may belong to, as ranked proposals with what speaks for each, and how likely it is that none fits. Pure.

Nothing is corrected: where a sign or name was read with a slip, the evidence says so beside what the register has, and
the probability is that of a slip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from intake.resolve.index import Index
from intake.resolve.pages import clues, evidence
from intake.resolve.score import Candidate, compare, shortlist, weigh
from intake.vocabulary import Evidence, File, Material, Proposal

MOST = 5
LEAST = 0.02
"""An Akte less likely than this is not worth a clerk's look."""
UNKNOWN = 0.5
"""How likely a new Akte is where nothing on the page names any: the register cannot say."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Asked with everything that was extracted and ranked. `fetch` gives the Akten of some ids, in any order."""

    index: Index
    fetch: Callable[[Sequence[str]], Sequence[File]]

    def __call__(self, material: Material, extracted: Sequence[Proposal]) -> tuple[Proposal, ...]:
        """Proposals `file` (ids, the likeliest first), `entry`, `office` and `handler` of those, and `new_file` ("neu")."""
        found = clues(material, extracted, self.index)
        wanted = shortlist(found, self.index)
        known = {file.id: file for file in self.fetch(wanted)}
        candidates = compare(found, [known[one] for one in wanted if one in known], self.index)
        none = weigh(found, candidates) if candidates else UNKNOWN
        ranked = sorted(candidates, key=lambda one: -one.probability)[:MOST]
        return (*self._proposals(ranked), self._new(candidates, none))

    def _proposals(self, ranked: Sequence[Candidate]) -> Iterator[Proposal]:
        entries: dict[str, tuple[float, tuple[Evidence, ...]]] = {}
        for one in ranked:
            if one.probability < LEAST:
                continue
            why = tuple(_why(one))
            sure = round(one.probability, 3)
            yield Proposal("file", one.file.id, sure, why, checks=tuple(_slips(one)))
            before, places = entries.get(one.file.entry, (0.0, ()))
            entries[one.file.entry] = before + one.probability, (*places, *why)
            for name, value in (("office", one.file.office), ("handler", one.file.handler)):
                if value and sure >= 0.5:
                    yield Proposal(name, value, sure, (_row(one.file), *why[:2]))
        for entry, (sure, why) in entries.items():
            yield Proposal("entry", entry, round(min(sure, 1.0), 3), tuple(dict.fromkeys(why))[:8])

    def _new(self, candidates: Sequence[Candidate], none: float) -> Proposal:
        said = f"unter {len(self.index)} Akten"
        best = max(candidates, key=lambda one: one.probability, default=None)
        text = f"{said} am ähnlichsten: {best.file.reference}" if best else f"{said} nennt keine, was hier steht"
        return Proposal("new_file", "neu", round(none, 3), (Evidence("rule:akte-none@1", 0, None, text),))


def _why(one: Candidate) -> Iterator[Evidence]:
    """Where on the pages it stands, each place once, and what the register has."""
    if one.features.get("thread"):
        yield Evidence("rule:akte-thread@1", 0, None, "Eine frühere Nachricht dieses Austauschs liegt in der Akte.")
    seen: set[object] = set()
    for sign, reference, away in sorted(one.signs, key=lambda item: item[2]):
        place = sign.tokens[0].page, sign.tokens[0].box or sign.text
        if place not in seen and len(seen) < 3:
            seen.add(place)
            yield evidence("rule:akte-sign@1" if away == 0 else "rule:akte-sign-similar@1", sign.tokens,
                           sign.text if away == 0 else f"{sign.text} (ähnlich {reference})")
    for kind, found in one.found[:8]:
        words = " ".join(token.text for token in found.tokens)
        similar = "-similar" if found.similar else ""
        yield evidence(f"rule:akte-{kind}{similar}@1", found.tokens, f"{words} (ähnlich)" if found.similar else words)
    yield _row(one.file)


def _row(file: File) -> Evidence:
    said = [file.reference, file.title, file.parcel, file.address, ", ".join(file.persons)]
    return Evidence("register:files", 0, None, " · ".join(part for part in said if part))


def _slips(one: Candidate) -> Iterator[str]:
    """What was read only similarly, so that a clerk (and the policy) sees it."""
    if one.features.get("thread") and not one.signs and not one.found:
        yield "thread:only"
    if one.signs and min(away for _, _, away in one.signs) > 0:
        yield "reference:similar"
    for kind in dict.fromkeys(kind for kind, found in one.found if found.similar):
        yield f"{kind}:similar"
