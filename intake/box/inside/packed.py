"""The words of a page in an order for a rendition: columns, deflated, one string. 500 full pages of them fit into 5 MB."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from intake.vocabulary import Word

if TYPE_CHECKING:
    from intake.box.results import RenditionPage

DIGITS = 5  # of a box: 0.003 mm on A4


def pack(words: Sequence[Word]) -> str:
    """What a text layer needs of the words: text, box, line and block (not how sure they are, nor what was read first)."""
    columns = [[word.text for word in words], [word.line for word in words], [word.block for word in words],
               *([round(word.box[side], DIGITS) for word in words] for side in range(4))]
    return base64.b64encode(zlib.compress(json.dumps(columns, separators=(",", ":")).encode("ascii"), 2)).decode("ascii")


def unpack(packed: str) -> tuple[Word, ...]:
    """The words again, their confidence 1."""
    texts, lines, blocks, *boxes = json.loads(zlib.decompress(base64.b64decode(packed)))
    return tuple(Word(text, box, 1.0, line=line, block=block)
                 for text, line, block, box in zip(texts, lines, blocks, zip(*boxes, strict=True), strict=True))


def told(page: RenditionPage) -> dict[str, Any]:
    """A page of a rendition as the order says it: without its text, its words packed."""
    return asdict(replace(page, page=replace(page.page, words=(), text="", form=()))) | {"words": pack(page.page.words)}
