"""Cold start: which entries of the plan a document belongs to, from the plan's own words alone. Pure, deterministic.

No example is needed. Every word of the document is compared with every word of the plan (equal stem, part of a
compound, character n-grams), the matches are weighed by how rare a word is in the plan and where it stands in the entry
and in the document, and entries gain from the words of the entries above them.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from classifiers.words import grams, pieces, stem, tokens
from intake.keys import fold, notation_key
from intake.vocabulary import AktenplanEntry, Envelope, Evidence, Material, Page, Proposal, Word

BY = "model:plan-words@1"
MOST = 5
TITLE, KEYWORD, DESCRIPTION, FILE = 1.0, 1.0, 0.45, 0.3
"""Weight of a word by the field of the entry it stands in; the highest counts."""
ABOVE = (0.45, 0.2, 0.1)
"""Share of the score of the entry above, the one above that, ..."""
INNER = 0.85
"""Factor for entries that have entries below them: documents lie at the leaves."""
SUBJECT, HEAD, BODY = 3.0, 1.5, 1.0
"""Weight of a word in the Betreff, on the upper half of the first page, elsewhere."""
COMPOUND, NEAR = 0.75, 0.45
LEAST_NEAR = 0.5
WEAK = 0.35
"""Factor for words that stand on letters of every kind."""
GENERIC = frozenset(stem(word) for word in re.findall(r"\S+", fold("""
    Antrag Anträge Anfrage Amt Gemeinde Stadt Kreis Land Verwaltung Bürgermeister Bescheid Bearbeitung Sachbearbeiter
    Kopie Termin Frist Stellungnahme Mitteilung Grundstück Genehmigung Nummer Eingang Auskunft Haushalt Verfahren
    Leistung Leistungen Person Personen Vorschlag Hinweis Hinweise Beschwerde Unterlagen Eigentümer Einwohner Ort
    Ortsteil Gebäude Haus Hause Wohnung Betrieb Maßnahme Maßnahmen Angebot Rechnung""")))
SMALL = 0.5
"""Factor for words in small letters: in German, things are nouns."""
_STREET = re.compile(r"\.?\s{0,2}\d")
_TITLE = re.compile(r"(?:herrn?|frau|familie)\s+(?:dr\.?\s+)?$", re.IGNORECASE)
_AT = re.compile(r"\b(?:am|an der|an den|im|in der|zum|zur|auf dem|auf der)\s+$", re.IGNORECASE)
_STREET_ENDINGS = ("strasse", "str", "weg", "platz", "allee", "gasse", "chaussee", "ring", "stieg", "damm", "grund")

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A word of the document: its weight and the places where it stands."""

    weight: float
    places: tuple[tuple[int, Word | None, str], ...]


