"""`spec.validation` on a node: from the artifact to the files, the report and the metric."""

import pytest
from prometheus_client import CollectorRegistry

from resources.artifact.fields import Validation
from resources.node.files import Directory
from sidecar.node.metrics import NodeMetrics
from tests.sidecar.node.one_node import Node

RULES = Directory.RULES.value
FILE = "50-03-a-inline.yaml"
BAD = [{"rule": "x"}]


def rules(mode=None, items=BAD):
    return {"inlineRules": items, "priority": 50} | ({"validation": mode} if mode else {})


def overruled(node):
    """Sources that are installed although they are refused, as the metric says."""
    metrics = NodeMetrics(lambda: 0.0)
    registry = CollectorRegistry()
    registry.register(metrics)
    for verdict in node.verdicts:
        metrics.checked(verdict)
    return registry.get_sample_value("falco_artifacts_overruled_findings", {"kind": "Rulesfile"})


@pytest.fixture
async def node(root):
    return Node(root)


async def test_warn_installs_what_is_refused_and_tells_it(node, root):
    node.put("Rulesfile", "a", rules())
    assert await node.settled() == {"a": ("Failed", "InvalidContent")}
    assert not (root / RULES / FILE).exists()
    node.put("Rulesfile", "a", rules("Warn"), generation=2)
    assert await node.settled() == {"a": ("Programmed", None)}
    assert (root / RULES / FILE).exists()
    [report] = node.state.reports
    assert report.message.startswith(
        'installed all the same, as validation is Warn: rule "x" (line 1): '
    )
    assert overruled(node) == 1


async def test_what_was_overruled_goes_once_it_is_to_be_enforced(node, root):
    node.put("Rulesfile", "a", rules("Warn"))
    await node.settled()
    node.put("Rulesfile", "a", rules("Enforce"), generation=2)
    assert await node.settled() == {"a": ("Failed", "InvalidContent")}
    assert not (root / RULES / FILE).exists()
    assert not overruled(node)


async def test_a_change_of_others_does_not_forget_it(node):
    node.put("Rulesfile", "a", rules("Warn"))
    await node.settled()
    node.put("Rulesfile", "b", rules(items=[{"macro": "m", "condition": "proc.name = sh"}]))
    assert await node.settled() == {"a": ("Programmed", None), "b": ("Programmed", None)}
    assert "installed all the same" in node.state.reports[0].message
    assert overruled(node) == 1


@pytest.mark.parametrize("mode", [None, "Warn"])
async def test_a_sidecar_that_starts_again_leaves_it_before_its_actor_has_looked(root, mode):
    default = Validation.ENFORCE if mode else Validation.WARN
    first = Node(root, validation=default)
    first.put("Rulesfile", "a", rules(mode))
    await first.settled()
    again = Node(root, validation=default)
    again.stored("Rulesfile", "a", rules(mode))
    assert await again.installed() == {"a": ("Pending", "Pending")}
    assert (root / RULES / FILE).exists()


async def test_the_default_holds_for_artifacts_that_say_nothing(root):
    node = Node(root, validation=Validation.WARN)
    node.put("Rulesfile", "a", rules())
    node.put("Rulesfile", "b", rules("Enforce"))
    assert await node.settled() == {
        "a": ("Programmed", None),
        "b": ("Failed", "InvalidContent"),
    }
