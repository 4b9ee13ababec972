"""Which labels the own Node has, and whom a change of them concerns."""

import pytest

from actors.watch.store import Change, Store
from resources.kubernetes.reference import ObjectRef
from sidecar.node.labels import NodeLabels
from tests.actors.watch.stored import snapshot

NODE = ObjectRef("Node", "", "n")
ARTIFACTS = (ObjectRef("Config", "ns", "a"), ObjectRef("Rulesfile", "ns", "b"))


def node(revision, **labels):
    return snapshot(NODE, revision, labels=labels)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def labels(store):
    return NodeLabels(store, "n", lambda: ARTIFACTS)


def test_the_labels_are_those_of_the_store_and_outlast_the_node(store, labels):
    assert labels.current() == {}
    store.put(node(1, pool="blue"))
    assert labels.current() == {"pool": "blue"}
    store.remove(NODE, 2)
    assert labels.current() == {"pool": "blue"}


@pytest.mark.parametrize(
    ("before", "after", "concerned"),
    [
        (None, node(1), ARTIFACTS),
        (node(1, pool="blue"), node(2, pool="red"), ARTIFACTS),
        (node(1, pool="blue"), None, ARTIFACTS),
        (node(1, pool="blue"), node(2, pool="blue"), ()),
    ],
    ids=["a node that came", "other labels", "a node that went", "the same labels"],
)
def test_only_other_labels_wake_the_artifacts(labels, before, after, concerned):
    notice = labels.node_changed(Change(NODE, before, after))
    assert (notice.refs, notice.reason.kind, notice.reason.name) == (concerned, "Node", "n")
