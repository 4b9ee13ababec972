"""What Secrets that nobody refers to cost the operator: nothing that stays."""

import json
import statistics
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from resources.kubernetes.kinds import collection_path
from tests.api import Api, manifest
from tests.e2e.references import References, are_watched, memory_of, secret_ref
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

pytestmark = pytest.mark.bench

SECRETS = 10_000
NAMESPACES = [f"foreign-{number}" for number in range(10)]
# Of data, as the API server stores it; etcd's default quota is 2 GiB.
BYTES = 100_000
STARTS = 3
MARKER = b"never-to-be-seen"
DATA = b64encode((MARKER * (BYTES // len(MARKER) + 1))[:BYTES]).decode()
MOST = 1.0


class Memory(NamedTuple):
    """MiB: resident, of the process alone, and the most that was resident since the last reset."""

    rss: float
    uss: float
    peak: float


class Plane:
    """An API server without controllers, with one artifact that names one Secret."""

    def __init__(self, cluster, directory):
        self.directory = directory
        self.kubeconfig = operator_kubeconfig(cluster, directory)
        self.api = Api(cluster)
        for namespace in ("used", *NAMESPACES):
            self.api.create(manifest("Namespace", "", namespace))
        self.used = References(self.api, "used")
        self.used.make("Secret", "token")
        self.used.artifact("rules", secret_ref("token"))

    def fill(self):
        """Ten thousand Secrets in namespaces without artifacts; seconds that it took."""

        def create(number):
            namespace = NAMESPACES[number % len(NAMESPACES)]
            body = {"metadata": {"name": f"secret-{number}"}, "data": {"token": DATA}}
            self.api._client.call("POST", collection_path("Secret", namespace), body)

        begun = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(create, range(SECRETS)):
                pass
        return time.monotonic() - begun

    def operator(self, name):
        return OperatorProcess(self.kubeconfig, self.directory / name)


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane(
        tmp_path_factory.mktemp("secrets"), nodes=0, controllers=False, audit=False
    ) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        yield Plane(cluster, tmp_path_factory.mktemp("operators"))


def test_foreign_secrets_take_no_memory(plane):
    with plane.operator("running") as operator:
        operator.start()
        wait_settled(plane, operator)
        before = memory(operator)
        reset_peak(operator)
        seconds = plane.fill()
        wait_settled(plane, operator)
        while_running = [
            after - early for after, early in zip(memory(operator), before, strict=True)
        ]
        assert MARKER not in memory_of(operator.pid)
        assert DATA[:64].encode() not in memory_of(operator.pid)
    full = measured_starts(plane, "full")
    for namespace in NAMESPACES:
        plane.api.clear("Secret", namespace)
    empty = measured_starts(plane, "empty")
    at_start = [after - early for after, early in zip(full, empty, strict=True)]
    figures = {
        "Secrets": SECRETS,
        "bytes each": BYTES,
        "seconds to create": round(seconds, 1),
        "MiB of a running operator (rss, uss, peak)": rounded(before),
        "grown while they were created (rss, uss, peak)": rounded(while_running),
        "MiB after a start without them": rounded(empty),
        "MiB after a start with them": rounded(full),
        "grown by a start with them (rss, uss, peak)": rounded(at_start),
    }
    print(json.dumps(figures, indent=1))
    assert all(grown <= MOST for grown in (*while_running, *at_start))


def measured_starts(plane, name):
    """The medians of several starts."""
    found = []
    for number in range(STARTS):
        with plane.operator(f"{name}-{number}") as operator:
            operator.start()
            wait_settled(plane, operator)
            found.append(memory(operator))
    print(name, [rounded(one) for one in found])
    return Memory(*(statistics.median(values) for values in zip(*found, strict=True)))


def wait_settled(plane, operator):
    """It has listed, protected what it has to, and its memory has stopped to change."""
    eventually(lambda: are_watched(operator), within=120)
    plane.used.becomes_protected("Secret", "token")
    process, sizes = psutil.Process(operator.pid), []

    def quiet():
        time.sleep(0.5)  # the time in which nothing changes
        sizes.append(process.memory_info().rss)
        return len(sizes) > 4 and len(set(sizes[-4:])) == 1

    eventually(quiet, within=60)


def memory(operator):
    info = psutil.Process(operator.pid).memory_full_info()
    status = Path(f"/proc/{operator.pid}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    return Memory(info.rss / 2**20, info.uss / 2**20, peak / 2**10)


def reset_peak(operator):
    Path(f"/proc/{operator.pid}/clear_refs").write_text("5")


def rounded(values):
    return [round(value, 2) for value in values]
