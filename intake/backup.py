"""Backups of an installation, made while it works: one pool of bytes, and a generation for each time.

    ORDNER/objekte/ab/<sha256>          everything that was ever saved, each content once (incremental by content)
    ORDNER/<time>/database.*            the database of one moment (SQLite file, or pg_dump's custom format)
    ORDNER/<time>/blobs.txt             tenant, SHA-256 and size of each blob: one line each
    ORDNER/<time>/files.jsonl           path, SHA-256, size, time and mode of every other file
    ORDNER/<time>/stand.txt             what was published of the journal until then
    ORDNER/<time>/manifest.json         what all this is, with the hashes of these files; written last: without it, no backup

The order makes it whole: first what waits at the doors (received meanwhile, it comes back as a Dublette, never lost), then what
was published, then the database, then the blobs: they are never changed nor deleted, so every row of the database has its bytes.
The mirror of the E-Akte may be a little newer than the database; `restore` brings the two together. Left out is what is made
anew (engine, logs, scratch) and secrets/, unless asked for. Nothing is encrypted here: the operator's drive must be.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from intake.blobs import Blobs
from intake.config import Home
from intake.db import audit, chain
from intake.db.core import Database, stamp, utcnow
from intake.db.dump import dump
from intake.errors import ConfigError, Refused

FORMAT = 1
POOL, BLOBS, FILES, HEADS, MANIFEST = "objekte", "blobs.txt", "files.jsonl", "stand.txt", "manifest.json"
LISTS = (BLOBS, FILES, HEADS)
TOML, SECRETS, DOORS, DONE = "poststelle.toml", "secrets", "eingang", "erledigt"
ANEW = ("engine.db", "poststelle.db", "log", "work", SECRETS)
"""Names in the installation's folder that are not saved as files (databases with what SQLite lays beside them)."""
WRITERS, CHUNK = 8, 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a generation; `path` relative to the installation, `mtime_ns` and `mode` as they were."""

    path: str
    sha256: str
    size: int
    mtime_ns: int
    mode: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is. `heads`: number and hash of each tenant's newest journal entry, at most as new as the database."""

    format: int
    id: str
    began_at: str
    finished_at: str
    database: str
    heads: Mapping[str, tuple[int, str]]
    hashes: Mapping[str, str]
    counts: Mapping[str, int]
    faults: tuple[str, ...]
    secrets: bool


def backup(home: Home, db: Database, folder: Path, *, secrets: bool = False) -> Manifest:
    """Save the installation into a new generation of `folder`; durable when this returns.

    Faults name blobs that are missing or damaged here: everything else is saved all the same. Raises Refused while another
    backup runs there, ConfigError for a folder that cannot be used, ServiceError when the database does not answer.
    """
    folder = _usable(home, folder)
    with _alone(folder), _trouble(folder):
        began = utcnow()
        place = folder / began.strftime("%Y-%m-%dT%H%M%S.%fZ")
        place.mkdir()
        pool, before = Pool(folder / POOL), _known_files(folder)
        doors = list(_files(home, pool, before, (home.root / DOORS,)))
        (place / HEADS).write_bytes(home.heads.read_bytes() if home.heads and home.heads.is_file() else b"")
        names = [tenant.name for tenant in home.settings.tenant]
        spoken, heads = _said(db, names)
        database = dump(db, place)
        faults, blobs = _blobs(home, pool, names, spoken)
        others = [path for path in sorted(home.root.iterdir()) if path.name != DOORS and (
            secrets if path.name == SECRETS else not path.name.startswith(ANEW))]
        files = [*doors, *_files(home, pool, before, others)]
        _write(place / BLOBS, (f"{tenant} {sha256} {size}\n" for tenant, sha256, size in blobs))
        _write(place / FILES, (json.dumps(asdict(file)) + "\n" for file in files))
        pool.sync()
        counts = {"blobs": len(blobs), "files": len(files), "bytes": sum(size for *_, size in blobs) + sum(
            file.size for file in files) + database.stat().st_size, "new_objects": pool.new, "new_bytes": pool.new_bytes}
        made = Manifest(FORMAT, place.name, stamp(began), stamp(utcnow()), database.name, heads,
                        {name: sha256_of(place / name) for name in (database.name, *LISTS)}, counts, tuple(faults), secrets)
        _finish(place, made)
    return made


