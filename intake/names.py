"""The only functions that make names for files and folders out of what people and senders wrote. Pure, bottom layer.

The names are for reading in a file manager, also over a share of Windows; the true values stand in `akte.json` and in
the database. No path is ever built from anything that did not pass here.
"""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import date

SEGMENT_BYTES = 90  # of 255 a file system allows; a whole mirror path stays under the 260 characters of Windows
_KEPT = frozenset(" -_.,()+&§'=@#")
_EDGES = " .-_,'=@#"
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin", "conout", "clock"}
    | {f"{kind}{number}" for kind in ("com", "lpt") for number in range(10)})
_SUFFIXES = {
    "application/pdf": "pdf", "image/tiff": "tif", "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp",
    "image/bmp": "bmp", "image/jp2": "jp2", "message/rfc822": "eml", "text/plain": "txt", "application/xml": "xml",
    "text/xml": "xml", "application/vnd.poststelle.transfervermerk+json": "json",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.oasis.opendocument.text": "odt", "application/vnd.oasis.opendocument.spreadsheet": "ods",
}


def segment(text: str, limit: int = SEGMENT_BYTES, empty: str = "ohne Titel") -> str:
    """One path segment that reads like `text`: at most `limit` (>= 16) UTF-8 bytes, never "", "..", hidden or reserved.

    Letters, digits and a few signs of the NFKC form stay, anything else becomes "-" (format and control characters
    vanish); no blank, full stop or dash at either end, none of the device names of Windows. Idempotent.
    """
    plain = _plain(text)
    while True:
        cut = _trim(_cut(plain, limit))
        stem, dot, rest = cut.partition(".")
        if stem.strip().casefold() not in _RESERVED:
            return cut or segment(empty, limit, "x")
        plain = f"{stem.strip()}_x{dot}{rest}"


def _plain(text: str) -> str:
    """Folded to one spelling, only characters a name may have, single blanks; stable under a second call."""
    before = None
    while text != before:
        before, text = text, unicodedata.normalize("NFKC", text)
        text = " ".join("".join(_letter(char) for char in text).split())
    return text


def _letter(char: str) -> str:
    category = unicodedata.category(char)
    if "\ufe00" <= char <= "\ufe0f":  # variation selectors, invisible
        return ""
    if char in _KEPT or category[0] == "L" or category in ("Nd", "Mn", "Mc"):
        return char
    if category[0] == "Z" or char in "\t\r\n":
        return " "
    return "" if category in ("Cf", "Cc", "Cs", "Cn", "Co") else "-"


def _trim(text: str) -> str:
    """Without signs at either end and without a combining mark at the beginning."""
    text = text.strip(_EDGES)
    while text and unicodedata.category(text[0])[0] == "M":
        text = text[1:].lstrip(_EDGES)
    return text


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def folder(text: str, limit: int = 60) -> str:
    """A folder for a Kennzeichen or an Aktenzeichen: two texts that differ (but for case) get different folders.

    "/" becomes "_"; whatever else would be lost is made up for by "~" and eight digits of the text's SHA-256.
    """
    name = segment(text.replace("/", "_"), limit, "ohne Zeichen")
    if name.replace("_", "/") == text:
        return name
    return f"{segment(name, limit - 9)}~{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def title_of(day: date | None, title: str) -> str:
    """The name of a filed document without suffix: `2025-11-18 Abmeldung Hund`; sorts by day in a file manager."""
    return segment(f"{day.isoformat()} {segment(title)}" if day else title)


def suffix(media_type: str) -> str:
    """The suffix of a file of this media type, without the dot; "bin" for what we do not know (never the sender's)."""
    return _SUFFIXES.get(media_type.partition(";")[0].strip().lower(), "bin")
