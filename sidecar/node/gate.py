"""The startup gate: Falco starts once its artifacts are there, or could not be had in time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import Done, RequeueAfter, Result
from resources.node.report import open_items
from sidecar.volume.disk import VolumeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from sidecar.node.state import Contents
    from sidecar.volume.volume import Volume

_log = logging.getLogger(__name__)
# Seconds until a disk that could not take it is asked again.
_REMEMBER_AGAIN = 30.0
_MOST_NAMED = 5


class Gate(Actor):
    """Open once every artifact that applies here is installed, or has failed for good.

    What may pass without anybody's doing is waited for until the deadline. Once open it stays open,
    also after a restart: one failing artifact must never make a running Falco unready.
    """

    kind = "Gate"

    def __init__(
        self,
        runtime: Runtime,
        contents: Contents,
        deadline: float,
        is_listed: Callable[[], bool],
        volume: Volume,
    ) -> None:
        """`deadline` in seconds from the actor's start."""
        super().__init__(runtime)
        self._contents = contents
        self._deadline = runtime.clock.monotonic() + deadline
        self._is_listed = is_listed
        self._volume = volume
        self._is_remembered = False

    @property
    def waits_for(self) -> str | None:
        """Why Falco is not to start yet; None if it may."""
        if self._contents.gate_opened:
            return None
        if not self._is_listed():
            return "the artifacts are not listed yet"
        waiting = open_items(self._contents.items(), self._contents.reports)
        if not waiting:
            return "the installation"
        more = f" and {len(waiting) - _MOST_NAMED} more" if len(waiting) > _MOST_NAMED else ""
        return f"waiting for {', '.join(waiting[:_MOST_NAMED])}{more}"

    async def on_start(self) -> None:
        """Look at the time, if nobody tells of anything else."""
        self.actor_inbox.post(Reconcile(Reason(Cause.STARTED)))

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Open if there is nothing left to wait for; `installed` says that all was looked at."""
        if self._contents.gate_opened:
            return Done() if self._is_remembered else await self._remember()
        left = self._deadline - self.runtime.clock.monotonic()
        is_done = reasons.have(Cause.INSTALLED) and self._is_listed()
        if left <= 0 or (
            is_done and not open_items(self._contents.items(), self._contents.reports)
        ):
            self._contents.gate_opened = True
            return await self._remember()
        return RequeueAfter(left, "the deadline of the gate")

    async def _remember(self) -> Result:
        """Have it on disk; on one that is full or read-only it is tried again now and then."""
        try:
            await asyncio.to_thread(self._volume.open_gate)
        except VolumeError as error:
            _log.warning("that Falco may start will not outlast a restart: %s", error)
            return RequeueAfter(_REMEMBER_AGAIN, "retry after a refused write")
        self._is_remembered = True
        return Done()

    def describe(self) -> dict[str, Any]:
        """What it waits for, for the actor dump."""
        return {**super().describe(), "waits for": self.waits_for}
