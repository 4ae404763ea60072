"""One page of a PDF, image or text file behind one face: what it says about itself, and its picture at a resolution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from intake.box.inside import textlayer
from intake.box.inside.pdf import Pdf, PdfPage
from intake.errors import InputError, Reason
from intake.vocabulary import FormField, Word

if TYPE_CHECKING:
    from PIL.Image import Image

    from intake.box.inside.image import ImageFileReader

MM_PER_INCH = 25.4
LONGEST_MM = 20_000.0
LOW_DPI = 150.0
Layer = tuple[tuple[Word, ...], float, float]
"""Words of the text layer, share of invisible characters, share of unmapped characters."""


class Sheet(Protocol):
    """A page as shown, before we turn it."""

    number: int
    width_mm: float
    height_mm: float
    warnings: tuple[str, ...]

    def layer(self) -> Layer: ...

    def form(self) -> tuple[FormField, ...]:
        """The form fields shown on the page."""

    def picture_share(self) -> float:
        """Share of the page that images cover, 0..1; 1 for an image file."""

    def native_dpi(self) -> float:
        """Resolution of the paper's scan; 0 where the page is drawn, not scanned."""

    def decodes_quickly(self) -> bool:
        """True when two small pictures cost less than one large one."""

    def render(self, dpi: float, *, colour: bool = True) -> Image:
        """The page as an "L" or, where it may be coloured, "RGB" image with its dpi in the info."""


class Source(Protocol):
    page_count: int

    def sheet(self, number: int) -> Sheet: ...

    def release(self, sheet: Sheet) -> None: ...


class PdfSheet:
    """A page of a PDF."""

    def __init__(self, page: PdfPage, max_pixels: int) -> None:
        self.page = page
        self.number = page.number
        self.width_mm, self.height_mm = page.width_mm, page.height_mm
        self.warnings: tuple[str, ...] = ()
        self._max_pixels = max_pixels
        if max(self.width_mm, self.height_mm) > LONGEST_MM:
            raise InputError("Eine Seite ist länger als 20 Meter und wird nicht gelesen. "
                             "Bitten Sie um eine Fassung in üblicher Größe.",
                             reason=Reason.TOO_LARGE, detail=f"page {page.number}")

    def layer(self) -> Layer:
        words, invisible, unmapped = textlayer.words_of(self.page)
        written = [one for one, is_text in self._form if is_text and one.value]
        if written:
            from intake.box.inside.form import words_of  # noqa: PLC0415

            words += words_of(written, self.page.height_pt, self.page.width_pt, words)
        return words, invisible, unmapped

    def form(self) -> tuple[FormField, ...]:
        return tuple(one for one, _ in self._form)

    @cached_property
    def _form(self) -> tuple[tuple[FormField, bool], ...]:
        return self.page.form()

    @cached_property
    def _pictures(self) -> tuple[float, float, bool]:
        """Share covered, resolution of the sharpest large image, all grey."""
        pictures, drawn, texts = self.page.pictures()
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (picture.box for picture in pictures)]
        large = [picture.dpi for picture, area in zip(pictures, areas, strict=True) if area > 0.05]
        grey = bool(pictures) and not drawn and not texts and all(picture.grey for picture in pictures)
        return min(sum(areas), 1.0), max(large, default=0.0), grey

    def picture_share(self) -> float:
        return self._pictures[0]

    def native_dpi(self) -> float:
        share, dpi, _ = self._pictures
        return dpi if share > 0.5 else 0.0

    def render(self, dpi: float, *, colour: bool = True) -> Image:
        pixels = self.width_mm * self.height_mm * (dpi / MM_PER_INCH) ** 2
        if pixels > self._max_pixels:
            dpi *= (self._max_pixels / pixels) ** 0.5
        colour = colour and not self._pictures[2]
        if self._jpeg is not None:
            from intake.box.inside.image import from_jpeg  # noqa: PLC0415

            image = from_jpeg(self._jpeg[0], self.width_mm, dpi, self._jpeg[1], colour=colour)
            if image is not None:
                return image
        return self.page.render(dpi, colour=colour)

    def decodes_quickly(self) -> bool:
        return self._jpeg is not None

    @cached_property
    def _jpeg(self) -> tuple[bytes, int] | None:
        return self.page.jpeg()


