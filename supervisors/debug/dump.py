"""The dump of all actors: the state of every supervisor and actor, as JSON in a file.

The dump holds names, states and traces, and no content of objects.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.runtime.task_actor import TaskActor
from supervisors.debug.description import rendered

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime

_log = logging.getLogger(__name__)


class SignalDump(TaskActor):
    """Writes the dump into a directory at every SIGUSR1."""

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
        try:
            content = await rendered(self._tree, indent=2)
            path = await asyncio.to_thread(write, content, self._program, self._directory)
        except OSError as error:
            _log.error("cannot write the dump of all actors: %s", error)
        else:
            _log.info("wrote the dump of all actors to %s", path)


def write(content: bytes, program: str, directory: Path) -> Path:
    """Write a dump atomically, readable by this user only; it replaces the previous dump.

    Raises:
        OSError: the file cannot be written.
    """
    path = directory / f"{program}-{os.getpid()}-actors.json"
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


def _ignore() -> None:
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
