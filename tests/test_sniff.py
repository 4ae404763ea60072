"""Content decides what a file is; a name decides only between kinds of text, and can never make a file readable."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from intake.box.inside import sniff
from intake.errors import Reason


def kind(data: bytes, name: str = "x") -> sniff.Kind:
    return sniff.sniff(data[:sniff.HEAD], data[-sniff.TAIL:], name)


@pytest.mark.parametrize(("data", "media_type"), [
    (b"%PDF-1.4\n", "application/pdf"), (b"\n" * 1000 + b"%PDF-1.7", "application/pdf"),
    (b"\0" * 1024 + b"%PDF-1.7", "application/pdf"),
    (b"lost header\n1 0 obj <<>> endobj\nstartxref\n0\n%%EOF", "application/pdf"),
    (b"II*\0....", "image/tiff"), (b"MM\0*....", "image/tiff"), (b"II+\0", "image/tiff"), (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"), (b"BM......", "image/bmp"),
    (b"\xff\x4f\xff\x51", "image/jp2"), (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"), (b"\0\0\0\x1cftypavif", "image/avif"),
])
def test_what_is_read(data: bytes, media_type: str) -> None:
    for name in ("scan.pdf", "scan.tif", "x", "brief.eml", "x.exe"):
        found = kind(data, name)
        assert (found.media_type, found.reason) == (media_type, None)
        assert found.media_type in sniff.READABLE


@pytest.mark.parametrize(("data", "reason"), [
    (b"", Reason.EMPTY), (b"%!PS-Adobe-3.0 EPSF-3.0", Reason.UNKNOWN_TYPE), (b"\xc5\xd0\xd3\xc6....", Reason.UNKNOWN_TYPE),
    (b"MZ\x90\0\x03", Reason.ACTIVE), (b"\x7fELF\x02", Reason.ACTIVE), (b"\xca\xfe\xba\xbe\0\0", Reason.ACTIVE),
    (b"L\0\0\0\x01\x14\x02\0", Reason.ACTIVE), (b"GIF89a", Reason.UNKNOWN_TYPE),
    (b"8BPS\0", Reason.UNKNOWN_TYPE), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Reason.UNKNOWN_TYPE),
    (b"\x1f\x8b\x08", Reason.UNKNOWN_TYPE), (b"Rar!\x1a\x07", Reason.UNKNOWN_TYPE),
    (b"\x78\x9f\x3e\x22", Reason.UNKNOWN_TYPE), (b"\0\0\0\x18ftypheic", Reason.UNKNOWN_TYPE),
    (b"<?xml version='1.0'?><Invoice/>", Reason.UNKNOWN_TYPE), (b"BEGIN:VCALENDAR\r\n", Reason.UNKNOWN_TYPE),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNKNOWN_TYPE),
    (b"<svg><script>alert(1)</script></svg>", Reason.ACTIVE),
    (b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>", Reason.ACTIVE),
    (b"<svg><image href='https://example.org/x.png'/></svg>", Reason.ACTIVE),
])
def test_what_is_not_read_says_why(data: bytes, reason: Reason) -> None:
    found = kind(data)
    assert found.reason is reason
    assert found.detail.endswith(".")


def test_an_eps_named_png_never_reaches_pillow() -> None:
    assert kind(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "bild.png").reason is Reason.UNKNOWN_TYPE


@pytest.mark.parametrize("name", ["brief.pdf", "SCAN.TIF", "foto.jpeg", "x.png"])
def test_text_that_calls_itself_a_document_is_the_wrong_type(name: str) -> None:
    found = kind(b"Sehr geehrte Damen und Herren,\n", name)
    assert found.reason is Reason.WRONG_TYPE
    assert "." + name.lower().rsplit(".", 1)[1] in found.detail


@pytest.mark.parametrize("name", ["brief.txt", "tabelle.csv", "ohne-endung", ""])
def test_text_is_text(name: str) -> None:
    for data in ("Grüße aus Köln\n".encode(), "Grüße\n".encode("cp1252"), "Grüße".encode("utf-16")):
        assert kind(data, name) == sniff.Kind("text/plain")


@pytest.mark.parametrize("data", [b"\0" * 100, bytes(range(256)) * 4, b"x", b"\x01\x02\x03\x04binary"])
def test_noise_is_not_text(data: bytes) -> None:
    assert kind(data, "x.txt").reason is Reason.UNKNOWN_TYPE
    assert kind(data, "x.pdf").reason is Reason.WRONG_TYPE


@pytest.mark.parametrize(("data", "name", "media_type"), [
    (b"From: a@b.de\r\nSubject: x\r\n\r\nText", "x", "message/rfc822"),
    (b"Return-Path: <a@b.de>\nReceived: by x\n\n", "mail", "message/rfc822"),
    (b"From a@b.de Mon Jan 1\nFrom: a@b.de\nTo: c@d.de\n\nx", "mbox", "message/rfc822"),
    (b"Hallo: das ist kein Kopf\n\nText", "x.txt", "text/plain"),
    (b"Subject: nur eine Zeile\n\nText", "x.txt", "text/plain"),
    (b"Subject: nur eine Zeile\n\nText", "x.eml", "message/rfc822"),
    (b"<!DOCTYPE html><html></html>", "x.htm", "text/html"), (b"  <html>", "x", "text/html"),
    (b"\xef\xbb\xbf<html>", "x", "text/html"),
])
def test_kinds_of_text(data: bytes, name: str, media_type: str) -> None:
    assert kind(data, name).media_type == media_type


@pytest.mark.parametrize(("form", "media_type"), [("TIFF", "image/tiff"), ("JPEG", "image/jpeg"), ("PNG", "image/png"),
                                                  ("WEBP", "image/webp"), ("JPEG2000", "image/jp2"), ("BMP", "image/bmp")])
def test_what_pillow_writes_is_known(form: str, media_type: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (20, 30), "white").save(file, form)
    assert kind(file.getvalue(), "anything.bin") == sniff.Kind(media_type)


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_get_an_answer_and_names_never_make_them_a_document(data: bytes, name: str) -> None:
    found = kind(data, name)
    assert found.media_type
    assert (found.reason is None) == (found.media_type in sniff.READABLE and not found.detail)
    if found.media_type in sniff.IMAGES | {sniff.PDF}:
        assert kind(data, "") == found


def test_the_job_tells_the_kind(tmp_path) -> None:
    path = tmp_path / "0"
    path.write_bytes(b"MZ" + bytes(100_000))
    assert sniff.run({"name": "brief.pdf"}, [path], tmp_path)["reason"] == "active"
