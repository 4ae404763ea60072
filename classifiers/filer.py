"""Which entry: the plan's own words and what was learnt from decisions, as one ranking. Pure; a `Ranker` of intake.propose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from classifiers.features import tokenise
from classifiers.linear import Example, Model, Ranked
from classifiers.plan import MOST, PlanRanker
from intake.vocabulary import Evidence, Material, Proposal

UNSURE, LIKELY = 0.5, 0.7
"""The branch is proposed when no label reaches the first and the labels below it together reach the second."""


@dataclass(frozen=True, slots=True)
class Filer:
    """Proposes `entry` by plan words alone while nothing was learnt, and by both afterwards.

    `by`: name and version of the model, as evidence (`model:filing@3`). `allowed`: ids of open entries; others are not proposed.
    """

    plan: PlanRanker
    model: Model | None = None
    by: str = "model:filing@1"
    allowed: Collection[str] = ()

    def __call__(self, material: Material, extracted: Sequence[Proposal] = ()) -> tuple[Proposal, ...]:
        """Up to five proposals of `entry`, best first, each with the words that carried it and earlier documents like it."""
        cold = self.plan(material, extracted)
        if self.model is None or not self.model.labels:
            return cold
        document = example_of(material, extracted)
        ranked = self.model.predict([document])[0]
        by_plan = {one.value: one for one in cold}
        found = [self._learnt(material, document, label, probability, by_plan.get(label))
                 for label, probability in zip(ranked.labels[:MOST], ranked.probabilities[:MOST], strict=True)
                 if not self.allowed or label in self.allowed]
        have = {one.value for one in found}
        rest = [Proposal("entry", one.value, round(one.confidence * ranked.unknown, 4), one.evidence)
                for one in cold if one.value not in have and one.value not in self.model.labels]
        best = max((one.confidence for one in found), default=0.0)
        return tuple(sorted((*found, *rest, *self._branch(ranked, best)), key=lambda one: -one.confidence)[:MOST])

    def _learnt(self, material: Material, document: Example, label: str, probability: float, cold: Proposal | None) -> Proposal:
        """A label as a proposal: its words on the page, earlier documents like this one, what the plan says of it."""
        assert self.model is not None
        words = [_place(material, word, self.by) for word in self.model.why(document, label)]
        alike = [Evidence(self.by, 0, None, f"ähnlich: {title}") for title, _ in self.model.near(document, label)]
        places = (*words, *alike, *(cold.evidence if cold else ()))
        return Proposal("entry", label, round(min(1.0, probability), 4),
                        places or (Evidence(self.by, 0, None, "frühere Ablagen"),))

    def _branch(self, ranked: Ranked, best: float) -> list[Proposal]:
        """The lowest entry above several labels that is likely while none of them is: sure of 632, unsure of 632.60."""
        if best >= UNSURE:
            return []
        above = {one.id: one.parent for one in self.plan.entries}
        shares: dict[str, float] = {}
        depth: dict[str, int] = {}
        for label, probability in zip(ranked.labels, ranked.probabilities, strict=True):
            chain = []
            at = above.get(label)
            while at is not None and at not in chain:
                chain.append(at)
                at = above.get(at)
            for number, entry in enumerate(reversed(chain)):
                shares[entry] = shares.get(entry, 0.0) + probability
                depth[entry] = number
        likely = [entry for entry, share in shares.items() if share >= LIKELY and (not self.allowed or entry in self.allowed)]
        if not likely:
            return []
        lowest = max(likely, key=lambda entry: (depth[entry], shares[entry]))
        name = next(f"{one.notation} {one.title}" for one in self.plan.entries if one.id == lowest)
        return [Proposal("entry", lowest, round(min(1.0, shares[lowest]), 4), (Evidence(self.by, 0, None, f"Zweig {name}"),))]


def example_of(material: Material, extracted: Sequence[Proposal] = (), label: str = "") -> Example:
    """A document as the model sees it: its text without what stands in the Betreff, which is the title."""
    subjects = sorted((one for one in extracted if one.field == "subject"), key=lambda one: -one.confidence)
    title = subjects[0].value if subjects else material.envelope.subject or ""
    return Example("\n".join(page.plain() for page in material.pages), label, material.received_on, title)


def _place(material: Material, word: str, by: str) -> Evidence:
    """A word at the first place where it stands on a page; page 0 when it stands in the subject of a mail."""
    for number, page in enumerate(material.pages, start=1):
        for one in page.words:
            if word in tokenise(one.text):
                return Evidence(by, number, one.box, one.text)
    for number, page in enumerate(material.pages, start=1):
        if word in page.plain().lower():  # hyphenated at the end of a line
            return Evidence(by, number, None, word)
    return Evidence(by, 0, None, word)
