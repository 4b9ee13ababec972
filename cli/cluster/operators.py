"""How the operator of a cluster is known, as the chart and install.yaml install it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resources.instance.labels import MANAGED_BY, OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

LABELS = {
    "app.kubernetes.io/name": "falco-operator",
    "app.kubernetes.io/component": "operator",
}
"""What only the Deployment and the pods of the operator have."""
SELECTOR = ",".join(f"{name}={value}" for name, value in LABELS.items())
"""The same as a label selector."""
OF_CHILDREN = f"{MANAGED_BY}={OPERATOR}"
"""The label selector of all objects that it makes."""
NAMESPACE = "falco-operator"
"""Where it is unless somebody has chosen another namespace."""
LEASE = "falco-operator"
"""The Lease that its replicas compete for."""


def is_operator(one: Mapping[str, Any]) -> bool:
    """Whether an object is the Deployment of an operator, or one of its pods."""
    return (one["metadata"].get("labels") or {}).items() >= LABELS.items()