class PlanRanker:
    """Ranks the entries of a plan. Built once for a plan (about 0.2 s for 1,000 entries), then a few ms a document."""

    def __init__(
        self, entries: Sequence[AktenplanEntry], file_titles: Mapping[str, Sequence[str]] | None = None,
        places: Iterable[str] = (),
    ) -> None:
        """`file_titles`: titles of the Akten under an entry, by its id. `places`: names of the town's own places, which
        stand on every letter and say nothing about its matter."""
        self.entries = tuple(entries)
        self._silent = frozenset(word for name in places for word, _, _ in tokens(name))
        index = {entry.id: row for row, entry in enumerate(self.entries)}
        self._above = [index.get(entry.parent or "", -1) for entry in self.entries]
        self._inner = np.array([INNER if row in set(self._above) else 1.0 for row in range(len(self.entries))])
        weights = [_entry_words(entry, (file_titles or {}).get(entry.id, ())) for entry in self.entries]
        self._terms: dict[str, int] = {}
        for words in weights:
            for word in words:
                self._terms.setdefault(word, len(self._terms))
        self._matrix = self._weighed(weights)
        self._gram_ids: dict[str, int] = {}
        self._grams = self._gram_matrix(list(self._terms), grow=True)
        self._parts = _by_ends(self._terms)
        self._cache: dict[str, tuple[NDArray[np.int64], Vector]] = {}

    def __call__(self, material: Material, extracted: Sequence[Proposal] = ()) -> tuple[Proposal, ...]:
        """Up to five proposals of `entry`, best first; () when no word of the document means anything to the plan."""
        seen = _document_words(material, _subjects(extracted),
                               self._silent)
        scores = self.scores({word: one.weight for word, one in seen.items()}, _units(material))
        if material.branch:
            scores *= np.array([1.15 if self._under(row, material.branch) else 1.0 for row in range(len(scores))])
        order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:MOST]
        order = [row for row in order if scores[row] > 0]
        if not order:
            return ()
        second = scores[order[1]] if len(order) > 1 else 0.0
        return tuple(
            Proposal("entry", self.entries[row].id, probability(scores[row], scores[order[0]], second, rank),
                     self._why(row, seen)) for rank, row in enumerate(order))

    def _under(self, row: int, branch: str) -> bool:
        """Whether an entry is the branch (a notation) or lies below it."""
        while row >= 0:
            if notation_key(self.entries[row].notation) == notation_key(branch):
                return True
            row = self._above[row]
        return False

    def rank_text(self, text: str, subject: str = "") -> tuple[tuple[AktenplanEntry, float], ...]:
        """The entries for a bare text with their scores, best first (for search by description and for benches)."""
        material = Material((Page(1, 210.0, 297.0, text),), Envelope(subject=subject or None))
        seen = _document_words(material, (), self._silent)
        scores = self.scores({word: one.weight for word, one in seen.items()})
        order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
        return tuple((self.entries[row], float(scores[row])) for row in order if scores[row] > 0)

    def scores(self, weights: Mapping[str, float], units: Iterable[str] = ()) -> Vector:
        """A score for each entry in the order of `entries` (0 = no word in common), for folded words with weights."""
        document = np.zeros(len(self._terms))
        self._learn([word for word in weights if word not in self._cache])
        for word, weight in weights.items():
            places, values = self._cache[word]
            document[places] += values * weight
        norm = float(np.linalg.norm(document := np.sqrt(document)))
        if not self.entries or norm == 0.0:
            return np.zeros(len(self.entries))
        own: Vector = np.asarray(self._matrix @ (document / norm)).ravel()
        whole: Vector = own * self._inner
        for row in range(len(self.entries)):
            at = self._above[row]
            for share in ABOVE:
                if at < 0:
                    break
                whole[row] += share * own[at]
                at = self._above[at]
        wanted = set(units)
        if wanted:
            whole *= np.array([1.15 if fold(entry.unit) in wanted else 1.0 for entry in self.entries])
        return whole

    def _weighed(self, weights: Sequence[Mapping[str, float]]) -> sparse.csr_matrix:
        """entries x terms: field weight times rarity, each row of length one (softened, so that long rows do not lose)."""
        frequency = Counter(word for words in weights for word in words)
        rows, columns, values = [], [], []
        for row, words in enumerate(weights):
            line = {word: weight * math.log(1 + len(weights) / frequency[word]) for word, weight in words.items()}
            length = math.sqrt(sum(value * value for value in line.values())) or 1.0
            for word, value in line.items():
                rows.append(row)
                columns.append(self._terms[word])
                values.append(value / length**0.75)
        return sparse.csr_matrix((values, (rows, columns)), shape=(len(weights), len(self._terms)))

    def _gram_matrix(self, words: Sequence[str], *, grow: bool = False) -> sparse.csr_matrix:
        """words x character n-grams, rows of length one."""
        starts, columns, values = [0], [], []
        for word in words:
            found = Counter(grams(word, 3, 4))
            ids = []
            for gram in found:
                number = self._gram_ids.setdefault(gram, len(self._gram_ids)) if grow else self._gram_ids.get(gram, -1)
                if number >= 0:
                    ids.append(number)
            length = math.sqrt(len(found)) or 1.0
            columns.extend(ids)
            values.extend([1.0 / length] * len(ids))
            starts.append(len(columns))
        return sparse.csr_matrix((values, columns, starts), shape=(len(words), len(self._gram_ids)))

    def _learn(self, words: Sequence[str]) -> None:
        """Compares new words with the words of the plan; the answers are kept (a few thousand words in a town)."""
        if len(self._cache) > 200_000:
            self._cache.clear()
        if not words:
            return
        near = (self._gram_matrix([stem(word) for word in words]) @ self._grams.T).tocsr()
        for row, word in enumerate(words):
            found: dict[int, float] = {}
            start, end = near.indptr[row], near.indptr[row + 1]
            for place, value in zip(near.indices[start:end], near.data[start:end], strict=True):
                if value >= LEAST_NEAR:
                    found[int(place)] = NEAR * float(value)
            for place, value in self._inside(word):
                found[place] = max(found.get(place, 0.0), value)
            places = sorted(found)
            values = np.array([found[place] for place in places])
            values /= max(1.0, float(np.linalg.norm(values)))
            self._cache[word] = (np.array(places, dtype=np.int64), values)

    def _inside(self, word: str) -> Iterable[tuple[int, float]]:
        """Plan words that equal the word (1) or stand at its beginning or end, or it at theirs (COMPOUND, by length)."""
        for piece in pieces(word):
            own = stem(piece)
            if own in self._terms:
                yield self._terms[own], 1.0
            for size in range(4, len(own)):
                for part in (own[:size], own[-size:]):
                    if part in self._terms:
                        yield self._terms[part], COMPOUND * math.sqrt(size / len(own))
            if len(own) >= 4:
                for place, length in self._parts.get(own, ()):
                    yield place, COMPOUND * math.sqrt(len(own) / length)

    def _why(self, row: int, seen: Mapping[str, _Seen]) -> tuple[Evidence, ...]:
        """The words that carried an entry, the heaviest first, each at its first place; then the entry's own name."""
        chain = [row]
        while self._above[chain[-1]] >= 0 and len(chain) < 3:
            chain.append(self._above[chain[-1]])
        line = np.zeros(len(self._terms))
        for share, at in zip((1.0, *ABOVE), chain, strict=False):
            line += share * self._matrix[at].toarray().ravel()
        carried = [(float(line[self._cache[word][0]] @ self._cache[word][1]) * one.weight, word)
                   for word, one in seen.items()]
        found: list[Evidence] = []
        for value, word in sorted(carried, key=lambda pair: (-pair[0], pair[1]))[:5]:
            if value > 0:
                page, place, text = seen[word].places[0]
                found.append(Evidence(BY, page, place.box if place else None, text))
        entry = self.entries[row]
        return (*found, Evidence("plan:words@1", 0, None, f"{entry.notation} {entry.title}"))


