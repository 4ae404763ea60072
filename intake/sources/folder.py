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
from dataclasses import dataclass, field, replace
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from intake.errors import ConfigError, Reason, ServiceError
from intake.sources.groups import Beside, Group, grouped, is_document, package_key, package_of
from intake.vocabulary import Item, Member

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
    `beside`: each document is taken with the data laid beside it, not before. `packages`: a folder inside is one delivery.
    """

    profile: str
    folder: Path
    settle_seconds: float = 10.0
    alarm_seconds: float = 1800.0
    watch: str = "auto"
    beside: Beside | None = None
    packages: bool = False
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
        everything = self._list()
        self._seen = {name: seen for name, seen in self._seen.items() if name in everything}
        self._unsettled = 0
        found = {name: status for name, status in everything.items() if not stat.S_ISDIR(status.st_mode)}
        groups = grouped(found, self.beside) if self.beside else tuple(Group(name, complete=True) for name in found)
        for group in sorted(groups, key=lambda one: (found[one.main].st_mtime_ns, one.main)):
            item = self._together(group, found) if self.beside else self._consider(group.main, found[group.main])
            if item is not None:
                yield item
        for name in sorted(set(everything) - set(found) - {DONE}) if self.packages else ():
            item = self._package(name)
            if item is not None:
                yield item

    def _list(self) -> dict[str, os.stat_result]:
        try:
            with os.scandir(self.folder) as entries:
                return {entry.name: status for entry in entries
                        if (status := _status(entry)) is not None and not _ignored(entry.name)}
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

    def _together(self, group: Group, found: dict[str, os.stat_result]) -> Item | None:
        """A document with its data, when all of it is finished; what is awaited for too long is a problem of its own."""
        items = [self._consider(name, found[name]) for name in group.names]
        trouble = next((item for item in items if item is not None and item.problem is not None), None)
        if trouble is not None or any(item is None for item in items):
            return trouble
        main = items[0]
        if main is None or (group.complete and len(items) == 1):
            return main
        if group.complete:
            described = [self._member(name, found[name], shared=name == group.index) for name in group.names]
            return main and replace(main, members=tuple(described))
        late = self.now() - self._seen[group.main].first > self.alarm_seconds
        return replace(main, problem=Reason.INCOMPLETE) if late else None

    def _member(self, name: str, status: os.stat_result, *, shared: bool) -> Member:
        return Member(name, self.folder / name, status.st_size, status.st_mtime_ns, shared)

    def _package(self, name: str) -> Item | None:
        """A folder whose files have not changed for long enough; an empty one is not finished."""
        path = self.folder / name
        try:
            members = package_of(path)
        except FileNotFoundError:
            return None  # files come and go: not finished
        except OSError:
            return Item(f"{name}|0|0", name, path, self.profile, Reason.UNKNOWN_TYPE)
        key, now = package_key(name, members), self.now()
        size, mark = key.rsplit("|", 2)[1:]
        seen = self._seen.setdefault(name, _Seen(int(size), int(mark, 16), now, now))
        if (seen.size, seen.mtime_ns) != (int(size), int(mark, 16)):
            seen.size, seen.mtime_ns, seen.since = int(size), int(mark, 16), now
        unfinished = not members or any(_ignored(Path(one.name).name) for one in members)
        if unfinished or now - seen.since < self.settle_seconds:
            self._unsettled += 1
            return Item(key, name, path, self.profile, Reason.UNSETTLED) if now - seen.first > self.alarm_seconds else None
        if not all(os.access(one.path, os.R_OK) for one in members):
            return Item(key, name, path, self.profile, Reason.UNREADABLE)
        return Item(key, name, path, self.profile, None, members)

    def rest(self, key: str) -> Item | None:
        """The document of `Item.key` with what now lies beside it: less than was taken when a move was interrupted."""
        name = key.rsplit("|", 2)[0]
        if self.beside is None or not self.holds(key) or (self.folder / name).is_dir():
            return None
        found = self._list()
        group = next((one for one in grouped(found, self.beside) if one.main == name), None)
        if group is None:
            return None
        members = tuple(self._member(one, found[one], shared=one == group.index) for one in group.names)
        return Item(key, name, self.folder / name, self.profile, None, members)

    def holds(self, key: str) -> bool:
        """Does the folder still hold the very file of `Item.key`? Asked again after its bytes were copied."""
        name = key.rsplit("|", 2)[0]
        try:
            status = (self.folder / name).lstat()
            if stat.S_ISDIR(status.st_mode):
                return key == package_key(name, package_of(self.folder / name))
        except OSError:
            return False
        return key == f"{name}|{status.st_size}|{status.st_mtime_ns}"

    def done(self, item: Item) -> None:
        """Move the file to `erledigt/`; a name that is taken there gets a number. A file already gone is fine.

        What belongs to a document goes first, the document last: as long as it lies there, the move is not finished
        (`rest`). An index goes with the last document. A package is renamed at once.

        Raises ServiceError when it cannot be moved (it is then offered again and recognised by its key).
        """
        target_folder = self.folder / DONE
        try:
            target_folder.mkdir(exist_ok=True)
            if item.path.is_dir():
                _rename_folder(item.path, target_folder)
                return
            for path in (*self._along(item), item.path):
                _move_without_overwriting(path, target_folder)
        except OSError as error:
            raise ServiceError(
                f"„{item.name}“ lässt sich nicht nach {target_folder} verschieben ({error.strerror}). Geben Sie der "
                "Poststelle Schreibrechte auf diesen Ordner; die Datei ist bereits sicher aufgenommen.") from error

    def _along(self, item: Item) -> Iterator[Path]:
        """The files that are moved before the document."""
        for one in item.members:
            if one.path != item.path and not (one.shared and self._others(item.name)):
                yield one.path

    def _others(self, name: str) -> bool:
        """Whether other documents lie in the folder that the index may describe."""
        return self.beside is not None and any(
            one != name and not stat.S_ISDIR(status.st_mode) and is_document(one, self.beside)
            for one, status in self._list().items())

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


def _ignored(name: str) -> bool:
    lowered = name.lower()
    return lowered.endswith(UNFINISHED_ENDINGS) or lowered.startswith(UNFINISHED_STARTS)


def _rename_folder(path: Path, folder: Path) -> None:
    """One rename, to a name that is free; a folder with files in it is never replaced."""
    for number in range(10_000):
        target = folder / (path.name if number == 0 else f"{path.name}-{number}")
        try:
            path.rename(target)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            continue
        return
    raise OSError(errno.EEXIST, "zu viele gleichnamige Ordner", str(folder))


def _move_without_overwriting(path: Path, folder: Path) -> None:
    """link + unlink never overwrites; on file systems without hard links, a rename to a name that is free."""
    for number in range(10_000):
        name = path.name if number == 0 else f"{path.stem}-{number}{path.suffix}"
        target = folder / name
        try:
            os.link(path, target, follow_symlinks=False)
        except FileExistsError:
            if not _same(path, target):
                continue  # another file of that name
            # a colleague has just linked this very file; only the old name is left to be removed
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES):
                raise
            if target.exists():
                continue
            path.rename(target)
            return
        path.unlink(missing_ok=True)
        return
    raise OSError(errno.EEXIST, "zu viele gleichnamige Dateien", str(folder))


def _same(path: Path, target: Path) -> bool:
    try:
        return path.samefile(target)
    except FileNotFoundError:
        return True  # taken away meanwhile: nothing is left to be moved


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
