"""Learning where documents belong from what people decided. Pure, deterministic; no database, no clock.

A document is a row of hashed features (`features`, `vectors`), a label a linear model (`ridge`); scores become probabilities
on decisions that came later than what was learnt (`calibrate`). A correction counts at once: the document is remembered, and
what is like it is scored like it. A new label works from its first example; the words of the plan are an example too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from classifiers import calibrate, ridge
from classifiers.artefacts import Artefact
from classifiers.calibrate import Curve
from classifiers.features import Hasher, Matrix, Text
from classifiers.near import Earlier, signs
from classifiers.vectors import Scale, scale, stacked
from intake.vocabulary import AktenplanEntry

HALF_LIFE = 600.0
"""Days after which a decision counts half; never less than `LEAST_TRUST`."""
LEAST_TRUST = 0.12
NAME_TRUST = 2.0
"""How much the words of the plan count as an example: its author knew what belongs there."""
HELD_OUT, BLOCKS = 0.4, 4
"""Share of the decisions (the latest) that are forecast by a model that knows only earlier ones, block by block, so that
probabilities hold on later documents. The model itself learns from all."""
MANY = 10_000
"""Decisions from which one block of half the share, forecast from so many before it, is enough (time matters then)."""
STEP = 0.7
"""How far one correction moves the scores of its own document towards what they should be."""
START = -1.0
"""Score of a label that nothing speaks for."""
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """A document and where it belongs (`label` "" = not known). `group`: examples of one group never help each other's
    measurement (parts of one delivery). `features`: what else is known of it (kind, sender, mailbox), may be empty."""

    text: str
    label: str = ""
    date: date | None = None
    title: str = ""
    features: Mapping[str, str] = field(default_factory=dict)
    group: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Labels with calibrated probabilities, best first; with `unknown`, that the document belongs to none, they sum to 1."""

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    unknown: float

    @property
    def first(self) -> str:
        """The likeliest label; "" when there is none."""
        return self.labels[0] if self.labels else ""

    @property
    def probability(self) -> float:
        """That the first label is right."""
        return self.probabilities[0] if self.probabilities else 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt. Never changes: `learn` gives a new one that shares everything but the correction."""

    labels: tuple[str, ...]
    counts: NDArray[np.float64]
    """Decisions a label rests on."""
    weights: Matrix
    bias: Vector
    scale: Scale
    curve: Curve = field(default_factory=Curve)
    memory: Matrix | None = None
    """Rows of the documents learnt since the training, and by how much each moves the labels."""
    changes: Vector = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    earlier: Earlier = field(default_factory=Earlier)
    hasher: Hasher = field(default_factory=Hasher, compare=False)

    def predict(self, documents: Sequence[Example]) -> list[Ranked]:
        """For each document its labels with probabilities (`Ranked`); `label` of the documents is not looked at."""
        if not self.labels:
            return [Ranked((), (), 1.0) for _ in documents]
        sure, unknown = self.curve.all(self.scores(documents), self.counts)
        orders = np.argsort(-sure, axis=1, kind="stable")
        return [Ranked(tuple(self.labels[at] for at in order), tuple(row[order].tolist()), float(none))
                for row, order, none in zip(sure, orders, unknown, strict=True)]

    def scores(self, documents: Sequence[Example]) -> NDArray[np.float64]:
        """The raw scores, documents x `labels`: near 1 for the label a document is like, near -1 for the others."""
        return self.scores_of(self.scale.rows(self.hasher, [_text(one) for one in documents]))

    def learn(self, example: Example) -> Model:
        """The model after one more decision (at most 100 ms); a new label is known from its first example."""
        if not example.label:
            return self
        grown = self if example.label in self.labels else replace(
            self, labels=(*self.labels, example.label), counts=np.append(self.counts, 0.0))
        row = self.scale.rows(self.hasher, [_text(example)])
        right = grown.labels.index(example.label)
        scores = grown.scores_of(row)[0]
        change = -STEP * np.maximum(0.0, scores - START).astype(np.float32) * (scores > -0.5)
        change[right] = STEP * max(0.0, 1.0 - scores[right])
        counts = grown.counts.copy()
        counts[right] += 1
        memory = row if self.memory is None else sparse.vstack([self.memory, row], format="csr")
        changes = np.zeros((memory.shape[0], len(change)), dtype=np.float32)
        changes[:-1, :self.changes.shape[1]] = self.changes
        changes[-1] = change
        earlier = self.earlier.add(signs(row), [example.label], [_title(example)])
        return replace(grown, counts=counts, memory=memory, changes=changes, earlier=earlier)

    def near(self, document: Example, label: str, count: int = 2) -> tuple[tuple[str, float], ...]:
        """Titles of the earlier documents of a label most like this one, with their likeness (cosine, 0.25..1)."""
        return self.earlier.like(signs(self.scale.rows(self.hasher, [_text(document)]))[0], label, count)

    def why(self, document: Example, label: str, count: int = 5) -> tuple[str, ...]:
        """The words of the document that speak most for a label, the strongest first; () when none does."""
        if label not in self.labels:
            return ()
        words, buckets = self.hasher.words(_text(document))
        at = self.labels.index(label)
        carried = np.zeros(buckets.shape)
        if at < self.weights.shape[1]:
            carried += self.weights[buckets.ravel()][:, [at]].toarray().reshape(buckets.shape)
        if self.memory is not None and at < self.changes.shape[1]:
            carried += np.asarray(self.memory.T @ self.changes[:, at]).ravel()[buckets]
        carried = (carried * self.scale.rarity[buckets]).sum(axis=1)
        order = [place for place in np.argsort(-carried, kind="stable") if carried[place] > 0 and len(words[place]) > 2]
        return tuple(words[place] for place in order if not words[place].isdigit())[:count]

    def to_artefact(self) -> Artefact:
        """The model as arrays and JSON (`classifiers.artefacts.save`), weights in one byte; the card is left empty."""
        used = np.flatnonzero(np.diff(self.weights.indptr))
        slim = self.weights[used]
        most = np.abs(slim.data).max(initial=1e-9)
        arrays: dict[str, NDArray[Any]] = {
            "buckets": used.astype(np.uint32), "starts": slim.indptr.astype(np.uint32),
            "columns": slim.indices.astype(np.uint16), "values": np.rint(slim.data / most * 127).astype(np.int8),
            "bias": self.bias, "counts": self.counts.astype(np.float32), "rarity": self.scale.rarity.astype(np.float16),
            "changes": self.changes, "earlier": self.earlier.codes}
        if self.memory is not None:
            arrays |= {"memory_starts": self.memory.indptr, "memory_columns": self.memory.indices,
                       "memory_values": self.memory.data}
        return Artefact(arrays, {"labels": list(self.labels), "most": float(most), "curve": self.curve.as_meta(),
                                 "documents": self.scale.documents, "earlier_labels": list(self.earlier.labels),
                                 "earlier_titles": list(self.earlier.titles)}, {})

    @classmethod
    def from_artefact(cls, stored: Artefact) -> Model:
        """The model that was stored."""
        arrays, meta = stored.arrays, stored.meta
        rarity = arrays["rarity"].astype(np.float32)
        starts = np.zeros(len(rarity) + 1, dtype=np.int64)
        starts[arrays["buckets"].astype(np.int64) + 1] = np.diff(arrays["starts"].astype(np.int64))
        values = arrays["values"].astype(np.float32) * np.float32(meta["most"] / 127)
        weights = sparse.csr_matrix((values, arrays["columns"].astype(np.int32), np.cumsum(starts)),
                                    shape=(len(rarity), len(arrays["bias"])))
        memory = None
        if "memory_starts" in arrays:
            memory = sparse.csr_matrix((arrays["memory_values"], arrays["memory_columns"], arrays["memory_starts"]),
                                       shape=(len(arrays["memory_starts"]) - 1, len(rarity)))
        return cls(tuple(meta["labels"]), arrays["counts"].astype(np.float64), weights, arrays["bias"],
                   Scale(rarity, int(meta["documents"])), Curve.from_meta(meta["curve"]), memory, arrays["changes"],
                   Earlier(arrays["earlier"], tuple(meta["earlier_labels"]), tuple(meta["earlier_titles"])))

    def scores_of(self, rows: Matrix) -> NDArray[np.float64]:
        """As `scores`, for vectors that were made already."""
        scores = np.full((rows.shape[0], len(self.labels)), START)
        known = self.weights.shape[1]
        if known:
            scores[:, :known] = (rows @ self.weights).toarray() + self.bias
        if self.memory is not None:
            scores[:, :self.changes.shape[1]] += (rows @ self.memory.T).toarray() @ self.changes
        return scores


@dataclass(frozen=True, slots=True)
class Unseen:
    """How the model fared on decisions it had not learnt from: the first label's probability, and whether it was right."""

    sure: tuple[float, ...] = ()
    right: tuple[bool, ...] = ()


