"""How supervisors stop what is below them: all within one budget, and nobody is left behind.

Whoever stops first, after a signal or a crash, begins a `Grace`, which goes down to all supervisors
that stop with it. So no supervisor has a deadline of its own that one above could only cut short:
it is gone once its actors are.
"""

from __future__ import annotations

import asyncio
import logging
import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.runtime.actor import Actor
from actors.runtime.lifecycle import ActorState, crash

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from actors.runtime.clock import Clock
    from actors.runtime.context import Runtime
    from actors.runtime.lifecycle import Exit
    from supervisors.tree.child import Child
    from supervisors.tree.member import Member

logger = logging.getLogger(__name__)

# Steps of the loop in which idle actors end, and seconds in which what is cancelled unwinds, for
# those whose turn comes after the end of the grace.
_STEPS, _LEAST = 8, 0.5
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds in which handlers may finish, and then in which cancelled ones may unwind."""

    finish: float = 10.0
    unwind: float = 30.0


class Grace:
    """The time of all actors that are stopped together.

    `stuck` names the actors that did not even unwind in time: they were given up.
    """

    def __init__(self, clock: Clock, budget: Budget) -> None:
        """The time begins now."""
        self._clock = clock
        self._cancel_at = clock.monotonic() + budget.finish
        self._give_up_at = self._cancel_at + budget.unwind
        self._waits: set[asyncio.Future[None]] = set()
        self.stuck: list[str] = []

    def shorten(self, other: Grace) -> None:
        """Last no longer than this other grace."""
        self._cancel_at = min(self._cancel_at, other._cancel_at)
        self._give_up_at = min(self._give_up_at, other._give_up_at)
        for wait in self._waits:
            _end(wait)

    async def finished(
        self, gone: asyncio.Future[Any], most: float = math.inf, reserve: float = 0.0
    ) -> bool:
        """Wait until whoever was told to stop is gone or is to be cancelled; whether it is gone.

        It has `most` seconds at most, but `reserve` seconds in any case.
        """
        now = self._clock.monotonic()
        for _ in range(_STEPS):
            await asyncio.sleep(0)
        return await self._wait(gone, lambda: max(now + reserve, min(now + most, self._cancel_at)))

    async def unwound(self, gone: asyncio.Future[Any]) -> bool:
        """Wait until whoever was cancelled is gone or is to be given up; whether it is gone."""
        now = self._clock.monotonic()
        return await self._wait(gone, lambda: max(now + _LEAST, self._give_up_at))

    async def _wait(self, gone: asyncio.Future[Any], moment: Callable[[], float]) -> bool:
        while not gone.done() and (left := moment() - self._clock.monotonic()) > 0:
            wait: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waits.add(wait)
            timer = self._clock.call_later(left, lambda wait=wait: _end(wait))  # type: ignore[misc]
            try:
                await asyncio.wait((gone, wait), return_when=asyncio.FIRST_COMPLETED)
            finally:
                timer.cancel()
                self._waits.discard(wait)
        return gone.done()


class Stuck(Exception):  # noqa: N818 # says what happened, as TooManyRestarts does
    """Actors cannot be cancelled; the process has to end, lest they meet their successors."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(f"cannot be cancelled: {', '.join(names)}")
        self.names = tuple(names)


class Superior(Actor):
    """What both kinds of supervisors share: how they stop.

    A supervisor that had to give actors up crashes with `Stuck`, and so does each one above it.
    Killing it cancels the actors below it; it is gone once they are.
    """

    def __init__(self, runtime: Runtime, budget: Budget | None) -> None:
        super().__init__(runtime)
        self._budget = budget or Budget()
        self._grace: Grace | None = None
        self._began: Grace | None = None

    name: str

    @abstractmethod
    def members(self) -> Iterator[Member]:
        """What is below this supervisor, one by one; a supervisor below it has members itself."""

    def now(self) -> float:
        """The time of the monotonic clock."""
        return self.runtime.clock.monotonic()

    def shut_down(self, budget: Budget) -> asyncio.Future[bool]:
        """Stop within this budget, also if a part is being stopped already."""
        self.join(Grace(self.runtime.clock, budget))
        return self.actor_ref.stop()

    def join(self, grace: Grace) -> None:
        """Stop, when told to, within this grace."""
        if self._grace is not None:
            self._grace.shorten(grace)
        self._grace = grace

    def kill(self) -> None:
        """Cancel all actors below, and be gone."""
        self.join(Grace(self.runtime.clock, Budget(0.0, self._budget.unwind)))
        if self._state in {ActorState.BUSY, ActorState.ENDING}:
            self.stop()  # cancelled itself, it would leave actors behind
        else:
            super().kill()

    def _last_grace(self) -> Grace:
        """The grace in which this supervisor ends; it begins now, unless it has been told one."""
        if self._grace is None:
            self._grace = self._began = Grace(self.runtime.clock, self._budget)
        return self._grace

    def _leave(self, end: Exit) -> None:
        if self._began is not None and self._began.stuck:
            end = crash(Stuck(self._began.stuck))
        super()._leave(end)


def cancel(children: Collection[Child[Any]]) -> None:
    """Cancel actors that did not stop in time, and log what they were doing."""
    _name(children, logging.WARNING, "did not stop in time and is cancelled")
    for child in list(children):
        child.kill()


def give_up(children: Collection[Child[Any]], grace: Grace) -> None:
    """Wait no longer for actors that were cancelled, and log what they are doing."""
    _name(children, logging.ERROR, "cannot be cancelled")
    grace.stuck += [str(child.key) for child in children]


def _name(children: Collection[Child[Any]], level: int, what: str) -> None:
    for child in list(children)[:_MOST_NAMED]:
        doing = child.ref.activity() if child.ref is not None else "gone"
        logger.log(level, "%s %s: %s", child.key, what, doing, extra={"object": str(child.key)})
    if len(children) > _MOST_NAMED:
        logger.log(level, "and %d others", len(children) - _MOST_NAMED)


def _end(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)