def probability(score: float, first: float, second: float, rank: int) -> float:
    """A rough probability 0..0.9 that an entry is right; monotone in the rank.

    For the first entry a logistic curve of its score and its lead over the second, fitted by hand between two samples
    (tests/bench/plan.py): on our letters it is too modest (0.9 where all were right), on the product plan, whose texts
    are harder than letters, a little too bold (0.6 where 0.5 were right). Later entries share half of what is left.
    """
    lead = (first - second) / first if first > 0 else 0.0
    sure = min(0.9, 1 / (1 + math.exp(-(SLOPE_SCORE * first + SLOPE_LEAD * lead + OFFSET))))
    if rank == 0:
        return round(sure, 3)
    return round(min(sure * 0.95**rank, (1 - sure) * 0.5**rank) * score / first, 3)


SLOPE_SCORE, SLOPE_LEAD, OFFSET = 6.5, 1.0, -4.0


def _entry_words(entry: AktenplanEntry, titles: Sequence[str]) -> dict[str, float]:
    """Stems of an entry with the weight of the best field they stand in."""
    found: dict[str, float] = {}
    for text, weight in ((entry.title, TITLE), (" , ".join(entry.keywords), KEYWORD), (entry.description, DESCRIPTION),
                         (" , ".join(titles[:50]), FILE)):
        for word, _, _ in tokens(text):
            for number, piece in enumerate(pieces(word)):
                name = stem(piece)
                found[name] = max(found.get(name, 0.0), weight * (0.7 if number else 1.0))
    return found


