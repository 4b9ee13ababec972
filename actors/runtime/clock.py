"""Time as the actors see it, so that tests can own it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Handle(Protocol):
    """A callback that is due some time; cancelling it late or twice does nothing."""

    def cancel(self) -> None:
        """Keep the callback from being called."""


class Clock(Protocol):
    """Everything that time is needed for; used on the loop's thread, but for `monotonic`."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back; safe from any thread."""

    def now(self) -> datetime:
        """Wall time, aware, in UTC."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        """Call back on the loop once, not before this many seconds have passed."""

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
    """Wait for the future, but no longer than this; whether it is done.

    Neither retrieves nor cancels the future, so that one future can be waited for twice.
    """
    late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    handle = clock.call_later(seconds, late.cancel)
    try:
        await asyncio.wait((future, late), return_when=asyncio.FIRST_COMPLETED)
    finally:
        handle.cancel()
        late.cancel()
    return future.done()
