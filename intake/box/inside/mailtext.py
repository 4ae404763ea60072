"""Words out of mail: header lines of every age and mistake, bodies in any charset, HTML as plain text."""

from __future__ import annotations

import html
import re
import unicodedata
from datetime import UTC, datetime
from email._policybase import Compat32
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.utils import parsedate_to_datetime
from typing import Any

from intake.box.inside.lean import Cuts

LONGEST_HEADER = 20_000
_NOT_TEXT = frozenset({"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined"})
_ENCODED = re.compile(r"=\?[\w-]{1,40}\?[qQbB]\?[^?]{0,500}\?=")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BLOCKS = frozenset({"p", "div", "tr", "table", "ul", "ol", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr"})
_LINES = frozenset({"br", "li"})
_CELLS = frozenset({"td", "th"})


class Lenient(Compat32):
    """The policy under which messages are parsed: headers with raw 8-bit bytes come out as text, not as objects.

    `cuts` is what was cut out of the message before.
    """

    cuts = Cuts()

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The header's text, unencoded bytes read as UTF-8 or else Windows-1252."""
        return eight_bit(value)


def lenient(cuts: Cuts) -> Lenient:
    """The policy for a message of which something was cut out."""
    made = Lenient()
    object.__setattr__(made, "cuts", cuts)  # policies refuse to be changed
    return made


def eight_bit(value: str) -> str:
    """A text in which the parser kept raw bytes as surrogates, with those bytes read."""
    if value.isascii():
        return value
    return as_text(value.encode("utf-8", "surrogateescape"), None)


def as_text(data: bytes, charset: str | None) -> str:
    """Bytes as text: by their stated charset, else UTF-8, else Windows-1252; never fails."""
    for name in (charset, "utf-8"):
        if name and name.lower().replace("-", "_") not in _NOT_TEXT:
            try:
                return data.decode(name)
            except (UnicodeError, LookupError, ValueError):
                continue
    return data.decode("cp1252", "replace")


def clean(text: str) -> str:
    """Text fit to be kept: one kind of line end, no control characters, no half characters, NFC."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFC", _CONTROL.sub("", text))


def line(value: object) -> str:
    """A header value decoded (RFC 2047), on one line."""
    text = re.sub(r"[ \t\r\n]+", " ", str(value)[:LONGEST_HEADER])
    if "=?" in text:
        text = _ENCODED.sub(lambda word: word[0].replace(" ", ""), text)  # some mailers fold inside the encoded word
        try:
            pieces = decode_header(text)
        except (HeaderParseError, MessageError, ValueError):
            pieces = [(text, None)]
        text = "".join(piece if isinstance(piece, str) else as_text(piece, charset) for piece, charset in pieces)
    return re.sub(r"\s+", " ", clean(text)).strip()


def sent_at(value: object) -> datetime | None:
    """The moment a Date header names, in UTC where it has no zone; None where it names none one can believe."""
    try:
        found = parsedate_to_datetime(str(value)[:200])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if 1970 <= found.year <= 2100 else None


def html_text(source: str) -> str:
    """HTML as plain text: scripts, styles and comments gone, blocks on lines of their own, cells apart, links dropped."""
    import nh3  # noqa: PLC0415
    dropped = {"script", "style", "title", "head"}
    kept = nh3.clean(source, tags=set(_BLOCKS | _LINES | _CELLS), clean_content_tags=dropped, attributes={})
    kept = re.sub(r"\s+", " ", kept)

    def breaks(match: re.Match[str]) -> str:
        name = match.group(1).lower()
        return "\t" if name in _CELLS else "\n" if name in _BLOCKS | _LINES else ""

    text = html.unescape(re.sub(r"</?([a-zA-Z0-9]+)[^>]*>", breaks, kept)).replace("\u00a0", " ")
    lines = [re.sub(r"[ \t]{2,}", "  ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
