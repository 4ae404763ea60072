"""Image files as PDF pages without recompression: a JPEG goes in as it is, black and white as CCITT G4, the rest losslessly."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image

from intake.box.inside.image import FORMATS, plain

EXIF_ORIENTATION = 0x0112
TURNS = {1: 0, 3: 180, 6: 90, 8: 270}  # the orientations without a mirror, degrees clockwise
STRIP_OFFSETS, STRIP_BYTES, PHOTOMETRIC, FILL_ORDER, COMPRESSION = 273, 279, 262, 266, 259
GROUP4 = 4
POINTS_PER_MM = 72 / 25.4


def add_image_page(pdf: Pdf, image: pikepdf.Stream, width_mm: float, height_mm: float, turn: int) -> None:
    """A page with one image that fills it; the sizes are of the page as shown, `turn` is the image's own EXIF turn."""
    if turn in (90, 270):
        width_mm, height_mm = height_mm, width_mm
    width, height = round(width_mm * POINTS_PER_MM, 3), round(height_mm * POINTS_PER_MM, 3)
    page = pikepdf.Page(Dictionary(
        Type=Name.Page, MediaBox=Array([0, 0, width, height]), Resources=Dictionary(XObject=Dictionary(Im0=image)),
        Contents=pdf.make_stream(f"q {width} 0 0 {height} 0 0 cm /Im0 Do Q".encode("ascii"))))
    if turn:
        page.obj.Rotate = turn
    pdf.pages.append(page)


def image_of(pdf: Pdf, path: Path, media_type: str, number: int) -> tuple[pikepdf.Stream, int]:
    """Frame `number` of an image file as an image object of `pdf`, and the EXIF turn that a page must show it with."""
    with Image.open(path, formats=FORMATS[media_type]) as file:
        file.seek(number - 1)
        way = file.getexif().get(EXIF_ORIENTATION, 1)
        if media_type == "image/jpeg" and file.mode in ("L", "RGB") and way in TURNS:
            return _stream(pdf, path.read_bytes(), file.size, file.mode, 8, Name.DCTDecode), TURNS[way]
        if way not in TURNS or (way != 1 and media_type == "image/tiff"):
            from PIL import ImageOps  # noqa: PLC0415

            file.load()
            return encoded(pdf, plain(ImageOps.exif_transpose(file))), 0
        if media_type == "image/tiff" and file.mode == "1":
            strip = _group4_strip(file, path)
            if strip is not None:
                return _group4(pdf, strip[0], file.size, black_is_zero=strip[1]), TURNS[way]
        file.load()
        return encoded(pdf, file if file.mode == "1" else plain(file)), TURNS[way]


def encoded(pdf: Pdf, image: Image.Image) -> pikepdf.Stream:
    """A PIL image without loss: CCITT G4 for two levels, else Flate with the predictor of PNG."""
    if image.mode == "1":
        buffer = io.BytesIO()
        image.save(buffer, "TIFF", compression="group4", strip_size=1 << 30)
        with Image.open(buffer, formats=["TIFF"]) as again:
            strip = _strip(again)
            offset, length = strip if strip else (0, 0)
            return _group4(pdf, buffer.getvalue()[offset:offset + length], image.size, black_is_zero=_black_is_zero(again))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    parms = Dictionary(Predictor=15, Colors=3 if image.mode == "RGB" else 1, BitsPerComponent=8, Columns=image.width)
    return _stream(pdf, _idat(buffer.getvalue()), image.size, image.mode, 8, Name.FlateDecode, parms)


def _stream(pdf: Pdf, data: bytes, size: tuple[int, int], mode: str, bits: int, coding: Name,
            parms: Dictionary | None = None) -> pikepdf.Stream:
    stream = pikepdf.Stream(pdf, b"")
    stream.write(data, filter=coding, decode_parms=parms)
    stream.Type, stream.Subtype = Name.XObject, Name.Image
    stream.Width, stream.Height, stream.BitsPerComponent = size[0], size[1], bits
    stream.ColorSpace = Name.DeviceRGB if mode == "RGB" else Name.DeviceGray
    return stream


def _group4(pdf: Pdf, data: bytes, size: tuple[int, int], *, black_is_zero: bool) -> pikepdf.Stream:
    parms = Dictionary(K=-1, Columns=size[0], Rows=size[1], BlackIs1=black_is_zero)
    return _stream(pdf, data, size, "1", 1, Name.CCITTFaxDecode, parms)


def _strip(file: Image.Image) -> tuple[int, int] | None:
    """Offset and length of the strip of a TIFF frame that has just one; None when it has more."""
    tags = getattr(file, "tag_v2", {})
    offsets, lengths = tags.get(STRIP_OFFSETS, ()), tags.get(STRIP_BYTES, ())
    return (int(offsets[0]), int(lengths[0])) if len(offsets) == len(lengths) == 1 else None


def _black_is_zero(file: Image.Image) -> bool:
    return int(getattr(file, "tag_v2", {}).get(PHOTOMETRIC, 0)) == 1


def _group4_strip(file: Image.Image, path: Path) -> tuple[bytes, bool] | None:
    """The G4 data of a TIFF frame as it lies in the file; None when it is not one strip of plain G4."""
    tags = getattr(file, "tag_v2", {})
    strip = _strip(file)
    if tags.get(COMPRESSION) != GROUP4 or tags.get(FILL_ORDER, 1) != 1 or strip is None:
        return None
    with path.open("rb") as source:
        source.seek(strip[0])
        return source.read(strip[1]), _black_is_zero(file)


def _idat(png: bytes) -> bytes:
    """The compressed data of a PNG: exactly what PDF calls Flate with predictor 15."""
    at, found = 8, []
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IDAT":
            found.append(png[at + 8:at + 8 + length])
        at += length + 12
    return b"".join(found)
