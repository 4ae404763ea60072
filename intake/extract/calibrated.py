"""How sure the rules are, as probabilities: what they say, put right by how often it was right. Pure.

A line on the scale of log odds for each field (Platt 1999), so the order of the answers to one question stays as it was. Fitted
and measured by `python -m tests.bench.calibrate`, which prints the table below and, for documents that were not fitted on, how
far said and true lie apart. What the file itself states (an e-invoice, a form field) is not touched. Letters are generated
ones: on real letters, which nobody has labelled for us, the probabilities of their fields may be too high.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from intake.protocols import Extractor
from intake.vocabulary import Material, Proposal

LINES: dict[str, tuple[float, float]] = {
    "committee": (2.03, -1.67),
    "gross_total": (1.38, 0.22),
    "letter_date": (1.51, 0.85),
    "meeting_date": (2.1, -1.61),
    "net_total": (1.35, 0.55),
    "our_reference": (1.62, 0.92),
    "parcel": (1.55, 0.98),
    "recipient_name": (1.38, 0.76),
    "reference": (1.77, 1.04),
    "seller_name": (1.77, -2.16),
    "seller_vat": (1.46, 0.92),
    "sender_address": (1.7, -0.15),
    "sender_name": (1.46, -1.29),
    "site_address": (1.14, 0.71),
    "subject": (1.93, -0.34),
    "tax_total": (1.33, 0.62),
    "your_reference": (1.51, 1.29),
}
"""Field: slope and shift of the log odds."""
LEAST, MOST = 0.02, 0.98
"""Nothing that was read off a page is surer: where all answers were right, their number says no more."""
STATED = ("xml:", "rule:form-field", "sidecar:")


@dataclass(frozen=True, slots=True)
class Calibrated:
    """An extractor whose confidences are probabilities."""

    extractor: Extractor

    def __call__(self, material: Material) -> Iterator[Proposal]:
        """What the extractor says, as sure as it turned out to be."""
        for one in self.extractor(material):
            yield put_right(one)


def put_right(one: Proposal) -> Proposal:
    """The proposal with its probability; as it is where its field was not measured or the file itself states it."""
    line = LINES.get(one.field)
    if line is None or one.evidence[0].by.startswith(STATED):
        return one
    return replace(one, confidence=round(on_line(one.confidence, *line), 3))


def on_line(confidence: float, slope: float, shift: float) -> float:
    """A confidence 0..1 as a probability between LEAST and MOST."""
    inside = min(max(confidence, 0.005), 0.995)
    return min(max(1 / (1 + math.exp(-slope * math.log(inside / (1 - inside)) - shift)), LEAST), MOST)


def calibrated(extractors: Iterable[Extractor]) -> tuple[Extractor, ...]:
    """The extractors, each with its confidences as probabilities."""
    return tuple(Calibrated(one) for one in extractors)
