"""From an artifact in the Store to the files of Falco, without an API server."""

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.store import Store, snapshot_of
from resources.node.check_request import Context
from resources.node.files import Directory
from resources.registry.credentials import RegistryPolicy
from sidecar.check.node_check import NodeCheck
from sidecar.check.pod_falco import PodFalco
from sidecar.node.artifact import NodeArtifactActor, NodeServices
from sidecar.node.fetcher import Fetcher
from sidecar.node.installation import Installation
from sidecar.node.state import NodeState
from sidecar.volume.disk import Disk
from sidecar.volume.volume import Volume

if TYPE_CHECKING:
    from resources.node.check_request import Verdict
    from resources.node.slots import SlotId

RULES = Directory.RULES.value
CONTEXT = Context(engine_version="0.62.0", falco_version="0.44.1")
MACRO = {"macro": "shell", "condition": "proc.name = sh"}


class Node:
    """One node: the actor of its installation, and those of the artifacts that were put."""

    def __init__(self, root, falco=None):
        self.runtime = Runtime(SystemClock(), random.Random(1))
        self.store = Store()
        self.state = NodeState(lambda reason: self.installation.tell(Reconcile(reason)))
        self.volume = Volume(root, Disk())
        nobody: Any = None  # no API server is read, and no registry
        fetcher = Fetcher(
            nobody, self.volume.blobs, "falco", RegistryPolicy(), {}, SystemClock(), nobody
        )
        self.services = NodeServices(self.store, self.state, fetcher, dict)
        self.gone = []
        self.verdicts: list[Verdict] = []
        self.lost: list[SlotId] = []
        self.done = asyncio.Event()
        self.installation = Installation.start(
            self.runtime,
            self.store,
            self.state,
            self.volume,
            NodeCheck(
                self.volume,
                CONTEXT,
                PodFalco(falco, root, "node-1", lambda: 20.0),
                self.verdicts.append,
            ),
            self._installed,
            self.lost.extend,
        )
        self.actors = {}

    def put(self, kind, name, spec, generation=1):
        metadata = {
            "name": name,
            "namespace": "falco",
            "uid": f"uid-{name}",
            "generation": generation,
            "resourceVersion": str(generation),
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }
        snapshot = snapshot_of(kind, json.dumps({"metadata": metadata, "spec": spec}).encode())
        self.store.put(snapshot)
        self._tell(snapshot.ref)

    def delete(self, kind, name):
        (ref,) = [known.ref for known in self.store.of_kind(kind) if known.ref.name == name]
        self.store.remove(ref, 100)
        self._tell(ref)

    async def installed(self):
        """Wait for the next installation; return the reports by name."""
        await asyncio.wait_for(self.done.wait(), 20)
        self.done.clear()
        return {report.name: (report.state, report.reason) for report in self.state.reports}

    def _tell(self, ref):
        if ref not in self.actors:
            self.actors[ref] = NodeArtifactActor.start(self.runtime, ref, self.services)
        self.actors[ref].tell(Reconcile(Reason(Cause.CHANGED)))

    def _installed(self, gone):
        self.gone += gone
        self.done.set()


def logged(caplog):
    """Level, object and text of what was logged of artifacts."""
    records = [record for record in caplog.records if record.name == "sidecar.node.report_log"]
    return [(record.levelname, record.object, record.getMessage()) for record in records]


@pytest.fixture
async def node(root):
    return Node(root)


async def settled(node):
    """The reports once none is pending."""
    while True:
        reports = await node.installed()
        if all(state != "Pending" for state, _ in reports.values()):
            return reports


async def test_inline_rules_become_a_file_that_goes_with_its_rulesfile(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    assert await settled(node) == {"a": ("Programmed", None)}
    path = root / RULES / "50-03-a-inline.yaml"
    assert b"proc.name = sh" in path.read_bytes()
    assert [str(slot) for slot in node.state.installed] == ["Rulesfile/a/uid-a/inline"]
    node.delete("Rulesfile", "a")
    assert await settled(node) == {}
    assert not path.exists()
    assert [str(slot.id) for slot in node.gone] == ["Rulesfile/a/uid-a/inline"]


async def test_what_the_check_refuses_leaves_the_file_before(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await settled(node)
    node.put("Rulesfile", "a", {"inlineRules": [{"rule": "x"}], "priority": 50}, generation=2)
    assert await settled(node) == {"a": ("Failed", "InvalidContent")}
    assert b"proc.name = sh" in (root / RULES / "50-03-a-inline.yaml").read_bytes()


async def test_a_plugin_without_its_library_is_refused_and_a_config_is_installed(node, root):
    node.put("Plugin", "json", {"config": {"initConfig": {"a": 1}}})
    node.put("Config", "c", {"config": {"json_output": True}, "priority": 10})
    assert await settled(node) == {
        "json": ("Failed", "InvalidContent"),
        "c": ("Programmed", None),
    }
    assert (root / Directory.CONFIG.value / "10-03-c-inline.yaml").exists()


async def test_what_was_installed_and_what_failed_is_logged_once(node, root, caplog):
    caplog.set_level("INFO", logger="sidecar.node")
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await settled(node)
    assert logged(caplog) == [("INFO", "Rulesfile/a", "installed: revision 1")]
    (root / RULES).rename(root / "elsewhere")
    (root / RULES).write_bytes(b"no directory")
    node.put("Rulesfile", "a", {"inlineRules": [{**MACRO, "append": True}]}, generation=2)
    assert await settled(node) == {"a": ("Failed", "InlineRulesStoreFailed")}
    node.installation.tell(Reconcile(Reason(Cause.LISTED)))
    await node.installed()
    ((level, name, message),) = logged(caplog)[1:]
    assert (level, name) == ("WARNING", "Rulesfile/a")
    assert message.startswith("not installed: InlineRulesStoreFailed: cannot use: it is no dir")


async def test_what_was_installed_is_known_after_a_restart(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await settled(node)
    again = Node(root)
    again.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    assert await settled(again) == {"a": ("Programmed", None)}
    assert again.state.installed == node.state.installed
    assert again.state.batches == 0


async def test_content_that_somebody_deleted_is_fetched_again(node, root):
    node.put("Rulesfile", "a", {"inlineRules": [MACRO], "priority": 50})
    await settled(node)
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
    assert await settled(node) == {"a": ("Failed", "NameConflict")}
