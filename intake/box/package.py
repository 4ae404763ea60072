"""An xdomea message or package as the box has read it: typed and re-checked; the texts are of strangers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intake.box.inside.xdomea_types import (
    Line,
    PackedCase,
    PackedDocument,
    PackedFile,
    PackedFolder,
    PackedUnit,
    RawMessage,
)

__all__ = ["Line", "Message", "PackedCase", "PackedDocument", "PackedFile", "PackedFolder", "PackedUnit", "RawMessage"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as read; `files` are the unpacked files by their names in the package. `strangers`: files nobody names."""

    raw: RawMessage
    files: dict[str, Path]
