"""The built-in store: the readable mirror `akten/<tenant>/<Kennzeichen>/<Aktenzeichen>/` of what is filed.

The truth is the database and the blobs; the mirror is for people with a file manager and can be rebuilt at any time by
filing again. An Akte's folder holds each document's PDF, its originals beside it and `akte.json` with the true values.
Order: copy to a hidden name -> fsync -> link into place -> fsync folder -> `akte.json` (new file renamed over the old)
-> fsync folder. A kill at any point leaves no half file under a visible name, and filing again completes it.
Files people changed or put there are never overwritten and never deleted.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from intake import names
from intake.errors import ServiceError
from intake.vocabulary import NOTE_TYPE, Blob, Filing, Receipt, Sha256

NOTE = "Transfervermerk"
INDEX = "akte.json"
FORMAT = 1
_LOCK = ".sperre"
_TMP = ".tmp"
_CHUNK = 1 << 20
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

Reader = Callable[[Sha256], BinaryIO]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Akte:
    """An open, locked folder of one Akte; `place` is its path relative to the tenant's `akten/` folder."""

    fd: int
    place: str
    entries: list[Entry]

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry["schluessel"] == key), None)

    def claimed(self) -> set[str]:
        """The file names that belong to documents, folded as a case-insensitive file system would."""
        return {file["name"].casefold() for entry in self.entries for file in entry["dateien"]} | {INDEX}


class EFile:
    """Store `efile`, for one tenant. Raises ServiceError when the folder cannot be written or a blob is damaged."""

    name = "efile"

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, filing: Filing, read: Reader) -> Receipt:
        """Put the document into its Akte's folder; a repeat mends what is missing and returns the first receipt."""
        with self._errors(), self._locked(filing, create=True) as akte:
            assert akte is not None
            entry = akte.entry(filing.key)
            if entry is None:
                entry = _new_entry(filing, _choose_names(akte, filing))
                akte.entries.append(entry)
            for file in entry["dateien"]:
                _ensure(akte.fd, file, read)
            os.fsync(akte.fd)
            _write_index(akte, filing)
            reference = f"{akte.place}/{entry['dateien'][0]['name']}"
            return Receipt(self.name, reference, datetime.fromisoformat(entry["abgelegt"]))

    def withdraw(self, filing: Filing) -> None:
        """Take the document out again (undo, moved elsewhere). Nothing happens when it is not there; changed copies stay.

        A folder in which nothing else lies goes with its last document.
        """
        with self._errors(), self._locked(filing, create=False) as akte:
            if akte is None:
                return
            entry = akte.entry(filing.key)
            if entry is not None:
                for file in entry["dateien"]:
                    if _holds(akte.fd, file["name"], file["sha256"]):
                        os.unlink(file["name"], dir_fd=akte.fd)
                os.fsync(akte.fd)
                akte.entries.remove(entry)
                _write_index(akte, filing)
            if not akte.entries and _is_bare(akte.fd):
                _remove(self.root / akte.place, akte.fd)

    def faults(self, filing: Filing) -> tuple[str, ...]:
        """What differs between the mirror and the filing, as German sentences; () when all is whole."""
        with self._errors(), self._locked(filing, create=False) as akte:
            entry = akte.entry(filing.key) if akte else None
            if akte is None or entry is None:
                return (f"In der E-Akte fehlt das Schriftstück {filing.document} ({filing.file.reference}).",)
            return tuple(f"In der E-Akte fehlt oder verändert: {akte.place}/{file['name']}"
                         for file in entry["dateien"] if not _holds(akte.fd, file["name"], file["sha256"]))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or error
            raise ServiceError(f"Die E-Akte {self.root} lässt sich nicht lesen oder beschreiben ({why}). Prüfen Sie den "
                               "Platz und die Rechte des Ordners; die Ablage wird von selbst wiederholt.") from error

    @contextmanager
    def _locked(self, filing: Filing, *, create: bool) -> Iterator[_Akte | None]:
        """The folder of the filing's Akte, locked against other processes; None when it is not there (and not made).

        A folder whose `akte.json` names another Akte (two Aktenzeichen that fall together on this file system) is not
        used: the id of the Akte is then part of the folder's name.
        """
        reference = names.folder(filing.file.reference)
        for name in (reference, f"{reference}~{filing.file.id[-8:]}"):
            place = f"{names.folder(filing.entry.notation, 40)}/{name}"
            with _locked_folder(self.root, place, create) as fd:
                index = _read_index(fd) if fd is not None else None
                if fd is not None and (index is None or index["akte"]["id"] == filing.file.id):
                    _sweep(fd)
                    yield _Akte(fd, place, index["schriftstuecke"] if index else [])
                    return
        yield None


