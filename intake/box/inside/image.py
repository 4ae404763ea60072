"""Image files as pages, previews as JPEG. Pillow with an allow-list only: it would start Ghostscript on its own otherwise."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageChops, ImageFile, ImageOps, ImageStat, UnidentifiedImageError

from intake.errors import InputError, Reason

FORMATS = {"image/tiff": ("TIFF",), "image/jpeg": ("JPEG",), "image/png": ("PNG",), "image/webp": ("WEBP",),
           "image/jp2": ("JPEG2000",)}
DAMAGED = "Diese Bilddatei ist beschädigt. Bitten Sie den Absender, sie noch einmal zu schicken, oder scannen Sie die Seite neu."
A4_LONG_MM = 297.0
BELIEVABLE_DPI = (72.5, 2400.0)  # 72 and less is a default that nobody measured
PREVIEW_BYTES = 200_000
COLOURED = 24  # difference of two channels that the eye sees as a colour
COLOURED_SHARE = 0.0005


class ImageFileReader:
    """An open image file; a TIFF has many frames. Raises InputError (damaged, too large)."""

    def __init__(self, path: Path, media_type: str, max_megapixels: int) -> None:
        Image.MAX_IMAGE_PIXELS = None  # the limit below is ours, and an InputError
        self._max_pixels = max_megapixels * 1_000_000
        try:
            self._file = Image.open(path, formats=FORMATS[media_type])
            self.page_count = int(getattr(self._file, "n_frames", 1)) if media_type == "image/tiff" else 1
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError) as error:
            raise InputError(DAMAGED, reason=Reason.DAMAGED, detail=f"{type(error).__name__}") from error

    def close(self) -> None:
        self._file.close()

    def frame(self, number: int) -> tuple[Image.Image, tuple[str, ...]]:
        """Frame `number` from 1 as shown (EXIF turned), "L" or "RGB" with square pixels, `dpi` in its info; and warnings."""
        warnings: tuple[str, ...] = ()
        try:
            self._file.seek(number - 1)
            width, height = self._file.size
            if width * height > self._max_pixels:
                raise InputError(f"Dieses Bild hat {width} x {height} Bildpunkte, mehr als hier gelesen werden. "
                                 "Bitten Sie um eine Fassung mit höchstens 300 dpi.", reason=Reason.TOO_LARGE)
            dpi = dpi_of(self._file)
            try:
                self._file.load()
            except OSError:
                ImageFile.LOAD_TRUNCATED_IMAGES = True  # what is there is shown, and the page says that it is not whole
                self._file.seek(number - 1)
                self._file.load()
                warnings = ("damaged",)
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            image = plain(ImageOps.exif_transpose(self._file))
        except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
            raise InputError(DAMAGED, reason=Reason.DAMAGED, detail=f"{type(error).__name__}") from error
        return squared(image, dpi), warnings


def dpi_of(image: Image.Image) -> tuple[float, float]:
    """Resolution the file states, or the one that makes the longer side an A4 page when it states none one can believe."""
    stated = image.info.get("dpi")
    try:
        across, down = (float(stated[0]), float(stated[1])) if stated else (0.0, 0.0)
    except (TypeError, ValueError, ZeroDivisionError):
        across, down = 0.0, 0.0
    low, high = BELIEVABLE_DPI
    if low <= across <= high and low <= down <= high:
        return across, down
    guess = min(max(max(image.size) / A4_LONG_MM * 25.4, low), 600.0)
    return guess, guess


def plain(image: Image.Image) -> Image.Image:
    """The image as "L" or "RGB" on white."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        wide = image.convert("I") if image.mode.startswith("I;16") else image  # Pillow counts no big-endian 16 bits
        top = 65535.0 if float(str(wide.getextrema()[1])) > 255 else 255.0
        return wide.convert("F").point(lambda value: value * (255.0 / top) + 0.0).convert("L")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(ground, over).convert("RGB")
    return image.convert("RGB")


