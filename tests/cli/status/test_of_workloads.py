"""What keeps a workload from having its pods is named."""

from __future__ import annotations

import pytest

from tests.cli.status.shapes import POD, at, daemon_set, event, falco, node, pod, report, told

LACKING = {"currentNumberScheduled": 0, "updatedNumberScheduled": 0, "numberAvailable": 0}


def without_pods(*events):
    return told(falco(), daemon_set(status=LACKING), node(), *events)


def test_a_workload_that_somebody_has_removed_is_named():
    assert told(falco()) == [
        (
            "FAL1201 DaemonSet/default/falco: "
            "there is no DaemonSet falco, though the operator has made one"
        )
    ]


def test_a_daemon_set_that_fits_no_node_says_by_what():
    none = daemon_set(
        template={"nodeSelector": {"disk": "ssd"}},
        status={
            "desiredNumberScheduled": 0,
            **LACKING,
        },
    )
    assert told(falco(), none, node()) == [
        (
            "FAL1202 DaemonSet/default/falco: "
            "no node fits the pod template, whose nodeSelector is disk=ssd"
        ),
        "FAL1403 Node/node-1: nodeSelector asks for disk=ssd",
    ]


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (
            'Error creating: pods "falco-x" is forbidden: exceeded quota: few, requested: pods=1',
            "FAL1203 DaemonSet/default/falco: exceeded quota: few, requested: pods=1",
        ),
        (
            (
                'Error creating: pods "falco-x" is forbidden: violates PodSecurity '
                '"baseline:latest": privileged'
            ),
            'FAL1204 DaemonSet/default/falco: violates PodSecurity "baseline:latest": privileged',
        ),
        (
            'Error creating: admission webhook "deny.example.org" denied the request: no',
            (
                'FAL1205 DaemonSet/default/falco: admission webhook "deny.example.org" denied the '
                "request: no"
            ),
        ),
        (
            "(combined from similar events): Error creating: Internal error: no",
            "FAL1206 DaemonSet/default/falco: Internal error: no",
        ),
    ],
)
def test_pods_that_are_refused_are_named_with_who_refuses_them(note, said):
    assert without_pods(event(daemon_set(), "FailedCreate", note)) == [said]


def test_pods_that_are_missing_for_no_reason_that_is_known_are_counted():
    assert without_pods() == ["FAL1207 DaemonSet/default/falco: 0 of 1 pods are there"]


def test_pods_that_are_missing_while_others_come_are_waited_for():
    young = pod("falco-y", age=5, node="node-2")
    lacking = daemon_set(status={"desiredNumberScheduled": 2})
    assert told(falco(), lacking, node(), POD, young) == []


def test_a_controller_has_time_to_see_a_change():
    changed = {"generation": 3, "managedFields": [{"time": at(5)}]}
    assert told(falco(), daemon_set(metadata=changed)) == []


def test_a_controller_that_has_not_seen_the_workload_is_named():
    unseen = daemon_set(metadata={"generation": 3})
    assert told(falco(), unseen) == [
        "FAL1208 DaemonSet/default/falco: the DaemonSet has generation 3, its controller has seen 1"
    ]


def test_an_event_of_somebody_else_may_lack_everything():
    bare = event(daemon_set(), "", "")
    for key in ("reason", "note", "eventTime"):
        del bare[key]
    assert without_pods(bare) == without_pods()


def test_pods_that_wait_for_their_deletion_are_counted():
    one = daemon_set(status={"updatedNumberScheduled": 0})
    one["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert told(falco(), one, node(), POD) == [
        "FAL1209 DaemonSet/default/falco: updateStrategy is OnDelete, 0 of 1 pods are updated"
    ]


def test_pods_of_a_rollout_may_have_different_versions():
    other, rolling = pod("falco-y"), daemon_set(status={"updatedNumberScheduled": 0})
    reports = (report(POD), report(other, version="0.43.0"))
    assert told(falco(), rolling, node(), POD, other, *reports) == []


def test_pods_with_different_versions_are_named():
    other = pod("falco-y")
    reports = (report(POD), report(other, version="0.43.0"))
    assert told(falco(), daemon_set(), node(), POD, other, *reports) == [
        "FAL1210 DaemonSet/default/falco: 0.43.0 on falco-y; 0.44.1 on falco-x"
    ]
