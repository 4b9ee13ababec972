import json

import pytest

from resources.instance.availability import PodCounts
from resources.instance.pod_failure import (
    CREATION_REASONS,
    START_REASONS,
    failing,
    is_starting,
    of_events,
    of_pod,
    of_workload,
    pods_selector,
)
from resources.kubernetes.reference import ObjectRef

COLUMNS = ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node"]


def table(*rows):
    return {
        "columnDefinitions": [{"name": name, "type": "string"} for name in COLUMNS],
        "rows": [{"cells": [*row, "0", "8s", "10.0.0.2", "node-1"]} for row in rows],
    }


def pod(*containers, sidecar=None, node="node-1", deleted=False, **status):
    meta = {"name": "falco-x"} | ({"deletionTimestamp": "now"} if deleted else {})
    return {
        "metadata": meta,
        "spec": {"nodeName": node} if node else {},
        "status": {
            "initContainerStatuses": [sidecar] if sidecar else [],
            "containerStatuses": list(containers),
            **status,
        },
    }


def container(name="falco", *, ready=False, ended=None, **state):
    last = {"lastState": {"terminated": ended}} if ended else {}
    return {"name": name, "ready": ready, "state": state, **last}


def waiting(reason, message="", **fields):
    return container(waiting={"reason": reason, "message": message}, **fields)


KILLED = {"reason": "OOMKilled", "exitCode": 137, "message": "password=hunter2"}
SIDECAR = container("artifact-operator", ready=True, running={})


def test_the_pods_of_an_owner_are_selected_by_labels_that_no_user_sets():
    assert pods_selector(ObjectRef("Component", "ns", "ui")) == (
        "app.kubernetes.io/name=ui,app.kubernetes.io/instance=ui,"
        "instance.falcosecurity.dev/owner-kind=Component"
    )


def test_the_worst_pod_comes_first_and_one_that_works_not_at_all():
    rows = [
        ("a", "2/2", "Running"),
        ("b", "1/2", "Terminating"),
        ("c", "1/2", "Running"),
        ("d", "0/2", "Init:0/1"),
        ("e", "0/2", "ContainerCreating"),
        ("f", "0/2", "Pending"),
        ("h", "0/2", "ImagePullBackOff"),
        ("g", "1/2", "Init:CrashLoopBackOff"),
        ("i", "0/1", "Completed"),
    ]
    assert "".join(row.name for row in failing(table(*rows))) == "ghfdecb"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (
            pod(waiting("ImagePullBackOff", "Back-off:  not\nfound"), sidecar=SIDECAR),
            "container falco: ImagePullBackOff: Back-off: not found",
        ),
        (
            pod(waiting("PodInitializing"), sidecar=waiting("ErrImagePull", "not found")),
            "container falco: ErrImagePull: not found",
        ),
        (
            pod(waiting("CrashLoopBackOff", "back-off 40s restarting", ended=KILLED)),
            "container falco: CrashLoopBackOff, after OOMKilled, exit code 137",
        ),
        (
            pod(container(running={}, ended=KILLED)),
            "container falco: restarted, after OOMKilled, exit code 137",
        ),
        (
            pod(container(terminated=KILLED)),
            "container falco: restarted, after OOMKilled, exit code 137",
        ),
        (
            pod(waiting("PostStartHookError", "password=hunter2")),
            "container falco: PostStartHookError",
        ),
        (
            pod(waiting("PodInitializing"), sidecar=container("artifact-operator", running={})),
            "container artifact-operator runs and is not ready",
        ),
        (pod(container(running={})), "container falco runs and is not ready"),
        (pod(waiting("ContainerCreating")), "container falco: ContainerCreating"),
        (pod(), "has not started"),
        (pod(container(running={}), deleted=True), "Terminating"),
        (pod(phase="Failed", reason="Evicted", message="low on memory"), "Evicted: low on memory"),
        (pod(phase="Failed"), "Failed"),
    ],
)
def test_the_state_of_a_pod_is_told_without_what_a_container_has_written(broken, words):
    assert of_pod(broken, 0) == f"pod falco-x on node-1: {words}"


