"""The kinds that this project reads or writes, and the paths where the API server serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from resources.kubernetes.reference import ObjectRef


class Kind(NamedTuple):
    """Group, version and plural of a kind; the group of core kinds is the empty string."""

    group: str
    version: str
    plural: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """The `apiVersion` of an object of this kind."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "") -> str:
        """The URL path of all its objects: in one namespace, or in the cluster if it is empty."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{scope}/{self.plural}"


INSTANCE_GROUP = "instance.falcosecurity.dev"
ARTIFACT_GROUP = "artifact.falcosecurity.dev"
RBAC_GROUP = "rbac.authorization.k8s.io"

KINDS: dict[str, Kind] = {
    "Falco": Kind(INSTANCE_GROUP, "v1alpha1", "falcos", True),
    "Component": Kind(INSTANCE_GROUP, "v1alpha1", "components", True),
    "Rulesfile": Kind(ARTIFACT_GROUP, "v1alpha1", "rulesfiles", True),
    "Plugin": Kind(ARTIFACT_GROUP, "v1alpha1", "plugins", True),
    "Config": Kind(ARTIFACT_GROUP, "v1alpha1", "configs", True),
    "NodeReport": Kind(ARTIFACT_GROUP, "v1alpha1", "nodereports", True),
    "ServiceAccount": Kind("", "v1", "serviceaccounts", True),
    "Service": Kind("", "v1", "services", True),
    "ConfigMap": Kind("", "v1", "configmaps", True),
    "Secret": Kind("", "v1", "secrets", True),
    "Pod": Kind("", "v1", "pods", True),
    "Node": Kind("", "v1", "nodes", False),
    "Namespace": Kind("", "v1", "namespaces", False),
    "DaemonSet": Kind("apps", "v1", "daemonsets", True),
    "Deployment": Kind("apps", "v1", "deployments", True),
    "Role": Kind(RBAC_GROUP, "v1", "roles", True),
    "RoleBinding": Kind(RBAC_GROUP, "v1", "rolebindings", True),
    "ClusterRole": Kind(RBAC_GROUP, "v1", "clusterroles", False),
    "ClusterRoleBinding": Kind(RBAC_GROUP, "v1", "clusterrolebindings", False),
    "Event": Kind("events.k8s.io", "v1", "events", True),
    "Lease": Kind("coordination.k8s.io", "v1", "leases", True),
}


def collection_path(kind: str, namespace: str = "") -> str:
    """The URL path of all objects of a kind: in one namespace, or in the cluster if it is empty."""
    return KINDS[kind].path(namespace)


def object_path(ref: ObjectRef) -> str:
    """The URL path of one object; its status is at `<path>/status`."""
    return f"{collection_path(ref.kind, ref.namespace)}/{ref.name}"


ARTIFACTS = ("Rulesfile", "Plugin", "Config")
"""The kinds whose resources install files on nodes."""

CHILD_KINDS = (
    "ServiceAccount",
    "Role",
    "Service",
    "ConfigMap",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "DaemonSet",
    "Deployment",
)
"""The kinds of the children that a Falco or Component may have."""

INSTANCES = ("Falco", "Component")
"""The kinds whose resources run a workload."""

RESOURCES = (*INSTANCES, *ARTIFACTS)
"""The kinds of which every resource has an actor of its own."""

OBSERVED = ("NodeReport", "Pod", "Node")
"""The kinds from which the operator learns how far artifacts are installed."""

WATCHED = (*RESOURCES, *CHILD_KINDS, *OBSERVED)
"""All watched kinds, in the order in which their watches are opened."""
