"""Two drawing surfaces with one vocabulary in millimetres: a scanned page (Pillow) and a born-digital page (fpdf2)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

FONT_ROOT = Path("/usr/share/fonts/truetype")
FONTS = {
    "sans": "liberation/LiberationSans-Regular.ttf",
    "sans-bold": "liberation/LiberationSans-Bold.ttf",
    "sans-italic": "liberation/LiberationSans-Italic.ttf",
    "narrow": "liberation/LiberationSansNarrow-Regular.ttf",
    "serif": "liberation/LiberationSerif-Regular.ttf",
    "serif-bold": "liberation/LiberationSerif-Bold.ttf",
    "serif-italic": "liberation/LiberationSerif-Italic.ttf",
    "mono": "liberation/LiberationMono-Regular.ttf",
    "mono-bold": "liberation/LiberationMono-Bold.ttf",
    "dejavu": "dejavu/DejaVuSans.ttf",
    "dejavu-mono": "dejavu/DejaVuSansMono.ttf",
    "dejavu-serif": "dejavu/DejaVuSerif.ttf",
}
A4 = (210.0, 297.0)
A3_LANDSCAPE = (420.0, 297.0)
MM_PER_INCH = 25.4
POINT_MM = MM_PER_INCH / 72
INK = 25
FIXED_DATE = datetime(2026, 10, 12, 9, 0, 0, tzinfo=UTC)


@lru_cache(maxsize=256)
def font(name: str, pixels: float) -> ImageFont.FreeTypeFont:
    """The font `name` of FONTS at a size in pixels; basic layout, so that every machine draws the same."""
    return ImageFont.truetype(FONT_ROOT / FONTS[name], pixels, layout_engine=ImageFont.Layout.BASIC)


class Canvas(Protocol):
    """What a layout needs of a page; x and y in millimetres from the top left, y of a text is its base line."""

    width: float
    height: float

    def text(self, x: float, y: float, text: str, size: float = 11, face: str = "sans", ink: int = INK) -> None:
        """Write one line of text at `size` points."""

    def measure(self, text: str, size: float = 11, face: str = "sans") -> float:
        """The width of the text in millimetres."""

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.2, ink: int = INK) -> None:
        """Draw a straight line, `width` in millimetres."""

    def box(self, x: float, y: float, w: float, h: float, width: float = 0.2, ink: int = INK) -> None:
        """Draw the outline of a rectangle."""

    def new_page(self) -> None:
        """Start the next page of the same size."""


class ScanCanvas:
    """Pages drawn as grey pictures, the way a copier sees them before any noise is added."""

    def __init__(self, size: tuple[float, float] = A4, dpi: int = 200) -> None:
        self.width, self.height = size
        self.dpi = dpi
        self.pages: list[Image.Image] = []
        self.new_page()

    def px(self, mm: float) -> float:
        """Millimetres to pixels."""
        return mm * self.dpi / MM_PER_INCH

    def new_page(self) -> None:
        """Start the next page of the same size."""
        self.image = Image.new("L", (round(self.px(self.width)), round(self.px(self.height))), 255)
        self.draw = ImageDraw.Draw(self.image)
        self.pages.append(self.image)

    def text(self, x: float, y: float, text: str, size: float = 11, face: str = "sans", ink: int = INK) -> None:
        """Write one line of text at `size` points, `y` is the base line."""
        self.draw.text((self.px(x), self.px(y)), text, ink, font(face, self.px(size * POINT_MM)), anchor="ls")

    def measure(self, text: str, size: float = 11, face: str = "sans") -> float:
        """The width of the text in millimetres."""
        return font(face, self.px(size * POINT_MM)).getlength(text) * MM_PER_INCH / self.dpi

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.2, ink: int = INK) -> None:
        """Draw a straight line, `width` in millimetres."""
        points = [self.px(v) for v in (x0, y0, x1, y1)]
        self.draw.line(points, ink, max(1, round(self.px(width))))

    def box(self, x: float, y: float, w: float, h: float, width: float = 0.2, ink: int = INK) -> None:
        """Draw the outline of a rectangle."""
        corners = [self.px(v) for v in (x, y, x + w, y + h)]
        self.draw.rectangle(corners, outline=ink, width=max(1, round(self.px(width))))


class PdfCanvas:
    """Pages of a born-digital PDF with embedded subset fonts and a fixed date."""

    def __init__(self, size: tuple[float, float] = A4, title: str = "", author: str = "") -> None:
        self.width, self.height = size
        self.pdf = FPDF(unit="mm", format=size)
        self.pdf.set_auto_page_break(False)
        self.pdf.set_creation_date(FIXED_DATE)
        self.pdf.set_producer("Poststelle samples")
        self.pdf.set_title(title)
        self.pdf.set_author(author)
        self.pdf.set_lang("de-DE")
        self._known: set[str] = set()
        self.new_page()

    def new_page(self) -> None:
        """Start the next page of the same size."""
        self.pdf.add_page()

    def _face(self, face: str, size: float) -> None:
        if face not in self._known:
            self.pdf.add_font(face, fname=FONT_ROOT / FONTS[face])
            self._known.add(face)
        self.pdf.set_font(face, size=size)

    def text(self, x: float, y: float, text: str, size: float = 11, face: str = "sans", ink: int = INK) -> None:
        """Write one line of text at `size` points, `y` is the base line."""
        self._face(face, size)
        self.pdf.set_text_color(ink)
        self.pdf.text(x, y, text)

    def measure(self, text: str, size: float = 11, face: str = "sans") -> float:
        """The width of the text in millimetres."""
        self._face(face, size)
        return self.pdf.get_string_width(text)

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.2, ink: int = INK) -> None:
        """Draw a straight line, `width` in millimetres."""
        self.pdf.set_line_width(width)
        self.pdf.set_draw_color(ink)
        self.pdf.line(x0, y0, x1, y1)

    def box(self, x: float, y: float, w: float, h: float, width: float = 0.2, ink: int = INK) -> None:
        """Draw the outline of a rectangle."""
        self.pdf.set_line_width(width)
        self.pdf.set_draw_color(ink)
        self.pdf.rect(x, y, w, h)

    def save(self, path: Path) -> None:
        """Write the PDF; the same content gives the same bytes."""
        path.write_bytes(bytes(self.pdf.output()))


def wrap(canvas: Canvas, text: str, width: float, size: float = 11, face: str = "sans") -> list[str]:
    """Break a paragraph into lines of at most `width` millimetres."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        current = ""
        for word in paragraph.split(" "):
            longer = f"{current} {word}".strip()
            if current and canvas.measure(longer, size, face) > width:
                lines.append(current)
                current = word
            else:
                current = longer
        lines.append(current)
    return lines
