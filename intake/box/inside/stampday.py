"""The day of a receipt stamp: where one may stand on a page, and which day it is, by two small networks learnt from drawn stamps.

Recognition of text reads lines; a line that print crosses on a slant is none. The networks were shown tens of thousands of days
on stamps of all kinds, slanted, pale, patchy, over print (`python -m classifiers.train stampday`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from intake.box.inside.convnet import Grid, Model, run
from intake.box.inside.daystrip import STRIP_DPI, WIDE, strip_of
from intake.box.inside.daytext import Day, decoded

INK_DPI = 75.0  # that the pieces were shown with, more or less
STRIDE = 8  # pixels of a cell
STEP = 4  # pixels of a strip for one step of the reader
MOST_PLACES, APART_MM = 3, 12.0
LOOKS = ((0.0, 0.0), (0.0, 1.2), (0.0, -1.2), (2.5, 0.0), (-2.5, 0.0), (4.5, 0.0), (-4.5, 0.0), (0.0, 2.4), (0.0, -2.4))
"""Degrees more than the place's slant, mm above its middle."""
NOTHING = 0.1  # that a look adds for what is no day
FIRST, HOPELESS = 3, 0.15  # looks that must have seen more than so much of any day, or there is none
CERTAIN = 0.85  # of a day: no other look is needed


@dataclass(frozen=True, slots=True)
class Place:
    """Where the day of a stamp may stand: its middle as fractions of the page, degrees clockwise by which it falls, how
    probable it is that one stands there (0..1)."""

    x: float
    y: float
    slant: float
    probability: float


def places(ink: Image.Image, nets: Model, least: float = 0.5) -> list[Place]:
    """Places whose probability is at least `least`, the likeliest first. `ink`: of the upright page (`geometry.ink_of`)."""
    shown: Grid = np.asarray(ink, dtype=np.float32) / np.float32(255)
    if min(shown.shape) < 4 * STRIDE:
        return []
    out = run(nets.networks["places"], shown)
    sure = 1 / (1 + np.exp(-out[0]))
    found: list[tuple[float, float, float, float]] = []
    for row, column in np.argwhere(sure >= least):
        x, y = (float(value) for value in (column + out[2, row, column], row + out[3, row, column]))
        found.append((float(sure[row, column]), x * STRIDE, y * STRIDE, 10 * float(out[4, row, column])))
    found.sort(reverse=True)
    chosen: list[Place] = []
    for probability, x, y, _ in found:
        near = [one for one in found if math.hypot(one[1] - x, one[2] - y) * 25.4 / INK_DPI < APART_MM / 2]
        weight = sum(one[0] for one in near)
        mean = [sum(one[0] * one[part] for one in near) / weight for part in (1, 2, 3)]
        apart = APART_MM / 25.4 * INK_DPI
        if all(math.hypot(mean[0] - one.x * ink.width, mean[1] - one.y * ink.height) >= apart for one in chosen):
            chosen.append(Place(mean[0] / ink.width, mean[1] / ink.height, mean[2], probability))
    return chosen[:MOST_PLACES]


def day_at(grey: Image.Image, place: Place, nets: Model, years: Sequence[int] = (), *, level: bool = False) -> Day | None:
    """The likeliest day at a place of the upright page; None where nothing like one can be read.

    Where the first look leaves a doubt, others a little turned and shifted have their say as well; its probability is its share
    of all that they saw; not where it stands as `level` as print, which is seen well or is none. `years`: those that the page
    names; another one must be likelier.
    """
    best: dict[tuple[int, int, int], Day] = {}
    shares: dict[tuple[int, int, int], float] = {}
    scale = float(grey.info["dpi"][0]) / 25.4
    whole = 0.0
    likeliest = None
    for number, (turn, above) in enumerate(LOOKS[:1] if level else LOOKS, 1):
        slant = math.radians(place.slant + turn)
        aside, up = above * scale * math.sin(slant), above * scale * math.cos(slant)
        middle = (place.x * grey.width + aside, place.y * grey.height - up)
        whole += NOTHING
        steps = run(nets.networks["reader"], strip_of(grey, middle, place.slant + turn))[:, 0].T
        for day in decoded(steps, nets.alphabet, years):
            whole += day.probability
            shares[day.day] = shares.get(day.day, 0.0) + day.probability
            best[day.day] = max(best.get(day.day, day), day, key=lambda one: one.probability)
        likeliest = max(shares, key=lambda day: shares[day], default=None)
        if likeliest is not None and shares[likeliest] >= CERTAIN * whole:
            break
        if number == FIRST and whole < HOPELESS + FIRST * NOTHING:
            return None
    return replace(best[likeliest], probability=shares[likeliest] / whole) if likeliest is not None else None


def along_mm(step: int) -> float:
    """How far right of a place's middle, along its line, a step of the reader lies."""
    return ((step + 0.5) * STEP - WIDE / 2) / STRIP_DPI * 25.4
