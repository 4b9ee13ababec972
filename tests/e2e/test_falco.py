"""A Falco on a real control plane: what becomes of it, and of its children."""

from pathlib import Path

import pytest

from tests.api import manifest
from tests.e2e.falcos import CHILDREN, CLUSTER_SCOPED, NAMESPACED, condition, generation, uid
from tests.eventually import eventually

QUICKSTART = Path("examples/quickstart.yaml")
SELECTOR = {"app.kubernetes.io/name": "falco", "app.kubernetes.io/instance": "falco"}


def image(workload):
    containers = workload["spec"]["template"]["spec"]["containers"]
    return next(found["image"] for found in containers if found["name"] == "falco")


def test_the_quickstart_becomes_available_with_a_pod_on_every_node(cluster, namespace, falcos):
    document = QUICKSTART.read_text().replace("namespace: default", f"namespace: {namespace}")
    cluster.kubectl("apply", "--server-side", "-f", "-", input=document)
    falco = falcos.becomes(Reconciled="True", Available="True")
    assert falco["status"] | {"conditions": []} == {
        "resourceType": "DaemonSet",
        "version": "0.44.1",
        "desiredReplicas": 3,
        "availableReplicas": 3,
        "unavailableReplicas": 0,
        "observedGeneration": 1,
        "conditions": [],
    }
    assert condition(falco, "Reconciled")["reason"] == "ResourceCreated"
    assert condition(falco, "Available")["reason"] == "DaemonSetAvailable"
    assert {pod["spec"]["nodeName"] for pod in falcos.pods()} == {"node-1", "node-2", "node-3"}
    columns = cluster.kubectl("get", "falcos", "-n", namespace, "--no-headers").stdout.split()
    assert columns[:-1] == ["falco", "DaemonSet", "0.44.1", "3", "3", "True", "True"]


def test_conditions_are_there_before_any_operator_has_seen_the_falco(
    cluster, namespace, operator, falcos
):
    operator.stop()
    falcos.create()
    where = ("-n", namespace)
    columns = cluster.kubectl("get", "falcos", *where, "--no-headers").stdout.split()
    assert columns[:-1] == ["falco", "Unknown", "Unknown"]
    operator.start()
    cluster.kubectl("wait", "falco/falco", "--for=condition=Available", "--timeout=30s", *where)
    falco = falcos.get()
    for known in falco["status"]["conditions"]:
        assert known["lastTransitionTime"] >= falco["metadata"]["creationTimestamp"]


