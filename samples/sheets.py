"""Separator sheets: Patch T along both short edges, a QR code that says what follows, and words for people.

Patch geometry after Kodak A-61599: wide bars 0.20 inch, narrow bars and spaces 0.08 inch, read from the edge inwards.
"""

from __future__ import annotations

import binascii
import random
import uuid

import zxingcpp
from PIL import Image, ImageDraw

from samples.canvas import A4, ScanCanvas
from samples.noise import DPI

PATCH_T = (2, 5, 2, 5)  # narrow, wide, narrow, wide in units of 0.04 inch
UNIT = 0.04 * DPI
EDGE_MM = 12.0
BAR_MM = 110.0
MODULE = 8  # pixels of 0.127 mm: a module of 1 mm


def payload(number: int) -> str:
    """What the QR code of sheet `number` says: a document begins, the sheet's id, CRC-16/CCITT-FALSE of what stands before."""
    name = uuid.UUID(int=random.Random(f"trennblatt {number}").getrandbits(128), version=4)
    text = f"MI1|T=D|ID={name}"
    return f"{text}|C={binascii.crc_hqx(text.encode('ascii'), 0xFFFF):04X}"


def sheet(number: int) -> Image.Image:
    """Separator sheet `number` as a clean grey page."""
    canvas = ScanCanvas(A4, DPI)
    patch(canvas.image)
    patch(canvas.image, bottom=True)
    code = qr(payload(number))
    canvas.image.paste(code, ((canvas.image.width - code.width) // 2, round(canvas.px(78))))
    _centred(canvas, 62, "Trennblatt", 34, "sans-bold")
    _centred(canvas, 142, "Hier beginnt ein neues Schriftstück.", 15)
    _centred(canvas, 152, "Bitte vor das erste Blatt jedes Schriftstücks legen und mitscannen.", 11)
    _centred(canvas, 159, "Das Trennblatt wird erkannt und nicht abgelegt; es kann wiederverwendet werden.", 11)
    _centred(canvas, 240, f"Amt Mittelau · Poststelle · Blatt {number:03d}", 10)
    _centred(canvas, 246, payload(number), 8, "mono")
    return canvas.image


def qr(text: str) -> Image.Image:
    """A QR code, error correction Q, with its quiet zone, MODULE pixels a module."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
    return Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=MODULE)).convert("L")


def patch(image: Image.Image, *, bottom: bool = False) -> None:
    """Print Patch T across the page, EDGE_MM from its upper or lower edge."""
    draw = ImageDraw.Draw(image)
    left = (image.width - BAR_MM / 25.4 * DPI) / 2
    at = EDGE_MM / 25.4 * DPI
    for units in PATCH_T:
        top = image.height - at - units * UNIT if bottom else at
        draw.rectangle((left, top, image.width - left, top + units * UNIT - 1), fill=0)
        at += (units + 2) * UNIT


def _centred(canvas: ScanCanvas, y: float, text: str, size: float, face: str = "sans") -> None:
    canvas.text((canvas.width - canvas.measure(text, size, face)) / 2, y, text, size, face)
