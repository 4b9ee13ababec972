"""The condition Available: decided here, from the live DaemonSet or Deployment alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from resources.kubernetes.conditions import AVAILABLE, ConditionDraft


class Availability(NamedTuple):
    """The condition Available and the pod counts behind it; None for an unknown count."""

    condition: ConditionDraft
    desired: int | None = None
    available: int | None = None

    @property
    def unavailable(self) -> int | None:
        """How many of the desired pods are missing or not available; None if unknown."""
        if self.desired is None or self.available is None:
            return None
        return max(self.desired - self.available, 0)


def availability(
    kind: str, workload: dict[str, Any] | None, generation: int | None
) -> Availability:
    """Availability of the live workload of this kind; None if there is none that is ours.

    A workload that wants no pods is not available: nothing runs.

    `generation` is that of the custom resource, for the condition. The counts in the workload's
    status are about its current spec only once its controller has observed that generation; until
    then the condition is Unknown.
    """
    if workload is None:
        return Availability(
            ConditionDraft(AVAILABLE, "False", f"{kind}NotFound", f"there is no {kind}", generation)
        )
    desired, available = _COUNTS[kind](workload)
    status, message = _condition_status(kind, workload, desired, available)
    reason = f"{kind}Available" if status == "True" else f"{kind}Unavailable"
    return Availability(
        ConditionDraft(AVAILABLE, status, reason, message, generation), desired, available
    )


def _condition_status(
    kind: str, workload: dict[str, Any], desired: int | None, available: int | None
) -> tuple[str, str]:
    wanted = workload["metadata"].get("generation", 0)
    observed = workload.get("status", {}).get("observedGeneration", 0)
    if observed < wanted or desired is None or available is None:
        return "Unknown", f"generation {wanted} of the {kind} is not yet observed"
    if desired == 0:
        return "False", f"the {kind} wants no pods"
    counted = f"{available} of {desired} pods are available"
    return ("True" if available >= desired else "False"), counted


def _daemon_set_counts(workload: dict[str, Any]) -> tuple[int | None, int | None]:
    status = workload.get("status", {})
    if not status.get("observedGeneration"):
        return None, None
    return status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)


def _deployment_counts(workload: dict[str, Any]) -> tuple[int | None, int | None]:
    status = workload.get("status", {})
    if not status.get("observedGeneration"):
        return workload["spec"].get("replicas", 1), None
    return workload["spec"].get("replicas", 1), status.get("availableReplicas", 0)


_COUNTS = {"DaemonSet": _daemon_set_counts, "Deployment": _deployment_counts}
