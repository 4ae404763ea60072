"""Content-addressed bytes of one tenant: <root>/ab/<sha256>, written once, never changed, never overwritten.

Order of a write: bytes -> fsync(file) -> link into place -> fsync(directory). Only then does anybody hear of the blob.
A failed fsync is final for that copy (Linux may call the second one a success): it is thrown away and the caller
copies again from the source (safety.md 2, PostgreSQL).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from intake.errors import ConfigError, PoststelleError, ServiceError
from intake.vocabulary import Blob, Sha256

BLOCK = 1 << 20
TMP = "tmp"
_HEX = re.compile(r"[0-9a-f]{64}")
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Blobs:
    """The store of one tenant, in the folder `root` (made when the first blob comes)."""

    root: Path

    def add_file(self, path: Path, name: str, media_type: str) -> Blob:
        """Keep a copy of the bytes of `path`, durably; the same bytes again are harmless.

        The file itself must be a readable regular file, no link (OSError of opening it passes through: the caller knows
        whose file it is).
        Raises ServiceError when the store is full or broken; then nothing of it is left.
        """
        with _regular(path) as source:
            return self._add(source, name, media_type)

    def add_bytes(self, data: bytes, name: str, media_type: str) -> Blob:
        """The same for bytes in memory."""
        return self._add(data, name, media_type)

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """Bytes that come piece by piece: `write` them, then `keep` makes them a blob; what was not kept leaves nothing.

        Raises ServiceError as `add_file` does.
        """
        try:
            tmp = self.root / TMP
            tmp.mkdir(parents=True, exist_ok=True)
            descriptor, written = tempfile.mkstemp(dir=tmp)
        except OSError as error:
            raise _trouble(error) from error
        copy = Incoming(self, Path(written), descriptor)
        try:
            yield copy
        except OSError as error:
            raise _trouble(error) from error
        finally:
            copy.close()
            Path(written).unlink(missing_ok=True)

    def path(self, sha256: Sha256) -> Path:
        """Where the blob lies (or would lie); the only place that builds such a path. PoststelleError for no hash."""
        if not _HEX.fullmatch(sha256):
            raise PoststelleError(f"{sha256!r} ist keine Prüfsumme und nennt keine Datei. Melden Sie das bitte.")
        return self.root / sha256[:2] / sha256

    def open(self, sha256: Sha256) -> BinaryIO:
        """The blob, opened for reading. Raises ServiceError when it is missing or the store does not answer."""
        try:
            return os.fdopen(os.open(self.path(sha256), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        except FileNotFoundError as error:
            raise ServiceError(f"Die Datei {sha256} fehlt im Speicher. Führen Sie poststelle verify aus.") from error
        except OSError as error:
            raise _trouble(error) from error

    def read(self, sha256: Sha256) -> bytes:
        """All bytes of the blob. Raises as `open`."""
        with self.open(sha256) as file:
            return file.read()

    def has(self, sha256: Sha256) -> bool:
        """True when the blob is there (its bytes are not looked at: `check`)."""
        return self.path(sha256).is_file()

    def check(self, sha256: Sha256) -> bool:
        """True when the blob is there and its bytes have this hash."""
        return self.has(sha256) and _hash(self.path(sha256)) == sha256

    def iter_all(self) -> Iterator[Sha256]:
        """The hashes of all blobs, sorted. Files of another name are left out (`strangers`)."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(file.name for file in folder.iterdir() if _HEX.fullmatch(file.name))

    def iter_part(self, part: int) -> Iterator[Sha256]:
        """The hashes of the blobs in one of the 256 folders, in no order."""
        folder = self.root / f"{part % 256:02x}"
        yield from (file.name for file in (folder.iterdir() if folder.is_dir() else ()) if _HEX.fullmatch(file.name))

    def strangers(self) -> Iterator[Path]:
        """What lies in the store and is neither a blob in its place nor an unfinished copy."""
        for place in sorted(self.root.iterdir()) if self.root.is_dir() else ():
            if place.name == TMP:
                continue
            if not (place.is_dir() and re.fullmatch("[0-9a-f]{2}", place.name)):
                yield place
                continue
            yield from sorted(file for file in place.iterdir()
                              if not _HEX.fullmatch(file.name) or file.name[:2] != place.name or not file.is_file())

    def clean_tmp(self, older_than_s: float = 36 * 3600) -> int:
        """Remove unfinished copies left by a kill; returns how many. Nobody ever heard of them."""
        gone = 0
        for file in (self.root / TMP).glob("*"):
            if time.time() - file.stat().st_mtime > older_than_s:
                file.unlink(missing_ok=True)
                gone += 1
        return gone

    def _add(self, source: BinaryIO | bytes, name: str, media_type: str) -> Blob:
        try:
            tmp = self.root / TMP
            tmp.mkdir(parents=True, exist_ok=True)
            descriptor, written = tempfile.mkstemp(dir=tmp)
        except OSError as error:
            raise _trouble(error) from error
        try:
            sha256, size = _write(descriptor, source)
            self._link(Path(written), sha256)
        except OSError as error:
            raise _trouble(error) from error
        finally:
            Path(written).unlink(missing_ok=True)
        return Blob(sha256, media_type, name, size)

    def _link(self, written: Path, sha256: Sha256) -> None:
        """Give the finished copy its name; where that is taken, the blob there must be whole."""
        target = self.path(sha256)
        fresh = not target.parent.exists()
        target.parent.mkdir(exist_ok=True)
        try:
            os.link(written, target)
        except FileExistsError:
            if _hash(target) != sha256:
                raise ServiceError(f"Die Datei {sha256} im Speicher ist beschädigt. "
                                   "Führen Sie poststelle verify aus.") from None
            os.utime(target)  # young again: `verify` must not take it for forgotten while our transaction is open
        _fsync_folder(target.parent)  # also when it was there: whoever linked it may have died before this line
        if fresh:
            _fsync_folder(self.root)


