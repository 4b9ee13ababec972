"""Which taints of a node keep the pods of a DaemonSet away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.observed.facts import Taint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The controller of DaemonSets gives its pods these tolerations (Kubernetes docs, "DaemonSet").
_OF_DAEMON_SETS = frozenset(
    f"node.kubernetes.io/{condition}"
    for condition in (
        "not-ready",
        "unreachable",
        "disk-pressure",
        "memory-pressure",
        "pid-pressure",
        "unschedulable",
    )
)
_IN_HOST_NETWORK = "node.kubernetes.io/network-unavailable"
_HARMLESS = "PreferNoSchedule"


def taints_of(node: Mapping[str, Any]) -> tuple[Taint, ...]:
    """The taints of a Node as the API server has it."""
    return tuple(
        Taint(taint["key"], taint.get("value") or "", taint.get("effect") or "")
        for taint in (node.get("spec") or {}).get("taints") or ()
    )


def not_tolerated(spec: Mapping[str, Any], taints: Iterable[Taint]) -> list[Taint]:
    """The taints for which the pod spec of a DaemonSet has no toleration."""
    tolerations = spec.get("tolerations") or ()
    own = _OF_DAEMON_SETS | ({_IN_HOST_NETWORK} if spec.get("hostNetwork") else set())
    return [
        taint
        for taint in taints
        if taint.effect != _HARMLESS
        and taint.key not in own
        and not any(_tolerates(toleration, taint) for toleration in tolerations)
    ]


def _tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    if toleration.get("effect") not in {None, "", taint.effect}:
        return False
    key, operator = toleration.get("key") or "", toleration.get("operator") or "Equal"
    if operator == "Exists":
        return key in {"", taint.key}
    return key == taint.key and (toleration.get("value") or "") == taint.value
