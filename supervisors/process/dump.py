"""The dump of all actors: what every supervisor and actor is doing, as bounded JSON.

It holds names, states and traces, and no payload; the bounds are for the day when there is far more
of something than anybody thought.
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
    """Writes the dump into a directory each time that SIGUSR1 comes."""

    kind = "SignalDump"

    def __init__(
        self, runtime: Runtime, tree: Callable[[], dict[str, Any]], directory: Path
    ) -> None:
        super().__init__(runtime)
        self._tree = tree
        self._directory = directory
        self._asked = asyncio.Event()

    async def on_start(self) -> None:
        """Listen for the signal, which without a handler would kill the process."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._asked.set)

    async def run(self) -> None:
        """Write when asked; signals that come during a write make one more."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._write()

    async def on_stop(self) -> None:
        """Ignore the signal."""
        _ignore()

    async def on_failure(self, *_error: Any) -> None:
        """Ignore the signal until the next one of us listens."""
        _ignore()

    async def _write(self) -> None:
        try:
            path = await asyncio.to_thread(write, encode(self._tree(), indent=2), self._directory)
        except OSError as error:
            _log.error("cannot write the dump of all actors: %s", error)
        else:
            _log.info("wrote the dump of all actors to %s", path)


def write(content: bytes, directory: Path) -> Path:
    """Put a dump there as a whole or not at all, readable to this user only; replaces the last.

    Raises:
        OSError: it cannot be written.
    """
    path = directory / f"falco-operator-{os.getpid()}-actors.json"
    # mkstemp creates exclusively and with mode 0600; a rename follows no link.
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


def find(node: Any, name: str) -> Any | None:
    """The entry of one object, such as `Falco/namespace/name`; None if there is none."""
    if isinstance(node, dict):
        if node.get("object") == name:
            return node
        below = [node.get("actor"), *node.get("children", ()), *node.get("parked", ())]
        return next((found for item in below if (found := find(item, name)) is not None), None)
    return None


def encode(node: Any, *, indent: int = 0) -> bytes:
    """JSON of a tree, cut down to the bounds; on one line, or with this indent on many."""
    content = msgspec.json.encode(bounded(node), enc_hook=str)
    return msgspec.json.format(content, indent=indent) if indent else content


def bounded(node: Any, depth: int = 0) -> Any:
    """Cut what is too long, too many or too deep, and say so in its place."""
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
