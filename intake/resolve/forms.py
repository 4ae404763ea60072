"""How Aktenzeichen, parcels, addresses and names are spelled for comparing, and how far a misreading may lie away. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from intake.keys import fold, reference_key

folded = lru_cache(maxsize=100_000)(fold)
"""`keys.fold`, remembered: the same words come again and again."""
_LOOK_ALIKE = str.maketrans({"O": "0", "D": "0", "Q": "0", "I": "1", "L": "1", "|": "1", "!": "1", "S": "5", "B": "8",
                             "Z": "2", "G": "6"})
_DIGIT_FOR = str.maketrans({"O": "0", "o": "0", "D": "0", "Q": "0", "I": "1", "l": "1", "|": "1", "!": "1", "S": "5",
                            "s": "5", "B": "8", "Z": "2", "z": "2", "G": "6"})
_PAIRS = frozenset(frozenset(pair) for pair in (
    "0O", "0D", "0Q", "0C", "1I", "1L", "1|", "1!", "1/", "1T", "1J", "I/", "L/", "|/", "5S", "8B", "2Z", "6G", "38", "17",
    "56", "35", "06", "68", "08", "49", "14", "89", "09", "39", "58", "27", "4A", "8&", "IL", "OD", "OQ", "UV", "VY", "CG",
    "CO", "EF", "MN", "HN", "PR", "BR", "TI", "TF"))
"""Characters that recognition takes for each other, seen in Tesseract's readings of scanned digits and capitals."""
_SEPARATORS = frozenset("-/.,:;·_ ")
SAME_FORM, SEPARATOR, LOOK_ALIKE, OTHER = 0.2, 0.3, 0.5, 1.0
"""Cost of one misread character: a letter for the digit it looks like, a separator read as another (or lost), a look-alike that
makes as good a sign, anything else."""
FARTHEST = 1.6
"""Signs further apart than this are two signs: one look-alike and one other slip still count as one."""
_TITLES = frozenset((
    "dr", "prof", "dipl", "ing", "herr", "herrn", "frau", "firma", "fa", "familie", "eheleute", "bauherr", "bauherrin",
    "bauherrschaft", "antragsteller", "antragstellerin", "entwurfsverfasser", "entwurfsverfasserin", "nachbar", "nachbarin",
    "eigentuemer", "eigentuemerin", "und", "geb", "von", "der", "van", "zu", "den", "de"))
_LEGAL = frozenset((
    "gmbh", "mbh", "kg", "ag", "ohg", "gbr", "ug", "eg", "ev", "co", "se", "e", "v", "g"))

_FREQUENT = frozenset((
    "eines", "einer", "einem", "neubau", "errichtung", "antrag", "bauantrag", "sowie", "wegen", "ueber", "unter", "nach"))


def title_words(title: str) -> frozenset[str]:
    """The words of a title that tell one matter from another, folded."""
    return frozenset(word for word in re.findall(r"[a-z]{5,}", folded(title)) if word not in _FREQUENT)


def skeleton(text: str) -> str:
    """A sign with look-alikes made one and nothing but letters and digits: `BA/632.60-0O17` becomes `8A632600017`."""
    return re.sub(r"[^0-9A-ZÄÖÜ]", "", reference_key(text).translate(_LOOK_ALIKE))


def without_one(text: str) -> Iterator[str]:
    """`text` and every text that lacks one of its characters: two texts one slip apart share one of these."""
    yield text
    for at in range(len(text)):
        yield text[:at] + text[at + 1:]


def distance(one: str, other: str) -> float:
    """How far two texts (upper case) lie apart as misreadings: 0 equal, else the cost of the slips between.

    Above `FARTHEST` only that it is more is right.
    """
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    before = [0.0]
    for char in other:
        before.append(before[-1] + _lost(char))
    for left in one:
        row = [before[0] + _lost(left)]
        for index, right in enumerate(other):
            row.append(min(before[index] + _mistaken(left, right), before[index + 1] + _lost(left), row[index] + _lost(right)))
        if min(row) > FARTHEST:
            return min(row)
        before = row
    return round(before[-1], 3)


def _lost(char: str) -> float:
    return SEPARATOR if char in _SEPARATORS else OTHER


def _mistaken(left: str, right: str) -> float:
    if left == right:
        return 0.0
    if left in _SEPARATORS and right in _SEPARATORS:
        return SEPARATOR
    if left.translate(_LOOK_ALIKE) == right.translate(_LOOK_ALIKE):
        return SAME_FORM
    return LOOK_ALIKE if frozenset((left, right)) in _PAIRS else OTHER


