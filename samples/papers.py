"""Pictures and drawings as files with the same bytes every time: scanned PDF, TIFF, JPEG, PDF/A; and what is expected of them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pikepdf
from pikepdf import Name, pdfa
from PIL import Image

from samples.canvas import FIXED_DATE
from samples.noise import DPI

QUALITY = 55


@dataclass(frozen=True)
class Expected:
    """One Schriftstück: its pages (from 1, of part `part`), kind, notation in config/aktenplan.csv, Akte, and fields."""

    pages: tuple[int, ...]
    kind: str
    notation: str
    fields: Mapping[str, str]
    file: str = ""
    part: int = 0


@dataclass(frozen=True)
class Sample:
    """The bytes of a sample and the truth about it."""

    data: bytes
    documents: tuple[Expected, ...]
    separators: tuple[int, ...] = ()
    blank: tuple[int, ...] = ()
    automatic: bool = False
    also: Mapping[str, Any] = field(default_factory=dict)

    def expected(self) -> dict[str, Any]:
        """What stands in `<name>.expected.json`."""
        return {
            "documents": [
                {"part": one.part, "pages": list(one.pages), "kind": one.kind, "notation": one.notation,
                 **({"file": one.file} if one.file else {}), "fields": dict(one.fields)}
                for one in self.documents],
            "separators": list(self.separators), "blank": list(self.blank), "automatic": self.automatic, **self.also,
        }  # fmt: skip


def jpeg(image: Image.Image, quality: int = QUALITY, dpi: int = DPI) -> bytes:
    """The picture as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, dpi=(dpi, dpi), optimize=True)
    return out.getvalue()


def scanned_pdf(pages: Sequence[Image.Image], dpi: int = DPI, quality: int = QUALITY) -> bytes:
    """A PDF as a copier writes it: one grey JPEG per page, no text."""
    pdf = pikepdf.new()
    for image in pages:
        width, height = (round(side * 72 / dpi, 2) for side in image.size)
        picture = pdf.make_stream(jpeg(image, quality, dpi), Type=Name.XObject, Subtype=Name.Image, Width=image.width,
                                  Height=image.height, ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.DCTDecode)
        content = pdf.make_stream(f"q {width} 0 0 {height} 0 0 cm /Im0 Do Q".encode())
        page = pdf.make_indirect(pikepdf.Dictionary(
            Type=Name.Page, MediaBox=[0, 0, width, height], Contents=content,
            Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=picture))))  # fmt: skip
        pdf.pages.append(pikepdf.Page(page))
    _inform(pdf, "Poststelle samples, Scanner")
    return _saved(pdf)


def scanned_tiff(pages: Sequence[Image.Image], dpi: int = DPI, quality: int = QUALITY) -> bytes:
    """A multi-page TIFF with grey JPEG inside."""
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=list(pages[1:]), compression="jpeg", quality=quality,
                  dpi=(dpi, dpi))
    return out.getvalue()


def archival(data: bytes, flavour: str = "2b") -> bytes:
    """A born-digital PDF as PDF/A, checked by pikepdf; raises pikepdf.pdfa.PdfaError when it is none."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return finished(pdf, flavour)


def finished(pdf: pikepdf.Pdf, flavour: str) -> bytes:
    """The open PDF as PDF/A of that flavour, without the action that fpdf2 writes, with a fixed id."""
    if "/OpenAction" in pdf.Root:
        del pdf.Root.OpenAction
    out = io.BytesIO()
    pdfa.save(pdf, out, flavour, deterministic_id=True)
    return _dated(out.getvalue())


def _dated(data: bytes) -> bytes:
    """The same PDF, written on the fixed date: the time of saving stands in its metadata, and its id is made from it."""
    when = FIXED_DATE.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00").encode()
    data = re.sub(rb"(<xmp:MetadataDate>)[^<]{%d}(?=<)" % len(when), rb"\g<1>" + when, data)
    return re.sub(rb"(/ID\s*\[\s*<([0-9a-fA-F]{32})>\s*<)[0-9a-fA-F]{32}", rb"\g<1>\g<2>", data)


def _inform(pdf: pikepdf.Pdf, producer: str) -> None:
    stamp = FIXED_DATE.strftime("D:%Y%m%d%H%M%SZ")
    pdf.docinfo["/Producer"] = producer
    pdf.docinfo["/CreationDate"] = stamp
    pdf.docinfo["/ModDate"] = stamp


def _saved(pdf: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True)
    return out.getvalue()
