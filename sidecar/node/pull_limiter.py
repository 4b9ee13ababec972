"""Limits how many pulls run at once, of each registry and in all; spreads those of all nodes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from resources.registry.holds import Holds
from resources.registry.pull_window import window

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from actors.runtime.context import Runtime
    from resources.registry.request import Endpoint, Hold, Problem

# Pulls at a time: each is a process that needs tens of megabytes.
_MOST = 2
# Pulls at a time beside these, from registries that hang, or that have taken long.
_MOST_SLOW = 1
_LONG_SECONDS = 10.0
# Seconds that the operator may take to count the pods of a new artifact, and of each look at it.
_COUNTING, _LOOK = 1.0, 0.1


class PullLimiter:
    """One pull at a time from each registry, and few in all.

    A registry that has not answered hangs until it answers. A pull from such a registry, and one
    that takes long, has a place of its own, as far as there is one, and so delays no other. The
    Retry-After of a host holds for all pulls from it.
    """

    def __init__(self, runtime: Runtime, most_seconds: Callable[[], float]) -> None:
        """`most_seconds` is now the longest that a pull waits for its time among other nodes'."""
        self._clock = runtime.clock
        self._random = runtime.random
        self._most_seconds = most_seconds
        self._prompt = asyncio.Semaphore(_MOST)
        self._slow = asyncio.Semaphore(_MOST_SLOW)
        self._hanging: set[str] = set()
        self._of_registry: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._holds = Holds()

    async def spread(self, pods: Callable[[], int | None]) -> None:
        """Wait for a time of this node's own, as `pods` begin the same pull.

        While nobody has counted them, which takes a moment for a new artifact, `pods` is None.
        """
        until = self._clock.monotonic() + min(_COUNTING, self._most_seconds())
        while (count := pods()) is None and self._clock.monotonic() < until:
            await self._clock.sleep(_LOOK)
        seconds = window(count or 1, self._most_seconds())
        if seconds:
            await self._clock.sleep(self._random.uniform(0.0, seconds))

    @asynccontextmanager
    async def turn(self, registry: str) -> AsyncGenerator[None, None]:
        """Wait for the caller's turn."""
        own = self._of_registry.setdefault(registry, asyncio.Lock())
        async with own, self._place(registry):
            yield

    def wait(self, endpoint: Endpoint) -> float:
        """Seconds until one of the hosts of an endpoint wants to be asked."""
        return self._holds.wait(endpoint, self._clock.monotonic())

    def rested(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint of which no host is asked that wants no requests for now."""
        return self._holds.rested(endpoint, self._clock.monotonic())

    def release(self) -> None:
        """There are other ways to all hosts: what they have demanded is over."""
        self._holds.clear()

    def heard(self, registry: str, problem: Problem | None, holds: Iterable[Hold]) -> None:
        """A pull has ended: keep whether the registry hangs, and what hosts have demanded."""
        self._holds.add(holds, self._clock.monotonic())
        self._hanging.discard(registry)
        if problem is not None and problem.hangs:
            self._hanging.add(registry)

    @asynccontextmanager
    async def _place(self, registry: str) -> AsyncGenerator[None, None]:
        if registry in self._hanging:
            async with self._slow:
                yield
            return
        await self._prompt.acquire()
        place = [self._prompt]
        moving = asyncio.get_running_loop().create_task(self._move(place))
        try:
            yield
        finally:
            moving.cancel()
            place[0].release()

    async def _move(self, place: list[asyncio.Semaphore]) -> None:
        """Give the place of a pull that takes long to others, once there is another for it."""
        await self._clock.sleep(_LONG_SECONDS)
        await self._slow.acquire()
        place[0].release()
        place[0] = self._slow
