"""An actor that runs one coroutine beside its mail: watchers, servers, recorders."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING

from actors.runtime.actor import Actor
from actors.runtime.lifecycle import NORMAL, crash
from actors.runtime.mail import Stop

if TYPE_CHECKING:
    from actors.runtime.context import Runtime


class TaskActor(Actor):
    """Runs `run` from the end of `on_start` on, and serves its mail beside it.

    When `run` returns, the actor ends normally; when it raises, the actor crashes. However the
    actor ends, `run` is cancelled and awaited before `on_stop` or `on_failure` is called, and
    before the actor is gone: no successor runs beside it.
    """

    kind = "TaskActor"

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._life: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """Do the actor's work until it is cancelled, which is how the actor stops."""

    def _begun(self) -> None:
        self._life = self.loop.create_task(self.run())
        self._life.add_done_callback(self._life_ended)
        self._run_begun()

    def _run_begun(self) -> None:
        """Report the actor as ready once `run` is started; a subclass may do so later."""
        self._ready()

    def _life_ended(self, life: asyncio.Task[None]) -> None:
        error = (
            asyncio.CancelledError("cancelled from outside")
            if life.cancelled()
            else life.exception()
        )
        self.actor_inbox.post(Stop(NORMAL if error is None else crash(error)))

    async def _release(self) -> None:
        """Cancel `run` and wait until it has unwound, also when the actor is killed meanwhile."""
        life = self._life
        if life is None or life.done():
            return
        life.remove_done_callback(self._life_ended)
        killed: asyncio.CancelledError | None = None
        life.cancel()
        while not life.done():
            try:
                await asyncio.wait((life,))
            except asyncio.CancelledError as error:
                killed = error
                life.cancel()
        if not life.cancelled() and (error_of_run := life.exception()) is not None:
            raise error_of_run
        if killed is not None:
            raise killed
