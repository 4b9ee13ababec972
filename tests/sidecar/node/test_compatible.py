"""What a node says of the needs of its artifacts, from their content to its report."""

import pytest

from resources.artifact.medium import Medium
from resources.check.needs import Needs
from resources.node.files import Directory
from resources.node.plugin_entries import PluginEntry
from resources.node.slots import Content, SlotVersion
from resources.registry.request import Requirement
from resources.rules.versions import FalcoVersions
from tests.sidecar.node.one_node import Node
from tests.sidecar.node.test_installation import MACRO, NEEDY, says

NEEDS_PLUGIN = [{"required_plugin_versions": [{"name": "json", "version": "0.7.0"}]}, MACRO]


@pytest.fixture
async def node(root):
    return Node(root)


def answers(node):
    return {report.name: report.compatible for report in node.state.reports}


def rules(items):
    return {"inlineRules": items, "priority": 50}


async def test_rules_that_falco_is_too_old_for_are_incompatible_until_it_is_another(node):
    node.put("Rulesfile", "new", rules(NEEDY))
    node.put("Rulesfile", "plain", rules([MACRO]))
    node.put("Config", "c", {"config": {"json_output": True}, "priority": 10})
    await node.settled()
    assert answers(node) == {"new": "False", "plain": "True", "c": None}
    assert node.state.reports[1].compatible_message == (
        "needs engine 0.63.0 or newer, it has 0.62.0"
    )
    await says(node, FalcoVersions("0.45.0", "0.63.0"))
    assert answers(node)["new"] == "True"


async def test_what_was_refused_and_is_taken_back_leaves_no_needs_behind(node):
    node.put("Rulesfile", "a", rules([MACRO]))
    await node.settled()
    node.put("Rulesfile", "a", rules(NEEDY), generation=2)
    await node.settled()
    assert answers(node) == {"a": "False"}
    node.put("Rulesfile", "a", rules([MACRO]), generation=3)
    await node.settled()
    assert answers(node) == {"a": "True"}


async def test_a_plugin_that_comes_is_there_for_the_rules_and_has_needs_of_its_own(node):
    node.put("Rulesfile", "a", rules(NEEDS_PLUGIN))
    await node.settled()
    assert answers(node) == {"a": "False"}
    sha256 = node.volume.blobs.put(Directory.PLUGINS, b"library")
    api = Needs((Requirement("plugin_api_version", "3.99.0"),))
    content = Content(sha256, "oci:x", "0.7.0", needs=api)
    entry = PluginEntry("json", "/usr/share/falco/plugins/json.so")
    node.fetched("Plugin", "json", {Medium.OCI: SlotVersion("json.so", "", content, entry)})
    await node.settled()
    assert answers(node) == {"a": "True", "json": "False"}
