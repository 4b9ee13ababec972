"""Which pod is asked, and at which port."""

from __future__ import annotations

import pytest

from cli.cluster.snapshot import Snapshot, Unread
from cli.failure import Failure
from cli.trace.places import beside_falco, leading


def pod(name, *args, node="node-1", ready=True, phase="Running", sidecar=False, gone=False):
    container = {"name": "artifact-operator" if sidecar else "operator", "args": [*args]}
    kind = "initContainers" if sidecar else "containers"
    metadata = {"namespace": "ns", "name": name}
    if gone:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "metadata": metadata,
        "spec": {"containers": [], "nodeName": node, kind: [container]},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def lease(holder):
    return {
        "metadata": {"namespace": "ns", "name": "falco-operator"},
        "spec": {"holderIdentity": holder},
    }


def seen(*pods, leases=(), unread=()):
    return Snapshot({"Pod": pods, "Lease": leases}, unread)


def test_the_holder_of_the_lease_is_asked():
    pods = [pod("a"), pod("b"), pod("c")]
    found = leading(seen(*pods, leases=[lease("b_0123456789abcdef")]), "ns")
    assert found == ("ns", "b", 8082)


def test_without_a_lease_it_is_a_pod_that_runs_and_best_one_that_is_ready():
    pods = [pod("a", phase="Pending"), pod("b", gone=True), pod("c", ready=False), pod("d")]
    assert leading(seen(*pods), "ns").pod == "d"
    assert leading(seen(*pods[:3]), "ns").pod == "c"


def test_the_port_is_that_of_the_flag():
    assert leading(seen(pod("a", "--debug-bind-address=127.0.0.1:9000")), "ns").port == 9000
    with pytest.raises(Failure, match="does not tell what its actors do"):
        leading(seen(pod("a", "--debug-bind-address=0")), "ns")


def test_no_operator_is_told_with_what_could_not_be_read():
    with pytest.raises(Failure, match=r"no operator runs .* pods could not be read: you may not"):
        leading(seen(unread=[Unread("Pod", "", "you may not")]), "ns")


def test_a_sidecar_is_that_of_a_pod_or_of_the_only_pod_of_a_node():
    pods = [
        pod("a", node="node-1", sidecar=True),
        pod("b", node="node-2", sidecar=True),
        pod("c", node="node-2", sidecar=True),
        pod("other", node="node-1"),
    ]
    assert beside_falco(seen(*pods), "", "node-1", "ns").pod == "a"
    assert beside_falco(seen(*pods), "c", "", "ns").pod == "c"
    with pytest.raises(Failure, match="ns/b, ns/c"):
        beside_falco(seen(*pods), "", "node-2", "ns")
    with pytest.raises(Failure, match="no sidecar of a Falco runs for pod other in namespace ns"):
        beside_falco(seen(*pods), "other", "", "ns")
