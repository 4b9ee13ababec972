"""Traces which files of the four packages run a function; Python imports this module at its start.

It is active only where TRACE_FILE names a file, which gets one line for each file that runs, when a
function of it is called for the first time since SIGUSR2, and lines that mark what happens, all of
them behind the id of the process:

    begin           SIGUSR2 has come; the count starts
    PATCH PATH      a write is about to be sent to the API server
    renamed NAME    a file of this name has got its place

The children that handle outside content are traced as well: they inherit what starts the trace.
Files that are only imported, and not run, do not count.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

FILE = os.environ.get("TRACE_FILE", "")
ROOT = os.environ.get("TRACE_ROOT", "")
HOUSE = tuple(f"{ROOT}/{package}/" for package in ("actors", "resources", "sidecar", "supervisors"))


class Tracer:
    """Writes each file once; what it is asked about every call of a function must be cheap."""

    def __init__(self, path: str) -> None:
        self._output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._seen: set[str] = set()

    def begin(self, *_signal: object) -> None:
        """Forget what has run."""
        self._seen.clear()
        self._write("begin")

    def called(self, frame, event, _argument) -> None:
        """Take note of the function that begins to run, for sys.setprofile."""
        code = frame.f_code
        file = code.co_filename
        if event != "call" or not file.startswith(HOUSE) or code.co_name == "<module>":
            return
        if file not in self._seen:
            self._seen.add(file)
            self._write(file.removeprefix(f"{ROOT}/"))
        if code.co_qualname == "Transport.request" and frame.f_locals.get("method") == "PATCH":
            self._write(f"PATCH {frame.f_locals['path']}")
        if code.co_name == "run_worker":
            _trace_children()

    def audited(self, event, arguments) -> None:
        """Take note of a rename, for sys.addaudithook."""
        if event == "os.rename":
            self._write(f"renamed {Path(os.fsdecode(arguments[1])).name}")

    def _write(self, line: str) -> None:
        os.write(self._output, f"{os.getpid()} {line}\n".encode())


def _trace_children() -> None:
    """Hand on what starts the trace: a child gets a clean environment."""
    import asyncio

    launch = asyncio.create_subprocess_exec
    if launch.__name__ == "traced":
        return

    async def traced(*arguments, env, **others):
        names = ("PYTHONPATH", "TRACE_FILE", "TRACE_ROOT")
        return await launch(
            *arguments, env=env | {name: os.environ[name] for name in names}, **others
        )

    setattr(asyncio, "create_subprocess_exec", traced)  # noqa: B010 - mypy compares the types


if FILE:
    tracer = Tracer(FILE)
    signal.signal(signal.SIGUSR2, tracer.begin)
    sys.addaudithook(tracer.audited)
    threading.setprofile(tracer.called)
    sys.setprofile(tracer.called)
