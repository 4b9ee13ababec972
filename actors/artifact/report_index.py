"""The reports of the Falco pods of every namespace, summed up for each artifact."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from msgspec import DecodeError

from actors.artifact.fits import FitCounts
from actors.artifact.report_decoder import Labels, Report, ReportDecoder
from actors.artifact.tally import Tally
from resources.artifact.rollout import Fit, PodReport, Subject, Sum, fit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.watch.store import Change, Snapshot
    from resources.kubernetes.reference import ObjectRef

V = TypeVar("V")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _NamespaceIndex:
    """The pods and the sums of one namespace; the first three are by name of the pod."""

    pods: dict[str, str] = field(default_factory=dict)
    """The uids of pods that are not being deleted."""
    reports: dict[str, Report] = field(default_factory=dict)
    counting: dict[str, PodReport] = field(default_factory=dict)
    """The pods that count."""
    tallies: dict[ObjectRef, Tally] = field(default_factory=dict)
    fits: FitCounts = field(default_factory=FitCounts)

    @property
    def is_empty(self) -> bool:
        return not (self.pods or self.reports or self.tallies)


class ReportIndex:
    """Sums up the reports of pods for each artifact, from changes of Pods, Nodes and NodeReports.

    A pod counts from its creation until its deletion begins, unless its Node is gone; a report
    counts if the pod of its uid does. The router notes a change before it wakes any actor. A sum
    is kept from the first request on, and costs little until its subject changes.
    """

    def __init__(self) -> None:
        self._namespaces: defaultdict[str, _NamespaceIndex] = defaultdict(_NamespaceIndex)
        # Labels by node, and namespace and name of the pods that report from it.
        self._nodes: dict[str, Labels] = {}
        self._reporting: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._decoder = ReportDecoder()
        # Nodes by namespace and name of pods that had not reported and were looked up.
        self._placed: dict[tuple[str, str], str] = {}
        self._unready: set[str] = set()
        self.on_unready_changed: Callable[[], None] = lambda: None
        """Called when a node that is not ready has changed."""

    def note(self, change: Change) -> frozenset[ObjectRef]:
        """Take in a change of a Pod, Node or NodeReport; return the artifacts whose sum differs."""
        match change.ref.kind:
            case "Pod":
                concerned = self._note_pod(change.ref, change.after)
            case "Node":
                concerned = self._note_node(change.ref, change.after)
            case _:
                concerned = self._note_report(change.ref, change.after)
        return frozenset(concerned)

    def sum(self, artifact: ObjectRef, subject: Subject) -> Sum:
        """The sum over the pods of its namespace; from now on `note` returns this artifact too."""
        index = self._namespaces[artifact.namespace]
        tally = index.tallies.get(artifact)
        if tally is None or tally.subject != subject:
            tally = index.tallies[artifact] = Tally(subject)
            for pod, seen in index.counting.items():
                tally.see(pod, seen, was_seen=False)
        tally.rebase(index.counting)
        fits, fitted = index.fits.sum(subject)
        return tally.sum(len(index.counting))._replace(fits=fits, fitted=fitted)

    def outlook(self, artifact: ObjectRef) -> str:
        """What decides the status, and how many failed pods its message names.

        It is empty if there is none, and costs next to nothing.
        """
        index = self._namespaces.get(artifact.namespace)
        tally = index.tallies.get(artifact) if index is not None else None
        if index is None or tally is None:
            return ""
        return f"{tally.outlook(len(index.counting))} {index.fits.worst(tally.subject)}".strip()

    def pods(self, namespace: str) -> int:
        """The number of pods of a namespace that count."""
        index = self._namespaces.get(namespace)
        return len(index.counting) if index is not None else 0

    @property
    def unready(self) -> frozenset[str]:
        """The nodes that are known not to be ready."""
        return frozenset(self._unready)

    def held_back(self) -> list[ObjectRef]:
        """The artifacts with pods that have failed or not reported yet."""
        return [
            artifact
            for index in self._namespaces.values()
            for artifact, tally in index.tallies.items()
            if tally.holds_back
        ]

    def holding(self, artifact: ObjectRef) -> set[str]:
        """The names of these pods of an artifact."""
        index = self._namespaces.get(artifact.namespace)
        tally = index.tallies.get(artifact) if index is not None else None
        return tally.holding() if tally is not None else set()

    def node_of(self, namespace: str, pod: str) -> str:
        """The node of a pod that counts; empty if it is not known."""
        index = self._namespaces.get(namespace)
        counted = index.counting.get(pod) if index is not None else None
        return counted.node if counted is not None else ""

    def set_ready(self, node: str, *, ready: bool) -> frozenset[ObjectRef]:
        """Take in whether a node is ready; return the artifacts whose sum differs."""
        if ready == (node not in self._unready) or node not in self._nodes:
            return frozenset()
        self._unready ^= {node}
        return self._count_on(node)

    def place(self, pod: ObjectRef, uid: str, node: str) -> frozenset[ObjectRef]:
        """Take in on which node a pod is that has not reported; as `set_ready`."""
        index = self._namespaces.get(pod.namespace)
        if index is None or index.pods.get(pod.name) != uid:
            return frozenset()
        self._placed[pod.namespace, pod.name] = node
        return frozenset(self._count(pod.namespace, pod.name))

    def forget(self, artifact: ObjectRef) -> None:
        """Drop the sum of an artifact."""
        index = self._namespaces.get(artifact.namespace)
        if index is not None:
            index.tallies.pop(artifact, None)
            self._tidy(artifact.namespace)

    def forget_all(self) -> None:
        """Drop the sums of all artifacts."""
        for namespace, index in list(self._namespaces.items()):
            index.tallies.clear()
            self._tidy(namespace)

    def _note_pod(self, ref: ObjectRef, pod: Snapshot | None) -> Iterable[ObjectRef]:
        ends = pod is None or pod.meta.deletion_timestamp is not None
        uid = None if pod is None or ends else pod.meta.uid
        pods = self._namespaces[ref.namespace].pods
        if pods.get(ref.name) == uid:
            self._tidy(ref.namespace)
            return ()
        _put(pods, ref.name, uid)
        self._placed.pop((ref.namespace, ref.name), None)
        return self._count(ref.namespace, ref.name)

    def _note_node(self, ref: ObjectRef, node: Snapshot | None) -> Iterable[ObjectRef]:
        labels = None if node is None else self._decoder.labels(node.meta.labels or {})
        if ref.name in self._unready:
            self.on_unready_changed()
        if node is None:
            self._unready.discard(ref.name)
        if self._nodes.get(ref.name) == labels:
            return ()
        _put(self._nodes, ref.name, labels)
        return self._count_on(ref.name)

    def _note_report(self, ref: ObjectRef, snapshot: Snapshot | None) -> Iterable[ObjectRef]:
        reports = self._namespaces[ref.namespace].reports
        before, report = reports.get(ref.name), self._report(snapshot)
        _put(reports, ref.name, report)
        at = (ref.namespace, ref.name)
        if before is not None:
            self._reporting[before.node].discard(at)
            if not self._reporting[before.node]:
                del self._reporting[before.node]
        if report is not None:
            self._reporting[report.node].add(at)
        return self._count(*at) if before != report else ()

    def _report(self, snapshot: Snapshot | None) -> Report | None:
        if snapshot is None:
            return None
        try:
            return self._decoder.report(snapshot)
        except DecodeError as error:
            _log.warning("cannot be read: %s", error, extra={"object": str(snapshot.ref)})
            return None

    def _count_on(self, node: str) -> frozenset[ObjectRef]:
        """Count all pods of a node as they are now; return the artifacts whose sum differs."""
        placed = (pod for pod, where in self._placed.items() if where == node)
        pods = sorted({*self._reporting.get(node, ()), *placed})
        return frozenset(artifact for pod in pods for artifact in self._count(*pod))

    def _count(self, namespace: str, pod: str) -> set[ObjectRef]:
        """Count a pod as it is now; return the artifacts whose sum differs."""
        index = self._namespaces[namespace]
        seen, before = self._counted(namespace, pod), index.counting.get(pod)
        _put(index.counting, pod, seen)
        index.fits.move(before, seen)
        concerned = {
            ref
            for ref, tally in index.tallies.items()
            if tally.see(pod, seen, was_seen=before is not None)
            or _fits(before, tally.subject) != _fits(seen, tally.subject)
        }
        self._tidy(namespace)
        return concerned

    def _counted(self, namespace: str, pod: str) -> PodReport | None:
        """The report of a pod, an empty one before its first; None if the pod does not count."""
        index = self._namespaces[namespace]
        uid, report = index.pods.get(pod), index.reports.get(pod)
        if uid is None:
            return None
        if report is None or report.pod_uid != uid:
            node = self._placed.get((namespace, pod), "")
            return PodReport(node, self._nodes.get(node), (), node in self._unready)
        node = report.node
        labels = self._nodes.get(node)
        is_unready = node in self._unready
        if labels is None:
            return None
        return PodReport(node, labels, report.entries, is_unready, report.unlisted)

    def _tidy(self, namespace: str) -> None:
        if self._namespaces[namespace].is_empty:
            del self._namespaces[namespace]


def _fits(report: PodReport | None, subject: Subject) -> Fit | None:
    return fit_of(subject, report) if report is not None else None


def _put(entries_by_name: dict[str, V], name: str, value: V | None) -> None:
    """Set the value of a name, or remove the name if there is none."""
    if value is None:
        entries_by_name.pop(name, None)
    else:
        entries_by_name[name] = value
