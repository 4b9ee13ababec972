"""What a fleet of nodes costs: memory at the start, status writes of a rollout.

`make show` has the same for ten thousand nodes, whose making takes ten minutes.
"""

import json
import time

import pytest

from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from tests.api import Api
from tests.bench.large_cluster import LargeCluster
from tests.bench.process_memory import peak, settled
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

pytestmark = pytest.mark.bench

NODES, ARTIFACTS = 1_000, 50
# MiB above an idle operator at the peak of a start.
MOST_AT_START = 15


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("fleet"), nodes=0, controllers=False) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        yield cluster


@pytest.fixture
def operator(plane, tmp_path):
    with OperatorProcess(operator_kubeconfig(plane, tmp_path), tmp_path) as process:
        yield process


@pytest.fixture(scope="module")
def idle(plane, tmp_path_factory):
    """KiB of an operator that watches nothing but empty lists."""
    directory = tmp_path_factory.mktemp("idle")
    with OperatorProcess(operator_kubeconfig(plane, directory), directory) as process:
        process.start()
        return settled(process.pid)


@pytest.fixture(scope="module")
def fleet(idle, plane):  # noqa: ARG001 - measured before there is any node
    made = LargeCluster(plane, Api(plane), "fleet", NODES, ARTIFACTS)
    begun = time.monotonic()
    made.fill()
    print(f"{NODES} nodes, pods and reports made in {time.monotonic() - begun:.0f} s")
    return made


def test_a_start_with_a_thousand_nodes(idle, fleet, operator):
    operator.start()
    for artifact in fleet.artifacts:
        eventually(lambda artifact=artifact: fleet.is_programmed(artifact), within=300)
    at_peak, after = peak(operator.pid), settled(operator.pid)
    figures = {
        "nodes": NODES,
        "artifacts": ARTIFACTS,
        "idle MiB": round(idle / 1024, 1),
        "MiB above idle at the peak of the start": round((at_peak - idle) / 1024, 1),
        "settled": round((after - idle) / 1024, 1),
    }
    print(json.dumps(figures))
    assert figures["MiB above idle at the peak of the start"] <= MOST_AT_START


def test_the_status_writes_of_a_rollout_to_all_nodes(plane, fleet, operator):
    operator.start()
    eventually(lambda: fleet.is_programmed(fleet.artifacts[0]), within=300)
    mark, begun = plane.audit_log.stat().st_size, time.monotonic()
    artifact = fleet.roll_out()
    reported = time.monotonic() - begun
    eventually(lambda: fleet.is_programmed(artifact), within=300)
    with plane.audit_log.open("rb") as log:
        log.seek(mark)
        writes = sum(
            b'"subresource":"status"' in line and b'"resource":"rulesfiles"' in line for line in log
        )
    figures = {
        "nodes": NODES,
        "seconds until the last report": round(reported, 1),
        "seconds until the status says so": round(time.monotonic() - begun, 1),
        "status writes, which are watch events to each sidecar": writes,
    }
    print(json.dumps(figures))
