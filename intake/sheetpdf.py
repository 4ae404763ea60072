"""Separator sheets and Leitbelege as a PDF to print: patch codes along both short edges, a QR code, large words for people.

Patch geometry after Kodak A-61599: wide bars 0.20 inch, narrow bars and spaces 0.08 inch, read from the edge inwards; printed at
both ends, so that a sheet may be fed either way round. The QR code has error level Q and modules of about a millimetre
(standards.md 11: at least 0.5 mm). Print at 100 %: fitted to the page it is still read, but with less in reserve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zxingcpp
from fpdf import FPDF
from fpdf.fonts import TTFFont

from intake.errors import ConfigError
from intake.sheetcode import SheetCode, encode

PATCHES = {"document": (2, 5, 2, 5), "file": (2, 5, 2, 5), "batch": (5, 2, 5, 2)}
"""Patch T for what begins a document or an Akte, Patch 3 for a batch; thickness of the bars in units, outermost first."""
UNIT_MM, EDGE_MM, BAR_MM = 0.04 * 25.4, 12.0, 130.0
WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 25.0
QR_MM, MODULE_MM = 62.0, 1.2
FONTS = Path("/usr/share/fonts/truetype/liberation")
FACES = {"": "LiberationSans-Regular.ttf", "B": "LiberationSans-Bold.ttf", "I": "LiberationMono-Regular.ttf"}
"""The style "I" of our one font family is the face for payloads."""
INK, GREY = 0, 90
POINT_MM = 25.4 / 72
WORDS = {
    "document": ("Trennblatt", "Hier beginnt ein neues Schriftstück."),
    "file": ("Leitbeleg", "Was folgt, gehört in diese Akte."),
    "batch": ("Stapel-Trennblatt", "Hier beginnt ein neuer Stapel."),
}
HINTS = {
    "document": "Vor das erste Blatt jedes Schriftstücks legen und mitscannen.",
    "file": "Vor das erste Blatt der Akte legen und mitscannen. Die Akte gilt bis zum nächsten Leitbeleg oder Stapel-Trennblatt; "
            "einzelne Schriftstücke darin mit Trennblättern trennen.",
    "batch": "Vor den neuen Stapel legen und mitscannen. Angaben früherer Trennblätter und Leitbelege gelten nicht weiter.",
}
KEPT = "Das Blatt wird erkannt und nicht abgelegt. Es kann wiederverwendet werden. Bitte in Originalgröße (100 %) drucken."


@dataclass(frozen=True, slots=True)
class Printed:
    """One sheet to print: its code, and what people read beside it: title of the Akte, Kennzeichen with its title."""

    code: SheetCode
    title: str = ""
    entry: str = ""


def draw(sheets: Sequence[Printed], owner: str, target: Path) -> None:
    """Write the sheets, one A4 page each, to `target`; `owner` is the full name of the municipality in the footer.

    Raises ConfigError where the fonts are missing, OSError where the file cannot be written.
    """
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margins(MARGIN, MARGIN)
    pdf.set_title("Trennblätter")
    for style, name in FACES.items():
        if not (FONTS / name).is_file():
            raise ConfigError(f"Die Schrift {name} fehlt. Geben Sie ein: sudo apt-get install fonts-liberation")
        pdf.add_font("liberation", style, FONTS / name)
    for number, one in enumerate(sheets, start=1):
        pdf.add_page()
        _patch(pdf, PATCHES[one.code.begins])
        if one.code.file:
            _file_sheet(pdf, one)
        else:
            _plain_sheet(pdf, one)
        _foot(pdf, one, owner, f"Blatt {number} von {len(sheets)}")
    pdf.output(str(target))


def _plain_sheet(pdf: FPDF, one: Printed) -> None:
    """A sheet without an Akte: the word, the code, what it says."""
    heading, meaning = WORDS[one.code.begins]
    _line(pdf, 46, heading, 44, bold=True)
    _line(pdf, 66, meaning, 17)
    said = [text for text in (one.entry, one.code.kind) if text]
    for row, text in enumerate(said):
        _line(pdf, 78 + 9 * row, text, 15, bold=True)
    _qr(pdf, encode(one.code), WIDTH / 2 - QR_MM / 2, 104)
    _paragraph(pdf, 182, HINTS[one.code.begins], 14)
    _paragraph(pdf, 204, KEPT, 11, grey=True)


def _file_sheet(pdf: FPDF, one: Printed) -> None:
    """A sheet with an Akte: its Aktenzeichen as large as it fits, its title, then the code beside what else is known."""
    heading, meaning = WORDS[one.code.begins]
    _line(pdf, 42, heading, 20, grey=True)
    _font(pdf, 40, "B")
    if pdf.get_string_width(_known(pdf, one.code.file)) <= WIDTH - 2 * MARGIN:
        _line(pdf, 54, one.code.file, 46, bold=True)
    else:  # in two lines, rather than small
        size = next((size for size in (26, 22, 18) if len(_wrapped(pdf, one.code.file, size)) <= 2), 14)
        for row, text in enumerate(_wrapped(pdf, one.code.file, size)):
            _line(pdf, 51 + 11 * row * size / 26, text, size, bold=True)
    size = next((size for size in (28, 24, 20, 16) if len(_wrapped(pdf, one.title, size)) <= 3), 13)
    lines = _wrapped(pdf, one.title, size)[:5]
    for row, text in enumerate(lines):
        _line(pdf, 78 + row * size * 1.25 * POINT_MM, text, size)
    top = 128.0
    pdf.set_draw_color(GREY)
    pdf.set_line_width(0.3)
    pdf.line(MARGIN, top - 6, WIDTH - MARGIN, top - 6)
    _qr(pdf, encode(one.code), MARGIN, top)
    _beside(pdf, MARGIN + QR_MM + 10, top + 2, [
        ("Aktenplan", one.entry), ("Art des Schriftstücks", one.code.kind), ("", meaning)])
    _paragraph(pdf, 202, HINTS[one.code.begins], 12)
    _paragraph(pdf, 221, KEPT, 11, grey=True)


def _beside(pdf: FPDF, left: float, top: float, said: Sequence[tuple[str, str]]) -> None:
    """Captions with their values, one under the other, in the column right of the code."""
    at = top
    for caption, value in said:
        if not value:
            continue
        if caption:
            _font(pdf, 10, grey=True)
            pdf.text(left, at + 3, caption)
            at += 5.5
        _font(pdf, 14)
        for text in _wrapped(pdf, value, 14, WIDTH - MARGIN - left)[:4]:
            pdf.text(left, at + 4, text)
            at += 6.5
        at += 4


def _patch(pdf: FPDF, bars: Sequence[int]) -> None:
    """The bars at both short edges, the first bar outermost."""
    pdf.set_fill_color(INK)
    at, left = EDGE_MM, (WIDTH - BAR_MM) / 2
    for bar in bars:
        thick = bar * UNIT_MM
        pdf.rect(left, at, BAR_MM, thick, "F")
        pdf.rect(left, HEIGHT - at - thick, BAR_MM, thick, "F")
        at += thick + 2 * UNIT_MM


def _qr(pdf: FPDF, payload: str, left: float, top: float) -> None:
    """The QR code within a square of QR_MM, drawn module by module: sharp at any resolution."""
    code = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
    dark = np.asarray(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)) < 128
    module = min(QR_MM / len(dark), MODULE_MM)
    inset = (QR_MM - module * len(dark)) / 2
    pdf.set_fill_color(INK)
    for row, line in enumerate(dark):
        for start, end in _runs(line.tolist()):
            # a hair taller than a module, so that no white line shows between two rows
            pdf.rect(left + inset + start * module, top + inset + row * module, (end - start) * module, module * 1.02, "F")


def _runs(line: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of True."""
    start = None
    for place, dark in enumerate([*line, False]):
        if dark and start is None:
            start = place
        elif not dark and start is not None:
            yield start, place
            start = None


