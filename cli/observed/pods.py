"""From pods as the API server writes them to facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cli.observed.facts import Container, End, Pod
from cli.observed.objects import meta_of, seconds
from resources.falco.pod import SIDECAR
from resources.instance.labels import INSTANCE, OWNER_KIND
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Mapping


def pod_from(raw: bytes) -> Pod:
    """A pod as an item of a list."""
    return pod_of({"kind": "Pod"} | msgspec.json.decode(raw))


def pod_of(one: dict[str, Any]) -> Pod:
    """A pod of a Falco or Component, or of an operator."""
    meta, spec, status = meta_of(one), one["spec"], one.get("status", {})
    labels = one["metadata"].get("labels", {})
    owner = ObjectRef(labels.get(OWNER_KIND, ""), meta.ref.namespace, labels.get(INSTANCE, ""))
    conditions = {known["type"]: known for known in status.get("conditions", ())}
    scheduled = conditions.get("PodScheduled", {})
    is_of_set = any(made.get("kind") == "DaemonSet" for made in _owners(one))
    declared = (*spec.get("initContainers", ()), *spec.get("containers", ()))
    states = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return Pod(
        meta,
        owner,
        "DaemonSet" if is_of_set else "Deployment",
        spec.get("nodeName", ""),
        status.get("phase", ""),
        status.get("reason", ""),
        status.get("message", ""),
        scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        conditions.get("Ready", {}).get("status") == "True",
        any(container["name"] == SIDECAR for container in declared),
        tuple(map(_container, states)),
    )


def _owners(one: dict[str, Any]) -> list[dict[str, Any]]:
    owners: list[dict[str, Any]] = one["metadata"].get("ownerReferences", [])
    return owners


def _container(state: Mapping[str, Any]) -> Container:
    now, last = state.get("state", {}), state.get("lastState", {})
    waiting = now.get("waiting")
    ended = now.get("terminated") or last.get("terminated")
    return Container(
        state["name"],
        bool(state.get("ready")),
        "running" in now,
        (waiting.get("reason") or "waiting") if waiting is not None else "",
        waiting.get("message", "") if waiting is not None else "",
        _end(ended) if ended else None,
        state.get("restartCount", 0),
    )


def _end(ended: Mapping[str, Any]) -> End:
    return End(
        ended.get("reason", "Error"),
        ended.get("exitCode", 0),
        ended.get("message", ""),
        seconds(ended.get("finishedAt")),
    )
