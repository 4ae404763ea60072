"""Deliveries through the box: PDF ladder, images, mail, archives, and the corpus of bad input."""

from __future__ import annotations

import csv
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pikepdf
import pytest
from fpdf import FPDF
from PIL import Image

from intake.blobs import Blobs
from intake.box import QUARANTINED, Box, FoundPart, ReadOrder
from intake.box.inside import archive, pdfcheck
from intake.box.inside import unpack as inside
from intake.config import BoxSettings
from intake.errors import BoxDied, InputError, Reason
from intake.unpack import sentence, unpack
from intake.vocabulary import Envelope
from tests.making import delivery

BOX = Box(BoxSettings(cpu_seconds=10, cpu_seconds_page=10, wall_seconds=60, max_pages=60, max_parts=50, max_megapixels=50))


def pdf(pages: int = 1, **save: object) -> bytes:
    made = FPDF()
    made.set_font("helvetica", size=14)
    for number in range(1, pages + 1):
        made.add_page()
        made.cell(text=f"Seite {number}")
    with pikepdf.open(io.BytesIO(bytes(made.output()))) as document:
        file = io.BytesIO()
        document.save(file, **save)
    return file.getvalue()


def picture(form: str, frames: int = 1, size: tuple[int, int] = (200, 300)) -> bytes:
    file = io.BytesIO()
    images = [Image.new("RGB", size, (250, 240, number)) for number in range(frames)]
    images[0].save(file, form, **({"save_all": True, "append_images": images[1:]} if frames > 1 else {}))
    return file.getvalue()


@pytest.fixture
def found(tmp_path: Path):
    def run(data: bytes, name: str = "scan.pdf", box: Box = BOX) -> tuple[FoundPart, ...]:
        original = tmp_path / "original"
        original.write_bytes(data)
        parts = box.unpack(original, name, tmp_path).parts
        assert original.read_bytes() == data
        return parts
    return run


@pytest.fixture
def reason(found):
    def run(data: bytes, name: str = "scan.pdf", box: Box = BOX) -> Reason:
        with pytest.raises(InputError) as refused:
            found(data, name, box)
        assert str(refused.value) == sentence(refused.value.reason)
        return refused.value.reason
    return run


# ---- one file, one part ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pages", [1, 7])
def test_a_pdf_is_one_part_and_its_own_file(found, tmp_path: Path, pages: int) -> None:
    (part,) = found(pdf(pages))
    assert (part.position, part.parent, part.media_type, part.pages, part.problem) == (0, None, "application/pdf", pages, None)
    assert part.path == tmp_path / "original"
    assert part.size == part.path.stat().st_size


@pytest.mark.parametrize(("form", "frames", "media_type"), [
    ("TIFF", 1, "image/tiff"), ("TIFF", 5, "image/tiff"), ("JPEG", 1, "image/jpeg"), ("PNG", 1, "image/png"),
    ("WEBP", 1, "image/webp"), ("JPEG2000", 1, "image/jp2")])
def test_images_by_content_whatever_the_name(found, tmp_path: Path, form: str, frames: int, media_type: str) -> None:
    (part,) = found(picture(form, frames), "falsch.pdf")
    assert (part.media_type, part.pages, part.path) == (media_type, frames, tmp_path / "original")


@pytest.mark.parametrize("form", ["BMP", "AVIF"])
def test_rare_images_are_read_as_png(found, form: str) -> None:
    try:
        data = picture(form)
    except (OSError, KeyError):
        pytest.skip(f"this Pillow cannot write {form}")
    (part,) = found(data, "bild")
    assert (part.media_type, part.pages) == ("image/png", 1)
    assert part.path.read_bytes().startswith(b"\x89PNG")


def test_text_and_html(found) -> None:
    (part,) = found("Grüße\n".encode("cp1252") * 200, "brief.txt")
    assert part.media_type == "text/plain"
    assert part.pages > 1
    (part,) = found(b"<html><body><p>Guten Tag</p><script>x()</script></body></html>", "seite.htm")
    assert (part.media_type, part.path.read_text()) == ("text/plain", "Guten Tag")


