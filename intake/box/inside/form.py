"""Form fields of a PDF page (AcroForm): name, what is filled in, place; and the words that a reader sees in them.

PDFium keeps what is filled in apart from the text of the page, so that without this a filled-in application form would be an
empty one. Nothing of a form's own programs is run.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2_raw as pdfium

from intake.box.inside.words import clipped
from intake.vocabulary import Box, FormField, Word

Fractions = Callable[[float, float, float, float], Box]
"""Left, bottom, right, top in page space as fractions of the page as shown."""
MOST_FIELDS, LONGEST = 2000, 1_000_000  # on a page; characters of a value
UNSEEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW | pdfium.FPDF_ANNOT_FLAG_INVISIBLE
WRITTEN = (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
TICKED = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
PASSWORD = 1 << 13
POINTS, EM = 10.0, 0.5  # usual size of what is filled in, and mean width of a letter
CONFIDENCE = 0.99


class Forms:
    """The form of an open document; `handle` is the document's."""

    def __init__(self, document: Any) -> None:
        self._told = pdfium.FPDF_FORMFILLINFO(version=1)
        self._handle = pdfium.FPDFDOC_InitFormFillEnvironment(document, self._told)

    @staticmethod
    def are_in(document: Any) -> bool:
        """True when the document has form fields that PDFium knows."""
        return int(pdfium.FPDF_GetFormType(document)) in (pdfium.FORMTYPE_ACRO_FORM, pdfium.FORMTYPE_XFA_FOREGROUND)

    def close(self) -> None:
        pdfium.FPDFDOC_ExitFormFillEnvironment(self._handle)

    def fields(self, handle: Any, fractions: Fractions) -> tuple[tuple[FormField, bool], ...]:
        """The fields that a reader sees on the page `handle`, in the order of the file, and whether each holds written text."""
        found = []
        for index in range(min(int(pdfium.FPDFPage_GetAnnotCount(handle)), MOST_FIELDS)):
            mark = pdfium.FPDFPage_GetAnnot(handle, index)
            if pdfium.FPDFAnnot_GetSubtype(mark) == pdfium.FPDF_ANNOT_WIDGET:
                one = self._field(mark, fractions)
                found += [one] if one else []
            pdfium.FPDFPage_CloseAnnot(mark)
        return tuple(found)

    def _field(self, mark: Any, fractions: Fractions) -> tuple[FormField, bool] | None:
        kind = int(pdfium.FPDFAnnot_GetFormFieldType(self._handle, mark))
        rect = pdfium.FS_RECTF()
        if pdfium.FPDFAnnot_GetFlags(mark) & UNSEEN or not pdfium.FPDFAnnot_GetRect(mark, rect):
            return None
        secret = kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and pdfium.FPDFAnnot_GetFormFieldFlags(self._handle, mark) & PASSWORD
        if kind not in (*WRITTEN, *TICKED) or secret:
            return None
        if kind in TICKED:
            state = _string(lambda *room: pdfium.FPDFAnnot_GetStringValue(mark, b"AS", *room))  # how it is drawn
            value = "" if state == "Off" else state
        else:
            value = self._text(pdfium.FPDFAnnot_GetFormFieldValue, mark)
        edges = fractions(rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top))
        return FormField(self._text(pdfium.FPDFAnnot_GetFormFieldName, mark), value, clipped(*edges)), kind in WRITTEN

    def _text(self, ask: Callable[..., int], mark: Any) -> str:
        return _string(lambda *room: ask(self._handle, mark, *room))


def _string(ask: Callable[..., int]) -> str:
    """What PDFium writes into the room it is given: UTF-16, asked for its size first."""
    size = min(int(ask(None, 0)), 2 * LONGEST)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    text = buffer.raw.decode("utf-16-le", "replace").split("\x00", 1)[0]
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def words_of(fields: Sequence[FormField], height_pt: float, width_pt: float, words: Sequence[Word]) -> tuple[Word, ...]:
    """What is filled in as words, a block a field from above to below, counted on from `words`; boxes are estimated."""
    block, line = (max((getattr(word, name) for word in words), default=-1) + 1 for name in ("block", "line"))
    found: list[Word] = []
    for one in sorted(fields, key=lambda field: (round(field.box[1], 2), field.box[0])):
        if not one.value:
            continue
        lines = one.value.split("\n")
        tall = min((one.box[3] - one.box[1]) / len(lines), 1.4 * POINTS / height_pt)
        top = one.box[1] if len(lines) > 1 else (one.box[1] + one.box[3] - tall) / 2
        for number, text in enumerate(lines):
            found += _line(text, one.box, top + number * tall, tall, EM * POINTS / width_pt, line + number, block)
        block, line = block + 1, line + len(lines)
    return tuple(found)


def _line(text: str, box: Box, top: float, tall: float, wide: float, line: int, block: int) -> list[Word]:
    wide = min(wide, (box[2] - box[0]) / max(len(text), 1))
    found, at = [], 0
    for piece in text.split():
        at = text.index(piece, at)
        x0, x1 = box[0] + at * wide, box[0] + (at + len(piece)) * wide
        found.append(Word(piece, clipped(x0, top, x1, top + tall), CONFIDENCE, line=line, block=block))
        at += len(piece)
    return found
