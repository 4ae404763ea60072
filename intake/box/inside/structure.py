"""What a born-digital PDF carries beside its pages, set right for PDF/A before anything is converted: signatures, layers, forms.

Nothing here touches the content of a page. Whether pages look the same without their layers is for the caller to prove.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

PRIVATE = (Name.OpenAction, Name.AA, Name.PieceInfo, Name.LastModified, Name.PageLabels, Name("/ADBE_FillSignInfo"))
"""Entries of the catalogue about editing and viewing, nothing of the paper: PDF/A or its validator knows them not."""
KEPT = (Name.Type, Name.Pages, Name.OCProperties, Name.AF)
"""Entries of the catalogue that pages need when nothing else of their file is wanted."""
PAGE_MODES = (Name.UseNone, Name.UseOutlines, Name.UseThumbs, Name.FullScreen)
FONT_FILES = (Name.FontFile, Name.FontFile2, Name.FontFile3)
MAX_DEPTH = 4


def is_signed(pdf: Pdf) -> bool:
    """True when a signature field has a signature in it."""
    return any(isinstance(item, Dictionary) and (
        (item.get(Name.FT) == Name.Sig and Name.V in item) or (Name.ByteRange in item and Name.Contents in item))
        for item in pdf.objects)


def only_pages(pdf: Pdf) -> None:
    """Take out everything but pages, their layers and embedded files: outlines, forms, scripts, metadata of another program."""
    embedded = pdf.Root.get(Name.Names, Dictionary()).get(Name.EmbeddedFiles)
    for name in [Name(key) for key in pdf.Root.keys() if key not in KEPT]:  # noqa: SIM118
        del pdf.Root[name]
    if embedded is not None:
        pdf.Root.Names = Dictionary(EmbeddedFiles=embedded)
    if Name.Info in pdf.trailer:
        del pdf.trailer.Info


def has_layers(pdf: Pdf) -> bool:
    """True when parts of the pages may be shown or hidden."""
    return Name.OCProperties in pdf.Root


def tidy(pdf: Pdf) -> None:
    """Take out what PDF/A does not allow or its validator does not know, layers (all are shown then) and empty forms included."""
    for name in PRIVATE:
        if name in pdf.Root:
            del pdf.Root[name]
    if pdf.Root.get(Name.PageMode, Name.UseNone) not in PAGE_MODES:
        del pdf.Root[Name.PageMode]
    form = pdf.Root.get(Name.AcroForm)
    if isinstance(form, Dictionary) and len(form.get(Name.Fields, Array())) == 0:
        del pdf.Root[Name.AcroForm]
    if Name("/DocChecksum") in pdf.trailer:
        del pdf.trailer[Name("/DocChecksum")]
    if has_layers(pdf):
        del pdf.Root[Name.OCProperties]
        for item in pdf.objects:
            if isinstance(item, Dictionary | Stream):
                _without_layers(item)
    for item in pdf.objects:
        if isinstance(item, Dictionary):
            _plain_font(item)


def _without_layers(item: pikepdf.Object) -> None:
    if Name.OC in item:
        del item[Name.OC]
    marks: Any = item.get(Name.Properties)
    for key in list(marks.keys()) if isinstance(marks, Dictionary) else ():
        if isinstance(marks[key], Dictionary) and marks[key].get(Name.Type) in (Name.OCG, Name.OCMD):
            marks[key] = Dictionary()  # the content stays marked, with nothing that could hide it


def _plain_font(item: pikepdf.Object) -> None:
    """Remarks off font programs (Word writes XMP to them); the strings of a character collection where the validator looks."""
    if item.get(Name.Type) == Name.FontDescriptor:
        for key in FONT_FILES:
            for needless in (Name.Metadata, Name.Type) if key in item else ():
                if needless in item[key]:
                    del item[key][needless]
    for font in item.get(Name.DescendantFonts, ()):
        system = font.get(Name.CIDSystemInfo)
        if isinstance(system, Dictionary):
            for key in (Name.Registry, Name.Ordering):
                if key in system:
                    system[key] = pikepdf.String(str(system[key]))


def missing_font(pdf: Pdf) -> str:
    """The name of a font that is only named in the file, not embedded; "" when there is none."""
    for item in pdf.objects:
        if not isinstance(item, Dictionary) or item.get(Name.Type) != Name.Font:
            continue
        if item.get(Name.Subtype) in (Name.Type0, Name.Type3):
            continue
        descriptor = item.get(Name.FontDescriptor)
        if descriptor is None or not any(key in descriptor for key in FONT_FILES):
            return str(item.get(Name.BaseFont, "/?")).lstrip("/")
    return ""


def forms_of(resources: pikepdf.Object, depth: int = 0) -> Iterator[Stream]:
    """The form XObjects that resources name, and those inside them."""
    drawn: Any = resources.get(Name.XObject)
    for key in drawn.keys() if isinstance(drawn, Dictionary) else ():
        item = drawn[key]
        if isinstance(item, Stream) and item.get(Name.Subtype) == Name.Form:
            yield item
            if depth < MAX_DEPTH and Name.Resources in item:
                yield from forms_of(item[Name.Resources], depth + 1)


def may_have_text(page: pikepdf.Page) -> bool:
    """True when the page, or something drawn on it, names a font."""
    return Name.Font in page.resources or any(
        Name.Font in form.get(Name.Resources, Dictionary()) for form in forms_of(page.resources))


def keep_embedded(source: Pdf, target: Pdf) -> None:
    """Embed the files of `source` in `target` too, with name, kind, description and relationship."""
    for name, found in source.attachments.items():
        file = found.get_file()
        target.attachments[name] = pikepdf.AttachedFileSpec(  # type: ignore[call-arg]
            target, file.read_bytes(), filename=found.filename or name, description=found.description or "",
            mime_type=file.mime_type or "application/octet-stream",
            relationship=found.relationship or Name.Unspecified)


def drop_embedded(pdf: Pdf) -> None:
    """Take all embedded files out."""
    for name in list(pdf.attachments):
        del pdf.attachments[name]
    for holder in (pdf.Root, *(page.obj for page in pdf.pages)):
        if Name.AF in holder:
            del holder[Name.AF]
