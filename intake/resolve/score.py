"""From clues to probabilities: each candidate gets points for what agrees and loses them for what disagrees. Pure.

The model is a conditional logit: the probability of an Akte is exp(points) over the sum of exp(points) of all candidates
and of "none of them". Two Akten that fit equally well share the probability, so neither is sure. `WEIGHTS` were learnt by
`python -m tests.bench.resolve --learn` on made-up registers and letters with misreadings (see there); only `thread`, `closed`
and `name_party` (seller or buyer of an invoice), which those letters do not have, were set by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from intake.keys import reference_key
from intake.resolve.forms import FARTHEST, OTHER, alike, distance, name_pairs, near_numbers, title_words
from intake.resolve.index import MOST, Index, file_addresses, file_parcels
from intake.resolve.pages import Clues, Found, Sign, sign_keys
from intake.vocabulary import File

SHORTLIST, NEAR = 64, 6
"""So many Akten are compared; for so many parcels and addresses those one digit away are looked up too."""
FEATURES = (
    "sign", "sign_labelled", "sign_certain", "sign_illegible", "sign_similar", "sign_distance", "sign_former", "sign_other",
    "parcel", "parcel_loose", "parcel_similar", "parcel_other", "address", "address_similar", "address_near",
    "address_other",
    "name", "name_rare", "name_similar", "name_party", "name_other", "title", "title_other", "thread", "closed",
)
NONE_FEATURES = ("none", "none_sign", "none_parcel", "none_address", "none_name")
WEIGHTS: dict[str, float] = {
    "sign": 10.15, "sign_labelled": 2.22, "sign_certain": 2.01, "sign_illegible": 1.63, "sign_similar": 8.94,
    "sign_distance": -5.06, "sign_former": 2.85, "sign_other": -0.25, "parcel": 2.81, "parcel_loose": -0.38,
    "parcel_similar": -1.44, "parcel_other": -5.54, "address": 3.57, "address_similar": 3.51, "address_near": -0.37,
    "address_other": 1.11, "name": -2.32, "name_rare": 5.61, "name_similar": -3.66, "name_party": 0.6, "name_other": 1.7,
    "title": 1.44, "title_other": -2.04, "thread": 6.0, "closed": -1.0, "none": 4.13, "none_sign": 5.01,
    "none_parcel": 2.45, "none_address": -1.86, "none_name": -1.9}
FAINT = 0.2 - 1e-9
"""A sign read so badly (or nobody knows how well) makes no Akte sure when nothing else on the pages fits: one misread digit is
the Aktenzeichen of another Akte. The same for a sign that is only similar."""
UNSIGNED, OTHER_MATTER = 0.89, 0.80
"""An Akte is at most so likely when neither a sign nor an earlier message names it: the same people write about the same parcel
when they build again, and nothing printed then tells the new matter from the old; still less when the words of its title are
not there. Of made-up letters with 0.9 and more without a sign 0.94 and 0.80 were right (tests.bench.resolve, each sixth letter
about an Akte that the register lacks); the first is understated on purpose, as the share of new matters is not known.
"""


@dataclass(slots=True)
class Candidate:
    """An Akte with what speaks for it: features and the clues behind them."""

    file: File
    features: dict[str, float] = field(default_factory=dict)
    signs: list[tuple[Sign, str, float]] = field(default_factory=list)  # sign, what the register has, distance
    found: list[tuple[str, Found]] = field(default_factory=list)
    probability: float = 0.0


def shortlist(clues: Clues, index: Index) -> list[str]:
    """Ids of the Akten that share a clue with the document, those with the rarest and surest clues first, at most 64."""
    keyed = [(key, 5.0 if key[0] == "r" else 2.0) for key in sign_keys(clues.signs)]
    keyed += [(key, 2.0) for one in clues.parcels for key in _parcel_keys(one)]
    keyed += [(one.key, 1.5 if not one.similar else 1.0) for one in clues.addresses]
    keyed += [(one.key, 1.0 if not one.similar else 0.6) for one in clues.names]
    keyed += [(key, 0.5) for key in _near_keys(clues)]
    points: dict[int, dict[str, float]] = {}
    for (key, weight), rows in zip(keyed, index.files([key for key, _ in keyed]), strict=True):
        if len(rows) <= MOST:
            rarity = weight * (1.0 - math.log(1 + len(rows)) / math.log(2 + 4 * MOST))
            for row in set(rows.tolist()):
                kinds = points.setdefault(row, {})
                kinds[key[0]] = max(kinds.get(key[0], 0.0), rarity)
    best = sorted(points, key=lambda row: (-sum(points[row].values()), row))[:SHORTLIST]
    return [*dict.fromkeys((*clues.thread, *(index.ids[row] for row in best)))]


def _parcel_keys(found: Found) -> tuple[str, ...]:
    assert found.parcel is not None
    return (f"q{found.parcel.key}", f"p{found.parcel.number}") if found.parcel.flur else (f"p{found.parcel.number}",)


def _near_keys(clues: Clues) -> list[str]:
    """Keys of parcels and addresses one misread digit away from those on the pages."""
    keys: dict[str, None] = {}
    for found in clues.parcels[:NEAR]:
        parcel = found.parcel
        if parcel is not None and parcel.flur:
            keys |= dict.fromkeys(f"q{parcel.flur}:{number}" for number in near_numbers(parcel.number))
            keys |= dict.fromkeys(f"q{flur}:{parcel.number}" for flur in near_numbers(parcel.flur))
    for found in clues.addresses[:NEAR]:
        street, number = found.key.rsplit(" ", 1)
        keys |= dict.fromkeys(f"{street} {other}" for other in near_numbers(number))
    return list(keys)


def compare(clues: Clues, files: Sequence[File], index: Index) -> list[Candidate]:
    """Each Akte of the shortlist with its features; what fits none of them is dropped."""
    made = [Candidate(file) for file in files]
    counts = _counts(clues, index)
    for one in made:
        _signs(one, clues)
        _parcels(one, clues)
        _addresses(one, clues)
        _names(one, clues, counts, max(2, len(index)))
        _title(one, clues)
        one.features["thread"] = float(one.file.id in clues.thread)
        one.features["closed"] = float(one.file.closed_on is not None)
    made = [one for one in made if one.signs or one.found or one.features["thread"]]
    for name, has in (("sign", "sign"), ("parcel", "parcel"), ("address", "address"), ("name", "name")):
        known = any(one.features.get(has) for one in made)
        for one in made:  # the document names what another Akte has, and this one has another
            one.features[f"{name}_other"] = float(known and not _agrees(one, name))
    return made


def _agrees(one: Candidate, name: str) -> bool:
    return any(value for feature, value in one.features.items() if feature.startswith(name) and not feature.endswith("_other"))


def _counts(clues: Clues, index: Index) -> dict[str, int]:
    return {found.key: len(rows) for found, rows in zip(clues.names, index.files([one.key for one in clues.names]), strict=True)}


def _signs(one: Candidate, clues: Clues) -> None:
    best = FARTHEST + 0.01
    for former, reference in ((False, one.file.reference), *((True, old) for old in one.file.former)):
        own = reference_key(reference)
        for sign in clues.signs:
            if sign.foreign or abs(len(sign.key) - len(own)) > 4:
                continue
            away = 0.0 if sign.key == own else distance(sign.key, own)
            if away > FARTHEST:
                continue
            one.signs.append((sign, reference, away))
            if away >= best and not (away == best and sign.labelled):
                continue
            best = away
            exact = away == 0.0
            one.features |= {
                "sign": float(exact), "sign_labelled": float(exact and sign.labelled),
                "sign_certain": float(exact and clues.born_digital),
                "sign_illegible": (1.0 - sign.legible) if exact and not clues.born_digital else 0.0,
                "sign_similar": float(not exact), "sign_distance": away, "sign_former": float(former)}


def _parcels(one: Candidate, clues: Clues) -> None:
    own = [parcel for parcel, _, _ in file_parcels(one.file)] if clues.parcels else []
    for found in clues.parcels:
        assert found.parcel is not None
        for parcel in own:
            if parcel.fits(found.parcel):
                whole = bool(found.parcel.flur and parcel.flur) or bool(found.parcel.gemarkung and parcel.gemarkung)
                one.features["parcel" if whole else "parcel_loose"] = 1.0
                one.found.append(("parcel", found))
            elif parcel.flur and found.parcel.flur and distance(parcel.key, found.parcel.key) <= OTHER and (
                    parcel.gemarkung == "" or found.parcel.gemarkung == "" or alike(parcel.gemarkung, found.parcel.gemarkung)):
                one.features["parcel_similar"] = 1.0
                one.found.append(("parcel", replace(found, similar=True)))


def _addresses(one: Candidate, clues: Clues) -> None:
    own = {f"a{' '.join(words)} {number}" for words, number in file_addresses(one.file)} if clues.addresses else set()
    for found in clues.addresses:
        if found.key in own:
            name = "address_similar" if found.similar else "address"
            one.features[name] = 1.0
            one.found.append(("address", found))
        elif any(key.rsplit(" ", 1)[0] == found.key.rsplit(" ", 1)[0] and distance(key, found.key) <= OTHER for key in own):
            one.features["address_near"] = 1.0
            one.found.append(("address", replace(found, similar=True)))


def _names(one: Candidate, clues: Clues, counts: dict[str, int], total: int) -> None:
    own = {f"n{pair}" for person in one.file.persons for pair in name_pairs(person)} if clues.names else set()
    for found in clues.names:
        if found.key in own:
            one.found.append(("name", found))
            if found.party:
                one.features["name_party"] = 1.0
                continue
            name = "name_similar" if found.similar else "name"
            one.features[name] = 1.0
            rarity = 1.0 - math.log(max(1, counts[found.key])) / math.log(total)
            one.features["name_rare"] = max(one.features.get("name_rare", 0.0), rarity)


def _title(one: Candidate, clues: Clues) -> None:
    """The share of the Akte's title words that the document has (long words count as many times as they are long).

    `title_other`: the document has words of other Akten's titles and none of this one's, so it may be about something else.
    """
    words = title_words(one.file.title)
    whole = sum(map(len, words))
    one.features["title"] = sum(len(word) for word in words if word in clues.words) / whole if whole else 0.0
    one.features["title_other"] = float(bool(whole and clues.title_words and not words & clues.title_words))


def none_features(clues: Clues, candidates: Sequence[Candidate]) -> dict[str, float]:
    """What speaks for "none of them": signs, parcels, addresses and names on the page that no candidate has."""
    def fits(name: str) -> bool:
        return any(_agrees(one, name) for one in candidates)

    exact = {sign.key for one in candidates for sign, _, away in one.signs if away == 0.0}
    return {"none": 1.0, "none_sign": float(bool(clues.own_signs - exact)),
            "none_parcel": float(bool(clues.parcels) and not fits("parcel")),
            "none_address": float(not fits("address")), "none_name": float(not fits("name"))}


def weigh(clues: Clues, candidates: Sequence[Candidate], weights: dict[str, float] | None = None) -> float:
    """Gives every candidate its probability; returns the probability that it is none of them."""
    used = WEIGHTS if weights is None else weights
    points = [sum(used.get(name, 0.0) * value for name, value in one.features.items()) for one in candidates]
    points.append(sum(used.get(name, 0.0) * value for name, value in none_features(clues, candidates).items()))
    top = max(points)
    shares = [math.exp(one - top) for one in points]
    for one, share in zip(candidates, shares, strict=False):
        one.probability = min(share / sum(shares), _most(one))
    return max(0.0, 1.0 - sum(one.probability for one in candidates))


def _most(one: Candidate) -> float:
    if one.features.get("thread"):
        return 1.0
    if one.signs:
        has = one.features.get
        beside = any(_agrees(one, name) for name in ("parcel", "address", "name")) or has("title", 0.0) >= 0.3
        faint = not has("sign") or has("sign_illegible", 0.0) >= FAINT
        return UNSIGNED if faint and not beside else 1.0
    return UNSIGNED if one.features.get("title", 0.0) >= 0.5 else OTHER_MATTER
