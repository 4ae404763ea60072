"""ZIP files: what kind it is, from its directory and small parts (Office document, archive, something harmful), and its files.

Own counters decide how much is unpacked, never what the directory says; names are only shown. Office documents are named
as a problem of their part, with the right reason.
"""

from __future__ import annotations

import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from intake.box.inside.sniff import ZIP, Kind, refused
from intake.errors import InputError, Reason

MAX_ENTRIES, MAX_TOTAL, MAX_RATIO = 10_000, 2 << 30, 200
_SMALL = 1 << 20
LARGEST = 512 << 20
"""Bytes of one file of an archive."""
_PROGRAMS = frozenset({".exe", ".com", ".scr", ".bat", ".cmd", ".js", ".jse", ".vbs", ".vbe", ".wsf", ".hta", ".ps1",
                       ".lnk", ".msi", ".jar", ".dll"})
BROKEN = (zipfile.BadZipFile, NotImplementedError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)
_EXTERNAL = re.compile(rb"<Relationship\b[^>]*TargetMode\s*=\s*[\"']External[\"'][^>]*>", re.IGNORECASE)
_ENTITY = re.compile(rb"<!(?:ENTITY|DOCTYPE)", re.IGNORECASE)


def zip_kind(path: Path) -> Kind:
    """The kind of the ZIP file at `path`; without a reason exactly when it is an archive whose files may be opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _kind(archive)
    except BROKEN as error:
        return Kind(ZIP, Reason.DAMAGED, f"Das Archiv ist beschädigt ({type(error).__name__}).")


def _kind(archive: zipfile.ZipFile) -> Kind:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    office = "[Content_Types].xml" in names
    media_type = ZIP
    if office:
        media_type = "application/vnd.openxmlformats-officedocument"
    elif names[:1] == ["mimetype"]:
        media_type = "application/vnd.oasis.opendocument"
    if any(entry.flag_bits & 1 for entry in entries):
        return Kind(media_type, Reason.ENCRYPTED, "Das Archiv ist mit einem Kennwort geschützt.")
    if any(_escapes(entry) for entry in entries):
        return Kind(media_type, Reason.ACTIVE, "Das Archiv enthält Pfade oder Verknüpfungen, die aus ihm hinausführen.")
    total, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if len(entries) > MAX_ENTRIES or total > MAX_TOTAL or (total > 64 * _SMALL and total > MAX_RATIO * max(packed, 1)):
        return Kind(media_type, Reason.TOO_LARGE, f"Das Archiv enthält {len(entries)} Einträge mit {total >> 20} MiB.")
    return _office_kind(archive, entries, names, media_type) if media_type != ZIP else Kind(ZIP)


def _office_kind(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], names: list[str], media_type: str) -> Kind:
    suffixes = {PurePosixPath(name.lower()).suffix for name in names}
    if any(name.endswith("vbaProject.bin") for name in names) or suffixes & _PROGRAMS:
        return refused(media_type, Reason.ACTIVE)
    if _reaches_out(archive, entries):
        return Kind(media_type, Reason.ACTIVE, "Das Office-Dokument lädt Inhalte von außen nach und wird deshalb nicht geöffnet.")
    return refused(media_type)


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of an archive. `kind` is set where it cannot or must not be opened; then `data` may be cut short."""

    name: str
    data: bytes
    kind: Kind | None = None


def files(path: Path, most: int) -> Iterator[Packed]:
    """The files of the archive at `path` in their order, also several of one name; at most `most` bytes in all.

    Raises InputError too_large beyond that. A file that is damaged or a program comes with its reason, the rest goes on.
    """
    left = most
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = entry.filename.replace("\\", "/")
            if entry.is_dir() or name.endswith("/"):
                continue
            packed = _file(archive, entry, name, min(left, LARGEST))
            left -= len(packed.data)
            if left <= 0:
                raise InputError("", reason=Reason.TOO_LARGE, detail=f"Im Archiv stecken mehr als {most >> 20} MiB.")
            yield packed


def _file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, most: int) -> Packed:
    if PurePosixPath(name.lower()).suffix in _PROGRAMS:
        return Packed(name, b"", refused("application/x-dosexec", Reason.ACTIVE))
    data = bytearray()
    try:
        with archive.open(entry) as file:
            while block := file.read(_SMALL):
                data += block
                if len(data) > most:
                    return Packed(name, bytes(data), Kind("application/octet-stream", Reason.TOO_LARGE,
                                                          f"Die Datei im Archiv ist größer als {most >> 20} MiB."))
    except BROKEN as error:
        return Packed(name, bytes(data), Kind("application/octet-stream", Reason.DAMAGED,
                                              f"Die Datei im Archiv ist beschädigt ({type(error).__name__})."))
    return Packed(name, bytes(data))


def _escapes(entry: zipfile.ZipInfo) -> bool:
    """True for names that leave the archive, links, and sizes that cannot be."""
    name = entry.orig_filename.replace("\\", "/")
    outside = name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:/", name) is not None
    return outside or stat.S_ISLNK(entry.external_attr >> 16)


def _reaches_out(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> bool:
    """True when an Office document loads something from outside (links a person clicks do not count) or defines entities."""
    for entry in entries:
        suffix = PurePosixPath(entry.filename.lower()).suffix
        if suffix not in {".rels", ".xml"}:
            continue
        with archive.open(entry) as file:
            data = file.read(_SMALL)
        if _ENTITY.search(data):
            return True
        if suffix == ".rels" and any(b"/hyperlink" not in found for found in _EXTERNAL.findall(data)):
            return True
    return False
