"""Proposals are merged and ranked without losing an origin; an Aktenzeichen outranks words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from intake.keys import reference_key
from intake.propose import MOST_PER_FIELD, Knowledge, best, merge, propose, shorten
from intake.vocabulary import AktenplanEntry, Envelope, Evidence, File, Material, Page, Proposal

ENTRIES = {one.id: one for one in (
    AktenplanEntry("e1", "632.60", "Einzelne Bauvorhaben"), AktenplanEntry("e2", "922.10", "Hundesteuer"),
    AktenplanEntry("e3", "632", "Bauordnung"))}
FILES = {reference_key(one.reference): one for one in (
    File("f1", "BA/632.60-0017/2026", "Haus", "e1"), File("f2", "KA/922.10-0001/2025", "Hund", "e2"))}
MATERIAL = Material((Page(1, 210.0, 297.0, "Text"),), name="scan_0001.pdf")


def says(*found: Proposal) -> Callable[..., Sequence[Proposal]]:
    return lambda *_: found


def one(field: str, value: str, sure: float, by: str = "rule:x@1") -> Proposal:
    return Proposal(field, value, sure, (Evidence(by, 1, (0.1, 0.1, 0.2, 0.2), value),))


def knowing(*found: Proposal, rank: Sequence[Proposal] = ()) -> Knowledge:
    return Knowledge(ENTRIES, FILES, (says(*found),), says(*rank))


def values(found: Sequence[Proposal], field: str) -> list[str]:
    return [proposal.value for proposal in found if proposal.field == field]


PROPOSALS = st.lists(st.builds(one, st.sampled_from("ab"), st.sampled_from("123456789"), st.floats(0, 1),
                               st.sampled_from(["rule:x@1", "rule:y@1"])), max_size=25)


@given(PROPOSALS)
def test_merging_ranks_and_keeps_every_origin(given_ones: list[Proposal]) -> None:
    merged = merge(given_ones)
    assert merge(merged) == merged
    for field in "ab":
        ranked = [proposal for proposal in merged if proposal.field == field]
        wanted = {proposal.value for proposal in given_ones if proposal.field == field}
        assert len(ranked) == min(len(wanted), MOST_PER_FIELD)
        assert [proposal.confidence for proposal in ranked] == sorted((proposal.confidence for proposal in ranked), reverse=True)
        for proposal in ranked:
            same = [other for other in given_ones if (other.field, other.value) == (field, proposal.value)]
            assert proposal.confidence == max(other.confidence for other in same)
            assert set(proposal.evidence) == {place for other in same for place in other.evidence}


def test_a_list_is_not_cut_like_answers() -> None:
    parcels = [one("parcel", f"{number}/2", 0.9) for number in range(1, 31)]
    assert len(values(merge(parcels), "parcel")) == 30
    assert len(values(merge(replace(parcel, field="subject") for parcel in parcels), "subject")) == MOST_PER_FIELD


def test_a_known_sign_gives_akte_and_entry_above_all_words() -> None:
    found = propose(MATERIAL, knowing(one("file_reference", "ba / 632.60-0017/2026", 0.9),
                                      rank=(one("entry", "e2", 0.99), one("entry", "e3", 0.5))))
    assert values(found, "file") == ["f1"]
    assert values(found, "entry") == ["e1", "e2", "e3"]
    file = best(found, "file")
    assert file and {place.by for place in file.evidence} == {"rule:x@1", "register:files"}


def test_two_known_signs_are_two_akten_and_less_sure() -> None:
    found = propose(MATERIAL, knowing(*(one("file_reference", file.reference, 0.97) for file in FILES.values())))
    assert sorted(values(found, "file")) == ["f1", "f2"]
    assert all(proposal.confidence < 0.7 for proposal in found if proposal.field == "file")


def test_an_unknown_sign_leads_to_the_entry_of_its_notation() -> None:
    found = propose(MATERIAL, knowing(one("file_reference", "BA/632.60-0099/2026", 0.9), rank=(one("entry", "e2", 0.9),)))
    assert values(found, "file") == []
    assert values(found, "entry") == ["e1", "e2"]


def test_entries_that_the_plan_does_not_have_are_not_proposed() -> None:
    assert values(propose(MATERIAL, knowing(rank=(one("entry", "gone", 0.9),))), "entry") == []


def test_judges_see_what_the_extractors_found() -> None:
    def judge(_: Material, found: Sequence[Proposal]) -> Sequence[Proposal]:
        return [one("kind", f"{len(found)} {found[0].field}", 0.5)]

    knowledge = Knowledge(ENTRIES, FILES, (says(one("subject", "Zaun", 0.9)),), judges=(judge,))
    assert values(propose(MATERIAL, knowledge), "kind") == ["1 subject"]


def test_there_is_always_a_title() -> None:
    assert values(propose(MATERIAL, knowing(one("subject", "Zaun am Weg", 0.9))), "title") == ["Zaun am Weg"]
    named = propose(MATERIAL, knowing(one("kind", "Rechnung", 0.9), one("sender_name", "Nissen GmbH", 0.9),
                                      one("letter_date", "2026-03-04", 0.9)))
    assert values(named, "title") == ["Rechnung von Nissen GmbH vom 04.03.2026"]
    assert values(propose(MATERIAL, knowing(one("sender_name", "Inga Harms", 0.9))), "title") == ["Schreiben von Inga Harms"]
    assert values(propose(MATERIAL, knowing()), "title") == ["scan 0001"]
    assert values(propose(Material((), Envelope(subject="Müll")), knowing()), "title") == ["Müll"]
    assert values(propose(Material(()), knowing()), "title") == ["Schriftstück ohne Betreff"]


@given(st.text(max_size=400), st.integers(20, 100))
def test_titles_fit(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length and "\n" not in short
    assert len(" ".join(text.split())) > length or short == " ".join(text.split())


def test_the_same_twice_is_the_same() -> None:
    knowledge = knowing(one("subject", "a", 0.5), one("subject", "b", 0.5), one("file_reference", "BA/632.60-0017/2026", 0.9))
    assert propose(MATERIAL, knowledge) == propose(MATERIAL, knowledge)
    assert values(propose(MATERIAL, knowledge), "subject") == ["a", "b"]
