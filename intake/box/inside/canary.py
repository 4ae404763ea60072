"""Tries to break out of the box (safety.md A13): run at every start of the service and in the tests."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intake.box.inside.__main__ import ONE_CORE

_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(worked: bool) -> str:
    return "escaped" if worked else f"refused {os.strerror(ctypes.get_errno())}"


def _shadow() -> str:
    return f"escaped {len(Path('/etc/shadow').read_bytes())}"


def _environ() -> str:
    return f"escaped {len(Path('/proc/1/environ').read_bytes())}"


def _environment() -> str:
    told = set(os.environ) - {"PWD", "LC_CTYPE", *ONE_CORE}
    return "escaped" if told else "refused nothing there"


def _folders() -> str:
    tops = [Path(top) for top in ("/", "/root", "/home", "/etc", "/var")]
    seen = {path.name for top in tops if top.is_dir() for path in top.iterdir()}
    return "escaped" if seen & {"shadow", "passwd", "hostname", ".ssh", "log"} else "refused nothing there"


def _socket(family: int, kind: int, address: Any) -> str:
    with socket.socket(family, kind) as one:
        one.settimeout(2)
        one.connect(address)
    return "escaped"


def _name() -> str:
    return f"escaped {socket.getaddrinfo('localhost', 80)[0][4][0]}"


def _write(path: str) -> str:
    Path(path).write_text("x", encoding="ascii")
    return "escaped"


def _fork() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "escaped"


def _kill() -> str:
    """Signals to everyone reach nobody but this namespace; a neighbour by number is not there."""
    os.kill(os.getppid() + 40_000, 0)
    return "escaped"


def _memory() -> str:
    return f"escaped {len(bytearray(4 << 30))}"


ATTEMPTS: dict[str, Callable[[], str]] = {
    "shadow": _shadow,
    "environ": _environ,
    "environment": _environment,
    "folders": _folders,
    "tcp": lambda: _socket(socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)),
    "udp": lambda: _socket(socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 53)),
    "abstract socket": lambda: _socket(socket.AF_UNIX, socket.SOCK_STREAM, "\0poststelle"),
    "names": _name,
    "write root": lambda: _write("/escaped"),
    "write usr": lambda: _write("/usr/escaped"),
    "write app": lambda: _write("/app/escaped"),
    "write dev": lambda: _write("/dev/escaped"),
    "ptrace": lambda: _call(_LIBC.ptrace(0, 0, 0, 0) == 0),
    "attach": lambda: _call(_LIBC.ptrace(16, 1, 0, 0) == 0),
    "limits of others": lambda: _call(_LIBC.prlimit(1, 7, b"\1" + bytes(15), None) == 0),
    "shared memory": lambda: _call(_LIBC.shmget(0, 4096, 0o1600) != -1),
    "mount": lambda: _call(_LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0),
    "namespaces": lambda: _call(_LIBC.unshare(0x10000000) == 0),
    "fork": _fork,
    "kill": _kill,
    "memory": _memory,
}


def run(order: dict[str, Any], inputs: list[Path], out: Path) -> dict[str, Any]:
    """Every attempt by name and what became of it: a text that begins with "refused", or with "escaped".

    Raises RuntimeError outside the box: as root on a bare machine the attempts would succeed, and do harm.
    """
    if os.getuid() != 65534 or Path("/proc").exists() or not Path("/app/intake").is_dir() or not (out / "started").exists():
        raise RuntimeError("the canary flies only inside the box")
    found = {}
    for name, attempt in ATTEMPTS.items():
        try:
            found[name] = attempt()
        except (OSError, MemoryError) as error:
            found[name] = f"refused {type(error).__name__}"
    return found
