"""Runs what handles outside content in a short-lived process of its own.

Such a process bounds what blocking libraries and hostile content can cost: it has a limit of
memory and a deadline, can be killed at any time, and gives all of its memory back.

    run_worker(module, request, Reply)  →  python -m module:  serve(Request, handler)
        request as JSON on stdin                                  reply as JSON on stdout
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)

MEGABYTE = 1 << 20
# What the libraries of the child look for; anything else of our environment is not its business.
_INHERITED = frozenset(
    {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}
    | {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
)
_OUT_OF_MEMORY = 77
# Seconds beyond its deadline until the child is killed from outside, should its own alarm fail.
_GRACE = 2.0


class WorkerFailed(Exception):  # noqa: N818 - what it reports is a failure, not an error of ours
    """The process gave no reply: it was out of memory, out of time, or crashed."""


class _Limits(msgspec.Struct, frozen=True):
    """`memory` in bytes of private data, `seconds` of wall time."""

    memory: int
    seconds: float


async def run_worker(
    module: str,
    request: msgspec.Struct,
    reply: type[A],
    *,
    memory: int = 96 * MEGABYTE,
    seconds: float = 60.0,
) -> A:
    """Return what the worker module answers; it is gone when this returns, cancelled or not.

    Raises:
        WorkerFailed: without anything of the request in its text, which may hold credentials.
    """
    limits = msgspec.json.encode(_Limits(memory, seconds))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # modules come from where we are installed, never from the working directory
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={key: value for key, value in os.environ.items() if key in _INHERITED},
    )
    try:
        async with asyncio.timeout(seconds + _GRACE):
            answer, _ = await process.communicate(limits + b"\n" + msgspec.json.encode(request))
    except TimeoutError as error:
        raise WorkerFailed(f"took longer than {seconds:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise WorkerFailed(_why(process.returncode or 0, memory, seconds))
    return msgspec.json.decode(answer, type=reply)


def serve(request: type[Q], handler: Callable[[Q], msgspec.Struct]) -> None:
    """Be the worker: read one request, handle it under its limits, write the reply.

    To be called by a module that imports what is costly in its handler only, after the limits hold.
    """
    limits = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Limits)
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    try:
        answer = handler(msgspec.json.decode(sys.stdin.buffer.read(), type=request))
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.buffer.flush()


def _why(code: int, memory: int, seconds: float) -> str:
    if code == _OUT_OF_MEMORY or -code in {signal.SIGKILL, signal.SIGSEGV}:
        return f"needed more than {memory // MEGABYTE} MiB of memory"
    if -code == signal.SIGALRM:
        return f"took longer than {seconds:g} s"
    return f"failed with exit code {code}"
