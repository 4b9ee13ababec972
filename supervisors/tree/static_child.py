"""One child of a static supervisor, by its spec."""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from actors.runtime.clock import within
from supervisors.tree.child import Child, ChildReady

if TYPE_CHECKING:
    from actors.runtime.actor import Actor
    from actors.runtime.clock import Clock
    from actors.runtime.lifecycle import Exit
    from supervisors.tree.child import Parent
    from supervisors.tree.child_spec import ChildSpec

logger = logging.getLogger(__name__)


class Phase(StrEnum):
    """FRESH → STARTING → UP → (an exit) → BACKOFF → STARTING, or OVER for good."""

    FRESH = "fresh"
    STARTING = "starting"
    UP = "up"
    BACKOFF = "backoff"
    OVER = "over"


class StaticChild(Child[str]):
    """A child that its supervisor starts in order and stops within a deadline.

    Its mail is not rescued: what was told to one life may be wrong for the next.
    """

    def __init__(self, spec: ChildSpec, parent: Parent) -> None:
        super().__init__(spec.name, parent)
        self.spec = spec
        self.phase = Phase.FRESH
        self.kind = spec.name
        self.restarts = 0
        self.attempts = 0
        self.up_since = 0.0
        self.last_error: BaseException | None = None
        self._gone: asyncio.Future[None] | None = None

    def launch(self) -> None:
        """Start the child; `ChildReady` or `ChildExited` follows."""
        self.phase = Phase.STARTING
        self.start(self.spec.start, self._started)

    def back_off(self, seconds: float, clock: Clock) -> None:
        """Wait for the restart; `ChildDue` follows after this many seconds."""
        self.phase = Phase.BACKOFF
        self.start_after(seconds, clock)

    def up(self, now: float) -> None:
        """Take note that the child is ready since this monotonic time."""
        self.phase, self.up_since = Phase.UP, now

    def over(self, end: Exit) -> None:
        """Take note that the child has ended by itself."""
        self.phase = Phase.OVER
        self.last_error = end.error or self.last_error

    async def stop(self, clock: Clock) -> None:
        """Stop the child for good; returns within twice the deadline of its spec."""
        self.phase = Phase.OVER
        self._gone = asyncio.get_running_loop().create_future()
        if self.stop_soon():
            await self._end(self._gone, clock)
        self.ref = self._gone = None
        self.life += 1  # news that still waits in the supervisor's mail is of an older life

    def describe(self) -> dict[str, Any]:
        """The child, and a function that describes its actor, for the dump."""
        error = self.last_error
        return {
            "name": self.spec.name,
            "restart": str(self.spec.restart),
            "phase": str(self.phase),
            "restarts": self.restarts,
            "last_error": None if error is None else f"{type(error).__name__}: {error}",
            "actor": None if self.ref is None else self.ref.describe,
        }

    def _started(self, actor: Actor) -> None:
        if actor.actor_ref is self.ref:  # and not one that was given up
            self._parent.post(ChildReady(self, self.life))

    def _exited(self, actor: Actor, end: Exit) -> None:
        self.kind = actor.kind
        super()._exited(actor, end)
        if self.ref is None and self._gone is not None:
            self._gone.set_result(None)

    async def _end(self, gone: asyncio.Future[None], clock: Clock) -> None:
        deadline, extra = self.spec.stop_deadline, {"object": self.spec.name}
        if await within(clock, deadline, gone):
            return
        logger.warning(
            "%s did not stop in %g s, cancelling it", self.spec.name, deadline, extra=extra
        )
        self.kill()
        if not await within(clock, deadline, gone):
            logger.error("%s cannot be cancelled, giving it up", self.spec.name, extra=extra)
