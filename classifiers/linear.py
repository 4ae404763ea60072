"""Learning where documents belong from what people decided. Pure, deterministic by seed; no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]
from sklearn.svm import LinearSVC  # type: ignore[import-untyped]

from classifiers.artefacts import Artefact
from classifiers.features import BITS, PAIRS, PARTS, TITLE, TITLE_PARTS, WORDS, Hasher, Matrix, Text, hashed, tokenise
from intake.vocabulary import AktenplanEntry

SHARES = (WORDS, PAIRS, PARTS, TITLE, TITLE_PARTS)
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
    weights: NDArray[np.float32]  # buckets x labels
    bias: Vector
    rarity: Vector
    temperature: float
    memory: tuple[tuple[Matrix, Vector], ...] = ()
    hasher: Hasher = field(default_factory=Hasher, compare=False)

    def predict(self, documents: Sequence[Example]) -> list[Ranked]:
        """For each document its labels with probabilities (`Ranked`); `label` of the documents is not looked at."""
        rows = _vectors(self.hasher, documents, self.rarity)
        return [self._ranked(row) for row in self._scores(rows)]

    def learn(self, example: Example) -> Model:
        """The model after one more decision (at most 100 ms); a new label is known from its first example."""
        labels = self.labels if example.label in self.labels else (*self.labels, example.label)
        grown = self if labels is self.labels else replace(self, labels=labels)
        row = _vectors(self.hasher, [example], self.rarity)
        scores = grown._scores(row)[0]
        right = labels.index(example.label)
        change = np.zeros(len(labels), dtype=np.float32)
        rival = int(np.argmax(np.where(np.arange(len(labels)) == right, -np.inf, scores))) if len(labels) > 1 else right
        step = max(0.0, 1.0 - (scores[right] - scores[rival]) / 2)
        change[right] += step
        if rival != right:
            change[rival] -= step
        return replace(grown, memory=(*self.memory, (row, change)))

    def why(self, document: Example, label: str, count: int = 5) -> tuple[str, ...]:
        """The words of the document that speak most for a label, the strongest first; () when none does."""
        if label not in self.labels[:self.weights.shape[1]]:
            return ()
        column = self.weights[:, self.labels.index(label)] * self.rarity
        words = list(dict.fromkeys(tokenise(document.title) + tokenise(document.text)))
        values = np.array([hashed(word) for word in words], dtype=np.uint64)
        carried = column[self.hasher.buckets(values, 1)] + column[self.hasher.buckets(values, 4)]
        order = [at for at in np.argsort(-carried, kind="stable") if carried[at] > 0 and len(words[at]) > 2]
        return tuple(words[at] for at in order[:count])

    def to_artefact(self) -> Artefact:
        """The model as arrays and JSON (`classifiers.artefacts.save`); the card is left empty."""
        return Artefact({"weights": self.weights, "bias": self.bias, "rarity": self.rarity},
                        {"labels": list(self.labels), "temperature": self.temperature}, {})

    @classmethod
    def from_artefact(cls, stored: Artefact) -> Model:
        """The model that was stored."""
        meta: Mapping[str, Any] = stored.meta
        return cls(tuple(meta["labels"]), stored.arrays["weights"], stored.arrays["bias"], stored.arrays["rarity"],
                   float(meta["temperature"]))

    def _scores(self, rows: Matrix) -> NDArray[np.float32]:
        scores = np.full((rows.shape[0], len(self.labels)), -1.0, dtype=np.float32)
        known = self.weights.shape[1]
        if known:
            scores[:, :known] = rows @ self.weights + self.bias
        for row, change in self.memory:
            scores[:, :len(change)] += np.outer(np.asarray((rows @ row.T).todense()).ravel(), change)
        return scores

    def _ranked(self, scores: Vector) -> Ranked:
        if not len(scores):
            return Ranked((), (), 1.0)
        sure = np.exp((scores - scores.max()) / self.temperature)
        sure /= sure.sum()
        unknown = 0.02
        order = np.argsort(-sure, kind="stable")
        return Ranked(tuple(self.labels[at] for at in order), tuple(float(sure[at]) * (1 - unknown) for at in order), unknown)


def train(examples: Sequence[Example], *, entries: Sequence[AktenplanEntry] = (), seed: int = 0) -> Model:
    """A model of all examples with a label; works from none at all. `entries`: the plan, whose words help rare labels."""
    known = [one for one in examples if one.label]
    hasher = Hasher()
    labels = tuple(sorted({one.label for one in known}))
    rarity = _rarity(hasher, known)
    if len(labels) < 2:
        weights = np.zeros((1 << BITS, 0), dtype=np.float32)
        model = Model((), weights, np.zeros(0, dtype=np.float32), rarity, 0.3, hasher=hasher)
        for one in known:
            model = model.learn(one)
        return model
    rows = _vectors(hasher, known, rarity)
    place = {label: at for at, label in enumerate(labels)}
    wanted = np.array([place[one.label] for one in known])
    machine = LinearSVC(C=1.0, random_state=seed).fit(rows, wanted)
    weights, bias = machine.coef_, machine.intercept_
    if len(labels) == 2:
        weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
    return Model(labels, np.ascontiguousarray(weights.T, dtype=np.float32), bias.astype(np.float32), rarity, 0.3, hasher=hasher)


def _rarity(hasher: Hasher, examples: Sequence[Example]) -> Vector:
    counts = np.zeros(1 << hasher.bits, dtype=np.float32)
    for group in hasher.rows(Text(one.text, one.title) for one in examples):
        counts += np.bincount(group.indices, minlength=len(counts)).astype(np.float32)
    return np.asarray(np.log((1 + len(examples)) / (1 + counts)) + 1, dtype=np.float32)


def _vectors(hasher: Hasher, documents: Sequence[Example], rarity: Vector) -> Matrix:
    whole: Matrix = sparse.csr_matrix((len(documents), 1 << hasher.bits), dtype=np.float32)
    for group, share in zip(hasher.rows(Text(one.text, one.title) for one in documents), SHARES, strict=True):
        group.data = (1 + np.log(group.data)) * rarity[group.indices]
        whole = whole + _to_length(group, share)
    return _to_length(whole, 1.0)


def _to_length(rows: Matrix, length: float) -> Matrix:
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    norms[norms == 0] = 1.0
    rows.data *= (length / np.repeat(norms, np.diff(rows.indptr))).astype(np.float32)
    return rows
