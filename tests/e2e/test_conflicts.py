"""Objects of others that have the names which a Falco would take: theirs they stay."""

import pytest

from tests.api import manifest
from tests.e2e.falcos import (
    CHILDREN,
    CLUSTER_SCOPED,
    COLLECTED_WITHIN,
    WORKLOADS,
    Falcos,
    condition,
)
from tests.eventually import eventually

POD = {
    "metadata": {"labels": {"app": "theirs"}},
    "spec": {"containers": [{"name": "theirs", "image": "example.com/theirs"}]},
}
RBAC = "rbac.authorization.k8s.io"
# Each is complete, and says nothing of what a Falco's would.
FOREIGN: dict[str, dict] = {
    "ServiceAccount": {"automountServiceAccountToken": False},
    "Role": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "RoleBinding": {
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "them"}],
    },
    "Service": {"spec": {"ports": [{"port": 80}]}},
    "ConfigMap": {"data": {"falco.yaml": "theirs"}},
    "ClusterRole": {"rules": []},
    "ClusterRoleBinding": {
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "them"}],
    },
    "DaemonSet": {"spec": {"selector": {"matchLabels": {"app": "theirs"}}, "template": POD}},
}
# A taken name is claimed again every 30 to 60 seconds.
CLAIMED_WITHIN = 75


class Claim:
    """A Falco in a namespace of its own, one of whose names is taken."""

    def __init__(self, api, namespace, kind):
        self.falcos = Falcos(api, namespace)
        self.kind = kind
        cluster_scoped = kind in CLUSTER_SCOPED
        name = f"falco--{namespace}" if cluster_scoped else "falco"
        scope = "" if cluster_scoped else namespace
        self.at = (kind, scope, name)
        self.theirs = api.create(manifest(kind, scope, name, **FOREIGN[kind]))

    @property
    def is_untouched(self):
        live = self.falcos.child(self.kind)
        return version(live) == version(self.theirs)


def version(document):
    """Changes with every write; the workload's own controller writes its status only."""
    workload = document["kind"] in WORKLOADS
    return document["metadata"]["generation" if workload else "resourceVersion"]


def test_foreign_objects_are_left_alone_until_they_go(api, namespaces):
    assert set(FOREIGN) == set(CHILDREN)
    claims = [Claim(api, namespaces(), kind) for kind in FOREIGN]
    for claim in claims:
        claim.falcos.create()
    for claim in claims:
        falco = claim.falcos.becomes(Reconciled="False")
        said = condition(falco, "Reconciled")
        assert said["reason"] == "NameConflict"
        assert "/".join(filter(None, claim.at)) in said["message"]
        assert claim.is_untouched
        assert claim.falcos.told("ResourceApplyError") == [said["message"]]
    for claim in claims:
        api.delete(*claim.at)
    for claim in claims:
        claim.falcos.becomes(within=CLAIMED_WITHIN, Reconciled="True", Available="True")
        assert set(claim.falcos.children()) == set(CHILDREN)
        assert len(claim.falcos.notes("ResourceApplyError")) == 1


def test_a_foreign_object_is_left_alone_by_the_deletion_too(api, namespaces):
    claims = [Claim(api, namespaces(), kind) for kind in FOREIGN]
    for claim in claims:
        claim.falcos.create()
    for claim in claims:
        claim.falcos.becomes(Reconciled="False")
        claim.falcos.delete()
    for claim in claims:
        eventually(lambda c=claim: c.falcos.get() is None)
        eventually(lambda c=claim: set(c.falcos.children()) == {c.kind}, COLLECTED_WITHIN)
        assert claim.is_untouched
        api.delete(*claim.at)


def test_of_two_falcos_that_share_a_name_the_holder_keeps_it(api, namespaces):
    outer = namespaces()
    name, inner = "a", f"b--{outer}"
    api.create(manifest("Namespace", "", inner))
    try:
        # Both would have a ClusterRole a--b--<outer>.
        holder, other = Falcos(api, inner), Falcos(api, outer)
        holder.create(name)
        holder.becomes(name, Reconciled="True")
        held = holder.child("ClusterRole", name)
        other.create(f"{name}--b")
        said = condition(other.becomes(f"{name}--b", Reconciled="False"), "Reconciled")
        assert said["reason"] == "NameConflict"
        assert f"ClusterRole/{held['metadata']['name']}" in said["message"]
        assert holder.child("ClusterRole", name) == held
        other.delete(f"{name}--b")
        eventually(lambda: other.get(f"{name}--b") is None)
        assert holder.child("ClusterRole", name) == held
        holder.becomes(name, Reconciled="True")
    finally:
        api.clear("Falco", inner)
        eventually(lambda: not api.list("Falco", inner))
        api.delete("Namespace", "", inner)


@pytest.mark.parametrize("type_", ["DaemonSet", "Deployment"])
def test_a_foreign_workload_of_the_other_type_is_not_pruned(api, namespace, falcos, type_):
    kind = {"DaemonSet": "Deployment", "Deployment": "DaemonSet"}[type_]
    theirs = api.create(manifest(kind, namespace, "falco", **FOREIGN["DaemonSet"]))
    falcos.create(type=type_)
    falcos.becomes(Reconciled="True", Available="True")
    falcos.change(version="0.43.0")
    falcos.becomes(Reconciled="True", Available="True")
    assert version(falcos.child(kind)) == version(theirs)
