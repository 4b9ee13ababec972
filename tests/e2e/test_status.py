"""`kubectl falco status` as a user calls it: planted faults of every layer are named."""

from __future__ import annotations

import itertools
import re
from contextlib import contextmanager

import pytest

from tests.api import manifest
from tests.audit import Audit
from tests.e2e.falcos import Falcos, condition
from tests.e2e.references import References, config_map_ref, secret_ref
from tests.e2e.reporting import Reporting
from tests.e2e.test_artifacts_operator import set_ready
from tests.e2e.viewer import COULD_NOT_TELL, FOUND, OF_CLUSTER, SEEN, WELL, Viewer
from tests.eventually import eventually

TAINTED = "node-tainted"
RULES = [{"macro": "never", "condition": "evt.num<0"}]
PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
KILLED = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2100-01-01T00:00:00Z"}
CRASHED = {"reason": "Error", "exitCode": 1, "message": "Runtime error: no rules"}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}}


@pytest.fixture
def viewer(cluster, api, namespace, tmp_path):
    made = Viewer(cluster, api, namespace, tmp_path)
    yield made
    made.clear()


@pytest.fixture
def tainted(cluster, api):
    """A node that no Falco tolerates."""
    cluster.add_nodes([TAINTED])
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    api.merge("Node", "", TAINTED, {"spec": {"taints": [taint]}})
    yield TAINTED
    api.delete("Node", "", TAINTED)


def found_by(viewer, *arguments):
    """The findings: code and object, and the cause of each."""
    _, items = viewer.status(*arguments)
    return {(one["code"], one["object"]): one for one in items.get("Finding", [])}


def played(api, pod, containers=None, **status):
    """What a kubelet says of a pod; kwok says nothing more of one that runs."""
    states = [
        {"name": name, "ready": False, "restartCount": 3, "image": "", "imageID": "", **state}
        for name, state in (containers or {}).items()
    ]
    told = {"containerStatuses": states} if states else {}
    unready = {"type": "Ready", "status": "False"}
    meta = pod["metadata"]
    patch = {"status": {**told, "conditions": [unready], **status}}
    api.merge("Pod", meta["namespace"], meta["name"], patch, "status")


def test_a_namespace_where_all_is_well_gives_no_finding(cluster, api, falcos, viewer):
    viewer.may_see(falcos.namespace, SEEN)
    viewer.may_see_of_cluster(OF_CLUSTER)
    reporting = Reporting(api, falcos)
    pods = reporting.run()
    reporting.create()
    artifact = reporting.becomes(Programmed="Pending")
    for pod in pods:
        reporting.report(pod, artifact, loaded="True")
    falcos.becomes(Reconciled="True", Available="True")
    reporting.becomes(Loaded="Loaded", Programmed="Programmed")
    theirs = Audit(cluster, f"system:serviceaccount:{falcos.namespace}:viewer")
    mark = theirs.mark()
    code, items = viewer.status()
    assert (code, items.get("Finding"), items.get("Unread")) == (WELL, None, None)
    asked = theirs.since(mark)
    assert asked == asked.lists
    assert sorted(one.resource for one in asked) == sorted(
        [*itertools.chain(*SEEN.values()), "nodes", "deployments"]
    ), "each kind once, the operator's Deployment, and no Events where nothing is wrong"
    (row,) = items["Artifact"]
    assert (row["pods"], row["different"], row["codes"]) == ({"LOADED": 3}, [], [])
    assert re.fullmatch(
        r"NAME +TYPE +VERSION +PODS +STATE\n"
        r"Falco/falco +DaemonSet +0\.44\.1 +3/3 +ok\n\n"
        r"ARTIFACT +SOURCE +PODS +STATE\n"
        r"Rulesfile/rules +inline +LOADED 3 +ok\n\n"
        r"All is well\.\n",
        viewer.run().stdout,
    )


