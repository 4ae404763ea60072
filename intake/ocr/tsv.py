"""The TSV of Tesseract as words; both engines speak it."""

from __future__ import annotations

from intake.vocabulary import Word

WORD_LEVEL = "5"


def words_of(tsv: str, width: int, height: int) -> tuple[Word, ...]:
    """Words in reading order with boxes as fractions of an image of `width` x `height` pixels; confidence 0..1."""
    words: list[Word] = []
    lines: dict[tuple[str, str, str], int] = {}
    blocks: dict[str, int] = {}
    for row in tsv.split("\n"):
        cells = row.split("\t")
        if len(cells) != 12 or cells[0] != WORD_LEVEL or not cells[11].strip():
            continue
        left, top, across, down = (int(cell) for cell in cells[6:10])
        box = (max(left / width, 0.0), max(top / height, 0.0), min((left + across) / width, 1.0), min((top + down) / height, 1.0))
        confidence = min(max(float(cells[10]) / 100, 0.0), 1.0)
        block = blocks.setdefault(cells[2], len(blocks))
        line = lines.setdefault((cells[2], cells[3], cells[4]), len(lines))
        words.append(Word(cells[11].strip(), box, confidence, line=line, block=block))
    return tuple(words)
