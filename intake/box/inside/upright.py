"""Words of a page and the turn that makes it stand upright: recognised once, asked twice only where the words are poor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from PIL import Image

from intake.box.inside.geometry import looks_sideways
from intake.box.inside.image import at_dpi, turn
from intake.vocabulary import Word

Rotation = Literal[0, 90, 180, 270]
TURNS: tuple[Rotation, ...] = (0, 90, 180, 270)
OSD_DPI = 150.0
SURE = 1.5  # Tesseract's own measure: from here its orientation is worth a second recognition
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


def read_upright(grey: Image.Image, ink: Image.Image, engine: Any,
                 recognise: Callable[[Image.Image], tuple[Word, ...]]) -> tuple[tuple[Word, ...], Rotation]:
    """Words of the upright page and the clockwise turn that made it so; (), 0 when nothing is read in any position."""
    first: Rotation = 0
    shape = grey.width / grey.height

    def aspect(way: int) -> float:
        return 1 / shape if way in (90, 270) else shape

    if looks_sideways(ink):
        first = _asked(grey, engine) or 0
    words = recognise(turn(grey, first))
    if convincing(words, aspect(first)):
        return words, first
    second = _asked(grey, engine)
    if second is not None and second != first:
        again = recognise(turn(grey, second))
        if clear_letters(again, aspect(second)) > 1.5 * clear_letters(words, aspect(first)):
            words, first = again, second
            if convincing(words, aspect(first)):
                return words, first
    if sum(len(word.text) for word in words) <= FEW and grey.width * grey.height <= LARGEST:
        return _tried(grey, words, first, recognise)
    return words, first


def _asked(grey: Image.Image, engine: Any) -> Rotation | None:
    """The turn that Tesseract's orientation detection proposes; None when it does not know."""
    degrees, sure = engine.orientation(at_dpi(grey, OSD_DPI))
    return degrees if sure >= SURE and degrees in TURNS else None


def _tried(grey: Image.Image, words: tuple[Word, ...], first: Rotation,
           recognise: Callable[[Image.Image], tuple[Word, ...]]) -> tuple[tuple[Word, ...], Rotation]:
    """Few words: read the page in all positions on a smaller copy and keep the clearest, the first one in doubt."""
    small, shape = at_dpi(grey, OSD_DPI), grey.width / grey.height
    aspects = {way: 1 / shape if way in (90, 270) else shape for way in TURNS}
    scores = {way: clear_letters(recognise(turn(small, way)), aspects[way]) for way in TURNS if way != first}
    best = max(scores, key=lambda way: scores[way])
    if scores[best] > 1.5 * clear_letters(words, aspects[first]) + 3:
        return recognise(turn(grey, best)), best
    return words, first