def train(examples: Sequence[Example], *, entries: Sequence[AktenplanEntry] = (), seed: int = 0, least: int = 1) -> Model:
    """A model of all examples with a label; works from none at all.

    `entries`: the plan; an entry's own words are one more example of it. `least`: features seen in fewer documents are left
    out, and with more than 1 no document is remembered (5 for models that leave the house). `seed` chooses what is
    held out where examples have no date.
    """
    return train_measured(examples, entries=entries, seed=seed, least=least)[0]


def train_measured(
    examples: Sequence[Example], *, entries: Sequence[AktenplanEntry] = (), seed: int = 0, least: int = 1,
) -> tuple[Model, Unseen]:
    """As `train`, and the forecasts on the held-out decisions from which thresholds are taken."""
    known = sorted((one for one in examples if one.label), key=lambda one: one.date or date.min)
    hasher = Hasher()
    texts = [_text(one) for one in known]
    sizes = scale(hasher, texts, least)
    rows = sizes.rows(hasher, texts)
    if not known:
        nothing = sparse.csr_matrix((1 << hasher.bits, 0), dtype=np.float32)
        return Model((), np.zeros(0), nothing, np.zeros(0, np.float32), sizes, hasher=hasher), Unseen()
    taught = _taught(known, rows, {entry.id: entry for entry in entries}, sizes, hasher)
    curve, unseen = Curve(), Unseen()
    blocks = held_out(known, seed)
    if sum(len(late) for _, late in blocks) >= calibrate.ENOUGH and len({one.label for one in known}) > 1:
        found = [_forecast(taught, early, late) for early, late in blocks]
        shown, correct, able = (np.concatenate(part) for part in zip(*found, strict=True))
        curve = calibrate.fit(shown, correct, able)
        unseen = Unseen(tuple(curve.of(shown).tolist()), tuple(correct.tolist()))
    earlier = Earlier()
    if least <= 1:
        earlier = earlier.add(signs(rows), [one.label for one in known], [_title(one) for one in known])
    task = _task(taught, range(len(known)))
    every = task.places == list(range(taught.rows.shape[0]))  # no copy of what may be gigabytes
    weights, bias = ridge.solve(taught.rows if every else taught.rows[task.places], task.wanted, len(task.labels), task.trust,
                                taught.part(task.places))
    return Model(task.labels, task.counts, weights, bias, sizes, curve, earlier=earlier, hasher=hasher), unseen


