"""What is said of an artifact is so: by every node, or by name of those that differ."""

from contextlib import ExitStack, contextmanager

import pytest

from deploy.local.publisher import Repository, publish_rules
from resources.node.files import Directory
from tests.api import manifest
from tests.e2e.costs import of_pods
from tests.e2e.falcos import condition, generation
from tests.e2e.fleet import from_registry
from tests.eventually import eventually

RULE = {
    "rule": "Something happened",
    "desc": "It did",
    "condition": "evt.type = open",
    "output": "it happened",
    "priority": "WARNING",
}
OTHER = RULE | {"output": "it happened again"}
INLINE = "50-03-rules-inline.yaml"
OCI = "50-01-rules-oci.yaml"
WEB_SERVER_OFF = {"webserver": {"enabled": False, "prometheus_metrics_enabled": True}}
FIRST, SECOND = ("- list: shells\n  items: [bash]\n", "- list: shells\n  items: [zsh]\n")


@pytest.fixture
def fleet(fleet):
    """A Falco on three nodes, its sidecars running."""
    return fleet.falco().start()


def file_of(node, name):
    return node.root / Directory.RULES.value / name


def is_programmed(artifact):
    """Whether it says so of its own generation."""
    said = condition(artifact, "Programmed")
    return said.get("status") == "True" and said["observedGeneration"] == generation(artifact)


def revision_of(document):
    """The moment of its last write; the API server counts all writes alike."""
    return int(document["metadata"]["resourceVersion"])


def digest(fleet):
    """What the operator has pinned."""
    return fleet.status("Rulesfile", "rules").get("resolved", {}).get("ociDigest")


def revision(fleet):
    """What the nodes are to install, as the operator has resolved it."""
    return fleet.status("Rulesfile", "rules")["resolved"]["revision"]


def reported(fleet, node):
    """State and reason of the one artifact, as its node reports it."""
    report = fleet.api.get("NodeReport", fleet.namespace, node.pod)
    (artifact,) = report["artifacts"]
    return artifact["state"], artifact.get("reason", "")


def notes(fleet, reason):
    """The notes of the Events of a reason."""
    return [note for told, note in fleet.events("rules") if told == reason]


def is_told(fleet, reason, *words):
    """Whether an Event has this reason and all the words."""
    return any(all(word in note for word in words) for note in notes(fleet, reason))


# Nodes that are slow, gone or failing.


def test_it_is_programmed_only_after_the_last_pod_has_reported_it(fleet):
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    fleet.programmed("Rulesfile", "rules")
    last = fleet.sidecars[1]
    with fleet.api.history("Rulesfile", fleet.namespace, "rules") as states:
        with last.held():
            changed = generation(fleet.apply("Rulesfile", "rules", inlineRules=[OTHER]))
            waiting = f"Waiting for 1 of 3 pods: {last.pod}"
            said = ("Unknown", "Pending", waiting)
            eventually(lambda: fleet.condition("Rulesfile", "rules") == said)
            assert fleet.status("Rulesfile", "rules")["nodes"]["summary"] == "2/3"
        fleet.programmed("Rulesfile", "rules")
        reported = fleet.api.get("NodeReport", fleet.namespace, last.pod)
        later = eventually(lambda: [one for one in states if is_programmed(one)][1:])
    assert generation(later[0]) == changed
    assert revision_of(later[0]) > revision_of(reported)
    assert "again" in last.rules()[INLINE]


def test_a_pod_whose_sidecar_was_killed_is_waited_for_by_name(fleet):
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    fleet.programmed("Rulesfile", "rules")
    node = fleet.sidecars[0]
    node.kill()
    fleet.apply("Rulesfile", "rules", inlineRules=[OTHER])
    said = ("Unknown", "Pending", f"Waiting for 1 of 3 pods: {node.pod}")
    eventually(lambda: fleet.condition("Rulesfile", "rules") == said)
    assert "again" not in node.rules()[INLINE]
    node.start()
    fleet.programmed("Rulesfile", "rules")
    assert "again" in node.rules()[INLINE]


@contextmanager
def a_file_of_somebody_else(node):
    file = file_of(node, INLINE)
    file.write_text("[]")
    yield "NameConflict", "is there and not ours"
    assert file.read_text() == "[]"
    file.unlink()


@contextmanager
def a_volume_that_is_no_directory(node):
    directory = node.root / Directory.RULES.value
    node.wipe()
    directory.rmdir()
    directory.touch()
    yield "InlineRulesStoreFailed", "it is no directory"
    directory.unlink()
    directory.mkdir()


@pytest.mark.parametrize("broken", [a_file_of_somebody_else, a_volume_that_is_no_directory])
def test_a_node_that_fails_is_named_and_recovers_by_itself(fleet, broken):
    node, *others = fleet.sidecars
    with broken(node) as (wanted, why):
        fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
        eventually(
            lambda: fleet.status("Rulesfile", "rules").get("nodes", {}).get("programmed") == 2
        )
        reason, message = fleet.programmed("Rulesfile", "rules", "False")
        assert reason == wanted
        assert message.startswith(f"Failed on 1 of 3 pods: {node.node}: ")
        assert why in message
        assert all(other.node not in message for other in others)
        eventually(lambda: is_told(fleet, reason, node.node, why))
    fleet.programmed("Rulesfile", "rules", within=60)
    assert "it happened" in node.rules()[INLINE]


