"""Normal forms for comparing what people write in many ways: Aktenzeichen, notations, names, words. Pure, bottom layer.

A key is only for comparing; what is shown and stored beside it is always the original string.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_DASHES = re.compile("[\u2010-\u2015\u2212\u00ad\ufe58\ufe63\uff0d_]")
_AROUND_SEPARATOR = re.compile(r"\s*([-/.:])\s*")
_FOLDS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def reference_key(text: str) -> str:
    """The key under which two spellings of one Aktenzeichen are equal; "" when nothing is left.

    Equal are: upper and lower case, kinds of dashes, blanks beside a separator (`-`, `/`, `.`, `:`), trailing full
    stops and commas. Never equal are different digits: leading zeros and blanks between digits stay, so that `010/23`
    is not `10/23`. Idempotent.
    """
    plain = _AROUND_SEPARATOR.sub(r"\1", _upper(text).replace("⁄", "/"))
    return re.sub(r"\s+", " ", plain).strip(" .,;:-/")


@lru_cache(maxsize=16_384)
def notation_key(text: str) -> str:
    """The key of a Kennzeichen of a plan: upper case, groups joined by "."; `10 44 01` and `10.44.01` are equal."""
    return ".".join(group for group in re.split(r"[\s./:,;-]+", _upper(text)) if group)


def compact_key(text: str) -> str:
    """The key of a Kennzeichen without its groups, for people who leave out the dots: `63260`, `S0100`, `0001B10000`.

    Two entries may share it (`1.23`, `12.3`); it names an entry only where it is the only one.
    """
    return notation_key(text).replace(".", "")


def _upper(text: str) -> str:
    """Upper case in compatibility form with plain dashes; the same text again when done twice."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    return _DASHES.sub("-", unicodedata.normalize("NFKC", plain.upper()))


def natural_key(text: str) -> str:
    """A text that sorts as people count: runs of digits padded to six places (`2` before `10`)."""
    return re.sub(r"\d+", lambda run: run.group().zfill(6), text)


def fold(text: str) -> str:
    """Lower case without umlauts and accents (`ä` as `ae`, `ß` as `ss`, `é` as `e`), for comparing words."""
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).lower()).translate(_FOLDS)
    bare = "".join(char for char in unicodedata.normalize("NFD", lower) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare)


def street_key(text: str) -> str:
    """The key of a street with number: `Mühlenstraße 12 a`, `Muehlenstr. 12a` and `MÜHLENSTR.12A` are equal."""
    words = re.findall(r"[a-z]+|[0-9]+", re.sub(r"str(?:asse|\.)", "str ", fold(text)))
    plain = " ".join(words)
    return re.sub(r"(\d) ([a-z])(?![a-z])", r"\1\2", plain)
