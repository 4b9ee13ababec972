"""`spec.validation` as a user has it: refused, installed all the same, and refused again."""

from pathlib import Path

import pytest
import yaml

from resources.node.files import Directory
from tests.e2e.one_node import one_node
from tests.eventually import eventually

BAD = [
    {"rule": "shell", "desc": "d", "output": "o", "priority": "hgh", "condition": "evt.type=open"}
]
FINDING = 'rule "shell" (line 1): key priority: "hgh" is not a priority'


@pytest.fixture(scope="module")
def shared(cluster, api, tmp_path_factory):
    with one_node(cluster, api, tmp_path_factory.mktemp("validation")) as made:
        yield made


@pytest.fixture
def fleet(shared):
    """The only node, without any artifact."""
    yield shared
    shared.clear()


def is_installed(fleet, name):
    return f"{Directory.RULES.value}/50-03-{name}-inline.yaml" in fleet.files()


def test_rules_that_are_refused_are_installed_by_warn_and_the_finding_is_told(fleet):
    fleet.apply("Rulesfile", "shell", inlineRules=BAD)
    assert FINDING in fleet.said("Rulesfile", "shell", "False", "InvalidContent")
    assert not is_installed(fleet, "shell")
    stored = fleet.api.get("Rulesfile", fleet.namespace, "shell")["spec"]
    assert "validation" not in stored, "absent, the operator's default counts"

    fleet.apply("Rulesfile", "shell", inlineRules=BAD, validation="Warn")
    message = fleet.said("Rulesfile", "shell", "True", "Programmed")
    told = "Installed on 1 pod; installed all the same, as validation is Warn: "
    assert message.startswith(told + FINDING)
    assert is_installed(fleet, "shell")
    count = fleet.node.samples()["falco_artifacts_overruled_findings"]
    assert list(count.values()) == [1]

    fleet.apply("Rulesfile", "shell", inlineRules=BAD, validation="Enforce")
    fleet.said("Rulesfile", "shell", "False", "InvalidContent")
    eventually(lambda: not is_installed(fleet, "shell"))


def test_what_is_unsafe_is_refused_all_the_same(fleet):
    fleet.config_map("broken", rules_yaml="- rule: [")
    fleet.apply("Rulesfile", "broken", configMapRef={"name": "broken"}, validation="Warn")
    fleet.said("Rulesfile", "broken", "False", "InvalidContent")
    fleet.apply("Config", "aborts", config={"webserver": []}, validation="Warn")
    assert "Falco aborts over []" in fleet.said("Config", "aborts", "False", "InvalidContent")


def test_the_example_is_installed_and_says_why_it_would_not_be(fleet):
    spec = yaml.safe_load(Path("examples/rulesfile-warn.yaml").read_text())["spec"]
    fleet.apply("Rulesfile", "example", **spec)
    message = fleet.said("Rulesfile", "example", "True", "Programmed")
    assert "our.own.field" in message
    assert is_installed(fleet, "example")
