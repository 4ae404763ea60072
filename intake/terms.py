"""Words for comparing: what a text is found by, made once in Python and given to every database as it is. Pure.

A *term* is what the index holds: a folded word (lower case, `ä` as `ae`, `ß` as `ss`), a number without leading zeros, a run of
numbers as printed together (`652.30` as `652_30`, `03.04.2026` as `3_4_2026`), or a value of a field with its sign in front
(`t_` word of the title, `s_` of the sender, `k_` of the kind, `a_` run of an Aktenzeichen, `p_` of a parcel). The index holds no
stems: which words a question means (inflected, misread, inside a compound) is looked up in the vocabulary when it is asked, so
it never depends on the order in which documents came. After a change here the index is made anew (`efile index --rebuild`).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

LONGEST = 40
"""Characters of a word; what is longer is cut, here and in questions alike."""
MOST = 40_000
"""Different terms of a document (some thousand pages); a tsvector holds at most 1 MB."""
MOST_RUNS = 6
TITLE, SENDER, KIND, REFERENCE, PARCEL = "t_", "s_", "k_", "a_", "p_"
STOPPED = frozenset((
    "ab", "aber", "als", "am", "an", "auch", "auf", "aus", "bei", "beim", "bis", "bzw", "da", "das", "dass", "dem", "den", "der",
    "des", "die", "dies", "diese", "dieser", "dieses", "durch", "ein", "eine", "einem", "einen", "einer", "eines", "er", "es",
    "etwa", "fuer", "hat", "hier", "ihm", "ihn", "ihr", "ihre", "im", "in", "ins", "ist", "ja", "kann", "koennen", "mit",
    "nach", "nicht", "noch", "nur", "ob", "oder", "sein", "sich", "sie", "sind", "so", "sowie", "ueber", "um", "und", "uns",
    "unter", "vom", "von", "vor", "war", "was", "wenn", "wie", "wir", "wird", "worden", "wurde", "zu", "zum", "zur"))
"""Words without meaning of their own: not in the index, not asked for."""

_FOLDS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i"}
_TABLE = str.maketrans(_FOLDS | {
    char: bare for char in map(chr, range(0xC0, 0x250)) if char not in _FOLDS
    and (bare := unicodedata.normalize("NFD", char)[0]) != char and bare.isascii()})
_WORD = re.compile(r"\d+(?:[.,/:-]\d+)+|[^\W\d_]+(?:-[^\W\d_]+)+|[^\W_]+")
_PIECE = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
_here = threading.local()


def folded(text: str) -> str:
    """Lower case, umlauts and accents spelled out; other letters and all signs stay. Idempotent."""
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return text.lower().translate(_TABLE)


def terms_in(text: str) -> Iterator[str]:
    """The terms of a text in their order, with repeats, without `STOPPED`."""
    for found in _WORD.findall(folded(text)):
        yield from _terms_of(found)


@lru_cache(maxsize=2**16)
def _terms_of(word: str) -> tuple[str, ...]:
    """One match of `_WORD`: the word itself; of numbers printed together each, and every run of them; of words with hyphens
    each, and all as one word."""
    if word[0].isdigit() and not word.isalnum():
        return tuple(runs(_DIGITS.findall(word)))
    pieces = word.split("-")
    whole = ("".join(pieces),) if len(pieces) > 1 else ()
    return tuple(_number(piece)[:LONGEST] for piece in (*pieces, *whole)
                 if piece.isdigit() or (piece not in STOPPED and len(piece) > 1))


def _number(text: str) -> str:
    return text.lstrip("0") or "0" if text.isdigit() else text


def runs(numbers: Sequence[str]) -> Iterator[str]:
    """Every run of at most `MOST_RUNS` neighbours, joined by `_`, without leading zeros."""
    plain = [_number(number)[:LONGEST] for number in numbers[:2 * MOST_RUNS]]
    for start in range(len(plain)):
        for end in range(start + 1, min(start + MOST_RUNS, len(plain)) + 1):
            yield "_".join(plain[start:end])


def field_terms(sign: str, text: str) -> list[str]:
    """The terms of a value of a field, with its sign."""
    return [sign + term for term in terms_in(text)]


def run_terms(sign: str, text: str) -> list[str]:
    """A number such as an Aktenzeichen or a parcel by every run of its segments: `BA/652.30` is found by `652.30`."""
    return [sign + run for run in runs(_PIECE.findall(folded(text)))]


def whole_run(sign: str, text: str) -> str | None:
    """The term under which such a number, or a part of one, is looked up; None when it has no letter or digit."""
    pieces = [_number(piece)[:LONGEST] for piece in _PIECE.findall(folded(text))][:MOST_RUNS]
    return sign + "_".join(pieces) if pieces else None


@dataclass(frozen=True, slots=True)
class Bag:
    """What the index holds of a document: its terms in order of first appearance, how often each stands there ("1" to "9", one
    character a term), and how many words it has."""

    terms: tuple[str, ...]
    counts: str
    words: int


def bag(texts: Iterable[str], fields: Iterable[str] = ()) -> Bag:
    """The terms of all texts and those of fields; of more than `MOST` different ones the first."""
    counted: dict[str, int] = dict.fromkeys(fields, 1)
    words = 0
    for text in texts:
        for term in terms_in(text):
            words += 1
            counted[term] = counted.get(term, 0) + 1
    kept = dict(list(counted.items())[:MOST])
    return Bag(tuple(kept), "".join(str(min(number, 9)) for number in kept.values()), words)


def in_vocabulary(term: str) -> bool:
    """Whether a term is a word that may be inflected, misread or part of a compound: no number, no value of a field."""
    return len(term) > 2 and "_" not in term and not any(map(str.isdigit, term))


@lru_cache(maxsize=2**17)
def stem(word: str) -> str:
    """The stem of a folded word (Snowball, German: also `haeuser` is `haus`)."""
    if not hasattr(_here, "stemmer"):
        _here.stemmer = snowballstemmer.stemmer("german")
    found: str = _here.stemmer.stemWord(word)
    return found


# ---- misread words ---------------------------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALIKE = (("rn", "m"), ("nn", "m"), ("in", "m"), ("ni", "m"), ("cl", "d"), ("vv", "w"), ("ii", "u"), ("ii", "n"), ("li", "h"),
         ("ri", "n"), ("ss", "b"), ("ue", "ii"), ("ue", "ti"), ("ae", "a"), ("oe", "o"), ("ue", "u"), ("tt", "u"), ("fi", "h"))
"""Letters that recognition takes for each other although their number differs."""
DIGITS_FOR = {"o": "0", "l": "1", "i": "1", "s": "5", "b": "8", "z": "2", "g": "9", "t": "7", "e": "6"}
SHORTEST_MISREAD = 5


def misreadings(word: str) -> set[str]:
    """Every word one misreading or slip away (a letter more, less, other, two swapped, or letters that look alike), without the
    word itself; none for words under `SHORTEST_MISREAD` letters, which are too near to each other."""
    if len(word) < SHORTEST_MISREAD:
        return set()
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {left + right[1:] for left, right in cuts if right}
    found |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    found |= {left + letter + right[1:] for left, right in cuts if right for letter in LETTERS + DIGITS_FOR.get(right[0], "")}
    found |= {left + letter + right for left, right in cuts for letter in LETTERS}
    for pair in ALIKE:
        for one, other in (pair, pair[::-1]):
            found |= {left + other + right[len(one):] for left, right in cuts if right.startswith(one)}
    found.discard(word)
    return found


# ---- compounds -------------------------------------------------------------------------------------------------------

JOINTS = ("", "s", "n", "en", "es", "er", "e")
"""What German puts between the parts of a compound."""
SHORTEST_PART = 3


def rests(rest: str, *, front: bool) -> set[str]:
    """The words that `rest`, what is left of a compound beside a part, may be: without the joint at its end when it stands in
    `front` of the part, at its beginning when it stands behind."""
    cut = {rest.removesuffix(joint) if front else rest.removeprefix(joint) for joint in JOINTS}
    return {one for one in cut if len(one) >= SHORTEST_PART}


def follows(words: Sequence[str], text: str) -> bool:
    """Whether the words of a phrase stand in the (unfolded) text one after the other."""
    if not words:
        return True
    return re.search(r"(?<![^\W_])" + r"[\W_]+".join(map(re.escape, words)) + r"(?![^\W_])", folded(text)) is not None


def phrase_words(text: str) -> tuple[str, ...]:
    """All words of a phrase in order, folded, also those in `STOPPED`."""
    return tuple(_PIECE.findall(folded(text)))

