"""What cannot be carried out is said once, clearly, and then left in peace."""

import time
from contextlib import contextmanager

import pytest

from deploy.local.client import RefusedError
from tests.api import manifest
from tests.e2e.falcos import CHILDREN, COLLECTED_WITHIN, Falcos, cluster_leftovers, said
from tests.eventually import eventually

# What one that fails may cost, from its creation on: its children, its status, its Events.
FEW = 20
# Seconds in which a retry storm would show.
STORM = 2


def test_a_version_that_is_no_tag_is_told_once_with_field_value_and_what_is_allowed(
    audit, namespace, falcos
):
    mark = audit.mark()
    falcos.create(version="not a tag!")
    falco = falcos.becomes(Reconciled="False")
    assert said(falco)["reason"] == "ApplyConfigurationError"
    for part in ("spec.version: 'not a tag!'", "allowed is an image tag (letters, digits"):
        assert part in said(falco)["message"]
    assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
    time.sleep(STORM)
    requests = [str(request) for request in audit.since(mark).about(namespace)]
    assert len(requests) == 2, requests
    assert falcos.children() == {}
    falcos.change(version="0.43.0")
    falcos.becomes(Reconciled="True", Available="True")
    assert len(falcos.notes("ResourceApplyError")) == 1


def test_a_name_that_no_service_can_have_is_refused_at_apply(audit, namespace, falcos):
    mark = audit.mark()
    for name, why in (
        ("a" * 64, "at most 63 characters"),
        ("with.dot", "must not contain a dot"),
        ("1st", "must start with a letter"),
    ):
        with pytest.raises(RefusedError, match=why) as refusal:
            falcos.create(name)
        assert refusal.value.status == 422
    assert not audit.since(mark).about(namespace)


def test_a_template_that_the_api_server_refuses_is_told_with_its_own_words(
    audit, namespace, falcos
):
    mark = audit.mark()
    ports = [{"containerPort": 70000}]
    falcos.create(podTemplateSpec={"spec": {"containers": [{"name": "falco", "ports": ports}]}})
    falco = falcos.becomes(Reconciled="False")
    assert said(falco)["reason"] == "ApplyPatchErrorOnCreate"
    assert f"DaemonSet/{namespace}/falco" in said(falco)["message"]
    assert "containerPort" in said(falco)["message"]
    assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
    time.sleep(STORM)
    assert len(audit.since(mark).about(namespace)) <= FEW
    falcos.change(podTemplateSpec=None)
    falcos.becomes(Reconciled="True", Available="True")


