"""One child of a static supervisor, by its spec."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from supervisors.tree.child import Child, ChildReady
from supervisors.tree.stopping import Stuck, Superior, cancel, give_up

if TYPE_CHECKING:
    from actors.runtime.actor import Actor
    from actors.runtime.clock import Clock
    from actors.runtime.lifecycle import Exit
    from supervisors.tree.child import Parent
    from supervisors.tree.child_spec import ChildSpec
    from supervisors.tree.member import Member
    from supervisors.tree.stopping import Grace


class Phase(StrEnum):
    """FRESH → STARTING → UP → (an exit) → BACKOFF → STARTING, or OVER for good."""

    FRESH = "fresh"
    STARTING = "starting"
    UP = "up"
    BACKOFF = "backoff"
    OVER = "over"


class StaticChild(Child[str]):
    """A child that its supervisor starts in order and stops within a grace.

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
        self._stuck: tuple[str, ...] = ()

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

    async def stop(self, grace: Grace) -> None:
        """Stop the child for good, within this grace; a supervisor is gone once its actors are.

        If it is one that had to give actors up, before or now, the grace is told: its news of that
        is of an older life as soon as this is over.
        """
        self.phase = Phase.OVER
        self._gone = asyncio.get_running_loop().create_future()
        actor = self.ref.actor_inbox.actor if self.ref is not None else None
        if isinstance(actor, Superior):
            actor.join(grace)
        if self.stop_soon():
            if isinstance(actor, Superior):
                await asyncio.wait((self._gone,))
            else:
                await self._end(self._gone, grace)
        grace.stuck += self._stuck
        self.ref = self._gone = None
        self.life += 1  # news that still waits in the supervisor's mail is of an older life

    @property
    def attempt(self) -> int:
        """The number of the life that has just ended, since the last that was up for long."""
        return self.attempts + 1

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
            "waits": self.waits(),
        }

    def member(self) -> Member:
        """The child as a table shows it; of its lives, only restarts count."""
        return super().member()._replace(restarts=self.restarts)

    def _started(self, actor: Actor) -> None:
        if actor.actor_ref is self.ref:  # and not one that was given up
            self._parent.post(ChildReady(self, self.life))

    def _exited(self, actor: Actor, end: Exit) -> None:
        self.kind = actor.kind
        if isinstance(end.error, Stuck):
            self._stuck = end.error.names
        super()._exited(actor, end)
        if self.ref is None and self._gone is not None:
            self._gone.set_result(None)

    async def _end(self, gone: asyncio.Future[None], grace: Grace) -> None:
        spec = self.spec
        if not await grace.finished(gone, spec.stop_deadline, spec.reserve):
            cancel((self,))
            if not await grace.unwound(gone):
                give_up((self,), grace)
