"""How far the operator goes with one Falco, as its annotation says."""

import pytest

from tests.e2e.falcos import CHILDREN, CLUSTER_SCOPED, cluster_leftovers, said
from tests.eventually import eventually

ANNOTATION = "falcosecurity.dev/reconcile"
DEPLOYMENT = {"type": "Deployment", "replicas": 2}


@pytest.fixture
def mode(api, falcos):
    """Sets the annotation of the Falco; None takes it away."""

    def annotate(value):
        change = {"metadata": {"annotations": {ANNOTATION: value}}}
        return api.merge("Falco", falcos.namespace, "falco", change)

    return annotate


@pytest.fixture
def born(api, falcos):
    """Creates a Falco that has the annotation from the beginning."""

    def create(value, **spec):
        document = {
            "apiVersion": "instance.falcosecurity.dev/v1alpha1",
            "kind": "Falco",
            "metadata": {
                "name": "falco",
                "namespace": falcos.namespace,
                "annotations": {ANNOTATION: value},
            },
            "spec": spec,
        }
        return api.create(document)

    return create


def only_statuses(requests):
    """Whether nothing but the status of Falcos was written, and no Event."""
    return {(r.resource, r.subresource) for r in requests.unwatched} <= {("falcos", "status")}


def test_a_paused_falco_is_left_alone_and_its_pods_are_still_counted(
    api, audit, namespace, falcos, mode
):
    falcos.create(**DEPLOYMENT)
    falcos.becomes(Reconciled="True", Available="True")
    mode("paused")
    falco = falcos.becomes(Reconciled="Unknown", Available="True")
    assert said(falco)["reason"] == "Paused"
    assert ANNOTATION in said(falco)["message"]
    mark = audit.quiet()
    api.delete("Service", namespace, "falco")
    api.merge("Deployment", namespace, "falco", {"spec": {"replicas": 3}})
    falcos.change(version="0.43.0")
    falcos.becomes(Reconciled="Unknown", Available="True")
    eventually(lambda: falcos.get()["status"]["availableReplicas"] == 3)
    assert only_statuses(audit.since(mark))
    assert falcos.get()["status"]["version"] == "0.44.1"
    assert set(falcos.children()) == {*CHILDREN, "Deployment"} - {"DaemonSet", "Service"}
    mode(None)
    falcos.becomes(Reconciled="True", Available="True")
    eventually(lambda: falcos.get()["status"]["version"] == "0.43.0")
    assert falcos.child("Service") is not None
    assert falcos.child("Deployment")["spec"]["replicas"] == 2


def test_a_falco_that_is_paused_from_the_beginning_begins_when_it_no_longer_is(
    audit, falcos, born, mode
):
    mark = audit.mark()
    born("paused")
    falco = falcos.becomes(Reconciled="Unknown", Available="False")
    assert "finalizers" not in falco["metadata"]
    assert falcos.children() == {}
    assert only_statuses(audit.since(mark))
    mode(None)
    falcos.becomes(Reconciled="True", Available="True")
    assert set(falcos.children()) == set(CHILDREN)


@pytest.mark.parametrize("value", ["paused", "detect", "nonsense"])
def test_a_deletion_cleans_up_whatever_the_annotation_says(api, namespace, falcos, mode, value):
    falcos.create()
    falcos.becomes(Reconciled="True")
    mode(value)
    falcos.becomes(Reconciled={"paused": "Unknown", "detect": "True"}.get(value, "False"))
    falcos.delete()
    eventually(lambda: falcos.get() is None)
    assert cluster_leftovers(api, namespace) == []


def test_detected_drift_is_told_once_with_fields_and_manager_and_left(
    api, audit, namespace, operator, falcos, mode
):
    falcos.create(**DEPLOYMENT)
    falcos.becomes(Reconciled="True", Available="True")
    mode("detect")
    mark = audit.quiet()
    api.merge("Deployment", namespace, "falco", {"spec": {"replicas": 3}}, by="a-stranger")
    falco = falcos.becomes(Reconciled="False", Available="True")
    assert said(falco)["reason"] == "DriftDetected"
    assert said(falco)["message"] == (
        f"Deployment/{namespace}/falco: differs in spec.replicas (set by a-stranger)"
    )
    assert falcos.told("DriftDetected") == [said(falco)["message"]]
    role = falcos.child("ClusterRole")
    api.delete("ClusterRole", "", role["metadata"]["name"])
    api.delete("Service", namespace, "falco")

    def detected():
        message = said(falcos.becomes(Reconciled="False"))["message"]
        assert f"ClusterRole/{role['metadata']['name']}: is not there" in message
        assert f"Service/{namespace}/falco: is not there" in message
        return message

    eventually(detected)
    eventually(lambda: falcos.get()["status"]["availableReplicas"] == 3)
    requests = audit.since(mark)
    assert only_statuses(requests.writes)
    assert operator.samples()["drift_corrections_total"]["Deployment",] == 0
    mode(None)
    falcos.becomes(Reconciled="True", Available="True")
    assert falcos.child("Deployment")["spec"]["replicas"] == 2
    assert all(falcos.child(kind) for kind in CLUSTER_SCOPED)
    assert operator.samples()["drift_corrections_total"]["Deployment",] == 1


def test_drift_that_somebody_takes_back_is_no_longer_told(api, audit, namespace, falcos, mode):
    falcos.create(**DEPLOYMENT)
    falcos.becomes(Reconciled="True", Available="True")
    mode("detect")
    audit.quiet()  # children come by another watch, and would be corrected before
    ours = falcos.child("ConfigMap")["data"]
    for data, status in (({"falco.yaml": "theirs"}, "False"), (ours, "True")):
        api.merge("ConfigMap", namespace, "falco", {"data": data}, by="a-stranger")
        falco = falcos.becomes(Reconciled=status, Available="True")
    assert said(falco)["reason"] == "ResourceUpToDate"
    assert falcos.told("DriftDetected") == [
        f'ConfigMap/{namespace}/falco: differs in data["falco.yaml"] (set by a-stranger)'
    ]


def test_an_unknown_mode_is_named_and_nothing_is_written(audit, falcos, mode, born):
    mark = audit.mark()
    born("Paused")
    falco = falcos.becomes(Reconciled="False")
    assert said(falco)["reason"] == "ApplyConfigurationError"
    assert said(falco)["message"].startswith(f"metadata.annotations[{ANNOTATION}]: 'Paused'")
    for allowed in ("paused", "detect", "no annotation"):
        assert allowed in said(falco)["message"]
    assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
    assert only_statuses(audit.since(mark).writes)
    mode(None)
    falcos.becomes(Reconciled="True", Available="True")
