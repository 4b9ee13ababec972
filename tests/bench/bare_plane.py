"""An API server without controllers, in which nobody but the operator does anything."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from tests.api import Api, manifest
from tests.audit import OPERATOR
from tests.operator_process import operator_kubeconfig

# The first of each kind is dear to the API server alone.
WARM = "warm-up"


@contextmanager
def bare_plane(directory):
    """Such an API server, while in the context."""
    with ControlPlane(directory, nodes=0, controllers=False) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        yield Plane(cluster, directory)


class Plane:
    """Its namespaces, Falcos and audit log."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = directory
        self.kubeconfig = operator_kubeconfig(cluster, directory)
        self.api = Api(cluster)
        for namespace in (WARM, "burst"):
            self.api.create(manifest("Namespace", "", namespace))

    def create(self, namespace, count):
        with ThreadPoolExecutor(8) as pool:
            made = [
                pool.submit(self.api.create, manifest("Falco", namespace, f"falco-{number}"))
                for number in range(count)
            ]
            for creation in made:
                creation.result()

    def written(self, namespace):
        """Every write of the operator's account in a namespace: what, its answer, and when."""
        return list(_written(self.cluster.audit_log, namespace))

    def statuses(self, namespace):
        """When the status of each Falco was first written, in seconds since 1970."""
        found: dict[str, float] = {}
        for resource, name, code, at in self.written(namespace):
            if resource == "falcos/status":
                assert code == 200
                found.setdefault(name, at)
        return found


def _written(log, namespace):
    for line in log.read_text().splitlines():
        if namespace not in line:
            continue
        entry = json.loads(line)
        target = entry["objectRef"]
        if entry["user"]["username"] == OPERATOR and entry["verb"] in {"patch", "create"}:
            resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
            at = datetime.fromisoformat(entry["stageTimestamp"]).timestamp()
            yield resource, target.get("name", ""), entry["responseStatus"]["code"], at


def statuses(plane):
    """How many statuses of anything were written; the log is counted, as parsing takes time."""
    return plane.cluster.audit_log.read_bytes().count(b'"subresource":"status"')
