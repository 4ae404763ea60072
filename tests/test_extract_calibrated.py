"""Confidences as probabilities: order kept, what a file states untouched, every field's line usable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.extract.calibrated import LEAST, LINES, MOST, calibrated, on_line, put_right
from intake.vocabulary import Evidence, Material, Proposal

SHARES = st.floats(0.0, 1.0)


def said(field: str, sure: float, by: str = "rule:letter-label@1") -> Proposal:
    return Proposal(field, "x", sure, (Evidence(by, 1, (0.1, 0.1, 0.2, 0.2), "x"),), "raw", ("ok",))


@given(st.sampled_from(sorted(LINES)), SHARES, SHARES)
def test_the_order_of_answers_to_one_question_stays(field: str, one: float, other: float) -> None:
    first, second = sorted((one, other))
    assert put_right(said(field, first)).confidence <= put_right(said(field, second)).confidence


@given(SHARES, st.floats(0.1, 4.0), st.floats(-4.0, 4.0))
def test_a_line_gives_a_probability(sure: float, slope: float, shift: float) -> None:
    assert LEAST <= on_line(sure, slope, shift) <= MOST


def test_the_line_that_changes_nothing() -> None:
    assert on_line(0.7, 1.0, 0.0) == pytest.approx(0.7)


@pytest.mark.parametrize("by", ["xml:cii@1", "rule:form-field@1", "sidecar:brief.xml Betreff"])
def test_what_is_stated_is_not_touched(by: str) -> None:
    assert put_right(said("subject", 0.9, by)) == said("subject", 0.9, by)


def test_a_field_that_was_not_measured_is_not_touched() -> None:
    assert put_right(said("colour", 0.9)) == said("colour", 0.9)


def test_nothing_but_the_confidence_changes() -> None:
    (wrapped,) = calibrated([lambda _: (said("sender_name", 0.6),)])
    (one,) = wrapped(Material(()))
    before = said("sender_name", 0.6)
    assert (one.value, one.raw, one.checks, one.evidence) == (before.value, before.raw, before.checks, before.evidence)
    assert one.confidence < 0.6  # names are misread more often than the rules believe