@dataclass(frozen=True, slots=True)
class _Taught:
    """All that is learnt from: first the decisions, then what the plan calls their labels, a row each.

    `products` of all rows with each other, where there are few enough of them.
    """

    known: Sequence[Example]
    rows: Matrix
    named: tuple[str, ...]
    products: Vector | None

    def part(self, places: Sequence[int]) -> Vector | None:
        """The products of some rows with each other."""
        return None if self.products is None else self.products[np.ix_(places, places)]


@dataclass(frozen=True, slots=True)
class _Task:
    """What one solution needs: places of rows, the number of the label of each, how much each counts; the labels."""

    labels: tuple[str, ...]
    counts: NDArray[np.float64]
    places: list[int]
    wanted: NDArray[np.int64]
    trust: Vector


def _taught(known: Sequence[Example], rows: Matrix, names: Mapping[str, AktenplanEntry], sizes: Scale, hasher: Hasher) -> _Taught:
    named = tuple(label for label in sorted({one.label for one in known}) if label in names)
    if named:
        rows = stacked([rows, sizes.rows(hasher, [_named(names[label]) for label in named])], rows.shape[1])
    return _Taught(known, rows, named, ridge.products(rows) if rows.shape[0] <= ridge.EXACT else None)


def _task(taught: _Taught, early: Sequence[int]) -> _Task:
    """Learning from some of the decisions, with what the plan calls their labels."""
    known = [taught.known[at] for at in early]
    labels = tuple(sorted({one.label for one in known}))
    place = {label: at for at, label in enumerate(labels)}
    extra = [at for at, label in enumerate(taught.named) if label in place]
    wanted = np.array([*(place[one.label] for one in known), *(place[taught.named[at]] for at in extra)], dtype=np.int64)
    counts = np.bincount(wanted[:len(known)], minlength=len(labels)).astype(np.float64)
    trust = np.concatenate([trusts(known), np.full(len(extra), NAME_TRUST, dtype=np.float32)])
    return _Task(labels, counts, [*early, *(len(taught.known) + at for at in extra)], wanted, trust)


