"""The figures by which a filing model is judged, and reading what it is judged on. Pure but for `read_rows`."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score  # type: ignore[import-untyped]

from classifiers.linear import Example, Ranked
from intake.errors import ConfigError

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of a JSON line hold the text (the first of several is the title), the label and the date ("" = none)."""

    text: tuple[str, ...]
    label: str
    date: str = ""

    def example(self, row: Row) -> Example:
        """The document of a line; raises ConfigError when a field is not there."""
        if missing := [name for name in (*self.text, self.label) if name not in row]:
            raise ConfigError(f"In den Daten fehlt das Feld {missing[0]}. Prüfen Sie --text und --label.")
        title = str(row[self.text[0]] or "") if len(self.text) > 1 else ""
        body = "\n".join(str(row[name] or "") for name in self.text[-1 if len(self.text) == 1 else 1:])
        return Example(body, str(row[self.label] or ""), self.day(row), title)

    def day(self, row: Row) -> dt.date | None:
        """The date of a line, None where there is none or it is not ISO 8601."""
        try:
            return dt.date.fromisoformat(str(row.get(self.date, ""))[:10]) if self.date else None
        except ValueError:
            return None


def read_rows(path: Path) -> list[Row]:
    """The lines of a JSON-lines file, packed (`.gz`) or not; raises ConfigError when it cannot be read."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} ist keine lesbare JSON-Lines-Datei ({type(error).__name__}).") from error


def accuracy(truth: Sequence[str], ranked: Sequence[Ranked], first: int = 1) -> float:
    """Share of documents whose label is among the first `first`."""
    return _mean([label in one.labels[:first] for label, one in zip(truth, ranked, strict=True)])


def macro_f1(truth: Sequence[str], ranked: Sequence[Ranked]) -> float:
    """F1 averaged over all labels that are right or were given."""
    return float(f1_score(list(truth), [one.first for one in ranked], average="macro", zero_division=0)) if truth else 0.0


def ece(truth: Sequence[str], ranked: Sequence[Ranked], bins: int = 15) -> float:
    """Expected calibration error of the first label's probability, in `bins` bins of equally many documents."""
    right = np.array([one.first == label for label, one in zip(truth, ranked, strict=True)], dtype=float)
    return _gap(np.array([one.probability for one in ranked]), right, bins)


def ece_by_chance(ranked: Sequence[Ranked], bins: int = 15, draws: int = 200) -> float:
    """What `ece` is on average for as many documents whose probabilities are exactly true: less cannot be told from luck."""
    sure = np.array([one.probability for one in ranked])
    luck = np.random.default_rng(0)
    return float(np.mean([_gap(sure, (luck.random(len(sure)) < sure).astype(float), bins) for _ in range(draws)]))


def _gap(sure: NDArray[np.float64], right: NDArray[np.float64], bins: int) -> float:
    order = np.argsort(sure, kind="stable")
    return float(sum(abs(sure[part].mean() - right[part].mean()) * len(part)
                     for part in np.array_split(order, bins) if len(part)) / max(1, len(order)))


def threshold(sure: Sequence[float], right: Sequence[bool], most: float, confidence: float = 0.9) -> float:
    """The lowest probability from which on an upper bound of the error stays within `most`; 2.0 when there is none.

    Walks down from the surest (each step looks at all above): the last place at which the one-sided Clopper-Pearson bound at
    `confidence` is not above `most`.
    """
    from scipy.stats import beta  # type: ignore[import-untyped]  # noqa: PLC0415 - a second at start

    order = np.argsort(-np.asarray(sure), kind="stable")
    wrong = np.cumsum(~np.asarray(right, dtype=bool)[order])
    count = np.arange(1, len(order) + 1)
    bound = beta.ppf(confidence, wrong + 1, np.maximum(count - wrong, 1e-9))
    values = np.asarray(sure)[order]
    ends = np.append(values[1:] < values[:-1], True)
    fitting = np.flatnonzero((bound <= most) & ends)
    return float(values[fitting[-1]]) if len(fitting) else 2.0


def oracle(sure: Sequence[float], right: Sequence[bool], most: float) -> float:
    """The largest share that could be filed within `most` if the truth were known: no honest rule can promise more."""
    order = np.argsort(-np.asarray(sure), kind="stable")
    wrong = np.cumsum(~np.asarray(right, dtype=bool)[order])
    fitting = np.flatnonzero(wrong <= most * np.arange(1, len(order) + 1))
    return float((fitting[-1] + 1) / len(order)) if len(fitting) else 0.0


def margin(most: float, count: int, confidence: float = 0.95) -> float:
    """By how much a share of wrong ones may exceed `most` by chance (one-sided binomial) among `count`."""
    from scipy.stats import binom  # noqa: PLC0415 - a second at start

    return float(binom.ppf(confidence, count, most)) / count - most if count else 0.0


def peak_mib() -> float:
    """The most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else math.nan
