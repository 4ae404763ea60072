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

from intake.box.inside import convert, layer, packed, structure
from intake.box.inside.words import turned
from intake.errors import InputError, Reason
from intake.vocabulary import Box, Word

DAMAGED = "Diese PDF-Datei ist beschädigt, aus ihr lässt sich keine Ablagefassung machen."
OUTPUT = "rendition.pdf"
PDF, XML = "application/pdf", "application/xml"
CREATOR = "Poststelle"
LAYER_FONT = "PslBlank"
RASTER_DPI = 200.0
PIECE = 1 << 20  # bytes of a file that are looked at together
NONE = "Kein PDF/A möglich: {}."
SIGNED = "Die Datei ist elektronisch unterschrieben und bleibt unverändert, damit sich die Unterschrift prüfen lässt"


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
    packed: str  # its words: unpacked for one page at a time
    scanned: bool


def run(order: Mapping[str, Any], inputs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Write rendition.pdf into `out`; returns {"pdf", "pdfa": "2b"|"3b"|"none", "reason"} (a German sentence for none).

    "wants_processes" is there and true when Ghostscript might have helped but this job may start no program.
    """
    order, inputs = _pictured(order, inputs)
    leaves = [leaf_of(said) for said in order["pages"]]
    target, before, after = out / OUTPUT, out / "before.pdf", out / "after.pdf"
    forbidden = False
    if _is_signed(order, leaves, inputs):
        shutil.copyfile(inputs[leaves[0].source], target)
        return {"pdf": OUTPUT, "pdfa": "none", "reason": NONE.format(SIGNED)}
    with ExitStack() as stack:
        stack.callback(before.unlink, missing_ok=True)
        stack.callback(after.unlink, missing_ok=True)
        level, reason = _save(built(order, leaves, inputs, stack), target, before)
        if reason and _is_all_of_one(order, leaves, inputs) and any(leaf.scanned or leaf.turn for leaf in leaves):
            level, reason = _save(built(order, leaves, inputs, stack, copied=True), target, before)  # without what is unused
        if reason and not any(leaf.scanned for leaf in leaves):
            try:
                more = _save_converted(built(order, leaves, inputs, stack), target, before, after, level)
                reason = f"{reason}; {more}" if more else ""
            except convert.ProcessesForbiddenError:
                forbidden = True
    if not reason:
        return {"pdf": OUTPUT, "pdfa": level, "reason": ""}
    if not order.get("attachments") and _is_whole(order, leaves, inputs):
        shutil.copyfile(inputs[leaves[0].source], target)
    else:
        with ExitStack() as stack:
            built(order, leaves, inputs, stack).save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return {"pdf": OUTPUT, "pdfa": "none", "reason": NONE.format(reason)} | ({"wants_processes": True} if forbidden else {})


def _pictured(order: Mapping[str, Any], inputs: Sequence[Path]) -> tuple[Mapping[str, Any], Sequence[Path]]:
    """The same order with the pages of our template in place of e-invoices, which are data without a picture."""
    kinds, paths = list(order["sources"]), list(inputs)
    if XML not in kinds:
        return order, inputs
    from intake.box.inside import einvoicepage  # noqa: PLC0415

    for index in (index for index, kind in enumerate(kinds) if kind == XML):
        kinds[index], paths[index] = PDF, einvoicepage.pdf_of(paths[index])
    return {**order, "sources": kinds}, paths


def _save(pdf: Pdf, target: Path, before: Path) -> tuple[str, str]:
    """Save as PDF/A; returns the level, and "" or the German reason why not. Nothing is left at `target` then."""
    level, layered = "3b" if pdf.attachments else "2b", structure.has_layers(pdf)
    font = structure.missing_font(pdf)
    if font:
        return level, f"Die Schrift {font} ist nicht eingebettet"
    if layered:
        pdf.save(before)
    structure.tidy(pdf)
    reason = _validated(pdf, target, level)
    return level, reason or (_unlike(before, target) if layered else "")


def _save_converted(pdf: Pdf, target: Path, before: Path, after: Path, level: str) -> str:
    """Save as PDF/A by way of Ghostscript; returns "" or the German reason why not. Nothing is left at `target` then."""
    with Pdf.new() as embedded:
        structure.keep_embedded(pdf, embedded)
        structure.drop_embedded(pdf)
        pdf.save(before)
        reason = convert.converted(before, after, len(pdf.pages))
        if reason:
            return reason
        try:
            with Pdf.open(after) as made:
                if Name.Metadata in pdf.Root:
                    made.Root.Metadata = made.copy_foreign(pdf.Root.Metadata)
                made.Root.Lang = pdf.Root.Lang
                structure.drop_embedded(made)
                structure.keep_embedded(embedded, made)
                structure.tidy(made)
                return _validated(made, target, level) or _unlike(before, target)
        except pikepdf.PdfError:
            return "Ghostscript hat keine brauchbare Datei geschrieben"


def _validated(pdf: Pdf, target: Path, level: str) -> str:
    from pikepdf import pdfa  # noqa: PLC0415 (0.2 CPU seconds that a hopeless file does not pay)

    try:
        pdfa.save(pdf, target, level)
    except pdfa.PdfaError as error:
        first = (error.report.violations or tuple(error.report.findings))[0]
        return f"{first.message} ({first.rule}, {first.where})"
    return ""


def _unlike(before: Path, target: Path) -> str:
    """The German reason why `target` may not stand for `before`, and then it is gone; "" when both show the same."""
    found = convert.difference(before, target)
    if found:
        target.unlink()
    return found


def leaf_of(said: Mapping[str, Any]) -> Leaf:
    """A page of the order; its words come packed (`packed.told`) or one by one in the page itself."""
    page = said["page"]
    words = said["words"] if "words" in said else packed.pack([
        Word(word["text"], tuple(word["box"]), word["confidence"], line=word["line"], block=word["block"])
        for word in page.get("words", ())])
    return Leaf(said["source"], said["number"], said.get("rotation", 0), page.get("rotation", 0), page.get("skew", 0.0),
                page["width_mm"], page["height_mm"], words, page.get("source", "ocr") == "ocr")


def _is_whole(order: Mapping[str, Any], leaves: Sequence[Leaf], inputs: Sequence[Path]) -> bool:
    """True when the rendition is one PDF from its first to its last page, no page turned or recognised."""
    return not any(leaf.turn or leaf.scanned for leaf in leaves) and _is_all_of_one(order, leaves, inputs)


def _is_all_of_one(order: Mapping[str, Any], leaves: Sequence[Leaf], inputs: Sequence[Path]) -> bool:
    """True when the rendition is one PDF from its first to its last page."""
    first = leaves[0].source
    if order["sources"][first] != PDF or any(leaf.source != first for leaf in leaves):
        return False
    try:
        with _opened(inputs[first]) as pdf:
            return [leaf.number for leaf in leaves] == list(range(1, len(pdf.pages) + 1))
    except InputError:
        return False  # built from pictures then


def _is_signed(order: Mapping[str, Any], leaves: Sequence[Leaf], inputs: Sequence[Path]) -> bool:
    """True for all pages of one signed PDF, in order, that a clerk did not turn: any change would break the signature."""
    first = leaves[0].source
    if order["sources"][first] != PDF or order.get("attachments") or any(leaf.source != first or leaf.turn for leaf in leaves):
        return False
    if not _holds(inputs[first], b"/ByteRange"):  # it always lies outside of compressed objects
        return False
    try:
        with _opened(inputs[first]) as pdf:
            return structure.is_signed(pdf) and [leaf.number for leaf in leaves] == list(range(1, len(pdf.pages) + 1))
    except InputError:
        return False


def _holds(path: Path, name: bytes) -> bool:
    """Whether a name stands in a file, which is looked through piece by piece: it may be larger than memory."""
    before = b""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            if name in before + piece:
                return True
            before = piece[-len(name):]
    return False


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


def built(order: Mapping[str, Any], leaves: Sequence[Leaf], inputs: Sequence[Path], stack: ExitStack, *,
          copied: bool = False) -> Pdf:
    """The rendition in memory: pages, text layers, attachments, metadata. Sources stay open as long as `stack`.

    All pages of one PDF stay in it unless they are to be `copied`: copies of their pictures would fill memory.
    """
    if _is_all_of_one(order, leaves, inputs) and not copied:
        pdf = stack.enter_context(_opened(inputs[leaves[0].source]))
        if any(leaf.turn or leaf.scanned for leaf in leaves):
            structure.only_pages(pdf)
    else:
        pdf = stack.enter_context(Pdf.new())
        _append_pages(pdf, order["sources"], leaves, inputs, stack)
    if not _is_whole(order, leaves, inputs):
        _dress(pdf, leaves, [inputs[leaf.source] if order["sources"][leaf.source] == PDF else None for leaf in leaves])
    for said in order.get("attachments", ()):
        data = inputs[said["input"]].read_bytes()
        pdf.attachments[said["name"]] = pikepdf.AttachedFileSpec(  # type: ignore[call-arg]
            pdf, data, filename=said["name"], mime_type=said["media_type"])
    pdf.Root.Lang = pikepdf.String(order.get("language") or "de-DE")
    with pdf.open_metadata(set_pikepdf_as_editor=False) as meta:
        if order.get("title"):
            meta["dc:title"] = order["title"]
        meta["pdf:Producer"] = CREATOR
    return pdf


def _append_pages(pdf: Pdf, kinds: Sequence[str], leaves: Sequence[Leaf], inputs: Sequence[Path], stack: ExitStack) -> None:
    sources: dict[int, Pdf] = {}
    for leaf in leaves:
        kind, path = kinds[leaf.source], inputs[leaf.source]
        if kind == PDF:
            if leaf.source not in sources:
                sources[leaf.source] = stack.enter_context(_usable(path, stack))
            pdf.pages.append(sources[leaf.source].pages[leaf.number - 1])
            if leaf.number == 1:
                structure.keep_embedded(sources[leaf.source], pdf)
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
    layered = [source for source in sources.values() if structure.has_layers(source)]
    if len(layered) == 1:
        pdf.Root.OCProperties = pdf.copy_foreign(layered[0].make_indirect(layered[0].Root.OCProperties))


def _dress(pdf: Pdf, leaves: Sequence[Leaf], paths: Sequence[Path | None]) -> None:
    """Turn the pages and give those that were recognised their text layer; `paths` are the PDF files they come from."""
    font = None
    for page, leaf, path in zip(pdf.pages, leaves, paths, strict=True):
        own = int(page.obj.get(Name.Rotate, 0)) % 360
        texts = structure.may_have_text(page)
        words = packed.unpack(leaf.packed) if leaf.scanned or not texts else ()
        if leaf.scanned and texts:
            strip_invisible(pdf, page)
            words = unseen(words, path, leaf) if path and words else words
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


def unseen(words: Sequence[Word], path: Path, leaf: Leaf) -> tuple[Word, ...]:
    """The recognised words that the page does not already hold as text a person sees, where that text makes sense."""
    from intake.box.inside.pdf import Pdf as Shown  # noqa: PLC0415
    from intake.box.inside.textlayer import sane, visible_words  # noqa: PLC0415

    try:
        shown = Shown(path)
    except InputError:
        return tuple(words)  # rebuilt from pictures
    page = shown.page(leaf.number)
    seen, unmapped = visible_words(page)
    page.close()
    shown.close()
    if not sane(seen, unmapped):
        return tuple(words)
    boxes = sorted(turned(word.box, leaf.rotation) for word in seen)
    return tuple(word for word in words if not _covered(word.box, boxes))


def _covered(box: Box, others: Sequence[Box]) -> bool:
    """True when half of the box lies under the others (which do not overlap each other)."""
    x0, y0, x1, y1 = box
    common = sum(max(min(x1, other[2]) - max(x0, other[0]), 0.0) * max(min(y1, other[3]) - max(y0, other[1]), 0.0)
                 for other in others)
    return common > 0.5 * (x1 - x0) * (y1 - y0)


def strip_invisible(pdf: Pdf, page: pikepdf.Page) -> None:
    """Take the invisible text of an older recognition out of a page and what it draws, so that ours is the only one."""
    if Name.Font in page.resources:
        page.obj.Contents = pdf.make_stream(_visible(page))
    for form in structure.forms_of(page.resources):
        if Name.Font in form.get(Name.Resources, {}):
            form.write(_visible(form))


def _visible(holder: pikepdf.Page | pikepdf.Object) -> bytes:
    """The content stream without what it writes invisibly."""
    kept: list[Any] = []
    invisible, stack = False, []
    for instruction in pikepdf.parse_content_stream(holder):
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
    return pikepdf.unparse_content_stream(kept)
