"""What somebody else does to a child: what is managed is put back and told, all else is theirs."""

import json
from typing import NamedTuple

import pytest

from tests.api import manifest
from tests.e2e.falcos import condition, generation, uid
from tests.eventually import eventually

DEPLOYMENT = {"type": "Deployment", "replicas": 2}
# So many corrections of one field within a minute are a fight.
FIGHT = 5


class Stranger(NamedTuple):
    """How somebody changes a Deployment with kubectl, which field, and who that is for the API."""

    command: tuple[str, ...]
    change: dict
    field: str
    manager: str


IMAGE = {"name": "falco", "image": "example.com/theirs:1"}
STRANGERS = {
    "an edit": Stranger(
        ("patch", "deployment", "falco", "--type=merge", "--field-manager=kubectl-edit", "-p"),
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 3}}}},
        "spec.strategy.rollingUpdate.maxSurge",
        "kubectl-edit",
    ),
    "a replacement of the whole object": Stranger(
        ("replace", "-f"),
        {"paused": True, "replicas": 5},
        "spec.replicas",
        "kubectl-replace",
    ),
    "another manager with force": Stranger(
        ("apply", "--server-side", "--force-conflicts", "--field-manager=a-stranger", "-f"),
        {"template": {"spec": {"containers": [IMAGE]}}},
        "spec.template.spec.containers[name=falco].image",
        "a-stranger",
    ),
    "a scaling": Stranger(
        ("scale", "deployment", "falco", "--replicas=5"), {}, "spec.replicas", "kubectl"
    ),
}


@pytest.fixture
def strangely(cluster, falcos):
    """Lets a stranger do what they do to the Deployment."""

    def act(stranger):
        command, change, *_ = stranger
        where = ("-n", falcos.namespace)
        if command[-1] == "-p":
            cluster.kubectl(*command, json.dumps(change), *where)
        elif command[-1] == "-f":
            document = manifest("Deployment", falcos.namespace, "falco", spec=change)
            if command[0] == "replace":
                document = falcos.child("Deployment")
                document["metadata"].pop("resourceVersion")
                document["spec"] |= change
            text = json.dumps(document)
            # A replacement conflicts with whatever the Deployment's own controller has to say.
            eventually(
                lambda: (
                    not cluster.kubectl(*command, "-", *where, input=text, check=False).returncode
                )
            )
        else:
            cluster.kubectl(*command, *where)

    return act


@pytest.mark.parametrize("how", STRANGERS)
def test_a_change_of_a_managed_field_is_undone_told_and_counted(operator, falcos, strangely, how):
    stranger = STRANGERS[how]
    falcos.create(**DEPLOYMENT)
    falcos.becomes(Reconciled="True", Available="True")
    before = falcos.child("Deployment")
    strangely(stranger)

    def corrected():
        after = falcos.child("Deployment")
        assert generation(after) == generation(before) + 2
        theirs = {"paused": True} if "paused" in stranger.change else {}
        assert after["spec"] == before["spec"] | theirs
        return uid(after) == uid(before)

    eventually(corrected)
    (note,) = falcos.told("ResourceUpdated")
    assert note == f"Updated Deployment falco ({stranger.field} (set by {stranger.manager}))"
    falco = falcos.becomes(Reconciled="True")
    assert condition(falco, "Reconciled")["reason"] == "ResourceUpdated"
    assert operator.samples()["drift_corrections_total"]["Deployment",] == 1


def test_a_change_of_what_nobody_manages_stays_and_costs_nothing(
    api, audit, namespace, operator, falcos
):
    falcos.create(**DEPLOYMENT)
    falcos.becomes(Reconciled="True", Available="True")
    volume = {"name": "theirs", "emptyDir": {}}
    theirs: dict[str, dict] = {
        "Deployment": {"spec": {"minReadySeconds": 1, "template": {"spec": {"volumes": [volume]}}}},
        "ConfigMap": {"data": {"theirs": "too"}},
        "Service": {"spec": {"sessionAffinity": "ClientIP"}},
    }
    mark, before = audit.quiet(), len(operator.trace(f"{namespace}/falco"))
    for kind, change in theirs.items():
        api.take(manifest(kind, namespace, "falco", **change), "a-stranger")

    def seen():
        entries = operator.trace(f"{namespace}/falco")[before:]
        reasons = [reason for entry in entries for reason in entry["reasons"]]
        return {reason.split()[1] for reason in reasons if " " in reason} >= set(theirs)

    eventually(seen)
    falcos.becomes(Reconciled="True", Available="True")
    requests = audit.since(mark).unwatched
    assert {request.resource for request in requests} <= {"falcos"}  # its status: a new rollout
    deployment = falcos.child("Deployment")
    assert deployment["spec"]["minReadySeconds"] == 1
    assert volume in deployment["spec"]["template"]["spec"]["volumes"]
    assert falcos.child("ConfigMap")["data"]["theirs"] == "too"
    assert falcos.child("Service")["spec"]["sessionAffinity"] == "ClientIP"
    assert sum(operator.samples()["drift_corrections_total"].values()) == 0


def test_without_replicas_an_autoscaler_may_have_them(cluster, audit, falcos):
    falcos.create(type="Deployment")
    falcos.becomes(Reconciled="True", Available="True")
    mark = audit.mark()
    cluster.kubectl("scale", "deployment", "falco", "--replicas=3", "-n", falcos.namespace)
    eventually(lambda: falcos.get()["status"]["availableReplicas"] == 3)
    falcos.change(version="0.43.0")
    eventually(lambda: "ResourceUpdated" in str(falcos.becomes(Reconciled="True")["status"]))
    assert falcos.child("Deployment")["spec"]["replicas"] == 3
    writes = [r for r in audit.since(mark).writes if r.resource == "deployments"]
    assert len(writes) == 1, writes


def test_a_fight_over_a_field_is_told_once_and_left(api, audit, namespace, operator, falcos):
    falcos.create(**DEPLOYMENT)
    falcos.becomes(Reconciled="True", Available="True")

    def fight():
        api.merge("Deployment", namespace, "falco", {"spec": {"replicas": 3}}, by="an-opponent")

    for _ in range(FIGHT):
        fight()
        eventually(lambda: falcos.child("Deployment")["spec"]["replicas"] == 2)
    said = condition(falcos.becomes(Reconciled="False", Available="True"), "Reconciled")
    assert said["reason"] == "DriftDetected"
    assert said["message"] == (
        f"Deployment/{namespace}/falco: "
        "spec.replicas is changed by an-opponent as often as it is corrected"
    )
    assert falcos.told("DriftDetected") == [said["message"]]
    eventually(lambda: falcos.get()["status"]["availableReplicas"] == 2)
    mark = audit.quiet()
    fight()
    eventually(lambda: falcos.get()["status"]["availableReplicas"] == 3)
    said_then = condition(falcos.becomes(Reconciled="False", Available="True"), "Reconciled")
    assert said_then == said
    requests = audit.since(mark).unwatched
    assert {(r.resource, r.subresource) for r in requests} == {("falcos", "status")}
    assert falcos.child("Deployment")["spec"]["replicas"] == 3
    assert operator.samples()["drift_corrections_total"]["Deployment",] == FIGHT
    assert list(operator.dump(f"Falco/{namespace}/falco")["actor"]["held"]) == [
        f"Deployment/{namespace}/falco"
    ]
    # What the user wants is another matter.
    falcos.change(replicas=1)
    eventually(lambda: falcos.child("Deployment")["spec"]["replicas"] == 1)
