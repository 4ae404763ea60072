"""What a reader of lines says, step by step: its likeliest text, and how likely another text is (CTC, Graves et al., 2006)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from intake.box.inside.convnet import Grid

Logs = NDArray[np.float64]
WAVERING = 0.4  # of what letters of a line are apart


@dataclass(frozen=True, slots=True)
class Spelled:
    """A text, the step at which each letter has its peak, and the probability of each letter there (0..1)."""

    text: str
    steps: tuple[int, ...]
    letters: tuple[float, ...]


def logs_of(steps: Grid) -> Logs:
    """Logarithms of probabilities (steps x letters, the blank first) of what the network says (steps x letters)."""
    wide = steps.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    found: Logs = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    return found


def likeliest(logs: Logs, alphabet: str) -> Spelled:
    """The text of the likeliest path. `alphabet`: the letters after the blank.

    Two letters that no blank parts and that stand much nearer than others do are one on which the network wavers: the surer one.
    """
    path = logs.argmax(axis=1)
    found: list[tuple[str, int, float, bool]] = []
    for step, letter in enumerate(path):
        seen = (alphabet[letter - 1], step, math.exp(logs[step, letter]), step > 0 and path[step - 1] > 0)
        if letter and not (seen[3] and letter == path[step - 1]):
            found.append(seen)
        elif letter and seen[2] > found[-1][2]:
            found[-1] = (*seen[:3], found[-1][3])
    apart = sorted(other[1] - one[1] for one, other in pairwise(found))
    nearest = WAVERING * apart[len(apart) // 2] if apart else 0.0
    kept: list[tuple[str, int, float, bool]] = []
    for one in found:
        if not (kept and one[3] and one[1] - kept[-1][1] < nearest and " " not in (one[0], kept[-1][0])):
            kept.append(one)
        elif one[2] > kept[-1][2]:
            kept[-1] = one
    return Spelled("".join(one[0] for one in kept), tuple(one[1] for one in kept), tuple(one[2] for one in kept))


def likelihood(logs: Logs, text: str, alphabet: str) -> float:
    """The logarithm of the probability that the line reads `text`, over all paths; -inf where a letter is not known."""
    if not text:
        return float(logs[:, 0].sum())
    if any(letter not in alphabet for letter in text):
        return -math.inf
    labels = np.zeros(2 * len(text) + 1, np.int64)
    labels[1::2] = [alphabet.index(letter) + 1 for letter in text]
    skip = np.zeros(len(labels), bool)
    skip[3::2] = labels[3::2] != labels[1:-2:2]  # a blank may be left out between different letters
    alpha = np.full(len(labels), -np.inf)
    alpha[:2] = logs[0, labels[:2]]
    for row in logs[1:]:
        one = np.concatenate(([-np.inf], alpha[:-1]))
        two = np.where(skip, np.concatenate(([-np.inf, -np.inf], alpha[:-2])), -np.inf)
        alpha = np.logaddexp(np.logaddexp(alpha, one), two) + row[labels]
    return float(np.logaddexp(alpha[-1], alpha[-2]))
