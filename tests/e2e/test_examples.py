"""Every example does what it says, and applying it again writes nothing."""

import pytest

from tests.e2e.examples import FILES
from tests.e2e.falcos import CHILDREN, condition
from tests.e2e.test_component import CHILDREN as CHILDREN_OF_COMPONENTS
from tests.eventually import eventually

DEPLOYED = {*CHILDREN, "Deployment"} - {"DaemonSet"}
# How many pods: one on each of three nodes, or as many as a Deployment has.
DAEMON_SETS = {
    "quickstart",
    "falco-args",
    "falco-env",
    "falco-exact-check",
    "falco-extra-container",
    "falco-host-network",
    "falco-image",
    "falco-image-digest",
    "falco-image-name",
    "falco-image-port-and-digest",
    "falco-init-container",
    "falco-labels",
    "falco-on-delete",
    "falco-rolling-update",
    "falco-sidecar-resources",
    "falco-tolerations",
    "falco-version",
    "falco-volume",
}
DEPLOYMENTS = {
    "falco-autoscaled": 2,
    "falco-deployment": 2,
    "falco-recreate": 1,
    "component-falcosidekick": 3,
    "component-falcosidekick-ui": 2,
    "component-metacollector": 1,
}
# What the condition Reconciled says of those that are not carried out.
LEFT = {"falco-paused": ("Unknown", "Paused"), "falco-detect": ("False", "DriftDetected")}
# Artifacts that keep nothing.
ALONE = {"rulesfile-signed", "rulesfile-warn"}
# Which object an artifact keeps, and by which finalizer.
KEEPERS = {
    "rulesfile-configmap": ("ConfigMap", "configmap-in-use"),
    "config-configmap": ("ConfigMap", "configmap-in-use"),
    "plugin-credentials": ("Secret", "secret-in-use"),
    "plugin-signed": ("Secret", "secret-in-use"),
}
RUNNING = dict.fromkeys(DAEMON_SETS, ("DaemonSet", 3)) | {
    example: ("Deployment", pods) for example, pods in DEPLOYMENTS.items()
}


def children_of(example):
    if example.startswith("component-"):
        return CHILDREN_OF_COMPONENTS[example.removeprefix("component-")]
    return set(CHILDREN) if example in DAEMON_SETS else DEPLOYED


def test_no_example_is_forgotten_here():
    assert {path.stem for path in FILES} == RUNNING.keys() | LEFT.keys() | KEEPERS.keys() | ALONE


@pytest.mark.parametrize("example", sorted(RUNNING))
def test_an_example_runs_its_pods_and_has_its_children(examples, example):
    kind, pods = RUNNING[example]

    def runs():
        resource = examples.becomes(example, Reconciled="True", Available="True")
        status = resource["status"]
        assert (status["resourceType"], status["unavailableReplicas"]) == (kind, 0)
        assert status["desiredReplicas"] == status["availableReplicas"] == pods
        return resource

    resource = eventually(runs)  # an autoscaler looks after a quarter of a minute
    name = resource["metadata"]["name"]
    assert set(examples.children(name)) == children_of(example)
    running = [pod["status"]["phase"] for pod in examples.pods(name)]
    assert running == ["Running"] * pods


@pytest.mark.parametrize("example", sorted(LEFT))
def test_an_example_that_asks_for_it_is_left_alone(examples, example):
    status, reason = LEFT[example]
    falco = examples.becomes(example, Reconciled=status, Available="False")
    assert condition(falco, "Reconciled")["reason"] == reason
    assert examples.children(example) == {}


@pytest.mark.parametrize("example", sorted(KEEPERS))
def test_an_artifact_keeps_what_it_names(examples, example):
    kind, finalizer = KEEPERS[example]
    wanted = f"artifact.falcosecurity.dev/{finalizer}"
    eventually(lambda: wanted in examples.get(kind, example)["metadata"].get("finalizers", []))


def test_applying_every_example_again_writes_nothing(api, audit, examples):
    for example, (_, pods) in RUNNING.items():

        def settled(example=example, pods=pods):
            resource = examples.becomes(example, Reconciled="True", Available="True")
            return resource["status"]["desiredReplicas"] == pods

        eventually(settled)
    mark = audit.quiet()
    examples.apply()
    # What comes after all of them has been seen, too.
    api.create(
        {
            "apiVersion": "instance.falcosecurity.dev/v1alpha1",
            "kind": "Falco",
            "metadata": {
                "name": "sentinel",
                "namespace": examples.namespace,
                "annotations": {"falcosecurity.dev/reconcile": "paused"},
            },
        }
    )
    sentinel = ("Falco", examples.namespace, "sentinel")
    eventually(lambda: condition(api.get(*sentinel), "Reconciled").get("reason") == "Paused")
    writes = audit.since(mark).unwatched.writes
    assert [str(r) for r in writes] == [f"patch falcos {examples.namespace}/sentinel/status 200"]
