"""Renditions: the picture untouched, our words in their places, claims only where they hold."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from drawn import LETTER, paper, written
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import pdfa
from PIL import Image

from intake.box.inside import convert, imagepdf, rendition
from intake.box.inside.layer import Frame, content
from intake.box.inside.pdf import Pdf
from intake.box.inside.rendition import run
from intake.box.inside.textlayer import words_of
from intake.vocabulary import Page, Word

A4 = Page(1, 210.0, 297.0, source="ocr")
WORDS = (Word("Gemeinde", (0.12, 0.15, 0.25, 0.165), 0.9), Word("Mittelau", (0.26, 0.15, 0.37, 0.165), 0.9),
         Word("§", (0.12, 0.18, 0.13, 0.2), 0.9, line=1), Word("34a", (0.135, 0.18, 0.17, 0.195), 0.9, line=1),
         Word("Gebühr", (0.12, 0.3, 0.2, 0.315), 0.9, line=2, block=1),
         Word("125,00", (0.7, 0.3, 0.78, 0.315), 0.9, line=2, block=1),
         Word("€", (0.79, 0.3, 0.8, 0.315), 0.9, line=2, block=1))


def leaf(page: Page, source: int = 0, rotation: int = 0) -> dict[str, Any]:
    return {"source": source, "number": page.number, "rotation": rotation, "page": asdict(page)}


def made(sources: list[tuple[Path, str]], leaves: list[dict[str, Any]], out: Path, **order: Any) -> tuple[Path, dict[str, Any]]:
    out.mkdir(exist_ok=True)
    inputs = [path for path, _ in sources] + order.pop("files", [])
    told = {"sources": [kind for _, kind in sources], "pages": leaves, "title": "Antrag", "language": "de-DE", **order}
    said = run(told, inputs, out)
    pdf = out / said["pdf"]
    assert subprocess.run(["qpdf", "--check", pdf], capture_output=True, check=False).returncode == 0
    if said["pdfa"] != "none":
        assert pdfa.validate_written(pdf, said["pdfa"]).passed
        assert said["reason"] == ""
    else:
        assert said["reason"].startswith("Kein PDF/A möglich")
    return pdf, said


def text_of(pdf: Path) -> list[str]:
    return subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout.split()


def scan_pdf(path: Path, page: Image.Image) -> Path:
    page.save(path, "PDF", resolution=page.info["dpi"][0])
    return path


def test_a_scan_gets_its_words_and_keeps_its_picture(tmp_path: Path) -> None:
    source = scan_pdf(tmp_path / "a.pdf", written())
    pdf, said = made([(source, "application/pdf")], [leaf(replace(A4, words=WORDS))], tmp_path / "out")
    assert said["pdfa"] == "2b"
    assert text_of(pdf) == [word.text for word in WORDS]
    with pikepdf.open(source) as before, pikepdf.open(pdf) as after:
        pictures = [next(iter(file.pages[0].images.values())).read_raw_bytes() for file in (before, after)]
        assert pictures[0] == pictures[1]
        assert str(after.Root.Lang) == "de-DE"
        with after.open_metadata() as meta:
            assert meta["dc:title"] == "Antrag"


@pytest.mark.parametrize("own", [0, 90, 180, 270])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_lie_where_they_are_seen(tmp_path: Path, own: int, rotation: int) -> None:
    """Whatever the page's own rotation and the reader's: shown upright, the word is where its box says."""
    shown = (own + rotation) % 360
    page = written()
    with pikepdf.open(scan_pdf(tmp_path / "a.pdf", page)) as pdf:
        pdf.pages[0].Rotate = own
        pdf.save(tmp_path / "b.pdf")
    upright = (210.0, 297.0) if shown in (0, 180) else (297.0, 210.0)
    read = Page(1, *upright, words=WORDS, rotation=rotation, source="ocr")  # type: ignore[arg-type]
    pdf_path, _ = made([(tmp_path / "b.pdf", "application/pdf")], [leaf(read)], tmp_path / "out")
    with pikepdf.open(pdf_path) as file:
        assert int(file.pages[0].obj.get("/Rotate", 0)) == shown
    shown_page = Pdf(pdf_path).page(1)
    seen, invisible, _ = words_of(shown_page)
    assert invisible == 1.0
    assert [word.text for word in seen] == [word.text for word in WORDS]
    assert shown_page.width_mm / shown_page.height_mm == pytest.approx(upright[0] / upright[1], rel=0.01)
    for found, word in zip(seen, WORDS, strict=True):
        assert found.box[0] == pytest.approx(word.box[0], abs=0.005)
        assert word.box[1] - 0.01 <= found.box[3] <= word.box[3] + 0.01


def test_a_clerks_turn_only_turns(tmp_path: Path) -> None:
    source = scan_pdf(tmp_path / "a.pdf", written())
    pdf, _ = made([(source, "application/pdf")], [leaf(replace(A4, words=WORDS), rotation=90)], tmp_path / "out")
    with pikepdf.open(pdf) as file:
        assert int(file.pages[0].Rotate) == 90


@pytest.mark.parametrize(("name", "media_type", "options"), [
    ("a.jpg", "image/jpeg", {"quality": 80, "dpi": (200, 200)}), ("a.png", "image/png", {"dpi": (200, 200)}),
    ("a.tif", "image/tiff", {"compression": "group4", "dpi": (200, 200)}),
    ("b.tif", "image/tiff", {"compression": "tiff_lzw", "dpi": (200, 200)})])
def test_image_files_become_pages_without_loss(tmp_path: Path, name: str, media_type: str, options: dict[str, Any]) -> None:
    page = written()
    image = page.point([255 if value > 127 else 0 for value in range(256)]).convert("1") if "group4" in options.values() else page
    image.save(tmp_path / name, **options)
    pdf, said = made([(tmp_path / name, media_type)], [leaf(replace(A4, words=WORDS))], tmp_path / "out")
    assert said["pdfa"] == "2b"
    with pikepdf.open(pdf) as file:
        assert [float(side) for side in file.pages[0].MediaBox] == pytest.approx([0, 0, 595.276, 841.89], abs=0.1)
        picture = next(iter(file.pages[0].images.values()))
        if media_type == "image/jpeg":
            assert picture.read_raw_bytes() == (tmp_path / name).read_bytes()
        else:
            with Image.open(tmp_path / name) as original:
                shown = pikepdf.PdfImage(picture)  # type: ignore[arg-type]
                assert shown.as_pil_image().convert("L").tobytes() == original.convert("L").tobytes()


def test_pages_of_several_files_in_the_order_asked_for(tmp_path: Path) -> None:
    scan_pdf(tmp_path / "a.pdf", written())
    paper().save(tmp_path / "b.png", dpi=(200, 200))
    (tmp_path / "c.txt").write_text("Guten Tag")
    words = (Word("Guten", (0.1, 0.1, 0.2, 0.11), 1.0), Word("Tag", (0.21, 0.1, 0.3, 0.11), 1.0))
    text = replace(A4, words=words, source="text-layer")
    sources = [(tmp_path / "a.pdf", "application/pdf"), (tmp_path / "b.png", "image/png"), (tmp_path / "c.txt", "text/plain")]
    pdf, said = made(sources, [leaf(text, 2), leaf(replace(A4, words=WORDS), 0), leaf(A4, 1)], tmp_path / "out")
    assert said["pdfa"] == "2b"
    assert text_of(pdf) == ["Guten", "Tag", *(word.text for word in WORDS)]


def test_an_older_recognition_is_replaced(tmp_path: Path) -> None:
    with pikepdf.open(scan_pdf(tmp_path / "a.pdf", written())) as pdf:
        page = pdf.pages[0]
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        name = page.add_resource(font, pikepdf.Name.Font)
        page.contents_add(f"q BT 3 Tr {name} 12 Tf 70 700 Td (Gcmeinde) Tj ET Q".encode())
        pdf.save(tmp_path / "b.pdf")
    pdf_path, _ = made([(tmp_path / "b.pdf", "application/pdf")], [leaf(replace(A4, words=WORDS))], tmp_path / "out")
    assert text_of(pdf_path) == [word.text for word in WORDS]


def born_digital(path: Path, font: str = "") -> Path:
    pdf = FPDF()
    if font:
        pdf.add_font("own", fname=font)
    pdf.set_font("own" if font else "Helvetica", size=11)
    pdf.add_page()
    for line in LETTER:
        pdf.cell(0, 6, line, new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(path))
    return path


def test_born_digital_with_its_fonts_becomes_pdfa(tmp_path: Path) -> None:
    source = born_digital(tmp_path / "a.pdf", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    words = text_of(source)
    pdf, said = made([(source, "application/pdf")], [leaf(replace(A4, source="text-layer", words=WORDS))], tmp_path / "out")
    assert said["pdfa"] == "2b"
    assert text_of(pdf) == words


def test_born_digital_without_fonts_goes_out_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can embed them, see test_convert."""
    monkeypatch.setattr(convert, "PROGRAM", "no-such-program")
    source = born_digital(tmp_path / "a.pdf")
    pdf, said = made([(source, "application/pdf")], [leaf(replace(A4, source="text-layer"))], tmp_path / "out")
    assert said["pdfa"] == "none"
    assert pdf.read_bytes() == source.read_bytes()
    with pikepdf.open(pdf) as file, file.open_metadata() as meta:
        assert "pdfaid:part" not in meta


