"""The piece of text that shows why a document was found, and the words on a page that answer the question. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from intake import terms
from intake.vocabulary import Box, Word

LENGTH = 220
"""Characters of a piece of text, about."""
_RUN = re.compile(r"\S+")
_HYPHENS = ("-", "\u00ad", "\u00ac", "\u2010", "\u2011")
Runs = tuple[tuple[str, bool], ...]
Wanted = Mapping[str, tuple[int, float]]
"""The terms looked for: which word of the question each means (counted from 0), and its weight."""


@lru_cache(maxsize=2**15)
def _terms(printed: str) -> frozenset[str]:
    """The terms of one printed word (what stands between two blanks)."""
    return frozenset(terms.terms_in(printed))


def found_in(text: str, wanted: Wanted) -> list[tuple[int, int, frozenset[str]]]:
    """Where wanted terms stand in the text: start, end, which; in order."""
    return [(match.start(), match.end(), hit) for match in _RUN.finditer(text)
            if (hit := _terms(match.group()) & wanted.keys())]


def best_page(texts: Sequence[str], wanted: Wanted) -> int:
    """The number (from 1) of the page whose words weigh most, the first of equals; 0 when no page has any."""
    pieces: dict[str, tuple[int, float]] = {}
    for term, said in wanted.items():  # of a run of numbers the last: good enough to tell pages apart
        piece = term.rpartition("_")[2]
        pieces[piece] = max(pieces.get(piece, said), said, key=lambda one: one[1])
    weights = [_weight(pieces.keys() & set(terms.phrase_words(text)), pieces) for text in texts]
    heaviest = max(weights, default=0.0)
    return weights.index(heaviest) + 1 if heaviest > 0 else 0


def _weight(found: Iterable[str], wanted: Wanted) -> float:
    """Of the different words of the question that are there, each as its best term; rounded, so that no order matters."""
    best: dict[int, float] = {}
    for term in found:
        word, weight = wanted[term]
        best[word] = max(best.get(word, 0.0), weight)
    return round(sum(best[word] for word in sorted(best)), 9)


def snippet(text: str, wanted: Wanted, length: int = LENGTH) -> Runs:
    """About `length` characters around the place where the wanted words stand densest, in runs with whether each is wanted.

    Without a wanted term the beginning of the text; what is left out is shown as "…"; () for a text without words.
    """
    plain = " ".join(text.split())
    found = found_in(plain, wanted)
    start = _window(found, wanted, length)
    start = max(0, plain.rfind(" ", 0, max(start - length // 5, 0)) + 1)
    end = len(plain) if start + length >= len(plain) else max(plain.rfind(" ", start, start + length), start + length // 2)
    runs: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = start
    for first, last, _ in found:
        if first >= start and last <= end:
            runs += [(plain[at:first], False), (plain[first:last], True)]
            at = last
    runs.append((plain[at:end], False))
    if end < len(plain):
        runs.append((" …", False))
    return tuple((run, hit) for run, hit in runs if run)


def _window(found: Sequence[tuple[int, int, frozenset[str]]], wanted: Wanted, length: int) -> int:
    """Where the first word stands of the window in which the different terms weigh most; 0 when there is none."""
    best, at = 0.0, 0
    for place, (start, _, _) in enumerate(found):
        near = [one for one in found[place:place + 40] if one[1] <= start + length * 4 // 5]
        weight = _weight({term for _, _, hit in near for term in hit}, wanted)
        if weight > best:
            best, at = weight, start
    return at


def boxes(words: Sequence[Word], wanted: Wanted, phrases: Sequence[Sequence[str]] = ()) -> tuple[Box, ...]:
    """The boxes of the words of a page that are wanted, in reading order, and of words that make up one of the phrases.

    A word broken at the end of a line is one word: both its halves are marked.
    """
    hit = {place for place, word in enumerate(words) if _terms(word.text) & wanted.keys()}
    for place, (word, after) in enumerate(pairwise(words)):
        if word.text.endswith(_HYPHENS) and word.line != after.line:
            hit |= {place, place + 1} if _terms(word.text[:-1] + after.text) & wanted.keys() else set()
    pieces = [(piece, place) for place, word in enumerate(words) for piece in terms.phrase_words(word.text)]
    for phrase in phrases:
        for at in range(len(pieces) - len(phrase) + 1):
            if phrase and all(pieces[at + number][0] == piece for number, piece in enumerate(phrase)):
                hit |= {pieces[at + number][1] for number in range(len(phrase))}
    return tuple(words[place].box for place in sorted(hit))
