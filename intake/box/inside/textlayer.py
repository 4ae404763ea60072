"""The text layer of a PDF page: its words, and whether it may be believed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from intake.box.inside.pdf import Char, PdfPage
from intake.box.inside.words import clipped
from intake.vocabulary import Box, Word

HALF = re.compile("[\ud800-\udfff]")
HYPHEN = 0x2  # PDFium's code for a hyphen at the end of a line
CONFIDENCE = 0.99  # of a word that the producer itself wrote
VOWEL = re.compile(r"[aeiouyäöüéèàáóâêîôû]", re.IGNORECASE)
LEADERS = re.compile(r"[._\u2026\u00b7-]{4,}")  # the dots of a table of contents, the lines of a form
ODD = re.compile(r"[\ufffd\ue000-\uf8ff\u0080-\u009f\u25a0\u25a1]")


def words_of(page: PdfPage) -> tuple[tuple[Word, ...], float, float]:
    """Words of the text layer in content order; share of invisible (OCR) characters; share of unmapped characters."""
    chars = page.chars()
    inked = [char for char in chars if char.code > 32 or char.code == HYPHEN]
    if not inked:
        return (), 0.0, 0.0
    words = _grouped(chars, page.width_pt / page.height_pt)
    return (words, sum(char.invisible for char in inked) / len(inked), sum(char.unmapped for char in inked) / len(inked))


def visible_words(page: PdfPage) -> tuple[tuple[Word, ...], float]:
    """The words of the text layer that are drawn on the page, and their share of unmapped characters."""
    chars = [char for char in page.chars() if not char.invisible]
    inked = [char for char in chars if char.code > 32 or char.code == HYPHEN]
    if not inked:
        return (), 0.0
    return _grouped(chars, page.width_pt / page.height_pt), sum(char.unmapped for char in inked) / len(inked)


def _grouped(chars: Sequence[Char], aspect: float) -> tuple[Word, ...]:
    words: list[Word] = []
    letters: list[Char] = []
    line = block = 0
    last: Box | None = None  # the last line's box

    def close() -> None:
        nonlocal last, block
        if not letters:
            return
        text = _whole("".join("-" if char.code == HYPHEN else chr(char.code) for char in letters))
        boxes = [char.box for char in letters]
        box = clipped(min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
        if (not words or words[-1].line != line) and last is not None and _new_block(last, box):
            block += 1
        same_line = bool(words) and words[-1].line == line and last is not None
        last = _union(last, box) if same_line and last is not None else box
        words.append(Word(text, box, CONFIDENCE, line=line, block=block))
        letters.clear()

    for char in chars:
        if char.code in (10, 13):
            close()
            line += bool(words) and words[-1].line == line
        elif (char.code <= 32 and char.code != HYPHEN) or char.code in (0xA0, 0x2007, 0x202F):
            close()
        else:
            letters.append(char)
    close()
    return tuple(words)


def _whole(text: str) -> str:
    """`text` with UTF-16 halves joined; half a character (PDFium gives only the first of some pictographs) is U+FFFD."""
    if not HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _new_block(last: Box, box: Box) -> bool:
    """True when the next line does not simply stand below the last one at the usual distance."""
    height = max(last[3] - last[1], box[3] - box[1], 0.004)
    return box[1] - last[3] > 1.1 * height or box[3] < last[1] or box[0] > last[2] or box[2] < last[0]


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def sane(words: Sequence[Word], unmapped: float) -> bool:
    """False for a layer with a wrong encoding: unmapped or private characters, words that no tongue could speak.

    A long German word has a vowel; in real layers under 4 % have none (abbreviations), in shifted encodings over a third.
    """
    text = "".join(word.text for word in words)
    text = LEADERS.sub("", text) or text
    if not text or unmapped > 0.05 or len(ODD.findall(text)) > 0.03 * len(text):
        return False
    if sum(character.isalnum() for character in text) < 0.4 * len(text) and len(text) > 40:
        return False
    long_words = [word.text for word in words if len(word.text) >= 4 and word.text.isalpha() and not word.text.isupper()]
    mute = sum(1 for word in long_words if not VOWEL.search(word))
    return len(long_words) < 12 or mute <= 0.15 * len(long_words)
