"""The job `read`: pages of one file become words, geometry, marks and a preview. Runs inside the box, page after page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from intake.box.inside import textlayer
from intake.box.inside.sheets import BEST_DPI, LOW_DPI, Sheet, opened
from intake.box.inside.words import mean_confidence, renumbered, text_of
from intake.vocabulary import Page, Word

if TYPE_CHECKING:
    from PIL.Image import Image

Rotation = Literal[0, 90, 180, 270]
WEAK = 0.60  # mean confidence below which the page may lie on its head
SURE = 1.0  # Tesseract's own measure of how sure it is of an orientation
OSD_DPI = 150.0
CODE_DPI = 150.0
MUCH_PICTURE = 0.2  # share of the page covered by images from which the text layer may be only a part of the page
MUCH_INK = 0.3  # share of the ink outside the words of the layer from which it certainly is
BLANK_INK = 0.00002


@dataclass(frozen=True, slots=True)
class Order:
    """What the caller wants: see `config.ReadSettings`; `tessdata` is the folder of the language data inside the box."""

    media_type: str
    pages: tuple[int, ...] = ()
    engine: str = "tesseract"
    languages: str = "deu"
    dpi: int = 300
    trust_text_layer: str = "auto"
    preview_dpi: int = 110
    tessdata: str = ""
    max_megapixels: int = 200


def run(order: Mapping[str, Any], inputs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Read the ordered pages (none named: all) of `inputs[0]`; returns pages and previews, JSON-able.

    Writes preview-<n>.jpg into `out`. Raises InputError when the file gives no pages.
    """
    known = {name.name for name in fields(Order)}
    wanted = Order(**{key: value for key, value in order.items() if key in known} | {"pages": tuple(order.get("pages", ()))})
    engines, pages = Engines(wanted), []
    with opened(inputs[0], wanted.media_type, wanted.max_megapixels) as source:
        for number in wanted.pages or range(1, source.page_count + 1):
            sheet = source.sheet(number)
            pages.append(read_sheet(sheet, wanted, engines, out / f"preview-{number}.jpg"))
            source.release(sheet)
    return {"pages": [as_json(page) for page in pages], "previews": [f"preview-{page.number}.jpg" for page in pages]}


def as_json(page: Page) -> dict[str, Any]:
    """A page as JSON values, without the fields that have their default."""
    found: dict[str, Any] = {"number": page.number, "width_mm": page.width_mm, "height_mm": page.height_mm, "text": page.text,
                             "rotation": page.rotation, "skew": page.skew, "blank": page.blank, "script": page.script,
                             "quality": page.quality, "source": page.source, "warnings": list(page.warnings)}
    found["words"] = [
        {"text": word.text, "box": word.box, "confidence": word.confidence, "line": word.line, "block": word.block}
        | ({"raw": word.raw} if word.raw else {}) for word in page.words]
    found["separators"] = [{"kind": mark.kind, "payload": mark.payload, "box": mark.box} for mark in page.separators]
    return found