def generations(folder: Path) -> list[Manifest]:
    """The complete generations, oldest first; what has no manifest was interrupted and is none. ConfigError for a spoilt one."""
    found = []
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            heads = {name: (seq, digest) for name, (seq, digest) in said["heads"].items()}
            manifest = Manifest(**said | {"heads": heads, "faults": tuple(said["faults"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(f"{path} ist unlesbar oder von einer anderen Fassung; diese Sicherung ist so nicht zu "
                              "gebrauchen.") from error
        if manifest.format == FORMAT and manifest.id == path.parent.name:
            found.append(manifest)
    return found


def prune(folder: Path, keep: int) -> int:
    """Delete all but the newest `keep` generations, interrupted ones, and bytes that none needs any more; how many of them."""
    with _alone(folder), _trouble(folder):
        kept = {made.id for made in generations(folder)[-max(1, keep):]}
        gone = [path for path in folder.iterdir() if path.is_dir() and path.name != POOL and path.name[:1].isdigit()
                and path.name not in kept]
        for path in gone:
            (path / MANIFEST).unlink(missing_ok=True)  # from here on it is none any more
            _sync_folder(path)
            shutil.rmtree(path)
        needed = {sha256 for id in kept for sha256 in needed_by(folder / id)}
        pool = Blobs(folder / POOL)
        for sha256 in pool.iter_all():
            if sha256 not in needed:
                pool.path(sha256).unlink()
        return len(gone)


def needed_by(place: Path) -> set[str]:
    """The hashes in the pool that a generation speaks of."""
    return {sha256 for _, sha256, _ in listed_blobs(place)} | {file.sha256 for file in listed_files(place)}


def listed_blobs(place: Path) -> Iterator[tuple[str, str, int]]:
    """(tenant, SHA-256, size) of the blobs of a generation."""
    with (place / BLOBS).open(encoding="utf-8") as file:
        for line in file:
            tenant, sha256, size = line.split()
            yield tenant, sha256, int(size)


def listed_files(place: Path) -> Iterator[Kept]:
    """The other files of a generation."""
    with (place / FILES).open(encoding="utf-8") as file:
        for line in file:
            yield Kept(**json.loads(line))


# ---- the pool --------------------------------------------------------------------------------------------------------


class Pool:
    """Bytes under their hash; a rename and no hard link, so that any drive will do. `new` counts what this run added."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.new = self.new_bytes = 0
        self.touched: set[Path] = set()
        self.counting = threading.Lock()
        (root / "tmp").mkdir(parents=True, exist_ok=True)
        for left in (root / "tmp").iterdir():
            left.unlink()

    def path(self, sha256: str) -> Path:
        """Where the object lies, or would lie."""
        return Blobs(self.root).path(sha256)

    def holds(self, sha256: str, size: int) -> bool:
        """Whether an object of this hash and size is there; its bytes are looked at by `restore.examine`."""
        try:
            return self.path(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def add(self, source: Path) -> tuple[str, int]:
        """Keep the bytes of a file; their hash and size. OSError of reading or writing passes through."""
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=self.root / "tmp")
        try:
            with os.fdopen(descriptor, "wb") as copy, _regular(source) as original:
                while block := original.read(CHUNK):
                    digest.update(block)
                    copy.write(block)
                    size += len(block)
                copy.flush()
                os.fchmod(descriptor, 0o440)
                os.fsync(descriptor)
            target = self.path(digest.hexdigest())
            if not self.holds(target.name, size):
                target.parent.mkdir(exist_ok=True)
                Path(name).replace(target)
                with self.counting:
                    self.touched.add(target.parent)
                    self.new, self.new_bytes = self.new + 1, self.new_bytes + size
        finally:
            Path(name).unlink(missing_ok=True)
        return digest.hexdigest(), size

    def sync(self) -> None:
        """Make the names durable, too."""
        for folder in (*self.touched, self.root):
            _sync_folder(folder)


def _said(db: Database, names: Sequence[str]) -> tuple[dict[str, set[str]], dict[str, tuple[int, str]]]:
    """Which blobs the rows speak of, and the newest journal entry, of each tenant, now."""
    with db.read() as conn:
        spoken = {name: set(audit.referenced(conn, name)) for name in names}
        heads = {name: head for name in names if (head := chain.head(conn, name))}
    return spoken, heads


def _blobs(home: Home, pool: Pool, names: Sequence[str], spoken: Mapping[str, set[str]],
           ) -> tuple[list[str], list[tuple[str, str, int]]]:
    """Copy every blob that the pool lacks; (faults, all that are saved). More than the rows speak of: nobody is asked twice."""
    def keep(tenant: str, sha256: str) -> tuple[str, str, int] | str:
        source = Blobs(home.blobs(tenant)).path(sha256)
        size = source.stat().st_size
        if pool.holds(sha256, size):
            return tenant, sha256, size
        found, size = pool.add(source)
        return (tenant, sha256, size) if found == sha256 else f"Die Datei {sha256} von {tenant} ist beschädigt."

    todo = [(name, sha256) for name in names for sha256 in Blobs(home.blobs(name)).iter_all()]
    faults = [f"Die Datei {sha256} von {name} fehlt." for name in names
              for sha256 in sorted(spoken[name] - {sha256 for owner, sha256 in todo if owner == name})]
    with ThreadPoolExecutor(WRITERS) as threads:
        done = list(threads.map(lambda one: keep(*one), todo))
    return faults + [one for one in done if isinstance(one, str)], [one for one in done if not isinstance(one, str)]


def _files(home: Home, pool: Pool, before: Mapping[tuple[str, int, int], str], places: Iterable[Path]) -> Iterator[Kept]:
    """Save all plain files below these places that are not hidden; unchanged ones (size, time) are known from last time."""
    def keep(path: Path) -> Kept | None:
        try:
            seen = path.lstat()
            if not stat.S_ISREG(seen.st_mode):
                return None
            name = path.relative_to(home.root).as_posix()
            sha256, size = before.get((name, seen.st_size, seen.st_mtime_ns), ""), seen.st_size
            if not sha256 or not pool.holds(sha256, size):
                sha256, size = pool.add(path)
        except FileNotFoundError:  # moved or deleted meanwhile
            return None
        return Kept(name, sha256, size, seen.st_mtime_ns, stat.S_IMODE(seen.st_mode))

    with ThreadPoolExecutor(WRITERS) as threads:
        yield from (kept for kept in threads.map(keep, (path for place in places for path in _walk(home, place))) if kept)


def _walk(home: Home, place: Path) -> Iterator[Path]:
    """Files below `place` (or itself), without hidden ones, blobs and what doors have done with."""
    if place.name.startswith("."):
        return
    if not place.is_dir() or place.is_symlink():
        yield place
        return
    if place in {home.blobs(tenant.name) for tenant in home.settings.tenant} or (
            place.name == DONE and home.root / DOORS in place.parents):
        return
    for path in sorted(place.iterdir()):
        yield from _walk(home, path)


def _known_files(folder: Path) -> dict[tuple[str, int, int], str]:
    last = generations(folder)[-1:]
    return {(file.path, file.size, file.mtime_ns): file.sha256 for made in last for file in listed_files(folder / made.id)}


# ---- writing -------------------------------------------------------------------------------------------------------


def _usable(home: Home, folder: Path) -> Path:
    """The folder, made; not inside what is saved, nor around it."""
    folder = folder.resolve()
    if folder == home.root or home.root in folder.parents:
        raise ConfigError(f"{folder} liegt in der Installation selbst. Nennen Sie einen Ordner auf einem anderen Datenträger.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"In {folder} lässt sich nicht sichern ({error.strerror}). Ist das Laufwerk eingehängt?") from error
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time in a folder of backups."""
    try:
        descriptor = os.open(folder / ".sperre", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"In {folder} lässt sich nicht schreiben ({error.strerror}).") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Refused(f"In {folder} wird gerade gesichert. Warten Sie, bis das fertig ist.") from error
    finally:
        os.close(descriptor)


@contextmanager
def _trouble(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"Die Sicherung in {folder} ist gescheitert ({error.strerror}: {error.filename}). Prüfen Sie Platz und "
                          "Rechte; die früheren Sicherungen gelten weiter.") from error


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def _finish(place: Path, made: Manifest) -> None:
    """The manifest, last of all: with its name the generation is there, whole."""
    fresh = place / f".{MANIFEST}"
    _write(fresh, [json.dumps(asdict(made), ensure_ascii=False, indent=1) + "\n"])
    fresh.rename(place / MANIFEST)
    _sync_folder(place)
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _regular(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def age_hours(made: Manifest) -> float:
    """Hours since a generation was begun."""
    return (utcnow() - datetime.fromisoformat(made.began_at).astimezone(UTC)).total_seconds() / 3600
