"""The endpoints of a process: health, metrics and the dump of its actors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from supervisors.debug.dump import SignalDump
from supervisors.debug.page import Page
from supervisors.debug.server import VERSION, DebugServer
from supervisors.process.lookout import HANGS, Lags, Lookout
from supervisors.process.overview import overview
from supervisors.process.servers import HealthServer, MetricsServer
from supervisors.tree.child_spec import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.runtime.context import Runtime
    from supervisors.debug.facts import Section
    from supervisors.process.metrics import Metrics
    from supervisors.serving.exposure import Exposure
    from supervisors.tree.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The actors of the endpoints that the settings do not turn off.

    They have a supervisor of their own, so that a crash of one restarts no part of the process.
    `program` names the file of the dump. `waits_for` returns why the process is not ready, None if
    it is; `root` returns the supervisor of the parts, `observation` that of the endpoints; `remark`
    what `/readyz` says beside "ok"; `sections` are what the page shows of the parts.
    """

    runtime: Runtime
    program: str
    exposed: Exposure
    metrics: Metrics
    waits_for: Callable[[], str | None]
    root: Callable[[], Supervisor]
    observation: Callable[[], Supervisor]
    remark: Callable[[], str | None] = lambda: None
    lags: Lags = field(default_factory=Lags)
    sections: Sequence[Section] = ()

    def specs(self) -> list[ChildSpec]:
        """The child specs, in the order in which they are started."""
        lookout = ChildSpec("lookout", lambda: Lookout.start(self.runtime, self.lags))
        dump = ChildSpec("dump", self._dump)
        return [lookout, dump, *self._health(), *self._metrics(), *self._debug()]

    def _tree(self) -> dict[str, Any]:
        return {"version": VERSION, **self.root().tree(), "observation": self.observation().tree}

    def _roots(self) -> tuple[Supervisor, Supervisor]:
        return self.root(), self.observation()

    def _dump(self) -> Any:
        directory = self.exposed.dump_directory
        return SignalDump.start(self.runtime, self.program, self._tree, directory)

    def _health(self) -> list[ChildSpec]:
        address = self.exposed.health
        if address is None:
            return []
        ready = {"operator": self.waits_for, "supervisors": self._restarts}
        remark, again = self.remark, self.exposed.listen_again
        return [
            ChildSpec(
                "health",
                lambda: HealthServer.start(self.runtime, address, ready, remark, again),
            )
        ]

    def _restarts(self) -> str | None:
        names = self.root().waiting()
        return f"to be started again: {', '.join(names)}" if names else None

    def _metrics(self) -> list[ChildSpec]:
        address, certificates = self.exposed.metrics, self.exposed.metrics_certificates
        if address is None:
            return []
        render, again = self.metrics.render, self.exposed.listen_again
        return [
            ChildSpec(
                "metrics",
                lambda: MetricsServer.start(self.runtime, address, render, certificates, again),
            )
        ]

    def _debug(self) -> list[ChildSpec]:
        address, again = self.exposed.debug, self.exposed.listen_again
        if address is None:
            return []
        page = Page(
            self.runtime,
            self.program,
            self._roots,
            lambda: self.waits_for() or self._restarts(),
            (
                *overview(self.runtime, self.metrics, self.lags, self.remark, self._roots),
                *self.sections,
            ),
            HANGS,
        )
        return [
            ChildSpec(
                "debug",
                lambda: DebugServer.start(
                    self.runtime, address, self._tree, self.root().find, page, again
                ),
            )
        ]
