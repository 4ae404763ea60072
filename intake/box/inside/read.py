"""The job `read`: pages of one file become words, geometry, marks and a preview. Runs inside the box, page after page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from intake.box.inside import textlayer
from intake.box.inside.reader import SIGNS, STAMPDAY
from intake.box.inside.sheets import LOW_DPI, MM_PER_INCH, Sheet, opened
from intake.box.inside.words import clipped, mean_confidence, renumbered, text_of, turned
from intake.vocabulary import Box, Page, Script, Separator, Word

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

    from PIL.Image import Image

    from intake.box.inside.convnet import Model

Rotation = Literal[0, 90, 180, 270]
USUAL_DPI = 220.0
LARGE_PIXELS, LARGEST_PIXELS, LARGE_PREVIEW = 20e6, 60e6, 4e6  # A2 at 220 dpi; A0 at 195 dpi; of a preview
FINE_PIXELS, FINE_CONFIDENCE = 15, 0.85  # median height of words, mean confidence
CODE_DPI = 150.0
PLAN_MM = 450.0  # longer pages are plans
LARGE_MM = 425.0  # longer than A3: may have a title block
MUCH_PICTURE = 0.2  # share of the page covered by images from which the text layer may be only a part of the page
MUCH_INK = 0.3  # share of the ink outside the words of the layer from which it certainly is


@dataclass(frozen=True, slots=True)
class Order:
    """What the caller wants: see `config.ReadSettings`; `tessdata` and `models` are the folders of the language data and of
    what was learnt about stamps and signs, inside the box ("" = they are read as other words are)."""

    media_type: str
    pages: tuple[int, ...] = ()
    engine: str = "tesseract"
    languages: str = "deu"
    dpi: int = 300
    trust_text_layer: str = "auto"
    preview_dpi: int = 110
    tessdata: str = ""
    models: str = ""
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
    found["stamps"] = list(page.stamps)
    found["picture"] = page.picture
    found["form"] = [{"name": one.name, "value": one.value, "box": one.box} for one in page.form]
    return found


class Engines:
    """The OCR engine of the order, loaded when the first page needs it; remembers what the last page was printed in."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._engine: Any = None
        self._letters: Any = None
        self._folder: TemporaryDirectory[str] | None = None  # of the letters' data, as long as they are needed
        self.languages = order.languages

    def get(self) -> Any:
        if self._engine is None and self._order.engine == "pytesseract":
            from intake.ocr.pytesseract import PyTesseract  # noqa: PLC0415

            self._engine = PyTesseract(self._order.tessdata)
        elif self._engine is None:
            from intake.ocr.tesseract import Tesseract  # noqa: PLC0415

            self._engine = Tesseract(self._order.tessdata)
        return self._engine

    def model(self, name: str) -> Model | None:
        """What was learnt about stamps or signs, where the order names the folder of the models."""
        from intake.box.inside.convnet import loaded  # noqa: PLC0415

        return loaded(Path(self._order.models) / name) if self._order.models else None

    def knows(self, language: str) -> bool:
        """True when the language data is there."""
        return (Path(self._order.tessdata) / f"{language}.traineddata").is_file()

    def latin(self) -> Path | None:
        """The data for all languages in Latin script, where it is installed."""
        from intake.ocr.letters import latin_in  # noqa: PLC0415

        return latin_in(Path(self._order.tessdata))

    def all_letters(self, cut: Image, mode: int) -> tuple[Word, ...]:
        """Words of a cut in letters of all those languages; () where `latin` is None. Loaded when the first page asks."""
        from tempfile import TemporaryDirectory  # noqa: PLC0415

        from intake.ocr.letters import LATIN, without_dictionary  # noqa: PLC0415

        data = self.latin()
        if self._letters is None and data is not None:
            self._folder = TemporaryDirectory(prefix="letters-")
            without_dictionary(data, Path(self._folder.name) / f"{LATIN}.traineddata")
            self._letters = type(self.get())(self._folder.name)
        found: tuple[Word, ...] = self._letters.words(cut, LATIN, mode=mode) if self._letters else ()
        return found


