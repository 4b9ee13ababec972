"""The settings of the operator in a cluster, from the flags of its Deployment."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cli.cluster.operators import is_operator
from resources.falco.desired import FalcoSettings
from resources.falco.pod import SIDECAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_COMMAND = "falco-operator"
_SIDECAR_IMAGE = "ARTIFACT_OPERATOR_IMAGE"
# The flags that the operator passes on to its sidecars.
_SHARED_FLAGS = (
    "--allow-local-registry",
    "--default-validation",
    "--pull-window",
    "--require-registry-annotation",
    "--verify-official",
    "--verify-others",
)


def settings_of(deployments: Iterable[Mapping[str, Any]]) -> FalcoSettings | None:
    """What the operator was told; None if there is none, or it has flags that are not known."""
    for deployment in filter(is_operator, deployments):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            if container.get("command", [])[-1:] != [_COMMAND]:
                continue
            given = container.get("env") or ()
            variables = {one["name"]: str(one["value"]) for one in given if "value" in one}
            return _parsed(container.get("args") or (), variables)
    return None


def settings_of_sidecar(workload: Mapping[str, Any]) -> FalcoSettings | None:
    """What an operator that is not to be seen was told, by the sidecar that it has made."""
    for container in workload["spec"]["template"]["spec"].get("initContainers") or ():
        if container["name"] == SIDECAR:
            args = [one for one in container.get("args") or () if one.startswith(_SHARED_FLAGS)]
            return _parsed(args, {_SIDECAR_IMAGE: container["image"]})
    return None


def _parsed(args: Sequence[str], variables: Mapping[str, str]) -> FalcoSettings | None:
    from supervisors.settings import parse  # noqa: PLC0415 - it takes the operator's modules

    try:
        with redirect_stderr(io.StringIO()):
            told = parse(args, variables)
    except SystemExit:
        return None
    names = {field.name for field in fields(FalcoSettings)}
    same = {name: getattr(told, name) for name in names if hasattr(told, name)}
    return FalcoSettings(**same, sidecar_image=told.artifact_operator_image)
