"""Dotted leaders taken out of the lines they stand on, and the lines read again (intake/box/inside/leaders.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from drawn import LETTER, paper, scanned, write, written
from PIL import Image, ImageDraw

from intake.box.inside import leaders
from intake.box.inside.clean import without_specks
from intake.ocr.tesseract import Tesseract
from intake.vocabulary import Word

TESSDATA = next((str(folder) for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)), "")
CONTENTS = (("§ 1 Geltungsbereich", "3"), ("§ 2 Gebührenpflicht", "3"), ("§ 3 Fälligkeit der Gebühren", "4"),
            ("§ 4 Inkrafttreten", "5"))


def contents(dpi: int = 220, dots: str = ".") -> Image.Image:
    """A page of contents: titles, rows of dots, page numbers."""
    page = paper(dpi)
    write(page, ("Satzung der Gemeinde Mittelau über Gebühren", "", "Inhalt"))
    for number, (title, leaf) in enumerate(CONTENTS):
        top = 75 + 8 * number
        write(page, (title,), at_mm=(25, top))
        write(page, (dots * round((160 - 2.3 * len(title)) / 1.08),), at_mm=(27 + 2.2 * len(title), top))
        write(page, (leaf,), at_mm=(190, top))
    return page


def dots_in(page: Image.Image) -> tuple[int, list[tuple[int, int]]]:
    mask, strips = leaders.dots_of(page, page.info["dpi"][0])
    return mask.histogram()[255], strips


def garbage(confidence: float = 0.0) -> tuple[Word, ...]:
    """What an engine makes of the four lines: titles, then a long unsure word, no numbers."""
    found = []
    for number, (title, _) in enumerate(CONTENTS):
        top = (75 + 8 * number) / 297
        found.append(Word(title.split()[-1], (0.12, top, 0.3, top + 0.013), 0.9, line=number, block=1))
        found.append(Word("nennnenennen", (0.4, top + 0.009, 0.9, top + 0.012), confidence, line=number, block=1))
    return tuple(found)


def test_contents_are_read_with_their_numbers() -> None:
    page, engine = scanned(contents(), 3, noise=0.0005, blur=0.6), Tesseract(TESSDATA)
    page.info["dpi"] = (220.0, 220.0)

    def again(cut: Image.Image, mode: int) -> tuple[Word, ...]:
        return without_specks(engine.words(cut, "deu", mode=mode))

    first = without_specks(engine.words(page, "deu"))
    found = leaders.without_leaders((*first, *garbage()[1::2]), page, again)
    text = " ".join(word.text for word in found)
    assert "Mittelau" in text
    assert all(title.split()[-1] in text for title, _ in CONTENTS)
    assert [word.text for word in found if word.box[0] > 0.85 and word.text.isdigit()] == [leaf for _, leaf in CONTENTS]
    assert "nenn" not in text
    assert all(word.box[3] <= (75 + 8 * 4) / 297 for word in found if word.text == "Inkrafttreten")


@pytest.mark.parametrize("dpi", [150, 200, 220, 300])
def test_rows_of_dots_are_found_and_little_else(dpi: int) -> None:
    page = contents(dpi)
    dark, strips = dots_in(page)
    assert dark > 0
    assert len(strips) == 1  # four lines, near to each other
    top, bottom = (edge / dpi * 25.4 for edge in strips[0])
    assert 68 <= top <= 76 <= 103 <= bottom <= 110
    mask, _ = leaders.dots_of(page, dpi)
    without = page.copy()
    without.paste(255, (0, 0), mask)
    plain = contents(dpi, dots=" ")
    ink, left = (sum(image.histogram()[:128]) for image in (plain, without))
    assert left <= 1.1 * ink  # hardly a dot stays
    assert left >= 0.99 * ink  # and no letter goes


def test_print_and_rules_have_no_rows_of_dots() -> None:
    page = written(LETTER * 2, 220)
    draw = ImageDraw.Draw(page)
    draw.line((200, 1900, 1600, 1900), fill=0, width=4)
    assert dots_in(page)[1] == []


def test_a_page_read_surely_is_not_looked_at() -> None:
    words = garbage(confidence=0.9)
    assert leaders.without_leaders(words, contents(), pytest.fail) == words
    short = (replace(garbage()[1], box=(0.4, 0.3, 0.5, 0.31)),)
    assert leaders.without_leaders(short, contents(), pytest.fail) == short


def test_a_worse_second_reading_does_not_count() -> None:
    words = garbage()
    assert leaders.without_leaders(words, contents(), lambda cut, mode: ()) == words


def test_words_elsewhere_keep_their_place_and_line() -> None:
    head, foot = Word("Satzung", (0.12, 0.15, 0.2, 0.163), 0.9, 0, 0), Word("-2-", (0.5, 0.95, 0.52, 0.96), 0.9, 0, 2)
    long = Word("Gebührenpflichtiger Tatbestand ungelesen", (0.1, 0.5, 0.3, 0.52), 0.95)
    found = leaders.without_leaders((head, *garbage(), foot), contents(), lambda cut, mode: (long, replace(long, line=1)))
    assert [word.text for word in found] == ["Satzung", long.text, long.text, "-2-"]
    assert (found[0], found[-1]) == (head, foot)
    assert len({(word.block, word.line) for word in found}) == 4
    top, bottom = dots_in(contents())[1][0]
    height = contents().height
    assert found[1].box[1] == pytest.approx((top + 0.5 * (bottom - top)) / height, abs=1e-4)
