"""Warm boxes: sandboxes whose process 1 has imported what small jobs need and forks one child for each (inside/template.py).

The same sandbox as in bwrap.py with the same walls; one original is still one process, which nothing outlives. What is
saved is starting Python and importing the PDF libraries, three quarters of what a small file costs. The service shows the
box one folder of its own: /in (read-only inside) gets copies of the inputs and the order, /out takes the answer; both are
emptied between two jobs. After any irregular end the box is thrown away. Where a warm box does not come up the caller runs
the job cold; nobody is to blame.
"""

from __future__ import annotations

import json
import logging
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from intake.box import bwrap, seccomp
from intake.box.bwrap import Ending, Limits
from intake.box.inside.template import FILTER, IDLE_SECONDS, ORDER, empty
from intake.errors import ConfigError, ServiceError

MOST_BYTES, MOST_PAGES = 16 << 20, 8
"""Larger inputs and longer chunks get a sandbox of their own: for them its start does not matter."""
MOST_JOBS = 200
MOST_FAILURES = 3
MOST_SECONDS_TO_DIE = 5.0
_CPU_OF_PROCESS = 2  # with the number of a process: the clock of the CPU it used
_START = bwrap.PATHS + "from intake.box.inside.template import main; main()"
log = logging.getLogger(__name__)


class Warm:
    """The warm boxes of one service: as many as jobs run at once, started when they are needed. Safe for threads.

    `scratch`: where the exchanged files lie, on the disk of the answers if possible; None = the system's temporary folder.
    """

    def __init__(self, scratch: Path | None) -> None:
        self._scratch = scratch
        self._lock = threading.Lock()
        self._idle: list[_WarmBox] = []
        self._generation = 0
        self._failures = 0
        self._starter: ThreadPoolExecutor | None = None

    def run(self, told: Mapping[str, Any], inputs: Sequence[Path], out: Path, limits: Limits,
            folders: Sequence[str]) -> Ending | None:
        """Run one job as `bwrap.run` does; None when no warm box would begin it, so that it has to run cold.

        Raises ServiceError when the answer cannot be kept.
        """
        if self._failures >= MOST_FAILURES or seccomp.program(processes=False) is None:
            return None
        generation = self._generation
        box = self._taken(frozenset(folder for folder in folders if not folder.startswith("/usr/")))  # those are always seen
        if box is None:
            return None
        ending = None
        try:
            ending = box.run(told, inputs, out, limits)
        finally:
            self._returned(box, generation, usable=ending is not None and ending.status == 0)
        self._count(begun=ending is not None)
        return ending

    def renew(self) -> None:
        """A box may have been taken over: none that is running now does a further job."""
        with self._lock:
            self._generation += 1
            old, self._idle = self._idle, []
        for box in old:
            box.close()

    def close(self) -> None:
        """End all boxes. Those at work end with their job, or with this process."""
        self.renew()
        if self._starter is not None:
            self._starter.shutdown(wait=False)
            self._starter = None

    def _taken(self, folders: frozenset[str]) -> _WarmBox | None:
        """A box that waits for a job, or a new one; None when none can be started."""
        with self._lock:
            fit = next((box for box in reversed(self._idle) if folders <= box.folders), None)
            if fit is not None:
                self._idle.remove(fit)
            if self._starter is None:  # bubblewrap dies with the *thread* that started it: this one lives as long as we do
                self._starter = ThreadPoolExecutor(1, "warm-box")
            starter = self._starter
        if fit is not None and fit.alive():
            return fit
        if fit is not None:
            fit.close()
        try:
            return starter.submit(_WarmBox, self._scratch, folders).result()
        except (OSError, ValueError, ConfigError, RuntimeError) as error:  # cold, it gets its sentence; or we are leaving
            log.info("no warm box", extra={"error": type(error).__name__})
            self._count(begun=False)
            return None

    def _returned(self, box: _WarmBox, generation: int, *, usable: bool) -> None:
        with self._lock:
            usable = usable and generation == self._generation and box.jobs < MOST_JOBS
            if usable:
                self._idle.append(box)
        if not usable:
            box.close()

    def _count(self, *, begun: bool) -> None:
        """Give up on warm boxes, with a word in the log, when they fail again and again before a job has begun."""
        with self._lock:
            self._failures = 0 if begun else self._failures + 1
            given_up = self._failures == MOST_FAILURES
        if given_up:
            log.warning("warm boxes do not come up; every job gets a sandbox of its own")


def _said(told: Mapping[str, Any]) -> list[str]:
    """What the template is told of a job: its name and, where it may recognise text, what to load ahead."""
    order = told["order"].get("read", told["order"])
    if order.get("engine") != "tesseract":
        return [told["job"]]
    return [told["job"], order["tessdata"], order["languages"], order["models"]]


