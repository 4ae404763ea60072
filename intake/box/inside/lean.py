"""Large messages with little memory: long runs of base64 lines are cut out before the parser sees the message.

A line of nothing but base64 signs can neither be a header, nor part a message, nor end a part, so what is left has the same
structure. A mark that nobody can guess stands where a run was; whoever takes a part's payload gets the bytes back.
"""

from __future__ import annotations

import binascii
import mmap
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

SMALL = 8 << 20
"""Bytes of a message that is parsed as it is."""
_BLOCK, _LEAST = 64 << 10, 8
"""Bytes looked at in one piece; a run has at least so many whole pieces of base64."""
_SIGNS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\r\n"
_NO_SIGN = re.compile(r"[^A-Za-z0-9+/]")
_STEP = 4 << 20
Buffer = bytes | mmap.mmap


@dataclass(frozen=True, slots=True)
class Cuts:
    """What was cut out of `source`: places by number; `token` begins each mark."""

    source: Buffer = b""
    token: str = ""
    places: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes that were cut out."""
        return sum(end - start for start, end in self.places)

    def inside(self, text: str) -> bool:
        """Whether something is missing in this payload."""
        return bool(self.token) and self.token in text

    def whole(self, text: bytes) -> bytes:
        """A text with everything put back, its line ends as the parser gives them."""
        if not self.token:
            return text
        found = re.split(self.token.encode() + rb"([0-9]{8})", text)
        return b"".join(piece if index % 2 == 0 else self._run(int(piece)) for index, piece in enumerate(found))

    def decoded(self, text: str) -> bytes | None:
        """The bytes of a base64 payload; None where it is so odd that it has to be put together and decoded as a whole."""
        *before, last = re.split(self.token + r"([0-9]{8})", text)
        if any("=" in piece for piece in before):
            return None
        into, rest = BytesIO(), b""
        for piece in self._pieces(before):
            rest += piece
            whole = len(rest) - len(rest) % 4
            into.write(binascii.a2b_base64(rest[:whole]))
            rest = rest[whole:]
        last, pad, after = last.partition("=")
        end = rest + _NO_SIGN.sub("", last).encode("ascii")
        over = len(end) % 4
        if over == 1 or (pad and after.strip() != "=" * (3 - over)):
            return None
        into.write(binascii.a2b_base64(end + b"=" * (-len(end) % 4)))
        return into.getvalue()

    def _pieces(self, texts: list[str]) -> Iterator[bytes]:
        """The base64 signs before the last mark and in the runs, a few at a time."""
        for index, text in enumerate(texts):
            if index % 2 == 0:
                yield _NO_SIGN.sub("", text).encode("ascii")
                continue
            start, end = self.places[int(text)]
            for at in range(start, end, _STEP):
                yield self.source[at:min(at + _STEP, end)].translate(None, b"\r\n")

    def _run(self, number: int) -> bytes:
        start, end = self.places[number]
        return self.source[start:end].replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def opened(path: Path) -> Buffer:
    """The bytes of a file, those of a large one without taking memory for them."""
    with path.open("rb") as file:
        if path.stat().st_size <= SMALL:
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def cut(source: Buffer, start: int = 0) -> tuple[bytes, Cuts]:
    """The message from `start` without its long runs, and what was cut out; a small one as it is."""
    if len(source) - start <= SMALL:
        return source[start:], Cuts()
    cuts = Cuts(source, secrets.token_hex(16))
    kept = BytesIO()
    at = start
    for begin, end in _runs(source, start):
        kept.write(source[at:begin])
        kept.write(f"{cuts.token}{len(cuts.places):08}".encode())
        cuts.places.append((begin, end))
        at = end
    kept.write(source[at:])
    return kept.getvalue(), cuts


def _runs(source: Buffer, start: int) -> Iterator[tuple[int, int]]:
    """Where whole lines of base64 signs begin and end, long ones only."""
    begin: int | None = None
    for at in range(start, len(source), _BLOCK):
        if not source[at:at + _BLOCK].translate(None, _SIGNS):
            begin = at if begin is None else begin
            continue
        yield from _trimmed(source, begin, at)
        begin = None
    yield from _trimmed(source, begin, len(source))


def _trimmed(source: Buffer, begin: int | None, end: int) -> Iterator[tuple[int, int]]:
    """From the first line that begins inside to the last that ends inside; nothing where that is little."""
    if begin is None or end - begin < _LEAST * _BLOCK:
        return
    first, last = source.find(b"\n", begin, end) + 1, source.rfind(b"\n", begin, end) + 1
    while 0 < first < last and source[first:first + 1] in (b"\r", b"\n"):
        first += 1  # an empty line may end a header
    if 0 < first < last and last - first >= _BLOCK:
        yield first, last - (2 if source[last - 2:last] == b"\r\n" else 1)  # the last line end may belong to what follows
