"""A watched folder. Work comes from the directory listing; notifications (watchdog) only say when to look.

Rules of safety.md section 4 (Folder): regular files only, no symlinks, finished (unchanged for `settle_seconds`), not a
`.part`/`.tmp`/`~$` name, readable. A file is *moved* to `erledigt/` after it is durable, never deleted here.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from intake.errors import ConfigError, Reason, ServiceError
from intake.vocabulary import Item

DONE = "erledigt"
UNFINISHED_ENDINGS = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
UNFINISHED_STARTS = (".", "~$")
NETWORK_FILE_SYSTEMS = frozenset({"cifs", "smb3", "smbfs", "nfs", "nfs4", "9p", "ceph", "davfs", "fuse", "fuse.sshfs"})
QUIET_RESCAN_SECONDS = 60.0  # a local folder is listed this often even when no notification came


@dataclass(slots=True)
class _Seen:
    """What was known of a file when it was last looked at."""

    size: int
    mtime_ns: int
    since: float  # monotonic time of the last change
    first: float  # monotonic time of the first look


@dataclass(slots=True)
class FolderSource:
    """One scan profile's folder as a Source.

    `settle_seconds`: size and modification time must have been unchanged this long. On a local disk the inode's change
    time proves it without waiting again after a restart; a share's clock may differ, so there only our own looking counts.
    """

    profile: str
    folder: Path
    settle_seconds: float = 10.0
    alarm_seconds: float = 1800.0
    watch: str = "auto"
    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _unsettled: int = 0
    _looked: float = -1e9
    _changed: threading.Event = field(default_factory=threading.Event)
    _observer: BaseObserver | None = None

    def __post_init__(self) -> None:
        self._changed.set()

    @property
    def local(self) -> bool:
        """True when notifications reach this folder; `auto` reads the kind of file system from the mount table."""
        if self.watch == "auto":
            return file_system_of(self.folder) not in NETWORK_FILE_SYSTEMS
        return self.watch == "local"

    def start(self, wake: Callable[[], None]) -> None:
        """Watch a local folder; `wake` is called from another thread whenever something happened in it."""
        if not self.local or self._observer is not None:
            return
        changed = self._changed

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in {"created", "modified", "moved", "closed"}:
                    changed.set()
                    wake()

        observer = Observer()
        try:
            observer.schedule(Handler(), str(self.folder), recursive=False)
            observer.start()
        except OSError as error:  # inotify watches used up: fall back to looking, which is always right
            if error.errno not in (errno.ENOSPC, errno.EMFILE, errno.ENOENT):
                raise
            self.watch = "network"
            return
        self._observer = observer

    def stop(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=5)
            self._observer = None

    @property
    def unsettled(self) -> int:
        """Files seen at the last look that are not finished yet."""
        return self._unsettled

    @property
    def quiet(self) -> bool:
        """True when the next `poll` would not even list the folder."""
        return (self._observer is not None and not self._changed.is_set() and self._unsettled == 0
                and self.now() - self._looked < QUIET_RESCAN_SECONDS)

    def poll(self) -> Iterator[Item]:
        """The finished files, oldest first (by modification time, then name); problems are items with `problem` set.

        Raises ServiceError when the folder itself cannot be listed (a share that is away).
        """
        if self.quiet:
            return
        self._changed.clear()
        self._looked = self.now()
        found = self._list()
        self._seen = {name: seen for name, seen in self._seen.items() if name in found}
        self._unsettled = 0
        for name, status in sorted(found.items(), key=lambda pair: (pair[1].st_mtime_ns, pair[0])):
            item = self._consider(name, status)
            if item is not None:
                yield item

    def _list(self) -> dict[str, os.stat_result]:
        try:
            with os.scandir(self.folder) as entries:
                return {entry.name: status for entry in entries
                        if (status := _status(entry)) is not None and not _ignored(entry.name, status)}
        except OSError as error:
            raise ServiceError(
                f"Der Ordner {self.folder} ist nicht lesbar ({error.strerror}). Prüfen Sie die Freigabe und die Rechte; "
                "es wird weiter versucht.") from error

    def _consider(self, name: str, status: os.stat_result) -> Item | None:
        path = self.folder / name
        key = f"{name}|{status.st_size}|{status.st_mtime_ns}"
        if not stat.S_ISREG(status.st_mode):
            return Item(key, name, path, self.profile, Reason.UNKNOWN_TYPE)
        seen = self._seen.get(name)
        now = self.now()
        if seen is None:
            seen = self._seen[name] = _Seen(status.st_size, status.st_mtime_ns, now, now)
            if self.local:  # unchanged since its change time, which nobody can set back
                seen.since -= max(0.0, self.wall() - status.st_ctime)
        elif (seen.size, seen.mtime_ns) != (status.st_size, status.st_mtime_ns):
            seen.size, seen.mtime_ns, seen.since = status.st_size, status.st_mtime_ns, now
        if now - seen.since < self.settle_seconds:
            self._unsettled += 1
            return Item(key, name, path, self.profile, Reason.UNSETTLED) if now - seen.first > self.alarm_seconds else None
        if not os.access(path, os.R_OK):
            return Item(key, name, path, self.profile, Reason.UNREADABLE)
        return Item(key, name, path, self.profile)

    def holds(self, key: str) -> bool:
        """Does the folder still hold the very file of `Item.key`? Asked again after its bytes were copied."""
        name = key.rsplit("|", 2)[0]
        try:
            status = (self.folder / name).lstat()
        except OSError:
            return False
        return key == f"{name}|{status.st_size}|{status.st_mtime_ns}"

    def done(self, item: Item) -> None:
        """Move the file to `erledigt/`; a name that is taken there gets a number. A file already gone is fine.

        Raises ServiceError when it cannot be moved (it is then offered again and recognised by its key).
        """
        target_folder = self.folder / DONE
        try:
            target_folder.mkdir(exist_ok=True)
            _move_without_overwriting(item.path, target_folder)
        except OSError as error:
            raise ServiceError(
                f"„{item.name}“ lässt sich nicht nach {target_folder} verschieben ({error.strerror}). Geben Sie der "
                "Poststelle Schreibrechte auf diesen Ordner; die Datei ist bereits sicher aufgenommen.") from error

    def check(self) -> None:
        """Raises ConfigError when files could be taken but not moved away, which would offer them for ever."""
        if not self.folder.is_dir():
            raise ConfigError(f"Den Ordner {self.folder} des Scanprofils „{self.profile}“ gibt es nicht. "
                              f"Legen Sie ihn an: mkdir -p {self.folder}")
        done = self.folder / DONE
        for folder in (self.folder, done) if done.exists() else (self.folder,):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise ConfigError(f"In den Ordner {folder} darf die Poststelle nicht schreiben; erledigte Dateien könnten nicht "
                                  f"verschoben werden. Ändern Sie die Rechte, etwa: chown $(id -un) {folder}")


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _ignored(name: str, status: os.stat_result) -> bool:
    lowered = name.lower()
    return stat.S_ISDIR(status.st_mode) or lowered.endswith(UNFINISHED_ENDINGS) or lowered.startswith(UNFINISHED_STARTS)


def _move_without_overwriting(path: Path, folder: Path) -> None:
    """link + unlink never overwrites; on file systems without hard links, a rename to a name that is free."""
    for number in range(10_000):
        name = path.name if number == 0 else f"{path.stem}-{number}{path.suffix}"
        target = folder / name
        try:
            os.link(path, target, follow_symlinks=False)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES):
                raise
            if target.exists():
                continue
            path.rename(target)
            return
        path.unlink()
        return
    raise OSError(errno.EEXIST, "zu viele gleichnamige Dateien", str(folder))


def file_system_of(path: Path) -> str:
    """The file system type of the longest mount point above `path`, from /proc/self/mountinfo; "" where unknown."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    resolved = str(path.resolve())
    best, kind = "", ""
    for line in lines:
        fields = line.split()
        mount = fields[4].replace("\\040", " ")
        inside = resolved == mount or resolved.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[fields.index("-") + 1]
    return kind
