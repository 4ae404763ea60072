"""A closer look at short lines in the head of a page that were read badly: each alone, upright, with room around it.

Leading words, signs, names and dates stand there by themselves, and the recognition of a whole page often trips over them: it
takes the line beside or below for a part of them. A line is read again by itself; the surer reading counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image

from intake.box.inside.words import clipped, mean_confidence
from intake.vocabulary import Box, Word

DOUBTFUL, SURER, LEAST = 0.7, 0.08, 0.6  # confidence of a word to ask again; by how much surer, and how sure, the answer must be
HEAD = 0.45  # of the page
LONGEST, SHORTEST = 34, 3  # letters of a line
GAP = 2.5  # heights of a word between two columns
HEIGHT_MM = (1.3, 7.0)
AROUND_MM = 0.9
ROOM = 24  # pixels of paper around
MOST = 8  # lines of a page
LINE = 7  # Tesseract's page segmentation for one line
Recognise = Callable[[Image.Image, int], tuple[Word, ...]]


def looked_again(words: Sequence[Word], grey: Image.Image, height_mm: float, skew: float,
                 recognise: Recognise) -> tuple[Word, ...]:
    """The words with the doubtful lines as they were read by themselves, where that is surer."""
    found = list(words)
    for line in _doubtful(words, height_mm)[:MOST]:
        again = alone(line, grey, height_mm, skew, recognise)
        if _is_better(again, line):
            place = next(number for number, word in enumerate(found) if word is line[0])
            found[place:place + len(line)] = again
    return tuple(found)


def _doubtful(words: Sequence[Word], height_mm: float) -> list[list[Word]]:
    """Short lines in the head of the page with a word that was not read surely."""
    return [line for line in pieces(words) if _is_doubtful(line, height_mm)]


def pieces(words: Sequence[Word]) -> list[list[Word]]:
    """The lines of a page, parted where columns are."""
    lines: list[list[Word]] = []
    for word in words:
        last = lines[-1][-1] if lines else None
        height = word.box[3] - word.box[1]
        if last and (last.block, last.line) == (word.block, word.line) and word.box[0] - last.box[2] < GAP * height:
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def _is_doubtful(line: Sequence[Word], height_mm: float) -> bool:
    letters = sum(len(word.text) for word in line)
    x0, y0, x1, y1 = _around(line)
    high = (y1 - y0) * height_mm
    return (y0 < HEAD and min(word.confidence for word in line) < DOUBTFUL and SHORTEST <= letters <= LONGEST
            and HEIGHT_MM[0] <= high <= HEIGHT_MM[1] and x1 > x0 and sum(
                character.isalnum() for word in line for character in word.text) >= SHORTEST)


def _around(line: Sequence[Word]) -> Box:
    return (min(word.box[0] for word in line), min(word.box[1] for word in line),
            max(word.box[2] for word in line), max(word.box[3] for word in line))


def alone(line: Sequence[Word], grey: Image.Image, height_mm: float, skew: float, recognise: Recognise) -> list[Word]:
    """The words of a line read by themselves; boxes are of the page."""
    box, around = _around(line), AROUND_MM / height_mm * grey.height
    left, top = round(box[0] * grey.width - around), round(box[1] * grey.height - around)
    width, height = round(box[2] * grey.width + around) - left, round(box[3] * grey.height + around) - top
    slope = math.tan(math.radians(skew))
    lift = slope * width / 2
    shown = grey.transform((width, height), Image.Transform.AFFINE, (1, 0, left, slope, 1, top - lift), Image.Resampling.BICUBIC,
                           fillcolor=255)
    tones = shown.histogram()
    paper = next(tone for tone in range(255, -1, -1) if sum(tones[tone:]) >= width * height * 0.3)
    framed = Image.new("L", (width + 2 * ROOM, height + 2 * ROOM), paper)
    framed.paste(shown, (ROOM, ROOM))
    framed.info["dpi"] = grey.info["dpi"]

    def back(place: Box) -> Box:
        x0, x1 = (edge * framed.width - ROOM + left for edge in (place[0], place[2]))
        sinks = slope * ((x0 + x1) / 2 - left) - lift
        y0, y1 = (edge * framed.height - ROOM + top + sinks for edge in (place[1], place[3]))
        return clipped(x0 / grey.width, y0 / grey.height, x1 / grey.width, y1 / grey.height)

    return [replace(word, box=back(word.box), block=line[0].block, line=line[0].line, raw=" ".join(one.text for one in line))
            for word in recognise(framed, LINE)]


def _is_better(again: Sequence[Word], line: Sequence[Word]) -> bool:
    """True for a reading that is clearly surer and about as long."""
    before, after = (sum(len(word.text) for word in some) for some in (line, again))
    return bool(again) and 0.5 * before <= after <= 2 * before + 3 and (
        mean_confidence(again) >= max(LEAST, mean_confidence(line) + SURER))
