"""Falco: one instance of Falco, as a DaemonSet or a Deployment."""

from typing import Annotated, Any

import msgspec

from resources.instance.status import UNSEEN, WorkloadStatus
from resources.kubernetes.definition import (
    AGE,
    SERVICE_NAME_RULES,
    Column,
    ResourceDefinition,
    condition_column,
    doc,
)
from resources.kubernetes.meta import ObjectMeta


class FalcoSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The wanted state of a Falco, as the user writes it."""

    type: Annotated[
        str | None,
        doc(
            "The workload that runs Falco; absent means DaemonSet.",
            enum=["DaemonSet", "Deployment"],
        ),
    ] = None
    replicas: Annotated[
        int | None,
        doc("Number of pods of a Deployment; absent means 1.", format="int32", minimum=1),
    ] = None
    # Without a pattern, so that a bad version becomes a condition and is not refused on apply.
    version: Annotated[
        str | None,
        doc("Tag of the Falco image; the image of the falco container in the template wins."),
    ] = None
    pod_template_spec: Annotated[
        dict[str, Any] | None,
        doc(
            "A partial pod template, merged over the default one.",
            openapi="io.k8s.api.core.v1.PodTemplateSpec",
        ),
    ] = None
    update_strategy: Annotated[
        dict[str, Any] | None,
        doc(
            "How pods of a DaemonSet are replaced.",
            openapi="io.k8s.api.apps.v1.DaemonSetUpdateStrategy",
        ),
    ] = None
    strategy: Annotated[
        dict[str, Any] | None,
        doc(
            "How pods of a Deployment are replaced.",
            openapi="io.k8s.api.apps.v1.DeploymentStrategy",
        ),
    ] = None


class FalcoStatus(WorkloadStatus, frozen=True):
    """The observed state of a Falco."""


class Falco(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A Falco instance and what it needs to run in this namespace."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[FalcoSpec, doc("The wanted state.")] = FalcoSpec()
    status: Annotated[FalcoStatus, doc("The observed state.")] = FalcoStatus(conditions=UNSEEN)


DEFINITION = ResourceDefinition(
    type=Falco,
    kind="Falco",
    categories=("falcosecurity", "instances"),
    columns=(
        Column("Type", ".status.resourceType", "The workload kind."),
        Column("Version", ".status.version", "The Falco version that runs."),
        Column("Desired", ".status.desiredReplicas", "Pods wanted.", "integer"),
        Column("Ready", ".status.availableReplicas", "Pods available.", "integer"),
        condition_column("Reconciled"),
        condition_column("Available"),
        AGE,
    ),
    rules=SERVICE_NAME_RULES,
)

FINALIZER = "falco.instance.falcosecurity.dev/finalizer"
FIELD_MANAGER = "falco-controller"
