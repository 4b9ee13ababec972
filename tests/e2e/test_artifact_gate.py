"""When Falco is let start: once its artifacts are there, or it would wait in vain."""

import os
import signal
import socket
from contextlib import contextmanager
from uuid import uuid4

import pytest
import yaml

from deploy.local.process import free_port
from deploy.local.publisher import Repository, publish_rules
from tests.e2e.fleet import from_registry
from tests.eventually import eventually
from tests.sidecar_process import SidecarProcess

GOOD = {"list": "shells", "items": ["bash"]}
BAD = {"rule": "without", "condition": "evt.num<0"}
RULES = "- macro: never\n  condition: evt.num<0\n"
INLINE, OCI = "50-03-inline-inline.yaml", "50-01-pulled-oci.yaml"
NEVER = "--gate-deadline=3600"
SOON = "--gate-deadline=6"


@pytest.fixture
def node_of(fleet):
    """Makes a Falco of one pod, whose sidecar does not run yet."""

    def make(*flags):
        (node,) = fleet.falco(flags=flags, type="Deployment", replicas=1).sidecars
        return node

    return make


@pytest.fixture
def pinned(registry):
    """A source that asks nothing of the operator."""
    digest = publish_rules(Repository(registry.url), "falco/rules", ["latest"], RULES)
    return from_registry(registry, digest)


def ready(node):
    """Status and text of /readyz, once it serves."""
    eventually(lambda: node.port("HealthServer"))
    return node.answer("Health", "/readyz")


def state(fleet, node, name):
    """What the node reports of a Rulesfile."""
    report = fleet.api.get("NodeReport", fleet.namespace, node.pod) or {}
    artifacts = {one["name"]: one["state"] for one in report.get("artifacts", [])}
    return artifacts.get(name)


def cut_off(fleet, node, *flags):
    """A sidecar of the same pod, with the same volumes, for which there is no API server."""
    directory = node.directory / uuid4().hex
    directory.mkdir(parents=True)
    kubeconfig = directory / "nowhere.kubeconfig"
    document = yaml.safe_load(node.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    kubeconfig.write_text(yaml.safe_dump(document))
    pod = fleet.api.get("Pod", fleet.namespace, node.pod)
    return SidecarProcess(kubeconfig, directory, pod, root=node.root, flags=flags)


@contextmanager
def standing_still(process):
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


# What it opens by.


def test_it_names_what_it_waits_for_and_opens_once_all_is_there(fleet, node_of, registry, pinned):
    fleet.apply("Rulesfile", "inline", inlineRules=[GOOD])
    fleet.apply("Rulesfile", "pulled", **pinned)
    node = node_of(NEVER)
    with standing_still(registry.process):
        node.launch()
        waits = (503, "operator: waiting for Rulesfile pulled\n")
        eventually(lambda: ready(node) == waits and INLINE in node.rules())
        assert ready(node) == waits
    node.wait_ready()
    assert sorted(node.rules()) == [OCI, INLINE]


def test_what_fails_for_good_keeps_nothing_shut(fleet, node_of):
    fleet.apply("Rulesfile", "inline", inlineRules=[GOOD])
    fleet.apply("Rulesfile", "bad", inlineRules=[BAD])
    fleet.apply(
        "Rulesfile", "elsewhere", inlineRules=[GOOD], selector={"matchLabels": {"no": "no"}}
    )
    node = node_of(NEVER)
    node.start()
    assert list(node.rules()) == [INLINE]
    reason, _ = fleet.programmed("Rulesfile", "bad", "False")
    assert reason == "InvalidContent"


@pytest.mark.parametrize("server", ["metrics", "debug", "health-probe"])
def test_a_port_that_somebody_else_has_keeps_no_artifact_away(fleet, node_of, server):
    fleet.apply("Rulesfile", "inline", inlineRules=[GOOD])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        node = node_of(NEVER, f"--{server}-bind-address=127.0.0.1:{port}")
        node.launch()
        fleet.programmed("Rulesfile", "inline")
        assert list(node.rules()) == [INLINE]
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in node.log.read_text()
        assert node.running
        if server != "health-probe":
            node.wait_ready()


def test_without_any_artifact_it_is_open(node_of):
    node_of(NEVER).start()


def test_it_opens_at_the_deadline_when_a_registry_does_not_answer(fleet, node_of, registry, pinned):
    registry.process.stop()
    fleet.apply("Rulesfile", "pulled", **pinned)
    node = node_of(SOON)
    node.launch()
    assert eventually(lambda: ready(node)[0] == 503 and ready(node)[1])
    eventually(lambda: state(fleet, node, "pulled") == "Failed")
    eventually(lambda: ready(node)[0] == 200)
    assert node.rules() == {}
    log = node.log.read_text()
    assert "the deadline is over: waiting for Rulesfile pulled" in log
    assert "Rulesfile/pulled not installed: OCIArtifactStoreFailed: " in log
    registry.process.launch()
    eventually(lambda: list(node.rules()) == [OCI], within=60)


def test_it_opens_at_the_deadline_when_nobody_has_resolved_an_artifact(
    fleet, node_of, operator, registry
):
    node = node_of(SOON)
    operator.stop()
    fleet.apply("Rulesfile", "pulled", **from_registry(registry))
    node.launch()
    waits = (503, "operator: waiting for Rulesfile pulled\n")
    eventually(lambda: ready(node) == waits)
    eventually(lambda: ready(node)[0] == 200)


def test_it_opens_at_the_deadline_when_the_api_server_does_not_answer(fleet, node_of):
    with cut_off(fleet, node_of(), SOON) as node:
        node.launch()
        waits = (503, "operator: the artifacts are not listed yet\n")
        eventually(lambda: ready(node) == waits)
        eventually(lambda: ready(node)[0] == 200)


# Once open.


def test_once_open_it_stays_open_whatever_fails(fleet, node_of, registry, pinned):
    fleet.apply("Rulesfile", "inline", inlineRules=[GOOD])
    node = node_of(NEVER)
    node.start()
    registry.process.stop()
    fleet.apply("Rulesfile", "inline", inlineRules=[BAD])
    fleet.apply("Rulesfile", "pulled", **pinned)
    for name in ("inline", "pulled"):
        fleet.programmed("Rulesfile", name, "False")
        assert ready(node)[0] == 200
    node.kill()
    node.start()
    assert "bash" in node.rules()[INLINE]


@pytest.mark.parametrize("deadline", ["0", "3600"])
def test_that_it_was_open_outlasts_a_restart_in_which_nobody_answers(
    fleet, node_of, operator, deadline
):
    fleet.apply("Rulesfile", "inline", inlineRules=[GOOD])
    before = node_of(NEVER)
    before.start()
    before.kill()
    with cut_off(fleet, before, f"--gate-deadline={deadline}") as node:
        node.start()
        assert list(node.rules()) == [INLINE]
    fleet.delete("Rulesfile", "inline")
    operator.stop()
    before.start()
    eventually(lambda: before.rules() == {})


def test_that_the_deadline_has_opened_it_outlasts_a_restart_too(fleet, node_of):
    pod = node_of()
    with cut_off(fleet, pod, SOON) as node:
        node.start()
        eventually(lambda: '"gateOpened"' in manifest_of(node))
        node.kill()
    with cut_off(fleet, pod, NEVER) as node:
        node.start()


def manifest_of(node):
    file = node.root / "etc/falco/config.d/.artifact-operator/manifest.json"
    return file.read_text() if file.exists() else ""
