"""Born-digital renditions: Ghostscript only where it changed nothing, and what a PDF carries beside its pages."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from fpdf import FPDF
from pikepdf import Array, Dictionary, Name, pdfa

from intake.box.inside import convert, rendition
from intake.box.inside.pdf import Pdf
from intake.vocabulary import Page, Word

LINES = ("Sehr geehrte Frau Schäfer,", "Ihr Antrag vom 3. März ist eingegangen.", "Die Gebühr beträgt 125,00 Euro nach § 34a.")
needs_ghostscript = pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not installed")
DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def letter(path: Path, lines: tuple[str, ...] = LINES, *, font: str = "", pages: int = 1) -> Path:
    """A born-digital PDF; without `font` its font is not embedded."""
    pdf = FPDF()
    if font:
        pdf.add_font("own", fname=font)
    pdf.set_font("own" if font else "Helvetica", size=11)
    for _ in range(pages):
        pdf.add_page()
        for line in lines:
            pdf.cell(0, 6, line, new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(path))
    return path


def edited(path: Path, change: Callable[[pikepdf.Pdf], object]) -> Path:
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        change(pdf)
        pdf.save(path)
    return path


def made(source: Path, out: Path, pages: tuple[int, ...] = (1,), *, scanned: bool = False, words: tuple[Word, ...] = (),
         **order: Any) -> tuple[Path, dict[str, Any]]:
    out.mkdir()
    leaves = [{"source": 0, "number": number, "rotation": 0,
               "page": asdict(Page(number, 210.0, 297.0, words=words, source="ocr" if scanned else "text-layer"))}
              for number in pages]
    said = rendition.run({"sources": ["application/pdf"], "pages": leaves, "title": "Antrag", **order}, [source], out)
    assert [entry.name for entry in out.iterdir()] == ["rendition.pdf"], "nothing else is left behind"
    pdf = out / "rendition.pdf"
    assert subprocess.run(["qpdf", "--check", pdf], capture_output=True, check=False).returncode == 0
    if said["pdfa"] != "none":
        assert pdfa.validate_written(pdf, said["pdfa"]).passed
    else:
        assert said["reason"].startswith("Kein PDF/A möglich: ")
        assert said["reason"].endswith(".")
    return pdf, said


def text_of(pdf: Path) -> list[str]:
    return subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout.split()


def replaced_by(path: Path) -> Callable[[Path, Path, int], str]:
    def instead(_before: Path, after: Path, _pages: int) -> str:
        shutil.copyfile(path, after)
        return ""
    return instead


@needs_ghostscript
def test_missing_fonts_are_embedded(tmp_path: Path) -> None:
    source = letter(tmp_path / "a.pdf", pages=2)
    pdf, said = made(source, tmp_path / "out", (1, 2))
    assert said == {"pdf": "rendition.pdf", "pdfa": "2b", "reason": ""}
    assert text_of(pdf) == text_of(source)
    with pikepdf.open(pdf) as file, file.open_metadata() as meta:
        assert meta["dc:title"] == "Antrag"
        assert str(file.Root.Lang) == "de-DE"


@needs_ghostscript
def test_part_of_a_file_is_converted_too(tmp_path: Path) -> None:
    pdf, said = made(letter(tmp_path / "a.pdf", pages=3), tmp_path / "out", (2, 3))
    assert said["pdfa"] == "2b"
    with pikepdf.open(pdf) as file:
        assert len(file.pages) == 2


@pytest.mark.parametrize("lines", [
    (LINES[0], LINES[1].replace("3.", "8."), LINES[2]), (LINES[0], "", *LINES[1:]), LINES[:2], tuple(reversed(LINES))])
def test_what_changed_a_word_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]) -> None:
    source = letter(tmp_path / "a.pdf")
    monkeypatch.setattr(convert, "converted", replaced_by(letter(tmp_path / "b.pdf", lines, font=DEJAVU)))
    pdf, said = made(source, tmp_path / "out")
    assert said["pdfa"] == "none"
    assert "Seite 1" in said["reason"]
    assert pdf.read_bytes() == source.read_bytes()


def test_a_lost_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "converted", replaced_by(letter(tmp_path / "b.pdf", font=DEJAVU)))
    _, said = made(letter(tmp_path / "a.pdf", pages=2), tmp_path / "out", (1, 2))
    assert "aus 2 Seiten würden 1" in said["reason"]


@pytest.mark.parametrize("what", [
    b"0 0 0 rg 300 500 8 8 re f", b"0.8 0.2 0.2 rg 20 20 300 200 re f", b"1 1 1 rg 20 780 30 50 re f"])
def test_a_changed_picture_is_noticed(tmp_path: Path, what: bytes) -> None:
    """Even where the words are the same: a mark the size of a letter, a coloured field, a word painted over."""
    one = letter(tmp_path / "a.pdf", font=DEJAVU)
    other = Path(shutil.copyfile(one, tmp_path / "b.pdf"))
    assert convert.difference(one, other) == ""
    edited(other, lambda pdf: pdf.pages[0].contents_add(b"q " + what + b" Q"))
    assert convert.difference(one, other) == "Seite 1 sähe anders aus"


def test_another_page_size_is_noticed(tmp_path: Path) -> None:
    one = letter(tmp_path / "a.pdf", font=DEJAVU)
    other = Path(shutil.copyfile(one, tmp_path / "b.pdf"))
    edited(other, lambda pdf: setattr(pdf.pages[0], "mediabox", [0, 0, 595, 845]))
    assert convert.difference(one, other) == "Seite 1 bekäme eine andere Größe"


def test_rubbish_from_the_converter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 nothing")
    monkeypatch.setattr(convert, "converted", replaced_by(tmp_path / "b.pdf"))
    _, said = made(letter(tmp_path / "a.pdf"), tmp_path / "out")
    assert said["pdfa"] == "none"


def test_without_ghostscript_the_reason_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "PROGRAM", "no-such-program")
    source = letter(tmp_path / "a.pdf")
    pdf, said = made(source, tmp_path / "out")
    assert said["pdfa"] == "none"
    assert "apt-get install ghostscript" in said["reason"]
    assert pdf.read_bytes() == source.read_bytes()


def test_where_no_program_may_be_started_the_answer_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: "/usr/bin/gs")
    monkeypatch.setattr(subprocess, "run", refused)
    out = tmp_path / "out"
    out.mkdir()
    page = {"source": 0, "number": 1, "rotation": 0, "page": asdict(Page(1, 210.0, 297.0, source="text-layer"))}
    said = rendition.run({"sources": ["application/pdf"], "pages": [page]}, [letter(tmp_path / "a.pdf")], out)
    assert said["pdfa"] == "none"
    assert said["wants_processes"] is True


def _sign(pdf: pikepdf.Pdf) -> None:
    signature = pdf.make_indirect(Dictionary(Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), ByteRange=Array([0, 10, 20, 10]),
                                             Contents=pikepdf.String(b"\0" * 16)))
    field = pdf.make_indirect(Dictionary(FT=Name.Sig, T=pikepdf.String("Unterschrift"), V=signature))
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3)


@pytest.mark.parametrize("scanned", [False, True])
def test_a_signed_file_stays_as_it_is(tmp_path: Path, scanned: bool) -> None:
    source = edited(letter(tmp_path / "a.pdf", font=DEJAVU, pages=2), _sign)
    pdf, said = made(source, tmp_path / "out", (1, 2), scanned=scanned, words=(Word("Antrag", (0.1, 0.1, 0.2, 0.11), 0.9),))
    assert said["pdfa"] == "none"
    assert "unterschrieben" in said["reason"]
    assert pdf.read_bytes() == source.read_bytes()


def test_an_unsigned_field_is_no_signature(tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        _sign(pdf)
        del pdf.Root.AcroForm.Fields[0].V
    _, said = made(edited(letter(tmp_path / "a.pdf", font=DEJAVU), change), tmp_path / "out")
    assert "unterschrieben" not in said["reason"]


def _embed(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(  # type: ignore[call-arg]
        pdf, b"<rechnung/>", filename="factur-x.xml", mime_type="text/xml", relationship=Name.Alternative)


@pytest.mark.parametrize("font", [DEJAVU, pytest.param("", marks=needs_ghostscript)])
@pytest.mark.parametrize("scanned", [False, True])
def test_embedded_files_are_kept(tmp_path: Path, font: str, scanned: bool) -> None:
    if scanned and not font:
        pytest.skip("what was recognised is never sent through Ghostscript")
    pdf, said = made(edited(letter(tmp_path / "a.pdf", font=font), _embed), tmp_path / "out", scanned=scanned)
    assert said["pdfa"] == "3b"
    with pikepdf.open(pdf) as file:
        assert file.attachments["factur-x.xml"].get_file().read_bytes() == b"<rechnung/>"
        assert file.attachments["factur-x.xml"].relationship == Name.Alternative


def test_embedded_files_stay_with_the_first_page(tmp_path: Path) -> None:
    source = edited(letter(tmp_path / "a.pdf", font=DEJAVU, pages=2), _embed)
    levels = [made(source, tmp_path / str(page), (page,))[1]["pdfa"] for page in (1, 2)]
    assert levels == ["3b", "2b"]


def _layer(pdf: pikepdf.Pdf, *, hidden: bool) -> None:
    group = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=pikepdf.String("Stempel")))
    state = Dictionary(OFF=Array([group])) if hidden else Dictionary(ON=Array([group]))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([group]), D=state)
    name = pdf.pages[0].add_resource(group, Name.Properties)
    pdf.pages[0].contents_add(f"/OC {name} BDC 0 0 0 rg 300 300 100 100 re f EMC".encode())


@pytest.mark.parametrize("pages", [(1, 2), (1,)])
def test_layers_that_are_all_shown_are_merged(tmp_path: Path, pages: tuple[int, ...]) -> None:
    source = edited(letter(tmp_path / "a.pdf", font=DEJAVU, pages=2), lambda pdf: _layer(pdf, hidden=False))
    _, said = made(source, tmp_path / "out", pages)
    assert said["pdfa"] == "2b"


@pytest.mark.parametrize("pages", [(1, 2), (1,)])
def test_a_hidden_layer_never_becomes_visible(tmp_path: Path, pages: tuple[int, ...]) -> None:
    source = edited(letter(tmp_path / "a.pdf", font=DEJAVU, pages=2), lambda pdf: _layer(pdf, hidden=True))
    pdf, _ = made(source, tmp_path / "out", pages)
    was, now = (Pdf(path).page(1).render(60, colour=False) for path in (source, pdf))
    assert was.tobytes() == now.tobytes()


SCAN_WORDS = (Word("Eingang", (0.7, 0.8, 0.8, 0.815), 0.9, line=1), Word("Kasse", (0.82, 0.8, 0.88, 0.815), 0.9, line=1))


def test_words_that_stand_on_the_page_as_text_are_not_written_again(tmp_path: Path) -> None:
    """A typed page with a scanned stamp: recognition finds both, the layer adds the stamp only."""
    source = letter(tmp_path / "a.pdf", font=DEJAVU)
    from intake.box.inside.textlayer import words_of
    typed = words_of(Pdf(source).page(1))[0]
    pdf, said = made(source, tmp_path / "out", scanned=True, words=(*typed, *SCAN_WORDS))
    assert said["pdfa"] == "2b"
    assert sorted(text_of(pdf)) == sorted([*(word.text for word in typed), "Eingang", "Kasse"])


def test_text_without_sense_does_not_keep_our_words_out(tmp_path: Path) -> None:
    """A layer in a wrong encoding is no text: what was recognised over it is written."""
    source = letter(tmp_path / "a.pdf", tuple("xkcd qwrt bcdfg plmkn zxcvb" for _ in range(6)), font=DEJAVU)
    from intake.box.inside.textlayer import words_of
    typed = words_of(Pdf(source).page(1))[0]
    read = tuple(Word("Gebühr", word.box, 0.9, line=word.line, block=word.block) for word in typed)
    pdf, _ = made(source, tmp_path / "out", scanned=True, words=read)
    assert text_of(pdf).count("Gebühr") == len(read)


def test_an_older_recognition_inside_a_drawing_is_replaced(tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        form = pdf.make_stream(b"BT 3 Tr /F1 12 Tf 70 700 Td (Gcmeinde) Tj ET", Type=Name.XObject, Subtype=Name.Form,
                               BBox=Array([0, 0, 595, 842]), Resources=Dictionary(Font=Dictionary(F1=font)))
        page = pdf.pages[0]
        name = page.add_resource(form, Name.XObject)
        page.obj.Contents = pdf.make_stream(f"0 0 0 rg 50 50 100 100 re f {name} Do".encode())
        del page.Resources[Name.Font]
    source = edited(letter(tmp_path / "a.pdf", font=DEJAVU), change)
    pdf, _ = made(source, tmp_path / "out", scanned=True, words=SCAN_WORDS)
    assert text_of(pdf) == ["Eingang", "Kasse"]
