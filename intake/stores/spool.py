"""What another system was told, remembered beside it, so that whatever is killed it is told once and whole.

`<root>/ab/<key>/<number>/` is one message about a filing: its files until they are handed over, `nachricht.json` (what it is),
`quittung.json` (what was answered). A message is made under another name and renamed when all of it is on disk; its files are
moved to the other system in their order, the one that makes it valid last. So an unfinished folder was never told, a message
with its last file was not told yet, and one without it was. Folders of keys are locked against other processes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from intake.errors import ServiceError
from intake.vocabulary import Answer, Blob, Receipt, Sha256
from intake.xdomea_messages import copy

NEW, CORRECTION, WITHDRAWAL = "neu", "berichtigung", "storno"
ABOUT, ANSWER, ASIDE, PART = "nachricht.json", "quittung.json", ".zurueck", ".teil"
Reader = Callable[[Sha256], BinaryIO]
Content = Blob | bytes | Callable[[Any], None]
"""What a file of a message is made of: a blob, its bytes, or what writes them."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: what it is (`kind`), of what state of the filing (`mark`), and its files in the order of handing over."""

    folder: Path
    number: int
    kind: str
    mark: str
    made: datetime
    files: tuple[str, ...]

    @property
    def told(self) -> bool:
        """Whether the other system has it: its last file is gone from here."""
        return not (self.folder / self.files[-1]).exists()

    def answer(self) -> tuple[Answer, datetime] | None:
        """What was answered and when; None while nothing was."""
        said = _read(self.folder / ANSWER)
        if said is None:
            return None
        return Answer(said["accepted"], said["reference"], said["sentence"]), datetime.fromisoformat(said["at"])

    def note(self, answer: Answer) -> None:
        """Keep the answer, durably."""
        write_json(self.folder / ANSWER, {"accepted": answer.accepted, "reference": answer.reference,
                                          "sentence": answer.sentence, "at": datetime.now(UTC).isoformat()})


@dataclass(frozen=True, slots=True)
class Told:
    """All messages about one filing, the oldest first; those whose refusal was settled by a person do not count."""

    folder: Path
    messages: tuple[Message, ...]

    @property
    def last(self) -> Message | None:
        return self.messages[-1] if self.messages else None

    def about(self, mark: str) -> Message | None:
        """The last message when it is of this state of the filing."""
        return self.last if self.last is not None and self.last.mark == mark else None

    @property
    def reference(self) -> str:
        """What the other system calls the document, as it answered last; "" when it never said."""
        said = [found[0].reference for one in self.messages if (found := one.answer()) and found[0].accepted]
        return next((reference for reference in reversed(said) if reference), "")

    def holds(self) -> bool:
        """Whether the other system has the document, as far as it was told: something was not refused, no withdrawal after."""
        counted = [one for one in self.messages if one.told and ((found := one.answer()) is None or found[0].accepted)]
        return bool(counted) and counted[-1].kind != WITHDRAWAL

    def next(self) -> int:
        """The number of the next message; none is used twice."""
        return 1 + max((int(path.name.partition(".")[0]) for path in self.folder.iterdir() if path.name[0].isdigit()), default=0)

    def stage(self, kind: str, mark: str, files: Sequence[tuple[str, Content]], read: Reader | None = None) -> Message:
        """A new message with these files (a blob is copied and checked by its hash). Raises ServiceError for a damaged one."""
        number = self.next()
        part = self.folder / f"{number}{PART}"
        part.mkdir(mode=0o750)
        for name, content in files:
            _put(part / name, content, read)
        made = Message(self.folder / str(number), number, kind, mark, datetime.now(UTC), tuple(name for name, _ in files))
        write_json(part / ABOUT, {"number": number, "kind": kind, "mark": mark, "made": made.made.isoformat(),
                                  "files": list(made.files)})
        sync(part)
        part.rename(made.folder)
        sync(self.folder)
        return made


