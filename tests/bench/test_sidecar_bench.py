"""What a node pays for its artifacts: memory, requests, and changes that Falco sees."""

import json
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import NamedTuple

import psutil
import pytest

from deploy.local import ControlPlane, Registry
from deploy.local.nodes import ARCHITECTURES
from deploy.local.publisher import Repository, publish_plugin
from deploy.local.service_account import BoundPod
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from resources.kubernetes.kinds import collection_path
from tests.api import Api, manifest
from tests.e2e.costs import (
    WATCHED,
    cost_of_a_rulesfile,
    is_bearable,
    of_pods,
    rule,
    streams,
    with_pods,
)
from tests.e2e.fleet import Fleet, from_registry
from tests.e2e.peak_memory import PeakMemory
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig
from tests.sidecar_process import SidecarProcess

pytestmark = pytest.mark.bench

MEBIBYTE = 1 << 20
MOST_RSS, MOST_ANONYMOUS = 45.0, 30.0
# What a process may differ from itself for no reason.
NOISE = 1.0
NAMESPACE = "falcos"
FOREIGN_CONFIG_MAPS, FOREIGN_NODES = 1_000, 5_000
TEXT = "x" * 10_000
PLUGIN_BYTES = 50 * MEBIBYTE
# Without docstrings and assertions, as an image would have it.
OPTIMISED = {"PYTHONOPTIMIZE": "2"}
# Of the child that pulls, above nothing; its own limit of private data is 48 MiB.
MOST_OF_A_PULL = 64.0


class Memory(NamedTuple):
    """MiB: resident, anonymous, and of this process alone."""

    rss: float
    anonymous: float
    unshared: float

    def above(self, other):
        return Memory(*(now - before for now, before in zip(self, other, strict=True)))

    @property
    def figures(self):
        return {name: round(value, 2) for name, value in self._asdict().items()}


class Plane:
    """An API server without controllers, and the account of a Falco that has no pods."""

    def __init__(self, cluster, directory, operator):
        self.cluster, self.directory = cluster, directory
        self.api = Api(cluster)
        self.api.create(manifest("Namespace", "", NAMESPACE))
        operator.start()
        self.api.create(manifest("Falco", NAMESPACE, "falco"))
        eventually(lambda: self.api.get("RoleBinding", NAMESPACE, "falco"))
        eventually(lambda: self.api.get("ClusterRoleBinding", "", f"falco--{NAMESPACE}"))
        self.make_nodes(["node-0"])

    def sidecar(self, name, variables=(), flags=()):
        spec = {
            "serviceAccountName": "falco",
            "nodeName": "node-0",
            "containers": [{"name": "falco", "image": "falco"}],
        }
        pod = self.api.create(manifest("Pod", NAMESPACE, name, spec=spec))
        kubeconfig = self.cluster.service_account_kubeconfig(
            NAMESPACE,
            "falco",
            self.directory / f"{name}.kubeconfig",
            BoundPod(name, pod["metadata"]["uid"]),
        )
        directory = self.directory / name
        return SidecarProcess(kubeconfig, directory, pod, flags=flags, variables=variables)

    def apply(self, kind, name, **spec):
        self.api.take(manifest(kind, NAMESPACE, name, spec=spec), "user")

    def twenty_artifacts(self):
        for number in range(20):
            name = f"artifact-{number:02}"
            if number % 10 == 8:
                self.apply("Config", name, config={"outputs_queue": {"capacity": number}})
            elif number % 10 == 9:
                self.apply("Plugin", name, config={"libraryPath": f"/opt/{name}.so"})
            else:
                self.apply("Rulesfile", name, inlineRules=[rule(name, "it happened")])

    def make_nodes(self, names):
        self._make("Node", "", [{"metadata": {"name": name}} for name in names])

    def make_config_maps(self, count):
        names = [f"foreign-{number}" for number in range(count)]
        bodies = [{"metadata": {"name": name}, "data": {"text": TEXT}} for name in names]
        self._make("ConfigMap", NAMESPACE, bodies)

    def _make(self, kind, namespace, bodies):
        path = collection_path(kind, namespace)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda body: self.api._client.call("POST", path, body), bodies))


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sidecars")
    with ControlPlane(tmp_path_factory.mktemp("plane"), nodes=0, controllers=False) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        with OperatorProcess(operator_kubeconfig(cluster, directory), directory) as operator:
            yield Plane(cluster, directory, operator)


# Memory.


