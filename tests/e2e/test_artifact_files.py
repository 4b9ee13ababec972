"""Artifacts become files on every node that they are for, and go again."""

import pytest

from tests.e2e.fleet import Fleet
from tests.eventually import eventually

RULE = {
    "rule": "Something happened",
    "desc": "It did",
    "condition": "evt.type = open",
    "output": "it happened",
    "priority": "WARNING",
}
RULES = "50-03-rules-inline.yaml"


@pytest.fixture
def fleet(cluster, api, namespace, tmp_path):
    """A Falco on three nodes, its sidecars running."""
    made = Fleet(cluster, api, namespace, tmp_path)
    try:
        yield made.falco().start()
    finally:
        made.stop()


def everywhere(fleet, check):
    """Whether it holds of every sidecar, sooner or later."""
    eventually(lambda: all(map(check, fleet.sidecars)))


def test_inline_rules_come_to_every_node_change_and_go(fleet):
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    everywhere(fleet, lambda node: "it happened" in node.rules().get(RULES, ""))
    reason, message = fleet.programmed("Rulesfile", "rules")
    assert reason == "Programmed", message
    assert fleet.status("Rulesfile", "rules")["nodes"]["summary"] == "3/3"

    fleet.apply("Rulesfile", "rules", inlineRules=[RULE | {"output": "it happened again"}])
    everywhere(fleet, lambda node: "again" in node.rules().get(RULES, ""))
    fleet.programmed("Rulesfile", "rules")

    fleet.delete("Rulesfile", "rules")
    everywhere(fleet, lambda node: not node.rules())
    assert ("InlineArtifactRemoved", f"Removed {RULES} from node {fleet.sidecars[0].node}") in (
        eventually(lambda: [one for one in fleet.events("rules") if "Removed" in one[0]])
    )


def test_a_higher_priority_is_another_name_and_the_old_one_goes(fleet):
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    everywhere(fleet, lambda node: [*node.rules()] == [RULES])
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE], priority=7)
    everywhere(fleet, lambda node: [*node.rules()] == ["07-03-rules-inline.yaml"])


def test_a_configmap_s_rules_come_and_follow_it(fleet):
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "source", "namespace": fleet.namespace},
        "data": {"rules.yaml": "- list: shells\n  items: [bash]\n"},
    }
    fleet.apply("Rulesfile", "rules", configMapRef={"name": "source"})
    fleet.programmed("Rulesfile", "rules", "False")
    assert fleet.condition("Rulesfile", "rules", "ResolvedRefs")[:2] == (
        "False",
        "ReferenceResolutionFailed",
    )
    fleet.api.create(config_map)
    name = "50-02-rules-configmap.yaml"
    everywhere(fleet, lambda node: "bash" in node.rules().get(name, ""))
    fleet.programmed("Rulesfile", "rules")
    assert fleet.condition("Rulesfile", "rules", "ResolvedRefs")[0] == "True"
    change = {"data": {"rules.yaml": "- list: shells\n  items: [zsh]\n"}}
    fleet.api.merge("ConfigMap", fleet.namespace, "source", change)
    everywhere(fleet, lambda node: "zsh" in node.rules().get(name, ""))


def test_only_the_nodes_that_the_selector_covers_have_it_and_a_label_changes_that(fleet):
    first, *others = fleet.sidecars
    fleet.apply(
        "Rulesfile", "rules", inlineRules=[RULE], selector={"matchLabels": {fleet.namespace: "yes"}}
    )
    eventually(lambda: fleet.condition("Rulesfile", "rules")[:2] == ("Unknown", "NoNodes"))
    label = {"metadata": {"labels": {fleet.namespace: "yes"}}}
    fleet.api.merge("Node", "", first.node, label)
    try:
        eventually(lambda: [*first.rules()] == [RULES])
        fleet.programmed("Rulesfile", "rules")
        assert fleet.status("Rulesfile", "rules")["nodes"]["summary"] == "1/1"
        assert not any(node.rules() for node in others)
    finally:
        fleet.api.merge("Node", "", first.node, {"metadata": {"labels": {fleet.namespace: None}}})
    eventually(lambda: not first.rules())


def test_configuration_comes_and_a_fragment_that_loses_keys_is_warned_of(fleet):
    fleet.apply(
        "Config",
        "web",
        config={"webserver": {"listen_port": 9999, "prometheus_metrics_enabled": True}},
    )
    everywhere(fleet, lambda node: "9999" in node.configs().get("50-03-web-inline.yaml", ""))
    _, message = fleet.programmed("Config", "web")
    assert "enabled" in message


def test_invalid_rules_leave_the_last_good_ones_and_name_what_is_wrong(fleet):
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    fleet.programmed("Rulesfile", "rules")
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE | {"priority": "HUGE"}])
    nodes = [node.node for node in fleet.sidecars]
    eventually(lambda: all(node in fleet.condition("Rulesfile", "rules")[2] for node in nodes))
    reason, message = fleet.programmed("Rulesfile", "rules", "False")
    assert reason == "InvalidContent"
    assert "HUGE" in message
    assert "Something happened" in message
    assert all("WARNING" in node.rules()[RULES] for node in fleet.sidecars)
    eventually(lambda: any(reason == "InvalidContent" for reason, _ in fleet.events("rules")))


def test_four_rulesfiles_applied_at_once_are_all_there(fleet):
    names = [f"rules-{number}" for number in range(4)]
    for name in names:
        fleet.apply("Rulesfile", name, inlineRules=[RULE | {"rule": name}])
    everywhere(fleet, lambda node: len(node.rules()) == 4)
    for name in names:
        fleet.programmed("Rulesfile", name)


def test_a_restart_finds_out_what_happened_meanwhile_and_leaves_the_rest(fleet):
    for name in ("kept", "deleted", "raised"):
        fleet.apply("Rulesfile", name, inlineRules=[RULE | {"rule": name}])
    everywhere(fleet, lambda node: len(node.rules()) == 3)
    node = fleet.sidecars[0]
    node.kill()
    kept = node.root / "etc/falco/rules.d" / "50-03-kept-inline.yaml"
    before = kept.stat()
    foreign = node.root / "etc/falco/rules.d" / "users-own.yaml"
    foreign.write_text("[]")
    fleet.delete("Rulesfile", "deleted")
    fleet.apply("Rulesfile", "raised", inlineRules=[RULE | {"rule": "raised"}], priority=90)
    node.start()
    eventually(
        lambda: (
            sorted(node.rules())
            == ["50-03-kept-inline.yaml", "90-03-raised-inline.yaml", "users-own.yaml"]
        )
    )
    after = kept.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
