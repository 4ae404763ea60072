"""Which entry: the plan's own words and what was learnt from decisions, as one ranking. Pure; a `Ranker` of intake.propose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from classifiers.features import tokenise
from classifiers.linear import Example, Model
from classifiers.plan import MOST, PlanRanker
from intake.vocabulary import Evidence, Material, Proposal


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
        found = []
        for label, probability in zip(ranked.labels[:MOST], ranked.probabilities[:MOST], strict=True):
            if self.allowed and label not in self.allowed:
                continue
            words = tuple(_place(material, word, self.by) for word in self.model.why(document, label))
            places = (*words, *(by_plan[label].evidence if label in by_plan else ()))
            found.append(Proposal("entry", label, round(min(1.0, max(0.0, probability)), 4),
                                  places or (Evidence(self.by, 0, None, "frühere Ablagen"),)))
        have = {one.value for one in found}
        rest = [Proposal("entry", one.value, round(one.confidence * ranked.unknown, 4), one.evidence)
                for one in cold if one.value not in have]
        return tuple(sorted((*found, *rest), key=lambda one: -one.confidence)[:MOST])


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
    return Evidence(by, 0, None, word)
