"""Children as an earlier operator has made them: each is changed once, in place."""

from dataclasses import replace

import pytest

from actors.watch.store import snapshot_of
from actors.watch.view import View
from actors.write.applier import Applier
from actors.write.writer import Writer
from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import FIELD_MANAGER
from resources.instance.labels import child_labels
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import Owner
from tests.actors.instance.test_actor import House, deleted

pytestmark = pytest.mark.usefixtures("cluster")
TRACKED = {"argocd.argoproj.io/instance": "falco", "helm.sh/chart": "security-1.0.0"}


@pytest.fixture
async def house(transport, namespace, requests):
    """A Falco that a tool has applied."""
    made = House(transport, namespace, requests=requests)
    await made.put(labels=TRACKED)
    yield made
    await deleted(made)


def as_it_was(child):
    """With `instance` on a cluster-scoped child, tracking labels, and no word to Argo CD."""
    metadata = dict(child.body["metadata"])
    metadata["labels"] = {**child_labels("falco", None, ()), **TRACKED}
    metadata["annotations"] = {
        key: value for key, value in metadata["annotations"].items() if "argoproj" not in key
    }
    return replace(child, body={**child.body, "metadata": metadata})


async def uids(house):
    found = {}
    for child in children(house):
        snapshot = snapshot_of(child.ref.kind, await house.client.get(child.ref))
        house.store.put(snapshot)
        found[child.ref] = snapshot.meta.uid
    return found


def children(house):
    kind = house.actor._instance_kind
    falco = kind.decode(house.store.get(house.ref).raw)
    return desired(falco, FalcoSettings("example.org/sidecar:1"))


async def test_labels_and_annotations_are_changed_by_one_write_a_child_and_never_again(house):
    for child in children(house):
        await house.client.apply(child.ref, as_it_was(child).body, FIELD_MANAGER)
    before = await uids(house)
    owner = Owner(house.ref, house.store.get(house.ref).meta.uid)
    await house.run()  # waits for the pods, which nobody makes
    # The finalizer and the status of the Falco are written as well.
    assert house.calls == len(before) + 2
    assert await uids(house) == before
    for ref in before:
        labels = house.store.get(ref).meta.labels
        assert not TRACKED.keys() & labels.keys()
        assert ("app.kubernetes.io/instance" in labels) is KINDS[ref.kind].namespaced
    after_restart = Applier(
        Writer(house.client, View(house.store), FIELD_MANAGER), owner, house.clock
    )
    for child in children(house):
        assert after_restart.differences(child) == ()
