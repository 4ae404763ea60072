"""The job `unpack`: what one delivery consists of. A scan is one part, a mail its text and every attachment.

Parts count from 0 in reading order; a part that cannot be read is told as data (`problem`, `detail`), only a delivery of
which nothing can be read raises InputError. Files written to `out` are called p0, p1 ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intake.box.inside import einvoice, sniff
from intake.box.inside.einvoice import XML
from intake.box.inside.mailpage import Allowance
from intake.box.inside.message import Letter
from intake.box.inside.sniff import IMAGES, MAIL, OFFICE, OUTLOOK, PDF, RTF, TEXT, TNEF, ZIP, Kind
from intake.errors import InputError, Reason

MAX_FRAMES = 2_000
MOST_UNPACKED = 1 << 30
"""Bytes that may come out of all archives of a delivery."""
LARGEST_MESSAGE = 512 << 20
LETTERS = frozenset({MAIL, OUTLOOK, TNEF})
TURNED_TO_PNG = {"image/bmp": "BMP", "image/avif": "AVIF"}
"""Formats of which the reader sees a PNG instead."""
WHOLE_IMAGE_BYTES = 8 << 20
BROKEN = (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError, ZeroDivisionError)
"""What Pillow raises for broken image files (its plug-ins translate little)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one delivery may hold."""

    max_pages: int
    max_parts: int
    max_depth: int
    max_megapixels: int


@dataclass(slots=True)
class Parts:
    """The parts found so far; every file written counts against the number of parts."""

    out: Path
    limits: Limits
    found: list[dict[str, Any]] = field(default_factory=list)
    unpacked: int = 0  # bytes that came out of archives
    envelope: dict[str, Any] = field(default_factory=dict)  # what a package says of itself
    drawing: Allowance = field(default_factory=Allowance)
    office: bool = False  # LibreOffice is there: RTF is left to it

    def reserve(self, parent: int | None, name: str) -> int:
        """A new part, to be filled in; raises InputError when the delivery has too many."""
        if len(self.found) >= self.limits.max_parts:
            raise InputError("", reason=Reason.TOO_LARGE, detail=f"Mehr als {self.limits.max_parts} Teile.")
        position = len(self.found)
        self.found.append({"position": position, "parent": parent, "name": name, "media_type": "", "pages": 0, "file": None,
                           "problem": None, "detail": ""})
        return position

    def file(self, position: int) -> Path:
        """Where the file of a part is written."""
        return self.out / f"p{position}"

    def fill_text(self, position: int, text: str) -> None:
        """Make the reserved part a plain text of our own (the body of a mail)."""
        path = self.file(position)
        path.write_text(text, encoding="utf-8")
        try:
            described = _text(path, TEXT, path, self.limits)
        except InputError as error:
            described = {"media_type": TEXT, "problem": error.reason.value, "detail": error.detail}
        self.found[position] |= {"file": path.name} | described

    def fill_pdf(self, position: int) -> bool:
        """Make the PDF that was drawn of a message its part; False when it has too many pages."""
        from intake.box.inside import pdfcheck  # noqa: PLC0415
        path = self.file(position)
        try:
            pages, _, _ = pdfcheck.pages_of(path, self.out / f"m{position}", self.limits.max_pages)
        except InputError:
            return False
        self.found[position] |= {"name": "Nachricht.pdf", "media_type": PDF, "file": path.name, "pages": pages}
        return True

    def add(self, parent: int | None, name: str, data: bytes, kind: Kind | None = None, *, check: bool = False) -> None:
        """A part with bytes of its own (an attachment). `check`: decode images now, so that a broken one is known as data."""
        position = self.reserve(parent, name)
        path = self.file(position)
        path.write_bytes(data)
        self.found[position]["file"] = path.name
        kind = self.left(kind or refined(path, sniff.sniff(data[:sniff.HEAD], data[-sniff.TAIL:], name)))
        try:
            if kind.media_type == ZIP and kind.reason is None:
                self.open_archive(position, path)
                return
            self.found[position] |= describe(path, kind, self.out / f"m{position}", self.limits, check=check)
            self.hang(position, path)
        except InputError as error:
            self.found[position] |= {"media_type": kind.media_type, "problem": error.reason.value, "detail": error.detail}

    def left(self, kind: Kind) -> Kind:
        """The kind of a file, that of one which LibreOffice shows better than we do as not read here."""
        return sniff.refused(RTF) if self.office and kind == Kind(RTF) else kind

    def open_archive(self, position: int, path: Path) -> None:
        """The files of an archive as parts below it; the archive itself has no pages. Raises InputError too_large.

        What other systems lay beside the documents (data, an XJustiz message, detached signatures) is kept as a part without
        pages and said of the documents; of a message the first part shows its text.
        """
        from intake.box.inside import archive, beside  # noqa: PLC0415
        self.found[position] |= {"media_type": ZIP}
        if self.depth(position) > self.limits.max_depth:
            raise InputError("", reason=Reason.TOO_LARGE, detail=f"Mehr als {self.limits.max_depth} Archive ineinander.")
        told = beside.told(path)
        if told.text and position == 0:
            self.envelope = told.envelope
            self.fill_text(position, told.text)
        for packed in beside.in_order(archive.files(path, MOST_UNPACKED - self.unpacked), told):
            self.unpacked += len(packed.data)
            if packed.name in told.data:
                self.lay(position, packed.name, packed.data, told.data[packed.name])
                continue
            here = len(self.found)
            self.put(position, packed.name, packed.data, packed.kind)
            self.found[here]["facts"] = [*self.found[here].get("facts", ()), *told.facts.get(packed.name, ())]

    def lay(self, parent: int | None, name: str, data: bytes, said: Mapping[str, Any]) -> None:
        """A part that is data, not a document: it has no pages; `said` is its media type, detail and perhaps a problem."""
        position = self.reserve(parent, name)
        self.file(position).write_bytes(data)
        self.found[position] |= {"file": self.file(position).name} | dict(said)

    def put(self, parent: int | None, name: str, data: bytes, kind: Kind | None = None) -> None:
        """Whatever lies in a container: a letter is taken apart too, anything else becomes a part."""
        from intake.box.inside import mail  # noqa: PLC0415
        inner = mail.opened(name, data, kind, self.depth(parent), self.limits.max_depth)
        if isinstance(inner, Letter):
            mail.lay_out(inner, self, parent, self.depth(parent))
        else:
            self.add(parent, name, data, inner, check=True)

    def depth(self, position: int | None) -> int:
        """How many parts lie around the inside of a part."""
        count = 0
        while position is not None:
            position, count = self.found[position]["parent"], count + 1
        return count

    def hang(self, position: int, path: Path) -> None:
        """Add the documents that travel inside an XML invoice, as parts below it (no invoice in an invoice)."""
        parent = self.found[position]["parent"]
        if self.found[position]["media_type"] != XML or (parent is not None and self.found[parent]["media_type"] == XML):
            return
        invoice = einvoice.parse(path.read_bytes())
        for name, data in einvoice.embedded_files(invoice) if invoice else ():
            self.add(position, name, data, check=True)


def refined(path: Path, kind: Kind) -> Kind:
    """The kind of a file of which the first bytes say too little."""
    if kind.media_type == XML and kind.reason is Reason.UNKNOWN_TYPE:
        with path.open("rb") as file:
            return Kind(XML) if einvoice.looks_like_one(file.read(einvoice.MAX_LOOKED_AT)) else kind
    if kind.media_type == "application/x-ole-storage" and path.stat().st_size <= LARGEST_MESSAGE:
        from intake.box.inside import outlook  # noqa: PLC0415
        return Kind(OUTLOOK) if outlook.is_message(path.read_bytes()) else kind
    if kind.media_type == TNEF:
        return Kind(TNEF)
    if kind.media_type != ZIP:
        return kind
    from intake.box.inside import archive  # noqa: PLC0415
    return archive.zip_kind(path)


def describe(path: Path, kind: Kind, other: Path, limits: Limits, *, check: bool = False) -> dict[str, Any]:
    """Media type, pages and, where another file is to be read instead, its name. Raises InputError for what is not readable.

    `other` is where such a file is written.
    """
    if kind.reason is not None:
        raise InputError("", reason=kind.reason, detail=kind.detail)
    if kind.media_type == PDF:
        from intake.box.inside import pdfcheck  # noqa: PLC0415
        pages, replaced, remark = pdfcheck.pages_of(path, other, limits.max_pages)
        facts, trouble = einvoice.of_pdf(other if replaced else path)
        return {"media_type": PDF, "pages": pages, "detail": f"{remark} {trouble}".strip(), "facts": einvoice.as_json(facts)} | (
            {"file": other.name} if replaced else {})
    if kind.media_type == XML:
        return _einvoice(path, limits)
    if kind.media_type in IMAGES:
        return _image(path, kind.media_type, other, limits, check=check)
    return _text(path, kind.media_type, other, limits)


def _einvoice(path: Path, limits: Limits) -> dict[str, Any]:
    """An XML invoice: its facts, and the pages it gets from our template. Raises InputError damaged, active, too_large."""
    from intake.box.inside import einvoicepage, pdfcheck  # noqa: PLC0415
    invoice = einvoice.parse(path.read_bytes())
    if invoice is None:
        found = sniff.refused(XML)
        raise InputError("", reason=found.reason or Reason.UNKNOWN_TYPE, detail=found.detail)
    pages, _, _ = pdfcheck.pages_of(einvoicepage.pdf_of(path), path.with_suffix(".mended"), limits.max_pages)
    return {"media_type": XML, "pages": pages, "facts": einvoice.as_json(invoice.facts)}


def _text(path: Path, media_type: str, other: Path, limits: Limits) -> dict[str, Any]:
    from intake.box.inside import plaintext  # noqa: PLC0415
    data, instead = path.read_bytes(), {}
    if media_type == sniff.HTML:
        from intake.box.inside.mailtext import html_text  # noqa: PLC0415
        data = html_text(plaintext.decoded(data)).encode()
        other.write_bytes(data)
        instead = {"file": other.name}
    if media_type == RTF:
        from intake.box.inside.outlook import rtf_text  # noqa: PLC0415
        data = rtf_text(data).encode()
        other.write_bytes(data)
        instead = {"file": other.name}
    pages = len(plaintext.laid_out(data))
    if pages > limits.max_pages:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"{pages} Seiten, erlaubt sind {limits.max_pages}.")
    return {"media_type": TEXT, "pages": pages} | instead


def _image(path: Path, media_type: str, other: Path, limits: Limits, *, check: bool) -> dict[str, Any]:
    """Frames of an image file, each within the limits of pixels. Raises InputError damaged, too_large."""
    from PIL import Image  # noqa: PLC0415

    from intake.box.inside.image import FORMATS, ImageFileReader  # noqa: PLC0415

    instead: dict[str, Any] = {}
    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked on every frame below
    if media_type in TURNED_TO_PNG:
        _as_png(path, TURNED_TO_PNG[media_type], other, limits)
        path, media_type, instead = other, "image/png", {"file": other.name}
    try:
        with Image.open(path, formats=FORMATS[media_type]) as image:
            frames = int(getattr(image, "n_frames", 1)) if media_type == "image/tiff" else 1
            if frames > min(MAX_FRAMES, limits.max_pages):
                raise InputError("", reason=Reason.TOO_LARGE, detail=f"{frames} Bilder in einer Datei.")
            for number in range(frames):
                if frames > 1:
                    image.seek(number)
                _fits(image.size, limits)
    except BROKEN as error:
        too_much = "too large" in str(error)  # Pillow's word for a text chunk that grows beyond its limit
        raise InputError("", reason=Reason.TOO_LARGE if too_much else Reason.DAMAGED, detail=type(error).__name__) from error
    if check and path.stat().st_size <= WHOLE_IMAGE_BYTES:
        reader = ImageFileReader(path, media_type, limits.max_megapixels)
        for number in range(1, frames + 1):
            reader.frame(number)
        reader.close()
    return {"media_type": media_type, "pages": frames} | instead


def _fits(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_megapixels * 1_000_000:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"{width} x {height} Bildpunkte.")


def _as_png(path: Path, kind: str, target: Path, limits: Limits) -> None:
    from PIL import Image  # noqa: PLC0415
    try:
        with Image.open(path, formats=(kind,)) as image:
            _fits(image.size, limits)
            image.convert("RGB").save(target, "PNG", compress_level=1)
    except BROKEN as error:
        raise InputError("", reason=Reason.DAMAGED, detail=type(error).__name__) from error


def run(order: dict[str, Any], inputs: list[Path], out: Path) -> dict[str, Any]:
    """{envelope, parts} of inputs[0], called order["name"] by its sender; the limits are in the order too."""
    limits = Limits(*(int(order[name]) for name in ("max_pages", "max_parts", "max_depth", "max_megapixels")))
    path, name = inputs[0], str(order["name"])
    kind = refined(path, sniff.sniff_file(path, name))
    parts = Parts(out, limits, office=bool(order.get("office")))
    kind = parts.left(kind)
    if kind.media_type in LETTERS and kind.reason is None:
        from intake.box.inside import lean, mail  # noqa: PLC0415
        told = mail.Told(*(str(order.get(name, "")) for name in ("authserv_id", "anchors", "received_at")))
        envelope = mail.unpack(lean.opened(path), parts, kind.media_type, told)
        return {"envelope": envelope, "parts": parts.found}
    position = parts.reserve(None, name)
    if kind.media_type == ZIP and kind.reason is None:
        parts.open_archive(position, path)
        return {"envelope": parts.envelope, "parts": parts.found}
    if parts.office and kind.media_type in OFFICE and kind.reason is Reason.UNKNOWN_TYPE:
        parts.found[position] |= {"media_type": kind.media_type, "problem": kind.reason.value, "detail": kind.detail}
    else:
        parts.found[position] |= describe(path, kind, parts.file(position), limits)
    parts.hang(position, path)
    return {"envelope": {}, "parts": parts.found}
