"""Which Akten have which keys: hashed keys in sorted arrays, about 250 bytes an Akte, built once and extended. Pure.

Each key (an Aktenzeichen, its slips, a parcel, an address, a pair of names) is kept as a 64-bit hash beside the number of
its Akte. What a look-up finds is a candidate, never an answer: `score` compares the Akte itself.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from intake.keys import reference_key
from intake.resolve.forms import (
    Parcel,
    house_numbers,
    name_pairs,
    name_words,
    parcels,
    skeleton,
    street_word,
    title_words,
    without_one,
)
from intake.vocabulary import File

MOST = 400
"""A key that more Akten have says nothing about a single one and brings no candidates."""
LONGEST_SIGN = 40


@dataclass(frozen=True, slots=True)
class _Postings:
    """Hashes in order, each with a number."""

    hashes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    rows: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def with_more(self, hashes: array[int], rows: array[int]) -> _Postings:
        if not hashes:
            return self
        all_hashes = np.concatenate([self.hashes, np.frombuffer(hashes, np.int64)])
        all_rows = np.concatenate([self.rows, np.frombuffer(rows, np.int32)])
        order = np.argsort(all_hashes, kind="stable")
        return _Postings(all_hashes[order], all_rows[order])

    def of(self, keys: Sequence[str]) -> list[NDArray[np.int32]]:
        """For each key the numbers it was added with."""
        wanted = np.array([hash(key) for key in keys], np.int64)
        first, last = np.searchsorted(self.hashes, wanted, "left"), np.searchsorted(self.hashes, wanted, "right")
        return [self.rows[start:end] for start, end in zip(first.tolist(), last.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Index:
    """The keys of all Akten of a tenant, by `row` (place in `ids`). Never changed: `extended` gives a new one.

    The lists and the dict only grow and are shared with the older ones, whose arrays do not point to what is new.
    """

    ids: list[str] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)
    titles: set[str] = field(default_factory=set)
    """Words that occur in titles."""
    last: str = ""
    """The highest id."""
    size: int = 0
    _names: list[str] = field(default_factory=list)  # `words` by number
    _files: _Postings = field(default_factory=_Postings)
    _slips: _Postings = field(default_factory=_Postings)  # of words, one letter lost

    def __len__(self) -> int:
        return self.size

    def extended(self, files: Iterable[File]) -> Index:
        """With Akten that are not in it yet; itself when there are none. Not beside another `extended` of the same."""
        hashes, rows, slips, numbers = array("q"), array("i"), array("q"), array("i")
        last = self.last
        for file in files:
            row = len(self.ids)
            self.ids.append(file.id)
            last = max(last, file.id)
            self.titles.update(title_words(file.title))
            for key in file_keys(file):
                hashes.append(hash(key))
                rows.append(row)
            for word in _words_of(file):
                if word not in self.words:
                    number = len(self._names)
                    self._names.append(word)
                    self.words[word] = number
                    for slip in without_one(word) if len(word) >= 5 else ():
                        slips.append(hash(slip))
                        numbers.append(number)
        if not hashes:
            return self
        return replace(self, last=last, size=len(self.ids), _files=self._files.with_more(hashes, rows),
                       _slips=self._slips.with_more(slips, numbers))

    def files(self, keys: Sequence[str]) -> list[NDArray[np.int32]]:
        """For each key the rows (places in `ids`) of the Akten that have it."""
        return self._files.of(keys)

    def __contains__(self, reference: object) -> bool:
        """Whether an Akte has (or had) exactly this Aktenzeichen, given by its `reference_key`."""
        return bool(len(self._files.of([f"r{reference}"])[0]))

    def spellings(self, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What each word may stand for: itself when a street or name has it, else such words one slip away (at most 4)."""
        found = {word: (word,) for word in words if word in self.words}
        missing = [word for word in dict.fromkeys(words) if word not in found and 5 <= len(word) <= 30]
        if missing:
            slips = [(word, slip) for word in missing for slip in without_one(word)]
            for (word, _), rows in zip(slips, self._slips.of([slip for _, slip in slips]), strict=True):
                near = (self._names[row] for row in rows[:20].tolist())
                fitting = (*found.get(word, ()), *(one for one in near if abs(len(one) - len(word)) <= 1))
                found[word] = tuple(dict.fromkeys(fitting))[:4]
        return {word: some for word, some in found.items() if some}

    def megabytes(self) -> float:
        """What the arrays take, in MiB (without the ids and words)."""
        return float(sum(one.hashes.nbytes + one.rows.nbytes for one in (self._files, self._slips))) / 2**20


def file_keys(file: File) -> set[str]:
    """Every key under which an Akte is found; the first letter says what it is."""
    keys: set[str] = set()
    for reference in (file.reference, *file.former):
        keys.add(f"r{reference_key(reference)}")
        bare = skeleton(reference)
        if 4 <= len(bare) <= LONGEST_SIGN:
            keys.update(f"d{slip}" for slip in without_one(bare))
            keys.add(f"h{bare[-8:]}")
    for parcel, _, _ in file_parcels(file):
        keys.add(f"p{parcel.number}")
        keys.add(f"q{parcel.key}")
    keys.update(f"a{' '.join(words)} {number}" for words, number in file_addresses(file))
    for person in file.persons:
        keys.update(f"n{pair}" for pair in name_pairs(person))
    return keys


def file_parcels(file: File) -> list[tuple[Parcel, int, int]]:
    """The parcels of an Akte; a register may write them without the word Flurstück."""
    tokens = file.parcel.split()
    return parcels(tokens) or parcels(["Flurstück", *(token for token in tokens if token[:1].isdigit())])


def file_addresses(file: File) -> list[tuple[tuple[str, ...], str]]:
    """Street (as words) and number of an Akte, for each number; the town behind the comma is left out."""
    found: list[tuple[tuple[str, ...], str]] = []
    for part in file.address.split(";"):
        tokens = part.split(",")[0].split()
        end = next((at for at, token in enumerate(tokens) if at and token[:1].isdigit()), 0)
        if words := tuple(word for word in map(street_word, tokens[:end]) if word):
            found += [(words, number) for number in house_numbers(tokens[end], "".join(tokens[end + 1:end + 2]))]
    return found


def _words_of(file: File) -> set[str]:
    names = {word for person in file.persons for word in name_words(person)}
    return names | {street_word(token) for token in file.address.split() if token[:1].isalpha()} - {""}