def test_a_change_is_told_while_it_is_watched(api, falcos, viewer):
    viewer.may_see(falcos.namespace, SEEN)
    viewer.may_see_of_cluster(OF_CLUSTER)
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    with viewer.watching() as lines:
        assert "All is well.\n" in itertools.islice(lines, 4)
        pausing = {"metadata": {"annotations": {"falcosecurity.dev/reconcile": "paused"}}}
        api.merge("Falco", falcos.namespace, "falco", pausing)
        assert next(line for line in lines if "FAL1105" in line)


def test_a_config_map_that_an_artifact_keeps_is_named_and_no_secret_is_read(
    cluster, api, falcos, viewer
):
    viewer.may_see(falcos.namespace, SEEN | {"": ["pods", "configmaps"]})
    viewer.may_see_of_cluster(OF_CLUSTER)
    references = References(api, falcos.namespace)
    references.make("ConfigMap", "mine", data={"rules.yaml": "[]"})
    references.artifact("mapped", config_map_ref("mine"))
    references.artifact("far", secret_ref("creds"))
    references.becomes_protected("ConfigMap", "mine")
    references.delete("ConfigMap", "mine")
    theirs = Audit(cluster, f"system:serviceaccount:{falcos.namespace}:viewer")
    mark = theirs.mark()
    key = ("FAL1614", f"ConfigMap/{falcos.namespace}/mine")
    found = eventually(lambda: found_by(viewer).get(key))
    assert f"Rulesfile/{falcos.namespace}/mapped names it" in found["message"]
    _, items = viewer.status()
    told = f"secrets in namespace {falcos.namespace} could not be read: you may not"
    assert {"kind": "Unread", "text": told} in items["Unread"]
    asked = theirs.since(mark)
    assert not [one for one in asked.lists if one.resource in {"secrets", "configmaps"}]


def test_who_may_see_only_a_part_is_told_what_could_not_be_read(falcos, viewer):
    seen = {group: kinds for group, kinds in SEEN.items() if group.endswith("falcosecurity.dev")}
    viewer.may_see(falcos.namespace, seen)
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    code, items = viewer.status()
    assert (code, items.get("Finding")) == (COULD_NOT_TELL, None)
    assert {one["text"].partition(" could")[0] for one in items["Unread"]} == {
        f"daemonsets in namespace {falcos.namespace}",
        f"deployments in namespace {falcos.namespace}",
        f"pods in namespace {falcos.namespace}",
        "deployments in namespace falco-operator",
        "nodes",
    }
    said = viewer.run("-A").stdout
    assert "falcos could not be read: you may not" in said
    assert viewer.run("nobody").stderr == (
        f"Error: there is no Falco and no Component nobody in namespace {falcos.namespace}\n"
    )


@contextmanager
def refusing(namespaces, api, viewer, **limits):
    namespace = namespaces()
    viewer.may_see(namespace, SEEN)
    if labels := limits.pop("labels", None):
        api.merge("Namespace", "", namespace, {"metadata": {"labels": labels}})
    if limits:
        document = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": namespace},
            "spec": {"hard": limits},
        }
        api._client.call("POST", f"/api/v1/namespaces/{namespace}/resourcequotas", document)
    yield Falcos(api, namespace)


