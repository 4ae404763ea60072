"""Words of a page and the turn that makes it stand upright: recognised once, asked twice only where the words are poor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PIL import Image

from intake.box.inside.geometry import looks_sideways
from intake.box.inside.image import at_dpi, turn
from intake.vocabulary import Word

Rotation = Literal[0, 90, 180, 270]
TURNS: tuple[Rotation, ...] = (0, 90, 180, 270)
SAMPLE_DPI, SAMPLE_MM, CELLS = 150.0, 70.0, 24  # cells across the page when the square with the most ink is looked for
CLEAR = 0.75  # confidence of a word that is hardly read by chance
ENOUGH = 24  # letters in clear words
FEW = 400  # letters on a page that is quickly read four times
LARGEST = 25_000_000  # pixels of a page that is still read four times


def clear_letters(words: Sequence[Word], aspect: float) -> int:
    """Letters in words of three letters and more that were read clearly: upside down there are next to none.

    Tesseract also reads lines that stand upright on the page; their words are higher than wide and do not count.
    `aspect` is width / height of the page.
    """
    return sum(len(word.text) for word in words
               if word.confidence >= CLEAR and sum(character.isalpha() for character in word.text) >= 3
               and (word.box[2] - word.box[0]) * aspect > word.box[3] - word.box[1])


def convincing(words: Sequence[Word], aspect: float) -> bool:
    """True when the words can only come from a page that stands upright."""
    clear, letters = clear_letters(words, aspect), sum(len(word.text) for word in words)
    return clear >= ENOUGH and clear >= 0.25 * letters


def read_upright(grey: Image.Image, ink: Image.Image, recognise: Callable[[Image.Image], tuple[Word, ...]],
                 whole: Callable[[Image.Image], tuple[Word, ...]] | None = None) -> tuple[tuple[Word, ...], Rotation]:
    """Words of the upright page and the clockwise turn that made it so; (), 0 when nothing is read in any position.

    `ink` is the small picture of `geometry.ink_of`; `whole` reads a whole page where that is more than `recognise`.
    Tesseract's own orientation detection is not asked: on turned real scans it was unsure or wrong on one page in ten,
    reading a sample in all positions on none.
    """
    whole = whole or recognise
    shape = grey.width / grey.height
    first: Rotation = 0
    if looks_sideways(ink):
        scores = _scores(at_dpi(sample_of(grey, ink), SAMPLE_DPI), (90, 270), recognise)
        first = 90 if scores[90] > scores[270] else 270 if scores[270] else 0
    words = whole(turn(grey, first))
    aspect = shape if first in (0, 180) else 1 / shape
    if convincing(words, aspect) or grey.width * grey.height > LARGEST:
        return words, first
    few = sum(len(word.text) for word in words) <= FEW
    if few:
        others = tuple(way for way in TURNS if way != first)
        scores = {first: clear_letters(words, aspect)} | _scores(at_dpi(grey, SAMPLE_DPI), others, recognise)
    else:
        scores = _scores(at_dpi(sample_of(grey, ink), SAMPLE_DPI), TURNS, recognise)
    best = max(TURNS, key=lambda way: (scores[way], way == first))
    if best != first and scores[best] > 1.5 * scores[first] + 3:
        return whole(turn(grey, best)), best
    return words, first


def sample_of(grey: Image.Image, ink: Image.Image) -> Image.Image:
    """The square of the page with the most ink, or the whole page where that is smaller."""
    dpi = float(grey.info["dpi"][0])
    side = round(SAMPLE_MM / 25.4 * dpi)
    if side >= min(grey.size):
        return grey
    cells = ink.resize((CELLS, max(round(CELLS * ink.height / ink.width), 1)), Image.Resampling.BOX)
    span = max(round(side / grey.width * CELLS), 1)
    places = [(x, y) for x in range(max(cells.width - span, 0) + 1) for y in range(max(cells.height - span, 0) + 1)]
    mass = cells.tobytes()
    x, y = max(places, key=lambda place: sum(sum(mass[row * cells.width + place[0]:row * cells.width + place[0] + span])
                                             for row in range(place[1], min(place[1] + span, cells.height))))
    left, top = min(x * grey.width // CELLS, grey.width - side), min(y * grey.height // cells.height, grey.height - side)
    sample = grey.crop((left, top, left + side, top + side))
    sample.info["dpi"] = grey.info["dpi"]
    return sample


def _scores(sample: Image.Image, ways: Sequence[Rotation],
            recognise: Callable[[Image.Image], tuple[Word, ...]]) -> dict[Rotation, int]:
    """Clear letters of a sample in each position."""
    shape = sample.width / sample.height
    return {way: clear_letters(recognise(turn(sample, way)), shape if way in (0, 180) else 1 / shape) for way in ways}