def squared(image: Image.Image, dpi: tuple[float, float]) -> Image.Image:
    """The image with the same resolution both ways (a fax has 204 x 98 dpi)."""
    across, down = dpi
    if abs(across - down) > 0.02 * max(across, down):
        top = max(across, down)
        image = image.resize((round(image.width * top / across), round(image.height * top / down)), Image.Resampling.BILINEAR)
        across = down = top
    image.info["dpi"] = (across, down)
    return image


def at_dpi(image: Image.Image, dpi: float) -> Image.Image:
    """The image scaled to about `dpi` (whole-number steps down where they come within an eighth, they cost a tenth)."""
    own = float(image.info["dpi"][0])
    step = round(own / dpi)
    if step >= 2 and abs(own / step / dpi - 1) <= 0.125:
        small = image.reduce(step)
        small.info["dpi"] = (own / step, own / step)
        return small
    if abs(own / dpi - 1) <= 0.02:
        return image
    size = (max(round(image.width * dpi / own), 1), max(round(image.height * dpi / own), 1))
    way = Image.Resampling.HAMMING if own > dpi else Image.Resampling.BICUBIC
    small = image.resize(size, way, reducing_gap=2.0 if own > dpi else None)
    small.info["dpi"] = (dpi, dpi)
    return small


def from_jpeg(data: bytes, width_mm: float, dpi: float, turned: int, *, colour: bool) -> Image.Image | None:
    """A JPEG that fills a page `width_mm` wide as shown, decoded no finer than about `dpi` needs; None when it is not plain."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as file:
            across, down = file.size
            own = (down if turned in (90, 270) else across) / width_mm * 25.4
            if file.mode not in ("L", "RGB"):
                return None
            scale = min(dpi / own, 1.0)
            file.draft("RGB" if colour and file.mode == "RGB" else "L", (int(across * scale), int(down * scale)))
            file.load()
            image = file.copy()
    except (OSError, SyntaxError, ValueError):
        return None
    if ImageStat.Stat(image.reduce(8)).mean[0] < 80:  # a negative (its decoding is said outside the JPEG), or hardly a page
        return None
    image.info["dpi"] = (own * image.width / across,) * 2
    return at_dpi(turn(image, turned), dpi)


def is_coloured(image: Image.Image) -> bool:
    """True when more than a trace of the page is coloured; a yellowed scan is not a trace."""
    if image.mode != "RGB":
        return False
    red, green, blue = image.split()
    for one, other in ((red, green), (green, blue)):
        counts = ImageChops.difference(one, other).histogram()
        if sum(counts[COLOURED:]) > COLOURED_SHARE * image.width * image.height:
            return True
    return False


def grey_of(image: Image.Image) -> Image.Image:
    """The image as "L", its resolution kept."""
    if image.mode == "L":
        return image
    grey = image.convert("L")
    grey.info["dpi"] = image.info["dpi"]
    return grey


def turn(image: Image.Image, rotation: int) -> Image.Image:
    """The image turned clockwise by 0, 90, 180 or 270 degrees, its info kept."""
    if not rotation:
        return image
    way = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}[rotation]
    found = image.transpose(way)
    found.info["dpi"] = image.info["dpi"]
    return found


def save_preview(image: Image.Image, path: Path) -> None:
    """Write a JPEG of at most 200 kB, grey when the page is."""
    if not is_coloured(image):
        image = image.convert("L")
    for quality in (75, 60, 45, 30):
        image.save(path, "JPEG", quality=quality)
        if path.stat().st_size <= PREVIEW_BYTES:
            return
    while path.stat().st_size > PREVIEW_BYTES and min(image.size) > 200:
        image = image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.BILINEAR)
        image.save(path, "JPEG", quality=45)


def picture_of(shown: Image.Image) -> str:
    """What a page looks like from afar: whether each of 16 x 16 fields is brighter than the one to its right, hexadecimal.

    Two scans of one sheet differ in few of the 256 bits, two sheets in about half of them (difference hash).
    """
    rows = shown.convert("L").resize((17, 16), Image.Resampling.BOX).tobytes()
    bits = 0
    for at, value in enumerate(rows):
        if at % 17 != 16:
            bits = bits << 1 | (value > rows[at + 1])
    return f"{bits:064x}"
