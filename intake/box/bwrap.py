"""Run one job inside bubblewrap: what the child may see, how long it may run, and how it ended.

The child sees, read-only, the system's programs and libraries, this Python, the packages, the few modules of ours it
runs and its inputs as /in/0, /in/1 ...; it may write to /out and a small /tmp. It has no network, no environment, no
capabilities, no /proc, its own process numbers, and dies with us. `kill -9` of us does not reach it by itself (it has a
session of its own): --die-with-parent does that.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from compileall import compile_dir
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from intake.box import seccomp
from intake.errors import ConfigError, ServiceError

_INTAKE = Path(__file__).resolve().parent.parent
_OURS = ("__init__.py", "vocabulary.py", "errors.py", "ocr", "box/results.py", "box/inside")
_SYSTEM = ("/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/ghostscript", "/var/lib/ghostscript",
           "/var/cache/fontconfig")
_TMP_MIB = 512
_STDOUT_CAP = 64 * 1024
PATHS = "import gc, sys; gc.set_threshold(50_000, 20, 20); sys.path[:0] = sys.argv[1:]; sys.argv[1:] = []; "
_START = PATHS + "from intake.box.inside.__main__ import main; main()"
_CONTROL = re.compile(r"[^\x20-\x7e\n\u00a0-\ud7ff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use: memory per process (MiB), CPU per process and wall clock (seconds), files written (MiB)."""

    memory_mib: int
    cpu_seconds: int
    wall_seconds: float
    output_mib: int
    processes: bool = False  # may start other programs (Ghostscript, Tesseract's own)
    local_sockets: bool = False  # LibreOffice


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: `status` is its exit code or 128 + signal, `started` says whether the sandbox stood at all.

    `overrun` names the limit that the parent enforced ("time", "output") or is "". `said` is what it wrote to its
    standard output and error, at most 64 KiB, without control characters. `cpu_seconds` is that of bubblewrap itself, the
    child's own is in its answer; unless it is `whole`, as that of a warm box.
    """

    status: int
    started: bool
    overrun: str
    said: str
    cpu_seconds: float
    whole: bool = False


@lru_cache(maxsize=1)
def _python() -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The interpreter outside any virtual environment, the folders to bind for it, the folders with packages."""
    program = str(Path(getattr(sys, "_base_executable", None) or sys.executable).resolve())
    packages = tuple(dict.fromkeys(
        path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"} and Path(path).is_dir()))
    shown = tuple(path for path in dict.fromkeys((sys.base_prefix, *packages)) if not path.startswith("/usr"))
    return program, shown, packages


@lru_cache(maxsize=8)
def _view(folders: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments that lay out the child's file system, apart from its inputs and output."""
    program = shutil.which("bwrap")
    if program is None:
        raise ConfigError("Das Programm bubblewrap fehlt; ohne es werden keine fremden Dateien geöffnet. "
                          "Installieren Sie es: apt-get install bubblewrap")
    args = [program, "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--hostname", "box",
            "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr"]
    for top in ("/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin"):  # links into /usr since Debian 12
        if Path(top).is_symlink():
            args += ["--symlink", str(Path(top).readlink()), top]
        elif Path(top).is_dir():
            args += ["--ro-bind", top, top]
    for path in _SYSTEM:
        args += ["--ro-bind-try", path, path]
    for path in (*_python()[1], *(folder for folder in folders if not folder.startswith("/usr/"))):
        args += ["--ro-bind", path, path]
    compile_dir(_INTAKE / "box/inside", quiet=2)  # the child may not write byte code, and would compile at every start
    compile_dir(_INTAKE / "ocr", quiet=2)
    for name in _OURS:  # without intake/box/__init__.py: inside, intake.box is an empty package and start-up is cheap
        args += ["--ro-bind-try", str(_INTAKE / name), f"/app/intake/{name}"]
    args += ["--dev", "/dev", "--size", str(64 << 20), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
             "--size", str(_TMP_MIB << 20), "--tmpfs", "/tmp"]
    return tuple(args)


def command(inputs: Sequence[Path], out: Path, folders: Sequence[str], filter_fd: int | None) -> list[str]:
    """The whole command line of one job. `folders` are further folders the child may read (language data)."""
    shown = [word for number, path in enumerate(inputs) for word in ("--ro-bind", str(path), f"/in/{number}")]
    return sandboxed([*shown, "--bind", str(out), "/out"], folders, filter_fd, _START)


def sandboxed(shown: Sequence[str], folders: Sequence[str], filter_fd: int | None, start: str) -> list[str]:
    """The command line that runs the Python code `start` in the sandbox; `shown` are further arguments of bubblewrap."""
    args = [*_view(tuple(folders)), *shown, "--remount-ro", "/", "--chdir", "/tmp"]
    if filter_fd is not None:
        args += ["--seccomp", str(filter_fd)]
    program, _, packages = _python()
    return [*args, "--", program, "-I", "-B", "-S", "-X", "utf8", "-c", start, "/app", *packages]


@contextmanager
def memory_file(data: bytes | None) -> Iterator[int | None]:
    """A descriptor from which `data` can be read, kept only in memory."""
    if data is None:
        yield None
        return
    descriptor = os.memfd_create("box", 0)
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def run(order: Mapping[str, Any], inputs: Sequence[Path], out: Path, limits: Limits,
        folders: Sequence[str] = ()) -> Ending:
    """Run one child to its end. Its answer, if any, lies in `out`; nothing of it is alive when this returns.

    Raises ConfigError where bubblewrap is missing, ServiceError where no process can be started.
    """
    with (memory_file(json.dumps(order).encode()) as asked,
          memory_file(seccomp.program(processes=limits.processes, local_sockets=limits.local_sockets)) as filter_fd):
        kept = () if filter_fd is None else (filter_fd,)
        try:
            child = subprocess.Popen(
                command(inputs, out, folders, filter_fd), stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={}, pass_fds=kept, start_new_session=True, bufsize=0)
        except OSError as error:
            raise ServiceError(f"Der Lesekasten lässt sich nicht starten ({error.strerror}). "
                               "Es wird erneut versucht.") from error
    with child:
        return _attend(child, out, limits)


def _attend(child: subprocess.Popen[bytes], out: Path, limits: Limits) -> Ending:
    """Wait for the end, keep the first 64 KiB it says, kill it when it takes too long or writes too much."""
    assert child.stdout is not None
    ended = os.pidfd_open(child.pid)
    try:
        said, overrun = watched(ended, (), child.stdout.fileno(), out, limits)
    finally:
        signal.pidfd_send_signal(ended, signal.SIGKILL)  # reaches nobody when it ended by itself: it is not reaped yet
        os.close(ended)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return Ending(shown_status(child.returncode), (out / "started").exists(), overrun, said, usage.ru_utime + usage.ru_stime)


def watched(ended: int, answers: Sequence[int], said: int, out: Path, limits: Limits) -> tuple[str, str]:
    """Wait until the process behind the descriptor `ended` is dead or one of `answers` can be read.

    Returns the first 64 KiB of what came through the pipe `said`, without control characters, and the limit that was run
    over ("time", "output") or "". Whoever runs over a limit is killed; that of bubblewrap or of process 1 inside ends all.
    """
    deadline = time.monotonic() + limits.wall_seconds
    heard, overrun, done = b"", "", False
    os.set_blocking(said, False)
    with selectors.DefaultSelector() as waiting:
        for descriptor in (ended, said, *answers):
            waiting.register(descriptor, selectors.EVENT_READ)
        while not done:
            ready = {key.fd for key, _ in waiting.select(min(0.5, max(0.0, deadline - time.monotonic())))}
            done = not ready.isdisjoint((ended, *answers))
            if said in ready:
                chunk = os.read(said, 1 << 16)
                heard = (heard + chunk)[:_STDOUT_CAP]
                if chunk == b"":
                    waiting.unregister(said)
            if not overrun and not done:
                overrun = _overrun(out, limits, deadline)
                if overrun:
                    signal.pidfd_send_signal(ended, signal.SIGKILL)
    return _CONTROL.sub(" ", heard.decode("utf-8", "replace")), overrun


def shown_status(code: int) -> int:
    """The return code of bubblewrap as it reports those of its child: a signal is 128 + number."""
    return code if code >= 0 else 128 - code


def _overrun(out: Path, limits: Limits, deadline: float) -> str:
    """Which limit of ours the child has run over by now, or ""."""
    if time.monotonic() >= deadline:
        return "time"
    try:
        return "output" if _written(out) > limits.output_mib << 20 else ""
    except FileNotFoundError:  # a file vanished while we counted: count again next time
        return ""
    except OSError:  # a folder too deep or locked: no job needs such a thing
        return "output"


def _written(folder: Path) -> int:
    """Bytes of everything in the folder and the folders inside."""
    written, waiting = 0, [str(folder)]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            written += entry.stat(follow_symlinks=False).st_size
    return written


def signal_of(status: int) -> signal.Signals | None:
    """The signal that ended the child, as bubblewrap reports it (128 + number), or None for an ordinary exit."""
    try:
        return signal.Signals(status - 128) if status > 128 else None
    except ValueError:
        return None
