"""The name of a reader: what is stored under it was made by exactly this engine, language, resolution and code."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

VERSION = "8"  # raise it when the same file would be read differently than before
SIGNS, STAMPDAY = "signs/1", "stampday/1"  # what was learnt, below models/
PACKAGES = {"tesseract": "tesserocr", "pytesseract": "pytesseract"}


@lru_cache(maxsize=8)
def reader_name(engine: str, languages: str, dpi: int, trust_text_layer: str = "auto") -> str:
    """Such as `tesserocr-2.13.0/deu/300@1`; trust other than `auto` is part of it (`.../never@1`).

    The wheel of tesserocr brings its own Tesseract, so its version stands for both.
    """
    package = PACKAGES[engine]
    trust = "" if trust_text_layer == "auto" else f"/{trust_text_layer}"
    return f"{package}-{version(package)}/{languages}/{dpi}{trust}@{VERSION}"