@pytest.mark.parametrize(
    ("limits", "code", "words"),
    [
        ({"pods": "0"}, "FAL1203", "exceeded quota: few"),
        (
            {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
            "FAL1204",
            'violates PodSecurity "restricted:latest"',
        ),
    ],
)
def test_pods_that_are_refused_are_named_with_who_refuses_them(
    api, namespaces, viewer, limits, code, words
):
    viewer.may_see_of_cluster(OF_CLUSTER)
    with refusing(namespaces, api, viewer, **limits) as falcos:
        falcos.create()
        ref = f"DaemonSet/{falcos.namespace}/falco"

        def named():
            return found_by(viewer, "-n", falcos.namespace).get((code, ref))

        assert words in eventually(named)["message"]


def test_planted_faults_are_named_with_their_causes(  # noqa: C901 - a fault after the other
    api, operator, falcos, viewer, tainted, paused
):
    """Of all layers: the operator, resources, workloads, pods, nodes, reports, artifacts."""
    space = falcos.namespace
    viewer.may_see(space, SEEN)
    viewer.may_see_of_cluster(OF_CLUSTER)
    reporting = Reporting(api, falcos)

    # Deletions that somebody holds up take a minute to be suspicious, and silent sidecars as well.
    held = reporting.create("held", finalizers=["example.org/mine"])
    api.delete("Rulesfile", space, "held")
    pods = reporting.run()
    silent, refusing, away = pods

    # Artifacts, and what nodes say of them.
    for name in ("refused", "unloaded"):
        reporting.create(name)
        artifact = reporting.becomes(name, Programmed="Pending")
        for pod in (refusing, away):
            fields = {"state": "Programmed", "loaded": "True"}
            if pod is refusing and name == "refused":
                why = {"reason": "InvalidContent", "message": "rule A: no field proc.nmae"}
                fields = {"state": "Failed", **why}
            elif pod is refusing:
                why = {"loadedReason": "NotLoaded", "loadedMessage": "Falco runs an older"}
                fields |= {"loaded": "False", **why}
            reporting.report(pod, artifact, **fields)
    gone = {"registry": {"name": "127.0.0.1:1", "plainHTTP": True}}
    image = {"image": {"repository": "acme/rules"}}
    reporting.create("unreachable", {"ociArtifact": {**image, **gone}})
    secret = {"registry": {"auth": {"secretRef": {"name": "creds"}}}}
    reporting.create("secretless", {"ociArtifact": {**image, **secret}})
    reporting.create("nowhere", {"inlineRules": RULES, "selector": {"matchLabels": {"no": "n"}}})

    # Falcos that cannot be carried out, or are not to be.
    falcos.create("bad-version", version="not a version")
    reporting.make("ServiceAccount", "taken")
    falcos.create("taken")
    pausing = {"annotations": {"falcosecurity.dev/reconcile": "paused"}}
    api.create(manifest("Falco", space, "paused", metadata=pausing, spec={"type": "Deployment"}))
    falcos.create("nowhere", podTemplateSpec={"spec": {"nodeSelector": {"disk": "ssd"}}})
    for name, limit in (("huge", "999"), ("absurd", "1")):
        resources = {"requests": {"cpu": "999"}, "limits": {"cpu": limit}}
        huge = {"containers": [{"name": "falco", "resources": resources}]}
        falcos.create(name, type="Deployment", podTemplateSpec={"spec": huge})
    eventually(lambda: falcos.pods("huge"))

    # Pods, as kubelets would tell of them.
    pulling, killed, crashing, evicted = (
        ready_pod(falcos, name) for name in ("pulls", "kills", "ends", "evicts")
    )
    played(api, pulling, {"falco": {"state": PULL}}, phase="Pending")
    played(api, killed, {"falco": {"state": BACK_OFF, "lastState": {"terminated": KILLED}}})
    played(api, crashing, {"falco": {"state": BACK_OFF, "lastState": {"terminated": CRASHED}}})
    full = "The node was low on resource: ephemeral-storage."
    played(api, evicted, phase="Failed", reason="Evicted", message=full)

    wanted = {
        ("FAL1101", f"Falco/{space}/bad-version"): "spec.version",
        ("FAL1102", f"Falco/{space}/absurd"): "must be less than or equal to cpu limit",
        ("FAL1103", f"Falco/{space}/taken"): "ServiceAccount/",
        ("FAL1105", f"Falco/{space}/paused"): "paused",
        ("FAL1107", f"Rulesfile/{space}/held"): "example.org/mine",
        ("FAL1202", f"DaemonSet/{space}/nowhere"): "nodeSelector is disk=ssd",
        ("FAL1301", pod_of(falcos, "huge")): "Insufficient cpu",
        ("FAL1302", ref_of(pulling)): "container falco: ImagePullBackOff",
        ("FAL1304", ref_of(crashing)): "exit code 1: Runtime error: no rules",
        ("FAL1305", ref_of(killed)): "OOMKilled, exit code 137",
        ("FAL1306", ref_of(evicted)): full,
        ("FAL1402", f"Node/{tainted}"): "dedicated=gpu:NoSchedule",
        ("FAL1501", ref_of(silent)): "there is no NodeReport",
        ("FAL1601", f"Secret/{space}/creds"): "Secret creds does not exist",
        ("FAL1602", f"Rulesfile/{space}/refused"): "no field proc.nmae",
        ("FAL1603", f"Rulesfile/{space}/unreachable"): "127.0.0.1:1",
        ("FAL1607", f"Rulesfile/{space}/nowhere"): "covers no node",
        ("FAL1609", f"Rulesfile/{space}/unloaded"): "Falco runs an older",
    }

    def named():
        found = found_by(viewer)
        missing = wanted.keys() - found.keys()
        assert not missing, (missing, sorted(found))
        return found

    found = eventually(named, within=120)
    for key, words in wanted.items():
        assert words in found[key]["message"], found[key]
        assert found[key]["hint"]
        assert found[key]["docs"].endswith(f"docs/cli.md#{key[0].lower()}")
    assert found["FAL1602", f"Rulesfile/{space}/refused"]["chain"] == [
        f"Falco/{space}/falco",
        f"DaemonSet/{space}/falco",
        ref_of(refusing),
        f"NodeReport/{space}/{refusing['metadata']['name']}",
        f"Rulesfile/{space}/refused",
    ]
    ended = viewer.run()
    assert ended.returncode == FOUND
    assert all(code in ended.stdout for code, _ in wanted)

    lost = away["spec"]["nodeName"]
    with paused("kwok"):
        set_ready(api, lost, "Unknown")
        assert found_by(viewer)["FAL1401", f"Node/{lost}"]["message"] == "Test"
        set_ready(api, lost, "True")

    # Nobody acts any more, and what was parked when the operator went stays so.
    operator.kill()
    falcos.change("falco", version="0.43.1")
    deployment, lease = operators(api)
    parked = {**condition(falcos.get("huge"), "Reconciled"), "status": "False"}
    parked |= {"reason": "ActorParked", "message": "KeyError: 'x'"}
    api.merge("Falco", space, "huge", {"status": {"conditions": [parked]}}, "status")
    wanted = {
        ("FAL1002", deployment): "spec.replicas is 0",
        ("FAL1003", f"Falco/{space}/falco"): f"(generation 2, seen 1); {deployment}: spec.replicas",
        ("FAL1004", lease): "gone has not renewed the Lease",
        ("FAL1104", f"Falco/{space}/huge"): "KeyError",
    }

    def told():
        found = found_by(viewer)
        return found if wanted.keys() <= found.keys() else {}

    try:
        found = eventually(told, within=90)
    finally:
        for ref in (deployment, lease):
            api.delete(*ref.split("/"))
    for key, words in wanted.items():
        assert words in found[key]["message"], found[key]
    operator.start()
    api.merge("Rulesfile", space, held["metadata"]["name"], {"metadata": {"finalizers": None}})


def operators(api):
    """An operator that is scaled to nothing, and its Lease."""
    space, name = "falco-operator", "falco-operator"
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "operator"}
    containers = [{"name": "manager", "image": "falco-operator"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    api.create(manifest("Deployment", space, name, metadata={"labels": labels}, spec=spec))
    held = {"holderIdentity": "gone", "renewTime": "2020-01-01T00:00:00.000000Z"}
    spec = held | {"leaseDurationSeconds": 15}
    api.create(manifest("Lease", space, name, spec=spec))
    return f"Deployment/{space}/{name}", f"Lease/{space}/{name}"


def ready_pod(falcos, name):
    """The pod of a new Falco that has one, once kwok has played it ready."""
    falcos.create(name, type="Deployment")
    falcos.becomes(name, Available="True")
    (pod,) = falcos.pods(name)
    return pod


def pod_of(falcos, name):
    (pod,) = falcos.pods(name)
    return ref_of(pod)


def ref_of(pod):
    return f"Pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}"