def digits(text: str) -> str:
    """`text` with letters that look like digits read as digits: `l7/4` becomes `17/4`."""
    return text.translate(_DIGIT_FOR)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A Flurstück as written: `gemarkung` folded ("" unknown), `flur` ("" unknown), `number` like `17/4`."""

    gemarkung: str
    flur: str
    number: str

    @property
    def key(self) -> str:
        return f"{self.flur}:{self.number}"

    def fits(self, other: Parcel) -> bool:
        """Same number, and neither Flur nor Gemarkung contradict each other (a Gemarkung may have one slip)."""
        if self.number != other.number or (self.flur and other.flur and self.flur != other.flur):
            return False
        return not self.gemarkung or not other.gemarkung or alike(self.gemarkung, other.gemarkung)


def alike(one: str, other: str) -> bool:
    """Whether two folded words are the same but for at most one slip, or one begins with the other."""
    if one == other or one.startswith(other) or other.startswith(one):
        return True
    return abs(len(one) - len(other)) <= 1 and distance(one.upper(), other.upper()) <= OTHER


_NUMBER = re.compile(r"(\d{1,5})(?:/(\d{1,4}))?$")
_CODE = re.compile(r"\b(\d{6})(\d{3}|_{3})(\d{5})(\d{4}|_{4})(?:\d{2}|_{2})(?!\w)")
_KEYWORDS = {"gemarkung": "gemarkung", "gem": "gemarkung", "gmkg": "gemarkung", "flur": "flur", "fl": "flur",
             "flurstueck": "parcel", "flurstuecke": "parcel", "flurstuecks": "parcel", "flurstuecken": "parcel",
             "flst": "parcel", "flstnr": "parcel", "flstnrn": "parcel", "flstck": "parcel", "flnr": "parcel", "flurnr": "parcel",
             "flurnummer": "parcel", "flurstuecksnummer": "parcel", "parzelle": "parcel"}
_BETWEEN = frozenset(("und", "u", "sowie", "tlw", "teilweise", "nr", "nrn", "", "bis"))


def parcels(tokens: Sequence[str]) -> list[tuple[Parcel, int, int]]:
    """The parcels named by a row of words, each with the first and the last word that names it (for its place)."""
    found: list[tuple[Parcel, int, int]] = []
    gemarkung, flur, since, begun, group = "", "", -99, 0, 0
    at = 0
    while at < len(tokens):
        if code := _CODE.search(tokens[at]):
            found.append((of_code(code), at, at))
        word = _keyword(tokens[at])
        if word and at - since > 8:
            gemarkung, flur, begun, group = "", "", at, len(found)
        if word:
            since = at
        if word == "gemarkung" and at + 1 < len(tokens) and (name := _bare(tokens[at + 1])) and not name.isdigit():
            gemarkung = name
            found[group:] = [_with(one, gemarkung=gemarkung) for one in found[group:]]
            at += 1
        elif word == "flur" and at + 1 < len(tokens) and (match := _NUMBER.match(_digits_of(tokens[at + 1]))):
            flur = str(int(match[1]))
            found[group:] = [_with(one, flur=flur) for one in found[group:]]
            at += 1
        elif word == "parcel":
            group = len(found)
            numbers, end = _numbers(tokens, at + 1)
            found += [(Parcel(gemarkung, flur, number), begun, place) for number, place in numbers]
            at, since = max(at, end - 1), max(at, end - 1)
        at += 1
    return found


def of_code(code: re.Match[str]) -> Parcel:
    """The parcel of a Flurstückskennzeichen (20 characters); its Gemarkung is a number, which names nothing here."""
    flur = code[2].strip("_").lstrip("0")
    below = code[4].strip("_").lstrip("0")
    return Parcel("", flur, f"{int(code[3])}/{below}" if below else str(int(code[3])))


def _with(one: tuple[Parcel, int, int], gemarkung: str = "", flur: str = "") -> tuple[Parcel, int, int]:
    """What follows a list of parcels ("17/4, 17/5 der Gemarkung …") belongs to them when nothing was said before."""
    parcel, first, last = one
    return Parcel(parcel.gemarkung or gemarkung, parcel.flur or flur, parcel.number), first, last


@lru_cache(maxsize=50_000)
def _keyword(token: str) -> str:
    bare = re.sub(r"[^a-z0-9]", "", folded(token))
    if bare in _KEYWORDS or len(bare) < 8:
        return _KEYWORDS.get(bare, _KEYWORDS.get(bare.replace("1", "l"), ""))
    return next((kind for word, kind in _KEYWORDS.items() if len(word) >= 8 and abs(len(word) - len(bare)) <= 1
                 and distance(word.upper(), bare.upper()) <= OTHER), "")


def _bare(token: str) -> str:
    return re.sub(r"[^a-z0-9-]", "", folded(token))


def _digits_of(token: str) -> str:
    return digits(token.strip(".,;:()")) if re.search(r"\d", token) or len(token.strip(".,;:()")) == 1 else ""


def _numbers(tokens: Sequence[str], at: int) -> tuple[list[tuple[str, int]], int]:
    """The list of parcel numbers that begins at `at` ("17/4, 17/5 tlw. und 18") and where it ends."""
    found: list[tuple[str, int]] = []
    while at < len(tokens) and at < 4000:
        text = tokens[at]
        pieces = [piece for piece in re.split(r"[,;]", text) if piece]
        matches = [_NUMBER.match(_digits_of(piece)) for piece in pieces]
        if pieces and all(matches):
            found += [(f"{int(one[1])}/{int(one[2])}" if one[2] else str(int(one[1])), at) for one in matches if one]
        elif re.sub(r"[^a-z]", "", folded(text)) not in _BETWEEN or any(matches):
            break
        at += 1
    return found, at


@lru_cache(maxsize=100_000)
def street_word(token: str) -> str:
    """A word of a street name for comparing: `Mühlenstraße` and `Muehlenstr.` are `muehlenstr`."""
    return re.sub(r"str(?:asse)?$", "str", re.sub(r"[^a-z0-9]", "", folded(token)))


def near_numbers(text: str) -> Iterator[str]:
    """What a number may have been before one of its digits was misread, or one was added: `17` for `11`, `117`, ..."""
    for at, char in enumerate(text):
        if char.isdigit():
            yield from (text[:at] + other + text[at + 1:] for other in "0123456789" if other != char)
            yield text[:at] + text[at + 1:]


_HOUSE = re.compile(r"(\d{1,4})\s?([a-z])?$")


@lru_cache(maxsize=20_000)
def house_numbers(token: str, after: str = "") -> tuple[str, ...]:
    """The house numbers a word stands for (`12`, `12a`, `12-14` as both); () when it is none. `after` may be the letter."""
    plain = folded(digits(token.strip(".,;:()")) if re.search(r"\d", token) else "")
    found = []
    for piece in plain.split("-"):
        if match := _HOUSE.match(piece):
            found.append(f"{int(match[1])}{match[2] or ''}")
            if not match[2] and re.fullmatch(r"[a-hA-H][,.;]?", after):
                found.insert(0, f"{int(match[1])}{after[0].lower()}")
    return tuple(found)


def addresses(tokens: Sequence[str]) -> Iterator[tuple[tuple[str, ...], str, int, int]]:
    """Words that may be a street with a number: the street's words, the number, first and last place; longest first."""
    for at, token in enumerate(tokens):
        numbers = house_numbers(token, tokens[at + 1] if at + 1 < len(tokens) else "") if at else ()
        for number in numbers:
            for length in (5, 4, 3, 2, 1):
                if at - length >= 0 and not any(re.search(r"[,;]$", word) for word in tokens[at - length:at]):
                    words = tuple(street_word(word) for word in tokens[at - length:at])
                    if all(words) and len("".join(words)) >= 4:
                        yield words, number, at - length, at


def name_words(text: str) -> tuple[str, ...]:
    """The words of a name without titles, roles and legal forms, folded."""
    return tuple(word for word in re.findall(r"[a-z]{2,}", folded(text)) if word not in _TITLES and word not in _LEGAL)


def name_pairs(text: str) -> tuple[str, ...]:
    """Keys of a name: each two words that stand side by side (or share a surname), in alphabetical order."""
    words = name_words(re.sub(r"^[^:]{3,25}:", "", text))
    pairs = [pair_key(one, other) for one, other in pairwise(words)]
    if len(words) == 3 and re.search(r"\bund\b|&", text):
        pairs.append(pair_key(words[0], words[2]))
    return tuple(dict.fromkeys(pairs)) or words


def pair_key(one: str, other: str) -> str:
    """Two folded words in alphabetical order, so that „Petersen, Anke“ and „Anke Petersen“ are the same."""
    return f"{min(one, other)} {max(one, other)}"
