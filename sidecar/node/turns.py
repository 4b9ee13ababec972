"""Whose turn it is to pull."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from actors.runtime.clock import Clock

# At a time: each is a process with tens of megabytes of its own.
_MOST = 2


class Turns:
    """One pull from each registry at a time, few in all: one that hangs holds up itself alone.

    A registry that has asked for some peace is left in peace by all who would pull from it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all = asyncio.Semaphore(_MOST)
        self._of_registry: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._not_before: dict[str, float] = {}

    @asynccontextmanager
    async def turn(self, registry: str) -> AsyncGenerator[float, None]:
        """It is the caller's turn; seconds that the registry still wants to be left in peace."""
        async with self._of_registry.setdefault(registry, asyncio.Lock()), self._all:
            now = self._clock.monotonic()
            yield max(self._not_before.get(registry, now) - now, 0.0)

    def leave_in_peace(self, registry: str, seconds: float | None) -> None:
        """Take note of what a registry asked for, if it did."""
        self._not_before.pop(registry, None)
        if seconds:
            self._not_before[registry] = self._clock.monotonic() + seconds
