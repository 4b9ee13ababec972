"""Falcos, artifacts and pods as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

TableRow = tuple[str, ...]

GAP = "   "
FALCO = ("FALCO", "TYPE", "VERSION", "PODS", "RECONCILED", "AVAILABLE", "MESSAGE")
ARTIFACT = ("ARTIFACT", "NAME", "PRIORITY", "PROGRAMMED", "RESOLVEDREFS", "PODS", "MESSAGE")
POD = ("POD", "NODE", "PHASE", "READY")
MESSAGE_LENGTH = 60
FALCO_CONDITIONS = ("Reconciled", "Available")
ARTIFACT_CONDITIONS = ("Programmed", "ResolvedRefs")


def render(resources: Iterable[dict[str, Any]], pods: Iterable[dict[str, Any]]) -> str:
    """Three tables below each other: Falcos, artifacts, pods; the first two are `resources`."""
    falcos: list[TableRow] = [FALCO]
    artifacts: list[TableRow] = [ARTIFACT]
    for resource in resources:
        if resource["kind"] == "Falco":
            falcos.append(_falco(resource))
        else:
            artifacts.append(_artifact(resource))
    tables: list[list[TableRow]] = [falcos, artifacts, [POD, *map(_pod, pods)]]
    return "\n\n".join(map(_aligned, tables))


def is_well(resource: dict[str, Any]) -> bool:
    """Whether a Falco is reconciled and Available, or an artifact Programmed, in its generation."""
    names = FALCO_CONDITIONS if resource["kind"] == "Falco" else ("Programmed",)
    generation = resource["metadata"]["generation"]
    return all(
        condition["status"] == "True" and condition["observedGeneration"] == generation
        for condition in (_condition(resource, name) for name in names)
    )


def _falco(falco: dict[str, Any]) -> TableRow:
    status = falco.get("status", {})
    conditions = [_condition(falco, name) for name in FALCO_CONDITIONS]
    return (
        _name(falco),
        status.get("resourceType", "-"),
        status.get("version", "-"),
        f"{status.get('availableReplicas', '-')}/{status.get('desiredReplicas', '-')}",
        *(condition["status"] for condition in conditions),
        _message(conditions),
    )


def _artifact(artifact: dict[str, Any]) -> TableRow:
    conditions = [_condition(artifact, name) for name in ARTIFACT_CONDITIONS]
    return (
        artifact["kind"],
        _name(artifact),
        str(artifact["spec"].get("priority", "-")),
        *(condition["status"] for condition in conditions),
        artifact.get("status", {}).get("nodes", {}).get("summary", "-"),
        # An artifact that is not resolved is not programmed either: its first cause is shown.
        _message(reversed(conditions)),
    )


def _pod(pod: dict[str, Any]) -> TableRow:
    status = pod["status"]
    containers = status.get("containerStatuses", []) + status.get("initContainerStatuses", [])
    ready = sum(container["ready"] for container in containers)
    node = pod["spec"].get("nodeName", "-")
    return _name(pod), node, status["phase"], f"{ready}/{len(containers)}"


def _message(conditions: Iterable[dict[str, Any]]) -> str:
    trouble = (known["message"] for known in conditions if known["status"] != "True")
    return " ".join(next(filter(None, trouble), "").split())[:MESSAGE_LENGTH]


def _condition(resource: dict[str, Any], name: str) -> dict[str, Any]:
    unknown = {"status": "Unknown", "message": "", "observedGeneration": 0}
    conditions = resource.get("status", {}).get("conditions", [])
    return next((known for known in conditions if known["type"] == name), unknown)


def _name(item: dict[str, Any]) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def _aligned(rows: list[TableRow]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (GAP.join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(padded)
