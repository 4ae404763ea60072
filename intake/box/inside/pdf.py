"""PDF pages through PDFium: size, objects, characters, bitmaps. The raw bindings start in half the time of the helpers.

All geometry handed out is of the page *as shown* (CropBox, after /Rotate): fractions from the top left, lengths in mm.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pypdfium2_raw as pdfium

from intake.errors import InputError, Reason

if TYPE_CHECKING:
    from PIL.Image import Image

    from intake.box.inside.form import Forms
    from intake.vocabulary import FormField

MM_PER_POINT = 25.4 / 72
FILE_ERRORS = {
    pdfium.FPDF_ERR_PASSWORD: (Reason.ENCRYPTED, "Diese PDF-Datei ist mit einem Kennwort geschützt. "
                               "Bitten Sie den Absender um eine Fassung ohne Kennwort."),
    pdfium.FPDF_ERR_SECURITY: (Reason.ENCRYPTED, "Diese PDF-Datei ist so verschlüsselt, dass sie hier nicht gelesen werden kann. "
                               "Bitten Sie den Absender um eine unverschlüsselte Fassung."),
}
DAMAGED = "Diese PDF-Datei ist beschädigt und lässt sich nicht öffnen. Bitten Sie den Absender, sie noch einmal zu schicken."
GREYS = (pdfium.FPDF_COLORSPACE_DEVICEGRAY, pdfium.FPDF_COLORSPACE_CALGRAY)
PLAIN_COLOURS = (*GREYS, pdfium.FPDF_COLORSPACE_DEVICERGB, pdfium.FPDF_COLORSPACE_CALRGB, pdfium.FPDF_COLORSPACE_ICCBASED)
INVISIBLE = 3  # text rendering mode of PDF: neither filled nor stroked
MAX_FORM_DEPTH = 4
MAX_OBJECTS = 20_000  # enough to know what kind of page it is


@dataclass(frozen=True, slots=True)
class Picture:
    """An image object on a page: its box on the page as shown (fractions), resolution in dpi, grey or coloured."""

    box: tuple[float, float, float, float]
    dpi: float
    grey: bool
    pixels: int


@dataclass(frozen=True, slots=True)
class Char:
    """A character of the text layer; `invisible` is the text rendering mode 3 of an OCR layer. Box in fractions."""

    code: int
    box: tuple[float, float, float, float]
    invisible: bool
    unmapped: bool


@lru_cache(maxsize=1)
def _library() -> None:
    pdfium.FPDF_InitLibrary()


class Pdf:
    """An open PDF file. Raises InputError (encrypted, damaged, no pages) when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        _library()
        self._handle = pdfium.FPDF_LoadDocument(str(path).encode(), None)
        if not self._handle:
            reason, sentence = FILE_ERRORS.get(pdfium.FPDF_GetLastError(), (Reason.DAMAGED, DAMAGED))
            raise InputError(sentence, reason=reason)
        self.page_count = int(pdfium.FPDF_GetPageCount(self._handle))
        if self.page_count < 1:
            raise InputError("Diese PDF-Datei enthält keine einzige Seite. Bitten Sie den Absender, sie noch einmal zu schicken.",
                             reason=Reason.NO_PAGES)
        self._forms: Forms | None = None
        if pdfium.FPDF_GetFormType(self._handle) != pdfium.FORMTYPE_NONE:
            from intake.box.inside.form import Forms  # noqa: PLC0415

            self._forms = Forms(self._handle)

    def page(self, number: int) -> PdfPage:
        """Page `number`, from 1; raises InputError (damaged) when PDFium cannot load it."""
        handle = pdfium.FPDF_LoadPage(self._handle, number - 1)
        if not handle:
            raise InputError(f"Seite {number} dieser PDF-Datei ist beschädigt. "
                             "Bitten Sie den Absender, sie noch einmal zu schicken.",
                             reason=Reason.DAMAGED, detail=f"page {number}")
        return PdfPage(handle, number, self._forms)

    def close(self) -> None:
        if self._forms is not None:
            self._forms.close()
        pdfium.FPDF_CloseDocument(self._handle)


