"""Image files as pages: modes, resolutions, frames, previews; and plain text on paper."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from drawn import LETTER, paper, salted, written
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from intake.box.inside import image, plaintext
from intake.box.inside.image import (
    PREVIEW_BYTES,
    ImageFileReader,
    at_dpi,
    dpi_of,
    from_jpeg,
    is_coloured,
    plain,
    save_preview,
    turn,
)
from intake.errors import InputError, Reason


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I;16B"])
def test_every_mode_becomes_plain(mode: str) -> None:
    image = Image.new("L", (40, 20), 255)
    image.paste(0, (0, 0, 20, 20))
    if mode.startswith("I;16"):  # white and black are the same bytes in both orders
        found = plain(Image.frombytes(mode, (40, 20), b"".join((b"\x00\x00" * 20 + b"\xff\xff" * 20) for _ in range(20))))
    else:
        found = plain(image.convert("RGB").convert(mode) if mode in ("CMYK", "RGBA", "P") else image.convert(mode))
    assert found.mode in ("L", "RGB")
    grey = found.convert("L")
    assert grey.crop((2, 2, 18, 18)).getextrema()[1] < 60  # type: ignore[operator]
    assert grey.crop((22, 2, 38, 18)).getextrema()[0] > 200  # type: ignore[operator]


def test_what_is_transparent_is_paper() -> None:
    assert plain(Image.new("RGBA", (4, 4), (0, 0, 0, 0))).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize(("stated", "size", "found"), [
    ((300, 300), (2480, 3508), 300), ((72, 72), (2480, 3508), 300), (None, (1654, 2339), 200), ((0, 0), (1654, 2339), 200),
    ((96, 96), (800, 1100), 96), (None, (9000, 12000), 600)])
def test_a_resolution_one_can_believe(stated: tuple[int, int] | None, size: tuple[int, int], found: float) -> None:
    image = Image.new("1", size)
    if stated:
        image.info["dpi"] = stated
    assert dpi_of(image)[0] == pytest.approx(found, rel=0.01)


def test_a_fax_gets_square_pixels(tmp_path: Path) -> None:
    Image.new("1", (1728, 1143), 1).save(tmp_path / "fax.tif", dpi=(204, 98))
    image, _ = ImageFileReader(tmp_path / "fax.tif", "image/tiff", 200).frame(1)
    assert image.info["dpi"] == (204.0, 204.0)
    assert image.height == pytest.approx(1143 * 204 / 98, abs=1)


def test_a_frame_that_is_not_there(tmp_path: Path) -> None:
    paper(100).save(tmp_path / "a.tif")
    with pytest.raises(InputError) as caught:
        ImageFileReader(tmp_path / "a.tif", "image/tiff", 200).frame(2)
    assert caught.value.reason is Reason.DAMAGED


def test_postscript_named_png_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EOF\n")
    with pytest.raises(InputError):
        ImageFileReader(tmp_path / "a.png", "image/png", 200)


@given(st.floats(60, 600), st.floats(60, 600))
def test_scaling_keeps_the_size_of_the_paper(own: float, wanted: float) -> None:
    image = Image.new("L", (400, 300), 255)
    image.info["dpi"] = (own, own)
    found = at_dpi(image, wanted)
    assert found.width / found.info["dpi"][0] == pytest.approx(400 / own, rel=0.02)
    assert wanted / 1.2 <= found.info["dpi"][0] <= wanted * 1.2


def test_colour_is_more_than_a_trace() -> None:
    page = written().convert("RGB")
    assert not is_coloured(page)
    assert not is_coloured(page.point(lambda value: value)) and not is_coloured(written())
    page.paste((200, 30, 30), (300, 300, 500, 340))
    assert is_coloured(page)


def test_previews_are_small_whatever_the_page(tmp_path: Path) -> None:
    page = salted(written(LETTER * 3, 110), 0.6, 1)
    page.info["dpi"] = (110.0, 110.0)
    save_preview(page, tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").stat().st_size <= PREVIEW_BYTES
    with Image.open(tmp_path / "a.jpg") as preview:
        assert preview.mode == "L"


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_jpeg_decoded_for_its_page(turned: int) -> None:
    buffer = io.BytesIO()
    written(dpi=300).convert("RGB").save(buffer, "JPEG")
    width = 210.0 if turned in (0, 180) else 297.0
    image = from_jpeg(buffer.getvalue(), width, 220, turned, colour=False)
    assert image is not None
    assert (image.mode, image.info["dpi"][0]) == ("L", pytest.approx(220, rel=0.02))
    assert image.width == pytest.approx(width / 25.4 * 220, rel=0.02)
    upright = turn(image, (360 - turned) % 360)
    assert sum(upright.crop((0, 0, upright.width, upright.height // 2)).histogram()[:128]) > 2000
    assert sum(upright.crop((0, upright.height // 2, upright.width, upright.height)).histogram()[:128]) == 0


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 nonsense"])
def test_a_broken_jpeg_is_left_to_pdfium(data: bytes) -> None:
    assert from_jpeg(data, 210, 220, 0, colour=True) is None


def test_a_negative_is_left_to_pdfium() -> None:
    buffer = io.BytesIO()
    written().point(lambda value: 255 - value).save(buffer, "JPEG")
    assert from_jpeg(buffer.getvalue(), 210, 220, 0, colour=False) is None


@given(st.text(max_size=400))
def test_no_letter_of_a_text_is_lost(text: str) -> None:
    pages = plaintext.laid_out(text.encode())
    kept = "".join("".join(line.split()) for page in pages for line in page)
    shown = plaintext.decoded(text.encode())
    shown = plaintext.decoded(text.encode())
    wanted = "".join(letter for letter in shown if letter.isprintable() and not letter.isspace())
    assert kept == wanted
    assert all(len(page) <= plaintext.ROWS and all(len(line) <= plaintext.COLUMNS for line in page) for page in pages)
    for page in pages:
        words = plaintext.words(page)
        assert "".join(word.text for word in words) == "".join("".join(line.split()) for line in page)
        assert all(0 <= word.box[0] < word.box[2] <= 1 and 0 <= word.box[1] < word.box[3] <= 1 for word in words)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_umlauts_in_any_encoding(encoding: str) -> None:
    assert plaintext.decoded("Größe § 3 äöüß".encode(encoding)) == "Größe § 3 äöüß"


def test_the_words_of_a_text_lie_on_its_picture() -> None:
    lines = plaintext.laid_out(b"Guten Tag")[0]
    picture = plaintext.picture(lines)
    for word in plaintext.words(lines):
        x0, y0, x1, y1 = word.box
        box = (round(x0 * picture.width), round(y0 * picture.height), round(x1 * picture.width), round(y1 * picture.height))
        assert min(picture.crop(box).tobytes()) < 50


def test_two_scans_of_one_sheet_look_alike_from_afar_and_two_sheets_do_not() -> None:
    def sheet(seed: int, shift: int = 0, angle: float = 0.0) -> Image.Image:
        page = Image.new("L", (850, 1200), 255)
        draw = ImageDraw.Draw(page)
        lines = random.Random(seed)
        for top in range(90, 1100, lines.choice((22, 26, 31))):
            left = 80
            while left < lines.randint(400, 780):
                width = lines.randint(15, 70)
                draw.rectangle((left + shift, top + shift, left + width + shift, top + 10 + shift), fill=40)
                left += width + 8
        return page.rotate(angle, fillcolor=255)

    def apart(one: Image.Image, other: Image.Image) -> int:
        return (int(image.picture_of(one), 16) ^ int(image.picture_of(other), 16)).bit_count()

    again = [apart(sheet(seed), sheet(seed, shift=4, angle=0.4)) for seed in range(12)]
    other = [apart(sheet(seed), sheet(seed + 100)) for seed in range(12)]
    assert max(again) < min(other), (again, other)
    assert len(image.picture_of(sheet(1))) == 64
