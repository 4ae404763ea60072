"""Is this PDF whole, and what gives pages that PDFium can show? The ladder PDFium -> pikepdf re-save -> refusal.

PDFium comes first: it is what reads and shows the pages, and it starts in half the time. A file it opens but whose pages
show nothing is looked at by qpdf too: damaged and blank together mean that the content is lost (safety.md 0.5).
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2_raw as pdfium

from intake.errors import InputError, Reason

LOOKED_AT = 50  # pages looked at for content before a file counts as blank
MAX_POINTS = 20_000 / 25.4 * 72  # 20 m, the longest page the vocabulary knows
_INK_PIXELS = 240  # longer side of the small picture in which ink is looked for
_XFA_DYNAMIC = 2  # FORMTYPE_XFA_FULL of fpdf_formfill.h: the pages are made by a program inside the file
_PAINTING = frozenset({"Do", "Tj", "TJ", "'", '"', "f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh", "EI", "INLINE IMAGE"})
_MENDED = "Die PDF-Datei war beschädigt und wurde zum Lesen repariert; das Original liegt unverändert daneben."
_FORM = "Das Formular (XFA) zeigt seine Seiten nur in Adobe Reader. Bitten Sie um einen Ausdruck als PDF."


@dataclass(frozen=True, slots=True)
class Look:
    """What PDFium sees: number of pages, whether they show nothing at all, whether one is beyond all size."""

    pages: int
    blank: bool
    oversized: bool
    dynamic: bool


def look(path: Path, *, ink: bool = False) -> Look:
    """Open with PDFium; raises InputError encrypted, damaged or no_pages.

    Blank means that no page has an object; with `ink`, that no page shows anything when drawn (dearer).
    """
    pdfium.FPDF_InitLibrary()
    document = pdfium.FPDF_LoadDocument(str(path).encode(), None)
    if not document:
        locked = pdfium.FPDF_GetLastError() in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        raise InputError("", reason=Reason.ENCRYPTED if locked else Reason.DAMAGED)
    try:
        pages = int(pdfium.FPDF_GetPageCount(document))
        if pages < 1:
            raise InputError("", reason=Reason.NO_PAGES)
        size = pdfium.FS_SIZEF()
        oversized = False
        for index in range(min(pages, 10_000)):
            if pdfium.FPDF_GetPageSizeByIndexF(document, index, size):
                oversized = oversized or max(size.width, size.height) > MAX_POINTS
        blank = not oversized and not any(_shows(document, index, ink=ink) for index in range(min(pages, LOOKED_AT)))
        return Look(pages, blank, oversized, pdfium.FPDF_GetFormType(document) == _XFA_DYNAMIC)
    finally:
        pdfium.FPDF_CloseDocument(document)


def _shows(document: Any, index: int, *, ink: bool) -> bool:
    """True when the page has an object or an annotation (and, with `ink`, when they leave a mark)."""
    page = pdfium.FPDF_LoadPage(document, index)
    if not page:
        return False
    try:
        found: bool = pdfium.FPDFPage_CountObjects(page) > 0 or pdfium.FPDFPage_GetAnnotCount(page) > 0
        return found and (not ink or _has_ink(page))
    finally:
        pdfium.FPDF_ClosePage(page)


def _has_ink(page: Any) -> bool:
    """True when the page, drawn small in grey, is not all white."""
    width, height = max(pdfium.FPDF_GetPageWidthF(page), 1.0), max(pdfium.FPDF_GetPageHeightF(page), 1.0)
    scale = _INK_PIXELS / max(width, height)
    across, down = max(int(width * scale), 1), max(int(height * scale), 1)
    pixels = (ctypes.c_ubyte * (across * down))()
    bitmap = pdfium.FPDFBitmap_CreateEx(across, down, pdfium.FPDFBitmap_Gray, pixels, across)
    pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, across, down, 0xFFFFFFFF)
    pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, across, down, 0, pdfium.FPDF_ANNOT)
    pdfium.FPDFBitmap_Destroy(bitmap)
    return min(bytes(pixels)) < 250


def odd(path: Path) -> bool:
    """True when the table of contents (xref) is not where the end of the file says: cut off, altered or badly written."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1024).find(b"%PDF-")
        file.seek(max(0, size - 1200))
        told = re.findall(rb"startxref\s+(\d{1,12})\s+%%EOF", file.read())
        if not told:
            return True
        places = {int(told[-1]), int(told[-1]) + max(head, 0)}
        for place in places:
            file.seek(min(place, size))
            if re.match(rb"\s*(?:xref|\d+\s+\d+\s+obj)", file.read(40)):
                return False
    return True


def mended(path: Path, target: Path) -> bool:
    """Write what qpdf can recover of `path` to `target`; returns whether content is lost or the file was damaged.

    Raises InputError encrypted, damaged (nothing to recover), no_pages, unknown_type (a form that draws itself).
    """
    import pikepdf  # noqa: PLC0415  (a tenth of a second, needed for few files)

    try:
        with pikepdf.open(path) as document:
            if len(document.pages) < 1:
                raise InputError("", reason=Reason.NO_PAGES)
            if document.Root.get("/NeedsRendering", False):
                raise InputError("", reason=Reason.UNKNOWN_TYPE, detail=_FORM)
            painting = any(str(step.operator) in _PAINTING for page in document.pages[:LOOKED_AT]
                           for step in pikepdf.parse_content_stream(page))
            document.save(target)
            return painting or bool(document.get_warnings())
    except pikepdf.PasswordError as error:
        raise InputError("", reason=Reason.ENCRYPTED) from error
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise InputError("", reason=Reason.DAMAGED, detail=f"{type(error).__name__}") from error


def pages_of(path: Path, target: Path, max_pages: int) -> tuple[int, bool, str]:
    """Number of pages, whether `target` now holds the mended file to read instead of `path`, and a German remark.

    Raises InputError encrypted, damaged, blank_and_damaged, no_pages, too_large, unknown_type.
    """
    replaced = False
    try:
        seen = look(path, ink=odd(path))
    except InputError as error:
        if error.reason is Reason.ENCRYPTED:
            raise
        mended(path, target)
        seen, replaced = look(target, ink=True), True
    if seen.dynamic:
        raise InputError("", reason=Reason.UNKNOWN_TYPE, detail=_FORM)
    if seen.pages > max_pages:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"{seen.pages} Seiten, erlaubt sind {max_pages}.")
    if seen.oversized:
        raise InputError("", reason=Reason.TOO_LARGE, detail="Eine Seite ist länger als 20 Meter.")
    if seen.blank and not replaced:
        seen, replaced = _second_look(path, target, seen)
    elif seen.blank:
        raise InputError("", reason=Reason.BLANK_AND_DAMAGED)
    return seen.pages, replaced, _MENDED if replaced else ""


def _second_look(path: Path, target: Path, seen: Look) -> tuple[Look, bool]:
    """A file that opens but shows nothing: truly blank paper, saved by mending, or lost (then InputError)."""
    try:
        if not mended(path, target):
            target.unlink()
            return seen, False
    except InputError as error:
        if error.reason is Reason.UNKNOWN_TYPE:
            raise
        raise InputError("", reason=Reason.BLANK_AND_DAMAGED) from error
    seen = look(target, ink=True)
    if seen.blank:
        raise InputError("", reason=Reason.BLANK_AND_DAMAGED)
    return seen, True
