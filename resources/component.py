"""Component: a companion of Falco, always run as a Deployment."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from resources.component_catalog import COMPONENT_TYPES
from resources.component_type import ComponentType
from resources.instance import status as instance_status
from resources.instance.children import Child, Parent, parent_of
from resources.instance.outcome import Outcome
from resources.instance.rbac import cluster_rights, namespaced_rights
from resources.instance.status import WorkloadStatus
from resources.instance.workload import insisted, pod_labels, service, workload
from resources.kubernetes.definition import (
    AGE,
    SERVICE_NAME_RULES,
    Column,
    ResourceDefinition,
    condition_column,
    doc,
)
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.overlay import Template
from resources.kubernetes.reference import ObjectRef
from resources.shared_env import spread


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
    """What the user wants of a Component."""

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
    """What is known of a Component."""


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A companion of Falco: metacollector, falcosidekick or its user interface."""

    spec: Annotated[ComponentSpec, doc("The wanted state.")]
    metadata: ObjectMeta = ObjectMeta()
    status: Annotated[ComponentStatus, doc("The observed state.")] = ComponentStatus()


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

_WORKLOAD = "Deployment"


def ref(component: Component) -> ObjectRef:
    """The name of a Component."""
    meta = component.metadata
    return ObjectRef("Component", meta.namespace or "", meta.name)


def workload_ref(component: Component) -> ObjectRef:
    """The Deployment that there should be."""
    return ref(component)._replace(kind=_WORKLOAD)


def desired(component: Component, excluded_labels: Iterable[str]) -> tuple[Child, ...]:
    """Every child as it should be, lower waves first; the same bodies for the same input.

    Raises:
        InvalidSpec: the spec cannot be carried out.
    """
    known = _type(component)
    parent = parent_of(ref(component), component.metadata, excluded_labels)
    children = (
        parent.child("ServiceAccount"),
        *(namespaced_rights(parent, [*known.rules]) if known.rules else ()),
        *(cluster_rights(parent, [*known.cluster_rules]) if known.cluster_rules else ()),
        service(parent, known.ports),
        _deployment(component, known, parent),
    )
    return tuple(sorted(children, key=lambda child: child.wave))


def status(
    component: Component, outcome: Outcome, workload: dict[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """The content of `.status` after a reconcile; `workload` is the live one if it is ours."""
    return instance_status.observed_status(
        component,
        outcome,
        workload,
        kind=_WORKLOAD,
        container=component.spec.component.type,
        now=now,
    )


def _type(component: Component) -> ComponentType:
    """The type, of which the CRD may know more than this operator."""
    name = component.spec.component.type
    if name not in COMPONENT_TYPES:
        raise InvalidSpec("spec.component.type", name, ", ".join(COMPONENT_TYPES))
    return COMPONENT_TYPES[name]


def _deployment(component: Component, known: ComponentType, parent: Parent) -> Child:
    """The Deployment; `replicas` is always ours, since the default is not the API server's."""
    spec = component.spec
    return workload(
        parent,
        _WORKLOAD,
        _templates(component, known, parent),
        "ServiceAccount",
        strategy=spec.strategy,
        replicas=known.replicas if spec.replicas is None else spec.replicas,
    )


def _templates(component: Component, known: ComponentType, parent: Parent) -> tuple[Template, ...]:
    """The defaults, what the user says, and what must hold whatever the user says."""
    given = component.spec.pod_template_spec or {}
    version = component.spec.component.version
    image = known.main.image_to_run(given, version, "spec.component.version")
    defaults = _pod_template(known, parent)
    return (
        defaults,
        spread(known.shared_env, defaults, given),
        given,
        insisted(parent, known.name, image, {}),
    )


def _pod_template(known: ComponentType, parent: Parent) -> Template:
    ports = [port.of_container() for port in known.ports]
    account = parent.ref("ServiceAccount").name
    return {
        "metadata": {"labels": pod_labels(parent)},
        "spec": {
            "serviceAccountName": account,
            **known.pod,
            "containers": [{"name": known.name, "ports": ports, **known.container}],
        },
    }
