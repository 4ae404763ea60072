"""What kind of ZIP file this is, from its directory and small parts: Office document, archive, or something harmful.

Nothing is unpacked here: archives and Office documents are named as a problem of their part, with the right reason.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from intake.box.inside.sniff import Kind, refused
from intake.errors import Reason

MAX_ENTRIES, MAX_TOTAL, MAX_RATIO = 10_000, 2 << 30, 200
_SMALL = 1 << 20
_PROGRAMS = frozenset({".exe", ".com", ".scr", ".bat", ".cmd", ".js", ".jse", ".vbs", ".vbe", ".wsf", ".hta", ".ps1",
                       ".lnk", ".msi", ".jar", ".dll"})
_EXTERNAL = re.compile(rb"<Relationship\b[^>]*TargetMode\s*=\s*[\"']External[\"'][^>]*>", re.IGNORECASE)
_ENTITY = re.compile(rb"<!(?:ENTITY|DOCTYPE)", re.IGNORECASE)


def zip_kind(path: Path) -> Kind:
    """The kind of the ZIP file at `path`; always with a reason."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _kind(archive)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        return Kind("application/zip", Reason.DAMAGED, f"Das Archiv ist beschädigt ({type(error).__name__}).")


def _kind(archive: zipfile.ZipFile) -> Kind:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    office = "[Content_Types].xml" in names
    media_type = "application/zip"
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
    suffixes = {PurePosixPath(name.lower()).suffix for name in names}
    if any(name.endswith("vbaProject.bin") for name in names) or suffixes & _PROGRAMS:
        return refused(media_type, Reason.ACTIVE)
    if office and _reaches_out(archive, entries):
        return Kind(media_type, Reason.ACTIVE, "Das Office-Dokument lädt Inhalte von außen nach und wird deshalb nicht geöffnet.")
    return refused(media_type)


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