def test_children_say_whose_they_are(namespace, falcos):
    falcos.create(labels={"team": "blue", "app.kubernetes.io/instance": "a-helm-release"})
    falco = falcos.becomes(Reconciled="True")
    children = falcos.children()
    assert set(children) == set(CHILDREN)
    labels = {**SELECTOR, "app.kubernetes.io/managed-by": "falco-operator", "team": "blue"}
    without_instance = {key: labels[key] for key in labels if not key.endswith("/instance")}
    for kind, child in children.items():
        expected = without_instance if kind in CLUSTER_SCOPED else labels
        assert child["metadata"]["labels"] == expected
    for kind in (*NAMESPACED, "DaemonSet"):
        assert children[kind]["metadata"]["ownerReferences"] == [
            {
                "apiVersion": "instance.falcosecurity.dev/v1alpha1",
                "kind": "Falco",
                "name": "falco",
                "uid": uid(falco),
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    for kind in CLUSTER_SCOPED:
        assert children[kind]["metadata"]["name"] == f"falco--{namespace}"
        assert "ownerReferences" not in children[kind]["metadata"]
    assert "falco.instance.falcosecurity.dev/finalizer" in falco["metadata"]["finalizers"]


def test_a_creation_is_told_in_two_events_that_name_every_child(namespace, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    assert falcos.told("ResourceCreated") == ["Created DaemonSet falco"]
    (note,) = falcos.told("SubResourceCreated")
    cluster_scoped = {f"{kind} falco--{namespace}" for kind in CLUSTER_SCOPED}
    named = cluster_scoped | {f"{kind} falco" for kind in NAMESPACED}
    assert set(note.removeprefix("Created ").split(", ")) == named
    assert len(falcos.events()) == 2


def test_a_deployment_runs_as_many_pods_as_it_is_asked_for(falcos):
    falcos.create(type="Deployment", replicas=2)
    falco = falcos.becomes(Reconciled="True", Available="True")
    assert falco["status"]["resourceType"] == "Deployment"
    assert falco["status"]["desiredReplicas"] == falco["status"]["availableReplicas"] == 2
    assert len(falcos.pods()) == 2
    assert falcos.child("DaemonSet") is None


@pytest.mark.parametrize("spec", [{}, {"type": "Deployment"}], ids=["DaemonSet", "Deployment"])
def test_nobody_can_tell_availability_before_the_controller_has_observed(falcos, paused, spec):
    with paused("kube-controller-manager"):
        falcos.create(**spec)
        falcos.becomes(Reconciled="True", Available="Unknown")
    falcos.becomes(Reconciled="True", Available="True")
    with paused("kube-controller-manager"):
        falcos.change(version="0.43.0")
        falcos.becomes(Reconciled="True", Available="Unknown")
    falcos.becomes(Reconciled="True", Available="True")


def test_a_falco_is_unavailable_while_its_pods_are_not_ready(falcos, paused):
    with paused("kwok"):
        falcos.create()
        falco = falcos.becomes(Reconciled="True", Available="False")
        assert condition(falco, "Available")["reason"] == "DaemonSetUnavailable"
        assert condition(falco, "Available")["message"] == "0 of 3 pods are available"
        assert falco["status"]["unavailableReplicas"] == 3
    falcos.becomes(Reconciled="True", Available="True")


def test_a_falco_that_fits_no_node_is_unavailable(falcos):
    falcos.create(podTemplateSpec={"spec": {"nodeSelector": {"no": "node"}}})
    falco = falcos.becomes(Reconciled="True", Available="False")
    assert condition(falco, "Available")["message"] == "the DaemonSet wants no pods"


def test_available_is_true_in_no_state_in_which_a_pod_is_missing(api, namespace, falcos):
    with api.history("Falco", namespace, "falco") as states:
        falcos.create()
        falcos.becomes(Reconciled="True", Available="True")
        falcos.change(version="0.43.0")
        falcos.becomes(Reconciled="True", Available="True")
        eventually(lambda: all(image(pod_as_workload(p)).endswith("0.43.0") for p in falcos.pods()))
        falcos.becomes(Reconciled="True", Available="True")
    available = [s["status"] for s in states if condition(s, "Available").get("status") == "True"]
    assert available
    for status in available:
        assert status["availableReplicas"] == status["desiredReplicas"] == 3


def pod_as_workload(pod):
    return {"spec": {"template": {"spec": pod["spec"]}}}


def test_a_new_version_is_rolled_out_and_shown(falcos):
    falcos.create(version="0.43.0")
    assert falcos.becomes(Reconciled="True", Available="True")["status"]["version"] == "0.43.0"
    falcos.change(version="0.44.0")
    eventually(lambda: falcos.get()["status"]["version"] == "0.44.0")
    falco = falcos.becomes(Reconciled="True", Available="True")
    assert condition(falco, "Reconciled")["reason"] == "ResourceUpdated"
    assert image(falcos.child("DaemonSet")) == "docker.io/falcosecurity/falco:0.44.0"
    eventually(lambda: all(image(pod_as_workload(p)).endswith(":0.44.0") for p in falcos.pods()))
    (note,) = falcos.told("ResourceUpdated")
    assert "spec.template.spec.containers" in note


def test_a_label_of_the_falco_reaches_every_child_and_the_pods(api, namespace, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True")
    api.merge("Falco", namespace, "falco", {"metadata": {"labels": {"team": "green"}}})

    def labelled():
        children = falcos.children().values()
        assert all(c["metadata"]["labels"].get("team") == "green" for c in children)
        template = falcos.child("DaemonSet")["spec"]["template"]
        return template["metadata"]["labels"]["team"] == "green"

    eventually(labelled)


def test_a_child_that_is_deleted_comes_back(api, falcos):
    falcos.create()
    falco = falcos.becomes(Reconciled="True", Available="True")
    before = falcos.children()
    for kind, child in before.items():
        api.delete(kind, child["metadata"].get("namespace", ""), child["metadata"]["name"])

    def back():
        after = falcos.children()
        return set(after) == set(before) and all(uid(after[k]) != uid(before[k]) for k in after)

    eventually(back)
    falcos.becomes(Reconciled="True", Available="True")
    assert uid(falcos.get()) == uid(falco)


HIJACKED: list[tuple[str, dict, str]] = [
    ("ConfigMap", {"data": {"falco.yaml": "hijacked"}}, 'data["falco.yaml"]'),
    (
        "ServiceAccount",
        {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}},
        "metadata.labels",
    ),
    ("Service", {"spec": {"selector": {"app.kubernetes.io/name": "other"}}}, "spec.selector"),
    ("Role", {"rules": []}, "rules"),
    ("ClusterRole", {"rules": []}, "rules"),
    ("DaemonSet", {"spec": {"updateStrategy": {"type": "OnDelete"}}}, "spec.updateStrategy"),
]


def test_a_managed_field_that_somebody_takes_is_taken_back_and_told(api, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    before = falcos.children()
    for kind, change, _ in HIJACKED:
        meta = before[kind]["metadata"]
        foreign = manifest(kind, meta.get("namespace", ""), meta["name"], **change)
        assert api.take(foreign, "a-stranger")["metadata"]["uid"] == meta["uid"]

    def corrected():
        return all(wanted(falcos.child(kind)) == wanted(before[kind]) for kind, *_ in HIJACKED)

    eventually(corrected)

    def told():
        notes = " ".join(e["note"] for e in falcos.events() if e["action"] == "Update")
        for kind, _, path in HIJACKED:
            assert f"{kind} {before[kind]['metadata']['name']}" in notes
            assert path in notes
        assert "(set by a-stranger)" in notes
        return True

    eventually(told)


def wanted(child):
    """What a child is, but for who says so and when."""
    fields = {name: value for name, value in child.items() if name not in {"metadata", "status"}}
    return fields | {"labels": child["metadata"]["labels"]}


def test_a_child_whose_label_is_taken_away_is_found_again(api, falcos):
    """The watch, which is by that label, shows it as deleted."""
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    before = falcos.children()
    nothing = {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}
    for kind, child in before.items():
        api.merge(kind, child["metadata"].get("namespace", ""), child["metadata"]["name"], nothing)

    def labelled():
        after = falcos.children()
        assert {kind: uid(child) for kind, child in after.items()} == {
            kind: uid(child) for kind, child in before.items()
        }
        return all(
            "app.kubernetes.io/managed-by" in c["metadata"]["labels"] for c in after.values()
        )

    eventually(labelled)
    falcos.becomes(Reconciled="True", Available="True")


def test_what_a_stranger_adds_stays(api, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    for kind, child in falcos.children().items():
        meta = child["metadata"]
        patch = {"metadata": {"annotations": {"stranger": "here"}, "labels": {"stranger": "too"}}}
        api.merge(kind, meta.get("namespace", ""), meta["name"], patch)
    falcos.change(version="0.43.0")
    falcos.becomes(Reconciled="True", Available="True")
    for child in falcos.children().values():
        assert child["metadata"]["annotations"]["stranger"] == "here"
        assert child["metadata"]["labels"]["stranger"] == "too"


def test_a_change_of_type_removes_the_old_workload_once_the_new_one_is_there(audit, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    for new, old in (("Deployment", "DaemonSet"), ("DaemonSet", "Deployment")):
        mark = audit.mark()
        falcos.change(type=new)
        falco = falcos.becomes(Reconciled="True", Available="True")
        assert falco["status"]["resourceType"] == new
        eventually(lambda old=old: falcos.child(old) is None)
        workloads = [
            str(r) for r in audit.since(mark).writes if r.resource in {"daemonsets", "deployments"}
        ]
        at = f"{falcos.namespace}/falco"
        assert workloads == [
            f"patch {new.lower()}s {at} 201",
            f"delete {old.lower()}s {at} 200",
        ]
    eventually(lambda: len(falcos.notes("DualDeploymentCleanup")) == 2)


def test_a_deletion_leaves_nothing_but_its_event(namespace, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    falcos.delete()
    eventually(lambda: falcos.get() is None)
    eventually(lambda: not falcos.children())
    eventually(lambda: not falcos.pods())
    assert falcos.told("InstanceDeleted") == [f"Cleaned up after Falco/{namespace}/falco"]


def test_a_falco_of_the_same_name_starts_afresh(falcos):
    first = falcos.create()
    falcos.becomes(Reconciled="True")
    falcos.delete()
    eventually(lambda: falcos.get() is None)
    second = falcos.create(type="Deployment")
    assert uid(first) != uid(second)
    falcos.becomes(Reconciled="True", Available="True")
    children = falcos.children()
    eventually(lambda: falcos.child("DaemonSet") is None)
    for kind in NAMESPACED:
        assert children[kind]["metadata"]["ownerReferences"][0]["uid"] == uid(second)
    for kind in CLUSTER_SCOPED:
        annotations = children[kind]["metadata"]["annotations"]
        assert annotations["instance.falcosecurity.dev/owner-uid"] == uid(second)
    assert generation(second) == 1
