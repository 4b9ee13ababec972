"""What a node tells Prometheus about its artifacts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily as Counters
from prometheus_client.core import GaugeMetricFamily as Gauges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from resources.artifact.nodereport import ArtifactReport
    from sidecar.node.state import NodeState

_PREFIX = "falco_artifacts_"


class NodeMetrics:
    """Counts what the installation does; names artifacts only where there is one number for each.

    There are as many of those as artifacts in the namespace, and they go with them.
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
        self._batches = 0
        self._synced: dict[tuple[str, str], float] = {}
        self._said: dict[tuple[str, str], ArtifactReport] = {}

    def pulled(self, size: int, seconds: float) -> None:
        """Count one pull."""
        self._pulls += 1
        self._bytes += size
        self._seconds += seconds

    def installed(self, contents: NodeState) -> None:
        """Take in how every artifact stands after the installation has looked at all of them."""
        now, said = self._now(), {(one.kind, one.name): one for one in contents.reports}
        for key, report in said.items():
            is_news = self._said.get(key) != report
            if report.state == "Programmed":
                self._synced[key] = now if is_news else self._synced.get(key, now)
                self._installs[report.kind] += is_news
            elif report.state == "Failed" and is_news:
                self._failures[report.kind, report.reason or ""] += 1
        self._said = said
        self._synced = {key: at for key, at in self._synced.items() if key in said}
        self._files = Counter(slot.kind for slot in contents.installed)
        self._batches = contents.batches

    def collect(self) -> Iterator[Any]:
        """Make the families; called by the registry at every reading."""
        yield _family(
            Counters, "installs", "Revisions installed.", ("kind",), _single(self._installs)
        )
        what = "Revisions that could not be installed."
        yield _family(Counters, "failures", what, ("kind", "reason"), self._failures)
        yield Counters(_PREFIX + "pulls", "Pulls that succeeded.", value=self._pulls)
        what = "Bytes pulled from registries."
        yield Counters(_PREFIX + "pulled_bytes", what, value=self._bytes)
        what = "Seconds spent in pulls that succeeded."
        yield Counters(_PREFIX + "pull_seconds", what, value=self._seconds)
        yield _family(Gauges, "files", "Sources installed.", ("kind",), _single(self._files))
        what = "Changes of files that Falco sees as one."
        yield Counters(_PREFIX + "batches", what, value=self._batches)
        states = Counter((one.kind, one.state) for one in self._said.values())
        yield _family(Gauges, "states", "Artifacts by state.", ("kind", "state"), states)
        what = "When the artifact was installed as it is, in seconds since the epoch."
        name = "last_sync_timestamp_seconds"
        yield _family(Gauges, name, what, ("kind", "name"), self._synced)


def _single(counts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(key,): value for key, value in counts.items()}


def _family(
    make: Any, name: str, what: str, labels: tuple[str, ...], values: Mapping[Any, float]
) -> Any:
    family = make(_PREFIX + name, what, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
