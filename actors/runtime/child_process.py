"""Runs code that handles content from outside in a short-lived child process.

The child process bounds what blocking libraries and hostile content can cost: it has a limit of
memory and a deadline, can be killed at any time, ends with its parent, and returns all its memory.

    run_worker(module, request, Reply)  →  python -m module:  serve(Request, handler)
        request as JSON on stdin                                  reply as JSON on stdout

`replies_of` and `serve_each` do the same with many replies, a line for each as soon as it is made.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator, Callable, Collection, Iterator

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
_UNREADABLE = "gave an answer that cannot be read"
# Bytes of one of many replies.
_MOST_LINE = 1 << 20


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
    descriptors: Collection[int] = (),
) -> A:
    """Return the reply of the worker module; its process is gone on return, also if cancelled.

    It inherits these `descriptors` of open files, under the same numbers.

    Raises:
        WorkerFailed: its text holds nothing of the request, which may contain credentials.
    """
    import asyncio  # noqa: PLC0415 - 8 MB that the child, which imports us too, does without

    async with _child(module, descriptors) as process:
        try:
            async with asyncio.timeout(seconds + _GRACE):
                answer, _ = await process.communicate(_question(request, memory, seconds))
        except TimeoutError as error:
            raise WorkerFailed(_too_long(seconds)) from error
    if process.returncode != 0:
        raise WorkerFailed(_why(process.returncode or 0, answer, memory, seconds))
    return _decoded(answer, reply)


async def replies_of(
    module: str, request: msgspec.Struct, reply: type[A], *, memory: int, seconds: float
) -> AsyncGenerator[A, None]:
    """Yield the replies of the worker module as they are made; its process is gone at the end.

    Whoever may leave before the end has to close the generator.

    Raises:
        WorkerFailed: as `run_worker` does; replies that came before have been yielded.
    """
    import asyncio  # noqa: PLC0415 - as in `run_worker`

    until = asyncio.get_running_loop().time() + seconds + _GRACE
    async with _child(module) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        try:
            async with asyncio.timeout_at(until):
                with suppress(ConnectionError):  # it has ended, and its exit code says why
                    process.stdin.write(_question(request, memory, seconds))
                    await process.stdin.drain()
                process.stdin.close()
            while True:
                async with asyncio.timeout_at(until):
                    line = await process.stdout.readline()
                if not line.endswith(b"\n"):
                    break
                yield _decoded(line, reply)
            async with asyncio.timeout_at(until):
                code = await process.wait()
        except TimeoutError as error:
            raise WorkerFailed(_too_long(seconds)) from error
        except ValueError as error:
            raise WorkerFailed(_UNREADABLE) from error
    if code != 0:
        raise WorkerFailed(_why(code, line, memory, seconds))


def serve(request: type[Q], handler: Callable[[Q], msgspec.Struct]) -> None:
    """Act as the worker: read one request, handle it under its limits, write the reply, exit.

    The calling module should import costly libraries in its handler only, once the limits hold.
    """
    _serve(request, lambda question: _write(msgspec.json.encode(handler(question))))


def serve_each(request: type[Q], handler: Callable[[Q], Iterator[msgspec.Struct]]) -> None:
    """Act as a worker with many replies: write each as soon as it is made."""

    def answer(question: Q) -> None:
        for reply in handler(question):
            _write(msgspec.json.encode(reply) + b"\n")

    _serve(request, answer)


def _serve(request: type[Q], answer: Callable[[Q], None]) -> None:
    limits = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Limits)
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    die_with(limits.parent)
    code = 0
    try:
        answer(msgspec.json.decode(sys.stdin.buffer.read(), type=request))
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - a bug, told by what cannot hold a secret
        code = _CRASHED
        _write(_place(error).encode())
    os._exit(code)  # threads that still wait for somebody are not waited for


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@asynccontextmanager
async def _child(module: str, descriptors: Collection[int] = ()) -> AsyncGenerator[Process, None]:
    """A process of the module, which is gone at the end; raises WorkerFailed."""
    import asyncio  # noqa: PLC0415 - as in `run_worker`

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
            pass_fds=descriptors,
            limit=_MOST_LINE,
        )
    except OSError as error:  # no memory left, or no more processes or files allowed
        raise WorkerFailed(f"could not be started: {error.strerror}") from error
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _question(request: msgspec.Struct, memory: int, seconds: float) -> bytes:
    limits = msgspec.json.encode(_Limits(memory, seconds, os.getpid()))
    return limits + b"\n" + msgspec.json.encode(request)


def _decoded(answer: bytes, reply: type[A]) -> A:
    try:
        return msgspec.json.decode(answer, type=reply)
    except msgspec.DecodeError as error:
        raise WorkerFailed(_UNREADABLE) from error


def _environment() -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key in _INHERITED}
    return {**inherited, "MALLOC_ARENA_MAX": "1"}  # else glibc keeps a heap for each thread


def die_with(parent: int) -> None:
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
