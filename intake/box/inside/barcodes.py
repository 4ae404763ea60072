"""Barcodes by zxing-cpp and patch codes by our own detector, on a grey copy of about 150 dpi."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageFilter

from intake.box.inside.words import clipped
from intake.vocabulary import Separator, Word

KINDS = {"QRCode": "qr", "DataMatrix": "datamatrix", "Code128": "code128", "Code39": "code39"}
MIN_LINEAR = 4  # characters: shorter linear codes are found in tables and hatchings


FEW = 60  # clear words: a separator sheet has no more
CLEAR = 0.75
CELL_MM, DENSE = 5.0, (0.25, 0.85)


def found_on(grey: Image.Image, small: Image.Image, words: Sequence[Word]) -> tuple[Separator, ...]:
    """Barcodes of a page; a page with few words is looked at again without its noise (a median costs 0.1 s)."""
    found = barcodes(small)
    if found or sum(word.confidence >= CLEAR for word in words) > FEW or not _has_dense_place(small):
        return found
    return barcodes(grey.filter(ImageFilter.MedianFilter(3)))


def _has_dense_place(small: Image.Image) -> bool:
    """True when somewhere four neighbouring squares are as dark as a code is; print has a tenth to a fifth of ink."""
    dark = small.point([255 if value < 128 else 0 for value in range(256)])
    side = CELL_MM / 25.4 * small.info["dpi"][0]
    cells = dark.resize((max(round(small.width / side), 2), max(round(small.height / side), 2)), Image.Resampling.BOX)
    level = cells.point([1 if DENSE[0] * 255 <= value <= DENSE[1] * 255 else 0 for value in range(256)]).tobytes()
    width = cells.width
    return any(level[place] and level[place + 1] and level[place + width] and level[place + width + 1]
               for place in range(len(level) - width - 1) if place % width != width - 1)


def barcodes(grey: Image.Image) -> tuple[Separator, ...]:
    """Barcodes of an upright grey page with their payload and box."""
    import zxingcpp  # noqa: PLC0415

    kinds = zxingcpp.BarcodeFormat
    formats = zxingcpp.BarcodeFormats([kinds.QRCode, kinds.DataMatrix, kinds.Code128, kinds.Code39])
    found = []
    for code in zxingcpp.read_barcodes(grey, formats=formats, try_downscale=False, try_invert=False):
        kind = KINDS.get(code.format.name)
        if kind is None or not code.text or (kind in ("code128", "code39") and len(code.text) < MIN_LINEAR):
            continue
        place = code.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        xs, ys = [corner.x / grey.width for corner in corners], [corner.y / grey.height for corner in corners]
        found.append(Separator(kind, code.text, clipped(min(xs), min(ys), max(xs), max(ys))))
    return tuple(found)
