"""Tesseract in this process through tesserocr: the language model is loaded once, one thread, no file in between."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from intake.errors import ConfigError
from intake.ocr import tsv
from intake.vocabulary import Word

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # read when the library is loaded: one process per core, one thread each
AUTO, BLOCK = 3, 6  # page segmentation modes: whole layout, one block of text
LSTM = 1
_ahead: dict[tuple[str, str], Any] = {}
"""Models loaded before they are asked for, for all processes forked from this one."""


def load_ahead(tessdata: str, languages: str) -> None:
    """Load a model (0.1 CPU s) for this process and its children to come; what cannot be loaded is told when it is asked for."""
    if (tessdata, languages) not in _ahead:
        with suppress(ConfigError):
            _ahead[tessdata, languages] = Tesseract(tessdata).model(languages)


class Tesseract:
    """OcrEngine. `tessdata` is the folder of the language data ("" = the library's own place)."""

    def __init__(self, tessdata: str = "") -> None:
        import tesserocr  # type: ignore[import-untyped]  # noqa: PLC0415 (65 ms that a page with a text layer does not pay)

        self._tesserocr: Any = tesserocr
        self._tessdata = tessdata
        self._apis: dict[str, Any] = {}
        self.name = f"tesseract-{tesserocr.PyTessBaseAPI.Version()}"

    def model(self, languages: str) -> Any:
        """The engine with its language data, loaded once. Raises ConfigError where they are missing."""
        if languages not in self._apis and (self._tessdata, languages) in _ahead:
            self._apis[languages] = _ahead[self._tessdata, languages]
        elif languages not in self._apis:
            try:
                self._apis[languages] = self._tesserocr.PyTessBaseAPI(path=self._tessdata, lang=languages, psm=AUTO, oem=LSTM)
            except RuntimeError as error:
                package = languages.split("+", maxsplit=1)[0].replace("_", "-")
                raise ConfigError(f"Die Sprachdaten „{languages}“ von Tesseract fehlen in {self._tessdata or 'tessdata'}. "
                                  f"Holen Sie sie nach: apt-get install tesseract-ocr-{package}") from error
            self._apis[languages].SetVariable("debug_file", "/dev/null")
        return self._apis[languages]

    def words(self, image: Any, languages: str, *, mode: int = AUTO) -> tuple[Word, ...]:
        """Words of a grey PIL image ("L") in reading order; the resolution is taken from its info."""
        api = self.model(languages)
        api.SetPageSegMode(mode)
        self._show(api, image)
        api.Recognize()
        found = tsv.words_of(api.GetTSVText(0), *image.size)
        api.Clear()
        return found

    def orientation(self, image: Any) -> tuple[int, float]:
        """Degrees (0, 90, 180, 270) to turn the image clockwise so that it stands upright, and how sure (> 2 is fair)."""
        api = self.model("osd")
        api.SetPageSegMode(0)
        self._show(api, image)
        found = api.DetectOrientationScript()
        api.Clear()
        return (int(found["orient_deg"]), float(found["orient_conf"])) if found else (0, 0.0)

    @staticmethod
    def _show(api: Any, image: Any) -> None:
        width, height = image.size
        api.SetImageBytes(image.tobytes(), width, height, 1, width)
        api.SetSourceResolution(round(image.info.get("dpi", (300, 300))[0]))
