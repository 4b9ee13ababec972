"""What is wrong with the operator and its CRDs is named with what is known of it."""

from __future__ import annotations

import pytest

from tests.cli.status.shapes import at, daemon_set, falco, thing, told, waiting


def test_a_missing_crd_is_named():
    assert told(missing=["Plugin"]) == [
        "FAL1001 CustomResourceDefinition//plugins.artifact.falcosecurity.dev: "
        "the API server does not know the kind Plugin".replace("//", "/")
    ]


def operator(available=0, replicas=1):
    status = {"replicas": replicas, "observedGeneration": 1}
    status |= {"availableReplicas": available} if available else {}
    return thing(
        "Deployment",
        "falco-operator",
        namespace="falco-operator",
        spec={"replicas": 1},
        status=status,
    )


def test_an_operator_without_a_pod_that_is_available_is_named_with_what_is_wrong_with_its_pod():
    broken = thing(
        "Pod",
        "falco-operator-x",
        namespace="falco-operator",
        spec={"nodeName": "node-1", "containers": [{"name": "manager"}]},
        status={
            "phase": "Pending",
            "containerStatuses": [waiting("ErrImagePull", "not found") | {"name": "manager"}],
        },
    )
    assert told(operators=[operator()], operator_pods=[broken]) == [
        "FAL1002 Deployment/falco-operator/falco-operator: 0 of 1 pods are available",
        "FAL1302 Pod/falco-operator/falco-operator-x: container manager: ErrImagePull: not found",
    ]


@pytest.mark.parametrize(
    ("operators", "why"),
    [
        ([], "there is no Deployment of the operator in this cluster"),
        (
            [operator(available=1)],
            "Deployment/falco-operator/falco-operator is available, so see its log",
        ),
    ],
)
def test_what_the_operator_has_not_acted_on_is_named_once(operators, why):
    changed = {"generation": 2, "managedFields": [{"time": at(60)}]}
    late = falco(metadata=changed)
    assert told(late, daemon_set(), operators=operators) == [
        f"FAL1003 Falco/default/falco: Falco/default/falco (generation 2, seen 1); {why}"
    ]


def test_an_operator_has_time_to_act_on_a_change():
    changes = [{"time": at(2)}, {"time": at(0), "subresource": "status"}]
    late = falco(metadata={"generation": 2, "managedFields": changes})
    assert told(late, daemon_set()) == []


def test_a_lease_that_nobody_renews_is_named():
    lease = thing(
        "Lease",
        "falco-operator",
        namespace="falco-operator",
        spec={"holderIdentity": "one", "renewTime": at(100), "leaseDurationSeconds": 15},
    )
    assert told(leases=[lease]) == [
        "FAL1004 Lease/falco-operator/falco-operator: one has not renewed the Lease for 100 seconds"
    ]