def read_sheet(sheet: Sheet, order: Order, engines: Engines, preview: Path) -> Page:
    """One page read: its text layer where it may be believed, else by recognition."""
    if order.trust_text_layer != "never":
        words, invisible, unmapped = sheet.layer()
        always = order.trust_text_layer == "always"
        if words and (always or (invisible < 0.5 and textlayer.sane(words, unmapped))):
            page = _from_layer(sheet, words, order, engines, preview, always=always)
            if page is not None:
                return page
    return _from_picture(sheet, order, engines, preview)


def _from_layer(sheet: Sheet, words: tuple[Word, ...], order: Order, engines: Engines, preview: Path, *,
                always: bool) -> Page | None:
    """The page by its text layer; None when images with ink of their own show that it is only a part of the page."""
    from intake.box.inside import image  # noqa: PLC0415

    area = sheet.width_mm * sheet.height_mm / MM_PER_INCH ** 2
    shown = sheet.render(min(order.preview_dpi, (LARGE_PREVIEW / area) ** 0.5))
    if not always and sheet.picture_share() > MUCH_PICTURE and ink_outside(shown, words) > MUCH_INK:
        return None
    image.save_preview(shown, preview)
    marks = _codes(shown) if len(words) < 80 else ()
    script: Script = "drawing" if max(sheet.width_mm, sheet.height_mm) > PLAN_MM else "print"
    if script == "drawing":
        words += _drawn_title(sheet, words, shown, order, engines)
    words = _ordered(words, script, shown, sheet.width_mm, sheet.height_mm)
    return Page(number=sheet.number, width_mm=round(sheet.width_mm, 2), height_mm=round(sheet.height_mm, 2), text=text_of(words),
                words=words, script=script, source="text-layer",
                separators=marks, warnings=sheet.warnings, form=sheet.form(), picture=image.picture_of(shown))


def _drawn_title(sheet: Sheet, words: Sequence[Word], shown: Image, order: Order, engines: Engines) -> tuple[Word, ...]:
    """Words of a plan's title block that are drawn as lines, recognised; () where the text layer has them."""
    from intake.box.inside import image, plan  # noqa: PLC0415

    box = plan.drawn_title(words, shown, sheet.width_mm, sheet.height_mm)
    if box is None:
        return ()
    area = sheet.width_mm * sheet.height_mm / MM_PER_INCH ** 2
    grey = image.grey_of(sheet.render(min(USUAL_DPI, (LARGEST_PIXELS / area) ** 0.5), colour=False))
    edges = [round(edge * side) for edge, side in zip(box, grey.size * 2, strict=True)]
    cut = grey.crop((edges[0], edges[1], edges[2], edges[3]))
    cut.info["dpi"] = grey.info["dpi"]
    block, line = (max(getattr(word, name) for word in words) + 1 for name in ("block", "line"))
    return tuple(
        replace(word, block=block + word.block, line=line + word.line, box=clipped(*(
            (edge * side + corner) / whole for edge, side, corner, whole in
            zip(word.box, cut.size * 2, edges[:2] * 2, grey.size * 2, strict=True))))
        for word in engines.get().words(cut, order.languages) if any(character.isalnum() for character in word.text))


def _ordered(words: Sequence[Word], script: Script, shown: Image, width_mm: float, height_mm: float) -> tuple[Word, ...]:
    """The words as a reader takes them in, the title block of a plan first; lines and blocks counted anew."""
    if max(width_mm, height_mm) > LARGE_MM or script == "drawing":
        from intake.box.inside import plan  # noqa: PLC0415

        words = plan.title_first(words, shown, width_mm, height_mm)
    return renumbered(words)


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


def _codes(shown: Image) -> tuple[Separator, ...]:
    from intake.box.inside import barcodes, geometry, image, patch  # noqa: PLC0415

    grey = image.grey_of(shown)
    return barcodes.barcodes(grey) + patch.patches(image.at_dpi(grey, geometry.SMALL_DPI))


