"""What a process shows of itself: health, metrics and the dump of its actors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervisors.process.dump import SignalDump
from supervisors.process.servers import DebugServer, HealthServer, MetricsServer
from supervisors.tree.child_spec import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime
    from supervisors.process.exposure import Exposure
    from supervisors.process.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`waits_for` says why the process is not ready, None if it is.

    `tree` describes all actors, and `waiting` names the parts that have died and not come back yet.
    """

    runtime: Runtime
    exposed: Exposure
    metrics: Metrics
    waits_for: Callable[[], str | None]
    tree: Callable[[], dict[str, Any]]
    waiting: Callable[[], tuple[str, ...]]

    def specs(self) -> list[ChildSpec]:
        """One child for each that the settings do not turn off."""
        return [ChildSpec("dump", self._dump), *self._health(), *self._metrics(), *self._debug()]

    def _dump(self) -> Any:
        return SignalDump.start(self.runtime, self.tree, self.exposed.dump_directory)

    def _health(self) -> list[ChildSpec]:
        address = self.exposed.health
        if address is None:
            return []
        live, ready = {"supervisors": self._dead}, {"operator": self.waits_for}
        return [ChildSpec("health", lambda: HealthServer.start(self.runtime, address, live, ready))]

    def _dead(self) -> str | None:
        names = self.waiting()
        return f"to be started again: {', '.join(names)}" if names else None

    def _metrics(self) -> list[ChildSpec]:
        address, certificates = self.exposed.metrics, self.exposed.metrics_certificates
        if address is None:
            return []
        render = self.metrics.render
        return [
            ChildSpec(
                "metrics", lambda: MetricsServer.start(self.runtime, address, render, certificates)
            )
        ]

    def _debug(self) -> list[ChildSpec]:
        address = self.exposed.debug
        if address is None:
            return []
        return [ChildSpec("debug", lambda: DebugServer.start(self.runtime, address, self.tree))]