def _forecast(
    taught: _Taught, early: Sequence[int], late: Sequence[int],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of the late ones, forecast from the early ones alone: the signs of each ranking, was it right, could it be right."""
    task = _task(taught, early)
    if taught.products is None:
        weights, bias = ridge.solve(taught.rows[task.places], task.wanted, len(task.labels), task.trust)
        scores = (taught.rows[late] @ weights).toarray() + bias
    else:
        dual, bias = ridge.exact(taught.products[np.ix_(task.places, task.places)], task.wanted, len(task.labels), task.trust)
        scores = taught.products[np.ix_(late, task.places)] @ dual + bias
    place = {label: at for at, label in enumerate(task.labels)}
    right = np.array([place.get(taught.known[at].label, -1) for at in late])
    return calibrate.signs(scores.astype(np.float64), task.counts), scores.argmax(axis=1) == right, right >= 0


def trusts(examples: Sequence[Example]) -> Vector:
    """How much each decision counts: half after `HALF_LIFE`, at least `LEAST_TRUST`; 1 where no date is known."""
    newest = max((one.date for one in examples if one.date), default=None)
    ages = [(newest - one.date).days if newest and one.date else 0 for one in examples]
    return np.asarray(np.maximum(LEAST_TRUST, 0.5 ** (np.array(ages) / HALF_LIFE)), dtype=np.float32)


def held_out(examples: Sequence[Example], seed: int = 0) -> list[tuple[list[int], list[int]]]:
    """Pairs of places of examples (in order of their date): to learn from, and the next block to be forecast.

    Random where examples have no date. Nobody of a block belongs to a group that is learnt from.
    """
    order = list(range(len(examples)))
    if not all(one.date for one in examples):
        order = np.random.default_rng(seed).permutation(len(examples)).tolist()
    count, share = (BLOCKS, HELD_OUT) if len(examples) < MANY else (1, HELD_OUT / 2)
    cuts = [int(len(order) * (1 - share + share * at / count)) for at in range(count + 1)]
    found = []
    for start, stop in pairwise(cuts):
        groups = {examples[at].group for at in order[:start]} - {""}
        late = [at for at in order[start:stop] if examples[at].group not in groups]
        if start and late:
            found.append((sorted(order[max(0, start - MANY):start]), late))
    return found


def _text(one: Example) -> Text:
    return Text(one.text, one.title, tuple(sorted(one.features.items())))


def _title(one: Example) -> str:
    return " ".join((one.title or one.text[:80]).split())[:80]


def _named(entry: AktenplanEntry) -> Text:
    """What the plan says of an entry, as an example of it."""
    return Text(f"{entry.title}\n{', '.join(entry.keywords)}\n{entry.description}", entry.title)