def ocr_dpi(native: float, wanted: float) -> float:
    """Resolution to recognise in: that of the scan, at least 150, at most 220 (as accurate as 300 on ordinary print)."""
    best = min(wanted, USUAL_DPI)
    return min(max(native, LOW_DPI), best) if native else best


def _from_picture(sheet: Sheet, order: Order, engines: Engines, preview: Path) -> Page:
    from intake.box.inside import barcodes, blank, geometry, image, patch, script  # noqa: PLC0415

    shown, grey = _pictures(sheet, order)
    small = image.at_dpi(grey, geometry.SMALL_DPI)
    ink = geometry.ink_of(small)
    middle = image.at_dpi(grey, CODE_DPI)
    words: tuple[Word, ...] = ()
    rotation: Rotation = 0
    fraktur = False
    marks: tuple[Separator, ...] = ()
    pressed: tuple[Box, ...] = ()
    bare = blank.is_bare(middle, ink)
    if not bare:
        words, rotation, fraktur = _recognised(sheet, grey, ink, order, engines)
        shown, ink = image.turn(shown, rotation), image.turn(ink, rotation)
        marks = barcodes.found_on(image.turn(grey, rotation), image.turn(middle, rotation), words)
        marks += patch.patches(image.turn(small, rotation))
    image.save_preview(shown, preview)
    skew = 0.0 if bare else geometry.skew_of(ink)
    across, down = (sheet.width_mm, sheet.height_mm) if rotation in (0, 180) else (sheet.height_mm, sheet.width_mm)
    if not bare and not fraktur:  # old books: lines are bent at the fold, which looks as slanted as a stamp does
        words = _closer(image.turn(grey, rotation), words, down, skew, engines)
        if not marks and grey.width * grey.height <= LARGE_PIXELS:
            words, pressed = _stamped(sheet, grey, ink, shown, words, (rotation, skew, across), engines)
    kind = script.script_of(words, across, down, fraktur=fraktur, inked=not bare)
    words = _ordered(words, kind, shown, across, down)
    return Page(
        number=sheet.number, width_mm=round(across, 2), height_mm=round(down, 2), text=text_of(words), words=words,
        rotation=rotation, skew=skew, blank=bare, stamps=pressed,
        script=kind, quality=1.0 if bare else quality_of(words, sheet.native_dpi()), source="ocr", separators=marks,
        warnings=sheet.warnings, form=tuple(replace(one, box=turned(one.box, rotation)) for one in sheet.form()),
        picture=image.picture_of(shown))


def _closer(upright: Image, words: tuple[Word, ...], height_mm: float, skew: float, engines: Engines) -> tuple[Word, ...]:
    """The words, those in the head of the page that were read badly as a second look has them."""
    from intake.box.inside import closer, marked, repair, signs  # noqa: PLC0415

    def recognise(cut: Image, mode: int) -> tuple[Word, ...]:
        return repair.repaired(engines.get().words(cut, engines.languages, mode=mode), cut)

    words = closer.looked_again(words, upright, height_mm, skew, recognise)
    if (model := engines.model(SIGNS)) is not None:
        words = signs.reread(words, upright, skew, model)
    return marked.marked(words, upright, height_mm, skew, engines.all_letters) if engines.latin() else words


def _stamped(sheet: Sheet, grey: Image, ink: Image, shown: Image, words: tuple[Word, ...], lies: tuple[Rotation, float, float],
             engines: Engines) -> tuple[tuple[Word, ...], tuple[Box, ...]]:
    """The words with those of rubber stamps read again, and where stamps are; `lies`: rotation, skew, width in mm."""
    from intake.box.inside import clean, image, stampplaces, stamps  # noqa: PLC0415

    rotation, skew, across = lies

    def coloured() -> Image:
        found = image.turn(sheet.render(grey.info["dpi"][0]), rotation)
        if found.size != upright.size:
            found = found.resize(upright.size)
            found.info["dpi"] = upright.info["dpi"]
        return found

    upright = image.turn(grey, rotation)
    return stamps.stamped(
        stampplaces.Paper(upright, ink, shown, across, skew), words,
        lambda cut, mode: clean.without_specks(engines.get().words(cut, engines.languages, mode=mode)), coloured,
        engines.model(STAMPDAY))


