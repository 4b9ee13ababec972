"""The Node objects whose kubelets kwok plays."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from deploy.local.pins import KUBERNETES

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPACITY = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
ALLOCATABLE = {"cpu": "7900m", "memory": "31Gi", "pods": "110", "ephemeral-storage": "90Gi"}
ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
ZONES = ("zone-a", "zone-b", "zone-c")
NOT_READY_TAINT = "node.kubernetes.io/not-ready"


def node(name: str, index: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """A Linux node of a common size with the labels of a kubelet; `index` gives its zone."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    kubelet_labels = {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": ZONES[index % len(ZONES)],
    }
    information = {
        "architecture": architecture,
        "kubeletVersion": KUBERNETES.version,
        "operatingSystem": "linux",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**kubelet_labels, **labels}},
        "status": {
            "capacity": CAPACITY,
            "allocatable": ALLOCATABLE,
            "nodeInfo": information,
        },
    }


def usable(node: Mapping[str, Any]) -> bool:
    """Whether the node is Ready and its not-ready taint is removed."""
    conditions = node["status"].get("conditions", [])
    taints = node["spec"].get("taints", [])
    return any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    ) and all(taint["key"] != NOT_READY_TAINT for taint in taints)
