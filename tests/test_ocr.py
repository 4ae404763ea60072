"""One contract for all OCR engines: one page in, words with boxes and confidence out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn import LETTER, paper, written

from intake.box.inside.words import text_of
from intake.errors import ConfigError
from intake.ocr import tesseract, tsv
from intake.ocr.pytesseract import PyTesseract
from intake.ocr.tesseract import Tesseract

TESSDATA = next((str(folder) for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)), "")


class OcrContract:
    """What every engine must do."""

    def engine(self, tessdata: str = TESSDATA) -> Any:
        raise NotImplementedError

    def test_words_stand_where_they_are_printed(self) -> None:
        words = self.engine().words(written(), "deu")
        assert text_of(words).startswith("Gemeinde Mittelau")
        first = words[0]
        assert first.box[0] == pytest.approx(25 / 210, abs=0.006)
        assert first.box[1] == pytest.approx(46 / 297, abs=0.006)
        assert first.box[2] < words[1].box[0] < words[1].box[2]
        assert all(0 <= word.confidence <= 1 for word in words)
        assert first.confidence > 0.8
        assert [word.line for word in words] == sorted(word.line for word in words)

    def test_an_empty_page_has_no_words(self) -> None:
        assert self.engine().words(paper(), "deu") == ()

    def test_a_page_leaves_nothing_for_the_next(self) -> None:
        engine = self.engine()
        before = engine.words(written(LETTER[:2]), "deu")
        engine.words(written(LETTER * 2), "deu")
        assert engine.words(written(LETTER[:2]), "deu") == before

    def test_the_name_says_which_version(self) -> None:
        assert any(character.isdigit() for character in self.engine().name)


class TestTesseract(OcrContract):
    def engine(self, tessdata: str = TESSDATA) -> Any:
        return Tesseract(tessdata)

    def test_missing_language_data_are_named(self) -> None:
        with pytest.raises(ConfigError, match="apt-get install tesseract-ocr-xyz"):
            self.engine().words(paper(), "xyz")

    def test_what_was_loaded_ahead_is_used_by_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tesseract, "_ahead", {})
        before = self.engine().words(written(LETTER[:2]), "deu")
        tesseract.load_ahead(TESSDATA, "deu")
        assert self.engine().model("deu") is self.engine().model("deu")
        assert self.engine().words(written(LETTER[:2]), "deu") == before

    def test_missing_language_data_are_told_when_they_are_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tesseract, "_ahead", {})
        tesseract.load_ahead(TESSDATA, "xyz")
        assert tesseract._ahead == {}
        with pytest.raises(ConfigError, match="xyz"):
            self.engine().model("xyz")


class TestPyTesseract(OcrContract):
    def engine(self, tessdata: str = TESSDATA) -> Any:
        return PyTesseract(tessdata)


def test_rows_that_are_no_words_are_left_out() -> None:
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
    rows = [head, "1\t1\t0\t0\t0\t0\t0\t0\t100\t200\t-1\t", "5\t1\t2\t1\t1\t1\t10\t20\t30\t10\t96.5\tAntrag",
            "5\t1\t2\t1\t2\t1\t10\t40\t30\t10\t-1\t ", "5\t1\t3\t1\t1\t1\t90\t190\t30\t30\t120\tEnde", "broken"]
    words = tsv.words_of("\n".join(rows), 100, 200)
    assert [(word.text, word.line, word.block) for word in words] == [("Antrag", 0, 0), ("Ende", 1, 1)]
    assert words[0].box == (0.1, 0.1, 0.4, 0.15)
    assert words[0].confidence == pytest.approx(0.965)
    assert words[1].box == (0.9, 0.95, 1.0, 1.0)
    assert words[1].confidence == 1.0