def test_a_pod_that_fits_no_node_says_so_and_others_are_counted():
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available",
    }
    assert of_pod(pod(node=None, conditions=[scheduled]), 2) == (
        "pod falco-x and 2 more: Unschedulable: 0/3 nodes are available"
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("see https://user:secret@host/v2?sig=secret&x, 'b'", "see https://host/v2?… 'b'"),
        ("http://host/?a=secret then https://b/c", "http://host/?… then https://b/c"),
        ("what? no", "what? no"),
        ("a\x1b[31mb\u2028c", "a\N{REPLACEMENT CHARACTER}[31mb c"),
        ("x" * 5000, "x" * 299 + "…"),
    ],
)
def test_messages_are_short_and_hold_no_credentials_and_nothing_that_cannot_be_printed(
    message, words
):
    told = of_pod(pod(waiting("ErrImagePull", message)), 0)
    assert told == f"pod falco-x on node-1: container falco: ErrImagePull: {words}"


@pytest.mark.parametrize(
    ("broken", "starts"),
    [
        (pod(waiting("ContainerCreating"), sidecar=waiting("PodInitializing")), True),
        (pod(waiting("ContainerCreating"), sidecar=SIDECAR), True),
        (pod(waiting("ContainerCreating"), deleted=True), False),
        (pod(waiting("PodInitializing"), sidecar=container("s", running={})), False),
        (pod(waiting("ErrImagePull")), False),
        (pod(), False),
    ],
)
def test_only_a_pod_whose_containers_are_not_made_has_its_events_read(broken, starts):
    assert is_starting(broken) is starts


def event(note, reason="FailedCreate", **times):
    return {"reason": reason, "note": note, "type": "Warning", **times}


REFUSED = 'pods "falco-ab{}" is forbidden: violates PodSecurity "restricted:latest": privileged'


def test_the_newest_event_is_told_without_the_name_of_a_pod_that_was_never_made():
    events = [
        event(
            f"Error creating: {REFUSED.format('c')}", deprecatedLastTimestamp="2026-01-01T00:02Z"
        ),
        event("old", deprecatedLastTimestamp="2026-01-01T00:01Z", eventTime=None),
        event("older", eventTime="2026-01-01T00:00Z", series=None),
        event("newest", "FailedMount", eventTime="2026-01-01T00:03Z"),
    ]
    words = 'FailedCreate: violates PodSecurity "restricted:latest": privileged'
    assert of_events(events, CREATION_REASONS) == words
    combined = event(
        f"(combined from similar events): Error creating: {REFUSED.format('d')}",
        series={"count": 9, "lastObservedTime": "2026-01-01T00:05Z"},
    )
    assert of_events([*events, combined], CREATION_REASONS) == words
    assert of_events(events, START_REASONS) == "FailedMount: newest"
    assert of_events([], START_REASONS) == ""


def deployment(*conditions):
    found = [dict(zip(("type", "status", "reason", "message"), c, strict=True)) for c in conditions]
    return {"spec": {}, "status": {"conditions": found}}


FINE = ("Progressing", "True", "ReplicaSetUpdated", "is progressing")
LATE = ("Progressing", "False", "ProgressDeadlineExceeded", "has timed out")
QUOTA = ("ReplicaFailure", "True", "FailedCreate", 'pods "a" is forbidden: exceeded quota: q')


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([], ""),
        ([FINE, ("Available", "False", "MinimumReplicasUnavailable", "no")], ""),
        ([LATE], "ProgressDeadlineExceeded: has timed out"),
        ([FINE, QUOTA], "FailedCreate: exceeded quota: q"),
        ([LATE, QUOTA], "FailedCreate: exceeded quota: q; ProgressDeadlineExceeded: has timed out"),
    ],
)
def test_a_deployment_says_itself_what_it_knows(conditions, words):
    assert of_workload("Deployment", deployment(*conditions), OUTDATED) == words


OUTDATED, UPDATED = PodCounts(3, 3, 1, 2, 1), PodCounts(3, 3, 3, 2, 1)
DELETE = "the updateStrategy OnDelete updates a pod once it is deleted"


@pytest.mark.parametrize(
    ("strategy", "counts", "words"),
    [("RollingUpdate", OUTDATED, ""), ("OnDelete", OUTDATED, DELETE), ("OnDelete", UPDATED, "")],
)
def test_a_daemon_set_tells_only_that_it_waits_for_a_deletion(strategy, counts, words):
    workload = {"spec": {"updateStrategy": {"type": strategy}}, "status": {}}
    assert of_workload("DaemonSet", workload, counts) == words


def test_no_message_of_a_container_ever_appears():
    broken = pod(waiting("CrashLoopBackOff", "hunter2", ended=KILLED), sidecar=SIDECAR)
    assert "hunter2" in json.dumps(broken)
    assert "hunter2" not in of_pod(broken, 0)