def _foot(pdf: FPDF, one: Printed, owner: str, count: str) -> None:
    """Whose sheet it is, and the payload in print: whoever cannot scan it can type it."""
    _line(pdf, 246, " · ".join(text for text in (owner, "Poststelle", count) if text), 10, grey=True)
    payload = encode(one.code)
    _font(pdf, 8, "I", grey=True)
    pieces = [payload[at:at + 88] for at in range(0, len(payload), 88)]
    for row, text in enumerate(pieces[:2]):
        pdf.text((WIDTH - pdf.get_string_width(text)) / 2, 254.5 + 3.6 * row, text)


def _font(pdf: FPDF, size: float, style: str = "", *, grey: bool = False) -> None:
    pdf.set_font("liberation", style, size)
    pdf.set_text_color(GREY if grey else INK)


def _line(pdf: FPDF, top: float, text: str, size: float, *, bold: bool = False, grey: bool = False) -> None:
    """One centred line, smaller where it would not fit."""
    text = _known(pdf, text)
    _font(pdf, size, "B" if bold else "", grey=grey)
    while pdf.get_string_width(text) > WIDTH - 2 * MARGIN and size > 7:
        size -= 1
        pdf.set_font_size(size)
    pdf.text((WIDTH - pdf.get_string_width(text)) / 2, top + size * POINT_MM * 0.8, text)


def _paragraph(pdf: FPDF, top: float, text: str, size: float, *, grey: bool = False) -> None:
    for row, line in enumerate(_wrapped(pdf, text, size)):
        _line(pdf, top + row * size * 1.35 * POINT_MM, line, size, grey=grey)


def _wrapped(pdf: FPDF, text: str, size: float, width: float = WIDTH - 2 * MARGIN) -> list[str]:
    """The text in lines of at most `width` mm; a word that is wider stands alone and is broken."""
    _font(pdf, size)
    lines = [""]
    for word in _known(pdf, " ".join(text.split())).split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if pdf.get_string_width(longer) <= width:
            lines[-1] = longer
            continue
        while pdf.get_string_width(word) > width:
            count = next(n for n in range(len(word), 0, -1) if n == 1 or pdf.get_string_width(word[:n]) <= width)
            lines.append(word[:count])
            word = word[count:]  # noqa: PLW2901
        lines.append(word)
    return [line for line in lines if line]


def _known(pdf: FPDF, text: str) -> str:
    """What the font has no sign for is shown as "?"; the code beside it says it right."""
    font = pdf.fonts["liberation"]
    return "".join(character if isinstance(font, TTFFont) and ord(character) in font.cmap else "?" for character in text)
