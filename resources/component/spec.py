"""Component: a companion of Falco, always run as a Deployment."""

from typing import Annotated, Any

import msgspec

from resources.component.catalog import COMPONENT_TYPES
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


class ComponentChoice(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """Which component, in which version."""

    type: Annotated[str, doc("The component to run.", enum=list(COMPONENT_TYPES))]
    # Without a pattern, as for Falco: a bad version becomes a condition.
    version: Annotated[
        str | None,
        doc("Tag of the component's image; the image of its container in the template wins."),
    ] = None


class ComponentSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The wanted state of a Component, as the user writes it."""

    component: Annotated[ComponentChoice, doc("Which component, in which version.")]
    replicas: Annotated[
        int | None,
        doc("Number of pods; absent means the default of the type.", format="int32", minimum=1),
    ] = None
    pod_template_spec: Annotated[
        dict[str, Any] | None,
        doc(
            "A partial pod template, merged over the default one.",
            openapi="io.k8s.api.core.v1.PodTemplateSpec",
        ),
    ] = None
    strategy: Annotated[
        dict[str, Any] | None,
        doc("How pods are replaced.", openapi="io.k8s.api.apps.v1.DeploymentStrategy"),
    ] = None


class ComponentStatus(WorkloadStatus, frozen=True):
    """The observed state of a Component."""


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A companion of Falco: metacollector, falcosidekick or its user interface."""

    spec: Annotated[ComponentSpec, doc("The wanted state.")]
    metadata: ObjectMeta = ObjectMeta()
    status: Annotated[ComponentStatus, doc("The observed state.")] = ComponentStatus(
        conditions=UNSEEN
    )


DEFINITION = ResourceDefinition(
    type=Component,
    kind="Component",
    categories=("falcosecurity", "instances"),
    columns=(
        Column("Type", ".spec.component.type", "The component."),
        Column("ResourceType", ".status.resourceType", "The workload kind."),
        Column("Version", ".status.version", "The version that runs."),
        Column("Desired", ".status.desiredReplicas", "Pods wanted.", "integer"),
        Column("Ready", ".status.availableReplicas", "Pods available.", "integer"),
        condition_column("Reconciled"),
        condition_column("Available"),
        AGE,
    ),
    rules=SERVICE_NAME_RULES,
)

FINALIZER = "component.instance.falcosecurity.dev/finalizer"
FIELD_MANAGER = "component-controller"