class _WarmBox:
    """One running sandbox and the folder it shares with us. Raises OSError or ConfigError when it cannot be started."""

    def __init__(self, scratch: Path | None, folders: frozenset[str]) -> None:
        if scratch is not None:
            scratch.mkdir(mode=0o700, exist_ok=True)
        self.folders = folders
        self.jobs = 0
        self._used = time.monotonic()
        self._exchange = Path(tempfile.mkdtemp(prefix="warm-", dir=scratch))
        self._in, self._out = self._exchange / "in", self._exchange / "out"
        self._in.mkdir(mode=0o700)
        self._out.mkdir(mode=0o700)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._template = -1
        self._process: subprocess.Popen[bytes] | None = None
        try:
            with theirs:
                self._start(theirs.fileno())
        except BaseException:
            self.close()
            raise

    def _start(self, control: int) -> None:
        """Start bubblewrap and get hold of process 1 inside: when that is dead, everything inside is."""
        told, tell = os.pipe()
        with os.fdopen(told, "rb") as pid, bwrap.memory_file(seccomp.program(processes=True)) as filter_fd:
            try:
                shown = ["--as-pid-1", "--info-fd", str(tell),
                         "--ro-bind", str(self._in), "/in", "--bind", str(self._out), "/out"]
                kept = (tell,) if filter_fd is None else (tell, filter_fd)
                self._process = subprocess.Popen(
                    bwrap.sandboxed(shown, sorted(self.folders), filter_fd, _START), stdin=control, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, env={}, pass_fds=kept, start_new_session=True)
            finally:
                os.close(tell)
            found = json.loads(pid.read() or b"{}")
        if "child-pid" not in found:
            raise OSError("bubblewrap did not start")
        self._template = os.pidfd_open(found["child-pid"])
        if self._process.poll() is not None:  # it waits for its child, whose number is nobody else's until then
            raise OSError("bubblewrap ended")

    def alive(self) -> bool:
        """Whether it waits for a job; after ten idle minutes it leaves by itself."""
        assert self._process is not None
        return self._process.poll() is None and time.monotonic() - self._used < IDLE_SECONDS - 10

    def run(self, told: Mapping[str, Any], inputs: Sequence[Path], out: Path, limits: Limits) -> Ending | None:
        """One job; None when the box died before the job's child had started (or the child could not write at all).

        With another status than 0 the box must not be used again. Raises ServiceError when the answer cannot be kept.
        """
        self.jobs += 1
        said, theirs = os.pipe()
        try:
            try:
                self._give(told, inputs, processes=limits.processes)
                socket.send_fds(self._control, [json.dumps(_said(told)).encode("ascii")], [theirs])
            except OSError:
                return None
            finally:
                os.close(theirs)
            heard, overrun = bwrap.watched(self._template, (self._control.fileno(),), said, self._out, limits)
        finally:
            os.close(said)
        answer = b"" if overrun else self._answer()
        if not (self._out / "started").exists() and not overrun:
            return None
        if not answer:
            return Ending(128 + signal.SIGKILL, True, overrun, heard, 0.0)
        ended = json.loads(answer)
        if ended["status"] == 0:
            self._take(out)
        self._used = time.monotonic()
        return Ending(ended["status"], True, "", heard, ended["cpu_seconds"] + self._beside(), whole=True)

    def _beside(self) -> float:
        """CPU seconds of bubblewrap itself, on the bill of the first job."""
        with suppress(OSError):  # it has ended meanwhile
            if self.jobs == 1 and self._process is not None:
                return time.clock_gettime(~self._process.pid << 3 | _CPU_OF_PROCESS)
        return 0.0

    def _give(self, told: Mapping[str, Any], inputs: Sequence[Path], *, processes: bool) -> None:
        """Lay the order and copies of the inputs into /in: never the originals themselves, which nobody may change."""
        for number, path in enumerate(inputs):
            shutil.copyfile(path, self._in / str(number))
        (self._in / ORDER).write_text(json.dumps(told), encoding="ascii")
        filter_ = seccomp.program(processes=processes)
        if not processes and filter_ is not None:
            (self._in / FILTER).write_bytes(filter_)

    def _answer(self) -> bytes:
        try:
            return self._control.recv(256, socket.MSG_DONTWAIT)
        except OSError:  # the template died without a word
            return b""

    def _take(self, out: Path) -> None:
        """Move what the job wrote, whatever it is, to `out` to be re-checked there, and empty the exchanged folders."""
        try:
            for entry in list(self._out.iterdir()):
                try:
                    entry.rename(out / entry.name)
                except OSError:  # another disk; what is no regular file stays behind and will be missed
                    if stat.S_ISREG(entry.lstat().st_mode):
                        shutil.copyfile(entry, out / entry.name, follow_symlinks=False)
            empty(self._out)
            empty(self._in)
        except OSError as error:
            raise ServiceError(f"Was der Lesekasten geschrieben hat, lässt sich nicht ablegen ({error.strerror}). "
                               "Es wird erneut versucht.") from error

    def close(self) -> None:
        """Kill everything inside, wait until it is dead, remove the folder."""
        if self._template >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._template, signal.SIGKILL)
            select.select([self._template], [], [], MOST_SECONDS_TO_DIE)
            os.close(self._template)
            self._template = -1
        if self._process is not None:
            self._process.kill()  # it would end by itself, having lost its child
            self._process.wait()
        self._control.close()
        with suppress(OSError):  # what cannot be removed now is wiped with the whole scratch folder at the next start
            empty(self._out)
        shutil.rmtree(self._exchange, ignore_errors=True)
