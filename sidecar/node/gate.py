"""The startup gate: Falco starts once its artifacts are installed, or at the deadline."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.runtime.activity import decide
from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import Done, RequeueAfter, Result
from resources.node.report import open_artifacts
from sidecar.node.thread import in_thread
from sidecar.volume.disk import VolumeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from sidecar.node.state import NodeState
    from sidecar.volume.volume import Volume

_log = logging.getLogger(__name__)
# Seconds until the gate is recorded again after the disk failed.
_RECORD_AGAIN = 30.0
_MOST_NAMED = 5


class Gate(Actor):
    """Open once every artifact of this node is installed, or has failed in a way that stays.

    The gate waits for a transient failure until the deadline. An open gate stays open, also after a
    restart: a failing artifact must never make a running Falco unready.
    """

    kind = "Gate"

    def __init__(
        self,
        runtime: Runtime,
        state: NodeState,
        deadline: float,
        is_listed: Callable[[], bool],
        volume: Volume,
    ) -> None:
        """`deadline` in seconds from the actor's start."""
        super().__init__(runtime)
        self._node = state
        self._deadline = runtime.clock.monotonic() + deadline
        self._is_listed = is_listed
        self._volume = volume
        self._is_recorded = False

    @property
    def waits_for(self) -> str | None:
        """Why Falco must not start yet; None if it may."""
        if self._node.gate_opened:
            return None
        if not self._is_listed():
            return "the artifacts are not listed yet"
        waiting = open_artifacts(self._node.artifacts(), self._node.reports)
        if not waiting:
            return "the installation"
        suffix = f" and {len(waiting) - _MOST_NAMED} more" if len(waiting) > _MOST_NAMED else ""
        return f"waiting for {', '.join(waiting[:_MOST_NAMED])}{suffix}"

    async def on_start(self) -> None:
        """Reconcile at once, so that the deadline is waited for even without any other message."""
        self.actor_inbox.post(Reconcile(Reason(Cause.STARTED)))

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Open the gate if nothing is left to wait for.

        The reason `installed` means that the reports cover all artifacts.
        """
        if self._node.gate_opened:
            return Done() if self._is_recorded else await self._record_opening()
        left = self._deadline - self.runtime.clock.monotonic()
        is_covered = reasons.have(Cause.INSTALLED) and self._is_listed()
        is_done = is_covered and not open_artifacts(self._node.artifacts(), self._node.reports)
        if left > 0 and not is_done:
            decide(f"keeps the gate closed: {self.waits_for}")
            return RequeueAfter(left, "the deadline of the gate")
        if is_done:
            _log.info("Falco may start: nothing is left to install")
            decide("opened the gate: nothing is left to install")
        else:
            _log.warning("Falco may start, as the deadline is over: %s", self.waits_for)
            decide(f"opened the gate, as the deadline is over: {self.waits_for}")
        # Recorded before it is open: a kill in between must not close it for a running Falco.
        result = await self._record_opening()
        self._node.gate_opened = True
        return result

    async def _record_opening(self) -> Result:
        """Record on disk that the gate is open; on a full or read-only disk try again later."""
        try:
            await in_thread(self._volume.open_gate)
        except VolumeError as error:
            _log.warning("that Falco may start will not outlast a restart: %s", error)
            return RequeueAfter(_RECORD_AGAIN, "retry after a failed write")
        self._is_recorded = True
        return Done()

    def describe(self) -> dict[str, Any]:
        """Add what the gate waits for, for the actor dump."""
        return {**super().describe(), "waits for": self.waits_for}