class Engines:
    """The OCR engine of the order, loaded when the first page needs it and kept for the rest of the job."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._engine: Any = None

    def get(self) -> Any:
        if self._engine is None and self._order.engine == "pytesseract":
            from intake.ocr.pytesseract import PyTesseract  # noqa: PLC0415

            self._engine = PyTesseract(self._order.tessdata)
        elif self._engine is None:
            from intake.ocr.tesseract import Tesseract  # noqa: PLC0415

            self._engine = Tesseract(self._order.tessdata)
        return self._engine


def read_sheet(sheet: Sheet, order: Order, engines: Engines, preview: Path) -> Page:
    """One page read: its text layer where it may be believed, else by recognition."""
    if order.trust_text_layer != "never":
        words, invisible, unmapped = sheet.layer()
        always = order.trust_text_layer == "always"
        if words and (always or (invisible < 0.5 and textlayer.sane(words, unmapped))):
            page = _from_layer(sheet, words, order, preview, always=always)
            if page is not None:
                return page
    return _from_picture(sheet, order, engines, preview)


def _from_layer(sheet: Sheet, words: tuple[Word, ...], order: Order, preview: Path, *, always: bool) -> Page | None:
    """The page by its text layer; None when images with ink of their own show that it is only a part of the page."""
    from intake.box.inside import image  # noqa: PLC0415

    shown = sheet.render(order.preview_dpi)
    if not always and sheet.picture_share() > MUCH_PICTURE and ink_outside(shown, words) > MUCH_INK:
        return None
    image.save_preview(shown, preview)
    marks = _codes(shown) if len(words) < 80 else ()
    words = renumbered(words)
    return Page(number=sheet.number, width_mm=round(sheet.width_mm, 2), height_mm=round(sheet.height_mm, 2), text=text_of(words),
                words=words, script="print", source="text-layer", separators=marks, warnings=sheet.warnings)


def ink_outside(shown: Image, words: Sequence[Word]) -> float:
    """Share of the dark pixels of a page that lie in no word of its text layer."""
    from PIL import ImageDraw  # noqa: PLC0415

    grey = shown.convert("L")
    before = sum(grey.histogram()[:128])
    draw = ImageDraw.Draw(grey)
    for word in words:
        x0, y0, x1, y1 = word.box
        draw.rectangle((x0 * grey.width - 2, y0 * grey.height - 2, x1 * grey.width + 2, y1 * grey.height + 2), fill=255)
    return sum(grey.histogram()[:128]) / before if before else 0.0


def _codes(grey: Image) -> tuple[Any, ...]:
    from intake.box.inside import barcodes  # noqa: PLC0415

    return barcodes.barcodes(grey.convert("L"))


def ocr_dpi(native: float, wanted: float) -> float:
    """Resolution to recognise in: that of the scan, between 150 and the wanted one; the wanted one for drawn pages."""
    if not native or abs(native / wanted - 1) < 0.1:
        return native or wanted
    return min(max(native, LOW_DPI), wanted)


def _from_picture(sheet: Sheet, order: Order, engines: Engines, preview: Path) -> Page:
    from intake.box.inside import geometry, image  # noqa: PLC0415

    picture = sheet.render(ocr_dpi(sheet.native_dpi(), min(order.dpi, BEST_DPI)))
    shown = image.at_dpi(picture, order.preview_dpi)
    grey = picture if picture.mode == "L" else picture.convert("L")
    grey.info["dpi"] = picture.info["dpi"]
    del picture
    small = image.at_dpi(grey, geometry.SMALL_DPI)
    ink = geometry.ink_of(small)
    blank = geometry.share_of_ink(ink) < BLANK_INK
    words: tuple[Word, ...] = ()
    rotation: Rotation = 0
    if not blank:
        words, rotation = _recognised(grey, ink, order, engines)
        if rotation:
            shown, ink = image.turn(shown, rotation), image.turn(ink, rotation)
    marks = () if blank else _codes(image.turn(image.at_dpi(grey, CODE_DPI), rotation))
    image.save_preview(shown, preview)
    turned_over = rotation in (90, 270)
    width, height = (sheet.height_mm, sheet.width_mm) if turned_over else (sheet.width_mm, sheet.height_mm)
    words = renumbered(words)
    return Page(number=sheet.number, width_mm=round(width, 2), height_mm=round(height, 2), text=text_of(words), words=words,
                rotation=rotation, source="ocr", separators=marks, warnings=sheet.warnings,
                skew=0.0 if blank else geometry.skew_of(ink), blank=blank, script="print" if words else "none",
                quality=round(mean_confidence(words), 3) if words else 1.0)


def _recognised(grey: Image, ink: Image, order: Order, engines: Engines) -> tuple[tuple[Word, ...], Rotation]:
    """Words of the upright page and the rotation that made it upright; recognised once unless the page lay on its head."""
    from intake.box.inside import geometry, image  # noqa: PLC0415

    engine = engines.get()
    rotation: Rotation = 0
    if geometry.looks_sideways(ink):
        rotation, sure = engine.orientation(image.at_dpi(grey, OSD_DPI))
        if sure < SURE:
            rotation = 0
    words = engine.words(image.turn(grey, rotation), order.languages)
    if mean_confidence(words) < WEAK:
        other, sure = engine.orientation(image.at_dpi(grey, OSD_DPI))
        if other != rotation and sure >= SURE:
            again = engine.words(image.turn(grey, other), order.languages)
            if mean_confidence(again) > mean_confidence(words):
                return again, other
    return words, rotation