def test_an_embedded_file_makes_it_3b(tmp_path: Path) -> None:
    source = scan_pdf(tmp_path / "a.pdf", written())
    (tmp_path / "rechnung.xml").write_text("<rechnung/>")
    pdf, said = made([(source, "application/pdf")], [leaf(replace(A4, words=WORDS))], tmp_path / "out",
                     files=[tmp_path / "rechnung.xml"],
                     attachments=[{"name": "rechnung.xml", "media_type": "text/xml", "input": 1}])
    assert said["pdfa"] == "3b"
    with pikepdf.open(pdf) as file:
        assert file.attachments["rechnung.xml"].get_file().read_bytes() == b"<rechnung/>"


def burdened(path: Path) -> Path:
    """A scan with outlines, a script, another program's metadata, and a font without a program that no page uses."""
    with pikepdf.open(scan_pdf(path, written()), allow_overwriting_input=True) as pdf:
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("Seite 1", 0))
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        pdf.docinfo["/Author"] = "Scanner 3000"
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=pdf.make_indirect(font)))
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[], DR=resources)
        pdf.attachments["liste.csv"] = b"1;2"
        pdf.save(path)
    return path


def test_of_a_scanned_file_pages_and_embedded_files_stay_and_nothing_else(tmp_path: Path) -> None:
    source = burdened(tmp_path / "a.pdf")
    pdf, said = made([(source, "application/pdf")], [leaf(replace(A4, words=WORDS))], tmp_path / "out")
    assert said["pdfa"] == "3b"
    with pikepdf.open(pdf) as file:
        assert file.attachments["liste.csv"].get_file().read_bytes() == b"1;2"
        assert not {"/Outlines", "/OpenAction", "/AcroForm"} & set(file.Root)
        assert b"app.alert" not in pdf.read_bytes() and b"Scanner 3000" not in pdf.read_bytes()


