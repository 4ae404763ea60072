"""What kind of writing a page holds, and from that the language data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from intake.box.inside.words import mean_confidence
from intake.vocabulary import Script, Word

FRAKTUR = "frk"
BAND_MM = 28.0  # height of the band on which both models are tried: four to six lines
POOR = 0.82  # mean confidence of a page that may be Fraktur
LETTERS, SOUND = 40, 0.65  # on the band, and their mean confidence
LEAD = 0.08  # by which the Fraktur model must read the band more clearly: 0.12 and more on Fraktur, 0.03 at most elsewhere
EVEN = 0.03  # spread of letter widths: 0.01 on typewritten pages, 0.05 and more on printed ones (104 pages measured)
LEGIBLE = 0.6


def band_of(grey: Image.Image) -> tuple[Image.Image, int]:
    """The strip of the page with the most ink, enough lines to tell the script, and where it begins (pixels)."""
    dpi = float(grey.info["dpi"][0])
    height = min(round(BAND_MM / 25.4 * dpi), grey.height)
    rows = grey.resize((1, max(grey.height // 8, 1)), Image.Resampling.BOX).tobytes()
    span = max(height // 8, 1)
    best = min(range(max(len(rows) - span, 1)), key=lambda start: sum(rows[start:start + span]))
    top = min(best * 8, grey.height - height)
    band = grey.crop((0, top, grey.width, top + height))
    band.info["dpi"] = grey.info["dpi"]
    return band, top


def is_fraktur(grey: Image.Image, engine: Any, languages: str, known: tuple[str, Sequence[Word]]) -> bool:
    """True when the Fraktur model reads a band of the page clearly better than the ordinary one.

    `known`: the language data the page was read with and its words, so that the band is read with the other alone.
    """
    band, top = band_of(grey)
    there = [replace(word, box=(word.box[0], (word.box[1] * grey.height - top) / band.height,
                                word.box[2], (word.box[3] * grey.height - top) / band.height)) for word in known[1]]
    ordinary, broken = (_whole_lines(there if language == known[0] else engine.words(band, language))
                        for language in (languages, FRAKTUR))
    clear = mean_confidence(broken)
    return sum(len(word.text) for word in broken) >= LETTERS and clear >= SOUND and clear > mean_confidence(ordinary) + LEAD


def _whole_lines(words: Sequence[Word]) -> list[Word]:
    """The words that the edges of the band did not cut."""
    return [word for word in words if word.box[1] > 0.1 and word.box[3] < 0.9]


def script_of(words: Sequence[Word], width_mm: float, height_mm: float, *, fraktur: bool, inked: bool) -> Script:
    """The script of a page that was recognised; `inked` says that there is more on it than the words."""
    clear = [word for word in words if word.confidence >= LEGIBLE]
    if fraktur:
        return "fraktur"
    if max(width_mm, height_mm) > 450 and len(clear) < 400:
        return "drawing"
    if not clear:
        return "none" if not inked else "handwriting" if len(words) >= 3 else "drawing"
    if is_even(clear, width_mm):
        return "typewriter"
    if len(words) >= 12 and len(clear) < 0.3 * len(words):
        return "handwriting"
    return "print"


def is_even(words: Sequence[Word], width_mm: float) -> bool:
    """True when all letters are equally wide, as a typewriter sets them (print varies by a fifth)."""
    pitches = sorted((word.box[2] - word.box[0]) * width_mm / (len(word.text) - 0.2)
                     for word in words if len(word.text) >= 5 and word.text.isalpha())
    if len(pitches) < 12:
        return False
    middle = pitches[len(pitches) // 2]
    spread = sorted(abs(pitch - middle) for pitch in pitches)[int(0.6 * len(pitches))]
    return spread <= EVEN * middle and 1.6 <= middle <= 3.2
