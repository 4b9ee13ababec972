"""The condition Available, and how far a rollout is: decided here, from the live workload alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from resources.kubernetes.conditions import AVAILABLE, ConditionDraft
from resources.kubernetes.event import bounded

# Seconds for scheduling, for images that the node has, and for the controller's status; for pods
# that are missing, also for a controller that has many workloads to see to.
_OVERHEAD = 5.0
_CREATION = 15.0
_LONGEST = 120.0


class PodCounts(NamedTuple):
    """How many pods a workload has, by the status that its controller wrote.

    `total` counts pods of every template, `updated` those of the newest one. A DaemonSet counts
    nodes, and of two pods on a node only the older one.
    """

    desired: int
    total: int
    updated: int
    available: int
    unavailable: int

    @property
    def complete(self) -> bool:
        """Whether every pod has the newest template, and every desired pod is available."""
        return self.total == self.updated >= self.desired <= self.available


class Availability(NamedTuple):
    """The condition Available and the pod counts behind it; None for an unknown count.

    `complete`: the newest template runs in all pods, and in no pod another one.
    """

    condition: ConditionDraft
    desired: int | None = None
    available: int | None = None
    unavailable: int | None = None
    complete: bool = False


def availability(
    kind: str, workload: dict[str, Any] | None, generation: int | None, why: str = ""
) -> Availability:
    """Availability of the live workload of this kind; None if there is none that is ours.

    A workload that wants no pods is not available: nothing runs. `why` tells why pods are not
    updated or not available; the message has it only if there are such pods.

    `generation` is that of the custom resource, for the condition. The counts in the workload's
    status are about its current spec only once its controller has observed that generation; until
    then the condition is Unknown.
    """
    if workload is None:
        return Availability(
            ConditionDraft(AVAILABLE, "False", f"{kind}NotFound", f"there is no {kind}", generation)
        )
    counts = _COUNTS[kind](workload)
    if counts is None or not _is_observed(workload):
        wanted = workload["metadata"].get("generation", 0)
        unknown = f"generation {wanted} of the {kind} is not yet observed"
        draft = ConditionDraft(AVAILABLE, "Unknown", f"{kind}Unavailable", unknown, generation)
        if counts is None:
            return Availability(draft, workload.get("spec", {}).get("replicas"))
        return Availability(draft, counts.desired, counts.available, counts.unavailable)
    is_available = 0 < counts.desired <= counts.available
    reason = f"{kind}Available" if is_available else f"{kind}Unavailable"
    status = "True" if is_available else "False"
    message = _message(kind, counts, why)
    draft = ConditionDraft(AVAILABLE, status, reason, message, generation)
    return Availability(
        draft, counts.desired, counts.available, counts.unavailable, counts.complete
    )


def incomplete_counts(kind: str, workload: dict[str, Any] | None) -> PodCounts | None:
    """The counts of a workload whose pods are not all updated and available; None for any other.

    None also if that cannot be told: the controller has not yet observed the newest generation.
    """
    if workload is None or not _is_observed(workload):
        return None
    counts = _COUNTS[kind](workload)
    return None if counts is None or counts.complete else counts


def patience(workload: dict[str, Any], counts: PodCounts) -> float:
    """Seconds in which the counts of a healthy rollout change.

    A readiness probe that succeeds the second time decides, unless pods are missing.
    """
    if counts.total < counts.desired:
        return _CREATION
    spec = workload["spec"]
    probes = (found.get("readinessProbe") or {} for found in spec["template"]["spec"]["containers"])
    ready = max(
        probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 0) for probe in probes
    )
    seconds: float = ready + spec.get("minReadySeconds", 0) + _OVERHEAD
    return min(seconds, _LONGEST)


def _is_observed(workload: dict[str, Any]) -> bool:
    observed: int = workload.get("status", {}).get("observedGeneration", 0)
    wanted: int = workload["metadata"].get("generation", 0)
    return observed >= wanted


def _message(kind: str, counts: PodCounts, why: str) -> str:
    if counts.desired == 0:
        return f"the {kind} wants no pods"
    parts = [f"{counts.available} of {counts.desired} pods are available"]
    if counts.updated < counts.total:
        parts.append(f"{counts.updated} of {counts.desired} pods are updated")
    if why and not counts.complete:
        parts.append(why)
    return bounded("; ".join(parts))


def _daemon_set_counts(workload: dict[str, Any]) -> PodCounts | None:
    status = workload.get("status", {})
    if not status.get("observedGeneration"):
        return None
    return PodCounts(
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        status.get("numberUnavailable", 0),
    )


def _deployment_counts(workload: dict[str, Any]) -> PodCounts | None:
    status = workload.get("status", {})
    if not status.get("observedGeneration"):
        return None
    return PodCounts(
        workload["spec"].get("replicas", 1),
        status.get("replicas", 0),
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        status.get("unavailableReplicas", 0),
    )


_COUNTS = {"DaemonSet": _daemon_set_counts, "Deployment": _deployment_counts}
