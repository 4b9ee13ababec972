"""What is wrong with a pod is named, alike pods as one finding."""

from __future__ import annotations

import pytest

from tests.cli.status.shapes import (
    HOUR,
    POD,
    WELL,
    at,
    container,
    daemon_set,
    diagnosis,
    event,
    falco,
    node,
    pod,
    told,
    waiting,
)

UNREADY = {"numberAvailable": 0}
KILLED = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": at(20)}
ENDED = {"reason": "Error", "exitCode": 1, "message": "bad rules file", "finishedAt": at(20)}


def of_pod(one, *more):
    """The findings about a pod of a Falco of which all else is well."""
    return told(falco(), daemon_set(status=UNREADY), node(), one, *more)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            pod(
                node="",
                status={
                    "phase": "Pending",
                    "containerStatuses": [],
                    "initContainerStatuses": [],
                    "conditions": [
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "0/3 nodes are available: 3 Insufficient memory.",
                        }
                    ],
                },
            ),
            "FAL1301 {}: 0/3 nodes are available: 3 Insufficient memory.",
        ),
        (
            pod(falco=waiting("ImagePullBackOff", 'Back-off pulling image "falco:9"')),
            'FAL1302 {}: container falco: ImagePullBackOff: Back-off pulling image "falco:9"',
        ),
        (
            pod(falco=waiting("CreateContainerConfigError", 'secret "s" not found')),
            'FAL1303 {}: container falco: CreateContainerConfigError: secret "s" not found',
        ),
        (
            pod(falco=waiting("CrashLoopBackOff", "back-off 40s", last=ENDED)),
            "FAL1304 {}: container falco: Error, exit code 1: bad rules file",
        ),
        (
            pod(falco=waiting("CrashLoopBackOff", "back-off 40s", last=KILLED)),
            "FAL1305 {}: container falco: OOMKilled, exit code 137",
        ),
        (
            pod(falco=container(last=KILLED, restarts=1)),
            "FAL1305 {}: container falco: OOMKilled, exit code 137",
        ),
        (
            pod(status={"phase": "Failed", "reason": "Evicted", "message": "low on disk"}),
            "FAL1306 {}: Evicted: low on disk",
        ),
        (
            pod(status={"phase": "Failed", "reason": "NodeAffinity"}),
            "FAL1307 {}: NodeAffinity",
        ),
        (
            pod(
                falco=waiting("PodInitializing"),
                sidecar=waiting("ContainerCreating") | {"name": "artifact-operator"},
                status={"phase": "Pending"},
            ),
            "FAL1308 {}: its node node-1 has not made them: ContainerCreating, PodInitializing",
        ),
        (
            pod(falco=container(ready=False)),
            "FAL1309 {}: container falco runs and is not ready",
        ),
        (pod(sidecar=None), "FAL1310 {}: there is no container artifact-operator in it"),
        (
            pod(metadata={"deletionTimestamp": at(200)}),
            "FAL1311 {}: its end was due more than a minute ago by node node-1",
        ),
    ],
)
def test_what_is_wrong_with_a_pod_is_named(broken, said):
    if "deletionTimestamp" in broken["metadata"]:
        broken["metadata"]["labels"] = POD["metadata"]["labels"]
    assert of_pod(broken)[0] == said.format("Pod/default/falco-x")


def test_a_container_that_ends_too_often_is_named_though_it_runs():
    often = container(last=ENDED, restarts=5)
    assert told(*WELL, pod(falco=often)) == [
        "FAL1304 Pod/default/falco-x: container falco: Error, exit code 1: bad rules file"
    ]
    assert told(*WELL, pod(falco=container(last=ENDED, restarts=1))) == []


def test_a_container_that_has_recovered_is_not_named():
    old = ENDED | {"finishedAt": at(2 * HOUR)}
    assert told(*WELL, pod(falco=container(last=old, restarts=5))) == []


def test_why_a_volume_cannot_be_mounted_is_told_by_events():
    creating = pod(
        falco=waiting("PodInitializing"),
        sidecar=waiting("ContainerCreating") | {"name": "artifact-operator"},
        status={"phase": "Pending"},
    )
    why = 'MountVolume.SetUp failed for volume "x": secret "s" not found'
    assert of_pod(creating, event(creating, "FailedMount", why)) == [
        f"FAL1308 Pod/default/falco-x: FailedMount: {why}"
    ]


def test_pods_with_the_same_fault_are_one_finding():
    pods = [pod(f"falco-{letter}", falco=waiting("ErrImagePull", "no")) for letter in "abc"]
    (found,) = diagnosis(falco(), daemon_set(status=UNREADY), node(), *pods).findings
    assert [ref.name for ref in found.chain] == ["falco", "falco", "falco-a"]
    assert [ref.name for ref in found.others] == ["falco-b", "falco-c"]