class PdfSource:
    """Pages of a PDF file."""

    def __init__(self, path: Path, max_pixels: int) -> None:
        self._pdf = Pdf(path)
        self.page_count = self._pdf.page_count
        self._max_pixels = max_pixels

    def sheet(self, number: int) -> PdfSheet:
        return PdfSheet(self._pdf.page(number), self._max_pixels)

    def release(self, sheet: Sheet) -> None:
        if isinstance(sheet, PdfSheet):
            sheet.page.close()

    def close(self) -> None:
        self._pdf.close()


class ImageSheet:
    """A page that is an image, from an image file or laid out from plain text."""

    def __init__(self, image: Image, number: int, words: tuple[Word, ...] = (), warnings: tuple[str, ...] = ()) -> None:
        self._image = image
        self._words = words
        self.number = number
        self.warnings = warnings
        across, down = image.info["dpi"]
        self.width_mm, self.height_mm = image.width / across * MM_PER_INCH, image.height / down * MM_PER_INCH

    def layer(self) -> Layer:
        return self._words, 0.0, 0.0

    def form(self) -> tuple[FormField, ...]:
        return ()

    def picture_share(self) -> float:
        return 0.0 if self._words else 1.0

    def native_dpi(self) -> float:
        return float(self._image.info["dpi"][0])

    def decodes_quickly(self) -> bool:
        return False

    def render(self, dpi: float, *, colour: bool = True) -> Image:
        from intake.box.inside.image import at_dpi, grey_of  # noqa: PLC0415

        return at_dpi(self._image if colour else grey_of(self._image), dpi)


class ImageSource:
    """Pages of an image file, one frame in memory at a time."""

    def __init__(self, path: Path, media_type: str, max_megapixels: int) -> None:
        from intake.box.inside.image import ImageFileReader  # noqa: PLC0415

        self._file: ImageFileReader = ImageFileReader(path, media_type, max_megapixels)
        self.page_count = self._file.page_count

    def sheet(self, number: int) -> ImageSheet:
        image, warnings = self._file.frame(number)
        return ImageSheet(image, number, warnings=warnings)

    def release(self, sheet: Sheet) -> None:
        """Nothing is held."""

    def close(self) -> None:
        self._file.close()


class TextSource:
    """A plain text laid out on A4 pages."""

    def __init__(self, path: Path) -> None:
        from intake.box.inside import plaintext  # noqa: PLC0415

        self._pages = plaintext.laid_out(path.read_bytes())
        self.page_count = len(self._pages)

    def sheet(self, number: int) -> ImageSheet:
        from intake.box.inside import plaintext  # noqa: PLC0415

        lines = self._pages[number - 1]
        return ImageSheet(plaintext.picture(lines), number, plaintext.words(lines))

    def release(self, sheet: Sheet) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def opened(path: Path, media_type: str, max_megapixels: int) -> Iterator[Source]:
    """The pages of a file; raises InputError with the reason when there are none to be had."""
    source: PdfSource | ImageSource | TextSource
    if media_type == "application/pdf":
        source = PdfSource(path, max_megapixels * 1_000_000)
    elif media_type == "application/xml":
        from intake.box.inside import einvoicepage  # noqa: PLC0415

        source = PdfSource(einvoicepage.pdf_of(path), max_megapixels * 1_000_000)
    elif media_type.startswith("image/"):
        source = ImageSource(path, media_type, max_megapixels)
    elif media_type.startswith("text/"):
        source = TextSource(path)
    else:
        raise InputError("Diese Dateiart wird hier nicht gelesen. Bitten Sie um eine PDF-Datei.", reason=Reason.UNKNOWN_TYPE,
                         detail=media_type)
    try:
        yield source
    finally:
        source.close()
