"""From an artifact in the Store to the files of Falco, without an API server."""

import pytest

from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from resources.node.files import Directory
from resources.rules.versions import FalcoVersions
from tests.sidecar.node.one_node import Node

RULES = Directory.RULES.value
MACRO = {"macro": "shell", "condition": "proc.name = sh"}
INSTALLED = "installed: revision 1; macros that nothing uses: shell"


def logged(caplog):
    """Level, object and text of what was logged of artifacts."""
    records = [record for record in caplog.records if record.name == "sidecar.node.report_log"]
    return [(record.levelname, record.object, record.getMessage()) for record in records]


@pytest.fixture
async def node(root):
    return Node(root)


async def test_inline_rules_become_a_file_that_goes_with_its_rulesfile(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    assert await node.settled() == {"a": ("Programmed", None)}
    path = root / RULES / "50-03-a-inline.yaml"
    assert b"proc.name = sh" in path.read_bytes()
    assert [str(slot) for slot in node.state.installed] == ["Rulesfile/a/uid-a/inline"]
    node.delete("Rulesfile", "a")
    assert await node.settled() == {}
    assert not path.exists()
    assert [str(slot.id) for slot in node.removed] == ["Rulesfile/a/uid-a/inline"]


async def test_what_the_check_refuses_leaves_the_file_before(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await node.settled()
    node.put("Rulesfile", "a", {"inlineRules": [{"rule": "x"}], "priority": 50}, generation=2)
    assert await node.settled() == {"a": ("Failed", "InvalidContent")}
    assert b"proc.name = sh" in (root / RULES / "50-03-a-inline.yaml").read_bytes()


async def test_a_plugin_without_its_library_is_refused_and_a_config_is_installed(node, root):
    node.put("Plugin", "json", {"config": {"initConfig": {"a": 1}}})
    node.put("Config", "c", {"config": {"json_output": True}, "priority": 10})
    assert await node.settled() == {
        "json": ("Failed", "InvalidContent"),
        "c": ("Programmed", None),
    }
    assert (root / Directory.CONFIG.value / "10-03-c-inline.yaml").exists()


async def test_what_was_installed_and_what_failed_is_logged_once(node, root, caplog):
    caplog.set_level("INFO", logger="sidecar.node")
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await node.settled()
    assert logged(caplog) == [("INFO", "Rulesfile/a", INSTALLED)]
    (root / RULES).rename(root / "elsewhere")
    (root / RULES).write_bytes(b"no directory")
    node.put("Rulesfile", "a", {"inlineRules": [{**MACRO, "append": True}]}, generation=2)
    assert await node.settled() == {"a": ("Failed", "InlineRulesStoreFailed")}
    node.installation.tell(Reconcile(Reason(Cause.LISTED)))
    await node.installed()
    ((level, name, message),) = logged(caplog)[1:]
    assert (level, name) == ("WARNING", "Rulesfile/a")
    assert message.startswith("not installed: InlineRulesStoreFailed: cannot use: it is no dir")


async def test_what_was_installed_is_known_after_a_restart(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await node.settled()
    again = Node(root)
    again.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    assert await again.settled() == {"a": ("Programmed", None)}
    assert again.state.installed == node.state.installed
    assert again.state.batches == 0


async def test_content_that_somebody_deleted_is_fetched_again(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await node.settled()
    (root / RULES / "50-03-a-inline.yaml").unlink()
    (version,) = node.state.installed.values()
    node.volume.blobs.path(Directory.RULES, version.content.sha256).unlink()
    node.installation.tell(Reconcile(Reason(Cause.LISTED)))
    assert await node.installed() == {"a": ("Failed", "InlineRulesStoreFailed")}
    assert [str(slot) for slot in node.lost] == ["Rulesfile/a/uid-a/inline"]


async def test_a_file_of_somebody_else_is_a_conflict_of_names(node, root):
    (root / RULES).mkdir(parents=True, exist_ok=True)
    (root / RULES / "50-03-a-inline.yaml").write_bytes(b"# theirs\n")
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    assert await node.settled() == {"a": ("Failed", "NameConflict")}


NEEDY = [{"required_engine_version": "0.63.0"}, MACRO]
NEWER = FalcoVersions("0.45.0", "0.63.0", "3.12.0")


async def says(node, versions):
    """As the actor does that asks Falco."""
    node.state.versions = versions
    node.installation.tell(Reconcile(Reason(Cause.VERSIONS)))
    return await node.installed()


async def test_the_engine_that_falco_says_counts_for_what_was_refused_and_installed(node):
    node.put("Rulesfile", "a", {"inlineRules": NEEDY, "priority": 50})
    assert await node.settled() == {"a": ("Failed", "InvalidContent")}
    assert await says(node, NEWER) == {"a": ("Programmed", None)}
    count = len(node.verdicts)
    assert await says(node, NEWER) == {"a": ("Programmed", None)}
    assert len(node.verdicts) == count
    assert await says(node, FalcoVersions("0.44.1", "0.62.0")) == {
        "a": ("Failed", "InvalidContent")
    }


async def test_what_falco_has_said_is_known_after_a_restart_with_the_same_image(node, root):
    node.put("Rulesfile", "a", {"inlineRules": NEEDY, "priority": 50})
    await node.settled()
    await says(node, NEWER)
    again = Node(root)
    again.put("Rulesfile", "a", {"inlineRules": NEEDY, "priority": 50})
    assert await again.settled() == {"a": ("Programmed", None)}
    assert again.state.versions == NEWER
    other = Node(root, version="0.44.0")
    other.put("Rulesfile", "a", {"inlineRules": NEEDY, "priority": 50})
    assert await other.settled() == {"a": ("Failed", "InvalidContent")}


async def test_the_engine_of_a_falco_that_nobody_knows_is_not_checked(root):
    node = Node(root, version="0.99.0")
    node.put("Rulesfile", "a", {"inlineRules": NEEDY, "priority": 50})
    assert await node.settled() == {"a": ("Programmed", None)}
