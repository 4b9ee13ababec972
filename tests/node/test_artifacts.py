"""Artifacts from a registry, the gate before Falco's start, and Falcos of other users."""

import os

import pytest

from deploy.local.node.images import FALCO_VARIABLE
from deploy.local.node.inside import NODE_ADDRESS
from deploy.local.publisher import Repository, publish_plugin, publish_rules
from deploy.local.samples import library
from resources.falco.pod import MAIN
from tests.e2e.fleet import from_registry
from tests.eventually import eventually
from tests.node.kube import FALCO, OPERATOR, SIDECAR, container_id, restarts, started_at

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("falcos")]

sample_library = pytest.mark.skipif(
    FALCO_VARIABLE in os.environ, reason="the real Falco cannot load the sample of a library"
)

GATE_SECONDS = 20
MEGABYTE = 1 << 20
PLUGIN_BYTES = 200 * MEGABYTE
RULES_BYTES = 2_600_000
SIDECAR_BYTES = 60 * MEGABYTE
OPERATOR_BYTES = 60 * MEGABYTE
LABELS = {"pod-security.kubernetes.io/enforce": "restricted"}
RESTRICTED = {
    "securityContext": {
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
}


def long_rules(name):
    one = f"""\
- rule: {name} {{number}}
  desc: {"d" * 400}
  condition: evt.type = open and proc.name = p{{number}}
  output: "{"o" * 400}"
  priority: NOTICE
"""
    return "".join(one.format(number=number) for number in range(RULES_BYTES // len(one)))


@pytest.fixture(scope="module")
def falcos(namespace):
    """A Falco of user 1000, in a namespace that takes nothing else."""
    namespace.quick("user", type="Deployment", falco=RESTRICTED)
    return {"user": namespace.available("user")}


def test_a_falco_in_the_network_of_the_node_is_available(installed):
    other = installed.namespace("host-network")
    other.quick("network", pod={"hostNetwork": True})
    assert other.available("network")["status"]["podIP"] == NODE_ADDRESS
    other.delete("Falco", "network")
    other.gone("network")


@sample_library
def test_what_comes_from_a_registry_is_loaded_by_a_falco_of_user_1000(
    installed, namespace, registry
):
    target = Repository(registry.url)
    content = library("linux/amd64")
    publish_plugin(target, "falco/plugin", ["latest"], {"linux/amd64": content}, {"name": "p"})
    publish_rules(target, "falco/rules", ["latest"], long_rules("first"))
    image = from_registry(registry, repository="falco/plugin")
    namespace.apply("Plugin", "p", **image, config={"name": "p"})
    namespace.apply("Rulesfile", "pulled", **from_registry(registry))
    namespace.apply("Config", "settings", config={"json_output": True})
    namespace.programmed("Plugin", "p")
    namespace.programmed("Rulesfile", "pulled")
    namespace.programmed("Config", "settings")
    eventually(lambda: namespace.plugins("user") == {"p": "0.4.0"}, within=30)
    eventually(lambda: "50-01-pulled-oci.yaml" in namespace.rules("user"), within=30)
    assert installed.status_of_process(namespace.pod("user"), FALCO)["Uid"].split()[0] == "1000"


@sample_library
def test_what_is_deleted_goes_from_the_falco_that_runs(namespace):
    for kind, name in (("Plugin", "p"), ("Rulesfile", "pulled"), ("Config", "settings")):
        namespace.delete(kind, name)
    eventually(lambda: namespace.plugins("user") == {}, within=30)
    eventually(lambda: namespace.rules("user") == {}, within=30)


@sample_library
def test_large_artifacts_take_no_more_memory_than_small_ones(installed, namespace, registry):
    target = Repository(registry.url)
    large = library("linux/amd64").ljust(PLUGIN_BYTES, b"\0")
    publish_plugin(target, "falco/large", ["latest"], {"linux/amd64": large}, {"name": "large"})
    image = from_registry(registry, repository="falco/large")
    for name in ("one", "two"):
        publish_rules(target, f"falco/{name}", ["latest"], long_rules(name))
        source = from_registry(registry, repository=f"falco/{name}")
        namespace.apply("Rulesfile", name, **source)
    namespace.apply("Plugin", "large", **image, config={"name": "large"})
    # A sidecar that is killed while it pulls begins anew; Falco goes on.
    pod = namespace.pod("user")
    installed.kill(pod, SIDECAR)
    for kind, name in (("Plugin", "large"), ("Rulesfile", "one"), ("Rulesfile", "two")):
        namespace.programmed(kind, name, within=120)
    after = namespace.pod("user")
    assert (restarts(after, SIDECAR), restarts(after, FALCO)) == (1, restarts(pod, FALCO))
    assert container_id(after, FALCO) == container_id(pod, FALCO)
    assert installed.anonymous_memory(after, SIDECAR) < SIDECAR_BYTES
    assert installed.anonymous_memory(installed.of_operator(), OPERATOR) < OPERATOR_BYTES


def test_falco_waits_for_artifacts_until_the_deadline_and_never_again(
    installed, namespace, registry
):
    namespace.delete("Falco", "user")
    namespace.apply("Rulesfile", "away", **from_registry(registry, repository="falco/away"))
    registry.process.stop()
    arguments = [f"--gate-deadline={GATE_SECONDS}s", f"--falco-version={MAIN.version}"]
    sidecar = {"name": SIDECAR, "args": arguments}
    namespace.quick("gated", type="Deployment", pod={"initContainers": [sidecar]}, falco=RESTRICTED)
    eventually(lambda: started_at(namespace.pod("gated"), SIDECAR), within=60)
    assert not started_at(namespace.pod("gated"), FALCO)
    pod = namespace.available("gated", within=120)
    installed.kill(pod, SIDECAR)
    eventually(lambda: restarts(namespace.pod("gated"), SIDECAR) == 1, within=60)
    assert container_id(namespace.pod("gated"), FALCO) == container_id(pod, FALCO)
    registry.process.start()
    publish_rules(Repository(registry.url), "falco/away", ["latest"], long_rules("away"))
    namespace.programmed("Rulesfile", "away", within=120)
    eventually(lambda: "50-01-away-oci.yaml" in namespace.rules("gated"), within=30)