def _by_ends(terms: Mapping[str, int]) -> dict[str, list[tuple[int, int]]]:
    """For each beginning and end (four letters or more) of a plan word: the words it belongs to and their lengths."""
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for term, place in terms.items():
        for size in range(4, len(term)):
            found[term[:size]].append((place, len(term)))
            found[term[-size:]].append((place, len(term)))
    return dict(found)


def _document_words(material: Material, subjects: Sequence[str], silent: frozenset[str]) -> dict[str, _Seen]:
    """The words of a document with weights by zone (logarithmic in their number) and the places where they stand."""
    places: defaultdict[str, list[tuple[int, Word | None, str]]] = defaultdict(list)
    zone: dict[str, float] = {}
    subject: dict[str, str] = {}
    for text in (*subjects[:1], material.envelope.subject or ""):
        for word, start, end in _meaning(text):
            subject.setdefault(word, text[start:end])
            zone[word] = max(zone.get(word, 0.0), SUBJECT * _by_case(text[start:end]))
    for number, page in enumerate(material.pages, start=1):
        for word, at, text, high in _page_words(page, number):
            places[word].append((number, at, text))
            zone[word] = max(zone.get(word, 0.0), (HEAD if high else BODY) * _by_case(text))
    for word, text in subject.items():
        places.setdefault(word, [(0, None, text)])
    return {word: _Seen(zone[word] * (1 + math.log(len(found))) * (WEAK if stem(word) in GENERIC else 1.0),
                        tuple(found[:3])) for word, found in places.items() if word not in silent}


def _by_case(text: str) -> float:
    return SMALL if text.islower() else 1.0


def _page_words(page: Page, number: int) -> Iterable[tuple[str, Word | None, str, bool]]:
    """(folded word, its place, as printed, on the upper half of page 1) without streets with numbers and names."""
    if not page.words:
        text = page.plain()
        for word, start, end in _meaning(text):
            yield word, None, text[start:end], number == 1 and start < 600
        return
    for index, place in enumerate(page.words):
        before = " ".join(word.text for word in page.words[max(0, index - 2):index])
        after = page.words[index + 1].text if index + 1 < len(page.words) else ""
        for word, start, end in tokens(_whole(page.words, index)):
            if _means(word, f"{before} ", f" {after}"):
                yield word, place, place.text[start:end] or place.text, number == 1 and place.box[1] < 0.5


def _meaning(text: str) -> Iterable[tuple[str, int, int]]:
    """The words of a text and their places without streets with numbers and names."""
    for word, start, end in tokens(text):
        if _means(word, text[:start][-25:], text[end:end + 6]):
            yield word, start, end


def _whole(words: Sequence[Word], index: int) -> str:
    """The text of a word, joined with the next when it ends with a hyphen at the end of a printed line."""
    text = words[index].text
    after = words[index + 1] if index + 1 < len(words) else None
    if text.endswith(("-", "\u00ad")) and after and after.line != words[index].line and after.text[:1].islower():
        return text[:-1] + after.text
    return text


def _means(word: str, before: str, after: str) -> bool:
    """Whether a word can say something: not a street with a number, not a name after Herr or Frau."""
    if _STREET.match(after) and (word.endswith(_STREET_ENDINGS) or _AT.search(before)):
        return False
    return not _TITLE.search(before)


def _subjects(extracted: Sequence[Proposal]) -> list[str]:
    found = sorted((one for one in extracted if one.field == "subject"), key=lambda one: -one.confidence)
    return [one.value for one in found]


def _units(material: Material) -> tuple[str, ...]:
    return (fold(material.office),) if material.office else ()
