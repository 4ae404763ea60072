"""Office files become pages where LibreOffice is installed, and say why not where it is not or fails.

A stand-in for LibreOffice (a script that the sandbox starts) shows how it is called; the real one is used where it is installed.
"""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pikepdf
import pytest

from intake.blobs import Blobs
from intake.box import Box, ReadOrder
from intake.box.inside import office
from intake.config import BoxSettings
from intake.errors import ConfigError, InputError, Reason
from intake.unpack import Contents, unpack
from intake.vocabulary import Delivery

REAL = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice ist nicht installiert")
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def docx(text: str = "Antrag auf eine Laterne", **more: str) -> bytes:
    """A small Word document; `more` are further files in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("[Content_Types].xml"), (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType='
            '"application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.wordprocessingml.document.main+xml"/></Types>'))
        archive.writestr(zipfile.ZipInfo("_rels/.rels"), (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" '
            f'Type="{RELATION}/officeDocument" Target="word/document.xml"/></Relationships>'))
        archive.writestr(zipfile.ZipInfo("word/document.xml"), (
            f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>'))
        for name, data in more.items():
            archive.writestr(name, data)
    return packed.getvalue()


def odf(kind: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", "<x/>")
    return packed.getvalue()


def ole(*streams: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + b"".join(
        name.encode("utf-16-le").ljust(64, b"\x00") for name in streams)


def pages(count: int) -> bytes:
    pdf, data = pikepdf.new(), io.BytesIO()
    for _ in range(count):
        pdf.add_blank_page()
    pdf.save(data)
    return data.getvalue()


def stand_in(folder: Path, script: str) -> Path:
    """A program that is called like LibreOffice; `$last` is its file. Its path as a setting."""
    program = folder / "libreoffice" / "program"
    shutil.rmtree(program, ignore_errors=True)
    program.mkdir(parents=True)
    (program / "fertig.pdf").write_bytes(pages(2))
    (program / "soffice.bin").write_text(
        '#!/bin/sh\nhere=$(dirname "$0"); for last; do :; done\n' + script, encoding="utf-8")
    (program / "soffice.bin").chmod(0o755)
    (program / "soffice").touch()
    return program / "soffice"


DRAWS = 'cp "$here/fertig.pdf" "${last%.*}.pdf"\n'


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder outside /tmp, which the sandbox covers with its own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="poststelle-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def boxes() -> Iterator[list[Box]]:
    made: list[Box] = []
    yield made
    for box in made:
        box.close()


def opened(boxes: list[Box], program: Path | str, tmp_path: Path, data: bytes, name: str) -> Contents:
    box = Box(BoxSettings(office=str(program)))
    boxes.append(box)
    blobs = Blobs(tmp_path / "blobs")
    original = blobs.add_bytes(data, name, "application/octet-stream")
    post = Delivery("D1", "mittelau", "k", "mail", "rathaus", datetime(2026, 11, 2, tzinfo=UTC), original)
    workdir = tmp_path / "work"
    workdir.mkdir(exist_ok=True)
    return unpack(box, blobs, replace(post), ReadOrder(), workdir)


def mailed(*attached: tuple[bytes, str]) -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "a@b.example", "Unterlagen"
    made.set_content("Guten Tag")
    for data, name in attached:
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return bytes(made)


def test_what_hangs_on_a_message_stays_and_its_pages_follow_it(boxes: list[Box], tmp_path: Path, place: Path) -> None:
    program = stand_in(place, DRAWS)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("im-archiv.docx", docx())
    parts = opened(boxes, program, tmp_path, mailed(
        (docx(), "antrag.docx"), (b"Liste", "liste.txt"), (inner.getvalue(), "alles.zip")), "post.eml").parts
    assert [(part.position, part.parent, part.blob.name, part.pages, part.problem) for part in parts] == [
        (0, None, "Nachricht.txt", 1, None), (1, 0, "antrag.docx", 0, None), (2, 1, "antrag.pdf", 2, None),
        (3, 0, "liste.txt", 1, None), (4, 0, "alles.zip", 0, None), (5, 4, "im-archiv.docx", 0, None),
        (6, 5, "im-archiv.pdf", 2, None)]
    assert Blobs(tmp_path / "blobs").read(parts[1].blob.sha256) == docx()


def test_a_delivery_that_is_an_office_file_has_its_pages_itself(boxes: list[Box], tmp_path: Path, place: Path) -> None:
    (part,) = opened(boxes, stand_in(place, DRAWS), tmp_path, docx(), "antrag.docx").parts
    assert (part.blob.name, part.blob.media_type, part.pages, part.problem) == ("antrag.docx", "application/pdf", 2, None)


@pytest.mark.parametrize(("script", "reason"), [
    ("exit 1\n", Reason.DAMAGED), ("printf 'kein PDF' > \"${last%.*}.pdf\"\n", Reason.DAMAGED),
    ("ln -s /etc/hostname \"${last%.*}.pdf\"\n", Reason.DAMAGED), ("kill -9 $PPID\n", Reason.TIMEOUT)])
def test_where_it_breaks_the_rest_of_the_message_goes_on(
        boxes: list[Box], tmp_path: Path, place: Path, script: str, reason: Reason) -> None:
    parts = opened(boxes, stand_in(place, script), tmp_path, mailed((docx(), "a.docx"), (b"Liste", "b.txt")), "p.eml").parts
    assert [(part.blob.name, part.pages, part.problem) for part in parts] == [
        ("Nachricht.txt", 1, None), ("a.docx", 0, reason), ("b.txt", 1, None)]


def test_alone_it_says_why_it_gives_no_pages(boxes: list[Box], tmp_path: Path, place: Path) -> None:
    for program, why in ((stand_in(place, "exit 1\n"), "Kennwort"), ("off", "LibreOffice")):
        with pytest.raises(InputError) as refused:
            opened(boxes, program, tmp_path, docx(), "antrag.docx")
        assert why in refused.value.detail
    with pytest.raises(ConfigError, match="apt-get install libreoffice"):
        boxes[-1].office(None, tmp_path)  # type: ignore[arg-type]


def test_it_is_started_again_when_it_asks_for_it_and_sees_only_its_file(boxes: list[Box], tmp_path: Path, place: Path) -> None:
    script = ('[ -e /tmp/zweiter ] || { touch /tmp/zweiter; exit 81; }\n'
              'case "$*" in *--convert-to*/tmp/office/dokument.docx) ;; *) exit 3;; esac\n'
              'grep -q DisableMacrosExecution /tmp/profile/user/registrymodifications.xcu || exit 4\n'
              '[ -e /etc/passwd ] && exit 5; [ -e /var/log ] && exit 6; touch /usr/x 2>/dev/null && exit 7\n' + DRAWS)
    (part,) = opened(boxes, stand_in(place, script), tmp_path, docx(), "antrag.docx").parts
    assert part.pages == 2


def test_rtf_is_drawn_or_else_read_as_text(boxes: list[Box], tmp_path: Path, place: Path) -> None:
    data = b"{\\rtf1 Antrag auf eine Laterne}"
    (drawn,) = opened(boxes, stand_in(place, DRAWS), tmp_path, data, "antrag.rtf").parts
    assert (drawn.blob.media_type, drawn.pages) == ("application/pdf", 2)
    for program in (stand_in(place, "exit 1\n"), "off"):
        (text,) = opened(boxes, program, tmp_path, data, "antrag.rtf").parts
        assert (text.blob.media_type, text.pages, text.problem) == ("text/plain", 1, None)
        parts = opened(boxes, program, tmp_path, mailed((data, "antrag.rtf")), "p.eml").parts
        assert [(part.position, part.parent, part.blob.media_type, part.pages) for part in parts] == [
            (0, None, "text/plain", 1), (1, 0, "text/plain", 1)]
        assert b"Laterne" in Blobs(tmp_path / "blobs").read(parts[1].blob.sha256)


@pytest.mark.parametrize(("data", "expected"), [
    (docx(), ".docx"), (odf("text"), ".odt"), (odf("spreadsheet"), ".ods"), (b"{\\rtf1 x}", ".rtf"),
    (ole("WordDocument"), ".doc"), (ole("Workbook"), ".xls"), (ole("Book"), ".xls"), (odf("formula"), Reason.UNKNOWN_TYPE),
    (ole("EncryptedPackage"), Reason.ENCRYPTED), (ole("WordDocument", "_VBA_PROJECT"), Reason.ACTIVE),
    (ole("__properties_version1.0"), Reason.UNKNOWN_TYPE), (ole("Etwas"), Reason.UNKNOWN_TYPE),
    (docx(**{"word/vbaProject.bin": "x"}), Reason.ACTIVE), (b"Text", Reason.UNKNOWN_TYPE),
    (docx(**{"word/_rels/document.xml.rels": f'<Relationship Type="{RELATION}/image" Target="http://x" TargetMode="External"/>'}),
     Reason.ACTIVE)])
def test_what_it_is_by_its_content(data: bytes, expected: str | Reason, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    if isinstance(expected, Reason):
        with pytest.raises(InputError) as refused:
            office.suffix_of(path)
        assert refused.value.reason is expected
    else:
        assert office.suffix_of(path) == expected


# ---- the real one ----------------------------------------------------------------------------------------------------


@REAL
def test_the_real_one_draws_a_letter(boxes: list[Box], tmp_path: Path) -> None:
    parts = opened(boxes, "auto", tmp_path, mailed((docx("Laterne in der Dorfstraße"), "antrag.docx")), "p.eml").parts
    assert [(part.pages, part.problem) for part in parts] == [(1, None), (0, None), (1, None)]
    blobs = Blobs(tmp_path / "blobs")
    read = boxes[0].read(blobs.path(parts[2].blob.sha256), "application/pdf", [1], ReadOrder(), tmp_path)
    assert "Laterne in der Dorfstraße" in read.pages[0].text


@REAL
@pytest.mark.long
def test_every_common_format_through_the_real_one(boxes: list[Box], tmp_path: Path) -> None:
    (tmp_path / "quelle.docx").write_bytes(docx("Laterne"))
    for suffix in ("odt", "doc", "rtf"):
        subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profil", "--convert-to", suffix,
                        "--outdir", str(tmp_path), str(tmp_path / "quelle.docx")], check=True, capture_output=True, timeout=120)
    for suffix in ("odt", "doc", "rtf"):
        path = tmp_path / f"quelle.{suffix}"
        (part,) = opened(boxes, "auto", tmp_path, path.read_bytes(), path.name).parts
        assert (part.pages, part.blob.media_type) == (1, "application/pdf"), suffix


@REAL
def test_the_real_one_calls_nobody(boxes: list[Box], tmp_path: Path) -> None:
    called: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        port = canary.getsockname()[1]
        listener = threading.Thread(target=_listen, args=(canary, called))
        listener.start()
        code = ("{\\rtf1 Antrag "
                f"{{\\field{{\\*\\fldinst INCLUDEPICTURE \"http://127.0.0.1:{port}/x.png\" \\\\d}}{{\\fldrslt x}}}}"
                f"{{\\field{{\\*\\fldinst INCLUDETEXT \"http://127.0.0.1:{port}/y.rtf\"}}{{\\fldrslt y}}}}\\par}}")
        box = Box(BoxSettings())
        boxes.append(box)
        path = tmp_path / "x.rtf"
        path.write_text(code, encoding="ascii")
        part = box.unpack(path, "x.rtf", tmp_path, office=True).parts[0]
        assert box.office(part, tmp_path).pages == 1
        listener.join()
    assert not called


def _listen(canary: socket.socket, called: list[object]) -> None:
    for _ in range(30):
        try:
            called.append(canary.accept())
        except (TimeoutError, OSError):
            continue