def _pictures(sheet: Sheet, order: Order) -> tuple[Image, Image]:
    """The preview's picture and the grey one to recognise: one rendering, but two for a plan, whose colours would fill memory."""
    from intake.box.inside import image  # noqa: PLC0415

    dpi = ocr_dpi(sheet.native_dpi(), order.dpi)
    area = sheet.width_mm * sheet.height_mm / MM_PER_INCH ** 2
    if area * dpi ** 2 > LARGE_PIXELS:
        shown = sheet.render(min(order.preview_dpi, (LARGE_PREVIEW / area) ** 0.5))
        return shown, image.grey_of(sheet.render(min(dpi, (LARGEST_PIXELS / area) ** 0.5), colour=False))
    if sheet.decodes_quickly():
        return sheet.render(order.preview_dpi), image.grey_of(sheet.render(dpi, colour=False))
    picture = sheet.render(dpi)
    return image.at_dpi(picture, order.preview_dpi), image.grey_of(picture)


def quality_of(words: Sequence[Word], native_dpi: float) -> float:
    """How well the page could be read, 0..1: confidence of its words, less below 150 dpi; 0.5 for ink without words."""
    told = [word for word in words if any(character.isalnum() for character in word.text)]
    sharp = min(native_dpi / LOW_DPI, 1.0) if native_dpi else 1.0
    return round((mean_confidence(told) if told else 0.5) * sharp, 3)


def _recognised(sheet: Sheet, grey: Image, ink: Image, order: Order,
                engines: Engines) -> tuple[tuple[Word, ...], Rotation, bool]:
    """Words of the upright page, the rotation that made it so, whether it is Fraktur. Recognised once, where that is enough."""
    from intake.box.inside import clean, image, leaders, repair, script, upright  # noqa: PLC0415

    engine = engines.get()

    def recognise(page: Image, mode: int = 3) -> tuple[Word, ...]:
        words = clean.without_specks(engine.words(page, engines.languages, mode=mode))
        return clean.without_rules(words, page.size)

    def whole(page: Image) -> tuple[Word, ...]:  # before anybody doubts its turn or its script: dots are no words
        return leaders.without_leaders(recognise(page), page, recognise)

    grey = clean.despeckled(grey)
    words, rotation = upright.read_upright(grey, ink, recognise, whole)
    grey = image.turn(grey, rotation)
    doubt = mean_confidence(words) < script.POOR or engines.languages != order.languages
    if doubt and sum(len(word.text) for word in words) >= 60 and engines.knows(script.FRAKTUR):
        fraktur = script.is_fraktur(grey, engine, order.languages, (engines.languages, words))
        languages = script.FRAKTUR if fraktur else order.languages
        if languages != engines.languages:
            engines.languages = languages
            words = whole(grey)
    if _is_fine_print(words, grey, sheet, order):
        grey = image.turn(image.grey_of(sheet.render(min(sheet.native_dpi() or order.dpi, order.dpi))), rotation)
        words = whole(grey)
    fraktur = engines.languages == script.FRAKTUR and order.languages != script.FRAKTUR
    return (repair.round_s(words) if fraktur else repair.repaired(words, grey)), rotation, fraktur


def _is_fine_print(words: Sequence[Word], grey: Image, sheet: Sheet, order: Order) -> bool:
    """True when most of the print is small, poorly read, and the scan has more to show than was looked at."""
    sharper = min(sheet.native_dpi() or order.dpi, order.dpi)
    if len(words) < 20 or sharper < 1.15 * grey.info["dpi"][0] or mean_confidence(words) > FINE_CONFIDENCE:
        return False
    heights = sorted((word.box[3] - word.box[1]) * grey.height for word in words)
    return heights[len(heights) // 2] < FINE_PIXELS