@contextmanager
def _locked_folder(root: Path, place: str, create: bool) -> Iterator[int | None]:
    """A descriptor of root/place, locked; None when it is not there. One that was removed while we waited is opened anew."""
    while True:
        fd = _open_folder(root, place, create)
        if fd is None:
            yield None
            return
        try:
            lock = _lock(fd)
            if lock is None:
                continue
            try:
                if os.fstat(lock).st_nlink:
                    yield fd
                    return
            finally:
                os.close(lock)
        finally:
            os.close(fd)


def _lock(fd: int) -> int | None:
    """A descriptor of the folder's lock, held; None when the folder was removed."""
    try:
        lock = os.open(_LOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640, dir_fd=fd)
    except FileNotFoundError:
        if os.fstat(fd).st_nlink:
            raise
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        os.close(lock)
        raise
    return lock


def _is_bare(fd: int) -> bool:
    """Does nothing but our own bookkeeping lie in the folder?"""
    return all(name in (INDEX, _LOCK) for name in os.listdir(fd))


def _remove(folder: Path, fd: int) -> None:
    """Remove an empty folder; the lock last, so that whoever waits for it knows. Somebody who came after it keeps the folder."""
    for name in (INDEX, _LOCK):
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=fd)
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
            raise


def _open_folder(root: Path, place: str, create: bool) -> int | None:
    """A descriptor of root/place, made durably when asked for; below `root` no symbolic link is followed."""
    if create:
        root.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        fd = os.open(root, flags)
    except FileNotFoundError:
        return None
    for name in place.split("/"):
        try:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o750, dir_fd=fd)
                    os.fsync(fd)
            below = os.open(name, flags | os.O_NOFOLLOW, dir_fd=fd)
        except FileNotFoundError:
            if create:
                raise
            return None
        finally:
            os.close(fd)
        fd = below
    return fd


def _read_index(fd: int) -> dict[str, Any] | None:
    """What `akte.json` says; None when there is none. One that is damaged is put aside, never overwritten."""
    try:
        handle = os.open(INDEX, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
        with os.fdopen(handle, encoding="utf-8") as stream:
            index = json.load(stream)
        if _is_index(index):
            return dict(index)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        pass
    _put_aside(fd, INDEX)
    return None


def _is_index(index: Any) -> bool:
    """The form `_write_index` gives it, with no name that could lead out of the folder."""
    try:
        files = [file for entry in index["schriftstuecke"] for file in entry["dateien"]]
        stamps = [datetime.fromisoformat(entry["abgelegt"]) for entry in index["schriftstuecke"]]
        return (isinstance(index["akte"]["id"], str) and isinstance(index["schriftstuecke"], list)
                and all(stamp.tzinfo for stamp in stamps)
                and all(isinstance(entry["schluessel"], str) and entry["dateien"] for entry in index["schriftstuecke"])
                and all(_is_own_name(file["name"]) and isinstance(file["sha256"], str) for file in files))
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _is_own_name(name: Any) -> bool:
    return isinstance(name, str) and names.segment(name, 200) == name


def _sweep(fd: int) -> None:
    """Remove what a killed process left under hidden names; the lock is held, so nobody is writing one."""
    for name in os.listdir(fd):
        if name.startswith(".") and name.endswith(_TMP):
            os.unlink(name, dir_fd=fd)


def _choose_names(akte: _Akte, filing: Filing) -> list[tuple[str, Blob, str]]:
    """(name, blob, kind) of the PDF and the originals: the first numbering under which all names are free or ours."""
    stem = names.title_of(_day(filing), filing.title)
    originals = [blob for blob in filing.originals if blob.sha256 != filing.pdf.sha256]
    claimed = akte.claimed()
    for number in count(1):
        base = stem if number == 1 else f"{stem} ({number})"
        chosen = [(f"{base}.{names.suffix(filing.pdf.media_type)}", filing.pdf, "pdf")]
        for position, blob in enumerate(originals, start=1):
            alone = sum(one.media_type != NOTE_TYPE for one in originals) == 1
            mark = NOTE if blob.media_type == NOTE_TYPE else "Original" if alone else f"Original {position}"
            chosen.append((f"{base} ({mark}).{names.suffix(blob.media_type)}", blob, "original"))
        if all(name.casefold() not in claimed and _free_or_ours(akte.fd, name, blob) for name, blob, _ in chosen):
            return chosen
    raise AssertionError("unreachable")


def _day(filing: Filing) -> date:
    """The day of the letter where the decision names one, else the day it came in."""
    try:
        return datetime.fromisoformat(filing.values.get("letter_date", "")).date()
    except ValueError:
        return filing.received_at.date()


def _free_or_ours(fd: int, name: str, blob: Blob) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return _holds(fd, name, blob.sha256)


def _holds(fd: int, name: str, sha256: Sha256) -> bool:
    """Is there a regular file of this name with exactly these bytes?"""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            return False
        raise
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return False
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _ensure(fd: int, file: Mapping[str, Any], read: Reader) -> None:
    """The file stands under its name with its bytes; what another hand left there is put aside first."""
    name = file["name"]
    if _holds(fd, name, file["sha256"]):
        return
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        pass
    else:
        _put_aside(fd, name)
    hidden = f".{file['sha256'][:16]}{_TMP}"
    with read(file["sha256"]) as source:
        if _write(fd, hidden, iter(lambda: source.read(_CHUNK), b"")) != file["sha256"]:
            os.unlink(hidden, dir_fd=fd)
            raise ServiceError(f"Die aufbewahrte Datei {file['sha256'][:12]}… ist beschädigt. Prüfen Sie den Bestand "
                               "mit „poststelle verify“ und holen Sie sie aus der Sicherung zurück.")
    _publish(fd, hidden, name)


def _write(fd: int, name: str, chunks: Iterator[bytes]) -> str:
    """A new file with these bytes, on disk when this returns; its SHA-256. After a failed fsync the file is removed."""
    digest = hashlib.sha256()
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o440, dir_fd=fd)
    try:
        with os.fdopen(handle, "wb") as stream:
            for chunk in chunks:
                digest.update(chunk)
                stream.write(chunk)
            stream.flush()
            os.fsync(handle)
    except OSError:
        os.unlink(name, dir_fd=fd)
        raise
    return digest.hexdigest()


