"""Clues from what the extractors already found: parcels, places of building, applicants, on whatever page they stand. Pure.

The extractors read tables, forms and lists that a look at single lines does not, and they know the town's Gemarkungen by number;
what both found counts once, with the Gemarkung where only one of them knows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from intake.keys import fold
from intake.resolve.forms import Parcel, name_pairs
from intake.vocabulary import Proposal

SURE = 0.5
"""What an extractor finds less likely than this is no clue."""
PERSONS = ("applicant", "owner")
PARTIES = ("seller_name", "buyer_name")
MOST = 40
"""So many parcels of a document are looked up; a list of more is about a whole area."""


def parcels_of(extracted: Sequence[Proposal]) -> Iterator[tuple[Parcel, Proposal]]:
    """Each `parcel` with Gemarkung and Flur as its checks tell them, at most 40."""
    some = [one for one in extracted if one.field == "parcel" and one.confidence >= SURE]
    for one in some[:MOST]:
        said = dict(check.split(":", 1) for check in one.checks if check.startswith(("gemarkung:", "flur:")))
        name = said.get("gemarkung", "")
        if "parcel:unknown-gemarkung" in one.checks and not name:
            name = (one.raw or one.evidence[0].text)[:6]  # a Flurstückskennzeichen of a Gemarkung that is not the town's
        yield Parcel(fold(name.split()[0]) if name else "", said.get("flur", ""), one.value), one


def merged(spotted: Sequence[Parcel], more: Parcel) -> int | None:
    """Where in `spotted` the same parcel is that `more` says more exactly; -1 when it says nothing new, None for a new one."""
    for at, one in enumerate(spotted):
        if one.fits(more):
            exact = (not one.gemarkung or not more.gemarkung or one.gemarkung == more.gemarkung)
            fuller = bool(more.gemarkung and not one.gemarkung) or bool(more.flur and not one.flur)
            return at if exact and fuller else -1
    return None


def party_keys(extracted: Sequence[Proposal]) -> frozenset[str]:
    """Keys of the names of seller and buyer of an invoice: they say who is paid, not which matter it is about."""
    return frozenset(f"n{pair}" for one in extracted if one.field in PARTIES for pair in name_pairs(one.value))
