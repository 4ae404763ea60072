"""The job `rendition`: pages of one or more files as one searchable PDF/A, the page images untouched.

Scans get a text layer from our own words; what was born digital keeps its text. Every PDF/A claim is validated on the
bytes written (`pikepdf.pdfa.save`); where it cannot be made, the PDF goes out without the claim and says why.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Name, Pdf

from intake.box.inside import layer
from intake.errors import InputError, Reason
from intake.vocabulary import Word

DAMAGED = "Diese PDF-Datei ist beschädigt, aus ihr lässt sich keine Ablagefassung machen."
OUTPUT = "rendition.pdf"
CREATOR = "Poststelle"
LAYER_FONT = "PslBlank"
RASTER_DPI = 200.0
FOR_SCREENS = (Name.OpenAction, Name.AA)  # where and how a viewer opens the file: nothing of the paper, not for PDF/A


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of the rendition: page `number` of source `source`, turned by the reader and by a clerk; its words."""

    source: int
    number: int
    turn: int  # a clerk's, clockwise, on top of the reader's
    rotation: int  # the reader's
    skew: float
    width_mm: float  # of the page as the reader made it upright
    height_mm: float
    words: tuple[Word, ...]
    scanned: bool


def run(order: Mapping[str, Any], inputs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Write rendition.pdf into `out`; returns {"pdf", "pdfa": "2b"|"3b"|"none", "reason"} (a German sentence for none)."""
    leaves = [leaf_of(said) for said in order["pages"]]
    attached = order.get("attachments", [])
    target = out / OUTPUT
    level = "3b" if attached else "2b"
    reason = _save(order, leaves, inputs, target, level)
    if not reason:
        return {"pdf": OUTPUT, "pdfa": level, "reason": ""}
    if not attached and _is_whole(order, leaves, inputs):
        shutil.copyfile(inputs[leaves[0].source], target)
    else:
        with ExitStack() as stack:
            built(order, leaves, inputs, stack).save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return {"pdf": OUTPUT, "pdfa": "none", "reason": reason}


def _save(order: Mapping[str, Any], leaves: Sequence[Leaf], inputs: Sequence[Path], target: Path, level: str) -> str:
    """Save as PDF/A; returns "" or the German reason why not. Nothing is left at `target` then."""
    with ExitStack() as stack:
        pdf = built(order, leaves, inputs, stack)
        obstacle = plain_obstacle(pdf)
        if obstacle:
            return f"Kein PDF/A möglich: {obstacle}"
        from pikepdf import pdfa  # noqa: PLC0415 (0.2 CPU seconds that a hopeless file does not pay)

        try:
            pdfa.save(pdf, target, level)
        except pdfa.PdfaError as error:
            first = (error.report.violations or tuple(error.report.findings))[0]
            return f"Kein PDF/A möglich: {first.message} ({first.rule}, {first.where})"
    return ""


def plain_obstacle(pdf: Pdf) -> str:
    """What the validator would refuse for certain, seen without it: layers, or a font that is not embedded; "" otherwise."""
    if Name.OCProperties in pdf.Root:
        return "Die Datei hat ein- und ausblendbare Ebenen."
    for item in pdf.objects:
        if not isinstance(item, pikepdf.Dictionary) or item.get(Name.Type) != Name.Font:
            continue
        if item.get(Name.Subtype) in (Name.Type0, Name.Type3):
            continue
        descriptor = item.get(Name.FontDescriptor)
        if descriptor is None or not any(key in descriptor for key in (Name.FontFile, Name.FontFile2, Name.FontFile3)):
            return f"Die Schrift {str(item.get(Name.BaseFont, '/?')).lstrip('/')} ist nicht eingebettet."
    return ""


def leaf_of(said: Mapping[str, Any]) -> Leaf:
    """A page of the order, its words as vocabulary."""
    page = said["page"]
    words = tuple(Word(word["text"], tuple(word["box"]), word["confidence"], word.get("raw", ""), word["line"], word["block"])
                  for word in page.get("words", ()))
    return Leaf(said["source"], said["number"], said.get("rotation", 0), page.get("rotation", 0), page.get("skew", 0.0),
                page["width_mm"], page["height_mm"], words, page.get("source", "ocr") == "ocr")


def _is_whole(order: Mapping[str, Any], leaves: Sequence[Leaf], inputs: Sequence[Path]) -> bool:
    """True when the rendition is one PDF from its first to its last page, no page turned or recognised."""
    first = leaves[0].source
    if order["sources"][first] != "application/pdf" or any(leaf.source != first or leaf.turn or leaf.scanned for leaf in leaves):
        return False
    try:
        with _opened(inputs[first]) as pdf:
            return [leaf.number for leaf in leaves] == list(range(1, len(pdf.pages) + 1))
    except InputError:
        return False  # built from pictures then


def _opened(path: Path) -> Pdf:
    try:
        return Pdf.open(path)
    except pikepdf.PasswordError as error:
        raise InputError(DAMAGED, reason=Reason.ENCRYPTED) from error
    except pikepdf.PdfError as error:
        raise InputError(DAMAGED, reason=Reason.DAMAGED, detail="pikepdf") from error


def _usable(path: Path, stack: ExitStack) -> Pdf:
    """The PDF, or where only PDFium can open it, its pages as pictures: the last rung before it is given up."""
    try:
        return _opened(path)
    except InputError as error:
        if error.reason is not Reason.DAMAGED:
            raise
    from intake.box.inside import imagepdf  # noqa: PLC0415
    from intake.box.inside.pdf import Pdf as Shown  # noqa: PLC0415

    shown, rebuilt = Shown(path), stack.enter_context(Pdf.new())
    for number in range(1, shown.page_count + 1):
        page = shown.page(number)
        image = imagepdf.encoded(rebuilt, page.render(RASTER_DPI, colour=True))
        imagepdf.add_image_page(rebuilt, image, page.width_mm, page.height_mm, 0)
        page.close()
    shown.close()
    return rebuilt


def built(order: Mapping[str, Any], leaves: Sequence[Leaf], inputs: Sequence[Path], stack: ExitStack) -> Pdf:
    """The rendition in memory: pages, text layers, attachments, metadata. Sources stay open as long as `stack`."""
    if _is_whole(order, leaves, inputs):
        pdf = stack.enter_context(_opened(inputs[leaves[0].source]))
    else:
        pdf = stack.enter_context(Pdf.new())
        _append_pages(pdf, order["sources"], leaves, inputs, stack)
        _dress(pdf, leaves)
    for said in order.get("attachments", ()):
        data = inputs[said["input"]].read_bytes()
        pdf.attachments[said["name"]] = pikepdf.AttachedFileSpec(  # type: ignore[call-arg]
            pdf, data, filename=said["name"], mime_type=said["media_type"])
    _drop_font_remarks(pdf)
    for name in FOR_SCREENS:
        if name in pdf.Root:
            del pdf.Root[name]
    pdf.Root.Lang = pikepdf.String(order.get("language") or "de-DE")
    with pdf.open_metadata(set_pikepdf_as_editor=False) as meta:
        if order.get("title"):
            meta["dc:title"] = order["title"]
        meta["pdf:Producer"] = CREATOR
    return pdf


def _drop_font_remarks(pdf: Pdf) -> None:
    """Take XMP remarks off embedded font programs (Word writes them): PDF/A allows them, its validator does not know them."""
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and item.get(Name.Type) == Name.FontDescriptor:
            for key in (Name.FontFile, Name.FontFile2, Name.FontFile3):
                if key in item and Name.Metadata in item[key]:
                    del item[key][Name.Metadata]


def _append_pages(pdf: Pdf, kinds: Sequence[str], leaves: Sequence[Leaf], inputs: Sequence[Path], stack: ExitStack) -> None:
    sources: dict[int, Pdf] = {}
    for leaf in leaves:
        kind, path = kinds[leaf.source], inputs[leaf.source]
        if kind == "application/pdf":
            if leaf.source not in sources:
                sources[leaf.source] = stack.enter_context(_usable(path, stack))
            pdf.pages.append(sources[leaf.source].pages[leaf.number - 1])
            continue
        from intake.box.inside import imagepdf  # noqa: PLC0415

        width, height = (leaf.width_mm, leaf.height_mm) if leaf.rotation in (0, 180) else (leaf.height_mm, leaf.width_mm)
        if kind.startswith("image/"):
            image, turn = imagepdf.image_of(pdf, path, kind, leaf.number)
        else:
            from intake.box.inside import plaintext  # noqa: PLC0415

            drawn = plaintext.picture(plaintext.laid_out(path.read_bytes())[leaf.number - 1])
            image, turn = imagepdf.encoded(pdf, drawn.point(lambda value: 255 if value > 127 else 0).convert("1")), 0
        imagepdf.add_image_page(pdf, image, width, height, turn)


def _dress(pdf: Pdf, leaves: Sequence[Leaf]) -> None:
    """Turn the pages and give those that were recognised their text layer."""
    font = None
    for page, leaf in zip(pdf.pages, leaves, strict=True):
        own = int(page.obj.get(Name.Rotate, 0)) % 360
        words = leaf.words if leaf.scanned or Name.Font not in page.resources else ()
        if leaf.scanned:
            strip_invisible(pdf, page)
        if words:
            font = font or layer.add_font(pdf)
            left, bottom, right, top = (float(side) for side in page.cropbox)
            shown = (own + leaf.rotation) % 360
            width, height = abs(right - left), abs(top - bottom)
            if shown in (90, 270):
                width, height = height, width
            frame = layer.Frame(width, height, shown, min(left, right), min(bottom, top))
            name = page.add_resource(font, Name.Font, Name("/" + LAYER_FONT), replace_existing=False)
            page.contents_add(layer.content(words, frame, leaf.skew, str(name).lstrip("/")), prepend=True)
        turn = (own + leaf.rotation + leaf.turn) % 360
        if turn or own:
            page.obj.Rotate = turn


def strip_invisible(pdf: Pdf, page: pikepdf.Page) -> None:
    """Take the invisible text of an older recognition out of a page, so that ours is the only one."""
    if Name.Font not in page.resources:
        return
    kept: list[Any] = []
    invisible, stack = False, []
    for instruction in pikepdf.parse_content_stream(page):
        name = str(instruction.operator)
        if name == "Tr":
            invisible = int(instruction.operands[0]) == 3
        elif name == "q":
            stack.append(invisible)
        elif name == "Q" and stack:
            invisible = stack.pop()
        if invisible and name in ("Tj", "TJ", "'", '"'):
            continue
        kept.append(instruction)
    page.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))
