"""A rollout that does not get on: what the status says, and what it costs to know why."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api import manifest
from tests.e2e.falcos import Falcos, condition
from tests.e2e.test_component import Components
from tests.eventually import eventually

# So that the operator waits seconds until it asks, and not the 50 that a real Falco may take.
SOON = {"initialDelaySeconds": 1, "periodSeconds": 1}
SURGE = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
SECRET = "hunter2"
PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off: not found"}}
CREATING = {"waiting": {"reason": "ContainerCreating"}}
CRASH = {"waiting": {"reason": "CrashLoopBackOff", "message": SECRET}}
ENDED = {"terminated": {"exitCode": 1, "reason": "Error", "message": SECRET}}


def template(container):
    return {"spec": {"containers": [{"name": container, "readinessProbe": SOON}]}}


def fail(resources, phase, state, last=None):
    """Plays a kubelet on which the main container of each pod that is not ready fails."""
    pods = [pod for pod in resources.pods() if not is_ready(pod)]
    for pod in pods:
        main = pod["spec"]["containers"][0]["name"]
        failed = {"name": main, "ready": False, "state": state, "lastState": last or {}}
        status = {"phase": phase, "containerStatuses": [_filled(failed)]}
        name = pod["metadata"]["name"]
        resources.api.merge("Pod", resources.namespace, name, {"status": status}, "status")
    return pods


def _filled(container):
    return {**container, "restartCount": 1, "image": "image", "imageID": ""}


def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", ())
    return any((known["type"], known["status"]) == ("Ready", "True") for known in conditions)


def in_an_earlier_second(pods):
    """Whether pods that come now are the younger ones to the DaemonSet's controller.

    Of two pods on a node it counts the older one; of the same second, the first by name.
    """
    latest = max(pod["metadata"]["creationTimestamp"] for pod in pods)
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") > latest


def reads(requests):
    """What was asked about pods and Events."""
    return [(one.verb, one.resource) for one in requests if one.verb in {"get", "list"}]


def why(resources, text):
    """The status, once Available tells this; then also that no secret text is in it."""

    def check():
        found = resources.get()
        assert text in condition(found, "Available").get("message", ""), found.get("status")
        return found

    found = eventually(check, within=60)
    assert SECRET not in str(found)
    return found["status"]


CASES: dict[str, Any] = {
    "DaemonSet": (Falcos, "falco", {"updateStrategy": SURGE}, 3, 0, 0),
    "Deployment": (Falcos, "falco", {"type": "Deployment", "replicas": 2}, 2, 1, 1),
    "Component": (Components, "metacollector", {"replicas": 2}, 2, 1, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_version_that_cannot_be_pulled_is_not_shown_as_what_runs(
    api, namespace, audit, paused, case
):
    kind, container, spec, pods, updated, unavailable = CASES[case]
    resources = kind(api, namespace)
    resources.create(podTemplateSpec=template(container), **spec)
    before = resources.becomes(Reconciled="True", Available="True")["status"]["version"]
    eventually(lambda: in_an_earlier_second(resources.pods()))
    with paused("kwok"):
        mark = audit.mark()
        version = {"version": "9.9.9"}
        resources.change(
            **({"component": {"type": container, **version}} if kind is Components else version)
        )
        eventually(lambda: fail(resources, "Pending", PULL))
        told = f"container {container}: ImagePullBackOff: Back-off: not found"
        counted = f"{pods} of {pods} pods are available; {updated} of {pods} pods are updated; pod "

        def all_told():
            message = condition(resources.get(), "Available").get("message", "")
            assert message.startswith(counted)
            assert told in message
            return True

        eventually(all_told, within=60)
        status = resources.get()["status"]
        assert status["version"] == f"{before} → 9.9.9"
        assert status["availableReplicas"] == status["desiredReplicas"] == pods
        assert status["unavailableReplicas"] == unavailable
        looks = reads(audit.since(mark).about(namespace))
        assert looks[:2] == [("list", "pods"), ("get", "pods")]
        assert set(looks[2:]) <= set(looks[:2])  # again after 10, 20, … s

    eventually(lambda: resources.get()["status"]["version"] == "9.9.9", within=60)
    message = condition(resources.becomes(Available="True"), "Available")["message"]
    assert message == f"{pods} of {pods} pods are available"


def test_a_crash_loop_is_told_without_what_the_container_has_written(falcos, paused):
    with paused("kwok"):
        falcos.create(podTemplateSpec=template("falco"))
        eventually(lambda: len(fail(falcos, "Running", CRASH, ENDED)) == 3)
        status = why(
            falcos, "and 2 more: container falco: CrashLoopBackOff, after Error, exit code 1"
        )
        assert status["version"] == "→ 0.44.1"
        assert status["unavailableReplicas"] == 3


@pytest.mark.parametrize("type_", ["DaemonSet", "Deployment"])
def test_pods_that_admission_refuses_are_told_with_its_words(api, namespace, falcos, type_):
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.merge("Namespace", "", namespace, {"metadata": {"labels": label}})
    falcos.create(type=type_)
    told = why(falcos, 'pods are available; FailedCreate: violates PodSecurity "restricted:latest"')
    assert told["version"] == "→ 0.44.1"


def test_pods_that_a_quota_refuses_are_told_and_come_once_it_allows_them(
    cluster, namespace, falcos
):
    quota = ("quota", "none", "-n", namespace)
    cluster.kubectl("create", *quota, "--hard=pods=0")
    falcos.create()
    why(falcos, "0 of 3 pods are available; FailedCreate: exceeded quota: none")
    cluster.kubectl("delete", *quota)
    falco = falcos.becomes(Available="True", within=60)
    assert condition(falco, "Available")["message"] == "3 of 3 pods are available"
    assert falco["status"]["version"] == "0.44.1"


def test_a_rollout_that_takes_too_long_for_its_controller_says_so(api, namespace, falcos, paused):
    falcos.create(type="Deployment", podTemplateSpec=template("falco"))
    falcos.becomes(Reconciled="True", Available="True")
    api.merge("Deployment", namespace, "falco", {"spec": {"progressDeadlineSeconds": 2}})
    with paused("kwok"):
        falcos.change(version="9.9.9")
        why(falcos, "ProgressDeadlineExceeded: ReplicaSet")
    falcos.becomes(Available="True")


def test_a_pod_that_is_not_started_is_told_by_its_events(api, namespace, falcos, paused):
    with paused("kwok"):
        falcos.create(type="Deployment", podTemplateSpec=template("falco"))
        [pod] = eventually(
            lambda: fail(falcos, "Pending", {"waiting": {"reason": "ContainerCreating"}})
        )
        about = {"kind": "Pod", "namespace": namespace, "name": pod["metadata"]["name"]}
        api.create(
            manifest(
                "Event",
                namespace,
                "mount",
                regarding={**about, "apiVersion": "v1", "uid": pod["metadata"]["uid"]},
                reason="FailedMount",
                note="secret not found",
                type="Warning",
                action="Mount",
                eventTime="2026-01-01T00:00:00.000000Z",
                reportingController="kubelet",
                reportingInstance="node-1",
            )
        )
        why(falcos, "container falco: ContainerCreating: FailedMount: secret not found")


def test_on_delete_pods_keep_their_version_until_somebody_deletes_them(falcos):
    falcos.create(version="0.43.0", updateStrategy={"type": "OnDelete"})
    falcos.becomes(Reconciled="True", Available="True")
    falcos.change(version="0.44.0")
    status = why(falcos, "0 of 3 pods are updated; the updateStrategy OnDelete")
    assert status["version"] == "0.43.0 → 0.44.0"
    for pod in falcos.pods():
        falcos.api.delete("Pod", falcos.namespace, pod["metadata"]["name"])
    eventually(lambda: falcos.get()["status"]["version"] == "0.44.0", within=60)
