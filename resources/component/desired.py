"""The children and the status of a Component."""

from collections.abc import Iterable

from resources.component.catalog import COMPONENT_TYPES
from resources.component.shared_env import spread
from resources.component.spec import Component
from resources.component.type import ComponentType
from resources.instance.children import Child, Parent, parent_of
from resources.instance.rbac import cluster_rights, namespaced_rights
from resources.instance.workload import MainWorkload, insisted, pod_labels, service, workload
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.overlay import Template

_WORKLOAD = "Deployment"


def main_workload(component: Component) -> MainWorkload:
    """A Deployment, and in it the container that is called as the type of the Component."""
    return MainWorkload(_WORKLOAD, component.spec.component.type)


def desired(component: Component, excluded_labels: Iterable[str]) -> tuple[Child, ...]:
    """Every child as it should be, lower waves first; the same bodies for the same input.

    Raises:
        InvalidSpec: the spec cannot be carried out.
    """
    known = _type(component)
    parent = parent_of("Component", component.metadata, excluded_labels)
    children = (
        parent.child("ServiceAccount"),
        *(namespaced_rights(parent, [*known.rules]) if known.rules else ()),
        *(cluster_rights(parent, [*known.cluster_rules]) if known.cluster_rules else ()),
        service(parent, known.ports),
        _deployment(component, known, parent),
    )
    return tuple(sorted(children, key=lambda child: child.wave))


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