@contextmanager
def held(root: Path, key: str, mark: str = "") -> Iterator[Told]:
    """The messages about a filing, locked against others; what was never finished is gone.

    So is a last message that was never told and is not what is to be told now (`mark`; "" = it stays).
    Raises ServiceError when the folder cannot be read or written.
    """
    folder = root / key[:2] / key
    with errors(root):
        if not root.parent.is_dir():  # a share that is not mounted is not made anew beside it
            raise FileNotFoundError(2, os.strerror(2))
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".sperre", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for path in folder.glob(f"*{PART}"):
                shutil.rmtree(path)
            messages = sorted(_messages(folder), key=lambda one: one.number)
            if mark and messages and not messages[-1].told and messages[-1].mark != mark:
                _drop(messages.pop())
            yield Told(folder, tuple(messages))
        finally:
            os.close(lock)


@contextmanager
def errors(root: Path) -> Iterator[None]:
    """What the file system cannot do now is tried again."""
    try:
        yield
    except OSError as error:
        raise ServiceError(f"Die Übergabe nach {root} geht gerade nicht ({error.strerror or error}). Prüfen Sie den Ordner, "
                           "seine Rechte und den Platz; es wird von selbst wiederholt.") from error


def _messages(folder: Path) -> Iterator[Message]:
    for path in folder.iterdir():
        said = _read(path / ABOUT) if path.name.isdecimal() else None
        if said:
            yield Message(path, said["number"], said["kind"], said["mark"], datetime.fromisoformat(said["made"]),
                          tuple(said["files"]))


def _drop(message: Message) -> None:
    away = message.folder.with_name(message.folder.name + PART)
    message.folder.rename(away)
    shutil.rmtree(away)


def set_refusal_aside(told: Told) -> None:
    """When the last message was refused, a person settled that: it does not count any more, but stays as it was."""
    found = told.last.answer() if told.last else None
    if told.last and found and not found[0].accepted:
        told.last.folder.rename(told.last.folder.with_name(told.last.folder.name + ASIDE))
        sync(told.folder)


def hand_over(message: Message, target: Path) -> None:
    """Move the files of a message to the folder `target` in their order, each whole under its name at once."""
    for name in message.files:
        if (message.folder / name).exists():
            (message.folder / name).rename(target / name)
            sync(target)
    sync(message.folder)


def fingerprint(kind: str, told: Mapping[str, Any]) -> str:
    """The mark of a state of a filing: the same values, the same mark."""
    return hashlib.sha256(json.dumps([kind, told], sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _put(path: Path, content: Content, read: Reader | None) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    with os.fdopen(handle, "wb") as stream:
        if isinstance(content, bytes):
            stream.write(content)
        elif not isinstance(content, Blob):
            content(stream)
        else:
            assert read is not None  # whoever hands over blobs says how they are read
            with read(content.sha256) as source:
                copy(source, stream, content)
        stream.flush()
        os.fsync(handle)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """A small file, whole or not at all, on disk when this returns."""
    hidden = path.with_name(f".{path.name}{PART}")
    with hidden.open("w", encoding="ascii") as stream:
        json.dump(values, stream, ensure_ascii=True, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    hidden.rename(path)
    sync(path.parent)


def _read(path: Path) -> dict[str, Any] | None:
    """What we wrote to a small file; None when there is none or it is torn (then it was never finished)."""
    try:
        said = json.loads(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return dict(said) if isinstance(said, dict) else None


def sync(folder: Path) -> None:
    """The names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


Stage = Callable[["Told", str], Message]
"""Makes a message of a kind (NEW, CORRECTION, WITHDRAWAL)."""


def tell(root: Path, key: str, mark: str, stage: Stage, settled: Callable[[Told, Message], Receipt]) -> Receipt:
    """Hand a filing in the state `mark` over, or what changed of it since; a repeat only looks for the answer."""
    with held(root, key, mark) as told:
        return settled(told, told.about(mark) or stage(told, CORRECTION if told.holds() else NEW))


def take_back(root: Path, key: str, stage: Stage, settled: Callable[[Told, Message], Receipt]) -> None:
    """Tell that a filing was taken back; nothing when the other system never had it."""
    with held(root, key, WITHDRAWAL) as told:
        message = told.about(WITHDRAWAL)
        if message is None and told.holds():
            message = stage(told, WITHDRAWAL)
        if message is not None:
            settled(told, message)


def tell_anew(root: Path, key: str) -> None:
    """After a refusal that a person settled: the next call tells it anew."""
    with held(root, key) as told:
        set_refusal_aside(told)
