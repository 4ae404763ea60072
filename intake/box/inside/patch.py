"""Patch codes, found by their profile: four bars, two wide and two narrow, 0.8 inch in all, printed along an edge of a sheet.

Widths after Kodak A-61599: wide bars 0.20 in, narrow bars and spaces 0.08 in (5 : 2); bars at least 0.75 in long. A code is
read from the edge of the paper inwards, so that a sheet fed upside down says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from intake.box.inside.words import clipped
from intake.vocabulary import Separator

CODES = {"WWNN": "1", "WNNW": "2", "WNWN": "3", "NWWN": "4", "NWNW": "T", "NNWW": "6"}
UNITS = 20  # two bars of 5, two bars and three spaces of 2
INCHES = 0.8
SCALE = (0.7, 1.45)  # a sheet printed smaller or larger than it should be
TOLERANCE = 1.1  # units that a bar or space may be off
STRIP = 0.1  # inch: a strip this wide shifts by a hundredth of an inch at 5 degrees
LENGTH = 0.55  # inch of strips that must show the code
SLOPE = 0.13  # of the bars: 7 degrees
DARK = 128
RUN = re.compile(rb"\x01+")
THRESHOLD = bytes(1 if value < DARK else 0 for value in range(256))


@dataclass(frozen=True, slots=True)
class Hit:
    """A code seen in one strip: where it begins and ends along the strip, in pixels."""

    strip: int
    start: int
    end: int
    bars: str


def patches(grey: Image.Image) -> tuple[Separator, ...]:
    """Patch codes of an upright grey page of about 75 dpi (its info says), with bars across or down the page."""
    dpi = float(grey.info["dpi"][0])
    found = [_mark(group, grey.size, dpi, upright=True) for group in _groups(_hits(grey, dpi), dpi)]
    turned = grey.transpose(Image.Transpose.TRANSPOSE)
    found += [_mark(group, turned.size, dpi, upright=False) for group in _groups(_hits(turned, dpi), dpi)]
    return tuple(found)


def _hits(grey: Image.Image, dpi: float) -> Iterator[Hit]:
    """Codes whose bars lie across the page, strip by strip from left to right."""
    count = max(round(grey.width / (STRIP * dpi)), 1)
    rows = grey.resize((count, grey.height), Image.Resampling.BOX).tobytes().translate(THRESHOLD)
    low, high = SCALE[0] * INCHES * dpi, SCALE[1] * INCHES * dpi
    for strip in range(count):
        runs = [match.span() for match in RUN.finditer(rows[strip::count])]
        for first in range(len(runs) - 3):
            four = runs[first:first + 4]
            start, end = four[0][0], four[3][1]
            if not low <= end - start <= high:
                continue
            unit = (end - start) / UNITS
            before = start - (runs[first - 1][1] if first else 0)
            after = (runs[first + 4][0] if first + 4 < len(runs) else grey.height) - end
            if before < unit or after < unit:
                continue
            bars = _bars(four, unit)
            if bars in CODES:
                yield Hit(strip, start, end, bars)


def _bars(four: Sequence[tuple[int, int]], unit: float) -> str:
    """ "WNWN" and the like; "" when a space or bar has another width."""
    limit = TOLERANCE * unit
    for one, other in pairwise(four):
        if abs(other[0] - one[1] - 2 * unit) > limit:
            return ""
    widths = [end - start for start, end in four]
    if any(min(abs(width - 5 * unit), abs(width - 2 * unit)) > limit for width in widths):
        return ""
    return "".join("W" if width > 3.5 * unit else "N" for width in widths)


def _groups(hits: Iterator[Hit], dpi: float) -> Iterator[list[Hit]]:
    """Hits of one code in neighbouring strips, long enough to be a bar."""
    groups: list[list[Hit]] = []
    shift = SLOPE * STRIP * dpi
    for hit in hits:
        for group in groups:
            last = group[-1]
            apart = hit.strip - last.strip
            if hit.bars == last.bars and 0 < apart <= 3 and abs(hit.start - last.start) <= shift * apart + 2:
                group.append(hit)
                break
        else:
            groups.append([hit])
    for group in groups:
        if len(group) * STRIP >= LENGTH and len(group) >= 0.6 * (group[-1].strip - group[0].strip + 1):
            yield group


def _mark(group: Sequence[Hit], size: tuple[int, int], dpi: float, *, upright: bool) -> Separator:
    width, height = size
    start, end = min(hit.start for hit in group), max(hit.end for hit in group)
    bars = group[0].bars if (start + end) / 2 <= height * 0.55 else group[0].bars[::-1]
    x0, x1 = group[0].strip * STRIP * dpi / width, (group[-1].strip + 1) * STRIP * dpi / width
    y0, y1 = start / height, end / height
    box = clipped(x0, y0, x1, y1) if upright else clipped(y0, x0, y1, x1)
    return Separator(f"patch-{CODES[bars]}", "", box)
