"""Falcos of one namespace, and what belongs to them."""

from tests.api import manifest
from tests.eventually import eventually

NAMESPACED = ("ServiceAccount", "Role", "RoleBinding", "Service", "ConfigMap")
CLUSTER_SCOPED = ("ClusterRole", "ClusterRoleBinding")
WORKLOADS = ("DaemonSet", "Deployment")
CHILDREN = (*NAMESPACED, *CLUSTER_SCOPED, "DaemonSet")
OURS = "app.kubernetes.io/managed-by=falco-operator"
# The garbage collector begins with a CRD up to 40 seconds after it was installed.
COLLECTED_WITHIN = 90


class Falcos:
    """Made by the administrator, carried out by the operator."""

    kind = "Falco"

    def __init__(self, api, namespace):
        self.api = api
        self.namespace = namespace

    def create(self, name="falco", labels=None, **spec):
        document = manifest(self.kind, self.namespace, name, spec=spec)
        document["metadata"]["labels"] = labels or {}
        return self.api.create(document)

    def get(self, name="falco"):
        return self.api.get(self.kind, self.namespace, name)

    def change(self, name="falco", **spec):
        return self.api.merge(self.kind, self.namespace, name, {"spec": spec})

    def delete(self, name="falco"):
        self.api.delete(self.kind, self.namespace, name)

    def becomes(self, name="falco", within=60.0, **statuses):
        """The Falco, once its newest generation has conditions of these statuses."""

        def check():
            falco = self.get(name)
            found = {type_: condition(falco, type_).get("status") for type_ in statuses}
            assert found == statuses, falco.get("status")
            return falco

        return eventually(check, within)

    def child(self, kind, name="falco"):
        """The child of a kind, None if there is none."""
        if kind in CLUSTER_SCOPED:
            return self.api.get(kind, "", f"{name}--{self.namespace}")
        return self.api.get(kind, self.namespace, name)

    def children(self, name="falco"):
        """Every child that there is, by kind."""
        kinds = (*NAMESPACED, *CLUSTER_SCOPED, *WORKLOADS)
        found = {kind: self.child(kind, name) for kind in kinds}
        return {kind: child for kind, child in found.items() if child is not None}

    def pods(self, name="falco"):
        return self.api.list("Pod", self.namespace, f"app.kubernetes.io/instance={name}")

    def events(self, name="falco"):
        """The operator's Events about the Falco, oldest first."""
        about = (self.kind, name)
        found = [
            event
            for event in self.api.list("Event", self.namespace)
            if (event["regarding"]["kind"], event["regarding"]["name"]) == about
        ]
        return sorted(found, key=lambda event: event["eventTime"])

    def notes(self, reason, name="falco"):
        return [event["note"] for event in self.events(name) if event["reason"] == reason]

    def told(self, reason, name="falco"):
        """The notes of the Falco's Events of this reason, once there is one."""
        return eventually(lambda: self.notes(reason, name))


def condition(falco, type_):
    """A condition that speaks of the newest generation; empty if there is none."""
    for found in falco.get("status", {}).get("conditions", ()):
        if found["type"] == type_ and found["observedGeneration"] == generation(falco):
            return found
    return {}


def said(falco):
    """The condition Reconciled of the newest generation; empty if there is none."""
    return condition(falco, "Reconciled")


def writes_of_a_creation(audit, falcos, **spec):
    """The writes until the first status, which says that all is as wanted; no read was needed.

    When it returns the resource is available, and two Events have told of it.
    """
    mark = audit.mark()
    with falcos.api.history(falcos.kind, falcos.namespace, "falco") as states:
        falcos.create(**spec)
        falcos.becomes(Reconciled="True", Available="True")
        eventually(lambda: len(falcos.events()) == 2)
    told = next(state for state in states if condition(state, "Reconciled"))
    assert condition(told, "Reconciled")["status"] == "True"
    requests = audit.since(mark).about(falcos.namespace)
    assert len(requests.events) == 2
    asked = [*requests.reads, *requests.lists]
    # Pods are asked for if they take long.
    assert not [request for request in asked if request.resource not in {"pods", "events"}]
    first = next(i for i, request in enumerate(requests) if request.subresource == "status")
    until_reconciled = requests[: first + 1]
    assert all(request.code in {200, 201} for request in until_reconciled)
    return until_reconciled.writes


def generation(document):
    return document["metadata"]["generation"]


def uid(document):
    return document["metadata"]["uid"]


def leftovers(api, namespace):
    """What there is with our label in the namespace."""
    return sorted(
        f"{kind} {found['metadata']['name']}"
        for kind in (*NAMESPACED, *WORKLOADS)
        for found in api.list(kind, namespace, OURS)
    )


def cluster_leftovers(api, namespace):
    """What there is with our label in no namespace, on behalf of Falcos of this one."""
    return sorted(
        f"{kind} {found['metadata']['name']}"
        for kind in CLUSTER_SCOPED
        for found in api.list(kind, selector=OURS)
        if found["metadata"]["name"].endswith(f"--{namespace}")
    )
