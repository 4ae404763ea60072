"""What the box is asked for and what it gives back: frozen, typed, already re-checked when a caller sees it.

Paths are of this machine: files the box wrote, checked (regular, within the limits), below the caller's work folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from intake.vocabulary import Envelope, Fact, Page

PdfaLevel = Literal["2b", "3b", "none"]


@dataclass(frozen=True, slots=True)
class FoundPart:
    """One file found inside a delivery. `path` is the original itself for a plain scan; `problem` is a Reason code.

    `parent` is the position of the part this one lay in (None = the delivery itself), `pages` is 0 when there is a problem
    and for an archive, whose files are parts of their own; `detail` a German sentence for the clerk. `facts` are what the
    file states as data (an e-invoice).
    """

    position: int
    parent: int | None
    name: str
    media_type: str
    size: int
    pages: int
    path: Path
    problem: str | None = None
    detail: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a delivery consists of. `cpu_seconds` counts everything the job cost, the sandbox included."""

    envelope: Envelope
    parts: tuple[FoundPart, ...]
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class MailOrder:
    """What taking a message apart rests on beside its bytes: `authserv_id` is the name of our own mail server, whose verdict on
    the sender is believed ("" = nobody's); `anchors` the certificates of authorities whose S/MIME signatures are believed (PEM,
    one after the other); `received_at` when it came (ISO, with zone), at which they must have held.
    """

    authserv_id: str = ""
    anchors: str = ""
    received_at: str = ""


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """How pages become words; part of the reader's version, so that another order gives another reading."""

    engine: Literal["tesseract", "pytesseract"] = "tesseract"
    languages: str = "deu"
    dpi: int = 300
    trust_text_layer: Literal["auto", "always", "never"] = "auto"
    preview_dpi: int = 110
    chunk_pages: int = 8


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Pages read, in the order asked for; `previews` holds one JPEG per page."""

    reader: str
    pages: tuple[Page, ...]
    previews: tuple[Path, ...]
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Opened:
    """A delivery unpacked and, where it is one small file, read at once (`read` is None otherwise)."""

    unpacked: Unpacked
    read: ReadResult | None


@dataclass(frozen=True, slots=True)
class RenditionPage:
    """Page `number` of source `source` (index), to be turned by `rotation` degrees clockwise; `page` has its words."""

    source: int
    number: int
    rotation: Literal[0, 90, 180, 270]
    page: Page


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to be embedded in a rendition (PDF/A-3), under a display name."""

    path: Path
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """A searchable PDF. `pdfa` is the level it was made to, `reason` says (German) why it is none."""

    pdf: Path
    pdfa: PdfaLevel
    reason: str
    cpu_seconds: float


Sources = Sequence[tuple[Path, str]]
"""(path, media type) of the files a rendition takes its pages from."""