# Without the operator, and without the registry.


def test_without_the_operator_a_new_inline_rule_still_comes_to_every_node(fleet, operator):
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    fleet.programmed("Rulesfile", "rules")
    operator.stop()
    fleet.apply("Rulesfile", "rules", inlineRules=[OTHER])
    fleet.apply("Config", "web", config=WEB_SERVER_OFF)
    fleet.everywhere(lambda node: "again" in node.rules()[INLINE])
    fleet.everywhere(lambda node: "webserver" in node.configs().get("50-03-web-inline.yaml", ""))
    assert fleet.condition("Rulesfile", "rules") == ("", "", "")
    operator.start()
    fleet.programmed("Rulesfile", "rules")
    fleet.programmed("Config", "web")


def test_a_restarted_sidecar_keeps_what_was_pinned_though_nobody_answers(fleet, operator, registry):
    publish_rules(Repository(registry.url), "falco/rules", ["latest"], FIRST)
    fleet.apply("Rulesfile", "rules", **from_registry(registry))
    fleet.programmed("Rulesfile", "rules")
    operator.stop()
    publish_rules(Repository(registry.url), "falco/rules", ["latest"], SECOND)
    registry.process.stop()
    kept, emptied, _ = fleet.sidecars
    before = file_of(kept, OCI).stat()
    for node in (kept, emptied):
        node.kill()
    emptied.wipe()
    kept.start()
    emptied.launch()
    reason = ("Failed", "OCIArtifactStoreFailed")
    eventually(lambda: reported(fleet, emptied) == reason)
    assert emptied.rules() == {}
    assert reported(fleet, kept)[0] == "Programmed"
    after = file_of(kept, OCI).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    registry.process.launch()
    eventually(lambda: emptied.rules() == {OCI: FIRST}, within=60)
    assert kept.rules() == {OCI: FIRST}


def test_a_restart_after_other_metadata_of_a_config_map_is_no_news(audit, cluster, fleet, operator):
    by_pods = of_pods(cluster, fleet)
    fleet.api.create(
        manifest("ConfigMap", fleet.namespace, "named", data={"rules.yaml": FIRST, "other": "x"})
    )
    fleet.apply("Rulesfile", "rules", configMapRef={"name": "named"})
    fleet.programmed("Rulesfile", "rules")
    eventually(lambda: notes(fleet, "ConfigMapArtifactStored"))
    before = fleet.api.get("Rulesfile", fleet.namespace, "rules")
    operator.stop()
    change = {"metadata": {"annotations": {"stranger": "here"}}, "data": {"other": "y"}}
    fleet.api.merge("ConfigMap", fleet.namespace, "named", change)
    mark, mark_of_pods = audit.mark(), by_pods.mark()
    operator.start()
    fleet.apply("Config", "sentinel", config=WEB_SERVER_OFF)
    fleet.programmed("Config", "sentinel")
    requests = audit.since(mark)
    assert [one.name for one in requests.of("get", "configmaps")] == ["named"]
    assert not requests.of("patch", "rulesfiles")
    assert not by_pods.since(mark_of_pods).of("get", "configmaps")
    assert fleet.api.get("Rulesfile", fleet.namespace, "rules") == before
    assert not notes(fleet, "ConfigMapArtifactUpdated")

    fleet.api.merge("ConfigMap", fleet.namespace, "named", {"data": {"rules.yaml": SECOND}})
    fleet.everywhere(lambda node: SECOND in node.rules().values())
    eventually(lambda: notes(fleet, "ConfigMapArtifactUpdated"))


# Tags that move.


def test_every_node_has_the_digest_that_was_pinned_and_a_moved_tag_is_rolled_out(fleet, registry):
    target = Repository(registry.url)
    first = publish_rules(target, "falco/rules", ["latest"], FIRST)
    with ExitStack() as standing_still:
        for node in fleet.sidecars:
            standing_still.enter_context(node.held())
        fleet.apply("Rulesfile", "rules", **from_registry(registry))
        eventually(lambda: digest(fleet) == first)
        second = publish_rules(target, "falco/rules", ["latest"], SECOND)
    fleet.programmed("Rulesfile", "rules")
    assert all(node.rules() == {OCI: FIRST} for node in fleet.sidecars)
    assert digest(fleet) == first

    fleet.apply("Rulesfile", "rules", **from_registry(registry, pollInterval="30s"))
    fleet.programmed("Rulesfile", "rules")
    before = revision(fleet)
    fleet.everywhere(lambda node: node.rules() == {OCI: SECOND}, within=60)
    moved = f"falco/rules:latest has moved from {first} to {second}"
    eventually(lambda: is_told(fleet, "OCIArtifactUpdated", moved))
    fleet.programmed("Rulesfile", "rules")
    (note,) = (note for note in notes(fleet, "OCIArtifactUpdated") if "has moved" in note)
    assert note.endswith(moved)
    assert digest(fleet) == second
    assert revision(fleet) != before
