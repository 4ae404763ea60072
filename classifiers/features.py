"""From text to numbers: words, pairs of words, parts of words and the title as hashed features. Pure, deterministic.

Nothing is stored but counts by hash: the vocabulary never leaves the document. A word that was never seen before still
shares its parts (three to five letters) with words that were, which is what German compounds need. The features of a
word are computed once and remembered, so that a text of 5,000 characters costs about two milliseconds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

BITS = 20
"""Features are counted in 2**BITS buckets."""
LONGEST = 20_000
"""Characters of a text that are looked at; the matter of a document stands at its front."""
HEAD = 700
"""Characters at the front of a text that are counted once more: address, Betreff, committee, opening."""
SHARES = (1.0, 1.0, 1.0, 0.7, 0.5, 1.0, 0.7, 0.7, 0.4, 0.5)
"""Length of each group of features (order of `Hasher.rows`) in the vector of a document before that gets length one."""
LINES, LINE = 20, 40
"""Lines of a head that count as a whole when they are short and without digits: what is printed big says the kind."""
_TITLE_SALT = 4
_HYPHEN = re.compile(r"(?<=[a-zäöüß])[-\u00ad\u00ac]\s*\n\s*(?=[a-zäöüß])")
_MASK = re.compile(r"\[[A-ZÄÖÜ]{2,10}\]")
_TOKEN = re.compile(r"[^\W\d_]{2,}|\d+")
_CACHED = 400_000
_MIX = np.uint64(0x9E3779B97F4A7C15)

Matrix = Any
"""A scipy.sparse.csr_matrix of float32."""
Ids = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Text:
    """What a document says: its text, its title (Betreff; may be empty), and what else is known of it (`sender`, `kind`)."""

    text: str
    title: str = ""
    known: tuple[tuple[str, str], ...] = ()


def tidy(text: str) -> str:
    """A text in small letters with hyphenated line ends closed and masks in square brackets taken out."""
    return _MASK.sub(" ", _HYPHEN.sub("", text[:LONGEST])).lower()


def tokenise(text: str) -> list[str]:
    """The words of a text in small letters; numbers by their length only (`2023` is `0000`)."""
    return ["0" * min(len(word), 6) if word.isdigit() else word for word in _TOKEN.findall(tidy(text))]


@dataclass(slots=True)
class Hasher:
    """Turns documents into rows of counts; remembers what it computed for each word."""

    bits: int = BITS
    _words: dict[str, tuple[int, NDArray[np.uint64]]] = field(default_factory=dict)

    def rows(self, texts: Iterable[Text]) -> tuple[Matrix, ...]:
        """One count matrix a group, a row a document: words, pairs and parts of the text, words and pairs of the title,
        its parts, words, pairs and parts of the front of the text, its short lines, and what else is known."""
        found: list[list[tuple[Ids, NDArray[np.float32]]]] = [[] for _ in SHARES]
        for one in texts:
            for group, row in zip(found, self._groups(one), strict=True):
                group.append(row)
        return tuple(self._stack(group) for group in found)

    def _groups(self, one: Text) -> Sequence[tuple[Ids, NDArray[np.float32]]]:
        own, pairs, parts = self._hashes(tokenise(one.text))
        name, name_pairs, name_parts = self._hashes(tokenise(one.title))
        front, front_pairs, front_parts = self._hashes(tokenise(one.text[:HEAD]))
        known = np.array([hashed(f"{key}={value.casefold()}") for key, value in one.known], dtype=np.uint64)
        return (self._counted(own, 1), self._counted(pairs, 2), self._counted(parts, 3),
                self._counted(np.concatenate([name, name_pairs]), _TITLE_SALT), self._counted(name_parts, 5),
                self._counted(front, 6), self._counted(front_pairs, 7), self._counted(front_parts, 8),
                self._counted(head_lines(one.text), 9), self._counted(known, 10))

    def words(self, text: Text) -> tuple[list[str], NDArray[np.uint64]]:
        """The different words of a document with their buckets in the text, the title and the front (columns)."""
        found = list(dict.fromkeys(tokenise(text.title) + tokenise(text.text)))
        hashes = np.array([hashed(word) for word in found], dtype=np.uint64)
        return found, np.stack([self.buckets(hashes, salt) for salt in (1, _TITLE_SALT, 6)], axis=1)

    def _hashes(self, words: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
        if len(self._words) > _CACHED:
            self._words.clear()
        known = [self._words.get(word) or self._learn(word) for word in words]
        own = np.fromiter((one for one, _ in known), dtype=np.uint64, count=len(known))
        parts = np.concatenate([one for _, one in known]) if known else own
        with np.errstate(over="ignore"):
            pairs = own[:-1] * _MIX + own[1:] if len(known) > 1 else own[:0]
        return own, pairs, parts

    def _learn(self, word: str) -> tuple[int, NDArray[np.uint64]]:
        marked = f" {word} "
        parts = [marked[at:at + size] for size in (3, 4, 5) for at in range(len(marked) - size + 1)]
        found = (hashed(word), np.array([hashed(part) for part in parts], dtype=np.uint64))
        self._words[word] = found
        return found

    def _counted(self, hashes: NDArray[np.uint64], salt: int) -> tuple[Ids, NDArray[np.float32]]:
        ids, counts = np.unique(self.buckets(hashes, salt), return_counts=True)
        return ids, counts.astype(np.float32)

    def buckets(self, hashes: NDArray[np.uint64], salt: int) -> Ids:
        """The bucket of each hash within a group of features (numbered from 1)."""
        with np.errstate(over="ignore"):
            mixed = (hashes + np.uint64(salt)) * _MIX
            mixed ^= mixed >> np.uint64(29)
            mixed *= np.uint64(0xBF58476D1CE4E5B9)
        return (mixed >> np.uint64(64 - self.bits)).astype(np.uint32)

    def _stack(self, rows: Sequence[tuple[Ids, NDArray[np.float32]]]) -> Matrix:
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids, _ in rows])]).astype(np.int64)
        ids = np.concatenate([ids for ids, _ in rows]) if rows else np.zeros(0, dtype=np.uint32)
        counts = np.concatenate([counts for _, counts in rows]) if rows else np.zeros(0, dtype=np.float32)
        return sparse.csr_matrix((counts, ids.astype(np.int32), starts), shape=(len(rows), 1 << self.bits))


def head_lines(text: str) -> NDArray[np.uint64]:
    """The hashes of the short lines at the head of a text, and of the first of them once more as the first."""
    lines = [line for line in (" ".join(line.split()).lower() for line in text[:HEAD * 2].splitlines()) if line][:LINES]
    short = [line for line in lines if len(line) <= LINE and not any(char.isdigit() for char in line)]
    return np.array([hashed(f"line {line}") for line in short] + [hashed(f"first {line}") for line in short[:1]], dtype=np.uint64)


def hashed(word: str) -> int:
    """64 bits of a word, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