class PdfPage:
    """One loaded page; call `close` when done. Sizes are those of the page as shown."""

    def __init__(self, handle: Any, number: int, forms: Forms | None = None) -> None:
        self._handle = handle
        self._forms = forms
        self.number = number
        self.width_pt = max(float(pdfium.FPDF_GetPageWidthF(handle)), 1.0)
        self.height_pt = max(float(pdfium.FPDF_GetPageHeightF(handle)), 1.0)
        self._affine = self._to_fractions()

    def close(self) -> None:
        pdfium.FPDF_ClosePage(self._handle)

    @property
    def width_mm(self) -> float:
        return self.width_pt * MM_PER_POINT

    @property
    def height_mm(self) -> float:
        return self.height_pt * MM_PER_POINT

    def _to_fractions(self) -> tuple[float, float, float, float, float, float]:
        """The map from page space (points, origin bottom left, unrotated) to fractions of the page as shown."""
        scale, x, y = 1_000_000, ctypes.c_int(), ctypes.c_int()

        def device(px: float, py: float) -> tuple[float, float]:
            pdfium.FPDF_PageToDevice(self._handle, 0, 0, scale, scale, 0, px, py, x, y)
            return x.value / scale, y.value / scale

        (ox, oy), (ax, ay), (bx, by) = device(0, 0), device(100, 0), device(0, 100)
        return (ax - ox) / 100, (bx - ox) / 100, ox, (ay - oy) / 100, (by - oy) / 100, oy

    def fractions(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """A box of page space as fractions of the page as shown, cut to the page."""
        a, b, c, d, e, f = self._affine
        xs = sorted((a * left + b * bottom + c, a * right + b * top + c))
        ys = sorted((d * left + e * bottom + f, d * right + e * top + f))
        x0, x1 = (min(max(value, 0.0), 1.0) for value in xs)
        y0, y1 = (min(max(value, 0.0), 1.0) for value in ys)
        return x0, y0, x1, y1

    def _objects(self) -> Iterator[tuple[Any, int]]:
        """All page objects with their type, form XObjects opened, up to MAX_OBJECTS."""
        stack = [(pdfium.FPDFPage_GetObject(self._handle, index), 0)
                 for index in range(min(pdfium.FPDFPage_CountObjects(self._handle), MAX_OBJECTS))]
        stack.reverse()
        seen = 0
        while stack and seen < MAX_OBJECTS:
            item, depth = stack.pop()
            seen += 1
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < MAX_FORM_DEPTH:
                inner = range(min(pdfium.FPDFFormObj_CountObjects(item), MAX_OBJECTS))
                stack.extend((pdfium.FPDFFormObj_GetObject(item, index), depth + 1) for index in reversed(inner))
            else:
                yield item, kind

    def form(self) -> tuple[tuple[FormField, bool], ...]:
        """The form fields shown on the page, and whether each holds written text."""
        return self._forms.fields(self._handle, self.fractions) if self._forms is not None else ()

    def pictures(self) -> tuple[tuple[Picture, ...], int, int]:
        """The images of the page, and how many path and text objects it has."""
        found, paths, texts = [], 0, 0
        meta = pdfium.FPDF_IMAGEOBJ_METADATA()
        edges = [ctypes.c_float() for _ in range(4)]
        for item, kind in self._objects():
            paths += kind in (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING)
            texts += kind == pdfium.FPDF_PAGEOBJ_TEXT
            if kind != pdfium.FPDF_PAGEOBJ_IMAGE or not pdfium.FPDFImageObj_GetImageMetadata(item, self._handle, meta):
                continue
            pdfium.FPDFPageObj_GetBounds(item, *edges)
            grey = meta.bits_per_pixel <= 1 or meta.colorspace in GREYS
            found.append(Picture(self.fractions(*(edge.value for edge in edges)), max(meta.horizontal_dpi, meta.vertical_dpi),
                                 grey, meta.width * meta.height))
        return tuple(found), paths, texts

    def chars(self, limit: int = 200_000) -> tuple[Char, ...]:
        """The characters of the text layer in content order; spaces and line ends that PDFium infers are among them."""
        text = pdfium.FPDFText_LoadPage(self._handle)
        if not text:
            return ()
        edges = [ctypes.c_double() for _ in range(4)]
        left, right, bottom, top = edges
        found, modes = [], cast("dict[int, int]", {})
        for index in range(min(int(pdfium.FPDFText_CountChars(text)), limit)):
            code = int(pdfium.FPDFText_GetUnicode(text, index))
            if code <= 32 and code != 2:
                found.append(Char(code, (0.0, 0.0, 0.0, 0.0), False, False))
                continue
            pdfium.FPDFText_GetCharBox(text, index, *edges)
            item = pdfium.FPDFText_GetTextObject(text, index)
            key = ctypes.cast(item, ctypes.c_void_p).value or 0
            if key not in modes:
                modes[key] = int(pdfium.FPDFTextObj_GetTextRenderMode(item)) if key else 0
            found.append(Char(code, self.fractions(left.value, bottom.value, right.value, top.value), modes[key] == INVISIBLE,
                              pdfium.FPDFText_HasUnicodeMapError(text, index) == 1))
        pdfium.FPDFText_ClosePage(text)
        return tuple(found)

    def jpeg(self) -> tuple[bytes, int] | None:
        """The page's one picture as the JPEG it lies in the file as, and the turn that shows it; None for any other page.

        A page of a scanner is often nothing else; decoding it directly to grey costs a third of drawing the page.
        """
        if pdfium.FPDFPage_CountObjects(self._handle) != 1 or pdfium.FPDFPage_GetAnnotCount(self._handle):
            return None
        item = pdfium.FPDFPage_GetObject(self._handle, 0)
        if pdfium.FPDFPageObj_GetType(item) != pdfium.FPDF_PAGEOBJ_IMAGE or pdfium.FPDFPageObj_HasTransparency(item):
            return None
        meta, matrix = pdfium.FPDF_IMAGEOBJ_METADATA(), pdfium.FS_MATRIX()
        edges = [ctypes.c_float() for _ in range(4)]
        if not (pdfium.FPDFImageObj_GetImageMetadata(item, self._handle, meta) and pdfium.FPDFPageObj_GetMatrix(item, matrix)
                and pdfium.FPDFPageObj_GetBounds(item, *edges)):
            return None
        x0, y0, x1, y1 = self.fractions(*(edge.value for edge in edges))
        plain = matrix.a > 0 and matrix.d > 0 and abs(matrix.b) + abs(matrix.c) < 0.001 and meta.colorspace in PLAIN_COLOURS
        if not plain or max(x0, y0, 1 - x1, 1 - y1) > 0.004 or pdfium.FPDFImageObj_GetImageFilterCount(item) != 1:
            return None
        name = ctypes.create_string_buffer(32)
        pdfium.FPDFImageObj_GetImageFilter(item, 0, name, 32)
        size = pdfium.FPDFImageObj_GetImageDataRaw(item, None, 0)
        if name.value != b"DCTDecode" or size < 100:
            return None
        data = ctypes.create_string_buffer(size)
        pdfium.FPDFImageObj_GetImageDataRaw(item, data, size)
        return data.raw, int(pdfium.FPDFPage_GetRotation(self._handle)) * 90 % 360

    def render(self, dpi: float, *, colour: bool) -> Image:
        """The page as shown as a PIL image, "RGB" or "L", with annotations, on white; `dpi` in its info."""
        from PIL import Image as pil  # noqa: PLC0415

        width, height = max(round(self.width_pt * dpi / 72), 1), max(round(self.height_pt * dpi / 72), 1)
        channels, kind = (4, pdfium.FPDFBitmap_BGRx) if colour else (1, pdfium.FPDFBitmap_Gray)
        stride = (width * channels + 3) // 4 * 4
        pixels = bytearray(stride * height)
        view = (ctypes.c_ubyte * len(pixels)).from_buffer(pixels)
        bitmap = pdfium.FPDFBitmap_CreateEx(width, height, kind, view, stride)
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
        pdfium.FPDF_RenderPageBitmap(bitmap, self._handle, 0, 0, width, height, 0, pdfium.FPDF_ANNOT)
        pdfium.FPDFBitmap_Destroy(bitmap)
        if colour:
            image = pil.frombuffer("RGB", (width, height), pixels, "raw", "BGRX", stride, 1)
        else:
            image = pil.frombuffer("L", (width, height), pixels, "raw", "L", stride, 1)
        image.info["dpi"] = (dpi, dpi)
        return image
