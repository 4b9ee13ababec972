"""The Prometheus metrics of the artifacts on a node."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily as Counters
from prometheus_client.core import GaugeMetricFamily as Gauges

from resources.node.slots import SlotId
from supervisors.process.metrics import by_kind, family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resources.artifact.nodereport import ArtifactReport
    from resources.check.check_request import Verdict
    from sidecar.node.state import NodeState

_PREFIX = "falco_artifacts_"


class NodeMetrics:
    """Counts pulls and installations; only the time of the last installation is per artifact.

    The time of an artifact is dropped with the artifact.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: seconds since the epoch."""
        self._now = now
        self._installs: Counter[str] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._pulls = 0
        self._bytes = 0
        self._seconds = 0.0
        self._files: Counter[str] = Counter()
        self._batches = self._renewals = self._refusals = 0
        self._disagreements: Counter[tuple[str]] = Counter(
            {("falco_takes",): 0, ("falco_refuses",): 0}
        )
        self._overruled: Counter[str] = Counter()
        self._is_falco_asked = False
        self._dry_runs = 0
        self._synced: dict[tuple[str, str], float] = {}
        self._reports: dict[tuple[str, str], ArtifactReport] = {}

    def pulled(self, size: int, seconds: float) -> None:
        """Count one pull."""
        self._pulls += 1
        self._bytes += size
        self._seconds += seconds

    def installed(self, state: NodeState) -> None:
        """Take in the reports of all artifacts after an installation."""
        now = self._now()
        reports = {(report.kind, report.name): report for report in state.reports}
        for key, report in reports.items():
            is_new = self._reports.get(key) != report
            if report.state == "Programmed":
                self._synced[key] = now if is_new else self._synced.get(key, now)
                self._installs[report.kind] += is_new
            elif report.state == "Failed" and is_new:
                self._failures[report.kind, report.reason or ""] += 1
        self._reports = reports
        self._synced = {key: at for key, at in self._synced.items() if key in reports}
        self._files = Counter(slot.kind for slot in state.installed)
        self._batches, self._renewals = state.batches, state.renewals
        self._refusals = state.refusals

    def checked(self, verdict: Verdict) -> None:
        """Take in a verdict, of Falco or of our own check."""
        self._overruled = Counter(SlotId.parse(slot).kind for slot in verdict.overruled)
        self._is_falco_asked = not verdict.unasked
        self._dry_runs += verdict.dry_runs
        if verdict.disagreements is not None:
            self._disagreements["falco_takes",] += len(verdict.disagreements.falco_takes)
            self._disagreements["falco_refuses",] += len(verdict.disagreements.falco_refuses)

    def checks(self) -> dict[str, int]:
        """What came of the checks until now, in words."""
        disagreements = self._disagreements
        return {
            "dry runs": self._dry_runs,
            "refused by the check, installed all the same": self._overruled.total(),
            "taken by Falco against the check": disagreements["falco_takes",],
            "refused by Falco against the check": disagreements["falco_refuses",] + self._refusals,
        }

    def collect(self) -> Iterator[Any]:
        """Make the families; called by the registry at every scrape."""
        yield by_kind(Counters, _PREFIX + "installs", "Revisions installed.", self._installs)
        what = "Revisions that could not be installed."
        yield family(Counters, _PREFIX + "failures", what, ("kind", "reason"), self._failures)
        yield Counters(_PREFIX + "pulls", "Pulls that succeeded.", value=self._pulls)
        what = "Bytes pulled from registries."
        yield Counters(_PREFIX + "pulled_bytes", what, value=self._bytes)
        what = "Seconds spent in pulls that succeeded."
        yield Counters(_PREFIX + "pull_seconds", what, value=self._seconds)
        yield by_kind(Gauges, _PREFIX + "files", "Sources installed.", self._files)
        what = "Changes of files that Falco sees as one."
        yield Counters(_PREFIX + "batches", what, value=self._batches)
        what = "Files renamed anew because Falco seemed to have missed a change."
        yield Counters(_PREFIX + "renewals", what, value=self._renewals)
        what = "Sources that Falco takes or refuses, in a dry run or loading, against the check."
        name = _PREFIX + "check_disagreements"
        counts = dict(self._disagreements)
        counts["falco_refuses",] += self._refusals
        yield family(Counters, name, what, ("direction",), counts)
        what = "Sources installed although the check refuses them, as spec.validation says."
        yield by_kind(Gauges, _PREFIX + "overruled_findings", what, self._overruled)
        what = "Whether the last check was by Falco itself: 1, or by our own check only: 0."
        yield Gauges(_PREFIX + "check_by_falco", what, value=self._is_falco_asked)
        yield Counters(_PREFIX + "dry_runs", "Dry runs of Falco.", value=self._dry_runs)
        states = Counter((report.kind, report.state) for report in self._reports.values())
        yield family(Gauges, _PREFIX + "states", "Artifacts by state.", ("kind", "state"), states)
        what = "When the artifact was installed as it is, in seconds since the epoch."
        name = _PREFIX + "last_sync_timestamp_seconds"
        yield family(Gauges, name, what, ("kind", "name"), self._synced)
