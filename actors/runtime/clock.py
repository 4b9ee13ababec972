"""The time that actors see, so that tests can replace it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Handle(Protocol):
    """A timer; cancelling it late or twice does nothing."""

    def cancel(self) -> None:
        """Cancel the timer: its callback is not called."""


class Clock(Protocol):
    """The source of time, timers and waits; used on the loop's thread."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""

    def now(self) -> datetime:
        """Wall time, aware, in UTC."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        """Call back once on the loop, after this many seconds or later."""

    async def sleep(self, seconds: float) -> None:
        """Return once this many seconds have passed."""


class SystemClock:
    """The machine's clock, with timers on the running loop."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)

    def now(self) -> datetime:
        """Wall time, aware, in UTC."""
        return datetime.now(UTC)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        """Call back on the running loop; a negative delay means at once."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Return once this many seconds have passed."""
        await asyncio.sleep(seconds)


async def within(clock: Clock, seconds: float, future: asyncio.Future[Any]) -> bool:
    """Wait for the future at most this many seconds; return whether it is done.

    The future is neither retrieved nor cancelled, so that it can be waited for again.
    """
    late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    handle = clock.call_later(seconds, late.cancel)
    try:
        await asyncio.wait((future, late), return_when=asyncio.FIRST_COMPLETED)
    finally:
        handle.cancel()
        late.cancel()
    return future.done()
