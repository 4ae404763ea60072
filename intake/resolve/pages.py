"""What on the pages may name an Akte: signs, parcels, addresses, names, with their places. Pure.

Only writing that the register knows (exactly, or with one slip) is kept, so a letterhead or a date is no clue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from intake.keys import reference_key
from intake.resolve.forms import (
    Parcel,
    addresses,
    digits,
    folded,
    name_words,
    pair_key,
    parcels,
    skeleton,
    street_word,
    without_one,
)
from intake.resolve.given import PERSONS, merged, parcels_of, party_keys
from intake.resolve.given import SURE as GIVEN_SURE
from intake.resolve.index import LONGEST_SIGN, Index
from intake.vocabulary import Box, Evidence, Material, Page, Proposal

FRONT, BACK = 3, 1
"""Names and addresses are looked for on so many first and last pages; signs that `extract` found count on all."""
MOST_WORDS = 2500
ADDRESS_WIDTH, ADDRESS_HEIGHT = 80 / 210, 25 / 297
"""Of the address field beside and below the recipient's name (DIN 5008, 85 x 27.3 mm), as fractions of an A4 page."""
UNKNOWN_LEGIBILITY = 0.8
"""Assumed where recognition gave a text without saying how sure it was."""
_LABEL = re.compile(r"\b(ihr(?:e[nm]?)? (?:zeichen|schreiben)|aktenzeichen|geschaeftszeichen|az|gz|bezug|betreff|betr|zum? "
                    r"(?:vorgang|akte)|bauakte|akte)\b")
_FOREIGN = re.compile(r"\b(?:unser|mein)(?:e[nm]?)? zeichen\b")


@dataclass(frozen=True, slots=True)
class Token:
    """A printed word: `place` leads to its box, `legible` says how surely it was read (0..1)."""

    text: str
    page: int
    line: int
    box: Box | None
    legible: float


@dataclass(frozen=True, slots=True)
class Sign:
    """Something written like an Aktenzeichen. `labelled`: it stands at a leading word or in the reference zone."""

    key: str
    tokens: tuple[Token, ...]
    labelled: bool
    foreign: bool
    text: str

    @property
    def legible(self) -> float:
        return min((token.legible for token in self.tokens), default=1.0)


@dataclass(frozen=True, slots=True)
class Found:
    """A parcel, an address or a pair of names on a page; `similar` when it was read with a slip. `key` as in the index.

    `party`: the name of who sends or pays an invoice.
    """

    key: str
    tokens: tuple[Token, ...]
    similar: bool = False
    parcel: Parcel | None = None
    party: bool = False


@dataclass(slots=True)
class Clues:
    """Everything on a document that the register may know."""

    signs: list[Sign] = field(default_factory=list)
    parcels: list[Found] = field(default_factory=list)
    addresses: list[Found] = field(default_factory=list)
    names: list[Found] = field(default_factory=list)
    words: frozenset[str] = frozenset()
    title_words: frozenset[str] = frozenset()  # of `words` those that titles of Akten have
    own_signs: frozenset[str] = frozenset()  # keys of what follows the tenant's pattern
    thread: tuple[str, ...] = ()  # ids of Akten of earlier messages
    born_digital: bool = False


def clues(material: Material, extracted: Sequence[Proposal], index: Index) -> Clues:
    """The clues of a document: what was extracted (signs, parcels, places, applicants) and what the pages say."""
    count = len(material.pages)
    chosen = [(number, page) for number, page in enumerate(material.pages, 1) if number <= FRONT or number > count - BACK]
    tokens = [token for number, page in chosen for token in _tokens(number, page)][:MOST_WORDS]
    lines = list(_lines(tokens))
    found = Clues(words=frozenset(word for token in tokens for word in re.findall(r"[a-z]{4,}", folded(token.text))),
                  thread=tuple(material.notes.get("thread", ())),
                  born_digital=all(page.source == "text-layer" for page in material.pages))
    found.title_words = frozenset(word for word in found.words if word in index.titles)
    found.signs = [*_extracted_signs(extracted, material), *_signs(lines)]
    found.own_signs = frozenset(reference_key(one.value) for one in extracted if one.field == "file_reference")
    found.parcels = _with_given(_parcels(tokens), extracted)
    lines += _given_lines(extracted)
    printed = {token.text for line in lines for token in line}
    given = {street_word(text) for text in printed} | {word for text in printed for word in name_words(text)}
    spelled = index.spellings(sorted(word for word in given if len(word) >= 2))
    parties, ours = party_keys(extracted), _recipient(extracted)
    found.addresses = [one for one in _addresses(lines, spelled) if not _all_in(one, ours)]
    found.names = [replace(one, party=True) if one.key in parties else one for one in _names(lines, spelled)
                   if not _all_in(one, ours)]
    return found


