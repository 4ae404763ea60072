"""What a bad copy adds to a page: specks. Taken out of the picture before it is recognised, and out of the words after it.

The stored page and its rendition keep every speck; only the engine does not see them.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageFilter

from intake.vocabulary import Word

DARK = 200  # grey value below which a pixel may be a speck
REDUCE = 4
REACH_MM = 1.3  # half the window in which a speck must be alone
LONELY = 12  # mean ink (0..255) of a window that holds nothing but specks
MANY = 0.001  # share of the page that specks must cover before it is worth while
MOST = 0.15  # share of the ink: more than that is no dirt but pale or fine print
UNSURE, NOTHING = 0.6, 0.2  # confidence of what may be none, of what is none
TINY = 0.35  # of the usual height of words
FLAT = 3.0  # of its height, that no letter is wide
SPECKS = frozenset(".,:;'`´‘’‚\"“”„_|~*°·•^-—–\\/!")


def despeckled(grey: Image.Image) -> Image.Image:
    """The page without specks that stand alone; the same image when there are hardly any."""
    dpi = float(grey.info["dpi"][0])
    ink = grey.point([255 if value < DARK else 0 for value in range(256)]).reduce(REDUCE)
    inked = ink.point([255 if value > 40 else 0 for value in range(256)])
    mass = ink.filter(ImageFilter.BoxBlur(max(round(REACH_MM / 25.4 * dpi / REDUCE), 2)))
    lone = mass.point([255 if value < LONELY else 0 for value in range(256)])
    specks, all_ink = ImageChops.multiply(inked, lone).histogram()[255], inked.histogram()[255]
    if specks < MANY * ink.width * ink.height or specks > MOST * all_ink:
        return grey
    clean = grey.copy()
    clean.paste(255, (0, 0), lone.resize(grey.size, Image.Resampling.NEAREST))
    clean.info["dpi"] = grey.info["dpi"]
    return clean


def without_specks(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words without what is only dirt: marks alone that are small or unsure, letters made of a line of dots."""
    heights = sorted(word.box[3] - word.box[1] for word in words if any(character.isalnum() for character in word.text))
    usual = heights[len(heights) // 2] if heights else 0.0
    return tuple(word for word in words if not _is_dirt(word, usual))


def without_rules(words: Sequence[Word], size: tuple[int, int]) -> tuple[Word, ...]:
    """The words of a page (`size` in pixels) without rules and single dots that were read as a few letters, and not surely."""
    heights = sorted(word.box[3] - word.box[1] for word in words)
    usual = heights[len(heights) // 2] if heights else 0.0
    return tuple(word for word in words if not _is_rule(word, size) and not (
        word.confidence < NOTHING and word.box[3] - word.box[1] < TINY * usual))


def _is_rule(word: Word, size: tuple[int, int]) -> bool:
    wide, high = (word.box[2] - word.box[0]) * size[0], (word.box[3] - word.box[1]) * size[1]
    return word.confidence < UNSURE and wide > FLAT * high * len(word.text)


def _is_dirt(word: Word, usual: float) -> bool:
    if not all(character in SPECKS for character in word.text):
        return word.confidence < 0.35 and len(word.text) >= 8 and len(set(word.text.lower())) <= 5
    if word.text in ("-", "–", "—") and word.confidence >= 0.5:
        return False
    return word.confidence < UNSURE or (word.box[3] - word.box[1]) < TINY * usual
