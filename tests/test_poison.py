"""A clerk who is wrong every tenth time, at random, costs the model little."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers.linear import Example, train

CLASSES, WORDS = 12, 40


def letters(count: int, seed: int) -> list[Example]:
    """Synthetic letters: a few words of their matter among many that say nothing."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        matter = int(rng.integers(CLASSES))
        own = rng.choice(_OWN[matter], 5)
        other = rng.choice(_OWN[int(rng.integers(CLASSES))], 2)
        text = [*own, *other, *rng.choice(_COMMON, 40)]
        rng.shuffle(text)
        made.append(Example(" ".join(text), f"e{matter}"))
    return made


_RNG = np.random.default_rng(5)
_COMMON = ["".join(_RNG.choice(list("abcdefghilmnorstu"), 7)) for _ in range(400)]
_OWN = [["".join(_RNG.choice(list("abcdefghilmnorstu"), 8)) for _ in range(WORDS)] for _ in range(CLASSES)]


def poisoned(examples: list[Example], share: float, seed: int) -> list[Example]:
    rng = np.random.default_rng(seed)
    return [Example(one.text, f"e{rng.integers(CLASSES)}" if rng.random() < share else one.label) for one in examples]


def accuracy(learnt: list[Example], first: int, test: list[Example]) -> float:
    """Trained on the `first` examples, the others learnt one by one."""
    model = train(learnt[:first])
    for one in learnt[first:]:
        model = model.learn(one)
    return float(np.mean([found.first == one.label for found, one in zip(model.predict(test), test, strict=True)]))


@pytest.mark.long
@pytest.mark.parametrize("first", [600, 480])
def test_a_tenth_of_random_corrections_costs_at_most_three_points(first: int) -> None:
    test = letters(400, 2)
    clean = letters(600, 1)
    good, bad = (accuracy(one, first, test) for one in (clean, poisoned(clean, 0.1, 3)))
    print(f"clean {good:.3f}, a tenth wrong {bad:.3f}, trained {first} of 600")
    assert good > 0.85 and bad >= good - 0.03
