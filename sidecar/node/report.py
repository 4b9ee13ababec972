"""The actor that writes the NodeReport: besides Events, the only object that a node writes."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from actors.api.errors import ApiError, NamespaceTerminating, NotFound
from actors.runtime.activity import decide
from actors.runtime.actor import Actor
from actors.runtime.results import Blocked, RequeueAfter, Result
from actors.write.recorder import Record
from actors.write.retry import Retry
from resources.artifact.nodereport import ArtifactReport, NodeReport, ReportState
from resources.kubernetes.event import bounded
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef
from resources.node.events import failures
from resources.node.short_report import ShortReport, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.api.client import Client
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from resources.artifact.nodereport import FalcoReport
    from sidecar.node.state import NodeState

_log = logging.getLogger(__name__)
FIELD_MANAGER = "artifact-operator"
# Seconds before a report is written: many artifacts make one write, and nodes do not all write at
# the same moment.
_JITTER = (0.1, 0.6)
# Seconds until an artifact that stays pending is reported as such.
_PENDING = 5.0
# Seconds until the report is read again: it is not watched, and a user may have deleted it.
_READ_PERIOD = 3600.0
_MOST_NAMED = 5


class Pod(NamedTuple):
    """The pod that reports, and its node."""

    namespace: str
    name: str
    uid: str
    node: str


class _Content(NamedTuple):
    """What the NodeReport says, as it is written."""

    report: ShortReport
    judge: str
    falco: FalcoReport | None


class Reporter(Actor):
    """Writes the NodeReport when a report of an artifact changes; records Events of failures."""

    kind = "Reporter"

    def __init__(
        self,
        runtime: Runtime,
        client: Client,
        pod: Pod,
        node: NodeState,
        record: Callable[[Record], None],
    ) -> None:
        super().__init__(runtime)
        self._client = client
        self._pod = pod
        self._ref = ObjectRef("NodeReport", pod.namespace, pod.name)
        self._node = node
        self._record_event = record
        self._retry = Retry(runtime.random)
        self._written: tuple[ArtifactReport, ...] | None = None
        self._live: _Content | None = None
        self._read_at = -math.inf
        self._pending: dict[tuple[str, str], float] = {}
        self._due_at: float | None = None

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002 - level-based
        """Wait a moment for more changes, then write the reports if they differ from the last."""
        now = self.runtime.clock.monotonic()
        if self._due_at is None:
            self._due_at = now + self.runtime.random.uniform(*_JITTER)
        if now < self._due_at:
            return RequeueAfter(self._due_at - now, "more reports for the same write")
        self._due_at = None
        try:
            return await self._report()
        except NamespaceTerminating:
            return Blocked("NamespaceTerminating")
        except ApiError as error:
            _log.info("the report is to be tried again: %s", error)
            return self._retry.requeue(error)

    async def _report(self) -> Result:
        now = self.runtime.clock.monotonic()
        if now >= self._read_at + _READ_PERIOD:
            self._live = await self._read()
            if self._written is None and self._live is not None:
                self._written = self._live.report.artifacts
            self._read_at = now
        wait, reports = self._due(self._remembered(self._node.loaded_reports()))
        judge, falco = bounded(self._node.judge), self._node.falco_report()
        wanted = _Content(shortened(reports), judge, falco)
        if wanted != self._live:
            await self._client.apply(self._ref, self._body(wanted), FIELD_MANAGER)
            decide(f"wrote the NodeReport: {_changes(self._live, wanted)}")
            self._live = wanted
        else:
            decide("left the NodeReport as it is")
        if reports != self._written:
            pod, before = self._pod, self._written or ()
            for event in failures(before, reports, pod.namespace, pod.node):
                self._record_event(Record(*event))
            self._written = reports
        self._retry = Retry(self.runtime.random)
        if wait is None:
            return RequeueAfter(_READ_PERIOD, "the next reading of the report")
        return RequeueAfter(wait, "an artifact that is still pending")

    async def _read(self) -> _Content | None:
        """What the API server has of this pod; None if it has nothing."""
        try:
            raw = await self._client.get(self._ref)
        except NotFound:
            return None
        report = msgspec.json.decode(raw, type=NodeReport)
        if report.pod_uid != self._pod.uid or report.node_name != self._pod.node:
            return None
        short = ShortReport(report.artifacts or (), report.unlisted or ())
        return _Content(short, report.judge or "", report.falco)

    def _remembered(self, reports: Iterable[ArtifactReport]) -> Iterable[ArtifactReport]:
        """The reports; what was loaded of a revision stays so while Falco reads all files again."""
        last = {(report.uid, report.revision): report for report in self._written or ()}
        for report in reports:
            before = last.get((report.uid, report.revision))
            if report.state == ReportState.PROGRAMMED and not report.loaded and before:
                report = replace(  # noqa: PLW2901 - the same report
                    report,
                    loaded=before.loaded,
                    loaded_reason=before.loaded_reason,
                    loaded_message=before.loaded_message,
                )
            yield report

    def _due(
        self, reports: Iterable[ArtifactReport]
    ) -> tuple[float | None, tuple[ArtifactReport, ...]]:
        """The reports to write now, and the seconds until more of them are due.

        A revision that is pending is not reported for `_PENDING` seconds; until then the report
        that was written before is repeated.
        """
        now, due = self.runtime.clock.monotonic(), []
        last = {(report.kind, report.name, report.uid): report for report in self._written or ()}
        pending: dict[tuple[str, str], float] = {}
        for report in reports:
            if report.state != ReportState.PENDING:
                due.append(report)
                continue
            key = report.uid, report.revision
            pending[key] = self._pending.get(key, now + _PENDING)
            before = last.get((report.kind, report.name, report.uid))
            if pending[key] <= now:
                due.append(report)
            elif before is not None:
                due.append(before)
        self._pending = pending
        wait = min((at - now for at in pending.values() if at > now), default=None)
        return wait, tuple(due)

    def _body(self, content: _Content) -> dict[str, Any]:
        (artifacts, unlisted), judge, falco = content
        kind = KINDS["NodeReport"]
        owner = {"apiVersion": "v1", "kind": "Pod", "name": self._pod.name, "uid": self._pod.uid}
        return {
            "apiVersion": kind.api_version,
            "kind": "NodeReport",
            "metadata": {
                "name": self._ref.name,
                "namespace": self._ref.namespace,
                "ownerReferences": [owner],
            },
            "nodeName": self._pod.node,
            "podUID": self._pod.uid,
            "falco": msgspec.to_builtins(falco),
            "artifacts": msgspec.to_builtins(artifacts),
            **({"unlisted": msgspec.to_builtins(unlisted)} if unlisted else {}),
            **({"judge": judge} if judge else {}),
        }


def _changes(before: _Content | None, after: _Content) -> str:
    """What differs between two contents, for the trace."""
    known = {
        (one.kind, one.name, one.uid): one for one in (before.report.artifacts if before else ())
    }
    changed = [
        f"{one.kind}/{one.name} {one.state}{f', {one.loaded}' if one.loaded else ''}"
        for one in after.report.artifacts
        if known.pop((one.kind, one.name, one.uid), None) != one
    ]
    changed += [f"{kind}/{name} gone" for kind, name, _ in known]
    if before is None or before.judge != after.judge:
        changed.append(f"judged by {after.judge or 'nobody'}")
    if before is None or before.falco != after.falco:
        changed.append("the Falco of the pod")
    more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
    return f"{', '.join(changed[:_MOST_NAMED]) or 'what is not listed'}{more}"