def _recipient(extracted: Sequence[Proposal]) -> Box | None:
    """Where on the first page the recipient's name and address stand: who is written to names no Akte."""
    place = next((one.evidence[0] for one in extracted if one.field == "recipient_name"), None)
    if place is None or place.page != 1 or place.box is None:
        return None
    left, top, right, bottom = place.box
    return (max(0.0, left - 0.05), top - 0.01, min(1.0, max(right, left + ADDRESS_WIDTH)), bottom + ADDRESS_HEIGHT)


def _all_in(found: Found, area: Box | None) -> bool:
    return area is not None and all(token.page == 1 and token.box is not None and _inside(token.box, area)
                                    for token in found.tokens)


def _with_given(spotted: list[Found], extracted: Sequence[Proposal]) -> list[Found]:
    """The parcels seen on the pages, made more exact and completed by those that were extracted."""
    found = list(spotted)
    for parcel, one in parcels_of(extracted):
        at = merged([known.parcel for known in found if known.parcel], parcel)
        place = one.evidence[0]
        token = Token(one.value, place.page, 0, place.box, UNKNOWN_LEGIBILITY)
        if at is None:
            found.append(Found(f"p{parcel.number}", (token,), False, parcel))
        elif at >= 0:
            found[at] = replace(found[at], parcel=parcel)
    return found


def _given_lines(extracted: Sequence[Proposal]) -> Iterator[list[Token]]:
    """Extracted places of building and applicants as lines of words, read like those of the pages."""
    for one in extracted:
        if one.field in ("site_address", *PERSONS) and one.confidence >= GIVEN_SURE:
            place = one.evidence[0]
            yield [Token(word, place.page, 0, place.box, UNKNOWN_LEGIBILITY) for word in one.value.split()]


def _tokens(number: int, page: Page) -> Iterator[Token]:
    if page.words:
        for word in page.words:
            yield Token(word.text, number, word.block * 10_000 + word.line, word.box, word.confidence)
        return
    legible = 1.0 if page.source == "text-layer" else UNKNOWN_LEGIBILITY
    for line, text in enumerate(page.text.splitlines()):
        for printed in text.split():
            yield Token(printed, number, line, None, legible)


