"""Printed sheets are read again after a bad scan, and cut with what they say."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from drawn import scanned, written
from PIL import Image

from intake.box.inside.barcodes import found_on
from intake.box.inside.image import at_dpi, turn
from intake.box.inside.patch import patches
from intake.sheetcode import SheetCode, encode
from intake.sheetpdf import Printed, draw
from intake.split import Way, cut
from intake.vocabulary import Page, Said

ID = "01KAM5X1QZ7T3V9B2C4D6E8F0G"
SHEETS = (
    Printed(SheetCode(ID, "document", "mittelau")),
    Printed(SheetCode(ID, "document", "mittelau", "652.30", "", "Antrag"), "", "652.30 Straßenbeleuchtung"),
    Printed(SheetCode(ID, "file", "mittelau", "632.60", "KÄ/632.60-0017/2026"), "Neubau eines Carports " * 6, "632.60 Bau"),
    Printed(SheetCode(ID, "file", "mittelau", "", "Az. 602-21/67 Siedlungshaus Asmussen, Lindenstraße 7, Nachträge", "Akte")),
    Printed(SheetCode(ID, "batch", "mittelau")),
)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheets") / "sheets.pdf"
    draw(SHEETS, "Amt Mittelau", path)
    return path


def picture(path: Path, number: int, dpi: int) -> Image.Image:
    pdf = pypdfium2.PdfDocument(path)
    page = pdf[number].render(scale=dpi / 72).to_pil().convert("L")
    page.info["dpi"] = (float(dpi), float(dpi))
    pdf.close()
    return page


def page_of(image: Image.Image, number: int = 1) -> Page:
    """The marks of a page as the reader in the box finds them."""
    marks = found_on(image, at_dpi(image, 150), ()) + patches(at_dpi(image, 75))
    return Page(number, 210.0, 297.0, separators=marks)


BAD_SCANS = [(200, 0, 0.0, 0.0, True), (300, 0, 2.5, 0.0, False), (200, 180, -3.0, 0.05, True), (300, 180, 1.0, 0.02, True)]


@pytest.mark.parametrize(("number", "dpi", "turned", "skew", "noise", "bitonal"), [
    (place % len(SHEETS), *BAD_SCANS[place % len(BAD_SCANS)]) for place in range(7)])
def test_what_is_printed_is_read_again(printed: Path, number: int, dpi: int, turned: int, skew: float, noise: float,
                                       bitonal: bool) -> None:
    sheet = turn(scanned(picture(printed, number, dpi), number, skew=skew, noise=noise, blur=0.6, bitonal=bitonal), turned)
    marks = page_of(sheet).separators
    assert encode(SHEETS[number].code) in {mark.payload for mark in marks if mark.kind == "qr"}
    wanted = "patch-3" if SHEETS[number].code.begins == "batch" else "patch-T"
    assert {mark.kind for mark in marks if mark.kind.startswith("patch")} == {wanted}


def test_a_printed_stack_is_cut_with_what_its_sheets_say(printed: Path) -> None:
    sheets = [scanned(picture(printed, number, 200), number, skew=0.8, bitonal=True) for number in range(len(SHEETS))]
    pages = [page_of(image, 2 * number + 1 + place) for number, sheet in enumerate(sheets)
             for place, image in enumerate((sheet, written()))]
    cuts = cut(pages, Way("mittelau"))
    assert [piece.pages for piece in cuts.documents] == [(2,), (4,), (6,), (8,), (10,)]
    assert cuts.separators == (1, 3, 5, 7, 9)
    assert [piece.cut.says for piece in cuts.documents] == [
        (), (Said("entry", "652.30", 3), Said("kind", "Antrag", 3)),
        (Said("entry", "632.60", 5), Said("file", "KÄ/632.60-0017/2026", 5)),
        (Said("file", SHEETS[3].code.file, 7), Said("kind", "Akte", 7)), ()]
    assert not any(piece.cut.doubtful for piece in cuts.documents)
    others = cut(pages, Way("auenbek"))
    assert all(piece.cut.doubtful and not piece.cut.says for piece in others.documents), "never silently for another tenant"


def test_without_its_patch_codes_the_code_alone_cuts(printed: Path) -> None:
    sheet = picture(printed, 0, 200)
    middle = Image.new("L", sheet.size, 255)
    middle.paste(sheet.crop((0, 400, sheet.width, 1900)), (0, 400))
    middle.info["dpi"] = (200.0, 200.0)
    page = page_of(middle, 1)
    assert [mark.kind for mark in page.separators] == ["qr"]
    assert cut([page, page_of(written(), 2)], Way("mittelau")).separators == (1,)


def test_everything_stands_on_the_paper(printed: Path) -> None:
    pdf = pypdfium2.PdfDocument(printed)
    texts = [page.get_textpage().get_text_range() for page in pdf]
    sizes = {tuple(round(side / 72 * 25.4) for side in page.get_size()) for page in pdf}
    pdf.close()
    assert sizes == {(210, 297)} and len(texts) == len(SHEETS)
    for sheet, text in zip(SHEETS, texts, strict=True):
        plain = " ".join(text.split())
        for said in (*sheet.code.file.split(), sheet.entry, sheet.code.kind, "Amt Mittelau", "mitscannen"):
            assert said in plain


def test_signs_the_font_lacks_do_not_stop_the_printing(tmp_path: Path) -> None:
    draw([Printed(SheetCode("1", "file", "mittelau", "", "BA/1"), "Привет 漢字 W" + "x" * 300)], "", tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").stat().st_size > 5000
