"""Falcos and their pods as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "   "
FALCO = ("FALCO", "TYPE", "VERSION", "PODS", "RECONCILED", "AVAILABLE", "MESSAGE")
POD = ("POD", "NODE", "PHASE", "READY")
MESSAGE_LENGTH = 60


def render(falcos: Iterable[dict[str, Any]], pods: Iterable[dict[str, Any]]) -> str:
    """Both tables, one below the other."""
    rows = [FALCO, *(_falco(falco) for falco in falcos)]
    return f"{_aligned(rows)}\n\n{_aligned([POD, *(_pod(pod) for pod in pods)])}"


def is_available(falco: dict[str, Any]) -> bool:
    """Whether both conditions hold for the generation that there is."""
    generation = falco["metadata"]["generation"]
    return all(
        condition["status"] == "True" and condition["observedGeneration"] == generation
        for condition in (_condition(falco, name) for name in ("Reconciled", "Available"))
    )


def _falco(falco: dict[str, Any]) -> Sequence[str]:
    status = falco.get("status", {})
    conditions = [_condition(falco, name) for name in ("Reconciled", "Available")]
    trouble = [condition["message"] for condition in conditions if condition["status"] == "False"]
    return (
        _name(falco),
        status.get("resourceType", "-"),
        status.get("version", "-"),
        f"{status.get('availableReplicas', '-')}/{status.get('desiredReplicas', '-')}",
        *(condition["status"] for condition in conditions),
        trouble[0][:MESSAGE_LENGTH] if trouble else "",
    )


def _pod(pod: dict[str, Any]) -> Sequence[str]:
    status = pod["status"]
    containers = status.get("containerStatuses", []) + status.get("initContainerStatuses", [])
    ready = sum(container["ready"] for container in containers)
    node = pod["spec"].get("nodeName", "-")
    return _name(pod), node, status["phase"], f"{ready}/{len(containers)}"


def _condition(falco: dict[str, Any], name: str) -> dict[str, Any]:
    unknown = {"status": "Unknown", "message": "", "observedGeneration": 0}
    conditions = falco.get("status", {}).get("conditions", [])
    return next((known for known in conditions if known["type"] == name), unknown)


def _name(item: dict[str, Any]) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (GAP.join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(padded)