def _lines(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    line: list[Token] = []
    for token in tokens:
        if line and (line[0].page, line[0].line) != (token.page, token.line):
            yield line
            line = []
        line.append(token)
    if line:
        yield line


def evidence(by: str, tokens: Sequence[Token], text: str = "") -> Evidence:
    """The place of words on a page: one box around them all."""
    boxes = [token.box for token in tokens if token.box]
    box = None
    if boxes:
        box = (min(one[0] for one in boxes), min(one[1] for one in boxes), max(one[2] for one in boxes),
               max(one[3] for one in boxes))
    return Evidence(by, tokens[0].page if tokens else 0, box, text or " ".join(token.text for token in tokens))


def _extracted_signs(extracted: Sequence[Proposal], material: Material) -> Iterator[Sign]:
    """Own Aktenzeichen that the extractors found, on whatever page."""
    for one in extracted:
        if one.field in ("file_reference", "your_reference") and re.search(r"\d", one.value):
            place = one.evidence[0]
            page = material.pages[place.page - 1] if 1 <= place.page <= len(material.pages) else None
            legible = 1.0 if page is None or page.source == "text-layer" else UNKNOWN_LEGIBILITY
            if page is not None and page.words and place.box:
                inside = [word.confidence for word in page.words if _inside(word.box, place.box)]
                legible = min(inside, default=legible)
            read = one.raw if one.raw and one.field == "file_reference" else one.value  # slips are weighed here, not before
            token = Token(read, place.page, 0, place.box, legible)
            labelled = one.field == "your_reference" or any("zone" in other.by for other in one.evidence)
            yield Sign(reference_key(read), (token,), labelled, False, read)


def _inside(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _signs(lines: Sequence[Sequence[Token]]) -> Iterator[Sign]:
    """Runs of words that may be a sign with slips: enough digits, and letters or separators between them."""
    before = ""
    for line in lines:
        plain = folded(" ".join(token.text for token in line))
        above, before = before, plain
        for start, end in _runs(line):
            text = "".join(token.text for token in line[start:end]).strip(".,;:()[]\"'„“")
            text = text.rsplit(":", 1)[-1] if ":" in text else text
            bare = skeleton(text)
            if 5 <= len(bare) <= LONGEST_SIGN and sum(map(str.isdigit, digits(bare))) >= 4 and not _DATE.match(text):
                ahead = folded(" ".join(token.text for token in line[:start]))
                near = ahead if len(ahead) > 3 else f"{above} {ahead}"
                yield Sign(reference_key(text), tuple(line[start:end]), bool(_LABEL.search(near)),
                           bool(_FOREIGN.search(near)) and not _LABEL.search(near), text)


_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(\d{2}|\d{4})$")


def _runs(line: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Single words with a digit, and words that a stray blank beside a separator has parted."""
    for at, token in enumerate(line):
        if re.search(r"\d", token.text):
            yield at, at + 1
        end = at + 1
        while end < len(line) and end - at < 4 and (line[end - 1].text[-1:] in "-/." or line[end].text[:1] in "-/."):
            end += 1
        if end > at + 1:
            yield at, end


def _parcels(tokens: Sequence[Token]) -> list[Found]:
    return [Found(f"p{parcel.number}", tuple(tokens[first:last + 1])[:12], False, parcel)
            for parcel, first, last in parcels([token.text for token in tokens])]


def _addresses(lines: Iterable[Sequence[Token]], spelled: dict[str, tuple[str, ...]]) -> list[Found]:
    found: dict[str, Found] = {}
    for line in lines:
        for words, number, first, last in addresses([token.text for token in line]):
            for street, similar in _spelled(words, spelled):
                key = f"a{' '.join(street)} {number}"
                if key not in found or (found[key].similar and not similar):
                    found[key] = Found(key, tuple(line[first:last + 1]), similar)
    return list(found.values())


def _spelled(words: tuple[str, ...], spelled: dict[str, tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The words as the register may spell them (at most eight ways); nothing when it does not know one of them."""
    ways: list[tuple[str, ...]] = [()]
    for word in words:
        ways = [(*way, one) for way in ways for one in spelled.get(word, ())][:8]
    yield from ((way, way != words) for way in ways)


def _names(lines: Iterable[Sequence[Token]], spelled: dict[str, tuple[str, ...]]) -> list[Found]:
    """Pairs of words that stand side by side in capitals and that the register knows as parts of names."""
    found: dict[str, Found] = {}
    for line in lines:
        words = [(word, token) for token in line if token.text[:1].isupper() or folded(token.text) in ("und", "&")
                 for word in (name_words(token.text) or ("und",))]
        for at, (word, token) in enumerate(words):
            if word == "und":
                continue
            for step in (1, 3) if at + 1 < len(words) and words[at + 1][0] == "und" else (1, 2):
                if at + step < len(words) and words[at + step][0] != "und":
                    other, last = words[at + step]
                    for (one, two), similar in _spelled((word, other), spelled):
                        key = f"n{pair_key(one, two)}"
                        if key not in found or (found[key].similar and not similar):
                            found[key] = Found(key, (token, last), similar)
    return list(found.values())


def sign_keys(signs: Sequence[Sign]) -> list[str]:
    """The keys under which Akten with such a sign, or one slip away, stand in the index."""
    keys: dict[str, None] = {}
    for sign in signs:
        bare = skeleton(sign.key)
        keys[f"r{sign.key}"] = None
        if 4 <= len(bare) <= LONGEST_SIGN:
            keys |= dict.fromkeys((*(f"d{slip}" for slip in without_one(bare)), f"h{bare[-8:]}"))
    return list(keys)
