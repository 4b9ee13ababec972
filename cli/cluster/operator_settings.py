"""The settings of the operator in a cluster, from the flags of its Deployment."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from resources.falco.desired import FalcoSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LABELS = {
    "app.kubernetes.io/name": "falco-operator",
    "app.kubernetes.io/component": "operator",
}
"""What only the Deployment and the pods of the operator have."""

_COMMAND = "falco-operator"


def is_operator(one: Mapping[str, Any]) -> bool:
    """Whether an object is the Deployment of an operator, or one of its pods."""
    return (one["metadata"].get("labels") or {}).items() >= LABELS.items()


def settings_of(deployments: Iterable[Mapping[str, Any]]) -> FalcoSettings | None:
    """What the operator was told; None if there is none, or it has flags that are not known."""
    from supervisors.settings import parse  # noqa: PLC0415 - it takes the operator's modules

    for deployment in filter(is_operator, deployments):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            if container.get("command", [])[-1:] != [_COMMAND]:
                continue
            given = container.get("env") or ()
            variables = {one["name"]: str(one["value"]) for one in given if "value" in one}
            try:
                with redirect_stderr(io.StringIO()):
                    told = parse(container.get("args") or (), variables)
            except SystemExit:
                return None
            names = {field.name for field in fields(FalcoSettings)}
            same = {name: getattr(told, name) for name in names if hasattr(told, name)}
            return FalcoSettings(**same, sidecar_image=told.artifact_operator_image)
    return None
