"""The day of a rubber stamp that lies over print: the print taken away by its tone where a scan has tones, then line by line.

A stamp is paler than what was printed below it, as a rule. What is as dark as the print around goes, with the rim around it; the
rest is turned upright and read in bands of one line each, because print that runs through on a slant spoils whole blocks only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from PIL import Image, ImageChops, ImageFilter

from intake.vocabulary import Word

QUANTILES = (0.22, 0.3, 0.1)
"""Of the print's own tones, from dark to pale: what is darker is print. Stamps are about as dark as its rims."""
CONTRAST = 60  # between paper and ink
PALEST, SPAN = 0.8, 0.45  # of the paper's tone: where ink begins, and over what it grows full
GAP = 7  # pixels of a stroke that print ran through are closed
TONES = 12  # bitonal pictures and those enlarged from them have hardly any between
BLACK = 0.3  # of the dark that is all black: a bitonal picture made smaller
BAND_MM, STEP_MM, APART_MM = 5.4, 0.9, 2.0
MOST_BANDS = 6
LINE = 7  # Tesseract's page segmentation for one line
DAY = re.compile(r"(?<![\d.,/])(?P<day>\d{1,2})(?P<one>[.,;: ]{1,2})(?P<month>\d{1,2}|[A-Za-zÄÖÜäöü]{3,9})(?P<two>[.,;: ]{0,2})"
                 r"(?P<year>20\d\d|\d\d)(?![\d/]|\.\d)")
