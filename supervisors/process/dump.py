"""The dump of all actors: the state of every supervisor and actor, as JSON of bounded size.

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

import msgspec

from actors.runtime.task_actor import TaskActor

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime

_log = logging.getLogger(__name__)

_LONGEST_TEXT = 1_000
_MOST_ENTRIES = 1_000
_DEEPEST = 24


class SignalDump(TaskActor):
    """Writes the dump into a directory at every SIGUSR1."""

    kind = "SignalDump"

    def __init__(
        self, runtime: Runtime, tree: Callable[[], dict[str, Any]], directory: Path
    ) -> None:
        super().__init__(runtime)
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
            path = await asyncio.to_thread(write, encode(self._tree(), indent=2), self._directory)
        except OSError as error:
            _log.error("cannot write the dump of all actors: %s", error)
        else:
            _log.info("wrote the dump of all actors to %s", path)


def write(content: bytes, directory: Path) -> Path:
    """Write a dump atomically, readable by this user only; it replaces the previous dump.

    Raises:
        OSError: the file cannot be written.
    """
    path = directory / f"falco-operator-{os.getpid()}-actors.json"
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


def entry_of(node: Any, name: str) -> Any | None:
    """The entry of one object in a dump, such as `Falco/namespace/name`; None if it has none."""
    if isinstance(node, dict):
        if node.get("object") == name:
            return node
        below = [node.get("actor"), *node.get("children", ()), *node.get("parked", ())]
        return next((entry for item in below if (entry := entry_of(item, name)) is not None), None)
    return None


def encode(node: Any, *, indent: int = 0) -> bytes:
    """The JSON of a tree, cut to the bounds; on one line, or on many with this indent."""
    content = msgspec.json.encode(bounded(node), enc_hook=str)
    return msgspec.json.format(content, indent=indent) if indent else content


def bounded(node: Any, depth: int = 0) -> Any:
    """Cut texts and lists that are too long and trees that are too deep, with a mark in place."""
    if isinstance(node, str):
        return _short(node)
    if depth > _DEEPEST:
        return "…"
    if isinstance(node, dict):
        return _bounded_object(node, depth)
    if isinstance(node, list | tuple | set | frozenset):
        first = [bounded(item, depth + 1) for item in list(node)[:_MOST_ENTRIES]]
        return [*first, *_rest(len(node))]
    return node


def _bounded_object(node: dict[Any, Any], depth: int) -> dict[str, Any]:
    entries = list(node.items())[:_MOST_ENTRIES]
    first = {_short(str(key)): bounded(value, depth + 1) for key, value in entries}
    return {**first, **dict.fromkeys(_rest(len(node)))}


def _rest(length: int) -> list[str]:
    return [f"… and {length - _MOST_ENTRIES} more"] if length > _MOST_ENTRIES else []


def _short(text: str) -> str:
    short = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    return short if short.isascii() else short.encode("utf-8", "backslashreplace").decode()
