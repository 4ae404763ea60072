"""The job `read` on whole files: what comes out is upright, in place, of the right source."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from drawn import LETTER, code_sheet, paper, patch_sheet, written
from fpdf import FPDF
from PIL import Image

from intake.box.inside.read import as_json, ocr_dpi, run
from intake.errors import InputError, Reason
from intake.vocabulary import Page

TESSDATA = next((str(folder) for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)), "")


def read(path: Path, media_type: str, out: Path, **order: Any) -> list[dict[str, Any]]:
    answer = run({"media_type": media_type, "tessdata": TESSDATA, **order}, [path], out)
    assert answer["previews"] == [f"preview-{page['number']}.jpg" for page in answer["pages"]]
    for name in answer["previews"]:
        assert 0 < (out / name).stat().st_size <= 200_000
    pages: list[dict[str, Any]] = answer["pages"]
    return pages


def born_digital(path: Path, lines: tuple[str, ...] = LETTER) -> Path:
    pdf = FPDF()
    pdf.set_font("Helvetica", size=11)
    pdf.add_page()
    for line in lines:
        pdf.cell(0, 6, line, new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(path))
    return path


def as_pdf(path: Path, *pages: Image.Image) -> Path:
    pages[0].save(path, "PDF", resolution=pages[0].info["dpi"][0], save_all=True, append_images=list(pages[1:]))
    return path


def test_a_born_digital_page_is_read_from_its_layer(tmp_path: Path) -> None:
    page = read(born_digital(tmp_path / "a.pdf"), "application/pdf", tmp_path)[0]
    assert (page["source"], page["rotation"], page["blank"], page["script"]) == ("text-layer", 0, False, "print")
    assert page["text"].startswith("Gemeinde Mittelau\nDer Bürgermeister\n\nSehr geehrte Frau Lehmann,")
    assert (page["width_mm"], page["height_mm"]) == (pytest.approx(210, abs=0.2), pytest.approx(297, abs=0.2))
    x0, y0, x1, y1 = page["words"][0]["box"]
    assert 0.04 < x0 < 0.06
    assert 0.03 < y0 < y1 < 0.07
    assert 0.1 < x1 < 0.2


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_boxes_are_of_the_page_as_shown(tmp_path: Path, rotate: int) -> None:
    with pikepdf.open(born_digital(tmp_path / "a.pdf")) as pdf:
        pdf.pages[0].Rotate = rotate
        pdf.pages[0].CropBox = pikepdf.Array([20, 400, 420, 842])
        pdf.save(tmp_path / "b.pdf")
    page = read(tmp_path / "b.pdf", "application/pdf", tmp_path)[0]
    size = (400 / 72 * 25.4, 441.89 / 72 * 25.4)
    shown = size if rotate in (0, 180) else size[::-1]
    assert (page["width_mm"], page["height_mm"]) == (pytest.approx(shown[0], abs=0.5), pytest.approx(shown[1], abs=0.5))
    x, y = next(word["box"][:2] for word in page["words"] if word["text"] == "Gemeinde")
    corner = {0: x < 0.1 and y < 0.15, 90: x > 0.8 and y < 0.1, 180: x > 0.7 and y > 0.8, 270: x < 0.15 and y > 0.6}
    assert corner[rotate]


def test_a_scan_is_recognised(tmp_path: Path) -> None:
    page = read(as_pdf(tmp_path / "a.pdf", written()), "application/pdf", tmp_path)[0]
    assert page["source"] == "ocr"
    assert "nach § 34 Abs. 1 des Baugesetzbuchs zulässig ist." in page["text"]
    assert page["quality"] > 0.8
    first = page["words"][0]
    assert first["text"] == "Gemeinde"
    assert first["box"][0] == pytest.approx(25 / 210, abs=0.01)
    assert first["box"][1] == pytest.approx(46 / 297, abs=0.01)


@pytest.mark.parametrize("way", [90, 180, 270])
def test_a_page_scanned_the_wrong_way(tmp_path: Path, way: int) -> None:
    scan = written(LETTER * 2).transpose({90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180,
                                          270: Image.Transpose.ROTATE_90}[way])
    scan.info["dpi"] = (200.0, 200.0)
    page = read(as_pdf(tmp_path / "a.pdf", scan), "application/pdf", tmp_path)[0]
    assert page["rotation"] == 360 - way
    assert page["text"].startswith("Gemeinde Mittelau")
    assert (page["width_mm"], page["height_mm"]) == (pytest.approx(210, abs=0.3), pytest.approx(297, abs=0.3))
    with Image.open(tmp_path / "preview-1.jpg") as preview:
        assert preview.height > preview.width


def test_an_invisible_layer_is_read_again(tmp_path: Path) -> None:
    with pikepdf.open(as_pdf(tmp_path / "a.pdf", written())) as pdf:
        page = pdf.pages[0]
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        name = page.add_resource(font, pikepdf.Name.Font)
        page.contents_add(f"BT 3 Tr {name} 12 Tf 70 700 Td (Gcmeinde Mittclau, Ihr Antrag vom Oktober) Tj ET".encode())
        pdf.save(tmp_path / "b.pdf")
    assert read(tmp_path / "b.pdf", "application/pdf", tmp_path)[0]["source"] == "ocr"
    always = read(tmp_path / "b.pdf", "application/pdf", tmp_path, trust_text_layer="always")[0]
    assert (always["source"], always["text"]) == ("text-layer", "Gcmeinde Mittclau, Ihr Antrag vom Oktober")


def test_a_fax_header_does_not_stand_for_the_scan(tmp_path: Path) -> None:
    with pikepdf.open(as_pdf(tmp_path / "a.pdf", written())) as pdf:
        page = pdf.pages[0]
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        name = page.add_resource(font, pikepdf.Name.Font)
        page.contents_add(f"BT {name} 8 Tf 70 825 Td (12.10.2026 09:14 Fax 06051 4711) Tj ET".encode())
        pdf.save(tmp_path / "b.pdf")
    page_read = read(tmp_path / "b.pdf", "application/pdf", tmp_path)[0]
    assert page_read["source"] == "ocr"
    assert "Baugesetzbuchs" in page_read["text"]


def test_never_trusting_the_layer(tmp_path: Path) -> None:
    assert read(born_digital(tmp_path / "a.pdf"), "application/pdf", tmp_path, trust_text_layer="never")[0]["source"] == "ocr"


def test_pages_of_a_tiff_in_the_order_asked_for(tmp_path: Path) -> None:
    first, second = written(("Erste Seite des Antrags",)).convert("1"), paper().convert("1")
    more = [second, patch_sheet("T").convert("1")]
    first.save(tmp_path / "a.tif", compression="group4", save_all=True, append_images=more, dpi=(200, 200))
    pages = read(tmp_path / "a.tif", "image/tiff", tmp_path, pages=[3, 1, 2])
    assert [page["number"] for page in pages] == [3, 1, 2]
    assert [page["blank"] for page in pages] == [False, False, True]
    assert [mark["kind"] for mark in pages[0]["separators"]] == ["patch-T"]
    assert pages[1]["text"] == "Erste Seite des Antrags"
    assert pages[2]["script"] == "none"


def test_a_jpeg_without_resolution_is_taken_for_a4(tmp_path: Path) -> None:
    code_sheet("MI1|T=D").save(tmp_path / "a.jpg", quality=85)
    page = read(tmp_path / "a.jpg", "image/jpeg", tmp_path)[0]
    assert (page["width_mm"], page["height_mm"]) == (pytest.approx(210, abs=1), pytest.approx(297, abs=1))
    assert [(mark["kind"], mark["payload"]) for mark in page["separators"]] == [("qr", "MI1|T=D")]


def test_a_photo_taken_sideways_is_shown_by_its_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    written().transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", exif=exif, dpi=(200, 200))
    page = read(tmp_path / "a.jpg", "image/jpeg", tmp_path)[0]
    assert page["rotation"] == 0
    assert page["text"].startswith("Gemeinde Mittelau")


def test_plain_text_becomes_pages(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Guten Tag,\n\nhiermit widerspreche ich.\n\fZweite Seite", encoding="cp1252")
    pages = read(tmp_path / "a.txt", "text/plain", tmp_path)
    assert [page["text"] for page in pages] == ["Guten Tag,\n\nhiermit widerspreche ich.", "Zweite Seite"]
    assert {page["source"] for page in pages} == {"text-layer"}


@pytest.mark.parametrize(("data", "media_type"), [
    (b"%PDF-1.7 nonsense", "application/pdf"), (b"II*\x00 nonsense", "image/tiff"), (b"\xff\xd8\xff nonsense", "image/jpeg")])
def test_damaged_files_have_a_reason(tmp_path: Path, data: bytes, media_type: str) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "a", media_type, tmp_path)
    assert caught.value.reason is Reason.DAMAGED


def test_an_encrypted_pdf_has_a_reason(tmp_path: Path) -> None:
    with pikepdf.open(born_digital(tmp_path / "a.pdf")) as pdf:
        pdf.save(tmp_path / "b.pdf", encryption=pikepdf.Encryption(user="geheim", owner="geheim"))
    with pytest.raises(InputError) as caught:
        read(tmp_path / "b.pdf", "application/pdf", tmp_path)
    assert caught.value.reason is Reason.ENCRYPTED


def test_a_truncated_jpeg_is_read_with_a_warning(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    written().save(buffer, "JPEG", dpi=(200, 200))
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue()[:-len(buffer.getvalue()) // 3])
    assert read(tmp_path / "a.jpg", "image/jpeg", tmp_path)[0]["warnings"] == ["damaged"]


def test_an_image_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    paper(200).save(tmp_path / "a.png")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "a.png", "image/png", tmp_path, max_megapixels=2)
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_page_beyond_all_size_is_refused(tmp_path: Path) -> None:
    with pikepdf.open(born_digital(tmp_path / "a.pdf")) as pdf:
        pdf.pages[0].MediaBox = pikepdf.Array([0, 0, 1e9, 1e9])
        pdf.save(tmp_path / "b.pdf")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "b.pdf", "application/pdf", tmp_path)
    assert caught.value.reason is Reason.TOO_LARGE


def test_reading_a_layer_loads_no_engine(tmp_path: Path) -> None:
    import subprocess
    import sys

    born_digital(tmp_path / "a.pdf")
    code = ("import sys; from pathlib import Path; from intake.box.inside.read import run; "
            "run({'media_type': 'application/pdf'}, [Path(sys.argv[1])], Path(sys.argv[2])); "
            "sys.exit(bool({'numpy', 'tesserocr', 'pikepdf', 'zxingcpp'} & set(sys.modules) - {'zxingcpp'}))")
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a.pdf", tmp_path], check=False).returncode == 0


@pytest.mark.parametrize(("native", "wanted", "found"), [(0, 300, 220), (300, 300, 220), (200, 300, 200), (600, 300, 220),
                                                         (96, 300, 150), (300, 200, 200), (0, 200, 200)])
def test_the_resolution_of_recognition(native: float, wanted: float, found: float) -> None:
    assert ocr_dpi(native, wanted) == found


def test_json_of_a_page_has_what_the_vocabulary_needs() -> None:
    assert as_json(Page(1, 210.0, 297.0))["words"] == []


def test_a_bent_page_of_an_old_book_has_no_stamps(tmp_path: Path, shared_data: Path) -> None:
    (page,) = read(shared_data / "fraktur_pages" / "grenzboten_1841" / "179412.tif", "image/tiff", tmp_path)
    truth = (shared_data / "fraktur_pages" / "grenzboten_1841" / "179412.gt.txt").read_text(encoding="utf-8")
    assert page["script"] == "fraktur" and page["stamps"] == []
    assert len(page["text"]) == pytest.approx(len(truth), rel=0.02)  # no line twice