MONTHS = ("jan", "feb", "mär", "mar", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez")
NAMES = ("januar", "februar", "märz", "april", "juni", "juli", "august", "september", "oktober", "november", "dezember")
SOLID = re.compile(r"(?<!\d)(?P<day>\d\d)(?P<one>[.,]?)(?P<month>\d\d)(?P<two>[.,]?)(?P<year>20\d\d|\d\d)(?!\d)")
"""With a point that rubber did not print."""
LEAST, ENOUGH = 0.2, 0.6  # added confidence of a day that is taken at all, and that ends the search
FRAME = 0.4  # of a column that is ink
Recognise = Callable[[Image.Image, int], tuple[Word, ...]]


@dataclass(frozen=True, slots=True)
class Found:
    """A line with a day: its words (boxes are fractions of the upright picture), what day, how sure."""

    words: tuple[Word, ...]
    day: tuple[int, str, int]
    sure: float


def day_line(cut: Image.Image, slant: float, print_tones: Sequence[int], recognise: Recognise) -> tuple[tuple[Word, ...], float]:
    """The words of the line with the day and how sure they are (added, from LEAST); () when there is none.

    Boxes are fractions of `cut` turned upright and expanded.

    `print_tones`: of the page's print elsewhere, from dark to pale, () where there are no tones.
    """
    found: list[Found] = []
    for shown in _without_print(cut, print_tones):
        upright = shown.rotate(slant, Image.Resampling.BICUBIC, expand=True, fillcolor=paper_of(shown))
        upright.info["dpi"] = cut.info["dpi"]
        left, right = _within_frame(upright)
        for top, bottom in _bands(upright):
            found += _days(upright, (left, top, right, bottom), recognise)
        best = _best(found)
        if best is not None and best.sure >= ENOUGH:
            break
    best = _best(found)
    return (best.words, best.sure) if best is not None and best.sure >= LEAST else ((), 0.0)


def _within_frame(upright: Image.Image) -> tuple[int, int]:
    """The columns between the sides of a stamp's frame; all of them where there is none."""
    limit = paper_of(upright) - CONTRAST
    ink = upright.point([255 if value < limit else 0 for value in range(256)])
    columns = ink.resize((ink.width, 1), Image.Resampling.BOX).tobytes()
    sides = [place for place, inked in enumerate(columns) if inked > FRAME * 255]
    middle = upright.width // 2
    return (max((place for place in sides if place < middle), default=-4) + 4,
            min((place for place in sides if place >= middle), default=upright.width + 3) - 3)


def has_day(words: Iterable[Word]) -> bool:
    """Whether words spell a day of the calendar, in figures with points or with the month's name."""
    text = " ".join(word.text for word in words)
    return any(_day(match) is not None for match in DAY.finditer(text))


def _best(found: Sequence[Found]) -> Found | None:
    """The line with the day that all lines together speak for most, how sure they are added."""
    sums: dict[tuple[int, str, int], float] = {}
    for one in found:
        sums[one.day] = sums.get(one.day, 0.0) + one.sure
    best = max(found, key=lambda one: (sums[one.day], one.sure), default=None)
    return replace(best, sure=sums[best.day]) if best is not None else None


def _without_print(cut: Image.Image, print_tones: Sequence[int]) -> Iterator[Image.Image]:
    """The picture without what is as dark as print, by more than one idea of it; the picture itself last."""
    paper = paper_of(cut)
    limits = [print_tones[int(share * (len(print_tones) - 1))] for share in QUANTILES] if print_tones and has_tones(cut) else []
    pale = cut.point([min(255, round(max(0.0, PALEST * paper - value) * 255 / (SPAN * paper))) for value in range(256)])
    for limit in dict.fromkeys(limits):
        if CONTRAST / 4 < limit < paper - CONTRAST:  # a black and white picture has no tones that tell
            print_ = cut.point([255 if value <= limit else 0 for value in range(256)]).filter(ImageFilter.MaxFilter(3))
            left = ImageChops.subtract(pale, print_)
            closed = left.filter(ImageFilter.MaxFilter(GAP)).filter(ImageFilter.MinFilter(GAP))
            whole = ImageChops.lighter(left, ImageChops.darker(closed, print_))
            yield ImageChops.invert(whole).filter(ImageFilter.GaussianBlur(0.7))
    yield cut


def has_tones(cut: Image.Image) -> bool:
    """False for a picture that was black and white once."""
    counts = cut.histogram()
    return sum(count > 0 for count in counts) >= TONES and counts[0] < BLACK * sum(counts[:128])


def paper_of(shown: Image.Image) -> int:
    """The tone of the paper: paler than a quarter of the picture."""
    left = shown.width * shown.height * 0.75
    for tone, count in enumerate(shown.histogram()):
        left -= count
        if left <= 0:
            return tone
    return 255


def _bands(upright: Image.Image) -> list[tuple[int, int]]:
    """Where lines may stand, as rows from and to: the heights with the most ink, none near another."""
    scale = upright.info["dpi"][0] / 25.4
    limit = paper_of(upright) - CONTRAST
    ink = upright.point([255 if value < limit else 0 for value in range(256)])
    middle = ink.crop((round(0.15 * ink.width), 0, round(0.85 * ink.width), ink.height))
    step, high = max(round(STEP_MM * scale), 1), round(BAND_MM * scale)
    count = max(ink.height // step, 1)
    rows = middle.resize((1, count), Image.Resampling.BOX).tobytes()
    smooth = [sum(rows[max(place - 1, 0):place + 2]) for place in range(count)]
    chosen: list[int] = []
    for place in sorted(range(count), key=lambda number: -smooth[number]):
        if smooth[place] and all(abs(place - other) * STEP_MM >= APART_MM for other in chosen):
            chosen.append(place)
    tops = [round((place + 0.5) * step - high / 2) for place in chosen[:MOST_BANDS]]
    return [(max(top, 0), min(top + high, upright.height)) for top in tops]


def _days(upright: Image.Image, place: tuple[int, int, int, int], recognise: Recognise) -> Iterator[Found]:
    left, top, right, bottom = place
    if right - left < 20 or bottom - top < 10:
        return
    band = upright.crop(place)
    band.info["dpi"] = upright.info["dpi"]
    words = [word for word in recognise(band, LINE) if word.text.strip()]
    text = " ".join(word.text for word in words)
    for match in [*DAY.finditer(text)] or SOLID.finditer(text):
        day = _day(match)
        if day is None:
            continue
        at, mine = 0, list[Word]()
        for word in words:
            if at < match.end() and at + len(word.text) > match.start():
                mine.append(word)
            at += len(word.text) + 1
        sure = min(word.confidence for word in mine)
        said = _said(match) if len(mine) == 1 else ""
        yield Found(tuple(_placed(word, said, place, upright.size) for word in mine), day, 0.05 + sure)


def _placed(word: Word, said: str, place: tuple[int, int, int, int], size: tuple[int, int]) -> Word:
    """The word of a band with its box on the upright picture; `said`: the day with its points, where the word is all of it."""
    left, top, right, bottom = place
    x0, y0, x1, y1 = word.box
    text = said or _plain(word.text)
    return replace(word, text=text, raw=word.text if text != word.text else "", box=(
        (left + x0 * (right - left)) / size[0], (top + y0 * (bottom - top)) / size[1],
        (left + x1 * (right - left)) / size[0], (top + y1 * (bottom - top)) / size[1]))


def _said(match: re.Match[str]) -> str:
    """A day in figures as it is written; "" for one with a name."""
    return f"{match['day']}.{match['month']}.{match['year']}" if match["month"].isdigit() else ""


def _plain(text: str) -> str:
    """Points between digits, where the rubber printed them as commas."""
    return re.sub(r"(?<=\d)[,;:](?=\d|$)", ".", text)


def _day(match: re.Match[str]) -> tuple[int, str, int] | None:
    """Day, month, year of the century; None for what no calendar has."""
    day, month, year = int(match["day"]), match["month"].lower(), int(match["year"]) % 100
    if month.isdigit():
        points = bool(match["one"].strip()) + bool(match["two"].strip())
        if not 1 <= int(month) <= 12 or points < (2 if match.re is DAY else 1):
            return None
        month = MONTHS[int(month) - 1 + (int(month) > 3)]  # both spellings of March stand in the list
    elif month[:3] not in MONTHS:
        close = get_close_matches(month, NAMES, 1, 0.74)
        if not close:
            return None
        month = close[0]
    return (day, month[:3].replace("a", "ä") if month.startswith("mar") else month[:3], year) if 1 <= day <= 31 else None
