"""The template of a warm box: imports what the jobs need once and forks one child for each job. Process 1 of its sandbox.

It never touches foreign bytes: the service tells it the name of a job and the language data to load ahead, the child reads
everything else from /in. Between two jobs it kills and reaps whatever the child left alive and empties /tmp and /dev/shm; the
service does the same to /in and /out. As process 1 no signal from inside reaches it, and its memory is closed to processes of
the same user (PR_SET_DUMPABLE; besides, the system-call filter forbids tracing). It ends when the service does, after ten idle
minutes, and whenever anything is not as it must be: the service then starts another one.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import stat
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import NoReturn

from intake.box.inside.__main__ import ONE_CORE, answer, cpu_seconds
from intake.box.inside.reader import SIGNS, STAMPDAY

IDLE_SECONDS = 600
LONGEST = 4096
"""Bytes of what the service says: [job] or [job, folder of the language data, languages, folder of the models]."""
ORDER, FILTER = "order", "filter"
"""Files in /in: what the child is asked for, the system-call filter it puts on itself (none where it may start processes)."""
_SCAN = ("barcodes", "blank", "clean", "closer", "convnet", "ctc", "daystrip", "daytext", "geometry", "image", "leaders",
         "marked", "patch", "repair", "script", "signs", "signstrip", "stampcut", "stampday", "stampplaces", "stamps",
         "upright")
JOBS = {
    "open": ("open", "pdfcheck", "mail", *_SCAN),
    "read": ("read", *_SCAN),
    "picture": ("picture", "image"),
    "rendition": ("rendition", "imagepdf", "plaintext"),
    "dkimcheck": ("dkimcheck",),
    "canary": ("canary",),
}
"""The modules of ours that a job needs, those it imports late included; see LATE for those of others."""
_PICTURES = ("PIL.Image", "PIL.ImageDraw", "PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin",
             "PIL.PngImagePlugin", "PIL.PpmImagePlugin")
_READING = (*_PICTURES, "difflib", "encodings.cp437", "intake.ocr.letters", "intake.ocr.tesseract", "numpy", "pickle",
            "tesserocr", "zxingcpp")
_FONTS = tuple(f"fontTools.{name}" for name in (
    "misc.filenames", "unicode", "ttLib.tables._c_m_a_p", "ttLib.tables._g_l_y_f", "ttLib.tables._h_e_a_d",
    "ttLib.tables._h_h_e_a", "ttLib.tables._h_m_t_x", "ttLib.tables._l_o_c_a", "ttLib.tables._m_a_x_p",
    "ttLib.tables._p_o_s_t"))
LATE = {"open": _READING, "read": _READING, "picture": _PICTURES, "rendition": ("encodings.utf_16_be", "pikepdf.pdfa", *_FONTS),
        "dkimcheck": ("dkim",), "canary": ()}
_IN, _OUT, _PRIVATE = Path("/in"), Path("/out"), (Path("/tmp"), Path("/dev/shm"))
_SET_DUMPABLE, _SET_SECCOMP, _MODE_FILTER = 4, 22, 2
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def prepare(job: str, tessdata: str = "", languages: str = "", models: str = "") -> None:
    """Import what the job needs and load its language data and the models of reading; the second time this costs nothing.

    Raises ValueError for another job.
    """
    if job not in JOBS:
        raise ValueError(f"no warm job: {job}")
    for name in (*(f"intake.box.inside.{name}" for name in JOBS[job]), *LATE[job]):
        import_module(name)
    if tessdata:
        from intake.ocr import tesseract  # noqa: PLC0415 (65 ms that no other job pays)

        tesseract.load_ahead(tessdata, languages)
    if models:
        from intake.box.inside.convnet import loaded  # noqa: PLC0415

        for name in (SIGNS, STAMPDAY):
            loaded(Path(models) / name)


def empty(folder: Path) -> None:
    """Remove everything in `folder`, however deep it is nested, and what was written about the folder itself.

    Nobody else may be using it. Raises OSError where something cannot be removed.
    """
    folder.chmod(0o700)
    for name in os.listxattr(folder):
        os.removexattr(folder, name)
    token, numbers = os.urandom(8).hex(), count()
    while found := list(folder.iterdir()):
        for path in found:
            if not _is_folder(path):
                path.unlink()
                continue
            for inner in list(path.iterdir()):
                if _is_folder(inner):  # a level up, so that depth never matters
                    inner.rename(folder / f"{token}-{next(numbers)}")
                else:
                    inner.unlink()
            path.rmdir()


def _is_folder(path: Path) -> bool:
    """A folder and no link to one; opened for us if it is."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        return False
    path.chmod(0o700)
    return True


def main() -> None:
    """Wait for the name of a job, run it, answer with its exit status (or 128 + signal) and the CPU seconds used; again."""
    os.environ |= ONE_CORE
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 gets no signal that it does not handle
    if os.getpid() != 1 or _LIBC.prctl(_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise RuntimeError("the template lives only inside the box")
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=0)
    reported = 0.0
    while select.select([control], [], [], IDLE_SECONDS)[0]:
        told, descriptors, _, _ = socket.recv_fds(control, LONGEST, 1)
        if not told:
            return
        (said,) = descriptors
        prepare(*json.loads(told))
        gc.freeze()
        status = _run(said)
        used = cpu_seconds()
        control.send(json.dumps({"status": status, "cpu_seconds": round(used - reported, 4)}).encode("ascii"))
        reported = used


def _run(said: int) -> int:
    """One job in a child of its own, from its start until nothing of it is left; its exit status."""
    child = os.fork()
    if child == 0:
        _child(said)
    os.close(said)
    ended = status = 0
    while ended != child:
        ended, status = os.waitpid(-1, 0)  # orphans come to us, too
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    for folder in _PRIVATE:
        empty(folder)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _child(said: int) -> NoReturn:
    """Let go of everything that is the template's, give up what the job does not need, do it and leave."""
    status = 1
    try:
        (_OUT / "started").touch()
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.closerange(3, 256)
        asked = json.loads((_IN / ORDER).read_bytes())
        if (_IN / FILTER).exists():
            _forbid((_IN / FILTER).read_bytes())
        answer(asked, _OUT)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  told to the service; the child must not run on as a second template
        traceback.print_exc()
    finally:
        _leave(status)


def _leave(status: int) -> NoReturn:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _forbid(program: bytes) -> None:
    """Put a further system-call filter on this process; raises OSError."""
    told = _Program(len(program) // 8, program)
    if _LIBC.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(told), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
