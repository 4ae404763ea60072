"""The system-call filter, run in a small interpreter of the kernel's instructions: what it lets through and what not."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS = {
    "x86_64": {"read": 0, "openat": 257, "mmap": 9, "futex": 202, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "ioctl": 16,
               "socket": 41, "ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321, "keyctl": 250,
               "userfaultfd": 323, "socketpair": 53, "pipe2": 293, "process_vm_writev": 311, "open_by_handle_at": 304},
    "aarch64": {"read": 63, "openat": 56, "mmap": 222, "futex": 98, "clone": 220, "execve": 221, "ioctl": 29, "socket": 198,
                "ptrace": 117, "mount": 40, "unshare": 97, "setns": 268, "bpf": 280, "keyctl": 219, "userfaultfd": 282,
                "socketpair": 199, "pipe2": 59, "process_vm_writev": 271, "open_by_handle_at": 265},
}
BOTH = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def answer(machine: str, number: int, args: tuple[int, ...] = (), *, processes: bool = False, arch: int | None = None,
           local: bool = False) -> int:
    """What the filter answers to a system call."""
    program = seccomp.program(processes=processes, local_sockets=local, machine=machine)
    assert program is not None
    data = struct.pack("<IIQ6Q", number, arch if arch is not None else ARCH[machine], 0, *(*args, *[0] * 6)[:6])
    steps = [struct.unpack_from("=HBBI", program, offset) for offset in range(0, len(program), 8)]
    loaded, at = 0, 0
    for _ in range(4096):
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x20:
            loaded = struct.unpack_from("<I", data, value)[0]
        elif code == 0x06:
            return value
        else:
            taken = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            at += yes if taken else no
    raise AssertionError("no end")


@BOTH
@pytest.mark.parametrize("name", ["socket", "ptrace", "mount", "unshare", "setns", "bpf", "keyctl", "userfaultfd",
                                  "process_vm_writev", "open_by_handle_at"])
def test_what_no_parser_needs_is_refused(machine: str, name: str) -> None:
    for processes in (True, False):
        assert answer(machine, NUMBERS[machine][name], processes=processes) == EPERM


@BOTH
@pytest.mark.parametrize("name", ["read", "openat", "mmap", "futex", "execve", "ioctl", "socketpair", "pipe2"])
def test_what_a_parser_needs_is_allowed(machine: str, name: str) -> None:
    assert answer(machine, NUMBERS[machine][name]) == ALLOW


@BOTH
def test_threads_yes_processes_by_order_namespaces_never(machine: str) -> None:
    clone = NUMBERS[machine]["clone"]
    thread, process = 0x3D0F00, 17
    assert answer(machine, clone, (thread,)) == ALLOW
    assert answer(machine, clone, (process,)) == EPERM
    assert answer(machine, clone, (process,), processes=True) == ALLOW
    for namespace in (0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x08000000):
        assert answer(machine, clone, (process | namespace,), processes=True) == EPERM
        assert answer(machine, clone, (thread | namespace,)) == EPERM
    assert answer(machine, 435) == ENOSYS  # clone3: libc falls back to clone


@BOTH
def test_only_local_sockets_and_only_by_order(machine: str) -> None:
    sockets, connect = NUMBERS[machine]["socket"], {"x86_64": 42, "aarch64": 203}[machine]
    assert answer(machine, sockets, (1,)) == EPERM
    assert answer(machine, sockets, (1,), local=True) == ALLOW and answer(machine, connect, local=True) == ALLOW
    for family in (0, 2, 10, 16, 17, 38, 40):  # IPv4, IPv6, netlink, packets, crypto, the host of a virtual machine
        assert answer(machine, sockets, (family,), local=True) == EPERM
    assert answer(machine, NUMBERS[machine]["ptrace"], local=True) == EPERM


def test_fork_and_vfork_of_x86_64() -> None:
    for name in ("fork", "vfork"):
        assert answer("x86_64", NUMBERS["x86_64"][name]) == EPERM
        assert answer("x86_64", NUMBERS["x86_64"][name], processes=True) == ALLOW


@pytest.mark.parametrize(("machine", "prlimit", "others"), [
    ("x86_64", 302, (29, 30, 64, 68, 240, 141, 142, 144, 203, 314, 251)),
    ("aarch64", 261, (194, 196, 190, 186, 180, 140, 118, 119, 122, 274, 30)),
])
def test_other_processes_are_left_alone_and_nothing_outlives_its_own(machine: str, prlimit: int, others: tuple[int, ...]) -> None:
    for processes in (True, False):
        assert answer(machine, prlimit, (0, 7), processes=processes) == ALLOW
        assert answer(machine, prlimit, (1, 7), processes=processes) == EPERM
        assert answer(machine, prlimit, (0xFFFFFFFF, 7), processes=processes) == EPERM
        assert {answer(machine, number, processes=processes) for number in others} == {EPERM}


@BOTH
def test_keys_cannot_be_pushed_into_a_terminal(machine: str) -> None:
    ioctl = NUMBERS[machine]["ioctl"]
    assert answer(machine, ioctl, (0, 0x5412)) == EPERM
    assert answer(machine, ioctl, (0, 0x541C)) == EPERM
    assert answer(machine, ioctl, (0, 0x5401)) == ALLOW


def test_other_tables_of_numbers_cannot_bypass_the_list() -> None:
    assert answer("x86_64", 41 | 0x40000000) == KILL
    assert answer("x86_64", 0, arch=0x40000003) == KILL  # 32 bit
    assert answer("aarch64", 63, arch=0x40000028) == KILL


@BOTH
@given(number=st.integers(0, 0xFFFFFFFF), args=st.tuples(*[st.integers(0, 2**64 - 1)] * 6), processes=st.booleans())
def test_every_call_gets_an_answer(machine: str, number: int, args: tuple[int, ...], processes: bool) -> None:
    assert answer(machine, number, args, processes=processes) in {ALLOW, KILL, EPERM, ENOSYS}


def test_unknown_machines_get_no_filter_and_the_program_is_short() -> None:
    assert seccomp.program(processes=True, machine="riscv64") is None
    for machine in ARCH:
        program = seccomp.program(processes=False, machine=machine)
        assert program is not None
        assert len(program) % 8 == 0
        assert len(program) // 8 < 4096
