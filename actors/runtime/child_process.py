"""Runs code that handles content from outside in a short-lived child process.

The child process bounds what blocking libraries and hostile content can cost: it has a limit of
memory and a deadline, can be killed at any time, ends with its parent, and returns all its memory.

    run_worker(module, request, Reply)  →  python -m module:  serve(Request, handler)
        request as JSON on stdin                                  reply as JSON on stdout
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)

MEGABYTE = 1 << 20
# The variables that the interpreter and its libraries read. The child gets no others, as the
# environment may hold secrets.
_INHERITED = frozenset(
    {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
    | {"LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE"}
)
_CRASHED = 70
_OUT_OF_MEMORY = 77
# The signals by which a process may end when a C library gets no memory.
_MEMORY_SIGNALS = frozenset({signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT})
# Seconds beyond its deadline until the child is killed from outside, should its own alarm fail.
_GRACE = 2.0
_PR_SET_PDEATHSIG = 1


class WorkerFailed(Exception):  # noqa: N818 - what it reports is a failure, not an error of ours
    """The child process gave no reply: it ran out of memory or time, or crashed."""


class _Limits(msgspec.Struct, frozen=True):
    """`memory` in bytes of private data, `seconds` of wall time, and the process to die with."""

    memory: int
    seconds: float
    parent: int


async def run_worker(
    module: str,
    request: msgspec.Struct,
    reply: type[A],
    *,
    memory: int = 96 * MEGABYTE,
    seconds: float = 60.0,
) -> A:
    """Return the reply of the worker module; its process is gone on return, also if cancelled.

    Raises:
        WorkerFailed: its text holds nothing of the request, which may contain credentials.
    """
    import asyncio  # noqa: PLC0415 - 8 MB that the child, which imports us too, does without

    limits = msgspec.json.encode(_Limits(memory, seconds, os.getpid()))
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # modules come from where we are installed, never from the working directory
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for us, and we end it
        )
    except OSError as error:  # no memory left, or no more processes or files allowed
        raise WorkerFailed(f"could not be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(seconds + _GRACE):
            answer, _ = await process.communicate(limits + b"\n" + msgspec.json.encode(request))
    except TimeoutError as error:
        raise WorkerFailed(_too_long(seconds)) from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise WorkerFailed(_why(process.returncode or 0, answer, memory, seconds))
    try:
        return msgspec.json.decode(answer, type=reply)
    except msgspec.DecodeError as error:
        raise WorkerFailed("gave an answer that cannot be read") from error


def serve(request: type[Q], handler: Callable[[Q], msgspec.Struct]) -> None:
    """Act as the worker: read one request, handle it under its limits, write the reply, exit.

    The calling module should import costly libraries in its handler only, once the limits hold.
    """
    limits = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Limits)
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    _die_with(limits.parent)
    code = 0
    try:
        question = msgspec.json.decode(sys.stdin.buffer.read(), type=request)
        answer = msgspec.json.encode(handler(question))
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - a bug, told by what cannot hold a secret
        code, answer = _CRASHED, _place(error).encode()
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    os._exit(code)  # threads that still wait for somebody are not waited for


def _environment() -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key in _INHERITED}
    return {**inherited, "MALLOC_ARENA_MAX": "1"}  # else glibc keeps a heap for each thread


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however the parent ends."""
    if sys.platform != "linux":
        return  # on a developer's machine the deadline must do
    import ctypes  # noqa: PLC0415 - a megabyte that the parent does without

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def _place(error: Exception) -> str:
    """Name the file and line of the error; its own text may quote the request."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = Path(trace.tb_frame.f_code.co_filename).name
    return f"{type(error).__name__} at {file}:{trace.tb_lineno}"


def _why(code: int, answer: bytes, memory: int, seconds: float) -> str:
    if code == _OUT_OF_MEMORY or -code in _MEMORY_SIGNALS:
        return f"needed more than {memory // MEGABYTE} MiB of memory"
    if -code == signal.SIGALRM:
        return _too_long(seconds)
    if code == _CRASHED:
        return f"failed: {answer.decode()}"
    return f"failed with exit code {code}"


def _too_long(seconds: float) -> str:
    return f"took longer than {seconds:g} s"
