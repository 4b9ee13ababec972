"""The dump of all actors: the state of every supervisor and actor, as JSON in a file.

The dump holds names, states and traces, and no content of objects.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from actors.runtime.task_actor import TaskActor
from supervisors.debug.description import rendered

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime

_log = logging.getLogger(__name__)
# Bytes from which on a dump is compressed. The volume of a sidecar has 16 MiB for the last dump and
# the next one, and the kubelet evicts a pod that takes more; that of the operator is memory.
_LARGE = 2 << 20


class SignalDump(TaskActor):
    """Writes the dump at every SIGUSR1: into a directory or, if that fails, to stderr."""

    kind = "SignalDump"

    def __init__(
        self, runtime: Runtime, program: str, tree: Callable[[], dict[str, Any]], directory: Path
    ) -> None:
        super().__init__(runtime)
        self._program = program
        self._tree = tree
        self._directory = directory
        self._requested = asyncio.Event()

    async def on_start(self) -> None:
        """Handle the signal, which without a handler would end the process."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._requested.set)

    async def run(self) -> None:
        """Write a dump at each signal; all signals during a write together lead to one more."""
        while True:
            await self._requested.wait()
            self._requested.clear()
            await self._write()

    async def on_stop(self) -> None:
        """Ignore the signal."""
        _ignore()

    async def on_failure(self, *_error: Any) -> None:
        """Ignore the signal until the restarted actor handles it."""
        _ignore()

    async def _write(self) -> None:
        content = await rendered(self._tree)
        try:
            path = await asyncio.to_thread(write, content, self._program, self._directory)
        except OSError as error:
            _log.error("the dump of all actors follows, for it cannot be written: %s", error)
            await asyncio.to_thread(_write_to_stderr, content)
        else:
            _log.info("wrote the dump of all actors to %s", path)


def write(content: bytes, program: str, directory: Path) -> Path:
    """Write a dump atomically, readable by this user only; it replaces the previous dump.

    The file is indented if it is small, and compressed (`.gz`) if it is large.

    Raises:
        OSError: the file cannot be written.
    """
    path = directory / f"{program}-{os.getpid()}-actors.json"
    if len(content) > _LARGE:
        import gzip  # noqa: PLC0415 - only here

        content, path = gzip.compress(content, mtime=0), path.with_suffix(".json.gz")
    else:
        content = msgspec.json.format(content, indent=2)
    # mkstemp creates a new file with mode 0600, and a rename follows no symbolic link.
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _write_to_stderr(content: bytes) -> None:
    """Write a dump as one line, which a log keeps apart from the others."""
    with suppress(OSError):  # nobody reads it
        sys.stderr.buffer.write(content + b"\n")
        sys.stderr.buffer.flush()


def _ignore() -> None:
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
