"""The children of a Component, as they should be."""

from collections.abc import Iterable

from resources.component.catalog import COMPONENT_TYPES
from resources.component.shared_env import spread
from resources.component.spec import Component
from resources.component.type import ComponentType
from resources.instance.children import Child, Parent, parent_of
from resources.instance.rbac import cluster_rights, namespaced_rights
from resources.instance.workload import MainWorkload, enforced, pod_labels, service, workload
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.overlay import Template, normalized

_WORKLOAD = "Deployment"


def main_workload(component: Component) -> MainWorkload:
    """A Deployment, and in it the container that is called as the type of the Component."""
    return MainWorkload(_WORKLOAD, component.spec.component.type)


def desired(component: Component, excluded_labels: Iterable[str]) -> tuple[Child, ...]:
    """The desired children, lower waves first; equal input gives equal bodies.

    Raises:
        InvalidSpec: the spec cannot be carried out.
    """
    component_type = _type(component)
    parent = parent_of("Component", component.metadata, excluded_labels)
    children = (
        parent.child("ServiceAccount"),
        *(namespaced_rights(parent, [*component_type.rules]) if component_type.rules else ()),
        *(
            cluster_rights(parent, [*component_type.cluster_rules])
            if component_type.cluster_rules
            else ()
        ),
        service(parent, component_type.ports),
        _deployment(component, component_type, parent),
    )
    return tuple(sorted(children, key=lambda child: child.wave))


def _type(component: Component) -> ComponentType:
    """The type in the spec; the CRD may be newer than the operator and allow more types."""
    name = component.spec.component.type
    if name not in COMPONENT_TYPES:
        raise InvalidSpec("spec.component.type", name, ", ".join(COMPONENT_TYPES))
    return COMPONENT_TYPES[name]


def _deployment(component: Component, component_type: ComponentType, parent: Parent) -> Child:
    """The Deployment; it always sets `replicas`, since the type's default may differ from 1."""
    spec = component.spec
    return workload(
        parent,
        _WORKLOAD,
        _templates(component, component_type, parent),
        "ServiceAccount",
        strategy=spec.strategy,
        replicas=component_type.replicas if spec.replicas is None else spec.replicas,
    )


def _templates(
    component: Component, component_type: ComponentType, parent: Parent
) -> tuple[Template, ...]:
    """The layers of the pod template: defaults, shared variables, the user's, the enforced one."""
    given = normalized(component.spec.pod_template_spec or {})
    version = component.spec.component.version
    image = component_type.main.image_to_run(given, version, "spec.component.version")
    defaults = _pod_template(component_type, parent)
    return (
        defaults,
        spread(component_type.shared_env, defaults, given),
        given,
        enforced(parent, component_type.name, image, {}),
    )


def _pod_template(component_type: ComponentType, parent: Parent) -> Template:
    ports = [port.of_container() for port in component_type.ports]
    account = parent.ref("ServiceAccount").name
    return {
        "metadata": {"labels": pod_labels(parent)},
        "spec": {
            "serviceAccountName": account,
            **component_type.pod,
            "containers": [
                {"name": component_type.name, "ports": ports, **component_type.container}
            ],
        },
    }