@dataclass(slots=True)
class Incoming:
    """A copy being written, see `Blobs.incoming`. `size` bytes so far."""

    blobs: Blobs
    written: Path
    descriptor: int
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, block: bytes) -> None:
        """The next bytes."""
        self.digest.update(block)
        _write_all(self.descriptor, block)
        self.size += len(block)

    def keep(self, name: str, media_type: str) -> Blob:
        """The blob of all that was written, durable when this returns."""
        descriptor, self.descriptor = self.descriptor, -1
        _finish(descriptor)
        sha256 = self.digest.hexdigest()
        self.blobs._link(self.written, sha256)
        return Blob(sha256, media_type, name, self.size)

    def close(self) -> None:
        """Give up what was not kept."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _regular(path: Path) -> BinaryIO:
    """The file opened for reading; what was put in its place since it was listed (a link, a pipe) is an OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "keine gewöhnliche Datei", str(path))
    return os.fdopen(descriptor, "rb")


def _write(descriptor: int, source: BinaryIO | bytes) -> tuple[Sha256, int]:
    """Copy, hash, fsync and close; returns hash and size. The descriptor is closed in any case."""
    digest, size = hashlib.sha256(), 0
    try:
        for block in (source,) if isinstance(source, bytes) else iter(lambda: source.read(BLOCK), b""):
            digest.update(block)
            _write_all(descriptor, block)
            size += len(block)
    except BaseException:
        os.close(descriptor)
        raise
    _finish(descriptor)
    return digest.hexdigest(), size


def _write_all(descriptor: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(descriptor, rest):]


def _finish(descriptor: int) -> None:
    """Read-only, fsync, close; closed in any case. close may fail after a good fsync on network file systems."""
    try:
        os.fchmod(descriptor, 0o440)
        os.fsync(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hash(path: Path) -> Sha256:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trouble(error: OSError) -> ServiceError | ConfigError:
    if error.errno in _FULL:
        return ServiceError("Der Datenträger des Speichers ist voll. Schaffen Sie Platz; dann geht es weiter.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ConfigError(f"In den Speicher darf nicht geschrieben werden ({error.filename}: {error.strerror}). "
                           "Prüfen Sie die Rechte von store/ und dass das Dateisystem harte Links kann.")
    return ServiceError(f"Der Speicher meldet einen Fehler ({error.strerror}). Prüfen Sie den Datenträger; "
                        "es wird von selbst noch einmal versucht.")