def test_memory_idle_and_with_much_that_is_not_for_this_node_and_after_a_pull(plane, tmp_path):
    with plane.sidecar("plain") as node:
        plane.twenty_artifacts()
        tell("with 20 artifacts, not optimised", **started(node).figures)
    with plane.sidecar("first", OPTIMISED) as node, Registry(tmp_path / "registry") as registry:
        started(node)  # and its bytecode is compiled
        node.kill()
        idle = started(node)
        tell("with 20 artifacts", **idle.figures)

        plane.make_config_maps(FOREIGN_CONFIG_MAPS)
        plane.make_nodes([f"foreign-{number}" for number in range(FOREIGN_NODES)])
        crowded = settled(node)
        tell("grown by foreign ConfigMaps and Nodes", **crowded.above(idle).figures)
        node.kill()
        restarted = started(node)
        tell("started among them", **restarted.figures)

        digest = publish(registry)
        with PeakMemory(node.pid) as peak:
            before = high_water(node)
            plane.apply("Plugin", "large", **from_registry(registry, digest, "falco/large"))
            eventually(lambda: "large.so" in node.libraries(), within=120)
            of_parent = high_water(node) - before
        pulled = settled(node)
        of_children = peak.bytes / MEBIBYTE - of_parent
        tell("during the pull of 50 MiB", parent=round(of_parent, 2), child=round(of_children, 2))
        tell("after it", **pulled.figures)
        plane.api.delete("Plugin", NAMESPACE, "large")
    for found in (idle, restarted, pulled):
        assert found.rss <= MOST_RSS
        assert found.anonymous <= MOST_ANONYMOUS
    assert max(crowded.above(idle)) <= NOISE
    assert of_parent + of_children <= MOST_OF_A_PULL


def started(node):
    """What it takes with 20 artifacts."""
    node.start()
    eventually(lambda: len(node.rules()) == 16 and len(node.configs()) == 3)
    return settled(node)


def publish(registry):
    target, architecture = Repository(registry.url), ARCHITECTURES[platform.machine()]
    library = {f"linux/{architecture}": os.urandom(PLUGIN_BYTES)}
    return publish_plugin(target, "falco/large", ["latest"], library)


def settled(node):
    """What it takes once that does not change any more."""
    sizes = []

    def quiet():
        Event().wait(0.5)  # the time in which nothing changes
        sizes.append(memory(node))
        return len(sizes) > 4 and len({size.rss for size in sizes[-4:]}) == 1

    eventually(quiet, within=120)
    return sizes[-1]


def memory(node):
    unshared = psutil.Process(node.pid).memory_full_info().uss
    return Memory(status(node, "VmRSS"), status(node, "RssAnon"), unshared / MEBIBYTE)


def high_water(node):
    return status(node, "VmHWM")


def status(node, key):
    """In MiB."""
    text = Path(f"/proc/{node.pid}/status").read_text()
    return int(text.partition(f"{key}:")[2].split()[0]) / 1024


def tell(what, **figures):
    print(json.dumps({what: figures}))


# Requests.


def test_an_idle_minute(plane):
    by_pods = of_pods(plane.cluster, Fleet(plane.cluster, plane.api, NAMESPACE, plane.directory))
    with plane.sidecar("second") as node:
        plane.twenty_artifacts()
        node.start()
        settled(node)
        mark, before = by_pods.mark(), psutil.Process(node.pid).cpu_times()
        Event().wait(60)  # the minute
        after, asked = psutil.Process(node.pid).cpu_times(), by_pods.since(mark)
        seconds = after.user + after.system - before.user - before.system
        tell("a minute", requests=len(asked), watches=streams(node), cpu=round(seconds, 3))
        assert asked == []
        assert streams(node) == dict.fromkeys(WATCHED, 1)


@pytest.fixture
def fleet(cluster, api, namespace, tmp_path):
    made = Fleet(cluster, api, namespace, tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("count", [8, 16])
def test_many_pods_and_one_rulesfile(cluster, audit, fleet, count):
    with_pods(fleet, count)
    for text in ("it happened", "it happened again"):
        pods, operator = cost_of_a_rulesfile(fleet, of_pods(cluster, fleet), audit, text)
        tell(f"{count} pods", writes=len(pods.writes), **{"the operator's": len(operator.writes)})
        assert is_bearable(count, pods, operator)


# Changes that Falco sees.


def test_rulesfiles_that_come_one_right_after_the_other(fleet):
    (node,) = with_pods(fleet, 1).sidecars
    for number in range(50):
        text = f"in round {number}"
        for name in ("one", "two", "three", "four"):
            fleet.apply("Rulesfile", name, inlineRules=[rule(name, text)])
        eventually(lambda text=text: all(text in found for found in four(node)))
    (batches,) = node.samples()["falco_artifacts_batches_total"].values()
    tell("four Rulesfiles, 50 times", changes=batches)


def four(node):
    found = node.rules().values()
    assert len(found) == 4
    return found
