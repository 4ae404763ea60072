"""The second engine: the `tesseract` program through pytesseract, for platforms without a wheel of tesserocr."""

from __future__ import annotations

import os
import re
from typing import Any

from intake.errors import ConfigError
from intake.ocr import tsv
from intake.vocabulary import Word


class PyTesseract:
    """OcrEngine. Starts one program per page, which loads the model anew; slower than `tesseract`, the same words."""

    def __init__(self, tessdata: str = "") -> None:
        import pytesseract  # type: ignore[import-untyped]  # noqa: PLC0415

        os.environ.setdefault("OMP_THREAD_LIMIT", "1")
        self._pytesseract: Any = pytesseract
        self._data = f"--tessdata-dir {tessdata} " if tessdata else ""
        self.name = f"pytesseract-{pytesseract.__version__}"

    def words(self, image: Any, languages: str, *, mode: int = 3) -> tuple[Word, ...]:
        """Words of a grey PIL image in reading order."""
        found = self._ask(self._pytesseract.image_to_data, image, f"{self._data}--psm {mode} --oem 1", languages)
        return tsv.words_of(str(found), *image.size)

    def orientation(self, image: Any) -> tuple[int, float]:
        """Degrees to turn the image clockwise so that it stands upright, and how sure; (0, 0.0) when it cannot tell."""
        try:
            said = str(self._ask(self._pytesseract.image_to_osd, image, f"{self._data}--psm 0", "osd"))
        except self._pytesseract.TesseractError:
            return 0, 0.0  # "Too few characters": the only way the program says so
        turn, sure = re.search(r"Rotate: (\d+)", said), re.search(r"Orientation confidence: ([\d.]+)", said)
        return (int(turn[1]), float(sure[1])) if turn and sure else (0, 0.0)

    def _ask(self, function: Any, image: Any, config: str, languages: str) -> Any:
        dpi = round(image.info.get("dpi", (300, 300))[0])
        try:
            return function(image, lang=languages, config=f"{config} --dpi {dpi}")
        except self._pytesseract.TesseractNotFoundError as error:
            raise ConfigError("Das Programm tesseract fehlt. Holen Sie es nach: apt-get install tesseract-ocr") from error