def test_what_the_issue_names(reason, tmp_path: Path) -> None:
    assert reason(b"") is Reason.EMPTY
    assert reason(pdf(encryption=pikepdf.Encryption(owner="o", user="u"))) is Reason.ENCRYPTED
    assert reason(b"Sehr geehrte Damen und Herren\n", "brief.pdf") is Reason.WRONG_TYPE
    with pytest.raises(InputError) as refused:
        BOX.unpack(tmp_path / "none.pdf", "none.pdf", tmp_path)
    assert refused.value.reason is Reason.UNREADABLE


def test_an_owner_password_alone_locks_nothing(found) -> None:
    assert found(pdf(2, encryption=pikepdf.Encryption(owner="geheim", user="")))[0].pages == 2


def test_limits_of_one_file(reason, found) -> None:
    assert found(pdf(60))[0].pages == 60
    assert reason(pdf(61)) is Reason.TOO_LARGE
    assert reason(picture("TIFF", 61, (5, 5)), "x.tif") is Reason.TOO_LARGE
    assert reason(picture("PNG", size=(9000, 6000)), "x.png") is Reason.TOO_LARGE
    assert reason(b"a\f" * 61, "x.txt") is Reason.TOO_LARGE


# ---- the PDF ladder --------------------------------------------------------------------------------------------------


def test_junk_around_a_pdf_does_no_harm(found) -> None:
    whole = pdf(2)
    for data in (b"\0" * 1024 + whole, b"\r\n\r\n" + whole, whole + b"junk" * 20, whole.replace(b"%PDF-1.3", b"%P-1.3")):
        assert found(data)[0].pages == 2


def test_a_damaged_pdf_is_mended_and_says_so(found, tmp_path: Path) -> None:
    lost = pdf(1).replace(b"%PDF-", b"%XYZ-")
    (part,) = found(lost)
    assert part.pages == 1
    assert part.path != tmp_path / "original"
    assert "repariert" in part.detail
    assert pdfcheck.look(part.path, ink=True).blank is False


@pytest.mark.parametrize("data", [
    b"%PDF-1.4", b"%PDF-1.4\n1 0 obj<<>>endobj trailer<</Root 1 0 R>>\n%%EOF", b"%PDF-" + bytes(500)])
def test_what_cannot_be_mended_is_damaged(reason, data: bytes) -> None:
    assert reason(data) in {Reason.DAMAGED, Reason.NO_PAGES}


def test_a_blank_page_is_a_page_but_a_lost_one_is_not(found, reason) -> None:
    blank = FPDF()
    blank.add_page()
    whole = bytes(blank.output())
    assert found(whole)[0].pages == 1
    with pikepdf.open(io.BytesIO(pdf(1))) as document:  # the text is there, but in an object that does not exist
        document.pages[0].obj.Contents = document.make_stream(b"q /Im0 Do Q")
        file = io.BytesIO()
        document.save(file)
    assert reason(file.getvalue()) is Reason.BLANK_AND_DAMAGED


def test_a_cut_off_scan_is_never_silently_blank(found, reason, tmp_path: Path) -> None:
    """Whatever is cut off: either the page still shows something, or the file is refused."""
    whole = pdf(1)
    for share in (0.3, 0.5, 0.7, 0.9):
        try:
            (part,) = found(whole[:int(len(whole) * share)])
        except InputError as error:
            assert error.reason in {Reason.DAMAGED, Reason.BLANK_AND_DAMAGED, Reason.NO_PAGES}
        else:
            assert not pdfcheck.look(part.path, ink=True).blank


def test_the_table_of_contents_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    for data, expected in ((pdf(1), False), (pdf(1, linearize=True), False), (b"\0" * 100 + pdf(1), False),
                           (pdf(1, object_stream_mode=pikepdf.ObjectStreamMode.generate), False),
                           (pdf(1)[:-10], True), (pdf(1).replace(b"startxref\n", b"startxref\n1"), True), (b"%PDF-1.4", True)):
        path.write_bytes(data)
        assert pdfcheck.odd(path) is expected


# ---- archives and Office ---------------------------------------------------------------------------------------------


