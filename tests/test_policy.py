"""The policy, condition by condition: one document that may be filed, and every single doubt that stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.keys import reference_key
from intake.policy import OWN_REFERENCE, PERSON, REFERENCE_ZONE, Verdict, decide
from intake.vocabulary import AktenplanEntry, Evidence, File, Page, Proposal

SIGN = "BA/632.60-0017/2026"
TEXT = "rule:reference-text@1"


def reference(value: str = SIGN, by: str = REFERENCE_ZONE, sure: float = 0.95) -> Proposal:
    return Proposal("file_reference", value, sure, (Evidence(by, 1, (0.6, 0.1, 0.8, 0.12), value),))


def other(name: str, value: str, sure: float) -> Proposal:
    return Proposal(name, value, sure, (Evidence("rule:x@1", 1, None, value),))


SURE = (reference(), other("file", "f1", 0.97), other("entry", "e1", 0.97), other("entry", "e2", 0.4))
AKTE = File("f1", SIGN, "Haus", "e1")
ENTRY = AktenplanEntry("e1", "632.60", "Bauvorhaben")


@dataclass(frozen=True)
class Case:
    """A document that may be filed without a person; each test spoils one thing."""

    proposals: tuple[Proposal, ...] = SURE
    pages: tuple[Page, ...] = (Page(1, 210.0, 297.0, "Sehr geehrte Damen"), Page(2, 210.0, 297.0, "", blank=True))
    own_reference: bool = True
    file: File = AKTE
    entry: AktenplanEntry = ENTRY
    access_class: str = "Poststelle"
    entries: dict[str, AktenplanEntry] | None = field(default=None)

    def verdict(self) -> Verdict:
        entries = {self.entry.id: self.entry} if self.entries is None else self.entries
        return decide(self.proposals, self.pages, own_reference=self.own_reference,
                      files={reference_key(self.file.reference): self.file}, entries=entries, access_class=self.access_class)


def test_one_known_sign_in_the_zone_is_filed() -> None:
    verdict = Case().verdict()
    assert (verdict.automatic, verdict.by) == (True, OWN_REFERENCE)
    assert SIGN in verdict.why


def but(**changes: Any) -> Callable[[], Case]:
    return lambda: replace(Case(), **changes)


def plus(*more: Proposal) -> Callable[[], Case]:
    return lambda: replace(Case(), proposals=(*Case().proposals, *more))


DOUBTS: dict[str, tuple[Callable[[], Case], str]] = {
    "switched off": (but(own_reference=False), "nichts ohne Prüfung"),
    "no sign": (but(proposals=Case().proposals[1:]), "kein eigenes Aktenzeichen"),
    "no proposals at all": (but(proposals=()), "kein eigenes Aktenzeichen"),
    "two signs in the zone": (plus(reference("BA/632.60-0018/2026")), "mehrere eigene Aktenzeichen"),
    "a second sign in the text": (plus(reference("OA/200.20-0001/2026", TEXT, 0.5)), "mehrere eigene Aktenzeichen"),
    "only in the text": (but(proposals=(reference(by=TEXT), *Case().proposals[1:])), "nur im Text"),
    "hard to read": (but(proposals=(reference(sure=0.79), *Case().proposals[1:])), "nicht sicher zu lesen"),
    "unknown": (but(proposals=(reference("BA/632.60-0099/2026"), *Case().proposals[1:])), "nicht bekannt"),
    "leading zero": (but(proposals=(reference("BA/632.60-017/2026"), *Case().proposals[1:])), "nicht bekannt"),
    "closed": (but(file=replace(Case().file, closed_on=date(2026, 1, 31))), "seit 31.01.2026 geschlossen"),
    "entry closed": (but(entries={}), "nicht mehr führt"),
    "entry restricted": (but(entry=replace(Case().entry, access_class="Personal")), "Zugriffsklasse „Personal“"),
    "document restricted": (but(access_class="Vertraulich"), "Zugriffsklasse „Vertraulich“"),
    "word in the address field": (plus(other("access_class", "Vertraulich", 0.9)), "vertraulich zu behandeln"),
    "a page with a warning": (but(pages=(*Case().pages, Page(3, 210.0, 297.0, "x", warnings=("unscharf",)))), "Seite 3"),
    "no text": (but(pages=(Page(1, 210.0, 297.0),)), "kein Text"),
    "no pages": (but(pages=()), "kein Text"),
    "another Akte is surer": (plus(other("file", "f2", 0.98)), "sprechen gegen"),
    "another entry is surer": (plus(other("entry", "e2", 0.98)), "sprechen gegen"),
    "the Akte was not proposed": (but(proposals=(reference(), other("entry", "e1", 0.9))), "sprechen gegen"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_every_doubt_asks_a_person_and_says_why(name: str) -> None:
    make, why = DOUBTS[name]
    verdict = make().verdict()
    assert (verdict.automatic, verdict.by) == (False, PERSON)
    assert why in verdict.why
    assert verdict.why.endswith((".", "zu behandeln."))


@given(st.lists(st.sampled_from(sorted(DOUBTS)), min_size=1, max_size=4))
def test_doubts_do_not_cancel_out(names: list[str]) -> None:
    merged = Case()
    for name in names:
        made = DOUBTS[name][0]()
        merged = replace(merged, **{key: getattr(made, key) for key in Case.__dataclass_fields__
                                    if getattr(made, key) != getattr(Case(), key)})
    assert not merged.verdict().automatic


@given(st.booleans(), st.lists(st.sampled_from([
    reference(), reference(by=TEXT), reference("BA/1-1/2026"), other("kind", "Antrag", 1.0)])))
def test_never_without_exactly_one_known_sign(switch: bool, proposals: list[Proposal]) -> None:
    verdict = replace(Case(), own_reference=switch, proposals=(*proposals, *Case().proposals[1:])).verdict()
    signs = {one.value for one in proposals if one.field == "file_reference"}
    in_zone = any(place.by == REFERENCE_ZONE for one in proposals for place in one.evidence)
    if verdict.automatic:
        assert switch and signs == {SIGN} and in_zone


def test_the_spelling_of_the_sign_does_not_matter_its_digits_do() -> None:
    loose = replace(Case(), proposals=(reference("ba / 632.60 – 0017 / 2026"), *Case().proposals[1:]))
    assert loose.verdict().automatic


# ---- an Akte that is not sure, or was read only similarly -------------------------------------------------------------


@pytest.mark.parametrize(("sure", "automatic"), [(0.97, True), (0.90, True), (0.899, False), (0.5, False)])
def test_the_akte_must_be_sure_beside_its_sign(sure: float, automatic: bool) -> None:
    verdict = replace(Case(), proposals=(reference(), other("file", "f1", sure), other("entry", "e1", 0.97))).verdict()
    assert verdict.automatic is automatic
    assert automatic or "nicht sicher genug" in verdict.why


def test_a_sign_read_only_similarly_is_never_filed_without_a_person() -> None:
    near = replace(other("file", "f1", 0.99), checks=("reference:similar",))
    verdict = replace(Case(), proposals=(reference(), near, other("entry", "e1", 0.99))).verdict()
    assert not verdict.automatic and "nicht sicher genug" in verdict.why
