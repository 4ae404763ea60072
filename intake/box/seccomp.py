"""A deny-list for system calls as a classic BPF program, for `bwrap --seccomp`. Written by hand: no library is needed.

Denied is what a parser of documents never needs and an intruder would like: sockets, tracing, mounting, new namespaces,
kernel modules, keys, io_uring (safety.md 5), and what reaches other processes or outlives its own (limits, System V memory).
Numbers are those of the kernel's tables for x86_64 and the generic table (aarch64); another machine gets no filter
(`program` returns None) and relies on the namespaces alone.
"""

from __future__ import annotations

import errno
import platform
import struct

_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_DENIED = {
    "x86_64": (
        41, 42, 43, 49, 50, 288,  # socket connect accept bind listen accept4 (the first _SOCKETS of each list)
        101, 310, 311, 312, 438,  # ptrace process_vm_readv/writev kcmp pidfd_getfd
        155, 161, 165, 166, 428, 429, 430, 431, 432, 433, 442,  # pivot_root chroot mount umount2 and the new ones
        272, 308,  # unshare setns
        246, 320, 175, 176, 313, 169, 167, 168, 163,  # kexec, modules, reboot, swap, acct
        164, 227, 159, 305, 170, 171,  # clocks, host name
        172, 173, 154, 135, 134, 153, 156, 103, 179, 443, 180, 212,  # iopl ioperm modify_ldt personality ... quotactl
        248, 249, 250,  # keys
        298, 321, 323, 425, 426, 427, 447,  # perf_event_open bpf userfaultfd io_uring memfd_secret
        303, 304,  # name_to_handle_at open_by_handle_at
        29, 30, 64, 68, 240,  # shmget shmat semget msgget mq_open: would outlive their process
        141, 142, 144, 203, 314, 251, 256, 279, 440,  # priorities, cores and memory of other processes
    ),
    "aarch64": (
        198, 203, 202, 200, 201, 242,
        117, 270, 271, 272, 438,
        41, 51, 40, 39, 428, 429, 430, 431, 432, 433, 442,
        97, 268,
        104, 294, 105, 106, 273, 142, 224, 225, 89,
        170, 112, 171, 266, 161, 162,
        92, 58, 116, 60, 443, 42, 18,
        217, 218, 219,
        241, 280, 282, 425, 426, 427, 447,
        264, 265,
        194, 196, 190, 186, 180,
        140, 118, 119, 122, 274, 30, 238, 239, 440,
    ),
}
_SOCKETS, _AF_UNIX = 6, 1
_CLONE = {"x86_64": 56, "aarch64": 220}
_FORKS = {"x86_64": (57, 58), "aarch64": ()}  # fork, vfork: only x86_64 has them
_IOCTL = {"x86_64": 16, "aarch64": 29}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}  # of another process than the caller (0)
_CLONE3 = 435
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_CLONE_THREAD = 0x00010000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_EPERM, _ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER, _ARCHITECTURE, _ARG0, _ARG1 = 0, 4, 16, 24  # offsets in struct seccomp_data


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _refuse(number: int, answer: int = _EPERM) -> bytes:
    """Answers the call `number` with `answer`; the number stays loaded for the next comparison."""
    return _op(_EQUAL, number, 0, 1) + _op(_RETURN, answer)


def program(*, processes: bool, local_sockets: bool = False, machine: str | None = None) -> bytes | None:
    """The filter as bytes for `--seccomp`, or None for a machine whose numbers we do not hold.

    With `processes` false the child may start threads but no process: a fork bomb is then impossible, even for root
    (RLIMIT_NPROC does not bind root). With `local_sockets` it may make sockets of the local kind (LibreOffice does not start
    without), which reach nobody: network and folders of the sandbox are its own.
    """
    machine = machine or platform.machine()
    if machine not in _ARCH:
        return None
    code = _op(_LOAD, _ARCHITECTURE) + _op(_EQUAL, _ARCH[machine], 1, 0) + _op(_RETURN, _KILL) + _op(_LOAD, _NUMBER)
    if machine == "x86_64":
        code += _op(_AT_LEAST, 0x40000000, 0, 1) + _op(_RETURN, _KILL)  # the x32 numbers would bypass the list
    if local_sockets:
        code += _op(_EQUAL, _DENIED[machine][0], 0, 4)
        code += _op(_LOAD, _ARG0) + _op(_EQUAL, _AF_UNIX, 0, 1) + _op(_RETURN, _ALLOW) + _op(_RETURN, _EPERM)
    for number in _DENIED[machine][_SOCKETS if local_sockets else 0:]:
        code += _refuse(number)
    code += _refuse(_CLONE3, _ENOSYS)  # its flags lie in memory, out of reach; libc falls back to clone
    if not processes:
        for number in _FORKS[machine]:
            code += _refuse(number)
    code += _op(_EQUAL, _PRLIMIT[machine], 0, 4)
    code += _op(_LOAD, _ARG0) + _op(_EQUAL, 0, 0, 1) + _op(_RETURN, _ALLOW) + _op(_RETURN, _EPERM)
    clone = _op(_LOAD, _ARG0) + _op(_ANY_BIT, _NEW_NAMESPACES, 0, 1) + _op(_RETURN, _EPERM)
    if not processes:
        clone += _op(_ANY_BIT, _CLONE_THREAD, 1, 0) + _op(_RETURN, _EPERM)
    clone += _op(_RETURN, _ALLOW)
    code += _op(_EQUAL, _CLONE[machine], 0, len(clone) // 8) + clone
    code += _op(_EQUAL, _IOCTL[machine], 0, 5)
    code += _op(_LOAD, _ARG1) + _op(_EQUAL, _TIOCSTI, 1, 0) + _op(_EQUAL, _TIOCLINUX, 0, 1)
    code += _op(_RETURN, _EPERM) + _op(_RETURN, _ALLOW)
    return code + _op(_RETURN, _ALLOW)
