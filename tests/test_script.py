"""Print, typewriter, Fraktur, drawing, nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from drawn import LETTER, MONO, SANS, SERIF, written
from PIL import Image

from intake.box.inside.script import band_of, is_even, is_fraktur, script_of
from intake.ocr.tesseract import Tesseract
from intake.vocabulary import Word

TESSDATA = next((str(folder) for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)), "")


@pytest.fixture(scope="module")
def engine() -> Tesseract:
    return Tesseract(TESSDATA)


@pytest.mark.parametrize(("font", "even"), [(MONO, True), (SANS, False), (SERIF, False)])
def test_a_typewriter_sets_all_letters_equally_wide(engine: Tesseract, font: str, even: bool) -> None:
    words = engine.words(written(LETTER * 2, font=font, points=10), "deu")
    assert is_even(words, 210.0) is even
    assert script_of(words, 210.0, 297.0, fraktur=False, inked=True) == ("typewriter" if even else "print")


@pytest.mark.parametrize("known", ["deu", "frk"])
def test_ordinary_print_is_no_fraktur(engine: Tesseract, known: str) -> None:
    page = written(LETTER * 2)
    assert not is_fraktur(page, engine, "deu", (known, engine.words(page, known)))


def test_fraktur_is_known_by_its_reading(engine: Tesseract, shared_data: Path) -> None:
    from intake.box.inside.image import ImageFileReader, at_dpi

    for name in ("goethe_1809/0011.tif", "grenzboten_1841/179467.tif"):
        image, _ = ImageFileReader(shared_data / "fraktur_pages" / name, "image/tiff", 200).frame(1)
        page = at_dpi(image, 220)
        for known in ("deu", "frk"):
            assert is_fraktur(page, engine, "deu", (known, engine.words(page, known)))


class Pretending:
    """An engine with fixed confidences."""

    def __init__(self, ordinary: float, broken: float) -> None:
        self.confidence = {"deu": ordinary, "frk": broken}
        self.asked: list[str] = []

    def words(self, image: Image.Image, language: str) -> Sequence[Word]:
        if image.height < image.width:
            self.asked.append(language)
        return [Word("geſchrieben", (0.1, 0.5, 0.2, 0.6), self.confidence[language])] * 8


@pytest.mark.parametrize(("ordinary", "broken", "found"), [
    (0.7, 0.9, True), (0.9, 0.92, False), (0.3, 0.5, False), (0.78, 0.81, False), (0.9, 0.7, False)])
def test_the_lead_must_be_clear(ordinary: float, broken: float, found: bool) -> None:
    page, engine = written(), Pretending(ordinary, broken)
    band, top = band_of(page)
    for known in ("deu", "frk"):
        box = (0.1, (top + 0.5 * band.height) / page.height, 0.2, (top + 0.6 * band.height) / page.height)
        words = [replace(word, box=box) for word in engine.words(page, known)]
        elsewhere = [Word("geſchrieben", (0.1, 0.98, 0.2, 0.99), 0.0)] * 50  # not in the band: says nothing
        assert is_fraktur(page, engine, "deu", (known, [*words, *elsewhere])) is found
        assert engine.asked == ["frk" if known == "deu" else "deu"]
        engine.asked.clear()


def test_the_band_is_where_the_print_is() -> None:
    page = written(LETTER * 1, at_mm=(25, 180))
    band, top = band_of(page)
    assert band.tobytes() == page.crop((0, top, page.width, top + band.height)).tobytes()
    assert sum(band.histogram()[:128]) > 1500


def test_kinds_without_clear_words() -> None:
    unclear = [Word("xx", (0, 0, 0.1, 0.1), 0.2)] * 20
    clear = [Word("Wort", (0, 0, 0.1, 0.02), 0.9)] * 30
    assert script_of((), 210, 297, fraktur=False, inked=False) == "none"
    assert script_of((), 210, 297, fraktur=False, inked=True) == "drawing"
    assert script_of(unclear, 210, 297, fraktur=False, inked=True) == "handwriting"
    assert script_of(clear, 841, 1189, fraktur=False, inked=True) == "drawing"
    assert script_of(clear, 210, 297, fraktur=True, inked=True) == "fraktur"
