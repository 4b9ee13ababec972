"""Time that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_STEPS = 100_000


class FakeHandle:
    """One timer; cancelling it late or twice does nothing."""

    def __init__(self, due: float, callback: Callable[[], object]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """A clock that moves by `advance` only, and runs what is due in its order."""

    def __init__(self) -> None:
        self._time = 0.0
        self._timers: list[tuple[float, int, FakeHandle]] = []
        self._numbers = itertools.count()

    @property
    def armed(self) -> list[float]:
        """When the timers that were not cancelled are due, in order."""
        return sorted(due for due, _, handle in self._timers if not handle.cancelled)

    def monotonic(self) -> float:
        return self._time

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._time)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> FakeHandle:
        handle = FakeHandle(self._time + max(0.0, seconds), callback)
        heapq.heappush(self._timers, (handle.due, next(self._numbers), handle))
        return handle

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        handle = self.call_later(seconds, woken.cancel)
        try:
            await asyncio.wait((woken,))
        finally:
            handle.cancel()

    async def advance(self, seconds: float) -> None:
        """Let time pass: timers run when they are due, and after each the loop settles."""
        await settle()
        until = self._time + seconds
        while self._timers and self._timers[0][0] <= until:
            due, _, handle = heapq.heappop(self._timers)
            if handle.cancelled:
                continue
            self._time = max(self._time, due)
            handle.callback()
            await settle()
        self._time = until


async def settle() -> None:
    """Return once nothing on the loop can go on without time or input from outside."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(_MOST_STEPS):
        await asyncio.sleep(0)
        if not ready:
            return
    raise AssertionError("the loop does not settle")
