"""Learning the boundary model from whole documents. Deterministic for a seed.

Documents are sorted by year and parted into blocks. What is said of a page, a gap or a stack while learning always comes from
models that have not seen its block: later years differ, and a model that knows its documents believes itself too much. Stacks
are drawn within blocks, unusual documents (attachments without a letterhead) more often, because later years have more of
them; a third of the stacks carry the errors of an OCR engine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from classifiers import boundary_gap, boundary_segment
from classifiers.boundary import Model, probability, stack_features
from classifiers.boundary_fit import fit
from classifiers.boundary_gap import Line, Pairs, Seen, Vector, Words
from classifiers.boundary_page import Sketch, sketch
from classifiers.boundary_stacks import MOST_PAGES, Example, noisy
from classifiers.boundary_trees import Scorer
from intake.errors import InputError, Reason
from intake.vocabulary import Page

LEAST_DOCUMENTS = 5
"""A term seen in fewer documents is not stored: it could tell of a single person or matter."""
FEWEST_EXAMPLES = 12
BLOCKS, STACKS, STACKS_OTHER = 6, 150, 200
"""Blocks of years of a source; stacks drawn in each block of the first source and in all blocks of each other one (fewer in small
blocks: eight for each document)."""
OWN = 3.0
"""How much a document counts that does not come from the first source."""
STRENGTH = 0.05
"""Inverse strength of the regularisation of the page models."""
UNUSUAL_PAGE, UNUSUAL_STACK = 4.0, 5.0
"""How much more a document counts (and how much more often it is drawn) whose first page no model would know for one."""
NOISY = 0.35
RATES = (0.005, 0.04)
PRIORS = (0.0, 0.25, 0.5)
"""Shares of the length prior that are tried; the second look knows the lengths already."""
WRONG_ALLOWED = 0.008
"""Share of wrong stacks among the unattended ones while learning: well below the two in a hundred promised, as years drift."""

Documents = Sequence[Sequence[Seen]]
Texts = Sequence[Sequence[Sketch]]


@dataclass(frozen=True, slots=True)
class Block:
    """Documents by number that are held back together, their source, and how many stacks are drawn from them."""

    documents: tuple[int, ...]
    source: int
    stacks: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A stack for learning: its pages as seen by models of other documents, where documents begin, its block and source."""

    pages: tuple[Seen, ...]
    begins: NDArray[np.int64]  # for each page but the first
    block: int
    source: int


def learn(sources: Sequence[Sequence[Example]], seed: int = 0) -> tuple[Model, dict[str, float]]:
    """The model and its measures on stacks its parts had not seen.

    `sources`: documents by where they come from; the documents of a stack always come from one of them, as in life. Those of the
    first count once, those of the others (a town's own, other collections) `OWN` times. Raises InputError for fewer than twelve
    documents in the first.
    """
    first = sources[0]
    if len(first) < FEWEST_EXAMPLES or sum(len(one.pages) > 1 for one in first) < LEAST_DOCUMENTS:
        raise InputError(f"Zum Lernen sind mindestens {FEWEST_EXAMPLES} Dokumente nötig, darunter fünf mit mehreren Seiten; "
                         f"vorhanden sind {len(first)}. Geben Sie mehr Beispiele an.", reason=Reason.NO_PAGES)
    rng = np.random.default_rng(seed)
    examples = [one for source in sources for one in sorted(source, key=lambda one: one.year or 0)]
    counted = np.array([1.0 if at == 0 else OWN for at, source in enumerate(sources) for _ in source])
    clean = [[sketch(page) for page in one.pages] for one in examples]
    spoilt = [[sketch(_spoil(page, rng)) for page in one.pages] for one in examples]
    blocks = _blocks(sources)
    shares = _unusual(clean, spoilt, blocks)
    weights = counted * (1.0 + UNUSUAL_PAGE * shares)
    stacks = _draw(_out_of_block(clean, spoilt, blocks, weights), blocks, 1.0 + UNUSUAL_STACK * shares, rng)
    words = _words([*zip(clean, spoilt, strict=True)], weights)
    return _assemble(words, stacks, _lengths(examples), seed)


