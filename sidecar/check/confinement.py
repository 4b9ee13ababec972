"""Takes from a process what a dry run does not need: the network, and files such as the token.

A process without any privilege can do so to itself, in a container with the profile RuntimeDefault
too: seccomp refuses sockets and looks into other processes, Landlock (Linux 5.13, if it is turned
on) all files but some, and signals to others (6.12). Namespaces cannot be had there: unshare and
clone with new ones are refused. What the kernel does not have is left out.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_SET_NO_NEW_PRIVS = 38


class _Calls(NamedTuple):
    """Numbers of an architecture: its own for audit, and those of system calls."""

    audit: int
    socket: int
    ptrace: int
    process_vm_readv: int
    process_vm_writev: int
    io_uring_setup: int = 425
    pidfd_getfd: int = 438


# linux/audit.h, asm/unistd.h
_ARCHITECTURES = {
    "x86_64": _Calls(0xC000003E, 41, 101, 310, 311),
    "aarch64": _Calls(0xC00000B7, 198, 117, 270, 271),
}
# linux/bpf_common.h, linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _AUDIT_AT = 0, 4
_X32 = 0x40000000

# linux/landlock.h
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_NET, _SCOPED = 0b11, 0b11


class Confinement(NamedTuple):
    """What a process may still do; made before a fork, and applied in the child."""

    filter: bytes
    ruleset: int
    """A descriptor; negative for none."""

    def apply(self) -> None:
        """Confine this process and its children, once and for all, as far as the kernel can."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self.ruleset >= 0:
            libc.syscall(_RESTRICT_SELF, self.ruleset, 0)
        if self.filter:
            program = ctypes.create_string_buffer(self.filter)
            length = len(self.filter) // 8
            header = struct.pack("@HP", length, ctypes.addressof(program))
            libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0)

    def close(self) -> None:
        """Free the descriptor; processes stay confined."""
        if self.ruleset >= 0:
            os.close(self.ruleset)


def confinement(readable: Iterable[Path]) -> Confinement:
    """Only these files, and those below these directories, can be read and executed."""
    return Confinement(_filter(), _ruleset(readable))


def _filter() -> bytes:
    """Refuses sockets of all families, and what reads or leads other processes."""
    calls = _ARCHITECTURES.get(platform.machine())
    if calls is None:
        return b""
    refused = [
        (calls.socket, errno.EAFNOSUPPORT),
        *(
            (number, errno.EPERM)
            for number in (
                calls.ptrace,
                calls.process_vm_readv,
                calls.process_vm_writev,
                calls.io_uring_setup,  # which opens sockets as well
                calls.pidfd_getfd,
            )
        ),
    ]
    steps = [
        _step(_LOAD, _AUDIT_AT),
        _step(_EQUAL, calls.audit, 1, 0),
        _step(_RETURN, _ERRNO | errno.EPERM),
        _step(_LOAD, _NUMBER_AT),
        _step(_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _ERRNO | errno.EPERM),
    ]
    for number, error in refused:
        steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | error)]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _ruleset(readable: Iterable[Path]) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return -1
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    fields = [(1 << rights) - 1]
    fields += [_NET] if version >= 4 else []
    fields += [_SCOPED] if version >= 6 else []
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset: int = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return -1
    for path in readable:
        _allow(libc, ruleset, str(path), _EXECUTE | _READ_FILE | _READ_DIR)
    _allow(libc, ruleset, os.devnull, _WRITE_FILE)
    return ruleset


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    """Allow this below a path; what is not there needs no right."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not Path(path).is_dir():
                access &= ~_READ_DIR
            rule = struct.pack("=Qi", access, descriptor)
            libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        finally:
            os.close(descriptor)
