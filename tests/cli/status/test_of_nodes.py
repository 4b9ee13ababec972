"""Nodes that are not ready are named, and why others have no Falco."""

from __future__ import annotations

import pytest

from tests.cli.status.shapes import (
    POD,
    WELL,
    artifact,
    condition,
    daemon_set,
    diagnosis,
    entry,
    falco,
    node,
    pod,
    report,
    told,
)


def test_a_node_that_is_not_ready_is_named_if_it_has_a_falco():
    gone = node(ready="Unknown", reason="NodeStatusUnknown", message="Kubelet stopped posting.")
    assert told(falco(), daemon_set(), gone, POD) == [
        "FAL1401 Node/node-1: NodeStatusUnknown: Kubelet stopped posting."
    ]


def test_a_node_without_a_falco_says_by_which_taint():
    other = node("node-2", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    assert told(*WELL, POD, other) == [
        "FAL1402 Node/node-2: no toleration for the taint gpu=yes:NoSchedule"
    ]


def test_a_node_that_joins_has_some_time_for_it():
    taint = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "effect": "NoSchedule"}
    joins = {"ready": "False", "reason": "KubeletNotReady"}
    for age, count in ((20, 0), (600, 1)):
        with_pod = node(age=age, **joins)
        assert len(told(falco(), daemon_set(), with_pod, POD)) == count
        without = node("node-2", age=age, taints=[taint], **joins)
        assert len(told(*WELL, POD, without)) == count


@pytest.mark.parametrize(
    "taint",
    [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
        {"key": "gpu", "effect": "PreferNoSchedule"},
        {"key": "mine", "effect": "NoSchedule"},
    ],
)
def test_a_taint_that_is_tolerated_is_no_reason(taint):
    tolerant = daemon_set(template={"tolerations": [{"key": "mine", "operator": "Exists"}]})
    assert told(falco(), tolerant, node(), POD, node("node-2", taints=[taint])) == []


def test_a_node_that_is_not_asked_for_is_a_note():
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "os", "operator": "In", "values": ["linux"]}]}
                ]
            }
        }
    }
    chosen = node(labels={"os": "linux"})
    found = diagnosis(falco(), daemon_set(template={"affinity": affinity}), chosen, POD, node("w"))
    assert [str(one.subject) for one in found.findings] == ["Node/w"]
    assert found.is_well


def test_a_node_that_is_gone_is_a_note_until_its_pods_are_collected():
    young, old = pod("falco-y", node="node-2", age=5), pod("falco-y", node="node-2")
    assert told(*WELL, POD, young) == []
    found = diagnosis(*WELL, POD, old)
    assert [(one.code.name, str(one.subject)) for one in found.findings] == [
        ("FAL1404", "Node/node-2")
    ]
    assert found.is_well


def test_what_a_pod_of_a_node_that_is_gone_has_not_installed_is_no_fault():
    pending = condition("Programmed", "Unknown", "Pending", "Waiting for 1 of 2 pods")
    waits, old = artifact(conditions=[pending]), pod("falco-y", node="node-2")
    reports = report(POD, entry(waits)), report(old)
    found = diagnosis(*WELL, POD, old, waits, *reports).findings
    assert [one.code.name for one in found] == ["FAL1404"]