def _blocks(sources: Sequence[Sequence[Example]]) -> list[Block]:
    """The numbers of the documents in blocks of neighbouring years, each of one source."""
    blocks: list[Block] = []
    at = 0
    for number, source in enumerate(sources):
        parts = np.array_split(np.arange(at, at + len(source)), max(min(BLOCKS, len(source) // 6), 1))
        most = STACKS if number == 0 else max(STACKS_OTHER // len(parts), 1)
        blocks += [Block(tuple(int(one) for one in part), number, min(most, 8 * len(part))) for part in parts if len(part)]
        at += len(source)
    return blocks


def _spoil(page: Page, rng: np.random.Generator) -> Page:
    return replace(page, text=noisy(page.text, float(rng.uniform(*RATES)), rng))


def _unusual(clean: Texts, spoilt: Texts, blocks: Sequence[Block]) -> Vector:
    """How unlike a first page each document's first page is to models that have not seen it, 0..1."""
    views = _out_of_block(clean, spoilt, blocks, np.ones(len(clean)))
    return np.array([1.0 - probability(views[at][0][0].begins) for at in range(len(clean))])


def _out_of_block(clean: Texts, spoilt: Texts, blocks: Sequence[Block], weights: Vector
                  ) -> list[tuple[list[Seen], list[Seen]]]:
    """Each document clean and with errors, as seen by page models that were learnt without its block."""
    views: dict[int, tuple[list[Seen], list[Seen]]] = {}
    for block in blocks:
        inside = set(block.documents)
        rest = [at for at in range(len(clean)) if at not in inside]
        words = _words([(clean[at], spoilt[at]) for at in rest], weights[rest])
        for at in block.documents:
            views[at] = [words.see(page) for page in clean[at]], [words.see(page) for page in spoilt[at]]
    return [views[at] for at in range(len(clean))]


def _matrix(rows: Sequence[frozenset[str]], number: Mapping[str, int]) -> Any:
    """Which of the numbered terms each row holds, as a sparse matrix of ones."""
    ones = [sorted(number[term] for term in row if term in number) for row in rows]
    ends = np.cumsum([0, *map(len, ones)], dtype=np.int32)
    columns = np.array([column for row in ones for column in row], dtype=np.int32)
    return sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(rows), len(number)))


def _words(documents: Sequence[tuple[Sequence[Sketch], Sequence[Sketch]]], weights: Vector) -> Words:
    """Page models and word rarity of documents given twice, clean and with errors; a document counts once for both."""
    seen = Counter(word for clean, _ in documents for word in frozenset().union(*(page.words for page in clean)))
    total = len(documents)
    rarity = {word: round(math.log(total / count), 3) for word, count in sorted(seen.items()) if count >= LEAST_DOCUMENTS}
    pages = [page for both in documents for document in both for page in document]
    share = np.array([weight for both, weight in zip(documents, weights, strict=True) for document in both for _ in document])
    begins = [at == 0 for both in documents for document in both for at in range(len(document))]
    ends = [at == len(document) - 1 for both in documents for document in both for at in range(len(document))]
    heads = _common(frozenset().union(*(page.head_terms for document in both for page in document)) for both in documents)
    tails = _common(frozenset().union(*(page.tail_terms for document in both for page in document)) for both in documents)
    return Words(_line([page.head_terms for page in pages], heads, begins, share),
                 _line([page.tail_terms for page in pages], tails, ends, share),
                 rarity, round(math.log(max(total, 6) / 3), 3))


def _common(documents: Iterable[frozenset[str]]) -> list[str]:
    """Terms of at least five documents, sorted."""
    seen = Counter(term for document in documents for term in document)
    return sorted(term for term, count in seen.items() if count >= LEAST_DOCUMENTS)


def _line(rows: Sequence[frozenset[str]], terms: Sequence[str], targets: Sequence[bool], weights: Vector) -> Line:
    if len(set(targets)) < 2 or not terms:
        return Line({}, 0.0)
    matrix = _matrix(rows, {term: at for at, term in enumerate(terms)})
    fitted = LogisticRegression(C=STRENGTH / 2, solver="liblinear", random_state=0).fit(matrix, targets, weights)
    weighed = {term: round(float(weight), 4) for term, weight in zip(terms, fitted.coef_[0], strict=True) if abs(weight) > 5e-4}
    return Line(weighed, float(fitted.intercept_[0]))


def _draw(views: Sequence[tuple[list[Seen], list[Seen]]], blocks: Sequence[Block], weights: Vector,
          rng: np.random.Generator) -> list[Drawn]:
    """Stacks of 3 to 10 documents of one block, unusual documents more often, a third of the stacks with errors."""
    drawn = []
    for number, block in enumerate(blocks):
        inside = np.array(block.documents)
        chance = weights[inside] / weights[inside].sum()
        for _ in range(block.stacks):
            size = min(int(rng.integers(3, 11)), len(inside))
            side = int(rng.random() < NOISY)
            documents = [views[int(at)][side] for at in rng.choice(inside, size=size, replace=False, p=chance)]
            begins = [at == 0 for document in documents for at in range(len(document))]
            drawn.append(Drawn(tuple(page for document in documents for page in document),
                               np.array(begins[1:], dtype=np.int64), number, block.source))
    return drawn


def _lengths(examples: Sequence[Example]) -> tuple[float, ...]:
    """Log prior of the number of pages of a document, index = pages, smoothed so that no length is impossible."""
    counts = Counter(len(one.pages) for one in examples)
    mass = [counts[size] + 20.0 / (size + 1) ** 2 + 0.05 for size in range(1, MOST_PAGES + 1)]
    return (0.0, *(math.log(one / sum(mass)) for one in mass))


def _assemble(words: Words, stacks: Sequence[Drawn], lengths: tuple[float, ...], seed: int) -> tuple[Model, dict[str, float]]:
    """The looks at gaps one after the other, each learnt from what the one before says of stacks it has not seen."""
    compare = Pairs()
    gaps = [boundary_gap.features(one.pages, compare) for one in stacks]
    first, ones = _look(gaps, stacks, seed)
    again = [boundary_segment.features(one.pages, logits, compare) for one, logits in zip(stacks, ones, strict=True)]
    second, twos = _look(again, stacks, seed)
    model = Model(words, first, second, (0.0,), np.zeros((3, 1)), 1.0, {})
    model = replace(model, lengths=_prior(model, stacks, twos, lengths))
    model, sure, right = _calibrated(model, stacks, ones, twos)
    home = np.array([one.source == 0 for one in stacks])
    alone, right = (sure >= model.unattended)[home], right[home]
    chosen = [at for at, one in enumerate(stacks) if one.source == 0]
    truth, found = _pooled(model, [stacks[at] for at in chosen], [twos[at] for at in chosen])
    hits = float((truth & found).sum())
    return model, {
        "precision": round(hits / max(int(found.sum()), 1), 4), "recall": round(hits / max(int(truth.sum()), 1), 4),
        "perfect": round(float(right.mean()), 4), "unattended": round(float(alone.mean()), 4),
        "unattended_wrong": round(float((alone & ~right).sum() / max(alone.sum(), 1)), 4), "stacks": float(len(chosen))}


def _look(rows: Sequence[Vector], stacks: Sequence[Drawn], seed: int) -> tuple[Scorer, list[Vector]]:
    """A scorer learnt from all stacks, and the log-odds of each stack by a scorer that has not seen its block."""
    blocks = sorted({one.block for one in stacks})
    held: dict[int, Scorer] = {}
    for block in blocks:
        rest = [at for at, one in enumerate(stacks) if one.block != block]
        held[block] = fit(np.vstack([rows[at] for at in rest]), np.concatenate([stacks[at].begins for at in rest]), seed)
    whole = fit(np.vstack(rows), np.concatenate([one.begins for one in stacks]), seed)
    return whole, [held[one.block](row) for one, row in zip(stacks, rows, strict=True)]


def _right(model: Model, stack: Drawn, logits: Vector) -> bool:
    return model.decoded(logits) == (0, *(int(at) + 1 for at in np.flatnonzero(stack.begins)))


def _prior(model: Model, stacks: Sequence[Drawn], logits: Sequence[Vector], lengths: tuple[float, ...]) -> tuple[float, ...]:
    """The share of the length prior with which most stacks come out right."""
    best: tuple[float, tuple[float, ...]] = (-1.0, (0.0,))
    for share in PRIORS:
        tried = replace(model, lengths=tuple(share * one for one in lengths))
        right = float(np.mean([_right(tried, one, two) for one, two in zip(stacks, logits, strict=True)]))
        if right > best[0] + 0.002:
            best = right, tried.lengths
    return best[1]


def _pooled(model: Model, stacks: Sequence[Drawn], logits: Sequence[Vector]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    found = []
    for one, two in zip(stacks, logits, strict=True):
        cut = np.zeros(len(one.pages), dtype=bool)
        cut[list(model.decoded(two))] = True
        found.append(cut[1:])
    return np.concatenate([one.begins for one in stacks]).astype(bool), np.concatenate(found)


def _calibrated(model: Model, stacks: Sequence[Drawn], ones: Sequence[Vector], twos: Sequence[Vector]
                ) -> tuple[Model, Vector, NDArray[np.bool_]]:
    """The model with its stack probability and threshold; the probabilities and what came out right, stack by stack."""
    rows = np.array([stack_features(stack.pages, one, two, model.decoded(two))
                     for stack, one, two in zip(stacks, ones, twos, strict=True)])
    home = np.array([stack.source == 0 for stack in stacks])
    right = np.array([_right(model, stack, two) for stack, two in zip(stacks, twos, strict=True)])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    scaled = np.clip((rows - mean) / spread, -5.0, 5.0)
    if right.all() or not right.any():  # nothing to learn from: say what was seen, nobody relies on it
        weights, bias = np.zeros(rows.shape[1]), math.log((right.sum() + 1) / (len(right) - right.sum() + 1))
    else:
        line = LogisticRegression(C=0.1).fit(scaled, right)
        weights, bias = line.coef_[0], float(line.intercept_[0])
    table = np.vstack([np.append(mean, 0.0), np.append(spread, 0.0), np.append(weights, bias)])
    sure = np.array([probability(float(row @ weights + bias)) for row in scaled])
    return replace(model, stack=table, unattended=max(_threshold(sure, right), _threshold(sure[home], right[home]))), sure, right


def _threshold(sure: Vector, right: NDArray[np.bool_]) -> float:
    """The lowest probability above which few enough stacks were wrong; 1.0 when there is none."""
    order = np.argsort(-sure, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    fine = np.flatnonzero(wrong <= WRONG_ALLOWED)
    fine = fine[fine >= 19]
    return math.ceil(float(sure[order[fine[-1]]]) * 1e5) / 1e5 if len(fine) else 1.0
