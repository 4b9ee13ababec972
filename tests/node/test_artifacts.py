"""Artifacts from a registry, the gate before Falco's start, and Falcos of other users."""

import os
from pathlib import Path

import pytest

from deploy.local.node.images import FALCO_VARIABLE, PLATFORM, plugins
from deploy.local.node.inside import NODE_ADDRESS
from deploy.local.publisher import Repository, publish_plugin, publish_rules
from deploy.local.samples import library
from resources.falco.pod import MAIN
from tests.e2e.fleet import from_registry
from tests.eventually import eventually
from tests.node.kube import FALCO, OPERATOR, SIDECAR, container_id, restarts, started_at

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("falcos")]

GATE_SECONDS = 20
MEGABYTE = 1 << 20
PLUGIN_BYTES = 200 * MEGABYTE
RULES_BYTES = 2_600_000
LOADED_WITHIN = 120  # Falco's time for rules grows with the square of their number
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
def plugin(registry):
    """The name of a plugin that Falco can load; it is published small, and large."""
    given = os.environ.get(FALCO_VARIABLE)
    known = plugins(Path(given)) if given else {"p": library(PLATFORM)}
    if not known:
        pytest.skip("the image of Falco has no plugin, and Falco loads no sample")
    name, content = min(known.items())
    for repository, size in (("falco/plugin", 0), ("falco/large", PLUGIN_BYTES)):
        libraries = {PLATFORM: content.ljust(size, b"\0")}
        target = Repository(registry.url)
        publish_plugin(target, repository, ["latest"], libraries, {"name": name})
    return name


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


def test_what_comes_from_a_registry_is_loaded_by_a_falco_of_user_1000(
    installed, namespace, registry, plugin
):
    publish_rules(Repository(registry.url), "falco/rules", ["latest"], long_rules("first"))
    image = from_registry(registry, repository="falco/plugin")
    namespace.apply("Plugin", "p", **image, config={"name": plugin})
    namespace.apply("Rulesfile", "pulled", **from_registry(registry))
    namespace.apply("Config", "settings", config={"json_output": True})
    namespace.programmed("Plugin", "p")
    namespace.programmed("Rulesfile", "pulled")
    namespace.programmed("Config", "settings")
    eventually(lambda: namespace.plugins("user").keys() == {plugin}, within=LOADED_WITHIN)
    eventually(lambda: "50-01-pulled-oci.yaml" in namespace.rules("user"), within=LOADED_WITHIN)
    assert installed.status_of_process(namespace.pod("user"), FALCO)["Uid"].split()[0] == "1000"


@pytest.mark.usefixtures("plugin")
def test_what_is_deleted_goes_from_the_falco_that_runs(namespace):
    for kind, name in (("Plugin", "p"), ("Rulesfile", "pulled"), ("Config", "settings")):
        namespace.delete(kind, name)
    eventually(lambda: namespace.plugins("user") == {}, within=LOADED_WITHIN)
    eventually(lambda: namespace.rules("user") == {}, within=LOADED_WITHIN)


def test_large_artifacts_take_no_more_memory_than_small_ones(
    installed, namespace, registry, plugin, figures
):
    target = Repository(registry.url)
    image = from_registry(registry, repository="falco/large")
    for name in ("one", "two"):
        publish_rules(target, f"falco/{name}", ["latest"], long_rules(name))
        source = from_registry(registry, repository=f"falco/{name}")
        namespace.apply("Rulesfile", name, **source)
    namespace.apply("Plugin", "large", **image, config={"name": plugin})
    # A sidecar that is killed while it pulls begins anew; Falco goes on.
    pod = namespace.pod("user")
    installed.kill(pod, SIDECAR)
    for kind, name in (("Plugin", "large"), ("Rulesfile", "one"), ("Rulesfile", "two")):
        namespace.programmed(kind, name, within=120)
    after = namespace.pod("user")
    assert (restarts(after, SIDECAR), restarts(after, FALCO)) == (1, restarts(pod, FALCO))
    assert container_id(after, FALCO) == container_id(pod, FALCO)
    containers = (
        (after, SIDECAR, SIDECAR_BYTES),
        (installed.of_operator(), OPERATOR, OPERATOR_BYTES),
    )
    for of, container, most in containers:
        taken = installed.anonymous_memory(of, container)
        figures.bytes(f"memory of {container} after a plugin of 200 MB and rules of 5.2 MB", taken)
        assert taken < most


def test_a_plugin_that_finds_no_room_takes_nothing_from_the_falco_that_runs(
    installed, registry, plugin
):
    room = {"medium": "Memory", "sizeLimit": "8Mi"}
    volumes = [{"name": "falco-plugins", "emptyDir": room}]
    full = installed.namespace("full", **LABELS)
    full.quick("small", type="Deployment", pod={"volumes": volumes}, falco=RESTRICTED)
    pod = full.available("small")
    large = from_registry(registry, repository="falco/large")
    full.apply("Plugin", "p", **large, config={"name": plugin})
    _, message = full.becomes("Plugin", "p", "Programmed", "False")
    assert "No space left on device" in message
    assert "No space left on device" in installed.logs(pod, SIDECAR)
    full.apply("Rulesfile", "rules", inlineRules=[{"macro": "m", "condition": "evt.type = open"}])
    full.programmed("Rulesfile", "rules")
    eventually(lambda: len(full.rules("small")) == 1, within=60)
    small = from_registry(registry, repository="falco/plugin")
    full.apply("Plugin", "p", **small, config={"name": plugin})
    full.programmed("Plugin", "p")
    assert container_id(full.pod("small"), FALCO) == container_id(pod, FALCO)
    for kind in ("Falco", "Plugin", "Rulesfile"):
        installed.api.clear(kind, full.name)
    full.gone("small")


def test_falco_waits_for_artifacts_until_the_deadline_and_never_again(
    installed, namespace, registry
):
    namespace.delete("Falco", "user")
    publish_rules(Repository(registry.url), "falco/away", ["latest"], long_rules("away"))
    registry.process.stop()
    namespace.apply("Rulesfile", "away", **from_registry(registry, repository="falco/away"))
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
    namespace.programmed("Rulesfile", "away", within=120)
    eventually(lambda: "50-01-away-oci.yaml" in namespace.rules("gated"), within=LOADED_WITHIN)
