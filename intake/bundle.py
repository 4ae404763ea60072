"""Several files that are one delivery become one original: a ZIP without compression, so that every byte lies in it as it came.

One original means one hash, one row and one durable commit, as for a single file. The same files give the same bytes again
(no times, no attributes). Only written here; what is in it is parsed in the box, which knows it by the remark of the archive.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, cast

from intake.blobs import BLOCK, Blobs, Incoming
from intake.vocabulary import Blob, Member

MEDIA_TYPE = "application/zip"
BESIDE, PACKAGE = b"poststelle-beside/1", b"poststelle-package/1"
"""The remark of the archive: a document (first) with data beside it, or a folder as it was handed in."""
LARGE = 1 << 30
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Changed(Exception):
    """A file is not the one any more that was offered. No error: it is offered again when it is finished."""


@dataclass(slots=True)
class _Target:
    """What ZipFile needs of a file that cannot be searched."""

    incoming: Incoming

    def write(self, block: bytes) -> int:
        self.incoming.write(bytes(block))
        return len(block)

    def flush(self) -> None:
        """Nothing is held back."""


def keep(blobs: Blobs, members: Sequence[Member], name: str, kind: bytes) -> tuple[Blob, tuple[str, ...]]:
    """The bundle of `members` in their order, durable in `blobs`, and the SHA-256 of each of them.

    Raises Changed when a file is not as it was offered, OSError of opening one, ServiceError as the blobs do.
    """
    with blobs.incoming() as incoming:
        with zipfile.ZipFile(cast("IO[bytes]", _Target(incoming)), "w", zipfile.ZIP_STORED) as archive:
            archive.comment = kind
            digests = tuple(_copy(archive, member) for member in members)
        return incoming.keep(f"{name}.zip", MEDIA_TYPE), digests


def _copy(archive: zipfile.ZipFile, member: Member) -> str:
    digest = hashlib.sha256()
    descriptor = os.open(member.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as source:
        _unchanged(descriptor, member)
        entry = zipfile.ZipInfo(member.name.encode("utf-8", "backslashreplace").decode(), _EPOCH)
        with archive.open(entry, "w", force_zip64=member.size > LARGE) as target:
            while block := source.read(BLOCK):
                digest.update(block)
                target.write(block)
        _unchanged(descriptor, member)
    return digest.hexdigest()


def _unchanged(descriptor: int, member: Member) -> None:
    now = os.fstat(descriptor)
    if not stat.S_ISREG(now.st_mode) or (now.st_size, now.st_mtime_ns) != (member.size, member.mtime_ns):
        raise Changed(member.name)
