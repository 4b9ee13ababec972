"""Limits how many pulls run at once, of each registry and in all."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from actors.runtime.clock import Clock

# Pulls at a time: each is a process that needs tens of megabytes.
_MOST = 2


class PullLimiter:
    """One pull at a time from each registry, so that a registry that hangs delays no other.

    A registry's Retry-After holds for all pulls from it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all = asyncio.Semaphore(_MOST)
        self._of_registry: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._not_before: dict[str, float] = {}

    @asynccontextmanager
    async def turn(self, registry: str) -> AsyncGenerator[float, None]:
        """Wait for the caller's turn; yield the seconds left of the registry's Retry-After."""
        async with self._of_registry.setdefault(registry, asyncio.Lock()), self._all:
            now = self._clock.monotonic()
            yield max(self._not_before.get(registry, now) - now, 0.0)

    def hold_off(self, registry: str, seconds: float | None) -> None:
        """Keep a registry's Retry-After, in seconds; None ends the one before."""
        self._not_before.pop(registry, None)
        if seconds:
            self._not_before[registry] = self._clock.monotonic() + seconds
