"""Is this PDF whole, and what gives pages that PDFium can show? The ladder PDFium -> pikepdf re-save -> refusal.

PDFium comes first: it is what reads and shows the pages, and it starts in half the time. A file it opens but whose pages
hold nothing is looked at by qpdf too: damaged and blank together mean that the content is lost (safety.md 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pypdfium2_raw as pdfium

from intake.errors import InputError, Reason

LOOKED_AT = 50  # pages looked at for content before a file counts as blank
MAX_POINTS = 20_000 / 25.4 * 72  # 20 m, the longest page the vocabulary knows
_XFA_DYNAMIC = 2  # FORMTYPE_XFA_FULL of fpdf_formfill.h: the pages are made by a program inside the file
_MENDED = "Die PDF-Datei war beschädigt und wurde zum Lesen repariert; das Original liegt unverändert daneben."


@dataclass(frozen=True, slots=True)
class Look:
    """What PDFium sees: number of pages, whether the first of them hold nothing at all, whether a page is beyond all size."""

    pages: int
    empty: bool
    oversized: bool
    dynamic: bool


def look(path: Path) -> Look:
    """Open with PDFium; raises InputError encrypted, damaged or no_pages."""
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
        return Look(pages, not oversized and _empty(document, min(pages, LOOKED_AT)), oversized,
                    pdfium.FPDF_GetFormType(document) == _XFA_DYNAMIC)
    finally:
        pdfium.FPDF_CloseDocument(document)


def _empty(document: object, pages: int) -> bool:
    """True when none of the first pages has an object or an annotation; mostly one page is loaded to know."""
    for index in range(pages):
        page = pdfium.FPDF_LoadPage(document, index)
        if not page:
            continue
        found = pdfium.FPDFPage_CountObjects(page) > 0 or pdfium.FPDFPage_GetAnnotCount(page) > 0
        pdfium.FPDF_ClosePage(page)
        if found:
            return False
    return True


def mended(path: Path, target: Path) -> bool:
    """Write what qpdf can recover of `path` to `target`; returns whether the file was damaged at all.

    Raises InputError encrypted, damaged (nothing to recover) or no_pages.
    """
    import pikepdf  # noqa: PLC0415  (a tenth of a second, needed for few files)

    try:
        with pikepdf.open(path) as document:
            if len(document.pages) < 1:
                raise InputError("", reason=Reason.NO_PAGES)
            document.save(target)
            return bool(document.get_warnings())
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
        seen = look(path)
    except InputError as error:
        if error.reason is Reason.ENCRYPTED:
            raise
        mended(path, target)
        seen, replaced = look(target), True
    if seen.dynamic:
        raise InputError("", reason=Reason.UNKNOWN_TYPE,
                         detail="Das Formular (XFA) zeigt seine Seiten nur in Adobe Reader. "
                                "Bitten Sie um einen Ausdruck als PDF.")
    if seen.pages > max_pages:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"{seen.pages} Seiten, erlaubt sind {max_pages}.")
    if seen.oversized:
        raise InputError("", reason=Reason.TOO_LARGE, detail="Eine Seite ist länger als 20 Meter.")
    if not seen.empty:
        return seen.pages, replaced, _MENDED if replaced else ""
    return _blank(path, target, seen, replaced)


def _blank(path: Path, target: Path, seen: Look, replaced: bool) -> tuple[int, bool, str]:
    """A file whose pages hold nothing: truly blank paper, saved by mending, or lost (then InputError)."""
    if not replaced:
        try:
            damaged = mended(path, target)
        except InputError as error:
            target.unlink(missing_ok=True)
            raise InputError("", reason=Reason.BLANK_AND_DAMAGED) from error
        if not damaged:
            target.unlink()
            return seen.pages, False, ""
        seen = look(target)
    if seen.empty:
        target.unlink()
        raise InputError("", reason=Reason.BLANK_AND_DAMAGED)
    return seen.pages, True, _MENDED
