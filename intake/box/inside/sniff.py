"""What bytes are, by their content; the sender's name only decides between kinds of text. Opens no parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intake.errors import Reason

HEAD, TAIL = 64 * 1024, 2048
PDF_HEADER_WITHIN = 1024  # what readers accept (ISO 32000-1, Annex H.3.4.1 note)

PDF, MAIL, TEXT, HTML = "application/pdf", "message/rfc822", "text/plain", "text/html"
ZIP, OUTLOOK, TNEF, RTF = "application/zip", "application/vnd.ms-outlook", "application/ms-tnef", "application/rtf"
IMAGES = frozenset({"image/tiff", "image/jpeg", "image/png", "image/webp", "image/jp2", "image/bmp", "image/avif"})
READABLE = IMAGES | {PDF, MAIL, TEXT, HTML, RTF}

OFFICE = frozenset({"application/vnd.openxmlformats-officedocument", "application/vnd.oasis.opendocument",
                    "application/x-ole-storage", RTF})
"""What LibreOffice may draw, where it is installed (job `office`). RTF is read as text where it is not."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"II*\x00", "image/tiff"), (b"MM\x00*", "image/tiff"), (b"II+\x00", "image/tiff"), (b"MM\x00+", "image/tiff"),
    (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"), (b"\xff\x4f\xff\x51", "image/jp2"), (b"BM", "image/bmp"),
    (b"PK\x03\x04", "application/zip"), (b"PK\x05\x06", "application/zip"), (b"PK\x07\x08", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"%!PS", "application/postscript"), (b"\xc5\xd0\xd3\xc6", "application/postscript"),
    (b"{\\rtf", "application/rtf"), (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (b"MZ", "application/x-dosexec"), (b"\x7fELF", "application/x-executable"), (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"GIF8", "image/gif"), (b"8BPS", "image/vnd.adobe.photoshop"), (b"\x01\xda", "image/sgi"),
    (b"Rar!", "application/vnd.rar"), (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"), (b"BZh", "application/x-bzip2"), (b"\xfd7zXZ\x00", "application/x-xz"),
)
_FTYP = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic"}
_INVOICE = re.compile(rb"<([\w.-]{1,40}:)?(invoice|creditnote|crossindustry(invoice|document))\s[^>]*urn:", re.IGNORECASE)
_DANGEROUS = frozenset({"application/x-dosexec", "application/x-executable", "application/java-vm",
                        "application/x-ms-shortcut"})
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")
_MAIL_HEADERS = re.compile(
    rb"^(from|to|cc|subject|date|received|return-path|message-id|mime-version|content-type|delivered-to|sender|reply-to"
    rb"|x-[a-z-]+|envelope-to|dkim-signature|content-transfer-encoding)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", HTML), (b"<html", HTML), (b"<head", HTML), (b"<body", HTML), (b"<?xml", "application/xml"),
    (b"begin:vcalendar", "text/calendar"), (b"begin:vcard", "text/vcard"),
)
_PROMISES = {".pdf": PDF, ".tif": "image/tiff", ".tiff": "image/tiff", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
             ".png": "image/png", ".webp": "image/webp", ".jp2": "image/jp2"}

GERMAN = {
    "application/zip": "ZIP-Archiv", "application/x-ole-storage": "altes Office- oder Outlook-Format",
    "application/postscript": "PostScript", "application/rtf": "RTF-Text",
    "application/ms-tnef": "Outlook-Sonderformat winmail.dat",
    "application/x-dosexec": "Windows-Programm", "application/x-executable": "Linux-Programm",
    "application/java-vm": "Java-Programm", "application/x-ms-shortcut": "Windows-Verknüpfung", "image/svg+xml": "SVG-Grafik",
    "image/heic": "HEIC-Foto", "image/gif": "GIF-Bild", "application/vnd.rar": "RAR-Archiv", "application/gzip": "gzip-Archiv",
    "application/x-7z-compressed": "7z-Archiv", "application/x-tar": "tar-Archiv", "application/xml": "XML-Datei",
    "image/vnd.adobe.photoshop": "Photoshop-Bild", "text/calendar": "Kalendereintrag", "text/vcard": "Visitenkarte",
    "application/vnd.openxmlformats-officedocument": "Office-Dokument",
    "application/vnd.oasis.opendocument": "OpenDocument-Dokument",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A media type; `reason` says why files of it are not read here (None = they are), `detail` the same in German."""

    media_type: str
    reason: Reason | None = None
    detail: str = ""


def refused(media_type: str, reason: Reason | None = None) -> Kind:
    """The kind of a file that is not read here."""
    named = GERMAN.get(media_type, media_type)
    if reason is None:
        reason = Reason.ACTIVE if media_type in _DANGEROUS else Reason.UNKNOWN_TYPE
    if reason is Reason.ACTIVE:
        return Kind(media_type, reason, f"Die Datei enthält ausführbaren Inhalt ({named}) und wird nicht geöffnet.")
    more = " Oder lassen Sie LibreOffice installieren (libreoffice-writer-nogui)." if media_type in OFFICE else ""
    return Kind(media_type, reason, f"Dieses Format wird nicht gelesen: {named}. Bitten Sie um eine PDF-Datei.{more}")


def sniff(data: bytes, tail: bytes, name: str) -> Kind:
    """The kind of a file from its first 64 KiB, its last 2 KiB and the name it came with."""
    suffix = Path(name).suffix.lower()
    if not data:
        return Kind("application/x-empty", Reason.EMPTY, "Die Datei ist leer (0 Byte).")
    if b"%PDF-" in data[:PDF_HEADER_WITHIN + 5] and not data.startswith(b"PK\x03\x04"):  # a stored PDF in an archive is none
        return Kind(PDF)
    found = _by_magic(data)
    if found:
        return Kind(found) if found in READABLE else refused(found)
    if b"startxref" in tail and b" obj" in data:  # the header is lost, the file may be whole
        return Kind(PDF)
    if not _is_text(data):
        return refused("application/octet-stream", Reason.WRONG_TYPE if suffix in _PROMISES else None)
    return _text_kind(data, suffix)


def _by_magic(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return _FTYP.get(data[8:12], "video/mp4")
    if data[257:262] == b"ustar":
        return "application/x-tar"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def _is_text(data: bytes) -> bool:
    """True when the bytes can be meant to be read: UTF-16 with its mark, or hardly a control character."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    odd = sum(data.count(code) for code in (*range(9), *range(14, 27), *range(28, 32)))
    return data.count(0) == 0 and odd * 100 <= len(data) and len(data.strip()) > 1


def _text_kind(data: bytes, suffix: str) -> Kind:
    """Mail, HTML, XML or plain text; a text that calls itself a PDF or an image is none of them."""
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1024]
    lower = start.lower()
    if b"<svg" in lower and lower.startswith((b"<", b"<?xml", b"<!doctype")):
        harmful = re.search(rb"<script|<!entity|<!doctype[^>]*\[|href\s*=\s*.(?:https?|file):|\son\w+\s*=", data, re.IGNORECASE)
        return refused("image/svg+xml", Reason.ACTIVE if harmful else None)
    if suffix == ".eml" or _is_mail(data):
        return Kind(MAIL)
    if suffix in _PROMISES:
        return Kind(TEXT, Reason.WRONG_TYPE, f"Der Name endet auf {suffix}, der Inhalt ist aber gewöhnlicher Text.")
    for begins, media_type in _TEXTS:
        if lower.startswith(begins):
            return Kind(HTML) if media_type == HTML else refused(media_type)
    return refused("application/xml") if _INVOICE.match(lower) else Kind(TEXT)


def _is_mail(data: bytes) -> bool:
    """True when the bytes begin with header lines of which at least two are those of a message."""
    if data.startswith(b"From ") and b"\n" in data:
        data = data.split(b"\n", 1)[1]
    if not _HEADER_LINE.match(data):
        return False
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    return len({match.group(1).lower() for match in _MAIL_HEADERS.finditer(head)}) >= 2


def sniff_file(path: Path, name: str) -> Kind:
    """The kind of the file at `path`."""
    with path.open("rb") as file:
        data = file.read(HEAD)
        file.seek(max(0, path.stat().st_size - TAIL))
        return sniff(data, file.read(TAIL), name)


def run(order: dict[str, Any], inputs: list[Path], out: Path) -> dict[str, Any]:
    """The job `sniff`: {media_type, reason, detail} of inputs[0], called order["name"]."""
    kind = sniff_file(inputs[0], str(order.get("name", "")))
    return {"media_type": kind.media_type, "reason": kind.reason.value if kind.reason else None, "detail": kind.detail}