def scanned_pages(path: Path, count: int) -> Path:
    """A PDF whose pages have a picture of 3 MB each, all different."""
    with pikepdf.new() as pdf:
        for number in range(count):
            noise = Image.frombytes("RGB", (1000, 1000), random.Random(number).randbytes(3_000_000))
            imagepdf.add_image_page(pdf, imagepdf.encoded(pdf, noise), 210.0, 297.0, 0)
        pdf.save(path)
    return path


def test_the_pictures_of_a_long_file_do_not_fill_memory(tmp_path: Path) -> None:
    """Measured in a process of its own: 40 pages of 3 MB each need a third of their size at most."""
    source = scanned_pages(tmp_path / "a.pdf", 40)
    (tmp_path / "out").mkdir()
    leaves = [leaf(replace(A4, number=number, words=WORDS)) for number in range(1, 41)]
    told = {"sources": ["application/pdf"], "pages": leaves, "title": "Antrag", "language": "de-DE"}
    (tmp_path / "order.json").write_text(json.dumps(told))
    measured = subprocess.run([sys.executable, "-c", """
import json, resource, sys
from pathlib import Path
import pikepdf.pdfa
from intake.box.inside.rendition import run
folder = Path(sys.argv[1])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
said = run(json.loads((folder / "order.json").read_text()), [folder / "a.pdf"], folder / "out")
print(json.dumps({"pdfa": said["pdfa"], "mib": (peak() - before) / 1024}))
""", str(tmp_path)], check=True, capture_output=True, text=True)
    said = json.loads(measured.stdout)
    assert source.stat().st_size > 100e6 and said["pdfa"] == "2b"
    assert said["mib"] < 40


@pytest.mark.parametrize("place", [0, 1 << 20, (1 << 20) - 5, 3_000_000])
def test_a_name_is_found_wherever_it_stands_in_a_file(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"x" * place + b"/ByteRange" + b"y" * 100)
    assert rendition._holds(path, b"/ByteRange") and not rendition._holds(path, b"/ByteRanges")


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=10), min_size=1, max_size=5),
       st.floats(-6, 6), st.sampled_from([0, 90, 180, 270]))
def test_any_word_can_be_written(texts: list[str], skew: float, rotation: int) -> None:
    words = [Word(text, (0.1 * place, 0.1, 0.1 * place, 0.1), 0.5) for place, text in enumerate(texts)]
    stream = content(words, Frame(595, 842, rotation), skew, "F").decode("ascii")
    assert stream.count("Tj") == len(texts)
    assert stream.startswith("q\n")
    assert stream.endswith("ET\nQ\n")