def zipped(*entries: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            made.writestr(name, data)
    return file.getvalue()


RELATION = (b'<Relationships><Relationship Id="1" Type="http://schemas/%s" Target="http://example.org/x" '
            b'TargetMode="External"/></Relationships>')


@pytest.mark.parametrize(("entries", "expected"), [
    ((("brief.txt", b"x"),), None), ((("rechnung.pdf.exe", b"x"),), None),
    ((("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")), Reason.UNKNOWN_TYPE),
    ((("[Content_Types].xml", b"<x/>"), ("xl/vbaProject.bin", b"x")), Reason.ACTIVE),
    ((("[Content_Types].xml", b"<x/>"), ("word/_rels/document.xml.rels", RELATION % b"image")), Reason.ACTIVE),
    ((("[Content_Types].xml", b"<x/>"), ("word/_rels/document.xml.rels", RELATION % b"hyperlink")), Reason.UNKNOWN_TYPE),
    ((("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>")), Reason.ACTIVE),
    ((("../../etc/cron.d/x", b"x"),), Reason.ACTIVE),
    ((("/etc/passwd", b"x"),), Reason.ACTIVE), ((("..\\..\\x", b"x"),), Reason.ACTIVE), ((("C:\\x", b"x"),), Reason.ACTIVE),
    ((("bomb", bytes(80 << 20)),), Reason.TOO_LARGE),
    ((("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"x")), Reason.UNKNOWN_TYPE),
])
def test_archives_say_what_they_are(tmp_path: Path, entries: tuple[tuple[str, bytes], ...], expected: Reason | None) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(*entries))
    kind = archive.zip_kind(path)
    assert kind.reason is expected
    assert kind.detail.endswith(".") or expected is None


def test_links_and_broken_archives(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        made.writestr(link, "/etc/passwd")
    path = tmp_path / "x.zip"
    path.write_bytes(file.getvalue())
    assert archive.zip_kind(path).reason is Reason.ACTIVE
    for data in (b"PK\x03\x04", file.getvalue()[:-10], b"PK\x05\x06" + bytes(5)):
        path.write_bytes(data)
        assert archive.zip_kind(path).reason is Reason.DAMAGED


def test_an_office_document_with_macros_is_refused(reason) -> None:
    assert reason(zipped(("[Content_Types].xml", b""), ("word/vbaProject.bin", b"")), "a.docx") is Reason.ACTIVE


def parts_of(tmp_path: Path, data: bytes, name: str) -> list[dict[str, object]]:
    """What the job answers for a delivery of these bytes."""
    path, out = tmp_path / name, tmp_path / "out"
    path.write_bytes(data)
    out.mkdir()
    order = {"name": name, "max_pages": 100, "max_parts": 50, "max_depth": 3, "max_megapixels": 200}
    found = inside.run(order, [path], out)["parts"]
    for part in found:
        part["bytes"] = (out / part["file"]).read_bytes() if part["file"] else data
    return found


def test_the_files_of_an_archive_are_parts_none_of_them_lost(tmp_path: Path) -> None:
    inner = zipped(("tief.txt", b"unten"))
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped(("Plan A/brief.txt", b"eins"), ("Plan A/", b""), ("brief.txt", b"zwei"), ("brief.txt", b"drei"),
                      ("noch.zip", inner), ("start.exe", b"MZ"), ("leer.txt", b""))
    found = parts_of(tmp_path, data, "unterlagen.zip")
    told = [(part["name"], part["parent"], part["pages"], part["problem"]) for part in found]
    assert told == [("unterlagen.zip", None, 0, None), ("Plan A/brief.txt", 0, 1, None), ("brief.txt", 0, 1, None),
                    ("brief.txt", 0, 1, None), ("noch.zip", 0, 0, None), ("tief.txt", 4, 1, None),
                    ("start.exe", 0, 0, "active"), ("leer.txt", 0, 0, "empty")]
    assert [found[at]["bytes"] for at in (1, 2, 3, 5)] == [b"eins", b"zwei", b"drei", b"unten"]


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    data = b"Brief"
    for level in range(6):
        data = zipped((f"{level}.zip" if level else "brief.txt", data))
    deepest = parts_of(tmp_path, data, "a.zip")[-1]
    assert deepest["problem"] == "too_large" and "ineinander" in str(deepest["detail"])


def test_what_comes_out_of_archives_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "MOST_UNPACKED", 1000)
    with pytest.raises(InputError) as told:
        parts_of(tmp_path, zipped(("a", b"x" * 600), ("b", b"y" * 600)), "a.zip")
    assert told.value.reason is Reason.TOO_LARGE


def test_a_damaged_file_does_not_stop_the_archive(tmp_path: Path) -> None:
    data = bytearray(zipped(("a.txt", b"erste Datei " * 20), ("b.txt", b"zweite")))
    data[45] ^= 0xFF  # inside the first file
    found = parts_of(tmp_path, bytes(data), "a.zip")
    assert [(part["name"], part["problem"]) for part in found] == [("a.zip", None), ("a.txt", "damaged"), ("b.txt", None)]


def test_a_message_in_an_archive_is_taken_apart(tmp_path: Path) -> None:
    mail = b"From: a@b.de\r\nSubject: Antrag\r\nTo: c@d.de\r\n\r\nText"
    found = parts_of(tmp_path, zipped(("post/eins.eml", mail)), "a.zip")
    assert [(part["name"], part["parent"]) for part in found] == [("a.zip", None), ("Nachricht.txt", 0)]


def test_rtf_is_read(tmp_path: Path) -> None:
    (part,) = parts_of(tmp_path, rb"{\rtf1\ansi Sehr geehrte Frau M\'fcller,\par anbei.}", "brief.rtf")
    assert part["media_type"] == "text/plain" and part["bytes"].decode().split() == [  # type: ignore[attr-defined]
        "Sehr", "geehrte", "Frau", "Müller,", "anbei."]


# ---- into blobs ------------------------------------------------------------------------------------------------------


def test_a_delivery_becomes_parts_with_blobs(tmp_path: Path) -> None:
    made = EmailMessage()
    made["From"], made["Subject"] = "Erika <erika@example.org>", "Antrag"
    made.set_content("Guten Tag")
    made.add_attachment(pdf(2), maintype="application", subtype="octet-stream", filename="plan.dat")
    made.add_attachment(pdf(encryption=pikepdf.Encryption(owner="o", user="u")), maintype="application", subtype="pdf",
                        filename="geheim.pdf")
    blobs = Blobs(tmp_path / "blobs")
    original = blobs.add_bytes(bytes(made), "antrag.eml", "application/octet-stream")
    post = replace(delivery(), original=original)
    results = []
    for number in range(2):  # every step may run twice
        workdir = tmp_path / str(number)
        workdir.mkdir()
        results.append(unpack(BOX, blobs, post, ReadOrder(), workdir))
    assert results[0] == results[1]
    envelope, parts = results[0].envelope, results[0].parts
    assert results[0].read is None  # a mail is more than one file: its parts are read one by one
    assert envelope == Envelope(sender="Erika <erika@example.org>", subject="Antrag")
    assert [(part.blob.name, part.blob.media_type, part.pages, part.problem, part.parent) for part in parts] == [
        ("Nachricht.txt", "text/plain", 1, None, None), ("plan.dat", "application/pdf", 2, None, 0),
        ("geheim.pdf", "application/pdf", 0, "encrypted", 0)]
    assert all(blobs.check(part.blob.sha256) and part.delivery == post.id for part in parts)
    assert blobs.read(original.sha256) == bytes(made)


def test_a_scan_keeps_its_blob_under_its_true_type(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    original = blobs.add_bytes(picture("TIFF"), "scan.pdf", "application/pdf")
    contents = unpack(BOX, blobs, replace(delivery(), original=original), ReadOrder(), tmp_path)
    assert contents.parts[0].blob == replace(original, media_type="image/tiff")
    assert contents.read is not None and [page.number for page in contents.read.pages] == [1]


def test_a_small_file_is_read_while_it_is_open_and_says_the_same_as_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "brief.txt"
    path.write_text("Sehr geehrte Damen und Herren,\nhiermit beantrage ich eine Mülltonne.", encoding="utf-8")
    opened = BOX.open(path, "brief.txt", ReadOrder(), tmp_path)
    alone = BOX.read(path, "text/plain", [1], ReadOrder(), tmp_path)
    assert opened.read is not None and opened.read.pages == alone.pages and opened.read.reader == alone.reader
    assert opened.read.previews[0].read_bytes() == alone.previews[0].read_bytes()
    assert opened.unpacked.parts == BOX.unpack(path, "brief.txt", tmp_path).parts


def test_a_long_file_is_only_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "lang.pdf"
    path.write_bytes(pdf(3))
    opened = BOX.open(path, "lang.pdf", ReadOrder(chunk_pages=2), tmp_path)
    assert opened.read is None and opened.unpacked.parts[0].pages == 3


# ---- the corpus of bad input -----------------------------------------------------------------------------------------

WHY = {
    "shown": "what is left is shown to a clerk with the warning that the file is damaged",
    "mended": "qpdf recovers the content, and the page shows it",
    "safe": "no content and a damaged file: cannot be told from a lost page, so a person looks",
}
DEVIATIONS = {
    "pdf-bomb/pages-count-lie.pdf": ("rejected with reason", "safe"),
    "pdf-malformed/T02-03_010_page-object-missing-contents.pdf": ("rejected with reason", "safe"),
    "pdf-malformed/T04_006_premature-EOF.pdf": ("processed", "mended"),
    "pdf-malformed/trailer_loop.pdf": ("processed", "mended"),
    "image/broken_data_stream.png": ("processed", "shown"),
    "image/truncated_image.png": ("processed", "shown"),
    "image/truncated_jpeg.jpg": ("processed", "shown"),
}


def outcome(path: Path, workdir: Path) -> tuple[str, str]:
    """What becomes of one file: unpacked and its first pages read, in the words of the manifest, with the reason."""
    box = Box(BoxSettings(cpu_seconds=10, cpu_seconds_page=10, wall_seconds=90))
    try:
        parts = box.unpack(path, path.name, workdir).parts
        for part in parts:
            if part.pages:
                pages = range(1, min(part.pages, 2) + 1)
                box.read(part.path, part.media_type, pages, ReadOrder(trust_text_layer="always"), workdir)
    except InputError as error:
        return ("quarantined" if error.reason in QUARANTINED else "rejected with reason"), error.reason
    except BoxDied as error:
        return ("quarantined" if error.reason in QUARANTINED else "rejected with reason"), f"died {error.reason}"
    return "processed", ""


def walk_corpus(root: Path, tmp_path: Path, tiers: set[str], workers: int) -> list[str]:
    """Every file of the tiers through the box; returns those whose end is neither the manifest's nor explained."""
    rows = [row for row in csv.DictReader((root / "MANIFEST.csv").open()) if row["tier"] in tiers]
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}

    def one(row: dict[str, str]) -> str | None:
        workdir = tmp_path / row["sha256"]
        workdir.mkdir(exist_ok=True)
        got, why = outcome(root / row["file"], workdir)
        expected = DEVIATIONS.get(row["file"], (row["expected_outcome"], ""))[0]
        return None if got == expected else f"{row['file']}: {got} ({why}), expected {expected}"

    with ThreadPoolExecutor(workers) as pool:
        wrong = [line for line in pool.map(one, rows) if line]
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert {path.name for path in tmp_path.iterdir()} == {row["sha256"] for row in rows}
    return wrong


@pytest.mark.timeout(300)
def test_the_core_of_the_corpus(shared_data: Path, tmp_path: Path) -> None:
    """Some of the core files, each an outcome with a reason; all of them in the long test."""
    root = shared_data / "bad_inputs"
    names = sorted(row["file"] for row in csv.DictReader((root / "MANIFEST.csv").open()) if row["tier"] == "core")[::8]
    wrong = []
    with ThreadPoolExecutor(2) as pool:
        rows = {row["file"]: row for row in csv.DictReader((root / "MANIFEST.csv").open())}
        for name, (got, why) in zip(names, pool.map(lambda name: outcome(root / name, tmp_path), names), strict=True):
            if got != DEVIATIONS.get(name, (rows[name]["expected_outcome"], ""))[0]:
                wrong.append(f"{name}: {got} {why}")
    assert wrong == []


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_whole_corpus(shared_data: Path, tmp_path: Path) -> None:
    wrong = walk_corpus(shared_data / "bad_inputs", tmp_path, {"core", "nightly"}, workers=2)
    assert wrong == []


def test_every_deviation_is_explained(shared_data: Path) -> None:
    rows = {row["file"]: row for row in csv.DictReader((shared_data / "bad_inputs/MANIFEST.csv").open())}
    for name, (got, why) in DEVIATIONS.items():
        assert rows[name]["expected_outcome"] != got
        assert why in WHY
    assert len(DEVIATIONS) <= 0.06 * len(rows)


@pytest.mark.long
def test_real_mail_never_breaks_the_box(shared_data: Path, tmp_path: Path) -> None:
    for path in sorted((shared_data / "mails").rglob("*")):
        if path.suffix == ".eml" and path.stat().st_size:
            parts = BOX.unpack(path, path.name, tmp_path).parts
            assert parts[0].media_type == "text/plain"
            assert parts[0].pages >= 1