def quota(namespace):
    quota = {"hard": {"count/configmaps": "0"}}
    meta = {"name": "none", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": quota}


@contextmanager
def no_config_maps(cluster, namespace):
    """The namespace may have no ConfigMap more than it has."""
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    cluster.client.call("POST", path, quota(namespace))
    eventually(lambda: cluster.client.call("GET", f"{path}/none")["status"].get("hard"))
    yield
    cluster.client.call("DELETE", f"{path}/none")


@pytest.mark.parametrize(
    "how",
    ["with the next change", pytest.param("by itself", marks=pytest.mark.bench)],
)
def test_a_child_over_quota_is_named_and_made_once_there_is_room(
    cluster, audit, namespace, falcos, how
):
    mark = audit.mark()
    with no_config_maps(cluster, namespace):
        falcos.create()
        falco = falcos.becomes(Reconciled="False")
        assert said(falco)["reason"] == "ApplyPatchErrorOnCreate"
        assert said(falco)["message"].startswith(f"ConfigMap/{namespace}/falco: ")
        assert "exceeded quota: none" in said(falco)["message"]
        # All else that can be is there; a pod without its ConfigMap would not start.
        assert set(falcos.children()) == set(CHILDREN) - {"ConfigMap", "DaemonSet"}
        assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
        time.sleep(STORM)
        assert len(audit.since(mark).about(namespace)) <= FEW
    if how == "with the next change":
        falcos.change(version="0.40.0")
    falcos.becomes(within=90, Reconciled="True", Available="True")
    assert len(falcos.notes("ResourceApplyError")) == 1


@contextmanager
def no_right_to_services(api):
    """The operator's ClusterRole says nothing of Services; a watch that is open stays so."""
    rules = api.get("ClusterRole", "", "falco-operator")["rules"]
    fewer = [
        rule | {"resources": [name for name in rule["resources"] if name != "services"]}
        for rule in rules
    ]
    api.merge("ClusterRole", "", "falco-operator", {"rules": fewer})
    try:
        yield
    finally:
        api.merge("ClusterRole", "", "falco-operator", {"rules": rules})


def test_a_child_that_the_operator_has_no_right_to_make_is_named(api, audit, namespace, falcos):
    mark = audit.mark()
    with audit.excused():
        with no_right_to_services(api):
            falcos.create()
            falco = falcos.becomes(Reconciled="False", Available="True")
            assert said(falco)["reason"] == "ApplyPatchErrorOnCreate"
            assert said(falco)["message"].startswith(f"Service/{namespace}/falco: ")
            assert "cannot patch resource" in said(falco)["message"]
            assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
            assert set(falcos.children()) == set(CHILDREN) - {"Service"}
            time.sleep(STORM)
            assert len(audit.since(mark).about(namespace)) <= FEW
        api.merge("Falco", namespace, "falco", {"metadata": {"labels": {"look": "again"}}})
        falcos.becomes(Reconciled="True", Available="True")


def test_nothing_is_made_in_a_namespace_that_goes(api, audit, namespace, operator, falcos, paused):
    """Whose Falco is there still: the namespace's controller stands still."""
    operator.stop()
    falcos.create()
    with paused("kube-controller-manager"):
        api.delete("Namespace", "", namespace)
        mark = audit.mark()
        operator.start()
        falco = falcos.becomes(Reconciled="False")
        assert "is being terminated" in said(falco)["message"]
        time.sleep(STORM)
        requests = audit.since(mark).about(namespace)
        assert len(requests) <= FEW
        assert not requests.events
    eventually(lambda: api.get("Namespace", "", namespace) is None, COLLECTED_WITHIN)
    eventually(lambda: not cluster_leftovers(api, namespace))
    requests = audit.since(mark).about(namespace)
    assert len(requests) <= 2 * FEW
    assert not requests.events
    assert "Traceback" not in operator.log.read_text()


def test_namespaces_may_go_at_any_moment_of_a_creation(api, audit, namespaces, operator):
    mark = audit.mark()
    made = {namespaces(): milliseconds for milliseconds in (0, 5, 10, 20, 30, 50, 100, 200)}
    for namespace, milliseconds in made.items():
        Falcos(api, namespace).create()
        time.sleep(milliseconds / 1000)  # where the deletion meets it
        api.delete("Namespace", "", namespace)
    for namespace in made:
        eventually(lambda n=namespace: api.get("Namespace", "", n) is None, COLLECTED_WITHIN)
        eventually(lambda n=namespace: not cluster_leftovers(api, n))
    requests = audit.since(mark)
    for namespace in made:
        assert len(requests.about(namespace)) <= 2 * FEW
        # Two of its creation and one of its deletion; after one that is refused there is none.
        events = requests.about(namespace).events
        assert len(events) <= 3
        assert all(event.code == 201 for event in events[:-1])
    assert "Traceback" not in operator.log.read_text()
    assert 'actor_restarts_total{kind="Falco"} 0.0' in operator.metrics()


def test_a_falco_named_like_an_account_that_every_namespace_has_conflicts_with_it(
    api, namespace, falcos
):
    eventually(lambda: api.get("ServiceAccount", namespace, "default"))
    falcos.create("default")
    falco = falcos.becomes("default", Reconciled="False")
    assert said(falco)["reason"] == "NameConflict"
    assert f"ServiceAccount/{namespace}/default" in said(falco)["message"]


def test_a_foreign_kind_of_resource_in_our_way_crashes_nothing(api, namespace, operator, falcos):
    """Labels and owners that look like ours, on objects that are not."""
    labels = {"app.kubernetes.io/managed-by": "falco-operator"}
    owner = {
        "apiVersion": "instance.falcosecurity.dev/v1alpha1",
        "kind": "Nonsense",
        "name": "nobody",
        "uid": "no-uid",
        "controller": True,
    }
    odd = {"labels": labels, "ownerReferences": [owner]}
    api.create(manifest("ConfigMap", namespace, "odd", metadata=odd))
    marked = {"labels": labels, "annotations": {"instance.falcosecurity.dev/owner": "a/b"}}
    api.create(manifest("ClusterRole", "", f"odd--{namespace}", metadata=marked, rules=[]))
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    assert "Traceback" not in operator.log.read_text()
    assert api.get("ClusterRole", "", f"odd--{namespace}") is not None
    api.delete("ClusterRole", "", f"odd--{namespace}")