def _publish(fd: int, hidden: str, name: str) -> None:
    """Give the finished file its visible name without ever overwriting one; shares without links get a rename."""
    try:
        os.link(hidden, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            os.unlink(hidden, dir_fd=fd)
            raise
        os.rename(hidden, name, src_dir_fd=fd, dst_dir_fd=fd)
    else:
        os.unlink(hidden, dir_fd=fd)


def _put_aside(fd: int, name: str) -> None:
    """Rename what people changed to `… (verändert).pdf`, `… (verändert 2).pdf`; it is theirs and stays."""
    stem, _, suffix = name.rpartition(".")
    present = {other.casefold() for other in os.listdir(fd)}
    for number in count(1):
        aside = f"{stem} (verändert{f' {number}' if number > 1 else ''}).{suffix}"
        if aside.casefold() not in present:
            os.rename(name, aside, src_dir_fd=fd, dst_dir_fd=fd)
            return


def _new_entry(filing: Filing, chosen: list[tuple[str, Blob, str]]) -> Entry:
    case = filing.case
    return {
        "schluessel": filing.key, "id": filing.document, "titel": filing.title, "angaben": dict(filing.values),
        "vorgang": {"id": case.id, "zeichen": case.reference, "titel": case.title} if case else None,
        "eingang": filing.received_at.isoformat(), "abgelegt": datetime.now(UTC).isoformat(), "seiten": filing.pages,
        "pdfa": filing.pdfa,
        "dateien": [{"name": name, "art": kind, "sha256": blob.sha256, "groesse": blob.size, "typ": blob.media_type,
                     "urspruenglicher_name": blob.name} for name, blob, kind in chosen],
    }


def _write_index(akte: _Akte, filing: Filing) -> None:
    """Replace `akte.json` in one step."""
    file, entry = filing.file, filing.entry
    index = {
        "format": FORMAT, "mandant": filing.tenant,
        "aktenplan": {"id": entry.id, "kennzeichen": entry.notation, "titel": entry.title,
                      "zugriffsklasse": entry.access_class, "aufbewahrung_jahre": entry.retention,
                      "aussonderung": entry.disposal},
        "akte": {"id": file.id, "aktenzeichen": file.reference, "titel": file.title, "herkunft": file.origin,
                 "zda": file.closed_on.isoformat() if file.closed_on else None, "flurstueck": file.parcel,
                 "anschrift": file.address, "personen": list(file.persons)},
        "schriftstuecke": akte.entries,
    }
    hidden = f".{INDEX}{_TMP}"
    text = json.dumps(index, ensure_ascii=True, indent=1, sort_keys=False) + "\n"
    _write(akte.fd, hidden, iter([text.encode()]))
    os.rename(hidden, INDEX, src_dir_fd=akte.fd, dst_dir_fd=akte.fd)
    os.fsync(akte.fd)
