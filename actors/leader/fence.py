"""Keeps a process that no longer leads from writing, however slowly its actors stop."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from actors.api.errors import Unavailable
from actors.api.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from actors.api.transport import ApiObserver
    from actors.runtime.clock import Clock, Handle

_READS = frozenset({"get", "list"})


class Fence:
    """Lets writes pass until a moment that each renewal of the Lease postpones.

    The clock decides at each write, not a timer, which may fire late; and again once the write has
    a connection, for the process may have been frozen until then. A write that is under way when
    the fence closes is cancelled, and its connection dropped.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = -math.inf
        self._timer: Handle | None = None
        self._passing: set[asyncio.Timeout] = set()

    @property
    def open(self) -> bool:
        """Whether writes may pass at this moment."""
        return self._clock.monotonic() < self._until

    def check(self) -> None:
        """Raise Unavailable if no write may pass at this moment."""
        if not self.open:
            raise _closed()

    def open_until(self, moment: float) -> None:
        """Let writes pass until this monotonic time."""
        self._until = moment
        if self._timer is None and self.open:
            self._arm()

    def close(self) -> None:
        """Let no write pass any more, and cancel those that are under way."""
        self._until = -math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now, passing = asyncio.get_running_loop().time(), self._passing
        self._passing = set()
        for scope in passing:
            scope.reschedule(now)

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[Callable[[], None]]:
        """The context of one write; raises Unavailable if the fence is or becomes closed.

        It gives the check that is due right before the write is sent.
        """
        self.check()
        try:
            async with asyncio.timeout(None) as scope:
                self._passing.add(scope)
                try:
                    yield self.check
                finally:
                    self._passing.discard(scope)
        except TimeoutError as error:
            raise _closed() from error

    def _arm(self) -> None:
        self._timer = self._clock.call_later(self._until - self._clock.monotonic(), self._due)

    def _due(self) -> None:
        """Close at the moment set last: a renewal postpones it without setting the timer anew."""
        self._timer = None
        if self.open:
            self._arm()
        else:
            self.close()


class FencedTransport(Transport):
    """A transport whose writes raise Unavailable while the fence is closed; reads always pass."""

    def __init__(self, configuration: Any, observer: ApiObserver, fence: Fence) -> None:
        super().__init__(configuration, observer)
        self._fence = fence

    def _passage(self, verb: str) -> AbstractAsyncContextManager[Callable[[], None]]:
        return super()._passage(verb) if verb in _READS else self._fence.passage()


def _closed() -> Unavailable:
    return Unavailable(0, "NotLeading", "this process does not hold the Lease")
