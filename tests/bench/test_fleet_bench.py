"""What a start costs where thousands of nodes report fifty artifacts each."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from resources.kubernetes.kinds import collection_path
from tests.api import Api, manifest
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

# Making the nodes takes ten minutes.
pytestmark = pytest.mark.show

NODES = 10_000
ARTIFACTS = 50
NAMESPACE = "fleet"
# MiB above an operator without nodes.
MOST = 40.0
SHARED_LABELS = {
    "kubernetes.io/arch": "amd64",
    "kubernetes.io/os": "linux",
    "node.kubernetes.io/instance-type": "m5.2xlarge",
    "topology.kubernetes.io/region": "eu-central-1",
    "topology.kubernetes.io/zone": "eu-central-1a",
}


class Plane:
    """An API server without controllers, with a Falco and fifty Rulesfiles."""

    def __init__(self, cluster, directory):
        self.directory = directory
        self.kubeconfig = operator_kubeconfig(cluster, directory)
        self.api = Api(cluster)
        self._of_thread = threading.local()
        self._connections = []
        self.api.create(manifest("Namespace", "", NAMESPACE))
        self.api.create(manifest("ServiceAccount", NAMESPACE, "default"))
        self.api.create(manifest("Falco", NAMESPACE, "falco"))
        for number in range(ARTIFACTS):
            rules = [{"list": f"list_{number}", "items": ["cat"]}]
            spec = {"inlineRules": rules}
            self.api.create(manifest("Rulesfile", NAMESPACE, f"rules-{number}", spec=spec))

    def fill(self):
        """Make each node with its Falco pod and its NodeReport."""
        template = self.api.get("DaemonSet", NAMESPACE, "falco")["spec"]["template"]
        entries = [_entry(rules) for rules in self.api.list("Rulesfile", NAMESPACE)]

        def create(number):
            node, name = f"node-{number}.eu-central-1.compute.internal", f"falco-{number}"
            labels = {"kubernetes.io/hostname": node, **SHARED_LABELS}
            self._post("Node", {"metadata": {"name": node, "labels": labels}})
            metadata = {**template["metadata"], "name": name}
            spec = {**template["spec"], "nodeName": node}
            pod = self._post("Pod", {"metadata": metadata, "spec": spec})
            report = {"nodeName": node, "podUID": pod["metadata"]["uid"], "artifacts": entries}
            self._post("NodeReport", manifest("NodeReport", NAMESPACE, name, **report))

        with ThreadPoolExecutor(6) as pool:
            for _ in pool.map(create, range(NODES)):
                pass
        for connection in self._connections:
            connection.close()

    def start(self, name, summary):
        """MiB after a start once every Rulesfile says this of its nodes: resident, at the peak."""
        with OperatorProcess(self.kubeconfig, self.directory / name) as operator:
            operator.start()
            eventually(lambda: self._say(summary), within=300)
            wait_quiet(psutil.Process(operator.pid))
            status = Path(f"/proc/{operator.pid}/status").read_text()
            return [
                int(status.partition(f"{field}:")[2].split()[0]) / 2**10
                for field in ("VmRSS", "VmHWM")
            ]

    def _say(self, summary):
        found = [rules.get("status", {}) for rules in self.api.list("Rulesfile", NAMESPACE)]
        said = {status.get("nodes", {}).get("summary") for status in found}
        return said == {summary} and all(status.get("resolved") for status in found)

    def _post(self, kind, document):
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = self.api.connection()
            self._connections.append(self._of_thread.connection)
        path = collection_path(kind, "" if kind == "Node" else NAMESPACE)
        headers = {"Content-Type": "application/json"}
        self._of_thread.connection.request("POST", path, json.dumps(document), headers)
        response = self._of_thread.connection.getresponse()
        body = response.read()
        assert response.status == 201, body
        return json.loads(body)


def _entry(rules):
    return {
        "kind": "Rulesfile",
        "name": rules["metadata"]["name"],
        "uid": rules["metadata"]["uid"],
        "revision": rules["status"]["resolved"]["revision"],
        "state": "Programmed",
    }


def wait_quiet(process):
    """Until it has computed next to nothing for some seconds."""
    seconds = []

    def quiet():
        time.sleep(0.5)  # the time in which nothing happens
        seconds.append(process.cpu_times().user)
        return len(seconds) > 8 and seconds[-1] - seconds[-8] < 0.05

    eventually(quiet, within=300)


def test_a_start_takes_little_more_memory_with_thousands_of_nodes(tmp_path_factory):
    directory = tmp_path_factory.mktemp("fleet")
    with ControlPlane(directory / "plane", nodes=0, controllers=False, audit=False) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        plane = Plane(cluster, directory)
        idle, _ = plane.start("idle", "0/0")
        plane.fill()
        settled, peak = plane.start("full", f"{NODES}/{NODES}")
    figures = {
        "nodes": NODES,
        "artifacts": ARTIFACTS,
        "MiB without nodes": round(idle, 1),
        "MiB above that: settled, at the peak": [round(settled - idle, 1), round(peak - idle, 1)],
    }
    print(json.dumps(figures))
    assert peak - idle <= MOST
