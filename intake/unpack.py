"""Delivery -> parts: the box says what a delivery consists of, the files it found become blobs, each with a Part row.

The original itself is never changed: a plain scan is its own part, a mended or extracted file is a blob beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from intake.blobs import Blobs
from intake.box import SENTENCES, Box, FoundPart, ReadOrder, ReadResult
from intake.errors import Reason
from intake.vocabulary import Blob, Delivery, Envelope, Part


def sentence(reason: Reason) -> str:
    """The German sentence for a person: what is wrong with these bytes and what to do next."""
    return SENTENCES[reason]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a delivery consists of; `read` holds its pages where it is one small file that was read at once."""

    envelope: Envelope
    parts: tuple[Part, ...]
    read: ReadResult | None


def unpack(box: Box, blobs: Blobs, delivery: Delivery, order: ReadOrder, workdir: Path,
           authserv_id: str = "") -> Contents:
    """The contents of a delivery, every part's bytes durable in `blobs` before this returns. May run twice.

    `workdir` is an empty folder that the caller removes, `authserv_id` what our own mail server calls itself.
    Raises InputError when nothing of the delivery can be read, BoxDied when the box died on it, ServiceError and ConfigError as
    the box and the blobs do.
    """
    original = blobs.path(delivery.original.sha256)
    opened = box.open(original, delivery.original.name, order, workdir, fresh=delivery.attempt > 0,
                      authserv_id=authserv_id)
    parts = tuple(_part(blobs, delivery, part, original) for part in opened.unpacked.parts)
    return Contents(opened.unpacked.envelope, parts, opened.read)


def _part(blobs: Blobs, delivery: Delivery, found: FoundPart, original: Path) -> Part:
    return Part(delivery=delivery.id, position=found.position, parent=found.parent, blob=_blob(blobs, delivery, found, original),
                pages=found.pages, problem=found.problem, detail=found.detail, facts=found.facts)


def _blob(blobs: Blobs, delivery: Delivery, found: FoundPart, original: Path) -> Blob:
    """The blob of a part: the original under the media type its content has, or the file the box wrote, adopted."""
    if found.path == original:
        return replace(delivery.original, media_type=found.media_type)
    return blobs.add_file(found.path, found.name, found.media_type)
