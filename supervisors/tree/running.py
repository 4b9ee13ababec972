"""One child of a static supervisor as it is now."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from actors.runtime.clock import within
from actors.runtime.lifecycle import crash
from supervisors.tree.intensity import TooManyRestarts

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.actor import Actor
    from actors.runtime.clock import Clock, Handle
    from actors.runtime.lifecycle import Exit
    from actors.runtime.ref import ActorRef
    from supervisors.tree.child_spec import ChildSpec

logger = logging.getLogger(__name__)


class Phase(StrEnum):
    """FRESH → STARTING → UP → (an exit) → BACKOFF → STARTING, or OVER for good."""

    FRESH = "fresh"
    STARTING = "starting"
    UP = "up"
    BACKOFF = "backoff"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class ChildReady:
    """A child is through its start."""

    child: RunningChild
    life: int


@dataclass(frozen=True, slots=True)
class ChildExited:
    """A child is gone, or could not even be made."""

    child: RunningChild
    life: int
    exit: Exit


@dataclass(frozen=True, slots=True)
class ChildDue:
    """A child has waited long enough for its restart."""

    child: RunningChild
    life: int


News = ChildReady | ChildExited | ChildDue


class RunningChild:
    """Starts and stops one child, and tells its supervisor what becomes of it.

    News carries the number of the life that it is about: what a former life still has to say, or
    one that was stopped on purpose, is not `current`, and nobody's business any more.
    """

    def __init__(self, spec: ChildSpec, tell: Callable[[News], None]) -> None:
        self.spec = spec
        self.phase = Phase.FRESH
        self.kind = spec.name
        self.restarts = 0
        self.attempts = 0
        self.up_since = 0.0
        self.last_error: BaseException | None = None
        self._tell = tell
        self._life = 0
        self._ref: ActorRef[Any] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._timer: Handle | None = None

    @property
    def ref(self) -> ActorRef[Any] | None:
        """The child's actor as it is now, if there is one."""
        return self._ref

    def current(self, news: News) -> bool:
        """Whether this news is about the child as it is now."""
        return news.life == self._life

    def start(self) -> None:
        """Start the child; whether that works comes as news."""
        self.phase = Phase.STARTING
        self._life += 1
        life = self._life
        gone = asyncio.get_running_loop().create_future()

        def on_exit(actor: Actor, end: Exit) -> None:
            gone.set_result(None)
            self.kind = actor.kind
            self._exited(life, end)

        try:
            ref = self.spec.start()
            ref.link(on_exit, on_ready=lambda _: self._tell(ChildReady(self, life)))
        except Exception as error:  # noqa: BLE001 # an actor that cannot be made has crashed
            self._exited(life, crash(error))
        else:
            self._ref, self._gone = ref, gone

    def start_after(self, seconds: float, clock: Clock) -> None:
        """Have it be due for its restart then."""
        self.phase = Phase.BACKOFF
        self._life += 1
        due = ChildDue(self, self._life)
        self._timer = clock.call_later(seconds, lambda: self._tell(due))

    def down(self, end: Exit) -> None:
        """Take note that it is gone by itself."""
        self.phase = Phase.OVER
        self.last_error = end.error or self.last_error
        self._ref = self._gone = None

    async def stop(self, clock: Clock) -> None:
        """Be without it when this returns, within twice the deadline of its spec."""
        self.phase = Phase.OVER
        self._life += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ref is not None and self._gone is not None:
            await self._end(self._ref, self._gone, clock)
        self._ref = self._gone = None

    def kill(self) -> None:
        """Cancel it and do not wait."""
        if self._ref is not None:
            self._ref.kill()

    def describe(self) -> dict[str, Any]:
        """The child and all below it, for the dump."""
        error = self.last_error
        return {
            "name": self.spec.name,
            "restart": str(self.spec.restart),
            "phase": str(self.phase),
            "restarts": self.restarts,
            "last_error": None if error is None else f"{type(error).__name__}: {error}",
            "actor": None if self._ref is None else self._ref.describe(),
        }

    def _exited(self, life: int, end: Exit) -> None:
        """Log a crash, once and here, where none is missed; then pass the news on."""
        name, extra = self.spec.name, {"object": self.spec.name}
        if isinstance(end.error, TooManyRestarts):  # its cause was logged further down
            logger.error("%s gave up: %s", name, end.error, extra=extra)
        elif end.error is not None:
            logger.error("%s crashed", name, exc_info=end.error, extra=extra)
        self._tell(ChildExited(self, life, end))

    async def _end(self, ref: ActorRef[Any], gone: asyncio.Future[None], clock: Clock) -> None:
        deadline, extra = self.spec.stop_deadline, {"object": self.spec.name}
        ref.stop()
        if await within(clock, deadline, gone):
            return
        logger.warning(
            "%s did not stop in %g s, cancelling it", self.spec.name, deadline, extra=extra
        )
        ref.kill()
        if not await within(clock, deadline, gone):
            logger.error("%s cannot be cancelled, giving it up", self.spec.name, extra=extra)
