"""Rows of dots that lead the eye from a title to its page number, or that a form leaves for the pen.

The engine takes them for letters: it writes "nennnenen" for them and loses the words and numbers beside.
The lines they stand on are read again without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image, ImageChops, ImageFilter

from intake.box.inside.words import clipped
from intake.vocabulary import Word

DARK = 190  # grey value below which a pixel belongs to a dot
UNSURE, MUCH_MM = 0.35, 40.0  # words of at most this confidence must be so long together before anybody looks for dots
HALF_MM = 5.0  # half the length on which a row must be dotted
LEAST_MM = 20.0  # together in one row of pixels; the two ends of a ruled line make 13
DOTTED = (25, 190)  # mean ink (0..255) of a row of dots: less is paper, more is a ruled line
CLEAR_MM = (0.9, 2.1)  # above and below the dots, where letters would have their other half
BAND_MM = (4.5, 2.0)  # what is read again, above and below the dots: the line they stand on
APART_MM = 12.0  # two rows of dots this near are read together
BLOCK = 6  # Tesseract's page segmentation for one block of text: a number far to the right stays in its line
CERTAIN = 0.6
Recognise = Callable[[Image.Image, int], tuple[Word, ...]]


def without_leaders(words: Sequence[Word], grey: Image.Image, recognise: Recognise) -> tuple[Word, ...]:
    """The words, those on lines with dotted leaders as they are read without the dots; `grey` lies as it was recognised."""
    dpi = float(grey.info["dpi"][0])
    unsure = sum(word.box[2] - word.box[0] for word in words if word.confidence <= UNSURE)
    if unsure * grey.width / dpi * 25.4 < MUCH_MM:
        return tuple(words)
    mask, rows = dots_of(grey, dpi)
    found = list(words)
    for top, bottom in rows:
        inner = [word for word in found if top <= (word.box[1] + word.box[3]) / 2 * grey.height <= bottom]
        again = _read(grey, mask, (top, bottom), recognise)
        if not inner or _clear(again) <= _clear(inner):
            continue
        place = next(number for number, word in enumerate(found) if word is inner[0])
        block = 1 + max(word.block for word in found)
        gone = {id(word) for word in inner}
        kept = [word for word in found[place:] if id(word) not in gone]
        found[place:] = [*(replace(word, block=block) for word in again), *kept]
    return tuple(found)


def dots_of(grey: Image.Image, dpi: float) -> tuple[Image.Image, list[tuple[int, int]]]:
    """The rows of dots of a page (255 where one is, as large as the page) and the strips of lines they stand on, in pixels."""
    mm = dpi / 25.4 / 2
    ink = grey.point([255 if value < DARK else 0 for value in range(256)]).reduce(2).point(
        [255 if value > 40 else 0 for value in range(256)])
    reach, middle = (CLEAR_MM[1] - CLEAR_MM[0]) / 2 * mm, sum(CLEAR_MM) / 2 * mm

    def free(wide: float, least: int) -> Image.Image:
        """Where there is nothing above and below, over so many pixels to the left and right."""
        near = ink.filter(ImageFilter.BoxBlur((wide, reach))).point([255 if value < least else 0 for value in range(256)])
        return ImageChops.multiply(ImageChops.offset(near, 0, round(middle)), ImageChops.offset(near, 0, -round(middle)))

    row = ink.filter(ImageFilter.BoxBlur((HALF_MM * mm, 0)))
    dotted = ImageChops.multiply(row.point([255 if DOTTED[0] <= value <= DOTTED[1] else 0 for value in range(256)]),
                                 free(HALF_MM * mm, 4))
    wide = dotted.filter(ImageFilter.BoxBlur((HALF_MM * mm, 0.4 * mm))).point([255 if value else 0 for value in range(256)])
    mask = ImageChops.multiply(wide, free(0.35 * mm, 2)).resize(grey.size, Image.Resampling.NEAREST)
    return mask, _strips(dotted, mm, grey.height)


def _strips(dotted: Image.Image, mm: float, height: int) -> list[tuple[int, int]]:
    """The lines around rows that are dotted far enough, top and bottom in pixels of the page."""
    least = 255 * LEAST_MM * mm / dotted.width
    shares = dotted.resize((1, dotted.height), Image.Resampling.BOX).tobytes()
    marked = [y for y, value in enumerate(shares) if value >= least]
    strips: list[tuple[int, int]] = []
    for y in marked:
        top, bottom = max(round(2 * (y - BAND_MM[0] * mm)), 0), min(round(2 * (y + BAND_MM[1] * mm)), height)
        if strips and top - strips[-1][1] <= 2 * (APART_MM - sum(BAND_MM)) * mm:
            strips[-1] = (strips[-1][0], bottom)
        else:
            strips.append((top, bottom))
    return strips


def _read(grey: Image.Image, mask: Image.Image, strip: tuple[int, int], recognise: Recognise) -> list[Word]:
    """The words of a strip of the page without its dots; boxes are of the page."""
    place = (0, strip[0], grey.width, strip[1])
    cut = grey.crop(place)
    cut.paste(255, (0, 0), mask.crop(place))
    cut.info["dpi"] = grey.info["dpi"]

    def back(word: Word) -> Word:
        x0, y0, x1, y1 = word.box
        top, bottom = ((strip[0] + edge * cut.height) / grey.height for edge in (y0, y1))
        return replace(word, box=clipped(x0, top, x1, bottom))

    return [back(word) for word in recognise(cut, BLOCK)]


def _clear(words: Sequence[Word]) -> int:
    return sum(len(word.text) for word in words if word.confidence >= CERTAIN)
